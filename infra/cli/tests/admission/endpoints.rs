//! Every endpoint, for an account in every state, with and without `REQUIRE_VERIFIED_EMAIL`.

use std::collections::BTreeSet;

use axum::http::Method;
use serde_json::Value;
use shared::testing::{Google, PASSWORD, PROJECT, Reply, Service, certificate, id_token_claims};

use super::{REQUIRED, SHARED_SECRET, change};

const KID: &str = "0e5a1c";
const API_KEY: &str = "an api key of at least 32 characters";

/// The state of an account when an endpoint is called. Its session is from before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Verified,
    Unverified,
    Disabled,
    Deleted,
}

const STATES: [State; 4] = [State::Verified, State::Unverified, State::Disabled, State::Deleted];

/// A call with a token of the session, or the password of the account.
#[derive(Clone, Copy)]
enum By {
    /// No credential.
    Nobody,
    /// The access token as Bearer.
    Access,
    /// A Firebase ID token of the account as Bearer, from a sign-in with its custom token.
    IdToken,
    /// The refresh token in the body.
    Refresh,
    /// The server's API key.
    Server,
}

/// An endpoint, a caller and a body, with the answers for each of [`STATES`]: without the rule, and
/// under it.
struct Row {
    endpoint: &'static str,
    by: By,
    body: &'static str,
    without: [&'static str; 4],
    under: [&'static str; 4],
}

/// The same answer for everybody: the endpoint gives nothing to an account.
const fn equal(endpoint: &'static str, by: By, body: &'static str, answer: &'static str) -> Row {
    Row { endpoint, by, body, without: [answer; 4], under: [answer; 4] }
}

/// An endpoint that reads the account of an access token.
const fn by_access_token(endpoint: &'static str, body: &'static str) -> Row {
    Row {
        endpoint,
        by: By::Access,
        body,
        without: ["200", "200", "401 account_disabled", "401 token_revoked"],
        under: ["200", "403 email_not_verified", "401 account_disabled", "401 token_revoked"],
    }
}

/// An endpoint of Supabase that reads the account of an access token.
const fn by_supabase(endpoint: &'static str) -> Row {
    Row {
        endpoint,
        by: By::Access,
        body: "{}",
        without: ["200", "200", "403 user_banned", "403 session_not_found"],
        under: ["200", "400 email_not_confirmed", "403 user_banned", "403 session_not_found"],
    }
}

/// An endpoint that reads the account of a Firebase ID token.
const fn by_id_token(endpoint: &'static str) -> Row {
    Row {
        endpoint,
        by: By::IdToken,
        body: "{}",
        without: ["200", "200", "401 auth/user-disabled", "401 auth/id-token-revoked"],
        under: ["200", "403 email_not_verified", "401 auth/user-disabled", "401 auth/id-token-revoked"],
    }
}

const CREDENTIALS: &str = r#"{"email": "a@b.de", "password": "correct horse battery staple"}"#;

/// A reset with a challenge that nobody got.
const RESET: &str = r#"{"challenge": "A", "code": "123456", "new_password": "another battery staple"}"#;

const ROWS: [Row; 65] = [
    Row {
        endpoint: "POST /create-account",
        by: By::Nobody,
        body: CREDENTIALS,
        without: ["409 email_taken", "409 email_taken", "409 email_taken", "201"],
        under: ["409 email_taken", "409 email_taken", "409 email_taken", "201"],
    },
    Row {
        endpoint: "POST /login",
        by: By::Nobody,
        body: CREDENTIALS,
        without: ["200", "200", "403 account_disabled", "401 invalid_credentials"],
        under: ["200", "403 email_not_verified", "403 account_disabled", "401 invalid_credentials"],
    },
    Row {
        endpoint: "POST /refresh",
        by: By::Refresh,
        body: "{}",
        without: ["200", "200", "403 account_disabled", "401 refresh_token_invalid"],
        under: ["200", "403 email_not_verified", "403 account_disabled", "401 refresh_token_invalid"],
    },
    Row {
        endpoint: "POST /oauth/token",
        by: By::Nobody,
        body: r#"{"grant_type": "password", "username": "a@b.de", "password": "correct horse battery staple"}"#,
        without: ["200", "200", "400 account_disabled", "400 invalid_credentials"],
        under: ["200", "400 email_not_verified", "400 account_disabled", "400 invalid_credentials"],
    },
    Row {
        endpoint: "POST /oauth/token",
        by: By::Refresh,
        body: r#"{"grant_type": "refresh_token"}"#,
        without: ["200", "200", "400 account_disabled", "400 refresh_token_invalid"],
        under: ["200", "400 email_not_verified", "400 account_disabled", "400 refresh_token_invalid"],
    },
    equal("POST /oauth/revoke", By::Nobody, r#"{"token": "x"}"#, "200"),
    by_access_token("GET /oauth/userinfo", "{}"),
    Row {
        endpoint: "POST /auth/v1/token?grant_type=password",
        by: By::Nobody,
        body: CREDENTIALS,
        without: ["200", "200", "400 user_banned", "400 invalid_credentials"],
        under: ["200", "400 email_not_confirmed", "400 user_banned", "400 invalid_credentials"],
    },
    Row {
        endpoint: "POST /auth/v1/token?grant_type=refresh_token",
        by: By::Refresh,
        body: "{}",
        without: ["200", "200", "400 user_banned", "400 refresh_token_not_found"],
        under: ["200", "400 email_not_confirmed", "400 user_banned", "400 refresh_token_not_found"],
    },
    Row {
        endpoint: "POST /auth/v1/signup",
        by: By::Nobody,
        body: CREDENTIALS,
        without: ["422 user_already_exists", "422 user_already_exists", "422 user_already_exists", "200"],
        under: ["422 user_already_exists", "422 user_already_exists", "422 user_already_exists", "200"],
    },
    by_supabase("GET /auth/v1/user"),
    by_supabase("PUT /auth/v1/user"),
    // A token that opens nothing any more still ends its session.
    equal("POST /auth/v1/logout", By::Access, "{}", "204"),
    equal("GET /auth/v1/.well-known/jwks.json", By::Nobody, "", "200"),
    equal("GET /auth/v1/health", By::Nobody, "", "200"),
    equal("GET /auth/v1/settings", By::Nobody, "", "200"),
    // The mailbox alone learns more.
    equal("POST /password/forgot", By::Nobody, r#"{"email": "a@b.de"}"#, "200"),
    equal("POST /password/reset", By::Nobody, RESET, "401 code_invalid"),
    // A code is the way in under the rule.
    Row {
        endpoint: "POST /login/email",
        by: By::Nobody,
        body: r#"{"email": "a@b.de"}"#,
        without: ["501 not_configured"; 4],
        under: ["200"; 4],
    },
    Row {
        endpoint: "POST /login/email/complete",
        by: By::Nobody,
        body: r#"{"challenge": "A", "code": "123456"}"#,
        without: ["501 not_configured"; 4],
        under: ["401 code_invalid"; 4],
    },
    Row {
        endpoint: "POST /me/email/verify",
        by: By::Access,
        body: "{}",
        without: ["400 already_verified", "200", "401 account_disabled", "401 token_revoked"],
        under: ["400 already_verified", "403 email_not_verified", "401 account_disabled", "401 token_revoked"],
    },
    Row {
        endpoint: "POST /me/email/verify/complete",
        by: By::Access,
        body: r#"{"challenge": "A", "code": "123456"}"#,
        without: ["401 code_invalid", "401 code_invalid", "401 account_disabled", "401 token_revoked"],
        under: ["401 code_invalid", "403 email_not_verified", "401 account_disabled", "401 token_revoked"],
    },
    by_access_token("POST /me/email", r#"{"new_email": "c@d.de", "password": "correct horse battery staple"}"#),
    Row {
        endpoint: "POST /me/email/complete",
        by: By::Access,
        body: r#"{"challenge": "A", "code": "123456"}"#,
        without: ["401 code_invalid", "401 code_invalid", "401 account_disabled", "401 token_revoked"],
        under: ["401 code_invalid", "403 email_not_verified", "401 account_disabled", "401 token_revoked"],
    },
    // No provider is configured, and a code alone opens nothing.
    equal("POST /exchange", By::Nobody, r#"{"provider": "google", "id_token": "A"}"#, "501 not_configured"),
    equal("POST /exchange/complete", By::Nobody, r#"{"challenge": "A", "code": "123456"}"#, "401 code_invalid"),
    by_access_token("GET /me/identities", "{}"),
    by_access_token("DELETE /me/identities/google", "{}"),
    // An end is for everybody.
    equal("POST /logout", By::Refresh, "{}", "200"),
    equal("POST /logout", By::Refresh, r#"{"everywhere": true}"#, "200"),
    // Without `check_revoked` the token alone is asked.
    Row {
        endpoint: "GET /verify",
        by: By::Access,
        body: "{}",
        without: ["200"; 4],
        under: ["200", "403 email_not_verified", "200", "200"],
    },
    Row {
        endpoint: "POST /verify",
        by: By::Access,
        body: "{}",
        without: ["200"; 4],
        under: ["200", "403 email_not_verified", "200", "200"],
    },
    by_access_token("GET /verify?check_revoked=true", "{}"),
    by_access_token("POST /verify?check_revoked=true", "{}"),
    // Under the rule the account of an ID token without an address is read, and decides.
    Row {
        endpoint: "GET /verify",
        by: By::IdToken,
        body: "{}",
        without: ["200"; 4],
        under: ["200", "403 email_not_verified", "401 auth/user-disabled", "403 email_not_verified"],
    },
    by_id_token("GET /verify?check_revoked=true"),
    by_access_token("GET /me", "{}"),
    by_id_token("GET /me"),
    by_access_token("PATCH /me", r#"{"name": "Jim"}"#),
    by_id_token("PATCH /me"),
    by_access_token("DELETE /me", r#"{"password": "correct horse battery staple"}"#),
    by_access_token("POST /me/delete", r#"{"password": "correct horse battery staple"}"#),
    by_access_token(
        "POST /me/password",
        r#"{"current_password": "correct horse battery staple", "new_password": "another battery staple"}"#,
    ),
    by_access_token("GET /me/export", "{}"),
    by_id_token("GET /me/export"),
    by_access_token("GET /me/sessions", "{}"),
    by_id_token("GET /me/sessions"),
    by_access_token("DELETE /me/sessions/AAAAAAAAAAAAAAAA", "{}"),
    // A server vouches for its own claims.
    equal("POST /jwt/encode", By::Server, r#"{"payload": {"user_id": "1"}}"#, "200"),
    equal("POST /jwt/decode", By::Nobody, r#"{"token": "eyJhbGciOiJub25lIn0.e30."}"#, "200"),
    equal("GET /.well-known/jwks.json", By::Nobody, "", "200"),
    equal("GET /.well-known/openid-configuration", By::Nobody, "", "200"),
    equal("GET /health", By::Nobody, "", "200"),
    equal("GET /openapi.json", By::Nobody, "", "200"),
    equal("GET /openapi-3.0.json", By::Nobody, "", "200"),
    equal("GET /flutterflow.json", By::Nobody, "", "200"),
    equal("GET /errors", By::Nobody, "", "200"),
    equal("GET /pages/reset", By::Nobody, "", "200"),
    equal("POST /pages/inspect", By::Nobody, r#"{"token": "A"}"#, "401 link_invalid"),
    equal(
        "POST /pages/reset",
        By::Nobody,
        r#"{"token": "A", "new_password": "another battery staple"}"#,
        "401 link_invalid",
    ),
    equal("POST /pages/verify", By::Nobody, r#"{"token": "A", "password": "a"}"#, "401 link_invalid"),
    equal("POST /pages/email", By::Nobody, r#"{"token": "A", "password": "a"}"#, "401 link_invalid"),
    equal("POST /pages/undo", By::Nobody, r#"{"token": "A", "email": "a@b.de"}"#, "401 link_invalid"),
    equal("POST /pages/sign-in", By::Nobody, r#"{"token": "A"}"#, "501 not_configured"),
    equal("POST /pages/disown", By::Nobody, r#"{"token": "A", "email": "a@b.de"}"#, "401 link_invalid"),
];

/// Puts the account of the session into `state`, and calls the endpoint. The answer as in [`ROWS`].
async fn answer(service: &Service, row: &Row, state: State) -> String {
    let user = service.account_with("a@b.de", None, |user| user.email_verified = state != State::Unverified).await;
    let session = service.session(&user).await;
    let id_token = certificate(0).id_token(KID, &id_token_claims(&user.id, service.now()));
    match state {
        State::Verified | State::Unverified => {}
        State::Disabled => drop(change(service, &user, |user| user.disabled = true).await),
        State::Deleted => service.app().store().delete_user(&user).await.unwrap(),
    }
    let (method, path) = row.endpoint.split_once(' ').unwrap();
    let call = service.request(method.parse::<Method>().unwrap(), path);
    let mut body: Value = serde_json::from_str(row.body).unwrap_or_default();
    let call = match row.by {
        By::Nobody => call,
        By::Access => call.bearer(&session["access_token"]),
        By::IdToken => call.bearer(&id_token),
        By::Server => call.header("x-api-key", API_KEY),
        By::Refresh => {
            body["refresh_token"] = session["refresh_token"].clone();
            call
        }
    };
    let answer = if row.body.is_empty() { call.send().await } else { call.json(body).await };
    let code = answer.body["code"].as_str().unwrap_or_default();
    format!("{} {code}", answer.status.as_u16()).trim_end().to_owned()
}

async fn service(google: &Google, is_required: bool) -> Service {
    let url = google.url();
    let variables = [
        ("FIREBASE_CERTS_URL", url.as_str()),
        ("FIREBASE_PROJECT_ID", PROJECT),
        ("API_KEY", API_KEY),
        SHARED_SECRET,
        REQUIRED,
    ];
    let variables = if is_required { &variables[..] } else { &variables[..4] };
    Service::configured(latchkey::router(), variables).await
}

#[tokio::test(start_paused = true)]
async fn every_endpoint_answers_each_account_as_the_one_decision_says() {
    assert_eq!(PASSWORD, "correct horse battery staple");
    let google = Google::start(Reply::certificates(&[(0, KID)])).await;
    let mut wrong = Vec::new();
    for row in &ROWS {
        for (is_required, expected) in [(false, row.without), (true, row.under)] {
            for (state, expected) in STATES.into_iter().zip(expected) {
                let answer = answer(&service(&google, is_required).await, row, state).await;
                if answer != expected {
                    wrong.push(format!("{} {state:?}, rule {is_required}: {answer}, not {expected}", row.endpoint));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The endpoints of the API's table, such as `GET /verify`. An id is in the place of `{id}`, and
/// Google in the place of `{provider}`.
fn documented() -> BTreeSet<String> {
    let page = include_str!("../../../../docs/api.md");
    let rows = page.lines().filter_map(|line| line.strip_prefix("| `")?.split(" |").next());
    let is_method = |word: &str| ["GET", "POST", "PUT", "PATCH", "DELETE"].contains(&word);
    let mut endpoints = BTreeSet::new();
    for row in rows.filter(|row| row.contains(" /") || row.contains("` /")) {
        let words: Vec<&str> = row.split([' ', '`']).collect();
        let Some(path) = words.iter().find(|word| word.starts_with('/')) else { continue };
        for method in words.iter().filter(|word| is_method(word)) {
            let path = path.replace("{id}", "AAAAAAAAAAAAAAAA").replace("{provider}", "google");
            endpoints.insert(format!("{method} {path}"));
        }
    }
    endpoints
}

#[test]
fn the_matrix_has_every_endpoint_of_the_documented_table() {
    let documented = documented();
    assert!(documented.len() >= 17, "{documented:?}");
    let rows: BTreeSet<String> = ROWS.iter().map(|row| row.endpoint.split('?').next().unwrap().to_owned()).collect();
    assert_eq!(rows, documented);
}
