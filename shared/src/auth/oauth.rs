//! The tokens of a session, as clients of OAuth 2.0 read them (RFC 6749 section 5.1).

use serde::Serialize;

use super::session_object::SessionObject;
use crate::sample::{Meaning, Sample};

/// The answer of the token endpoint. The members of the standard come first.
#[derive(Serialize)]
pub struct Tokens {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    refresh_token: String,
    /// There is one scope, which has no name.
    scope: &'static str,
    jwt_token: String,
    uid: String,
    expires_at: String,
    refresh_expires_at: String,
}

impl From<SessionObject> for Tokens {
    fn from(session: SessionObject) -> Self {
        Self {
            access_token: session.access_token,
            token_type: session.token_type,
            expires_in: session.expires_in,
            refresh_token: session.refresh_token,
            scope: "",
            jwt_token: session.jwt_token,
            uid: session.uid,
            expires_at: session.expires_at,
            refresh_expires_at: session.refresh_expires_at,
        }
    }
}

impl Sample for Tokens {
    const NAME: &'static str = "Tokens";
    const MEMBERS: &'static [Meaning] = &[
        ("access_token", "A token of this service, for /oauth/userinfo, /me and your own servers."),
        ("token_type", "Always Bearer."),
        ("expires_in", "The life of access_token and jwt_token, in seconds."),
        ("refresh_token", "For the grant refresh_token. Store the new one of each answer."),
        ("scope", "Always empty, whatever was asked: there is one scope, without a name."),
        ("jwt_token", "For the deployment's platform, as in a session object."),
        ("uid", "The user's id."),
        ("expires_at", "The end of the life of both tokens."),
        ("refresh_expires_at", "The latest end of the session."),
    ];

    fn sample() -> Self {
        SessionObject::sample().into()
    }
}
