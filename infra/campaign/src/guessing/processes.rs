//! Guesses at one account through many processes on one table, as on Lambda.
//!
//! All processes together may give no more verdicts than one. The rows count the answers to the
//! guesses and to the owner.

use std::{
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use serde_json::{Value, json};
use shared::testing::server::Server;
use tempfile::TempDir;
use tokio::{
    task::JoinSet,
    time::{self, Instant},
};

use super::{ACCOUNT, Counts, Method, PASSWORD, Report, Scale, many_addresses::address, report_guesses, wait_for};
use crate::{
    client::{Answer, Client},
    process::{Process, command},
};

/// The API key of a trusted server, which may name the addresses of its clients.
const API_KEY: &str = "the key of a server that forwards addresses";
const VARIABLES: [(&str, &str); 2] = [("API_KEY", API_KEY), ("ISSUER", "https://login.example")];
/// The number of concurrent guesses at each process.
const CONCURRENCY: usize = 4;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    let processes: usize = scale.of(4, 20);
    let time = Duration::from_secs(scale.of(4, 60));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let first = Process::start(&data, &VARIABLES);
    let others: Vec<Server> = (1..processes).map(|_| start_on_table_of(&data, &first)).collect();
    wait_for(async {
        let clients: Vec<Client> = others.iter().map(|server| Client::new(&server.address)).collect();
        let clients: Vec<Client> = [first.client()].into_iter().chain(clients).collect();
        let body = json!({"email": ACCOUNT, "password": PASSWORD});
        let created = clients[0].post("/create-account", &body).await.expect("an answer");
        assert_eq!(created.status, 201, "{}", created.text);
        let began = Instant::now();
        let until = began + time;
        let guesses = tokio::spawn(guess(clients.clone(), until));
        let owner_counts = owner(&clients, &created, until).await;
        let counts = guesses.await.expect("no panic");
        let elapsed = i64::try_from(began.elapsed().as_secs() + 1).unwrap_or(i64::MAX);
        let attack =
            format!("1,000 addresses guess at one account for {elapsed} s, through {processes} processes on one table");
        report_guesses(report, attack, &counts);
        report.row(
            format!("the owner meanwhile, from a known client, through each of {processes} processes"),
            "each login succeeds; in the short form 503 from a busy machine",
            owner_counts.to_string(),
            owner_counts.ok > 0
                && owner_counts.busy <= scale.of(usize::MAX, 0)
                && owner_counts.unauthorized + owner_counts.limited + owner_counts.others.len() == 0,
        );
    });
}

/// Starts another process with the table and the keys of the first one.
fn start_on_table_of(folder: &Path, first: &Process) -> Server {
    let mut command = command(folder, &VARIABLES);
    command.arg("--external-dynamodb").envs(first.external());
    Server::spawn(&mut command)
}

async fn guess(clients: Vec<Client>, until: Instant) -> Counts {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let mut guessers = JoinSet::new();
    for (index, client) in clients.into_iter().cycle().take(20 * CONCURRENCY).enumerate() {
        let counts = Arc::clone(&counts);
        guessers.spawn(async move {
            let mut number = index as u32;
            while Instant::now() < until {
                number += 97;
                let body = json!({"email": ACCOUNT, "password": format!("wrong horse {number}")});
                let answer = post(&client, number, &body).await;
                add(&mut counts.lock().expect("no panic"), &answer);
            }
        });
    }
    guessers.join_all().await;
    let counts = counts.lock().expect("no panic");
    counts.clone()
}

async fn owner(clients: &[Client], created: &Answer, until: Instant) -> Counts {
    let mut owner_counts = Counts::default();
    let body = json!({"email": ACCOUNT, "password": PASSWORD, "refresh_token": created.text_of("refresh_token")});
    for client in clients.iter().cycle() {
        time::sleep(Duration::from_millis(200)).await;
        if Instant::now() >= until {
            break;
        }
        add(&mut owner_counts, &post(client, 1, &body).await);
    }
    owner_counts
}

/// Posts a login as a trusted server does for a client with this number.
async fn post(client: &Client, number: u32, body: &Value) -> Answer {
    let request = client.request(Method::POST, "/login").header("x-api-key", API_KEY);
    let request = request.header("x-forwarded-for", address(number).to_string());
    client.send(request, body.to_string()).await.expect("an answer")
}

fn add(counts: &mut Counts, answer: &Answer) {
    let retry_after = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
    counts.add(answer.status, retry_after.unwrap_or_default());
}
