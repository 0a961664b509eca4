//! Tests `POST /refresh` from the outside.

#![expect(clippy::indexing_slicing, reason = "a test that cannot go on fails")]

use std::{net::Ipv4Addr, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::{
        rate_limit::REFRESHES,
        refresh_token::RefreshToken,
        session::{Rotator, Session, SessionId},
        user::User,
    },
    auth::session_object::presented,
    error::{Error, RefreshRefusal},
    testing::{Answer, PATIENCE, Service, assert_session_object},
    time::Timestamp,
};
use tokio::task::JoinSet;

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

async fn service() -> Service {
    Service::new(refresh::router()).await
}

/// A deployment where a refresh token works once.
async fn strict() -> Service {
    Service::configured(refresh::router(), &[("REFRESH_REUSE_INTERVAL_SECONDS", "0")]).await
}

async fn refresh(service: &Service, token: &Value) -> Answer {
    service.post("/refresh", json!({"refresh_token": token})).await
}

/// The answers to 32 refreshes of one token at the same time.
async fn refresh_in_parallel(service: &Service, token: &Value) -> Vec<Answer> {
    let mut tasks = JoinSet::new();
    for _ in 0..32 {
        let call = service.request(Method::POST, "/refresh").within(PATIENCE);
        tasks.spawn(call.json(json!({"refresh_token": token})));
    }
    tasks.join_all().await
}

/// The refresh token that `token` is exchanged for.
async fn child(service: &Service, token: &Value) -> Value {
    refresh(service, token).await.is(200).body["refresh_token"].clone()
}

#[tokio::test(start_paused = true)]
async fn a_refresh_gives_the_whole_session_object_anew_in_two_round_trips() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let first = service.session(&user).await;
    service.pass(DAY);
    let answer = refresh(&service, &first["refresh_token"]).await.is(200);
    assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem"]);
    assert_session_object(&answer.body);
    assert_eq!(answer.body["user"], first["user"]);
    assert_ne!(answer.body["refresh_token"], first["refresh_token"]);
    assert_ne!(answer.body["access_token"], first["access_token"]);
    assert_eq!(answer.body["refresh_expires_at"], first["refresh_expires_at"]);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_parent_gets_the_same_child_for_an_hour_while_the_child_was_not_used() {
    let service = service().await;
    let parent = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let first = child(&service, &parent).await;
    service.calls();
    assert_eq!(child(&service, &parent).await, first);
    assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem"]);
    service.pass(HOUR - Duration::from_secs(1));
    assert_eq!(child(&service, &parent).await, first);
    assert_ne!(child(&service, &first).await, first);
}

#[tokio::test(start_paused = true)]
async fn a_parent_that_comes_again_after_the_life_of_an_access_token_ends_the_session() {
    let service = service().await;
    let parent = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let first = child(&service, &parent).await;
    service.pass(HOUR + Duration::from_secs(1));
    refresh(&service, &parent).await.refused(401, "refresh_token_reused");
    refresh(&service, &first).await.refused(401, "refresh_token_invalid");
}

#[tokio::test(start_paused = true)]
async fn with_a_reuse_interval_of_zero_a_token_works_once_and_its_second_use_ends_the_session() {
    let service = strict().await;
    let parent = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let first = child(&service, &parent).await;
    refresh(&service, &parent).await.refused(401, "refresh_token_reused");
    refresh(&service, &first).await.refused(401, "refresh_token_invalid");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn with_a_reuse_interval_of_zero_one_of_many_parallel_refreshes_works() {
    let service = strict().await;
    let parent = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let answers = refresh_in_parallel(&service, &parent).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

/// The SDK sends a write again if its answer is lost.
#[tokio::test(start_paused = true)]
async fn a_write_that_is_sent_twice_is_one_use_unless_the_session_ended_in_between() {
    for service in [service().await, strict().await] {
        let session = service.session(&service.account("a@b.de").await).await;
        let (app, now) = (service.app(), service.now());
        let text = session["refresh_token"].as_str().unwrap();
        let (token, rotator) = presented(app, text, None, now).await.unwrap().unwrap();
        let rotate = || app.store().rotate(token, rotator.clone(), now, &app.config().tokens.session_lifetimes, true);
        assert_eq!(rotate().await.unwrap().child, 1);
        assert_eq!(rotate().await.unwrap().child, 1);
        assert!(app.store().end_session(token.session, None, now).await.unwrap());
        assert!(matches!(rotate().await, Err(Error::Refresh(RefreshRefusal::Invalid))));
    }
}

/// Refreshes from an IP address of the documentation's network.
async fn from(service: &Service, last_byte: u8, token: &Value) -> Answer {
    let ip = Ipv4Addr::new(192, 0, 2, last_byte).into();
    service.request(Method::POST, "/refresh").from(ip).json(json!({"refresh_token": token})).await
}

#[tokio::test(start_paused = true)]
async fn a_copy_that_moves_in_step_with_its_owner_ends_the_session_in_the_third_rotation() {
    for period in [Duration::from_secs(1), HOUR - Duration::from_secs(60)] {
        let service = service().await;
        let user = service.account("a@b.de").await;
        let other = service.session(&user).await["refresh_token"].clone();
        let mut token = service.session(&user).await["refresh_token"].clone();
        for rotation in 1..=3 {
            let owners = from(&service, 1, &token).await.is(200).body["refresh_token"].clone();
            service.calls();
            let thiefs = from(&service, 2, &token).await;
            if rotation < 3 {
                assert_eq!(thiefs.is(200).body["refresh_token"], owners);
                assert_eq!(service.calls(), ["UpdateItem", "UpdateItem", "BatchGetItem"]);
            } else {
                thiefs.refused(401, "refresh_token_reused");
                refresh(&service, &owners).await.refused(401, "refresh_token_invalid");
            }
            token = owners;
            service.pass(period);
        }
        refresh(&service, &other).await.is(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_copy_is_noticed_whoever_of_the_two_comes_first() {
    let service = service().await;
    let mut token = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    for (first, second) in [(1, 2), (2, 1)] {
        let next = from(&service, first, &token).await.is(200).body["refresh_token"].clone();
        from(&service, second, &token).await.is(200);
        token = next;
    }
    from(&service, 2, &token).await.is(200);
    from(&service, 1, &token).await.refused(401, "refresh_token_reused");
}

#[tokio::test(start_paused = true)]
async fn lost_answers_and_two_tabs_of_one_caller_never_end_a_session() {
    let service = service().await;
    let mut token = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    for _ in 0..20 {
        let next = from(&service, 1, &token).await.is(200).body["refresh_token"].clone();
        service.calls();
        for _ in 0..2 {
            assert_eq!(from(&service, 1, &token).await.is(200).body["refresh_token"], next);
        }
        assert_eq!(service.calls(), ["UpdateItem", "BatchGetItem", "UpdateItem", "BatchGetItem"]);
        token = next;
    }
}

#[tokio::test(start_paused = true)]
async fn lost_answers_of_a_caller_that_changes_its_address_end_a_session_only_three_in_a_row() {
    let service = service().await;
    let mut token = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    for address in 1..40 {
        let next = from(&service, address, &token).await.is(200).body["refresh_token"].clone();
        if address % 3 > 0 {
            from(&service, address + 100, &token).await.is(200);
        }
        token = next;
    }
    refresh(&service, &token).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_session_record_of_an_older_release_goes_on() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let session = service.session(&user).await;
    // As release 0.1.0 wrote it: without the members that name the caller.
    let mut old: Session = serde_json::from_value(json!({
        "id": "AAAAAAAAAAAAAAAA", "user_id": user.id, "epoch": 0, "counter": 1,
        "auth_time": service.now().milliseconds(), "expires_at": (service.now() + DAY).milliseconds(),
        "idle_expires_at": (service.now() + DAY).milliseconds(), "rotated": {"1": service.now().milliseconds()},
    }))
    .unwrap();
    assert_eq!((&old.rotated_by, &old.repeats), (&None, &None));
    let keys = service.app().keys().get(service.now()).await.unwrap();
    let key = keys.ring.refresh().signing(service.now(), service.now()).unwrap();
    let opened = RefreshToken::open(session["refresh_token"].as_str().unwrap(), [key]).unwrap();
    old.id = opened.session;
    service.app().store().put_session(&old).await.unwrap();
    let parent = RefreshToken { counter: 0, ..opened }.seal(key);
    let newest = from(&service, 1, &json!(parent)).await.is(200).body["refresh_token"].clone();
    from(&service, 2, &json!(parent)).await.is(200);
    from(&service, 2, &newest).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_grandparent_gets_its_child_within_ten_seconds_and_ends_the_session_after_them() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let other = service.session(&user).await["refresh_token"].clone();
    let parent = service.session(&user).await["refresh_token"].clone();
    let first = child(&service, &parent).await;
    let second = child(&service, &first).await;
    assert_eq!(child(&service, &parent).await, first);
    service.pass(Duration::from_secs(11));
    service.calls();
    refresh(&service, &parent).await.refused(401, "refresh_token_reused");
    assert_eq!(service.calls(), ["UpdateItem", "UpdateItem"]);
    for dead in [&parent, &first, &second] {
        refresh(&service, dead).await.refused(401, "refresh_token_invalid");
    }
    refresh(&service, &other).await.is(200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_refreshes_of_one_token_carry_the_one_same_child() {
    let service = service().await;
    let parent = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let answers = refresh_in_parallel(&service, &parent).await.into_iter();
    let children: Vec<Value> = answers.map(|answer| answer.is(200).body["refresh_token"].clone()).collect();
    assert!(children.iter().all(|child| *child == children[0]), "{children:?}");
    refresh(&service, &children[0]).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_session_ends_after_its_idle_life_and_after_its_absolute_one() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let mut token = service.session(&user).await["refresh_token"].clone();
    for _ in 0..2 {
        service.pass(DAY * 14 - Duration::from_secs(2));
        token = child(&service, &token).await;
    }
    service.pass(DAY * 2 + Duration::from_secs(5));
    refresh(&service, &token).await.refused(401, "refresh_token_expired");

    let idle = service.session(&user).await["refresh_token"].clone();
    service.pass(DAY * 14);
    refresh(&service, &idle).await.refused(401, "refresh_token_expired");
}

#[tokio::test(start_paused = true)]
async fn a_guess_asks_no_store_and_ends_nothing() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    let text = token.as_str().unwrap();
    let changed = if text.ends_with('A') { 'E' } else { 'A' };
    let guesses = [format!("{}{changed}", &text[..42]), "A".repeat(43), "x".to_owned(), text[..42].to_owned()];
    for guess in guesses {
        refresh(&service, &json!(guess)).await.refused(401, "refresh_token_invalid");
    }
    assert!(service.calls().is_empty());

    let keys = service.app().keys().get(service.now()).await.unwrap();
    let key = keys.ring.refresh().signing(service.now(), service.now()).unwrap();
    let opened = RefreshToken::open(text, [key]).unwrap();
    let ahead = RefreshToken { counter: 5, ..opened }.seal(key);
    refresh(&service, &json!(ahead)).await.refused(401, "refresh_token_invalid");
    let last = RefreshToken { counter: u32::MAX, ..opened }.seal(key);
    refresh(&service, &json!(last)).await.refused(401, "refresh_token_invalid");
    let unknown = RefreshToken { session: SessionId::new([0; 12]), counter: 0 }.seal(key);
    refresh(&service, &json!(unknown)).await.refused(401, "refresh_token_invalid");
    refresh(&service, &token).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_refresh_sees_the_account_as_it_is_now() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();

    let mut disabled = user.clone();
    disabled.disabled = true;
    disabled.name = "Jim".to_owned();
    service.app().store().change_user(&user, &disabled).await.unwrap();
    refresh(&service, &token).await.refused(403, "account_disabled");

    let disabled = service.stored(&user).await.unwrap();
    let mut enabled = disabled.clone();
    enabled.disabled = false;
    service.app().store().change_user(&disabled, &enabled).await.unwrap();
    assert_eq!(refresh(&service, &token).await.is(200).body["user"]["name"], "Jim");

    let enabled = service.stored(&user).await.unwrap();
    let mut ended = enabled.clone();
    ended.end_sessions(service.now());
    service.app().store().change_user(&enabled, &ended).await.unwrap();
    refresh(&service, &token).await.refused(401, "refresh_token_invalid");

    let ended = service.stored(&user).await.unwrap();
    let fresh = service.session(&ended).await["refresh_token"].clone();
    service.app().store().delete_user(&ended).await.unwrap();
    refresh(&service, &fresh).await.refused(401, "refresh_token_invalid");
}

#[tokio::test(start_paused = true)]
async fn a_disabled_account_is_reported_first_and_its_ended_sessions_stay_ended() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["refresh_token"].clone();
    let change = async |change: fn(&mut User, Timestamp)| {
        let before = service.stored(&user).await.unwrap();
        service.app().store().update_user(&before, |user| change(user, service.now())).await.unwrap();
    };
    change(|user, now| {
        user.disabled = true;
        user.end_sessions(now);
    })
    .await;
    for _ in 0..2 {
        refresh(&service, &token).await.refused(403, "account_disabled");
    }
    // The answer to a guessed token says nothing about the account.
    let changed = format!("{}AAAA", &token.as_str().unwrap()[..39]);
    refresh(&service, &json!(changed)).await.refused(401, "refresh_token_invalid");
    change(|user, _| user.disabled = false).await;
    refresh(&service, &token).await.refused(401, "refresh_token_invalid");
}

#[tokio::test(start_paused = true)]
async fn the_token_is_required_and_is_text() {
    let service = service().await;
    for (body, code) in [(json!({}), "required"), (json!({"refresh_token": 1}), "invalid_type")] {
        let answer = service.post("/refresh", body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [("refresh_token", code)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_refreshed_six_hundred_times_an_hour_and_the_next_hour_goes_on() {
    let service = service().await;
    let app = service.app();
    let first = service.session(&service.account("a@b.de").await).await["refresh_token"].clone();
    let (token, _) = presented(app, first.as_str().unwrap(), None, service.now()).await.unwrap().unwrap();
    let rotate = async |counter: u32, is_limited: bool| {
        let rotator = Rotator { request: counter.to_string(), caller: None };
        let token = RefreshToken { counter, ..token };
        app.store().rotate(token, rotator, app.now(), &app.config().tokens.session_lifetimes, is_limited).await
    };
    let login = service.now();
    for counter in 0..REFRESHES.max - 1 {
        rotate(counter, true).await.unwrap();
    }
    let passed = Duration::from_millis(u64::try_from(service.now().milliseconds() - login.milliseconds()).unwrap());
    service.pass(HOUR - Duration::from_secs(1) - passed);
    for _ in 0..2 {
        match rotate(REFRESHES.max - 1, true).await {
            Err(Error::TooManyAttempts(wait)) => assert!(wait <= Duration::from_secs(1), "{wait:?}"),
            other => panic!("{other:?}"),
        }
    }
    service.pass(Duration::from_secs(1));
    // The refreshes of a moment before still count, from one mark to the next.
    let mut counter = REFRESHES.max - 1;
    while rotate(counter, true).await.is_ok() {
        counter += 1;
        assert!(counter < 2 * REFRESHES.max, "nobody was refused");
    }
    assert!(counter >= REFRESHES.max + 59, "{counter}");
    rotate(counter, false).await.unwrap();
    service.pass(HOUR);
    rotate(counter + 1, true).await.unwrap();
}
