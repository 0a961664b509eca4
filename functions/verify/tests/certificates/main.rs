//! Tests the public keys of Firebase ID tokens through `/verify`: when they are fetched, how long
//! they are kept, and failures of Google's endpoint.

#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

mod outages;

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Answer, Delivery, Google, PATIENCE, PROJECT, Reply, Service, certificate, id_token_claims};
use tokio::{task::JoinSet, time};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);
const MINUTE: Duration = Duration::from_secs(60);
const SECOND: Duration = Duration::from_secs(1);
/// Every answer comes within this time of tokio's clock, whatever the endpoint does. Most of these
/// tests pause that clock.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(3);
/// An answer that waits for no fetch comes within this time.
const AT_ONCE: Duration = Duration::from_secs(1);

async fn service(google: &Google) -> Service {
    let variables = [("FIREBASE_PROJECT_ID", PROJECT), ("FIREBASE_CERTS_URL", &google.url())];
    Service::configured(verify::router(), &variables).await
}

/// A new endpoint that publishes the first key as `a` for an hour, and a service that has fetched
/// the key.
async fn warm() -> (Google, Service) {
    warmed(Reply::certificates(&[(0, "a")])).await
}

async fn warmed(reply: Reply) -> (Google, Service) {
    let google = Google::start(reply).await;
    let service = service(&google).await;
    ask(&service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 1);
    (google, service)
}

/// A token that is valid now, signed by this key under this id.
fn token(service: &Service, key: usize, kid: &str) -> Value {
    certificate(key).id_token(kid, &id_token_claims("u", service.now()))
}

async fn ask_within(limit: Duration, service: &Service, key: usize, kid: &str) -> Answer {
    let answer = service.post("/verify", json!({"token": token(service, key, kid)}));
    time::timeout(limit, answer).await.expect("an answer in time")
}

async fn ask(service: &Service, key: usize, kid: &str) -> Answer {
    ask_within(ANSWER_TIME_MAX, service, key, kid).await
}

/// Verifies all these tokens at once.
async fn herd(limit: Duration, service: &Service, tokens: impl Iterator<Item = Value>) -> Vec<Answer> {
    let mut herd = JoinSet::new();
    for token in tokens {
        herd.spawn(service.request(Method::POST, "/verify").json(json!({"token": token})));
    }
    time::timeout(limit, herd.join_all()).await.expect("answers in time")
}

async fn herd_of(count: usize, service: &Service, key: usize, kid: &str) -> Vec<Answer> {
    herd_within(ANSWER_TIME_MAX, count, service, key, kid).await
}

async fn herd_within(limit: Duration, count: usize, service: &Service, key: usize, kid: &str) -> Vec<Answer> {
    herd(limit, service, vec![token(service, key, kid); count].into_iter()).await
}

/// Verifies tokens with 200 key ids that nobody published, at once.
async fn flood(service: &Service) -> Vec<Answer> {
    herd(ANSWER_TIME_MAX, service, (0..200).map(|number| token(service, 0, &format!("unknown-{number}")))).await
}

#[track_caller]
fn all(answers: Vec<Answer>, status: u16) {
    for answer in answers {
        answer.is(status);
    }
}

#[track_caller]
fn unavailable(answer: Answer) {
    let answer = answer.refused(503, "keys_unavailable");
    assert_eq!((answer.header("retry-after"), answer.header("www-authenticate")), ("1", ""));
}

/// Waits for the end of a fetch in the background.
async fn background_fetch() {
    time::sleep(Duration::from_millis(500)).await;
}

#[tokio::test(start_paused = true)]
async fn nothing_is_fetched_before_a_token_needs_it() {
    let google = Google::start(Reply::certificates(&[(0, "a")])).await;
    let service = service(&google).await;
    let session = service.session(&service.account("a@b.de").await).await;
    service.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    let mut claims = id_token_claims("u", service.now());
    claims["aud"] = json!("other");
    for token in [json!("x"), certificate(0).id_token("a", &claims), certificate(0).id_token("", &claims)] {
        service.post("/verify", json!({"token": token})).await.is(401);
    }
    background_fetch().await;
    assert_eq!(google.fetches(), 0);
    ask(&service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn both_forms_of_the_document_are_read_whatever_they_are_called() {
    for reply in [Reply::certificates(&[(0, "a"), (1, "b")]), Reply::jwk_set(&[(0, "a"), (1, "b")])] {
        for content_type in ["application/json", "text/html", ""] {
            let (_google, service) = warmed(reply.clone().header("Content-Type", content_type)).await;
            ask(&service, 1, "b").await.is(200);
            ask(&service, 1, "a").await.refused(401, "auth/argument-error");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn many_requests_at_once_cause_one_fetch() {
    let reply = Reply::certificates(&[(0, "a")]).delivered(Delivery::After(Duration::from_millis(200)));
    let google = Google::start(reply).await;
    let service = service(&google).await;
    all(herd_of(100, &service, 0, "a").await, 200);
    assert_eq!(google.fetches(), 1);
    all(herd_of(100, &service, 0, "a").await, 200);
    assert_eq!(google.fetches(), 0);
    service.pass(HOUR);
    all(herd_of(100, &service, 0, "a").await, 200);
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn many_requests_at_once_cause_one_fetch_though_it_fails() {
    let google = Google::start(Reply::new(500, "")).await;
    let service = service(&google).await;
    for answer in herd_of(100, &service, 0, "a").await {
        unavailable(answer);
    }
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_slow_but_in_time_is_waited_for() {
    let reply = Reply::certificates(&[(0, "a")]).delivered(Delivery::After(SECOND));
    let google = Google::start(reply).await;
    ask(&service(&google).await, 0, "a").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn keys_are_renewed_before_their_end_and_no_answer_waits_for_it() {
    let (mut google, service) = warm().await;
    google.answers(Reply::new(200, "").delivered(Delivery::Never)).await;
    service.pass(HOUR - Duration::from_secs(310));
    ask_within(AT_ONCE, &service, 0, "a").await.is(200);
    background_fetch().await;
    assert_eq!(google.fetches(), 0);
    service.pass(Duration::from_secs(10));
    all(herd_within(AT_ONCE, 100, &service, 0, "a").await, 200);
    background_fetch().await;
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn what_was_renewed_lasts_from_then_on() {
    let (mut google, service) = warm().await;
    google.answers(Reply::certificates(&[(0, "a"), (1, "b")])).await;
    service.pass(HOUR - 5 * MINUTE);
    ask(&service, 0, "a").await.is(200);
    background_fetch().await;
    assert_eq!(google.fetches(), 1);
    google.answers(Reply::new(200, "").delivered(Delivery::Never)).await;
    service.pass(HOUR - 6 * MINUTE);
    for (key, kid) in [(0, "a"), (1, "b")] {
        ask_within(AT_ONCE, &service, key, kid).await.is(200);
    }
    assert_eq!(google.fetches(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_fails_is_tried_again_every_ten_seconds() {
    let (mut google, service) = warm().await;
    google.answers(Reply::new(503, "")).await;
    service.pass(HOUR - 5 * MINUTE);
    for pause in [Duration::ZERO, 10 * SECOND, 10 * SECOND] {
        service.pass(pause);
        all(herd_of(20, &service, 0, "a").await, 200);
        background_fetch().await;
        all(herd_of(20, &service, 0, "a").await, 200);
        background_fetch().await;
        assert_eq!(google.fetches(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn made_up_ids_cause_one_fetch_a_minute() {
    let (google, service) = warm().await;
    for fetches in [1, 0, 0] {
        for answer in flood(&service).await {
            answer.refused(401, "auth/argument-error");
        }
        assert_eq!(google.fetches(), fetches);
    }
    service.pass(MINUTE);
    all(flood(&service).await, 401);
    all(flood(&service).await, 401);
    assert_eq!(google.fetches(), 1);
    ask(&service, 0, "a").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_published_early_is_found_by_one_fetch() {
    for delivery in [Delivery::Whole, Delivery::After(Duration::from_millis(300))] {
        let (mut google, service) = warm().await;
        google.answers(Reply::certificates(&[(0, "a"), (1, "b")]).delivered(delivery)).await;
        all(herd_of(50, &service, 1, "b").await, 200);
        ask(&service, 0, "a").await.is(200);
        assert_eq!(google.fetches(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_key_that_is_published_early_is_found_on_several_threads_at_once() {
    // Repeats the case, because a race between the permission to fetch and the fetch would show
    // only once in a hundred times.
    for _ in 0..50 {
        let (mut google, service) = warm().await;
        google.answers(Reply::certificates(&[(0, "a"), (1, "b")])).await;
        // The clock of several threads cannot be paused.
        all(herd_within(PATIENCE, 50, &service, 1, "b").await, 200);
        assert_eq!(google.fetches(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_withdrawn_key_is_good_until_its_time_is_over_and_no_longer() {
    let (mut google, service) = warmed(Reply::certificates(&[(0, "a"), (1, "b")])).await;
    google.answers(Reply::certificates(&[(1, "b")])).await;
    service.pass(HOUR - 6 * MINUTE);
    ask(&service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 0);
    service.pass(6 * MINUTE);
    ask(&service, 0, "a").await.refused(401, "auth/argument-error");
    ask(&service, 1, "b").await.is(200);
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn keys_last_as_long_as_their_answer_says() {
    let reply = || Reply::certificates(&[(0, "a")]);
    for (reply, life) in [
        (reply().good_for(19_204), 19_204),
        (reply().good_for(0), 1),
        (reply().good_for(10).header("Age", "10"), 1),
        (reply().header("Age", "3000"), 600),
        (reply().header("Cache-Control", ""), 3_600),
        (reply().header("Cache-Control", "no-cache"), 3_600),
        (reply().header("Cache-Control", "").header("Expires", "0"), 3_600),
    ] {
        let google = Google::start(reply).await;
        let service = service(&google).await;
        ask(&service, 0, "a").await.is(200);
        if life > 60 {
            // Keys are renewed before their end: a fifth of their life, but at most five minutes.
            service.pass(Duration::from_secs(life - (life / 5).min(300) - 5));
            ask(&service, 0, "a").await.is(200);
            background_fetch().await;
            assert_eq!(google.fetches(), 1, "{life}");
        }
        service.pass(Duration::from_secs(life));
        ask(&service, 0, "a").await.is(200);
        assert!(google.fetches() > 0, "{life}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_broken_certificate_costs_no_good_one_and_not_the_one_that_is_held() {
    let (mut google, service) = warmed(Reply::certificates(&[(0, "a"), (1, "b")])).await;
    let document = json!({"a": "-----BEGIN CERTIFICATE-----", "b": certificate(1).pem(), "c": certificate(2).pem()});
    google.answers(Reply::new(200, document.to_string()).good_for(3_600)).await;
    for _ in 0..3 {
        service.pass(HOUR);
        for (key, kid) in [(0, "a"), (1, "b"), (2, "c")] {
            ask(&service, key, kid).await.is(200);
        }
        assert_eq!(google.fetches(), 1);
        ask(&service, 0, "b").await.refused(401, "auth/argument-error");
    }
    // A key is kept for a day after its end. After that, nobody can say whether a token was signed
    // by it.
    service.pass(DAY);
    ask(&service, 0, "a").await.refused(503, "keys_unavailable");
    ask(&service, 0, "d").await.refused(401, "auth/argument-error");
    ask(&service, 1, "b").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_published_key_that_is_too_short_is_as_good_as_none() {
    let (mut google, service) = warmed(Reply::certificates(&[(0, "a"), (1, "b")])).await;
    let mut short = certificate(2).jwk("c");
    short["n"] = json!(short["n"].as_str().unwrap()[..172]);
    let document = json!({"keys": [certificate(1).jwk("b"), short]});
    google.answers(Reply::new(200, document.to_string()).good_for(3_600)).await;
    service.pass(HOUR);
    ask(&service, 1, "b").await.is(200);
    // The document can be read, so the keys that were withdrawn are gone.
    for (key, kid) in [(0, "a"), (2, "c")] {
        ask(&service, key, kid).await.refused(401, "auth/argument-error");
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_does_not_stop_the_fetch_for_others() {
    let reply = Reply::certificates(&[(0, "a")]).delivered(Delivery::After(SECOND));
    let google = Google::start(reply).await;
    let service = service(&google).await;
    let body = json!({"token": token(&service, 0, "a")});
    let short = Duration::from_millis(100);
    let dropped = service.post("/verify", body.clone());
    assert!(time::timeout(short, dropped).await.is_err());
    service.request(Method::POST, "/verify").within(short).json(body).await.refused(503, "unavailable");
    ask(&service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_was_frozen_with_its_function_does_not_stop_the_next() {
    let mut google = Google::start(Reply::new(200, "").delivered(Delivery::Never)).await;
    let service = service(&google).await;
    let body = json!({"token": token(&service, 0, "a")});
    let call = service.request(Method::POST, "/verify").within(Duration::from_millis(100));
    call.json(body).await.refused(503, "unavailable");
    google.answers(Reply::certificates(&[(0, "a")])).await;
    service.pass(3 * SECOND);
    ask_within(AT_ONCE, &service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 2);
    // The late failure changes nothing.
    time::sleep(ANSWER_TIME_MAX).await;
    ask_within(AT_ONCE, &service, 0, "a").await.is(200);
    ask_within(AT_ONCE, &service, 1, "b").await.refused(401, "auth/argument-error");
}

#[tokio::test(start_paused = true)]
async fn an_older_answer_that_comes_later_does_not_take_a_newer_ones_place() {
    let slow = Reply::certificates(&[(0, "a")]).delivered(Delivery::After(SECOND));
    let mut google = Google::start(slow).await;
    let service = service(&google).await;
    let body = json!({"token": token(&service, 0, "a")});
    let call = service.request(Method::POST, "/verify").within(Duration::from_millis(100));
    call.json(body).await.refused(503, "unavailable");
    google.answers(Reply::certificates(&[(1, "b")])).await;
    service.pass(3 * SECOND);
    ask_within(AT_ONCE, &service, 1, "b").await.is(200);
    time::sleep(SECOND + Duration::from_millis(250)).await;
    ask_within(AT_ONCE, &service, 1, "b").await.is(200);
    assert_eq!(google.fetches(), 2);
}
