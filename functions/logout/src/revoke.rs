//! `POST /oauth/revoke`: ends the session of a token (RFC 7009), for clients of OAuth 2.0.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    auth::{session_object::refresh_token, verification::own_session},
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag},
        body::Body,
        fields::{Fields, Input},
    },
    sample::Sample,
    token::{access::Issuer, pasted::Pasted},
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Revoked>("revoke", "Revoke a token")
        .text("Ends the session of a refresh token or an access token. The answer is the same for any other text.")
        .tag(Tag::OAuth)
        .body::<Revocation>();
    Api::new().post("/oauth/revoke", revoke, operation)
}

/// `token`. The hint and the client are not read: whoever has a token may end its session.
struct Revocation {
    token: String,
}

impl Input for Revocation {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.token("token")? })
    }
}

/// Nothing. RFC 7009 section 2.2 lets clients ignore the body.
#[derive(Serialize)]
struct Revoked {}

impl Sample for Revoked {
    const NAME: &'static str = "Revoked";

    fn sample() -> Self {
        Self {}
    }
}

/// 200 for any text, as RFC 7009 section 2.2 asks: whatever it was, it is good for nothing now.
async fn revoke(
    State(app): State<App>,
    issuer: Issuer,
    Body(Revocation { token }): Body<Revocation>,
) -> Result<Json<Revoked>, Error> {
    let now = app.now();
    let opened = match Pasted::refresh_token(&token) {
        Ok(pasted) => refresh_token(&app, pasted.text(), now).await?,
        Err(_) => None,
    };
    let session = match opened {
        Some(token) => Some(token.session),
        None => own_session(&app, &issuer, &token, now).await?.ok().map(|own| own.id),
    };
    if let Some(id) = session {
        app.store().end_session(id, None, now).await?;
    }
    Ok(Json(Revoked {}))
}
