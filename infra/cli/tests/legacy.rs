//! Tests `LEGACY_LOGIN_URL` against a server that checks signatures as a receiver of Standard
//! Webhooks does.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Json, Router,
    body::Bytes,
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use shared::testing::{Answer, Service};
use tokio::{
    net::TcpListener,
    time::{self, Instant},
};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const PASSWORD: &str = " the old password ";
const KNOWN: &str = "known@b.de";

/// The other system: what it answers to the right password, and the requests that it got.
#[derive(Clone)]
struct Legacy {
    user: Value,
    status: StatusCode,
    delay: Duration,
    requests: Arc<Mutex<Vec<(HeaderMap, Bytes)>>>,
}

impl Legacy {
    fn with(user: Value) -> Self {
        Self { user, status: StatusCode::OK, delay: Duration::ZERO, requests: Arc::default() }
    }

    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/check", post(check)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/check")
    }

    /// A service that asks this system, with one account of its own.
    async fn service(&self, more: &[(&str, &str)]) -> Service {
        let url = self.start().await;
        let own = [("LEGACY_LOGIN_URL", url.as_str()), ("LEGACY_LOGIN_SECRET", SECRET)];
        let service = Service::configured(latchkey::router(), &[&own, more].concat()).await;
        service.account(KNOWN).await;
        service
    }

    fn asked(&self) -> usize {
        self.requests.lock().unwrap().len()
    }
}

async fn check(State(legacy): State<Legacy>, headers: HeaderMap, body: Bytes) -> Response {
    legacy.requests.lock().unwrap().push((headers.clone(), body.clone()));
    time::sleep(legacy.delay).await;
    standardwebhooks::Webhook::new(SECRET).unwrap().verify(&body, &headers).unwrap();
    let asked: Value = serde_json::from_slice(&body).unwrap();
    match (legacy.status, asked["password"] == PASSWORD) {
        (StatusCode::OK, false) => StatusCode::UNAUTHORIZED.into_response(),
        (StatusCode::OK, true) => Json(json!({"user": legacy.user})).into_response(),
        (StatusCode::FOUND, _) => (StatusCode::FOUND, [(header::LOCATION, "/check")]).into_response(),
        (status, _) => (status, Json(json!({"user": legacy.user}))).into_response(),
    }
}

async fn login(service: &Service, email: &str, password: &str) -> Answer {
    service.post("/login", json!({"email": email, "password": password})).await
}

#[tokio::test]
async fn a_right_password_moves_the_account_and_the_other_system_is_asked_never_again() {
    let legacy = Legacy::with(json!({
        "id": "old-7", "email": "Ada@B.de", "name": "Ada", "username": "ada", "email_verified": true, "role_id": 7,
        "claims": {"plan": "pro"}, "metadata": {"n": 113_774_264_463_038_321_u64}, "password_hash": "hunter2", "shoe_size": 38,
    }));
    let service = legacy.service(&[]).await;
    let session = login(&service, "ada@b.de", PASSWORD).await.is(200).body;
    let user = &session["user"];
    assert_eq!(
        *user,
        json!({"id": "old-7", "email": "Ada@B.de", "name": "Ada", "username": "ada", "email_verified": true, "role_id": 7,
            "created_at": user["created_at"], "metadata": {"n": 113_774_264_463_038_321_u64}})
    );
    let me = service.request(Method::GET, "/me").bearer(&session["access_token"]).send().await.is(200);
    assert_eq!(me.body["user"]["id"], "old-7");
    service.post("/refresh", json!({"refresh_token": session["refresh_token"]})).await.is(200);
    let checked = service.post("/verify?check_revoked=true", json!({"token": session["access_token"]})).await.is(200);
    assert_eq!(checked.body["claims"]["plan"], "pro");

    login(&service, "ADA@b.de", PASSWORD).await.is(200);
    login(&service, "ada@b.de", "another password").await.refused(401, "invalid_credentials");
    assert_eq!(legacy.asked(), 1);
    let (headers, body) = legacy.requests.lock().unwrap()[0].clone();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(body, json!({"type": "login", "email": "ada@b.de", "password": PASSWORD}));
    assert!(headers["webhook-id"].len() == 36 && headers["webhook-signature"].to_str().unwrap().starts_with("v1,"));
    let token = json!({"grant_type": "password", "username": "ada@b.de", "password": PASSWORD});
    service.post("/oauth/token", token).await.is(200);
}

#[tokio::test]
async fn only_an_address_without_an_account_is_asked_about_and_only_by_a_login() {
    let legacy = Legacy::with(json!({}));
    let service = legacy.service(&[]).await;
    login(&service, KNOWN, PASSWORD).await.refused(401, "invalid_credentials");
    service.post("/login", json!({"username": "ada", "password": PASSWORD})).await.refused(401, "invalid_credentials");
    service.post("/password/forgot", json!({"email": "ada@b.de"})).await;
    assert_eq!(legacy.asked(), 0);
    let session = login(&service, "ada@b.de", PASSWORD).await.is(200).body;
    assert_eq!(
        (session["user"]["email"].clone(), session["user"]["email_verified"].clone()),
        (json!("ada@b.de"), json!(false))
    );
    assert_eq!(session["uid"].as_str().unwrap().len(), 36);
    assert_eq!(legacy.asked(), 1);
}

#[tokio::test]
async fn whatever_the_other_system_answers_beside_a_yes_looks_like_a_wrong_password() {
    let good = Legacy::with(json!({"id": "old"}));
    for legacy in [
        Legacy { status: StatusCode::NOT_FOUND, ..good.clone() },
        Legacy { status: StatusCode::INTERNAL_SERVER_ERROR, ..good.clone() },
        Legacy { status: StatusCode::FOUND, ..good.clone() },
        Legacy { delay: Duration::from_secs(20), ..good.clone() },
        Legacy::with(json!("no object")),
        Legacy::with(json!({"email": "other@b.de"})),
        Legacy::with(json!({"id": "x".repeat(200)})),
        Legacy::with(json!({"name": "x".repeat(20_000)})),
    ] {
        let service = legacy.service(&[]).await;
        let before = legacy.asked();
        let began = Instant::now();
        login(&service, "ada@b.de", PASSWORD).await.refused(401, "invalid_credentials");
        assert!(Duration::from_millis(2_500) <= began.elapsed(), "{:?}", legacy.user);
        assert_eq!(legacy.asked(), before + 1, "a redirect is not followed, and nothing is asked twice");
    }
    let nowhere = [("LEGACY_LOGIN_URL", "http://127.0.0.1:9/"), ("LEGACY_LOGIN_SECRET", SECRET)];
    let service = Service::configured(latchkey::router(), &nowhere).await;
    login(&service, "ada@b.de", PASSWORD).await.refused(401, "invalid_credentials");
}

/// A floor is promised, and no duration: no answer about a password comes before it.
#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer_after_the_same_time() {
    let legacy = Legacy::with(json!({}));
    let service = legacy.service(&[]).await;
    let mut bodies = Vec::new();
    for email in [KNOWN, "unknown@b.de"] {
        let began = Instant::now();
        let answer = login(&service, email, "a wrong password").await.refused(401, "invalid_credentials");
        assert!(Duration::from_millis(2_500) <= began.elapsed(), "{email}");
        bodies.push((answer.body["code"].clone(), answer.body["message"].clone()));
    }
    assert_eq!(bodies[0], bodies[1]);
    // The limits come first, for both after the same number of failures.
    let mut refused = Vec::new();
    for email in [KNOWN, "unknown@b.de"] {
        let mut failures = 1;
        while login(&service, email, "a wrong password").await.status != 429 {
            failures += 1;
        }
        refused.push(failures);
    }
    assert_eq!(refused[0], refused[1]);
    let asked = legacy.asked();
    assert_eq!(asked, refused[1], "one call for each failure of the unknown address");
    login(&service, "unknown@b.de", PASSWORD).await.is(429);
    assert_eq!(legacy.asked(), asked, "a caller that has to wait asks nobody");
}

#[tokio::test]
async fn an_account_that_may_not_log_in_is_moved_and_refused_as_any_other() {
    let legacy = Legacy::with(json!({"disabled": true}));
    let service = legacy.service(&[]).await;
    login(&service, "ada@b.de", PASSWORD).await.refused(403, "account_disabled");
    let legacy = Legacy::with(json!({"email_verified": false}));
    let service = legacy.service(&[("REQUIRE_VERIFIED_EMAIL", "true"), ("MAIL", "outbox")]).await;
    login(&service, "ada@b.de", PASSWORD).await.refused(403, "email_not_verified");
}

#[tokio::test]
async fn an_id_that_is_here_already_with_another_address_lets_nobody_in() {
    let legacy = Legacy::with(json!({"id": "old-7"}));
    let service = legacy.service(&[]).await;
    login(&service, "ada@b.de", PASSWORD).await.is(200);
    login(&service, "eve@b.de", PASSWORD).await.refused(401, "invalid_credentials");
    // A username that is taken is left out.
    let legacy = Legacy::with(json!({"username": "taken"}));
    let service = legacy.service(&[]).await;
    service.account_with("own@b.de", Some("taken"), |_| {}).await;
    let session = login(&service, "ada@b.de", PASSWORD).await.is(200).body;
    assert_eq!(session["user"]["username"], "");
}

#[tokio::test]
async fn many_first_logins_at_once_make_one_account() {
    let legacy = Legacy { delay: Duration::from_millis(300), ..Legacy::with(json!({})) };
    let service = legacy.service(&[("RATE_LIMITS", "off")]).await;
    let logins = (0..8).map(|_| login(&service, "ada@b.de", PASSWORD));
    let sessions = futures_util::future::join_all(logins).await;
    let first = &sessions[0].body["uid"];
    assert!(sessions.iter().all(|session| session.status == 200 && session.body["uid"] == *first), "{sessions:?}");
}
