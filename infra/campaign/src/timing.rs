//! Whether the time of a login's refusal tells what there is: pairs of accounts that an attacker would tell apart.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use fastrand::Rng;
use serde_json::json;
use tempfile::TempDir;
use tokio::time::Instant;

use crate::{
    Scale,
    client::Client,
    dynamodb::{self, Item, text},
    process::Process,
    report::Report,
    seeded_rng::{alphanumeric, seeded_rng},
    statistics::{auc, median_ms},
    wait_for,
};

/// What one side of a pair tries to log in to.
#[derive(Clone, Copy)]
struct Side {
    name: &'static str,
    /// What becomes of an ordinary account's record; none where there is no account.
    stored: Option<fn(&mut Item)>,
}

const UNKNOWN: Side = Side { name: "unknown account", stored: None };
const ORDINARY: Side = Side { name: "wrong password", stored: Some(|_| {}) };
const DISABLED: Side = Side {
    name: "disabled account",
    stored: Some(|item| drop(item.insert("disabled".to_owned(), AttributeValue::Bool(true)))),
};
const PASSWORDLESS: Side =
    Side { name: "account without a password", stored: Some(|item| drop(item.remove("password_hash"))) };

/// One that came along from elsewhere: bcrypt of cost 10, which takes several times what an own hash takes.
const FOREIGN: Side =
    Side {
        name: "foreign hash",
        stored: Some(|item| {
            drop(item.insert(
                "password_hash".to_owned(),
                text("$2b$10$Umrk/bfsooBQXqMbh3vYeuPlxUMFBrCf.tYZho/OUBaUxZ2pNniLi"),
            ))
        }),
    };

/// Its failures are counted under both names.
const NAMED: Side = Side {
    name: "account with a username",
    stored: Some(|item| {
        if let Some(address) = item.get("email_key").and_then(|address| address.as_s().ok()) {
            let name = text(address.split('@').next().unwrap_or_default());
            item.insert("username".to_owned(), name);
        }
    }),
};

/// What must not be told apart. The last pair is last: a server that has met a foreign hash takes its time for all.
const PAIRS: [(Side, Side); 5] =
    [(UNKNOWN, ORDINARY), (DISABLED, ORDINARY), (UNKNOWN, PASSWORDLESS), (UNKNOWN, NAMED), (UNKNOWN, FOREIGN)];

/// Of one address, so that no limit is reached; on both sides alike, so that their counters are made as often.
const FAILURES_MAX: usize = 4;
/// Logins of each side before anything is counted.
const WARM_UP: usize = 10;

/// Logins of both sides of each pair by turns, one at a time, on one connection of a trusted server, which has no limit of its
/// own: the counting of failures is on the way.
pub fn timing(scale: Scale, report: &mut Report) {
    let samples: usize = scale.of(60, 2_000);
    let mut rng = seeded_rng("timing");
    let folder = TempDir::new().expect("a folder");
    let key = alphanumeric(&mut rng, 40);
    let process = Process::start(&folder.path().join("data"), &[("API_KEY", &key), ("TOKEN_PROFILE", "access")]);
    wait_for(async {
        let template = template(&process, &key).await;
        for (index, (left, right)) in PAIRS.into_iter().enumerate() {
            let mut sides = Vec::new();
            for (place, side) in [left, right].into_iter().enumerate() {
                let prefix = format!("pair{index}side{place}n");
                sides.push(
                    addresses(&process, &template, side, &prefix, samples.div_ceil(FAILURES_MAX) + WARM_UP).await,
                );
            }
            let [a, b] = measured(&process.client(), &key, &sides, samples, &mut rng).await;
            judge(scale, report, [left, right], &a, &b);
        }
    });
}

/// The records of an account that was made as any other.
async fn template(process: &Process, key: &str) -> [Item; 2] {
    let body = json!({"email": "template@example.com", "password": "correct horse battery", "name": "James"});
    let client = process.client();
    let request = client.request(Method::POST, "/create-account").header("x-api-key", key);
    let created = client.send(request, body.to_string()).await.expect("an answer");
    assert_eq!(created.status, 201, "{}", created.text);
    let table = process.table();
    let user = dynamodb::get(&table, &format!("USER#{}", created.text_of("uid"))).await.expect("an account");
    let login = dynamodb::get(&table, "LOGIN#template@example.com").await.expect("an identifier");
    [user, login]
}

/// Addresses of this side, with copies of the template behind them where it has accounts: it is their passwords that are
/// tried, and all of one hash do as well.
async fn addresses(process: &Process, template: &[Item; 2], side: Side, prefix: &str, count: usize) -> Vec<String> {
    let addresses: Vec<String> = (0..count).map(|number| format!("{prefix}{number:05}@example.com")).collect();
    let Some(change) = side.stored else { return addresses };
    let mut items = Vec::new();
    for address in &addresses {
        let id = format!("{address:0>36.36}");
        for (item, key) in template.iter().zip([format!("USER#{id}"), format!("LOGIN#{address}")]) {
            let mut item = item.clone();
            item.extend(
                [("pk", key.as_str()), ("id", &id), ("email", address), ("email_key", address)]
                    .map(|(name, value)| (name.to_owned(), text(value))),
            );
            change(&mut item);
            items.push(item);
        }
    }
    dynamodb::put(&process.table(), items).await;
    addresses
}

/// The times of `samples` refusals of each side, by turns, the first of each turn by chance.
async fn measured(
    client: &Client,
    key: &str,
    sides: &[Vec<String>],
    samples: usize,
    rng: &mut Rng,
) -> [Vec<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    let (sides, warm): (Vec<_>, Vec<_>) =
        sides.iter().map(|addresses| addresses.split_at(addresses.len() - WARM_UP)).unzip();
    for address in warm.into_iter().flatten() {
        refused(client, key, address).await;
    }
    for turn in 0..samples {
        let mut order = [0, 1];
        rng.shuffle(&mut order);
        for index in order {
            let (Some(addresses), Some(times)) = (sides.get(index), times.get_mut(index)) else { continue };
            let address = addresses.get(turn % addresses.len()).expect("an address");
            times.push(refused(client, key, address).await);
        }
    }
    times
}

/// How long the refusal of a wrong password takes.
async fn refused(client: &Client, key: &str, address: &str) -> Duration {
    let body = json!({"email": address, "password": "a wrong horse battery"}).to_string();
    let request = client.request(Method::POST, "/login").header("x-api-key", key);
    let started = Instant::now();
    let answer = client.send(request, body).await.expect("an answer");
    let time = started.elapsed();
    assert_eq!((answer.status, &*answer.text_of("code")), (401, "invalid_credentials"), "{address}: {}", answer.text);
    time
}

/// Of 2,000 on each side the AUC of equal ones strays by 0.009 (one standard deviation, √((m + n + 1) / 12mn)). Of 60 it
/// strays by 0.05, and the medians by a third where the machine has other things to do, so that the short form finds a hash
/// that is left out, and nothing finer.
fn judge(scale: Scale, report: &mut Report, pair: [Side; 2], left: &[Duration], right: &[Duration]) {
    let (a, b, auc) = (median_ms(left), median_ms(right), auc(left, right));
    let (apart, span) = scale.of((a.max(b) / 2.0, 0.35), (1.0, 0.03));
    let [left_name, right_name] = pair.map(|side| side.name);
    report.row(
        format!("login timing, {left_name} against {right_name}, {} + {}", left.len(), right.len()),
        format!("medians at most {apart:.1} ms apart, AUC {:.2} to {:.2}", 0.5 - span, 0.5 + span),
        format!("medians {a:.2} and {b:.2} ms, {:+.2} ms, AUC {auc:.3}", b - a),
        (a - b).abs() <= apart && (auc - 0.5).abs() <= span,
    );
}
