//! A key set in Secrets Manager, and the secrets with its parts.
//!
//! The set decides: a change is in force when the set's own label moves. Two rules keep the parts
//! right, wherever a process is killed and whoever else writes.
//!
//! - A part has every key of a set before that set comes into force ([`ManagedKeySet::announce`]).
//!   An announced key harms nothing, even if its set never comes into force.
//! - After a change each part is made anew from the set in force ([`ManagedKeySet::publish`]). The
//!   writer reads the part first, then the set, and replaces only the part that was read. A slower
//!   writer therefore never undoes what a faster one published.

use aws_sdk_secretsmanager::Client;

use super::{KeySet, ManagedSecret, Part, PartIds, Version};
use crate::{error::Error, time::Timestamp};

/// A key set in a secret, and the secrets with its parts.
#[derive(Clone)]
pub struct ManagedKeySet {
    client: Client,
    secret: ManagedSecret,
    parts: PartIds,
}

impl ManagedKeySet {
    /// The set in the secret with this name or ARN. `parts` are the secrets of the parts, as far as
    /// the configuration names them. The set itself names the others.
    pub fn new(client: Client, id: &str, parts: PartIds) -> Self {
        Self { secret: ManagedSecret::new(client.clone(), id), client, parts }
    }

    /// The secret with the whole set.
    pub fn secret(&self) -> &ManagedSecret {
        &self.secret
    }

    /// The set in force, and its version. An empty set if the secret has no value.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or the value is no key set.
    pub async fn current(&self) -> Result<(KeySet, Option<Version>), Error> {
        let version = self.secret.current().await?;
        let set = match &version {
            Some(version) => KeySet::parse(&version.text).map_err(Error::unavailable)?,
            None => KeySet::default(),
        };
        Ok((self.with_parts(set), version))
    }

    /// The set with the names of its parts, which the configuration may have changed.
    pub fn with_parts(&self, mut set: KeySet) -> KeySet {
        let PartIds { refresh, public } = self.parts.clone();
        set.parts = PartIds { refresh: refresh.or(set.parts.refresh), public: public.or(set.parts.public) };
        set
    }

    /// Puts `set` in force in the place of `current`, and makes its parts anew.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or another set was put in force meanwhile, and stays. The set
    /// may be in force although a part could not be written: [`ManagedKeySet::publish`] mends that.
    pub async fn replace(&self, current: Option<&Version>, set: &KeySet, now: Timestamp) -> Result<(), Error> {
        self.announce(set, now).await?;
        self.secret.replace(current, &set.to_json()?).await?;
        self.publish(now).await
    }

    /// Adds the keys of `set` to the parts that lack them, as keys that do not sign yet.
    ///
    /// # Errors
    ///
    /// 503: Secrets Manager fails, or somebody else wrote a part at the same time.
    pub async fn announce(&self, set: &KeySet, now: Timestamp) -> Result<(), Error> {
        for (part, secret) in self.parts_of(set) {
            let (before, version) = read(part, &secret).await?;
            let coming = set.part(part).map_err(Error::unavailable)?;
            if let Some(announced) = before.announcing(&coming, now) {
                secret.replace_once(version.as_ref(), &announced.to_json()?).await?;
            }
        }
        Ok(())
    }

    /// Makes each part anew from the set in force, unless it is so already.
    ///
    /// # Errors
    ///
    /// As [`ManagedKeySet::announce`].
    pub async fn publish(&self, now: Timestamp) -> Result<(), Error> {
        let (set, _) = self.current().await?;
        for (part, secret) in self.parts_of(&set) {
            let (before, version) = read(part, &secret).await?;
            // Read after the part: see above.
            let (set, _) = self.current().await?;
            let right = made_anew(&set, part, &before, now)?;
            if version.as_ref().is_none_or(|version| *version.text != *right) {
                secret.replace_once(version.as_ref(), &right).await?;
                tracing::info!(generation = set.generation(), "the {} are published", part.name());
            }
        }
        Ok(())
    }

    /// The parts that are behind the set in force, by name, each with its generation and the set's.
    ///
    /// # Errors
    ///
    /// As [`ManagedKeySet::current`].
    pub async fn outdated(&self, now: Timestamp) -> Result<Vec<(Part, u64, u64)>, Error> {
        let (set, _) = self.current().await?;
        let mut outdated = Vec::new();
        for (part, secret) in self.parts_of(&set) {
            let (before, version) = read(part, &secret).await?;
            let right = made_anew(&set, part, &before, now)?;
            if version.is_none_or(|version| *version.text != *right) {
                outdated.push((part, before.generation(), set.generation()));
            }
        }
        Ok(outdated)
    }

    /// The secrets of the parts of `set`, in the order of writing.
    fn parts_of(&self, set: &KeySet) -> Vec<(Part, ManagedSecret)> {
        let named = Part::ALL.into_iter().filter_map(|part| Some((part, set.part_id(part)?)));
        named.map(|(part, id)| (part, ManagedSecret::new(self.client.clone(), id))).collect()
    }
}

/// The part as it should be: made from `set`, with the keys that the part before it announced.
fn made_anew(set: &KeySet, part: Part, before: &KeySet, now: Timestamp) -> Result<String, Error> {
    set.part(part).map_err(Error::unavailable)?.keeping_announced(before, now).to_json()
}

/// The part that a secret holds, and its version.
async fn read(part: Part, secret: &ManagedSecret) -> Result<(KeySet, Option<Version>), Error> {
    let Some(version) = secret.current().await? else { return Ok((KeySet::default(), None)) };
    let other =
        || Error::unavailable(format!("the secret for the {} holds something else, and is left alone", part.name()));
    let set = KeySet::parse(&version.text).map_err(|_| other())?;
    if !set.is_part(part) {
        return Err(other());
    }
    Ok((set, Some(version)))
}
