//! Tests `POST /create-account` from the outside.

use std::{net::IpAddr, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::rate_limit::{REFUSED_SIGN_UPS, SIGN_UPS},
    testing::{Answer, PATIENCE, Service, assert_session_object},
};

async fn service() -> Service {
    Service::new(create_account::router()).await
}

async fn create(service: &Service, body: Value) -> Answer {
    service.post("/create-account", body).await
}

async fn create_under(service: &Service, key: &str, body: Value) -> Answer {
    service.request(Method::POST, "/create-account").header("idempotency-key", key).json(body).await
}

#[tokio::test(start_paused = true)]
async fn a_new_account_gets_a_session_object_in_one_read_and_one_transaction() {
    let service = service().await;
    let answer =
        create(&service, json!({"email": " James@YopMail.com", "password": "correct horse", "name": " James "}));
    let answer = answer.await.is(201);
    assert_session_object(&answer.body);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    assert_eq!(answer.body["user"]["email"], "James@YopMail.com");
    assert_eq!(answer.body["user"]["name"], "James");
    let uid = answer.body["uid"].as_str().unwrap();
    assert_eq!(uuid::Uuid::parse_str(uid).unwrap().get_version_num(), 7);
}

#[tokio::test(start_paused = true)]
async fn everything_of_an_account_stands_under_its_keys() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse", "username": "James"});
    let uid = create(&service, body).await.is(201).body["uid"].as_str().unwrap().to_owned();
    let keys = service.keys_stored().await;
    assert_eq!(keys[..2], ["LOGIN#a@b.de", "LOGIN#james"]);
    assert!(keys[2].starts_with("SESSION#"));
    assert_eq!(keys[3..], [format!("USER#{uid}")]);
}

#[tokio::test(start_paused = true)]
async fn every_spelling_of_an_address_is_taken_and_nothing_is_left_behind() {
    let service = service().await;
    create(&service, json!({"email": "james@münchen.example", "password": "correct horse"})).await.is(201);
    let before = service.keys_stored().await;
    for email in ["JAMES@münchen.example", "james@xn--mnchen-3ya.example", "James@MU\u{308}NCHEN.example "] {
        let body = json!({"email": email, "password": "another horse", "username": "jim"});
        create(&service, body).await.refused(409, "email_taken");
    }
    assert_eq!(service.keys_stored().await, before);
}

#[tokio::test(start_paused = true)]
async fn a_taken_username_is_told_from_a_taken_address() {
    let service = service().await;
    create(&service, json!({"email": "a@b.de", "password": "correct horse", "username": "james"})).await.is(201);
    let body = json!({"email": "c@d.de", "password": "correct horse", "username": "JAMES"});
    create(&service, body).await.refused(409, "username_taken");
    let body = json!({"email": "a@b.de", "password": "correct horse", "username": "james"});
    create(&service, body).await.refused(409, "email_taken");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_creates_of_one_address_make_one_account() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse"});
    let mut statuses = Vec::new();
    let creates: Vec<_> = (0..16)
        .map(|_| {
            let call = service.request(Method::POST, "/create-account").within(PATIENCE);
            tokio::spawn(call.json(body.clone()))
        })
        .collect();
    for create in creates {
        statuses.push(create.await.unwrap().status.as_u16());
    }
    statuses.sort_unstable();
    assert_eq!(statuses[0], 201);
    assert_eq!(statuses[1..], [409; 15]);
    assert_eq!(service.keys_stored().await.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn the_same_request_under_the_same_key_gives_the_same_account_with_a_fresh_session() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse", "name": "A", "username": "james"});
    let first = create_under(&service, "key-1", body.clone()).await.is(201).body;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    let reordered = json!({"username": "JAMES", "name": "A", "password": "correct horse", "email": "A@b.de"});
    let second = create_under(&service, "key-1", reordered).await.is(201).body;
    assert_session_object(&second);
    assert_eq!(second["uid"], first["uid"]);
    assert_ne!(second["refresh_token"], first["refresh_token"]);
}

#[tokio::test(start_paused = true)]
async fn another_request_under_the_same_key_is_refused() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse", "name": "A"});
    create_under(&service, "key-1", body.clone()).await.is(201);
    for (field, value) in [("email", "c@d.de"), ("password", "another horse"), ("name", "B"), ("username", "james")] {
        let mut other = body.clone();
        other[field] = value.into();
        create_under(&service, "key-1", other).await.refused(409, "idempotency_key_reused");
    }
    create(&service, body).await.refused(409, "email_taken");
}

#[tokio::test(start_paused = true)]
async fn a_key_is_forgotten_after_a_day() {
    let service = service().await;
    create_under(&service, "key-1", json!({"email": "a@b.de", "password": "correct horse"})).await.is(201);
    service.pass(Duration::from_secs(24 * 60 * 60 - 1));
    let other = json!({"email": "c@d.de", "password": "correct horse"});
    create_under(&service, "key-1", other.clone()).await.refused(409, "idempotency_key_reused");
    service.pass(Duration::from_secs(1));
    create_under(&service, "key-1", other).await.is(201);
}

#[tokio::test(start_paused = true)]
async fn a_key_must_be_plain_text() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse"});
    for key in ["k".repeat(256), "é".to_owned()] {
        create_under(&service, &key, body.clone()).await.refused(400, "invalid_request");
    }
    assert!(service.keys_stored().await.is_empty());
    create_under(&service, "", body).await.is(201);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("IDEMPOTENCY#")));
}

#[tokio::test(start_paused = true)]
async fn a_weak_password_is_refused_with_the_reason() {
    let service = service().await;
    for (password, code) in [
        ("1234567", "password_too_short"),
        ("james.dean", "password_is_email"),
        ("JAMES.dean@example.com", "password_is_email"),
        ("Latchkey", "password_is_service_name"),
        ("Password123", "password_too_common"),
        ("aaaaaaaaaaaaaaaaaaaa", "password_too_common"),
    ] {
        let body = json!({"email": "James.Dean@example.com", "password": password});
        let answer = create(&service, body).await.refused(400, "weak_password");
        assert_eq!(answer.fields(), [("password", code)]);
    }
    let service = Service::configured(create_account::router(), &[("PASSWORD_MIN_LENGTH", "15")]).await;
    create(&service, json!({"email": "a@b.de", "password": "14 characters!"})).await.refused(400, "weak_password");
    create(&service, json!({"email": "a@b.de", "password": "15 characters!!"})).await.is(201);
}

#[tokio::test(start_paused = true)]
async fn what_is_missing_or_wrong_is_told_field_by_field() {
    let service = service().await;
    let cases = [
        (json!({}), vec![("email", "required"), ("password", "required")]),
        (
            json!({"email": "no", "password": "correct horse", "username": "a", "name": "x".repeat(129)}),
            vec![("email", "invalid_email"), ("username", "invalid_username"), ("name", "invalid_name")],
        ),
        (
            json!({"email": "a@b.de", "password": "correct horse", "name": {}, "username": 1}),
            vec![("username", "invalid_type"), ("name", "invalid_type")],
        ),
        (json!({"email": "a@b.de", "password": "correct horse", "role_id": 2}), vec![("role_id", "not_settable")]),
    ];
    for (body, fields) in cases {
        let answer = create(&service, body.clone()).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), fields, "{body}");
    }
    assert!(service.keys_stored().await.is_empty());
}

#[tokio::test(start_paused = true)]
async fn fields_a_form_leaves_empty_count_as_not_sent() {
    let service = service().await;
    let answer = create(&service, json!({"email": "a@b.de", "password": "correct horse", "name": "", "username": ""}));
    assert_eq!(answer.await.is(201).body["user"]["name"], "");
}

#[tokio::test(start_paused = true)]
async fn a_key_does_not_bring_back_an_account_that_was_deleted_or_disabled_since() {
    let service = service().await;
    let body = json!({"email": "a@b.de", "password": "correct horse"});
    let uid = create_under(&service, "key-1", body.clone()).await.is(201).body["uid"].as_str().unwrap().to_owned();
    let user = service.app().store().user(&uid).await.unwrap().unwrap();
    let mut disabled = user.clone();
    disabled.disabled = true;
    service.app().store().change_user(&user, &disabled).await.unwrap();
    create_under(&service, "key-1", body.clone()).await.refused(403, "account_disabled");
    let disabled = service.app().store().user(&uid).await.unwrap().unwrap();
    service.app().store().delete_user(&disabled).await.unwrap();
    create_under(&service, "key-1", body.clone()).await.refused(409, "idempotency_key_reused");
    create_under(&service, "key-2", body).await.is(201);
}

fn ip(number: u8) -> IpAddr {
    [192, 0, 2, number].into()
}

async fn create_from(service: &Service, ip: IpAddr, email: &str, username: &str) -> Answer {
    let body = json!({"email": email, "password": "correct horse", "username": username});
    service.request(Method::POST, "/create-account").from(ip).json(body).await
}

#[tokio::test(start_paused = true)]
async fn an_address_makes_so_many_accounts_and_no_more_until_the_next_window() {
    let service = service().await;
    create_from(&service, ip(1), "a@b.de", "").await.is(201);
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    service.exhaust(ip(1), &SIGN_UPS).await;
    let answer = create_from(&service, ip(1), "c@d.de", "").await.refused(429, "too_many_attempts");
    assert!((1..=3600).contains(&answer.header("retry-after").parse::<u32>().unwrap()));
    assert_eq!(service.calls(), ["BatchGetItem"]);
    create_from(&service, ip(2), "c@d.de", "").await.is(201);
    service.pass(SIGN_UPS.window);
    create_from(&service, ip(1), "e@f.de", "").await.is(201);
}

#[tokio::test(start_paused = true)]
async fn thirty_refused_sign_ups_of_an_address_are_told_their_reason() {
    let service = service().await;
    create_from(&service, ip(2), "taken@b.de", "james").await.is(201);
    service.calls();
    for number in 0..30 {
        if number % 2 == 0 {
            create_from(&service, ip(1), "taken@b.de", "").await.refused(409, "email_taken");
        } else {
            create_from(&service, ip(1), "free@b.de", "james").await.refused(409, "username_taken");
        }
        // The refusal is counted before it is told, and nothing was hashed.
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
    }
    for (email, username) in [("taken@b.de", ""), ("free@b.de", "james"), ("free@b.de", "")] {
        create_from(&service, ip(1), email, username).await.refused(429, "too_many_attempts");
        assert_eq!(service.calls(), ["BatchGetItem"]);
    }
    create_from(&service, ip(3), "free@b.de", "").await.is(201);
    service.pass(REFUSED_SIGN_UPS.window);
    create_from(&service, ip(1), "taken@b.de", "").await.refused(409, "email_taken");
}

#[tokio::test(start_paused = true)]
async fn a_taken_address_or_username_costs_no_hash() {
    let service = service().await;
    create_from(&service, ip(2), "taken@b.de", "james").await.is(201);
    // With every place of the hasher taken, a sign-up that needs a hash is refused.
    let places = service.app().hasher().occupy();
    create_from(&service, ip(1), "taken@b.de", "").await.refused(409, "email_taken");
    create_from(&service, ip(1), "free@b.de", "james").await.refused(409, "username_taken");
    create_from(&service, ip(1), "free@b.de", "").await.refused(503, "unavailable");
    drop(places);
    create_from(&service, ip(1), "free@b.de", "").await.is(201);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn parallel_probes_are_told_no_more_than_thirty_times() {
    let service = service().await;
    create_from(&service, ip(2), "taken@b.de", "james").await.is(201);
    let probes: Vec<_> = (0..64)
        .map(|number| {
            let call = service.request(Method::POST, "/create-account").from(ip(1)).within(PATIENCE);
            // The username is taken, so that the locks of the addresses hold nobody up.
            let body = json!({"email": format!("a{number}@b.de"), "password": "correct horse", "username": "james"});
            tokio::spawn(call.json(body))
        })
        .collect();
    let mut told = 0;
    for probe in probes {
        let answer = probe.await.unwrap();
        told += usize::from(answer.status == 409);
        assert!([409, 429].contains(&answer.status.as_u16()), "{}", answer.status);
    }
    assert_eq!(told, 30);
}

#[tokio::test(start_paused = true)]
async fn a_stranger_with_the_same_key_neither_collides_nor_learns_anything() {
    let service = service().await;
    let create = |from: u8, email: &str, name: &str| {
        let call = service.request(Method::POST, "/create-account").from(ip(from)).header("idempotency-key", "1");
        call.json(json!({"email": email, "password": "correct horse", "name": name}))
    };
    let uid = create(1, "a@b.de", "A").await.is(201).body["uid"].clone();
    create(2, "c@d.de", "C").await.is(201);
    create(1, "e@f.de", "E").await.refused(409, "idempotency_key_reused");
    // A client that lost the answer repeats its request from another address.
    assert_eq!(create(3, "a@b.de", "A").await.is(201).body["uid"], uid);
    create(4, "g@h.de", "G").await.is(201);
}

#[tokio::test(start_paused = true)]
async fn a_wrong_password_under_an_idempotency_key_counts_as_a_failed_login() {
    let service = service().await;
    let create = |password: &str| {
        let body = json!({"email": "a@b.de", "password": password});
        service.request(Method::POST, "/create-account").header("idempotency-key", "key").json(body)
    };
    create("correct horse").await.is(201);
    for _ in 0..5 {
        create("wrong horse").await.refused(409, "idempotency_key_reused");
    }
    create("correct horse").await.refused(429, "too_many_attempts");
    service.pass(Duration::from_secs(1));
    create("correct horse").await.is(201);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_answers_an_example_and_stores_nothing() {
    let service = service().await;
    let call = || service.request(Method::POST, "/create-account").header("x-dry-run", "true");
    let answer = call().json(json!({"email": "a@b.de", "password": "correct horse battery"})).await.is(201);
    assert_session_object(&answer.body);
    assert!(service.calls().is_empty() && service.keys_stored().await.is_empty());
    call().json(json!({"email": "a@b.de", "password": "short"})).await.refused(400, "weak_password");
    call().json(json!({"email": "a@b.de"})).await.refused(400, "invalid_request");
}
