//! One backend, two ways to run it. Each way accepts the tokens and accounts of the other.

use futures_util::future::LocalBoxFuture;
use serde_json::json;

use super::setup::{Setup, WRONG};
use crate::{clock, deployment::Way, http::Request, tokens};

/// A trial of something that the first way makes and the second way uses.
type Trial = for<'a> fn(&'a Setup, Way, Way) -> LocalBoxFuture<'a, ()>;

/// The trials, with the sentences that name them.
pub const TRIALS: [(&str, Trial); 5] = [
    (
        "failures are counted, and a client that logged in before is not held to those of strangers",
        |setup, here, there| Box::pin(failures_are_counted(setup, here, there)),
    ),
    ("an account logs in, and so does one made twice under one idempotency key", |setup, here, there| {
        Box::pin(an_account_logs_in(setup, here, there))
    }),
    ("a refresh token refreshes, there and back", |setup, here, there| {
        Box::pin(a_refresh_token_refreshes(setup, here, there))
    }),
    ("an access token verifies", |setup, here, there| Box::pin(an_access_token_verifies(setup, here, there))),
    ("a logout ends the session that the other gave", |setup, here, there| {
        Box::pin(a_logout_ends_the_session(setup, here, there))
    }),
];

async fn failures_are_counted(setup: &Setup, here: Way, there: Way) {
    let account = setup.account().await;
    let fail = async || {
        let request = Request::post("/login", &account.credentials_with(WRONG));
        let answer = setup.deployment.ask(here, "login", request).await.expect("an answer");
        assert_eq!(answer.status, 401, "{:#}", answer.body);
    };
    for _ in 0..5 {
        fail().await;
    }
    // On a slow machine the first delay may be over before the next request. The trial therefore
    // fails twice more, each time after the delay.
    for seconds in [1, 2] {
        clock::sleep(seconds * 1000).await;
        fail().await;
    }
    let login = Request::post("/login", &account.credentials());
    let refused = setup.deployment.ask(there, "login", login).await.expect("an answer");
    assert_eq!((refused.status, &refused.body["code"]), (429, &json!("too_many_attempts")));
    let seconds = refused.header("retry-after").and_then(|seconds| seconds.parse::<u32>().ok());
    assert!(seconds.is_some_and(|seconds| (1..=4).contains(&seconds)), "retry-after is {seconds:?}");
    let mut known = account.credentials();
    known["refresh_token"] = account.session["refresh_token"].clone();
    let session = setup.deployment.succeed(there, "login", Request::post("/login", &known)).await;
    assert_eq!(session["uid"], account.uid());
}

async fn an_account_logs_in(setup: &Setup, here: Way, there: Way) {
    let newcomer = setup.newcomer();
    let create = Request::post("/create-account", &newcomer).header("idempotency-key", &tokens::random_id());
    let made = setup.deployment.succeed(here, "create-account", create.clone()).await;
    let session = setup.deployment.succeed(there, "login", Request::post("/login", &newcomer)).await;
    assert_eq!(session["uid"], made["uid"]);
    let again = setup.deployment.succeed(there, "create-account", create).await;
    assert_eq!(again["uid"], made["uid"]);
}

async fn a_refresh_token_refreshes(setup: &Setup, here: Way, there: Way) {
    let mut session = setup.session(here).await;
    for way in [there, here] {
        let request = Request::post("/refresh", &json!({"refresh_token": session["refresh_token"]}));
        session = setup.deployment.succeed(way, "refresh", request).await;
        assert_eq!(session["uid"], setup.james.uid());
    }
}

async fn an_access_token_verifies(setup: &Setup, here: Way, there: Way) {
    let session = setup.session(here).await;
    let request = Request::post("/verify", &json!({"token": session["access_token"]}));
    let answer = setup.deployment.ask(there, "verify", request).await.expect("an answer");
    assert_eq!(answer.status, 200);
    answer.has(&json!({"valid": true, "kind": "access_token", "uid": setup.james.uid()}));
}

async fn a_logout_ends_the_session(setup: &Setup, here: Way, there: Way) {
    let session = setup.session(there).await;
    let body = json!({"refresh_token": session["refresh_token"]});
    setup.deployment.succeed(here, "logout", Request::post("/logout", &body)).await;
    let refreshed = setup.deployment.ask(there, "refresh", Request::post("/refresh", &body)).await.expect("an answer");
    assert_eq!(refreshed.status, 401, "{:#}", refreshed.body);
    let verify = Request::get("/verify?check_revoked=true").by(&session);
    let verified = setup.deployment.ask(there, "verify", verify).await.expect("an answer");
    assert_eq!(verified.body["code"], "token_revoked", "{:#}", verified.body);
}
