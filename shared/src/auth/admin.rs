//! The way into `/admin`: an admin key, or the short token that an admin key was exchanged for. The
//! access token of an account whose role is in `ADMIN_ROLES` opens it too.

use std::{net::IpAddr, sync::Arc, time::Duration};

use crate::{
    App,
    account::{ip::IpKey, rate_limit::WRONG_ADMIN_KEYS, user::User},
    auth::verification::{load_signed_in, verify},
    error::{Error, TokenRefusal},
    jose::{jwt::Jwt, kind::Kind},
    keys::admin_key::AdminKeys,
    telemetry::audit,
    time::Timestamp,
    token::{
        access::Issuer,
        admin::{self, Claims},
        pasted::Pasted,
    },
};

const NOT_CONFIGURED: &str =
    "The admin API is off. Set ADMIN_KEY_SECRET_ID, ADMIN_KEY_FILE or ADMIN_KEY to turn it on, or ADMIN_ROLES.";

/// The greatest age of the login of an admin by role: a working day.
const LOGIN_AGE_MAX: Duration = Duration::from_secs(12 * 60 * 60);

/// A credential of a request, as it was sent.
#[derive(Clone, Copy)]
pub enum Credential<'a> {
    /// The header `X-Admin-Key`.
    Key(&'a str),
    /// `Authorization: Bearer`.
    Token(&'a str),
    /// Neither.
    None,
}

/// The origin of a request, as far as it is known.
#[derive(Clone, Copy)]
pub struct Origin<'a> {
    /// The address, which must lie in a network of `ADMIN_ALLOWED_CIDRS`.
    pub address: Option<IpAddr>,
    /// The key that wrong admin keys are counted by. `None` where nothing is counted.
    pub counted: Option<&'a IpKey>,
}

/// The way in which an admin came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AdminBy {
    /// The admin key of this name, or a token of that key.
    Key(String),
    /// The role of the account with this id.
    Role(String),
}

impl AdminBy {
    /// The admin as an actor in a token (RFC 8693 section 4.1): `key:NAME` or `user:ID`.
    pub fn actor(&self) -> String {
        match self {
            Self::Key(name) => format!("key:{name}"),
            Self::Role(id) => format!("user:{id}"),
        }
    }

    /// Refuses a change of this account by an admin by role, if the account is an admin too. Such
    /// an admin could otherwise take over another one, or shut all others out.
    ///
    /// # Errors
    ///
    /// 403 `admin_key_required`.
    pub fn require_over(&self, app: &App, user: &User) -> Result<(), Error> {
        self.require_for_role(app, user.role_id)
    }

    /// Refuses to let an admin by role give this role to anybody, if it is a role of admins.
    ///
    /// # Errors
    ///
    /// 403 `admin_key_required`.
    pub fn require_for_role(&self, app: &App, role_id: u32) -> Result<(), Error> {
        match self {
            Self::Role(_) if app.config().admin.is_role_of_admins(role_id) => Err(Error::AdminKeyRequired),
            Self::Role(_) | Self::Key(_) => Ok(()),
        }
    }
}

/// Notes in the log that an admin acts in the name of an account. The actor of a token or a session
/// is as [`AdminBy::actor`] made it. An account has its pseudonym in the log.
pub fn note_actor(app: &App, actor: Option<&str>) {
    match actor.map(|actor| (actor, actor.strip_prefix("user:"))) {
        None => {}
        Some((_, Some(id))) => audit::acting(&format!("user:{}", app.pseudonym(id))),
        Some((actor, None)) => audit::acting(actor),
    }
}

/// Finds the admin behind a credential. No round trip for a right key, and one for an access token.
///
/// # Errors
///
/// 501 if neither admin keys nor roles of admins are configured. 403 for an address outside the
/// allowed networks. 401 if the credential is none or not good, and 429 if this address has sent
/// too many wrong keys. 503 while keys cannot be loaded, or if DynamoDB fails.
pub async fn admit(
    app: &App,
    issuer: &Issuer,
    credential: Credential<'_>,
    origin: Origin<'_>,
    now: Timestamp,
) -> Result<AdminBy, Error> {
    let keys = admin_keys(app, credential, now).await?;
    if !app.config().admin.allows(origin.address) {
        audit::event("admin_address_refused");
        return Err(Error::AdminAddress(origin.address));
    }
    match credential {
        Credential::Key(key) => match keys.as_ref().and_then(|keys| keys.find(key)) {
            Some(key) => Ok(AdminBy::Key(key.name.clone())),
            None => Err(refuse_key(app, origin.counted, now).await),
        },
        Credential::Token(token) => of_token(app, issuer, token, keys.as_deref(), now).await,
        Credential::None => Err(Error::AdminKey),
    }
}

/// Signs a token for the admin key with this name.
///
/// # Errors
///
/// 503 while no key may sign, 500 if signing fails.
pub async fn token(app: &App, issuer: &Issuer, name: &str, now: Timestamp) -> Result<String, Error> {
    let ring = app.keys().ring(now).await?;
    admin::mint(&ring, &Claims::new(issuer, name, app.uuid()?, now), now)
}

/// The admin keys, read once more if they lack the one that was sent. `None` if there are none.
async fn admin_keys(app: &App, credential: Credential<'_>, now: Timestamp) -> Result<Option<Arc<AdminKeys>>, Error> {
    let suits = |keys: &AdminKeys| match credential {
        Credential::Key(key) => keys.find(key).is_some(),
        Credential::Token(_) | Credential::None => true,
    };
    let keys = app.keys().admin_keys_if(now, suits).await?;
    if keys.is_none() && app.config().admin.roles.is_empty() {
        return Err(Error::NotConfigured(NOT_CONFIGURED));
    }
    // The names of people in the log are made with a key of the set.
    app.keys().ring(now).await?;
    Ok(keys)
}

/// Counts a wrong key. A refusal that is not counted is told as the failure to count it.
async fn refuse_key(app: &App, ip: Option<&IpKey>, now: Timestamp) -> Error {
    audit::event("admin_key_wrong");
    let counted = match ip {
        Some(ip) => app.store().count_use(WRONG_ADMIN_KEYS, ip, now).await,
        None => Ok(()),
    };
    counted.err().unwrap_or(Error::AdminKey)
}

/// The admin behind a token. A token of a key that was removed is refused. An access token counts
/// where there are roles of admins.
async fn of_token(
    app: &App,
    issuer: &Issuer,
    text: &str,
    keys: Option<&AdminKeys>,
    now: Timestamp,
) -> Result<AdminBy, Error> {
    let refuse = |sentence: String| Error::Token(TokenRefusal::new("token_invalid", sentence));
    let (token, pasted) = Pasted::admin_token(text).map_err(refuse)?;
    if token.kind() == Kind::AccessToken && !app.config().admin.roles.is_empty() {
        return of_role(app, issuer, pasted.text(), now).await;
    }
    verify_admin_token(app, issuer, &token, now).await?;
    let name = token.text("sub").unwrap_or_default();
    if keys.is_some_and(|keys| keys.has_name(name)) {
        return Ok(AdminBy::Key(name.to_owned()));
    }
    Err(refuse("The admin key of this token is not in use any more.".to_owned()))
}

/// The admin behind an access token. The role is that of the account at this moment, and not the
/// one in the token.
async fn of_role(app: &App, issuer: &Issuer, text: &str, now: Timestamp) -> Result<AdminBy, Error> {
    let verified = verify(app, issuer, text, now).await?;
    let refuse =
        |sentence: &str| Error::Token(TokenRefusal::new("token_invalid", sentence).about(&verified.token, now));
    if verified.actor().is_some() {
        return Err(refuse("An admin has signed in as this account, and such a session opens nothing below /admin."));
    }
    let found = load_signed_in(app, &verified, now).await?;
    let (user, auth_time) = found.ok_or_else(|| Error::internal("a sign-in without an account"))?;
    if !app.config().admin.is_admin(&user) {
        return Err(refuse("The role of this account is none of ADMIN_ROLES."));
    }
    if now >= auth_time + LOGIN_AGE_MAX {
        return Err(Error::LoginTooOld);
    }
    Ok(AdminBy::Role(user.id))
}

async fn verify_admin_token(app: &App, issuer: &Issuer, token: &Jwt, now: Timestamp) -> Result<(), Error> {
    let kid = token.header_text("kid").unwrap_or_default();
    let keys = app.keys().public_if(now, |keys| keys.knows(kid));
    admin::examine(keys, issuer, token, now, app.config().tokens.clock_skew).await.verdict(token, now)
}
