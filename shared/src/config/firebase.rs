//! What a deployment says of its Firebase project.

use std::net::IpAddr;

use http::Uri;

use super::{Environment, signing};
use crate::{
    keys::{
        Source, google,
        service_account::{is_client_email, is_project_id},
    },
    token::custom::is_tenant_id,
};

/// The Firebase project, whose custom tokens are made and whose ID tokens are verified. Each field names its variable.
#[derive(Clone, Debug)]
pub struct Firebase {
    /// `FIREBASE_SERVICE_ACCOUNT_SECRET_ID` (a secret's id) or `FIREBASE_SERVICE_ACCOUNT` (the JSON, base64 of it, or a path
    /// to it), none: signs custom tokens.
    pub account: Option<Source>,
    /// Whether `account` is a demo account, which nobody chose: its project comes last, and may be another than the chosen one.
    pub is_demo: bool,
    /// `FIREBASE_CLIENT_EMAIL`, none: whose a private key is that is given alone instead of the account's JSON.
    pub client_email: Option<String>,
    /// `FIREBASE_PROJECT_ID`, the service account's.
    pub project_id: Option<String>,
    /// `GOOGLE_CLOUD_PROJECT`, none: the project where neither of the others tells it.
    pub google_cloud_project: Option<String>,
    /// `FIREBASE_TENANT_ID`, none: `tenant_id` of custom tokens.
    pub tenant_id: Option<String>,
    /// `FIREBASE_CERTS_URL`, Google's: where the public keys of ID tokens are.
    pub certificates: Uri,
    /// `FIREBASE_AUTH_EMULATOR_HOST`, none: emulator mode, in which the emulator's unsigned ID tokens are taken and no others.
    pub emulator_host: Option<String>,
}

impl Firebase {
    pub(super) fn read(env: &mut Environment) -> Self {
        let account = [
            env.secret("FIREBASE_SERVICE_ACCOUNT_SECRET_ID"),
            env.value("FIREBASE_SERVICE_ACCOUNT", |text| Ok(signing::service_account(text))),
        ];
        Self {
            account: env.only(account),
            is_demo: false,
            client_email: env.checked(
                "FIREBASE_CLIENT_EMAIL",
                is_client_email,
                "the e-mail address of a service account",
            ),
            project_id: env.checked("FIREBASE_PROJECT_ID", is_project_id, "a project's id, such as my-app-1a2b3"),
            google_cloud_project: env.checked("GOOGLE_CLOUD_PROJECT", is_project_id, "a project's id"),
            tenant_id: env.checked(
                "FIREBASE_TENANT_ID",
                is_tenant_id,
                "a tenant's id: letters, digits, `-`, `.`, `_` and `~` alone, and no dot at its end",
            ),
            certificates: certificates_url(env),
            emulator_host: emulator_host(env),
        }
    }
}

impl Firebase {
    /// The project whose ID tokens are verified and by what it is known, if there is one; `of_account` is the service account's.
    pub fn project<'a>(&'a self, of_account: Option<&'a str>) -> Option<(&'a str, &'static str)> {
        let chosen = self.project_id.as_deref().map(|id| (id, "FIREBASE_PROJECT_ID"));
        let of_account = of_account.map(|id| (id, "the service account"));
        let ambient = self.google_cloud_project.as_deref().map(|id| (id, "GOOGLE_CLOUD_PROJECT"));
        let (second, third) = if self.is_demo { (ambient, of_account) } else { (of_account, ambient) };
        chosen.or(second).or(third)
    }
}

fn certificates_url(env: &mut Environment) -> Uri {
    const NAME: &str = "FIREBASE_CERTS_URL";
    let uri = match env.text(NAME).map(|text| text.parse::<Uri>()) {
        None => return Uri::from_static(google::GOOGLE),
        Some(Ok(uri)) => uri,
        Some(Err(_)) => Uri::default(),
    };
    if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
        env.refuse(NAME, "must have no password in it");
    }
    match uri.scheme_str() {
        Some("https") => {}
        // Whoever can change an answer on its way could sign in as anybody.
        Some("http") if uri.host().is_some_and(is_this_machine) => {}
        _ => env.refuse(NAME, "must be a URL that begins with https://, or with http:// on this machine itself"),
    }
    uri
}

/// By its address, not by how that begins: `127.evil.example` is a name like any other.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Refused where it would let anybody in: an emulator's token is one that anybody can write.
fn emulator_host(env: &mut Environment) -> Option<String> {
    const NAME: &str = "FIREBASE_AUTH_EMULATOR_HOST";
    let host = env.text(NAME)?;
    if let Some(variable) = env.platform.deployed_by {
        env.refuse(
            NAME,
            &format!(
                "is set, and so is {variable}: in emulator mode unsigned tokens are taken, so anybody could sign in as \
                 anybody. Unset it where the service is deployed"
            ),
        );
    } else if host.contains("//") || host.rsplit_once(':').is_none_or(|(_, port)| port.parse::<u16>().is_err()) {
        env.refuse(NAME, "must be a host and a port without http://, such as 127.0.0.1:9099");
    }
    Some(host)
}
