//! The end of a session, or of all of an account's, while they are refreshed.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{PASSWORD, Service},
};
use tokio::task::JoinSet;

use super::{WAVE, service};
use crate::{Scale, invariants::Checks, report::Report, requests::Request, wait_for};

/// How many refreshes of each session race its end, which takes longer.
const REFRESHES: usize = 4;

/// Adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        let races = scale.of(100, 1_000);
        let checks = together(races, logout).await;
        let attack = format!("{races} races of a logout and a refresh");
        report.row(attack, "0 live tokens", checks.to_string(), checks.passed());
        let races = scale.of(10, 100);
        let checks = together(races, logout_everywhere).await;
        row(report, races, "a logout everywhere", &checks);
        let checks = together(races, change_password).await;
        row(report, races, "a password change", &checks);
        let checks = together(races, delete).await;
        row(report, races, "a delete", &checks);
        let checks = together(races, disable).await;
        row(report, races, "the account being disabled", &checks);
    });
}

fn row(report: &mut Report, races: usize, end: &str, checks: &Checks) {
    let attack = format!("{races} races of {end} and {REFRESHES} refreshes of each of two sessions");
    report.row(
        attack,
        "no refresh succeeds afterwards, and check_revoked says so",
        checks.to_string(),
        checks.passed(),
    );
}

/// Runs races beside each other, each with an account of its own.
async fn together<F>(races: usize, race: fn(Arc<Service>, User) -> F) -> Checks
where
    F: Future<Output = Checks> + Send + 'static,
{
    let service = service().await;
    let mut racing = JoinSet::new();
    let mut checks = Checks::default();
    for number in 0..races {
        if racing.len() == WAVE
            && let Some(ended) = racing.join_next().await
        {
            checks.add(ended.expect("it comes to its end"));
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
    raced(&service, vec![session], 1, async |service: &Service| end.send(service).await.status == 200).await
}

async fn logout_everywhere(service: Arc<Service>, user: User) -> Checks {
    let sessions = two(&service, &user).await;
    let body = json!({"refresh_token": sessions[0]["refresh_token"], "everywhere": true});
    let end = Request::post("/logout", body);
    raced(&service, sessions, REFRESHES, async |service: &Service| end.send(service).await.status == 200).await
}

async fn change_password(service: Arc<Service>, user: User) -> Checks {
    let sessions = two(&service, &user).await;
    let end = Request::change_password(&sessions[0], PASSWORD, "another battery staple");
    raced(&service, sessions, REFRESHES, async |service: &Service| {
        let answer = end.send(service).await;
        answer.status == 200 && Request::refresh(&answer.body).send(service).await.status == 200
    })
    .await
}

async fn delete(service: Arc<Service>, user: User) -> Checks {
    let sessions = two(&service, &user).await;
    let end = Request::delete(&sessions[0], PASSWORD);
    raced(&service, sessions, REFRESHES, async |service: &Service| end.send(service).await.status == 200).await
}

async fn disable(service: Arc<Service>, user: User) -> Checks {
    let sessions = two(&service, &user).await;
    raced(&service, sessions, REFRESHES, async |service: &Service| {
        service.app().store().update_user(&user, |user| user.disabled = true).await.is_ok()
    })
    .await
}

async fn two(service: &Service, user: &User) -> Vec<Value> {
    vec![service.session(user).await, service.session(user).await]
}

/// Ends the sessions while they are refreshed; afterwards no token that anybody got is worth anything.
async fn raced(
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
    checks.record((!ended).then(|| "it was not ended".to_owned()));
    let children = refreshing.join_all().await.into_iter().filter(|answer| answer.status == 200);
    for session in sessions.into_iter().chain(children.map(|answer| answer.body)) {
        let refreshed = Request::refresh(&session).send(service).await;
        checks.record((refreshed.status.is_success()).then(|| "a live refresh token".to_owned()));
        let verified = Request::verify_live(&session).send(service).await;
        checks.record((verified.status.is_success()).then(|| "a token that is said to be live".to_owned()));
    }
    checks
}
