//! The settings of the Firebase project.

use std::net::{IpAddr, Ipv6Addr};

use http::Uri;

use super::{Environment, signer, signing};
use crate::{
    keys::{
        FirebaseAccount, HeldAccount, RemoteAccount, Source, google,
        service_account::{is_client_email, is_project_id},
    },
    token::custom::is_tenant_id,
};

/// Whether Firebase is told of what happens here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirebaseSync {
    /// Nothing is told.
    Off,
    /// Everything is told. A login does not wait for Firebase if that fails.
    BestEffort,
    /// Everything is told, and a login fails if Firebase does.
    Required,
}

/// The Firebase project: its custom tokens are made here, and its ID tokens are verified.
#[derive(Clone, Debug)]
pub struct Firebase {
    /// Names the secret with the service account, which signs custom tokens. Has no default.
    /// Accepts the name or the ARN of a secret. Read from `FIREBASE_SERVICE_ACCOUNT_SECRET_ID`.
    ///
    /// Holds the service account itself. Defaults to a demo account on a laptop. Accepts the
    /// account's JSON, base64 of it, its private key alone, or a path. Read from
    /// `FIREBASE_SERVICE_ACCOUNT`. This variable and `FIREBASE_SERVICE_ACCOUNT_SECRET_ID` exclude
    /// each other.
    pub account: Option<Source>,
    /// Whether `account` is a demo account, which nobody chose. Its project counts last, and may
    /// differ from the chosen one.
    pub is_demo: bool,
    /// Names the account's e-mail address, for a private key without its JSON, and for an account
    /// whose key another service holds. Has no default. Accepts the e-mail address of a service
    /// account. Read from `FIREBASE_CLIENT_EMAIL`.
    pub client_email: Option<String>,
    /// The account whose key another service holds.
    ///
    /// Says who holds the private key of the service account, and signs custom tokens. Defaults to
    /// `key`. Accepts `key`, `iam` or `kms`. Read from `FIREBASE_SIGNER`. With `key` this process
    /// reads the key file. With `iam` Google signs, and with `kms` AWS KMS, so that nobody holds a
    /// key file. Both need `FIREBASE_CLIENT_EMAIL`, and exclude a service account in a variable or
    /// a secret. Their set-up is in [signers.md](signers.md).
    ///
    /// Names the key in AWS KMS. Has no default, and `FIREBASE_SIGNER=kms` requires one. Accepts
    /// the ARN, the id or an alias of a key. Read from `FIREBASE_KMS_KEY_ID`.
    ///
    /// Names the identity provider at Google that knows this AWS account. Has no default, and
    /// `FIREBASE_SIGNER=iam` requires one, except on Cloud Run. Accepts
    /// `projects/NUMBER/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`. Read from
    /// `FIREBASE_WORKLOAD_IDENTITY_PROVIDER`. Without one, a service on Cloud Run signs in by its
    /// own service account.
    pub signer: Option<RemoteAccount>,
    /// Names the project whose ID tokens are accepted. Defaults to the service account's project,
    /// else `GOOGLE_CLOUD_PROJECT`. Accepts a project's id. Read from `FIREBASE_PROJECT_ID`. A
    /// service account of another project is refused, on Lambda by a 503 with the reason in the
    /// log. A demo account of another project is warned of: none of its tokens leads to an ID token
    /// of this project. A project's number, its name and its hosts are refused.
    pub project_id: Option<String>,
    /// Names the project if neither `FIREBASE_PROJECT_ID` nor the service account does. Has no
    /// default. Accepts a project's id. Read from `GOOGLE_CLOUD_PROJECT`. This project counts
    /// before the project of a demo account. On Cloud Run the log needs it to join lines to their
    /// trace.
    pub google_cloud_project: Option<String>,
    /// Sets `tenant_id` of custom tokens. Has no default. Accepts letters, digits, `-`, `.`, `_`
    /// and `~`, without a dot at the end. Read from `FIREBASE_TENANT_ID`.
    pub tenant_id: Option<String>,
    /// Names the URL of the keys of ID tokens, certificates or a JWK set. Defaults to Google's URL.
    /// Accepts `https://`, and `http://` only on this machine. Read from `FIREBASE_CERTS_URL`. A
    /// URL with a password is refused.
    pub certificates: Uri,
    /// Names the Auth emulator, and turns on emulator mode. Has no default. Accepts a host and a
    /// port. Read from `FIREBASE_AUTH_EMULATOR_HOST` on a laptop. Emulator mode accepts unsigned ID
    /// tokens, and no others. Lambda and Cloud Run refuse this variable, and so does
    /// `latchkey serve` where it listens on an address that is not loopback.
    pub emulator_host: Option<String>,
    /// Says whether Firebase is told of profiles, and of the end of sessions and of accounts.
    /// Defaults to `best_effort` with a service account, else `off`. Accepts `best_effort`,
    /// `required` or `off`. Read from `FIREBASE_SYNC`. With `required` a login fails while Firebase
    /// cannot be told. The default is `off` for a demo account without the Auth
    /// emulator.
    pub sync: Option<FirebaseSync>,
}

impl Firebase {
    pub(super) fn read(env: &mut Environment) -> Self {
        let account = [
            env.secret("FIREBASE_SERVICE_ACCOUNT_SECRET_ID"),
            env.value("FIREBASE_SERVICE_ACCOUNT", |text| Ok(signing::service_account(text))),
        ];
        let client_email =
            env.checked("FIREBASE_CLIENT_EMAIL", is_client_email, "the e-mail address of a service account");
        let (account, project_id) = (env.only(account), project_id(env));
        Self {
            signer: signer::read(env, account.is_some(), client_email.as_deref(), project_id.as_deref()),
            account,
            is_demo: false,
            client_email,
            project_id,
            google_cloud_project: env.checked("GOOGLE_CLOUD_PROJECT", is_project_id, "a project's id"),
            tenant_id: env.checked(
                "FIREBASE_TENANT_ID",
                is_tenant_id,
                "a tenant's id: letters, digits, `-`, `.`, `_` and `~` alone, and no dot at its end",
            ),
            certificates: certificates_url(env),
            emulator_host: emulator_host(env),
            sync: sync(env),
        }
    }

    /// Whether there is a service account, wherever its key is.
    pub const fn has_account(&self) -> bool {
        self.account.is_some() || self.signer.is_some()
    }

    /// The service account, for the loader of the keys.
    pub(super) fn key_source(&self) -> Option<FirebaseAccount> {
        if let Some(remote) = &self.signer {
            return Some(FirebaseAccount::Remote(remote.clone()));
        }
        let Self { account, client_email, project_id, is_demo, .. } = self.clone();
        account.map(|source| FirebaseAccount::Held(HeldAccount { source, client_email, project_id, is_demo }))
    }

    /// Whether Firebase is told of what happens here.
    pub fn sync(&self) -> FirebaseSync {
        let has_users = self.has_account() && (!self.is_demo || self.emulator_host.is_some());
        self.sync.unwrap_or(if has_users { FirebaseSync::BestEffort } else { FirebaseSync::Off })
    }

    /// The project whose ID tokens are verified, and the setting that names it. `of_account` is the
    /// project of the service account.
    pub fn project<'a>(&'a self, of_account: Option<&'a str>) -> Option<(&'a str, &'static str)> {
        let chosen = self.project_id.as_deref().map(|id| (id, "FIREBASE_PROJECT_ID"));
        let of_account = of_account.map(|id| (id, "the service account"));
        let ambient = self.google_cloud_project.as_deref().map(|id| (id, "GOOGLE_CLOUD_PROJECT"));
        let (second, third) = if self.is_demo { (ambient, of_account) } else { (of_account, ambient) };
        chosen.or(second).or(third)
    }
}

/// The account whose keys sign ID tokens, at the end of each of Google's URLs for them.
const SIGNER_OF_ID_TOKENS: &str = "/securetoken@system.gserviceaccount.com";

fn certificates_url(env: &mut Environment) -> Uri {
    const NAME: &str = "FIREBASE_CERTS_URL";
    let uri = match env.text(NAME).map(|text| text.parse::<Uri>()) {
        None => return Uri::from_static(google::GOOGLE),
        Some(Ok(uri)) => uri,
        Some(Err(_)) => Uri::default(),
    };
    if has_user_info(&uri) {
        env.refuse(NAME, "must have no password in it");
    } else if !is_safe_url(&uri) {
        env.refuse(NAME, "must be a URL that begins with https://, or with http:// on this machine itself");
    } else if uri.host() == Some("www.googleapis.com") && !uri.path().ends_with(SIGNER_OF_ID_TOKENS) {
        env.refuse(
            NAME,
            "has the keys of other tokens than Firebase's ID tokens: unset it, and Google's right URL counts",
        );
    }
    uri
}

fn sync(env: &mut Environment) -> Option<FirebaseSync> {
    const NAME: &str = "FIREBASE_SYNC";
    match env.word(NAME)?.as_str() {
        "off" => Some(FirebaseSync::Off),
        "best_effort" => Some(FirebaseSync::BestEffort),
        "required" => Some(FirebaseSync::Required),
        _ => {
            env.refuse(NAME, "must be best_effort, required or off");
            None
        }
    }
}

fn has_user_info(uri: &Uri) -> bool {
    uri.authority().is_some_and(|authority| authority.as_str().contains('@'))
}

/// Whether nobody on the line can change the answer of this URL: over plain HTTP, whoever can would
/// decide in the place of the server.
pub(super) fn is_safe_url(uri: &Uri) -> bool {
    match uri.scheme_str() {
        Some("https") => !has_user_info(uri),
        Some("http") => !has_user_info(uri) && uri.host().is_some_and(is_this_machine),
        _ => false,
    }
}

/// Whether a host is this machine. An address is parsed, since `127.evil.example` is any host's
/// name.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// The emulator's host. Refused where the service is deployed, since anybody can write an
/// emulator's token.
fn emulator_host(env: &mut Environment) -> Option<String> {
    const NAME: &str = "FIREBASE_AUTH_EMULATOR_HOST";
    let host = env.text(NAME)?;
    if let Some(variable) = env.platform.deployed_by {
        env.refuse(
            NAME,
            &format!(
                "is set, and so is {variable}: in emulator mode unsigned tokens are accepted, so anybody could sign \
                 in as anybody. Unset it where the service is deployed"
            ),
        );
    } else if !is_host_and_port(&host) {
        env.refuse(NAME, "must be a host and a port without http:// and without a path, such as 127.0.0.1:9099");
    }
    Some(host)
}

fn is_host_and_port(text: &str) -> bool {
    let Some((host, port)) = text.rsplit_once(':') else { return false };
    let has_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_name = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    let of_ipv6 = || host.strip_prefix('[')?.strip_suffix(']')?.parse::<Ipv6Addr>().ok();
    has_port && (is_name || of_ipv6().is_some())
}

/// The project's id, in the place of which people paste its number, its name, or its hosts.
fn project_id(env: &mut Environment) -> Option<String> {
    const NAME: &str = "FIREBASE_PROJECT_ID";
    const HOSTS: [&str; 5] =
        [".firebaseapp.com", ".web.app", ".appspot.com", ".firebaseio.com", ".firebasestorage.app"];
    const PLACE: &str = "the console has the id under Project settings, General, Project ID";
    let text = env.text(NAME)?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let what = if digits(&text) {
        "is a project's number"
    } else if text.split_once(':').is_some_and(|(first, rest)| digits(first) && rest.contains(':')) {
        "is the id of an app"
    } else if HOSTS.iter().any(|host| text.ends_with(host)) || text.contains('/') {
        "is a host or a path"
    } else if text.contains([' ', '@']) || text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        "is a name, and an id has small letters, digits and hyphens"
    } else if is_project_id(&text) {
        return Some(text);
    } else {
        "is something else"
    };
    env.refuse(NAME, &format!("must be a project's id, such as my-app-1a2b3, and this one {what}: {PLACE}"));
    Some(text)
}
