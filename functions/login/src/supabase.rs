//! `POST /auth/v1/token`: a login and a refresh, as the client libraries of Supabase ask for them.

use axum::{Json, extract::State, http::Uri};
use shared::{
    App,
    account::email::Identifier,
    auth::{
        login::{Login, by_password},
        refresh::refresh,
        supabase::SupabaseSession,
    },
    error::Error,
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
            refusals::{ATTEMPT, REFRESH, SIGN_IN},
        },
        body::Body,
        client_ip::ClientIp,
        fields::{self, Fields, Input, described::Kind},
    },
    password::Password,
    token::access::Issuer,
};

const GRANT_TYPE: Parameter = Parameter {
    name: "grant_type",
    place: Place::Query,
    kind: Kind::Text,
    text: "The kind of login: password or refresh_token.",
    example: "password",
};

/// The endpoint of this part.
pub fn api() -> Api {
    let token = Operation::new::<SupabaseSession>("supabaseToken", "Log in or refresh, for Supabase")
        .text("Exchanges a password, or a refresh token, for a session.")
        .tag(Tag::Supabase)
        .parameters(&[GRANT_TYPE])
        .body::<Credentials>()
        .fails(ATTEMPT)
        .fails(SIGN_IN)
        .fails(REFRESH)
        .fails(&[(400, "unsupported_grant_type")]);
    Api::new().post("/auth/v1/token", token_endpoint, token)
}

/// The fields of both grants. The query decides which of them are needed.
struct Credentials {
    identifier: Option<Identifier>,
    password: Option<Password>,
    refresh_token: Option<String>,
}

impl Input for Credentials {
    fn read(fields: &mut Fields) -> Option<Self> {
        let identifier = fields.optional_identifier();
        let password = fields.optional_password("password");
        let refresh_token = fields.optional_token("refresh_token").filter(|token| !token.trim().is_empty());
        Some(Self { identifier, password, refresh_token })
    }
}

/// 200 with a session. A session that is refreshed too often waits like one in a conflict: the
/// client would drop it after any other refusal.
async fn token_endpoint(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    uri: Uri,
    Body(input): Body<Credentials>,
) -> Result<Json<SupabaseSession>, Error> {
    let missing = |name| Error::wrong(vec![fields::missing(name)]);
    let session = match fields::query_text(&uri, GRANT_TYPE.name).as_deref() {
        Some("password") => {
            let identifier = input.identifier.ok_or_else(|| missing("email"))?;
            let password = input.password.ok_or_else(|| missing("password"))?;
            by_password(&app, &issuer, Login { identifier, password, earlier: None, ip: ip.key() }).await?
        }
        Some("refresh_token") => {
            let token = input.refresh_token.ok_or_else(|| missing("refresh_token"))?;
            refresh(&app, &issuer, &token, ip.key()).await.map_err(passing)?
        }
        _ => return Err(Error::UnsupportedGrantType),
    };
    Ok(Json(session.into()))
}

/// The refusal of a refresh, of which a limit is told as a fault that passes.
fn passing(error: Error) -> Error {
    match error {
        Error::TooManyAttempts(_) => Error::unavailable("the session was refreshed too often"),
        other => other,
    }
}
