//! Tests of the emulator through the AWS SDK.

use std::time::Duration;

use aws_sdk_secretsmanager::{
    Config,
    config::retry::RetryConfig,
    error::{ProvideErrorMetadata, SdkError},
    operation::{get_secret_value::GetSecretValueError, put_secret_value::builders::PutSecretValueFluentBuilder},
    primitives::Blob,
};
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use tokio::time;

use super::*;

/// A version id.
fn id(letter: &str) -> String {
    letter.repeat(32)
}

/// A secret with these versions. The last one is AWSCURRENT.
fn manager(versions: &[&str]) -> SecretsManager {
    let mut secrets = Secrets::default();
    secrets.create("keys");
    for letter in versions {
        secrets.put("keys", &id(letter), &format!("text of {letter}"));
    }
    SecretsManager::new(secrets)
}

fn put(manager: &SecretsManager, letter: &str, text: &str) -> PutSecretValueFluentBuilder {
    manager.client().put_secret_value().secret_id("keys").client_request_token(id(letter)).secret_string(text)
}

/// Moves or removes a label. `""` leaves a parameter out. Returns the code of the error.
async fn move_label(manager: &SecretsManager, stage: &str, from: &str, to: &str) -> Result<(), String> {
    let version = |letter: &str| (!letter.is_empty()).then(|| id(letter));
    let call = manager.client().update_secret_version_stage().secret_id("keys").version_stage(stage);
    let moved = call.set_remove_from_version_id(version(from)).set_move_to_version_id(version(to)).send().await;
    moved.map(drop).map_err(|error| code(&error))
}

async fn get(manager: &SecretsManager, version: Option<&str>, stage: Option<&str>) -> Result<String, String> {
    let call = manager.client().get_secret_value().secret_id("keys").set_version_id(version.map(id));
    let got = call.set_version_stage(stage.map(str::to_owned)).send().await;
    got.map(|answer| answer.secret_string.unwrap()).map_err(|error| error.message().unwrap().to_owned())
}

/// The versions and labels in the answer of DescribeSecret.
async fn labels(manager: &SecretsManager) -> Vec<String> {
    let described = manager.client().describe_secret().secret_id("keys").send().await.unwrap();
    assert_eq!(described.rotation_enabled, Some(true));
    let versions = BTreeMap::from_iter(described.version_ids_to_stages.unwrap_or_default());
    versions.iter().map(|(version, stages)| format!("{} {}", &version[..1], stages.join(" "))).collect()
}

fn code<E, R>(error: &SdkError<E, R>) -> String
where
    SdkError<E, R>: ProvideErrorMetadata,
{
    error.code().unwrap_or_else(|| panic!("an error of the service")).to_owned()
}

#[tokio::test(start_paused = true)]
async fn the_current_version_becomes_previous_and_the_previous_one_loses_its_label() {
    let manager = manager(&[]);
    assert!(labels(&manager).await.is_empty());
    for letter in ["a", "b", "c"] {
        let answer = put(&manager, letter, letter).send().await.unwrap();
        assert_eq!((answer.version_id, answer.version_stages), (Some(id(letter)), Some(vec![CURRENT.to_owned()])));
    }
    assert_eq!(labels(&manager).await, ["b AWSPREVIOUS", "c AWSCURRENT"]);
    assert_eq!(get(&manager, None, None).await.unwrap(), "c");
    assert_eq!(get(&manager, None, Some(PREVIOUS)).await.unwrap(), "b");
    assert_eq!(get(&manager, Some("a"), None).await.unwrap(), "a");
}

#[tokio::test(start_paused = true)]
async fn a_rotation_registers_an_empty_version_before_its_first_step() {
    let manager = manager(&["a"]);
    assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("b"))));
    assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPENDING"]);
    for (version, stage) in [(None, Some(PENDING)), (Some("b"), None), (Some("b"), Some(PENDING))] {
        let message = get(&manager, version, stage).await.unwrap_err();
        assert!(message.starts_with("Secrets Manager can't find the specified secret value for "), "{message}");
    }
    assert_eq!(get(&manager, None, None).await.unwrap(), "text of a");
    assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("b"))), "the same rotation goes on");
    assert!(!manager.with(|secrets| secrets.start_rotation("keys", &id("c"))), "another has to wait");
    assert!(!manager.with(|secrets| secrets.start_rotation("other", &id("c"))));
}

#[tokio::test(start_paused = true)]
async fn a_registered_version_takes_one_value_and_no_other() {
    let manager = manager(&["a"]);
    manager.with(|secrets| secrets.start_rotation("keys", &id("b")));
    let put = |text| put(&manager, "b", text).version_stages(PENDING).send();
    assert_eq!(put("new").await.unwrap().version_stages.unwrap(), [PENDING]);
    assert!(put("new").await.is_ok());
    assert_eq!(code(&put("newer").await.unwrap_err()), "ResourceExistsException");
    assert_eq!(get(&manager, Some("b"), Some(PENDING)).await.unwrap(), "new");
    assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPENDING"]);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_is_finished_when_current_joins_pending() {
    let manager = manager(&["a"]);
    for (from, to) in [("a", "b"), ("b", "c")] {
        assert!(manager.with(|secrets| secrets.start_rotation("keys", &id(to))));
        put(&manager, to, to).version_stages(PENDING).send().await.unwrap();
        move_label(&manager, CURRENT, from, to).await.unwrap();
        let expected = [format!("{from} AWSPREVIOUS"), format!("{to} AWSCURRENT AWSPENDING")];
        assert_eq!(labels(&manager).await, expected);
        assert_eq!(get(&manager, None, None).await.unwrap(), to);
    }
    move_label(&manager, PENDING, "c", "").await.unwrap();
    assert_eq!(labels(&manager).await, ["b AWSPREVIOUS", "c AWSCURRENT"]);
}

#[tokio::test(start_paused = true)]
async fn an_empty_secret_is_rotated_into_its_first_version() {
    let manager = manager(&[]);
    assert!(manager.with(|secrets| secrets.start_rotation("keys", &id("a"))));
    put(&manager, "a", "first").version_stages(PENDING).send().await.unwrap();
    move_label(&manager, CURRENT, "", "a").await.unwrap();
    assert_eq!(labels(&manager).await, ["a AWSCURRENT AWSPENDING"]);
}

#[tokio::test(start_paused = true)]
async fn a_repeated_put_changes_nothing_even_if_the_value_is_no_longer_current() {
    let manager = manager(&["a", "b"]);
    let before = manager.with(|secrets| secrets.clone());
    let answer = put(&manager, "a", "text of a").version_stages("OTHER").send().await.unwrap();
    assert_eq!(answer.version_stages.unwrap(), [PREVIOUS]);
    let error = put(&manager, "a", "another").send().await.unwrap_err();
    assert!(error.as_service_error().unwrap().is_resource_exists_exception());
    assert_eq!(manager.with(|secrets| secrets.clone()), before);
}

#[tokio::test(start_paused = true)]
async fn a_label_is_moved_only_by_a_call_that_names_its_version() {
    let manager = manager(&["a", "b"]);
    put(&manager, "c", "c").version_stages("OTHER").send().await.unwrap();
    let before = manager.with(|secrets| secrets.clone());
    for (stage, from, to) in [
        (CURRENT, "", "a"),
        (CURRENT, "a", "c"),
        (CURRENT, "d", "c"),
        (CURRENT, "", "b"),
        (CURRENT, "b", ""),
        ("OTHER", "", "a"),
        ("OTHER", "a", "b"),
        ("OTHER", "a", ""),
        ("NOWHERE", "a", "b"),
    ] {
        let moved = move_label(&manager, stage, from, to).await;
        assert_eq!(moved.unwrap_err(), "InvalidParameterException", "{stage} from {from} to {to}");
    }
    assert_eq!(move_label(&manager, CURRENT, "b", "d").await.unwrap_err(), "ResourceNotFoundException");
    assert_eq!(manager.with(|secrets| secrets.clone()), before);
    move_label(&manager, CURRENT, "b", "b").await.unwrap();
    assert_eq!(manager.with(|secrets| secrets.clone()), before, "a label that stays moves no other label");
}

#[tokio::test(start_paused = true)]
async fn one_of_two_concurrent_moves_of_current_succeeds() {
    let manager = manager(&["a"]);
    for letter in ["b", "c"] {
        put(&manager, letter, letter).version_stages(letter).send().await.unwrap();
    }
    let (first, second) =
        tokio::join!(move_label(&manager, CURRENT, "a", "b"), move_label(&manager, CURRENT, "a", "c"));
    assert!(first.is_ok() != second.is_ok());
    manager.with(|secrets| {
        assert_eq!(secrets.versions_with("keys", PREVIOUS), [id("a")]);
        assert_eq!(secrets.versions_with("keys", CURRENT).len(), 1);
    });
}

#[tokio::test(start_paused = true)]
async fn the_previous_version_can_be_made_current_again() {
    let manager = manager(&["a", "b"]);
    move_label(&manager, CURRENT, "b", "a").await.unwrap();
    assert_eq!(labels(&manager).await, ["a AWSCURRENT", "b AWSPREVIOUS"]);
}

#[tokio::test(start_paused = true)]
async fn a_label_of_a_new_version_leaves_its_earlier_version() {
    let manager = manager(&["a"]);
    put(&manager, "b", "b").version_stages("ONE").version_stages("TWO").send().await.unwrap();
    put(&manager, "c", "c").version_stages("TWO").version_stages(CURRENT).send().await.unwrap();
    assert_eq!(labels(&manager).await, ["a AWSPREVIOUS", "b ONE", "c AWSCURRENT TWO"]);
    manager.with(|secrets| assert_eq!(secrets.stages("keys", &id("c")), [CURRENT, "TWO"].map(str::to_owned).into()));
}

#[tokio::test(start_paused = true)]
async fn the_first_version_is_current_whatever_its_labels() {
    let manager = manager(&[]);
    let answer = put(&manager, "a", "a").version_stages("OTHER").send().await.unwrap();
    assert_eq!(answer.version_stages.unwrap(), [CURRENT, "OTHER"]);
}

#[tokio::test(start_paused = true)]
async fn a_value_put_as_current_ends_a_rotation() {
    let manager = manager(&["a"]);
    manager.with(|secrets| secrets.start_rotation("keys", &id("b")));
    put(&manager, "c", "c").send().await.unwrap();
    assert_eq!(labels(&manager).await, ["a AWSPREVIOUS", "c AWSCURRENT"]);
}

#[tokio::test(start_paused = true)]
async fn a_missing_version_is_not_found_by_its_label_or_id() {
    let manager = manager(&[]);
    let not_found = |sought: &str| format!("Secrets Manager can't find the specified secret value for {sought}");
    assert_eq!(get(&manager, None, None).await.unwrap_err(), not_found("staging label: AWSCURRENT"));
    put(&manager, "a", "a").send().await.unwrap();
    assert_eq!(get(&manager, None, Some(PENDING)).await.unwrap_err(), not_found("staging label: AWSPENDING"));
    assert_eq!(get(&manager, Some("b"), None).await.unwrap_err(), not_found(&format!("VersionId: {}", id("b"))));
    let error = manager.client().describe_secret().secret_id("other").send().await.unwrap_err();
    assert_eq!(error.message(), Some("Secrets Manager can't find the specified secret."));
    assert!(error.as_service_error().unwrap().is_resource_not_found_exception());
    let status = error.raw_response().map(|answer| answer.status().as_u16());
    assert_eq!(status, Some(400));
}

#[tokio::test(start_paused = true)]
async fn a_version_and_a_label_in_one_call_must_agree() {
    let manager = manager(&["a", "b"]);
    assert_eq!(get(&manager, Some("a"), Some(PREVIOUS)).await.unwrap(), "text of a");
    let call = manager.client().get_secret_value().secret_id("keys").version_id(id("a")).version_stage(CURRENT);
    let error = call.send().await.unwrap_err();
    assert!(matches!(error.as_service_error(), Some(GetSecretValueError::InvalidRequestException(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_known_by_its_arn_as_by_its_name() {
    let manager = manager(&["a"]);
    let arn = manager.client().describe_secret().secret_id("keys").send().await.unwrap().arn.unwrap();
    assert_eq!(arn, "arn:aws:secretsmanager:us-east-1:123456789012:secret:keys-AbCdEf");
    let answer = manager.client().get_secret_value().secret_id(&arn).send().await.unwrap();
    assert_eq!((answer.name(), answer.secret_string()), (Some("keys"), Some("text of a")));
    assert_eq!(manager.with(|secrets| secrets.text(&arn, CURRENT).map(str::to_owned)).unwrap(), "text of a");
}

#[tokio::test(start_paused = true)]
async fn bytes_are_kept_as_bytes() {
    let manager = manager(&[]);
    manager.with(|secrets| secrets.put_binary("keys", &id("a"), &[0, 255]));
    let call = put(&manager, "a", "").set_secret_string(None).secret_binary(Blob::new([0, 255]));
    assert!(call.send().await.is_ok());
    let answer = manager.client().get_secret_value().secret_id("keys").send().await.unwrap();
    assert_eq!((answer.secret_string, answer.secret_binary), (None, Some(Blob::new([0, 255]))));
    assert_eq!(manager.with(|secrets| secrets.text("keys", CURRENT).map(str::to_owned)), None);
}

#[tokio::test(start_paused = true)]
async fn a_value_or_token_of_a_wrong_length_is_refused() {
    let manager = manager(&["a"]);
    assert!(put(&manager, "b", &"é".repeat(32_768)).send().await.is_ok());
    for text in [String::new(), "é".repeat(32_768) + "x"] {
        assert_eq!(code(&put(&manager, "c", &text).send().await.unwrap_err()), "ValidationException");
    }
    for length in [31, 65] {
        let call = put(&manager, "c", "c").client_request_token("c".repeat(length));
        assert_eq!(code(&call.send().await.unwrap_err()), "ValidationException");
    }
    let call = put(&manager, "c", "c").set_secret_string(None);
    assert_eq!(code(&call.send().await.unwrap_err()), "InvalidRequestException");
    let call = put(&manager, "c", "c").secret_binary(Blob::new("c"));
    assert_eq!(code(&call.send().await.unwrap_err()), "InvalidParameterException");
}

#[test]
fn a_malformed_call_is_refused() {
    let mut secrets = Secrets::default();
    secrets.create("keys");
    for (operation, body, kind) in [
        ("PutSecretValue", r#"{"SecretId": "keys", "SecretString": "a"}"#, "InvalidRequestException"),
        ("RotateSecret", r#"{"SecretId": "keys"}"#, "UnknownOperationException"),
        ("GetSecretValue", "{", "SerializationException"),
        ("GetSecretValue", "{}", "ResourceNotFoundException"),
    ] {
        let (status, answer) = secrets.call(operation, body.as_bytes());
        assert!(status == 400 && answer.contains(&format!("\"__type\":\"{kind}\"")), "{answer}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_is_created_once_and_the_same_call_again_succeeds() {
    let manager = manager(&[]);
    let create = |text| {
        let call = manager.client().create_secret().name("new").client_request_token(id("a"));
        call.secret_string(text).send()
    };
    for _ in 0..2 {
        assert_eq!(create("a").await.unwrap().version_id, Some(id("a")));
    }
    assert!(create("b").await.unwrap_err().as_service_error().unwrap().is_resource_exists_exception());
    let empty = manager.client().create_secret().name("empty").send().await.unwrap();
    assert_eq!((empty.name(), empty.version_id()), (Some("empty"), None));
    let again = manager.client().create_secret().name("empty").send().await.unwrap_err();
    assert_eq!(code(&again), "ResourceExistsException");
}

/// Reads the secret without a retry.
async fn read(manager: &SecretsManager) -> Result<(), SdkError<GetSecretValueError, HttpResponse>> {
    let once = Config::builder().retry_config(RetryConfig::disabled());
    let call = manager.client().get_secret_value().secret_id("keys").customize().config_override(once);
    call.send().await.map(drop)
}

#[tokio::test(start_paused = true)]
async fn the_client_sees_each_fault_as_on_aws() {
    let manager = manager(&["a"]);
    let fares = async |fault| {
        manager.fares(Some(fault));
        read(&manager).await.unwrap_err()
    };
    let refused = fares(Fault::Refused).await;
    assert!(matches!(&refused, SdkError::DispatchFailure(failure) if failure.is_io()), "{refused:?}");
    assert_eq!(code(&fares(Fault::Throttled).await), "ThrottlingException");
    assert_eq!(code(&fares(Fault::Denied).await), "AccessDeniedException");
    let broken = fares(Fault::Broken).await;
    assert!(broken.as_service_error().unwrap().is_internal_service_error(), "{broken:?}");
    let garbled = fares(Fault::Garbled).await;
    assert!(garbled.code().is_none() && garbled.raw_response().unwrap().status().is_success(), "{garbled:?}");
    manager.fares(None);
    read(&manager).await.unwrap();
    assert_eq!(manager.calls(), ["GetSecretValue"; 6]);
    assert!(manager.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn each_attempt_of_a_call_counts() {
    let manager = manager(&["a"]);
    manager.fares(Some(Fault::Broken));
    let soon = Config::builder().retry_config(RetryConfig::standard().with_initial_backoff(Duration::from_millis(1)));
    let call = manager.client().get_secret_value().secret_id("keys").customize().config_override(soon);
    call.send().await.unwrap_err();
    assert_eq!(manager.calls().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_hanging_call_is_not_applied() {
    let manager = manager(&["a"]);
    manager.fares(Some(Fault::Hangs));
    assert!(time::timeout(Duration::from_millis(50), put(&manager, "b", "b").send()).await.is_err());
    assert_eq!(manager.calls(), ["PutSecretValue"]);
    assert_eq!(manager.with(|secrets| secrets.version("keys", CURRENT).map(str::to_owned)), Some(id("a")));
}

#[tokio::test(start_paused = true)]
async fn a_slow_call_is_applied_before_its_answer() {
    let manager = manager(&["a"]);
    manager.fares(Some(Fault::Slow(Duration::from_millis(200))));
    let mut answer = Box::pin(put(&manager, "b", "b").send());
    assert!(time::timeout(Duration::from_millis(50), &mut answer).await.is_err());
    assert_eq!(manager.with(|secrets| secrets.version("keys", CURRENT).map(str::to_owned)), Some(id("b")));
    assert!(answer.await.is_ok());
}
