//! Tests the limits of `POST /login` from the outside.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{net::IpAddr, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{
        ip::IpKey,
        rate_limit::{FAILED_LOGINS, Quota},
        user::User,
    },
    auth::{password::hasher_for, session_object},
    password::{Priority, StoredHash},
    testing::{Answer, PASSWORD, PATIENCE, Service, Steps},
};
use tokio::task;

const API_KEY: &str = "a server's key of 32 characters or more";
/// The API key of a server that may only mint tokens.
const ENCODE_KEY: &str = "another server's key of 32 characters or more";

async fn service() -> Service {
    let lines = format!("bubble:encode:{ENCODE_KEY}\nproxy:forward:{API_KEY}");
    Service::configured(login::router(), &[("API_KEY", &lines)]).await
}

async fn log_in(service: &Service, email: &str, password: &str) -> Answer {
    service.post("/login", json!({"email": email, "password": password})).await
}

async fn fail(service: &Service, email: &str, times: u32) {
    for _ in 0..times {
        log_in(service, email, "wrong horse").await.refused(401, "invalid_credentials");
    }
}

/// Fails unless the answer says to wait this number of seconds.
#[track_caller]
fn waits(answer: Answer, seconds: u64) {
    let answer = answer.refused(429, "too_many_attempts");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
}

#[tokio::test(start_paused = true)]
async fn five_failures_are_free_and_then_each_costs_twice_the_time_of_the_one_before() {
    let service = service().await;
    service.account("known@b.de").await;
    for email in ["known@b.de", "unknown@b.de"] {
        fail(&service, email, 5).await;
        for seconds in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
            waits(log_in(&service, email, "wrong horse").await, seconds);
            let moment = Duration::from_millis(1);
            service.pass(Duration::from_secs(seconds) - moment);
            waits(log_in(&service, email, "wrong horse").await, 1);
            service.pass(moment);
            fail(&service, email, 1).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_attempt_is_refused_before_anything_is_hashed_or_written() {
    let service = service().await;
    service.account("a@b.de").await;
    fail(&service, "a@b.de", 5).await;
    service.calls();
    waits(log_in(&service, "a@b.de", PASSWORD).await, 1);
    assert_eq!(service.calls(), ["BatchGetItem"]);
}

#[tokio::test(start_paused = true)]
async fn who_waits_as_long_as_it_is_told_logs_in_and_starts_anew() {
    let service = service().await;
    service.account("a@b.de").await;
    fail(&service, "a@b.de", 5).await;
    service.pass(Duration::from_secs(1));
    service.calls();
    log_in(&service, "a@b.de", PASSWORD).await.is(200);
    // The attempt is counted before its password is checked, so that only one of many parallel
    // attempts is checked.
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems", "TransactWriteItems"]);
    fail(&service, "a@b.de", 5).await;
    waits(log_in(&service, "a@b.de", PASSWORD).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_series_and_the_ceiling() {
    let service = service().await;
    service.account("a@b.de").await;
    fail(&service, "a@b.de", 4).await;
    log_in(&service, "a@b.de", PASSWORD).await.is(200);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("LIMIT#ceiling")));
    fail(&service, "a@b.de", 5).await;
}

#[tokio::test(start_paused = true)]
async fn failures_are_forgotten_after_a_day() {
    let service = service().await;
    fail(&service, "a@b.de", 5).await;
    service.pass(Duration::from_secs(86_400));
    fail(&service, "a@b.de", 5).await;
    waits(log_in(&service, "a@b.de", "wrong horse").await, 1);
}

#[tokio::test(start_paused = true)]
async fn an_address_and_a_username_of_one_account_are_counted_together() {
    let service = service().await;
    service.account_with("a@b.de", Some("james"), |_| {}).await;
    fail(&service, "a@b.de", 2).await;
    fail(&service, "james", 3).await;
    for name in ["james", "A@B.de", "JAMES"] {
        waits(log_in(&service, name, PASSWORD).await, 1);
    }
    service.pass(Duration::from_secs(1));
    log_in(&service, "james", PASSWORD).await.is(200);
    fail(&service, "a@b.de", 5).await;
}

#[tokio::test(start_paused = true)]
async fn a_name_that_was_just_taken_is_held_to_the_failures_of_the_address() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    fail(&service, "a@b.de", 5).await;
    let taken = |user: &mut User| user.username = Some("james".to_owned());
    service.app().store().update_user(&user, taken).await.unwrap();
    for password in ["wrong horse", PASSWORD] {
        log_in(&service, "james", password).await.refused(429, "too_many_attempts");
    }
    log_in(&service, "a@b.de", PASSWORD).await.refused(429, "too_many_attempts");
}

#[tokio::test(start_paused = true)]
async fn a_wrong_guess_is_counted_before_its_answer_comes_so_that_nobody_gains_by_hanging_up() {
    let service = service().await;
    // bcrypt of cost 12. After a failed check of this hash, every other failed check is padded to
    // the same time, some hundred milliseconds.
    let foreign = StoredHash::new("$2b$12$abcdefghijklmnopqrstuu5s2v8.iXieOjg/.AySBTTZIIVFJeBui");
    service.account_with("a@b.de", None, |user| user.password_hash = Some(foreign)).await;
    let guess = |email: &str| {
        let call = service.request(Method::POST, "/login").within(PATIENCE);
        call.json(json!({"email": email, "password": "wrong horse"}))
    };
    // Otherwise the paused clock would see no time go by while the hash is computed.
    let steps = Steps::of_paused_clock();
    guess("a@b.de").await.refused(401, "invalid_credentials");
    drop(steps);
    let counts = async || {
        let keys = service.keys_stored().await;
        keys.into_iter().filter(|key| key.starts_with("LIMIT#caller")).count()
    };
    assert_eq!(counts().await, 1);
    let guess = tokio::spawn(guess("c@d.de"));
    while counts().await < 2 {
        assert!(!guess.is_finished(), "it was answered before it was counted");
        task::yield_now().await;
    }
    // As long as there is something to do, the clock stands still.
    for _ in 0..1_000 {
        task::yield_now().await;
    }
    assert!(!guess.is_finished(), "it was not drawn out at all");
    guess.abort();
    assert_eq!(counts().await, 2);
}

#[tokio::test(start_paused = true)]
async fn the_right_password_of_an_account_that_is_not_admitted_ends_the_series_too() {
    let service = service().await;
    service.account_with("a@b.de", None, |user| user.disabled = true).await;
    fail(&service, "a@b.de", 4).await;
    log_in(&service, "a@b.de", PASSWORD).await.refused(403, "account_disabled");
    fail(&service, "a@b.de", 5).await;
    waits(log_in(&service, "a@b.de", PASSWORD).await, 1);
}

async fn log_in_from_device(service: &Service, password: &str, token: &Value) -> Answer {
    service.post("/login", json!({"email": "a@b.de", "password": password, "refresh_token": token})).await
}

#[tokio::test(start_paused = true)]
async fn a_client_that_logged_in_before_is_not_delayed_by_strangers() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    fail(&service, "a@b.de", 5).await;
    waits(log_in(&service, "a@b.de", PASSWORD).await, 1);
    service.calls();
    log_in_from_device(&service, PASSWORD, &token).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    // An unknown client still has to wait.
    waits(log_in(&service, "a@b.de", PASSWORD).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_known_client_has_five_failures_of_its_own() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    for _ in 0..5 {
        log_in_from_device(&service, "wrong horse", &token).await.refused(401, "invalid_credentials");
    }
    waits(log_in_from_device(&service, PASSWORD, &token).await, 1);
    log_in(&service, "a@b.de", PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_was_logged_out_still_shows_who_had_it_and_no_other_token_does() {
    let service = service().await;
    let (user, other) = (service.account("a@b.de").await, service.account("c@d.de").await);
    let session = service.new_session(&user);
    service.app().store().put_session(&session).await.unwrap();
    let logged_out = service.session(&user).await["refresh_token"].clone();
    let token = logged_out.as_str().unwrap();
    let id = session_object::refresh_token(service.app(), token, service.now()).await.unwrap().unwrap().session;
    service.app().store().end_session(id, None, service.now()).await.unwrap();
    let strangers = service.session(&other).await["refresh_token"].clone();
    fail(&service, "a@b.de", 5).await;
    let empty = json!("");
    for token in [&strangers, &json!("x".repeat(43)), &empty, &Value::Null] {
        waits(log_in_from_device(&service, PASSWORD, token).await, 1);
    }
    log_in_from_device(&service, PASSWORD, &logged_out).await.is(200);
    let answer = log_in_from_device(&service, PASSWORD, &json!(1)).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("refresh_token", "invalid_type")]);
}

#[tokio::test(start_paused = true)]
async fn a_token_of_before_the_last_end_of_all_sessions_shows_nothing() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    let now = service.now();
    service.app().store().update_user(&user, |user| user.end_sessions(now)).await.unwrap();
    fail(&service, "a@b.de", 5).await;
    waits(log_in_from_device(&service, PASSWORD, &token).await, 1);
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[tokio::test(start_paused = true)]
async fn forwarded_addresses_count_from_a_server_with_an_api_key_and_from_nobody_else() {
    let service = service().await;
    let attempt = async |peer: &str, forwarded: &str, key: &str| {
        let call = service.request(Method::POST, "/login").from(ip(peer)).header("x-forwarded-for", forwarded);
        let body = json!({"email": "a@b.de", "password": "wrong horse"});
        let call = if key.is_empty() { call } else { call.header("x-api-key", key) };
        call.json(body).await.refused(401, "invalid_credentials");
        service.pass(Duration::from_secs(86_400));
        let keys = service.keys_stored().await;
        keys.into_iter().filter(|key| key.starts_with("LIMIT#failed-logins")).count()
    };
    // Each address has its own record, and a new one each day.
    assert_eq!(attempt("192.0.2.1", "203.0.113.9", "").await, 1);
    assert_eq!(attempt("192.0.2.1", "203.0.113.9", "no such key").await, 2);
    assert_eq!(attempt("192.0.2.1", "203.0.113.9", API_KEY).await, 3);
    // A key that only mints tokens is not believed about an address.
    assert_eq!(attempt("192.0.2.1", "203.0.113.9", ENCODE_KEY).await, 4);
    // A server that names no client address has no limit by address.
    assert_eq!(attempt("192.0.2.1", "", API_KEY).await, 4);
    assert_eq!(attempt("192.0.2.1", "192.0.2.1", API_KEY).await, 4);
}

#[tokio::test(start_paused = true)]
async fn an_address_that_has_used_up_its_failures_gets_in_with_a_right_password_and_no_header_helps() {
    let service = service().await;
    service.account("a@b.de").await;
    let user = service.account("c@d.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    let used_up = Quota { max: FAILED_LOGINS.hard_max, ..FAILED_LOGINS };
    let attempt = async |peer: &str, email: &str, password: &str| {
        let call = service.request(Method::POST, "/login").from(ip(peer)).header("x-forwarded-for", "203.0.113.9");
        call.json(json!({"email": email, "password": password})).await
    };
    service.exhaust(ip("2001:db8::1"), &FAILED_LOGINS).await;
    // One attempt at each account is left; known and unknown accounts get the same answer.
    let known = attempt("2001:db8::1", "c@d.de", "wrong horse").await.refused(429, "too_many_attempts");
    let unknown = attempt("2001:db8::ffff:1", "no@b.de", "wrong horse").await.refused(429, "too_many_attempts");
    assert_eq!(
        (known.header("retry-after"), &known.body["message"]),
        (unknown.header("retry-after"), &unknown.body["message"])
    );
    assert!((1..=900).contains(&known.header("retry-after").parse::<u64>().unwrap()));
    attempt("2001:db8::1", "c@d.de", PASSWORD).await.refused(429, "too_many_attempts");
    attempt("2001:db8::1", "a@b.de", PASSWORD).await.is(200);
    attempt("2001:db8:0:1::1", "c@d.de", PASSWORD).await.is(200);
    service.exhaust(ip("2001:db8::1"), &used_up).await;
    service.account("e@f.de").await;
    attempt("2001:db8::1", "e@f.de", PASSWORD).await.refused(429, "too_many_attempts");
    let by_server = service.request(Method::POST, "/login").from(ip("2001:db8::1")).header("x-api-key", API_KEY);
    by_server.json(json!({"email": "e@f.de", "password": PASSWORD})).await.is(200);
    let known = json!({"email": "c@d.de", "password": PASSWORD, "refresh_token": token});
    service.request(Method::POST, "/login").from(ip("2001:db8::1")).json(known).await.is(200);
    attempt("2001:db8::1", "a@b.de", PASSWORD).await.is(200);
    service.pass(Duration::from_secs(900));
    attempt("2001:db8::1", "e@f.de", PASSWORD).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn failures_at_other_addresses_delay_nobody_and_the_same_bytes_answer_for_known_and_unknown() {
    let service = service().await;
    service.account("a@b.de").await;
    let attempt = async |peer: &str, email: &str, password: &str| {
        let call = service.request(Method::POST, "/login").from(ip(peer)).header("x-request-id", "same");
        call.json(json!({"email": email, "password": password})).await
    };
    for email in ["a@b.de", "no@b.de"] {
        for _ in 0..5 {
            attempt("192.0.2.1", email, "wrong horse").await.refused(401, "invalid_credentials");
        }
    }
    let refused = [attempt("192.0.2.1", "a@b.de", PASSWORD).await, attempt("192.0.2.1", "no@b.de", PASSWORD).await];
    let [known, unknown] = refused.map(|answer| answer.refused(429, "too_many_attempts").body);
    assert_eq!(known, unknown);
    service.calls();
    attempt("192.0.2.2", "a@b.de", PASSWORD).await.is(200);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    attempt("192.0.2.1", "a@b.de", PASSWORD).await.refused(429, "too_many_attempts");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_many_guesses_at_once_in_many_processes_five_learn_something() {
    let first = service().await;
    first.account("a@b.de").await;
    let mut processes = Vec::new();
    for _ in 0..9 {
        processes.push(first.beside(login::router(), &[], None).await);
    }
    processes.push(first);
    let began = processes[0].now();
    let guesses = processes.iter().flat_map(|process| {
        (0..6).map(|_| {
            let call = process.request(Method::POST, "/login").within(PATIENCE);
            tokio::spawn(call.json(json!({"email": "a@b.de", "password": "wrong horse"})))
        })
    });
    let guesses: Vec<_> = guesses.collect();
    let mut statuses = Vec::new();
    for guess in guesses {
        statuses.push(guess.await.unwrap().status.as_u16());
    }
    let count = |wanted: u16| statuses.iter().filter(|status| **status == wanted).count();
    // On a slow machine the first delays end meanwhile: one second, two more, four more.
    let seconds = processes[0].now().seconds() + 1 - began.seconds();
    let allowed = 5 + (1..).take_while(|further| (1 << further) - 1 <= seconds).count();
    assert!((5..=allowed).contains(&count(401)), "{statuses:?} in {seconds} s");
    assert_eq!(count(401) + count(429), 60, "{statuses:?}");
}

#[tokio::test(start_paused = true)]
async fn nobody_is_counted_where_limits_are_off() {
    let service = Service::configured(login::router(), &[("RATE_LIMITS", "off")]).await;
    service.account("a@b.de").await;
    fail(&service, "a@b.de", 8).await;
    assert_eq!(service.calls(), ["BatchGetItem"; 8]);
    log_in(&service, "a@b.de", PASSWORD).await.is(200);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("LIMIT#")));
    service.account_with("c@d.de", None, |user| user.disabled = true).await;
    log_in(&service, "c@d.de", PASSWORD).await.refused(403, "account_disabled");
}

#[tokio::test(start_paused = true)]
async fn a_count_that_cannot_be_read_is_a_fault_and_never_a_way_in() {
    let service = service().await;
    service.account("a@b.de").await;
    fail(&service, "a@b.de", 1).await;
    let key = service.keys_stored().await.into_iter().find(|key| key.starts_with("LIMIT#caller")).unwrap();
    let text = aws_sdk_dynamodb::types::AttributeValue::S;
    let broken = [("pk", text(key)), ("failures", text("none".to_owned()))];
    let item = broken.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let table = &service.app().config().table_name;
    service.client().put_item().table_name(table).set_item(Some(item)).send().await.unwrap();
    for password in ["wrong horse", PASSWORD] {
        log_in(&service, "a@b.de", password).await.refused(500, "internal_error");
    }
}

#[tokio::test]
async fn one_hash_of_an_address_that_did_not_fail_comes_before_all_others() {
    let service = service().await;
    let (app, of_one, of_another) = (service.app(), key("192.0.2.1"), key("2001:db8::1"));
    let (first, turn) = hasher_for(app, Some(&of_one), false);
    assert_eq!(first.priority(), Priority::Usual);
    assert_eq!(hasher_for(app, Some(&of_one), false).0.priority(), Priority::Low, "its first one is not done");
    assert_eq!(hasher_for(app, Some(&of_another), false).0.priority(), Priority::Usual);
    assert_eq!(hasher_for(app, Some(&of_another), true).0.priority(), Priority::Low);
    assert_eq!(hasher_for(app, None, false).0.priority(), Priority::Usual);
    drop(turn);
    assert_eq!(hasher_for(app, Some(&of_one), false).0.priority(), Priority::Usual);
}

fn key(ip: &str) -> IpKey {
    IpKey::new(ip.parse().unwrap())
}
