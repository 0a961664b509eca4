//! Lists, searches and counts accounts, and exports them.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    process::{Command, Output},
};

use serde_json::{Value, json};
use shared::testing::server::Server;
use tempfile::TempDir;

use super::{Accounts, PASSWORD, import::import, refusal, said, shown, tool, users};

/// The document of `users list --json` and of `users search --json`.
#[track_caller]
fn listed(folder: &Path, arguments: &[&str]) -> Value {
    serde_json::from_str(&said(&users(folder, arguments), 0).0).unwrap()
}

fn ids(document: &Value) -> Vec<String> {
    let users = document.get("users").unwrap().as_array().unwrap();
    users.iter().map(|user| user.get("id").unwrap().as_str().unwrap().to_owned()).collect()
}

/// A line for each of `count` accounts.
fn lines(count: usize) -> String {
    (0..count)
        .map(|number| format!("{}\n", json!({"email": format!("u{number}@b.de"), "id": format!("id-{number}")})))
        .collect()
}

/// The tool at a terminal of 80 columns, and its exit code.
fn at_a_terminal(folder: &Path, arguments: &str, variables: &[(&str, &str)]) -> (Output, String) {
    let tool = format!("{} users {arguments}", env!("CARGO_BIN_EXE_latchkey"));
    let mut script = Command::new("script");
    script
        .args(["-qec", &tool, "/dev/null"])
        .env("DATA_DIR", folder)
        .env("TERM", "xterm")
        .envs(variables.iter().copied());
    let output = script.output().unwrap();
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    (output, text)
}

#[test]
fn every_account_is_on_exactly_one_page() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    import(folder.path(), &lines(230), 0);
    let all = ids(&listed(folder.path(), &["list", "--json"]));
    assert_eq!((all.len(), all.iter().collect::<BTreeSet<_>>().len()), (230, 230));

    let (mut paged, mut token) = (Vec::new(), String::new());
    loop {
        let mut arguments = vec!["list", "--json", "--limit", "50"];
        if !token.is_empty() {
            arguments.extend(["--page-token", &token]);
        }
        let document = listed(folder.path(), &arguments);
        paged.extend(ids(&document));
        let next = document.get("next_page_token").unwrap().as_str().unwrap().to_owned();
        if next.is_empty() {
            break;
        }
        // The last account of a page may be deleted meanwhile.
        if paged.len() == 100 {
            said(&users(folder.path(), &["delete", paged.last().unwrap(), "--yes"]), 0);
        }
        token = next;
    }
    assert_eq!(paged, all);

    let (out, told) = said(&users(folder.path(), &["list"]), 0);
    assert!(told.is_empty() && out.lines().count() == 229, "{told}");
    assert!(out.lines().all(|line| line.split('\t').count() == 7), "{out}");
    let (out, told) = said(&users(folder.path(), &["list", "--limit", "229"]), 0);
    assert!(told.is_empty() && out.lines().count() == 229, "{told}");
    let (_, told) = said(&users(folder.path(), &["list", "--limit", "228"]), 0);
    assert!(told.contains("228 shown; for the next ones add --page-token "), "{told}");
    for wrong in
        [&["list", "--limit", "0"][..], &["list", "--page-token", "a!"], &["list", "--page-token", ""], &["search"]]
    {
        assert!(said(&users(folder.path(), wrong), 2).0.is_empty(), "{wrong:?}");
    }
    let empty = TempDir::new().unwrap();
    drop(Server::start(empty.path()));
    assert_eq!(listed(empty.path(), &["list", "--json"]), json!({"users": [], "next_page_token": ""}));
}

#[test]
fn an_account_is_found_by_a_part_of_each_of_its_names() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let created = server.create("James.Dean@YopMail.com", "jimmy");
    let renamed = json!({"name": "Ada Łovelace"}).to_string();
    let token = created.get("access_token").unwrap().as_str().unwrap();
    let head = format!("PATCH /me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\nconnection: close\r\n");
    assert_eq!(server.send(&format!("{head}content-length: {}\r\n\r\n{renamed}", renamed.len())).0, 200);
    import(folder.path(), &json!({"email": "x@münchen.example", "id": "Uid-9", "name": "Other"}).to_string(), 0);
    let id = created.get("uid").unwrap().as_str().unwrap();
    for (text, found) in [
        ("james.d", id),
        ("YOPMAIL", id),
        ("JIM", id),
        ("łove", id),
        (" ada l\u{200b}", ""),
        (id, id),
        ("uid-9", "Uid-9"),
        ("xn--mnchen", "Uid-9"),
        ("MÜNCHEN", "Uid-9"),
        ("nobody", ""),
    ] {
        let expected: Vec<&str> = Some(found).filter(|found| !found.is_empty()).into_iter().collect();
        assert_eq!(ids(&listed(folder.path(), &["search", text, "--json"])), expected, "{text}");
    }
    let document = listed(folder.path(), &["search", "jimmy", "--json"]);
    let mut shown = shown(folder.path(), "jimmy");
    let keys = shown.as_object_mut().unwrap();
    for key in ["password", "sessions", "log"] {
        keys.remove(key);
    }
    assert_eq!(document.pointer("/users/0"), Some(&shown), "a list and show say the same");
}

#[test]
fn accounts_are_counted_by_state() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let counts =
        |folder: &Path| -> Value { serde_json::from_str(&said(&users(folder, &["count", "--json"]), 0).0).unwrap() };
    assert_eq!(
        counts(folder.path()),
        json!({"all": 0, "verified": 0, "unverified": 0, "disabled": 0, "imported_uid": 0})
    );
    let lines = r#"{"email":"a@b.de","email_verified":true,"id":"one"}
{"email":"c@b.de","email_verified":true,"disabled":true}
{"email":"d@b.de"}
{"email":"e@b.de"}"#;
    import(folder.path(), lines, 0);
    assert_eq!(
        counts(folder.path()),
        json!({"all": 4, "verified": 1, "unverified": 2, "disabled": 1, "imported_uid": 1})
    );
    let (out, _) = said(&users(folder.path(), &["count"]), 0);
    assert!(out.starts_with("all                  4\nverified             1\n"), "{out}");
    let total = &said(&users(folder.path(), &["count", "--total"]), 0).0;
    assert_eq!(total, "all                  4\n");
}

#[test]
fn the_table_fits_a_terminal_and_nothing_in_it_steers_the_terminal() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let lines = [
        json!({"email": format!("{}@{}.example", "long".repeat(10), "domain".repeat(10)), "username": "a".repeat(32), "role_id": 4_000_000_000_u32}),
        json!({"email": "james@pаypal.example", "email_verified": true}),
        json!({"email": "gone@b.de", "disabled": true, "username": "gone"}),
    ];
    import(folder.path(), &lines.map(|line| format!("{line}\n")).concat(), 0);
    let (_, coloured) = at_a_terminal(folder.path(), "list", &[]);
    let (output, plain) = at_a_terminal(folder.path(), "list", &[("NO_COLOR", "1")]);
    assert!(output.status.success() && coloured.contains("\u{1b}[31m") && !plain.contains('\u{1b}'), "{plain}");
    let rows: Vec<&str> = plain.lines().map(str::trim_end).collect();
    assert!(rows.iter().all(|row| row.chars().count() <= 80), "{plain}");
    assert!(rows.first().unwrap().starts_with("E-MAIL ") && rows.first().unwrap().ends_with("MADE"), "{plain}");
    assert!(
        plain.contains("james@xn--pypal-4ve.example") && plain.contains("longlong") && plain.contains('…'),
        "{plain}"
    );
    assert!(plain.contains("3 shown, and these are all"), "{plain}");
    assert!(plain.contains("gone") && plain.contains("disabled") && plain.contains("unverified"), "{plain}");
    let (_, limited) = at_a_terminal(folder.path(), "list --limit 2 --quiet", &[("NO_COLOR", "1")]);
    assert_eq!(limited.lines().count(), 3, "{limited}");
}

/// The export of a folder, with a text in the place of each time that an import sets.
fn exported(folder: &Path, arguments: &[&str]) -> BTreeSet<String> {
    let arguments = [&["export"], arguments].concat();
    said(&users(folder, &arguments), 0).0.lines().map(str::to_owned).collect()
}

#[test]
fn an_export_is_imported_again_without_loss_and_every_login_works() {
    let (folder, other) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    let firebase = "$fbscrypt$v=1,n=14,r=8,p=1,ss=Bw==,sk=jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==$42xEC+ixf3L2lw==$lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
    let server = Server::start(folder.path());
    let native = server.create("native@b.de", "native");
    let lines = [
        json!({"email": "Bcrypt@b.de", "password_hash": "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW", "role_id": 7, "email_verified": true, "created_at": "2020-02-03T04:05:06.789Z"}),
        json!({"email": "fire@b.de", "id": "fire-uid", "password_hash": firebase, "name": "Zoë \u{200d} Zig", "metadata": {"n": "M"}, "username": "fire"}),
        json!({"email": "none@b.de", "id": "no-password"}),
        json!({"email": "gone@b.de", "disabled": true, "password_hash": "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW"}),
    ];
    // A number that no double holds.
    let lines = lines.map(|line| format!("{line}\n")).concat().replace(r#""M""#, "113774264463038321964");
    import(folder.path(), &lines, 0);

    let file = folder.path().join("users.jsonl");
    let path = file.to_str().unwrap();
    let (out, told) = said(&users(folder.path(), &["export", path, "--with-passwords"]), 0);
    assert!(
        out.is_empty() && told.contains("5 accounts written to ") && told.contains("guess the passwords"),
        "{told}"
    );
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!fs::read_to_string(&file).unwrap().contains("jxspr8Ki"), "the signer key of Firebase is stored nowhere");
    let before = fs::read(&file).unwrap();
    assert!(said(&users(folder.path(), &["export", path]), 1).1.contains("exists already"));
    assert_eq!(fs::read(&file).unwrap(), before);
    let (without, told) = said(&users(folder.path(), &["export"]), 0);
    assert!(
        without.lines().count() == 5 && !without.contains("password_hash") && told.contains("--with-passwords"),
        "{told}"
    );

    let second = Server::start(other.path());
    said(&users(other.path(), &["import", path]), 0);
    assert_eq!(exported(other.path(), &["--with-passwords"]), exported(folder.path(), &["--with-passwords", "-"]));
    for (email, password, expected) in [
        ("native@b.de", PASSWORD, refusal(200, "")),
        ("bcrypt@b.de", "correct horse", refusal(200, "")),
        ("fire@b.de", "user1password", refusal(200, "")),
        ("fire@b.de", "user2password", refusal(401, "invalid_credentials")),
        ("none@b.de", "x", refusal(401, "invalid_credentials")),
        ("gone@b.de", "correct horse", refusal(403, "account_disabled")),
    ] {
        assert_eq!(second.login(email, password), expected, "{email}");
    }
    let id = native.get("uid").unwrap().as_str().unwrap();
    assert_eq!(shown(other.path(), "native").get("id"), Some(&json!(id)));
    // The first login replaced the hashes of other systems.
    assert_eq!(shown(other.path(), "fire").get("password"), Some(&json!("argon2id")));
    let export = exported(other.path(), &[]);
    assert!(export.iter().any(|line| line.contains(r#""metadata":{"n":113774264463038321964}"#)), "{export:?}");
    // Sessions are of the place that made them.
    assert_eq!(second.refresh(&native), refusal(401, "refresh_token_invalid"));

    let again = tool(other.path(), &["import", path]).output().unwrap();
    let (answers, told) = said(&again, 0);
    assert!(answers.lines().all(|line| line.contains(r#""already":true"#)), "{answers}");
    assert!(told.contains("0 created, 5 there already, 0 refused"), "{told}");
}
