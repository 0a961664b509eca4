//! Rotations and a revocation under traffic, from the first token to the last refusal.

use std::{
    sync::{Arc, Mutex},
    thread,
};

use futures_util::{
    StreamExt,
    future::{join, join_all},
    stream,
};

use super::{
    flow::{Flow, PAUSE_MS, several},
    ledger::Ledger,
    published::Published,
    record::{Live, Record, Resting, Rotation},
    revocation::{self, Known, Question, Revocation},
    thief::Thief,
    times::{Form, Rotator},
    traffic::{Session, Traffic, WAYS, elsewhere},
};
use crate::{
    clock,
    deployment::{Deployment, Way},
    latchkey::{Key, SigningKeys},
    process::locked,
    secrets::{CURRENT, RotatedSecret},
};

const FILL_MS_MAX: i64 = 180_000;
/// The time from the first signature of a key until some of its tokens exist.
const SETTLE_MS: i64 = 1_000;
/// The time for which the number of live tokens is kept up after the last key begins to sign.
const HOLD_MS: i64 = 5_000;
const SAMPLES_PER_SECOND: f64 = 2.0;
/// The surplus of tokens at the start, in percent.
const MARGIN_PERCENT: usize = 5;
/// A key that is unpublished for this time counts as removed.
const GONE_MS: i64 = 500;
/// Refreshes per second after the last rotation.
const REFRESHES_AFTERWARDS: f64 = 10.0;
/// The functions verify one of this number of live tokens.
const EVERY: usize = 4;
/// The least number of live tokens of the revoked key.
const REVOKED_MIN: usize = 20;

struct Campaign {
    form: &'static Form,
    traffic: Arc<Traffic>,
    ledger: Arc<Ledger>,
    keys: SigningKeys,
    published: Published,
    flow: Arc<Flow>,
}

/// Runs a campaign at a deployment whose signing keys are in the secret `id`, in which nothing was
/// rotated yet.
pub async fn run(form: &'static Form, deployment: &Arc<Deployment>, id: &str) -> Record {
    let began_at = clock::now();
    let traffic = Traffic::new(deployment.clone());
    let ledger = Arc::new(Ledger::new(form.times.clock_skew * 1000));
    let _explanation = Explanation(&traffic, &ledger);
    let published = Published::watch(&traffic);
    let keys = SigningKeys::new(deployment.variables().clone());
    let (flow, resting) = Flow::gather(form, &traffic, &ledger).await;
    let campaign = Campaign { form, traffic: traffic.clone(), ledger: ledger.clone(), keys, published, flow };
    let bootstrap = campaign.learn().await.swap_remove(0).kid;
    campaign.flow.start();

    let counted = campaign.fill().await;
    let rotations = campaign.rotate_all(deployment, id).await;
    locked(&counted).holds = false;
    campaign.flow.set_rate(REFRESHES_AFTERWARDS);
    let mut thief = Thief::new(&deployment.secrets().labelled_value(id, CURRENT).await);
    campaign.learn().await;
    thief.forge(&campaign.keys.kid_of("signing").await, &ledger, &traffic).await;
    let (revocation, revoked_live) = campaign.revoke_signer().await;
    thief.forge(&revocation.kid, &ledger, &traffic).await;
    let retired = campaign.see_retirements(&mut thief).await;
    traffic.stop().await;
    let resting = refresh_resting(deployment, &resting).await;
    let keys = campaign.learn().await;
    let live = *locked(&counted);
    Record {
        form,
        published: campaign.published,
        failures: traffic.failures(),
        logins: traffic.logins(),
        refreshes: traffic.refreshes(),
        lasted_ms: clock::now() - began_at,
        forged: thief.tries,
        ledger: ledger.clone(),
        bootstrap,
        live,
        rotations,
        revocation,
        revoked_live,
        retired,
        resting,
        keys,
    }
}

impl Campaign {
    /// Reads the keys as they are. The ledger learns the ends that are known.
    async fn learn(&self) -> Vec<Key> {
        let keys = self.keys.list().await;
        for key in &keys {
            self.ledger.learn(&key.kid, |end| end.retired_at = key.retired_at);
        }
        keys
    }

    /// Waits until there are enough live tokens, and counts them from then on.
    async fn fill(&self) -> Arc<Mutex<Live>> {
        let deadline = clock::now() + FILL_MS_MAX;
        let enough = self.form.live_min * (100 + MARGIN_PERCENT) / 100;
        while self.ledger.live_count() < enough {
            assert!(clock::now() < deadline, "only {} live tokens", self.ledger.live_count());
            clock::sleep(PAUSE_MS).await;
        }
        self.flow.set_rate(self.form.held_refreshes_per_second);
        let live = Arc::new(Mutex::new(Live { least: usize::MAX, most: 0, holds: true }));
        let (ledger, counted) = (self.ledger.clone(), live.clone());
        let sample = move || {
            locked(&counted).sample(ledger.live_count());
            async {}
        };
        self.traffic.keep(|| SAMPLES_PER_SECOND, sample);
        live
    }

    /// Rotates as the form says, and looks at all live tokens if there is the time.
    async fn rotate_all(&self, deployment: &Arc<Deployment>, id: &str) -> Vec<Rotation> {
        let secret = RotatedSecret::new(deployment.secrets().clone(), id, deployment.invoker("rotate-keys"));
        let mut done: Vec<Rotation> = Vec::new();
        for (index, (by, pause_ms)) in self.form.rotations.iter().enumerate() {
            let due_at = done.last().map_or(0, |rotation| rotation.began_at + pause_ms);
            clock::sleep_until(due_at).await;
            let began_at = clock::now().max(due_at);
            match by {
                Rotator::Tool => self.keys.rotate().await,
                Rotator::Function => {
                    secret.rotate().await;
                }
            }
            let keys = self.learn().await;
            let due = &keys[keys.len() - 2];
            let signs_at = due.not_before.expect("a time from which on it signs");
            done.push(Rotation { by: *by, began_at, kid: due.kid.clone(), signs_at });
            let next = self.form.rotations.get(index + 1);
            if next.is_none_or(|(_, pause_ms)| *pause_ms >= self.form.times.lead_ms()) {
                clock::sleep_until(signs_at + SETTLE_MS).await;
                self.look_at_all().await;
            }
        }
        let signs_at = done.last().map_or(0, |rotation| rotation.signs_at);
        clock::sleep_until(signs_at + HOLD_MS).await;
        done
    }

    async fn look_at_all(&self) {
        let live = self.ledger.live();
        let some: Vec<_> = live.iter().copied().step_by(EVERY).collect();
        join(self.look_at(Way::Serve, live, 8), self.look_at(Way::Url, some, 4)).await;
    }

    /// Verifies every token of a key at the server and at the functions.
    async fn look_at_key(&self, kid: &str) {
        let numbers = self.ledger.numbers_of_key(kid);
        join_all(WAYS.map(|way| self.look_at(way, numbers.clone(), 6))).await;
    }

    async fn look_at(&self, way: Way, numbers: Vec<usize>, together: usize) {
        let look = |number| async move {
            self.ledger.check(&self.traffic, number, way).await;
        };
        stream::iter(numbers).for_each_concurrent(together, look).await;
    }

    /// Revokes the key that signs, under full traffic. Gives the number of its live tokens too.
    async fn revoke_signer(&self) -> (Revocation, usize) {
        self.learn().await;
        let found = revocation::Keys::find(&self.keys).await;
        let kid = found.kid.clone();
        let live = self.ledger.live_of_key(&kid);
        assert!(live.len() >= REVOKED_MIN, "only {} live tokens of the key that signs", live.len());
        let probe = live[live.len() - 1];

        let questions = WAYS.into_iter().flat_map(|way| self.questions(way, probe, &found));
        let questions = questions.collect();
        self.ledger.learn(&kid, |end| end.revoked_from = Some(clock::now()));
        let ends = |until| self.ledger.learn(&kid, |end| end.revoked_until = Some(until));
        let revocation = found.revoke(&self.keys, &self.form.times, PAUSE_MS, questions, ends).await;
        self.learn().await;
        self.look_at_key(&kid).await;
        (revocation, live.len())
    }

    fn questions(&self, way: Way, probe: usize, keys: &revocation::Keys) -> Vec<Question<'_>> {
        let name = way.name();
        let (revoked, next) = (keys.kid.clone(), keys.next_kid.clone());
        let is_by_next = move |session: Option<Session>| session.is_some_and(|made| made.kid() == next).into();
        let is_refreshed_by_next = is_by_next.clone();
        vec![
            Question::new(format!("{name}: its tokens are refused"), move || async move {
                (self.ledger.check(&self.traffic, probe, way).await == "token_invalid").into()
            }),
            Question::new(format!("{name}: it is not published"), move || {
                let polls = self.published.at(way);
                // There were answers without the key since then.
                let last = polls.last.get(&revoked).copied().filter(|last| polls.asked_at - last > GONE_MS);
                async move { last.map_or(Known::NotYet, Known::Since) }
            }),
            Question::new(format!("{name}: a login is signed by the next"), move || {
                let is_by_next = is_by_next.clone();
                async move { is_by_next(self.flow.log_in(way, 0).await) }
            }),
            Question::new(format!("{name}: a refresh is signed by the next"), move || {
                let is_by_next = is_refreshed_by_next.clone();
                async move { is_by_next(self.flow.refresh(way).await) }
            }),
        ]
    }

    /// Waits for the end of each superseded key, and looks at all its tokens then, and at one that
    /// a thief makes.
    async fn see_retirements(&self, thief: &mut Thief) -> Vec<(String, i64)> {
        let mut ends = Vec::new();
        for key in self.learn().await {
            if matches!(key.state.as_str(), "superseded" | "retired") {
                let retired_at = key.retired_at.expect("an end");
                clock::sleep_until(retired_at).await;
                self.look_at_key(&key.kid).await;
                thief.forge(&key.kid, &self.ledger, &self.traffic).await;
                ends.push((key.kid, retired_at));
            }
        }
        ends
    }
}

/// Refreshes the sessions that rested, first where they were made, then at the other way.
async fn refresh_resting(deployment: &Arc<Deployment>, sessions: &[Session]) -> Resting {
    let traffic = Traffic::new(deployment.clone());
    let back = several(sessions.len(), async |number| {
        let way = sessions[number].way;
        let next = traffic.refresh(way, &sessions[number]).await?;
        traffic.refresh(elsewhere(way), &next).await
    });
    let back = back.await.iter().flatten().count();
    Resting { all: sessions.len(), back, failures: traffic.failures() }
}

/// Explains a campaign that fails before its end, and stops its traffic.
struct Explanation<'a>(&'a Traffic, &'a Ledger);

impl Drop for Explanation<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            let failures = self.0.failures();
            let shown = failures.iter().take(3).map(String::as_str).collect::<Vec<_>>().join("; ");
            eprintln!("{} requests failed, such as {shown}; {}", failures.len(), self.1.explain());
            self.0.cut();
        }
    }
}
