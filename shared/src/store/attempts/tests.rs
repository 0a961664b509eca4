//! Counts attempts at the table itself. No password is hashed here.

use super::*;
use crate::{
    account::{
        email::Email,
        rate_limit::{FREE_FAILURES, KNOWN_FOR, LOGINS, Quota},
        session::SessionLifetimes,
    },
    password::StoredHash,
    store::{Item, TTL, embedded, number, text},
    testing::Database,
};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

async fn store() -> Store {
    let client = Database::new().client();
    embedded::create_table(&client, "table").await.unwrap();
    Store::new(client, "table")
}

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

fn key(ip: &str) -> IpKey {
    IpKey::new(ip.parse().unwrap())
}

fn identifier(number: usize) -> Identifier {
    Identifier::Email(Email::parse(&format!("a{number}@b.de")).unwrap())
}

async fn read(store: &Store, number: usize, ip: Option<&IpKey>, now: Timestamp) -> Attempt {
    store.attempt(&identifier(number), Some(Client { device: None, ip }), now).await.unwrap()
}

/// Makes one whole failed attempt. Returns whether its answer tells that the password is wrong.
async fn fail(store: &Store, number: usize, ip: Option<&IpKey>, now: Timestamp) -> bool {
    let mut attempt = read(store, number, ip, now).await;
    match store.reserve(&mut attempt, now).await {
        Err(Error::TooManyAttempts(_)) => return false,
        done => done.unwrap(),
    }
    match store.count_failure(&mut attempt, now).await {
        Err(Error::TooManyAttempts(_)) => false,
        done => done.map(|()| attempt.quota_wait(now).is_none()).unwrap(),
    }
}

/// Makes one whole login with the right password. Returns whether it was let in.
async fn log_in(store: &Store, number: usize, client: Client<'_>, now: Timestamp) -> bool {
    let mut attempt = store.attempt(&identifier(number), Some(client), now).await.unwrap();
    match store.reserve(&mut attempt, now).await {
        Err(Error::TooManyAttempts(_)) => return false,
        done => done.unwrap(),
    }
    match store.record_success(&mut attempt, Some(&session(number, &user(number))), None, now).await {
        Err(Error::TooManyAttempts(_)) => false,
        done => done.map(|()| true).unwrap(),
    }
}

fn at(ip: &IpKey) -> Client<'_> {
    Client { device: None, ip: Some(ip) }
}

fn user(number: usize) -> User {
    let Identifier::Email(email) = identifier(number) else { unreachable!("all are addresses") };
    User::new(format!("user {number}"), &email, None, String::new(), StoredHash::new("none"), NOW)
}

fn session(number: usize, user: &User) -> Session {
    let day = Duration::from_secs(86_400);
    let lifetimes =
        SessionLifetimes { absolute: 30 * day, idle: 14 * day, reuse_interval: Duration::ZERO, unused_child: day };
    let mut id = [0; 12];
    id[0] = u8::try_from(number).unwrap();
    Session::start(SessionId::new(id), user, NOW, &lifetimes)
}

/// The address with this number, in a private network.
fn numbered(number: u32) -> IpKey {
    IpKey::new(std::net::Ipv4Addr::from((10 << 24) + number).into())
}

async fn items(store: &Store) -> Vec<Item> {
    store.client.scan().table_name(&store.table).send().await.unwrap().items.unwrap_or_default()
}

#[tokio::test]
async fn one_password_on_many_accounts_gets_as_far_as_the_quota_of_its_address() {
    let store = store().await;
    let (sprayer, neighbour) = (key("192.0.2.1"), key("192.0.2.2"));
    let mut told = 0;
    for number in 0..320 {
        told += u32::from(fail(&store, number, Some(&sprayer), NOW).await);
    }
    assert_eq!(told, FAILED_LOGINS.max);
    assert!(fail(&store, 500, Some(&neighbour), NOW).await);
    assert!(fail(&store, 500, None, NOW).await);
    assert!(fail(&store, 501, Some(&sprayer), NOW + FAILED_LOGINS.window).await);
}

#[tokio::test]
async fn the_addresses_of_one_network_share_a_quota_that_grows_with_the_network() {
    let store = store().await;
    let used_up = Quota { max: FAILED_LOGINS.wider().hard_max, ..FAILED_LOGINS };
    for (network, inside, outside) in [
        ("20010db800010203/64", "2001:db8:1:203::9", "2001:db8:1:204::9"),
        ("20010db8000103/56", "2001:db8:1:304::9", "2001:db8:1:404::9"),
        ("20010db80002/48", "2001:db8:2:1::9", "2001:db8:3:1::9"),
    ] {
        let window = QuotaWindow::all(&store.names, FAILED_LOGINS, &key(inside), NOW);
        let index = key(inside).networks().position(|other| other == network).unwrap();
        let item = [("pk", text(&window[index].key)), ("used", number(used_up.max * 4))];
        let item = item.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        store.client.put_item().table_name("table").set_item(Some(item)).send().await.unwrap();
        assert!(!fail(&store, 1, Some(&key(inside)), NOW).await, "{network}");
        assert!(fail(&store, 1, Some(&key(outside)), NOW).await, "{network}");
    }
}

#[tokio::test]
async fn an_address_without_failures_left_has_one_attempt_at_an_account_and_a_right_password_gets_in() {
    let store = store().await;
    let shared = key("192.0.2.1");
    store.exhaust(&FAILED_LOGINS, &shared, NOW).await.unwrap();
    assert!(log_in(&store, 1, at(&shared), NOW).await);
    // This address is known to the first account now, and not to the others.
    assert!(fail(&store, 1, Some(&shared), NOW).await);
    assert!(!fail(&store, 2, Some(&shared), NOW).await);
    assert!(!log_in(&store, 2, at(&shared), NOW).await);
    let used_up = Quota { max: FAILED_LOGINS.hard_max, ..FAILED_LOGINS };
    store.exhaust(&used_up, &shared, NOW).await.unwrap();
    assert!(!log_in(&store, 3, at(&shared), NOW).await);
    assert!(log_in(&store, 1, at(&shared), NOW).await);
}

#[tokio::test]
async fn failures_elsewhere_delay_nobody_at_an_address_of_her_own() {
    let store = store().await;
    let attacker = key("192.0.2.1");
    let mut told = 0;
    for second in 0..40 {
        for _ in 0..if second == 0 { 6 } else { 1 } {
            told += usize::from(fail(&store, 1, Some(&attacker), after(second)).await);
        }
        assert!(log_in(&store, 1, at(&numbered(u32::try_from(second).unwrap())), after(second)).await);
    }
    // Five at once, and more after 1, 3, 7, 15 and 31 s.
    assert_eq!(told, 10);
}

#[tokio::test]
async fn fifty_addresses_leave_the_first_attempt_of_a_new_address_free() {
    let store = store().await;
    for second in (0..600).step_by(40) {
        for number in 0..50 {
            fail(&store, 1, Some(&numbered(number)), after(second)).await;
        }
    }
    assert!(log_in(&store, 1, at(&key("192.0.2.1")), after(600)).await);
}

#[tokio::test]
async fn a_thousand_addresses_learn_at_most_a_hundred_and_ten_times_in_an_hour() {
    let store = store().await;
    let (mut told, mut number) = (0, 0);
    for second in (0..3_600).step_by(20) {
        for _ in 0..if second == 0 { 200 } else { 3 } {
            told += u32::from(fail(&store, 1, Some(&numbered(number % 1_000)), after(second)).await);
            number += 1;
        }
    }
    assert!((100..=110).contains(&told), "{told}");
    assert!(!log_in(&store, 1, at(&key("192.0.2.1")), after(3_600)).await);
}

#[tokio::test]
async fn beyond_the_ceiling_unknown_callers_have_one_attempt_a_minute_in_all() {
    let store = store().await;
    for number in 0..100 {
        assert!(fail(&store, 1, Some(&numbered(number)), NOW).await);
    }
    for minute in 1..=5 {
        assert!(!fail(&store, 1, Some(&numbered(500)), after(minute * 60 - 1)).await);
        assert!(fail(&store, 1, Some(&numbered(600 + u32::try_from(minute).unwrap())), after(minute * 60)).await);
        assert!(!log_in(&store, 1, at(&numbered(700)), after(minute * 60)).await);
    }
    assert!(log_in(&store, 1, at(&numbered(700)), after(300 + 900)).await);
    // A success ends it.
    assert!(fail(&store, 1, Some(&numbered(800)), after(300 + 900)).await);
    assert!(fail(&store, 1, Some(&numbered(801)), after(300 + 900)).await);
}

#[tokio::test]
async fn an_address_and_a_client_that_logged_in_before_are_not_held_to_the_ceiling() {
    let store = store().await;
    let (home, user) = (key("192.0.2.1"), user(1));
    let session = session(1, &user);
    store.create_user(&user, Some(&session), None, None, None, NOW).await.unwrap();
    assert!(log_in(&store, 1, at(&home), NOW).await);
    for number in 0..100 {
        fail(&store, 1, Some(&numbered(number)), NOW).await;
    }
    let new = key("192.0.2.9");
    assert!(!log_in(&store, 1, at(&new), NOW).await);
    for _ in 0..20 {
        assert!(log_in(&store, 1, at(&home), NOW).await);
        let device = Client { device: Some(session.id), ip: Some(&new) };
        assert!(log_in(&store, 1, device, NOW).await);
    }
    // A login of a known caller gives the attackers no further guesses.
    assert!(!fail(&store, 1, Some(&numbered(500)), NOW).await);
}

#[tokio::test]
async fn an_address_is_known_for_thirty_days_after_its_last_login() {
    let store = store().await;
    let home = key("192.0.2.1");
    assert!(log_in(&store, 1, at(&home), NOW).await);
    let known = NOW + KNOWN_FOR;
    for now in [Timestamp::from_milliseconds(known.milliseconds() - 1), known] {
        for number in 0..100 {
            fail(&store, 1, Some(&numbered(number)), now).await;
        }
        let attempt = read(&store, 1, Some(&home), now).await;
        assert_eq!(attempt.wait(now).is_some(), now == known);
    }
}

#[tokio::test]
async fn a_caller_logs_in_six_hundred_times_an_hour_and_others_go_on() {
    let store = store().await;
    let (busy, other) = (key("192.0.2.1"), key("192.0.2.2"));
    for _ in 0..LOGINS.max {
        assert!(log_in(&store, 1, at(&busy), NOW).await);
    }
    assert!(!log_in(&store, 1, at(&busy), NOW).await);
    assert!(log_in(&store, 1, at(&other), NOW).await && log_in(&store, 2, at(&busy), NOW).await);
    assert!(log_in(&store, 1, at(&busy), NOW + LOGINS.window).await);
}

#[tokio::test]
async fn a_right_password_is_taken_back_from_the_quota_that_it_was_counted_in() {
    let store = store().await;
    let home = key("192.0.2.1");
    for _ in 0..FREE_FAILURES {
        fail(&store, 1, Some(&home), NOW).await;
    }
    let used = async || read(&store, 1, Some(&home), after(1)).await.windows[0].used;
    assert_eq!(used().await, FREE_FAILURES);
    let mut attempt = read(&store, 1, Some(&home), after(1)).await;
    store.reserve(&mut attempt, after(1)).await.unwrap();
    assert_eq!(used().await, FREE_FAILURES + 1);
    store.record_success(&mut attempt, None, None, after(1)).await.unwrap();
    assert_eq!(used().await, FREE_FAILURES);
}

#[tokio::test]
async fn an_attempt_that_was_read_before_others_failed_learns_nothing_whether_right_or_wrong() {
    let store = store().await;
    let (mut wrong, mut right) = (read(&store, 1, None, NOW).await, read(&store, 1, None, NOW).await);
    for _ in 0..FREE_FAILURES {
        assert!(fail(&store, 1, None, NOW).await);
    }
    for done in [store.count_failure(&mut wrong, NOW).await, store.record_success(&mut right, None, None, NOW).await] {
        assert!(matches!(done, Err(Error::TooManyAttempts(wait)) if wait == Duration::from_secs(1)), "{done:?}");
    }
    assert!(!fail(&store, 1, None, NOW).await && fail(&store, 1, None, after(1)).await);
}

#[tokio::test]
async fn after_a_delay_only_one_of_many_parallel_attempts_may_go_on_to_hashing() {
    let store = store().await;
    for _ in 0..FREE_FAILURES {
        fail(&store, 1, None, NOW).await;
    }
    let mut attempts = Vec::new();
    for _ in 0..20 {
        attempts.push(read(&store, 1, None, after(1)).await);
    }
    let mut reserved = 0;
    for attempt in &mut attempts {
        reserved += usize::from(store.reserve(attempt, after(1)).await.is_ok());
    }
    assert_eq!(reserved, 1);
}

#[tokio::test]
async fn a_reserved_attempt_that_succeeds_resets_the_counters_despite_its_own_count() {
    let store = store().await;
    for _ in 0..FREE_FAILURES {
        fail(&store, 1, None, NOW).await;
    }
    let mut attempt = read(&store, 1, None, after(1)).await;
    store.reserve(&mut attempt, after(1)).await.unwrap();
    store.record_success(&mut attempt, None, None, after(1)).await.unwrap();
    assert!(items(&store).await.is_empty());
}

#[tokio::test]
async fn every_record_of_a_limit_ends_by_itself() {
    let store = store().await;
    fail(&store, 1, Some(&key("192.0.2.1")), NOW).await;
    let ends: Vec<i64> = items(&store).await.iter().map(|item| item[TTL].as_n().unwrap().parse().unwrap()).collect();
    assert_eq!(ends.len(), 3);
    for end in ends {
        assert!(end > NOW.seconds() && end <= after(86_400).seconds(), "{end}");
    }
}

#[tokio::test]
async fn no_record_of_a_limit_shows_an_identifier_or_an_address() {
    let store = store().await;
    fail(&store, 1, Some(&key("192.0.2.1")), NOW).await;
    let text = format!("{:?}", items(&store).await);
    assert!(!text.contains("a1@b.de") && !text.contains("192.0.2"), "{text}");
}

#[tokio::test]
async fn a_malformed_record_of_a_limit_is_a_fault_and_never_none() {
    let store = store().await;
    let sprayer = key("192.0.2.1");
    fail(&store, 1, Some(&sprayer), NOW).await;
    for item in items(&store).await {
        let key = item["pk"].clone();
        let broken = [("pk", key.clone()), ("failures", number(-1)), ("used", text("x"))];
        let broken = broken.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        store.client.put_item().table_name("table").set_item(Some(broken)).send().await.unwrap();
        let client = Client { device: None, ip: Some(&sprayer) };
        let refused = store.attempt(&identifier(1), Some(client), NOW).await.unwrap_err();
        assert_eq!(refused.status_and_code().0, 500);
        store.client.put_item().table_name("table").set_item(Some(item)).send().await.unwrap();
    }
}

#[tokio::test]
async fn every_attempt_has_its_read_time_whether_or_not_it_is_counted() {
    let store = store().await;
    let client = Client { device: None, ip: None };
    for client in [Some(client), None] {
        let attempt = store.attempt(&identifier(1), client, NOW).await.unwrap();
        assert!(attempt.read_time > Duration::ZERO, "{client:?}");
    }
}
