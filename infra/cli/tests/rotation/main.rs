//! Sends hours of traffic to several processes of one deployment with the default times. Meanwhile
//! its keys are rotated three times, two of them in quick succession, and one key is revoked. The
//! test moves the clock, so that it runs for seconds.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod migration;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use jsonwebtoken::{Algorithm, Header};
use serde_json::{Value, json};
use shared::{
    jose::jwt::{self, Jwt},
    keys::{Event, KeyRing, KeySet, ManagedKeySet, NewKeys, Step, Version},
    testing::{SIGNING_KEYS_ID, Secrets, SecretsManager, Service, signing_keys},
};

const STEP_SECONDS: i64 = 30;
const MAX_AGE: i64 = 300;
const LIFE: i64 = 3_600;
const SKEW: i64 = 60;
/// The number of processes with constant traffic. One more process sleeps for ten minutes between
/// two requests, like a frozen Lambda function.
const AWAKE: usize = 2;

/// The secrets with the parts of the key set.
const PUBLIC_ID: &str = "public-keys";
const REFRESH_ID: &str = "refresh-keys";

/// The functions that have no private key at hand.
fn verify_router() -> axum::Router<shared::App> {
    verify::router().merge(well_known::router())
}

struct Minted {
    token: Value,
    kid: String,
    at: i64,
}

struct Deployment {
    secrets: SecretsManager,
    processes: Vec<Service>,
    /// A process that has the public keys alone. It verifies and publishes.
    verifier: Service,
    /// The refresh tokens of the live sessions.
    sessions: Vec<Value>,
    minted: Vec<Minted>,
    /// The time at which each process first published a key, by the key's id.
    published: HashMap<String, Vec<Option<i64>>>,
    seconds: i64,
    rotations: usize,
    verified: usize,
}

impl Deployment {
    async fn new() -> Self {
        let secrets = SecretsManager::new(Secrets::default());
        secrets.with(|secrets| secrets.put(SIGNING_KEYS_ID, &"0".repeat(32), signing_keys()));
        for id in [PUBLIC_ID, REFRESH_ID] {
            secrets.with(|secrets| secrets.create(id));
        }
        let variables = [
            ("TOKEN_PROFILE", "access"),
            ("SIGNING_KEYS_SECRET_ID", SIGNING_KEYS_ID),
            ("PUBLIC_KEYS_SECRET_ID", PUBLIC_ID),
            ("REFRESH_KEYS_SECRET_ID", REFRESH_ID),
        ];
        let first = Service::deployed(latchkey::router(), &variables, &secrets).await;
        first.app().keys().managed_set(SIGNING_KEYS_ID).unwrap().publish(first.now()).await.unwrap();
        let verifier = first.beside(verify_router(), &variables[2..3], Some(&secrets)).await;
        let mut processes = vec![first];
        for _ in 0..AWAKE {
            processes.push(processes[0].beside(latchkey::router(), &variables, Some(&secrets)).await);
        }
        let user = processes[0].account("a@b.de").await;
        let mut sessions = Vec::new();
        for _ in 0..20 {
            sessions.push(processes[0].session(&user).await["refresh_token"].clone());
        }
        let (minted, published) = (Vec::new(), HashMap::new());
        Self { secrets, processes, verifier, sessions, minted, published, seconds: 0, rotations: 0, verified: 0 }
    }

    /// Moves the clock of every process, with traffic at the processes that are awake.
    async fn run(&mut self, seconds: i64) {
        let end = self.seconds + seconds;
        while self.seconds < end {
            self.seconds += STEP_SECONDS;
            for process in self.processes.iter().chain([&self.verifier]) {
                process.pass(Duration::from_secs(STEP_SECONDS.unsigned_abs()));
            }
            // Lets a fetch in the background finish.
            tokio::task::yield_now().await;
            let frozen = self.seconds % 600 >= STEP_SECONDS;
            for index in 0..self.processes.len() {
                if index < AWAKE || !frozen {
                    self.traffic(index).await;
                }
            }
        }
    }

    async fn traffic(&mut self, index: usize) {
        let process = &self.processes[index];
        let turn = self.minted.len();
        for key in self.verifier.get("/.well-known/jwks.json").await.is(200).body["keys"].as_array().unwrap() {
            let seen = self.published.entry(key["kid"].as_str().unwrap().to_owned());
            seen.or_insert_with(|| vec![None; AWAKE + 1])[index].get_or_insert(self.seconds);
        }
        let slot = turn % self.sessions.len();
        let answer = process.post("/refresh", json!({"refresh_token": self.sessions[slot]})).await.is(200).body;
        self.sessions[slot] = answer["refresh_token"].clone();
        let kid = kid(&answer["access_token"]);
        // The first key signs at once, so nobody could know it before.
        if self.minted.first().is_some_and(|first| first.kid != kid) {
            for first in self.published[&kid].iter().take(AWAKE) {
                let known = first.map_or(0, |first| self.seconds - first);
                assert!(known >= MAX_AGE, "{kid} signs {known} s after it was published everywhere");
            }
        }
        self.minted.push(Minted { token: answer["access_token"].clone(), kid, at: self.seconds });
        // Verifies a few live tokens, the oldest among them.
        let live: Vec<&Minted> = self.minted.iter().filter(|token| self.seconds - token.at < LIFE).collect();
        for index in [0, live.len() / 3, live.len() / 2, live.len() - 1] {
            process.post("/verify", json!({"token": live[index].token})).await.is(200);
            self.verifier.post("/verify", json!({"token": live[index].token})).await.is(200);
            self.verified += 2;
        }
    }

    /// Runs the steps of a rotation as Secrets Manager does, at the process that has slept.
    async fn rotate(&mut self) {
        self.rotations += 1;
        let token = format!("{:032}", self.rotations);
        assert!(self.secrets.with(|secrets| secrets.start_rotation(SIGNING_KEYS_ID, &token)));
        for step in Step::ALL {
            let event = Event { step, secret_id: SIGNING_KEYS_ID.to_owned(), client_request_token: token.clone() };
            rotate_keys::rotate(self.processes[AWAKE].app().clone(), event).await.unwrap();
        }
    }

    /// The ids of the keys that have signed, in order.
    fn signers(&self) -> Vec<&str> {
        let mut seen = HashSet::new();
        self.minted.iter().map(|token| token.kid.as_str()).filter(|kid| seen.insert(*kid)).collect()
    }

    /// Verifies every token that a key ever signed at every process. All must be refused. An
    /// expired token must be refused as expired, so that its app refreshes. Returns the number of
    /// tokens, and the number of those that have not expired.
    async fn all_refused(&self, kid: &str) -> (usize, usize) {
        let tokens: Vec<&Minted> = self.minted.iter().filter(|token| token.kid == kid).collect();
        let has_expired = |token: &Minted| self.seconds - token.at >= LIFE + SKEW;
        for process in self.processes.iter().chain([&self.verifier]) {
            for minted in &tokens {
                let code = if has_expired(minted) { "token_expired" } else { "token_invalid" };
                process.post("/verify", json!({"token": minted.token})).await.refused(401, code);
            }
        }
        (tokens.len(), tokens.iter().filter(|token| !has_expired(token)).count())
    }

    /// Makes a token as a thief of the key `kid` could, and verifies it at every process. All must
    /// refuse it.
    async fn stolen_key_is_refused(&self, stolen: &KeyRing, kid: &str) {
        let minted = self.minted.last().unwrap();
        let claims = Jwt::parse(minted.token.as_str().unwrap()).unwrap().claims;
        let held = stolen.key(kid).unwrap();
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        let token = jwt::sign(&header, &claims, &held.key).unwrap();
        for process in self.processes.iter().chain([&self.verifier]) {
            process.post("/verify", json!({"token": minted.token})).await.is(200);
            process.post("/verify", json!({"token": token})).await.refused(401, "token_invalid");
        }
    }

    fn managed(&self) -> ManagedKeySet {
        self.processes[0].app().keys().managed_set(SIGNING_KEYS_ID).unwrap()
    }

    async fn key_set(&self) -> (KeySet, Version) {
        let (set, version) = self.managed().current().await.unwrap();
        (set, version.unwrap())
    }

    async fn is_published(&self, kid: &str) -> bool {
        let mut published = false;
        for process in self.processes.iter().chain([&self.verifier]) {
            let keys = process.get("/.well-known/jwks.json").await.is(200).body["keys"].clone();
            published |= keys.as_array().unwrap().iter().any(|key| key["kid"] == kid);
        }
        published
    }
}

fn kid(token: &Value) -> String {
    Jwt::parse(token.as_str().unwrap()).unwrap().header_text("kid").unwrap().to_owned()
}

#[tokio::test(start_paused = true)]
async fn three_rotations_and_a_revocation_reject_nobody() {
    let mut deployment = Deployment::new().await;
    deployment.run(900).await;
    let sleeper = deployment.sessions.remove(0);

    deployment.rotate().await;
    deployment.run(5_400).await;
    // This client loses its answer, and comes back within the hour, when other keys sign.
    let lost = deployment.sessions.remove(0);
    let answer = deployment.processes[0].post("/refresh", json!({"refresh_token": lost})).await.is(200).body;
    deployment.rotate().await;
    deployment.run(60).await;
    deployment.rotate().await;
    let stolen = KeyRing::parse(&deployment.key_set().await.1.text).unwrap();
    deployment.run(3_000).await;
    let again = deployment.processes[1].post("/refresh", json!({"refresh_token": lost})).await.is(200).body;
    assert_eq!(again["refresh_token"], answer["refresh_token"]);
    assert_ne!(kid(&again["access_token"]), kid(&answer["access_token"]));
    deployment.run(6_000).await;
    let (signers, total) = (deployment.signers().len(), deployment.minted.len());
    println!("{} tokens, {} verifications, {signers} keys signed, 0 rejected", total, deployment.verified);
    assert_eq!(signers, 4, "the first one and one for each rotation");

    // The first three keys are retired. All their tokens expired before that.
    let retired: Vec<String> = deployment.signers().iter().take(3).map(|kid| (*kid).to_owned()).collect();
    for kid in &retired {
        let (refused, live) = deployment.all_refused(kid).await;
        assert_eq!(live, 0);
        deployment.stolen_key_is_refused(&stolen, kid).await;
        assert!(!deployment.is_published(kid).await);
        println!("{kid}: {refused} tokens, all refused");
    }

    // No session ended: the one that slept goes on.
    deployment.processes[1].post("/refresh", json!({"refresh_token": sleeper})).await.is(200);

    // The current signing key leaks.
    let leaked = deployment.signers()[3].to_owned();
    let (mut set, current) = deployment.key_set().await;
    let app = deployment.processes[0].app();
    set.revoke(&leaked, app.now(), &app.config().key_lifetimes(), NewKeys::generate().unwrap()).unwrap();
    deployment.managed().replace(Some(&current), &set, app.now()).await.unwrap();
    for process in deployment.processes.iter().chain([&deployment.verifier]) {
        process.pass(Duration::from_secs(60));
    }
    deployment.seconds += 60;
    assert!(deployment.all_refused(&leaked).await.1 > 100);
    assert!(!deployment.is_published(&leaked).await);
    let token = deployment.sessions[0].clone();
    let answer = deployment.processes[0].post("/refresh", json!({"refresh_token": token})).await.is(200).body;
    deployment.minted.push(Minted {
        token: answer["access_token"].clone(),
        kid: kid(&answer["access_token"]),
        at: deployment.seconds,
    });
    deployment.stolen_key_is_refused(&stolen, &leaked).await;
}
