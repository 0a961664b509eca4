//! A thousand addresses guess at one account while its owner logs in.
//!
//! The guesses get a 401 or 429 as the limits allow, for a whole hour. Each login of the owner from
//! a known client must succeed. The rows count both.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use serde_json::json;
use tokio::{task::JoinSet, time};

use super::{ACCOUNT, CONCURRENCY, Counts, Method, PASSWORD, Report, Scale, Service, log_in, report_guesses};

/// The number of addresses.
pub const ADDRESSES: u32 = 1_000;
/// The pause between two logins of the owner.
const PAUSE: Duration = Duration::from_millis(250);
/// The steps of the clock after the attack at full speed, and the guesses after each.
const STEP: Duration = Duration::from_secs(60);
const GUESSES_A_STEP: u32 = 6;

pub async fn run(scale: Scale, report: &mut Report) {
    let seconds: u64 = scale.of(4, 60);
    let service = Arc::new(Service::new(latchkey::router()).await);
    let user = service.account(ACCOUNT).await;
    let device = service.session(&user).await["refresh_token"].clone();
    let (began, over, counts) =
        (service.now(), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Counts::default())));
    let mut guessers = JoinSet::new();
    for first in 0..CONCURRENCY as u32 {
        let (service, over, counts) = (Arc::clone(&service), Arc::clone(&over), Arc::clone(&counts));
        guessers.spawn(async move {
            for number in (first..).step_by(CONCURRENCY).take_while(|_| !over.load(Ordering::Relaxed)) {
                let answer = log_in(&service, address(number), ACCOUNT, &format!("wrong horse {number}")).await;
                counts.lock().expect("no panic").add(answer.status.as_u16(), answer.header("retry-after"));
            }
        });
    }
    let (mut owner_counts, mut logins) = (Counts::default(), 0);
    for _ in 0..seconds * 4 {
        time::sleep(PAUSE).await;
        let body = json!({"email": ACCOUNT, "password": PASSWORD, "refresh_token": device});
        let answer = service.request(Method::POST, "/login").from(address(1)).json(body).await;
        owner_counts.add(answer.status.as_u16(), answer.header("retry-after"));
        logins += 1;
    }
    over.store(true, Ordering::Relaxed);
    guessers.join_all().await;
    let counts = counts.lock().expect("no panic").clone();
    let elapsed = service.now().seconds() + 1 - began.seconds();
    report_guesses(report, format!("{ADDRESSES} addresses guess at one account for {elapsed} s"), &counts);
    report.row(
        "the owner meanwhile, from a known client behind an attacking address",
        format!("{logins} × 200; in the short form 503 from a busy machine"),
        owner_counts.to_string(),
        owner_counts.ok + scale.of(owner_counts.busy, 0) == logins,
    );
    let counts = rest_of_the_hour(&service, counts, elapsed).await;
    report_guesses(report, format!("{ADDRESSES} addresses guess at one account for an hour"), &counts);
    log_in_from_new_client(&service, report).await;
}

/// Moves the clock to the end of the hour in steps of a minute, with guesses in each.
async fn rest_of_the_hour(service: &Service, mut counts: Counts, elapsed: i64) -> Counts {
    let mut number = 0;
    for _ in (elapsed..3_600 - STEP.as_secs() as i64).step_by(STEP.as_secs() as usize) {
        service.pass(STEP);
        for _ in 0..GUESSES_A_STEP {
            let answer = log_in(service, address(number), ACCOUNT, &format!("wrong horse {number}")).await;
            counts.add(answer.status.as_u16(), answer.header("retry-after"));
            number += 1;
        }
    }
    counts
}

/// The owner logs in from a new client after the attack, and waits as Retry-After says.
async fn log_in_from_new_client(service: &Service, report: &mut Report) {
    let answer = log_in(service, address(ADDRESSES + 1), ACCOUNT, PASSWORD).await;
    let retry_after: u64 = answer.header("retry-after").parse().unwrap_or_default();
    let before = answer.status.as_u16();
    service.pass(Duration::from_secs(retry_after));
    let after = log_in(service, address(ADDRESSES + 1), ACCOUNT, PASSWORD).await.status.as_u16();
    report.row(
        "the owner afterwards, from a new client",
        "429 if the last delay still runs, and 200 after Retry-After of at most 900 s",
        format!("{before}, and {after} after {retry_after} s"),
        (before == 200 || (before == 429 && retry_after <= 900)) && after == 200,
    );
}

/// The address with this number, in a private network.
pub fn address(number: u32) -> IpAddr {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    Ipv4Addr::from(first + number % (ADDRESSES + 2)).into()
}
