//! `latchkey smoke` as a process, against a server that answers as it should, and against servers
//! that do not.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cases;
mod tampering;

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
    sync::Arc,
    time::Duration,
};

use axum::{
    extract::Request,
    http::Method,
    middleware::{self, Next},
};
use rustix::process::{Pid, Signal, kill_process};
use shared::{
    account::email::Identifier,
    testing::{
        Service,
        server::{self, Server},
        service_account,
    },
};
use tampering::{Change, at, late, nothing, status};
use tempfile::TempDir;
use tokio::{net::TcpListener, sync::Notify};

/// The whole API, on a port of this machine, which is its issuer.
struct Api {
    service: Service,
    url: String,
}

impl Api {
    async fn start() -> Self {
        Self::configured(&[]).await
    }

    async fn configured(variables: &[(&str, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        // Each run creates an account: more than the limits give one address in so short a time.
        let own = [("ISSUER", &*url), ("RATE_LIMITS", "off"), ("FIREBASE_SERVICE_ACCOUNT", service_account())];
        let service = Service::configured(latchkey::router(), &[variables, &own].concat()).await;
        let router = service.router();
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { service, url }
    }

    /// The URL of the same API behind a proxy that changes its answers.
    async fn tampered(&self, change: Change) -> String {
        tampering::serve(self.service.router(), change).await
    }

    /// Fails if the account of a run is still there; the first line names it.
    async fn assert_gone(&self, printed: &str) {
        let email = email_of(printed);
        assert!(email.starts_with("smoke-") && email.ends_with("@latchkey-smoke.example"), "{printed}");
        let found = self.service.app().store().user_by(&Identifier::parse(email).unwrap()).await.unwrap();
        assert!(found.is_none(), "{email} is still there: {printed}");
    }
}

/// The e-mail address of a run's account.
fn email_of(printed: &str) -> &str {
    printed.lines().next().unwrap().rsplit(' ').next().unwrap()
}

fn command(url: &str, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    command.args(["smoke", url]).args(arguments).env_clear().stdin(Stdio::null());
    command
}

/// The exit code of a run and what it prints; nothing is told on standard error.
#[track_caller]
fn smoke(url: &str, arguments: &[&str]) -> (i32, String) {
    let output = command(url, arguments).output().unwrap();
    assert!(output.stderr.is_empty(), "{output:?}");
    (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
}

/// The line of a step, with the advice below it.
#[track_caller]
fn lines_of(printed: &str, step: &str) -> String {
    let is_of_step = |line: &&str| line.get(23..).is_some_and(|name| name.starts_with(step));
    let mut lines = printed.lines().skip_while(|line| !is_of_step(line));
    let first = lines.next().unwrap_or_else(|| panic!("no step {step}: {printed}"));
    let advice = lines.take_while(|line| line.starts_with("          "));
    [first].into_iter().chain(advice).collect::<Vec<_>>().join("\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_what_it_should_passes_and_no_account_is_left() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(server::command(folder.path()).stderr(Stdio::null()));
    let (code, printed) = smoke(&format!("http://{}", server.address), &[]);
    assert_eq!(code, 0, "{printed}");
    assert!(printed.ends_with("The API does all that it should, and the account is deleted.\n"), "{printed}");
    let is_timed = |line: &&str| line.starts_with("  ok ") && line.contains(" ms  ");
    assert_eq!(printed.lines().filter(is_timed).count(), 20, "{printed}");
    assert!(lines_of(&printed, "unencrypted HTTP is not served").starts_with("  skipped"), "{printed}");
    let email = email_of(&printed);
    let mut users = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    let shown = users.args(["users", "show", email]).env_clear().env("DATA_DIR", folder.path()).output().unwrap();
    assert_eq!(shown.status.code(), Some(1), "{shown:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_reads_the_whole_run_as_one_json_object() {
    let api = Api::start().await;
    let (code, printed) = smoke(&api.url, &["--json"]);
    let report: serde_json::Value = serde_json::from_str(&printed).unwrap();
    assert_eq!((code, &report["ok"]), (0, &true.into()), "{printed}");
    let steps = report["steps"].as_array().unwrap();
    assert!(steps.len() > 15 && steps.iter().all(|step| step["outcome"] != "failed"), "{printed}");
    let (code, printed) = smoke(&api.url, &["--quiet"]);
    assert_eq!(code, 0, "{printed}");
    assert!(!printed.contains("  ok ") && printed.contains("skipped"), "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_that_changes_nothing_passes_too() {
    let api = Api::start().await;
    for url in [format!("{}/", api.tampered(nothing()).await), api.url.clone()] {
        let (code, printed) = smoke(&url, &[]);
        assert_eq!(code, 0, "{printed}");
        api.assert_gone(&printed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_origin_that_may_call_is_needed_where_not_every_one_may() {
    let api = Api::configured(&[("CORS_ALLOWED_ORIGINS", "https://my.example")]).await;
    let (code, printed) = smoke(&api.url, &[]);
    assert!(code == 1 && lines_of(&printed, "health").contains("CORS_ALLOWED_ORIGINS"), "{printed}");
    api.assert_gone(&printed).await;
    let (code, printed) = smoke(&api.url, &["--origin", "https://my.example"]);
    assert_eq!(code, 0, "{printed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_stays_is_a_failure_that_names_it() {
    let api = Api::start().await;
    let (code, printed) = smoke(&api.tampered(at(Method::DELETE, "/me", status(503))).await, &[]);
    assert_eq!(code, 1, "{printed}");
    let email = email_of(&printed);
    assert!(lines_of(&printed, "the account is deleted").contains("DELETE /me answered 503"), "{printed}");
    assert!(printed.contains(&format!("{email} may still exist. Delete it with: latchkey users delete {email}\n")));
    assert!(printed.ends_with("FAILED: the account is deleted.\n"), "{printed}");
}

/// A run that is under way.
struct Run {
    process: Child,
    lines: Vec<String>,
}

impl Run {
    fn start(url: &str) -> Self {
        let process = command(url, &[]).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        Self { process, lines: Vec::new() }
    }

    /// Reads its lines up to the one that ends so.
    fn wait_for(&mut self, end: &str) {
        let mut output = BufReader::with_capacity(1, self.process.stdout.as_mut().unwrap());
        while !self.lines.last().is_some_and(|line| line.ends_with(end)) {
            let mut line = String::new();
            assert!(output.read_line(&mut line).unwrap() > 0, "no {end}: {:?}", self.lines);
            self.lines.push(line.trim_end().to_owned());
        }
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_deletes_its_account() {
    let api = Api::start().await;
    for (signal, code) in [(Signal::TERM, 143), (Signal::INT, 130), (Signal::HUP, 129)] {
        let url = api.tampered(at(Method::POST, "/verify", late(Duration::from_secs(20)))).await;
        let mut run = Run::start(&url);
        run.wait_for("a lost refresh is repeated");
        run.signal(signal);
        run.wait_for("the account is deleted");
        assert_eq!(run.process.wait().unwrap().code(), Some(code), "{:?}", run.lines);
        api.assert_gone(&run.lines[0]).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_stopped_twice_leaves_at_once_and_names_the_account() {
    let api = Api::start().await;
    let deletion = Arc::new(Notify::new());
    let begun = deletion.clone();
    let slow = at(
        Method::DELETE,
        "/me",
        Box::new(move |answer| {
            begun.notify_one();
            answer.delay = Duration::from_secs(20);
        }),
    );
    let url = api.tampered(slow).await;
    let mut run = Run::start(&url);
    run.wait_for("a lost refresh is repeated");
    run.signal(Signal::TERM);
    // The system would deliver two signals at once as one.
    deletion.notified().await;
    run.signal(Signal::TERM);
    run.wait_for("the account is deleted: the answer was not awaited");
    let email = email_of(&run.lines[0]).to_owned();
    run.wait_for(&format!("{email} may still exist. Delete it with: latchkey users delete {email}"));
    assert_eq!(run.process.wait().unwrap().code(), Some(143), "{:?}", run.lines);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_that_is_being_created_when_the_run_is_stopped_goes_too() {
    let api = Api::start().await;
    let (begun, stopped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (creation, signal) = (begun.clone(), stopped.clone());
    let slow = middleware::from_fn(move |request: Request, next: Next| {
        let (creation, signal) = (creation.clone(), signal.clone());
        async move {
            if request.uri().path() == "/create-account" {
                creation.notify_one();
                signal.notified().await;
            }
            next.run(request).await
        }
    });
    let url = tampering::serve(api.service.router().layer(slow), nothing()).await;
    let mut run = Run::start(&url);
    run.wait_for("the URL is unencrypted itself");
    begun.notified().await;
    run.signal(Signal::TERM);
    stopped.notify_one();
    run.wait_for("the account is deleted");
    assert_eq!(run.process.wait().unwrap().code(), Some(143), "{:?}", run.lines);
    assert!(run.lines.len() == 5 && run.lines[3].ends_with("  create-account"), "{:?}", run.lines);
    api.assert_gone(&run.lines[0]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_output_nobody_reads_deletes_its_account() {
    let api = Api::start().await;
    let mut run = Run::start(&api.url);
    run.wait_for("@latchkey-smoke.example");
    drop(run.process.stdout.take());
    run.process.wait().unwrap();
    api.assert_gone(&run.lines[0]).await;
}

#[test]
fn nothing_that_answers_and_no_url_are_sentences() {
    let (code, printed) = smoke("http://127.0.0.1:9", &[]);
    assert_eq!(code, 1);
    assert!(printed.contains("no answer from http://127.0.0.1:9/health: the server cannot be reached: "), "{printed}");
    for url in ["login.example", "ftp://login.example", "http://"] {
        let output = command(url, &[]).output().unwrap();
        assert!(output.status.code() == Some(2) && output.stdout.is_empty(), "{output:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_nobody_may_sign_up_the_run_says_that_it_cannot_go_on_and_leaves_no_account() {
    for rule in ["closed", "invited", "domains:a.example"] {
        let api = Api::configured(&[("SIGN_UP", rule)]).await;
        let (code, printed) = smoke(&api.url, &[]);
        assert_eq!(code, 1, "{printed}");
        let told = lines_of(&printed, "create-account");
        assert!(told.contains("SIGN_UP of this deployment refuses") && told.contains("cannot run here"), "{told}");
        assert!(lines_of(&printed, "login").starts_with("  skipped") && !printed.contains("deleted"), "{printed}");
        assert!(printed.ends_with("FAILED: create-account.\n"), "{printed}");
        api.assert_gone(&printed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn where_addresses_must_be_verified_the_run_says_that_it_cannot_go_on_and_names_the_account() {
    let api = Api::configured(&[("REQUIRE_VERIFIED_EMAIL", "true")]).await;
    let (code, printed) = smoke(&api.url, &[]);
    assert_eq!(code, 1, "{printed}");
    let told = lines_of(&printed, "create-account");
    assert!(told.contains("REQUIRE_VERIFIED_EMAIL of this deployment") && told.contains("cannot run here"), "{told}");
    assert!(lines_of(&printed, "login").starts_with("  skipped"), "{printed}");
    let delete = format!("Delete it with: latchkey users delete {}", email_of(&printed));
    assert!(printed.contains(&delete), "{printed}");
}
