//! Tokens of a shared secret, made and judged.

use serde_json::json;

use super::*;
use crate::error::{Error, TokenRefusal};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
const SKEW: Duration = Duration::from_secs(60);
const FIRST: &str = "the first secret, longer than 32 bytes";
const SECOND: &str = "the other secret, longer than 32 bytes";

fn secrets(text: &str) -> SharedSecrets {
    SharedSecrets::parse(text).unwrap()
}

fn token(secrets: &SharedSecrets, claims: &Value) -> Jwt {
    Jwt::parse(&secrets.sign(claims).unwrap()).unwrap()
}

fn judged(claims: &Value) -> Result<Claims, TokenRefusal> {
    let secrets = secrets(FIRST);
    let token = token(&secrets, claims);
    match examine(Some(&secrets), &token, NOW, SKEW).verdict(&token, NOW) {
        Ok(()) => Ok(Claims::of(&token)),
        Err(Error::Token(refusal)) => Err(refusal),
        Err(error) => panic!("{error:?}"),
    }
}

#[test]
fn the_first_secret_signs_and_each_verifies() {
    let (old, both, new) = (secrets(FIRST), secrets(&format!("{SECOND}\n{FIRST}")), secrets(SECOND));
    let of_old = token(&old, &json!({"sub": "u"}));
    let of_both = token(&both, &json!({"sub": "u"}));
    assert!(both.signed(&of_old) && both.signed(&of_both) && new.signed(&of_both));
    assert!(!old.signed(&of_both) && !new.signed(&of_old));
    assert_eq!(of_old.header_text("typ"), Some("JWT"));
    assert!(of_old.header_text("kid").is_none());
}

#[test]
fn a_secret_under_32_bytes_is_refused_wherever_it_stands() {
    let of = |length: usize| "s".repeat(length);
    assert!(SharedSecrets::parse(&of(32)).is_ok());
    // Bytes count, not letters.
    assert!(SharedSecrets::parse(&"é".repeat(16)).is_ok());
    for text in [of(31), format!("{}\n{}", of(40), of(31)), "é".repeat(15)] {
        assert_eq!(SharedSecrets::parse(&text).unwrap_err(), "has a secret that is shorter than 32 bytes");
    }
}

#[test]
fn whatever_its_maker_wrote_is_taken_and_nothing_is_missed() {
    let claims = judged(&json!({})).unwrap();
    assert_eq!((claims.uid.as_str(), claims.role_id, claims.issued_at, claims.expires_at), ("", 0, None, None));
    let typed = json!({
        "user_id": 1_234, "email": "a@b.de", "email_verified": true, "name": "A", "role_id": 3, "issued_at": "today",
        "iat": "yesterday", "aud": ["x"], "iss": 5, "sid": {},
    });
    let claims = judged(&typed).unwrap();
    assert_eq!((claims.uid.as_str(), claims.email.as_str(), claims.name.as_str()), ("1234", "a@b.de", "A"));
    assert!(claims.email_verified && claims.role_id == 3 && claims.issued_at.is_none() && claims.session.is_none());
    for (claims, expected) in [
        (json!({"sub": "s", "user_id": "u"}), "s"),
        (json!({"sub": "", "user_id": "u"}), "u"),
        (json!({"sub": null, "uid": 7}), "7"),
        (json!({"sub": ["s"]}), ""),
    ] {
        assert_eq!(judged(&claims).unwrap().uid, expected);
    }
}

#[test]
fn times_count_to_their_second_with_the_skew_and_a_wrong_one_is_refused() {
    let now = NOW.seconds();
    let code = |claims: Value| judged(&claims).map(|_| "").unwrap_or_else(|refusal| refusal.code);
    assert_eq!(code(json!({"exp": now - 59})), "");
    assert_eq!(code(json!({"exp": now - 60})), "token_expired");
    assert_eq!(code(json!({"exp": now as f64 - 59.5})), "");
    assert_eq!(code(json!({"exp": now as f64 - 60.5})), "token_expired");
    assert_eq!((code(json!({"nbf": now + 60})), code(json!({"nbf": now + 61}))), ("", "token_invalid"));
    assert_eq!((code(json!({"iat": now + 60})), code(json!({"iat": now + 61}))), ("", "token_invalid"));
    for wrong in [json!("1779890400"), json!(null), json!(-1), json!(1e300), json!([]), json!(true)] {
        assert_eq!(code(json!({"exp": wrong})), "token_invalid", "{wrong}");
        assert_eq!(code(json!({"nbf": wrong})), "token_invalid", "{wrong}");
    }
    for exp in [json!(now - 60), json!(now as f64 - 60.5)] {
        let refusal = judged(&json!({"exp": exp})).unwrap_err();
        assert!(refusal.report.ends_with("1 minute ago"), "{}", refusal.report);
    }
}

#[test]
fn a_token_of_another_kind_is_not_meant_whatever_signed_it() {
    let secrets = secrets(FIRST);
    let meant = |claims: Value| is_meant(&token(&secrets, &claims));
    assert!(meant(json!({})) && meant(json!({"iss": "https://x.supabase.co/auth/v1"})));
    for claims in [
        json!({"aud": crate::jose::kind::CUSTOM_TOKEN_AUDIENCE}),
        json!({"iss": "https://securetoken.google.com/p"}),
        json!({"iss": "https://session.firebase.google.com/p"}),
        json!({"v": 0, "d": {"uid": "u"}}),
    ] {
        assert!(!meant(claims.clone()), "{claims}");
    }
}

fn completed(claims: Value, life: Option<u64>) -> Result<(Value, i64), String> {
    let claims = claims.as_object().unwrap().clone();
    complete(claims, life.map(Duration::from_secs), NOW + Duration::from_millis(700), SKEW)
        .map(|(claims, expiry)| (Value::Object(claims), expiry.seconds()))
        .map_err(|field| field.detail().to_owned())
}

#[test]
fn the_times_of_a_new_token_are_added_or_taken_as_they_are_given() {
    let now = NOW.seconds();
    assert_eq!(
        completed(json!({"a": 1}), None).unwrap(),
        (json!({"a": 1, "iat": now, "exp": now + 3_600}), now + 3_600)
    );
    assert_eq!(completed(json!({}), Some(1)).unwrap().1, now + 1);
    let given = json!({"exp": now + 5, "iat": now - 9, "nbf": now + 2});
    assert_eq!(completed(given.clone(), None).unwrap(), (given, now + 5));
    // The clock of the other server may be a little ahead of this one.
    assert!(completed(json!({"iat": now + 60}), None).is_ok());
}

#[test]
fn times_that_contradict_each_other_are_told() {
    let now = NOW.seconds();
    for (claims, life, words) in [
        (json!({"exp": now + 5}), Some(60), "an `exp` of its own"),
        (json!({"exp": "soon"}), None, "`exp` in the payload is text. It must be a whole number"),
        (json!({"exp": 1.5}), None, "`exp` in the payload is written with a fraction"),
        (json!({"exp": null}), None, "`exp` in the payload is null"),
        (json!({"iat": "now"}), None, "`iat` in the payload"),
        (json!({"nbf": -1}), None, "`nbf` in the payload"),
        (json!({"iat": now + 61}), None, "is in the future"),
        (json!({"nbf": now + 60}), Some(60), "before the token expires"),
        (json!({"exp": now}), None, "in the future"),
        (json!({"exp": now * 1_000}), None, "`exp` in the payload is in milliseconds"),
        (json!({"exp": now + 400 * 86_400}), None, "within 366 days"),
    ] {
        let refusal = completed(claims.clone(), life).unwrap_err();
        assert!(refusal.contains(words), "{claims}: {refusal}");
    }
}
