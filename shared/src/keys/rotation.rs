//! The rotation of the key set in the four steps of Secrets Manager. Each may be repeated, come late, come twice at once, or be
//! killed after any call; what is in force always is a set that works and knows of every change that was made to it.
//!
//! The set that is pending is made in the first step out of the one in force. What it says of times stays true however long it
//! takes until it is in force itself: a key is made due only if the set in force publishes it already. Only the end of the key that
//! it supersedes can come too soon; then, and if somebody changed the set meanwhile, the rotation ends without an effect, and the
//! next one starts from what is in force.

use serde::Deserialize;

use super::{
    KeyLifetimes, KeyRing, KeySet, NewKeys,
    secret::{CURRENT, ManagedSecret, PENDING},
};
use crate::{error::Error, telemetry::metrics, time::Timestamp};

/// The audit event of a set that came into force.
const ROTATED: &str = "signing_keys_rotated";

/// What Secrets Manager calls a rotation function with.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct Event {
    /// Which step.
    pub step: Step,
    /// The ARN of the secret.
    pub secret_id: String,
    /// The id of the version that is to be made; the same in all steps of a rotation, and when one is tried again.
    pub client_request_token: String,
}

/// One step of a rotation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Step {
    /// Makes the pending version.
    CreateSecret,
    /// Tells others of it, of whom there are none: the functions read the secret themselves.
    SetSecret,
    /// Signs and verifies with it.
    TestSecret,
    /// Puts it in force.
    FinishSecret,
}

impl Step {
    /// All of them, in their order.
    pub const ALL: [Self; 4] = [Self::CreateSecret, Self::SetSecret, Self::TestSecret, Self::FinishSecret];
}

/// Takes one step for the version `token`. The time is asked for when the set in force has been read: what is pending counts from
/// there.
///
/// # Errors
///
/// 503 with the reason: Secrets Manager fails, the token is not that of a rotation under way, the step before it has not been
/// taken, or the pending set may not follow the one in force, and then is pending no longer.
pub async fn run_step(
    managed_secret: &ManagedSecret,
    step: Step,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
    make: impl Fn() -> Result<NewKeys, Error>,
) -> Result<(), Error> {
    let labels = managed_secret.labels().await?;
    let mine = labels.get(token).ok_or_else(|| refused("the secret has no version of this token"))?;
    let has = |label: &str| mine.iter().any(|mine| mine == label);
    if has(CURRENT) {
        tracing::info!(?step, "the version of this token is in force already");
        return Ok(());
    }
    if !has(PENDING) {
        return Err(refused(
            "the version of this token is not pending: another rotation came after it, or it was given up",
        ));
    }
    match step {
        Step::CreateSecret => create(managed_secret, token, clock, times, make).await,
        Step::SetSecret => Ok(()),
        Step::TestSecret => test(managed_secret, token, clock, times).await.map(drop),
        Step::FinishSecret => {
            let from = test(managed_secret, token, clock, times).await?;
            managed_secret.promote(token, from.as_deref()).await?;
            metrics::count(ROTATED);
            tracing::info!(event = ROTATED, version = token, "audit");
            Ok(())
        }
    }
}

async fn create(
    managed_secret: &ManagedSecret,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
    make: impl Fn() -> Result<NewKeys, Error>,
) -> Result<(), Error> {
    if managed_secret.get(Some(token), PENDING).await?.is_some() {
        return Ok(());
    }
    let mut set = match managed_secret.current().await? {
        Some(current) => KeySet::parse(&current.text).map_err(Error::unavailable)?,
        None => KeySet::default(),
    };
    let now = clock();
    if set.is_empty() {
        set = KeySet::generate(now, make()?, make()?);
        tracing::info!("the secret has no keys yet: the first ones are made");
    } else {
        for sentence in set.rotate(now, times, make()?).0 {
            tracing::info!(change = sentence, "pending");
        }
    }
    managed_secret.put_pending(token, &set.to_json()?).await
}

/// Tries the pending set, and gives the id of the version in force that it may follow.
async fn test(
    managed_secret: &ManagedSecret,
    token: &str,
    clock: impl Fn() -> Timestamp,
    times: &KeyLifetimes,
) -> Result<Option<String>, Error> {
    let pending = managed_secret.get(Some(token), PENDING).await?;
    let pending = pending.ok_or_else(|| refused("the pending version has no value: createSecret comes first"))?;
    let current = managed_secret.current().await?;
    let now = clock();
    let ring = KeyRing::parse(&pending.text).and_then(|ring| ring.prove(now).map(|()| ring));
    let follows = ring.and_then(|ring| {
        let Some(current) = &current else { return Ok(ring) };
        let set = KeySet::parse(&pending.text)?;
        set.may_follow(&KeySet::parse(&current.text)?, now, times).map(|()| ring)
    });
    match follows {
        Ok(ring) => {
            ring.signing(now)?;
            ring.refresh_signing(now, now)?;
        }
        Err(why) => {
            // Or no rotation could begin any more.
            managed_secret.discard(token).await?;
            return Err(refused(format!("the pending set is given up, rotate again: {why}")));
        }
    }
    Ok(current.map(|current| current.id))
}

fn refused(why: impl Into<String>) -> Error {
    Error::unavailable(why.into())
}

#[cfg(test)]
mod interleavings;
