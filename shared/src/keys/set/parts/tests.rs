//! The parts of a key set, through its changes.

use super::*;
use crate::keys::{KeyRing, NewKeys, PublicKeys, RefreshKeys, State};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

fn new() -> NewKeys {
    NewKeys::generate().unwrap()
}

fn set() -> KeySet {
    KeySet::generate(NOW, new(), new())
}

fn lifetimes() -> crate::keys::KeyLifetimes {
    crate::config::Config::read(|_| None).unwrap().key_lifetimes()
}

fn json(set: &KeySet) -> String {
    set.to_json().unwrap()
}

#[test]
fn the_public_part_verifies_and_publishes_as_the_whole_set_and_has_no_secret() {
    let mut set = set();
    set.rotate(NOW, &lifetimes(), new());
    let ring = KeyRing::parse(&json(&set)).unwrap();
    let text = json(&set.part(Part::Public).unwrap());
    for word in ["private_key", "secret", "PRIVATE", "HS256"] {
        assert!(!text.contains(word), "{word}");
    }
    let public = PublicKeys::parse(&text).unwrap();
    for now in [NOW, NOW + lifetimes().lead()] {
        assert_eq!(public.jwks(now), ring.public().jwks(now));
        let kid = &ring.signing(now).unwrap().kid;
        assert!(public.verifying(kid, now).is_some() && public.knows(kid));
    }
    assert!(RefreshKeys::parse(&text).is_err() && KeyRing::parse(&text).is_err());
    assert_eq!(KeySet::parse(&text).unwrap().generation(), 2);
}

#[test]
fn the_part_of_refresh_tokens_accepts_them_and_signs_no_access_token() {
    let set = set();
    let text = json(&set.part(Part::Refresh).unwrap());
    assert!(!text.contains("PRIVATE") && !text.contains("RS256"));
    let tag = |keys: &RefreshKeys| aws_lc_rs::hmac::sign(keys.signing(NOW, NOW).unwrap(), b"text").as_ref().to_vec();
    let ring = KeyRing::parse(&json(&set)).unwrap();
    assert_eq!(tag(&RefreshKeys::parse(&text).unwrap()), tag(ring.refresh()));
    assert!(PublicKeys::parse(&text).is_err() && KeyRing::parse(&text).is_err());
}

#[test]
fn a_revoked_key_is_in_no_part_and_its_id_is_still_known() {
    let mut set = set();
    let kid = set.keys[0].kid.clone();
    set.revoke(&kid, NOW, &lifetimes(), new()).unwrap();
    let public = PublicKeys::parse(&json(&set.part(Part::Public).unwrap())).unwrap();
    assert!(public.knows(&kid) && public.verifying(&kid, NOW).is_none());
}

#[test]
fn an_announced_key_is_published_and_ends_or_starts_nothing() {
    let old = set();
    let mut coming = old.clone();
    coming.rotate(NOW, &lifetimes(), new());
    let (before, after) = (old.part(Part::Public).unwrap(), coming.part(Part::Public).unwrap());
    let announced = before.announcing(&after, NOW).unwrap();
    let states: Vec<State> = announced.describe(NOW).into_iter().map(|key| key.state).collect();
    assert_eq!(states, [State::Signing, State::Next, State::Next]);
    assert!(announced.describe(NOW).iter().all(|key| key.retired_at.is_none()));
    assert!(announced.announcing(&after, NOW).is_none(), "once is enough");
    // The set never came into force: the key stays a while, and is then forgotten.
    let kept = |now| before.clone().keeping_announced(&announced, now).keys.len();
    assert_eq!((kept(NOW), kept(NOW + ANNOUNCED)), (3, 2));
    // The set came into force.
    assert_eq!(json(&after.clone().keeping_announced(&announced, NOW)), json(&after));
}

#[test]
fn a_key_that_a_part_wrongly_counts_as_retired_is_announced_again() {
    let set = set();
    let mut wrong = set.part(Part::Public).unwrap();
    wrong.keys[0].term.retired_at = Some(NOW);
    let announced = wrong.announcing(&set.part(Part::Public).unwrap(), NOW).unwrap();
    assert!(announced.keys.iter().all(|key| key.term.is_live(NOW)) && announced.keys.len() == 2);
}

/// A rotation that began before a revocation must not bring the key back for anybody who verifies.
#[test]
fn a_key_that_is_revoked_in_a_part_stays_revoked_when_an_older_set_is_announced() {
    let mut set = set();
    let mut older = set.clone();
    older.rotate(NOW, &lifetimes(), new());
    let kid = set.keys[0].kid.clone();
    set.revoke(&kid, NOW, &lifetimes(), new()).unwrap();
    let revoked = set.part(Part::Public).unwrap();
    let announced = revoked.announcing(&older.part(Part::Public).unwrap(), NOW).unwrap();
    assert_eq!(announced.keys.len(), revoked.keys.len() + 1, "the new key of the older set");
    let public = PublicKeys::parse(&json(&announced)).unwrap();
    assert!(public.knows(&kid) && public.verifying(&kid, NOW).is_none());
}

#[test]
fn only_a_part_counts_as_that_part() {
    let set = set();
    let [public, refresh] = Part::ALL.map(|part| set.part(part).unwrap());
    assert!(public.is_part(Part::Public) && refresh.is_part(Part::Refresh) && KeySet::default().is_part(Part::Public));
    for (document, part) in
        [(&public, Part::Refresh), (&refresh, Part::Public), (&set, Part::Public), (&set, Part::Refresh)]
    {
        assert!(!document.is_part(part));
    }
}
