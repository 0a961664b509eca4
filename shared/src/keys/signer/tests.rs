//! Custom tokens that other services sign: good ones, and every fault.

use std::{collections::BTreeSet, time::Duration};

use futures_util::future::join_all;
use tokio::time::Instant;

use crate::{
    config::Config,
    error::Error,
    jose::jwt::Jwt,
    keys::{KeySources, Keys, service_account::ServiceAccount},
    telemetry::log::{LogFormat, fault, kept::Log},
    testing::{AWS_SECRETS, FakeKms, GoogleCloud, PROJECT, SIGNING_EMAIL, SignerFault as Fault, certificate},
    time::Timestamp,
    token::custom::{CustomToken, CustomTokenError},
};

const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
/// The time within which a login is answered, whatever happens.
const ANSWERED_MAX: Duration = Duration::from_secs(3);

/// The service account whose key another service holds.
async fn account(change: impl FnOnce(&mut KeySources)) -> std::sync::Arc<ServiceAccount> {
    let mut sources = Config::read(|_| None).unwrap().key_sources(None);
    change(&mut sources);
    Keys::new(None, sources).firebase(NOW).await.unwrap().unwrap()
}

async fn token(account: &ServiceAccount, now: Timestamp) -> Result<String, Error> {
    let request = CustomToken { uid: "u", claims: None, tenant_id: None, life: Duration::from_secs(3_600) };
    account.custom_token(&request, now).await.map_err(|refusal| match refusal {
        CustomTokenError::Fault(error) => error,
        CustomTokenError::Request(sentence) => panic!("{sentence}"),
    })
}

/// Whether a token is the account's, and the key with this index signed it.
fn is_by(text: &str, key: usize) -> bool {
    let token = Jwt::parse(text).unwrap();
    let public = super::super::google::read(format!(r#"{{"k":{:?}}}"#, certificate(key).pem()).as_bytes()).unwrap();
    (token.text("iss"), token.text("sub")) == (Some(SIGNING_EMAIL), Some(SIGNING_EMAIL))
        && token.is_signed_by(&public.keys[0].1)
}

fn after(seconds: u64) -> Timestamp {
    NOW + Duration::from_secs(seconds)
}

/// The cause of a failure, which came in time and is a 503.
async fn failure(account: &ServiceAccount, now: Timestamp) -> String {
    let began = Instant::now();
    let error = token(account, now).await.unwrap_err();
    assert!(began.elapsed() < ANSWERED_MAX, "{:?}", began.elapsed());
    assert_eq!(error.status_and_code(), (503, "unavailable"), "{error:?}");
    error.cause()
}

#[tokio::test]
async fn google_signs_for_a_role_at_aws_and_the_token_is_as_one_of_a_key_file() {
    let google = GoogleCloud::start(NOW).await;
    let account = account(|sources| google.signs(sources)).await;
    assert_eq!((account.email.as_str(), account.project_id.as_str()), (SIGNING_EMAIL, PROJECT));
    let text = token(&account, NOW).await.unwrap();
    assert!(is_by(&text, 0));
    assert_eq!(
        serde_json::to_value(Jwt::parse(&text).unwrap().header()).unwrap(),
        serde_json::json!({"alg": "RS256", "typ": "JWT"})
    );
    assert_eq!((google.counts(), google.refused()), ([1, 1, 1], Vec::new()));
    // A token of another program is judged by the published keys.
    let parsed = Jwt::parse(&text).unwrap();
    assert_eq!(account.inspect_custom_token(&parsed, NOW, Duration::ZERO).await.unwrap(), None);
    assert_eq!(google.counts(), [1, 1, 1]);
}

#[tokio::test]
async fn on_cloud_run_the_service_account_of_the_service_is_the_caller() {
    let google = GoogleCloud::start(NOW).await;
    let account = account(|sources| google.signs_on_cloud_run(sources)).await;
    assert!(is_by(&token(&account, NOW).await.unwrap(), 0));
    google.fails(Some(Fault::Status(404)), None, None);
    google.revokes_tokens();
    let cause = failure(&account, NOW).await;
    assert_eq!(cause, "Google's metadata server answered 404: does the service run as a service account?");
}

#[tokio::test]
async fn one_access_token_and_one_fetch_of_certificates_serve_all_logins_of_an_hour() {
    let google = GoogleCloud::start(NOW).await;
    let account = account(|sources| google.signs(sources)).await;
    for text in join_all((0..200).map(|_| token(&account, NOW))).await {
        assert!(is_by(&text.unwrap(), 0));
    }
    assert_eq!(google.counts(), [1, 200, 1]);
    // Five minutes before its end the access token is renewed.
    google.travel_to(after(3_299));
    token(&account, after(3_299)).await.unwrap();
    assert_eq!(google.counts(), [1, 201, 1]);
    google.travel_to(after(3_300));
    for text in join_all((0..50).map(|_| token(&account, after(3_300)))).await {
        text.unwrap();
    }
    assert_eq!(google.counts(), [2, 251, 1]);
}

#[tokio::test]
async fn an_access_token_that_was_revoked_is_renewed_once_and_a_key_that_was_rotated_is_fetched() {
    let google = GoogleCloud::start(NOW).await;
    let account = account(|sources| google.signs(sources)).await;
    token(&account, NOW).await.unwrap();
    google.revokes_tokens();
    assert!(is_by(&token(&account, NOW).await.unwrap(), 0));
    assert_eq!(google.counts(), [2, 2, 1]);
    google.rotates_to(1);
    assert!(is_by(&token(&account, after(60)).await.unwrap(), 1));
    assert_eq!(google.counts(), [2, 3, 2]);
}

#[tokio::test]
async fn each_fault_of_google_is_told_by_its_name_in_time_and_never_a_token() {
    let google = GoogleCloud::start(NOW).await;
    let account = account(|sources| google.signs(sources)).await;
    let (sts, iam) = ("Google's Security Token Service", "IAM Credentials");
    for (fault, server, words) in [
        (Fault::Denied, sts, "answered 400 unauthorized_client: the condition of the identity provider"),
        (Fault::Throttled, sts, "answered 429"),
        (Fault::Status(503), sts, "answered 503"),
        (Fault::Garbage, sts, "answered no access token"),
        (Fault::Silence, sts, "did not answer within 1.1s"),
    ] {
        google.fails(Some(fault), None, None);
        let cause = failure(&account, NOW).await;
        assert!(cause.starts_with(server) && cause.contains(words), "{fault:?}: {cause}");
    }
    let denied = "answered 403 PERMISSION_DENIED: iam.serviceAccounts.signBlob denied: grant the caller \
                  roles/iam.serviceAccountTokenCreator on signer@demo-latchkey.iam.gserviceaccount.com";
    for (fault, words) in [
        (Fault::Denied, denied),
        (Fault::Throttled, "answered 429 RESOURCE_EXHAUSTED"),
        (Fault::Status(500), "answered 500 INTERNAL"),
        (Fault::Status(404), "correct FIREBASE_CLIENT_EMAIL"),
        (Fault::Garbage, "answered no signature"),
        (Fault::Silence, "did not answer within 1.1s"),
    ] {
        google.fails(None, Some(fault), None);
        let cause = failure(&account, NOW).await;
        assert!(cause.starts_with(iam) && cause.contains(words), "{fault:?}: {cause}");
    }
    google.fails(None, Some(Fault::UnknownKey), None);
    let cause = failure(&account, NOW).await;
    assert_eq!(cause, format!("{SIGNING_EMAIL} has no certificate of the key key7, which signed"));
    google.fails(None, Some(Fault::WrongKey), None);
    let cause = failure(&account, NOW).await;
    assert_eq!(cause, format!("a signature by the key key0 of {SIGNING_EMAIL} does not verify, and is not used"));
    google.fails(None, None, None);
    assert!(is_by(&token(&account, NOW).await.unwrap(), 0));
}

#[tokio::test]
async fn without_the_certificates_no_signature_is_used() {
    let google = GoogleCloud::start(NOW).await;
    for fault in [Fault::Status(500), Fault::Garbage, Fault::Silence] {
        let account = account(|sources| google.signs(sources)).await;
        google.fails(None, None, Some(fault));
        let cause = failure(&account, NOW).await;
        assert!(cause.contains("/robot/v1/metadata/x509/") || cause.contains("did not answer"), "{fault:?}: {cause}");
    }
}

#[tokio::test]
async fn kms_signs_and_tells_its_public_key_once() {
    let kms = FakeKms::start(NOW).await;
    let account = account(|sources| kms.signs(sources)).await;
    assert!(is_by(&token(&account, NOW).await.unwrap(), 0));
    assert_eq!(kms.calls(), ["Sign", "GetPublicKey"]);
    for text in join_all((0..50).map(|_| token(&account, NOW))).await {
        assert!(is_by(&text.unwrap(), 0));
    }
    assert_eq!(kms.calls(), ["Sign"; 50]);
    // The alias names another key from now on.
    kms.rotates_to(1);
    assert!(is_by(&token(&account, NOW).await.unwrap(), 1));
    assert_eq!(kms.calls(), ["Sign", "GetPublicKey"]);
}

#[tokio::test]
async fn each_fault_of_kms_is_told_by_its_name_in_time_and_never_a_token() {
    let kms = FakeKms::start(NOW).await;
    let account = account(|sources| kms.signs(sources)).await;
    for (fault, words) in [
        (Fault::Denied, "KMS answered 400 AccessDeniedException: kms:Sign denied"),
        (Fault::Throttled, "KMS answered 400 ThrottlingException"),
        (Fault::Status(500), "KMS answered 500 KMSInternalException"),
        (Fault::Garbage, "KMS answered Sign with something else"),
        (Fault::Silence, "KMS did not answer within 1.1s"),
        (Fault::WrongKey, "a signature by the KMS key arn:aws:kms:eu-central-1:123456789012:key/0 does not verify"),
    ] {
        kms.fails(Some(fault));
        let cause = failure(&account, NOW).await;
        assert!(cause.starts_with(words), "{fault:?}: {cause}");
    }
    kms.fails(None);
    assert!(is_by(&token(&account, NOW).await.unwrap(), 0));
}

#[tokio::test]
async fn without_an_identity_at_aws_nothing_is_signed_and_the_cause_is_told() {
    let (google, kms) = (GoogleCloud::start(NOW).await, FakeKms::start(NOW).await);
    let of_google = account(|sources| {
        google.signs(sources);
        sources.aws = None;
    });
    let of_kms = account(|sources| {
        kms.signs(sources);
        sources.aws = None;
    });
    for account in [of_google.await, of_kms.await] {
        let cause = failure(&account, NOW).await;
        assert!(cause.starts_with("there are no credentials of AWS, or no AWS_REGION"), "{cause}");
    }
}

/// Asks for `count` tokens of a signer with random faults. No token is bad, and each failure is a
/// 503.
async fn under_faults(count: u64) {
    let mut random = fastrand::Rng::with_seed(7);
    let (google, kms) = (GoogleCloud::start(NOW).await, FakeKms::start(NOW).await);
    let accounts = [account(|sources| google.signs(sources)).await, account(|sources| kms.signs(sources)).await];
    let faults =
        [Fault::Denied, Fault::Throttled, Fault::Status(503), Fault::Garbage, Fault::WrongKey, Fault::UnknownKey];
    let (mut good, mut failed) = (0, 0);
    for round in 0..count {
        let fault = (random.u8(..) < 77).then(|| faults[random.usize(..faults.len())]);
        google.fails(None, fault, None);
        kms.fails(fault);
        match token(&accounts[usize::from(round % 2 == 1)], NOW).await {
            Ok(text) => {
                assert!(is_by(&text, 0), "a bad token in round {round}");
                good += 1;
            }
            Err(error) => {
                assert_eq!(error.status_and_code(), (503, "unavailable"), "{error:?}");
                failed += 1;
            }
        }
    }
    println!("{count} tokens asked for: {good} good, {failed} refused by 503, 0 bad");
    assert!(good > count / 2 && failed > count / 10, "{good} good, {failed} failed");
}

#[tokio::test]
async fn under_random_faults_no_token_is_bad() {
    under_faults(60).await;
}

#[tokio::test]
#[ignore = "some minutes: 10,000 tokens, a third of them with a fault"]
async fn under_random_faults_none_of_ten_thousand_tokens_is_bad() {
    under_faults(10_000).await;
}

#[tokio::test]
async fn no_secret_is_in_the_log_whatever_the_services_answer() {
    let log = Log::start(LogFormat::Elsewhere);
    let (google, kms) = (GoogleCloud::start(NOW).await, FakeKms::start(NOW).await);
    let accounts = [account(|sources| google.signs(sources)).await, account(|sources| kms.signs(sources)).await];
    let mut signatures = BTreeSet::new();
    let faults = [Fault::Denied, Fault::Status(500), Fault::Garbage, Fault::WrongKey, Fault::UnknownKey];
    for fault_of in [None].into_iter().chain(faults.map(Some)) {
        google.fails(None, fault_of, None);
        kms.fails(fault_of);
        for account in &accounts {
            match token(account, NOW).await {
                Ok(text) => drop(signatures.insert(text.rsplit('.').next().unwrap().to_owned())),
                Err(error) => fault(&error),
            }
        }
    }
    google.fails(Some(Fault::Denied), None, None);
    google.revokes_tokens();
    fault(&token(&accounts[0], NOW).await.unwrap_err());
    let text: String = log.read().iter().map(ToString::to_string).collect();
    assert!(text.contains("AccessDeniedException") && text.contains("PERMISSION_DENIED"), "{text}");
    let secrets = AWS_SECRETS.into_iter().chain([GoogleCloud::token()]).chain(signatures.iter().map(String::as_str));
    let found: Vec<&str> = secrets.filter(|secret| text.contains(secret)).collect();
    assert!(found.is_empty(), "{found:?} are in the log");
    assert!(!text.contains("may quote the request"), "{text}");
}
