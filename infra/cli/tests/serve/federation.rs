//! Runs `latchkey serve` as a process as on Cloud Run, without a key of AWS. A metadata server and
//! STS stand in for Google and AWS, with every kind of failure.

mod clouds;
mod lossy;

use std::{
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
    time::Duration,
};

use clouds::{Clouds, SECRET_ACCESS_KEY, SESSION_TOKEN, State, TOKEN};
use lossy::Lossy;
use serde_json::Value;
use shared::testing::{
    PATIENCE,
    server::{Server, command, free_port},
};
use tempfile::TempDir;
use tokio::time::Instant;

use super::{credentials, refused};

/// Long enough to be cached. The SDK renews credentials ten seconds before their end.
const HOUR_SECONDS: u64 = 3_600;
/// Too short to be cached, so that each request asks for new credentials.
const WORN_SECONDS: u64 = 5;
/// The SDK renews such credentials after two seconds, or up to five seconds later at random.
const SHORT_SECONDS: u64 = 12;

/// A server as on Cloud Run, and the servers around it.
struct Deployment {
    clouds: Clouds,
    dynamodb_port: u16,
    folder: TempDir,
    _table: Server,
}

impl Deployment {
    fn with_credentials_for(life: u64) -> Self {
        let (folder, dynamodb_port) = (TempDir::new().unwrap(), free_port());
        let mut with_table = command(folder.path());
        let table = Server::spawn(with_table.args(["--dynamodb-port", &dynamodb_port.to_string()]));
        let keys = fs::read_to_string(folder.path().join("signing-keys.json")).unwrap();
        Self { clouds: Clouds::start(keys, life), dynamodb_port, folder, _table: table }
    }

    /// The command with the variables of Cloud Run and of service.yaml. Its log goes to a file.
    fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let clouds = format!("http://{}", self.clouds.address);
        command.args(["serve", "--host", "0.0.0.0"]).env_clear().envs([
            ("K_SERVICE", "latchkey"),
            ("PORT", "0"),
            ("ISSUER", "https://login.example"),
            ("SIGNING_KEYS_SECRET_ID", "keys"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/latchkey"),
            ("GCE_METADATA_HOST", &self.clouds.address.to_string()),
            ("AWS_ENDPOINT_URL_STS", &clouds),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", &clouds),
            ("AWS_ENDPOINT_URL_DYNAMODB", &format!("http://127.0.0.1:{}", self.dynamodb_port)),
            ("LOG_LEVEL", "trace"),
        ]);
        // A data folder would be made here.
        command.current_dir(self.empty()).stderr(File::create(self.log_file()).unwrap());
        command
    }

    fn empty(&self) -> PathBuf {
        let empty = self.folder.path().join("empty");
        fs::create_dir_all(&empty).unwrap();
        empty
    }

    fn log_file(&self) -> PathBuf {
        self.folder.path().join("log")
    }

    fn log(&self) -> String {
        fs::read_to_string(self.log_file()).unwrap()
    }
}

fn log_in(server: &Server) -> (u16, Value) {
    server.post("/login", &credentials())
}

#[test]
fn both_clients_share_one_set_of_credentials_and_nothing_of_them_is_logged_or_kept() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    let server = Server::spawn(&mut cloud_run.command());
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
    let (status, session) = log_in(&server);
    assert_eq!((status, &session["jwt_token"]), (200, &session["access_token"]), "a demo account made this: {session}");
    let seen = cloud_run.clouds.seen();
    assert_eq!((seen.tokens, seen.credentials), (1, 1));
    for head in &seen.secrets {
        assert!(head.contains("Credential=ASIAOFTHEROLE/"), "{head}");
        assert!(head.contains(&format!("x-amz-security-token: {SESSION_TOKEN}\r\n")), "{head}");
    }
    assert_eq!(seen.secrets.len(), 1);
    let log = cloud_run.log();
    for secret in [TOKEN, SECRET_ACCESS_KEY, SESSION_TOKEN] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_eq!(fs::read_dir(cloud_run.empty()).unwrap().count(), 0, "there is nothing to keep");
}

#[test]
fn new_credentials_come_before_the_old_ones_end() {
    let cloud_run = Deployment::with_credentials_for(SHORT_SECONDS);
    let began = Instant::now();
    let server = Server::spawn(&mut cloud_run.command());
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
    while cloud_run.clouds.seen().credentials < 3 {
        assert_eq!(log_in(&server).0, 200);
        assert!(began.elapsed() < PATIENCE, "the old ones have ended");
        thread::sleep(Duration::from_millis(100));
    }
    let seen = cloud_run.clouds.seen();
    assert_eq!(seen.tokens, seen.credentials);
    assert!(began.elapsed() > Duration::from_secs(2), "they were kept for a while");
}

#[test]
fn google_and_aws_may_take_longer_together_than_one_attempt_at_the_table() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    cloud_run.clouds.are(State::Slow, State::Slow);
    let server = Server::spawn(&mut cloud_run.command());
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
    let seen = cloud_run.clouds.seen();
    assert_eq!((seen.tokens, seen.credentials), (1, 1), "what was asked for is waited for, and not asked for again");
}

#[test]
fn a_call_that_the_table_never_answers_is_made_again_within_the_request() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    let proxy = Lossy::start(cloud_run.dynamodb_port);
    let mut command = cloud_run.command();
    let server = Server::spawn(command.env("AWS_ENDPOINT_URL_DYNAMODB", format!("http://{}", proxy.address)));
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
    proxy.lose_next();
    let (status, body) = log_in(&server);
    assert_eq!((status, proxy.has_lost()), (200, true), "{body}");
}

#[test]
fn while_google_or_aws_fails_the_answer_is_503_and_the_next_one_is_right_again() {
    let cloud_run = Deployment::with_credentials_for(WORN_SECONDS);
    let server = Server::spawn(&mut cloud_run.command());
    assert_eq!(server.post("/create-account", &credentials()).0, 201);
    let at_google = "Google's metadata server http://";
    let no_answer = "AWS STS did not answer for arn:aws:iam::123456789012:role/latchkey";
    let at_aws = "AWS does not let this service account be arn:aws:iam::123456789012:role/latchkey";
    for (metadata, sts, words) in [
        (State::Down, State::Well, [at_google, "cannot be reached"]),
        (State::Refuses, State::Well, [at_google, "gave no token but status 404"]),
        (State::Garbage, State::Well, [at_google, "gave something that is no token"]),
        (State::Hangs, State::Well, [at_google, ""]),
        (State::Well, State::Refuses, [at_aws, "Not authorized to perform sts:AssumeRoleWithWebIdentity"]),
        (State::Well, State::Garbage, [at_aws, ""]),
        (State::Well, State::Down, [no_answer, ""]),
        (State::Well, State::Hangs, [no_answer, ""]),
    ] {
        cloud_run.clouds.are(metadata, sts);
        let logged = cloud_run.log().len();
        // The tests of the AWS client count the time of such an answer, on a paused clock.
        let (status, body) = log_in(&server);
        assert_eq!((status, &body["code"]), (503, &"unavailable".into()), "{body}");
        let log = cloud_run.log()[logged..].to_owned();
        assert!(words.iter().all(|words| log.contains(words)) && !log.contains(TOKEN), "{words:?} are not in {log}");
        cloud_run.clouds.are(State::Well, State::Well);
        let (status, body) = log_in(&server);
        assert_eq!(status, 200, "{body}");
    }
}

#[test]
fn a_start_without_google_or_without_the_role_is_refused_with_the_reason() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    for (metadata, sts, words) in [
        (State::Down, State::Well, "Google's metadata server"),
        (State::Well, State::Refuses, "AWS does not let this service account be"),
    ] {
        cloud_run.clouds.are(metadata, sts);
        let mut command = cloud_run.command();
        let output = command.stderr(Stdio::piped()).output().unwrap();
        let sentence = refused(1, &output);
        assert!(sentence.contains("The table cannot be used") && sentence.contains(words), "{sentence}");
    }
}

#[test]
fn on_cloud_run_no_database_is_embedded_and_no_key_is_made() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    let without = |variable: &str| {
        let mut command = cloud_run.command();
        refused(2, &command.env_remove(variable).stderr(Stdio::piped()).output().unwrap())
    };
    let without_keys = without("SIGNING_KEYS_SECRET_ID");
    assert!(without_keys.contains("SIGNING_KEYS_SECRET_ID or SIGNING_KEYS_FILE is required"), "{without_keys}");
    let without_issuer = without("ISSUER");
    assert!(without_issuer.contains("ISSUER is required on Cloud Run"), "{without_issuer}");
    let mut without_table = cloud_run.command();
    without_table.env("TABLE_NAME", "missing").stderr(Stdio::piped());
    let sentence = refused(1, &without_table.output().unwrap());
    assert!(sentence.contains("The table cannot be used: missing"), "{sentence}");
    assert_eq!(fs::read_dir(cloud_run.empty()).unwrap().count(), 0);
}

#[test]
fn mounted_files_are_read_again_when_their_time_is_over() {
    let cloud_run = Deployment::with_credentials_for(HOUR_SECONDS);
    let mounted = |name: &str, text: &str| {
        let path = cloud_run.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let keys = cloud_run.folder.path().join("signing-keys.json");
    let mut command = cloud_run.command();
    command.env_remove("SIGNING_KEYS_SECRET_ID").env("SIGNING_KEYS_FILE", &keys).env("KEYS_TTL_SECONDS", "1");
    command.env("JWT_SHARED_SECRET_FILE", mounted("shared.txt", "a shared secret of more than 32 bytes\n"));
    command.env("API_KEY_FILE", mounted("api-key.txt", "a first API key of this deployment\n"));
    let server = Server::spawn(&mut command);
    let encode = |key: &str| {
        let body = r#"{"payload":{"user_id":"1"}}"#;
        let head = "POST /jwt/encode HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json";
        server.send(&format!("{head}\r\nx-api-key: {key}\r\ncontent-length: {}\r\n\r\n{body}", body.len())).0
    };
    assert_eq!(encode("a first API key of this deployment"), 200);
    mounted("api-key.txt", "a second API key of this deployment\n");
    let began = Instant::now();
    while encode("a second API key of this deployment") != 200 {
        assert!(began.elapsed() < PATIENCE, "it is never read again");
        thread::sleep(Duration::from_millis(200));
    }
    assert_eq!(encode("a first API key of this deployment"), 401);
    rotates(&keys, &server);
    assert!(cloud_run.clouds.seen().secrets.is_empty(), "Secrets Manager is not needed");
}

/// Checks that a rotation by hand publishes one key more.
fn rotates(keys: &Path, server: &Server) {
    let published = || {
        let (_, set) = server.send("GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        set.get("keys").unwrap().as_array().unwrap().len()
    };
    let before = published();
    let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    let rotated = tool.args(["keys", "rotate", "--file"]).arg(keys).env_clear().output().unwrap();
    assert!(rotated.status.success(), "{rotated:?}");
    let began = Instant::now();
    while published() == before {
        assert!(began.elapsed() < PATIENCE, "it is never read again");
        thread::sleep(Duration::from_millis(200));
    }
}
