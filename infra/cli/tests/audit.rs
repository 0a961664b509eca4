//! Every request that changes something leaves an audit event, and `docs/logging.md` lists all
//! events.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    cell::Cell,
    collections::BTreeSet,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use regex_lite::Regex;
use serde_json::{Value, json};
use shared::{
    account::proof::ProofId,
    keys::ProofKeys,
    testing::server::{Server, command},
};
use tempfile::TempDir;

const PASSWORD: &str = "correct horse battery";
const OTHER: &str = "another horse battery";
const API_KEY: &str = "an api key of at least 32 characters";

/// A server and its log.
struct Walk {
    folder: TempDir,
    server: Server,
    /// The number of lines of the log that were read.
    read: Cell<usize>,
    /// The endpoints that were called.
    called: std::cell::RefCell<BTreeSet<String>>,
}

impl Walk {
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        let log = File::create(folder.path().join("log")).unwrap();
        let server = Server::spawn(command(folder.path()).envs(variables.iter().copied()).stderr(log));
        let walk = Self { folder, server, read: Cell::default(), called: std::cell::RefCell::default() };
        walk.events();
        walk
    }

    /// The events since the last call of this method.
    fn events(&self) -> Vec<String> {
        let log = fs::read_to_string(self.folder.path().join("log")).unwrap();
        let lines: Vec<&str> = log.lines().collect();
        let new = lines.iter().skip(self.read.replace(lines.len()));
        let events = new.map(|line| serde_json::from_str::<Value>(line).unwrap());
        events.filter_map(|line| Some(line.get("event")?.as_str()?.to_owned())).collect()
    }

    /// Sends a request, and fails unless the answer has this status and the log these events.
    #[track_caller]
    fn leaves(&self, endpoint: &str, headers: &str, body: &Value, status: u16, events: &[&str]) -> Value {
        let body = body.to_string();
        let head = format!("{endpoint} HTTP/1.1\r\nhost: x\r\n{headers}connection: close\r\n");
        let (actual, answer) = self.server.send(&format!("{head}content-length: {}\r\n\r\n{body}", body.len()));
        assert_eq!(actual, status, "{endpoint}: {answer}");
        assert_eq!(self.events(), events, "{endpoint}: {answer}");
        let endpoint = endpoint.split('?').next().unwrap();
        let path = match endpoint.rsplit_once('/') {
            Some(("DELETE /me/sessions", _)) => "DELETE /me/sessions/{id}",
            Some(("DELETE /me/identities", _)) => "DELETE /me/identities/{provider}",
            _ => endpoint,
        };
        self.called.borrow_mut().insert(path.to_owned());
        answer
    }

    /// The code that was mailed with this challenge, from the key of the data folder.
    fn code(&self, started: &Value) -> String {
        let keys = fs::read_to_string(self.folder.path().join("proof-key")).unwrap();
        let keys = ProofKeys::parse(&keys).unwrap();
        let (id, key) = ProofId::of_challenge(text(started, "challenge"), keys.opening()).unwrap();
        id.code(key).as_str().to_owned()
    }

    /// The token of the link that was mailed with this challenge.
    fn link(&self, started: &Value) -> String {
        let keys = fs::read_to_string(self.folder.path().join("proof-key")).unwrap();
        let keys = ProofKeys::parse(&keys).unwrap();
        let (id, key) = ProofId::of_challenge(text(started, "challenge"), keys.opening()).unwrap();
        id.link(key)
    }

    /// Runs `latchkey users` on the accounts of the server.
    fn users(&self, arguments: &[&str]) {
        let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
        let tool = tool.arg("users").args(arguments).env_clear().env("DATA_DIR", self.folder.path());
        assert!(tool.stdin(Stdio::null()).stderr(Stdio::null()).status().unwrap().success());
    }
}

fn text<'a>(answer: &'a Value, name: &str) -> &'a str {
    answer.get(name).and_then(Value::as_str).unwrap()
}

fn bearer(session: &Value) -> String {
    format!("authorization: Bearer {}\r\n", text(session, "access_token"))
}

fn credentials(password: &str) -> Value {
    json!({"email": "a@b.example", "password": password})
}

fn refresh_token(session: &Value) -> Value {
    json!({"refresh_token": text(session, "refresh_token")})
}

/// The endpoints of the documented table that change nothing.
const READERS: [&str; 21] = [
    "POST /pages/inspect",
    "POST /pages/sign-in",
    "GET /me/identities",
    "POST /verify",
    "GET /verify",
    "POST /jwt/decode",
    "GET /me",
    "GET /me/export",
    "GET /me/sessions",
    "GET /oauth/userinfo",
    "GET /auth/v1/user",
    "GET /auth/v1/.well-known/jwks.json",
    "GET /auth/v1/health",
    "GET /auth/v1/settings",
    "GET /.well-known/jwks.json",
    "GET /.well-known/openid-configuration",
    "GET /health",
    "GET /openapi.json",
    "GET /openapi-3.0.json",
    "GET /flutterflow.json",
    "GET /errors",
];

#[test]
fn every_request_that_changes_something_leaves_its_event() {
    let secret = "a shared secret of more than 32 bytes";
    let walk = Walk::start(&[
        ("API_KEY", API_KEY),
        ("JWT_SHARED_SECRET", secret),
        ("TOKEN_PROFILE", "access"),
        ("REFRESH_REUSE_INTERVAL_SECONDS", "0"),
        ("EMAIL_SIGN_IN", "existing"),
        ("IDENTITY_PROVIDERS", r#"[{"id":"google","client_ids":["an app"]}]"#),
    ]);
    let key = "idempotency-key: key\r\n";
    let first = walk.leaves("POST /create-account", key, &credentials(PASSWORD), 201, &["account_created"]);
    walk.leaves("POST /create-account", key, &credentials(PASSWORD), 201, &["create_repeated"]);
    walk.leaves("POST /create-account", "", &credentials("password"), 400, &[]);
    let second = walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    walk.leaves("POST /login", "", &credentials(OTHER), 401, &["login_failed"]);
    let next = walk.leaves("POST /refresh", "", &refresh_token(&second), 200, &["refresh_ok"]);
    walk.leaves("PATCH /me", &bearer(&next), &json!({"name": "James"}), 200, &["profile_changed"]);
    walk.leaves("PATCH /me", &bearer(&next), &json!({"metadata": {"a": 1}}), 200, &["profile_changed"]);
    walk.leaves("PATCH /me", &bearer(&next), &json!({"metadata": {}, "username": ""}), 200, &[]);
    let reused = ["session_ended", "refresh_token_reused"];
    walk.leaves("POST /refresh", "", &refresh_token(&second), 401, &reused);

    let by_password = json!({"grant_type": "password", "username": "a@b.example", "password": PASSWORD});
    let granted = walk.leaves("POST /oauth/token", "", &by_password, 200, &["login_ok"]);
    let renewal = json!({"grant_type": "refresh_token", "refresh_token": text(&granted, "refresh_token")});
    let granted = walk.leaves("POST /oauth/token", "", &renewal, 200, &["refresh_ok"]);
    let revoked = json!({"token": text(&granted, "refresh_token")});
    walk.leaves("POST /oauth/revoke", "", &revoked, 200, &["session_ended"]);

    by_supabase(&walk);
    let third = walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    let listed = walk.leaves("GET /me/sessions", &bearer(&first), &json!({}), 200, &[]);
    let sessions = listed.get("sessions").and_then(Value::as_array).unwrap();
    let other = sessions.iter().find(|session| session.get("current") == Some(&json!(false))).unwrap();
    let end = format!("DELETE /me/sessions/{}", text(other, "id"));
    walk.leaves(&end, &bearer(&first), &json!({}), 200, &["session_ended"]);
    walk.leaves("POST /logout", "", &refresh_token(&first), 200, &["session_ended"]);
    walk.leaves("POST /logout", "", &refresh_token(&first), 200, &[]);
    drop(third);

    let owner = walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    let change = |current: &str| json!({"current_password": current, "new_password": OTHER});
    let wrong = change("wrong horse battery");
    walk.leaves("POST /me/password", &bearer(&owner), &wrong, 403, &["confirmation_failed"]);
    let owner = walk.leaves("POST /me/password", &bearer(&owner), &change(PASSWORD), 200, &["password_changed"]);
    let everywhere = json!({"refresh_token": text(&owner, "refresh_token"), "everywhere": true});
    walk.leaves("POST /logout", "", &everywhere, 200, &["sessions_ended"]);

    let owner = walk.leaves("POST /login", "", &credentials(OTHER), 200, &["login_ok"]);
    walk.users(&["disable", "a@b.example"]);
    walk.leaves("POST /login", "", &credentials(OTHER), 403, &["login_refused"]);
    walk.leaves("POST /refresh", "", &refresh_token(&owner), 403, &[]);
    walk.users(&["enable", "a@b.example"]);
    let owner = walk.leaves("POST /login", "", &credentials(OTHER), 200, &["login_ok"]);
    let delete = json!({"password": OTHER});
    walk.leaves("DELETE /me", &bearer(&owner), &delete, 200, &["account_deleted"]);
    let owner = walk.leaves("POST /create-account", "", &credentials(OTHER), 201, &["account_created"]);
    walk.leaves("POST /me/delete", &bearer(&owner), &delete, 200, &["account_deleted"]);

    // An address of a reserved domain gets no mail, whose sending would be an event too.
    let reserved = json!({"email": "james@example.com", "password": PASSWORD});
    walk.leaves("POST /create-account", "", &reserved, 201, &["account_created"]);
    let by_code = |started: &Value, code: &str| json!({"challenge": started["challenge"], "code": code});
    let asked = walk.leaves("POST /login/email", "", &reserved, 200, &["login_code_asked"]);
    let login = by_code(&asked, &walk.code(&asked));
    let owner = walk.leaves("POST /login/email/complete", "", &login, 200, &["login_by_code"]);
    walk.users(&["set-verified", "james@example.com", "false"]);
    let asked = walk.leaves("POST /me/email/verify", &bearer(&owner), &json!({}), 200, &["verification_asked"]);
    let verify = by_code(&asked, &walk.code(&asked));
    walk.leaves("POST /me/email/verify/complete", &bearer(&owner), &verify, 200, &["email_verified"]);
    let forged = json!({"provider": "google", "id_token": "e30.e30.e30"});
    walk.leaves("POST /exchange", "", &forged, 401, &["exchange_refused"]);
    let unknown = json!({"challenge": "A", "code": "123456"});
    walk.leaves("POST /exchange/complete", "", &unknown, 401, &[]);
    walk.leaves("DELETE /me/identities/google", &bearer(&owner), &json!({}), 200, &[]);
    let started = walk.leaves("POST /password/forgot", "", &reserved, 200, &["password_reset_asked"]);
    let right = walk.code(&started);
    let reset = |code: &str| json!({"challenge": started["challenge"], "code": code, "new_password": OTHER});
    let wrong = if right == "000000" { "000001" } else { "000000" };
    walk.leaves("POST /password/reset", "", &reset(wrong), 401, &["code_wrong"]);
    walk.leaves("POST /password/reset", "", &reset(&right), 200, &["password_reset"]);
    walk.leaves("POST /password/reset", "", &reset(&right), 200, &["password_reset_repeated"]);

    by_links(&walk);
    let api_key = format!("x-api-key: {API_KEY}\r\n");
    walk.leaves("POST /jwt/encode", &api_key, &json!({"payload": {"user_id": "1"}}), 200, &["token_encoded"]);

    let mut called = walk.called.take();
    called.extend(READERS.map(str::to_owned));
    assert_eq!(called, documented_endpoints());
}

/// The calls of the client libraries of Supabase.
fn by_supabase(walk: &Walk) {
    let new = json!({"email": "c@b.example", "password": PASSWORD});
    let first = walk.leaves("POST /auth/v1/signup", "", &new, 200, &["account_created"]);
    let session = walk.leaves("POST /auth/v1/token?grant_type=password", "", &new, 200, &["login_ok"]);
    let renewal = refresh_token(&session);
    let session = walk.leaves("POST /auth/v1/token?grant_type=refresh_token", "", &renewal, 200, &["refresh_ok"]);
    let data = json!({"data": {"name": "James"}});
    walk.leaves("PUT /auth/v1/user", &bearer(&session), &data, 200, &["profile_changed"]);
    let password = json!({"password": OTHER, "current_password": PASSWORD});
    walk.leaves("PUT /auth/v1/user", &bearer(&session), &password, 200, &["password_changed"]);
    walk.leaves("POST /auth/v1/logout", &bearer(&first), &json!({}), 204, &[]);
    walk.leaves("POST /auth/v1/logout?scope=others", &bearer(&session), &json!({}), 204, &["sessions_ended"]);
    walk.leaves("POST /auth/v1/logout?scope=local", &bearer(&session), &json!({}), 204, &["session_ended"]);
}

/// The calls of the pages that mails link to.
fn by_links(walk: &Walk) {
    let account = |name: &str| json!({"email": format!("{name}@example.com"), "password": PASSWORD});
    let asked = |name| {
        let owner = walk.leaves("POST /create-account", "", &account(name), 201, &["account_created"]);
        walk.leaves("POST /me/email/verify", &bearer(&owner), &json!({}), 200, &["verification_asked"])
    };
    let link = walk.link(&asked("ann"));
    let verify = |password: &str| json!({"token": link, "password": password});
    walk.leaves("POST /pages/verify", "", &verify(OTHER), 401, &["confirmation_failed"]);
    walk.leaves("POST /pages/verify", "", &verify(PASSWORD), 200, &["email_verified"]);
    let disown = json!({"token": walk.link(&asked("bob")), "email": "bob@example.com"});
    walk.leaves("POST /pages/disown", "", &disown, 200, &["account_disowned"]);
    let started = walk.leaves("POST /password/forgot", "", &account("ann"), 200, &["password_reset_asked"]);
    let reset = json!({"token": walk.link(&started), "new_password": OTHER});
    walk.leaves("POST /pages/reset", "", &reset, 200, &["password_reset"]);
    let owner = json!({"email": "ann@example.com", "password": OTHER});
    let owner = walk.leaves("POST /login", "", &owner, 200, &["login_ok"]);
    changes_of_address(walk, &owner);
}

/// Two changes of an address, by the code and by the link, and the way back from the first.
fn changes_of_address(walk: &Walk, owner: &Value) {
    let asked = |owner: &Value, email: &str| {
        let change = json!({"new_email": email, "password": OTHER});
        walk.leaves("POST /me/email", &bearer(owner), &change, 200, &["email_change_asked"])
    };
    let started = asked(owner, "ann@b.example");
    let code = json!({"challenge": text(&started, "challenge"), "code": walk.code(&started)});
    let owner = walk.leaves("POST /me/email/complete", &bearer(owner), &code, 200, &["email_changed"]);
    let link = walk.link(&asked(&owner, "ann@c.example"));
    walk.leaves("POST /pages/email", "", &json!({"token": link, "password": OTHER}), 200, &["email_changed"]);
    // An address of a reserved domain gets no link that takes the change back.
    let undo = json!({"token": link, "email": "ann@b.example"});
    walk.leaves("POST /pages/undo", "", &undo, 401, &[]);
}

#[test]
fn a_refused_sign_up_leaves_its_event_under_every_rule() {
    for rule in ["closed", "invited", "domains:a.example"] {
        let walk = Walk::start(&[("SIGN_UP", rule)]);
        walk.leaves("POST /create-account", "", &credentials(PASSWORD), 403, &["sign_up_refused"]);
    }
}

#[test]
fn a_session_that_ends_because_its_address_is_not_verified_leaves_its_event() {
    let walk = Walk::start(&[("REQUIRE_VERIFIED_EMAIL", "true")]);
    walk.leaves("POST /create-account", "", &credentials(PASSWORD), 201, &["account_created"]);
    walk.leaves("POST /login", "", &credentials(PASSWORD), 403, &["login_refused"]);
    walk.users(&["set-verified", "a@b.example", "true", "--keep-password"]);
    let session = walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    walk.users(&["set-verified", "a@b.example", "false"]);
    walk.leaves("POST /refresh", "", &refresh_token(&session), 403, &["session_ended"]);
}

/// A change by an admin is one line with the name of the key, and no line has the key.
#[test]
fn every_change_by_an_admin_leaves_one_line_with_the_name_of_the_key() {
    const KEY: &str = "an admin's key of 32 characters or more";
    let variables = [
        ("ADMIN_KEY", "anna:an admin's key of 32 characters or more"),
        ("EMAIL_SIGN_IN", "existing"),
        // Nobody listens there.
        ("EVENT_WEBHOOK_URL", "http://127.0.0.1:9/"),
        ("EVENT_WEBHOOK_SECRET", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"),
    ];
    let walk = Walk::start(&variables);
    let key = format!("x-admin-key: {KEY}\r\n");
    walk.leaves("POST /admin/token", "x-admin-key: wrong\r\n", &json!({}), 401, &["admin_key_wrong"]);
    let token = walk.leaves("POST /admin/token", &key, &json!({}), 200, &["admin_token_made"]);
    let by_token = format!("authorization: Bearer {}\r\n", text(&token, "admin_token"));
    let made = walk.leaves("POST /admin/users", &key, &credentials(PASSWORD), 201, &["admin_user_created"]);
    let path = format!("/admin/users/{}", text(made.get("user").unwrap(), "id"));
    walk.leaves(&format!("GET {path}"), &by_token, &json!({}), 200, &[]);
    let change = json!({"role_id": 2, "name": "James"});
    walk.leaves(&format!("PATCH {path}"), &by_token, &change, 200, &["admin_user_changed"]);
    walk.leaves(&format!("PATCH {path}"), &by_token, &json!({"role_id": 3, "version": 0}), 409, &[]);
    walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    let sessions = walk.leaves(&format!("GET {path}/sessions"), &key, &json!({}), 200, &[]);
    let sid = text(sessions.pointer("/sessions/0").unwrap(), "id").to_owned();
    walk.leaves(&format!("DELETE {path}/sessions/{sid}"), &key, &json!({}), 200, &["session_ended"]);
    walk.leaves(&format!("POST {path}/end-sessions"), &key, &json!({}), 200, &["admin_sessions_ended"]);
    let link = json!({"purpose": "reset"});
    let made = walk.leaves(&format!("POST {path}/link"), &key, &link, 200, &["admin_link_made"]);
    let code = json!({"code": "135790", "until": text(&made, "expires_at")});
    walk.leaves(&format!("PUT {path}/test-code"), &key, &code, 200, &["test_code_set"]);
    let asked = walk.leaves("POST /login/email", "", &json!({"email": "a@b.example"}), 200, &["login_code_asked"]);
    let shown = json!({"challenge": text(&asked, "challenge"), "code": "135790"});
    walk.leaves("POST /login/email/complete", "", &shown, 200, &["test_code_used"]);
    walk.leaves(&format!("DELETE {path}/test-code"), &key, &json!({}), 200, &["test_code_removed"]);
    walk.leaves(&format!("DELETE {path}"), &key, &json!({}), 200, &["admin_user_deleted"]);
    walk.leaves(&format!("DELETE {path}"), &key, &json!({}), 200, &[]);
    let users = json!({"users": [{"email": "one@b.example", "id": "one"}, {"email": "two@b.example"}, {"email": "x"}]});
    walk.leaves("POST /admin/import", &key, &users, 200, &["admin_user_imported", "admin_user_imported"]);
    walk.leaves("POST /admin/import", &key, &users, 200, &[]);
    walk.leaves("POST /admin/webhooks/test", &key, &json!({}), 200, &["webhook_tested"]);
    walk.leaves("GET /admin/export", &by_token, &json!({}), 200, &["admin_accounts_exported"]);

    let log = fs::read_to_string(walk.folder.path().join("log")).unwrap();
    assert!(!log.contains(KEY) && !log.contains(text(&token, "admin_token")) && !log.contains("a@b.de"), "{log}");
    let lines = log.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let by_admin = |line: &Value| {
        let event = line.get("event").and_then(Value::as_str).unwrap_or_default();
        ["session_ended", "admin_token_made"].contains(&event)
            || event.starts_with("admin_user")
            || event == "admin_accounts_exported"
    };
    let named: Vec<Value> = lines.filter(by_admin).collect();
    assert_eq!(named.len(), 8, "{log}");
    for line in named {
        assert_eq!(line.get("admin_key"), Some(&json!("anna")), "{line}");
    }
    assert!(log.contains("\"fields\":\"name,role_id\""), "{log}");
}

/// A line of an admin by role has the pseudonym of the account. So has a line of a session that the
/// admin began as somebody else.
#[test]
fn an_admin_by_role_is_named_by_a_pseudonym_also_in_a_session_as_somebody() {
    const KEY: &str = "an admin's key of 32 characters or more";
    let variables = [
        ("ADMIN_KEY", "anna:an admin's key of 32 characters or more"),
        ("ADMIN_ROLES", "7"),
        ("ADMIN_SIGN_IN_LINKS", "true"),
        ("ADMIN_ALLOWED_CIDRS", "127.0.0.0/8"),
    ];
    let walk = Walk::start(&variables);
    let key = format!("x-admin-key: {KEY}\r\n");
    let new =
        |name: &str, role: u32| json!({"email": format!("{name}@b.example"), "password": PASSWORD, "role_id": role});
    let made = walk.leaves("POST /admin/users", &key, &new("a", 7), 201, &["admin_user_created"]);
    let admin = text(made.get("user").unwrap(), "id").to_owned();
    let made = walk.leaves("POST /admin/users", &key, &new("zoe", 2), 201, &["admin_user_created"]);
    let path = format!("/admin/users/{}", text(made.get("user").unwrap(), "id"));
    let session = walk.leaves("POST /login", "", &credentials(PASSWORD), 200, &["login_ok"]);
    let by_role = format!("authorization: Bearer {}\r\n", text(&session, "access_token"));
    walk.leaves(&format!("PATCH {path}"), &by_role, &json!({"name": "Zoe"}), 200, &["admin_user_changed"]);
    let sign_in = json!({"purpose": "sign_in"});
    let link = walk.leaves(&format!("POST {path}/link"), &by_role, &sign_in, 200, &["impersonation_link_made"]);
    let shown = json!({"challenge": text(&link, "challenge"), "code": text(&link, "code")});
    let session = walk.leaves("POST /login/email/complete", "", &shown, 200, &["impersonation_started"]);
    let as_zoe = format!("authorization: Bearer {}\r\n", text(&session, "access_token"));
    walk.leaves("PATCH /me", &as_zoe, &json!({"name": "Zo"}), 200, &["profile_changed"]);
    walk.leaves("POST /refresh", "", &refresh_token(&session), 200, &["refresh_ok"]);

    let log = fs::read_to_string(walk.folder.path().join("log")).unwrap();
    assert!(!log.contains(&admin), "{log}");
    let lines: Vec<Value> = log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let of = |event: &str| lines.iter().find(|line| line.get("event") == Some(&json!(event))).unwrap();
    let pseudonym = of("login_ok").get("user").unwrap().as_str().unwrap();
    for event in ["admin_user_changed", "impersonation_link_made"] {
        let line = of(event);
        assert_eq!((line.get("admin_user"), line.get("admin_key")), (Some(&json!(pseudonym)), None), "{line}");
    }
    for event in ["impersonation_started", "profile_changed", "refresh_ok"] {
        assert_eq!(of(event).get("act"), Some(&json!(format!("user:{pseudonym}"))), "{}", of(event));
    }
}

#[test]
fn a_call_from_outside_the_networks_of_admins_leaves_a_line() {
    const KEY: &str = "an admin's key of 32 characters or more";
    let variables =
        [("ADMIN_KEY", "anna:an admin's key of 32 characters or more"), ("ADMIN_ALLOWED_CIDRS", "192.0.2.0/24")];
    let walk = Walk::start(&variables);
    let key = format!("x-admin-key: {KEY}\r\n");
    walk.leaves("GET /admin/users", &key, &json!({}), 403, &["admin_address_refused"]);
}

fn page(name: &str) -> String {
    fs::read_to_string(root().join(name)).unwrap()
}

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The endpoints of the table in `docs/api.md`.
fn documented_endpoints() -> BTreeSet<String> {
    let row = Regex::new(r"(?m)^\| `(GET|POST|PUT|PATCH|DELETE)(?:` or `(GET))? (/[^`]*)` \|").unwrap();
    let page = page("docs/api.md");
    let rows = row.captures_iter(&page).flat_map(|found| {
        let path = found.get(3).unwrap().as_str();
        let methods = [found.get(1), found.get(2)].into_iter().flatten();
        methods.map(|method| format!("{} {path}", method.as_str())).collect::<Vec<_>>()
    });
    rows.collect()
}

/// The events that the code names, line by line. Tests inside a source file are left out.
fn events_in(folder: &Path, events: &mut BTreeSet<String>) {
    let records = Regex::new(
        r"\b(?:audit(?:::record|::warn|::keys|::event|::many|::admin|::webhook)?|drop_mail)\(|\b(?:failed|limited): |\bROTATED: ",
    )
    .unwrap();
    let word = Regex::new(r#""([a-z]+(?:_[a-z]+)+)""#).unwrap();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            events_in(&path, events);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("telemetry/log.rs") {
            let source = fs::read_to_string(&path).unwrap();
            let source = source.split("#[cfg(test)]").next().unwrap_or_default();
            for line in source.lines().filter(|line| records.is_match(line)) {
                events.extend(word.captures_iter(line).filter_map(|found| Some(found.get(1)?.as_str().to_owned())));
            }
        }
    }
}

#[test]
fn the_page_about_the_log_lists_every_event_and_no_other() {
    let mut events = BTreeSet::new();
    for folder in ["shared/src", "shared/mailer/src", "infra/cli/src"] {
        events_in(&root().join(folder), &mut events);
    }
    for function in fs::read_dir(root().join("functions")).unwrap() {
        events_in(&function.unwrap().path().join("src"), &mut events);
    }
    assert!(events.len() > 20, "{events:?}");
    let page = page("docs/logging.md");
    let section = page.split("\n## Events\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let word = Regex::new("`([a-z_]+)`").unwrap();
    let cells = section.lines().filter_map(|line| line.strip_prefix("| ")?.split(" |").next());
    let listed: BTreeSet<String> = cells
        .flat_map(|cell| word.captures_iter(cell))
        .filter_map(|found| Some(found.get(1)?.as_str().to_owned()))
        .collect();
    assert_eq!(listed, events);
}
