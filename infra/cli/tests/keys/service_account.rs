//! `latchkey keys put-service-account` as a process, against a Secrets Manager on a port of this
//! machine.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    process::{Command, Output},
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::Bytes,
    http::{HeaderMap, StatusCode, header},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};
use shared::testing::{PROJECT, Secrets, service_account};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::said;

const SECRET: &str = "firebase";
const SHORT: &str = include_str!("../../../../shared/tests/keys/rsa-1024.pem");
const CURVE: &str = include_str!("../../../../shared/tests/keys/ec-pkcs8.pem");
const ENCRYPTED: &str = include_str!("../../../../shared/tests/keys/encrypted.pem");

/// A Secrets Manager with one secret, which has no value yet.
struct Aws {
    url: String,
    secrets: Arc<Mutex<Secrets>>,
    folder: TempDir,
}

impl Aws {
    async fn start() -> Self {
        let secrets = Arc::new(Mutex::new(Secrets::default()));
        secrets.lock().unwrap().create(SECRET);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let called = secrets.clone();
        let answer = async move |headers: HeaderMap, body: Bytes| {
            let operation = headers["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap();
            let (status, body) = called.lock().unwrap().call(operation, &body);
            (StatusCode::from_u16(status).unwrap(), [(header::CONTENT_TYPE, "application/x-amz-json-1.1")], body)
        };
        tokio::spawn(async move { axum::serve(listener, Router::new().fallback(answer)).await });
        Self { url, secrets, folder: TempDir::new().unwrap() }
    }

    fn value(&self) -> Option<String> {
        self.secrets.lock().unwrap().text(SECRET, "AWSCURRENT").map(str::to_owned)
    }

    /// Puts a file with this text, whose permissions are for its owner alone.
    fn put(&self, text: impl AsRef<[u8]>, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        self.put_as(0o600, text, arguments, variables)
    }

    fn put_as(&self, mode: u32, text: impl AsRef<[u8]>, arguments: &[&str], variables: &[(&str, &str)]) -> Output {
        let file = self.folder.path().join("account.json");
        fs::write(&file, text).unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        let output = self.command("account.json", arguments, variables).output().unwrap();
        assert_nothing_private(&output);
        output
    }

    fn command(&self, file: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        command.args(["keys", "put-service-account", file]).args(arguments).env_clear().current_dir(self.folder.path());
        command.envs([
            ("AWS_ENDPOINT_URL", &*self.url),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
        ]);
        command.envs(variables.iter().copied());
        command
    }

    /// Fails unless this file is refused with these words, and the secret is as it was.
    #[track_caller]
    fn refuses(&self, text: impl AsRef<[u8]>, words: &str) {
        let before = self.value();
        let (out, told) = said(&self.put(text, &["--secret-id", SECRET], &[]), 1);
        assert!(out.is_empty() && told.contains(words), "{words}: {out}{told}");
        assert_eq!(self.value(), before);
    }
}

/// Fails if a line of the private key is printed.
#[track_caller]
fn assert_nothing_private(output: &Output) {
    let account: Value = serde_json::from_str(service_account()).unwrap();
    let key = account["private_key"].as_str().unwrap();
    let lines: Vec<&str> = key.lines().filter(|line| !line.starts_with("-----")).collect();
    assert!(lines.len() > 20, "there is something to look for");
    let printed = [&*output.stdout, &*output.stderr].concat();
    let printed = String::from_utf8(printed).unwrap();
    assert!(!lines.iter().any(|line| printed.contains(line)), "{printed}");
}

/// The test's service account with changed members; null removes one.
fn account(changes: Value) -> String {
    let mut account: Value = serde_json::from_str(service_account()).unwrap();
    for (name, value) in changes.as_object().unwrap() {
        account[name] = value.clone();
    }
    account.as_object_mut().unwrap().retain(|_, value| !value.is_null());
    account.to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_goes_into_its_secret_as_it_is() {
    let aws = Aws::start().await;
    let put = aws.put(service_account(), &["--secret-id", SECRET], &[]);
    let (out, told) = said(&put, 0);
    assert_eq!(aws.value().as_deref(), Some(service_account()));
    let audit: Value = serde_json::from_str(&told).unwrap();
    assert_eq!((&audit["event"], &audit["actor"]), (&json!("service_account_stored"), &json!("tool")));
    let first = format!("project {PROJECT}, latchkey@{PROJECT}.iam.gserviceaccount.com, key demo\n");
    assert!(out.starts_with(&first), "{out}");
    assert!(out.contains("in the secret firebase, in the region eu-central-1.") && out.contains("within 300 seconds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_secret_is_the_one_of_the_option_else_of_the_variable_and_never_a_guess() {
    let aws = Aws::start().await;
    let variable = |id| [("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", id)];
    said(&aws.put(service_account(), &[], &variable(SECRET)), 0);
    assert_eq!(aws.value().as_deref(), Some(service_account()));
    let renewed = account(json!({"private_key_id": "renewed"}));
    said(&aws.put(&renewed, &["--secret-id", SECRET], &variable("another")), 0);
    assert_eq!(aws.value(), Some(renewed));
    let (out, told) = said(&aws.put(service_account(), &[], &[]), 2);
    assert!(
        out.is_empty() && told.contains("--secret-id") && told.contains("FirebaseServiceAccountSecretId"),
        "{told}"
    );
    // An account in a variable is none in a secret.
    said(&aws.put(service_account(), &[], &[("FIREBASE_SERVICE_ACCOUNT", service_account())]), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_others_may_read_is_warned_of() {
    let aws = Aws::start().await;
    for mode in [0o640, 0o604, 0o644] {
        let put = aws.put_as(mode, service_account(), &["--secret-id", SECRET], &[]);
        assert!(said(&put, 0).1.contains("Warning: others on this machine may read account.json"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn another_file_is_refused_by_its_name() {
    let aws = Aws::start().await;
    aws.refuses("hunter2", "is not the JSON file");
    aws.refuses("[]", "is not the JSON file");
    aws.refuses(json!({"project_info": {}, "client": []}).to_string(), "is a google-services.json");
    aws.refuses(json!({"apiKey": "x", "authDomain": "y"}).to_string(), "is the configuration of a web app");
    aws.refuses(account(json!({"type": "authorized_user"})), "`type` is `authorized_user`");
    aws.refuses(account(json!({"type": "another"})), "its `type` is not `service_account`");
    aws.refuses(" ".repeat(70_000), "is longer than 64 KiB");
    aws.refuses(b"{\"type\": \"\xff\"}", "its `type` is not `service_account`");
    aws.refuses(b"\x1f\x8b\x08\x00", "packed with gzip");
    for name in ["project_id", "client_email", "private_key_id", "private_key"] {
        aws.refuses(account(json!({name: null})), &format!("no `{name}`"));
    }
    assert_eq!(aws.value(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_could_not_sign_is_refused() {
    let aws = Aws::start().await;
    let whole: Value = serde_json::from_str(service_account()).unwrap();
    let whole = whole["private_key"].as_str().unwrap();
    let cut = whole.replacen(whole.lines().nth(3).unwrap(), "", 1);
    aws.refuses(account(json!({"private_key": SHORT})), "has 1024 bits");
    aws.refuses(account(json!({"private_key": CURVE})), "is an elliptic-curve key");
    aws.refuses(account(json!({"private_key": ENCRYPTED})), "is encrypted");
    aws.refuses(account(json!({"private_key": cut})), "is damaged");
    // It does not say whose it is.
    aws.refuses(whole, "is a private key alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_was_mangled_is_stored_as_it_is_with_a_word_about_it() {
    let aws = Aws::start().await;
    let encoded = STANDARD.encode(service_account());
    let (_, told) = said(&aws.put(&encoded, &["--secret-id", SECRET], &[]), 0);
    assert!(told.contains("had to be repaired") && told.contains("it was base64"), "{told}");
    assert_eq!(aws.value(), Some(encoded));
    let (_, told) = said(&aws.put(format!("\u{feff}{}", service_account()), &["--secret-id", SECRET], &[]), 0);
    assert!(told.lines().count() == 1 && told.contains("service_account_stored"), "{told}");
    assert_eq!(aws.value().as_deref(), Some(service_account()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_another_project_is_refused_unless_it_is_wanted() {
    let aws = Aws::start().await;
    let other = account(json!({"project_id": "their-app"}));
    // The account in the secret may be written in any way.
    for before in [service_account().to_owned(), STANDARD.encode(service_account())] {
        said(&aws.put(&before, &["--secret-id", SECRET, "--other-project"], &[]), 0);
        let (_, told) = said(&aws.put(&other, &["--secret-id", SECRET], &[]), 1);
        assert!(
            told.contains(&format!("a service account of the project {PROJECT}, this is one of their-app")),
            "{told}"
        );
        assert!(told.contains("--other-project"), "{told}");
        assert_eq!(aws.value(), Some(before));
    }
    said(&aws.put(&other, &["--secret-id", SECRET, "--other-project"], &[]), 0);
    assert_eq!(aws.value(), Some(other));
    // A new key of the same project is a rotation, and needs no further word.
    let renewed = account(json!({"project_id": "their-app", "private_key_id": "renewed"}));
    said(&aws.put(&renewed, &["--secret-id", SECRET], &[]), 0);
    assert_eq!(aws.value(), Some(renewed));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_of_another_project_than_the_deployments_is_refused_in_any_case() {
    let aws = Aws::start().await;
    let arguments = ["--secret-id", SECRET, "--other-project"];
    let put = |project| aws.put(service_account(), &arguments, &[("FIREBASE_PROJECT_ID", project)]);
    let (_, told) = said(&put("their-app"), 1);
    assert!(told.contains("is for the project their-app") && told.contains("would be a 503"), "{told}");
    assert_eq!(aws.value(), None);
    said(&put(PROJECT), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_no_service_account_is_replaced() {
    let aws = Aws::start().await;
    aws.secrets.lock().unwrap().put(SECRET, &"v".repeat(32), "a first try by hand");
    said(&aws.put(service_account(), &["--secret-id", SECRET], &[]), 0);
    assert_eq!(aws.value().as_deref(), Some(service_account()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_file_or_secret_and_an_aws_that_does_not_answer_are_sentences() {
    let aws = Aws::start().await;
    let output = aws.command("none.json", &["--secret-id", SECRET], &[]).output().unwrap();
    assert!(said(&output, 1).1.contains("none.json cannot be read"), "{output:?}");
    let (_, told) = said(&aws.put(service_account(), &["--secret-id", "another"], &[]), 1);
    assert!(told.contains("the secret another cannot be") && told.contains("Check the secret's id"), "{told}");
    let nobody = [("AWS_ENDPOINT_URL", "http://127.0.0.1:9")];
    let (_, told) = said(&aws.put(service_account(), &["--secret-id", SECRET], &nobody), 1);
    assert!(told.contains("Check the secret's id, the region (AWS_REGION)"), "{told}");
    assert_eq!(aws.value(), None);
}
