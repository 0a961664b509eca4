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
    access::Party,
    clock::Timestamp,
    email::{Email, Username},
    error::{Error, Field},
    grant::Grant,
    input::{Body, Fields, Input},
    password::Password,
    store::{Creation, Fingerprint},
    user::User,
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
    party: Party,
    headers: HeaderMap,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Grant>), Error> {
    app.keys().get(app.now()).await?;
    if let Some((code, message)) = new.password.weakness(&app.config().password_policy, new.email.key()) {
        return Err(Error::WeakPassword(Field::new("password", code, message)));
    }
    let now = app.now();
    let fingerprint = idempotency_key(&headers)?.map(|key| fingerprint(key, &new, now));
    let hash = app.hasher().hash(new.password.clone(), app.random()?).await?;
    let user = User::new(app.uuid()?, &new.email, new.username.as_ref(), new.name, hash, now);
    let session = app.new_session(&user, now)?;
    // Made before anything is stored, so that a fault leaves nothing behind.
    let grant = Grant::make(&app, &party, &user, &session, 0, now).await?;
    match app.store().create_user(&user, &session, fingerprint.as_ref(), now).await? {
        Creation::Created => Ok((StatusCode::CREATED, Json(grant))),
        Creation::Repeated { user_id } => repeat(&app, &party, &user_id, new.password, now).await,
    }
}

/// The account that was made under this key before, with a new session. With another password it is another request, and an
/// account that was deleted since is not made again.
async fn repeat(
    app: &App,
    party: &Party,
    user_id: &str,
    password: Password,
    now: Timestamp,
) -> Result<(StatusCode, Json<Grant>), Error> {
    let user = app.store().user(user_id).await?.ok_or(Error::IdempotencyKeyReused)?;
    if !app.hasher().check(password, user.password_hash.clone()).await?.is_right() {
        return Err(Error::IdempotencyKeyReused);
    }
    user.refuse_if_disabled()?;
    let session = app.new_session(&user, now)?;
    let grant = Grant::make(app, party, &user, &session, 0, now).await?;
    app.store().put_session(&session).await?;
    Ok((StatusCode::CREATED, Json(grant)))
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
