//! Tests what an account holds, from the sign-up to every later answer: metadata, data under
//! unknown keys, and the role.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::fmt::Write;

use axum::http::Method;
use serde_json::{Map, Value, json};
use shared::{
    account::user::User,
    testing::{Answer, Google, PASSWORD, PROJECT, Reply, Service, assert_session_object, certificate, id_token_claims},
};

const METADATA: &str = r#"{"z": 113774264463038321964, "a": 42.0, "phone": "+49 30 1"}"#;
/// As an answer writes it: the digits and the order stay.
const KEPT: &str = r#""metadata":{"z":113774264463038321964,"a":42.0,"phone":"+49 30 1"}"#;

async fn service() -> Service {
    Service::new(latchkey::router()).await
}

async fn create(service: &Service, email: &str, metadata: &str) -> Answer {
    let body = format!(r#"{{"email": "{email}", "password": "{PASSWORD}", "name": "J", "metadata": {metadata}}}"#);
    let call = service.request(Method::POST, "/create-account").header("content-type", "application/json");
    call.body(body).send().await
}

async fn patch(service: &Service, token: &Value, body: Value) -> Answer {
    service.request(Method::PATCH, "/me").bearer(token).json(body).await
}

#[tokio::test(start_paused = true)]
async fn metadata_is_in_every_answer_about_the_account_and_in_no_token_without_another_round_trip() {
    let service = service().await;
    let created = create(&service, "a@b.de", METADATA).await.is(201);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let login = service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200);
    let mut calls = service.calls();
    calls[1..].sort();
    assert_eq!(calls, ["BatchGetItem", "BatchGetItem", "TransactWriteItems"], "the profile is read beside the write");
    let refreshed = service.post("/refresh", json!({"refresh_token": login.body["refresh_token"]})).await.is(200);
    assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem"]);
    let change = service.request(Method::POST, "/me/password").bearer(&refreshed.body["access_token"]);
    let body = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    let changed = change.json(body).await.is(200);
    for answer in [&created, &login, &refreshed, &changed] {
        assert_session_object(&answer.body);
        assert!(answer.text.contains(KEPT), "{}", answer.text);
        for token in ["access_token", "jwt_token"] {
            let decoded = service.post("/jwt/decode", json!({"token": answer.body[token]})).await.is(200);
            assert!(!decoded.text.contains("phone") && !decoded.text.contains("metadata"), "{token}");
        }
    }
    let token = &changed.body["access_token"];
    service.calls();
    let me = service.request(Method::GET, "/me").bearer(token).send().await.is(200);
    assert_eq!((service.calls().as_slice(), me.text.contains(KEPT)), (["BatchGetItem".to_owned()].as_slice(), true));
    for path in ["/verify", "/verify?check_revoked=true"] {
        let verified = service.request(Method::GET, path).bearer(token).send().await.is(200);
        assert!(!verified.text.contains("phone"), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_account_without_metadata_has_no_profile() {
    let service = service().await;
    for (email, metadata) in [("a@b.de", "{}"), ("b@b.de", "null"), ("c@b.de", r#""""#), ("d@b.de", r#"{"a": null}"#)] {
        assert_eq!(create(&service, email, metadata).await.is(201).body["user"]["metadata"], json!({}), "{metadata}");
    }
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("PROFILE#")));
}

#[tokio::test(start_paused = true)]
async fn metadata_that_is_refused_makes_no_account() {
    let service = service().await;
    for (metadata, code) in [
        ("[1]".to_owned(), "invalid_type"),
        ("7".to_owned(), "invalid_type"),
        (r#""plan=pro""#.to_owned(), "invalid_json"),
        (r#"{"a": [[[[[1]]]]]}"#.to_owned(), "metadata_too_deep"),
        (format!(r#"{{"a": "{}"}}"#, "x".repeat(4_096)), "metadata_too_large"),
    ] {
        let answer = create(&service, "a@b.de", &metadata).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("metadata", code)]);
    }
    assert!(service.keys_stored().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn metadata_belongs_to_the_request_of_an_idempotency_key() {
    let service = service().await;
    let create = async |key: &str, metadata: Value| {
        let body = json!({"email": "a@b.de", "password": PASSWORD, "metadata": metadata});
        service.request(Method::POST, "/create-account").header("idempotency-key", key).json(body).await
    };
    let first = create("key", json!({"a": 1})).await.is(201);
    let again = create("key", json!({"a": 1})).await.is(201);
    assert_eq!((&first.body["uid"], &first.body["user"]), (&again.body["uid"], &again.body["user"]));
    assert_eq!(create("key", json!(" {\"a\" : 1 }")).await.is(201).body["uid"], first.body["uid"]);
    for other in [json!({"a": 2}), json!({}), json!({"a": 1, "b": 2})] {
        create("key", other).await.refused(409, "idempotency_key_reused");
    }
}

/// The answer to a key that nothing reads.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Expected {
    Ignored,
    /// A code of the field. The detail says where the data belongs.
    Refused(&'static str, &'static str),
}

use Expected::{Ignored, Refused};

const UNKNOWN: &str = "unknown_field";
/// Keys that no endpoint accepts, whatever their value is.
const ALWAYS_REFUSED: [&str; 3] = ["role_id", "id", "email_verified"];
const NOT_SETTABLE: &str = "not_settable";
const IN_METADATA: Expected = Refused(UNKNOWN, "{\"metadata\": {\"");

/// Kinds of keys, and the answer at `/create-account` and at `PATCH /me`.
fn kinds() -> Vec<(&'static [&'static str], Expected, Expected)> {
    let own = [
        "phone",
        "phone_number",
        "phoneNumber",
        "photo_url",
        "photoURL",
        "avatar",
        "company",
        "birthday",
        "address",
        "newsletter",
        "téléphone",
        "$set",
        "a.b",
        "",
    ];
    let by_operator = Refused(NOT_SETTABLE, "latchkey users");
    let as_field = |field: &'static str| Refused(UNKNOWN, field);
    vec![
        (Box::leak(Box::new(own)), IN_METADATA, IN_METADATA),
        (&["first_name", "firstName", "last_name", "given_name", "surname"], IN_METADATA, IN_METADATA),
        (&["display_name", "displayName", "full_name", "Name"], as_field("`name`"), as_field("`name`")),
        (&["user_name", "userName", "login", "nickname"], as_field("`username`"), as_field("`username`")),
        (&["user_metadata", "data", "meta", "Metadata"], as_field("`metadata`"), as_field("`metadata`")),
        (&["e-mail", "emailAddress", "mail"], as_field("`email`"), as_field("POST /me/email")),
        (&["passwd", "pwd"], as_field("`password`"), as_field("POST /me/password")),
        (&["new_password", "currentPassword"], as_field("`password`"), as_field("POST /me/password")),
        (&["role", "roles", "is_admin", "isAdmin", "claims", "app_metadata"], by_operator, by_operator),
        (&["disabled", "verified", "emailVerified"], by_operator, by_operator),
        (
            &["uid", "user_id", "created_at", "createdAt", "updated_at"],
            Refused(NOT_SETTABLE, "The service makes it"),
            Refused(NOT_SETTABLE, "The service makes it"),
        ),
        (&["role_id", "id", "email_verified"], Refused(NOT_SETTABLE, "cannot be set"), Refused(NOT_SETTABLE, "")),
        (&["token", "access_token", "refresh_token", "api_key"], as_field("Authorization"), as_field("Authorization")),
        (
            &[
                "remember_me",
                "rememberMe",
                "terms",
                "accept_terms",
                "captcha",
                "captcha_token",
                "g-recaptcha-response",
                "h-captcha-response",
                "cf-turnstile-response",
                "csrf_token",
                "authenticity_token",
                "submit",
                "returnSecureToken",
                "gotrue_meta_security",
            ],
            Ignored,
            Ignored,
        ),
    ]
}

/// Checks the answer to an unknown key in a request that is right otherwise.
fn check(answer: &Answer, key: &str, expected: Expected, what: &str) {
    let status = answer.status.as_u16();
    let Refused(code, words) = expected else {
        return assert!(status < 300, "{what}: {}", answer.body);
    };
    let named = if key.is_empty() { "" } else { key };
    assert_eq!((status, answer.fields()), (400, vec![(named, code)]), "{what}: {}", answer.body);
    let whole = if code == UNKNOWN { UNKNOWN } else { "invalid_request" };
    assert_eq!(answer.body["code"], whole, "{what}");
    let detail = answer.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains(words), "{what}: {words:?} is not in {detail:?}");
    let message = answer.body["message"].as_str().unwrap_or_default();
    assert!(!message.contains('`') && message.ends_with('.'), "{what}: {message:?}");
}

fn with(body: &Value, key: &str, value: Value) -> Value {
    let mut body = body.as_object().cloned().unwrap_or_default();
    body.insert(key.to_owned(), value);
    body.into()
}

fn form(body: &Value) -> String {
    let encoded = |text: &str| {
        text.bytes().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "%{byte:02X}");
            text
        })
    };
    let fields = body.as_object().cloned().unwrap_or_else(Map::new).into_iter();
    let fields =
        fields.map(|(key, value)| format!("{}={}", encoded(&key), encoded(value.as_str().unwrap_or_default())));
    fields.collect::<Vec<_>>().join("&")
}

#[tokio::test(start_paused = true)]
async fn nothing_that_a_builder_sends_is_lost_in_silence_where_it_would_be_stored() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let (mut emails, mut cells) = (0.., 0);
    let mut address = || format!("new{}@b.de", emails.next().unwrap_or_default());
    for (keys, at_create, at_patch) in kinds() {
        for (number, key) in keys.iter().enumerate() {
            let is_always_refused = ALWAYS_REFUSED.contains(key);
            // A success costs a hash: the first keys of each kind stand for the others.
            let values = if number < 2 { 12 } else { 1 };
            for (value, says_nothing) in [
                (json!("text"), false),
                (json!(7), false),
                (json!(0), false),
                (json!(true), false),
                (json!(false), false),
                (json!(["a"]), false),
                (json!({"a": 1}), false),
                (json!(null), true),
                (json!(""), true),
                (json!("  "), true),
                (json!([]), true),
                (json!({}), true),
            ]
            .into_iter()
            .take(values)
            {
                let new = json!({"email": address(), "password": PASSWORD});
                let of = |expected| if says_nothing && !is_always_refused { Ignored } else { expected };
                let answer = service.post("/create-account", with(&new, key, value.clone())).await;
                check(&answer, key, of(at_create), &format!("/create-account with {key}: {value}"));
                let answer = patch(&service, &token, with(&json!({"name": "Jim"}), key, value.clone())).await;
                check(&answer, key, of(at_patch), &format!("PATCH /me with {key}: {value}"));
                cells += 2;
            }
            for (text, says_nothing) in [("text", false), ("", true)].into_iter().take(values) {
                let of = |expected| if says_nothing && !is_always_refused { Ignored } else { expected };
                let new = with(&json!({"email": address(), "password": PASSWORD}), key, json!(text));
                let answer = service.request(Method::POST, "/create-account").form(&form(&new)).await;
                check(&answer, key, of(at_create), &format!("/create-account by a form with {key}: {text:?}"));
                let call = service.request(Method::PATCH, "/me").bearer(&token);
                let answer = call.form(&form(&with(&json!({"name": "Jim"}), key, json!(text)))).await;
                check(&answer, key, of(at_patch), &format!("PATCH /me by a form with {key}: {text:?}"));
                cells += 2;
            }
        }
    }
    println!("{cells} cells of key, value and place");
}

#[tokio::test(start_paused = true)]
async fn a_profile_does_not_change_address_or_password_and_says_what_does() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    for (body, words) in [
        (json!({"email": "new@b.de"}), "POST /me/email"),
        (json!({"password": "another horse"}), "POST /me/password"),
        (json!({"password": "another horse", "confirm_password": "another horse"}), "POST /me/password"),
    ] {
        let answer = patch(&service, &token, body.clone()).await.refused(400, UNKNOWN);
        assert!(answer.body["detail"].as_str().unwrap_or_default().contains(words), "{body}: {}", answer.body);
    }
    for body in [json!({"email": ""}), json!({"email": null, "password": ""}), json!({"confirm_password": "x"})] {
        patch(&service, &token, body).await.is(200);
    }
}

#[tokio::test(start_paused = true)]
async fn all_unknown_keys_are_told_at_once_beside_every_other_mistake() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": PASSWORD, "phone": "1", "avatar": "2", "terms": true});
    let answer = service.post("/create-account", body).await.refused(400, UNKNOWN);
    assert_eq!(answer.fields(), [("avatar", UNKNOWN), ("phone", UNKNOWN)]);
    let body = json!({"email": "no", "password": PASSWORD, "phone": "1"});
    let answer = service.post("/create-account", body).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("email", "invalid_email"), ("phone", UNKNOWN)]);
    // An endless list of keys gets no endless answer.
    let many: Map<String, Value> = (0..500).map(|number| (format!("key{number}"), json!(1))).collect();
    let many = with(&json!({"email": "a@b.de", "password": PASSWORD, "many": 1}), "last", many.into());
    let answer = service.post("/create-account", many).await.refused(400, UNKNOWN);
    assert_eq!(answer.fields(), [("last", UNKNOWN), ("many", UNKNOWN)]);
    assert!(service.keys_stored().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn elsewhere_unknown_keys_are_ignored() {
    let service = service().await;
    let session = service.session(&service.account("a@b.de").await).await;
    let unknown = json!({"phone": "1", "remember_me": true, "device": {"a": 1}});
    let with = |body: Value| {
        let mut body = body.as_object().cloned().unwrap_or_default();
        body.extend(unknown.as_object().cloned().unwrap_or_default());
        Value::from(body)
    };
    service.post("/login", with(json!({"email": "a@b.de", "password": PASSWORD}))).await.is(200);
    service.post("/refresh", with(json!({"refresh_token": session["refresh_token"]}))).await.is(200);
    service.post("/verify", with(json!({"token": session["access_token"]}))).await.is(200);
    service.post("/jwt/decode", with(json!({"token": session["access_token"]}))).await.is(200);
    service.post("/logout", with(json!({"refresh_token": session["refresh_token"]}))).await.is(200);
    let login = service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200).body;
    let call = |path: &str| service.request(Method::POST, path).bearer(&login["access_token"]);
    let body = with(json!({"current_password": PASSWORD, "new_password": "another horse battery"}));
    let changed = call("/me/password").json(body).await.is(200).body;
    let call = service.request(Method::POST, "/me/delete").bearer(&changed["access_token"]);
    call.json(with(json!({"password": "another horse battery"}))).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_new_password_that_was_typed_twice_must_be_the_same_both_times() {
    let service = service().await;
    let mut emails = 0..;
    let mut create = |body: Value| {
        let email = format!("new{}@b.de", emails.next().unwrap_or_default());
        let new = with(&with(&body, "email", json!(email)), "password", json!("Café au lait, s'il vous"));
        service.post("/create-account", new)
    };
    for key in ["confirm_password", "password_confirmation", "confirmPassword", "password2", "repeat_password"] {
        create(json!({key: "Café au lait, s'il vous"})).await.is(201);
        // The same letters, decomposed.
        create(json!({key: "Cafe\u{301} au lait, s'il vous"})).await.is(201);
        for empty in [json!(""), json!(null), json!(true)] {
            create(json!({key: empty})).await.is(201);
        }
        let answer = create(json!({key: "Cafe au lait, s'il vous"})).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [(key, "password_mismatch")]);
    }
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    for key in ["confirm_password", "confirm_new_password", "new_password_confirmation"] {
        let body = json!({"current_password": PASSWORD, "new_password": "another horse battery", key: "another horse"});
        let call = service.request(Method::POST, "/me/password").bearer(&token);
        let answer = call.json(body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [(key, "password_mismatch")]);
    }
}

/// A Firebase ID token has no role: a claim of a custom token would live on in Firebase after the
/// role is withdrawn.
#[tokio::test(start_paused = true)]
async fn the_role_is_the_accounts_where_the_account_is_read() {
    const KID: &str = "0e5a1c";
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", &google.url())];
    let service = Service::configured(latchkey::router(), &variables).await;
    let user = service.account_with("James@b.de", Some("james"), |user| user.role_id = 7).await;
    let access_token = service.session(&user).await["access_token"].clone();
    let id_token = certificate(0).id_token(KID, &id_token_claims(&user.id, service.now()));
    let change = |user: &mut User| {
        user.role_id = 9;
        user.email_verified = true;
    };
    let changed = service.app().store().update_user(&user, change).await.unwrap_or(user);
    let change = shared::store::ProfileChange { name: Some("Jim"), metadata: None, private_metadata: None };
    assert!(service.app().store().change_profile(&changed, &change).await.is_ok());
    service.calls();
    let holder = |body: &Value| ["role_id", "email", "email_verified", "name"].map(|name| body[name].clone());
    let now = [json!(9), json!("James@b.de"), json!(true), json!("Jim")];
    for (token, says) in [
        (&access_token, [json!(7), json!("James@b.de"), json!(false), json!("James")]),
        (&id_token, [json!(0), json!(""), json!(false), json!("")]),
    ] {
        let body = service.post("/verify", json!({"token": token})).await.is(200).body;
        assert_eq!((holder(&body), &body["revocation_checked"]), (says, &json!(false)));
        assert!(service.calls().is_empty());
        let body = service.post("/verify?check_revoked=true", json!({"token": token})).await.is(200).body;
        assert_eq!((holder(&body), &body["revocation_checked"]), (now.clone(), &json!(true)));
        assert_eq!(service.calls(), ["BatchGetItem"]);
        // The token itself is shown as it is.
        assert!(body["claims"]["role_id"] != 9);
    }
}
