//! `POST /oauth/token`: the token endpoint of OAuth 2.0 (RFC 6749 sections 4.3 and 6), for clients
//! that speak no other language.
//!
//! The grant of a password is for the service's own apps alone. OAuth 2.1 drops it, since any other
//! app would learn the password (RFC 9700 section 2.4).

use axum::{
    Extension, Json,
    extract::State,
    http::{HeaderMap, HeaderName, header},
};
use shared::{
    App,
    account::email::Identifier,
    auth::{
        login::{Login, by_password},
        oauth::Tokens,
        refresh::refresh,
    },
    error::Error,
    http::{
        api::{
            Api, Operation,
            operation::Tag,
            refusals::{ATTEMPT, REFRESH, Refusal, SIGN_IN},
        },
        body::Body,
        caller,
        client_ip::{ClientIp, PeerAddr},
        fields::{Fields, Input},
    },
    keys::api_key::Scope,
    password::Password,
    token::access::Issuer,
};

/// The endpoint of this part.
pub fn api() -> Api {
    let token = Operation::new::<Tokens>("token", "Token endpoint of OAuth 2.0")
        .text(
            "Exchanges a password, or a refresh token, for tokens. Clients of OAuth send a form, and JSON is read too. \
             For apps of your own alone, since OAuth 2.1 drops the grant of a password.",
        )
        .tag(Tag::OAuth)
        .body::<TokenRequest>()
        .imported(&["grant_type", "username", "password"])
        .fails(ATTEMPT)
        .fails(SIGN_IN)
        .fails(REFRESH)
        .fails(OWN);
    Api::new().post("/oauth/token", token_endpoint, token)
}

const OWN: &[Refusal] = &[(400, "unsupported_grant_type"), (401, "invalid_api_key")];

/// `grant_type`, the fields of that grant, and perhaps `client_secret`. `client_id` and `scope` are
/// not read: there is one kind of client, and one scope.
struct TokenRequest {
    grant: Option<Grant>,
    client_secret: Option<String>,
}

/// The grant of a request.
enum Grant {
    Password(Identifier, Password),
    RefreshToken(String),
}

impl Input for TokenRequest {
    fn read(fields: &mut Fields) -> Option<Self> {
        let grant_type = fields.required("grant_type");
        let identifier = fields.optional_identifier();
        let password = fields.optional_password("password");
        let refresh_token = fields.optional_token("refresh_token").filter(|token| !token.trim().is_empty());
        let client_secret = fields.optional("client_secret");
        let grant = match grant_type?.as_str() {
            "password" => {
                let identifier = fields.needed("username", identifier);
                let password = fields.needed("password", password);
                Some(Grant::Password(identifier?, password?))
            }
            "refresh_token" => Some(Grant::RefreshToken(fields.needed("refresh_token", refresh_token)?)),
            _ => None,
        };
        Some(Self { grant, client_secret })
    }
}

/// 200 with tokens. `client_secret` may be an API key, which makes the request a server's.
async fn token_endpoint(
    State(app): State<App>,
    issuer: Issuer,
    peer: Option<Extension<PeerAddr>>,
    headers: HeaderMap,
    Body(request): Body<TokenRequest>,
) -> Result<([(HeaderName, &'static str); 1], Json<Tokens>), Error> {
    let forwards = authenticate(&app, &headers, request.client_secret.as_deref()).await?;
    let ip = ClientIp::told(&app, &headers, peer.map(|Extension(peer)| peer), forwards);
    let session = match request.grant.ok_or(Error::UnsupportedGrantType)? {
        Grant::Password(identifier, password) => {
            by_password(&app, &issuer, Login { identifier, password, earlier: None, ip: ip.key() }).await?
        }
        Grant::RefreshToken(token) => refresh(&app, &issuer, &token, ip.key()).await?,
    };
    // RFC 6749 section 5.1 asks for this header of HTTP/1.0 too.
    Ok(([(header::PRAGMA, "no-cache")], Json(session.into())))
}

/// Whether the client is a server that may name the address of its own client. A client without a
/// secret is a public one (RFC 6749 section 2.3).
async fn authenticate(app: &App, headers: &HeaderMap, client_secret: Option<&str>) -> Result<bool, Error> {
    let by_header = caller::basic(headers)?;
    let shown: Vec<&str> = match (&by_header, client_secret) {
        (Some(_), Some(_)) => {
            let detail = "Send the secret of the client once: as Authorization: Basic, or as `client_secret`.";
            return Err(Error::explained("The client showed its secret twice.", detail));
        }
        (Some(shown), None) => shown.iter().map(String::as_str).collect(),
        (None, Some(shown)) => vec![shown],
        (None, None) => return caller::is_server(app, headers, Scope::Forward).await,
    };
    for shown in shown {
        if let Some(forwards) = caller::may(app, shown, Scope::Forward).await? {
            return Ok(forwards);
        }
    }
    Err(Error::ApiKey)
}
