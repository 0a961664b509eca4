//! Tests every failure of the endpoint, with cached keys and without.

use axum::http::Method;
use serde_json::json;
use shared::testing::{Delivery, Google, PATIENCE, Reply, Service, certificate};
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::{AT_ONCE, DAY, HOUR, MINUTE, SECOND, ask, ask_within, background_fetch, service, token, unavailable, warm};

/// Every failure of an endpoint, with its name.
fn outages() -> Vec<(&'static str, Reply)> {
    let keys = || Reply::certificates(&[(0, "a")]);
    let key = certificate(0).jwk("a");
    let (pem, broken) = (certificate(0).pem(), certificate(0).pem().replacen("MII", "AII", 1));
    let gzip: &[u8] = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xae\x05\x00\x43\xbf\xa6\xa3\x02\x00\x00\x00";
    vec![
        ("nobody listens", keys().delivered(Delivery::Refused)),
        ("the connection is reset", keys().delivered(Delivery::Reset)),
        ("it never answers", keys().delivered(Delivery::Never)),
        ("nothing follows the head", keys().delivered(Delivery::HeadAlone)),
        ("a byte at a time", keys().delivered(Delivery::Trickled)),
        ("shorter than it says", keys().delivered(Delivery::CutShort)),
        ("no last chunk", keys().delivered(Delivery::CutShortInChunks)),
        ("10 MB", keys().delivered(Delivery::Flooded)),
        ("without an end", keys().delivered(Delivery::Endless)),
        ("no HTTP", keys().delivered(Delivery::Garbled)),
        ("500 with keys", Reply::new(500, json!({"a": pem}).to_string())),
        ("503", Reply::new(503, "<html>").header("Retry-After", "60")),
        ("404", Reply::new(404, "")),
        ("429", Reply::new(429, json!({"error": {"code": 429}}).to_string())),
        ("204", Reply::new(204, "")),
        ("to itself", Reply::new(302, "").header("Location", "/robot/v1/metadata/x509")),
        ("HTML", Reply::new(200, "<!doctype html><title>Sign in to the network</title>")),
        ("an error as 200", Reply::new(200, json!({"error": {"code": 500}}).to_string())),
        ("no keys", Reply::new(200, "{}")),
        ("no keys in a set", Reply::new(200, json!({"keys": []}).to_string())),
        ("nothing", Reply::new(200, "")),
        ("an array", Reply::new(200, json!([pem]).to_string())),
        ("half a document", Reply::new(200, format!("{{\"a\":{pem:?},"))),
        ("gzip", Reply::new(200, gzip).header("Content-Encoding", "gzip")),
        ("an id twice", Reply::new(200, format!("{{\"a\":{pem:?},\"a\":{pem:?}}}"))),
        ("an id twice in a set", Reply::new(200, json!({"keys": [key, key]}).to_string())),
        ("all certificates broken", Reply::new(200, json!({"a": broken, "b": "x", "c": 1}).to_string())),
        ("a secret", Reply::new(200, json!({"keys": [{"kid": "a", "kty": "oct", "k": "A".repeat(43)}]}).to_string())),
    ]
}

/// Starts one endpoint and one service for each outage, and runs `story` for all of them at the
/// same time, because some outages take seconds.
async fn each_outage<F>(reply: &Reply, story: impl Fn(Google, Service, Reply) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let mut services = Vec::new();
    for (name, outage) in outages() {
        let google = Google::start(reply.clone()).await;
        let service = service(&google).await;
        services.push((name, google, service, outage));
    }
    let mut stories = JoinSet::new();
    for (name, google, service, outage) in services {
        let story = story(google, service, outage);
        stories.spawn(async move {
            let failed = tokio::spawn(story).await.is_err();
            failed.then_some(name)
        });
    }
    let failed: Vec<&str> = stories.join_all().await.into_iter().flatten().collect();
    assert!(failed.is_empty(), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn in_any_outage_cached_keys_serve_for_another_day() {
    let good = Reply::certificates(&[(0, "a")]);
    each_outage(&good, |mut google, service, outage| async move {
        ask(&service, 0, "a").await.is(200);
        google.answers(outage).await;
        // While the keys are fresh, an unknown id may be a new key.
        unavailable(ask(&service, 1, "b").await);
        unavailable(ask_within(AT_ONCE, &service, 1, "b").await);
        ask_within(AT_ONCE, &service, 0, "a").await.is(200);

        service.pass(HOUR);
        ask(&service, 0, "a").await.is(200);
        ask_within(AT_ONCE, &service, 0, "a").await.is(200);
        ask(&service, 2, "a").await.refused(401, "auth/argument-error");
        unavailable(ask(&service, 1, "b").await);

        service.pass(DAY - 5 * MINUTE);
        ask(&service, 0, "a").await.is(200);
        service.pass(5 * MINUTE);
        unavailable(ask(&service, 0, "a").await);

        google.answers(Reply::certificates(&[(0, "a")])).await;
        ask(&service, 0, "a").await.is(200);
        ask(&service, 1, "b").await.refused(401, "auth/argument-error");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn in_any_outage_without_keys_the_answer_is_503_in_time() {
    let nothing = Reply::new(404, "");
    each_outage(&nothing, |mut google, service, outage| async move {
        google.answers(outage).await;
        unavailable(ask(&service, 0, "a").await);
        unavailable(ask(&service, 0, "a").await);
        google.answers(Reply::certificates(&[(0, "a")])).await;
        ask(&service, 0, "a").await.is(200);
        ask_within(AT_ONCE, &service, 0, "a").await.is(200);
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn after_an_outage_the_keys_may_be_others() {
    let (mut google, service) = warm().await;
    google.answers(Reply::new(500, "")).await;
    service.pass(HOUR);
    ask(&service, 0, "a").await.is(200);
    unavailable(ask(&service, 1, "b").await);
    google.answers(Reply::certificates(&[(1, "b")])).await;
    service.pass(SECOND);
    ask(&service, 1, "b").await.is(200);
    ask(&service, 0, "a").await.refused(401, "auth/argument-error");
}

#[tokio::test(start_paused = true)]
async fn during_an_outage_what_is_held_serves_at_once_while_newer_keys_are_looked_for() {
    let (mut google, service) = warm().await;
    google.answers(Reply::new(500, "")).await;
    service.pass(HOUR);
    ask(&service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 1);
    for _ in 0..3 {
        service.pass(10 * SECOND);
        google.answers(Reply::new(200, "").delivered(Delivery::Never)).await;
        ask_within(AT_ONCE, &service, 0, "a").await.is(200);
        background_fetch().await;
        assert_eq!(google.fetches(), 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_flood_of_interim_answers_takes_no_more_time_than_any_outage_and_starves_nobody() {
    let ask = async |delivery| {
        let google = Google::start(Reply::new(200, "").delivered(delivery)).await;
        let service = service(&google).await;
        let call = service.request(Method::POST, "/verify").json(json!({"token": token(&service, 0, "a")}));
        let asked = tokio::spawn(async move {
            let began = Instant::now();
            let answer = time::timeout(PATIENCE, call).await.expect("an answer");
            (answer, began.elapsed(), google)
        });
        (service, asked)
    };
    let (service, flooded) = ask(Delivery::Interim).await;
    let (_, silent) = ask(Delivery::Never).await;
    let mut others = 0;
    while !flooded.is_finished() {
        let other = service.post("/verify", json!({"token": "x.y"}));
        time::timeout(PATIENCE, other).await.expect("an answer").refused(401, "auth/argument-error");
        others += 1;
    }
    let [(flooded, took, _), (silent, usual, _)] = [flooded.await.expect("no panic"), silent.await.expect("no panic")];
    unavailable(flooded);
    unavailable(silent);
    // Both ran side by side: the clock of several threads cannot be paused.
    assert!(took < usual * 2, "{took:?} in the place of {usual:?}");
    assert!(others >= 10, "{others} answers beside the flood");
}

#[tokio::test(start_paused = true)]
async fn a_fetch_that_waits_for_its_turn_does_not_count_as_failed_too_early() {
    let mut google = Google::start(Reply::new(500, "")).await;
    let service = service(&google).await;
    unavailable(ask(&service, 0, "a").await);
    google.fetches();
    // This fetch begins a second after the failure, and ends too late for this request.
    google.answers(Reply::certificates(&[(0, "a")]).delivered(Delivery::After(SECOND * 23 / 10))).await;
    unavailable(ask(&service, 0, "a").await);
    time::sleep(SECOND * 3 / 10).await;
    ask_within(AT_ONCE, &service, 0, "a").await.is(200);
    assert_eq!(google.fetches(), 1);
}
