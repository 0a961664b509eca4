//! Changes to the answers of the API: each makes one step fail, whose line says so in words.

use axum::http::Method;
use serde_json::{Value, json};

use crate::{
    Api, lines_of, smoke,
    tampering::{Change, at, body, header, json, lost, member, nth, second_header, status, without_header},
};

const DOCUMENTS: &str = "discovery and key set fit the token";
const KEY_SET: &str = "/.well-known/jwks.json";

/// A change in words and as code, the step that it makes fail, and words of the step's line.
type Case = (&'static str, Change, &'static str, &'static str);

/// Fails unless each change makes its step fail, with these words, and the account goes all the
/// same.
async fn each_is_named(cases: Vec<Case>) {
    let api = Api::start().await;
    for (what, change, step, words) in cases {
        let (code, printed) = smoke(&api.tampered(change).await, &[]);
        assert_eq!(code, 1, "{what}: {printed}");
        let told = lines_of(&printed, step);
        assert!(told.contains("FAILED") && told.contains(words), "{what}: {printed}");
        assert!(printed.lines().last().unwrap().starts_with("FAILED: "), "{what}: {printed}");
        assert!(lines_of(&printed, "the account is deleted").starts_with("  ok"), "{what}: {printed}");
        api.assert_gone(&printed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_layer_in_front_spoils_is_named_and_the_account_goes_all_the_same() {
    let html: Change = Box::new(|answer| {
        header("content-type", "text/html")(answer);
        body("<h1>Not Found</h1>")(answer);
    });
    each_is_named(vec![
        ("the charset is lost", header("content-type", "application/json"), "health", "charset=utf-8"),
        ("two layers own CORS", second_header("access-control-allow-origin", "*"), "preflight", "is there twice"),
        (
            "two layers own CORS, and the gateway joins them",
            header("access-control-allow-origin", "*, *"),
            "health",
            "two layers write it",
        ),
        (
            "CORS is lost",
            at(Method::POST, "/refresh", without_header("access-control-allow-origin")),
            "refresh",
            "CORS_ALLOWED_ORIGINS",
        ),
        ("cookies are allowed", header("access-control-allow-credentials", "true"), "health", "no cookie is used"),
        (
            "answers may be cached",
            at(Method::POST, "/login", header("cache-control", "public")),
            "login",
            "not no-store",
        ),
        (
            "the request id is another",
            at(Method::GET, "/me", header("x-request-id", "mine")),
            "me",
            "x-request-id is mine, not smoke-",
        ),
        (
            "the gateway answers preflights",
            at(Method::OPTIONS, "/login", header("access-control-max-age", "0")),
            "preflight",
            "86400",
        ),
        (
            "a preflight names a method twice",
            at(Method::OPTIONS, "/login", header("access-control-allow-methods", "GET,GET")),
            "preflight",
            "GET, GET",
        ),
        ("preflights are refused", at(Method::OPTIONS, "/login", status(403)), "preflight", "answered 403"),
        (
            "an unknown path is the gateway's page",
            at(Method::GET, "/no-such-path", html),
            "404 in the envelope",
            "text/html",
        ),
        ("a method is not known to the gateway", at(Method::PUT, "/login", status(404)), "405 in the envelope", "405"),
        (
            "a body over the limit has another error",
            at(Method::POST, "/login", nth(4, status(400))),
            "413 in the envelope",
            "400",
        ),
        (
            "an error is of another status",
            at(Method::GET, "/no-such-path", member("status", json!(400))),
            "404",
            "status",
        ),
        ("an error has no code", at(Method::GET, "/no-such-path", member("code", Value::Null)), "404", "has no code"),
        ("a body is no JSON", at(Method::GET, "/me", body("<html>")), "me", "is no JSON"),
        ("a body is no object", at(Method::GET, "/me", body("[]")), "me", "is no JSON object"),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_a_broken_release_answers_is_named_and_the_account_goes_all_the_same() {
    each_is_named(vec![
        (
            "it is not well",
            at(Method::GET, "/health", member("status", json!("ill"))),
            "health",
            "another status than ok",
        ),
        ("refresh fails", at(Method::POST, "/refresh", status(500)), "refresh", "answered 500"),
        (
            "the created account is not answered",
            at(Method::POST, "/create-account", lost()),
            "create-account",
            "no answer",
        ),
        (
            "the session object is not complete",
            at(Method::POST, "/create-account", json(|body| drop(body.as_object_mut().unwrap().remove("token")))),
            "create-account",
            "no token",
        ),
        (
            "a session object is of two users",
            at(Method::POST, "/create-account", member("uid", json!("other"))),
            "create-account",
            "not the user's id",
        ),
        (
            "a login is another user's",
            at(
                Method::POST,
                "/login",
                nth(
                    1,
                    json(|body| {
                        body["uid"] = json!("other");
                        body["user"]["id"] = json!("other");
                    }),
                ),
            ),
            "login",
            "another user",
        ),
        ("the refresh token is not changed", unchanged_refresh_token(), "refresh", "stayed the same"),
        (
            "another refresh token is given each time",
            at(Method::POST, "/refresh", nth(2, member("refresh_token", json!("A".repeat(43))))),
            "a lost refresh is repeated",
            "another child",
        ),
        (
            "a wrong password is let in",
            at(Method::POST, "/login", nth(2, status(200))),
            "a wrong password is refused",
            "not 401",
        ),
        (
            "an unknown address is told from a wrong password",
            at(Method::POST, "/login", nth(2, member("code", json!("wrong_password")))),
            "a wrong password is refused",
            "wrong_password, not 401 invalid_credentials",
        ),
        (
            "a valid token is called invalid",
            at(Method::POST, "/verify", member("valid", json!(false))),
            "verify",
            "not valid",
        ),
        ("me is another user", at(Method::GET, "/me", member("user", json!({}))), "me", "another user"),
        (
            "metadata is not stored",
            at(Method::PATCH, "/me", member("user", json!({}))),
            "profile",
            "not what was stored",
        ),
        (
            "a deletion asks for no password",
            at(Method::POST, "/me/delete", status(200)),
            "a wrong password deletes nothing",
            "answered 200",
        ),
        (
            "nobody is logged in where",
            at(Method::GET, "/me/sessions", member("sessions", json!([]))),
            "sessions",
            "0 of 0 sessions",
        ),
        (
            "a changed password ends no session",
            at(Method::POST, "/refresh", nth(3, status(200))),
            "password change",
            "answered 200",
        ),
        (
            "a logout ends nothing",
            at(Method::POST, "/logout", member("sessions_ended", json!(0))),
            "logout",
            "no session ended",
        ),
        (
            "a session outlives its logout",
            at(Method::POST, "/refresh", nth(4, status(200))),
            "refresh after logout is refused",
            "answered 200",
        ),
    ])
    .await;
}

/// Answers every refresh with the refresh token of the last login.
fn unchanged_refresh_token() -> Change {
    let mut last = Value::Null;
    Box::new(move |answer| match answer.request.1.as_str() {
        "/login" if answer.status == 200 => answer.json(|body| last = body["refresh_token"].clone()),
        "/refresh" if answer.status == 200 => answer.json(|body| body["refresh_token"] = last.clone()),
        _ => {}
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_that_no_verifier_could_use_are_named_and_the_account_goes_all_the_same() {
    let discovery = |name, value| at(Method::GET, "/.well-known/openid-configuration", member(name, json!(value)));
    let keys = |change: fn(usize, &mut Value)| {
        at(
            Method::GET,
            KEY_SET,
            json(move |body| {
                body["keys"].as_array_mut().unwrap().iter_mut().enumerate().for_each(|(index, key)| change(index, key));
            }),
        )
    };
    let token = |change: fn(&str) -> String| {
        let change = json(move |body| body["access_token"] = json!(change(body["access_token"].as_str().unwrap())));
        at(Method::POST, "/refresh", nth(1, change))
    };
    each_is_named(vec![
        ("the access token is none", token(|_| "opaque".to_owned()), DOCUMENTS, "is no JWT"),
        ("the access token is HS256", token(with_another_algorithm), DOCUMENTS, "signed by HS256, not RS256"),
        ("the issuer is another", discovery("issuer", "https://other.example"), DOCUMENTS, "https://other.example"),
        (
            "the key set is elsewhere",
            discovery("jwks_uri", "https://other.example"),
            DOCUMENTS,
            "jwks_uri is https://other",
        ),
        (
            "the key set is another's",
            keys(|index, key| key["kid"] = json!(format!("another {index}"))),
            DOCUMENTS,
            "not in the key set",
        ),
        ("the key is another", keys(|_, key| forge(key)), DOCUMENTS, "not by the key"),
        ("the keys are cut", keys(|_, key| key["n"] = json!("AQAB")), DOCUMENTS, "does not have 2048 to 8192 bits"),
        (
            "two keys have one id",
            keys(|_, key| key["kid"] = json!("another")),
            DOCUMENTS,
            "has two keys with the same kid",
        ),
        ("a private key is published", keys(|_, key| key["d"] = json!("AQAB")), DOCUMENTS, "shows a private key"),
        ("there are no keys", at(Method::GET, KEY_SET, member("keys", Value::Null)), DOCUMENTS, "has no array `keys`"),
    ])
    .await;
}

/// The token with the header `{"alg":"HS256"}`.
fn with_another_algorithm(token: &str) -> String {
    let (_, rest) = token.split_once('.').unwrap();
    format!("eyJhbGciOiJIUzI1NiJ9.{rest}")
}

/// Makes another modulus of a key's, which is as long, and odd as every modulus is.
fn forge(key: &mut Value) {
    let modulus = key["n"].as_str().unwrap();
    let (start, end) = (&modulus[..modulus.len() - 16], &modulus[modulus.len() - 8..]);
    key["n"] = json!(format!("{start}AAAAAAAA{end}"));
}
