//! Secrets are loaded, kept and renewed, while Secrets Manager fails in every way.

use std::{collections::HashSet, io::Write, time::Duration};

use serde_json::json;
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

use super::*;
use crate::{
    WarmUp,
    config::Config,
    jose::jwt::Jwt,
    keys::{KeySet, NewKeys},
    testing::{Fault, PATIENCE, SIGNING_KEYS_ID, Secrets, SecretsManager, Service, service_account, signing_keys},
    token::custom::CustomToken,
};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
/// API keys.
const KEYS: [&str; 3] =
    ["the first key of 32 characters...", "the second key of 32 characters..", "the third key of 32 characters..."];
const VERSION: &str = "00000000-0000-0000-0000-000000000000";
/// The longest time that an answer waits for keys, on the paused clock. Cold has no keys to serve,
/// warm has some. Timers tick once in a millisecond.
const COLD_MAX: Duration = Duration::from_millis(3_000);
const WARM_MAX: Duration = Duration::from_millis(1_001);

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// The key set from `signing`, and the other secrets that these variables name.
fn sources(signing: Source, variables: &[(&str, &str)]) -> KeySources {
    let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
    Config::read(get).unwrap().key_sources(signing)
}

/// A Secrets Manager with a key set, and the keys of a deployment that reads it there.
fn deployment(variables: &[(&str, &str)]) -> (SecretsManager, Arc<Keys>) {
    let manager = SecretsManager::new(Secrets::default());
    manager.with(|secrets| secrets.put("keys", VERSION, signing_keys()));
    let signing = Source::Secret("keys".to_owned());
    let keys = Keys::new(Some(manager.client()), sources(signing, variables));
    (manager, Arc::new(keys))
}

/// A version id that is unique in a test.
fn version(number: usize) -> String {
    format!("{number:032}")
}

/// The status of a load, and the cause for the log.
#[track_caller]
fn failed<T>(outcome: Result<T, Error>) -> (u16, String) {
    let Err(error) = outcome else { panic!("it succeeded") };
    assert_eq!(error.retry_after_seconds().is_some(), error.status_and_code().0 == 503);
    (error.status_and_code().0, std::error::Error::source(&error).unwrap().to_string())
}

/// Another set than the first, and the id of its signing key.
fn other_set() -> (String, String) {
    let new = || NewKeys::generate().unwrap();
    let text = KeySet::generate(NOW, new(), new()).to_json().unwrap();
    let kid = KeyRing::parse(&text).unwrap().signing(NOW).unwrap().kid.clone();
    (text, kid)
}

#[tokio::test(start_paused = true)]
async fn what_is_loaded_is_kept_and_renewed_behind_an_answer() {
    let (manager, keys) = deployment(&[]);
    let first = keys.ring(NOW).await.unwrap();
    for seconds in [0, 10, 24] {
        assert!(Arc::ptr_eq(&first, &keys.ring(after(seconds)).await.unwrap()));
    }
    assert_eq!(manager.calls(), ["GetSecretValue"]);
    // Half of the lifetime is over: this answer still has the old keys, the next one the new.
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(1), &text));
    assert!(Arc::ptr_eq(&first, &keys.ring(after(25)).await.unwrap()));
    sleep(Duration::from_millis(50)).await;
    assert_eq!(keys.ring(after(26)).await.unwrap().signing(NOW).unwrap().kid, kid);
    assert_eq!(manager.calls(), ["GetSecretValue"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_too_old_is_not_served_so_that_a_revoked_key_is_out_within_a_minute() {
    let (manager, keys) = deployment(&[]);
    keys.ring(NOW).await.unwrap();
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(1), &text));
    // The function was frozen for 51 seconds, and then for a week.
    assert_eq!(keys.ring(after(51)).await.unwrap().signing(NOW).unwrap().kid, kid);
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(2), &text));
    assert_eq!(keys.ring(after(700_000)).await.unwrap().signing(NOW).unwrap().kid, kid);
    // A clock that was set back makes no value young for ever.
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(3), &text));
    assert_eq!(keys.ring(NOW).await.unwrap().signing(NOW).unwrap().kid, kid);
}

#[tokio::test(start_paused = true)]
async fn what_did_not_change_is_not_parsed_again() {
    let (_, keys) = deployment(&[]);
    let first = keys.ring(NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &keys.ring(after(1_000)).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_load_that_was_frozen_with_its_function_excuses_nothing() {
    // One load never ends. Another ends with a dead connection when the function goes on.
    for fault in [Fault::Hangs, Fault::Refused] {
        let (manager, keys) = deployment(&[]);
        keys.ring(NOW).await.unwrap();
        let (text, kid) = other_set();
        manager.with(|secrets| secrets.put("keys", &version(1), &text));
        manager.fares(Some(fault));
        for seconds in [30, 48] {
            keys.ring(after(seconds)).await.unwrap();
            sleep(Duration::from_millis(50)).await;
        }
        manager.fares(None);
        assert_eq!(keys.ring(after(52)).await.unwrap().signing(NOW).unwrap().kid, kid, "{fault:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_outage_is_looked_at_every_five_seconds_and_waited_for_every_ten() {
    let (manager, keys) = deployment(&[]);
    keys.ring(NOW).await.unwrap();
    manager.calls();
    manager.fares(Some(Fault::Denied));
    let mut loads = Vec::new();
    for seconds in 51..=72 {
        keys.ring(after(seconds)).await.unwrap();
        sleep(Duration::from_millis(20)).await;
        if !manager.calls().is_empty() {
            loads.push(seconds);
        }
    }
    assert_eq!(loads, [51, 56, 61, 66, 71]);
    // Every process has a later change within a minute: an answer waits again, whatever failed
    // before.
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(1), &text));
    manager.fares(None);
    assert_eq!(keys.ring(after(81)).await.unwrap().signing(NOW).unwrap().kid, kid);
}

/// The faults of Secrets Manager, and the words of the log about each.
fn faults() -> Vec<(Fault, &'static str)> {
    vec![
        (Fault::Hangs, "within 3 seconds"),
        (Fault::Refused, "cannot be read"),
        (Fault::Throttled, "cannot be read"),
        (Fault::Broken, "cannot be read"),
        (Fault::Denied, "cannot be read"),
        (Fault::Garbled, "cannot be read"),
        (Fault::Slow(Duration::from_secs(5)), "within 3 seconds"),
    ]
}

/// Contents that are no key set, and the words of the log about each.
fn contents() -> [(&'static str, &'static str); 5] {
    [
        ("hunter2", "not a key set"),
        ("{\"hunter2\":", "not a key set"),
        ("{\"keys\":[]}", "no RS256 key"),
        (" ", "not a key set"),
        (
            "{\"keys\":[{\"kid\":\"k\",\"alg\":\"RS256\",\"private_key\":\"hunter2\",\"created_at\":0}]}",
            "is not PEM text",
        ),
    ]
}

/// Runs an attempt with every fault, all at the same time, because they mostly wait.
async fn with_every_fault<F: Future<Output = ()> + Send + 'static>(attempt: fn(Fault, &'static str) -> F) {
    let mut attempts = JoinSet::new();
    for (fault, words) in faults() {
        attempts.spawn(attempt(fault, words));
    }
    while let Some(attempt) = attempts.join_next().await {
        attempt.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn cold_every_fault_is_503_within_three_seconds_and_the_next_request_recovers() {
    with_every_fault(|fault, words| async move {
        let (manager, keys) = deployment(&[]);
        let shown = format!("{fault:?}");
        manager.fares(Some(fault));
        let outcome = timeout(COLD_MAX, keys.get(NOW)).await.expect(&shown);
        let (status, cause) = failed(outcome);
        assert!(status == 503 && cause.contains(words), "{shown}: {cause}");
        manager.fares(None);
        assert!(keys.get(NOW).await.is_ok(), "{shown}");
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn cold_what_is_no_key_is_503_is_not_told_and_recovers_on_the_next_request() {
    for (index, (content, words)) in contents().into_iter().enumerate() {
        let (manager, keys) = deployment(&[]);
        manager.with(|secrets| secrets.put("keys", &version(index), content));
        let (status, cause) = failed(keys.get(NOW).await);
        assert!(status == 503 && cause.contains(words) && !cause.contains("hunter2"), "{content}: {cause}");
        manager.with(|secrets| secrets.put("keys", &version(99), signing_keys()));
        assert!(keys.get(NOW).await.is_ok(), "{content}");
    }
    let (manager, keys) = deployment(&[]);
    manager.with(|secrets| secrets.put_binary("keys", &version(1), b"\xff\xfe"));
    assert!(failed(keys.get(NOW).await).1.contains("has no text"));
    for (id, words) in [("empty", "has no value yet"), ("missing", "cannot be read")] {
        manager.with(|secrets| secrets.create("empty"));
        let keys = Keys::new(Some(manager.client()), sources(Source::Secret(id.to_owned()), &[]));
        let (status, cause) = failed(keys.get(NOW).await);
        assert!(status == 503 && cause.contains(words), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_waits_for_keys_no_longer_than_an_answer_would() {
    let secrets = SecretsManager::new(Secrets::default());
    secrets.with(|secrets| secrets.put(SIGNING_KEYS_ID, VERSION, signing_keys()));
    let service = Service::deployed(axum::Router::new(), &[], &secrets).await;
    secrets.fares(Some(Fault::Hangs));
    timeout(WARM_MAX, service.app().warm_up(WarmUp::Passwords)).await.expect("a second is the most");
    // The first request waits for the same load.
    assert_eq!(failed(service.app().keys().ring(service.app().now()).await).0, 503);
    assert_eq!(secrets.calls(), ["GetSecretValue"]);
}

#[tokio::test(start_paused = true)]
async fn warm_no_fault_costs_a_request() {
    with_every_fault(|fault, _| async move {
        let (manager, keys) = deployment(&[]);
        keys.ring(NOW).await.unwrap();
        let shown = format!("{fault:?}");
        manager.fares(Some(fault));
        for moment in [40, 80, 120, 160, 10_000] {
            let outcome = timeout(WARM_MAX, keys.ring(after(moment))).await.expect(&shown);
            assert!(outcome.is_ok(), "{shown}");
        }
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn warm_no_content_evicts_a_good_one() {
    for (index, (content, _)) in contents().into_iter().enumerate() {
        let (manager, keys) = deployment(&[]);
        let good = keys.ring(NOW).await.unwrap();
        manager.with(|secrets| secrets.put("keys", &version(index), content));
        for seconds in [30, 60, 10_000] {
            assert!(Arc::ptr_eq(&good, &keys.ring(after(seconds)).await.unwrap()), "{content}");
        }
        let (text, kid) = other_set();
        manager.with(|secrets| secrets.put("keys", &version(99), &text));
        assert_eq!(keys.ring(after(20_000)).await.unwrap().signing(NOW).unwrap().kid, kid, "{content}");
    }
}

/// Sends a thousand requests at once, on all threads of the runtime.
async fn thousand(keys: &Arc<Keys>, now: Timestamp) -> Vec<Result<Arc<KeyRing>, Error>> {
    let mut requests = Vec::new();
    for _ in 0..1_000 {
        let keys = keys.clone();
        requests.push(tokio::spawn(async move { keys.ring(now).await }));
    }
    let mut outcomes = Vec::new();
    for request in requests {
        outcomes.push(request.await.unwrap());
    }
    outcomes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_thousand_requests_make_one_fetch() {
    let (manager, keys) = deployment(&[]);
    manager.fares(Some(Fault::Slow(Duration::from_millis(200))));
    let outcomes = thousand(&keys, NOW).await;
    assert!(outcomes.iter().all(Result::is_ok));
    assert_eq!(manager.calls().len(), 1, "cold");
    assert!(thousand(&keys, after(30)).await.iter().all(Result::is_ok));
    // Nobody waits for this fetch, so on a busy machine it may begin after the last answer.
    let called = async {
        loop {
            let calls = manager.calls();
            if !calls.is_empty() {
                break calls.len();
            }
            sleep(Duration::from_millis(1)).await;
        }
    };
    assert_eq!(timeout(PATIENCE, called).await.expect("a fetch begins"), 1, "half way");
    assert!(thousand(&keys, after(100)).await.iter().all(Result::is_ok));
    assert_eq!(manager.calls().len(), 1, "too old");
}

// One thread, where the paused clock waits for all requests. A request after the end of the fetch
// would make another fetch.
#[tokio::test(start_paused = true)]
async fn a_thousand_requests_of_an_outage_make_one_fetch_at_a_time() {
    let (manager, keys) = deployment(&[]);
    manager.fares(Some(Fault::Hangs));
    let outcomes = thousand(&keys, NOW).await;
    assert!(outcomes.into_iter().all(|outcome| failed(outcome).0 == 503));
    // One load. The SDK has no time limit for it here; on AWS it tries twice within the limit.
    assert_eq!(manager.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_given_up_does_not_end_the_fetch_that_others_wait_for() {
    let (manager, keys) = deployment(&[]);
    manager.fares(Some(Fault::Slow(Duration::from_millis(200))));
    let first = {
        let keys = keys.clone();
        tokio::spawn(async move { keys.ring(NOW).await })
    };
    sleep(Duration::from_millis(50)).await;
    first.abort();
    assert!(keys.ring(NOW).await.is_ok());
    assert_eq!(manager.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_known_causes_one_early_fetch_and_no_flood_of_them() {
    let (manager, keys) = deployment(&[]);
    keys.ring(NOW).await.unwrap();
    manager.calls();
    let (text, kid) = other_set();
    manager.with(|secrets| secrets.put("keys", &version(1), &text));
    let ring = keys.public_if(after(1), |keys| keys.knows(&kid)).await.unwrap();
    assert!(ring.knows(&kid));
    assert_eq!(manager.calls().len(), 1);
    for second in 1..31 {
        let ring = keys.public_if(after(second), |ring| ring.knows("made up")).await.unwrap();
        assert!(!ring.knows("made up"));
    }
    assert!(manager.calls().len() <= 4, "one in ten seconds, and one because it was due");
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_known_to_keys_just_loaded_causes_no_other_fetch() {
    let (manager, keys) = deployment(&[]);
    for seconds in [0, 100] {
        assert!(!keys.public_if(after(seconds), |ring| ring.knows("made up")).await.unwrap().knows("made up"));
        assert_eq!(manager.calls().len(), 1, "after {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn a_key_that_is_not_known_is_503_while_nobody_can_tell() {
    let (manager, keys) = deployment(&[]);
    let known = keys.ring(NOW).await.unwrap().signing(NOW).unwrap().kid.clone();
    for (seconds, fault) in [(60, Fault::Denied), (200, Fault::Hangs)] {
        manager.fares(Some(fault));
        let (status, cause) = failed(keys.public_if(after(seconds), |ring| ring.knows("new")).await);
        assert!(status == 503 && (cause.contains("cannot be read") || cause.contains("to its end")), "{cause}");
        assert!(keys.public_if(after(seconds + 1), |ring| ring.knows(&known)).await.is_ok());
        manager.fares(None);
        assert!(keys.public_if(after(seconds + 20), |ring| ring.knows("new")).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_account_that_is_replaced_never_signs_for_the_other() {
    let accounts: Vec<String> =
        ["one-project", "two-project"].map(|project| ServiceAccount::generate_demo(project).unwrap()).to_vec();
    let public: Vec<ServiceAccount> = accounts.iter().map(|text| ServiceAccount::parse(text).unwrap()).collect();
    let (manager, keys) = deployment(&[("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "account"), ("KEYS_TTL_SECONDS", "1")]);
    let mut signers = HashSet::new();
    for round in 0_usize..200 {
        manager.with(|secrets| secrets.put("account", &version(round), &accounts[round % 2]));
        let now = NOW + Duration::from_millis(300 * round as u64);
        let account = keys.firebase(now).await.unwrap().unwrap();
        let request = CustomToken { uid: "u", claims: None, tenant_id: None, life: Duration::from_secs(60) };
        let token = Jwt::parse(&account.custom_token(&request, now).await.unwrap()).unwrap();
        let issuer = token.text("iss").unwrap().to_owned();
        let owner = public.iter().find(|account| account.email == issuer).unwrap();
        assert_eq!(owner.inspect_custom_token(&token, now, Duration::ZERO).await.unwrap(), None);
        signers.insert(issuer);
    }
    assert_eq!(signers.len(), 2);
}

#[tokio::test(start_paused = true)]
async fn shared_secrets_and_api_keys_are_renewed_alike_and_may_share_a_secret() {
    let both = |secret: &str, key: &str| json!({"shared_secret": secret.repeat(32), "api_key": key}).to_string();
    let (manager, keys) = deployment(&[("SHARED_SECRET_ID", "both"), ("API_KEY_SECRET_ID", "both")]);
    manager.with(|secrets| secrets.put("both", &version(1), &both("a", KEYS[0])));
    keys.warm(NOW).await.unwrap();
    let [_, second, _] = KEYS;
    let token = Jwt::parse(&keys.shared_secrets(NOW).await.unwrap().unwrap().sign(&json!({"a": 1})).unwrap()).unwrap();
    assert!(keys.api_keys(NOW).await.unwrap().unwrap().find(KEYS[0]).is_some());
    manager.with(|secrets| secrets.put("both", &version(2), &both("b", second)));
    // A caller with a key that is still unknown here is not turned away for five minutes.
    let renewed = keys.api_keys_if(after(1), |keys| keys.find(second).is_some()).await.unwrap().unwrap();
    assert!(renewed.find(second).is_some());
    assert!(!keys.shared_secrets(after(601)).await.unwrap().unwrap().signed(&token));
    // The sentence about a wrong value names the variable.
    manager.with(|secrets| secrets.put("both", &version(3), &both("", KEYS[2])));
    let with = |variables: &[(&str, &str)]| {
        let secret = [&[("SHARED_SECRET_ID", "both")], variables].concat();
        Keys::new(Some(manager.client()), sources(Source::Secret("keys".to_owned()), &secret))
    };
    let keys = with(&[("TOKEN_PROFILE", "shared_secret")]);
    assert_eq!(failed(keys.get(NOW).await).1, "SHARED_SECRET_ID is empty.");
    // A shared secret that signs no tokens keeps nobody from logging in.
    let keys = with(&[]);
    assert!(keys.get(NOW).await.is_ok() && keys.warm(NOW).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn a_file_is_read_again_and_a_variable_is_not() {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(signing_keys().as_bytes()).unwrap();
    let keys = Keys::new(None, sources(Source::File(file.path().to_owned()), &[]));
    keys.ring(NOW).await.unwrap();
    let (text, kid) = other_set();
    std::fs::write(file.path(), text).unwrap();
    assert_eq!(keys.ring(after(60)).await.unwrap().signing(NOW).unwrap().kid, kid);
    let (text, _) = other_set();
    let keys = Keys::new(None, sources(Source::Text(text), &[]));
    let first = keys.public(NOW).await.unwrap();
    assert!(Arc::ptr_eq(&first, &keys.public_if(after(10_000), |_| false).await.unwrap()));
}

#[tokio::test(start_paused = true)]
async fn a_source_that_gives_no_key_is_503_and_its_text_is_not_told() {
    for (signing, account) in [("hunter2", ""), (signing_keys(), "{\"hunter2\":1}")] {
        let signing = Source::Text(signing.to_owned());
        let keys = Keys::new(None, sources(signing, &[("FIREBASE_SERVICE_ACCOUNT", account)]));
        let (status, cause) = failed(keys.get(NOW).await);
        assert!(status == 503 && !cause.contains("hunter2"), "{cause}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_account_of_another_project_is_refused_by_both_names() {
    let keys = |project: &str| {
        let variables = [("FIREBASE_SERVICE_ACCOUNT", service_account()), ("FIREBASE_PROJECT_ID", project)];
        Keys::new(None, sources(Source::Text(signing_keys().to_owned()), &variables))
    };
    assert!(keys("demo-latchkey").get(NOW).await.is_ok());
    let (status, cause) = failed(keys("other").get(NOW).await);
    assert!(status == 503 && cause.contains("is other") && cause.contains("project demo-latchkey"), "{cause}");
}
