//! Verification: finds the kind of a token, verifies the token, then loads the account behind it.

use std::borrow::Cow;

use crate::{
    App,
    account::{admission::Denial, session::SessionId, user::User},
    error::{Error, TokenRefusal},
    jose::{jwt::Jwt, kind::Kind},
    time::Timestamp,
    token::{
        access::{self, Issuer},
        id::{self, Verifier},
        shared_secret,
    },
};

/// The `sign_in_provider` of a sign-in with a custom token.
const CUSTOM_PROVIDER: &str = "custom";

/// A genuine token and its claims about the holder, with defaults for claims that its kind leaves
/// out.
pub struct Verified {
    /// The token in its parts.
    pub token: Jwt,
    /// Its kind: an access token, a Firebase ID token or one signed with a shared secret.
    pub kind: Kind,
    /// The user's id; empty if a token signed with a shared secret names none.
    pub uid: String,
    /// The e-mail address. Empty for a Firebase user without one, as after a sign-in with a custom
    /// token.
    pub email: String,
    /// False if the token has no such claim.
    pub email_verified: bool,
    /// The display name; empty if the token has none.
    pub name: String,
    /// 0 if the token has no such claim, as a Firebase ID token.
    pub role_id: u32,
    /// The way in which the holder signed in: `password`, or Firebase's own word.
    pub provider: String,
    /// `iat`. Only a token signed with a shared secret may lack it.
    pub issued_at: Option<Timestamp>,
    /// `exp`. Only a token signed with a shared secret may lack it.
    pub expires_at: Option<Timestamp>,
    sign_in: SignIn,
}

/// The sign-in behind a token, which may have ended since the token was made.
enum SignIn {
    /// `None` if the token names no possible session.
    Session(Option<SessionId>),
    Firebase {
        auth_time: Timestamp,
    },
    /// Nobody signed in: a server made the token.
    None,
}

impl Verified {
    /// The session that the token belongs to; a Firebase sign-in has none.
    pub fn session(&self) -> Option<SessionId> {
        match self.sign_in {
            SignIn::Session(id) => id,
            SignIn::Firebase { .. } | SignIn::None => None,
        }
    }

    /// Whether only the account, and not the token, holds the e-mail address.
    pub fn is_without_address(&self) -> bool {
        self.kind == Kind::FirebaseIdToken && self.email.is_empty()
    }

    fn by_access_token(token: Jwt, claims: access::Claims) -> Self {
        Self {
            token,
            kind: Kind::AccessToken,
            uid: claims.sub,
            email: claims.email,
            email_verified: claims.email_verified,
            name: claims.name,
            role_id: claims.role_id,
            provider: "password".to_owned(),
            issued_at: Some(Timestamp::from_seconds(claims.iat)),
            expires_at: Some(Timestamp::from_seconds(claims.exp)),
            sign_in: SignIn::Session(SessionId::parse(&claims.sid)),
        }
    }

    fn by_id_token(token: Jwt, claims: id::Claims) -> Self {
        Self {
            token,
            kind: Kind::FirebaseIdToken,
            uid: claims.uid,
            email: claims.email,
            email_verified: claims.email_verified,
            name: claims.name,
            role_id: 0,
            provider: claims.provider,
            issued_at: Some(claims.issued_at),
            expires_at: Some(claims.expires_at),
            sign_in: SignIn::Firebase { auth_time: claims.auth_time },
        }
    }

    fn by_shared_secret(token: Jwt, claims: shared_secret::Claims, issuer: &Issuer) -> Self {
        let own = claims.session.filter(|(url, _)| *url == issuer.url);
        Self {
            token,
            kind: Kind::SharedSecret,
            uid: claims.uid,
            email: claims.email,
            email_verified: claims.email_verified,
            name: claims.name,
            role_id: claims.role_id,
            provider: if own.is_some() { "password" } else { "unknown" }.to_owned(),
            issued_at: claims.issued_at,
            expires_at: claims.expires_at,
            sign_in: own.map_or(SignIn::None, |(_, sid)| SignIn::Session(SessionId::parse(&sid))),
        }
    }
}

/// Verifies a token of any kind that this deployment accepts, without a round trip to the table.
///
/// # Errors
///
/// 401 with the code and the sentence of the rule that fails; 503 while no keys can be loaded.
pub async fn verify(app: &App, issuer: &Issuer, text: &str, now: Timestamp) -> Result<Verified, Error> {
    let emulated = app.config().firebase.emulator_host.is_some();
    let token = if emulated { Jwt::parse_unsigned(text) } else { Jwt::parse(text) };
    let token = token.map_err(|sentence| Error::Token(TokenRefusal::new("auth/argument-error", sentence)))?;
    let skew = app.config().tokens.clock_skew;
    if token.kind() == Kind::AccessToken {
        let kid = token.header_text("kid").unwrap_or_default();
        let keys = app.keys().public_if(now, |keys| keys.knows(kid)).await?;
        let claims = access::verify(&keys, issuer, &token, now, skew).map_err(Error::Token)?;
        return Ok(Verified::by_access_token(token, claims));
    }
    if shared_secret::is_meant(&token) {
        let secrets = app.keys().shared_secrets_if(now, |secrets| secrets.signed(&token)).await?;
        if let Some(secrets) = secrets {
            let claims = shared_secret::verify(&secrets, &token, now, skew).map_err(Error::Token)?;
            return Ok(Verified::by_shared_secret(token, claims, issuer));
        }
    }
    let project = firebase_project(app, now).await?.ok_or_else(|| no_project(&token, now))?;
    let certificates = (!emulated).then(|| app.certificates());
    let tenant = app.config().firebase.tenant_id.as_deref();
    let claims = Verifier { project: &project, tenant, certificates, skew }.verify(&token, now).await?;
    Ok(Verified::by_id_token(token, claims))
}

/// The Firebase project whose ID tokens are verified, if there is one: `FIREBASE_PROJECT_ID`, the
/// service account's project, or `GOOGLE_CLOUD_PROJECT`.
///
/// # Errors
///
/// 503 while the service account, which names the project, cannot be loaded.
pub async fn firebase_project(app: &App, now: Timestamp) -> Result<Option<Cow<'_, str>>, Error> {
    let firebase = &app.config().firebase;
    // Most deployments name the project, so that no request waits for the service account.
    if let Some(project) = &firebase.project_id {
        return Ok(Some(project.into()));
    }
    let account = app.keys().firebase(now).await?;
    let project = firebase.project(account.as_ref().map(|account| account.project_id.as_str()));
    Ok(project.map(|(project, _)| project.to_owned().into()))
}

fn no_project(token: &Jwt, now: Timestamp) -> Error {
    let kind = token.kind();
    let why = match kind {
        Kind::FirebaseIdToken => "and this deployment knows no Firebase project: set FIREBASE_PROJECT_ID",
        _ => "where an access token of this service is expected",
    };
    Error::Token(
        TokenRefusal::new("auth/argument-error", format!("This is {}, {why}.", kind.phrase())).about(token, now),
    )
}

/// Loads the account behind a genuine token, if the account is admitted and the sign-in is still
/// good. One round trip. No round trip for a token that a server signed with a shared secret,
/// because no sign-in stands behind it.
///
/// # Errors
///
/// 401 if the sign-in was revoked or came by another way than the account's, or if the account is
/// disabled. The code is one of the token's kind. 403 `email_not_verified` if the account's address
/// must be verified and is not. 503 if DynamoDB fails.
pub async fn load_account(app: &App, verified: &Verified, now: Timestamp) -> Result<Option<User>, Error> {
    let refuse = |code, sentence: &str| Error::Token(TokenRefusal::new(code, sentence).about(&verified.token, now));
    let admission = app.config().accounts.admission;
    match &verified.sign_in {
        SignIn::Session(id) => {
            let revoked = || refuse("token_revoked", "The session of this token has ended. Log in again.");
            let id = id.ok_or_else(revoked)?;
            let (user, session) = app.store().user_and_session(&verified.uid, id).await?;
            let user = user.ok_or_else(revoked)?;
            let is_live = session.is_some_and(|session| session.is_live(&user, now));
            match admission.admit(&user) {
                Err(Denial::Disabled) => Err(disabled(verified, now)),
                _ if !is_live => Err(revoked()),
                Err(denial) => Err(denial.into()),
                Ok(_) => Ok(Some(user)),
            }
        }
        SignIn::Firebase { auth_time } => {
            let revoked = |sentence| refuse("auth/id-token-revoked", sentence);
            let user = app.store().user(&verified.uid).await?;
            let user = user.ok_or_else(|| revoked("There is no account with this uid, or it was deleted."))?;
            // A thief may have linked a credential to the Firebase user, which outlives a new
            // password. The refusal comes first, so that the credential learns nothing.
            if verified.provider != CUSTOM_PROVIDER && !user.is_firebase_user() {
                let sentence = "This account signs in with the jwt_token of a login, and this Firebase sign-in \
                                came by another way. Log in again.";
                return Err(refuse("auth/argument-error", sentence));
            }
            let admitted = admission.admit(&user).map(drop);
            if matches!(admitted, Err(Denial::Disabled)) {
                return Err(disabled(verified, now));
            }
            // `iat` moves with every refresh, so `auth_time` decides. `auth_time` has no fraction
            // and the end has one, so that a sign-in in the same second counts as an earlier one.
            // `SessionObject` keeps later sign-ins out of this second.
            if user.sessions_ended_at.is_some_and(|ended| *auth_time < ended) {
                return Err(revoked("The sessions of this account were ended after this sign-in. Log in again."));
            }
            admitted?;
            Ok(Some(user))
        }
        SignIn::None => Ok(None),
    }
}

/// Refuses the holder of a genuine token whose address is not verified, if the deployment requires
/// verified ones. For a token whose account was not loaded: the token's own claims count.
///
/// A Firebase user of a custom token has no address in the token. The account is then read, and
/// decides.
///
/// # Errors
///
/// 403 `email_not_verified`; 401 if the account is read and disabled; 503 if DynamoDB fails.
pub async fn require_verified_email(app: &App, verified: &Verified, now: Timestamp) -> Result<(), Error> {
    let admission = app.config().accounts.admission;
    // A server that names no address vouches for none.
    let vouches_for_none = verified.kind == Kind::SharedSecret && verified.email.is_empty();
    if !admission.require_verified_email || vouches_for_none {
        return Ok(());
    }
    if !verified.is_without_address() {
        return if verified.email_verified { Ok(()) } else { Err(Error::EmailNotVerified) };
    }
    match admission.admit(app.store().user(&verified.uid).await?.as_ref()) {
        Ok(_) => Ok(()),
        Err(Denial::Disabled) => Err(disabled(verified, now)),
        Err(Denial::Missing | Denial::EmailNotVerified) => Err(Error::EmailNotVerified),
    }
}

/// Refuses the token of a disabled account, with the code of its kind.
fn disabled(verified: &Verified, now: Timestamp) -> Error {
    let code = if verified.kind == Kind::FirebaseIdToken { "auth/user-disabled" } else { "account_disabled" };
    Error::Token(TokenRefusal::new(code, "This account is disabled.").about(&verified.token, now))
}
