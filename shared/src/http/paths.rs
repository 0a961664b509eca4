//! The paths of the whole service: for a URL that is almost right, and for another method.
//!
//! A function of Lambda has its own routes alone, and the one behind the default route answers for
//! every path that nobody has. So the list stands here; a test of the tool holds it to the routers.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use crate::error::Methods;

/// Every path, as its router writes it, with its methods.
pub const PATHS: [(&str, &[&str]); 65] = [
    ("/create-account", &["POST"]),
    ("/login", &["POST"]),
    ("/refresh", &["POST"]),
    ("/logout", &["POST"]),
    ("/verify", &["GET", "POST"]),
    ("/password/forgot", &["POST"]),
    ("/password/reset", &["POST"]),
    ("/login/email", &["POST"]),
    ("/login/email/complete", &["POST"]),
    ("/exchange", &["POST"]),
    ("/exchange/complete", &["POST"]),
    ("/me/email/verify", &["POST"]),
    ("/me/email/verify/complete", &["POST"]),
    ("/me/email", &["POST"]),
    ("/me/email/complete", &["POST"]),
    ("/me", &["GET", "PATCH", "DELETE"]),
    ("/me/password", &["POST"]),
    ("/me/delete", &["POST"]),
    ("/me/export", &["GET"]),
    ("/me/sessions", &["GET"]),
    ("/me/sessions/{id}", &["DELETE"]),
    ("/me/identities", &["GET"]),
    ("/me/identities/{provider}", &["DELETE"]),
    ("/oauth/token", &["POST"]),
    ("/oauth/revoke", &["POST"]),
    ("/oauth/userinfo", &["GET"]),
    ("/auth/v1/token", &["POST"]),
    ("/auth/v1/signup", &["POST"]),
    ("/auth/v1/user", &["GET", "PUT"]),
    ("/auth/v1/logout", &["POST"]),
    ("/auth/v1/.well-known/jwks.json", &["GET"]),
    ("/auth/v1/health", &["GET"]),
    ("/auth/v1/settings", &["GET"]),
    ("/jwt/encode", &["POST"]),
    ("/jwt/decode", &["POST"]),
    ("/admin/token", &["POST"]),
    ("/admin/import", &["POST"]),
    ("/admin/export", &["GET"]),
    ("/admin/users", &["GET", "POST"]),
    ("/admin/users/{id}", &["GET", "PATCH", "DELETE"]),
    ("/admin/users/{id}/sessions", &["GET"]),
    ("/admin/users/{id}/sessions/{sid}", &["DELETE"]),
    ("/admin/users/{id}/end-sessions", &["POST"]),
    ("/admin/users/{id}/link", &["POST"]),
    ("/admin/users/{id}/test-code", &["PUT", "DELETE"]),
    ("/admin/webhooks/test", &["POST"]),
    ("/.well-known/jwks.json", &["GET"]),
    ("/.well-known/openid-configuration", &["GET"]),
    ("/health", &["GET"]),
    ("/openapi.json", &["GET"]),
    ("/openapi-3.0.json", &["GET"]),
    ("/flutterflow.json", &["GET"]),
    ("/errors", &["GET"]),
    ("/pages/inspect", &["POST"]),
    ("/pages/reset", &["GET", "POST"]),
    ("/pages/verify", &["GET", "POST"]),
    ("/pages/disown", &["POST"]),
    ("/pages/email", &["GET", "POST"]),
    ("/pages/undo", &["GET", "POST"]),
    ("/pages/sign-in", &["GET", "POST"]),
    ("/console/config.json", &["GET"]),
    ("/console/errors.json", &["GET"]),
    ("/console/guides/{name}", &["GET"]),
    ("/console/{version}/{name}", &["GET"]),
    ("/", &["GET"]),
];

/// Names that other services give to a path, in small letters and digits alone.
const OTHER_NAMES: [(&str, &[&str]); 15] = [
    (
        "/create-account",
        &["signup", "register", "registration", "registeruser", "createuser", "newaccount", "accounts", "users"],
    ),
    (
        "/login",
        &["signin", "logon", "authenticate", "authentication", "session", "token", "signinwithpassword", "loginuser"],
    ),
    ("/refresh", &["refreshtoken", "tokenrefresh", "renew", "refreshsession"]),
    ("/logout", &["signout", "logoff", "logoutuser"]),
    ("/verify", &["verifytoken", "verifyidtoken", "introspect", "validate", "check"]),
    (
        "/password/forgot",
        &["forgotpassword", "forgot", "recover", "recovery", "passwordrecovery", "requestpasswordreset"],
    ),
    ("/password/reset", &["resetpassword", "reset", "passwordresetconfirm", "confirmpasswordreset"]),
    ("/me", &["user", "profile", "account", "userinfo", "whoami", "currentuser"]),
    ("/me/password", &["password", "changepassword", "updatepassword", "mechangepassword"]),
    ("/me/delete", &["deleteaccount", "deleteuser", "removeaccount", "closeaccount", "unregister"]),
    ("/me/sessions", &["sessions"]),
    ("/jwt/encode", &["encode", "encodejwt", "sign"]),
    ("/jwt/decode", &["decode", "decodejwt"]),
    ("/.well-known/jwks.json", &["jwks", "jwksjson", "wellknownjwks", "keys", "certs"]),
    ("/health", &["healthz", "healthcheck", "status", "ping"]),
];

/// The most segments that may stand before a path: the stage of a gateway, `/api`, a version.
const SEGMENTS_BEFORE_MAX: usize = 4;
/// The longest path that is looked at, in bytes.
const PATH_BYTES_MAX: usize = 256;

/// Whether a path is of the admin API.
pub fn is_for_admins(path: &str) -> bool {
    is_below("/admin", path)
}

/// Whether the answers of a path are for no page of another origin: those of the admin API, and the
/// mails of a laptop.
pub fn is_closed_to_others(path: &str) -> bool {
    is_for_admins(path) || is_below("/outbox", path)
}

fn is_below(root: &str, path: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The methods of the path that a router has matched.
pub fn methods(matched: &str, is_get: bool) -> Methods {
    let found = PATHS.iter().find(|(path, _)| *path == matched);
    Methods { allowed: found.map(|(_, methods)| methods.to_vec()).unwrap_or_default(), is_get }
}

/// The path that was meant by one that nobody has; `None` if it is nothing like a known path.
pub fn meant(path: &str) -> Option<&'static str> {
    let decoded = percent_decode_str(path.get(..PATH_BYTES_MAX).unwrap_or(path)).decode_utf8_lossy();
    let segments = segments(&decoded);
    let last = segments.len().min(SEGMENTS_BEFORE_MAX);
    (0..=last).find_map(|before| known(segments.get(before..)?))
}

/// The segments in the form that is compared, without what cannot belong to a path.
fn segments(path: &str) -> Vec<String> {
    let is_outside = |letter: char| matches!(letter, '?' | '#' | ';' | '&');
    let path = path.split(is_outside).next().unwrap_or_default();
    let segments = path.split(['/', '\\']).map(letters);
    segments.filter(|segment| !segment.is_empty()).collect()
}

/// Small letters and digits alone, so that `Create_Account`, `createAccount` and `create-account`
/// are one.
fn letters(segment: &str) -> String {
    segment.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// The path with these segments, also by another name or with one wrong letter.
fn known(segments: &[String]) -> Option<&'static str> {
    let joined = segments.concat();
    if joined.is_empty() {
        return None;
    }
    if let [me, sessions, _] = segments
        && (me.as_str(), sessions.as_str()) == ("me", "sessions")
    {
        return Some("/me/sessions/{id}");
    }
    let paths = || PATHS.iter().map(|(path, _)| *path).filter(|path| !path.contains('{'));
    let exact = paths().find(|path| letters(path) == joined);
    let other = || OTHER_NAMES.iter().find(|(_, names)| names.contains(&joined.as_str())).map(|(path, _)| *path);
    let near = || paths().find(|path| is_near(&letters(path), &joined));
    exact.or_else(other).or_else(near)
}

/// Whether one letter is wrong, missing, too many, or two have changed places. A short word could
/// be another one.
fn is_near(path: &str, typed: &str) -> bool {
    const SHORTEST: usize = 5;
    let (path, typed): (Vec<char>, Vec<char>) = (path.chars().collect(), typed.chars().collect());
    if path.len() < SHORTEST || path.len().abs_diff(typed.len()) > 1 {
        return false;
    }
    let before = path.iter().zip(&typed).take_while(|(one, other)| one == other).count();
    let rest = |word: &[char], skipped: usize| word.get(before + skipped..).map(<[char]>::to_vec).unwrap_or_default();
    let swapped = || {
        let first_two = |word: &[char]| word.get(before..before + 2).map(<[char]>::to_vec);
        let mut turned = first_two(&typed).unwrap_or_default();
        turned.reverse();
        first_two(&path).as_ref() == Some(&turned) && rest(&path, 2) == rest(&typed, 2)
    };
    rest(&path, 1) == rest(&typed, 1)
        || rest(&path, 1) == rest(&typed, 0)
        || rest(&path, 0) == rest(&typed, 1)
        || swapped()
}

/// The names of the query that hold secrets.
const SECRETS: [&str; 5] = ["password", "current_password", "new_password", "refresh_token", "token"];

/// Whether a query holds a secret. Servers, proxies and browsers write URLs into their logs.
pub(super) fn has_secret(query: &str) -> bool {
    let is_secret = |(key, value): (Cow<'_, str>, Cow<'_, str>)| {
        !value.is_empty() && SECRETS.contains(&key.trim().to_ascii_lowercase().as_str())
    };
    form_urlencoded::parse(query.as_bytes()).any(is_secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_is_almost_right_is_known_and_any_other_is_not() {
        for (path, expected) in [
            ("/login/", "/login"),
            ("//login", "/login"),
            ("/Login", "/login"),
            ("/LOGIN", "/login"),
            ("/login%20", "/login"),
            ("/login%0A", "/login"),
            ("/login%0d%0a", "/login"),
            ("/%20login", "/login"),
            ("/login%3Fcheck=1", "/login"),
            ("/%22/login%22", "/login"),
            ("/'login'", "/login"),
            ("/login%2F", "/login"),
            ("/login%E2%80%8B", "/login"),
            ("/login.", "/login"),
            ("/prod/login", "/login"),
            ("/Prod/login", "/login"),
            ("/default/login", "/login"),
            ("/$default/login", "/login"),
            ("/api/login", "/login"),
            ("/api/v1/auth/login", "/login"),
            ("/https:/login.example/login", "/login"),
            ("/log-in", "/login"),
            ("/signin", "/login"),
            ("/auth/sign-in", "/login"),
            ("/lgoin", "/login"),
            ("/logim", "/login"),
            ("/signup", "/create-account"),
            ("/auth/signUp", "/create-account"),
            ("/register", "/create-account"),
            ("/create_account", "/create-account"),
            ("/createAccount", "/create-account"),
            ("/create/account", "/create-account"),
            ("/creat-account", "/create-account"),
            ("/log_out", "/logout"),
            ("/refresh-token", "/refresh"),
            ("/ME", "/me"),
            ("/me/", "/me"),
            ("/user", "/me"),
            ("/me/change-password", "/me/password"),
            ("/Me/Sessions/abc", "/me/sessions/{id}"),
            ("/.well-known/jwks", "/.well-known/jwks.json"),
            ("/well-known/openid-configuration", "/.well-known/openid-configuration"),
            ("/healthz", "/health"),
        ] {
            assert_eq!(meant(path), Some(expected), "{path}");
        }
        for path in
            ["/", "/nothing", "/favicon.ico", "/robots.txt", "/wp-login.php", "/%00", "/%ff", "/no", "/.env", ""]
        {
            assert_eq!(meant(path), None, "{path}");
        }
        assert_eq!(meant(&format!("/login{}", "x".repeat(30_000))), None);
    }

    #[test]
    fn a_secret_in_a_query_is_known_by_its_name() {
        for query in [
            "password=a",
            "x=1&Password=a",
            "pass%77ord=a",
            "new_password=a",
            "refresh_token=a",
            "token=a",
            "%20token=a",
        ] {
            assert!(has_secret(query), "{query}");
        }
        for query in ["", "password", "password=", "check_revoked=true", "x=password", "tokens=1", "%"] {
            assert!(!has_secret(query), "{query}");
        }
    }
}
