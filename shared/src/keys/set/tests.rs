//! A key set through its rotations.

use std::time::Duration;

use super::*;
use crate::keys::{KeyLifetimes, KeyRing};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
const TIMES: KeyLifetimes = KeyLifetimes {
    ttl: Duration::from_secs(300),
    jwks_max_age: Duration::from_secs(300),
    overlap: Duration::from_secs(7_200),
    access_token_life: Duration::from_secs(3_600),
    refresh_token_life: Duration::from_secs(30 * 86_400),
    skew: Duration::from_secs(60),
};

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// New keys that cost no time, without real private parts. Nothing here reads a private part.
fn cheap(name: &str) -> NewKeys {
    let text = || Some(Zeroizing::new("private".to_owned()));
    NewKeys {
        access: (format!("a-{name}"), Material::Rsa { private_key: text(), public_key: None }),
        refresh: (format!("r-{name}"), Material::Hmac { secret: text() }),
        pseudonym_key: Zeroizing::new("pseudonyms".to_owned()),
    }
}

fn set() -> KeySet {
    KeySet::generate(NOW, cheap("0"), cheap("1"))
}

fn state(set: &KeySet, kid: &str, now: Timestamp) -> State {
    set.describe(now).into_iter().find(|key| key.kid == kid).unwrap_or_else(|| panic!("{kid}")).state
}

fn states(set: &KeySet, now: Timestamp) -> Vec<(String, State)> {
    let keys = set.describe(now).into_iter();
    keys.filter(|key| key.r#use == KeyUse::Access).map(|key| (key.kid, key.state)).collect()
}

fn end(set: &KeySet, kid: &str) -> Timestamp {
    set.describe(NOW).into_iter().find(|key| key.kid == kid).unwrap().retired_at.unwrap()
}

#[test]
fn a_rotation_lets_the_next_key_take_over_once_everybody_can_know_it() {
    let mut set = set();
    let change = set.rotate(NOW, &TIMES, cheap("2"));
    assert_eq!(change.0.len(), 6, "{change:?}");
    let lead = TIMES.lead().as_secs();
    assert!(lead >= 50 + 300, "a process may have read the set 50 s ago, a verifier the keys 300 s ago");
    assert_eq!(
        states(&set, after(lead - 1)).iter().map(|(_, state)| *state).collect::<Vec<_>>(),
        [State::Signing, State::Due, State::Next]
    );
    assert_eq!(state(&set, "a-0", after(lead)), State::Superseded);
    assert_eq!((state(&set, "a-1", after(lead)), state(&set, "r-1", after(lead))), (State::Signing, State::Signing));
    assert_eq!(end(&set, "a-0"), after(lead + 7_200));
    assert_eq!(state(&set, "a-0", after(lead + 7_199)), State::Superseded);
    assert_eq!(state(&set, "a-0", after(lead + 7_200)), State::Retired);
    // Nobody is logged out: the last refresh token by the old key has expired by then.
    assert!(end(&set, "r-0") >= after(lead + 30 * 86_400));
}

#[test]
fn two_quick_rotations_leave_no_key_behind() {
    let mut set = set();
    set.rotate(NOW, &TIMES, cheap("2"));
    set.rotate(after(1), &TIMES, cheap("3"));
    let lead = TIMES.lead().as_secs();
    for (seconds, signing) in [(0, "a-0"), (1, "a-0"), (lead - 1, "a-0"), (lead, "a-1"), (lead + 1, "a-2")] {
        let states = states(&set, after(seconds));
        let signers: Vec<_> = states.iter().filter(|(_, state)| *state == State::Signing).map(|(kid, _)| kid).collect();
        assert_eq!(signers, [signing], "{seconds}: {states:?}");
    }
    // Each key is accepted for its overlap after its successor signs.
    assert_eq!((end(&set, "a-0"), end(&set, "a-1")), (after(lead + 7_200), after(lead + 1 + 7_200)));
    assert_eq!(state(&set, "a-3", after(lead + 1)), State::Next);
    // Two rotations at the same time work too.
    set.rotate(after(9), &TIMES, cheap("4"));
    set.rotate(after(9), &TIMES, cheap("5"));
    assert_eq!(state(&set, "a-4", after(9 + lead)), State::Signing);
}

#[test]
fn a_retired_key_leaves_its_record_and_then_nothing() {
    let mut set = set();
    set.rotate(NOW, &TIMES, cheap("2"));
    let retired = TIMES.lead().as_secs() + 7_200;
    let holds_private_part = |set: &KeySet| match &set.keys[0].material {
        Material::Rsa { private_key, .. } => private_key.is_some(),
        Material::Hmac { secret } => secret.is_some(),
    };
    set.rotate(after(retired - 1), &TIMES, cheap("3"));
    assert!(holds_private_part(&set));
    set.rotate(after(retired), &TIMES, cheap("4"));
    assert_eq!(state(&set, "a-0", after(retired)), State::Retired);
    assert!(!holds_private_part(&set) && set.keys[0].kid == "a-0");
    let text = set.to_json().unwrap();
    assert_eq!(KeySet::parse(&text).unwrap().to_json().unwrap(), text);
    set.rotate(after(retired + 90 * 86_400), &TIMES, cheap("5"));
    assert!(set.keys.iter().all(|key| key.kid != "a-0"));
}

#[test]
fn a_set_from_before_there_were_next_keys_gets_one() {
    let mut set = set();
    set.keys.retain(|key| key.term.not_before.is_some());
    let change = set.rotate(NOW, &TIMES, cheap("2")).0.join("\n");
    assert!(change.contains("the present key stays"), "{change}");
    assert_eq!(states(&set, NOW), [("a-0".to_owned(), State::Signing), ("a-2".to_owned(), State::Next)]);
    set.rotate(after(1), &TIMES, cheap("3"));
    assert_eq!(state(&set, "a-2", after(1) + TIMES.lead()), State::Signing);
}

#[test]
fn a_revoked_key_ends_at_once_and_a_published_one_takes_over() {
    let mut set = set();
    let change = set.revoke("a-0", after(9), &TIMES, cheap("2")).unwrap().0.join("\n");
    assert!(change.contains("a-0 is revoked") && change.contains("a-1 signs access tokens from"), "{change}");
    let expected = [("a-0", State::Revoked), ("a-1", State::Signing), ("a-2", State::Next)];
    assert_eq!(states(&set, after(9)), expected.map(|(kid, state)| (kid.to_owned(), state)));
    // The keys for refresh tokens do not change.
    assert_eq!((state(&set, "r-0", after(9)), state(&set, "r-1", after(9))), (State::Signing, State::Next));
    assert!(!set.to_json().unwrap().contains("a-0\",\n      \"alg\": \"RS256\",\n      \"private_key"));
    // A second revocation does nothing, and an unknown key is an error.
    assert!(set.revoke("a-0", after(10), &TIMES, cheap("3")).unwrap().0.is_empty());
    assert!(set.revoke("a-9", after(10), &TIMES, cheap("3")).unwrap_err().contains("no key \"a-9\""));
}

#[test]
fn a_superseded_key_never_signs_again_when_its_successor_is_revoked() {
    let mut set = set();
    set.rotate(NOW, &TIMES, cheap("2"));
    let later = NOW + TIMES.lead() + Duration::from_secs(7_000);
    assert_eq!((state(&set, "a-0", later), state(&set, "a-1", later)), (State::Superseded, State::Signing));
    set.revoke("a-1", later, &TIMES, cheap("3")).unwrap();
    assert_eq!((state(&set, "a-0", later), state(&set, "a-2", later)), (State::Superseded, State::Signing));
    assert_eq!(state(&set, "a-3", later), State::Next);
}

#[test]
fn a_due_key_is_replaced_in_time_when_it_is_revoked() {
    let mut set = set();
    set.rotate(NOW, &TIMES, cheap("2"));
    set.revoke("a-1", after(5), &TIMES, cheap("3")).unwrap();
    assert_eq!((state(&set, "a-0", after(5)), state(&set, "a-2", after(5))), (State::Signing, State::Due));
    let start = after(5) + TIMES.lead();
    assert_eq!(state(&set, "a-2", start), State::Signing);
    assert!(end(&set, "a-0") >= start + TIMES.margin(KeyUse::Access), "what it signs until then lives on");
}

#[test]
fn a_due_key_signs_in_its_time_when_another_key_is_revoked() {
    let mut rotated = set();
    rotated.rotate(NOW, &TIMES, cheap("2"));
    let start = NOW + TIMES.lead();
    rotated.rotate(start, &TIMES, cheap("3"));
    let again = start + TIMES.lead();
    // a-1 signs, and a-2 is due. The next key and a superseded key are revoked.
    for kid in ["a-3", "a-0"] {
        let mut set = rotated.clone();
        let change = set.revoke(kid, start + Duration::from_secs(9), &TIMES, cheap("4")).unwrap().0.join("\n");
        assert!(!change.contains("signs"), "{change}");
        assert_eq!(state(&set, "a-1", start + Duration::from_secs(10)), State::Signing);
        assert_eq!(state(&set, "a-2", again), State::Signing);
        assert_eq!(states(&set, again).last().unwrap().1, State::Next);
    }
    // If the signing key is revoked, there is no time to wait.
    rotated.revoke("a-1", start + Duration::from_secs(9), &TIMES, cheap("4")).unwrap();
    assert_eq!(state(&rotated, "a-2", start + Duration::from_secs(9)), State::Signing);
}

#[test]
fn all_keys_can_be_revoked_at_once_because_a_leaked_set_has_the_next_key_too() {
    let mut set = set();
    set.rotate(NOW, &TIMES, cheap("2"));
    let old: Vec<String> = set.describe(NOW).into_iter().map(|key| key.kid).collect();
    let change = set.revoke_all(after(9), cheap("3"), cheap("4")).0;
    assert_eq!(change.len(), 6 + 4 + 2, "{change:?}");
    for kid in old {
        assert_eq!(state(&set, &kid, after(9)), State::Revoked, "{kid}");
    }
    for kind in ["a", "r"] {
        assert_eq!(state(&set, &format!("{kind}-3"), after(9)), State::Signing);
        assert_eq!(state(&set, &format!("{kind}-4"), after(9)), State::Next);
    }
    // A rotation under way has missed this change.
    let mut pending = self::set();
    pending.rotate(NOW, &TIMES, cheap("2"));
    assert!(pending.may_follow(&set, after(10), &TIMES).is_err());
    assert_eq!(set.to_json().unwrap().matches("private\"").count(), 4, "nothing private is left of the others");
}

#[test]
fn a_successor_that_verifiers_may_not_know_yet_is_reported() {
    let mut set = set();
    let lead = TIMES.lead();
    let revoke = |set: &mut KeySet, kid, now| set.revoke(kid, now, &TIMES, cheap("2")).unwrap().0.join("\n");
    let mut young = set.clone();
    assert!(revoke(&mut young, "a-0", NOW + (lead - Duration::from_secs(1))).contains("may not know it yet"));
    assert!(!revoke(&mut set, "a-0", NOW + lead).contains("may not know it yet"));
    // Only this service verifies refresh tokens.
    assert!(!revoke(&mut set, "r-0", NOW).contains("may not know it yet"));
}

#[test]
fn the_last_key_can_be_revoked_too() {
    let mut set = set();
    set.keys.retain(|key| key.term.not_before.is_some());
    let change = set.revoke("a-0", NOW, &TIMES, cheap("2")).unwrap().0.join("\n");
    assert!(change.contains("nobody has seen published"), "{change}");
    assert_eq!(states(&set, NOW), [("a-0".to_owned(), State::Revoked), ("a-2".to_owned(), State::Signing)]);
    assert!(set.revoke("a-1", NOW, &TIMES, cheap("3")).is_err());
}

/// Whether a set that is pending since `NOW` may follow the set in force at the time `finished`.
/// `meanwhile` changes the set in force before.
fn follow_after(meanwhile: impl FnOnce(&mut KeySet), finished: Timestamp) -> Result<(), String> {
    let mut current = set();
    let mut pending = current.clone();
    pending.rotate(NOW, &TIMES, cheap("2"));
    meanwhile(&mut current);
    pending.may_follow(&current, finished, &TIMES)
}

#[test]
fn a_pending_set_follows_only_a_set_whose_changes_it_contains() {
    assert_eq!(follow_after(|_| {}, after(30)), Ok(()));
    let by_rotation = follow_after(|set| drop(set.rotate(after(1), &TIMES, cheap("3"))), after(30)).unwrap_err();
    assert!(by_rotation.contains("meanwhile"), "{by_rotation}");
    for kid in ["a-0", "a-1", "r-0", "r-1"] {
        let revoke = |set: &mut KeySet| drop(set.revoke(kid, after(1), &TIMES, cheap("3")).unwrap());
        assert!(follow_after(revoke, after(30)).unwrap_err().contains("meanwhile"), "{kid}");
    }
    // A retired key that was forgotten may be missing.
    let mut old = set();
    old.revoke("a-0", NOW, &TIMES, cheap("2")).unwrap();
    let mut pending = old.clone();
    pending.keys.retain(|key| key.kid != "a-0");
    assert_eq!(pending.may_follow(&old, after(1), &TIMES), Ok(()));
}

#[test]
fn a_pending_set_that_waited_too_long_is_refused_before_it_ends_a_token() {
    // The time from the rotation's beginning to the end of the key that it supersedes.
    let end = TIMES.lead() + TIMES.overlap;
    let last = NOW + (end - TIMES.margin(KeyUse::Access));
    assert_eq!(follow_after(|_| {}, last), Ok(()));
    let late = follow_after(|_| {}, last + Duration::from_millis(1)).unwrap_err();
    assert!(late.contains("a-0 would end before its last tokens do"), "{late}");
    assert!(end - TIMES.margin(KeyUse::Access) > Duration::from_secs(45 * 60), "there is time to try a rotation again");
}

#[test]
fn a_set_that_is_rotated_too_often_is_refused_before_it_is_too_long_to_keep() {
    let mut set = set();
    let full = (2..2_000).find(|index| {
        set.rotate(after(*index), &TIMES, cheap(&index.to_string()));
        set.to_json().is_err()
    });
    assert!(full.is_some_and(|index| index > 100), "{full:?}");
}

#[test]
fn a_set_that_is_rotated_twice_a_day_never_gets_too_long() {
    // The keys are as long as real ones.
    let long = |index: u64| {
        let key = cheap(&index.to_string());
        let private_key = Some(Zeroizing::new("k".repeat(1_750)));
        NewKeys { access: (key.access.0 + &"k".repeat(38), Material::Rsa { private_key, public_key: None }), ..key }
    };
    let mut set = KeySet::generate(NOW, long(0), long(1));
    for turn in 1..=400 {
        let now = after(turn * 43_200);
        set.rotate(now, &TIMES, long(turn + 1));
        set.to_json().unwrap();
    }
    let ended = set.describe(after(400 * 43_200)).into_iter().filter(|key| key.state == State::Retired);
    assert!(ended.count() >= 100, "the newest ones are remembered");
}

#[test]
fn new_keys_are_real_and_no_two_are_alike() {
    let (one, two) = (NewKeys::generate().unwrap(), NewKeys::generate().unwrap());
    assert!(one.access.0 != two.access.0 && one.refresh.0 != two.refresh.0);
    let text = KeySet::generate(NOW, one, two).to_json().unwrap();
    assert!(KeyRing::parse(&text).unwrap().self_test(NOW).is_ok());
}

#[test]
fn a_text_that_is_not_a_set_is_refused_and_not_quoted() {
    for text in ["", "hunter2", "[]", "{\"keys\":[{\"kid\":\"hunter2\"}]}", "{\"keys\":\"hunter2\"}"] {
        let refusal = KeySet::parse(text).unwrap_err();
        assert!(!refusal.contains("hunter2"), "{refusal}");
    }
    assert!(KeySet::parse("{\"keys\":[]}").unwrap().is_empty());
}
