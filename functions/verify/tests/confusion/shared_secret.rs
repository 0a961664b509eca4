//! Tests `/verify` with tokens that a shared secret signed.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    keys::shared_secret::SharedSecrets,
    testing::{Answer, PROJECT, Secrets, SecretsManager, Service, signing_keys},
};

use super::SECRET;

const OTHER: &str = "another secret of more than 32 bytes";

async fn service(variables: &[(&str, &str)]) -> Service {
    let all = [&[("JWT_SHARED_SECRET", SECRET), ("FIREBASE_PROJECT_ID", PROJECT)], variables].concat();
    Service::configured(verify::router(), &all).await
}

fn signed(secret: &str, claims: &Value) -> Value {
    SharedSecrets::parse(secret).unwrap().sign(claims).unwrap().into()
}

async fn verify(service: &Service, token: &Value) -> Answer {
    service.post("/verify", json!({"token": token})).await
}

#[tokio::test(start_paused = true)]
async fn what_a_builder_typed_comes_back_untouched_and_in_its_places() {
    let service = service(&[]).await;
    let now = service.now();
    let exp = now.floor() + Duration::from_secs(90);
    let claims = json!({
        "user_id": 17, "email": "a@b.de", "issued_at": "1779890400", "iat": now.seconds(), "exp": exp.seconds(), "x": [1.5],
    });
    let answer = verify(&service, &signed(SECRET, &claims)).await.is(200);
    let expires_in = answer.body["expires_in"].as_i64().unwrap();
    assert!((88..=90).contains(&expires_in));
    assert_eq!(
        answer.body,
        json!({
            "valid": true, "kind": "shared_secret", "uid": "17", "email": "a@b.de", "email_verified": false, "name": "",
            "role_id": 0, "act": "", "provider": "unknown", "issued_at": now.rfc3339(), "expires_at": exp.rfc3339(),
            "expires_in": expires_in, "revocation_checked": false, "claims": claims, "report": answer.body["report"],
        })
    );
    assert!(service.calls().is_empty());
    // A token without `exp` never expires.
    let body = verify(&service, &signed(SECRET, &json!({"sub": "u"}))).await.is(200).body;
    assert_eq!((&body["expires_at"], &body["expires_in"], &body["report"]), (&json!(""), &json!(0), &json!("")));
    assert_eq!((&body["issued_at"], &body["uid"]), (&json!(""), &json!("u")));
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_such_a_token_has_this_services_own_codes() {
    let service = service(&[]).await;
    let now = service.now().seconds();
    let expired = json!({"exp": now - 61});
    let answer = verify(&service, &signed(SECRET, &expired)).await.refused(401, "token_expired");
    assert!(answer.body["report"].as_str().unwrap().ends_with("1 minute ago"), "{}", answer.body);
    assert_eq!(answer.header("www-authenticate"), r#"Bearer error="invalid_token""#);
    for (token, words) in [
        (signed(OTHER, &json!({"user_id": 1})), "another secret"),
        // A wrong signature is reported before the expiry.
        (signed(OTHER, &expired), "another secret"),
        (signed(SECRET, &json!({"exp": "soon"})), "The token's exp is text."),
        (signed(SECRET, &json!({"nbf": now + 100})), "nbf is in the future"),
    ] {
        let answer = verify(&service, &token).await.refused(401, "token_invalid");
        assert!(answer.body["message"].as_str().unwrap().contains(words), "{}", answer.body);
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_secret_no_such_token_is_accepted() {
    let service = Service::configured(verify::router(), &[("FIREBASE_PROJECT_ID", PROJECT)]).await;
    let answer = verify(&service, &signed(SECRET, &json!({"user_id": 1}))).await;
    let answer = answer.refused(401, "auth/argument-error");
    assert!(answer.body["message"].as_str().unwrap().contains("signed with a shared secret"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn supabases_tokens_are_accepted_with_supabases_secret() {
    let service = service(&[]).await;
    let claims =
        json!({"iss": "https://x.supabase.co/auth/v1", "sub": "u", "aud": "authenticated", "role": "authenticated"});
    assert_eq!(verify(&service, &signed(SECRET, &claims)).await.is(200).body["kind"], "shared_secret");
}

#[tokio::test(start_paused = true)]
async fn an_address_must_be_verified_where_that_is_asked_for_and_one_is_named() {
    let service = service(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    verify(&service, &signed(SECRET, &json!({"user_id": 1}))).await.is(200);
    verify(&service, &signed(SECRET, &json!({"email": "a@b.de"}))).await.refused(403, "email_not_verified");
    verify(&service, &signed(SECRET, &json!({"email": "a@b.de", "email_verified": true}))).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_logout_is_seen_in_the_tokens_of_a_login_and_those_of_servers_have_none() {
    let service = service(&[("TOKEN_PROFILE", "shared_secret")]).await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    let check =
        async |token: &Value| service.request(Method::GET, "/verify?check_revoked=true").bearer(token).send().await;
    let body = check(&session["jwt_token"]).await.is(200).body;
    assert_eq!(
        (&body["kind"], &body["uid"], &body["email"]),
        (&json!("shared_secret"), &json!(user.id), &json!("a@b.de"))
    );
    assert_eq!((&body["claims"]["user_id"], &body["provider"]), (&json!(user.id), &json!("password")));
    assert_eq!(service.calls(), ["BatchGetItem"]);
    let id = body["claims"]["sid"].as_str().and_then(shared::account::session::SessionId::parse).unwrap();
    service.app().store().end_session(id, None, service.now()).await.unwrap();
    check(&session["jwt_token"]).await.refused(401, "token_revoked");
    service.calls();
    check(&signed(SECRET, &json!({"user_id": user.id, "sid": "mine", "iss": "mine"}))).await.is(200);
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn secrets_are_exchanged_while_tokens_of_both_are_about() {
    let manager = SecretsManager::new(Secrets::default());
    manager.with(|secrets| {
        secrets.put(shared::testing::SIGNING_KEYS_ID, &"0".repeat(32), signing_keys());
        secrets.put("shared", &"1".repeat(32), SECRET);
    });
    let service = Service::deployed(verify::router(), &[("SHARED_SECRET_ID", "shared")], &manager).await;
    let (old, new) = (signed(SECRET, &json!({"user_id": 1})), signed(OTHER, &json!({"user_id": 1})));
    verify(&service, &old).await.is(200);
    verify(&service, &new).await.refused(401, "token_invalid");
    manager.with(|secrets| secrets.put("shared", &"2".repeat(32), &format!("{OTHER}\n{SECRET}")));
    // Ten seconds after a secret was last missing, the service looks for a newer value, even within
    // the five minutes.
    service.pass(Duration::from_secs(11));
    verify(&service, &new).await.is(200);
    verify(&service, &old).await.is(200);
    manager.with(|secrets| secrets.put("shared", &"3".repeat(32), OTHER));
    service.pass(Duration::from_secs(301));
    verify(&service, &new).await.is(200);
    verify(&service, &old).await.refused(401, "token_invalid");
}
