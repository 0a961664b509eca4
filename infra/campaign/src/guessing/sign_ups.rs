//! Guesses who has an account, by sign-ups, and signs up many times at once.
//!
//! Thirty refusals of one address are told their reason, and cost no hash. All others are a 429.
//! The rows count the answers by status.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;
use shared::{account::rate_limit::REFUSED_SIGN_UPS, testing::Answer};
use tokio::task::JoinSet;

use super::{ACCOUNT, Method, PASSWORD, Report, Scale, Service};
use crate::invariants;

/// Runs the attacks, and adds their rows.
pub async fn run(scale: Scale, report: &mut Report) {
    let probes = scale.of(100, 700);
    taken(probes, report).await;
    taken_and_free(probes, report).await;
    at_once(scale.of(50, 1_000), report).await;
}

/// Probes a taken address and a taken username while the hasher has no place left: a probe that
/// needed a hash would be a 503.
async fn taken(probes: usize, report: &mut Report) {
    let service = service().await;
    let places = service.app().hasher().occupy();
    let mut statuses = BTreeMap::<u16, usize>::new();
    for number in 0..probes {
        let email = if number % 2 == 0 { ACCOUNT.to_owned() } else { format!("free{number}@example.com") };
        let answer = create(&service, &email, "owner").await;
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
    }
    drop(places);
    let told = REFUSED_SIGN_UPS.max as usize;
    report.row(
        format!(
            "one address probes a taken e-mail address and a taken username {probes} times, without a place to hash"
        ),
        format!("{told} × 409, all others 429, none 503"),
        format!("{statuses:?}"),
        statuses == BTreeMap::from([(409, told), (429, probes - told)]),
    );
}

async fn taken_and_free(probes: usize, report: &mut Report) {
    let service = service().await;
    let (mut statuses, mut last) = (BTreeMap::<u16, usize>::new(), 0);
    for number in 0..probes {
        let email = if number % 2 == 0 { ACCOUNT.to_owned() } else { format!("free{number}@example.com") };
        let answer = create(&service, &email, "").await;
        *statuses.entry(answer.status.as_u16()).or_default() += 1;
        if answer.status != 429 {
            last = number;
        }
    }
    let told = REFUSED_SIGN_UPS.max as usize;
    report.row(
        format!("one address probes taken and free e-mail addresses {probes} times, in turn"),
        format!("429 after {told} × 409"),
        format!("{statuses:?}, the last other answer at {last}"),
        statuses == BTreeMap::from([(201, told - 1), (409, told), (429, probes - 2 * told + 1)])
            && last == 2 * told - 2,
    );
}

async fn at_once(creates: usize, report: &mut Report) {
    let service = Arc::new(Service::new(latchkey::router()).await);
    let mut in_flight = JoinSet::new();
    for _ in 0..creates {
        let service = Arc::clone(&service);
        in_flight.spawn(async move { create(&service, ACCOUNT, "").await.status.as_u16() });
    }
    let mut statuses = BTreeMap::<u16, usize>::new();
    for status in in_flight.join_all().await {
        *statuses.entry(status).or_default() += 1;
    }
    let (accounts, incomplete) = invariants::incomplete_accounts(&service).await;
    let refused = [409, 429].iter().filter_map(|status| statuses.get(status)).sum::<usize>();
    report.row(
        format!("one address sends {creates} concurrent creates of one e-mail"),
        "one 201, all others 409 or 429; one account and no orphan",
        format!("{statuses:?}; {accounts} accounts, {} incomplete", incomplete.len()),
        statuses.get(&201) == Some(&1) && refused == creates - 1 && accounts == 1 && incomplete.is_empty(),
    );
}

/// A service with one account that has a username.
async fn service() -> Service {
    let service = Service::new(latchkey::router()).await;
    service.account_with(ACCOUNT, Some("owner"), |_| {}).await;
    service
}

async fn create(service: &Service, email: &str, username: &str) -> Answer {
    let body = json!({"email": email, "password": PASSWORD, "username": username});
    let address = [192, 0, 2, 1].into();
    service.request(Method::POST, "/create-account").from(address).within(shared::testing::PATIENCE).json(body).await
}
