//! The program `latchkey`: its server, and its commands for signing keys.

use std::{collections::BTreeMap, fs, path::PathBuf, process::Command};

use serde_json::Value;

use crate::{
    http::{Answer, Client, Request},
    process::{self, Child},
};

/// Environment variables. A value that is added later wins.
pub type Variables = BTreeMap<&'static str, String>;

const START_MS: i64 = 30_000;
const COMMAND_MS: i64 = 30_000;
/// Hashes of a debug build on a busy machine are slow.
const ANSWER_MS: u64 = 30_000;

/// The command with this configuration alone, without the rest of the environment.
fn command(variables: &Variables) -> Command {
    let program = process::target_folder().join("debug/latchkey");
    assert!(program.exists(), "{} is not built: cargo build --package latchkey", program.display());
    let mut command = process::command(program);
    command.envs(variables);
    command
}

/// A running `latchkey serve`.
pub struct Server {
    /// The process.
    pub child: Child,
    /// The server's origin, which is also its issuer.
    pub origin: String,
    data: PathBuf,
}

impl Server {
    /// Starts a server that offers its table on a port of its own, and waits until the server
    /// listens.
    pub async fn start(dynamodb_port: u16, variables: &Variables) -> Self {
        let [port] = process::free_ports();
        let data = process::scratch("data");
        let mut command = command(variables);
        command.args(["serve", "--port", &port.to_string(), "--dynamodb-port", &dynamodb_port.to_string()]);
        let child = Child::start("latchkey serve", command.arg("--data-dir").arg(&data));
        let origin = format!("http://127.0.0.1:{port}");
        let first = child.says(START_MS, |lines| lines.first().cloned()).await;
        assert!(first.contains(&origin), "the first line does not name {origin}: {first}");
        Self { child, origin, data }
    }

    /// The path of a file in the data folder.
    pub fn file(&self, name: &str) -> String {
        fs::read_to_string(self.data.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The Firebase project of its service account.
    pub fn firebase_project(&self) -> String {
        let account: Value = serde_json::from_str(&self.file("firebase-service-account.json")).expect("JSON");
        account["project_id"].as_str().expect("a project").to_owned()
    }

    /// Sends a request.
    ///
    /// # Errors
    ///
    /// No whole answer comes.
    pub async fn ask(&self, client: &Client, request: Request) -> Result<Answer, String> {
        client.send(&self.origin, request, ANSWER_MS).await.map_err(|error| format!("{error}; {}", self.child.tail()))
    }
}

/// The signing keys as the tool shows and changes them.
#[derive(Clone)]
pub struct SigningKeys {
    variables: Variables,
}

/// A key of access tokens, as `latchkey keys list` describes it.
#[derive(Clone, Debug)]
pub struct Key {
    /// Its id.
    pub kid: String,
    /// Its state, such as `signing` or `next`.
    pub state: String,
    /// The time from which the key signs.
    pub not_before: Option<i64>,
    /// The time until which the key's tokens are accepted.
    pub retired_at: Option<i64>,
}

impl SigningKeys {
    /// The keys of this configuration.
    pub fn new(variables: Variables) -> Self {
        Self { variables }
    }

    /// The keys of access tokens, in the order in which they were made.
    pub async fn list(&self) -> Vec<Key> {
        let listed: Vec<Value> = serde_json::from_str(&self.run(&["list", "--json"]).await).expect("JSON");
        let text = |key: &Value, name: &str| key[name].as_str().expect("a text").to_owned();
        let access = listed.iter().filter(|key| key["use"] == "access");
        let described = access.map(|key| Key {
            kid: text(key, "kid"),
            state: text(key, "state"),
            not_before: key["not_before"].as_i64(),
            retired_at: key["retired_at"].as_i64(),
        });
        described.collect()
    }

    /// The id of the only key in this state.
    pub async fn kid_of(&self, state: &str) -> String {
        let keys = self.list().await;
        let found = keys.iter().find(|key| key.state == state);
        found.unwrap_or_else(|| panic!("no key is {state}: {keys:?}")).kid.clone()
    }

    /// Makes the first keys.
    pub async fn generate(&self) {
        self.run(&["generate"]).await;
    }

    /// Rotates the keys.
    pub async fn rotate(&self) {
        self.run(&["rotate"]).await;
    }

    /// Revokes a key.
    pub async fn revoke(&self, kid: &str) {
        self.run(&["revoke", kid]).await;
    }

    async fn run(&self, arguments: &[&str]) -> String {
        let mut command = command(&self.variables);
        process::run("latchkey keys", command.arg("keys").args(arguments), COMMAND_MS).await
    }
}
