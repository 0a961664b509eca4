//! The limits on mails: the same for an address that is somebody's and for any other.

use std::{net::IpAddr, time::Duration};

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::rate_limit::mails::{MAILS_OF_CALLER, WRONG_CODES},
    testing::{Answer, Service, wrong_code_of},
    time::Timestamp,
};

use super::{NEW_PASSWORD, forgot, reset_with, service};

/// The beginning of a day and of a week of the limits.
const MONDAY: Timestamp = Timestamp::from_seconds(2_972 * 604_800);

async fn ask(service: &Service, email: &str, refresh_token: &Value) -> Answer {
    service.post("/password/forgot", json!({"email": email, "refresh_token": refresh_token})).await
}

/// Fails unless the answer says to wait this number of seconds.
#[track_caller]
fn waits(answer: Answer, seconds: u64) {
    let answer = answer.refused(429, "too_many_attempts");
    assert_eq!(answer.header("retry-after"), seconds.to_string());
}

async fn service_on_monday() -> Service {
    let service = service().await;
    service.travel_to(MONDAY);
    service.account("james@yopmail.com").await;
    service
}

#[tokio::test(start_paused = true)]
async fn an_address_gets_one_mail_in_thirty_seconds_and_three_resets_an_hour() {
    let service = service_on_monday().await;
    for email in ["james@yopmail.com", "nobody@yopmail.com"] {
        service.travel_to(MONDAY);
        for number in 0..3 {
            ask(&service, email, &Value::Null).await.is(200);
            if number == 2 {
                service.pass(Duration::from_secs(30));
                break;
            }
            waits(ask(&service, email, &Value::Null).await, 30);
            service.pass(Duration::from_millis(29_999));
            waits(ask(&service, email, &Value::Null).await, 1);
            service.pass(Duration::from_millis(1));
        }
        waits(ask(&service, email, &Value::Null).await, 3_600 - 90);
        service.travel_to(MONDAY + Duration::from_secs(3_600));
        ask(&service, email, &Value::Null).await.is(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_day_has_ten_mails_for_callers_that_nobody_knows() {
    let service = service_on_monday().await;
    for email in ["james@yopmail.com", "nobody@yopmail.com"] {
        for number in 0..10 {
            service.travel_to(MONDAY + Duration::from_secs(3_600 * (number / 3) + 60 * (number % 3)));
            ask(&service, email, &Value::Null).await.is(200);
        }
        service.travel_to(MONDAY + Duration::from_secs(3_600 * 23));
        waits(ask(&service, email, &Value::Null).await, 3_600);
        service.travel_to(MONDAY + Duration::from_secs(3_600 * 24));
        ask(&service, email, &Value::Null).await.is(200);
    }
}

/// Strangers use up none of the mails of a client that logged in before.
#[tokio::test(start_paused = true)]
async fn a_client_that_logged_in_before_has_mails_of_its_own() {
    let service = service_on_monday().await;
    let user = service.account("ann@yopmail.com").await;
    let token = service.session(&user).await["refresh_token"].clone();
    for _ in 0..3 {
        ask(&service, "ann@yopmail.com", &Value::Null).await.is(200);
        service.pass(Duration::from_secs(30));
    }
    ask(&service, "ann@yopmail.com", &Value::Null).await.refused(429, "too_many_attempts");
    for _ in 0..5 {
        ask(&service, "ann@yopmail.com", &token).await.is(200);
        service.pass(Duration::from_secs(30));
    }
    ask(&service, "ann@yopmail.com", &token).await.refused(429, "too_many_attempts");
    // The token of one account is none of another.
    for _ in 0..3 {
        ask(&service, "james@yopmail.com", &token).await.is(200);
        service.pass(Duration::from_secs(30));
    }
    ask(&service, "james@yopmail.com", &token).await.refused(429, "too_many_attempts");
}

#[tokio::test(start_paused = true)]
async fn one_caller_asks_for_thirty_mails_in_a_quarter_of_an_hour() {
    let service = service_on_monday().await;
    let ip = IpAddr::from([192, 0, 2, 1]);
    let ask = async |number: u32, ip: IpAddr| {
        let call = service.request(Method::POST, "/password/forgot").from(ip);
        call.json(json!({"email": format!("nobody{number}@yopmail.com")})).await
    };
    for number in 0..MAILS_OF_CALLER.max {
        ask(number, ip).await.is(200);
    }
    waits(ask(30, ip).await, 900);
    ask(30, IpAddr::from([192, 0, 2, 2])).await.is(200);
}

#[tokio::test(start_paused = true)]
async fn after_twenty_wrong_codes_in_two_weeks_strangers_get_two_mails_a_day_with_three_tries() {
    let service = service_on_monday().await;
    for email in ["james@yopmail.com", "nobody@yopmail.com"] {
        let mut now = MONDAY;
        for _ in 0..WRONG_CODES.max / 5 {
            service.travel_to(now);
            let challenge = forgot(&service, email).await;
            for number in 0..5 {
                let wrong = wrong_code_of(&challenge, number);
                reset_with(&service, &challenge, &wrong, NEW_PASSWORD).await.refused(401, "code_invalid");
            }
            now = now + Duration::from_secs(3_600);
        }
        for day in [1, 8] {
            for hour in [0, 1] {
                service.travel_to(MONDAY + Duration::from_secs(86_400 * day + 3_600 * hour));
                let challenge = forgot(&service, email).await;
                let wrong = wrong_code_of(&challenge, 0);
                let answer = reset_with(&service, &challenge, &wrong, NEW_PASSWORD).await.refused(401, "code_invalid");
                assert!(answer.body["message"].as_str().unwrap().ends_with("2 tries left."), "{email} {day}");
            }
            service.travel_to(MONDAY + Duration::from_secs(86_400 * day + 7_200));
            ask(&service, email, &Value::Null).await.refused(429, "too_many_attempts");
        }
        service.travel_to(MONDAY + Duration::from_secs(86_400 * 21));
        let challenge = forgot(&service, email).await;
        let wrong = wrong_code_of(&challenge, 0);
        let answer = reset_with(&service, &challenge, &wrong, NEW_PASSWORD).await.refused(401, "code_invalid");
        assert!(answer.body["message"].as_str().unwrap().ends_with("4 tries left."), "{email}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_rate_limits_nothing_waits() {
    let service = Service::configured(email::router(), &[("RATE_LIMITS", "off")]).await;
    for _ in 0..20 {
        forgot(&service, "james@yopmail.com").await;
    }
}

#[tokio::test(start_paused = true)]
async fn one_address_in_another_spelling_is_one_account_with_one_limit() {
    let service = service().await;
    service.account("james@münchen.example.de").await;
    forgot(&service, "james@münchen.example.de").await;
    for spelling in ["JAMES@MÜNCHEN.example.de", "james@xn--mnchen-3ya.example.de", " james@mu\u{308}nchen.example.de "]
    {
        ask(&service, spelling, &Value::Null).await.refused(429, "too_many_attempts");
    }
    service.post("/password/forgot", json!({"email": "james@yopmail.com."})).await.refused(400, "invalid_request");
}
