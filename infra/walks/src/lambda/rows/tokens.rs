//! Tokens: verify and jwt.

use serde_json::{Value, json};

use super::challenged;
use crate::{
    http::{Answer, Request},
    lambda::{
        row::{Function, Row},
        setup::{API_KEY, Setup},
    },
};

/// The rows of these functions.
pub fn rows() -> Vec<Row> {
    [verify(), id_tokens(), other_tokens(), decode(), encode()].into_iter().flatten().collect()
}

fn verify() -> Vec<Row> {
    let verify = Function("verify");
    vec![
        verify
            .row("a token in the body", 200, async |setup| token("/verify", &setup.james.session["access_token"]))
            .checked(is_of_james),
        verify
            .row("a token in the header", 200, async |setup| Request::get("/verify").by(&setup.james.session))
            .checked(is_of_james),
        verify
            .row("a token that may be revoked", 200, async |setup| {
                Request::get("/verify?check_revoked=true").by(&setup.james.session)
            })
            .checked(is_of_james),
        verify.row("no token", 400, async |_| Request::get("/verify")).code("token_missing"),
        verify.row("something that is no token", 401, async |_| token("/verify", &json!("x.y"))).checked(challenged),
    ]
}

fn id_tokens() -> Vec<Row> {
    let verify = Function("verify");
    vec![
        verify
            .row("a Firebase ID token", 200, async |setup| token("/verify", &setup.id_token(json!({})).into()))
            .checked(is_id_token_of_james),
        verify
            .row("a Firebase ID token that may be revoked", 200, async |setup| {
                token("/verify?check_revoked=true", &setup.new_id_token().into())
            })
            .checked(is_id_token_of_james),
        verify
            .row("an expired ID token", 401, async |setup| {
                token("/verify", &setup.id_token(json!({"sub": "u", "exp": 1})).into())
            })
            .code("auth/id-token-expired"),
        verify
            .row("an ID token of another project", 401, async |setup| {
                token("/verify", &setup.id_token(json!({"sub": "u", "aud": "p"})).into())
            })
            .code("auth/argument-error"),
    ]
}

fn other_tokens() -> Vec<Row> {
    let verify = Function("verify");
    vec![
        verify
            .row("a token of the shared secret", 200, async |setup| {
                token("/verify", &setup.shared_secret_token().await)
            })
            .checked(|_, answer| answer.has(&json!({"kind": "shared_secret", "uid": "7"}))),
        verify
            .row("a custom token to verify", 401, async |setup| token("/verify", &setup.james.session["jwt_token"]))
            .code("auth/argument-error"),
    ]
}

fn decode() -> Vec<Row> {
    const PATH: &str = "/jwt/decode";
    let jwt = Function("jwt");
    vec![
        jwt.row("a token decoded", 200, async |setup| token(PATH, &setup.james.session["access_token"]))
            .checked(is_decoded),
        jwt.row("a token decoded from a form", 200, async |setup| {
            Request::form(PATH, &json!({"token": setup.james.session["access_token"]}))
        })
        .checked(is_decoded),
        jwt.row("a custom token decoded", 200, async |setup| token(PATH, &setup.james.session["jwt_token"]))
            .checked(|_, answer| answer.has(&json!({"verified": false, "kind": "firebase_custom_token"}))),
        jwt.row("something that is no token to decode", 400, async |_| token(PATH, &json!("x.y")))
            .code("token_malformed"),
        jwt.row("nothing to decode", 400, async |_| Request::post(PATH, &json!({}))).code("invalid_request"),
    ]
}

fn encode() -> Vec<Row> {
    const PATH: &str = "/jwt/encode";
    let jwt = Function("jwt");
    vec![
        jwt.row("a token to encode", 200, async |_| with_key(Request::post(PATH, &json!({"payload": payload()}))))
            .checked(|_, answer| answer.has(&json!({"expires_in": 3600}))),
        jwt.row("a token to encode from a form", 200, async |_| {
            with_key(Request::form(PATH, &json!({"payload": payload().to_string()})))
        }),
        jwt.row("nothing to encode", 400, async |_| with_key(Request::post(PATH, &json!({})))).code("payload_required"),
        jwt.row("a token to encode without a key", 401, async |_| Request::post(PATH, &json!({"payload": payload()})))
            .code("invalid_api_key"),
    ]
}

fn token(path: &str, token: &Value) -> Request {
    Request::post(path, &json!({"token": token}))
}

fn payload() -> Value {
    json!({"user_id": "7"})
}

fn with_key(request: Request) -> Request {
    request.header("x-api-key", API_KEY)
}

fn is_of_james(setup: &Setup, answer: &Answer) {
    answer.has(&json!({"valid": true, "kind": "access_token", "uid": setup.james.uid()}));
}

fn is_id_token_of_james(setup: &Setup, answer: &Answer) {
    let uid = setup.james.uid();
    answer.has(&json!({"valid": true, "kind": "firebase_id_token", "uid": uid, "provider": "custom"}));
}

fn is_decoded(setup: &Setup, answer: &Answer) {
    let uid = setup.james.uid();
    answer.has(&json!({
        "verified": false, "kind": "access_token", "uid": uid, "expired": false, "problems": [],
    }));
}
