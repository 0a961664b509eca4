//! Sends hundreds of known secrets (canaries) to every endpoint, in working and failing states.
//!
//! No part of a secret may appear in the log, in an error answer or in the table. The rows count
//! the fragments found in each of these.

mod log_injection;
mod refused_starts;
mod requests;
mod secrets;

use std::{fs, path::Path, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::testing::{Delivery, Google, Reply, service_account};
use tempfile::TempDir;
use tokio::time;

use crate::{
    Scale,
    canaries::{
        requests::RecordingClient,
        secrets::{Canaries, Sink},
    },
    dynamodb::{self, TABLE, text},
    process::{Process, log, log_lines},
    report::Report,
    seeded_rng::{alphanumeric, seeded_rng},
    wait_for,
};

/// The least number of secrets for a meaningful search.
const SECRETS_MIN: usize = 200;
/// Each of these must be among the answers; otherwise the failing states were not reached.
const STATUSES: [u16; 8] = [200, 201, 400, 401, 409, 413, 500, 503];
/// Longer than [`secrets::Canaries::short`], so that a canary can be too short for a password.
const PASSWORD_LENGTH_MIN: &str = "32";
/// Short enough for a changed key file to be read soon.
const KEYS_TTL: Duration = Duration::from_secs(1);

/// Attacks a server that logs JSON, and one that logs short lines for people.
pub fn run(scale: Scale, report: &mut Report) {
    for form in ["json", "text"] {
        of_form(form, scale, report);
        log_injection::log_injection(form, report);
    }
}

/// Sends secrets in these states: healthy, without Google's keys, with a broken key file, with
/// broken records and without a table. Starts with malformed secrets come last.
fn of_form(form: &str, scale: Scale, report: &mut Report) {
    let mut canaries = Canaries::new(seeded_rng("canaries"));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let (mut client, contents) = wait_for(served(form, scale, &data, &mut canaries));
    client.bodies.push_str(&refused_starts::refused(&mut canaries));
    let fragments = canaries.fragments();
    let requests = client.answers.values().sum::<usize>();
    let name = format!("{} secrets in {requests} requests, log as {form}", canaries.count());
    let answers: Vec<String> = client.answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    report.row(
        format!("{name}: statuses"),
        format!("at least {SECRETS_MIN} secrets, and each of {STATUSES:?}"),
        answers.join(", "),
        canaries.count() >= SECRETS_MIN && STATUSES.iter().all(|status| client.answers.contains_key(status)),
    );
    let log = fs::read(log(&data)).expect("a log");
    for (what, sink, text) in [
        ("fragments in the log at trace level", Sink::Log, log.as_slice()),
        ("fragments of a path in the log", Sink::LogForPaths, &log),
        ("fragments in answers of 400 and above, and in refusals to start", Sink::Errors, client.bodies.as_bytes()),
        ("fragments in the records of the table", Sink::Report, contents.scan.as_bytes()),
        ("fragments in the files of the database", Sink::Report, &contents.files),
    ] {
        let hits = fragments.hits(sink, text);
        let searched = format!("{} fragments searched, {} KB", fragments.count(sink), text.len() / 1_024);
        report.row(format!("{name}: {what}"), "0 fragments", format!("{hits:?} of {searched}"), hits.is_empty());
    }
    if form == "json" {
        let (lines, broken) = log_lines(&data);
        report.row(
            format!("{name}: log lines"),
            "each line is one JSON object",
            format!("{lines} lines, {}", broken.as_deref().unwrap_or("all valid")),
            broken.is_none(),
        );
    } else {
        let (lines, paths) = (log.split(|byte| *byte == b'\n').count(), " GET /nowhere 404 ");
        let is_told = String::from_utf8_lossy(&log).contains(paths);
        report.row(
            format!("{name}: log lines"),
            "a line for each request, and the path that has no route",
            format!("{lines} lines, {}", if is_told { "the path is told" } else { "the path is not told" }),
            lines > requests && is_told,
        );
    }
}

/// The contents of the table before it is deleted.
struct Contents {
    scan: String,
    files: Vec<u8>,
}

async fn served(form: &str, scale: Scale, data: &Path, canaries: &mut Canaries) -> (RecordingClient, Contents) {
    let certificates = Reply::certificates(&[(0, "kid")]);
    let mut google = Google::start(certificates.clone().delivered(Delivery::Refused)).await;
    let (api_key, shared_secret) = (canaries.secret("API key"), canaries.secret("shared secret"));
    canaries.keep_lines("private key", &private_key(service_account()));
    let variables = [
        ("API_KEY", &*api_key),
        ("JWT_SHARED_SECRET", &shared_secret),
        ("FIREBASE_SERVICE_ACCOUNT", service_account()),
        ("FIREBASE_CERTS_URL", &google.url()),
        ("KEYS_TTL_SECONDS", &KEYS_TTL.as_secs().to_string()),
        ("LOG_FORMAT", form),
        ("LOG_LEVEL", "trace"),
        ("PASSWORD_MIN_LENGTH", PASSWORD_LENGTH_MIN),
        ("RATE_LIMITS", "off"),
        ("REFRESH_REUSE_INTERVAL_SECONDS", "0"),
    ];
    let process = Process::start(data, &variables);
    let keys = fs::read_to_string(data.join("signing-keys.json")).expect("a key set");
    canaries.keep_key_set(&keys);
    let mut client = RecordingClient::new(&process, &api_key);
    client.without_google(canaries).await;
    google.answers(certificates).await;
    for _ in 0..scale.of(1, 5) {
        client.round(canaries).await;
    }
    let broken = json!({"hmac": canaries.secret("broken key set"), "keys": canaries.secret("broken key set")});
    fs::write(data.join("signing-keys.json"), broken.to_string()).expect("a file");
    time::sleep(KEYS_TTL).await;
    client.round(canaries).await;
    fs::write(data.join("signing-keys.json"), keys).expect("a file");
    broken_records(&process, &mut client, canaries).await;
    let contents = Contents { scan: format!("{:?}", dynamodb::scan(&process.table()).await), files: files(data) };
    process.table().delete_table().table_name(TABLE).send().await.expect("it is deleted");
    client.round(canaries).await;
    client.bodies.push_str(&process.server.line);
    process.stop();
    (client, contents)
}

/// Logs in to accounts with broken hashes and broken records.
async fn broken_records(process: &Process, client: &mut RecordingClient, canaries: &mut Canaries) {
    let session = client.account(canaries, "broken@example.com").await;
    let key = "LOGIN#broken@example.com";
    let item = dynamodb::get(&process.table(), key).await.expect("an identifier");
    assert_eq!(session.text_of("uid"), dynamodb::text_of(&item, "id"));
    for (name, value) in [
        ("password_hash", text(canaries.stored("broken hash"))),
        ("password_hash", text(format!("$argon2id$v=19$m=4294967295,t=2,p=1${}", canaries.stored("hostile hash")))),
        ("epoch", text(canaries.stored("broken record"))),
        ("created_at", AttributeValue::L(vec![text(canaries.stored("broken record"))])),
    ] {
        let mut item = item.clone();
        item.insert(name.to_owned(), value);
        dynamodb::put(&process.table(), vec![item]).await;
        let password = canaries.secret("password for a broken record");
        client.post("/login", &json!({"email": "broken@example.com", "password": password})).await;
    }
    dynamodb::put(&process.table(), vec![item]).await;
}

/// The database files of SQLite.
fn files(data: &Path) -> Vec<u8> {
    ["latchkey.db", "latchkey.db-wal"].iter().flat_map(|name| fs::read(data.join(name)).expect("a file")).collect()
}

/// The private key of a service account, as PEM.
fn private_key(account: &str) -> String {
    let account: serde_json::Value = serde_json::from_str(account).expect("JSON");
    account.get("private_key").and_then(serde_json::Value::as_str).expect("a key").to_owned()
}

/// Random text, so that no request contains it by accident.
fn random_text(rng: &mut fastrand::Rng) -> String {
    alphanumeric(rng, 40)
}
