//! Fixed codes by the tool.

use serde_json::json;
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::{Accounts, events, refusal, said, users};

#[test]
fn a_fixed_code_is_set_printed_and_taken_away_beside_a_running_server() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).envs([("EMAIL_SIGN_IN", "existing"), ("RATE_LIMITS", "off")]));
    server.create("review@example.com", "review");
    let log_in = |code: &str| {
        let (status, started) = server.post("/login/email", &json!({"email": "review@example.com"}));
        assert_eq!(status, 200, "{started}");
        server.code("/login/email/complete", &json!({"challenge": started.get("challenge"), "code": code}))
    };
    let set = users(folder.path(), &["set-test-code", "review"]);
    let (out, told) = said(&set, 0);
    assert!(out.starts_with("review@example.com (") && told.contains("EMAIL_SIGN_IN"), "{out}{told}");
    let code = out.split_once("by the code ").unwrap().1.split_once(" until ").unwrap().0;
    let lines: Vec<_> = events(&set);
    assert_eq!(lines.len(), 1);
    let line = lines.first().unwrap();
    assert_eq!(line.get("event"), Some(&json!("test_code_set")));
    assert!(!line.to_string().contains(code), "{line}");
    assert_eq!(log_in(code), refusal(200, ""));

    let (out, _) = said(&users(folder.path(), &["set-test-code", "review", "--days", "30", "--code", "135 790"]), 0);
    assert!(out.contains("by the code 135790 until"), "{out}");
    assert_eq!((log_in("135790"), log_in("135791")), (refusal(200, ""), refusal(401, "code_invalid")));
    for (arguments, sentence) in [
        (&["set-test-code", "review", "--days", "31"][..], "1 to 30"),
        (&["set-test-code", "review", "--code", "12345"], "six digits"),
        (&["set-test-code", "review", "--code", "123456"], "first"),
    ] {
        assert!(said(&users(folder.path(), arguments), 2).1.contains(sentence), "{arguments:?}");
    }
    assert!(said(&users(folder.path(), &["set-test-code", "nobody"]), 1).1.contains("no account"));

    for sentence in ["has no fixed code any more", "had no fixed code"] {
        assert!(said(&users(folder.path(), &["remove-test-code", "review"]), 0).0.contains(sentence));
    }
    assert_eq!(log_in("135790"), refusal(401, "code_invalid"));
}
