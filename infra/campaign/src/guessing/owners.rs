//! Owners log in from new addresses while one machine, or fifty addresses, guess at each of them.
//!
//! Every owner must get in within two seconds of her first attempt. The rows count the owners who
//! were kept out. The short form has fewer owners, and gives them more time on a busy machine.

use std::{
    net::{IpAddr, Ipv4Addr},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::{Counts, PASSWORD, Report, Scale, Service, log_in};

/// The number of guesses at the same time in the long form: one for each address of the larger
/// attack. The short form has fewer, so that a busy machine still gets on.
const CONCURRENCY: u32 = 50;
const CONCURRENCY_SHORT: u32 = 8;
/// The head start of the attack.
const HEAD_START: Duration = Duration::from_secs(2);
/// The pause between two attempts of an owner.
const PAUSE: Duration = Duration::from_millis(200);

/// Runs both attacks, and adds their rows.
pub async fn run(scale: Scale, report: &mut Report) {
    for addresses in [1, 50] {
        let (owners, rounds) = scale.of((2, 5), (10, 10));
        let in_time = Duration::from_secs(scale.of(20, 2));
        let service = Arc::new(Service::new(latchkey::router()).await);
        for owner in 0..owners {
            service.account(&email(owner)).await;
        }
        let over = Arc::new(AtomicBool::new(false));
        let counts = Arc::new(Mutex::new(Counts::default()));
        let attack = attack(&service, (owners, addresses, scale.of(CONCURRENCY_SHORT, CONCURRENCY)), &over, &counts);
        time::sleep(HEAD_START).await;
        let (mut kept_out, mut slowest) = (0, Duration::ZERO);
        for number in 0..rounds * owners {
            let took = owner_gets_in(&service, &email(number % owners), address(1_000 + number), in_time).await;
            kept_out += u32::from(took.is_none());
            slowest = slowest.max(took.unwrap_or_default());
        }
        over.store(true, Ordering::Relaxed);
        attack.join_all().await;
        let counts = counts.lock().expect("no panic").clone();
        let logins = rounds * owners;
        report.row(
            format!("{owners} owners log in from new addresses, while {addresses} addresses guess at each of them"),
            format!("{logins} of {logins} within {} s of the first attempt", in_time.as_secs()),
            format!("{kept_out} kept out, the slowest took {} ms; the guesses: {counts}", slowest.as_millis()),
            kept_out == 0 && counts.ok == 0,
        );
    }
}

/// Guesses at all owners in turn, at full speed, until it is over.
fn attack(
    service: &Arc<Service>,
    (owners, addresses, concurrency): (u32, u32, u32),
    over: &Arc<AtomicBool>,
    counts: &Arc<Mutex<Counts>>,
) -> JoinSet<()> {
    let mut guessers = JoinSet::new();
    for first in 0..concurrency {
        let (service, over, counts) = (Arc::clone(service), Arc::clone(over), Arc::clone(counts));
        guessers.spawn(async move {
            for number in (first..).step_by(concurrency as usize).take_while(|_| !over.load(Ordering::Relaxed)) {
                let from = address(number / owners % addresses);
                let answer = log_in(&service, from, &email(number % owners), "wrong horse").await;
                counts.lock().expect("no panic").add(answer.status.as_u16(), answer.header("retry-after"));
            }
        });
    }
    guessers
}

/// The time until an owner is in. She tries again and again. `None` if she is kept out.
async fn owner_gets_in(service: &Service, email: &str, from: IpAddr, in_time: Duration) -> Option<Duration> {
    let began = Instant::now();
    loop {
        let answer = log_in(service, from, email, PASSWORD).await;
        let took = began.elapsed();
        if took > in_time {
            return None;
        }
        if answer.status == 200 {
            return Some(took);
        }
        time::sleep(PAUSE).await;
    }
}

fn email(owner: u32) -> String {
    format!("owner{owner}@example.com")
}

fn address(number: u32) -> IpAddr {
    Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 1, 0, 0)) + number).into()
}
