//! Accounts and sessions: create-account, login, refresh, logout and account.

use axum::http::Method;
use serde_json::json;

use super::challenged;
use crate::{
    deployment::Way,
    http::{Answer, Request},
    lambda::{
        row::{Function, Row},
        setup::{PASSWORD, Setup, WRONG},
    },
    session::assert_session,
};

/// An id of a request that the client chose.
const REQUEST_ID: &str = "walk-1";

/// The rows of these functions.
pub fn rows() -> Vec<Row> {
    [create_account(), login(), odd_logins(), refresh(), logout(), profile(), endings()].into_iter().flatten().collect()
}

fn create_account() -> Vec<Row> {
    const PATH: &str = "/create-account";
    let create = Function("create-account");
    vec![
        create
            .row("a new account", 201, async |setup| Request::post(PATH, &setup.newcomer_with(json!({"name": "Ann"}))))
            .checked(is_session),
        create.row("a new username", 201, async |setup| {
            let mut newcomer = setup.newcomer();
            newcomer["username"] = newcomer["email"].as_str().and_then(|email| email.split('@').next()).into();
            Request::post(PATH, &newcomer)
        }),
        create
            .row("a new account from a form", 201, async |setup| Request::form(PATH, &setup.newcomer()))
            .checked(is_session),
        create
            .row("a taken address", 409, async |setup| {
                Request::post(PATH, &setup.newcomer_with(json!({"email": setup.james.email})))
            })
            .code("email_taken"),
        create
            .row("no address", 400, async |_| Request::post(PATH, &json!({"password": PASSWORD})))
            .code("invalid_request"),
        create
            .row("a short password", 400, async |setup| {
                Request::post(PATH, &setup.newcomer_with(json!({"password": "short"})))
            })
            .code("weak_password"),
        create
            .row("a chosen role", 400, async |setup| Request::post(PATH, &setup.newcomer_with(json!({"role_id": 9}))))
            .checked(|_, answer| names(answer, "role_id")),
    ]
}

fn login() -> Vec<Row> {
    const PATH: &str = "/login";
    let login = Function("login");
    vec![
        login
            .row("a login", 200, async |setup| Request::post(PATH, &setup.james.credentials()))
            .checked(is_session_of_james),
        login
            .row("a login from a form", 200, async |setup| Request::form(PATH, &setup.james.credentials()))
            .checked(is_session_of_james),
        login
            .row("a login without a type", 200, async |setup| Request {
                headers: Vec::new(),
                ..Request::post(PATH, &setup.james.credentials())
            })
            .checked(is_session_of_james),
        login
            .row("a login with an id", 200, async |setup| {
                Request::post(PATH, &setup.james.credentials()).header("x-request-id", REQUEST_ID)
            })
            .checked(|_, answer| assert_eq!(answer.header("x-request-id"), Some(REQUEST_ID))),
        login
            .row("a wrong password", 401, async |setup| {
                Request::post(PATH, &setup.account().await.credentials_with(WRONG))
            })
            .code("invalid_credentials"),
        login
            .row("an unknown address", 401, async |setup| Request::post(PATH, &setup.newcomer()))
            .code("invalid_credentials"),
    ]
}

fn odd_logins() -> Vec<Row> {
    const PATH: &str = "/login";
    let login = Function("login");
    vec![
        login.row("an error as problem+json", 401, async |setup| {
            Request::post(PATH, &setup.newcomer()).header("accept", "application/problem+json")
        }),
        login.row("a key given twice", 400, async |_| {
            Request::text(PATH, r#"{"email":"a@b.example","email":"c@d.example","password":"x"}"#)
        }),
        login.row("a body nested too deep", 400, async |_| {
            Request::text(PATH, format!(r#"{{"email":{}{}}}"#, "[".repeat(40), "]".repeat(40)))
        }),
        login.row("a NUL in a text", 400, async |setup| {
            Request::post(PATH, &setup.newcomer_with(json!({"email": "a\0@b.example"})))
        }),
        login.row("a body that is not UTF-8", 400, async |_| Request::text(PATH, b"{\"email\":\"\xff\"}")),
    ]
}

fn refresh() -> Vec<Row> {
    const PATH: &str = "/refresh";
    let refresh = Function("refresh");
    vec![
        refresh
            .row("a refresh", 200, async |setup| Request::post(PATH, &setup.refresh_token().await))
            .checked(is_session_of_james),
        refresh
            .row("no refresh token at all", 401, async |_| {
                Request::post(PATH, &json!({"refresh_token": "A".repeat(43)}))
            })
            .code("refresh_token_invalid"),
    ]
}

fn logout() -> Vec<Row> {
    const PATH: &str = "/logout";
    let logout = Function("logout");
    vec![
        logout
            .row("a logout", 200, async |setup| Request::post(PATH, &setup.refresh_token().await))
            .same()
            .checked(|_, answer| answer.has(&json!({"sessions_ended": 1}))),
        logout
            .row("a logout everywhere", 200, async |setup| {
                let account = setup.account().await;
                let token = &account.session["refresh_token"];
                Request::post(PATH, &json!({"refresh_token": token, "everywhere": true}))
            })
            .same()
            .checked(|_, answer| answer.has(&json!({"logged_out": true}))),
        logout
            .row("a second logout", 200, async |setup| {
                let request = Request::post(PATH, &setup.refresh_token().await);
                setup.deployment.succeed(Way::Serve, "logout", request.clone()).await;
                request
            })
            .same()
            .checked(|_, answer| answer.has(&json!({"logged_out": true}))),
        logout.row("a logout of nothing", 400, async |_| Request::post(PATH, &json!({}))),
    ]
}

fn profile() -> Vec<Row> {
    let account = Function("account");
    vec![
        account.row("who am I", 200, async |setup| Request::get("/me").by(&setup.james.session)).same(),
        account
            .row("who am I, by an ID token", 200, async |setup| Request::get("/me").bearer(&setup.new_id_token()))
            .same(),
        account.row("who am I, without a token", 401, async |_| Request::get("/me")).checked(challenged),
        account
            .row("a new name", 200, async |setup| {
                Request::json(Method::PATCH, "/me", &json!({"name": "James"})).by(&setup.james.session)
            })
            .same(),
        account
            .row("a new password", 200, async |setup| setup.account().await.change_password(PASSWORD))
            .checked(is_session),
        account.row("a new password, not knowing the old", 403, async |setup| {
            setup.account().await.change_password(WRONG)
        }),
    ]
}

fn endings() -> Vec<Row> {
    let account = Function("account");
    vec![
        account
            .row("the sessions", 200, async |setup| Request::get("/me/sessions").by(&setup.james.session))
            .checked(current_is_among_them),
        account
            .row("the end of a session that never was", 200, async |setup| {
                let path = format!("/me/sessions/{}", "A".repeat(16));
                Request::new(Method::DELETE, &path).by(&setup.james.session)
            })
            .same()
            .checked(|_, answer| answer.has(&json!({"ended": false}))),
        account
            .row("the end of an account", 200, async |setup| setup.account().await.end())
            .same()
            .checked(|_, answer| answer.has(&json!({"deleted": true}))),
    ]
}

fn is_session(_: &Setup, answer: &Answer) {
    assert_session(&answer.body);
}

fn is_session_of_james(setup: &Setup, answer: &Answer) {
    assert_session(&answer.body);
    assert_eq!(answer.body["uid"], setup.james.uid());
}

/// An error that names the field.
fn names(answer: &Answer, field: &str) {
    let message = answer.body["message"].as_str().unwrap_or_default();
    let fields = answer.body["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
    let is_named = message.contains(field) || fields.iter().any(|each| each["field"] == field);
    assert!(is_named, "{field} is not named: {:#}", answer.body);
}

fn current_is_among_them(_: &Setup, answer: &Answer) {
    let sessions = answer.body["sessions"].as_array().expect("sessions");
    assert_eq!(sessions.iter().filter(|session| session["current"] == true).count(), 1, "{:#}", answer.body);
}
