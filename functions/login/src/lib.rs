//! `POST /login`: exchanges an e-mail address or a username, and a password, for a session.
//! `POST /oauth/token` does the same for clients of OAuth 2.0, and `POST /auth/v1/token` for those
//! of Supabase.

mod oauth;
mod supabase;

use axum::{Json, Router, extract::State};
use shared::{
    App,
    account::email::Identifier,
    auth::{
        login::{Login, by_password},
        session_object::SessionObject,
    },
    error::Error,
    http::{
        api::{
            Api, Operation,
            refusals::{ATTEMPT, SIGN_IN},
        },
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    password::Password,
    token::access::Issuer,
};

/// The endpoints of this function.
pub fn api() -> Api {
    let operation = Operation::new::<SessionObject>("login", "Log in")
        .text("Exchanges an e-mail address or a username, and a password, for a session.")
        .body::<Credentials>()
        .imported(&["email", "password"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(SIGN_IN);
    Api::new().post("/login", login, operation).merge(oauth::api()).merge(supabase::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `email` or `username`, and `password`. The `refresh_token` of an earlier session shows that this
/// client logged in before; a session that was logged out counts too.
struct Credentials {
    identifier: Identifier,
    password: Password,
    refresh_token: Option<String>,
}

impl Input for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (identifier, password) = (fields.identifier(), fields.password("password"));
        let refresh_token = fields.optional("refresh_token");
        Some(Self { identifier: identifier?, password: password?, refresh_token })
    }
}

/// 200 with a session object, as [`by_password`] says.
async fn login(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    Body(input): Body<Credentials>,
) -> Result<Json<SessionObject>, Error> {
    let Credentials { identifier, password, refresh_token } = input;
    let login = Login { identifier, password, earlier: refresh_token.as_deref(), ip: ip.key() };
    by_password(&app, &issuer, login).await.map(Json)
}
