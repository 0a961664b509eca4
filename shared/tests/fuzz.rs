//! Fuzzes the input of strangers: tokens, the certificate document and its lifetime. Real inputs
//! are changed at random. Nothing may panic, and nothing without a right signature may be accepted.
//!
//! `make test` runs a fixed number of changes, `make fuzz` a minute of each target.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{
    panic::AssertUnwindSafe,
    sync::atomic::{AtomicUsize, Ordering},
    time::Duration,
};

use axum::http::{HeaderMap, HeaderValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use bolero::{TypeGenerator, check};
use serde_json::{Value, json};
use shared::{
    error::TokenRefusal,
    jose::{jws::Jws, jwt::Jwt},
    keys::google,
    testing::certificate,
    time::Timestamp,
    token::{custom, pasted::Pasted, problem::Problem, report::Report},
};

/// The number of runs of each target in `make test`. `make fuzz` sets another number by bolero's
/// own variables.
const ITERATIONS: usize = 20_000;
const TIME_MAX: Duration = Duration::from_secs(300);
const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
/// Bytes with a meaning for one of the parsers.
const TELLING: &[u8] = b".=-_+/\"\\{}[]:, \n\0\xff0AZ";

/// A change at one place of a text.
#[derive(Clone, Debug, TypeGenerator)]
enum Change {
    Flip { at: u16, bit: u8 },
    Put { at: u16, byte: u8 },
    Insert { at: u16, which: u8 },
    Remove { at: u16, length: u8 },
    Repeat { at: u16, length: u8, times: u8 },
    Cut { at: u16 },
}

/// The changes to a real input.
#[derive(Clone, Debug, TypeGenerator)]
struct Case {
    seed: u8,
    /// Whether the changes are made to the JSON inside, if the input is a token.
    inside: bool,
    changes: Vec<Change>,
}

impl Change {
    fn apply(&self, text: &mut Vec<u8>) {
        let place = |at: u16| usize::from(at) % (text.len() + 1);
        match *self {
            Self::Flip { at, bit } => {
                let at = place(at);
                if let Some(byte) = text.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Put { at, byte } => {
                let at = place(at);
                if let Some(old) = text.get_mut(at) {
                    *old = byte;
                }
            }
            Self::Insert { at, which } => text.insert(place(at), TELLING[usize::from(which) % TELLING.len()]),
            Self::Remove { at, length } => {
                let at = place(at);
                let end = (at + usize::from(length)).min(text.len());
                text.drain(at..end);
            }
            Self::Repeat { at, length, times } => {
                let at = place(at);
                let end = (at + usize::from(length)).min(text.len());
                let piece = text[at..end].repeat(usize::from(times));
                text.splice(at..at, piece);
            }
            Self::Cut { at } => text.truncate(place(at)),
        }
    }
}

impl Case {
    fn changed(&self, text: &str) -> Vec<u8> {
        let mut text = text.as_bytes().to_vec();
        // A few changes only: many would leave nothing of the input.
        self.changes.iter().take(1 + usize::from(self.seed / 16) % 3).for_each(|change| change.apply(&mut text));
        text
    }
}

/// Counts runs, to show that some inputs got through the first check.
#[derive(Default)]
struct Counted {
    runs: AtomicUsize,
    read: AtomicUsize,
}

impl Counted {
    fn add(&self, read: bool) {
        self.runs.fetch_add(1, Ordering::Relaxed);
        self.read.fetch_add(usize::from(read), Ordering::Relaxed);
    }

    #[expect(clippy::print_stdout, reason = "the figures of a run are its result")]
    fn tell(&self, target: &str) {
        let (runs, read) = (self.runs.load(Ordering::Relaxed), self.read.load(Ordering::Relaxed));
        println!("{target}: {runs} runs, {read} of them read to the end");
        assert!(runs == 0 || (0 < read && read < runs), "{target}: the changes are too weak or too strong");
    }
}

/// Tokens of all kinds, by their header and payload.
fn shapes() -> Vec<(Value, Value)> {
    let times = json!({"iat": NOW.seconds(), "exp": NOW.seconds() + 3600, "auth_time": NOW.seconds()});
    let with = |claims: Value| {
        let mut all = times.clone();
        all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        all
    };
    let header = json!({"alg": "RS256", "kid": "k", "typ": "JWT"});
    vec![
        (
            header.clone(),
            with(json!({
                "iss": "https://securetoken.google.com/p", "aud": "p", "sub": "u", "user_id": "u", "name": "Zoë \"Z\"",
                "email": "a@b.de", "email_verified": true,
                "firebase": {"identities": {"email": ["a@b.de"]}, "sign_in_provider": "password"},
            })),
        ),
        (
            json!({"alg": "RS256", "kid": "k", "typ": "at+jwt"}),
            with(json!({"iss": "https://a", "jti": "1", "sid": "2"})),
        ),
        (json!({"alg": "RS256", "typ": "JWT"}), with(json!({"uid": "u", "claims": {"premium": [1, 2.5, null, {}]}}))),
        (json!({"alg": "HS256"}), json!({"v": 0, "d": {"uid": "u"}})),
    ]
}

#[test]
fn no_changed_token_is_accepted_and_none_panics() {
    let signed: Vec<String> = shapes().iter().map(|(header, claims)| certificate(0).sign(header, claims)).collect();
    let document = json!({"k": certificate(0).pem()}).to_string();
    // The engine unwinds over the key after a panic, and a key stays whole then.
    let key = AssertUnwindSafe(google::read(document.as_bytes()).unwrap().keys.pop().unwrap().1);
    let counted = Counted::default();
    check!().with_type::<Case>().with_iterations(ITERATIONS).with_test_time(TIME_MAX).for_each(|case| {
        let index = usize::from(case.seed) % signed.len();
        let original = &signed[index];
        let changed = if case.inside { inside(case, original) } else { case.changed(original) };
        let Ok(text) = String::from_utf8(changed) else { return counted.add(false) };
        for refusal in [Pasted::jwt(&text).err(), Pasted::refresh_token(&text).err()].into_iter().flatten() {
            assert!(refusal.len() < 300 && refusal.is_ascii(), "{refusal}");
        }
        let token = Jwt::parse_unsigned(&text);
        counted.add(token.is_ok());
        // A text that is not a token is refused with a sentence that quotes nothing of it.
        let Ok(token) = token.map_err(|refusal| assert!(refusal.len() < 200 && refusal.is_ascii(), "{refusal}")) else {
            return;
        };
        // The last token names an algorithm that is not the key's.
        assert_eq!(token.is_signed_by(&key), text == *original && index != 3, "{text}");
        assert_eq!(Jwt::parse(&text).is_ok(), !token.is_unsigned());
        let flaws = custom::flaws(&token, NOW, Duration::ZERO).into_iter().chain(custom::warnings(&token));
        let warnings = flaws.map(|flaw| Problem::warning("custom_token", flaw)).collect();
        let report = Report::of(&token, Vec::new(), warnings, NOW);
        assert!(!report.verified && !token.kind().phrase().is_empty());
        let refusal = TokenRefusal::new("token_invalid", "").about(&token, NOW);
        assert_eq!(refusal.report, report.report);
    });
    counted.tell("tokens");
}

/// Changes the JSON of the header or of the payload, and encodes it again. The signature stays.
fn inside(case: &Case, original: &str) -> Vec<u8> {
    let mut parts: Vec<String> = original.split('.').map(str::to_owned).collect();
    let part = &mut parts[usize::from(case.seed / 64) % 2];
    let json = String::from_utf8(URL_SAFE_NO_PAD.decode(&part).unwrap()).unwrap();
    *part = URL_SAFE_NO_PAD.encode(case.changed(&json));
    parts.join(".").into_bytes()
}

#[test]
fn no_change_of_the_certificate_document_lets_a_strangers_signature_pass() {
    let pem = |index: usize| certificate(index).pem();
    let documents = [
        json!({"k": pem(0), "l": pem(1)}).to_string(),
        json!({"keys": [certificate(0).jwk("k"), certificate(1).jwk("l")]}).to_string(),
        json!({"error": {"code": 500, "message": "x"}}).to_string(),
        "<!doctype html><title>502</title>".to_owned(),
    ];
    let foreign = Jws::parse(&certificate(2).sign(&json!({"alg": "RS256", "kid": "k"}), &json!({"sub": "u"}))).unwrap();
    let counted = Counted::default();
    check!().with_type::<Case>().with_iterations(ITERATIONS).with_test_time(TIME_MAX).for_each(|case| {
        // Most runs change a document with keys.
        let document = &documents[usize::from(case.seed % 16).saturating_sub(12).max(usize::from(case.seed % 2))];
        let read = google::read(&case.changed(document));
        counted.add(read.is_ok());
        match read {
            Ok(read) => {
                assert!((1..=100).contains(&read.keys.len()));
                assert!(read.keys.iter().all(|(_, key)| key.algorithm() == "RS256" && !foreign.is_signed_by(key)));
            }
            Err(refusal) => assert!(!refusal.contains("MII"), "{refusal}"),
        }
    });
    counted.tell("certificate documents");
}

#[test]
fn every_cache_control_gives_a_lifetime_from_a_second_to_a_day() {
    let headers = [
        "public, max-age=19204, must-revalidate, no-transform",
        "private=\"a, b\", max-age=\"60\"",
        "no-cache, no-store, max-age=0",
        "max-age=99999999999999999999, s-maxage=1",
    ];
    let counted = Counted::default();
    check!().with_type::<Case>().with_iterations(ITERATIONS).with_test_time(TIME_MAX).for_each(|case| {
        let changed = case.changed(headers[usize::from(case.seed) % headers.len()]);
        let Ok(value) = HeaderValue::from_bytes(&changed) else { return counted.add(false) };
        let headers =
            HeaderMap::from_iter([("cache-control".parse().unwrap(), value.clone()), ("age".parse().unwrap(), value)]);
        let lifetime = google::lifetime(&headers);
        assert!((1..=86_400).contains(&lifetime.as_secs()), "{lifetime:?}");
        counted.add(true);
    });
    counted.tell("Cache-Control");
}
