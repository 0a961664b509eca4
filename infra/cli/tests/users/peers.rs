//! The files of other systems, in the forms in which each of them writes its people.

use std::path::Path;

use rusqlite::Connection;
use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::{
    Accounts,
    forms::{BCRYPT, import_file, write},
    refusal, said, users,
};

/// The hash of `correct horse ada` that better-auth 1.7.25 stored.
const BETTER_AUTH: &str = "46879e7c837919d005511b6b66726b32:c72cec734becc8ca35f0189d9c8fcc1967597f0597dc131b7b7bc816414d\
                           19599487219afeda96a91fd159527050a0d1c6a141afbe7033ff375b42f2781ebdbb";
/// The hash of `correct horse ada` that PocketBase 0.40.6 stored.
const POCKETBASE: &str = "$2a$10$EhttDJW0KeL.bz7ncA.ZsOS54jJs0tfqL82KKTxMAu.Hmr9ICdNk.";

/// The account in an export, without what is always the same, and without empty members.
#[track_caller]
fn exported(folder: &Path, email: &str) -> Value {
    let (out, _) = said(&users(folder, &["export"]), 0);
    let mut lines = out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mut found = lines.find(|line| line.get("email") == Some(&json!(email))).unwrap();
    found.as_object_mut().unwrap().retain(|key, value| {
        !["imported_uid", "email"].contains(&key.as_str()) && ![json!({}), json!("")].contains(value)
    });
    found
}

#[test]
fn the_users_of_supabase_bring_their_two_kinds_of_metadata() {
    let folder = TempDir::new().unwrap();
    let server = Server::spawn(command(folder.path()).env("ROLES", "2=editor"));
    let rows = json!([
        {"instance_id": "0", "id": "7f0c", "aud": "authenticated", "role": "authenticated", "email": "json@b.de",
         "encrypted_password": BCRYPT, "email_confirmed_at": "2020-01-02T03:04:05.123456+00:00", "confirmation_token": "",
         "raw_app_meta_data": {"provider": "email", "providers": ["email"], "team": 7},
         "raw_user_meta_data": {"full_name": "Jo Doe", "n": 113_774_264_463_038_321_u64}, "is_super_admin": null,
         "created_at": "2020-01-01T00:00:00+00:00", "banned_until": null, "deleted_at": null, "is_anonymous": false},
        {"id": "7f0d", "role": "editor", "email": "banned@b.de", "encrypted_password": BCRYPT, "banned_until": "2999-01-01T00:00:00+00:00",
         "raw_app_meta_data": {"provider": "email", "providers": ["email"]}, "raw_user_meta_data": {}},
        {"id": "7f0e", "role": "authenticated", "email": "deleted@b.de", "deleted_at": "2024-01-01T00:00:00+00:00"},
    ]);
    let (out, told) = said(&import_file(folder.path(), &write(folder.path(), "users.json", rows.to_string()), &[]), 1);
    assert!(out.contains("The account is marked as deleted.") && told.contains("2 created"), "{out}{told}");
    assert_eq!(server.login("json@b.de", "correct horse"), refusal(200, ""));
    assert_eq!(
        exported(folder.path(), "json@b.de"),
        json!({"id": "7f0c", "name": "Jo Doe", "role_id": 1, "email_verified": true, "disabled": false,
            "created_at": "2020-01-01T00:00:00.000Z", "private_metadata": {"team": 7},
            "metadata": {"full_name": "Jo Doe", "n": 113_774_264_463_038_321_u64}})
    );
    assert_eq!(server.login("banned@b.de", "correct horse"), refusal(403, "account_disabled"));

    let csv = format!(
        "id,aud,role,email,encrypted_password,email_confirmed_at,raw_app_meta_data,raw_user_meta_data,is_sso_user,created_at\n\
         7f10,authenticated,editor,csv@b.de,{BCRYPT},2020-01-02 03:04:05.123456+00,\"{{\"\"provider\"\": \"\"email\"\", \"\"a\"\": 1}}\",\
         \"{{\"\"name\"\": \"\"Cé\"\"}}\",false,2020-01-01 00:00:00+00\n"
    );
    let options = ["--data-dir", folder.path().to_str().unwrap()];
    let file = write(folder.path(), "users.csv", csv);
    let import = super::tool(folder.path(), &[&["import", file.to_str().unwrap()][..], &options].concat());
    let (_, told) = said(&{ import }.env("ROLES", "2=editor").output().unwrap(), 0);
    assert!(told.contains("1 created") && !told.contains(" role ("), "{told}");
    assert_eq!(server.login("csv@b.de", "correct horse"), refusal(200, ""));
    let csv = exported(folder.path(), "csv@b.de");
    let found = ["name", "role_id", "private_metadata", "metadata"].map(|key| csv.get(key).unwrap().clone());
    assert_eq!(found, [json!("Cé"), json!(2), json!({"a": 1}), json!({"name": "Cé"})]);
}

#[test]
fn the_users_of_auth0_bring_their_metadata_with_and_without_hashes() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let lines = [
        json!({"_id": {"$oid": "5f1b"}, "email": "hash@b.de", "email_verified": true, "passwordHash": BCRYPT, "tenant": "t", "connection": "c",
            "password_set_date": {"$date": "2020-01-01T00:00:00.000Z"}, "_tmp_is_unique": true}),
        // The extension User Import / Export.
        json!({"user_id": "auth0|5f1c", "email": "plain@b.de", "email_verified": false, "given_name": "Ada", "family_name": "L",
            "blocked": true, "created_at": "2020-01-01T00:00:00.000Z", "nickname": "ada", "app_metadata": {"plan": "pro"},
            "user_metadata": {"colour": "red"}, "identities": [{"provider": "auth0", "user_id": "5f1c"}], "logins_count": 3}),
    ];
    let file = write(folder.path(), "auth0.json", lines.map(|line| format!("{line}\n")).concat());
    let (_, told) = said(&import_file(folder.path(), &file, &[]), 0);
    assert!(told.contains("2 created") && told.contains("logins_count (1)"), "{told}");
    assert_eq!(server.login("hash@b.de", "correct horse"), refusal(200, ""));
    assert_eq!(
        exported(folder.path(), "plain@b.de"),
        json!({"id": "auth0|5f1c", "name": "Ada L", "role_id": 1, "email_verified": false, "disabled": true,
            "created_at": "2020-01-01T00:00:00.000Z", "private_metadata": {"plan": "pro"}, "metadata": {"colour": "red"}})
    );
}

#[test]
fn the_users_of_cognito_come_without_passwords_from_csv_and_from_its_list() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let header = "name,given_name,family_name,middle_name,nickname,preferred_username,profile,picture,website,email,email_verified,gender,\
                  birthdate,zoneinfo,locale,phone_number,phone_number_verified,address,updated_at,cognito:mfa_enabled,cognito:username";
    let row = "Ada L,,,,,,,,,csv@b.de,TRUE,,,,,,FALSE,,,FALSE,ada";
    let file = write(folder.path(), "cognito.csv", format!("{header}\n{row}\n"));
    said(&import_file(folder.path(), &file, &[]), 0);
    let csv = exported(folder.path(), "csv@b.de");
    let found = ["name", "username", "email_verified"].map(|key| csv.get(key).unwrap().clone());
    assert_eq!(found, [json!("Ada L"), json!("ada"), json!(true)]);

    let sub = "0195d2a4-0000-7000-8000-000000000000";
    let list = json!({"Users": [
        {"Username": sub, "Enabled": false, "UserStatus": "CONFIRMED", "UserCreateDate": "2020-01-01T01:00:00.123000+01:00",
         "UserLastModifiedDate": "2021-01-01T01:00:00.123000+01:00", "Attributes": [
            {"Name": "email", "Value": "list@b.de"}, {"Name": "email_verified", "Value": "true"}, {"Name": "sub", "Value": sub},
            {"Name": "custom:team", "Value": "7"}]},
    ]});
    let file = write(folder.path(), "cognito.json", serde_json::to_string_pretty(&list).unwrap());
    let (_, told) = said(&import_file(folder.path(), &file, &[]), 0);
    assert!(told.contains("custom:team (1)") && told.contains("UserStatus (1)"), "{told}");
    assert_eq!(
        exported(folder.path(), "list@b.de"),
        json!({"id": sub, "role_id": 1, "email_verified": true, "disabled": true, "created_at": "2020-01-01T00:00:00.123Z"})
    );
    let one_line = write(
        folder.path(),
        "one-line.json",
        json!({"Users": [{"Username": "bob", "Attributes": [{"Name": "email", "Value": "one@b.de"}]}]}).to_string(),
    );
    said(&import_file(folder.path(), &one_line, &[]), 0);
    assert_eq!(exported(folder.path(), "one@b.de").get("username"), Some(&json!("bob")));
}

/// The tables of better-auth 1.7.25 with the plugins `admin` and `username`.
const TABLES_OF_BETTER_AUTH: &str = r#"
    CREATE TABLE "user" ("id" text not null primary key, "name" text not null, "email" text not null unique, "emailVerified" integer not null,
        "image" text, "createdAt" date not null, "updatedAt" date not null, "role" text, "banned" integer, "banReason" text, "banExpires" date,
        "username" text unique, "displayUsername" text);
    CREATE TABLE "account" ("id" text not null primary key, "accountId" text not null, "providerId" text not null, "userId" text not null,
        "accessToken" text, "refreshToken" text, "idToken" text, "password" text, "createdAt" date not null, "updatedAt" date not null);
    INSERT INTO "user" VALUES ('u1', 'Ada', 'ada@b.de', 1, NULL, '2026-01-30T06:43:47.291Z', '2026-01-30T06:43:47.291Z', 'user', 0, NULL, NULL, 'ada_l', 'Ada_L');
    INSERT INTO "user" VALUES ('u2', 'Bob', 'bob@b.de', 0, NULL, '2026-01-30T06:43:47.291Z', '2026-01-30T06:43:47.291Z', NULL, 1, 'spam', '2020-01-01T00:00:00.000Z', NULL, NULL);
    INSERT INTO "user" VALUES ('u3', 'Eve', 'eve@b.de', 0, 'https://x.example/a', '2026-01-30T06:43:47.291Z', '2026-01-30T06:43:47.291Z', NULL, 1, 'spam', NULL, NULL, NULL);
    INSERT INTO "account" VALUES ('a0', 'g', 'google', 'u1', 'secret-token', NULL, NULL, NULL, '2026-01-30', '2026-01-30');
"#;

#[test]
fn the_sqlite_file_of_better_auth_is_read_as_it_is() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let file = folder.path().join("better-auth.db");
    let database = Connection::open(&file).unwrap();
    database.execute_batch(TABLES_OF_BETTER_AUTH).unwrap();
    for id in ["u1", "u2", "u3"] {
        let account = [id, id, "credential", id, BETTER_AUTH, "2026-01-30", "2026-01-30"];
        let insert = "INSERT INTO account (id, accountId, providerId, userId, password, createdAt, updatedAt) VALUES (?, ?, ?, ?, ?, ?, ?)";
        database.execute(insert, account).unwrap();
    }
    drop(database);
    let before = std::fs::read(&file).unwrap();
    let (out, told) = said(&import_file(folder.path(), &file, &[]), 0);
    assert!(told.contains("is the SQLite file of better-auth: 3 accounts") && told.contains("image (1)"), "{told}");
    assert!(!format!("{out}{told}").contains("secret-token"), "{told}");
    for (email, status) in
        [("ada@b.de", refusal(200, "")), ("bob@b.de", refusal(200, "")), ("eve@b.de", refusal(403, "account_disabled"))]
    {
        assert_eq!(server.login(email, "correct horse ada"), status, "{email}");
    }
    assert_eq!(
        exported(folder.path(), "ada@b.de"),
        json!({"id": "u1", "username": "ada_l", "name": "Ada", "role_id": 1, "email_verified": true, "disabled": false,
            "created_at": "2026-01-30T06:43:47.291Z"})
    );
    let (_, told) = said(&import_file(folder.path(), &file, &["--from-line", "2"]), 0);
    assert!(told.contains("0 created, 2 there already"), "{told}");
    assert_eq!(std::fs::read(&file).unwrap(), before, "the file is only read");

    let export = json!([{"id": "u9", "email": "json@b.de", "emailVerified": true, "name": "J", "createdAt": "2026-01-30T06:43:47.291Z",
        "accounts": [{"providerId": "google"}, {"providerId": "credential", "password": BETTER_AUTH}]}]);
    said(&import_file(folder.path(), &write(folder.path(), "users.json", export.to_string()), &[]), 0);
    assert_eq!(server.login("json@b.de", "correct horse ada"), refusal(200, ""));
}

#[test]
fn the_sqlite_file_of_pocketbase_is_read_by_collection() {
    let folder = TempDir::new().unwrap();
    let server = Server::start(folder.path());
    let file = folder.path().join("data.db");
    let database = Connection::open(&file).unwrap();
    database.execute_batch("CREATE TABLE _collections (id TEXT, name TEXT, type TEXT)").unwrap();
    for name in ["_superusers", "clients", "staff", "users"] {
        let kind = "auth";
        database.execute("INSERT INTO _collections VALUES (?1, ?1, ?2)", [name, kind]).unwrap();
        database
            .execute_batch(&format!(
                "CREATE TABLE {name} (avatar TEXT, created TEXT, email TEXT, emailVisibility BOOLEAN, id TEXT PRIMARY KEY, name TEXT,
                 password TEXT, tokenKey TEXT, updated TEXT, verified BOOLEAN)"
            ))
            .unwrap();
        let row = format!(
            "INSERT INTO {name} VALUES ('', '2026-01-30 06:43:51.479Z', '{name}@b.de', 1, 'id-{name}', 'Ada', '{POCKETBASE}', 'a-token-key', \
             '2026-01-30 06:43:51.479Z', 1)"
        );
        database.execute_batch(&row).unwrap();
    }
    let (out, told) = said(&import_file(folder.path(), &file, &[]), 0);
    assert!(told.contains("is the SQLite file of PocketBase, collection users: 1 account"), "{told}");
    assert!(!format!("{out}{told}").contains("a-token-key"), "{told}");
    assert_eq!(server.login("users@b.de", "correct horse ada"), refusal(200, ""));
    assert_eq!(
        exported(folder.path(), "users@b.de"),
        json!({"id": "id-users", "name": "Ada", "role_id": 1, "email_verified": true, "disabled": false, "created_at": "2026-01-30T06:43:51.479Z"})
    );
    said(&import_file(folder.path(), &file, &["--table", "staff"]), 0);
    assert_eq!(server.login("staff@b.de", "correct horse ada"), refusal(200, ""));
    database.execute_batch("DELETE FROM _collections WHERE name = 'users'").unwrap();
    for (options, part) in [
        (&[][..], "its collections of accounts are clients, staff. --table NAME says"),
        (&["--table", "_superusers"], "its collections of accounts are clients, staff."),
    ] {
        assert!(said(&import_file(folder.path(), &file, options), 1).1.contains(part), "{part}");
    }
    let empty = folder.path().join("empty.db");
    Connection::open(&empty).unwrap().execute_batch("CREATE TABLE other (id TEXT)").unwrap();
    let (_, told) = said(&import_file(folder.path(), &empty, &[]), 1);
    assert!(told.contains("it has no tables user and account"), "{told}");
}
