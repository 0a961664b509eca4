use tokio::{task::JoinSet, time};

use super::*;

const POLICY: Policy = Policy { length_min: 8, memory_kib: 19_456, iterations: 2 };
/// A policy of little work, for tests in which the cost does not matter.
const CHEAP: Policy = Policy { length_min: 8, memory_kib: 64, iterations: 1 };
/// A hash of "correct horse" with 1,024 rounds.
const BCRYPT_10: &str = "$2b$10$cvwLM5hOaxOWbjf6zaSK6.RmqSbi4AaoBYzdsXfCYC4rcgYweS7hC";

fn password(text: &str) -> Password {
    Password::parse(text).unwrap()
}

#[tokio::test]
async fn a_hash_is_argon2id_phc_text_and_matches_its_password_only() {
    let hasher = Hasher::new(&POLICY, 2).unwrap();
    let stored = hasher.hash(password("correct horse"), [7; 16]).await.unwrap();
    assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_str());
    assert_eq!(checked(&hasher, password("correct horse"), Some(stored.clone())).await.unwrap(), Verdict::Right);
    assert_eq!(checked(&hasher, password("correct horsf"), Some(stored)).await.unwrap(), Verdict::Wrong);
    assert_eq!(checked(&hasher, password("correct horse"), None).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn a_right_password_is_outdated_where_its_hash_is_foreign_or_weaker_than_configured() {
    let hasher = Hasher::new(&POLICY, 1).unwrap();
    let check =
        async |text: &str, stored: &str| checked(&hasher, password(text), Some(StoredHash::new(stored))).await.unwrap();
    let salt_and = |output| format!("c29tZXNhbHRzb21lc2FsdA${output}");
    for (params, output, verdict) in [
        ("v=19$m=8192,t=1,p=1", "+jQGvnLH9sd/RHpVFdneZ1pWEi8VDK30k/E/IE+o3IE", Verdict::Outdated),
        ("v=16$m=1024,t=3,p=1", "RJBkqHDasroqxcbAB27ayR+0ohdC9GSLYnjKAZiuG4o", Verdict::Outdated),
        ("v=19$m=32768,t=1,p=1", "fektlHRIup9pYt5nl0VvsHD5PlTUVGeVNhtSL6CvHtg", Verdict::Outdated),
        ("v=19$m=32768,t=2,p=1", "w7oDhiOkUFE8MBFFsL4EmRUM3jXv2HZ2hQ+0li2TGkE", Verdict::Right),
        ("v=19$m=19456,t=2,p=1", "k9ohroejZy1PN5E1SbHNPug6vB8eQAahb5SOAp6iGF4", Verdict::Right),
    ] {
        let stored = format!("$argon2id${params}${}", salt_and(output));
        assert_eq!(check("correct horse", &stored).await, verdict, "{stored}");
        assert_eq!(check("another horse", &stored).await, Verdict::Wrong, "{stored}");
    }
    assert_eq!(check("correct horse", BCRYPT_10).await, Verdict::Outdated);
    assert_eq!(check("another horse", BCRYPT_10).await, Verdict::Wrong);
}

#[tokio::test]
async fn a_hostile_or_broken_stored_hash_is_a_failed_login() {
    let hasher = Hasher::new(&CHEAP, 1).unwrap();
    for stored in
        ["", "plain", "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"]
    {
        let verdict = checked(&hasher, password("plain"), Some(StoredHash::new(stored))).await.unwrap();
        assert_eq!(verdict, Verdict::Wrong, "{stored}");
    }
}

#[tokio::test]
async fn a_failed_check_takes_as_long_as_the_longest_of_a_hash_of_another_cost() {
    let hasher = Hasher::new(&CHEAP, 1).unwrap();
    let own = hasher.hash(password("correct horse"), [7; 16]).await.unwrap();
    let stored = [None, Some(own.clone()), Some(StoredHash::new("broken"))];
    for stored in stored.clone() {
        checked(&hasher, password("wrong horse"), stored).await.unwrap();
    }
    checked(&hasher, password("correct horse"), Some(StoredHash::new(BCRYPT_10))).await.unwrap();
    let failed = || hasher.inner.legacy_floor.decay();
    assert_eq!(failed(), Duration::ZERO, "nothing waits for a hash of the current cost, nor for a right password");

    let began = Instant::now();
    checked(&hasher, password("wrong horse"), Some(StoredHash::new(BCRYPT_10))).await.unwrap();
    // 1,024 rounds of bcrypt take about 50 ms, and on no machine a fiftieth of that.
    assert!(Duration::from_millis(1) < failed() && failed() <= began.elapsed(), "{:?}", failed());
    let cheaper = StoredHash::new("$2b$04$OlYZYX9X/0oheiMxnoH8cup31DhoK1VP3aI59/XZ05m/SC4rgoLzW");
    for stored in stored.into_iter().chain([Some(cheaper)]) {
        let began = Instant::now();
        checked(&hasher, password("wrong horse"), stored).await.unwrap();
        assert!(began.elapsed() >= failed());
    }
}

#[tokio::test]
async fn a_right_password_does_not_wait_and_a_check_that_is_padded_blocks_no_other() {
    let hasher = Hasher::new(&CHEAP, 1).unwrap();
    let own = hasher.hash(password("correct horse"), [7; 16]).await.unwrap();
    let hour = Duration::from_secs(3_600);
    hasher.inner.legacy_floor.raise(hour);
    let wrong = hasher.clone();
    let waiting = tokio::spawn(async move { checked(&wrong, password("wrong horse"), None).await });
    for stored in [own, StoredHash::new(BCRYPT_10)] {
        let right = checked(&hasher, password("correct horse"), Some(stored));
        assert!(time::timeout(hour / 60, right).await.unwrap().unwrap().is_right());
    }
    assert!(!waiting.is_finished());
    waiting.abort();
}

#[tokio::test]
async fn a_check_that_was_stopped_meanwhile_makes_nobody_wait_beyond_the_bound() {
    let hasher = Hasher::new(&CHEAP, 1).unwrap();
    let stopped = Checked { verdict: Verdict::Wrong, has_current_cost: false, took: Duration::from_secs(900) };
    hasher.pad_to_floor(&stopped, Duration::ZERO).await;
    assert!(hasher.inner.legacy_floor.decay() <= LEGACY_FLOOR_MAX);
}

/// A hasher with one permit, which is in use as long as the second part lives.
async fn busy() -> (Hasher, impl Send) {
    let hasher = Hasher::new(&CHEAP, 1).unwrap();
    let slot = Arc::clone(&hasher.inner.slots).try_acquire_owned().unwrap();
    let permit = Arc::clone(&hasher.inner.permits).acquire_owned().await.unwrap();
    (hasher, (slot, permit))
}

/// Checks a password, and pads a failure as a login does.
async fn checked(hasher: &Hasher, password: Password, stored: Option<StoredHash>) -> Result<Verdict, Error> {
    let checked = hasher.check(password, stored).await?;
    if !checked.verdict.is_right() {
        hasher.pad_to_floor(&checked, Duration::ZERO).await;
    }
    Ok(checked.verdict)
}

fn spawn_checks(hasher: &Hasher, count: usize) -> JoinSet<Result<Verdict, Error>> {
    let check = |hasher: Hasher| async move { checked(&hasher, password("wrong horse"), None).await };
    (0..count).map(|_| check(hasher.clone())).collect()
}

#[tokio::test]
async fn more_than_32_hashes_do_not_wait_for_one_permit() {
    let (hasher, computed) = busy().await;
    let mut checks = spawn_checks(&hasher, 40);
    for _ in 32..40 {
        let refused = checks.join_next().await.unwrap().unwrap().unwrap_err();
        assert_eq!((refused.status_and_code().0, refused.retry_after_seconds()), (503, Some(1)));
    }
    let refused = hasher.hash(password("correct horse"), [7; 16]).await.unwrap_err();
    assert_eq!(refused.status_and_code().0, 503);
    assert!(checks.try_join_next().is_none(), "32 wait");
    drop(computed);
    let served = checks.join_all().await;
    assert_eq!(served.into_iter().map(Result::unwrap).collect::<Vec<_>>(), [Verdict::Wrong; 32]);
    assert_eq!(checked(&hasher, password("wrong horse"), None).await.unwrap(), Verdict::Wrong);
    assert_eq!((hasher.inner.slots.available_permits(), hasher.inner.permits.available_permits()), (33, 1));
}

#[tokio::test]
async fn a_client_that_hangs_up_while_waiting_frees_its_slot() {
    let (hasher, computed) = busy().await;
    let mut checks = spawn_checks(&hasher, 32);
    while hasher.inner.slots.available_permits() > 0 {
        task::yield_now().await;
    }
    assert!(checked(&hasher, password("wrong horse"), None).await.is_err());
    checks.abort_all();
    while checks.join_next().await.is_some() {}
    assert_eq!(hasher.inner.slots.available_permits(), 32);
    drop(computed);
    assert_eq!(checked(&hasher, password("wrong horse"), None).await.unwrap(), Verdict::Wrong);
}

#[tokio::test]
async fn an_owner_does_not_wait_behind_the_queue_of_those_who_failed() {
    let (hasher, computed) = busy().await;
    let low = hasher.with_priority(Priority::Low);
    let mut checks = JoinSet::new();
    let mut check = |hasher: &Hasher, name: &'static str| {
        let hasher = hasher.clone();
        checks.spawn(async move { hasher.check(password("wrong horse"), None).await.map(|_| name) });
    };
    (0..40).for_each(|_| check(&low, "low"));
    while low.inner.low_slots.available_permits() > 0 {
        task::yield_now().await;
    }
    check(&hasher, "owner");
    while hasher.inner.slots.available_permits() > 31 {
        task::yield_now().await;
    }
    drop(computed);
    let mut ended = Vec::new();
    while let Some(done) = checks.join_next().await {
        ended.extend(done.unwrap().ok());
    }
    // One of the others had its turn already when the owner came, and a few may report first.
    let place = ended.iter().position(|name| *name == "owner");
    assert!(place.is_some_and(|place| place < 8), "{ended:?}");
    assert_eq!(ended.len(), 34, "33 of the others have a place");
}
