//! Tests logins with hashes of other systems, and with hashes whose cost is too low by now.

use axum::http::Method;
use serde_json::json;
use shared::{
    password::StoredHash,
    testing::{PASSWORD, PATIENCE, Service},
};

/// Hashes of `correct horse battery staple` by other programs: bcrypt of cost 4, Django's PBKDF2,
/// scrypt as PHC text, and argon2id of 64 KiB.
const FOREIGN: [&str; 4] = [BCRYPT, DJANGO, SCRYPT, SMALL];
const BCRYPT: &str = "$2b$04$ZsNW7KjeJvWaofpSEBMIZutDn6XW4CwaPE1j9WvhqRMzyznTYU0Bq";
const DJANGO: &str = "pbkdf2_sha256$1000$saltsalt12$2JEBEKI8E1tvjhdckw5X2wS5KJLF/6AH8hat3nd6fPs=";
const SCRYPT: &str = "$scrypt$ln=10,r=8,p=1$MDEyMzQ1Njc4OWFiY2RlZg$7AnzIswxwEinpwz+ntydndYfVHPvOACmX9Vvo8hO1qM";
const SMALL: &str = "$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$aq42HBL+IPAitHspChw/8mx5JRX2jFDkTmlsBskwH/0";

async fn log_in(service: &Service, email: &str, password: &str) -> u16 {
    service.post("/login", json!({"email": email, "password": password})).await.status.as_u16()
}

#[tokio::test(start_paused = true)]
async fn the_first_login_replaces_a_foreign_hash_in_the_round_trips_of_any_login() {
    let service = Service::new(login::router()).await;
    for (number, foreign) in FOREIGN.into_iter().enumerate() {
        let email = format!("a{number}@b.de");
        let username = format!("name{number}");
        let user = service
            .account_with(&email, Some(&username), |user| user.password_hash = Some(StoredHash::new(foreign)))
            .await;
        assert_eq!(log_in(&service, &email, "wrong horse").await, 401, "{foreign}");
        assert_eq!(service.stored(&user).await.unwrap().password_hash.unwrap().as_str(), foreign);
        service.calls();
        assert_eq!(log_in(&service, &email, PASSWORD).await, 200, "{foreign}");
        assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"]);
        let upgraded = service.stored(&user).await.unwrap();
        assert!(upgraded.password_hash.unwrap().as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"));
        assert_eq!((upgraded.version, upgraded.epoch), (1, 0));
        // The upgrade holds for every identifier, and is not made again.
        assert_eq!(log_in(&service, &username, PASSWORD).await, 200);
        assert_eq!(log_in(&service, &email, "wrong horse").await, 401);
        assert_eq!(service.stored(&user).await.unwrap().version, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_fifty_logins_at_once_all_succeed_and_one_replaces_the_hash() {
    let service = Service::new(login::router()).await;
    let user = service.account_with("a@b.de", None, |user| user.password_hash = Some(StoredHash::new(BCRYPT))).await;
    let body = json!({"email": "a@b.de", "password": PASSWORD});
    let call = || service.request(Method::POST, "/login").within(PATIENCE);
    let logins: Vec<_> = (0..50).map(|_| tokio::spawn(call().json(body.clone()))).collect();
    for login in logins {
        login.await.unwrap().is(200);
    }
    assert_eq!(service.stored(&user).await.unwrap().version, 1);
    assert_eq!(log_in(&service, "a@b.de", PASSWORD).await, 200);
}

#[tokio::test(start_paused = true)]
async fn a_hash_that_nobody_can_use_is_a_failed_login_like_any_other() {
    let service = Service::new(login::router()).await;
    let hostile = |user: &mut shared::account::user::User| {
        user.password_hash =
            Some(StoredHash::new("$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5Q"));
    };
    let user = service.account_with("a@b.de", None, hostile).await;
    assert_eq!(log_in(&service, "a@b.de", PASSWORD).await, 401);
    assert_eq!(service.stored(&user).await.unwrap().version, 0);
}

/// Passwords that today's rules refuse or change: decomposed letters, a tab, 300 characters, and a
/// space that does not break. Python's bcrypt and hashlib made the hashes.
const OLD_RULES: [(&str, &str); 4] = [
    ("Cafe\u{301}-Cre\u{300}me-2020", "$2b$04$.pIjKFrHsRAh/L2SFnNXx.jz0Xk1ACyjVRzrfYb9JjgEWXvSsJQ8O"),
    ("violet\ttractor", "$2b$04$abcdefghijklmnopqrstuu/5Srt8XsEuDRHChBG1QYzoHdIuD7O1m"),
    (LONG, "pbkdf2_sha256$1000$saltsalt12$LbaXtlW2UZv0LOI5mVgk1wP4sS1aj14XAqiqrRCQc9s="),
    ("violet\u{a0}tractor", "pbkdf2_sha256$1000$saltsalt12$vmrna3NMGjiRUd+Z+tOnVCDL51qkob+zI5T3+skRbLs="),
];
const LONG: &str = "violet tractor violet tractor violet tractor violet tractor violet tractor violet tractor \
                    violet tractor violet tractor violet tractor violet tractor violet tractor violet tractor \
                    violet tractor violet tractor violet tractor violet tractor violet tractor violet tractor \
                    violet tractor violet tractor ";

#[tokio::test(start_paused = true)]
async fn a_password_from_elsewhere_is_checked_by_the_rules_that_it_was_made_under() {
    let service = Service::new(login::router()).await;
    for (number, (password, foreign)) in OLD_RULES.into_iter().enumerate() {
        let email = format!("a{number}@b.de");
        let hash = |user: &mut shared::account::user::User| user.password_hash = Some(StoredHash::new(foreign));
        let user = service.account_with(&email, None, hash).await;
        assert_eq!(log_in(&service, &email, &format!("{password}x")).await, 401, "{password}");
        assert_eq!(log_in(&service, &email, password).await, 200, "{password}");
        let upgraded = service.stored(&user).await.unwrap().password_hash.unwrap();
        assert!(upgraded.as_str().starts_with("$argon2id$"), "{password}");
        assert_eq!(log_in(&service, &email, password).await, 200, "{password} after the upgrade");
        assert_eq!(log_in(&service, &email, &format!("{password}x")).await, 401, "{password} after the upgrade");
    }
}

/// The hash is of the first 72 bytes. Whatever follows them was never checked.
#[tokio::test(start_paused = true)]
async fn an_end_that_bcrypt_never_read_is_not_stored_as_a_part_of_the_password() {
    let service = Service::new(login::router()).await;
    let read = &"0123456789".repeat(8)[..72];
    let foreign = "$2b$04$abcdefghijklmnopqrstuum2G75IXDN/xsgbNa/hCiPSKyIHQd70S";
    let hash = |user: &mut shared::account::user::User| user.password_hash = Some(StoredHash::new(foreign));
    let user = service.account_with("a@b.de", None, hash).await;
    for end in ["a mistyped end", "the right end"] {
        assert_eq!(log_in(&service, "a@b.de", &format!("{read}{end}")).await, 200);
        assert_eq!(service.stored(&user).await.unwrap().password_hash.unwrap().as_str(), foreign);
    }
    assert_eq!(log_in(&service, "a@b.de", read).await, 200);
    assert!(service.stored(&user).await.unwrap().password_hash.unwrap().as_str().starts_with("$argon2id$"));
}
