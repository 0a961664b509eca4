//! `POST /refresh`: exchanges a refresh token for a new session object of the same session.

use axum::{Json, Router, extract::State};
use shared::{
    App,
    auth::{refresh, session_object::SessionObject},
    error::Error,
    http::{
        api::{
            Api, Operation,
            refusals::{ATTEMPT, REFRESH},
        },
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    token::access::Issuer,
};

/// The endpoint of this function.
pub fn api() -> Api {
    let operation = Operation::new::<SessionObject>("refresh", "Renew the tokens of a session")
        .text("Exchanges a refresh token for a new session object. Store all of it in the place of the old one.")
        .body::<TokenInput>()
        .for_clients()
        .fails(ATTEMPT)
        .fails(REFRESH);
    Api::new().post("/refresh", refresh, operation)
}

/// The route of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `refresh_token`.
struct TokenInput {
    refresh_token: String,
}

impl Input for TokenInput {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { refresh_token: fields.token("refresh_token")? })
    }
}

/// 200 with a session object, as [`refresh::refresh`] says.
async fn refresh(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    Body(input): Body<TokenInput>,
) -> Result<Json<SessionObject>, Error> {
    refresh::refresh(&app, &issuer, &input.refresh_token, ip.key()).await.map(Json)
}
