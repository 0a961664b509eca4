//! Tries every interleaving of the calls of rotations and of changes by hand.
//!
//! A step runs against the answers that its calls have got so far, and stops at the next call. It
//! is the same code that runs on Lambda. So the state of the system is a value: the secret with its
//! versions and labels, and for each worker the step and the answers. From each state every next
//! state is tried: a call of any worker, a kill, another step. The search skips known states and
//! ends when there is no new one.
//!
//! Secrets and attempts are kept once each, and a state holds their numbers. So a search has room
//! for millions of states, and each check runs once for the secrets that it judges.

use std::{
    cell::Cell,
    collections::{BTreeSet, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex},
};

use aws_sdk_secretsmanager::{
    Client, Config,
    config::{BehaviorVersion, Credentials, Region, retry::RetryConfig},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use indexmap::{IndexMap, IndexSet};
use tokio::sync::Notify;

use super::*;
use crate::{
    keys::{Part, PartIds, State},
    testing::Secrets,
};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
const ID: &str = "keys";
const PUBLIC_ID: &str = "public";
const REFRESH_ID: &str = "refresh";
const A: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const B: &str = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const C: &str = "cccccccc-cccc-cccc-cccc-cccccccccccc";
const FIRST: &str = "00000000-0000-0000-0000-000000000000";

fn times() -> KeyLifetimes {
    crate::config::Config::read(|_| None).unwrap().key_lifetimes()
}

/// The work of one worker on the secret.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    Step(Step, &'static str),
    RotateByHand,
    RevokeByHand,
}

/// An answer: its status and its body, which many attempts share.
type Reply = (u16, Arc<str>);
/// A call: its operation and its body.
type Call = Arc<(String, Vec<u8>)>;

/// The result of a work after some answers: the next call, or the end.
#[derive(Clone, Debug)]
enum Next {
    Calls(Call),
    Ends(Result<(), String>),
}

/// Returns the answers one after the other, and then notes the first call without an answer.
#[derive(Clone, Debug)]
struct Replay {
    replies: Arc<Mutex<VecDeque<Reply>>>,
    call: Arc<Mutex<Option<Call>>>,
    stopped: Arc<Notify>,
}

impl HttpClient for Replay {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Replay {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        if let Some((status, body)) = self.replies.lock().unwrap().pop_front() {
            let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(&*body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
            return HttpConnectorFuture::ready(Ok(response));
        }
        let operation = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        *self.call.lock().unwrap() = Some(Arc::new((operation, request.body().bytes().unwrap().to_vec())));
        self.stopped.notify_one();
        HttpConnectorFuture::new(std::future::pending())
    }
}

/// Makes a call, and gives its answer.
fn answer(secrets: &mut Secrets, call: &Call) -> Reply {
    let (status, body) = secrets.call(&call.0, &call.1);
    (status, body.into())
}

/// New keys for each work. They are made once, because equal states must have equal keys.
struct Pool {
    keys: HashMap<&'static str, NewKeys>,
    /// The secrets with the parts of the set.
    parts: PartIds,
}

impl Pool {
    fn new(parts: PartIds) -> Self {
        let keys = [A, B, C, FIRST, "hand", "spare"].map(|name| (name, NewKeys::generate().unwrap())).into();
        Self { keys, parts }
    }

    fn keys(&self, name: &str) -> NewKeys {
        self.keys[name].clone()
    }

    fn first_set(&self) -> KeySet {
        KeySet::generate(NOW, self.keys(FIRST), self.keys("spare"))
    }

    /// Runs a work on `replies` to its next call, or to its end.
    async fn run(&self, work: &Work, replies: &[Reply]) -> Next {
        let replay = Replay {
            replies: Arc::new(Mutex::new(replies.iter().cloned().collect())),
            call: Arc::default(),
            stopped: Arc::default(),
        };
        let config = Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"))
            .retry_config(RetryConfig::disabled())
            .idempotency_token_provider("11111111-1111-1111-1111-111111111111")
            .http_client(replay.clone());
        let managed = ManagedKeySet::new(Client::from_conf(config.build()), ID, self.parts.clone());
        tokio::select! {
            done = self.work(work, &managed) => Next::Ends(done),
            () = replay.stopped.notified() => Next::Calls(replay.call.lock().unwrap().clone().unwrap()),
        }
    }

    async fn work(&self, work: &Work, managed: &ManagedKeySet) -> Result<(), String> {
        let cause = |error: Error| std::error::Error::source(&error).unwrap().to_string();
        let (now, times) = (NOW, times());
        match work {
            Work::Step(step, token) => {
                // A first set needs two.
                let names = Cell::new(vec!["spare", *token]);
                let make = || {
                    let mut left = names.take();
                    let name = left.pop().unwrap();
                    names.set(left);
                    Ok(self.keys(name))
                };
                run_step(managed, *step, token, || now, &times, make).await.map_err(cause)
            }
            Work::RotateByHand | Work::RevokeByHand => {
                let (mut set, current) = managed.current().await.map_err(cause)?;
                let current = current.ok_or("nothing there")?;
                managed.announce(&set, now).await.map_err(cause)?;
                let new = self.keys("hand");
                if *work == Work::RotateByHand {
                    set.rotate(now, &times, new);
                } else {
                    let kid = KeyRing::parse(&current.text)?.signing(now).map_err(cause)?.kid.clone();
                    set.revoke(&kid, now, &times, new)?;
                }
                managed.replace(Some(&current), &set, now).await.map_err(cause)
            }
        }
    }
}

/// A work and the answers that it has got so far.
type Attempt = (Work, Vec<Reply>);

/// The numbers of the secrets, and for each worker of its attempt.
#[derive(Clone, PartialEq, Eq, Hash)]
struct SystemState {
    secrets: usize,
    busy: Vec<Option<usize>>,
    /// For each work that is done once, whether it is still to be done.
    left: Vec<bool>,
    /// The works of lists that may still begin. `None` if any number may.
    starts: Option<u8>,
    /// Whether somebody was told that the revocation by hand is done.
    is_revocation_told: bool,
}

struct Explorer {
    pool: Pool,
    /// The results of earlier runs. The same work with the same answers has the same result.
    known: IndexMap<Attempt, Next>,
    /// The secrets of all states.
    secrets: IndexSet<Secrets>,
    /// The secrets and the attempt after the next call of an attempt on some secrets.
    calls: HashMap<(usize, usize), (usize, usize)>,
    /// The secrets whose parts were checked, and whether a revocation was told.
    parts_checked: HashSet<(usize, bool)>,
    /// The secrets before and after a call that were checked.
    changes_checked: HashSet<(usize, usize)>,
    /// The sets that were in force and found to work.
    good: HashSet<String>,
    /// The secrets from which a new rotation was seen to succeed.
    recovered: HashSet<usize>,
    /// The parts of each set. Reading a private key takes long.
    made: HashMap<(String, &'static str), KeySet>,
    /// The first set. Its keys are in no part yet if an earlier version of Latchkey made it.
    first: String,
    ends: BTreeSet<String>,
    /// The works of lists that may begin in one history. `None` if any number may.
    starts: Option<u8>,
}

impl Explorer {
    fn new() -> Self {
        Self::with_parts(PartIds::default())
    }

    fn with_parts(parts: PartIds) -> Self {
        let pool = Pool::new(parts);
        Self {
            first: pool.first_set().to_json().unwrap(),
            pool,
            known: IndexMap::new(),
            secrets: IndexSet::new(),
            calls: HashMap::new(),
            parts_checked: HashSet::new(),
            changes_checked: HashSet::new(),
            good: HashSet::new(),
            recovered: HashSet::new(),
            made: HashMap::new(),
            ends: BTreeSet::new(),
            starts: None,
        }
    }

    /// A secret with the first set in force.
    fn initial(&self) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.create(ID);
        secrets.put(ID, FIRST, &self.first);
        for id in [PUBLIC_ID, REFRESH_ID] {
            secrets.create(id);
            secrets.put(id, FIRST, "{\"keys\":[]}");
        }
        secrets
    }

    /// The same, with a rotation whose first step is done. The search of all four steps beside
    /// other work, with a part, would take hours.
    async fn created(&mut self) -> Secrets {
        let mut secrets = self.initial();
        assert!(secrets.start_rotation(ID, A));
        let (work, mut replies) = (Work::Step(Step::CreateSecret, A), Vec::new());
        while let Next::Calls(call) = self.next(&work, &replies).await {
            replies.push(answer(&mut secrets, &call));
        }
        secrets
    }

    async fn next(&mut self, work: &Work, replies: &[Reply]) -> Next {
        let attempt = self.attempt(work.clone(), replies.to_vec()).await;
        self.known[attempt].clone()
    }

    /// The number of an attempt. Its result is known then.
    async fn attempt(&mut self, work: Work, replies: Vec<Reply>) -> usize {
        let attempt = (work, replies);
        if let Some(number) = self.known.get_index_of(&attempt) {
            return number;
        }
        let next = self.pool.run(&attempt.0, &attempt.1).await;
        self.known.insert_full(attempt, next).0
    }

    /// The secrets and the attempt after `call`, the next call of this attempt.
    async fn called(&mut self, secrets: usize, attempt: usize, call: &Call) -> (usize, usize) {
        if let Some(after) = self.calls.get(&(secrets, attempt)) {
            return *after;
        }
        let mut changed = self.secrets[secrets].clone();
        let reply = answer(&mut changed, call);
        let (work, replies) = self.known.get_index(attempt).unwrap().0;
        let (work, replies) = (work.clone(), [replies.as_slice(), &[reply]].concat());
        let after = (self.secrets.insert_full(changed).0, self.attempt(work, replies).await);
        self.calls.insert((secrets, attempt), after);
        after
    }

    /// Explores all states and returns their number. There is one worker per list in `works`. A
    /// worker runs the works of its list in any order, as often as `starts` allows, and may be
    /// killed after any call. Each work in `once` is done once at any time, or never.
    async fn explore(&mut self, secrets: Secrets, works: &[Vec<Work>], once: &[Work]) -> usize {
        let first = SystemState {
            secrets: self.secrets.insert_full(secrets).0,
            busy: vec![None; works.len() + once.len()],
            left: vec![true; once.len()],
            starts: self.starts,
            is_revocation_told: false,
        };
        let mut seen = HashSet::from([first.clone()]);
        let mut queue = VecDeque::from([first]);
        while let Some(state) = queue.pop_front() {
            self.check(state.secrets).await;
            self.check_parts(&state);
            for next in self.successors(&state, works, once).await {
                self.check_change(state.secrets, next.secrets);
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        seen.len()
    }

    async fn successors(&mut self, state: &SystemState, works: &[Vec<Work>], once: &[Work]) -> Vec<SystemState> {
        let mut next = Vec::new();
        // `RotateSecret` registers the version, unless another version is pending.
        for token in [A, B] {
            let steps = works.iter().flatten().any(|work| matches!(work, Work::Step(_, of) if *of == token));
            if steps && self.secrets[state.secrets].stages(ID, token).is_empty() {
                let mut secrets = self.secrets[state.secrets].clone();
                if secrets.start_rotation(ID, token) {
                    next.push(SystemState { secrets: self.secrets.insert_full(secrets).0, ..state.clone() });
                }
            }
        }
        for (index, doing) in state.busy.iter().enumerate() {
            let with = |doing: Option<usize>| {
                let mut other = state.clone();
                other.busy[index] = doing;
                other
            };
            match *doing {
                None if index < works.len() => {
                    for work in works[index].iter().filter(|_| state.starts != Some(0)) {
                        let begun = with(Some(self.attempt(work.clone(), Vec::new()).await));
                        next.push(SystemState { starts: state.starts.map(|starts| starts - 1), ..begun });
                    }
                }
                None if state.left[index - works.len()] => {
                    let work = once[index - works.len()].clone();
                    let mut other = with(Some(self.attempt(work, Vec::new()).await));
                    other.left[index - works.len()] = false;
                    next.push(other);
                }
                None => {}
                Some(attempt) => {
                    // The worker is killed.
                    next.push(with(None));
                    let ((work, _), result) = self.known.get_index(attempt).unwrap();
                    match result.clone() {
                        Next::Calls(call) => {
                            let (secrets, attempt) = self.called(state.secrets, attempt, &call).await;
                            next.push(SystemState { secrets, ..with(Some(attempt)) });
                        }
                        Next::Ends(Ok(())) if *work == Work::RevokeByHand => {
                            next.push(SystemState { is_revocation_told: true, ..with(None) });
                        }
                        Next::Ends(Ok(())) => {}
                        Next::Ends(Err(why)) => {
                            self.ends.insert(format!("{work:?}: {why}"));
                        }
                    }
                }
            }
        }
        next
    }

    /// Checks that one version is in force and works, and that at most one is pending. A rotation
    /// that begins now must succeed, if necessary after the rotation under way was tried again.
    async fn check(&mut self, secrets: usize) {
        if !self.recovered.insert(secrets) {
            return;
        }
        let secrets = &self.secrets[secrets].clone();
        let in_force = secrets.versions_with(ID, CURRENT);
        assert!(secrets.versions_with(ID, PENDING).len() <= 1);
        let Some(text) = secrets.text(ID, CURRENT) else {
            assert!(in_force.is_empty(), "a version without a value is in force");
            return;
        };
        assert_eq!(in_force.len(), 1);
        if self.good.insert(text.to_owned()) {
            KeyRing::parse(text).unwrap().self_test(NOW).unwrap();
        }
        let mut after = secrets.clone();
        if !after.start_rotation(ID, C) {
            let token = after.version(ID, PENDING).unwrap().to_owned();
            let token = [A, B].into_iter().find(|known| *known == token).unwrap();
            // The rotation may be given up.
            let _ = self.rotate(&mut after, token).await;
            assert!(after.start_rotation(ID, C), "{token} is neither done nor given up");
        }
        self.rotate(&mut after, C).await.unwrap();
        assert_eq!(after.version(ID, CURRENT), Some(C));
        // Whatever was killed before, the parts are right again.
        for (part, id) in self.parts() {
            let right = self.part_of(after.text(ID, CURRENT).unwrap(), part);
            let found = KeySet::parse(after.text(&id, CURRENT).unwrap()).unwrap();
            let right = right.keeping_announced(&found, NOW).to_json().unwrap();
            assert_eq!(right, found.to_json().unwrap());
        }
    }

    /// Does the same with secrets that were not explored.
    async fn check_alone(&mut self, secrets: &Secrets) {
        let secrets = self.secrets.insert_full(secrets.clone()).0;
        self.check(secrets).await;
    }

    fn part_of(&mut self, set: &str, part: Part) -> KeySet {
        let made = self.made.entry((set.to_owned(), part.name()));
        made.or_insert_with(|| KeySet::parse(set).unwrap().part(part).unwrap()).clone()
    }

    fn parts(&self) -> Vec<(Part, String)> {
        let PartIds { public, refresh } = self.pool.parts.clone();
        [(Part::Public, public), (Part::Refresh, refresh)]
            .into_iter()
            .filter_map(|(part, id)| Some((part, id?)))
            .collect()
    }

    /// Checks that every live key of the set in force is in its part. Nobody signs with a key that
    /// is not published. A revocation that somebody was told of stays in force in the parts.
    fn check_parts(&mut self, state: &SystemState) {
        if !self.parts_checked.insert((state.secrets, state.is_revocation_told)) {
            return;
        }
        let secrets = self.secrets[state.secrets].clone();
        let Some(text) = secrets.text(ID, CURRENT) else { return };
        for (part, id) in self.parts() {
            let published = KeySet::parse(secrets.text(&id, CURRENT).unwrap()).unwrap().describe(NOW);
            let is_live = |kid: &str| {
                published.iter().any(|key| key.kid == kid && ![State::Revoked, State::Retired].contains(&key.state))
            };
            for key in self.part_of(text, part).describe(NOW) {
                match key.state {
                    State::Revoked => assert!(!state.is_revocation_told || !is_live(&key.kid), "{} is back", key.kid),
                    State::Retired => {}
                    _ => assert!(text == self.first || is_live(&key.kid), "{} is not published", key.kid),
                }
            }
        }
    }

    /// Runs all steps of a rotation, until one fails.
    async fn rotate(&mut self, secrets: &mut Secrets, token: &'static str) -> Result<(), String> {
        for step in Step::ALL {
            let (work, mut replies) = (Work::Step(step, token), Vec::new());
            loop {
                match self.next(&work, &replies).await {
                    Next::Calls(call) => replies.push(answer(secrets, &call)),
                    Next::Ends(Ok(())) => break,
                    Next::Ends(Err(why)) => return Err(format!("{step:?}: {why}")),
                }
            }
        }
        Ok(())
    }

    /// Checks that a new set in force contains every change of the set before.
    fn check_change(&mut self, before: usize, after: usize) {
        if !self.changes_checked.insert((before, after)) {
            return;
        }
        let (before, after) = (&self.secrets[before], &self.secrets[after]);
        let (Some(old), Some(new)) = (before.text(ID, CURRENT), after.text(ID, CURRENT)) else { return };
        if old != new {
            let (old, new) = (KeySet::parse(old).unwrap(), KeySet::parse(new).unwrap());
            let revoked = |set: &KeySet| -> Vec<String> {
                let keys = set.describe(NOW).into_iter().filter(|key| key.state == State::Revoked);
                keys.map(|key| key.kid).collect()
            };
            // Only a revocation by hand may end a key at once.
            if revoked(&old).len() == revoked(&new).len() {
                new.may_follow(&old, NOW, &times()).unwrap();
            }
            assert!(revoked(&old).iter().all(|kid| revoked(&new).contains(kid)), "a revoked key is back");
        }
    }
}

fn steps(token: &'static str) -> Vec<Work> {
    Step::ALL.map(|step| Work::Step(step, token)).to_vec()
}

#[tokio::test]
async fn one_rotation_in_any_order_repeated_and_killed_anywhere() {
    let mut explorer = Explorer::new();
    let states = explorer.explore(explorer.initial(), &[steps(A)], &[]).await;
    println!("one rotation: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
    assert!(states > 30, "{states}");
    assert!(explorer.ends.iter().any(|end| end.contains("createSecret comes first")));
}

#[tokio::test]
async fn two_at_once_with_one_token() {
    let mut explorer = Explorer::new();
    let states = explorer.explore(explorer.initial(), &[steps(A), steps(A)], &[]).await;
    println!("two at once: {states} states, {} runs", explorer.known.len());
    assert!(states > 500, "{states}");
}

#[tokio::test]
async fn two_rotations_one_after_the_other_whose_steps_come_late() {
    let mut explorer = Explorer::new();
    let states = explorer.explore(explorer.initial(), &[steps(A), steps(B)], &[]).await;
    println!("two rotations: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
    assert!(explorer.ends.iter().any(|end| end.contains("is not pending")));
}

#[tokio::test]
async fn a_rotation_while_somebody_changes_the_keys_by_hand() {
    for work in [Work::RotateByHand, Work::RevokeByHand] {
        let mut explorer = Explorer::new();
        let states = explorer.explore(explorer.initial(), &[steps(A)], std::slice::from_ref(&work)).await;
        println!("{work:?}: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
        assert!(explorer.ends.iter().any(|end| end.contains("is given up")), "{:#?}", explorer.ends);
        let lost_race = |end: &String| end.contains("ByHand") && end.contains("put in force");
        assert!(explorer.ends.iter().any(lost_race), "{:#?}", explorer.ends);
    }
}

/// The bound of searches with a part: the last step of a rotation begins at most three times.
const STARTS_MAX: u8 = 3;

fn public() -> PartIds {
    PartIds { public: Some(PUBLIC_ID.to_owned()), refresh: None }
}

#[tokio::test]
async fn one_rotation_of_the_three_documents_in_any_order_and_killed_anywhere() {
    let mut explorer = Explorer::with_parts(PartIds { refresh: Some(REFRESH_ID.to_owned()), ..public() });
    let states = explorer.explore(explorer.initial(), &[steps(A)], &[]).await;
    println!("three documents: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
    assert!(states > 60, "{states}");
}

#[tokio::test]
#[ignore = "searches for minutes: make rotation-search"]
async fn two_at_once_with_one_token_and_a_part() {
    let mut explorer = Explorer::with_parts(public());
    let secrets = explorer.created().await;
    let last = vec![Work::Step(Step::FinishSecret, A)];
    let states = explorer.explore(secrets, &[last.clone(), last], &[]).await;
    println!("two at once with a part: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
}

#[tokio::test]
#[ignore = "searches for minutes: make rotation-search"]
async fn a_rotation_with_a_part_while_somebody_changes_the_keys_by_hand() {
    for work in [Work::RotateByHand, Work::RevokeByHand] {
        let mut explorer = Explorer::with_parts(public());
        explorer.starts = Some(STARTS_MAX);
        let secrets = explorer.created().await;
        let last = vec![Work::Step(Step::FinishSecret, A)];
        let states = explorer.explore(secrets, &[last], std::slice::from_ref(&work)).await;
        println!("{work:?} with a part: {states} states, {} runs; {:#?}", explorer.known.len(), explorer.ends);
        assert!(explorer.ends.iter().any(|end| end.contains("is given up")), "{:#?}", explorer.ends);
    }
}

#[tokio::test]
async fn a_secret_that_holds_something_else_is_never_overwritten_by_a_part() {
    let mut explorer = Explorer::with_parts(public());
    for text in ["{\"type\":\"service_account\"}", &explorer.first.clone()] {
        let mut secrets = explorer.initial();
        secrets.put(PUBLIC_ID, C, text);
        secrets.start_rotation(ID, A);
        let why = explorer.rotate(&mut secrets, A).await.unwrap_err();
        assert!(why.contains("holds something else"), "{why}");
        assert_eq!((secrets.text(PUBLIC_ID, CURRENT), secrets.version(ID, CURRENT)), (Some(text), Some(FIRST)));
    }
}

#[tokio::test]
async fn a_secret_that_was_never_filled_gets_its_first_keys() {
    for text in [None, Some("{\"keys\":[]}")] {
        let mut explorer = Explorer::new();
        let mut secrets = Secrets::default();
        secrets.create(ID);
        if let Some(text) = text {
            secrets.put(ID, FIRST, text);
        }
        secrets.start_rotation(ID, A);
        explorer.rotate(&mut secrets, A).await.unwrap();
        assert_eq!(secrets.version(ID, CURRENT), Some(A));
        explorer.check_alone(&secrets).await;
    }
}

#[tokio::test]
async fn a_token_that_is_not_that_of_the_rotation_changes_nothing() {
    let mut explorer = Explorer::new();
    let mut secrets = explorer.initial();
    secrets.start_rotation(ID, A);
    for step in Step::ALL {
        let before = secrets.clone();
        let (work, mut replies) = (Work::Step(step, B), Vec::new());
        let end = loop {
            match explorer.next(&work, &replies).await {
                Next::Calls(call) => replies.push(answer(&mut secrets, &call)),
                Next::Ends(end) => break end,
            }
        };
        assert!(end.unwrap_err().contains("no version with this token"), "{step:?}");
        assert_eq!(replies.len(), 1);
        assert!(secrets == before);
    }
}

#[tokio::test]
async fn a_pending_set_that_does_not_work_is_never_put_in_force() {
    let mut explorer = Explorer::new();
    for broken in ["{}", "{\"keys\":[]}", "not a set"] {
        let mut secrets = explorer.initial();
        secrets.start_rotation(ID, A);
        let body = serde_json::json!({"SecretId": ID, "ClientRequestToken": A, "SecretString": broken, "VersionStages": [PENDING]});
        secrets.call("PutSecretValue", body.to_string().as_bytes());
        let why = explorer.rotate(&mut secrets, A).await.unwrap_err();
        assert!(why.contains("is given up"), "{why}");
        assert_eq!(secrets.version(ID, CURRENT), Some(FIRST));
        // The next rotation can begin.
        explorer.check_alone(&secrets).await;
        assert!(secrets.start_rotation(ID, B));
    }
}

#[test]
fn events_are_read_as_secrets_manager_writes_them() {
    let event = |step: &str| {
        let text = format!(r#"{{"Step":"{step}","SecretId":"arn","ClientRequestToken":"t","RotationToken":"r"}}"#);
        serde_json::from_str::<Event>(&text)
    };
    for (text, step) in ["createSecret", "setSecret", "testSecret", "finishSecret"].into_iter().zip(Step::ALL) {
        let event = event(text).unwrap();
        assert_eq!((event.step, event.secret_id.as_str(), event.client_request_token.as_str()), (step, "arn", "t"));
    }
    assert!(event("deleteSecret").is_err());
}
