//! A thousand addresses guess at one account while its owner logs in.

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

use super::{ACCOUNT, AT_ONCE, Counts, Method, PASSWORD, Report, Scale, Service, judge, log_in};

/// How many addresses guess.
pub const ADDRESSES: u32 = 1_000;
/// Between two logins of the owner.
const PAUSE: Duration = Duration::from_millis(250);

pub async fn run(scale: Scale, report: &mut Report) {
    let seconds: u64 = scale.of(4, 60);
    let service = Arc::new(Service::new(latchkey::router()).await);
    let user = service.account(ACCOUNT).await;
    let device = service.session(&user).await["refresh_token"].clone();
    let (began, over, counts) =
        (service.now(), Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Counts::default())));
    let mut guessers = JoinSet::new();
    for first in 0..AT_ONCE as u32 {
        let (service, over, counts) = (Arc::clone(&service), Arc::clone(&over), Arc::clone(&counts));
        guessers.spawn(async move {
            for number in (first..).step_by(AT_ONCE).take_while(|_| !over.load(Ordering::Relaxed)) {
                let answer = log_in(&service, address(number), ACCOUNT, &format!("wrong horse {number}")).await;
                counts.lock().expect("no panic").add(answer.status.as_u16(), answer.header("retry-after"));
            }
        });
    }
    let (mut known, mut logins) = (Counts::default(), 0);
    for _ in 0..seconds * 4 {
        time::sleep(PAUSE).await;
        let body = json!({"email": ACCOUNT, "password": PASSWORD, "refresh_token": device});
        let answer = service.request(Method::POST, "/login").from(address(1)).json(body).await;
        known.add(answer.status.as_u16(), answer.header("retry-after"));
        logins += 1;
    }
    over.store(true, Ordering::Relaxed);
    guessers.join_all().await;
    let counts = counts.lock().expect("no panic").clone();
    let elapsed = service.now().seconds() + 1 - began.seconds();
    judge(report, format!("{ADDRESSES} addresses guess at one account for {elapsed} s"), &counts, elapsed);
    report.row(
        "its owner meanwhile, from a client that logged in before, behind an address that guesses",
        format!("{logins} logins"),
        known.to_string(),
        known.ok == logins,
    );
    new_device(&service, report).await;
}

/// The owner on a device that nobody knows, once the others have given up: it waits as long as it is told.
async fn new_device(service: &Service, report: &mut Report) {
    let answer = log_in(service, address(ADDRESSES + 1), ACCOUNT, PASSWORD).await;
    let told: u64 = answer.header("retry-after").parse().unwrap_or_default();
    let before = answer.status.as_u16();
    service.pass(Duration::from_secs(told));
    let after = log_in(service, address(ADDRESSES + 1), ACCOUNT, PASSWORD).await.status.as_u16();
    report.row(
        "its owner afterwards, from a new device",
        "429, if the last delay still runs, and 200 after the time that it is told, at most 900 s",
        format!("{before}, and {after} after {told} s"),
        (before == 200 || (before == 429 && told <= 900)) && after == 200,
    );
}

/// One of the thousand, counted on from the beginning of a private network.
pub fn address(number: u32) -> IpAddr {
    let first = u32::from(Ipv4Addr::new(10, 0, 0, 0));
    Ipv4Addr::from(first + number % (ADDRESSES + 2)).into()
}
