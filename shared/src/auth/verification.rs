//! Verification: finds the kind of a token, verifies the token, then loads the account behind it.

use crate::{
    App,
    account::{admission::Denial, identity::Identity, session::SessionId, user::User},
    auth::judgement::{Judge, Judgement, judge},
    error::{Error, TokenRefusal},
    jose::{jwt::Jwt, kind::Kind},
    time::Timestamp,
    token::{
        access::{self, Issuer},
        id::{self, ARGUMENT_ERROR},
        pasted::Pasted,
        shared_secret,
    },
};

/// The `sign_in_provider` of a sign-in with a custom token.
pub(super) const CUSTOM_PROVIDER: &str = "custom";

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

    /// The admin who signed in as the holder of the account, as the token says (RFC 8693 section
    /// 4.1).
    pub fn actor(&self) -> Option<&str> {
        self.token.actor()
    }

    /// The time of the sign-in at Firebase. `None` for a token of another kind.
    pub fn auth_time(&self) -> Option<Timestamp> {
        match self.sign_in {
            SignIn::Firebase { auth_time } => Some(auth_time),
            SignIn::Session(_) | SignIn::None => None,
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
    let malformed = |sentence| Error::Token(TokenRefusal::new(ARGUMENT_ERROR, sentence));
    let (token, _) = Pasted::jwt(text).map_err(malformed)?;
    let Judgement { findings, judge } = judge(app, issuer, &token, now).await;
    findings.verdict(&token, now)?;
    let incomplete = || Error::internal("a token without a flaw lacks a claim");
    Ok(match judge {
        Judge::AccessTokens => {
            let claims = access::Claims::of(&token).ok_or_else(incomplete)?;
            Verified::by_access_token(token, claims)
        }
        Judge::SharedSecrets => {
            let claims = shared_secret::Claims::of(&token);
            Verified::by_shared_secret(token, claims, issuer)
        }
        Judge::IdTokens => {
            let claims = id::Claims::of(&token).ok_or_else(incomplete)?;
            Verified::by_id_token(token, claims)
        }
    })
}

/// The session of an access token whose signature is genuine.
pub struct OwnSession {
    /// The session.
    pub id: SessionId,
    /// Whether the token has expired.
    pub is_expired: bool,
}

/// Finds the session of an access token of this service, to end it. The token may have expired: a
/// good signature shows that its holder was the session's.
///
/// # Errors
///
/// The inner error is a sentence for the builder about a text that is no such token. The outer one
/// is 503 while no keys can be loaded.
pub async fn own_session(
    app: &App,
    issuer: &Issuer,
    text: &str,
    now: Timestamp,
) -> Result<Result<OwnSession, String>, Error> {
    let token = match Pasted::jwt(text) {
        Ok((token, _)) => token,
        Err(sentence) => return Ok(Err(sentence)),
    };
    if token.kind() != Kind::AccessToken {
        let phrase = token.kind().phrase();
        return Ok(Err(format!("This is {phrase}, where an access token of this service is expected.")));
    }
    let mut findings = judge(app, issuer, &token, now).await.findings;
    if findings.content.is_empty()
        && let Some(error) = findings.unchecked.take()
    {
        return Err(error);
    }
    let is_expired = findings.signature.is_none() && findings.times.iter().any(|problem| problem.code == "expired");
    let flaw = findings.problems().find(|problem| problem.code != "expired" || !is_expired);
    if let Some(flaw) = flaw {
        return Ok(Err(flaw.message.clone()));
    }
    let id = token.text("sid").and_then(SessionId::parse);
    Ok(id.map(|id| OwnSession { id, is_expired }).ok_or_else(|| "The token names no session.".to_owned()))
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
    load_signed_in(app, verified, now).await.map(|found| found.map(|(user, _)| user))
}

/// Loads the account like [`load_account`], with the time at which its owner signed in.
///
/// # Errors
///
/// As [`load_account`].
pub async fn load_signed_in(
    app: &App,
    verified: &Verified,
    now: Timestamp,
) -> Result<Option<(User, Timestamp)>, Error> {
    let refuse = |code, sentence: &str| Error::Token(TokenRefusal::new(code, sentence).about(&verified.token, now));
    let admission = app.config().accounts.admission;
    match &verified.sign_in {
        SignIn::Session(id) => {
            let revoked = || refuse("token_revoked", "The session of this token has ended. Log in again.");
            let id = id.ok_or_else(revoked)?;
            let (user, session) = app.store().user_and_session(&verified.uid, id).await?;
            let user = user.ok_or_else(revoked)?;
            let live = session.filter(|session| session.is_live(&user, now));
            match (admission.admit(&user).map(drop), live) {
                (Err(Denial::Disabled), _) => Err(disabled(verified, now)),
                (_, None) => Err(revoked()),
                (Err(denial), _) => Err(denial.into()),
                (Ok(()), Some(session)) => Ok(Some((user, session.auth_time))),
            }
        }
        SignIn::Firebase { auth_time } => {
            let user = app.store().user(&verified.uid).await?;
            let revoked = |sentence| refuse("auth/id-token-revoked", sentence);
            let user = user.ok_or_else(|| revoked("There is no account with this uid, or it was deleted."))?;
            require_live_sign_in(app, verified, *auth_time, &user, now)?;
            Ok(Some((user, *auth_time)))
        }
        SignIn::None => Ok(None),
    }
}

/// Refuses a sign-in at Firebase that came by another way than the account's, or that was revoked
/// since, and an account that is not admitted.
///
/// # Errors
///
/// As [`load_account`].
pub fn require_live_sign_in(
    app: &App,
    verified: &Verified,
    auth_time: Timestamp,
    user: &User,
    now: Timestamp,
) -> Result<(), Error> {
    let refuse = |code, sentence: &str| Error::Token(TokenRefusal::new(code, sentence).about(&verified.token, now));
    // A thief may have linked a credential to the Firebase user, which outlives a new password. The
    // refusal comes first, so that the credential learns nothing.
    if verified.provider != CUSTOM_PROVIDER && !user.is_firebase_user() && !is_linked(verified, user) {
        let sentence = "This account signs in with the jwt_token of a login, and this Firebase sign-in came by \
                        another way. Log in again.";
        return Err(refuse("auth/argument-error", sentence));
    }
    let admitted = app.config().accounts.admission.admit(user).map(drop);
    if matches!(admitted, Err(Denial::Disabled)) {
        return Err(disabled(verified, now));
    }
    // `iat` moves with every refresh, so `auth_time` decides. `auth_time` has no fraction and the
    // end has one, so that a sign-in in the same second counts as an earlier one. `SessionObject`
    // keeps later sign-ins out of this second.
    if user.sessions_ended_at.is_some_and(|ended| auth_time < ended) {
        let sentence = "The sessions of this account were ended after this sign-in. Log in again.";
        return Err(refuse("auth/id-token-revoked", sentence));
    }
    Ok(admitted?)
}

/// Whether the sign-in at Firebase came by an identity that is linked to the account. Google's ids
/// alone are the same for every app, so that Firebase's can be compared with ours.
fn is_linked(verified: &Verified, user: &User) -> bool {
    const GOOGLE: (&str, &str) = ("google.com", "google");
    let firebase = verified.token.claims.get("firebase");
    let subjects = firebase.and_then(|firebase| firebase.get("identities")?.get(GOOGLE.0)?.as_array());
    let is_subject = |identity: &Identity| {
        subjects.is_some_and(|subjects| subjects.iter().any(|subject| subject.as_str() == Some(&identity.subject)))
    };
    verified.provider == GOOGLE.0
        && user.identities.iter().any(|identity| identity.provider == GOOGLE.1 && is_subject(identity))
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
