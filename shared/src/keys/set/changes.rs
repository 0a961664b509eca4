//! Every change of a key set.

use std::time::Duration;

use super::{KeyRecord, KeySet, KeyUse, NewKeys};
use crate::{keys::KeyLifetimes, time::Timestamp};

/// The time for which the set remembers a key after its end, without the private part.
const HISTORY: Duration = Duration::from_secs(90 * 86_400);
/// The most keys that the set remembers after their end.
const HISTORY_KEYS_MAX: usize = 100;

/// The effects of a change, as sentences without a capital and a full stop, for people and for the
/// log.
#[derive(Clone, Debug, Default)]
pub struct Change(pub Vec<String>);

impl KeySet {
    /// Makes the next key of each use due, sets the end of the keys that it supersedes, and adds
    /// `new` as the next keys. The set must be in force at `now`, so that its next keys are already
    /// published.
    pub fn rotate(&mut self, now: Timestamp, times: &KeyLifetimes, new: NewKeys) -> Change {
        self.pseudonym_key = self.pseudonym_secret();
        self.forget(now);
        let mut change = Change::default();
        for purpose in KeyUse::ALL {
            let start = now + times.lead();
            let Some(next) = self.keys.iter_mut().find(|key| key.purpose() == purpose && key.term.is_next(now)) else {
                change.0.push(format!(
                    "there was no next key of {purpose}s yet, so the present key stays; the next rotation replaces it"
                ));
                continue;
            };
            next.term.not_before = Some(start);
            let kid = next.kid.clone();
            change.0.push(format!("the key {kid} signs {purpose}s from {} on", start.readable()));
            let end = start + times.overlap(purpose);
            let superseded = |key: &&mut KeyRecord| {
                key.purpose() == purpose
                    && key.kid != kid
                    && key.term.not_before.is_some()
                    && key.term.retired_at.is_none()
            };
            for key in self.keys.iter_mut().filter(superseded) {
                key.term.retired_at = Some(end);
                change.0.push(format!("the key {} of {purpose}s is accepted until {}", key.kid, end.readable()));
            }
        }
        change.add_next(&mut self.keys, new.records(now, None));
        self.generation += 1;
        change
    }

    /// Ends a key now. The key that was published first takes over: at once if the ended key was
    /// signing, otherwise after the lead time of a rotation. Afterwards the set has a next key
    /// again.
    ///
    /// # Errors
    ///
    /// A sentence if the set has no such key.
    pub fn revoke(&mut self, kid: &str, now: Timestamp, times: &KeyLifetimes, new: NewKeys) -> Result<Change, String> {
        let mut change = Change::default();
        let signs_now = |purpose| self.signer(purpose, now).is_some_and(|signer| signer.kid == kid);
        let was_signing = KeyUse::ALL.into_iter().any(signs_now);
        let pseudonym_key = self.pseudonym_secret();
        let Some(key) = self.keys.iter_mut().find(|key| key.kid == kid) else {
            return Err(format!("There is no key {kid:?} in the set."));
        };
        if !key.term.is_live(now) {
            return Ok(change);
        }
        self.pseudonym_key = pseudonym_key;
        let purpose = key.purpose();
        key.revoke(now);
        change.0.push(format!("the key {kid} is revoked: every {purpose} that it signed is refused"));
        let mut spare = new.records(now, None).filter(|key| key.purpose() == purpose);
        let stays =
            |key: &KeyRecord| key.purpose() == purpose && key.term.is_live(now) && key.term.retired_at.is_none();
        if !self.keys.iter().any(stays) {
            self.keys.extend(spare.next());
            change.0.push("no key was left to take over except a new one, which nobody has seen published".to_owned());
        }
        // A due key takes over at its own time. If the revoked key was signing, that is too late.
        let is_heir =
            |key: &KeyRecord| stays(key) && key.term.not_before.is_some_and(|start| start <= now || !was_signing);
        // A superseded key never takes over. It has an end already, and the rotation may have been
        // made to get rid of it.
        if !self.keys.iter().any(is_heir) {
            let signs_still = self.keys.iter().any(|key| {
                key.purpose() == purpose
                    && key.term.may_sign(now)
                    && key.term.retired_at > Some(now + times.lead() + times.margin(purpose))
            });
            let start = if signs_still && !was_signing { now + times.lead() } else { now };
            // The first key is the oldest, and so it was published first.
            if let Some(heir) = self.keys.iter_mut().find(|key| stays(key)) {
                heir.term.not_before = Some(start);
                change.0.push(format!("the key {} signs {purpose}s from {} on", heir.kid, start.readable()));
                if purpose == KeyUse::Access && heir.created_at + times.lead() > start {
                    change.0.push(format!(
                        "the key {} is published only since {}: verifiers elsewhere may not know it yet",
                        heir.kid,
                        heir.created_at.readable()
                    ));
                }
            }
        }
        if !self.keys.iter().any(|key| key.purpose() == purpose && key.term.is_next(now)) {
            change.add_next(&mut self.keys, spare);
        }
        self.generation += 1;
        Ok(change)
    }

    /// Ends every key now and adds new ones, after somebody has read the whole set. Every session
    /// ends.
    pub fn revoke_all(&mut self, now: Timestamp, current: NewKeys, next: NewKeys) -> Change {
        let mut change = Change::default();
        for key in self.keys.iter_mut().filter(|key| key.term.is_live(now)) {
            key.revoke(now);
            let purpose = key.purpose();
            change.0.push(format!("the key {} is revoked: every {purpose} that it signed is refused", key.kid));
        }
        let Self { keys: new, pseudonym_key, .. } = Self::generate(now, current, next);
        self.pseudonym_key = pseudonym_key;
        change.0.extend(new.iter().map(|key| format!("the key {} of {}s is new", key.kid, key.purpose())));
        change.0.push("the log names everybody by new pseudonyms".to_owned());
        change.0.push(
            "every session ends; verifiers elsewhere refuse tokens by the new keys until they have read the published \
             keys again"
                .to_owned(),
        );
        self.keys.extend(new);
        self.generation += 1;
        change
    }

    /// Removes the private part of retired keys. Forgets keys that retired long ago, and the oldest
    /// retired keys if there are too many.
    fn forget(&mut self, now: Timestamp) {
        self.keys.retain(|key| key.term.retired_at.is_none_or(|end| now < end + HISTORY));
        let mut too_many =
            self.keys.iter().filter(|key| !key.term.is_live(now)).count().saturating_sub(HISTORY_KEYS_MAX);
        self.keys.retain(|key| {
            let stays = too_many == 0 || key.term.is_live(now);
            too_many -= usize::from(!stays);
            stays
        });
        self.keys.iter_mut().filter(|key| !key.term.is_live(now)).for_each(KeyRecord::forget_private_part);
    }

    /// Whether this pending set may replace `current` at `now`. The pending set must contain every
    /// change that was made to `current` meanwhile. No key that signs until `now` may end before
    /// its last tokens.
    ///
    /// # Errors
    ///
    /// A sentence about the missing change, or about the key that would end too soon.
    pub fn may_follow(&self, current: &Self, now: Timestamp, times: &KeyLifetimes) -> Result<(), String> {
        for key in &current.keys {
            let Some(same) = self.keys.iter().find(|other| other.kid == key.kid) else {
                // The pending set may have forgotten a retired key.
                if !key.term.is_live(now) {
                    continue;
                }
                return Err(format!("the key {} was added meanwhile, and the pending set lacks it", key.kid));
            };
            let is_undone = key.term.not_before.is_some() && same.term.not_before != key.term.not_before;
            let ends_later =
                key.term.retired_at.is_some_and(|end| same.term.retired_at.is_none_or(|other| other > end));
            if is_undone || ends_later || (key.revoked && !same.revoked) {
                return Err(format!(
                    "the key {} was revoked or superseded meanwhile, and the pending set does not show that",
                    key.kid
                ));
            }
            let ends_too_soon = same.term.retired_at.is_some_and(|end| end < now + times.margin(key.purpose()));
            if key.term.retired_at.is_none() && key.term.may_sign(now) && ends_too_soon {
                return Err(format!(
                    "the pending set is so old that the key {} would end before its last tokens do",
                    key.kid
                ));
            }
        }
        Ok(())
    }
}

impl Change {
    fn add_next(&mut self, keys: &mut Vec<KeyRecord>, new: impl Iterator<Item = KeyRecord>) {
        for key in new {
            self.0.push(format!(
                "the key {} is the next key of {}s, and is published from now on",
                key.kid,
                key.purpose()
            ));
            keys.push(key);
        }
    }
}
