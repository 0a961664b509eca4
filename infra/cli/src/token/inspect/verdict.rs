//! The verdict on a token, as far as it can be reached here. An expired token is expired with or
//! without the keys that would check its signature.

use serde_json::{Map, Value};
use shared::{
    auth::{
        judgement::{Judgement, firebase_project, judge},
        verification::{self, Verified},
    },
    error::Error,
    jose::{jwt::Jwt, kind::Kind},
    token::{
        custom,
        problem::{Findings, Problem},
        report::Report,
    },
};

use crate::deployment::Deployment;

/// This deployment's verdict on a token, with a sentence.
pub enum Verdict {
    /// The deployment accepts the token.
    Good(String),
    /// The deployment refuses the token.
    Bad {
        /// The broken rule.
        sentence: String,
        /// The code of `/verify`, and perhaps the setting that it depends on. Empty for a token
        /// that is not for `/verify`.
        code: String,
        /// Why the signature was not checked. Empty if it was, or if the content alone decides.
        unchecked: String,
    },
    /// The token cannot be judged here and now. The sentence says what would help.
    Unknown(String),
}

impl Verdict {
    /// Whether the token is accepted.
    pub fn is_good(&self) -> bool {
        matches!(self, Self::Good(_))
    }

    /// The reason, for people.
    pub fn sentence(&self) -> String {
        match self {
            Self::Good(sentence) | Self::Unknown(sentence) => sentence.clone(),
            Self::Bad { sentence, code, unchecked } => {
                let code = if code.is_empty() { String::new() } else { format!(" ({code})") };
                let unchecked = if unchecked.is_empty() {
                    String::new()
                } else {
                    format!(" Its signature was not checked: {unchecked}")
                };
                format!("{sentence}{code}{unchecked}")
            }
        }
    }

    /// The verdict and the decode report, for programs.
    pub fn json(&self, report: &Report) -> Map<String, Value> {
        let word = match self {
            Self::Good(_) => "good",
            Self::Bad { .. } => "bad",
            Self::Unknown(_) => "unknown",
        };
        let mut json =
            Map::from_iter([("verdict".to_owned(), word.into()), ("reason".to_owned(), self.sentence().into())]);
        if let Ok(Value::Object(report)) = serde_json::to_value(report) {
            // `verified` is for decoding alone. The verdict says what was verified.
            json.extend(report.into_iter().filter(|(name, _)| name != "verified"));
        }
        json
    }

    fn bad(problem: &Problem, unchecked: impl Into<String>) -> Self {
        let (sentence, code) = (problem.message.clone(), problem.refusal.to_owned());
        Self::Bad { sentence, code, unchecked: unchecked.into() }
    }
}

/// Judges `token` by the rules and the keys of `deployment`. `text` is the token.
pub async fn of(deployment: &Deployment, token: &Jwt, text: &str) -> Verdict {
    if token.kind() == Kind::FirebaseCustomToken {
        return of_custom_token(deployment, token).await;
    }
    let app = &deployment.app;
    let now = deployment.now();
    let Judgement { findings, .. } = judge(app, &deployment.issuer, token, now).await;
    if token.kind() == Kind::AccessToken {
        return of_access_token(deployment, text, findings).await;
    }
    if token.kind() == Kind::FirebaseIdToken && matches!(firebase_project(app, now).await, Ok(None)) {
        return match findings.times.first() {
            Some(problem) => Verdict::bad(problem, "no Firebase project is set. Set FIREBASE_PROJECT_ID."),
            None => Verdict::Unknown("no Firebase project is set. Set FIREBASE_PROJECT_ID to check it.".to_owned()),
        };
    }
    of_findings(deployment, text, findings).await
}

/// `text` is the token.
async fn of_findings(deployment: &Deployment, text: &str, findings: Findings) -> Verdict {
    let cause = findings.unchecked.as_ref().map(Error::cause).unwrap_or_default();
    if let Some(problem) = findings.problems().next() {
        return Verdict::bad(problem, cause);
    }
    if !cause.is_empty() {
        return Verdict::Unknown(cause);
    }
    let now = deployment.now();
    match verification::verify(&deployment.app, &deployment.issuer, text, now).await {
        Ok(verified) => of_verified(deployment, &verified).await,
        Err(error) => Verdict::Unknown(error.cause()),
    }
}

/// Without keys here, the token is of another deployment, and its issuer is no mistake.
async fn of_access_token(deployment: &Deployment, text: &str, mut findings: Findings) -> Verdict {
    let folder = deployment.app.config().serve.data_dir.display();
    if !deployment.has_signing_keys {
        findings.content.retain(|problem| !["wrong_issuer", "wrong_audience"].contains(&problem.code));
        let hint = format!(
            "there are no signing keys, neither configured nor in {folder}. Set SIGNING_KEYS_SECRET_ID or DATA_DIR."
        );
        return match findings.content.iter().chain(&findings.times).next() {
            Some(problem) => Verdict::bad(problem, hint),
            None => Verdict::Unknown(hint),
        };
    }
    match of_findings(deployment, text, findings).await {
        Verdict::Bad { sentence, code, unchecked } => {
            let issuer = &deployment.issuer.url;
            Verdict::Bad {
                sentence,
                code: format!("{code}; here the issuer is {issuer}, by ISSUER or PORT"),
                unchecked,
            }
        }
        verdict => verdict,
    }
}

async fn of_custom_token(deployment: &Deployment, token: &Jwt) -> Verdict {
    let app = &deployment.app;
    let (now, skew) = (deployment.now(), app.config().tokens.clock_skew);
    let bad = |sentence, unchecked| Verdict::Bad { sentence, code: String::new(), unchecked };
    let missing = match app.keys().firebase(now).await {
        Ok(Some(account)) => match account.inspect_custom_token(token, now, skew).await {
            Ok(None) => {
                let good = "signInWithCustomToken() of the service account's project accepts it.";
                return Verdict::Good(good.to_owned());
            }
            Ok(Some(sentence)) => return bad(sentence, String::new()),
            Err(error) => error.cause(),
        },
        Ok(None) => {
            "there is no service account here that could have made it. Set FIREBASE_SERVICE_ACCOUNT to check it."
                .to_owned()
        }
        Err(error) => error.cause(),
    };
    match custom::flaws(token, now, skew).into_iter().next() {
        Some(flaw) => bad(flaw, missing),
        None => Verdict::Unknown(missing),
    }
}

/// Judges a genuine token by REQUIRE_VERIFIED_EMAIL.
async fn of_verified(deployment: &Deployment, verified: &Verified) -> Verdict {
    if deployment.app.config().accounts.admission.require_verified_email && verified.is_without_address() {
        return Verdict::Unknown(
            "/verify accepts it if the account's e-mail address is verified, which only the table knows.".to_owned(),
        );
    }
    match verification::require_verified_email(&deployment.app, verified, deployment.now()).await {
        Ok(()) => Verdict::Good("/verify accepts it.".to_owned()),
        Err(error) => Verdict::Bad {
            sentence: error.to_string(),
            code: error.status_and_code().1.to_owned(),
            unchecked: String::new(),
        },
    }
}
