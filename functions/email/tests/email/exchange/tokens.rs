//! The rules of each provider's tokens, replays and nonces.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::{Value, json};
use shared::testing::{Reply, certificate, id_token_header, unsigned};

use super::{CLIENT, Deployment, KID, signed};

/// The SHA-256 of `abc` (FIPS 180-4, the first example).
const HASH_OF_ABC: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
const PROVIDERS: [&str; 4] = ["google", "apple", "facebook", "trusted"];

fn with(claims: &Value, changes: &[(&str, Value)]) -> Value {
    let mut claims = claims.clone();
    for (name, value) in changes {
        claims[*name] = value.clone();
    }
    claims
}

#[tokio::test(start_paused = true)]
async fn a_token_that_breaks_a_rule_of_its_provider_opens_nothing() {
    let deployment = Deployment::new().await;
    let now = deployment.service.now().seconds();
    for provider in PROVIDERS {
        let good = deployment.claims(provider, "james@gmail.com");
        for (name, value, code) in [
            ("iss", json!("https://evil.example"), "id_token_invalid"),
            ("iss", json!(["https://accounts.google.com"]), "id_token_invalid"),
            ("aud", json!("another"), "id_token_invalid"),
            ("aud", json!([]), "id_token_invalid"),
            ("aud", Value::Null, "id_token_invalid"),
            ("sub", json!(""), "id_token_invalid"),
            ("sub", json!("x".repeat(256)), "id_token_invalid"),
            ("sub", json!(7), "id_token_invalid"),
            ("iat", json!(now + 3_600), "id_token_invalid"),
            ("iat", json!("now"), "id_token_invalid"),
            ("iat", json!(now - 700), "id_token_expired"),
            ("exp", json!(now - 61), "id_token_expired"),
            ("exp", Value::Null, "id_token_invalid"),
            ("nbf", json!(now + 3_600), "id_token_invalid"),
        ] {
            let answer = deployment.exchange(provider, &with(&good, &[(name, value.clone())])).await;
            assert_eq!(
                (answer.status.as_u16(), answer.body["code"].as_str()),
                (401, Some(code)),
                "{provider} {name} {value}"
            );
        }
        assert!(deployment.service.keys_stored().await.iter().all(|key| key.starts_with("LIMIT#")));
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_header_or_signature_is_wrong_opens_nothing() {
    let deployment = Deployment::new().await;
    for provider in PROVIDERS {
        let claims = deployment.claims(provider, "james@gmail.com");
        let header = |name: &str, value: Value| with(&id_token_header(KID), &[(name, value)]);
        let tokens = [
            json!(certificate(1).sign(&id_token_header(KID), &claims)),
            json!(certificate(0).sign(&header("kid", json!("unknown")), &claims)),
            json!(certificate(0).sign(&header("kid", json!("")), &claims)),
            json!(certificate(0).sign(&header("alg", json!("HS256")), &claims)),
            json!(certificate(0).sign(&header("alg", json!("ES256")), &claims)),
            json!(certificate(0).sign(&header("crit", json!(["exp"])), &claims)),
            json!(certificate(0).sign(&header("typ", json!("at+jwt")), &claims)),
            json!(certificate(0).sign(&header("typ", json!("logout+jwt")), &claims)),
            json!(format!("{}A", signed(&claims).as_str().unwrap())),
            unsigned(&header("alg", json!("none")), &claims),
            json!("hunter2"),
        ];
        for token in tokens {
            let answer = deployment.send(json!({"provider": provider, "id_token": token})).await;
            answer.refused(401, "id_token_invalid");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_of_another_app_names_both_and_azp_must_be_an_own_app() {
    let deployment = Deployment::new().await;
    let good = deployment.claims("google", "james@gmail.com");
    let answer = deployment.exchange("google", &with(&good, &[("aud", json!("foreign"))])).await;
    let message = answer.refused(401, "id_token_invalid").body["message"].as_str().unwrap().to_owned();
    assert!(message.contains("\"foreign\"") && message.contains(CLIENT), "{message}");
    deployment.exchange("google", &with(&good, &[("azp", json!("foreign"))])).await.refused(401, "id_token_invalid");
    deployment.exchange("google", &with(&good, &[("azp", json!("android"))])).await.is(200);
    let trusted = deployment.claims("trusted", "ann@yopmail.com");
    let list = |azp: Value| with(&trusted, &[("aud", json!(["other", "app"])), ("azp", azp)]);
    deployment.exchange("trusted", &list(Value::Null)).await.refused(401, "id_token_invalid");
    deployment.exchange("trusted", &list(json!("other"))).await.refused(401, "id_token_invalid");
    deployment.exchange("trusted", &list(json!("app"))).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_nonce_that_was_given_must_be_in_the_token_as_it_is_or_hashed() {
    let deployment = Deployment::new().await;
    for (provider, sent, found, code) in [
        ("google", Some("abc"), Some("abc"), ""),
        ("google", Some("abc"), Some(HASH_OF_ABC), ""),
        ("google", Some("abc"), Some("abd"), "nonce_mismatch"),
        ("google", Some("abc"), None, "nonce_mismatch"),
        // The SDK for iOS makes one that it shows to nobody.
        ("google", None, Some("hidden"), ""),
        ("google", None, None, ""),
        ("apple", Some("abc"), None, ""),
        ("acme", Some("abc"), Some("abc"), ""),
        ("acme", None, Some("abc"), "nonce_mismatch"),
        ("acme", None, None, "nonce_mismatch"),
    ] {
        let mut claims = deployment.claims(provider, "");
        if let Some(nonce) = found {
            claims["nonce"] = json!(nonce);
        }
        let mut body = json!({"provider": provider, "id_token": signed(&claims)});
        if let Some(nonce) = sent {
            body["nonce"] = json!(nonce);
        }
        let answer = deployment.send(body).await;
        assert_eq!(answer.body["code"].as_str().unwrap_or_default(), code, "{provider} {sent:?} {found:?}");
    }
    let supported = with(&deployment.claims("apple", ""), &[("nonce_supported", json!(true))]);
    let body = json!({"provider": "apple", "id_token": signed(&supported), "nonce": "abc"});
    deployment.send(body).await.refused(401, "nonce_mismatch");
}

/// The same token many times at once is one session, and none a minute later.
#[tokio::test]
async fn a_token_is_exchanged_once_and_its_answer_may_be_asked_for_again_within_a_minute() {
    let deployment = Deployment::new().await;
    let claims = deployment.claims("google", "james@gmail.com");
    let answers = join_all((0..200).map(|_| deployment.exchange("google", &claims))).await;
    let tokens: std::collections::BTreeSet<String> =
        answers.iter().map(|answer| answer.body["refresh_token"].to_string()).collect();
    assert!(answers.iter().all(|answer| answer.status.as_u16() == 200));
    assert_eq!(tokens.len(), 1);
    let keys = deployment.service.keys_stored().await;
    let count = |prefix: &str| keys.iter().filter(|key| key.starts_with(prefix)).count();
    assert_eq!((count("SESSION#"), count("USER#"), count("IDENTITY#"), count("EXCHANGED#")), (1, 1, 1, 1));
    deployment.service.pass(Duration::from_secs(61));
    deployment.exchange("google", &claims).await.refused(401, "id_token_used");
}

#[tokio::test]
async fn two_devices_that_sign_up_at_once_make_one_account() {
    sign_up_together(20).await;
}

#[tokio::test]
#[ignore = "a minute: 1,000 pairs of devices"]
async fn two_devices_that_sign_up_at_once_make_one_account_a_thousand_times() {
    sign_up_together(1_000).await;
}

/// Signs two devices up with tokens of one subject at once, in each round with another subject.
async fn sign_up_together(rounds: usize) {
    let deployment = Deployment::with(&[("RATE_LIMITS", "off")]).await;
    for round in 0..rounds {
        let subject = ("sub", json!(format!("s{round}")));
        let claims: Vec<Value> =
            (0..2).map(|_| with(&deployment.claims("facebook", ""), std::slice::from_ref(&subject))).collect();
        let answers = join_all(claims.iter().map(|claims| deployment.exchange("facebook", claims))).await;
        let uids: Vec<&Value> = answers.iter().map(|answer| &answer.body["uid"]).collect();
        assert!(uids[0].is_string() && uids[0] == uids[1], "{uids:?}");
    }
    let (mut accounts, mut after) = (0, None);
    loop {
        let page = deployment.service.app().store().users_page(None, after.as_deref(), 100).await.unwrap();
        accounts += page.users.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(accounts, rounds);
}

#[tokio::test(start_paused = true)]
async fn the_outage_of_a_providers_keys_is_a_503_and_an_unknown_provider_a_400() {
    let mut deployment = Deployment::new().await;
    deployment.google.answers(Reply::new(500, "")).await;
    let claims = deployment.claims("google", "james@gmail.com");
    deployment.exchange("google", &claims).await.refused(503, "keys_unavailable");
    deployment.exchange("nobody", &claims).await.refused(400, "invalid_request");
    deployment.google.answers(Reply::jwk_set(&[(0, KID)])).await;
    deployment.service.pass(Duration::from_secs(2));
    deployment.exchange("google", &claims).await.is(200);
}
