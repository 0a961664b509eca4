//! Revokes sessions while they are refreshed: logout, password change, deletion, disabled account.
//!
//! No token may work after the revocation, whichever request came first. The rows count the checked
//! tokens and those that still work.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{Answer, PASSWORD, Service},
};
use tokio::task::JoinSet;

use super::{CONCURRENCY, service};
use crate::{Scale, invariants::Checks, report::Report, requests::Request, wait_for};

/// The number of refreshes of each session during its revocation, which takes longer.
const REFRESHES: usize = 4;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let races = scale.of(100, 1_000);
        let checks = concurrently(races, logout).await;
        let attack = format!("{races} races of a logout and a refresh");
        report.row(attack, "0 live tokens", checks.to_string(), checks.passed());
        let races = scale.of(10, 100);
        let checks = concurrently(races, logout_everywhere).await;
        row(report, races, "a logout everywhere", &checks);
        let checks = concurrently(races, change_password).await;
        row(report, races, "a password change", &checks);
        let checks = concurrently(races, delete).await;
        row(report, races, "an account deletion", &checks);
        let checks = concurrently(races, disable).await;
        row(report, races, "disabling the account", &checks);
    });
}

fn row(report: &mut Report, races: usize, end: &str, checks: &Checks) {
    let attack = format!("{races} races of {end} and {REFRESHES} refreshes of each of two sessions");
    report.row(
        attack,
        "no refresh succeeds afterwards, and check_revoked refuses",
        checks.to_string(),
        checks.passed(),
    );
}

/// Runs races concurrently, each with an account of its own.
async fn concurrently<F>(races: usize, race: fn(Arc<Service>, User) -> F) -> Checks
where
    F: Future<Output = Checks> + Send + 'static,
{
    let service = service().await;
    let mut racing = JoinSet::new();
    let mut checks = Checks::default();
    for number in 0..races {
        if racing.len() == CONCURRENCY
            && let Some(ended) = racing.join_next().await
        {
            checks.add(ended.expect("the race ends"));
        }
        let service = service.clone();
        racing.spawn(async move {
            let user = service.account(&format!("{number}@races.example")).await;
            race(service, user).await
        });
    }
    racing.join_all().await.into_iter().for_each(|one| checks.add(one));
    checks
}

async fn logout(service: Arc<Service>, user: User) -> Checks {
    let session = service.session(&user).await;
    let end = Request::logout(&session);
    race_refreshes(&service, vec![session], 1, async |service: &Service| end.send(service).await.status == 200).await
}

async fn logout_everywhere(service: Arc<Service>, user: User) -> Checks {
    let sessions = two_sessions(&service, &user).await;
    let body = json!({"refresh_token": sessions[0]["refresh_token"], "everywhere": true});
    let end = Request::post("/logout", body);
    race_refreshes(&service, sessions, REFRESHES, async |service: &Service| end.send(service).await.status == 200).await
}

async fn change_password(service: Arc<Service>, user: User) -> Checks {
    let sessions = two_sessions(&service, &user).await;
    let end = Request::change_password(&sessions[0], PASSWORD, "another battery staple");
    race_refreshes(&service, sessions, REFRESHES, async |service: &Service| {
        let answer = end.send(service).await;
        answer.status == 200 && Request::refresh(&answer.body).send(service).await.status == 200
    })
    .await
}

async fn delete(service: Arc<Service>, user: User) -> Checks {
    let sessions = two_sessions(&service, &user).await;
    let end = Request::delete_account(&sessions[0], PASSWORD);
    race_refreshes(&service, sessions, REFRESHES, async |service: &Service| end.send(service).await.status == 200).await
}

async fn disable(service: Arc<Service>, user: User) -> Checks {
    let sessions = two_sessions(&service, &user).await;
    race_refreshes(&service, sessions, REFRESHES, async |service: &Service| {
        service.app().store().update_user(&user, |user| user.disabled = true).await.is_ok()
    })
    .await
}

async fn two_sessions(service: &Service, user: &User) -> Vec<Value> {
    vec![service.session(user).await, service.session(user).await]
}

/// Revokes the sessions while they are refreshed, and checks afterwards that no token works.
async fn race_refreshes(
    service: &Arc<Service>,
    sessions: Vec<Value>,
    refreshes: usize,
    end: impl AsyncFnOnce(&Service) -> bool,
) -> Checks {
    let mut refreshing = JoinSet::new();
    for session in sessions.iter().flat_map(|session| std::iter::repeat_n(session.clone(), refreshes)) {
        let service = service.clone();
        refreshing.spawn(async move { Request::refresh(&session).send(&service).await });
    }
    let ended = end(service).await;
    let mut checks = Checks::default();
    checks.record((!ended).then(|| "not revoked".to_owned()));
    let children = refreshing.join_all().await.into_iter().filter(|answer| answer.status == 200);
    for session in sessions.into_iter().chain(children.map(|answer| answer.body)) {
        let refreshed = Request::refresh(&session).send(service).await;
        checks.record((!is_refused(&refreshed)).then(|| format!("a refresh token: {}", refreshed.status)));
        let verified = Request::check_revoked(&session).send(service).await;
        checks.record((!is_refused(&verified)).then(|| format!("an access token: {}", verified.status)));
    }
    checks
}

/// Whether a token was refused: 403 for a disabled account, 401 otherwise.
fn is_refused(answer: &Answer) -> bool {
    match answer.status.as_u16() {
        401 => true,
        403 => answer.body["code"] == "account_disabled",
        _ => false,
    }
}
