//! Tests `GET /me/export` from the outside.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{claims::OwnClaims, metadata::MetadataChange},
    store::ProfileChange,
    testing::Service,
};

async fn export(service: &Service, token: &Value) -> Value {
    service.request(Method::GET, "/me/export").bearer(token).send().await.is(200).body
}

#[tokio::test(start_paused = true)]
async fn a_person_gets_everything_that_is_stored_and_nothing_that_opens_a_door() {
    let service = Service::configured(account::router(), &[("ROLES", "7=editor")]).await;
    let claims = OwnClaims::parse(r#"{"plan":"pro","n":113774264463038321964}"#).unwrap();
    let user = service
        .account_with("James@b.de", Some("james"), |user| {
            (user.role_id, user.email_verified, user.claims) = (7, true, claims);
        })
        .await;
    let [own, private] =
        [r#"{"a":1.10}"#, r#"{"note":"a private note"}"#].map(|text| MetadataChange::parse(text).unwrap());
    let described = ProfileChange { name: Some("Jim"), metadata: Some(&own), private_metadata: Some(&private) };
    service.app().store().change_profile(&user, &described).await.unwrap();
    let first = service.session(&user).await;
    service.pass(Duration::from_secs(60));
    let second = service.session(&user).await;
    service.app().store().suppress("james@b.de", "bounced", service.now()).await.unwrap();
    service.calls();

    let document = export(&service, &second["access_token"]).await;
    // The caller, the password, the sessions, the address.
    let calls = service.calls();
    assert_eq!(calls.iter().filter(|call| *call == "BatchGetItem").count(), calls.len() - 1, "{calls:?}");
    let sessions = document["sessions"].as_array().unwrap();
    let flags: Vec<_> = sessions.iter().map(|session| (session["live"].clone(), session["current"].clone())).collect();
    assert_eq!(flags, [(json!(true), json!(true)), (json!(true), json!(false))]);
    assert_eq!(
        document["account"],
        json!({
            "id": user.id, "imported_uid": false, "email": "James@b.de", "email_verified": true, "username": "james",
            "name": "Jim", "role_id": 7, "role": "editor", "disabled": false, "has_password": true,
            "claims": document["account"]["claims"], "metadata": document["account"]["metadata"],
            "created_at": user.created_at.rfc3339(), "identities": [], "sessions_ended_at": "", "undo_links": [],
        })
    );
    let written = |name: &str| document["account"][name].to_string();
    assert_eq!(written("claims"), r#"{"n":113774264463038321964,"plan":"pro"}"#);
    assert_eq!(written("metadata"), r#"{"a":1.10}"#);
    assert_eq!(
        (&document["mails"], &document["exported_at"]),
        (&json!({"suppressed": true}), &json!(service.now().rfc3339()))
    );

    let text = document.to_string();
    let stored = service.stored(&user).await.unwrap();
    let hash = stored.password_hash.unwrap();
    for secret in [hash.as_str(), "$argon2", "a private note", second["refresh_token"].as_str().unwrap()] {
        assert!(!text.contains(secret), "{secret}");
    }
    assert_ne!(first["refresh_token"], second["refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn a_session_that_has_ended_is_in_the_document_while_its_record_is_stored() {
    let service = Service::new(account::router()).await;
    let user = service.account_with("a@b.de", None, |user| user.password_hash = None).await;
    let (old, new) = (service.session(&user).await, service.session(&user).await);
    let sessions = export(&service, &new["access_token"]).await["sessions"].clone();
    let other = sessions.as_array().unwrap().iter().find(|session| session["current"] == false).unwrap();
    let path = format!("/me/sessions/{}", other["id"].as_str().unwrap());
    service.request(Method::DELETE, &path).bearer(&new["access_token"]).send().await.is(200);
    let document = export(&service, &new["access_token"]).await;
    assert_eq!(document["account"]["has_password"], false);
    assert!(document["sessions"].as_array().unwrap().iter().all(|session| session["live"] == session["current"]));
    let refused = service.request(Method::GET, "/me/export").bearer(&old["access_token"]).send().await;
    assert_eq!((refused.status.as_u16(), service.get("/me/export").await.status.as_u16()), (401, 401));
}
