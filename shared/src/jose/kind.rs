//! The kinds of tokens. The kind is known before a token is verified, so that an answer can name
//! the kind of a wrong token.

use serde::Serialize;
use serde_json::{Map, Value};

/// `typ` of access tokens (RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// `aud` of Firebase custom tokens.
pub const CUSTOM_TOKEN_AUDIENCE: &str =
    "https://identitytoolkit.googleapis.com/google.identity.identitytoolkit.v1.IdentityToolkit";
/// `iss` of Firebase ID tokens, before the project's id.
pub const ID_TOKEN_ISSUER: &str = "https://securetoken.google.com/";
/// `iss` of Firebase session cookies, before the project's id.
const SESSION_COOKIE_ISSUER: &str = "https://session.firebase.google.com/";

/// The kind that a token claims to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// An access token of this service.
    AccessToken,
    /// A token from `getIdToken()` of a Firebase SDK.
    FirebaseIdToken,
    /// A token for `signInWithCustomToken()`.
    FirebaseCustomToken,
    /// A custom token in the format before 2016, signed with a database secret.
    FirebaseLegacyCustomToken,
    /// A token from `createSessionCookie()` of a Firebase Admin SDK.
    FirebaseSessionCookie,
    /// A token of Supabase's auth server, or an API key of Supabase.
    Supabase,
    /// A token of an Amazon Cognito user pool.
    Cognito,
    /// A token of Google's own sign-in.
    Google,
    /// A token signed with a shared secret, as Bubble's JWT plugins make them.
    SharedSecret,
    /// A token of another kind.
    Unknown,
}

impl Kind {
    /// Reads the kind from the header and the claims. The surest signs come first: the issuer or
    /// the audience makes a Firebase token, whatever `typ` is in the header.
    pub fn of(header: &Map<String, Value>, claims: &Map<String, Value>) -> Self {
        let (issuer, algorithm) = (text(claims, "iss"), text(header, "alg"));
        if is_legacy(algorithm, claims) {
            Self::FirebaseLegacyCustomToken
        } else if text(claims, "aud") == CUSTOM_TOKEN_AUDIENCE {
            Self::FirebaseCustomToken
        } else if issuer.starts_with(ID_TOKEN_ISSUER) {
            Self::FirebaseIdToken
        } else if issuer.starts_with(SESSION_COOKIE_ISSUER) {
            Self::FirebaseSessionCookie
        } else if text(header, "typ").eq_ignore_ascii_case(ACCESS_TOKEN_TYPE) {
            Self::AccessToken
        } else if issuer == "supabase" || issuer.ends_with("/auth/v1") {
            Self::Supabase
        } else if issuer.starts_with("https://cognito-idp.") {
            Self::Cognito
        } else if matches!(issuer, "accounts.google.com" | "https://accounts.google.com") {
            Self::Google
        } else if is_hmac(algorithm) {
            Self::SharedSecret
        } else {
            Self::Unknown
        }
    }

    /// The kind with its article, for a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::AccessToken => "an access token of this service",
            Self::FirebaseIdToken => "a Firebase ID token",
            Self::FirebaseCustomToken => "a Firebase custom token",
            Self::FirebaseLegacyCustomToken => "a legacy Firebase custom token",
            Self::FirebaseSessionCookie => "a Firebase session cookie",
            Self::Supabase => "a Supabase token",
            Self::Cognito => "a Cognito token",
            Self::Google => "a token of Google's own sign-in",
            Self::SharedSecret => "a token signed with a shared secret",
            Self::Unknown => "a token of an unknown kind",
        }
    }

    /// A sentence, after a blank, that tells the token's holder how to get a Firebase ID token.
    /// Empty if there is no advice for the kind.
    pub const fn advice(self) -> &'static str {
        match self {
            Self::FirebaseCustomToken | Self::FirebaseLegacyCustomToken => {
                " Pass it to signInWithCustomToken(), and send the result of getIdToken()."
            }
            Self::FirebaseSessionCookie | Self::Google => " Send the result of getIdToken() of the Firebase SDK.",
            Self::AccessToken
            | Self::FirebaseIdToken
            | Self::Supabase
            | Self::Cognito
            | Self::SharedSecret
            | Self::Unknown => "",
        }
    }
}

fn text<'a>(object: &'a Map<String, Value>, name: &str) -> &'a str {
    object.get(name).and_then(Value::as_str).unwrap_or_default()
}

/// Whether `algorithm` uses a shared secret (RFC 7518 section 3.2).
pub fn is_hmac(algorithm: &str) -> bool {
    algorithm.starts_with("HS")
}

/// Whether a token is a legacy custom token: HS256, `v` 0 and `d.uid`. The Admin SDKs use the same
/// signs.
fn is_legacy(algorithm: &str, claims: &Map<String, Value>) -> bool {
    let version = claims.get("v").and_then(Value::as_f64);
    let uid = claims.get("d").and_then(|d| d.get("uid"));
    algorithm == "HS256" && version == Some(0.0) && uid.is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_kind_is_recognised() {
        for (header, claims, kind) in [
            (json!({"typ": "at+jwt"}), json!({}), Kind::AccessToken),
            (json!({"typ": "AT+JWT"}), json!({}), Kind::AccessToken),
            (json!({}), json!({"aud": CUSTOM_TOKEN_AUDIENCE}), Kind::FirebaseCustomToken),
            (json!({"typ": "at+jwt"}), json!({"aud": CUSTOM_TOKEN_AUDIENCE}), Kind::FirebaseCustomToken),
            (json!({}), json!({"iss": "https://securetoken.google.com/p"}), Kind::FirebaseIdToken),
            (json!({"typ": "at+jwt"}), json!({"iss": "https://securetoken.google.com/p"}), Kind::FirebaseIdToken),
            (json!({}), json!({"iss": "https://session.firebase.google.com/p"}), Kind::FirebaseSessionCookie),
            (json!({"alg": "HS256"}), json!({"v": 0, "d": {"uid": "u"}}), Kind::FirebaseLegacyCustomToken),
            (json!({"alg": "HS256"}), json!({"v": 1, "d": {"uid": "u"}}), Kind::SharedSecret),
            (json!({"alg": "RS256"}), json!({"v": 0, "d": {"uid": "u"}}), Kind::Unknown),
            (json!({"alg": "HS256"}), json!({"iss": "https://x.supabase.co/auth/v1"}), Kind::Supabase),
            (json!({"alg": "HS256"}), json!({"iss": "supabase", "role": "anon"}), Kind::Supabase),
            (json!({}), json!({"iss": "https://cognito-idp.us-east-1.amazonaws.com/us-east-1_x"}), Kind::Cognito),
            (json!({}), json!({"iss": "https://accounts.google.com"}), Kind::Google),
            (json!({"alg": "HS256"}), json!({"user_id": "1"}), Kind::SharedSecret),
            (json!({"alg": "RS256"}), json!({"iss": 1, "aud": [CUSTOM_TOKEN_AUDIENCE]}), Kind::Unknown),
        ] {
            let found = Kind::of(header.as_object().unwrap(), claims.as_object().unwrap());
            assert_eq!(found, kind, "{header} {claims}");
        }
    }
}
