//! `POST /jwt/encode`: signs the claims of a trusted server with the shared secret.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Map, Value};
use shared::{
    App,
    error::{Error, Field, PLACEHOLDER},
    http::{
        api::{Operation, operation::Tag},
        body::Body,
        caller::Server,
        fields::{Fields, Input},
    },
    jose::jwt::Jwt,
    sample::Sample,
    telemetry::audit,
    token::shared_secret::{self, LIFE_MAX},
};

/// `payload`, and perhaps a life: `expires_in_minutes`, or `expires_in` in seconds.
pub struct Wanted {
    payload: Result<Map<String, Value>, Field>,
    life: Option<Duration>,
}

impl Input for Wanted {
    fn read(fields: &mut Fields) -> Option<Self> {
        let payload = fields.object("payload");
        let seconds_max = LIFE_MAX.as_secs();
        let minutes = fields.count("expires_in_minutes", seconds_max / 60);
        let seconds = fields.count("expires_in", seconds_max);
        if minutes.is_some() && seconds.is_some() {
            let detail = "Send `expires_in_minutes` or `expires_in`, which is in seconds, not both.";
            let message = "The life of the token was sent twice, in minutes and in seconds.";
            fields.record(Field::new("expires_in", "ambiguous", message).explained(detail));
        }
        if let Err(field) = &payload {
            fields.also_refuse(field);
        }
        Some(Self { payload, life: minutes.map(|minutes| minutes * 60).or(seconds).map(Duration::from_secs) })
    }
}

/// The description of `/jwt/encode`.
pub fn operation() -> Operation {
    Operation::new::<Encoded>("encodeToken", "Sign a token with the shared secret")
        .text("Signs the claims of a trusted server. The life is in minutes or in seconds, not in both.")
        .tag(Tag::Tokens)
        .body::<Wanted>()
        .api_key()
        .imported(&["payload", "expires_in_minutes"])
        .fails(&[(400, "payload_required"), (501, "not_configured")])
}

#[derive(Serialize)]
pub struct Encoded {
    token: String,
    expires_in: i64,
    expires_in_unit: &'static str,
    expires_at: String,
    error: &'static str,
}

impl Sample for Encoded {
    const NAME: &'static str = "Encoded";

    fn sample() -> Self {
        Self {
            token: "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIwMTlhM2M1ZSJ9.c2lnbmF0dXJl".to_owned(),
            expires_in: 3_600,
            expires_in_unit: "seconds",
            expires_at: "2026-05-27T15:00:00Z".to_owned(),
            error: "",
        }
    }
}

/// 200 with the token, which `/verify` accepts. 401 without an API key of the scope `encode`.
/// Bubble's plugin counts the expiry in minutes and a related plugin counts in seconds, so the
/// answer names the unit.
pub async fn encode(State(app): State<App>, _: Server, Body(wanted): Body<Wanted>) -> Result<Json<Encoded>, Error> {
    let payload = wanted.payload.map_err(payload_required)?;
    let now = app.now();
    let secrets = app.keys().shared_secrets(now).await?;
    let secrets = secrets.ok_or(Error::NotConfigured(
        "This deployment has no shared secret to sign with: set SHARED_SECRET_ID or JWT_SHARED_SECRET.",
    ))?;
    let refuse = |field: Field| Error::wrong(vec![field]);
    let skew = app.config().tokens.clock_skew;
    let (claims, expiry) = shared_secret::complete(payload, wanted.life, now, skew).map_err(refuse)?;
    let text = secrets.sign(&claims)?;
    // Only the payload of the caller can make the token too long or nest it too deep.
    let token = Jwt::parse(&text).map_err(|sentence| refuse(Field::new("payload", "invalid_payload", sentence)))?;
    if !shared_secret::is_meant(&token) {
        let message = format!("With these claims the token would count as {}, and be refused.", token.kind().phrase());
        return Err(refuse(Field::new("payload", "wrong_kind", message)));
    }
    // The line also has the name of the API key.
    audit::record("token_encoded", "", "");
    Ok(Json(Encoded {
        token: text,
        expires_in: expiry.seconds() - now.seconds(),
        expires_in_unit: "seconds",
        expires_at: expiry.rfc3339(),
        error: "",
    }))
}

fn payload_required(field: Field) -> Error {
    if field.code == PLACEHOLDER { Error::wrong(vec![field]) } else { Error::PayloadRequired(field) }
}
