//! Measures whether the time of a refused login, or of a request for a mail, reveals the state of
//! an account.
//!
//! Each pair of states must be indistinguishable: equal medians, and an AUC near 0.5. The rows give
//! the medians and the AUC for each pair.

use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use axum::http::Method;
use fastrand::Rng;
use serde_json::{Value, json};
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

/// One side of a pair: an account state.
#[derive(Clone, Copy)]
struct Side {
    name: &'static str,
    /// Changes the records of an ordinary account; `None` if there is no account.
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

/// The address of an ordinary account, for whoever wants to have it.
const TAKEN: Side = Side { name: "taken address", ..ORDINARY };

/// An imported hash: bcrypt with cost 10, which takes several times as long as our own hash.
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

/// An account whose failures are counted under the e-mail address and the username.
const NAMED: Side = Side {
    name: "account with a username",
    stored: Some(|item| {
        if let Some(address) = item.get("email_key").and_then(|address| address.as_s().ok()) {
            let name = text(address.split('@').next().unwrap_or_default());
            item.insert("username".to_owned(), name);
        }
    }),
};

/// The pairs of states that must be indistinguishable. The foreign hash is last: once a server has
/// checked one, it pads all logins to that time.
const PAIRS: [(Side, Side); 5] =
    [(UNKNOWN, ORDINARY), (DISABLED, ORDINARY), (UNKNOWN, PASSWORDLESS), (UNKNOWN, NAMED), (UNKNOWN, FOREIGN)];

/// The most failures of one address, below every limit.
const FAILURES_MAX: usize = 4;
/// The number of requests of each side before the measurement.
const WARM_UP: usize = 10;

/// A request that tells nothing of the account.
struct Asked {
    name: &'static str,
    path: &'static str,
    body: fn(&str) -> Value,
    status: u16,
    code: &'static str,
    /// The most requests of one address, below every limit. Equal on both sides, so that counters
    /// are created equally often.
    times: usize,
    /// The variables of the server.
    variables: &'static [(&'static str, &'static str)],
    /// Whether somebody who is logged in sends the request. The sides are then other addresses.
    is_by_owner: bool,
    pairs: &'static [(Side, Side)],
}

/// The password of the account that all others are copies of.
const PASSWORD: &str = "correct horse battery";

const LOGIN: Asked = Asked {
    name: "login",
    path: "/login",
    body: |address| json!({"email": address, "password": "a wrong horse battery"}),
    status: 401,
    code: "invalid_credentials",
    times: FAILURES_MAX,
    variables: &[],
    is_by_owner: false,
    pairs: &PAIRS,
};

/// A code for a forgotten password. An address gets one in half a minute. The domain is a reserved
/// one, so that no mail is sent beside the measurement.
const FORGOT: Asked = Asked {
    name: "forgotten password",
    path: "/password/forgot",
    body: |address| json!({"email": address}),
    status: 200,
    code: "",
    times: 1,
    variables: &[],
    is_by_owner: false,
    pairs: &[(UNKNOWN, ORDINARY), (DISABLED, ORDINARY), (UNKNOWN, PASSWORDLESS)],
};

/// A code that logs in, and makes an account for whoever has none. An address that is nobody's gets
/// a mail too.
const LOGIN_CODE: Asked = Asked {
    name: "login by a code that makes accounts",
    path: "/login/email",
    variables: &[("EMAIL_SIGN_IN", "sign_up")],
    ..FORGOT
};

/// Another address for an account. Nobody has the address, or somebody else does.
const NEW_ADDRESS: Asked = Asked {
    name: "another address",
    path: "/me/email",
    body: |address| json!({"new_email": address, "password": PASSWORD}),
    is_by_owner: true,
    pairs: &[(UNKNOWN, TAKEN), (DISABLED, TAKEN)],
    ..FORGOT
};

/// Logins with a wrong password.
pub fn run(scale: Scale, report: &mut Report) {
    compare(scale, report, &LOGIN);
}

/// Codes for a forgotten password, for a login, and for another address.
pub fn of_mails(scale: Scale, report: &mut Report) {
    for asked in [&FORGOT, &LOGIN_CODE, &NEW_ADDRESS] {
        compare(scale, report, asked);
    }
}

/// Sends requests of both sides of each pair by turns, one at a time, on one connection.
///
/// The client has the API key of a trusted server, which has no limit of its own. Requests are
/// still counted for each account.
fn compare(scale: Scale, report: &mut Report, asked: &Asked) {
    let samples: usize = scale.of(30, 2_000);
    let mut rng = seeded_rng("timing");
    let folder = TempDir::new().expect("a folder");
    let key = alphanumeric(&mut rng, 40);
    let variables = [&[("API_KEY", &*key), ("TOKEN_PROFILE", "access")], asked.variables].concat();
    let process = Process::start(&folder.path().join("data"), &variables);
    wait_for(async {
        let (template, token) = template(&process, &key).await;
        let caller = Caller { key: &key, token: asked.is_by_owner.then_some(&token) };
        for (index, (left, right)) in asked.pairs.iter().copied().enumerate() {
            let mut sides = Vec::new();
            for (number, side) in [left, right].into_iter().enumerate() {
                let prefix = format!("pair{index}side{number}n");
                let count = samples.div_ceil(asked.times) + WARM_UP;
                sides.push(addresses(&process, &template, side, &prefix, count).await);
            }
            let [a, b] = measure(&process.client(), &caller, asked, &sides, samples, &mut rng).await;
            judge(scale, report, asked, [left, right], &a, &b);
        }
    });
}

/// The credentials of the requests: the API key, and perhaps an access token.
struct Caller<'a> {
    key: &'a str,
    token: Option<&'a String>,
}

/// Creates an account. Returns its records and its access token.
async fn template(process: &Process, key: &str) -> ([Item; 2], String) {
    let body = json!({"email": "template@example.com", "password": PASSWORD, "name": "James"});
    let client = process.client();
    let request = client.request(Method::POST, "/create-account").header("x-api-key", key);
    let created = client.send(request, body.to_string()).await.expect("an answer");
    assert_eq!(created.status, 201, "{}", created.text);
    let table = process.table();
    let user = dynamodb::get(&table, &format!("USER#{}", created.text_of("uid"))).await.expect("an account");
    let login = dynamodb::get(&table, "LOGIN#template@example.com").await.expect("an identifier");
    ([user, login], created.text_of("access_token"))
}

/// The addresses of this side. If it has accounts, copies of the template are stored for them; one
/// hash serves all accounts.
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

/// The times of `samples` requests of each side, by turns, in a random order within each turn.
async fn measure(
    client: &Client,
    caller: &Caller<'_>,
    asked: &Asked,
    sides: &[Vec<String>],
    samples: usize,
    rng: &mut Rng,
) -> [Vec<Duration>; 2] {
    let mut times = [Vec::new(), Vec::new()];
    let (sides, warm): (Vec<_>, Vec<_>) =
        sides.iter().map(|addresses| addresses.split_at(addresses.len() - WARM_UP)).unzip();
    for address in warm.into_iter().flatten() {
        time_answer(client, caller, asked, address).await;
    }
    for turn in 0..samples {
        let mut order = [0, 1];
        rng.shuffle(&mut order);
        for index in order {
            let (Some(addresses), Some(times)) = (sides.get(index), times.get_mut(index)) else { continue };
            let address = addresses.get(turn % addresses.len()).expect("an address");
            times.push(time_answer(client, caller, asked, address).await);
        }
    }
    times
}

/// The time of one answer.
async fn time_answer(client: &Client, caller: &Caller<'_>, asked: &Asked, address: &str) -> Duration {
    let body = (asked.body)(address).to_string();
    let mut request = client.request(Method::POST, asked.path).header("x-api-key", caller.key);
    if let Some(token) = caller.token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    let started = Instant::now();
    let answer = client.send(request, body).await.expect("an answer");
    let time = started.elapsed();
    assert_eq!((answer.status, &*answer.text_of("code")), (asked.status, asked.code), "{address}: {}", answer.text);
    time
}

/// Adds the row of a pair.
///
/// With 2,000 samples on each side the AUC of equal distributions has a standard deviation of
/// 0.009, by √((m + n + 1) / 12mn). With 30 it has 0.08, and a busy machine moves the medians by a
/// third. So the short form finds a missing hash, and nothing finer.
fn judge(scale: Scale, report: &mut Report, asked: &Asked, pair: [Side; 2], left: &[Duration], right: &[Duration]) {
    let (a, b, auc) = (median_ms(left), median_ms(right), auc(left, right));
    let (apart, span) = scale.of((a.max(b) / 2.0, 0.35), (1.0, 0.03));
    let [left_name, right_name] = pair.map(|side| side.name);
    report.row(
        format!("{} timing, {left_name} against {right_name}, {} + {}", asked.name, left.len(), right.len()),
        format!("medians at most {apart:.1} ms apart, AUC {:.2} to {:.2}", 0.5 - span, 0.5 + span),
        format!("medians {a:.2} and {b:.2} ms, {:+.2} ms, AUC {auc:.3}", b - a),
        (a - b).abs() <= apart && (auc - 0.5).abs() <= span,
    );
}
