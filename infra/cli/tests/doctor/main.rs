//! Runs `latchkey doctor` as a process.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod mails;

use std::{fs, path::Path, process::Command};

use shared::{
    store::embedded::{self, Embedded},
    testing::{Google, Reply, Service, service_account},
};
use tempfile::TempDir;

/// Runs the doctor with these variables. Returns its exit code and its lines.
fn doctor(folder: &Path, variables: &[(&str, &str)], arguments: &[&str]) -> (i32, Vec<String>) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    process.arg("doctor").args(arguments).env_clear().env("DATA_DIR", folder).envs(variables.iter().copied());
    let output = process.output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    let lines = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    (output.status.code().unwrap(), lines)
}

#[track_caller]
fn line<'a>(lines: &'a [String], what: &str) -> &'a str {
    let found = lines.iter().find(|line| line.get(6..).is_some_and(|rest| rest.starts_with(what)));
    assert!(found.is_some(), "{lines:#?}");
    found.unwrap()
}

/// A data folder like the one that a first start leaves.
fn data() -> TempDir {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("signing-keys.json"), latchkey::deployment::new_key_set().unwrap().to_json().unwrap())
        .unwrap();
    fs::write(folder.path().join("latchkey.db"), "").unwrap();
    folder
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_that_works_is_ok_line_by_line() {
    let google = Google::start(Reply::certificates(&[(0, "k"), (1, "l")]).dated(0)).await;
    let url = google.url();
    let variables = [("FIREBASE_CERTS_URL", &*url), ("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let (code, lines) = doctor(data().path(), &variables, &[]);
    assert!(code == 0 && lines.iter().all(|line| line.starts_with("ok    ")), "{lines:#?}");
    assert!(line(&lines, "signing keys").ends_with("signs and verifies"));
    let told = |text: &str| assert!(lines.iter().any(|line| line == text), "{text}: {lines:#?}");
    told(&format!("ok    setting: FIREBASE_CERTS_URL is {url}"));
    told("ok    setting: FIREBASE_SERVICE_ACCOUNT is set, and not shown");
    told("ok    web apps: a browser at any origin may call; CORS_ALLOWED_ORIGINS makes a list of it");
    assert!(line(&lines, "service account").contains("of the project demo-latchkey"));
    assert!(line(&lines, "certificate endpoint").contains("gives 2 keys for 60 minutes"));
    assert!(line(&lines, "table").contains("embedded"));
    assert_eq!(line(&lines, "Firebase project"), "ok    Firebase project: demo-latchkey, by the service account");
    assert!(line(&lines, "clock").contains("agrees"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_elsewhere_is_looked_at() {
    let google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let embedded = Embedded::memory().unwrap();
    embedded::create_table(&embedded.client(), "latchkey").await.unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let database = embedded.database();
    tokio::spawn(dynoxide::server::serve_with_shutdown(listener, database, std::future::pending()));
    let url = google.url();
    let look = |name| {
        let variables = [
            ("FIREBASE_CERTS_URL", &*url),
            ("AWS_ENDPOINT_URL_DYNAMODB", &*endpoint),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ACCESS_KEY_ID", "any"),
            ("AWS_SECRET_ACCESS_KEY", "any"),
            ("TABLE_NAME", name),
        ];
        doctor(data().path(), &variables, &["--external-dynamodb"])
    };
    let (code, lines) = look("latchkey");
    assert_eq!((code, line(&lines, "table")), (0, "ok    table: latchkey has its key, its index and its TTL"));
    let (code, lines) = look("another");
    assert!(code == 1 && line(&lines, "table").contains("Check TABLE_NAME"), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_thing_that_is_wrong_is_a_fail_with_what_to_do() {
    let google = Google::start(Reply::new(200, "<html>").dated(-400)).await;
    let url = google.url();
    let folder = data();
    fs::write(folder.path().join("signing-keys.json"), "{}").unwrap();
    let variables = [
        ("FIREBASE_CERTS_URL", &*url),
        ("FIREBASE_SERVICE_ACCOUNT", service_account()),
        ("FIREBASE_PROJECT_ID", "other"),
    ];
    let (code, lines) = doctor(folder.path(), &variables, &[]);
    assert_eq!(code, 1);
    for (what, words) in [
        ("signing keys", "Put the file back"),
        ("service account", "FIREBASE_PROJECT_ID is other"),
        ("certificate endpoint", "not valid JSON"),
        ("clock", "seconds ahead of a server's, which is more than CLOCK_SKEW_SECONDS"),
    ] {
        let line = line(&lines, what);
        assert!(line.starts_with("fail  ") && line.contains(words), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_within_the_skew_and_a_first_start_are_warnings() {
    let google = Google::start(Reply::certificates(&[(0, "k")]).dated(30)).await;
    let (code, lines) = doctor(TempDir::new().unwrap().path(), &[("FIREBASE_CERTS_URL", &google.url())], &[]);
    assert_eq!(code, 0, "{lines:#?}");
    for what in ["signing keys", "table", "clock", "Firebase project"] {
        assert!(line(&lines, what).starts_with("warn  "), "{lines:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn emulator_mode_and_repaired_keys_are_warnings() {
    let mangled = service_account().replace("\\n", "\\\\n");
    let variables = [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"), ("FIREBASE_SERVICE_ACCOUNT", &*mangled)];
    let (code, lines) = doctor(data().path(), &variables, &[]);
    assert_eq!(code, 0, "{lines:#?}");
    assert!(line(&lines, "configuration").starts_with("warn  configuration: emulator mode"), "{lines:#?}");
    assert!(line(&lines, "service account").contains("had to be repaired ("), "{lines:#?}");
    assert!(line(&lines, "certificate endpoint").contains("not asked"), "{lines:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_age_of_a_cached_answer_is_added_to_its_date() {
    let reply = Reply::certificates(&[(0, "k")]).dated(-3_000).header("Age", "3000");
    let google = Google::start(reply).await;
    let (_, lines) = doctor(data().path(), &[("FIREBASE_CERTS_URL", &google.url())], &[]);
    assert!(line(&lines, "clock").starts_with("ok    "), "{lines:#?}");
}

#[test]
fn a_url_that_is_none_is_wrong_use() {
    for url in ["example.com", "/foo", "ftp://example.com", "http://"] {
        let mut process = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let output = process.args(["doctor", "--url", url]).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{output:?}");
    }
}

#[test]
fn at_a_terminal_no_line_is_wider_and_colours_end_with_no_color() {
    let folder = data();
    let on_terminal = |variables: &[(&str, &str)]| {
        let doctor = format!("stty cols 80; exec {} doctor", env!("CARGO_BIN_EXE_latchkey"));
        let mut script = Command::new("script");
        script.args(["-qec", &doctor, "/dev/null"]).env_clear().env("PATH", "/usr/bin:/bin").env("TERM", "xterm");
        script.env("DATA_DIR", folder.path()).envs(variables.iter().copied()).stdin(std::process::Stdio::null());
        String::from_utf8(script.output().expect("util-linux is there").stdout).unwrap().replace('\r', "")
    };
    let wrong = ("CORS_ALLOWED_ORIGINS", "https://a.example/path,https://b.example:443,https://*.c.example");
    let shown = on_terminal(&[wrong, ("NO_COLOR", "1")]);
    assert!(
        shown.starts_with("fail  configuration: CORS_ALLOWED_ORIGINS must be") && shown.lines().count() > 3,
        "{shown}"
    );
    assert!(shown.lines().all(|line| line.chars().count() <= 80) && !shown.contains('\u{1b}'), "{shown}");
    let continued = shown.lines().filter(|line| line.starts_with("      "));
    assert!(continued.count() >= 3, "{shown}");
    assert!(on_terminal(&[wrong]).contains("\u{1b}[1m\u{1b}[31mfail"));
}

#[test]
fn every_wrong_variable_is_a_line() {
    let (code, lines) = doctor(data().path(), &[("LOG_LEVEL", "loud"), ("PORT", "x")], &[]);
    assert_eq!((code, lines.len()), (1, 3), "{lines:#?}");
    assert!(lines[0].starts_with("fail  configuration: LOG_LEVEL must be"), "{lines:#?}");
    assert!(lines[1].starts_with("fail  configuration: PORT must be"), "{lines:#?}");
    assert_eq!(lines[2], "ok    setting: DATA_DIR can be read");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_origin_is_asked_as_and_a_setting_without_effect_is_a_warning() {
    let google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let url = google.url();
    let variables = [
        ("FIREBASE_CERTS_URL", &*url),
        ("CORS_ALLOWED_ORIGINS", "https://a.example,http://localhost:3000/,HTTPS://B.example"),
        ("CORS_ALLOWED_ORIGIN", "https://c.example"),
        ("FIREBASE_CLIENT_EMAIL", "a@b.de"),
    ];
    let (code, lines) = doctor(data().path(), &variables, &[]);
    assert_eq!(code, 0, "{lines:#?}");
    for line in [
        "ok    web apps: a browser at https://a.example may call",
        "ok    web apps: a browser at http://localhost:3000 may call",
        "ok    web apps: a browser at https://b.example may call",
        "warn  setting: CORS_ALLOWED_ORIGIN is no setting, and nothing reads it; CORS_ALLOWED_ORIGINS is one.",
        "warn  setting: FIREBASE_CLIENT_EMAIL has no effect without FIREBASE_SERVICE_ACCOUNT, \
         FIREBASE_SERVICE_ACCOUNT_SECRET_ID or FIREBASE_SIGNER.",
    ] {
        assert!(lines.iter().any(|told| told == line), "{line}: {lines:#?}");
    }
    let (_, lines) = doctor(data().path(), &variables, &["--quiet"]);
    assert!(lines.iter().all(|line| !line.starts_with("ok ")), "{lines:#?}");
    let (_, lines) = doctor(data().path(), &variables, &["--json"]);
    let findings: Vec<serde_json::Value> = serde_json::from_str(&lines.concat()).unwrap();
    assert!(findings.iter().any(|finding| finding["level"] == "warn" && finding["check"] == "setting"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployed_url_is_asked_for_its_health_and_its_preflight() {
    let google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let certificates = google.url();
    let variables = [("FIREBASE_CERTS_URL", &*certificates)];
    let serve = async |service: Service| {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, service.router()).await });
        url
    };
    let url = serve(Service::new(latchkey::router()).await).await;
    let (code, lines) = doctor(data().path(), &variables, &["--url", &url]);
    assert_eq!(code, 0, "{lines:#?}");
    assert!(line(&lines, "deployed service").starts_with("ok    "));
    assert!(line(&lines, "CORS preflight").contains("a browser at https://app.example may call"));
    assert!(line(&lines, "clock").contains("agrees"));

    // The origin here is not the one that the deployed service allows.
    let variables = [variables[0], ("CORS_ALLOWED_ORIGINS", "https://my.example")];
    let strict = Service::configured(latchkey::router(), &[("CORS_ALLOWED_ORIGINS", "https://their.example")]).await;
    let (code, lines) = doctor(data().path(), &variables, &["--url", &serve(strict).await]);
    assert_eq!(code, 1);
    assert!(line(&lines, "CORS preflight").contains("set CORS_ALLOWED_ORIGINS"), "{lines:#?}");

    let (code, lines) = doctor(data().path(), &variables, &["--url", "http://127.0.0.1:1"]);
    assert!(code == 1 && line(&lines, "deployed service").contains("cannot be reached"), "{lines:#?}");
}
