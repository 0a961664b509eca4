//! A stand-in for the Auth emulator's part of Identity Toolkit: the users of one project, with
//! faults, and with every call counted.

use std::{
    collections::BTreeMap,
    net::SocketAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use axum::{
    Json, Router,
    extract::{Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Map, Value, json};
use tokio::{net::TcpListener, task::JoinHandle};

use super::PROJECT;

/// The users, behind a local port.
pub struct FirebaseUsers {
    address: SocketAddr,
    state: Arc<Mutex<Users>>,
    server: JoinHandle<()>,
}

#[derive(Default)]
struct Users {
    users: BTreeMap<String, Map<String, Value>>,
    calls: Vec<String>,
    fault: Option<Fault>,
    /// The calls of a hundred that fail, each with a fault of its own.
    chance: Option<(fastrand::Rng, u8)>,
}

/// A fault of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirebaseFault {
    /// Each call gets this status, with an error of Google's form.
    Status(u16),
    /// No call gets an answer.
    Silence,
}
use FirebaseFault as Fault;

impl FirebaseUsers {
    /// Starts without any user.
    pub async fn start() -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(Users::default()));
        let path = format!("/identitytoolkit.googleapis.com/v1/projects/{PROJECT}/{{operation}}");
        let router = Router::new().route(&path, post(answer)).with_state(state.clone());
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("it serves") });
        Self { address, state, server }
    }

    /// The value of `FIREBASE_AUTH_EMULATOR_HOST`.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// Makes a user, as the first sign-in there does.
    pub fn put(&self, uid: &str, user: Value) {
        let Value::Object(user) = user else { panic!("a user is an object") };
        let id = ("localId".to_owned(), json!(uid));
        self.state().users.insert(uid.to_owned(), user.into_iter().chain([id]).collect());
    }

    /// The user with this id. `Null` if there is none.
    pub fn user(&self, uid: &str) -> Value {
        self.state().users.get(uid).cloned().map_or(Value::Null, Value::Object)
    }

    /// The calls since the last call of this method, by operation.
    pub fn calls(&self) -> Vec<String> {
        std::mem::take(&mut self.state().calls)
    }

    /// Fails so from now on, or no more.
    pub fn fails(&self, fault: Option<Fault>) {
        self.state().fault = fault;
    }

    /// Fails this many of a hundred calls from now on, by chance: with an error, too many requests,
    /// or no answer at all.
    pub fn fails_by_chance(&self, seed: u64, of_hundred: u8) {
        self.state().chance = Some((fastrand::Rng::with_seed(seed), of_hundred));
    }

    fn state(&self) -> MutexGuard<'_, Users> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for FirebaseUsers {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(
    State(state): State<Arc<Mutex<Users>>>,
    Path(operation): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    assert_eq!(headers["authorization"], "Bearer owner");
    let fault = {
        let mut users = state.lock().unwrap_or_else(PoisonError::into_inner);
        users.calls.push(operation.clone());
        users.fault.or_else(|| users.by_chance())
    };
    match fault {
        Some(Fault::Status(status)) => refuse(status, "INTERNAL_ERROR : a sentence that may quote the request"),
        Some(Fault::Silence) => std::future::pending().await,
        None => state.lock().unwrap_or_else(PoisonError::into_inner).answer(&operation, &body),
    }
}

fn refuse(status: u16, message: &str) -> Response {
    let body = json!({"error": {"code": status, "message": message, "errors": [{"message": message}]}});
    (StatusCode::from_u16(status).expect("a status"), Json(body)).into_response()
}

impl Users {
    fn by_chance(&mut self) -> Option<Fault> {
        let (random, of_hundred) = self.chance.as_mut()?;
        let faults = [Fault::Status(500), Fault::Status(429), Fault::Silence];
        (random.u8(..100) < *of_hundred).then(|| faults[random.usize(..faults.len())])
    }

    fn answer(&mut self, operation: &str, body: &Value) -> Response {
        let uid = body["localId"].as_str().or(body["localId"][0].as_str()).expect("an id").to_owned();
        let found = self.users.contains_key(&uid);
        let has_email =
            |(other, user): (&String, &Map<String, Value>)| *other != uid && user.get("email") == body.get("email");
        let is_taken = body["email"].is_string() && self.users.iter().any(has_email);
        match operation {
            "accounts:lookup" => {
                let ids = body["localId"].as_array().expect("a list").iter().filter_map(Value::as_str);
                let users: Vec<_> = ids.filter_map(|id| self.users.get(id)).collect();
                return Json(json!({"users": users})).into_response();
            }
            "accounts" if found => return refuse(400, "DUPLICATE_LOCAL_ID"),
            _ if !found && operation != "accounts" => return refuse(400, "USER_NOT_FOUND"),
            "accounts" | "accounts:update" if is_taken => return refuse(400, "EMAIL_EXISTS"),
            "accounts:delete" => drop(self.users.remove(&uid)),
            "accounts" => drop(self.users.insert(uid.clone(), Map::new())),
            "accounts:update" => {}
            other => panic!("nobody looked at {other} here"),
        }
        if let Some(user) = self.users.get_mut(&uid) {
            change(user, body);
        }
        Json(json!({"localId": uid})).into_response()
    }
}

fn change(user: &mut Map<String, Value>, body: &Value) {
    for (name, value) in body.as_object().expect("an object") {
        match name.as_str() {
            "disableUser" => drop(user.insert("disabled".to_owned(), value.clone())),
            "deleteAttribute" => {
                let names = value.as_array().expect("a list").iter().filter_map(Value::as_str);
                names.for_each(|name| drop(user.remove(&name.to_lowercase().replace("display_name", "displayName"))));
            }
            "deleteProvider" => {
                let removed = value.as_array().expect("a list");
                let providers = user.get_mut("providerUserInfo").and_then(Value::as_array_mut).expect("a list");
                providers.retain(|provider| !removed.contains(&provider["providerId"]));
            }
            _ => drop(user.insert(name.clone(), value.clone())),
        }
    }
}
