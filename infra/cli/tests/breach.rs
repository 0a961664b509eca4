//! Tests `PASSWORD_BREACH_CHECK` against a server with the range format of Have I Been Pwned.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    routing::get,
};
use serde_json::json;
use shared::testing::{Answer, Service};
use tokio::{net::TcpListener, time};

const PASSWORD: &str = "violet tractor 47 umbrella";
/// `printf %s "violet tractor 47 umbrella" | sha1sum`, in upper case.
const SHA1: &str = "E72C3B6986058EFA82907AD637E24440B102F516";

/// The behaviour of the list, and the requests that it got.
#[derive(Clone)]
struct List {
    status: StatusCode,
    body: String,
    delay: Duration,
    requests: Arc<Mutex<Vec<(String, HeaderMap)>>>,
}

impl List {
    fn answers(body: impl Into<String>) -> Self {
        Self { status: StatusCode::OK, body: body.into(), delay: Duration::ZERO, requests: Arc::default() }
    }

    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let range = |State(list): State<Self>, Path(prefix): Path<String>, headers: HeaderMap| async move {
            list.requests.lock().unwrap().push((prefix, headers));
            time::sleep(list.delay).await;
            (list.status, list.body)
        };
        let router = Router::new().route("/range/{prefix}", get(range)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/range/")
    }

    /// Creates an account with [`PASSWORD`], where this list is asked.
    async fn sign_up(&self) -> Answer {
        let url = self.start().await;
        let service = Service::configured(latchkey::router(), &[("PASSWORD_BREACH_CHECK", &url)]).await;
        service.post("/create-account", json!({"email": "a@b.de", "password": PASSWORD})).await
    }
}

fn line(count: u32) -> String {
    format!("{}:{count}\r\n", &SHA1[5..])
}

#[tokio::test]
async fn a_password_of_a_breach_is_refused_and_only_five_characters_of_its_hash_leave_the_process() {
    let list = List::answers(format!(
        "0018A45C4D1DEF81644B54AB7F969B88D65:1\r\n{}011053FD0102E94D6AE2F8B83D76FAF94F6:0",
        line(3)
    ));
    let answer = list.sign_up().await.refused(400, "weak_password");
    assert_eq!(answer.fields(), [("password", "password_is_breached")]);
    let requests = list.requests.lock().unwrap();
    let [(prefix, headers)] = &requests[..] else { unreachable!("one request, and not {}", requests.len()) };
    assert_eq!((prefix.as_str(), &headers["add-padding"]), (&SHA1[..5], &"true".parse().unwrap()));
    let sent = format!("{headers:?}");
    assert!(!sent.contains(&SHA1[5..]) && !sent.contains("violet"), "{sent}");
}

#[tokio::test]
async fn a_password_outside_the_list_or_in_a_line_of_padding_is_accepted() {
    for body in [String::new(), line(0), "0018A45C4D1DEF81644B54AB7F969B88D65:1".to_owned()] {
        List::answers(body).sign_up().await.is(201);
    }
}

#[tokio::test]
async fn lower_case_is_the_same_hash() {
    List::answers(line(1).to_lowercase()).sign_up().await.refused(400, "weak_password");
}

#[tokio::test]
async fn a_list_that_gives_no_proper_answer_in_time_refuses_nothing() {
    let good = List::answers(line(9));
    for list in [
        List { status: StatusCode::INTERNAL_SERVER_ERROR, ..good.clone() },
        List { status: StatusCode::TOO_MANY_REQUESTS, ..good.clone() },
        List { delay: Duration::from_secs(20), ..good.clone() },
        List { body: "<html>Sign in to the network</html>".to_owned(), ..good.clone() },
        List { body: format!("{}:many", &SHA1[5..]), ..good.clone() },
    ] {
        list.sign_up().await.is(201);
    }
    let service =
        Service::configured(latchkey::router(), &[("PASSWORD_BREACH_CHECK", "http://127.0.0.1:9/range/")]).await;
    service.post("/create-account", json!({"email": "a@b.de", "password": PASSWORD})).await.is(201);
}

#[tokio::test]
async fn a_new_password_is_checked_too_and_a_login_is_not() {
    let list = List::answers("");
    let url = list.start().await;
    let service = Service::configured(latchkey::router(), &[("PASSWORD_BREACH_CHECK", &url)]).await;
    let created = service.post("/create-account", json!({"email": "a@b.de", "password": PASSWORD})).await.is(201).body;
    service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200);
    assert_eq!(list.requests.lock().unwrap().len(), 1);
    let change = json!({"current_password": PASSWORD, "new_password": "amber tractor 48 umbrella"});
    let call = service.request(axum::http::Method::POST, "/me/password").bearer(&created["access_token"]);
    call.json(change).await.is(200);
    assert_eq!(list.requests.lock().unwrap().len(), 2);
}
