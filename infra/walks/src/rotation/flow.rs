//! The part of a campaign that goes on until its end: logins, refreshes, and the verification of
//! every token.
//!
//! A token is verified when it is made, shortly before its expiry, and after it.

use std::{
    collections::VecDeque,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use futures_util::{StreamExt, stream};
use serde_json::Value;

use super::{
    ledger::Ledger,
    times::Form,
    traffic::{Session, Traffic, WAYS, elsewhere},
};
use crate::{clock, deployment::Way, process::locked};

/// The pause between two checks of a condition that does not hold yet.
pub const PAUSE_MS: i64 = 50;
/// The number of parallel requests when only a few sessions are handled.
const TOGETHER: usize = 4;
/// Sessions that the functions refresh all the time.
const URL_SESSIONS: usize = 4;
const LOGINS_PER_SECOND: f64 = 2.0;
const REFRESHES_PER_SECOND: f64 = 5.0;
/// The rate of checks of expired tokens. A pause comes only if no token is due.
const EXPIRIES_PER_SECOND: f64 = 1_000.0;
/// The number of tasks that verify tokens before their expiry, and of those that do so after it.
const LOOKERS: usize = 3;
/// The time before its expiry at which a token is verified.
const LAST_MS: i64 = 3_000;

/// Sessions and accounts.
pub struct Flow {
    form: &'static Form,
    traffic: Arc<Traffic>,
    ledger: Arc<Ledger>,
    /// Bodies of logins.
    accounts: Vec<Value>,
    /// The sessions that `latchkey serve` refreshes, and the sessions that the functions refresh.
    pools: [Mutex<VecDeque<Session>>; 2],
    /// Refreshes per second at `latchkey serve`.
    rate: Mutex<f64>,
}

impl Flow {
    /// Creates accounts with their sessions, and sessions that nobody uses until the end.
    pub async fn gather(
        form: &'static Form,
        traffic: &Arc<Traffic>,
        ledger: &Arc<Ledger>,
    ) -> (Arc<Self>, Vec<Session>) {
        let made = several(form.sessions, async |_| traffic.new_account().await).await;
        let (accounts, sessions): (Vec<_>, VecDeque<_>) = made.into_iter().unzip();
        let log_in =
            async |way, number: usize| traffic.login(way, &accounts[number % accounts.len()]).await.expect("a session");
        let by_url = several(URL_SESSIONS, async |number| log_in(Way::Url, number).await).await;
        let resting = several(form.resting, async |number| log_in(WAYS[number % 2], number).await).await;
        let flow = Self {
            form,
            traffic: traffic.clone(),
            ledger: ledger.clone(),
            accounts,
            pools: [Mutex::new(sessions), Mutex::new(by_url.into())],
            rate: Mutex::new(form.refreshes_per_second),
        };
        (Arc::new(flow), resting)
    }

    /// Sets the number of sessions that `latchkey serve` refreshes in a second, from now on.
    pub fn set_rate(&self, per_second: f64) {
        *locked(&self.rate) = per_second;
    }

    /// Starts everything.
    pub fn start(self: &Arc<Self>) {
        for _ in 0..self.form.refreshers {
            let (pace, flow) = (self.clone(), self.clone());
            let per_refresher = move || *locked(&pace.rate) / pace.form.refreshers as f64;
            self.traffic.keep(per_refresher, move || refresh(flow.clone(), Way::Serve));
        }
        let flow = self.clone();
        self.traffic.keep(|| REFRESHES_PER_SECOND, move || refresh(flow.clone(), Way::Url));
        for way in WAYS {
            let (flow, turn) = (self.clone(), AtomicUsize::new(0));
            let log_in = move || log_in(flow.clone(), way, turn.fetch_add(1, Ordering::Relaxed));
            self.traffic.keep(|| LOGINS_PER_SECOND, log_in);
        }
        for offset_ms in [-LAST_MS, self.form.times.clock_skew * 1000] {
            let next = Arc::new(AtomicUsize::new(0));
            for _ in 0..LOOKERS {
                let (flow, next) = (self.clone(), next.clone());
                self.traffic.keep(|| EXPIRIES_PER_SECOND, move || look(flow.clone(), next.clone(), offset_ms));
            }
        }
    }

    /// Logs in to one of the accounts, and enters the token.
    pub async fn log_in(&self, way: Way, number: usize) -> Option<Session> {
        let session = self.traffic.login(way, &self.accounts[number % self.accounts.len()]).await;
        self.enter(session).await
    }

    /// Refreshes one of the sessions, and enters the access token.
    pub async fn refresh(&self, way: Way) -> Option<Session> {
        let pool = &self.pools[usize::from(way != Way::Serve)];
        let session = locked(pool).pop_front().expect("more sessions than requests at the same time");
        let next = self.traffic.refresh(way, &session).await;
        let next = self.enter(next).await;
        locked(pool).push_back(next.clone().unwrap_or(session));
        next
    }

    /// Enters a token, and verifies it at the way that did not make it.
    async fn enter(&self, session: Option<Session>) -> Option<Session> {
        let made = session?;
        let number = self.ledger.enter(&made.access_token, made.way, made.sent_at, made.got_at);
        self.ledger.check(&self.traffic, number, elsewhere(made.way)).await;
        Some(made)
    }
}

async fn refresh(flow: Arc<Flow>, way: Way) {
    // The traffic records the failure.
    let _ = flow.refresh(way).await;
}

async fn log_in(flow: Arc<Flow>, way: Way, number: usize) {
    // The traffic records the failure.
    let _ = flow.log_in(way, number).await;
}

/// Verifies the next token at this time after its expiry. The server and the functions alternate.
/// Several tasks share the number.
async fn look(flow: Arc<Flow>, next: Arc<AtomicUsize>, offset_ms: i64) {
    let number = next.load(Ordering::Relaxed);
    let expires_at = flow.ledger.expiry(number);
    let wait = expires_at.map_or(PAUSE_MS, |time| time + offset_ms - clock::now());
    if wait > 0 {
        clock::sleep(wait.min(PAUSE_MS)).await;
    } else if next.compare_exchange(number, number + 1, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
        flow.ledger.check(&flow.traffic, number, WAYS[(number + 1) % 2]).await;
    }
}

/// Does something this number of times, partly in parallel. Returns the results in order.
pub async fn several<T>(count: usize, act: impl AsyncFn(usize) -> T) -> Vec<T> {
    stream::iter(0..count).map(|number| act(number)).buffered(TOGETHER).collect().await
}
