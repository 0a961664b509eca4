//! Invitations by the tool, beside a running server and without one.

use std::{fs, path::Path, thread, time::Duration};

use serde_json::json;
use shared::testing::server::Server;
use tempfile::TempDir;

use super::{Accounts, PASSWORD, events, refusal, said, shown, tool, users};

/// The looks at the outbox of a server, which together take a minute.
const LOOKS_MAX: u32 = 600;
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The one mail of the outbox, once there is one, as its bytes without the soft line breaks of
/// quoted-printable.
fn mail(folder: &Path) -> String {
    for _ in 0..LOOKS_MAX {
        let files = fs::read_dir(folder.join("outbox")).into_iter().flatten().map(|file| file.unwrap().path());
        if let Some(file) = files.into_iter().find(|file| file.extension().is_some_and(|kind| kind == "eml")) {
            let text = fs::read_to_string(file).unwrap();
            if !text.is_empty() {
                return text.replace("=\r\n", "");
            }
        }
        thread::sleep(LOOK_EVERY);
    }
    panic!("no mail comes");
}

/// The token behind the first `/pages/reset#` of a text.
fn token(text: &str) -> String {
    let token = text.split_once("/pages/reset#").expect(text).1;
    token.chars().take_while(|letter| letter.is_ascii_alphanumeric() || "-_".contains(*letter)).collect()
}

fn choose(server: &Server, token: &str) -> (u16, String) {
    server.code("/pages/reset", &json!({"token": token, "new_password": PASSWORD}))
}

#[test]
fn somebody_who_is_invited_beside_a_running_server_gets_a_mail_and_chooses_a_password() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(shared::testing::server::command(folder.path()).env("SIGN_UP", "invited"));
    let invited = users(folder.path(), &["invite", " Zoe@yopmail.com", "--name", "Zoe", "--locale", "fr"]);
    let (out, told) = said(&invited, 0);
    assert!(out.starts_with("Zoe@yopmail.com (") && out.ends_with("): invited; the link is good for 72 hours\n"));
    assert!(told.is_empty(), "{told}");
    let names: Vec<_> = events(&invited).iter().map(|line| line.get("event").unwrap().clone()).collect();
    assert_eq!(names, ["account_created", "user_invited"]);

    let mail = mail(folder.path());
    assert!(mail.contains("Zoe@yopmail.com") && mail.contains("invit"), "{mail}");
    assert_eq!(choose(&server, &token(&mail)), refusal(200, ""));
    assert_eq!(server.login("zoe@yopmail.com", PASSWORD), refusal(200, ""));
    let user = shown(folder.path(), "zoe@yopmail.com");
    assert_eq!((user.get("name"), user.get("email_verified")), (Some(&json!("Zoe")), Some(&json!(true))));

    let (out, told) = said(&users(folder.path(), &["invite", "zoe@yopmail.com"]), 1);
    assert!(out.is_empty() && told.contains("has a password already"), "{told}");
}

#[test]
fn a_link_is_printed_without_a_mail_and_wrong_uses_make_no_account() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let printed = users(folder.path(), &["invite", "zoe@yopmail.com", "--link"]);
    let (out, told) = said(&printed, 0);
    assert!(out.starts_with("http://127.0.0.1:8080/pages/reset#") && told.contains("72 hours"), "{out}{told}");
    assert_eq!(choose(&server, &token(&out)), refusal(200, ""));
    assert_eq!(choose(&server, &token(&out)), refusal(200, ""));
    assert!(!folder.path().join("outbox").exists() || fs::read_dir(folder.path().join("outbox")).unwrap().count() == 0);

    let elsewhere = ["invite", "new@yopmail.com", "--link", "--continue-url", "https://evil.example/"];
    let refused = tool(folder.path(), &elsewhere).env("APP_URLS", "https://app.example").output().unwrap();
    assert!(said(&refused, 2).1.contains("must begin with an entry of APP_URLS"), "{refused:?}");

    let off = tool(folder.path(), &["invite", "new@yopmail.com"]).env("MAIL", "off").output().unwrap();
    assert!(said(&off, 2).1.contains("--link"), "{off:?}");
    let named = tool(folder.path(), &["invite", "new@yopmail.com", "--link"])
        .env("PUBLIC_URL", "https://login.herbs.example")
        .output()
        .unwrap();
    assert!(said(&named, 0).0.starts_with("https://login.herbs.example/pages/reset#"));
    let (_, told) = said(&users(folder.path(), &["invite", "zoe@example.com"]), 0);
    assert!(told.contains("get no mails"), "{told}");
    for (arguments, sentence) in [(&["invite", "zoe"][..], "not an e-mail address"), (&["invite"], "EMAIL")] {
        assert!(said(&users(folder.path(), arguments), 2).1.contains(sentence));
    }
}
