//! All that must hold of a campaign.

use super::{
    ledger::{Entry, Phase},
    record::Record,
    traffic::WAYS,
};
use crate::deployment::Way;

/// A token outlives its revoked key if its own expiry is at least this much later.
const OUTLIVES_MS: i64 = 10_000;
const OUTLIVING_MIN: usize = 20;

/// A check. It fails by a panic.
pub type Check = fn(&Record);

/// The checks, with the sentences that name them. `{live}` stands for the least number of live
/// tokens.
pub const CHECKS: [(&str, Check); 12] = [
    ("no login, no refresh and no read of the key set fails", no_request_fails),
    ("there are {live} live tokens at every moment until the last rotated key signs", tokens_are_live),
    ("no token is refused in its life, and each token was verified", no_live_token_is_refused),
    ("an expired token of a key that is not retired is refused as expired", expired_tokens_are_refused),
    (
        "after the end of a superseded key each of its tokens is refused everywhere, and has expired",
        tokens_end_with_a_superseded_key,
    ),
    (
        "after a revocation each token of the key is refused everywhere, also those that would live on",
        tokens_end_with_a_revoked_key,
    ),
    (
        "tokens that a thief signs with a key are accepted until its end and nowhere after it",
        forged_tokens_end_with_the_key,
    ),
    ("every process applies a revocation in time, and the next key signs then", a_revocation_is_in_time),
    (
        "a key signs only after every process has published it for the cache time of others",
        a_key_is_published_before_it_signs,
    ),
    ("a key signs from its time on, and not beyond that of the next", a_key_signs_in_its_time),
    ("a key is published until its end and no longer", a_key_is_published_until_its_end),
    ("sessions from before the first rotation go on after the last", sessions_go_on),
];

fn no_request_fails(record: &Record) {
    let shown: Vec<_> = record.failures.iter().take(10).collect();
    assert!(shown.is_empty(), "{} failures, such as {shown:#?}", record.failures.len());
}

fn tokens_are_live(record: &Record) {
    let least = record.live.least;
    assert!(least != usize::MAX && least >= record.form.live_min, "once there were only {least}");
}

fn no_live_token_is_refused(record: &Record) {
    all_right(record, Phase::Live);
    let tokens = record.ledger.tokens();
    let others = tokens.iter().filter(|entry| entry.kid != record.revocation.kid);
    let unseen = others.filter(|entry| !WAYS.iter().any(|way| entry.was_seen(*way, Phase::Live))).count();
    assert_eq!(unseen, 0, "tokens that nobody verified");
    let looks: usize = WAYS.map(|way| record.ledger.counted(way, Phase::Live).all).iter().sum();
    assert!(looks >= 2 * record.form.live_min, "{looks} looks");
}

fn expired_tokens_are_refused(record: &Record) {
    all_right(record, Phase::Expired);
    for way in WAYS {
        let looks = record.ledger.counted(way, Phase::Expired).all;
        assert!(looks > record.form.live_min / 4, "only {looks} looks at {way:?}");
    }
}

fn tokens_end_with_a_superseded_key(record: &Record) {
    all_right(record, Phase::Retired);
    let times = &record.form.times;
    // Each overlaps the next one, and no token of it lives longer.
    let before = [&record.bootstrap].into_iter().chain(record.rotations.iter().map(|rotation| &rotation.kid));
    let ends = record.rotations.iter().map(|rotation| rotation.signs_at + times.keys_overlap * 1000);
    let expected: Vec<_> = before.cloned().zip(ends).collect();
    assert_eq!(record.retired, expected);
    for (kid, retired_at) in &expected {
        let tokens = record.ledger.of_key(kid);
        let last = tokens.iter().map(|entry| entry.expires_at).max().unwrap_or_else(|| panic!("{kid} signed nothing"));
        let longest = last + times.clock_skew * 1000;
        assert!(longest <= *retired_at, "a token of {kid} would live on for {} ms", longest - retired_at);
        let unseen = tokens.iter().filter(|entry| !was_seen_everywhere(entry, Phase::Retired)).count();
        assert_eq!(unseen, 0, "of {} tokens of {kid}", tokens.len());
    }
}

fn tokens_end_with_a_revoked_key(record: &Record) {
    all_right(record, Phase::Revoked);
    all_right(record, Phase::RevokedAndExpired);
    let tokens = record.ledger.of_key(&record.revocation.kid);
    let was_seen =
        |entry: &Entry| [Phase::Revoked, Phase::RevokedAndExpired].map(|phase| was_seen_everywhere(entry, phase));
    let unseen = tokens.iter().filter(|entry| was_seen(entry) == [false; 2]).count();
    assert_eq!(unseen, 0, "of {} tokens", tokens.len());
    let until = record.revocation.until + OUTLIVES_MS;
    let outliving = tokens.iter().filter(|entry| entry.expires_at > until).count();
    assert!(outliving >= OUTLIVING_MIN, "only {outliving} tokens outlived the key");
}

fn forged_tokens_end_with_the_key(record: &Record) {
    let revoked = &record.revocation.kid;
    let tries = |kid: &str, verdict: &str| WAYS.map(|way| (kid.to_owned(), way, verdict.to_owned()));
    let ends = [revoked].into_iter().chain(record.retired.iter().map(|(kid, _)| kid));
    let refused = ends.flat_map(|kid| tries(kid, "token_invalid"));
    let expected: Vec<_> = tries(revoked, "accepted").into_iter().chain(refused).collect();
    assert_eq!(record.forged, expected);
}

fn a_revocation_is_in_time(record: &Record) {
    let revocation = &record.revocation;
    for (name, seconds) in &revocation.seconds {
        assert!(*seconds <= revocation.limit_seconds, "{name} after {seconds} s");
    }
    assert_eq!(record.rotations.last().map(|rotation| &rotation.kid), Some(&revocation.kid));
    let signing = record.keys.iter().find(|key| key.state == "signing");
    assert_eq!(signing.map(|key| &key.kid), Some(&revocation.next_kid));
}

fn a_key_is_published_before_it_signs(record: &Record) {
    let least = record.form.times.jwks_max_age * 1000;
    let later = record.keys.iter().map(|key| &key.kid).filter(|kid| **kid != record.bootstrap);
    let signed: Vec<_> = later.filter(|kid| !record.ledger.of_key(kid).is_empty()).collect();
    let rotated = record.rotations.iter().map(|rotation| &rotation.kid);
    assert_eq!(signed, rotated.chain([&record.revocation.next_kid]).collect::<Vec<_>>());
    for kid in signed {
        let lead = record.published_before(kid, &record.ledger.of_key(kid));
        assert!(lead.is_some_and(|lead| lead >= least), "{kid} was published for {lead:?} ms");
    }
    for way in WAYS {
        let said: Vec<_> = record.published.at(way).cache_control.into_iter().collect();
        assert_eq!(said, [format!("public, max-age={}", least / 1000)], "at {way:?}");
    }
}

fn a_key_signs_in_its_time(record: &Record) {
    let keys: Vec<_> = record.keys.iter().filter_map(|key| Some((&key.kid, key.not_before?))).collect();
    for (index, (kid, not_before)) in keys.iter().enumerate() {
        let next = keys.get(index + 1).map_or(i64::MAX, |(_, not_before)| *not_before);
        let end = if **kid == record.revocation.kid { record.revocation.until } else { next };
        let tokens = record.ledger.of_key(kid);
        let stray = tokens.iter().filter(|entry| entry.got_at < *not_before || entry.sent_at > end);
        let stray: Vec<_> = stray.map(|entry| (entry.way, entry.sent_at)).collect();
        assert_eq!(stray, Vec::<(Way, i64)>::new(), "tokens of {kid}");
    }
}

fn a_key_is_published_until_its_end(record: &Record) {
    for way in WAYS {
        let polls = record.published.at(way);
        let last = |kid: &str| polls.last.get(kid).copied().unwrap_or_else(|| panic!("{way:?} never published {kid}"));
        for (kid, retired_at) in &record.retired {
            let early = retired_at - last(kid);
            let is_early = 0 < early && early <= 2 * polls.gap_ms;
            assert!(is_early, "{way:?} published {kid} until {early} ms before its end");
        }
        let (_, end) = record.retired.last().expect("a key that was superseded");
        assert!(last(&record.revocation.next_kid) > *end, "{way:?} was not watched to the end");
        let revoked = last(&record.revocation.kid);
        assert!(revoked <= record.revocation.until, "{way:?} published the revoked key again");
    }
}

fn sessions_go_on(record: &Record) {
    assert_eq!((record.resting.back, record.resting.failures.as_slice()), (record.resting.all, [].as_slice()));
}

fn all_right(record: &Record, phase: Phase) {
    for way in WAYS {
        let count = record.ledger.counted(way, phase);
        assert_eq!(count.right, count.all, "{phase:?} at {way:?}: {}", record.ledger.explain());
    }
}

fn was_seen_everywhere(entry: &Entry, phase: Phase) -> bool {
    WAYS.iter().all(|way| entry.was_seen(*way, phase))
}
