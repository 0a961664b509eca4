//! Every interleaving of the calls of rotations and of what people do beside them.
//!
//! A step is run against the answers that its calls have got so far, and stops at the next call; it is the same step, word for word,
//! that runs on Lambda. That makes a state of the world a value: the secret with its versions and labels, and for everybody who
//! works on it the step and the answers. From each state every next one is tried: a call of anybody, a kill, another step. What has
//! been seen is not looked at again, so that all there is to see is seen.

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
use tokio::sync::Notify;

use super::*;
use crate::{keys::State, testing::Secrets};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
const ID: &str = "keys";
const A: &str = "aaaaaaaa-aaaa-aaaa-aaaa-aaaaaaaaaaaa";
const B: &str = "bbbbbbbb-bbbb-bbbb-bbbb-bbbbbbbbbbbb";
const C: &str = "cccccccc-cccc-cccc-cccc-cccccccccccc";
const FIRST: &str = "00000000-0000-0000-0000-000000000000";

fn times() -> KeyLifetimes {
    crate::config::Config::read(|_| None).unwrap().key_lifetimes()
}

/// What somebody who works on the secret does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Work {
    Step(Step, &'static str),
    RotateByHand,
    RevokeByHand,
}

/// An answer: its status and its body.
type Reply = (u16, String);
/// A call: its operation and its body.
type Call = (String, Vec<u8>);

/// What becomes of a work after some answers.
#[derive(Clone, Debug)]
enum Next {
    Calls(Call),
    Ends(Result<(), String>),
}

/// Hands out the answers, and then notes the call that has none yet.
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
            let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
            response.headers_mut().insert("content-type", "application/x-amz-json-1.1");
            return HttpConnectorFuture::ready(Ok(response));
        }
        let operation = request.headers().get("x-amz-target").unwrap().rsplit('.').next().unwrap().to_owned();
        *self.call.lock().unwrap() = Some((operation, request.body().bytes().unwrap().to_vec()));
        self.stopped.notify_one();
        HttpConnectorFuture::new(std::future::pending())
    }
}

/// New keys for each work, made once: a world is the same only if its keys are.
struct Pool(HashMap<&'static str, NewKeys>);

impl Pool {
    fn new() -> Self {
        Self([A, B, C, FIRST, "hand", "spare"].map(|name| (name, NewKeys::generate().unwrap())).into())
    }

    fn keys(&self, name: &str) -> NewKeys {
        self.0[name].clone()
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
        let managed_secret = ManagedSecret::new(Client::from_conf(config.build()), ID);
        tokio::select! {
            done = self.work(work, &managed_secret) => Next::Ends(done),
            () = replay.stopped.notified() => Next::Calls(replay.call.lock().unwrap().clone().unwrap()),
        }
    }

    async fn work(&self, work: &Work, managed_secret: &ManagedSecret) -> Result<(), String> {
        let told = |error: Error| std::error::Error::source(&error).unwrap().to_string();
        let (now, times) = (NOW, times());
        match work {
            Work::Step(step, token) => {
                // A first set takes two.
                let names = Cell::new(vec!["spare", *token]);
                let make = || {
                    let mut left = names.take();
                    let name = left.pop().unwrap();
                    names.set(left);
                    Ok(self.keys(name))
                };
                run_step(managed_secret, *step, token, || now, &times, make).await.map_err(told)
            }
            Work::RotateByHand | Work::RevokeByHand => {
                let current = managed_secret.current().await.map_err(told)?.ok_or("nothing there")?;
                let mut set = KeySet::parse(&current.text)?;
                let new = self.keys("hand");
                if *work == Work::RotateByHand {
                    set.rotate(now, &times, new);
                } else {
                    let kid = KeyRing::parse(&current.text)?.signing(now).map_err(told)?.kid.clone();
                    set.revoke(&kid, now, &times, new)?;
                }
                managed_secret.replace(Some(&current), &set.to_json().map_err(told)?).await.map_err(told)
            }
        }
    }
}

/// The secret, and everybody who works on it: what they do and the answers they have got.
#[derive(Clone, PartialEq, Eq, Hash)]
struct World {
    secrets: Secrets,
    busy: Vec<Option<(Work, Vec<Reply>)>>,
    /// What is done once.
    left: Vec<Work>,
}

struct Explorer {
    pool: Pool,
    /// What was run before: the same work on the same answers goes on alike.
    known: HashMap<(Work, Vec<Reply>), Next>,
    /// The sets that were in force and found to work.
    good: HashSet<String>,
    /// The secrets from which a new rotation was seen to succeed.
    recovered: HashSet<Secrets>,
    ends: BTreeSet<String>,
}

impl Explorer {
    fn new() -> Self {
        Self {
            pool: Pool::new(),
            known: HashMap::new(),
            good: HashSet::new(),
            recovered: HashSet::new(),
            ends: BTreeSet::new(),
        }
    }

    /// Secrets of which the first set is in force.
    fn secrets(&self) -> Secrets {
        let mut secrets = Secrets::default();
        secrets.create(ID);
        secrets.put(ID, FIRST, &self.pool.first_set().to_json().unwrap());
        secrets
    }

    async fn next(&mut self, work: &Work, replies: &[Reply]) -> Next {
        let key = (work.clone(), replies.to_vec());
        if let Some(next) = self.known.get(&key) {
            return next.clone();
        }
        let next = self.pool.run(work, replies).await;
        self.known.insert(key, next.clone());
        next
    }

    /// Lets `steps` be taken by as many at once as there are `works` in a list, in any order and any number of times, each killed
    /// after any call, and gives the number of worlds that there are. `once` is done once at any time, or not.
    async fn explore(&mut self, secrets: Secrets, works: &[Vec<Work>], once: Vec<Work>) -> usize {
        let mut busy = vec![None; works.len()];
        busy.resize(works.len() + once.len(), None);
        let first = World { secrets, busy, left: once };
        let mut seen = HashSet::from([first.clone()]);
        let mut queue = VecDeque::from([first]);
        while let Some(world) = queue.pop_front() {
            self.check(&world.secrets).await;
            for next in self.successors(&world, works).await {
                self.check_change(&world.secrets, &next.secrets);
                if seen.insert(next.clone()) {
                    queue.push_back(next);
                }
            }
        }
        seen.len()
    }

    async fn successors(&mut self, world: &World, works: &[Vec<Work>]) -> Vec<World> {
        let mut next = Vec::new();
        // What RotateSecret does: it registers the version, unless another one is pending.
        for token in [A, B] {
            let mut other = world.clone();
            let steps = works.iter().flatten().any(|work| matches!(work, Work::Step(_, of) if *of == token));
            if steps && other.secrets.stages(ID, token).is_empty() && other.secrets.start_rotation(ID, token) {
                next.push(other);
            }
        }
        for (index, doing) in world.busy.iter().enumerate() {
            let with = |doing: Option<(Work, Vec<Reply>)>| {
                let mut other = world.clone();
                other.busy[index] = doing;
                other
            };
            match doing {
                None => {
                    let free = works.get(index).into_iter().flatten();
                    next.extend(free.map(|work| with(Some((work.clone(), Vec::new())))));
                    if index >= works.len()
                        && let Some(work) = world.left.get(index - works.len())
                    {
                        let mut other = with(Some((work.clone(), Vec::new())));
                        other.left.remove(index - works.len());
                        next.push(other);
                    }
                }
                Some((work, replies)) => {
                    // Killed.
                    next.push(with(None));
                    match self.next(work, replies).await {
                        Next::Calls((operation, body)) => {
                            let mut other = world.clone();
                            let reply = other.secrets.call(&operation, &body);
                            other.busy[index] = Some((work.clone(), [replies.as_slice(), &[reply]].concat()));
                            next.push(other);
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

    /// One version is in force, and works; one at most is pending; and a rotation that begins now succeeds, if need be after the one
    /// that is under way was tried again.
    async fn check(&mut self, secrets: &Secrets) {
        if !self.recovered.insert(secrets.clone()) {
            return;
        }
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
            // It may be given up.
            let _ = self.rotate(&mut after, token).await;
            assert!(after.start_rotation(ID, C), "{token} is neither done nor given up");
        }
        self.rotate(&mut after, C).await.unwrap();
        assert_eq!(after.version(ID, CURRENT), Some(C));
    }

    /// Takes all steps of a rotation, until one fails.
    async fn rotate(&mut self, secrets: &mut Secrets, token: &'static str) -> Result<(), String> {
        for step in Step::ALL {
            let (work, mut replies) = (Work::Step(step, token), Vec::new());
            loop {
                match self.next(&work, &replies).await {
                    Next::Calls((operation, body)) => replies.push(secrets.call(&operation, &body)),
                    Next::Ends(Ok(())) => break,
                    Next::Ends(Err(why)) => return Err(format!("{step:?}: {why}")),
                }
            }
        }
        Ok(())
    }

    /// Nothing that the set in force knew is forgotten by the one that follows it.
    fn check_change(&self, before: &Secrets, after: &Secrets) {
        let (Some(old), Some(new)) = (before.text(ID, CURRENT), after.text(ID, CURRENT)) else { return };
        if old != new {
            let (old, new) = (KeySet::parse(old).unwrap(), KeySet::parse(new).unwrap());
            let revoked = |set: &KeySet| -> Vec<String> {
                let keys = set.describe(NOW).into_iter().filter(|key| key.state == State::Revoked);
                keys.map(|key| key.kid).collect()
            };
            // A revocation by hand ends a key at once, which no rotation may.
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
    let worlds = explorer.explore(explorer.secrets(), &[steps(A)], vec![]).await;
    println!("one rotation: {worlds} worlds, {} runs; {:#?}", explorer.known.len(), explorer.ends);
    assert!(worlds > 30, "{worlds}");
    assert!(explorer.ends.iter().any(|end| end.contains("createSecret comes first")));
}

#[tokio::test]
async fn two_at_once_with_one_token() {
    let mut explorer = Explorer::new();
    let worlds = explorer.explore(explorer.secrets(), &[steps(A), steps(A)], vec![]).await;
    println!("two at once: {worlds} worlds, {} runs", explorer.known.len());
    assert!(worlds > 500, "{worlds}");
}

#[tokio::test]
async fn two_rotations_one_after_the_other_whose_steps_come_late() {
    let mut explorer = Explorer::new();
    let worlds = explorer.explore(explorer.secrets(), &[steps(A), steps(B)], vec![]).await;
    println!("two rotations: {worlds} worlds, {} runs; {:#?}", explorer.known.len(), explorer.ends);
    assert!(explorer.ends.iter().any(|end| end.contains("is not pending")));
}

#[tokio::test]
async fn a_rotation_while_somebody_changes_the_keys_by_hand() {
    for work in [Work::RotateByHand, Work::RevokeByHand] {
        let mut explorer = Explorer::new();
        let worlds = explorer.explore(explorer.secrets(), &[steps(A)], vec![work.clone()]).await;
        println!("{work:?}: {worlds} worlds, {} runs; {:#?}", explorer.known.len(), explorer.ends);
        assert!(explorer.ends.iter().any(|end| end.contains("is given up")), "{:#?}", explorer.ends);
        let outrun = |end: &String| end.contains("ByHand") && end.contains("put in force");
        assert!(explorer.ends.iter().any(outrun), "{:#?}", explorer.ends);
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
        explorer.check(&secrets).await;
    }
}

#[tokio::test]
async fn a_token_that_is_not_that_of_the_rotation_changes_nothing() {
    let mut explorer = Explorer::new();
    let mut secrets = explorer.secrets();
    secrets.start_rotation(ID, A);
    for step in Step::ALL {
        let before = secrets.clone();
        let (work, mut replies) = (Work::Step(step, B), Vec::new());
        let end = loop {
            match explorer.next(&work, &replies).await {
                Next::Calls((operation, body)) => replies.push(secrets.call(&operation, &body)),
                Next::Ends(end) => break end,
            }
        };
        assert!(end.unwrap_err().contains("no version of this token"), "{step:?}");
        assert_eq!(replies.len(), 1);
        assert!(secrets == before);
    }
}

#[tokio::test]
async fn a_pending_set_that_does_not_work_is_never_put_in_force() {
    let mut explorer = Explorer::new();
    for broken in ["{}", "{\"keys\":[]}", "not a set"] {
        let mut secrets = explorer.secrets();
        secrets.start_rotation(ID, A);
        let body = serde_json::json!({"SecretId": ID, "ClientRequestToken": A, "SecretString": broken, "VersionStages": [PENDING]});
        secrets.call("PutSecretValue", body.to_string().as_bytes());
        let why = explorer.rotate(&mut secrets, A).await.unwrap_err();
        assert!(why.contains("is given up"), "{why}");
        assert_eq!(secrets.version(ID, CURRENT), Some(FIRST));
        // The next rotation is not held up by it.
        explorer.check(&secrets).await;
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
