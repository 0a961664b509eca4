//! Tests `/verify` from the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use axum::http::Method;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use shared::{
    account::user::User,
    jose::jwt,
    keys::KeyRing,
    testing::{Answer, ISSUER, Service, signing_keys},
};

async fn service() -> Service {
    Service::new(verify::router()).await
}

async fn verify(service: &Service, token: &Value) -> Answer {
    service.post("/verify", json!({"token": token})).await
}

/// The header and the claims of an access token, to be changed and signed again.
fn parts(token: &Value) -> (Value, Value) {
    let token = jwt::Jwt::parse(token.as_str().unwrap()).unwrap();
    (Value::Object(token.header().clone()), Value::Object(token.claims))
}

/// A token of these parts with the service's own signature.
fn signed(header: &Value, claims: &Value) -> Value {
    let ring = KeyRing::parse(signing_keys()).unwrap();
    let key = &ring.signing(shared::time::Timestamp::from_seconds(1_800_000_000)).unwrap().key;
    let text = format!("{}.{}", URL_SAFE_NO_PAD.encode(header.to_string()), URL_SAFE_NO_PAD.encode(claims.to_string()));
    let signature = URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes()).unwrap());
    json!(format!("{text}.{signature}"))
}

#[tokio::test(start_paused = true)]
async fn a_genuine_access_token_is_verified_without_asking_the_store() {
    let service = service().await;
    let user = service.account("James@b.de").await;
    let token = service.session(&user).await["access_token"].clone();
    service.pass(Duration::from_secs(90));
    let body = verify(&service, &token).await.is(200).body;
    assert!(service.calls().is_empty());
    let (_, claims) = parts(&token);
    let expiry = shared::time::Timestamp::from_seconds(claims["exp"].as_i64().unwrap());
    assert_eq!(
        body,
        json!({
            "valid": true, "kind": "access_token", "uid": user.id, "email": "James@b.de", "email_verified": false,
            "name": "James", "role_id": 1, "act": "", "provider": "password",
            "issued_at": shared::time::Timestamp::from_seconds(claims["iat"].as_i64().unwrap()).rfc3339(),
            "expires_at": expiry.rfc3339(), "expires_in": body["expires_in"], "revocation_checked": false,
            "claims": claims,
            "report": format!("Expires: {} — in 58 minutes", expiry.readable()),
        })
    );
    assert!((3508..=3510).contains(&body["expires_in"].as_i64().unwrap()), "{body}");
    let names: Vec<_> = claims.as_object().unwrap().keys().map(String::as_str).collect();
    let expected =
        ["aud", "auth_time", "email", "email_verified", "exp", "iat", "iss", "jti", "name", "role_id", "sid", "sub"];
    assert_eq!(names, expected);
}

#[tokio::test(start_paused = true)]
async fn a_token_comes_in_the_body_in_a_form_or_in_the_header() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    verify(&service, &token).await.is(200);
    service.request(Method::POST, "/verify").form(&format!("token={}", token.as_str().unwrap())).await.is(200);
    service.request(Method::POST, "/verify").bearer(&token).send().await.is(200);
    service.request(Method::GET, "/verify").bearer(&token).send().await.is(200);
    service.get("/verify").await.refused(400, "token_missing");
    service.post("/verify", json!({"token": null})).await.refused(400, "token_missing");
    service.post("/verify", json!({"token": ""})).await.refused(401, "auth/argument-error");
    service.post("/verify", json!({"token": 1})).await.refused(401, "auth/argument-error");
}

#[tokio::test(start_paused = true)]
async fn an_expired_token_is_told_when_after_the_skew() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    service.pass(Duration::from_secs(3_655));
    assert_eq!(verify(&service, &token).await.is(200).body["expires_in"], 0);
    service.pass(Duration::from_secs(10));
    let answer = verify(&service, &token).await.refused(401, "token_expired");
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    assert!(answer.body["report"].as_str().unwrap().ends_with(" UTC — 1 minute ago"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_breaks_one_rule_is_refused_though_it_is_signed() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let (header, claims) = parts(&token);
    verify(&service, &signed(&header, &claims)).await.is(200);
    let now = claims["iat"].as_i64().unwrap();
    let without = |object: &Value, key: &str| {
        let mut object = object.clone();
        object.as_object_mut().unwrap().remove(key);
        object
    };
    let with = |object: &Value, key: &str, value: Value| {
        let mut object = object.clone();
        object[key] = value;
        object
    };
    let mut broken = vec![
        (with(&header, "alg", json!("none")), claims.clone()),
        (with(&header, "alg", json!("HS256")), claims.clone()),
        (with(&header, "alg", json!("RS384")), claims.clone()),
        (without(&header, "alg"), claims.clone()),
        (without(&header, "kid"), claims.clone()),
        (with(&header, "kid", json!("other")), claims.clone()),
        (with(&header, "kid", json!(1)), claims.clone()),
        (with(&header, "crit", json!(["exp"])), claims.clone()),
    ];
    for claim in claims.as_object().unwrap().keys() {
        broken.push((header.clone(), without(&claims, claim)));
        broken.push((header.clone(), with(&claims, claim, json!(null))));
        broken.push((header.clone(), with(&claims, claim, json!([claims[claim]]))));
    }
    for (claim, value) in [
        ("iss", json!("https://evil.example")),
        ("iss", json!(format!("{ISSUER}/"))),
        ("aud", json!("another")),
        ("iat", json!(now + 3_600)),
        ("auth_time", json!(now + 3_600)),
        ("nbf", json!(now + 3_600)),
        ("nbf", json!("0")),
        ("exp", json!(now as f64 + 3_600.5)),
        ("exp", json!(i64::MAX)),
        ("exp", json!((now + 3_600).to_string())),
    ] {
        broken.push((header.clone(), with(&claims, claim, value)));
    }
    for (header, claims) in broken {
        let answer = verify(&service, &signed(&header, &claims)).await;
        assert_eq!(answer.body["code"], "token_invalid", "{header} {claims} {}", answer.body);
        answer.refused(401, "token_invalid");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_whose_type_is_not_that_of_access_tokens_is_none() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let (mut header, claims) = parts(&token);
    header["typ"] = json!("JWT");
    verify(&service, &signed(&header, &claims)).await.refused(401, "auth/argument-error");
}

#[tokio::test(start_paused = true)]
async fn no_change_of_a_signed_token_is_accepted() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let text = token.as_str().unwrap();
    for index in (0..text.len()).step_by(7) {
        let mut changed = text.to_owned();
        let letter = if text.as_bytes()[index] == b'A' { "B" } else { "A" };
        changed.replace_range(index..=index, letter);
        assert_eq!(verify(&service, &json!(changed)).await.status, 401, "{index}");
    }
}

#[tokio::test(start_paused = true)]
async fn no_other_kind_is_accepted_and_each_is_named() {
    let service = service().await;
    let session = service.session(&service.account("a@b.de").await).await;
    let claims = |claims: Value| signed(&json!({"alg": "RS256", "typ": "JWT", "kid": "k"}), &claims);
    for (token, name) in [
        (session["jwt_token"].clone(), "Firebase custom token"),
        (
            claims(json!({"iss": "https://session.firebase.google.com/p", "exp": 1_779_894_000})),
            "Firebase session cookie",
        ),
        (claims(json!({"iss": "https://accounts.google.com"})), "Google's own sign-in"),
    ] {
        let answer = verify(&service, &token).await.refused(401, "auth/argument-error");
        assert!(answer.body["message"].as_str().unwrap().contains(name), "{}", answer.body);
        assert!(answer.body["report"].is_string());
    }
    for text in ["x", "a.b", "a.b.c", session["refresh_token"].as_str().unwrap(), &"A".repeat(16_000)] {
        let answer = verify(&service, &json!(text)).await.refused(401, "auth/argument-error");
        assert_eq!(answer.body["report"], "");
    }
}

#[tokio::test(start_paused = true)]
async fn check_revoked_sees_at_once_what_the_signature_cannot() {
    let service = service().await;
    let store = service.app().store().clone();
    let user = service.account("a@b.de").await;
    let check = async |token: &Value| {
        service.calls();
        let call = service.request(Method::GET, "/verify?check_revoked=true").bearer(token);
        let answer = call.send().await;
        assert_eq!(service.calls(), ["BatchGetItem"]);
        verify(&service, token).await.is(200);
        answer
    };
    let (one, two) = (service.session(&user).await, service.session(&user).await);
    check(&one["access_token"]).await.is(200);

    let sid = parts(&one["access_token"]).1["sid"].as_str().unwrap().to_owned();
    store.end_session(shared::account::session::SessionId::parse(&sid).unwrap(), None, service.now()).await.unwrap();
    check(&one["access_token"]).await.refused(401, "token_revoked");
    check(&two["access_token"]).await.is(200);

    let mut disabled = user.clone();
    disabled.disabled = true;
    store.change_user(&user, &disabled).await.unwrap();
    check(&two["access_token"]).await.refused(401, "account_disabled");
    let disabled = service.stored(&user).await.unwrap();
    store.update_user(&disabled, |user| user.end_sessions(service.now())).await.unwrap();
    // The sessions have ended as well, but the disabled account is reported first.
    check(&two["access_token"]).await.refused(401, "account_disabled");

    let disabled = service.stored(&user).await.unwrap();
    store.update_user(&disabled, |user| user.disabled = false).await.unwrap();
    check(&two["access_token"]).await.refused(401, "token_revoked");

    let three = service.session(&service.stored(&user).await.unwrap()).await;
    check(&three["access_token"]).await.is(200);
    store.delete_user(&service.stored(&user).await.unwrap()).await.unwrap();
    check(&three["access_token"]).await.refused(401, "token_revoked");
}

#[tokio::test(start_paused = true)]
async fn check_revoked_must_be_true_or_false() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    service.request(Method::GET, "/verify?check_revoked=false").bearer(&token).send().await.is(200);
    let call = service.request(Method::GET, "/verify?check_revoked=perhaps").bearer(&token);
    call.send().await.refused(400, "invalid_request");
}

#[tokio::test(start_paused = true)]
async fn an_unverified_address_is_refused_only_where_that_is_configured() {
    let service = Service::configured(verify::router(), &[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    verify(&service, &token).await.refused(403, "email_not_verified");
}

#[tokio::test(start_paused = true)]
async fn the_account_decides_about_its_address_where_it_is_read() {
    let service = Service::configured(verify::router(), &[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let set = async |user: &User, verified: bool| {
        let changed = User { email_verified: verified, ..user.clone() };
        service.app().store().change_user(user, &changed).await.unwrap();
    };
    let check =
        async |token: &Value| service.request(Method::GET, "/verify?check_revoked=true").bearer(token).send().await;
    let since = service.account("a@b.de").await;
    let token = service.session(&since).await["access_token"].clone();
    set(&since, true).await;
    check(&token).await.is(200);
    verify(&service, &token).await.refused(403, "email_not_verified");

    let no_more = service.account_with("c@d.de", None, |user| user.email_verified = true).await;
    let token = service.session(&no_more).await["access_token"].clone();
    set(&no_more, false).await;
    check(&token).await.refused(403, "email_not_verified");
    verify(&service, &token).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn another_audience_is_configured_and_checked() {
    let service = Service::configured(verify::router(), &[("AUDIENCE", "api")]).await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    verify(&service, &token).await.refused(401, "token_invalid");
    let (header, mut claims) = parts(&token);
    claims["aud"] = json!("api");
    verify(&service, &signed(&header, &claims)).await.is(200);
}
