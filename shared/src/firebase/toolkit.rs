//! The calls of the API, each bounded in time.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::json;
use tokio::sync::OnceCell;

use super::access_token::{self, AccessToken, AccessTokens, TOKEN_URL, USERS};
use crate::{
    fetch::{Fetcher, TIME_MAX},
    keys::service_account::ServiceAccount,
    time::Timestamp,
};

/// The host of the API. The emulator has it as the first part of its paths.
const HOST: &str = "identitytoolkit.googleapis.com";
/// The token that the Auth emulator accepts from a server.
const EMULATOR_TOKEN: &str = "owner";
/// The beginning of the ids of projects that exist in emulators alone.
const DEMO: &str = "demo-";

/// The client of the API. Nothing is called before the first use.
#[derive(Default)]
pub struct IdentityToolkit {
    emulator: Option<String>,
    tenant: Option<String>,
    /// The addresses of a test, in the place of Google's: the API, and the token endpoint.
    addresses: Option<(String, String)>,
    fetcher: OnceCell<Fetcher>,
    tokens: AccessTokens,
}

/// The users of one project, as its service account sees them.
pub struct Users<'a> {
    toolkit: &'a IdentityToolkit,
    account: &'a ServiceAccount,
    project: &'a str,
    now: Timestamp,
}

/// The reason why a call has no effect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolkitError {
    /// There is no user with this id.
    UserNotFound,
    /// There is a user with this id already.
    UserExists,
    /// Another user has this e-mail address.
    EmailExists,
    /// The API refuses the call. The word is Google's.
    Refused(String),
    /// The API cannot be reached, or fails. The phrase is for the log.
    Unavailable(String),
}

/// A user, as far as this service looks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct FirebaseUser {
    /// The id.
    pub local_id: String,
    /// The display name.
    pub display_name: String,
    /// Whether the address is verified.
    pub email_verified: bool,
    /// The custom claims, as JSON text.
    pub custom_attributes: String,
    /// Whether the user is disabled.
    pub disabled: bool,
    /// The e-mail address. Its owner may set a password there.
    pub email: String,
    /// The ways to sign in that were linked there.
    #[serde(rename = "providerUserInfo")]
    pub providers: Vec<Provider>,
}

/// A way to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Provider {
    /// The name of the way, such as `google.com` or `password`.
    pub provider_id: String,
}

impl fmt::Display for ToolkitError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::UserNotFound => "there is no such user",
            Self::UserExists => "there is such a user already",
            Self::EmailExists => "another user has the address",
            Self::Refused(word) | Self::Unavailable(word) => word,
        })
    }
}

/// A change of a user. Whatever is `None` stays.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct UserUpdate {
    /// Ends each sign-in before this time, in whole seconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub valid_since: Option<String>,
    /// Whether the user is disabled.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disable_user: Option<bool>,
    /// The e-mail address. Another one than before ends the sign-ins there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address is verified.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email_verified: Option<bool>,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// The custom claims, as JSON text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub custom_attributes: Option<String>,
    /// The ways to sign in that are removed.
    #[serde(rename = "deleteProvider", skip_serializing_if = "Vec::is_empty")]
    pub removed_providers: Vec<String>,
    /// The attributes that are removed, in the API's words.
    #[serde(rename = "deleteAttribute", skip_serializing_if = "Vec::is_empty")]
    pub removed_attributes: Vec<&'static str>,
}

/// A new user.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    /// Whether the user is disabled.
    pub disabled: bool,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// Whether the address is verified.
    pub email_verified: bool,
}

/// A body with the user's id beside other members.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Identified<'a, T> {
    local_id: &'a str,
    #[serde(flatten)]
    rest: T,
}

#[derive(Deserialize)]
struct Found {
    #[serde(default)]
    users: Vec<FirebaseUser>,
}

/// Any answer whose content does not matter.
#[derive(Deserialize)]
struct Accepted {}

#[derive(Deserialize)]
struct Failed {
    error: Failure,
}

#[derive(Deserialize)]
struct Failure {
    message: String,
}

/// Whether a project exists in emulators alone.
pub fn is_nowhere(project: &str) -> bool {
    project.starts_with(DEMO)
}

impl IdentityToolkit {
    /// A client of the Auth emulator at this host and port, or of Google if there is none. The
    /// users are those of the tenant, or of the project itself.
    pub fn new(emulator: Option<&str>, tenant: Option<&str>) -> Self {
        Self { emulator: emulator.map(str::to_owned), tenant: tenant.map(str::to_owned), ..Self::default() }
    }

    /// A client of servers at these URLs: the API, and the token endpoint.
    #[cfg(feature = "testing")]
    pub fn at(api: &str, tokens: &str) -> Self {
        Self { addresses: Some((api.to_owned(), tokens.to_owned())), ..Self::default() }
    }

    /// The users of a project. `None` for a project that exists in emulators alone, without one:
    /// its id begins with `demo-` (<https://firebase.google.com/docs/emulator-suite/connect_auth>).
    pub fn users<'a>(&'a self, account: &'a ServiceAccount, project: &'a str, now: Timestamp) -> Option<Users<'a>> {
        let is_nowhere = is_nowhere(project) && self.emulator.is_none() && self.addresses.is_none();
        (!is_nowhere).then_some(Users { toolkit: self, account, project, now })
    }

    /// The URL before the path of an API, without a slash at its end.
    fn base(&self) -> String {
        match (&self.addresses, &self.emulator) {
            (Some((api, _)), _) => api.clone(),
            (None, Some(host)) => format!("http://{host}/{HOST}"),
            (None, None) => format!("https://{HOST}"),
        }
    }
}

impl Users<'_> {
    /// Changes a user.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn update(&self, uid: &str, update: &UserUpdate) -> Result<(), ToolkitError> {
        self.call::<Accepted>(":update", &Identified { local_id: uid, rest: update }).await.map(drop)
    }

    /// Makes a user with this id.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn create(&self, uid: &str, new: &NewUser) -> Result<(), ToolkitError> {
        self.call::<Accepted>("", &Identified { local_id: uid, rest: new }).await.map(drop)
    }

    /// Deletes a user. A user that is not there counts as deleted.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn delete(&self, uid: &str) -> Result<(), ToolkitError> {
        match self.call::<Accepted>(":delete", &json!({"localId": uid})).await {
            Ok(_) | Err(ToolkitError::UserNotFound) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Reads the users with these ids, of which there are 100 at most. An id without a user is left
    /// out.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn find(&self, uids: &[&str]) -> Result<Vec<FirebaseUser>, ToolkitError> {
        let found: Found = self.call(":lookup", &json!({"localId": uids})).await?;
        Ok(found.users)
    }

    /// Calls an operation. An access token that was refused is renewed once: somebody may have
    /// revoked it.
    async fn call<T: DeserializeOwned>(&self, operation: &str, body: &impl Serialize) -> Result<T, ToolkitError> {
        let body = serde_json::to_vec(body).map_err(|error| ToolkitError::Refused(error.to_string()))?;
        let token = self.token().await?;
        let (mut status, mut answer) = self.call_once(operation, body.clone(), token.as_deref()).await?;
        if status == StatusCode::UNAUTHORIZED
            && let Some(refused) = &token
        {
            self.toolkit.tokens.forget(refused).await;
            (status, answer) = self.call_once(operation, body, self.token().await?.as_deref()).await?;
        }
        read(status, &answer)
    }

    /// The access token. `None` for the emulator.
    async fn token(&self) -> Result<Option<Arc<AccessToken>>, ToolkitError> {
        let toolkit = self.toolkit;
        if toolkit.emulator.is_some() {
            return Ok(None);
        }
        let url = toolkit.addresses.as_ref().map_or(TOKEN_URL, |(_, tokens)| tokens);
        let token =
            access_token::get(&toolkit.tokens, self.fetcher().await?, url, (self.account, USERS), self.now).await;
        token.map(Some).map_err(ToolkitError::Unavailable)
    }

    async fn fetcher(&self) -> Result<&Fetcher, ToolkitError> {
        let made = self.toolkit.fetcher.get_or_try_init(|| async { Fetcher::new() }).await;
        made.map_err(ToolkitError::Unavailable)
    }

    async fn call_once(
        &self,
        operation: &str,
        body: Vec<u8>,
        token: Option<&AccessToken>,
    ) -> Result<(StatusCode, Bytes), ToolkitError> {
        let unavailable = ToolkitError::Unavailable;
        let token = token.map_or(EMULATOR_TOKEN, |token| token.text.as_str());
        let request = Request::post(self.url(operation))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {token}"))
            .body(Bytes::from(body))
            .map_err(|error| unavailable(error.to_string()))?;
        let answer = self.fetcher().await?.send_within(request, TIME_MAX).await;
        let answer = answer.map_err(|why| unavailable(format!("Identity Toolkit {why}")))?;
        Ok((answer.status, answer.body))
    }

    fn url(&self, operation: &str) -> String {
        // The configuration lets no letter into the ids of projects and tenants that a URL escapes.
        let tenant = self.toolkit.tenant.as_deref().map(|tenant| format!("/tenants/{tenant}"));
        let (base, tenant) = (self.toolkit.base(), tenant.unwrap_or_default());
        format!("{base}/v1/projects/{}{tenant}/accounts{operation}", self.project)
    }
}

/// The answer, or the failure that its error names. Google's sentences stay out of the log, because
/// they may quote the request.
fn read<T: DeserializeOwned>(status: StatusCode, body: &Bytes) -> Result<T, ToolkitError> {
    if status == StatusCode::OK {
        let nothing = |_| ToolkitError::Unavailable("Identity Toolkit answered no JSON".to_owned());
        return serde_json::from_slice(body).map_err(nothing);
    }
    let message = serde_json::from_slice::<Failed>(body).map(|failed| failed.error.message).unwrap_or_default();
    let word = message.split([' ', ':']).next().unwrap_or_default();
    let word: String = word.chars().filter(|letter| letter.is_ascii_uppercase() || *letter == '_').take(64).collect();
    Err(match word.as_str() {
        "USER_NOT_FOUND" => ToolkitError::UserNotFound,
        "DUPLICATE_LOCAL_ID" => ToolkitError::UserExists,
        "EMAIL_EXISTS" => ToolkitError::EmailExists,
        _ if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS => {
            ToolkitError::Refused(format!("{} {word}", status.as_u16()))
        }
        _ => ToolkitError::Unavailable(format!("Identity Toolkit answered {} {word}", status.as_u16())),
    })
}
