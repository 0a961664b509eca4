//! `POST /login`: an e-mail address or a username and a password for a session.

use axum::{Json, Router, extract::State, routing::post};
use shared::{
    App,
    access::Party,
    email::Identifier,
    error::Error,
    grant::Grant,
    input::{Body, Fields, Input},
    password::Password,
};

/// The route of this function.
pub fn router() -> Router<App> {
    Router::new().route("/login", post(login))
}

/// `email` or `username`, and `password`.
struct Credentials {
    identifier: Identifier,
    password: Password,
}

impl Input for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (identifier, password) = (fields.identifier(), fields.password("password"));
        Some(Self { identifier: identifier?, password: password? })
    }
}

/// 200 with a session object. An unknown account, a wrong password and an account without one are answered alike, after the
/// same work; what else is wrong with the account is said only after the right password.
async fn login(
    State(app): State<App>,
    party: Party,
    Body(Credentials { identifier, password }): Body<Credentials>,
) -> Result<Json<Grant>, Error> {
    app.keys().get(app.now()).await?;
    let user = app.store().user_by(&identifier).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let right = app.hasher().check(password, hash).await?.is_right();
    let user = user.filter(|_| right).ok_or(Error::Credentials)?;
    app.admit(&user)?;
    let now = app.now();
    let session = app.new_session(&user, now)?;
    // Made before the session is stored, so that a fault leaves nothing behind.
    let grant = Grant::make(&app, &party, &user, &session, 0, now).await?;
    app.store().put_session(&session).await?;
    Ok(Json(grant))
}
