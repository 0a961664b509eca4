//! Files as their makers write them: every form, what is refused, what is left out, and going on
//! after a stop.

use std::{
    fs,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

use serde_json::{Value, json};
use shared::testing::server::Server;
use tempfile::TempDir;

use super::{Accounts, refusal, said, shown, tool, users};

/// A hash of `correct horse`, made by Python's bcrypt.
pub const BCRYPT: &str = "$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW";
/// The hash of `user1password` in the README of github.com/firebase/scrypt, and its parameters as
/// the console shows them.
pub const FIREBASE_HASH: &str =
    "lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==";
pub const FIREBASE_SALT: &str = "42xEC+ixf3L2lw==";
const SIGNER_KEY: &str = "jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==";

pub fn hash_config() -> String {
    format!(
        "hash_config {{\n  algorithm: SCRYPT,\n  base64_signer_key: {SIGNER_KEY},\n  base64_salt_separator: Bw==,\n  rounds: \
         8,\n  mem_cost: 14,\n}}\n"
    )
}

pub fn write(folder: &Path, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
    let file = folder.join(name);
    fs::write(&file, bytes).unwrap();
    file
}

/// Imports a file with these options.
pub fn import_file(folder: &Path, file: &Path, options: &[&str]) -> Output {
    users(folder, &[&["import", file.to_str().unwrap()], options].concat())
}

fn answers(output: &Output) -> Vec<Value> {
    str::from_utf8(&output.stdout).unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn utf_16(text: &str, bytes: fn(u16) -> [u8; 2]) -> Vec<u8> {
    text.encode_utf16().flat_map(bytes).collect()
}

#[test]
fn an_account_is_read_from_every_usual_form_of_a_file() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let account = |email: &str| json!({"email": email, "password_hash": BCRYPT, "name": "Zoë, \"Z\""});
    let of = |form: &str| (account(&format!("{form}-1@b.de")), account(&format!("{form}-2@b.de")));
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap();
    let csv = |form: &str, separator: &str, end: &str| {
        let row = |number| format!("{form}-{number}@b.de{separator}\"{BCRYPT}\"{separator}\"Zoë, \"\"Z\"\"\"{end}");
        format!("E-Mail{separator}Password Hash{separator}Display_Name{end}{}{}", row(1), row(2))
    };
    let lines = |form| format!("{}\n{}\n", of(form).0, of(form).1);
    let files: Vec<(&str, Vec<u8>, &str)> = vec![
        ("lines", lines("lines").into(), "one JSON object a line: 2 accounts"),
        (
            "marked",
            format!("\u{feff}{}\u{200b}\r\n\r\n\u{feff}{}", of("marked").0, of("marked").1).into(),
            "one JSON object",
        ),
        ("array", json!([of("array").0, of("array").1]).to_string().into(), "one JSON document"),
        ("tall", pretty(&json!([of("tall").0, of("tall").1])).into(), "one JSON document"),
        (
            "users",
            json!({"users": [of("users").0, of("users").1], "next": ["]", {"a": 1}]}).to_string().into(),
            "one JSON document",
        ),
        (
            "member",
            pretty(&json!({"kind": "x:[", "users": [of("member").0, of("member").1]})).into(),
            "one JSON document",
        ),
        ("jq", format!("{}\n{}\n", pretty(&of("jq").0), pretty(&of("jq").1)).into(), "one JSON document"),
        ("commas", csv("commas", ",", "\n").into(), "CSV with a header and commas"),
        (
            "semicolons",
            format!("\u{feff}{}", csv("semicolons", ";", "\r\n")).into(),
            "CSV with a header and semicolons",
        ),
        ("tabs", csv("tabs", "\t", "\r\n").into(), "CSV with a header and tabs"),
        ("wide", utf_16(&csv("wide", "\t", "\r\n"), u16::to_le_bytes), "tabs"),
        ("windows", utf_16(&format!("\u{feff}{}", csv("windows", "\t", "\r\n")), u16::to_le_bytes), "tabs"),
        ("big", utf_16(&format!("\u{feff}{}", lines("big")), u16::to_be_bytes), "one JSON object a line"),
    ];
    for (form, bytes, told_form) in files {
        let output = import_file(folder.path(), &write(folder.path(), "users", bytes), &[]);
        let (out, told) = said(&output, 0);
        assert!(
            told.contains(told_form) && told.contains("2 created, 0 there already, 0 refused"),
            "{form}: {told}{out}"
        );
        for number in [1, 2] {
            let email = format!("{form}-{number}@b.de");
            assert_eq!(server.login(&email, "correct horse"), refusal(200, ""), "{form}");
            assert_eq!(shown(folder.path(), &email).get("name"), Some(&json!("Zoë, \"Z\"")), "{form}");
        }
    }
}

#[test]
fn the_export_of_firebase_is_read_with_the_parameters_of_its_console() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let config = write(folder.path(), "hash-config.txt", hash_config());
    let google = json!([{"providerId": "google.com", "rawId": "1138", "email": "g@b.de", "displayName": "G", "photoUrl": "https://x/y"}]);
    // As firebase-tools writes it: its own line breaks, indented by two.
    let export = [
        json!({
            "localId": "gLyr1K3MgmNzWl2fB2CnHKX4bVE2", "email": "One@b.de", "emailVerified": true, "passwordHash": FIREBASE_HASH,
            "salt": FIREBASE_SALT, "displayName": "One", "lastSignedInAt": "1700000000000", "createdAt": "1577836800123",
            "phoneNumber": "+491701234567", "disabled": false, "customAttributes": "{\"role\":5,\"admin\":true,\"n\":113774264463038321964,\"name\":\"x\"}",
            "providerUserInfo": []
        }),
        json!({"localId": "uid-google", "email": "g@b.de", "emailVerified": true, "createdAt": "1577836800123", "disabled": false, "providerUserInfo": google}),
        json!({"localId": "uid-disabled", "email": "d@b.de", "emailVerified": false, "passwordHash": FIREBASE_HASH.trim_end_matches('='), "salt": FIREBASE_SALT.replace('+', "-"), "disabled": true}),
        json!({"localId": "uid-phone", "emailVerified": false, "phoneNumber": "+491701234568", "providerUserInfo": []}),
    ];
    let users_json = export.map(|user| serde_json::to_string_pretty(&user).unwrap()).join(",\n");
    let file = write(folder.path(), "users.json", format!("{{\"users\": [\n{users_json}]}}"));
    let options = ["--hash-config", config.to_str().unwrap()];

    let (out, told) = said(&import_file(folder.path(), &file, &[]), 1);
    assert!(out.is_empty() && told.contains("Nothing was imported.") && told.contains("--hash-config FILE"), "{told}");
    let dry = import_file(folder.path(), &file, &[&options[..], &["--dry-run"]].concat());
    assert!(said(&dry, 1).1.contains("3 would be created, 0 there already, 1 refused"), "{dry:?}");
    said(&users(folder.path(), &["show", "one@b.de"]), 1);

    let output = import_file(folder.path(), &file, &options);
    let (_, told) = said(&output, 1);
    for part in [
        "3 created, 0 there already, 1 refused",
        "1 × `email` is required. People log in by it here,",
        "not imported, because Latchkey has no place for it: ",
        "phoneNumber (1)",
        "lastSignedInAt (1)",
        "providerUserInfo (1)",
        "customAttributes.name (1)",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(!told.contains(&SIGNER_KEY[..12]) && !told.contains("customAttributes.role"), "{told}");
    let one = shown(folder.path(), "one@b.de");
    let found =
        ["id", "role_id", "email_verified", "name", "created_at", "password"].map(|key| one.get(key).unwrap().clone());
    let expected = [
        json!("gLyr1K3MgmNzWl2fB2CnHKX4bVE2"),
        json!(5),
        json!(true),
        json!("One"),
        json!("2020-01-01T00:00:00Z"),
        json!("firebase-scrypt"),
    ];
    assert_eq!(found, expected);
    let exported = said(&users(folder.path(), &["export"]), 0).0;
    assert!(exported.contains(r#""claims":{"admin":true,"n":113774264463038321964}"#), "{exported}");
    assert_eq!(server.login("one@b.de", "user2password"), refusal(401, "invalid_credentials"));
    assert_eq!(server.login("one@b.de", "user1password"), refusal(200, ""));
    assert_eq!(
        shown(folder.path(), "one@b.de").get("password"),
        Some(&json!("argon2id")),
        "the login replaced the hash"
    );
    assert_eq!(server.login("d@b.de", "user1password"), refusal(403, "account_disabled"));
    assert_eq!(shown(folder.path(), "g@b.de").get("password"), Some(&json!("none")));
    let database = fs::read(folder.path().join("latchkey.db")).unwrap();
    assert!(!database.windows(20).any(|bytes| bytes == &SIGNER_KEY.as_bytes()[..20]), "the signer key is not stored");
}

#[test]
fn the_csv_of_firebase_has_no_header_and_is_known_by_its_columns() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let config = write(
        folder.path(),
        "config.json",
        json!({"signIn": 1, "algorithm": "SCRYPT", "signerKey": SIGNER_KEY, "saltSeparator": "Bw==", "rounds": 8, "memoryCost": 14}).to_string(),
    );
    let row = |uid: &str, email: &str, verified: &str, hash: &str, salt: &str, claims: &str| {
        format!(
            "{uid},{email},{verified},{hash},{salt},\"Doe, Jo\",,{},1577836800123,1700000000000,,,{claims},\n",
            ",".repeat(15)
        )
    };
    let rows = [
        row("uid-1", "one@b.de", "true", FIREBASE_HASH, FIREBASE_SALT, "\"{\"\"role_id\"\":9}\""),
        row("uid-2", "two@b.de", "false", "", "", ""),
    ];
    let file = write(folder.path(), "users.csv", rows.concat());
    let (_, told) = said(&import_file(folder.path(), &file, &["--hash-config", config.to_str().unwrap()]), 0);
    assert!(told.contains("is the CSV of Firebase") && told.contains("2 created"), "{told}");
    assert_eq!(server.login("one@b.de", "user1password"), refusal(200, ""));
    let one = shown(folder.path(), "one@b.de");
    let found = ["id", "role_id", "email_verified", "name", "created_at"].map(|key| one.get(key).unwrap().clone());
    assert_eq!(found, [json!("uid-1"), json!(9), json!(true), json!("Doe, Jo"), json!("2020-01-01T00:00:00Z")]);

    let redacted = write(folder.path(), "redacted.csv", row("uid-3", "three@b.de", "true", "UkVEQUNURUQ=", "", ""));
    let (_, told) = said(&import_file(folder.path(), &redacted, &["--hash-config", config.to_str().unwrap()]), 1);
    assert!(told.contains("firebaseauth.configs.getHashConfig"), "{told}");
    said(&import_file(folder.path(), &redacted, &["--without-passwords"]), 0);
    assert_eq!(shown(folder.path(), "three@b.de").get("password"), Some(&json!("none")));
}

#[test]
fn parameters_of_hashes_that_cannot_be_used_are_named_and_never_quoted() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let file = write(
        folder.path(),
        "users.json",
        json!({"users": [{"localId": "u", "email": "a@b.de", "passwordHash": FIREBASE_HASH, "salt": FIREBASE_SALT}]})
            .to_string(),
    );
    let whole = hash_config();
    for (config, code, part) in [
        (String::new(), 2, "There is no base64_signer_key"),
        (whole.replace("rounds", "round"), 2, "There is no rounds"),
        (whole.replace("mem_cost: 14", ""), 2, "There is no mem_cost"),
        (whole.replace("SCRYPT", "BCRYPT"), 2, "The algorithm is BCRYPT"),
        (whole.replace("mem_cost: 14", "mem_cost: 30"), 1, "work area"),
        (whole.replace(SIGNER_KEY, "hunter2hunter2"), 1, "signer key"),
        (whole.replace(SIGNER_KEY, "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="), 1, "as of the same project"),
    ] {
        let path = write(folder.path(), "hash-config.txt", config);
        let output = import_file(folder.path(), &file, &["--hash-config", path.to_str().unwrap(), "--dry-run"]);
        let (out, told) = said(&output, code);
        assert!(format!("{out}{told}").contains(part), "{part}: {out}{told}");
        assert!(!told.contains("jxspr8Ki") && !out.contains("hunter2"), "{told}");
    }
    // The same file with what Windows and web pages add, and as the options of the command.
    let options = format!("--hash-algo=SCRYPT --hash-key={SIGNER_KEY} --salt-separator=Bw== --rounds=8 --mem-cost=14");
    for config in [format!("\u{feff}{}", whole.replace('\n', "\r\n")), whole.replace("  ", "\u{a0}\u{200b}"), options] {
        let path = write(folder.path(), "hash-config.txt", utf_16(&format!("\u{feff}{config}"), u16::to_le_bytes));
        let output = import_file(folder.path(), &file, &["--hash-config", path.to_str().unwrap(), "--dry-run"]);
        assert!(said(&output, 0).1.contains("1 would be created"), "{config}");
    }
    said(&import_file(folder.path(), &file, &["--hash-config", "missing.txt"]), 1);
}

#[test]
fn the_exports_of_other_systems_are_read_with_the_names_that_they_have() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let files = [
        ("auth0.json", format!("{}\n", json!({"_id": {"$oid": "5f1b"}, "email": "auth0@b.de", "email_verified": true, "passwordHash": BCRYPT, "tenant": "t", "connection": "c", "password_set_date": {"$date": "2020-01-01T00:00:00.000Z"}, "_tmp_is_unique": true}))),
        ("supabase.csv", format!("instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,invited_at,raw_app_meta_data,is_super_admin,created_at,phone,banned_until,deleted_at\n0,7f0c,authenticated,authenticated,supabase@b.de,{BCRYPT},2020-01-02 03:04:05.123456+00,,\"{{\"\"provider\"\":\"\"email\"\"}}\",f,2020-01-01 00:00:00+00,,,\n")),
        ("django.csv", format!("id,password,last_login,is_superuser,username,first_name,last_name,email,is_staff,is_active,date_joined\n12,bcrypt$${},,f,Django,Jan,Go,django@b.de,f,t,2020-01-01 00:00:00+00\n13,!abcdefgh,,f,social,,,social@b.de,f,f,2020-01-01\n", BCRYPT.trim_start_matches('$'))),
        ("wordpress.csv", "ID;user_login;user_pass;user_nicename;user_email;user_registered;display_name\n9;wordy;$wp$2y$04$abcdefghijklmnopqrstuujv/86KBUqWwIdPp0uRATkCcvgptl1Pm;wordy;wordpress@b.de;2020-01-01 00:00:00;Word Press\n".to_owned()),
    ];
    for (name, text) in files {
        let (out, told) = said(&import_file(folder.path(), &write(folder.path(), name, text), &[]), 0);
        assert!(told.contains("0 refused") && told.contains("has no place for it"), "{name}: {told}{out}");
    }
    for (email, id, name, verified) in [
        ("auth0@b.de", "5f1b", "", true),
        ("supabase@b.de", "7f0c", "", true),
        ("django@b.de", "12", "Jan Go", false),
        ("wordpress@b.de", "9", "Word Press", false),
    ] {
        assert_eq!(server.login(email, "correct horse"), refusal(200, ""), "{email}");
        let user = shown(folder.path(), email);
        let found = ["id", "name", "email_verified"].map(|key| user.get(key).unwrap().clone());
        assert_eq!(found, [json!(id), json!(name), json!(verified)], "{email}");
    }
    let social = shown(folder.path(), "social@b.de");
    assert_eq!((social.get("password"), social.get("disabled")), (Some(&json!("none")), Some(&json!(true))));
    assert_eq!(shown(folder.path(), "supabase@b.de").get("created_at"), Some(&json!("2020-01-01T00:00:00Z")));
}

#[test]
fn files_that_are_no_list_of_accounts_are_named_and_nothing_is_imported() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    for (bytes, part) in [
        (&b"\x1f\x8b\x08\x00\x00"[..], "packed with gzip"),
        (b"PK\x03\x04\x14\x00", "an Excel workbook"),
        (b"ada@example.com\nbob@example.com\n", "neither JSON nor CSV with a header"),
        (b"ada@example.com,$2b$04$x\n", "names no column for the e-mail address"),
        (b"name;hash\nada;x\n", "names no column for the e-mail address"),
        (b"<html><body>Sign in</body></html>", "neither JSON nor CSV"),
        (b"\xff\xfee\0m", "damaged"),
    ] {
        let output = import_file(folder.path(), &write(folder.path(), "users", bytes), &[]);
        let (out, told) = said(&output, 1);
        assert!(out.is_empty() && told.contains(part), "{part}: {told}");
    }
    let (out, told) = said(&import_file(folder.path(), &write(folder.path(), "users", ""), &[]), 0);
    assert!(out.is_empty() && told.contains("0 created"), "{told}");
    let cut_off = format!("{{\"users\": [\n{},\n{{\"email\": \"cut@b.de\", \"na", json!({"email": "whole@b.de"}));
    let (out, _) = said(&import_file(folder.path(), &write(folder.path(), "users", cut_off), &[]), 1);
    assert!(out.contains("it ends inside this account") && out.contains("its list of accounts does not end"), "{out}");
    shown(folder.path(), "whole@b.de");
}

#[test]
fn a_wrong_line_of_csv_is_named_by_its_number_and_the_lines_after_it_are_read() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let text = b"email,name,role_id,email_verified,created_at\n\
        a@b.de,\"two\nlines\",1,yes,\n\
        b@b.de,B\n\
        c@b.de,C,x,true,\n\
        d@b.de,D,2,maybe,\n\
        e@b.de,caf\xe9,2,true,\n\
        f@b.de,F,2,true,tomorrow\n\
        g@b.de,G,2,true,2999-01-01\n\
        ,,,,\n\
        h@b.de,H,2,true,2020-01-01,extra\n\
        i@b.de,I,3,1,2020-01-01,\n";
    let output = import_file(folder.path(), &write(folder.path(), "users.csv", text), &[]);
    said(&output, 1);
    let told: Vec<(u64, String)> = answers(&output)
        .iter()
        .map(|answer| {
            (
                answer.get("line").unwrap().as_u64().unwrap(),
                answer.get("error").map_or("ok".to_owned(), |error| error.as_str().unwrap().to_owned()),
            )
        })
        .collect();
    for ((line, error), (expected, part)) in told.iter().zip([
        (2, "control characters"),
        (4, "The line has 2 values, and the header has 5 names."),
        (5, "`role_id` must be a whole number"),
        (6, "`email_verified` must be true or false."),
        (7, "not text in UTF-8"),
        (8, "`created_at` is no time"),
        (9, "`created_at` has not come yet."),
        (11, "The line has 6 values"),
        (12, "ok"),
    ]) {
        assert!(*line == expected && error.contains(part), "{line} {error}: {expected} {part}");
    }
    assert_eq!(told.len(), 9);
}

#[test]
fn a_dry_run_finds_what_an_import_would_refuse_and_writes_nothing() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    server.create("taken@b.de", "taken");
    let lines = [
        json!({"email": "one@b.de", "username": "one", "id": "one"}),
        json!({"email": "ONE@b.de"}),
        json!({"email": "two@b.de", "username": "One"}),
        json!({"email": "three@b.de", "id": "one"}),
        json!({"email": "one@b.de", "id": "one"}),
        json!({"email": "taken@b.de"}),
        json!({"email": "four@b.de", "username": "taken"}),
        json!({"email": "no address"}),
        json!({"email": "five@b.de"}),
    ];
    let file = write(folder.path(), "users", lines.map(|line| format!("{line}\n")).concat());
    let expected = [
        "ok",
        "`email`: It is in line 1 already.",
        "`username`: It is in line 1 already.",
        "`id`: It is in line 1 already.",
        "ok",
        "this e-mail address exists",
        "This username is taken.",
        "`email`: This is not an e-mail address.",
        "ok",
    ];
    for options in [&["--dry-run"][..], &[]] {
        let output = import_file(folder.path(), &file, options);
        let (_, told) = said(&output, 1);
        for (answer, part) in answers(&output).iter().zip(expected) {
            let error = answer.get("error").map_or("ok", |error| error.as_str().unwrap());
            assert!(error.contains(part), "{options:?}: {answer} {part}");
        }
        let done = if options.is_empty() { "2 created" } else { "2 would be created" };
        assert!(told.contains(&format!("{done}, 1 there already, 6 refused")), "{told}");
        assert_eq!(told.contains("this was a dry run: nothing was written"), !options.is_empty(), "{told}");
        let is_there = users(folder.path(), &["show", "one@b.de"]).status.success();
        assert_eq!(is_there, options.is_empty());
    }
}

#[test]
fn a_lenient_import_keeps_the_account_and_says_which_field_it_left_out() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    server.create("taken@b.de", "taken");
    let lines = [
        json!({"email": "hana..sato@docomo.ne.jp", "password_hash": BCRYPT}),
        json!({"email": "a@b.de", "username": "with blank", "password_hash": BCRYPT}),
        json!({"email": "b@b.de", "name": "x".repeat(129)}),
        json!({"email": "c@b.de", "password_hash": "$P$BOHV3RfNk6xdOXzMYzMmzLZ7nOUZP01"}),
        json!({"email": "d@b.de", "username": "taken"}),
        json!({"email": "e@b.de", "username": "same"}),
        json!({"email": "f@b.de", "username": "Same", "role_id": "x", "created_at": "x"}),
        json!({"email": "jörg@b.de"}),
    ];
    let file = write(folder.path(), "users", lines.map(|line| format!("{line}\n")).concat());
    let strict = import_file(folder.path(), &file, &["--dry-run"]);
    assert!(said(&strict, 1).1.contains("2 would be created, 0 there already, 6 refused"), "{strict:?}");
    let output = import_file(folder.path(), &file, &["--lenient"]);
    let (_, told) = said(&output, 1);
    assert!(told.contains("7 created, 0 there already, 1 refused"), "{told}");
    assert!(told.contains("left out, and the account was kept:"), "{told}");
    let left_out = |index: usize| answers(&output)[index].get("left_out").map_or(String::new(), Value::to_string);
    for (index, part) in [
        (1, "`username`: A username has"),
        (2, "`name`: A name has at most"),
        (3, "not checked here: phpass"),
        (4, "`username`: This username is taken."),
        (6, "`username`: It is in line 6 already."),
    ] {
        assert!(left_out(index).contains(part), "{index}: {}", left_out(index));
    }
    assert!(
        left_out(6).contains("`role_id` must") && left_out(6).contains("`created_at` is no time"),
        "{}",
        left_out(6)
    );
    assert_eq!(server.login("hana..sato@docomo.ne.jp", "correct horse"), refusal(200, ""));
    assert_eq!(server.login("a@b.de", "correct horse"), refusal(200, ""));
    assert_eq!(shown(folder.path(), "d@b.de").get("username"), Some(&json!("")));
    assert_eq!(shown(folder.path(), "taken").get("email"), Some(&json!("taken@b.de")));
}

#[test]
fn an_import_that_is_stopped_leaves_whole_accounts_and_says_where_to_go_on() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let count = 6000;
    let lines: String = (0..count)
        .map(|number| {
            format!("{}\n", json!({"email": format!("u{number}@b.de"), "username": format!("user-{number}")}))
        })
        .collect();
    let file = write(folder.path(), "users", lines);
    // Nobody reads the audit lines meanwhile, so that a pipe would fill up.
    let log = folder.path().join("log");
    let mut import = tool(folder.path(), &["import", file.to_str().unwrap()]);
    let mut import = import.stdout(Stdio::piped()).stderr(fs::File::create(&log).unwrap()).spawn().unwrap();
    let mut out = BufReader::new(import.stdout.take().unwrap());
    let mut line = String::new();
    out.read_line(&mut line).unwrap();
    assert!(Command::new("kill").args(["-INT", &import.id().to_string()]).status().unwrap().success());
    let answered = 1 + out.lines().count();
    assert_eq!(import.wait().unwrap().code(), Some(1));
    let told = fs::read_to_string(&log).unwrap();
    assert!(
        answered < count && told.contains(&format!("Stopped: Ctrl-C. Everything up to line {answered} is done")),
        "{answered}"
    );
    let next = (answered + 1).to_string();
    let (_, told) = said(&import_file(folder.path(), &file, &["--from-line", &next]), 0);
    assert!(told.contains("0 there already, 0 refused"), "{told}");
    let counts: Value = serde_json::from_str(&said(&users(folder.path(), &["count", "--json"]), 0).0).unwrap();
    assert_eq!(counts.get("all"), Some(&json!(count)));
}
