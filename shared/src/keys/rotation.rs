//! The rotation of the key set, in the four steps of Secrets Manager. Each step may be repeated,
//! come late, run twice at the same time, or be killed after any call. The set in force always
//! works, and contains every change that anybody made.
//!
//! The first step makes the pending set from the set in force. The starts in the pending set stay
//! right however long the rotation takes, because only a key that is already published becomes due.
//! But the end of the superseded key may come too soon. In that case, or if somebody changed the
//! set meanwhile, the rotation ends without an effect. The next rotation starts from the set in
//! force.

use serde::Deserialize;

use super::{
    KeyLifetimes, KeyRing, KeySet, ManagedKeySet, NewKeys,
    secret::{CURRENT, PENDING},
};
use crate::{error::Error, telemetry::metrics, time::Timestamp};

/// The audit event for a set that comes into force.
const ROTATED: &str = "signing_keys_rotated";

/// The event that Secrets Manager sends to a rotation function.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// The step to run.
    pub step: Step,
    /// The ARN of the secret.
    pub secret_id: String,
    /// The id of the version that the rotation makes. It is the same in all four steps, and when a
    /// step is tried again.
    pub client_request_token: String,
}

/// One step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the pending version.
    CreateSecret,
    /// Does nothing. The parts of the set are written in the last step, around the moment at which
    /// the set comes into force.
    SetSecret,
    /// Signs and verifies with the pending version.
    TestSecret,
    /// Announces the new keys in the parts, puts the pending version in force, and makes the parts
    /// anew.
    FinishSecret,
}

impl Step {
    /// All steps in their order.
    pub const ALL: [Self; 4] = [Self::CreateSecret, Self::SetSecret, Self::TestSecret, Self::FinishSecret];
}

/// Runs one step for the version `token`. `clock` is asked after the set in force was read, because
/// the times of the pending set count from that moment.
///
/// # Errors
///
/// 503 with the reason: Secrets Manager fails, no rotation with this `token` is under way, or the
/// step before has not run. Also 503 if the pending set may not follow the set in force. The
/// pending set is then given up.
pub async fn run_step(
    managed: &ManagedKeySet,
    step: Step,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
    make: impl Fn() -> Result<NewKeys, Error>,
) -> Result<(), Error> {
    let labels = managed.secret().labels().await?;
    let labels = labels.get(token).ok_or_else(|| refused("the secret has no version with this token"))?;
    let has = |label: &str| labels.iter().any(|other| other == label);
    if has(CURRENT) {
        tracing::info!(?step, "the version with this token is already in force");
        // An earlier try may have been killed between the set and its parts.
        return if step == Step::FinishSecret { managed.publish(clock()).await } else { Ok(()) };
    }
    if !has(PENDING) {
        return Err(refused(
            "the version with this token is not pending: a later rotation replaced it, or it was given up",
        ));
    }
    match step {
        Step::CreateSecret => create(managed, token, clock, times, make).await,
        Step::SetSecret => Ok(()),
        Step::TestSecret => test(managed, token, &clock, times).await.map(drop),
        Step::FinishSecret => {
            let (pending, from) = test(managed, token, &clock, times).await?;
            managed.announce(&pending, clock()).await?;
            managed.secret().promote(token, from.as_deref()).await?;
            metrics::count(ROTATED);
            tracing::info!(event = ROTATED, version = token, generation = pending.generation(), "audit");
            managed.publish(clock()).await
        }
    }
}

async fn create(
    managed: &ManagedKeySet,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
    make: impl Fn() -> Result<NewKeys, Error>,
) -> Result<(), Error> {
    if managed.secret().get(Some(token), PENDING).await?.is_some() {
        return Ok(());
    }
    let (mut set, _) = managed.current().await?;
    // The parts of a set from an earlier version of Latchkey have nothing yet. A key becomes due
    // only after everybody can know it, so the time is read afterwards.
    managed.announce(&set, clock()).await?;
    let now = clock();
    if set.is_empty() {
        set = managed.with_parts(KeySet::generate(now, make()?, make()?));
        tracing::info!("the secret has no keys yet: the first keys are made");
    } else {
        for sentence in set.rotate(now, times, make()?).0 {
            tracing::info!(change = sentence, "pending");
        }
    }
    managed.secret().put_pending(token, &set.to_json()?).await
}

/// Checks the pending set. Returns the set, and the id of the version in force, which it may
/// follow.
async fn test(
    managed: &ManagedKeySet,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
) -> Result<(KeySet, Option<String>), Error> {
    let pending = managed.secret().get(Some(token), PENDING).await?;
    let pending = pending.ok_or_else(|| refused("the pending version has no value: createSecret comes first"))?;
    let current = managed.secret().current().await?;
    let now = clock();
    let ring = KeyRing::parse(&pending.text).and_then(|ring| ring.prove(now).map(|()| ring));
    let follows = ring.and_then(|ring| {
        let set = KeySet::parse(&pending.text)?;
        if let Some(current) = &current {
            set.may_follow(&KeySet::parse(&current.text)?, now, times)?;
        }
        Ok((ring, set))
    });
    match follows {
        Ok((ring, set)) => {
            ring.signing(now)?;
            ring.refresh().signing(now, now)?;
            Ok((managed.with_parts(set), current.map(|current| current.id)))
        }
        Err(why) => {
            // Otherwise no other rotation could begin.
            managed.secret().discard(token).await?;
            Err(refused(format!("the pending set is given up, rotate again: {why}")))
        }
    }
}

fn refused(why: impl Into<String>) -> Error {
    Error::unavailable(why.into())
}

#[cfg(test)]
mod interleavings;
