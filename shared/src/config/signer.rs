//! The service that signs custom tokens in the place of a key file. The variables are described
//! with [`Firebase::signer`](super::Firebase::signer).

use super::{Environment, federation::metadata_host};
use crate::keys::{RemoteAccount, RemoteSigner, signer::GoogleCaller};

const SIGNER: &str = "FIREBASE_SIGNER";
const EMAIL: &str = "FIREBASE_CLIENT_EMAIL";
const KMS_KEY: &str = "FIREBASE_KMS_KEY_ID";
const PROVIDER: &str = "FIREBASE_WORKLOAD_IDENTITY_PROVIDER";
/// The service of identity providers, which begins their full names.
const IAM: &str = "//iam.googleapis.com/";
/// The end of the address of each service account of a project, after the project.
const DOMAIN: &str = ".iam.gserviceaccount.com";

/// Reads the signer. `None` for a key file. `has_account` says whether one is configured.
pub(super) fn read(
    env: &mut Environment,
    has_account: bool,
    email: Option<&str>,
    project_id: Option<&str>,
) -> Option<RemoteAccount> {
    let (key_id, provider) = (kms_key(env), provider(env));
    let word = env.word(SIGNER)?;
    let signer = match word.as_str() {
        "key" => return None,
        "iam" => caller(env, provider).map(RemoteSigner::Iam),
        "kms" => {
            if key_id.is_none() {
                env.refuse(KMS_KEY, "is required with FIREBASE_SIGNER=kms: the key that signs");
            }
            key_id.map(|key_id| RemoteSigner::Kms { key_id })
        }
        _ => {
            env.refuse(SIGNER, "must be key, iam or kms");
            return None;
        }
    };
    if has_account {
        let why =
            format!("is {word}, so that nobody needs the key file: unset FIREBASE_SERVICE_ACCOUNT and its secret");
        env.refuse(SIGNER, &why);
    }
    let Some(email) = email else {
        env.refuse(EMAIL, &format!("is required with {SIGNER}={word}: the service account whose tokens are signed"));
        return None;
    };
    let project_id = project(env, email, project_id)?;
    Some(RemoteAccount { email: email.to_owned(), project_id, signer: signer? })
}

/// The account's project, which its address names in most cases.
fn project(env: &mut Environment, email: &str, chosen: Option<&str>) -> Option<String> {
    let named = email.split_once('@').and_then(|(_, host)| host.strip_suffix(DOMAIN));
    // The address of an account of `example.com:my-app` ends in another form.
    let named = named.filter(|project| !project.contains('.'));
    match (chosen, named) {
        (Some(chosen), Some(named)) if chosen != named => {
            let why = format!("is an account of the project {named}, and FIREBASE_PROJECT_ID is {chosen}");
            env.refuse(EMAIL, &why);
            None
        }
        (Some(project), _) | (None, Some(project)) => Some(project.to_owned()),
        (None, None) => {
            env.refuse("FIREBASE_PROJECT_ID", &format!("is required: {EMAIL} does not name the project"));
            None
        }
    }
}

/// The identity by which Google is called.
fn caller(env: &mut Environment, provider: Option<String>) -> Option<GoogleCaller> {
    match provider {
        Some(provider) => Some(GoogleCaller::Aws { provider }),
        None if env.platform.on_cloud_run => metadata_host(env).map(|host| GoogleCaller::Metadata { host }),
        None => {
            env.refuse(PROVIDER, "is required with FIREBASE_SIGNER=iam, except on Cloud Run");
            None
        }
    }
}

/// The full name of the identity provider, as Google's tools print it or without its beginning.
fn provider(env: &mut Environment) -> Option<String> {
    let text = env.text(PROVIDER)?;
    let name = text.strip_prefix("https:").unwrap_or(&text);
    let name = name.strip_prefix(IAM).unwrap_or(name);
    if !is_provider(name) {
        let why = "must be the name of a provider: \
                   projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER";
        env.refuse(PROVIDER, why);
    }
    Some(format!("{IAM}{name}"))
}

/// Whether a text is the name of a provider of an identity pool. Google wants the number of the
/// project there, not its id.
fn is_provider(name: &str) -> bool {
    let parts: Vec<&str> = name.split('/').collect();
    let &["projects", number, "locations", "global", "workloadIdentityPools", pool, "providers", provider] =
        parts.as_slice()
    else {
        return false;
    };
    let is_id = |text: &str| {
        (4..=32).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
    };
    !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()) && is_id(pool) && is_id(provider)
}

fn kms_key(env: &mut Environment) -> Option<String> {
    env.checked(KMS_KEY, is_kms_key, "the ARN, the id or an alias of a key in KMS")
}

/// Whether a text can name a key in KMS (API reference, Sign, KeyId).
fn is_kms_key(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":/_-".contains(&byte);
    let is_arn = text.starts_with("arn:") && text.contains(":kms:");
    let is_id = (text.len() == 36 || text.starts_with("mrk-")) && !text.contains([':', '/']);
    text.len() <= 2_048 && text.bytes().all(fits) && (is_arn || is_id || text.starts_with("alias/"))
}
