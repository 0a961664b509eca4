//! Secrets that are looked for afterwards: in the log, in what a caller is told of a failure, and in the table.

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

/// The least that are looked for.
const SECRETS_MIN: usize = 200;
/// Some of each of these must be among the answers, or the faults were none.
const STATUSES: [u16; 8] = [200, 201, 400, 401, 409, 413, 500, 503];
/// So long that a canary can be too short for a password.
const PASSWORD_LENGTH_MIN: &str = "32";
/// So short that a key file is read again at once.
const KEYS_TTL: Duration = Duration::from_secs(1);

/// Sends secrets through every endpoint while all is well, while Google is away, while the key file is broken, with broken
/// records, and without a table; and starts that are refused.
pub fn canaries(scale: Scale, report: &mut Report) {
    let mut canaries = Canaries::new(seeded_rng("canaries"));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let (mut told, seen) = wait_for(served(scale, &data, &mut canaries));
    told.bodies.push_str(&refused_starts::refused(&mut canaries));
    let fragments = canaries.fragments();
    let name = format!("{} secrets in {} requests", canaries.count(), told.answers.values().sum::<usize>());
    let answers: Vec<String> = told.answers.iter().map(|(status, count)| format!("{count} × {status}")).collect();
    report.row(
        format!("{name}: what was answered"),
        format!("{SECRETS_MIN} secrets, successes and failures"),
        answers.join(", "),
        canaries.count() >= SECRETS_MIN && STATUSES.iter().all(|status| told.answers.contains_key(status)),
    );
    let log = fs::read(log(&data)).expect("a log");
    for (what, sink, text) in [
        ("the log at trace level", Sink::Log, log.as_slice()),
        ("the log, for a secret as a part of the path", Sink::LogForPaths, &log),
        ("answers of 400 and above, and what starts say", Sink::Errors, told.bodies.as_bytes()),
        ("every record of the table", Sink::Report, seen.scan.as_bytes()),
        ("the files of the table", Sink::Report, &seen.files),
    ] {
        let hits = fragments.hits(sink, text);
        let searched = format!("{} fragments, {} KB", fragments.count(sink), text.len() / 1_024);
        report.row(
            format!("{name}: {what}"),
            "0 of their fragments",
            format!("{hits:?} of {searched}"),
            hits.is_empty(),
        );
    }
    let (lines, broken) = log_lines(&data);
    report.row(
        format!("{name}: the lines of the log"),
        "each one JSON object",
        format!("{lines} lines, {}", broken.as_deref().unwrap_or("all are")),
        broken.is_none(),
    );
    log_injection::log_injection(report);
}

/// What the table had before it was taken away.
struct Seen {
    scan: String,
    files: Vec<u8>,
}

async fn served(scale: Scale, data: &Path, canaries: &mut Canaries) -> (RecordingClient, Seen) {
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
    let seen = Seen { scan: format!("{:?}", dynamodb::scan(&process.table()).await), files: files(data) };
    process.table().delete_table().table_name(TABLE).send().await.expect("it is deleted");
    client.round(canaries).await;
    client.bodies.push_str(&process.server.line);
    process.stop();
    (client, seen)
}

/// Accounts that nobody can have made: of hashes that are none, and of records that are none.
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

/// The files of SQLite, as they are on the disk.
fn files(data: &Path) -> Vec<u8> {
    ["latchkey.db", "latchkey.db-wal"].iter().flat_map(|name| fs::read(data.join(name)).expect("a file")).collect()
}

/// The private key of a service account, with the line breaks of PEM.
fn private_key(account: &str) -> String {
    let account: serde_json::Value = serde_json::from_str(account).expect("JSON");
    account.get("private_key").and_then(serde_json::Value::as_str).expect("a key").to_owned()
}

/// Text that no list of requests has written down.
fn random_text(rng: &mut fastrand::Rng) -> String {
    alphanumeric(rng, 40)
}
