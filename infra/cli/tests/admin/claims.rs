//! Claims, roles and private metadata: written by admins, and seen where they belong.

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    jose::jwt::Jwt,
    testing::{PASSWORD, Service},
};

use super::{KEY, variables};

async fn service(profile: &'static str) -> Service {
    let more = [("TOKEN_PROFILE", profile), ("ROLES", "1=member,7=editor")];
    Service::configured(latchkey::router(), &[&variables()[..], &more].concat()).await
}

async fn change(service: &Service, id: &str, body: Value) -> shared::testing::Answer {
    let call = service.request(Method::PATCH, &format!("/admin/users/{id}")).header("x-admin-key", KEY);
    call.json(body).await
}

fn claims(token: &Value) -> Value {
    Value::Object(Jwt::parse(token.as_str().unwrap()).unwrap().claims)
}

#[tokio::test(start_paused = true)]
async fn claims_and_the_name_of_the_role_stand_in_the_tokens_from_the_next_refresh_on() {
    for profile in ["access", "shared_secret", "firebase"] {
        let service = service(profile).await;
        let user = service.account("a@b.de").await;
        let before = service.session(&user).await;
        let own = json!({"plan": "pro", "limits": {"seats": 5}, "https://x.example/n": 113774264463038321964_u128.to_string()});
        let changed = change(&service, &user.id, json!({"claims": own, "role_id": 7})).await.is(200).body;
        assert_eq!((&changed["user"]["claims"], &changed["user"]["role"]), (&own, &json!("editor")));
        let refresh = json!({"refresh_token": before["refresh_token"]});
        let session = service.post("/refresh", refresh).await.is(200).body;
        let access = claims(&session["access_token"]);
        for (name, value) in own.as_object().unwrap() {
            assert_eq!(access[name], *value, "{name}");
        }
        assert_eq!(
            (&access["sub"], &access["role_id"], &access["role"]),
            (&json!(user.id), &json!(7), &json!("editor"))
        );
        let jwt = claims(&session["jwt_token"]);
        // Firebase would repeat a claim of a custom token until the user signs out.
        let expected = if profile == "firebase" { Value::Null } else { json!("pro") };
        assert_eq!(jwt["plan"], expected, "{profile}");
        let verified = service.post("/verify", json!({"token": session["access_token"]})).await.is(200).body;
        assert_eq!((&verified["claims"]["plan"], &verified["role_id"]), (&json!("pro"), &json!(7)));
        let credentials = json!({"email": "a@b.de", "password": PASSWORD});
        let login = service.post("/login", credentials.clone()).await.is(200).body;
        assert_eq!(claims(&login["access_token"])["plan"], "pro");
        change(&service, &user.id, json!({"claims": {}, "role_id": 3})).await.is(200);
        let login = service.post("/login", credentials).await.is(200).body;
        let access = claims(&login["access_token"]);
        assert!(access.get("plan").is_none() && access.get("role").is_none(), "{access}");
    }
}

/// Invariant b8.
#[tokio::test(start_paused = true)]
async fn claims_that_cannot_be_are_refused_and_every_offender_is_named() {
    let service = service("access").await;
    let user = service.account("a@b.de").await;
    let wrong = json!({"sub": "root", "role_id": 9, "role": "admin", "firebase": {}, "plan": "pro", "a b": 1});
    let answer = change(&service, &user.id, json!({"claims": wrong})).await.refused(400, "invalid_request");
    let mut fields = answer.fields();
    fields.sort_unstable();
    let expected = [
        ("claims", "invalid_claim_name"),
        ("claims.firebase", "reserved_claim"),
        ("claims.role", "reserved_claim"),
        ("claims.role_id", "reserved_claim"),
        ("claims.sub", "reserved_claim"),
    ];
    assert_eq!(fields, expected);
    for (claims, code) in [
        (json!({"a": "x".repeat(993)}), "claims_too_large"),
        (json!({"a": [[[[[1]]]]]}), "metadata_too_deep"),
        (json!([1]), "invalid_type"),
        (json!("{"), "invalid_json"),
    ] {
        let answer = change(&service, &user.id, json!({"claims": claims})).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("claims", code)], "{claims}");
    }
    change(&service, &user.id, json!({"claims": {"a": "x".repeat(992)}})).await.is(200);
    assert_eq!(service.stored(&user).await.unwrap().version, 1);
}

#[tokio::test(start_paused = true)]
async fn private_metadata_is_seen_by_admins_alone() {
    let service = service("access").await;
    let canary = "a canary of private metadata";
    let new = json!({"email": "a@b.de", "password": PASSWORD, "private_metadata": {"note": canary}, "metadata": {"plan": "free"}});
    let call = service.request(Method::POST, "/admin/users").header("x-admin-key", KEY);
    let made = call.json(new).await.is(201).body;
    assert_eq!(made["user"]["private_metadata"], json!({"note": canary}));
    let id = made["user"]["id"].as_str().unwrap();
    let changed = change(&service, id, json!({"private_metadata": {"score": 7}})).await.is(200).body;
    assert_eq!(changed["user"]["private_metadata"], json!({"note": canary, "score": 7}));
    let session = service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200);
    let me = service.request(Method::GET, "/me").bearer(&session.body["access_token"]).send().await.is(200);
    let patched = service.request(Method::PATCH, "/me").bearer(&session.body["access_token"]);
    let patched = patched.json(json!({"metadata": {"plan": "pro"}, "name": "Jim"})).await.is(200);
    let verify = service.request(Method::GET, "/verify?check_revoked=true").bearer(&session.body["access_token"]);
    let verify = verify.send().await.is(200);
    for answer in [&session, &me, &patched, &verify] {
        assert!(!answer.text.contains(canary), "{}", answer.text);
    }
    assert!(!claims(&session.body["access_token"]).to_string().contains(canary));
    let shown = service
        .request(Method::GET, &format!("/admin/users/{id}"))
        .header("x-admin-key", KEY)
        .send()
        .await
        .is(200)
        .body;
    assert_eq!(
        (&shown["user"]["private_metadata"]["note"], &shown["user"]["metadata"]["plan"]),
        (&json!(canary), &json!("pro"))
    );
    // Each of the person's own changes leaves it alone, and nobody else can write it.
    let own = service.request(Method::PATCH, "/me").bearer(&session.body["access_token"]);
    own.json(json!({"private_metadata": {"note": "x"}})).await.refused(400, "unknown_field");
    let large = json!({"private_metadata": {"a": "x".repeat(4096)}});
    let answer = change(&service, id, large).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("private_metadata", "metadata_too_large")]);
}
