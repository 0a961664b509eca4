//! Runs `latchkey token decode` and `latchkey token inspect` as processes.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    fs,
    io::Write,
    process::{Command, Stdio},
};

use serde_json::{Value, json};
use shared::testing::{Google, Reply, Service, certificate, id_token_claims, service_account, signing_keys, unsigned};
use tempfile::TempDir;

const ISSUER: (&str, &str) = ("ISSUER", shared::testing::ISSUER);

/// Runs `latchkey token COMMAND` with `variables`. Returns the exit code, standard output and
/// standard error.
fn run(command: &str, variables: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("signing-keys.json"), signing_keys()).unwrap();
    run_in(&folder, command, variables, input)
}

fn run_in(folder: &TempDir, command: &str, variables: &[(&str, &str)], input: &str) -> (i32, String, String) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    process.arg("token").args(command.split(' ')).env_clear().env("DATA_DIR", folder.path());
    process.envs(variables.iter().copied()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut process = process.spawn().unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = process.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// The three lines of `latchkey token inspect`: the kind, the verdict and the expiry. Fails if the
/// exit code is another.
#[track_caller]
fn inspected(code: i32, variables: &[(&str, &str)], token: &str) -> [String; 3] {
    let (status, out, errors) = run("inspect", &[&[ISSUER], variables].concat(), token);
    assert_eq!((status, errors.as_str()), (code, ""), "{out}");
    out.lines().map(str::to_owned).collect::<Vec<_>>().try_into().unwrap()
}

async fn session() -> Value {
    let service = Service::new(latchkey::router()).await;
    let user = service.account("a@b.de").await;
    service.session(&user).await
}

#[tokio::test(flavor = "multi_thread")]
async fn accepted_kinds_are_good_and_exit_with_0() {
    let session = session().await;
    let account = ("FIREBASE_SERVICE_ACCOUNT", service_account());
    let [kind, verdict, expiry] = inspected(0, &[account], session["access_token"].as_str().unwrap());
    assert_eq!((kind.as_str(), verdict.as_str()), ("Access token of this service", "good: /verify accepts it."));
    assert!(expiry.starts_with("Expires: ") && expiry.contains(" — in "), "{expiry}");

    // The header line, as somebody copies it from a request, with a line break at its end.
    let bearer = format!("authorization: bearer {}\n", session["jwt_token"].as_str().unwrap());
    let [kind, verdict, _] = inspected(0, &[account], &bearer);
    assert_eq!(kind, "Firebase custom token");
    assert!(verdict.starts_with("good: signInWithCustomToken()"), "{verdict}");

    let google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let claims = id_token_claims("u", latchkey::deployment::now());
    let token = certificate(0).id_token("k", &claims);
    let variables = [("FIREBASE_CERTS_URL", &*google.url()), ("FIREBASE_PROJECT_ID", "demo-latchkey")];
    let [kind, verdict, _] = inspected(0, &variables, token.as_str().unwrap());
    assert_eq!((kind.as_str(), verdict.as_str()), ("Firebase ID token", "good: /verify accepts it."));

    let emulator = [("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099"), ("FIREBASE_PROJECT_ID", "demo-latchkey")];
    inspected(0, &emulator, unsigned(&json!({"alg": "none"}), &claims).as_str().unwrap());
}

#[test]
fn a_token_may_begin_with_a_hyphen_and_a_misspelt_option_is_no_token() {
    for command in ["inspect", "decode"] {
        let token = "-OZSHBmA-zCmjsNmmJxnsQjZkk2ISuIyqz6GTMOgnMQ";
        let (code, _, errors) = run(&format!("{command} {token} --json"), &[ISSUER], "");
        assert!(code == 1 && errors.contains("refresh token"), "{errors}");
        for option in ["--jsn", "-x", "-Xaa.bb.cc"] {
            let (code, _, errors) = run(&format!("{command} {option}"), &[ISSUER], "");
            let expected = format!("latchkey: There is no option {option}: latchkey help token has the options.\n");
            assert_eq!((code, errors), (2, expected));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_token_of_a_session_object_is_judged() {
    let session = session().await;
    let account = [ISSUER, ("FIREBASE_SERVICE_ACCOUNT", service_account())];
    let (code, out, errors) = run("inspect", &account, &session.to_string());
    assert_eq!((code, errors.as_str()), (0, ""), "{out}");
    let kinds: Vec<&str> = out.lines().filter(|line| !line.contains(": ")).collect();
    assert_eq!(kinds, ["Access token of this service", "", "jwt_token:", "Firebase custom token"]);
    let (code, out, _) = run("inspect --json", &account, &session.to_string());
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["verdict"], &json["kind"]), (0, &json!("good"), &json!("access_token")));
    assert_eq!((&json["others"][0]["name"], &json["others"][0]["verdict"]), (&json!("jwt_token"), &json!("good")));
    // Without the service account, the second token cannot be judged.
    let (code, out, _) = run("inspect", &[ISSUER], &session.to_string());
    assert!(code == 1 && out.contains("cannot be judged: there is no service account here"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_token_is_expired_without_a_network_or_keys() {
    let now = latchkey::deployment::now();
    let mut claims = id_token_claims("u", now);
    claims["exp"] = json!(now.seconds() - 3_600);
    let token = certificate(0).id_token("k", &claims);
    let token = token.as_str().unwrap();
    let unreachable = ("FIREBASE_CERTS_URL", "http://127.0.0.1:9/");
    for variables in [&[unreachable, ("FIREBASE_PROJECT_ID", "demo-latchkey")][..], &[unreachable]] {
        let (code, out, _) = run("inspect", variables, token);
        assert!(code == 1 && out.contains("bad: The ") && out.contains("expired"), "{out}");
        assert!(out.contains("Its signature was not checked"), "{out}");
    }
    let (code, out, _) = run("inspect --json", &[unreachable, ("FIREBASE_PROJECT_ID", "demo-latchkey")], token);
    let json: Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &json["verdict"], &json["problems"][0]["code"]), (1, &json!("bad"), &json!("expired")));
    // A token that has not expired needs what is missing, and the answer names the variable.
    claims["exp"] = json!(now.seconds() + 3_600);
    let token = certificate(0).id_token("k", &claims);
    let (code, out, _) = run("inspect", &[unreachable], token.as_str().unwrap());
    assert!(
        code == 1 && out.contains("cannot be judged: no Firebase project is set. Set FIREBASE_PROJECT_ID"),
        "{out}"
    );
    let session = session().await;
    let (code, out, _) = run_in(&TempDir::new().unwrap(), "inspect", &[], session["access_token"].as_str().unwrap());
    assert!(code == 1 && out.contains("SIGNING_KEYS_SECRET_ID or DATA_DIR"), "{out}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_broken_rule_is_named_and_the_exit_code_is_1() {
    let mut google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let url = google.url();
    let variables = [("FIREBASE_CERTS_URL", &*url), ("FIREBASE_PROJECT_ID", "demo-latchkey")];
    let now = latchkey::deployment::now();
    let with = |name: &str, value: Value| {
        let mut claims = id_token_claims("u", now);
        claims[name] = value;
        certificate(0).id_token("k", &claims)
    };
    let expired = with("exp", json!(now.seconds() - 47 * 60));
    let [kind, verdict, expiry] = inspected(1, &variables, expired.as_str().unwrap());
    assert_eq!(kind, "Firebase ID token");
    assert!(verdict.starts_with("bad: ") && verdict.ends_with("(auth/id-token-expired)"), "{verdict}");
    assert!(expiry.ends_with(" UTC — 47 minutes ago"), "{expiry}");

    let [_, verdict, _] = inspected(1, &variables, with("aud", json!("staging")).as_str().unwrap());
    assert!(verdict.contains("\"staging\"") && verdict.contains("\"demo-latchkey\""), "{verdict}");
    let unknown = certificate(1).id_token("other", &id_token_claims("u", now));
    let [_, verdict, _] = inspected(1, &variables, unknown.as_str().unwrap());
    assert!(verdict.contains("kid is not among the public keys"), "{verdict}");

    google.answers(Reply::new(500, "")).await;
    let [_, verdict, _] = inspected(1, &variables, with("name", json!("x")).as_str().unwrap());
    assert!(verdict.starts_with("cannot be judged: ") && verdict.contains("status 500"), "{verdict}");

    let session = session().await;
    let custom = session["jwt_token"].as_str().unwrap();
    let [_, verdict, _] = inspected(1, &[], custom);
    assert!(verdict.starts_with("cannot be judged: there is no service account here"), "{verdict}");
    let [_, verdict, _] =
        inspected(1, &[("ISSUER", "https://other.example")], session["access_token"].as_str().unwrap());
    assert!(
        verdict.contains("another service or deployment") && verdict.contains("https://other.example"),
        "{verdict}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unverified_address_is_bad_only_if_verification_is_required() {
    let google = Google::start(Reply::certificates(&[(0, "k")])).await;
    let url = google.url();
    let asked =
        [("FIREBASE_CERTS_URL", &*url), ("FIREBASE_PROJECT_ID", "demo-latchkey"), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let mut claims = id_token_claims("u", latchkey::deployment::now());
    let [_, verdict, _] = inspected(1, &asked, certificate(0).id_token("k", &claims).as_str().unwrap());
    assert!(verdict.starts_with("cannot be judged: ") && verdict.contains("only the table knows"), "{verdict}");
    claims["email"] = json!("a@b.de");
    let token = certificate(0).id_token("k", &claims);
    let [_, verdict, _] = inspected(1, &asked, token.as_str().unwrap());
    assert_eq!(verdict, "bad: The e-mail address is not verified yet. (email_not_verified)");
    inspected(0, &asked[..2], token.as_str().unwrap());
}

#[tokio::test]
async fn a_service_account_that_cannot_be_read_is_not_called_no_project() {
    let token = certificate(0).id_token("k", &id_token_claims("u", latchkey::deployment::now()));
    let (_, out, _) = run("decode", &[("FIREBASE_SERVICE_ACCOUNT", "/missing.json")], token.as_str().unwrap());
    assert!(out.contains("unchecked: The signature was not checked") && !out.contains("wrong_project"), "{out}");
    let (code, out, _) = run("inspect", &[("FIREBASE_SERVICE_ACCOUNT", "/missing.json")], token.as_str().unwrap());
    assert!(code == 1 && out.contains("cannot be judged: /missing.json cannot be read"), "{out}");
}

#[tokio::test]
async fn an_access_token_cannot_be_judged_without_keys() {
    let token = session().await["access_token"].clone();
    let (code, out, _) = run_in(&TempDir::new().unwrap(), "inspect", &[ISSUER], token.as_str().unwrap());
    assert!(code == 1 && out.contains("there are no signing keys"), "{out}");
}

#[tokio::test]
async fn decoding_shows_everything_and_verifies_nothing() {
    let mut claims = id_token_claims("user-1", latchkey::deployment::now());
    claims["email"] = json!("a@b.de");
    claims["exp"] = json!(1_779_894_000);
    let token = certificate(0).id_token("k", &claims);
    let (code, out, errors) = run("decode", &[("FIREBASE_PROJECT_ID", "demo-latchkey")], token.as_str().unwrap());
    assert_eq!((code, errors.as_str()), (0, ""));
    for line in [
        "Firebase ID token, decoded and not verified",
        "uid: user-1",
        "e-mail: a@b.de (not verified)",
        "name: —",
        "provider: custom",
        "project: demo-latchkey",
        "expired: The ID token has expired. Get a fresh one with getIdToken(), and try again.",
        "  \"kid\": \"k\",",
        "  \"user_id\": \"user-1\"",
    ] {
        assert!(out.lines().any(|shown| shown == line), "{line}: {out}");
    }
    assert!(out.lines().any(|line| line.starts_with("Expires: 2026-05-27 15:00:00 UTC — ") && line.ends_with(" ago")));

    let (code, json, _) = run("decode --json", &[("FIREBASE_PROJECT_ID", "demo-latchkey")], token.as_str().unwrap());
    let report: Value = serde_json::from_str(&json).unwrap();
    assert_eq!((code, &report["verified"], &report["uid"]), (0, &json!(false), &json!("user-1")));
    assert_eq!(report["payload"], claims);
}

#[test]
fn a_token_cannot_steer_the_terminal() {
    let claims = json!({"sub": "\u{1b}[31mred", "name": "a\rb", "email": "x\u{202e}y\u{7f}\u{9b}"});
    let token = certificate(0).sign(&json!({"alg": "RS256"}), &claims);
    let (_, out, _) = run("decode", &[], &token);
    assert!(!out.contains(['\u{1b}', '\r', '\u{202e}']), "{out:?}");
    assert!(out.contains("uid: \\u{1b}[31mred"), "{out}");
    let (_, json, _) = run("decode --json", &[], &token);
    assert!(!json.contains(['\u{1b}', '\r', '\u{202e}', '\u{7f}']), "{json:?}");
    assert_eq!(serde_json::from_str::<Value>(&json).unwrap()["payload"], claims);
}

#[test]
fn an_address_that_looks_like_another_is_shown_in_ascii() {
    let claims = json!({"sub": "u", "email": "james@pаypal.example"});
    let token = certificate(0).sign(&json!({"alg": "RS256"}), &claims);
    let (_, out, _) = run("decode", &[], &token);
    assert!(out.contains("e-mail: james@xn--pypal-4ve.example (not verified)"), "{out}");
}

#[test]
fn a_text_that_is_no_token_is_refused_and_never_repeated() {
    for command in ["inspect", "decode"] {
        let (code, out, errors) = run(command, &[], "hunter2.hunter2");
        assert_eq!((code, out.as_str()), (1, ""));
        assert_eq!(errors, "latchkey: A JWT has three parts divided by dots; this text has 2.\n");
        let (code, _, errors) = run(&format!("{command} null"), &[], "");
        assert!(code == 1 && errors.contains("This is the text null"), "{errors}");
        let (code, _, errors) = run(command, &[], " \n");
        assert!(code == 2 && errors.contains("standard input"), "{errors}");
        let (code, _, errors) = run(command, &[("LOG_LEVEL", "loud")], &certificate(0).sign(&json!({}), &json!({})));
        assert!(code == 2 && errors.contains("LOG_LEVEL must be"), "{errors}");
    }
}
