//! The four steps of a rotation. After any outcome, a working key set is in force.

use std::sync::Arc;

use crate::{
    deployment::Deployment,
    latchkey::SigningKeys,
    secrets::{CURRENT, EMPTY, PENDING, PREVIOUS, RotatedSecret, STEPS},
    tokens::random_id,
};

/// A secret for these trials alone.
const ID: &str = "latchkey/steps";

/// The secret, and its first version.
pub struct Steps {
    secret: RotatedSecret,
    keys: SigningKeys,
    first: InForce,
}

/// The version in force.
#[derive(Clone, Debug, PartialEq, Eq)]
struct InForce {
    version: String,
    text: String,
    pending: Option<String>,
}

impl Steps {
    /// A secret with a key set in which nothing was rotated.
    pub async fn prepare(deployment: &Arc<Deployment>) -> Self {
        deployment.secrets().create(ID, Some(EMPTY)).await;
        let mut variables = deployment.variables().clone();
        variables.insert("SIGNING_KEYS_SECRET_ID", ID.to_owned());
        let keys = SigningKeys::new(variables);
        keys.generate().await;
        let secret = RotatedSecret::new(deployment.secrets().clone(), ID, deployment.invoker("rotate-keys"));
        let first = in_force(&secret, &keys).await;
        Self { secret, keys, first }
    }

    /// Steps with a token of no version.
    pub async fn with_an_unknown_token(&self) {
        for step in STEPS {
            self.refused(step, &random_id(), &["no version with this token"]).await;
        }
        self.is_in_force(&self.first).await;
    }

    /// Steps out of order, repeated, beside those of another token, and once more after the last.
    pub async fn in_any_order(&self) {
        let first = self.first.version.as_str();
        let token = self.secret.begin().await;
        for step in ["testSecret", "finishSecret"] {
            self.refused(step, &token, &["createSecret comes first"]).await;
        }
        self.accepted("setSecret", &token).await;
        let pending = InForce { pending: Some(token.clone()), ..self.first.clone() };
        self.is_in_force(&pending).await;

        self.accepted("createSecret", &token).await;
        let made = self.secret.value(&token).await;
        self.accepted("createSecret", &token).await;
        for step in STEPS {
            self.refused(step, &random_id(), &["no version with this token"]).await;
        }
        // There is nothing to do for the version in force.
        for step in STEPS {
            self.accepted(step, first).await;
        }
        for step in ["testSecret", "setSecret", "createSecret", "testSecret"] {
            self.accepted(step, &token).await;
        }
        assert_eq!(self.secret.value(&token).await, made, "the pending keys were made once");
        self.is_in_force(&pending).await;

        self.accepted("finishSecret", &token).await;
        let second = InForce { version: token.clone(), text: made, pending: Some(token.clone()) };
        self.is_in_force(&second).await;
        for step in STEPS.into_iter().chain(["finishSecret", "createSecret"]) {
            self.accepted(step, &token).await;
        }
        self.is_in_force(&second).await;
        // The version that was in force before does not come back.
        for step in STEPS {
            self.refused(step, first, &["not pending"]).await;
        }
        self.is_in_force(&second).await;
        assert_eq!(self.secret.labels().await[PREVIOUS], [first]);
    }

    /// Steps overtaken by another rotation, and by a revocation.
    pub async fn overtaken(&self) {
        for by_revocation in [false, true] {
            let token = self.secret.begin().await;
            self.accepted("createSecret", &token).await;
            if by_revocation {
                self.keys.revoke(&self.keys.kid_of("signing").await).await;
            } else {
                self.keys.rotate().await;
            }
            let meanwhile = self.in_force().await;
            assert_eq!(meanwhile.pending.as_ref(), Some(&token));
            self.accepted("setSecret", &token).await;
            self.refused("finishSecret", &token, &["given up, rotate again: ", "meanwhile"]).await;
            let alone = InForce { pending: None, ..meanwhile };
            self.is_in_force(&alone).await;
            for step in STEPS {
                self.refused(step, &token, &["not pending"]).await;
            }
            self.is_in_force(&alone).await;
            let next = self.secret.rotate().await;
            assert_eq!(self.in_force().await.version, next, "the next rotation goes through");
        }
    }

    async fn accepted(&self, step: &str, token: &str) {
        self.secret.step(step, token).await.unwrap_or_else(|cause| panic!("{step}: {cause}"));
    }

    /// Fails unless the step is refused with a cause that has these parts in this order.
    async fn refused(&self, step: &str, token: &str, parts: &[&str]) {
        let cause = self.secret.step(step, token).await.expect_err("a step that is refused");
        let mut rest = cause.as_str();
        for part in parts {
            rest = rest.split_once(part).unwrap_or_else(|| panic!("{step} is refused with {cause}")).1;
        }
    }

    async fn is_in_force(&self, expected: &InForce) {
        assert_eq!(&self.in_force().await, expected);
    }

    async fn in_force(&self) -> InForce {
        in_force(&self.secret, &self.keys).await
    }
}

/// The version in force: there is exactly one, and one key of it signs.
async fn in_force(secret: &RotatedSecret, keys: &SigningKeys) -> InForce {
    let labels = secret.labels().await;
    let versions = |label: &str| labels.get(label).map(Vec::as_slice).unwrap_or_default();
    let [current] = versions(CURRENT) else { panic!("not one version is in force: {labels:?}") };
    assert!(versions(PREVIOUS).len() <= 1 && versions(PENDING).len() <= 1, "{labels:?}");
    assert_ne!(versions(PREVIOUS).first(), Some(current));
    let states: Vec<_> = keys.list().await.into_iter().map(|key| key.state).collect();
    for state in ["signing", "next"] {
        assert_eq!(states.iter().filter(|known| *known == state).count(), 1, "{states:?}");
    }
    let text = secret.value(current).await;
    InForce { version: current.clone(), text, pending: versions(PENDING).first().cloned() }
}
