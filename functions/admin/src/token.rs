//! `POST /admin/token`: a short token for an admin key, so that a page need not keep the key.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    auth::{self, admin::AdminBy},
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation, refusals::KEY_ALONE},
    },
    sample::{Meaning, Sample},
    telemetry::audit,
    token::{access::Issuer, admin::LIFE},
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<AdminToken>("adminToken", "Get an admin token")
        .text("A token for the paths below /admin, for 15 minutes. A page keeps it in the place of the key.")
        .admin_key()
        .fails(KEY_ALONE);
    Api::new().post("/admin/token", make, operation)
}

#[derive(Serialize)]
struct AdminToken {
    admin_token: String,
    expires_in: u64,
    expires_at: String,
    key_name: String,
}

impl Sample for AdminToken {
    const NAME: &'static str = "AdminToken";
    const MEMBERS: &'static [Meaning] = &[
        ("admin_token", "For Authorization: Bearer, below /admin alone."),
        ("expires_in", "Its life, in seconds."),
        ("expires_at", "The end of that life."),
        ("key_name", "The name of the admin key, as the log has it."),
    ];

    fn sample() -> Self {
        Self {
            admin_token: "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbmF0dXJl".to_owned(),
            expires_in: LIFE.as_secs(),
            expires_at: "2026-05-27T15:00:00Z".to_owned(),
            key_name: "anna".to_owned(),
        }
    }
}

/// 200 with a token. A token makes the next one too, as long as its key is in use. An admin by role
/// gets none: it would outlive the session and the role for a while.
async fn make(State(app): State<App>, issuer: Issuer, admin: Admin) -> Result<Json<AdminToken>, Error> {
    let AdminBy::Key(key_name) = admin.by else { return Err(Error::AdminKeyRequired) };
    let now = app.now();
    let admin_token = auth::admin::token(&app, &issuer, &key_name, now).await?;
    audit::event("admin_token_made");
    Ok(Json(AdminToken {
        admin_token,
        expires_in: LIFE.as_secs(),
        expires_at: (now.floor() + LIFE).rfc3339(),
        key_name,
    }))
}
