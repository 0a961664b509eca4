//! The end of a session, or of all of an account's, while they are refreshed.

use std::sync::Arc;

use serde_json::{Value, json};
use shared::{
    account::user::User,
    testing::{PASSWORD, Service},
};
use tokio::task::JoinSet;

use super::{WAVE, service};
use crate::{Scale, asking::Ask, audit::Tally, table::Table, wait_for};

/// How many refreshes of each session race its end, which takes longer.
const REFRESHES: usize = 4;

/// Adds its rows.
pub fn run(scale: Scale, table: &mut Table) {
    wait_for(async {
        let races = scale.of(100, 1_000);
        let tally = together(races, logout).await;
        let attack = format!("{races} races of a logout and a refresh");
        table.row(attack, "0 live tokens", tally.to_string(), tally.is_clean());
        let races = scale.of(10, 100);
        let tally = together(races, logout_everywhere).await;
        row(table, races, "a logout everywhere", &tally);
        let tally = together(races, change_password).await;
        row(table, races, "a password change", &tally);
        let tally = together(races, delete).await;
        row(table, races, "a delete", &tally);
        let tally = together(races, disable).await;
        row(table, races, "the account being disabled", &tally);
    });
}

fn row(table: &mut Table, races: usize, end: &str, tally: &Tally) {
    let attack = format!("{races} races of {end} and {REFRESHES} refreshes of each of two sessions");
    table.row(attack, "no refresh succeeds afterwards, and check_revoked says so", tally.to_string(), tally.is_clean());
}

/// Runs races beside each other, each with an account of its own.
async fn together<F>(races: usize, race: fn(Arc<Service>, User) -> F) -> Tally
where
    F: Future<Output = Tally> + Send + 'static,
{
    let service = service().await;
    let mut racing = JoinSet::new();
    let mut tally = Tally::default();
    for number in 0..races {
        if racing.len() == WAVE
            && let Some(ended) = racing.join_next().await
        {
            tally.add(ended.expect("it comes to its end"));
        }
        let service = service.clone();
        racing.spawn(async move {
            let user = service.account(&format!("{number}@races.example")).await;
            race(service, user).await
        });
    }
    racing.join_all().await.into_iter().for_each(|one| tally.add(one));
    tally
}

async fn logout(service: Arc<Service>, user: User) -> Tally {
    let session = service.session(&user).await;
    let end = Ask::logout(&session);
    raced(&service, vec![session], 1, async |service: &Service| end.of(service).await.status == 200).await
}

async fn logout_everywhere(service: Arc<Service>, user: User) -> Tally {
    let sessions = two(&service, &user).await;
    let body = json!({"refresh_token": sessions[0]["refresh_token"], "everywhere": true});
    let end = Ask::post("/logout", body);
    raced(&service, sessions, REFRESHES, async |service: &Service| end.of(service).await.status == 200).await
}

async fn change_password(service: Arc<Service>, user: User) -> Tally {
    let sessions = two(&service, &user).await;
    let end = Ask::change_password(&sessions[0], PASSWORD, "another battery staple");
    raced(&service, sessions, REFRESHES, async |service: &Service| {
        let answer = end.of(service).await;
        answer.status == 200 && Ask::refresh(&answer.body).of(service).await.status == 200
    })
    .await
}

async fn delete(service: Arc<Service>, user: User) -> Tally {
    let sessions = two(&service, &user).await;
    let end = Ask::delete(&sessions[0], PASSWORD);
    raced(&service, sessions, REFRESHES, async |service: &Service| end.of(service).await.status == 200).await
}

async fn disable(service: Arc<Service>, user: User) -> Tally {
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
) -> Tally {
    let mut refreshing = JoinSet::new();
    for session in sessions.iter().flat_map(|session| std::iter::repeat_n(session.clone(), refreshes)) {
        let service = service.clone();
        refreshing.spawn(async move { Ask::refresh(&session).of(&service).await });
    }
    let ended = end(service).await;
    let mut tally = Tally::default();
    tally.see((!ended).then(|| "it was not ended".to_owned()));
    let children = refreshing.join_all().await.into_iter().filter(|answer| answer.status == 200);
    for session in sessions.into_iter().chain(children.map(|answer| answer.body)) {
        let refreshed = Ask::refresh(&session).of(service).await;
        tally.see((refreshed.status.is_success()).then(|| "a live refresh token".to_owned()));
        let verified = Ask::verify_live(&session).of(service).await;
        tally.see((verified.status.is_success()).then(|| "a token that is said to be live".to_owned()));
    }
    tally
}
