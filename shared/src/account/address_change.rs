//! A change of the e-mail address, and the links that take it back.
//!
//! Each former address gets a link, and keeps it while other changes follow. Somebody who has taken
//! an account could otherwise end the owner's link by a second change. A link that is used ends
//! itself and every link after it, which are the links of that somebody.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    account::{
        proof::{Proof, ProofId},
        rate_limit::time_until,
        user::User,
    },
    time::Timestamp,
};

/// The most links that may wait at once. They are a part of the account's records.
pub const UNDO_LINKS_MAX: usize = 8;

/// A link that takes a change of address back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UndoLink {
    /// The id of its proof.
    pub id: ProofId,
    /// The end of the link.
    pub ends_at: Timestamp,
}

impl User {
    /// The time until the address may change again. `None` if it may now.
    pub fn address_change_wait(&self, now: Timestamp) -> Option<Duration> {
        let waits: Vec<Duration> = self.undo_links.iter().filter_map(|link| time_until(link.ends_at, now)).collect();
        if waits.len() < UNDO_LINKS_MAX { None } else { waits.into_iter().min() }
    }

    /// Makes the address of this proof the account's. Its owner has shown it. All sessions end, and
    /// so do codes and links of every other kind. `undo` is the proof of the former address.
    pub fn change_address(&mut self, proof: &Proof, undo: Option<&Proof>, now: Timestamp) {
        self.has_address_of(proof);
        self.end_sessions(now);
        self.void_proofs();
        self.undo_links.retain(|link| link.ends_at > now);
        self.undo_links.extend(undo.map(|undo| UndoLink { id: undo.id, ends_at: undo.expires_at() }));
    }

    /// Whether this link takes a change of the account back.
    pub fn may_undo(&self, link: ProofId) -> bool {
        self.undo_links.iter().any(|undo| undo.id == link)
    }

    /// Makes the former address of this proof the account's again. Whoever changed it may know the
    /// password, so that nothing that was set before counts any more.
    pub fn undo_address_change(&mut self, proof: &Proof, now: Timestamp) {
        let place = self.undo_links.iter().position(|link| link.id == proof.id);
        self.undo_links.truncate(place.unwrap_or_default());
        self.has_address_of(proof);
        self.take_over(now);
    }

    fn has_address_of(&mut self, proof: &Proof) {
        self.email.clone_from(&proof.email);
        self.email_key.clone_from(&proof.email_key);
        self.email_verified = true;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        account::{
            email::Email,
            proof::{Purpose, TRIES_MAX},
        },
        password::StoredHash,
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn proof(number: u8, purpose: Purpose, email: &str, now: Timestamp) -> Proof {
        Proof {
            id: ProofId::new([number; 12]),
            purpose,
            user_id: Some("u".to_owned()),
            email: email.to_owned(),
            email_key: email.to_owned(),
            proof: 0,
            tries: 0,
            tries_max: TRIES_MAX,
            asked_for: email.to_owned(),
            locale: "en".to_owned(),
            made_at: now,
            identity: None,
            continue_url: String::new(),
            test_code: None,
            act: None,
            used_at: None,
            is_owed: false,
        }
    }

    /// The account whose address was changed to each of these in turn. The undo links have the
    /// numbers from 0.
    fn changed(addresses: &[&str], now: Timestamp) -> User {
        let email = Email::parse("a@b.de").unwrap();
        let user = User::new("u".to_owned(), &email, None, String::new(), StoredHash::new("hash"), now);
        addresses.iter().enumerate().fold(user, |mut user, (number, address)| {
            let undo = proof(u8::try_from(number).unwrap(), Purpose::Undo, &user.email, now);
            user.change_address(&proof(99, Purpose::Change, address, now), Some(&undo), now);
            user
        })
    }

    #[test]
    fn a_link_outlives_later_changes_and_ends_the_links_after_it() {
        let user = changed(&["b@b.de", "c@b.de", "d@b.de"], NOW);
        let links = |user: &User| [0, 1, 2].map(|number| user.may_undo(ProofId::new([number; 12])));
        assert_eq!((user.email.as_str(), user.proof, links(&user)), ("d@b.de", 3, [true; 3]));
        let mut back = user.clone();
        back.undo_address_change(&proof(1, Purpose::Undo, "b@b.de", NOW), NOW);
        assert_eq!((back.email_key.as_str(), links(&back)), ("b@b.de", [true, false, false]));
        assert!(back.email_verified && back.password_hash.is_none() && back.epoch == user.epoch + 1);
    }

    #[test]
    fn the_address_changes_as_often_as_there_is_room_for_links_and_again_after_a_week() {
        let addresses: Vec<String> = (0..UNDO_LINKS_MAX).map(|number| format!("{number}@b.de")).collect();
        let addresses: Vec<&str> = addresses.iter().map(String::as_str).collect();
        let week = Purpose::Undo.life();
        assert_eq!(changed(&addresses[1..], NOW).address_change_wait(NOW), None);
        let mut full = changed(&addresses, NOW);
        assert_eq!(full.address_change_wait(NOW), Some(week));
        assert_eq!(full.address_change_wait(NOW + week), None);
        full.change_address(&proof(99, Purpose::Change, "z@b.de", NOW), None, NOW + week);
        assert!(full.undo_links.is_empty(), "links that ended take no room");
    }
}
