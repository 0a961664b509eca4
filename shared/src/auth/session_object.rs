//! The session object: the answer of a login, a new account and a refresh.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, json};

use crate::{
    App,
    account::{
        admission::Admitted,
        ip::IpKey,
        refresh_token::RefreshToken,
        session::{Rotator, Session, SessionId},
        user::{Profile, User},
    },
    error::Error,
    keys::{RefreshKeys, TokenSigner, service_account::ServiceAccount, shared_secret::SharedSecrets},
    sample::{Meaning, Part, Sample, Shape},
    telemetry::metrics::{self, SIGNING_MS},
    time::Timestamp,
    token::{
        access::{self, Issuer},
        custom::{CustomToken, CustomTokenError},
    },
};

/// A text in the form of a JWT.
const EXAMPLE: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl";

/// The random bytes that tell one request from another.
const REQUEST_BYTES: usize = 8;

/// Everything that a client needs, complete in every answer: a client may overwrite all it has.
#[derive(Serialize)]
pub struct SessionObject {
    pub(super) user: Profile,
    pub(super) uid: String,
    pub(super) token_type: &'static str,
    pub(super) expires_in: u64,
    pub(super) expires_at: String,
    pub(super) jwt_token: String,
    token: String,
    pub(super) access_token: String,
    pub(super) refresh_token: String,
    pub(super) refresh_expires_at: String,
    next: Next,
    /// `expires_at`, for forms that write it in another way.
    #[serde(skip)]
    pub(super) end: Option<Timestamp>,
}

/// The step that the user has to take before there are tokens. Everything is empty or 0 if nothing
/// is left to do.
#[derive(Default, Serialize)]
pub(super) struct Next {
    /// A stable word, for programs.
    pub(super) action: &'static str,
    /// A sentence, for people.
    pub(super) message: &'static str,
    /// The challenge of the mail that was sent, for `/login/email/complete`. This and the members
    /// below are those of the answer to whoever asks for a mail.
    pub(super) challenge: String,
    pub(super) expires_in: u64,
    pub(super) expires_at: String,
    pub(super) resend_in: u64,
    pub(super) resend_at: String,
    pub(super) code_length: usize,
}

/// Loads the keys that sign a session object. A handler asks before it hashes a password: a 503
/// before that work costs less than one after it.
///
/// # Errors
///
/// 503 while there are no keys.
pub async fn require_signing_keys(app: &App) -> Result<(), Error> {
    app.keys().get(app.now()).await.map(drop)
}

/// Starts a session of an admitted account. Nothing is stored.
///
/// # Errors
///
/// 500 if the random source fails.
pub fn start(app: &App, admitted: Admitted<'_>, now: Timestamp) -> Result<Session, Error> {
    Ok(Session::start(SessionId::new(app.random()?), admitted.user(), now, &app.config().tokens.session_lifetimes))
}

/// Opens a refresh token that one of the keys made; any other text is `None`. No round trip.
///
/// # Errors
///
/// 503 while there are no keys, or if they lack the token's key and newer ones cannot be loaded.
pub async fn refresh_token(app: &App, text: &str, now: Timestamp) -> Result<Option<RefreshToken>, Error> {
    open(app, text, now, |token, _| token).await
}

/// Like [`refresh_token`], with the request that presents the token from this IP address.
///
/// # Errors
///
/// As [`refresh_token`]; 500 if the random source fails.
pub async fn presented(
    app: &App,
    text: &str,
    ip: Option<&IpKey>,
    now: Timestamp,
) -> Result<Option<(RefreshToken, Rotator)>, Error> {
    let opened = open(app, text, now, |token, key| (token, ip.map(|ip| token.caller(key, ip)))).await?;
    let Some((token, caller)) = opened else { return Ok(None) };
    let request = URL_SAFE_NO_PAD.encode(app.random::<REQUEST_BYTES>()?);
    Ok(Some((token, Rotator { request, caller })))
}

/// Opens a refresh token, and passes it to `then` with the key that made it.
async fn open<T>(
    app: &App,
    text: &str,
    now: Timestamp,
    then: impl FnOnce(RefreshToken, &hmac::Key) -> T,
) -> Result<Option<T>, Error> {
    let is_opened = |keys: &RefreshKeys| RefreshToken::open(text, keys.verifying(now)).is_some();
    let keys = app.keys().refresh_if(now, |keys| !RefreshToken::is_like_one(text) || is_opened(keys)).await?;
    Ok(RefreshToken::open_by(text, keys.verifying(now)).map(|(token, key)| then(token, key)))
}

impl SessionObject {
    /// Issues the session object of `session`, with its refresh token of this `counter`. Waits as
    /// [`outlast_the_end_of_sessions`] does. Nothing is stored.
    ///
    /// # Errors
    ///
    /// 503 while there are no keys; 500 if signing fails.
    pub async fn issue(
        app: &App,
        issuer: &Issuer,
        admitted: Admitted<'_>,
        session: &Session,
        counter: u32,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let session_object = Self::issue_at_once(app, issuer, admitted, session, counter, now).await?;
        outlast_the_end_of_sessions(app, admitted.user(), now).await;
        Ok(session_object)
    }

    /// Like [`SessionObject::issue`], without the wait. The caller waits before the session object
    /// leaves.
    ///
    /// # Errors
    ///
    /// As [`SessionObject::issue`].
    pub async fn issue_at_once(
        app: &App,
        issuer: &Issuer,
        admitted: Admitted<'_>,
        session: &Session,
        counter: u32,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let user = admitted.user();
        let keys = app.keys().get(now).await?;
        let life = app.config().tokens.access_token_life;
        let role = app.config().accounts.roles.name(user.role_id);
        let claims = access::Claims::new(issuer, admitted, session, app.uuid()?, role, now, life);
        let sign = async {
            let access_token = access::mint(&keys.ring, &claims, now)?;
            let jwt_token = match &keys.jwt {
                TokenSigner::Firebase(account) => custom_token(app, account, admitted, session, now).await?,
                TokenSigner::SharedSecret(secrets) => shared_secret_token(secrets, &claims)?,
                TokenSigner::None => access_token.clone(),
            };
            Ok::<_, Error>((access_token, jwt_token))
        };
        let (access_token, jwt_token) = metrics::timed_async(SIGNING_MS, sign).await?;
        if let Some(since) = keys.ring.signing(now)?.not_before() {
            metrics::record_key_age(since, now);
        }
        let refresh = RefreshToken { session: session.id, counter };
        Ok(Self {
            user: user.profile(),
            uid: user.id.clone(),
            token_type: "Bearer",
            expires_in: life.as_secs(),
            expires_at: (now.floor() + life).rfc3339(),
            token: jwt_token.clone(),
            jwt_token,
            access_token,
            refresh_token: refresh.seal(keys.ring.refresh().signing(session.made_at(counter), now)?),
            refresh_expires_at: session.expires_at.rfc3339(),
            next: Next::default(),
            end: Some(now.floor() + life),
        })
    }

    /// The session object of an account that has no tokens yet: every member is there and of its
    /// type, and `next` says what to do.
    pub(super) fn without_tokens(user: &User, next: Next) -> Self {
        Self {
            user: user.profile(),
            uid: user.id.clone(),
            token_type: "Bearer",
            expires_in: 0,
            expires_at: String::new(),
            jwt_token: String::new(),
            token: String::new(),
            access_token: String::new(),
            refresh_token: String::new(),
            refresh_expires_at: String::new(),
            next,
            end: None,
        }
    }
}

impl Sample for SessionObject {
    const NAME: &'static str = "Session";
    const MEMBERS: &'static [Meaning] = &[
        ("uid", "The user's id again; the uid at Firebase."),
        ("token_type", "Always Bearer."),
        ("expires_in", "The life of jwt_token and access_token, in seconds."),
        ("expires_at", "The end of that life; empty while the address must be verified first."),
        (
            "jwt_token",
            "For the deployment's platform: a Firebase custom token, a token for Bubble, or the access token.",
        ),
        ("token", "The same text as jwt_token."),
        ("access_token", "A token of this service, for /me and for your own servers."),
        ("refresh_token", "For /refresh, before or after expires_at."),
        ("refresh_expires_at", "The latest end of the session; empty while the address must be verified first."),
        ("next", "The step that the user has to take before there are tokens; all is empty or 0 if there is none."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["expires_at", "refresh_expires_at"];
    const PARTS: &'static [Part] = &[("user", Shape::of::<Profile>), ("next", Shape::of::<Next>)];

    fn sample() -> Self {
        Self {
            user: Profile::sample(),
            uid: Profile::sample().id,
            token_type: "Bearer",
            expires_in: 3_600,
            expires_at: "2026-05-27T15:00:00Z".to_owned(),
            jwt_token: EXAMPLE.to_owned(),
            token: EXAMPLE.to_owned(),
            access_token: EXAMPLE.to_owned(),
            refresh_token: "dlIOBvT9xQm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbA".to_owned(),
            refresh_expires_at: "2026-06-26T14:00:00Z".to_owned(),
            next: Next::default(),
            end: None,
        }
    }
}

impl Sample for Next {
    const NAME: &'static str = "Next";
    const MEMBERS: &'static [Meaning] = &[
        ("action", "verify_email, or an empty text."),
        ("message", "A sentence for the person."),
        ("challenge", "For /login/email/complete, with the code that was mailed; empty if no mail was sent."),
        ("expires_in", "The life of the code, in seconds."),
        ("expires_at", "The end of that life."),
        ("resend_in", "The time until another mail may be asked for, in seconds."),
        ("resend_at", "The end of that time."),
        ("code_length", "The digits of the code."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["expires_at", "resend_at"];

    fn sample() -> Self {
        Self::default()
    }
}

/// The claims of the access token, and the user's id also under the name that builders use.
fn shared_secret_token(secrets: &SharedSecrets, claims: &access::Claims) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Claims<'a> {
        user_id: &'a str,
        #[serde(flatten)]
        claims: access::Whole<'a>,
    }
    secrets.sign(&Claims { user_id: &claims.sub, claims: claims.whole() })
}

/// The time at which all sessions end if they are ended at `now`.
///
/// Firebase tells the time of a sign-in in whole seconds. The end in the next second revokes every
/// sign-in of this one. The answer waits for that second, so that the write need not:
/// [`outlast_the_end_of_sessions`].
pub fn end_of_sessions(app: &App, now: Timestamp) -> Timestamp {
    if app.config().firebase.has_account() { now.floor() + Duration::from_secs(1) } else { now }
}

/// Waits for the second after the end of all sessions, if custom tokens are made. Firebase tells
/// the time of a sign-in in whole seconds. A sign-in in the second of the end would count as an
/// earlier one, and be revoked.
pub async fn outlast_the_end_of_sessions(app: &App, user: &User, now: Timestamp) {
    let makes_custom_tokens = app.config().firebase.has_account();
    if makes_custom_tokens && user.sessions_ended_at.is_some_and(|ended| ended > now.floor()) {
        app.next_second().await;
    }
}

/// A custom token without claims of its own, but for `act` of an admin who signed in as the user.
/// Firebase repeats such claims in every ID token until the user signs out, so that a role that is
/// withdrawn here would live on there.
async fn custom_token(
    app: &App,
    account: &ServiceAccount,
    admitted: Admitted<'_>,
    session: &Session,
    now: Timestamp,
) -> Result<String, Error> {
    let claims = session.act.as_ref().map(|sub| Map::from_iter([("act".to_owned(), json!({"sub": sub}))]));
    let request = CustomToken {
        uid: &admitted.user().id,
        claims: claims.as_ref(),
        tenant_id: app.config().firebase.tenant_id.as_deref(),
        life: app.config().tokens.access_token_life,
    };
    account.custom_token(&request, now).await.map_err(|refusal| match refusal {
        CustomTokenError::Request(sentence) => Error::internal(sentence),
        CustomTokenError::Fault(fault) => fault,
    })
}
