//! The kinds of tokens. The kind is known before a token is verified, so that an answer can name
//! the kind of a wrong token.

use serde::Serialize;
use serde_json::{Map, Value};

/// `typ` of access tokens (RFC 9068 section 2.1).
pub const ACCESS_TOKEN_TYPE: &str = "at+jwt";
/// `typ` of admin tokens.
pub const ADMIN_TOKEN_TYPE: &str = "admin+jwt";
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
    /// An admin token of this service, which opens `/admin` and nothing else.
    AdminToken,
    /// A token from `getIdToken()` of a Firebase SDK.
    FirebaseIdToken,
    /// A token for `signInWithCustomToken()`.
    FirebaseCustomToken,
    /// A custom token in the format before 2016, signed with a database secret.
    FirebaseLegacyCustomToken,
    /// A token from `createSessionCookie()` of a Firebase Admin SDK.
    FirebaseSessionCookie,
    /// A token of Firebase App Check, which vouches for an app and for no user.
    FirebaseAppCheck,
    /// A token that a service account signed to call Google's APIs.
    ServiceAccount,
    /// A token of Supabase's auth server, or an API key of Supabase.
    Supabase,
    /// A token of an Amazon Cognito user pool.
    Cognito,
    /// A token of Google's own sign-in.
    Google,
    /// A token of Sign in with Apple.
    Apple,
    /// A token of Auth0.
    Auth0,
    /// A token of Microsoft Entra.
    Microsoft,
    /// A token signed with a shared secret, as Bubble's JWT plugins make them.
    SharedSecret,
    /// A token of another kind.
    Unknown,
}

impl Kind {
    /// Reads the kind that a token is meant to be from the header and the claims. The surest signs
    /// come first: the issuer or the audience makes a Firebase token, whatever `typ` is in the
    /// header. A wrong claim does not hide the kind, so that the wrong claim can be named.
    pub fn of(header: &Map<String, Value>, claims: &Map<String, Value>) -> Self {
        let (issuer, algorithm) = (text(claims, "iss"), text(header, "alg"));
        if is_legacy(algorithm, claims) {
            Self::FirebaseLegacyCustomToken
        } else if text(claims, "aud") == CUSTOM_TOKEN_AUDIENCE || is_by_service_account_for_user(claims) {
            Self::FirebaseCustomToken
        } else if issuer.starts_with(ID_TOKEN_ISSUER) {
            Self::FirebaseIdToken
        } else if issuer.starts_with(SESSION_COOKIE_ISSUER) {
            Self::FirebaseSessionCookie
        } else if text(header, "typ").eq_ignore_ascii_case(ACCESS_TOKEN_TYPE) {
            Self::AccessToken
        } else if text(header, "typ").eq_ignore_ascii_case(ADMIN_TOKEN_TYPE) {
            Self::AdminToken
        } else if let Some(kind) = Self::of_issuer(issuer) {
            kind
        } else if is_hmac(algorithm) {
            Self::SharedSecret
        } else if issuer.contains("securetoken.google.com") || signed_in_by_firebase(claims) {
            Self::FirebaseIdToken
        } else {
            Self::Unknown
        }
    }

    /// The kind of the tokens of an issuer that is known by its name.
    fn of_issuer(issuer: &str) -> Option<Self> {
        let host = issuer.split_once("://").map_or(issuer, |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default();
        Some(match host {
            _ if is_service_account(issuer) => Self::ServiceAccount,
            "firebaseappcheck.googleapis.com" => Self::FirebaseAppCheck,
            "accounts.google.com" => Self::Google,
            "appleid.apple.com" => Self::Apple,
            "login.microsoftonline.com" | "sts.windows.net" => Self::Microsoft,
            _ if host.ends_with(".auth0.com") => Self::Auth0,
            _ if host.starts_with("cognito-idp.") => Self::Cognito,
            _ if issuer == "supabase" || issuer.ends_with("/auth/v1") => Self::Supabase,
            _ => return None,
        })
    }

    /// Whether the kind is of Firebase Auth or of this service. No secret makes such a token.
    pub const fn has_rules_of_its_own(self) -> bool {
        matches!(
            self,
            Self::AccessToken
                | Self::AdminToken
                | Self::FirebaseIdToken
                | Self::FirebaseCustomToken
                | Self::FirebaseLegacyCustomToken
                | Self::FirebaseSessionCookie
        )
    }

    /// The kind with its article, for a sentence.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::AccessToken => "an access token of this service",
            Self::AdminToken => "an admin token of this service, which is for /admin alone",
            Self::FirebaseIdToken => "a Firebase ID token",
            Self::FirebaseCustomToken => "a Firebase custom token",
            Self::FirebaseLegacyCustomToken => "a legacy Firebase custom token",
            Self::FirebaseSessionCookie => "a Firebase session cookie",
            Self::FirebaseAppCheck => "a token of Firebase App Check, which vouches for an app and for no user",
            Self::ServiceAccount => "a token of a service account for Google's APIs",
            Self::Apple => "a token of Sign in with Apple",
            Self::Auth0 => "an Auth0 token",
            Self::Microsoft => "a token of Microsoft's sign-in",
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
            Self::FirebaseSessionCookie | Self::FirebaseAppCheck | Self::Google | Self::Apple => {
                " Send the result of getIdToken() of the Firebase SDK."
            }
            Self::AccessToken
            | Self::AdminToken
            | Self::FirebaseIdToken
            | Self::ServiceAccount
            | Self::Supabase
            | Self::Cognito
            | Self::Auth0
            | Self::Microsoft
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

/// The thing that a wrong `aud` names, with its article. `None` for a text that may be the id of a
/// project.
pub fn audience_name(audience: &str) -> Option<&'static str> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let app_id = || {
        let mut parts = audience.split(':');
        let is_numbered = digits(parts.next()?) && digits(parts.next()?);
        Some(is_numbered && matches!(parts.next()?, "web" | "android" | "ios"))
    };
    Some(match audience {
        "" => "an empty text",
        CUSTOM_TOKEN_AUDIENCE => "the audience of Firebase custom tokens",
        "authenticated" | "anon" => "the audience of Supabase's tokens",
        _ if digits(audience) => "a project number",
        _ if app_id() == Some(true) => "the id of an app",
        _ if audience.ends_with(".apps.googleusercontent.com") => "a client id of Google's OAuth",
        _ if audience.starts_with(ID_TOKEN_ISSUER) => "the issuer of ID tokens",
        _ if audience.contains("identitytoolkit") => "almost the audience of Firebase custom tokens",
        _ if audience.contains("googleapis.com") => "the address of a Google API",
        _ if is_service_account(audience) => "the e-mail address of a service account",
        _ if audience.contains("://") => "a URL",
        _ => return None,
    })
}

/// Whether a text is the e-mail address of a Google service account.
fn is_service_account(text: &str) -> bool {
    text.contains('@') && text.ends_with(".gserviceaccount.com")
}

/// Whether a service account made the token for a user, which makes a custom token. Its `sub` or
/// `aud` may be wrong.
fn is_by_service_account_for_user(claims: &Map<String, Value>) -> bool {
    is_service_account(text(claims, "iss"))
        && (claims.contains_key("uid") || claims.get("claims").is_some_and(Value::is_object))
}

/// Whether the token has the claim that Firebase writes into each ID token.
fn signed_in_by_firebase(claims: &Map<String, Value>) -> bool {
    claims.get("firebase").is_some_and(|firebase| firebase.get("sign_in_provider").is_some())
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

    const SA: &str = "a@p.iam.gserviceaccount.com";

    #[test]
    fn a_wrong_audience_is_called_by_its_name() {
        for (audience, name) in [
            ("123456789012", "a project number"),
            ("1:123456789012:web:0a1b2c", "the id of an app"),
            ("123-abc.apps.googleusercontent.com", "a client id"),
            ("https://securetoken.google.com/p", "the issuer of ID tokens"),
            ("https://identitytoolkit.googleapis.com/", "almost the audience"),
            ("https://oauth2.googleapis.com/token", "the address of a Google API"),
            (SA, "a service account"),
            ("authenticated", "Supabase"),
            ("https://api.example", "a URL"),
        ] {
            assert!(audience_name(audience).unwrap().contains(name), "{audience}");
        }
        assert_eq!([audience_name("my-project-1a2b"), audience_name("example.com:my-app")], [None; 2]);
    }

    #[test]
    fn each_kind_is_recognised() {
        for (header, claims, kind) in [
            (json!({"typ": "at+jwt"}), json!({}), Kind::AccessToken),
            (json!({"typ": "AT+JWT"}), json!({}), Kind::AccessToken),
            (json!({"typ": "admin+jwt"}), json!({}), Kind::AdminToken),
            (json!({"typ": "admin+jwt", "alg": "HS256"}), json!({}), Kind::AdminToken),
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
            (json!({}), json!({"iss": "accounts.google.com"}), Kind::Google),
            (json!({}), json!({"iss": "https://appleid.apple.com"}), Kind::Apple),
            (json!({}), json!({"iss": "https://x.eu.auth0.com/"}), Kind::Auth0),
            (json!({}), json!({"iss": "https://login.microsoftonline.com/t/v2.0"}), Kind::Microsoft),
            (json!({}), json!({"iss": "https://firebaseappcheck.googleapis.com/123"}), Kind::FirebaseAppCheck),
            (
                json!({}),
                json!({"iss": SA, "sub": SA, "aud": "https://firestore.googleapis.com/"}),
                Kind::ServiceAccount,
            ),
            (json!({}), json!({"iss": SA, "sub": SA, "uid": "u", "aud": "p"}), Kind::FirebaseCustomToken),
            (json!({"kid": "k"}), json!({"iss": SA, "sub": SA, "uid": 7}), Kind::FirebaseCustomToken),
            (json!({"alg": "HS256"}), json!({"iss": SA, "sub": "u", "uid": "u"}), Kind::FirebaseCustomToken),
            (json!({}), json!({"iss": SA, "claims": {}}), Kind::FirebaseCustomToken),
            (json!({}), json!({"iss": "securetoken.google.com/p"}), Kind::FirebaseIdToken),
            (json!({}), json!({"firebase": {"sign_in_provider": "custom"}}), Kind::FirebaseIdToken),
            (json!({"alg": "HS256"}), json!({"firebase": {"sign_in_provider": "custom"}}), Kind::SharedSecret),
            (json!({"alg": "HS256"}), json!({"user_id": "1"}), Kind::SharedSecret),
            (json!({"alg": "RS256"}), json!({"iss": 1, "aud": [CUSTOM_TOKEN_AUDIENCE]}), Kind::Unknown),
        ] {
            let found = Kind::of(header.as_object().unwrap(), claims.as_object().unwrap());
            assert_eq!(found, kind, "{header} {claims}");
        }
    }
}
