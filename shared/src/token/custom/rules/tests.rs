//! Breaks each rule.

use jsonwebtoken::{Algorithm, Header};
use serde_json::json;

use super::*;
use crate::testing::{block_on, service_account};

const NOW: i64 = 1_779_890_400;
const SKEW: Duration = Duration::from_secs(60);

fn account() -> ServiceAccount {
    ServiceAccount::parse(service_account()).unwrap()
}

fn good() -> Value {
    let email = account().email;
    json!({"iss": email, "sub": email, "aud": CUSTOM_TOKEN_AUDIENCE, "iat": NOW, "exp": NOW + 3600, "uid": "u"})
}

fn signed(header: &Header, claims: &Value) -> Jwt {
    signed_by(&account(), header, claims)
}

fn signed_by(account: &ServiceAccount, header: &Header, claims: &Value) -> Jwt {
    let signed = block_on(account.signer.sign(header, claims, Timestamp::from_seconds(NOW)));
    Jwt::parse(&signed.unwrap().token).unwrap()
}

fn inspect(token: &Jwt, after: i64) -> Result<(), String> {
    let inspected = block_on(account().inspect_custom_token(token, Timestamp::from_seconds(NOW + after), SKEW));
    inspected.unwrap().map_or(Ok(()), Err)
}

/// The sentence about a token with changed claims. A null removes the claim.
#[track_caller]
fn broken(changes: Value) -> String {
    let mut claims = good();
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
    }
    claims.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    inspect(&signed(&Header::new(Algorithm::RS256), &claims), 0).unwrap_err()
}

#[test]
fn a_token_of_another_program_is_good_if_firebase_accepts_it() {
    let mut claims = good();
    for (name, value) in [("exp", json!(NOW + 1)), ("claims", json!({})), ("tenant_id", json!("t")), ("x", json!(1))] {
        claims[name] = value;
        inspect(&signed(&Header::new(Algorithm::RS256), &claims), 0).unwrap();
    }
}

#[test]
fn each_broken_rule_is_reported_with_its_remedy() {
    let kid = Header { kid: Some("k".to_owned()), ..Header::new(Algorithm::RS256) };
    let other = inspect(&signed(&Header::new(Algorithm::RS512), &good()), 0).unwrap_err();
    assert!(other.starts_with("Its `alg` is not RS256"), "{other}");
    // A `kid` in a custom token is odd, and Firebase accepts it.
    let with_kid = signed(&kid, &good());
    inspect(&with_kid, 0).unwrap();
    assert!(warnings(&with_kid)[0].starts_with("Its header has a `kid`"));
    let foreign = json!({"iss": "x@y.iam.gserviceaccount.com", "sub": "x@y.iam.gserviceaccount.com"});
    for (changes, words) in [
        (json!({"sub": "somebody"}), "Its `iss` and `sub` are not the same"),
        (json!({"iss": null, "sub": null}), "Its `iss` and `sub` are not the same"),
        (json!({"iss": 1, "sub": 1}), "Its `iss` and `sub` are not the same"),
        (foreign, "It was made by another service account than latchkey@demo-latchkey.iam.gserviceaccount.com"),
        (json!({"aud": "demo-latchkey"}), "Its `aud` is not the audience of custom tokens, but the id of the project"),
        (json!({"aud": "other"}), "Its `aud` is not the audience of custom tokens: it must be https://identitytoolkit"),
        (json!({"aud": "123456789012"}), "Its `aud` is not the audience of custom tokens, but a project number"),
        (
            json!({"aud": "https://securetoken.google.com/p"}),
            "Its `aud` is not the audience of custom tokens, but the issuer",
        ),
        (json!({"aud": [CUSTOM_TOKEN_AUDIENCE]}), "Its `aud` is not the audience of custom tokens, but a list"),
        (json!({"aud": null}), "Its `aud` is not the audience of custom tokens (it is missing"),
        (json!({"uid": null}), "Its `uid` is not a text of 1 to 128 bytes: it is missing."),
        (
            json!({"uid": null, "user_id": "u"}),
            "Its `uid` is not a text of 1 to 128 bytes: it is missing, and no other",
        ),
        (json!({"uid": 7}), "Its `uid` is not a text of 1 to 128 bytes: it is a number"),
        (json!({"uid": ""}), "Its `uid` is not a text of 1 to 128 bytes: it is empty."),
        (json!({"uid": "é".repeat(65)}), "Its `uid` is not a text of 1 to 128 bytes: it has 130 bytes."),
        (json!({"exp": null}), "Its `exp` is missing: `iat` and `exp` must be whole numbers"),
        (json!({"iat": "1"}), "Its `iat` is text: `iat` and `exp` must be whole numbers"),
        (json!({"iat": NOW as f64 + 0.5}), "Its `iat` is written with a fraction"),
        (json!({"iat": NOW * 1000, "exp": NOW * 1000 + 3600}), "Its `iat` is in milliseconds"),
        (
            json!({"exp": NOW}),
            "It lives too short or not at all: `exp` is 0 seconds after `iat`, and must be 1 to 3600.",
        ),
        (json!({"exp": NOW + 3601}), "It lives too long: `exp` is 3601 seconds after `iat`, and must be 1 to 3600."),
        (json!({"claims": []}), "Its `claims` are not a JSON object"),
        (json!({"claims": "{}"}), "Its `claims` are not a JSON object"),
        (json!({"claims": {"sub": 1, "acr": 1, "fine": 1}}), "These claims are reserved and cannot be set: acr, sub."),
        (json!({"tenant_id": ""}), "Its `tenant_id` is empty or not text"),
        (json!({"tenant_id": 1}), "Its `tenant_id` is empty or not text"),
    ] {
        let sentence = broken(changes);
        assert!(sentence.starts_with(words), "{sentence}");
    }
}

#[test]
fn what_firebase_accepts_with_another_effect_is_a_warning() {
    let of = |changes: Value| {
        let mut claims = good();
        for (name, value) in changes.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let token = signed(&Header::new(Algorithm::RS256), &claims);
        inspect(&token, 0).unwrap();
        warnings(&token)
    };
    assert_eq!(of(json!({"claims": {"role": "admin", "name": "n"}, "nbf": NOW, "jti": "j"})), [""; 0]);
    assert_eq!(
        of(json!({"role": "admin", "email": "a@b.de"})),
        ["Firebase ignores what stands beside `claims`: put it into `claims`. It is: email, role."]
    );
    assert_eq!(
        of(json!({"claims": {"email": "a@b.de"}})),
        ["Firebase overwrites these claims in the ID token with its own values: email."]
    );
    assert!(of(json!({"claims": {"a": "x".repeat(1000)}}))[0].starts_with("The claims are 1008 characters"));
}

#[test]
fn every_broken_rule_that_needs_no_key_is_found() {
    let token =
        signed(&Header::new(Algorithm::RS256), &json!({"iss": "a@p.iam.gserviceaccount.com", "uid": "u", "aud": "p"}));
    let found = flaws(&token, Timestamp::from_seconds(NOW), SKEW);
    let words = ["`iss` and `sub`", "but the id of the project", "Its `iat` is missing"];
    assert!(found.len() == 3 && found.iter().zip(words).all(|(flaw, words)| flaw.contains(words)), "{found:?}");
}

#[test]
fn clocks_may_differ_by_the_skew_and_no_more() {
    let token = signed(&Header::new(Algorithm::RS256), &good());
    inspect(&token, -60).unwrap();
    inspect(&token, 3659).unwrap();
    assert!(inspect(&token, -61).unwrap_err().starts_with("Its `iat` is in the future"));
    assert!(inspect(&token, 3660).unwrap_err().starts_with("It expired at 2026-05-27 15:00:00 UTC"));
}

#[test]
fn a_signature_by_another_key_is_reported_last() {
    let other = ServiceAccount::parse(&ServiceAccount::generate_demo("demo-latchkey").unwrap()).unwrap();
    let sentence = inspect(&signed_by(&other, &Header::new(Algorithm::RS256), &good()), 0).unwrap_err();
    assert!(sentence.starts_with("Its signature is not by this key"), "{sentence}");
}
