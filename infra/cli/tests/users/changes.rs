//! Accounts that the tool makes, passwords that it sets, and addresses that it verifies.

use std::{
    io::Write,
    path::Path,
    process::{Command, Output, Stdio},
    thread,
    time::Duration,
};

use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::{Accounts, PASSWORD, events, pseudonym, refusal, said, shown, tool, users};

const OTHER: &str = "another horse battery";

/// Runs the tool with a text on standard input.
fn with_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut tool =
        tool(folder, arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A tool that refuses its arguments reads nothing.
    let _ = tool.stdin.take().unwrap().write_all(input.as_bytes());
    tool.wait_with_output().unwrap()
}

#[test]
fn an_operator_creates_accounts_where_nobody_may_sign_up() {
    let folder = TempDir::new().unwrap();
    let rules = [("SIGN_UP", "closed"), ("REQUIRE_VERIFIED_EMAIL", "true")];
    let server = Server::spawn(command(folder.path()).envs(rules));
    assert!(server.line.contains("latchkey users create EMAIL"), "{}", server.line);
    let body = json!({"email": "a@b.de", "password": PASSWORD});
    assert_eq!(server.code("/create-account", &body), refusal(403, "sign_up_closed"));

    let arguments = ["create", " James@b.de", "--username", "Jim", "--name", "James Dean", "--verified"];
    let created = with_input(folder.path(), &arguments, &format!("\u{feff}{PASSWORD}\r\nmore"));
    let (out, told) = said(&created, 0);
    assert!(out.starts_with("James@b.de (") && out.ends_with("): created\n") && told.is_empty(), "{out}{told}");
    assert_eq!(server.login("jim", PASSWORD), refusal(200, ""));
    let user = shown(folder.path(), "james@b.de");
    for (key, value) in [("name", json!("James Dean")), ("email_verified", json!(true)), ("role_id", json!(1))] {
        assert_eq!(user.get(key), Some(&value), "{user}");
    }

    let (_, told) = said(&with_input(folder.path(), &["create", "c@d.de"], PASSWORD), 0);
    assert!(told.contains("with REQUIRE_VERIFIED_EMAIL the person cannot log in yet"), "{told}");
    assert_eq!(server.login("c@d.de", PASSWORD), refusal(403, "email_not_verified"));

    for (arguments, input, code, sentence) in [
        (&["create", "james@B.de"][..], PASSWORD, 1, "An account with this e-mail address exists already."),
        (&["create", "e@f.de", "--username", "JIM"], PASSWORD, 1, "This username is taken."),
        (&["create", "e@f.de"], "password", 1, "password"),
        (&["create", "e@f.de"], "short", 1, "8 characters"),
        (&["create", "e@f.de"], "", 2, "line of standard input"),
        (&["create", "e@f.de"], "\n", 2, "empty"),
        (&["create", "e@f"], PASSWORD, 2, "not an e-mail address"),
        (&["create", "e@f.de", "--username", "x"], PASSWORD, 2, "3 to 32"),
        (&["create"], PASSWORD, 2, "EMAIL"),
    ] {
        let output = with_input(folder.path(), arguments, input);
        assert!(events(&output).is_empty(), "{output:?}");
        let (out, told) = said(&output, code);
        assert!(out.is_empty() && told.contains(sentence), "{arguments:?}: {told}");
    }
    said(&users(folder.path(), &["show", "e@f.de"]), 1);
}

#[test]
fn a_new_password_ends_every_session_and_the_old_password() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("a@b.de", "james");
    let weak = with_input(folder.path(), &["set-password", "james"], "james-and-more");
    assert!(said(&weak, 1).1.contains("username"), "{weak:?}");
    assert_eq!(server.check(&created), refusal(200, ""));

    let (out, told) = said(&with_input(folder.path(), &["set-password", "a@b.de"], OTHER), 0);
    assert!(out.ends_with("has the new password, and every session has ended\n"), "{out}");
    assert!(told.contains("within 3600 seconds") && !told.contains(OTHER), "{told}");
    assert_eq!(server.refresh(&created), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.check(&created), refusal(401, "token_revoked"));
    assert_eq!(server.login("a@b.de", PASSWORD), refusal(401, "invalid_credentials"));
    assert_eq!(server.login("a@b.de", OTHER), refusal(200, ""));
}

#[test]
fn verifying_an_address_lets_nobody_in_who_made_the_account_before() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let squatted = server.create("owner@b.de", "squatter");
    let (out, told) = said(&users(folder.path(), &["set-verified", "owner@b.de", "true"]), 0);
    assert!(out.ends_with("the password from before is removed, and every session has ended\n"), "{out}");
    assert!(told.contains("latchkey users set-password") && told.contains("somebody else's address"), "{told}");
    assert_eq!(server.login("owner@b.de", PASSWORD), refusal(401, "invalid_credentials"));
    assert_eq!(server.refresh(&squatted), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.check(&squatted), refusal(401, "token_revoked"));
    let user = shown(folder.path(), "owner@b.de");
    assert_eq!((user.get("password"), user.get("email_verified")), (Some(&json!("none")), Some(&json!(true))));

    // The next step that the tool names.
    said(&with_input(folder.path(), &["set-password", "owner@b.de"], OTHER), 0);
    assert_eq!(server.login("owner@b.de", OTHER), refusal(200, ""));
    let (out, told) = said(&users(folder.path(), &["set-verified", "owner@b.de", "true"]), 0);
    assert!(out.ends_with("was verified already\n") && told.is_empty(), "{out}{told}");
    assert_eq!(server.login("owner@b.de", OTHER), refusal(200, ""));
}

#[test]
fn an_operator_who_knows_the_owner_keeps_the_password_and_is_told_what_that_trusts() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).env("REQUIRE_VERIFIED_EMAIL", "true"));
    let body = json!({"email": "a@b.de", "password": PASSWORD});
    let (status, created) = server.post("/create-account", &body);
    assert_eq!((status, created.get("access_token")), (201, Some(&json!(""))), "{created}");
    assert_eq!(server.login("a@b.de", PASSWORD), refusal(403, "email_not_verified"));
    let (out, told) = said(&users(folder.path(), &["set-verified", "a@b.de", "true", "--keep-password"]), 0);
    assert!(out.ends_with(": is verified\n") && told.contains("this trusts that nobody but the owner"), "{out}{told}");
    let (status, session) = server.post("/login", &body);
    assert_eq!(status, 200, "{session}");

    said(&users(folder.path(), &["set-verified", "a@b.de", "false"]), 0);
    assert_eq!(server.refresh(&session), refusal(403, "email_not_verified"));
    assert_eq!(server.refresh(&session), refusal(401, "refresh_token_invalid"));
}

#[test]
fn at_a_terminal_the_password_is_typed_twice_and_never_shown() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    server.create("a@b.de", "james");
    let typed = |first: &str, second: &str| {
        let tool = format!("{} users set-password james", env!("CARGO_BIN_EXE_latchkey"));
        let mut script = Command::new("script");
        script.args(["-qec", &tool, "/dev/null"]).env("DATA_DIR", folder.path());
        let mut script = script.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut keys = script.stdin.take().unwrap();
        // The terminal shows keys that come before the tool hides them.
        for line in [first, second] {
            thread::sleep(Duration::from_secs(2));
            keys.write_all(format!("{line}\n").as_bytes()).unwrap();
        }
        drop(keys);
        let output = script.wait_with_output().unwrap();
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, told) = typed(OTHER, "another horse");
    assert!(code == 1 && told.contains("differ") && !told.contains("another horse"), "{told}");
    assert_eq!(server.login("james@x.de", OTHER), refusal(401, "invalid_credentials"));
    let (code, told) = typed(OTHER, OTHER);
    assert!(code == 0 && told.contains("the same again:") && !told.contains(OTHER), "{told}");
    assert_eq!(server.login("a@b.de", OTHER), refusal(200, ""));
}

#[test]
fn a_new_address_logs_in_in_the_place_of_the_old_one_and_is_verified_only_if_the_owner_is_known() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    server.create("taken@b.de", "taken");
    let created = server.create("old@b.de", "james");
    let id = created.get("uid").unwrap().as_str().unwrap();
    for (who, to, code, sentence) in [
        ("james", "Taken@B.de", 1, "An account with this e-mail address exists already."),
        ("james", "new@b", 2, "not an e-mail address"),
        ("nobody", "new@b.de", 1, "There is no account"),
    ] {
        let (out, told) = said(&users(folder.path(), &["set-email", who, to]), code);
        assert!(out.is_empty() && told.contains(sentence), "{told}");
    }
    assert_eq!(server.login("old@b.de", PASSWORD), refusal(200, ""));

    // An account that is found by its id has no hash, which the new record needs.
    let (out, told) = said(&users(folder.path(), &["set-email", id, "New@b.de"]), 0);
    assert_eq!(
        out,
        format!("old@b.de ({id}): has the address New@b.de, which is not verified; every session has ended\n")
    );
    assert!(told.contains("within 3600 seconds"), "{told}");
    assert_eq!(server.refresh(&created), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.login("old@b.de", PASSWORD), refusal(401, "invalid_credentials"));
    assert_eq!(server.login("new@b.de", PASSWORD), refusal(200, ""));
    assert_eq!(server.login("james", PASSWORD), refusal(200, ""), "the username stays");
    server.create("old@b.de", "other");

    // Nobody showed to own the address before, so that the password goes.
    let (out, told) = said(&users(folder.path(), &["set-email", "james", "third@b.de", "--verified"]), 0);
    assert!(out.contains("which is verified; the password from before is removed; every session has ended"), "{out}");
    assert!(told.contains("latchkey users set-password"), "{told}");
    assert_eq!(server.login("third@b.de", PASSWORD), refusal(401, "invalid_credentials"));
    said(&with_input(folder.path(), &["set-password", "james"], OTHER), 0);

    // Another spelling is the same address, and stays verified.
    let (out, _) = said(&users(folder.path(), &["set-email", "james", "Third@b.de"]), 0);
    assert!(out.ends_with("has the address Third@b.de, which is verified\n"), "{out}");
    let (out, _) = said(&users(folder.path(), &["set-email", "james", "Third@b.de"]), 0);
    assert!(out.ends_with("had this address already\n"), "{out}");
    assert_eq!(server.login("third@b.de", OTHER), refusal(200, ""));
    let (out, _) = said(&users(folder.path(), &["set-email", "james", "fourth@b.de", "--verified"]), 0);
    assert!(out.contains("which is verified; every session has ended"), "{out}");
    assert_eq!(server.login("fourth@b.de", OTHER), refusal(200, ""));
    assert_eq!(shown(folder.path(), id).get("email_verified"), Some(&json!(true)));
}

#[test]
fn an_account_that_is_signed_out_keeps_its_password() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("a@b.de", "james");
    let other = server.create("c@d.de", "other");
    assert_eq!(server.login("a@b.de", PASSWORD), refusal(200, ""));
    let (out, told) = said(&users(folder.path(), &["sign-out", "james"]), 0);
    assert!(out.ends_with("): every session has ended, 2 of them live\n"), "{out}");
    assert!(told.contains("within 3600 seconds"), "{told}");
    assert_eq!(server.refresh(&created), refusal(401, "refresh_token_invalid"));
    assert_eq!(server.check(&created), refusal(401, "token_revoked"));
    assert_eq!((server.refresh(&other), server.login("a@b.de", PASSWORD)), (refusal(200, ""), refusal(200, "")));
    let (out, _) = said(&users(folder.path(), &["sign-out", "james"]), 0);
    assert!(out.ends_with("every session has ended, 1 of them live\n"), "{out}");
}

/// The commands, with the event of a change; a command that only reads has none.
const EVENTS: [(&[&str], &str); 19] = [
    (&["create", "new@b.de"], "account_created"),
    (&["set-password", "james"], "password_changed"),
    (&["set-role", "james", "7"], "role_changed"),
    (&["set-test-code", "james"], "test_code_set"),
    (&["remove-test-code", "james"], "test_code_removed"),
    (&["disable", "james"], "account_disabled"),
    (&["enable", "james"], "account_enabled"),
    (&["set-verified", "james", "true"], "email_verified"),
    (&["set-verified", "james", "false"], "email_unverified"),
    (&["show", "james"], ""),
    (&["list"], ""),
    (&["search", "james"], ""),
    (&["count"], ""),
    (&["export"], ""),
    (&["import", "-"], "account_imported"),
    (&["sign-out", "james"], "sessions_ended"),
    (&["set-email", "james", "moved@b.de"], "email_changed"),
    (&["invite", "imported@b.de"], "user_invited"),
    (&["delete", "james", "--yes"], "account_deleted"),
];

#[test]
fn every_change_by_the_tool_leaves_an_audit_event_and_a_change_that_was_made_already_none() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let id = server.create("a@b.de", "james").get("uid").unwrap().as_str().unwrap().to_owned();
    let (made, imported) = ("new@b.de", json!({"email": "imported@b.de", "id": "one"}).to_string());
    for (arguments, event) in EVENTS {
        let input = if event == "account_imported" { &imported } else { OTHER };
        for repeated in [false, true] {
            let output = with_input(folder.path(), arguments, input);
            let always = ["password_changed", "sessions_ended", "test_code_set", "user_invited"].contains(&event);
            let expected = usize::from(!event.is_empty() && (always || !repeated));
            let events = events(&output);
            assert_eq!(events.len(), expected, "{arguments:?}: {output:?}");
            let Some(line) = events.first() else { continue };
            let text = |name: &str| line.get(name).and_then(Value::as_str).unwrap_or_default();
            assert_eq!((text("event"), text("actor"), text("service")), (event, "tool", "latchkey"), "{line}");
            let (email, user) = match event {
                "account_created" => (made, None),
                "account_imported" | "user_invited" => ("imported@b.de", Some("one")),
                "account_deleted" => ("moved@b.de", Some(id.as_str())),
                _ => ("a@b.de", Some(id.as_str())),
            };
            assert_eq!(text("identity"), pseudonym(folder.path(), email), "{line}");
            assert!(user.is_none_or(|user| text("user") == pseudonym(folder.path(), user)), "{line}");
            assert!(!line.to_string().contains("b.de") && !line.to_string().contains(OTHER), "{line}");
        }
    }
}

#[test]
fn the_list_of_events_has_every_command() {
    let help = said(&tool(Path::new("."), &["--help"]).output().unwrap(), 0).0;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1).take_while(|line| !line.is_empty());
    let names = commands.filter_map(|line| line.strip_prefix("  ")?.split(' ').next()).filter(|name| !name.is_empty());
    let mut missing: Vec<&str> =
        names.filter(|name| EVENTS.iter().all(|(arguments, _)| arguments.first() != Some(name))).collect();
    missing.retain(|name| *name != "help");
    assert!(missing.is_empty(), "{missing:?}");
    assert!(help.contains("  set-password"), "{help}");
}
