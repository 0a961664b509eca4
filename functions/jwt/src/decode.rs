//! `POST /jwt/decode`: reads a token without verifying it.

use axum::{Json, extract::State};
use shared::{
    App,
    auth::judgement,
    error::Error,
    http::{
        api::{Operation, operation::Tag},
        body::Body,
        fields::{Fields, Input},
    },
    token::{access::Issuer, pasted::Pasted, report::Report},
};

/// `token`.
pub struct TokenInput(String);

impl Input for TokenInput {
    fn read(fields: &mut Fields) -> Option<Self> {
        // An empty text is told as a token that is none.
        fields.required_token("token").map(Self)
    }
}

/// The description of `/jwt/decode`.
pub fn operation() -> Operation {
    Operation::new::<Report>("decodeToken", "Read a token without verifying it")
        .text("Shows what a token says, and every rule for which it would be refused here.")
        .tag(Tag::Tokens)
        .body::<TokenInput>()
        .fails(&[(400, "token_malformed")])
}

/// 200 with a decode report. The report says that nothing was verified, and names every rule for
/// which `/verify` would refuse the token. The token is neither logged nor kept.
pub async fn decode(
    State(app): State<App>,
    issuer: Issuer,
    Body(TokenInput(text)): Body<TokenInput>,
) -> Result<Json<Report>, Error> {
    let (token, pasted) = Pasted::jwt(&text).map_err(Error::MalformedToken)?;
    Ok(Json(judgement::report(&app, &issuer, &token, &pasted, app.now()).await))
}
