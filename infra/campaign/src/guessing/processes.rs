//! The same at many processes on one table, as on Lambda.

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

use super::{ACCOUNT, Counts, Method, PASSWORD, Report, Scale, judge, many_addresses::address, wait_for};
use crate::{
    client::{Answer, Client},
    process::{Process, command},
};

/// Of the server through which the addresses are told.
const API_KEY: &str = "the key of a server that tells addresses";
const VARIABLES: [(&str, &str); 2] = [("API_KEY", API_KEY), ("ISSUER", "https://login.example")];
/// How many guess at once at each process.
const AT_ONCE: usize = 4;

pub fn run(scale: Scale, report: &mut Report) {
    let processes: usize = scale.of(4, 20);
    let time = Duration::from_secs(scale.of(4, 60));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let first = Process::start(&data, &VARIABLES);
    let others: Vec<Server> = (1..processes).map(|_| beside(&data, &first)).collect();
    wait_for(async {
        let clients: Vec<Client> = others.iter().map(|server| Client::new(&server.address)).collect();
        let clients: Vec<Client> = [first.client()].into_iter().chain(clients).collect();
        let body = json!({"email": ACCOUNT, "password": PASSWORD});
        let created = clients[0].post("/create-account", &body).await.expect("an answer");
        assert_eq!(created.status, 201, "{}", created.text);
        let began = Instant::now();
        let until = began + time;
        let guesses = tokio::spawn(guess(clients.clone(), until));
        let known = owner(&clients, &created, until).await;
        let counts = guesses.await.expect("no panic");
        let elapsed = i64::try_from(began.elapsed().as_secs() + 1).unwrap_or(i64::MAX);
        let attack =
            format!("1,000 addresses guess at one account for {elapsed} s, at {processes} processes on one table");
        judge(report, attack, &counts, elapsed);
        report.row(
            format!("its owner meanwhile, from a client that logged in before, at each of {processes} processes"),
            "each login succeeds",
            known.to_string(),
            known.ok > 0 && known.unauthorized + known.limited + known.others.len() == 0,
        );
    });
}

/// Another process on the table of the first, with its keys, so that its tokens are known to all.
fn beside(folder: &Path, first: &Process) -> Server {
    let mut command = command(folder, &VARIABLES);
    command.arg("--external-dynamodb").envs(first.external());
    Server::spawn(&mut command)
}

async fn guess(clients: Vec<Client>, until: Instant) -> Counts {
    let counts = Arc::new(Mutex::new(Counts::default()));
    let mut guessers = JoinSet::new();
    for (index, client) in clients.into_iter().cycle().take(20 * AT_ONCE).enumerate() {
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
    let mut known = Counts::default();
    let body = json!({"email": ACCOUNT, "password": PASSWORD, "refresh_token": created.text_of("refresh_token")});
    for client in clients.iter().cycle() {
        time::sleep(Duration::from_millis(200)).await;
        if Instant::now() >= until {
            break;
        }
        add(&mut known, &post(client, 1, &body).await);
    }
    known
}

/// Posts a login as a trusted server does for one of its clients.
async fn post(client: &Client, number: u32, body: &Value) -> Answer {
    let request = client.request(Method::POST, "/login").header("x-api-key", API_KEY);
    let request = request.header("x-forwarded-for", address(number).to_string());
    client.send(request, body.to_string()).await.expect("an answer")
}

fn add(counts: &mut Counts, answer: &Answer) {
    let retry_after = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
    counts.add(answer.status, retry_after.unwrap_or_default());
}
