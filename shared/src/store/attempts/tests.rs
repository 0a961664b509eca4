//! Counts attempts at the table itself. No password is hashed here.

use super::*;
use crate::{
    account::{email::Email, rate_limit::FREE_FAILURES},
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

/// Makes one whole failed attempt. Returns whether the attempt was let through.
async fn fail(store: &Store, number: usize, ip: Option<&IpKey>, now: Timestamp) -> bool {
    let mut attempt = read(store, number, ip, now).await;
    match store.reserve(&mut attempt, now).await {
        Err(Error::TooManyAttempts(_)) => return false,
        done => done.unwrap(),
    }
    match store.count_failure(&mut attempt, now).await {
        Err(Error::TooManyAttempts(_)) => false,
        done => done.map(|()| true).unwrap(),
    }
}

async fn items(store: &Store) -> Vec<Item> {
    store.client.scan().table_name(&store.table).send().await.unwrap().items.unwrap_or_default()
}

#[tokio::test]
async fn one_password_on_many_accounts_gets_as_far_as_the_quota_of_its_address() {
    let store = store().await;
    let (sprayer, neighbour) = (key("192.0.2.1"), key("192.0.2.2"));
    let mut through = 0;
    for number in 0..400 {
        through += u32::from(fail(&store, number, Some(&sprayer), NOW).await);
    }
    assert_eq!(through, FAILED_LOGINS.max);
    assert!(fail(&store, 500, Some(&neighbour), NOW).await);
    assert!(fail(&store, 500, None, NOW).await);
    assert!(fail(&store, 501, Some(&sprayer), NOW + FAILED_LOGINS.window).await);
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
    assert_eq!(ends.len(), 2);
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
