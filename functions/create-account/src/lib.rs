//! `POST /create-account`: a new account, and its first session.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    routing::post,
};
use shared::{
    App,
    account::{
        email::{Email, Identifier, Username},
        ip::ClientIp,
        rate_limit::SIGN_UPS,
        user::User,
    },
    auth::{
        password::{self, Authenticated, LOGIN, authenticate},
        session_object::SessionObject,
    },
    error::{Error, Field},
    http::body::{Body, Fields, Input},
    password::Password,
    store::{Creation, Fingerprint, QuotaWindow},
    telemetry::log,
    time::Timestamp,
    token::access::Issuer,
};

/// For how long an idempotency key is remembered.
const IDEMPOTENCY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

/// The route of this function.
pub fn router() -> Router<App> {
    Router::new().route("/create-account", post(create_account))
}

/// `email`, `password`, and perhaps `name` and `username`.
struct NewAccount {
    email: Email,
    username: Option<Username>,
    name: String,
    password: Password,
}

impl Input for NewAccount {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.email("email");
        let password = fields.password("password");
        let username = fields.username("username");
        let name = fields.name("name").unwrap_or_default();
        Some(Self { email: email?, username, name, password: password? })
    }
}

/// 201 with a session object. The same request under the same `Idempotency-Key` gives the same account again, with a new
/// session, so that a client whose answer was lost can simply ask again.
async fn create_account(
    State(app): State<App>,
    issuer: Issuer,
    origin: ClientIp,
    headers: HeaderMap,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<SessionObject>), Error> {
    app.keys().get(app.now()).await?;
    if let Some((code, message)) = new.password.weakness(&app.config().password_policy, new.email.key()) {
        return Err(Error::WeakPassword(Field::new("password", code, message)));
    }
    let now = app.now();
    let fingerprint = idempotency_key(&headers)?.map(|key| fingerprint(key, &new, now));
    let turn = app.turns().take(format!("create {}", new.email.key())).await;
    let window = origin.0.as_ref().map(|address| QuotaWindow::new(&SIGN_UPS, address, now));
    // The transaction decides. Asked before it are only those who may well be refused, so that they need no hash.
    if window.is_some() || turn.has_waited {
        let email = fingerprint.is_none().then_some(&new.email);
        app.store().may_create(email, window.as_ref(), now).await.inspect_err(limited)?;
    }
    let hash = app.hasher().hash(new.password.clone(), app.random()?).await?;
    let user = User::new(app.uuid()?, &new.email, new.username.as_ref(), new.name, hash, now);
    let session = app.new_session(&user, now)?;
    // Made before anything is stored, so that a fault leaves nothing behind.
    let grant = SessionObject::issue(&app, &issuer, &user, &session, 0, now).await?;
    let created = app.store().create_user(&user, &session, fingerprint.as_ref(), window.as_ref(), now).await;
    match created.inspect_err(limited)? {
        Creation::Created => {
            log::audit("account_created", &log::pseudonym(&user.email_key), &log::pseudonym(&user.id));
            Ok((StatusCode::CREATED, Json(grant)))
        }
        Creation::Repeated { user_id } => repeat(&app, &issuer, &origin, &user_id, new.email, new.password).await,
    }
}

/// The account that was made under this key before, with a new session. With another password it is another request, and counts as
/// a failed login; an account that was deleted since is not made again.
async fn repeat(
    app: &App,
    issuer: &Issuer,
    origin: &ClientIp,
    user_id: &str,
    email: Email,
    password: Password,
) -> Result<(StatusCode, Json<SessionObject>), Error> {
    let now = app.now();
    let attempt = app.store().attempt(&Identifier::Email(email), app.guesser(None, origin), now).await?;
    if attempt.user.as_ref().is_none_or(|user| user.id != user_id) {
        return Err(Error::IdempotencyKeyReused);
    }
    let Authenticated { user, mut attempt, .. } =
        authenticate(app, attempt, password, LOGIN, None).await.map_err(|error| match error {
            Error::Credentials => Error::IdempotencyKeyReused,
            other => other,
        })?;
    let admitted = user.refuse_if_disabled();
    let session = app.new_session(&user, now)?;
    let ended = app.store().record_success(&mut attempt, admitted.is_ok().then_some(&session), None, now).await;
    ended.inspect_err(|error| password::limited(error, &attempt, LOGIN))?;
    admitted?;
    log::audit("create_repeated", &attempt.identity, &log::pseudonym(&user.id));
    Ok((StatusCode::CREATED, Json(SessionObject::issue(app, issuer, &user, &session, 0, now).await?)))
}

/// Notes that an address made too many accounts, if it did.
fn limited(error: &Error) {
    if matches!(error, Error::TooManyAttempts(_)) {
        log::audit("sign_up_limited", "", "");
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    // Empty is what a builder sends whose field for it was left empty.
    let Some(value) = headers.get("idempotency-key").filter(|value| !value.is_empty()) else { return Ok(None) };
    let key = value.to_str().ok().filter(|key| key.len() <= IDEMPOTENCY_KEY_BYTES_MAX);
    key.map(Some).ok_or_else(|| Error::invalid("An Idempotency-Key has at most 255 printable ASCII characters."))
}

fn fingerprint(key: &str, new: &NewAccount, now: Timestamp) -> Fingerprint {
    let username = new.username.as_ref().map_or("", Username::as_str);
    Fingerprint::new(key, &[new.email.key(), username, &new.name], now + IDEMPOTENCY_LIFE)
}
