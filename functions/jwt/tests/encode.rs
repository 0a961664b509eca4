//! Tests `/jwt/encode` from the outside.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    jose::jwt::Jwt,
    keys::shared_secret::SharedSecrets,
    testing::{Answer, Call, Service},
};

const SECRET: &str = "a shared secret of more than 32 bytes";
const KEYS: [&str; 2] = ["the new server key of 32 characters", "the old server key of 32 characters"];

async fn service() -> Service {
    let variables = [("JWT_SHARED_SECRET", SECRET), ("API_KEY", &KEYS.join("\n"))];
    Service::configured(jwt::router(), &variables).await
}

fn call(service: &Service) -> Call {
    service.request(Method::POST, "/jwt/encode").header("x-api-key", KEYS[0])
}

async fn encode(service: &Service, body: Value) -> Answer {
    call(service).json(body).await
}

/// The claims of the token in an answer. Fails if the signature is wrong.
#[track_caller]
fn claims(answer: &Answer) -> Value {
    let token = Jwt::parse(answer.body["token"].as_str().unwrap()).unwrap();
    assert!(SharedSecrets::parse(SECRET).unwrap().signed(&token));
    Value::Object(token.claims)
}

#[tokio::test(start_paused = true)]
async fn a_payload_is_signed_as_an_object_or_as_its_text() {
    let service = service().await;
    let payload = json!({"user_id": "1", "email": "a@b.de", "issued_at": "1779890400", "nested": {"a": [1.5, null]}});
    let began = service.now().seconds();
    for given in [payload.clone(), json!(payload.to_string()), json!(format!(" {payload}\n"))] {
        let answer = encode(&service, json!({"payload": given})).await.is(200);
        let mut expected = payload.clone();
        let iat = claims(&answer)["iat"].as_i64().unwrap();
        assert!((began..=service.now().seconds()).contains(&iat));
        (expected["iat"], expected["exp"]) = (json!(iat), json!(iat + 3_600));
        assert_eq!(claims(&answer), expected);
        let members: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
        assert_eq!(members, ["error", "expires_at", "expires_in", "expires_in_unit", "token"]);
        assert_eq!((&answer.body["error"], &answer.body["expires_in_unit"]), (&json!(""), &json!("seconds")));
        assert_eq!(answer.body["expires_in"], 3_600);
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let form = "payload=%7B%22user_id%22%3A%221%22%7D&expires_in_minutes=5";
    let answer = call(&service).form(form).await.is(200);
    assert_eq!((&answer.body["expires_in"], &claims(&answer)["user_id"]), (&json!(300), &json!("1")));
    // An empty payload is allowed.
    encode(&service, json!({"payload": {}})).await.is(200);
    assert!(service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_expiry_is_in_minutes_or_in_seconds_and_the_answer_says_which() {
    let service = service().await;
    for (fields, seconds) in [
        (json!({"expires_in_minutes": 60}), 3_600),
        (json!({"expires_in_minutes": "1"}), 60),
        (json!({"expires_in_minutes": 2.0}), 120),
        (json!({"expires_in": 90}), 90),
        (json!({"expires_in": " 90 "}), 90),
        (json!({"expires_in": "", "expires_in_minutes": null}), 3_600),
        (json!({"expires_in_minutes": 366 * 24 * 60}), 31_622_400),
    ] {
        let mut body = fields.clone();
        body["payload"] = json!({"user_id": 1});
        let answer = encode(&service, body).await.is(200);
        assert_eq!(answer.body["expires_in"], seconds, "{fields}");
        let claims = claims(&answer);
        assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), seconds);
    }
    for (fields, field, code) in [
        (json!({"expires_in_minutes": 0}), "expires_in_minutes", "invalid_number"),
        (json!({"expires_in_minutes": -5}), "expires_in_minutes", "invalid_number"),
        (json!({"expires_in_minutes": 1.5}), "expires_in_minutes", "invalid_number"),
        (json!({"expires_in_minutes": 366 * 24 * 60 + 1}), "expires_in_minutes", "invalid_number"),
        (json!({"expires_in": "1h"}), "expires_in", "invalid_number"),
        (json!({"expires_in": true}), "expires_in", "invalid_number"),
        (json!({"expires_in": 31_622_401}), "expires_in", "invalid_number"),
        (json!({"expires_in": 60, "expires_in_minutes": 1}), "expires_in", "ambiguous"),
    ] {
        let mut body = fields.clone();
        body["payload"] = json!({});
        let answer = encode(&service, body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), [(field, code)], "{fields}");
    }
}

#[tokio::test(start_paused = true)]
async fn without_a_payload_that_is_json_it_says_so_in_the_words_of_bubbles_plugin() {
    let service = service().await;
    for (body, code) in [
        (json!({}), "required"),
        (json!({"payload": null}), "required"),
        (json!({"payload": ""}), "required"),
        (json!({"payload": "  "}), "required"),
        (json!({"payload": "{\"a\":"}), "invalid_json"),
        (json!({"payload": "{\"a\":1,\"a\":2}"}), "invalid_json"),
        (json!({"payload": "hello"}), "invalid_json"),
        (json!({"payload": "[1]"}), "invalid_json"),
        (json!({"payload": [1]}), "invalid_type"),
        (json!({"payload": 1}), "invalid_type"),
        (json!({"payload": false}), "invalid_type"),
    ] {
        let answer = encode(&service, body.clone()).await.refused(400, "payload_required");
        assert_eq!(answer.body["message"], "payload is required");
        assert_eq!(answer.fields(), [("payload", code)], "{body}");
    }
    // The same answer names the other wrong fields.
    let answer = encode(&service, json!({"expires_in": "x"})).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("payload", "required"), ("expires_in", "invalid_number")]);
}

#[tokio::test(start_paused = true)]
async fn times_in_the_payload_are_accepted_or_refused_by_name() {
    let service = service().await;
    let now = service.now().seconds();
    let answer = encode(&service, json!({"payload": {"exp": now + 100, "iat": now - 5, "nbf": now - 5}})).await.is(200);
    assert_eq!(claims(&answer), json!({"exp": now + 100, "iat": now - 5, "nbf": now - 5}));
    assert!((98..=100).contains(&answer.body["expires_in"].as_i64().unwrap()));
    for (payload, minutes) in [
        (json!({"exp": now + 100}), json!(5)),
        (json!({"exp": now - 100}), json!(null)),
        (json!({"exp": "tomorrow"}), json!(null)),
        (json!({"iat": "today"}), json!(5)),
        (json!({"iat": now + 600}), json!(5)),
        (json!({"nbf": now + 600}), json!(5)),
    ] {
        let answer = encode(&service, json!({"payload": payload, "expires_in_minutes": minutes})).await;
        assert_eq!(answer.refused(400, "invalid_request").fields()[0].0, "payload", "{payload}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_verify_would_refuse_is_not_made() {
    let service = service().await;
    let firebases = json!({"payload": {"iss": "https://securetoken.google.com/p", "sub": "u"}});
    let answer = encode(&service, firebases).await.refused(400, "invalid_request");
    assert_eq!(answer.fields(), [("payload", "wrong_kind")]);
    assert!(answer.body["message"].as_str().unwrap().contains("a Firebase ID token"), "{}", answer.body);
    // In base64 this payload is a third longer, and /verify would refuse the token as too long.
    let large = json!({"payload": {"text": "x".repeat(13_000)}});
    let answer = encode(&service, large).await.refused(400, "invalid_request");
    assert!(answer.body["message"].as_str().unwrap().contains("16 KiB"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn only_a_server_that_shows_one_of_the_keys_may_call() {
    let service = service().await;
    let body = json!({"payload": {"user_id": 1}});
    for key in KEYS {
        let call = service.request(Method::POST, "/jwt/encode").header("x-api-key", key);
        call.json(body.clone()).await.is(200);
    }
    for key in [
        "",
        &KEYS[0][1..],
        &format!("{}2", KEYS[0]),
        &KEYS[0].replace("the", "The"),
        &format!("{}\tx", KEYS[0]),
        SECRET,
    ] {
        let call = service.request(Method::POST, "/jwt/encode").header("x-api-key", key);
        call.json(body.clone()).await.refused(401, "invalid_api_key");
    }
    let bearer = service.request(Method::POST, "/jwt/encode").header("authorization", format!("Bearer {}", KEYS[0]));
    bearer.json(body.clone()).await.refused(401, "invalid_api_key");
    // The API key is checked before the body.
    service.request(Method::POST, "/jwt/encode").body("{").send().await.refused(401, "invalid_api_key");
    service.request(Method::GET, "/jwt/encode").send().await.refused(405, "method_not_allowed");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_forwards_addresses_mints_nothing() {
    let lines = [format!("proxy:forward:{}", KEYS[0]), format!("bubble:encode:{}", KEYS[1])].join("\n");
    let service = Service::configured(jwt::router(), &[("JWT_SHARED_SECRET", SECRET), ("API_KEY", &lines)]).await;
    for (key, status, code) in [(KEYS[0], 401, json!("invalid_api_key")), (KEYS[1], 200, Value::Null)] {
        let call = service.request(Method::POST, "/jwt/encode").header("x-api-key", key);
        let answer = call.json(json!({"payload": {"user_id": 1}})).await;
        assert_eq!((answer.status.as_u16(), &answer.body["code"]), (status, &code), "{key}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_deployment_without_keys_or_without_a_secret_says_so() {
    let body = json!({"payload": {"user_id": 1}});
    let service = Service::configured(jwt::router(), &[("JWT_SHARED_SECRET", SECRET)]).await;
    encode(&service, body.clone()).await.refused(401, "invalid_api_key");
    let service = Service::configured(jwt::router(), &[("API_KEY", KEYS[0])]).await;
    let answer = encode(&service, body).await.refused(501, "not_configured");
    assert!(answer.body["detail"].as_str().unwrap().contains("JWT_SHARED_SECRET"), "{}", answer.body);
}

#[tokio::test(start_paused = true)]
async fn the_decoder_tells_whether_the_secret_matches() {
    let service = service().await;
    let token = encode(&service, json!({"payload": {"user_id": 42}})).await.is(200).body["token"].clone();
    let report = service.post("/jwt/decode", json!({"token": token})).await.is(200).body;
    assert_eq!((&report["kind"], &report["uid"]), (&json!("shared_secret"), &json!("42")));
    assert_eq!(report["problems"], json!([]));
    let other = SharedSecrets::parse("another secret of more than 32 bytes").unwrap();
    let foreign = other.sign(&json!({"user_id": 42, "exp": service.now().seconds() + 60})).unwrap();
    let report = service.post("/jwt/decode", json!({"token": foreign})).await.is(200).body;
    assert_eq!(report["problems"][0]["code"], "unknown_key");
    service.pass(Duration::from_secs(3_600));
    let report = service.post("/jwt/decode", json!({"token": token})).await.is(200).body;
    assert_eq!(report["problems"][0]["code"], "expired");
}
