//! The service that signs custom tokens in the place of a key file.

use super::read;
use crate::{
    config::{Config, FirebaseSync, Misconfigured},
    keys::{FirebaseAccount, RemoteSigner, signer::GoogleCaller},
};

const EMAIL: (&str, &str) = ("FIREBASE_CLIENT_EMAIL", "signer@my-app.iam.gserviceaccount.com");
const IAM: (&str, &str) = ("FIREBASE_SIGNER", "iam");
const KMS: (&str, &str) = ("FIREBASE_SIGNER", "kms");
const KEY: (&str, &str) = ("FIREBASE_KMS_KEY_ID", "alias/latchkey");
const POOL: &str = "projects/123/locations/global/workloadIdentityPools/latchkey/providers/aws-account";
const PROVIDER: (&str, &str) = ("FIREBASE_WORKLOAD_IDENTITY_PROVIDER", POOL);

fn on_cloud_run(variables: &[(&str, &str)]) -> Result<Config, Misconfigured> {
    let needed =
        [("K_SERVICE", "latchkey"), ("ISSUER", "https://login.example"), ("SIGNING_KEYS_FILE", "/secrets/keys.json")];
    read(&[&needed, variables].concat())
}

fn refusal(variables: &[(&str, &str)]) -> String {
    read(variables).unwrap_err().to_string()
}

#[test]
fn a_signer_stands_for_a_service_account_whose_project_its_address_names() {
    let caller = GoogleCaller::Aws { provider: format!("//iam.googleapis.com/{POOL}") };
    let key_id = KEY.1.to_owned();
    for (variables, signer) in
        [([EMAIL, IAM, PROVIDER], RemoteSigner::Iam(caller)), ([EMAIL, KMS, KEY], RemoteSigner::Kms { key_id })]
    {
        let config = read(&variables).unwrap();
        let Some(FirebaseAccount::Remote(account)) = config.key_sources(None).firebase else { panic!("{variables:?}") };
        assert_eq!((account.email.as_str(), account.project_id.as_str()), (EMAIL.1, "my-app"));
        assert_eq!(account.signer, signer);
        assert!(config.firebase.has_account() && config.key_sources(None).calls_aws());
        assert_eq!(config.firebase.sync(), FirebaseSync::BestEffort);
    }
    // The address of another kind of account does not name the project.
    let other = ("FIREBASE_CLIENT_EMAIL", "123-compute@developer.gserviceaccount.com");
    assert!(refusal(&[other, KMS, KEY]).contains("FIREBASE_PROJECT_ID is required"));
    assert!(read(&[other, KMS, KEY, ("FIREBASE_PROJECT_ID", "my-app")]).is_ok());
}

#[test]
fn the_name_of_a_provider_is_accepted_as_google_prints_it() {
    for form in [POOL.to_owned(), format!("//iam.googleapis.com/{POOL}"), format!("https://iam.googleapis.com/{POOL}")]
    {
        let config = read(&[EMAIL, IAM, (PROVIDER.0, &form)]).unwrap();
        let signer = config.firebase.signer.unwrap().signer;
        let provider = format!("//iam.googleapis.com/{POOL}");
        assert_eq!(signer, RemoteSigner::Iam(GoogleCaller::Aws { provider }), "{form}");
    }
    for wrong in ["latchkey", "projects/my-app/locations/global/workloadIdentityPools/latchkey/providers/aws-account"] {
        assert!(refusal(&[EMAIL, IAM, (PROVIDER.0, wrong)]).contains("must be the name of a provider"), "{wrong}");
    }
}

#[test]
fn on_cloud_run_the_service_signs_in_by_its_own_account_unless_a_provider_is_named() {
    let config = on_cloud_run(&[EMAIL, IAM]).unwrap();
    let host = "metadata.google.internal".parse().unwrap();
    assert_eq!(config.firebase.signer.as_ref().unwrap().signer, RemoteSigner::Iam(GoogleCaller::Metadata { host }));
    assert!(!config.key_sources(None).calls_aws());
    let config = on_cloud_run(&[EMAIL, IAM, PROVIDER]).unwrap();
    assert!(config.key_sources(None).calls_aws());
    let host = ("GCE_METADATA_HOST", "http://x");
    assert!(on_cloud_run(&[EMAIL, IAM, host]).unwrap_err().to_string().contains("GCE_METADATA_HOST must be a host"));
}

#[test]
fn a_signer_without_what_it_needs_is_refused_with_the_missing_variable() {
    for (variables, words) in [
        (vec![("FIREBASE_SIGNER", "hsm")], "FIREBASE_SIGNER must be key, iam or kms"),
        (vec![IAM, PROVIDER], "FIREBASE_CLIENT_EMAIL is required with FIREBASE_SIGNER=iam"),
        (vec![IAM, EMAIL], "FIREBASE_WORKLOAD_IDENTITY_PROVIDER is required"),
        (vec![KMS, EMAIL], "FIREBASE_KMS_KEY_ID is required"),
        (vec![KMS, EMAIL, ("FIREBASE_KMS_KEY_ID", "my key")], "FIREBASE_KMS_KEY_ID must be the ARN"),
        (vec![KMS, EMAIL, KEY, ("FIREBASE_SERVICE_ACCOUNT", "{}")], "nobody needs the key file"),
        (vec![KMS, EMAIL, KEY, ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "x")], "nobody needs the key file"),
        (vec![KMS, EMAIL, KEY, ("FIREBASE_PROJECT_ID", "other-app")], "and FIREBASE_PROJECT_ID is other-app"),
    ] {
        let sentence = refusal(&variables);
        assert!(sentence.contains(words), "{variables:?}: {sentence}");
    }
    let config = read(&[("FIREBASE_SIGNER", "key"), KEY, PROVIDER]).unwrap();
    assert!(!config.firebase.has_account());
}
