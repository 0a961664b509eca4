//! The decoder: the content and the kind of a token, and the reasons why this deployment would
//! refuse it. Nothing is verified.

use std::time::Duration;

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    jose::{
        jwt::Jwt,
        kind::{ID_TOKEN_ISSUER, Kind},
    },
    time::Timestamp,
    token::shared_secret,
};

/// The content of a token. Every member is always there. A member is empty or false if the token
/// does not have its claim.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Always false: decoding proves nothing.
    pub verified: bool,
    /// The kind that the token claims to be.
    pub kind: Kind,
    /// `sub`, or `uid` in a custom token, or the claim with the user's id in a token with a shared
    /// secret.
    pub uid: String,
    /// `email`.
    pub email: String,
    /// `email_verified`.
    pub email_verified: bool,
    /// `name`.
    pub name: String,
    /// `firebase.sign_in_provider`, or `unknown`.
    pub provider: String,
    /// `aud`, or in a custom token the project of its service account.
    pub project: String,
    /// `iat` in RFC 3339.
    pub issued_at: String,
    /// `exp` in RFC 3339.
    pub expires_at: String,
    /// Whether `exp` has come (RFC 7519 section 4.1.4: "on or after").
    pub expired: bool,
    /// The reasons why this deployment would refuse the token.
    pub problems: Vec<Problem>,
    /// The header, unchanged.
    pub header: Map<String, Value>,
    /// The payload, unchanged.
    pub payload: Map<String, Value>,
    /// The line `Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago`. Empty if `exp` cannot be read.
    pub report: String,
}

/// The rules of a deployment that a token is compared with.
#[derive(Clone, Copy, Debug)]
pub struct Expectations {
    /// Whether there is a shared secret, whose HS256 tokens are accepted.
    pub shared_secret: bool,
    /// Whether this is emulator mode, in which only unsigned ID tokens are accepted.
    pub emulated: bool,
    /// The allowance on every time in a token.
    pub skew: Duration,
    /// Whether the e-mail address must be verified.
    pub verified_email: bool,
}

/// A reason why a deployment would refuse a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code, for programs.
    pub code: &'static str,
    /// A sentence, for people.
    pub message: String,
}

impl Problem {
    /// A problem with this code and sentence.
    pub fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl Report {
    /// Describes `token` at the time `now`, for a deployment with these rules. The deployment
    /// verifies the ID tokens of `project`, or none.
    pub fn of(token: &Jwt, rules: impl Into<Expectations>, project: Option<&str>, now: Timestamp) -> Self {
        let kind = token.kind();
        let text = |claim: &str| token.text(claim).unwrap_or_default().to_owned();
        let expiry = token.expires_at();
        let date = |time: Option<Timestamp>| time.map(Timestamp::rfc3339).unwrap_or_default();
        Self {
            verified: false,
            kind,
            uid: uid(token, kind),
            email: text("email"),
            email_verified: token.email_verified(),
            name: text("name"),
            provider: token.sign_in_provider().to_owned(),
            project: if kind == Kind::FirebaseCustomToken { account_project(&text("iss")) } else { text("aud") },
            issued_at: date(token.time("iat")),
            expires_at: date(expiry),
            expired: expiry.is_some_and(|expiry| now >= expiry),
            problems: problems(token, kind, rules.into(), project, now),
            header: token.header().clone(),
            payload: token.claims.clone(),
            report: token.report(now),
        }
    }
}

fn uid(token: &Jwt, kind: Kind) -> String {
    let claims = &token.claims;
    let uid = match kind {
        Kind::FirebaseCustomToken => claims.get("uid"),
        Kind::FirebaseLegacyCustomToken => claims.get("d").and_then(|d| d.get("uid")),
        Kind::SharedSecret => return shared_secret::uid(claims),
        _ => claims.get("sub"),
    };
    uid.and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// The project in the e-mail address `name@PROJECT.iam.gserviceaccount.com`.
fn account_project(email: &str) -> String {
    let domain = email.split_once('@').map(|(_, domain)| domain);
    domain.and_then(|domain| domain.strip_suffix(".iam.gserviceaccount.com")).unwrap_or_default().to_owned()
}

fn problems(token: &Jwt, kind: Kind, rules: Expectations, project: Option<&str>, now: Timestamp) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |code, message: String| problems.push(Problem { code, message });
    let id_token = kind == Kind::FirebaseIdToken;
    let by_shared_secret = rules.shared_secret && shared_secret::is_meant(token);
    if !id_token && kind != Kind::AccessToken && !by_shared_secret {
        let phrase = kind.phrase();
        add("wrong_kind", format!("This is {phrase}, which /verify does not accept.{}", kind.advice()));
    }
    if id_token {
        let audience = token.text("aud").unwrap_or_default();
        match project {
            None => {
                add("wrong_project", "This deployment knows no Firebase project: set FIREBASE_PROJECT_ID.".to_owned())
            }
            Some(project) if project != audience => add(
                "wrong_project",
                format!("It is for the project \"{audience}\", and this deployment verifies tokens of \"{project}\"."),
            ),
            Some(project) if token.issuing_project() != Some(project) => {
                add("wrong_project", format!("Its iss is not \"{ID_TOKEN_ISSUER}{project}\"."));
            }
            Some(_) => {}
        }
    }
    match (token.is_unsigned(), rules.emulated) {
        (true, false) => add("unsigned", "It has no signature, and only emulator mode accepts such tokens.".to_owned()),
        (false, true) if id_token => {
            add(
                "signed",
                "It has a signature, and emulator mode accepts only the emulator's unsigned tokens.".to_owned(),
            );
        }
        _ => {}
    }
    match token.expires_at() {
        Some(expiry) if now >= expiry => add("expired", "It has expired.".to_owned()),
        Some(_) => {}
        // A token with a shared secret needs no `exp`.
        None if shared_secret::is_meant(token) && !token.claims.contains_key("exp") => {}
        None => add("no_expiry", "Its exp is missing or not a date.".to_owned()),
    }
    let starts = ["iat", "auth_time", "nbf"].into_iter().filter_map(|claim| Some((claim, token.time(claim)?)));
    for (claim, _) in starts.filter(|(_, start)| *start > now + rules.skew) {
        add(
            "clock_ahead",
            format!("Its {claim} is in the future: the clock of its issuer is ahead, or the clock here is behind."),
        );
    }
    if rules.verified_email && token.claims.contains_key("email") && !token.email_verified() {
        add("email_not_verified", "Its e-mail address is not verified, and this deployment requires that.".to_owned());
    }
    problems
}

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::{config::Config, jose::kind::CUSTOM_TOKEN_AUDIENCE};

    const NOW: Timestamp = Timestamp::from_seconds(1_779_894_000 + 47 * 60);

    fn report(variables: &[(&str, &str)], claims: &Value) -> Report {
        report_by("RS256", variables, claims)
    }

    fn report_by(algorithm: &str, variables: &[(&str, &str)], claims: &Value) -> Report {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        let config = Config::read(get).unwrap();
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}.c2ln", part(&json!({"alg": algorithm, "kid": "k"})), part(claims));
        Report::of(&Jwt::parse(&text).unwrap(), &config, config.firebase.project_id.as_deref(), NOW)
    }

    fn id_token() -> Value {
        json!({
            "iss": "https://securetoken.google.com/your-project-id", "aud": "your-project-id", "sub": "abc123",
            "auth_time": 1_779_890_400, "iat": 1_779_890_400, "exp": 1_779_894_000, "email": "user@example.com",
            "email_verified": true, "name": "User", "firebase": {"sign_in_provider": "google.com"},
        })
    }

    fn codes(report: &Report) -> Vec<&'static str> {
        report.problems.iter().map(|problem| problem.code).collect()
    }

    #[test]
    fn an_id_token_is_shown_member_by_member() {
        let report = report(&[("FIREBASE_PROJECT_ID", "your-project-id")], &id_token());
        assert_eq!(
            serde_json::to_value(report).unwrap(),
            json!({
                "verified": false, "kind": "firebase_id_token", "uid": "abc123", "email": "user@example.com",
                "email_verified": true, "name": "User", "provider": "google.com", "project": "your-project-id",
                "issued_at": "2026-05-27T14:00:00Z", "expires_at": "2026-05-27T15:00:00Z", "expired": true,
                "problems": [{"code": "expired", "message": "It has expired."}],
                "header": {"alg": "RS256", "kid": "k"}, "payload": id_token(),
                "report": "Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago",
            })
        );
    }

    #[test]
    fn every_member_is_there_and_of_its_type_whatever_the_token_says() {
        let report =
            serde_json::to_value(report(&[], &json!({"sub": 1, "email": [], "exp": "x", "firebase": 1}))).unwrap();
        for name in ["uid", "email", "name", "project", "issued_at", "expires_at", "report"] {
            assert_eq!(report[name], "", "{name}");
        }
        assert_eq!((&report["provider"], &report["kind"]), (&json!("unknown"), &json!("unknown")));
        assert_eq!((&report["email_verified"], &report["expired"]), (&json!(false), &json!(false)));
    }

    #[test]
    fn each_reason_of_this_deployment_to_refuse_is_reported() {
        let mine = [("FIREBASE_PROJECT_ID", "your-project-id"), ("REQUIRE_VERIFIED_EMAIL", "true")];
        let with = |name: &str, value: Value| {
            let mut claims = id_token();
            claims["exp"] = json!(NOW.seconds() + 1);
            claims[name] = value;
            claims
        };
        let good = with("name", json!("x"));
        assert_eq!(codes(&report(&mine, &good)), [""; 0]);
        assert_eq!(codes(&report(&mine, &with("exp", json!(NOW.seconds())))), ["expired"]);
        assert_eq!(codes(&report(&mine, &with("exp", json!(1.5)))), ["no_expiry"]);
        assert_eq!(codes(&report(&[("FIREBASE_PROJECT_ID", "other")], &good)), ["wrong_project"]);
        assert_eq!(codes(&report(&[], &good)), ["wrong_project"]);
        assert_eq!(
            codes(&report(&mine, &with("iss", json!("https://securetoken.google.com/other")))),
            ["wrong_project"]
        );
        let emulated = [mine[0], ("FIREBASE_AUTH_EMULATOR_HOST", "127.0.0.1:9099")];
        assert_eq!(codes(&report(&emulated, &good)), ["signed"]);
        assert_eq!(codes(&report(&mine, &with("iat", json!(NOW.seconds() + 61)))), ["clock_ahead"]);
        assert_eq!(codes(&report(&mine, &with("email_verified", json!(false)))), ["email_not_verified"]);
    }

    #[test]
    fn the_times_of_a_shared_secrets_token_are_read_as_verify_reads_them() {
        let mine = [("JWT_SHARED_SECRET", "a shared secret of more than 32 bytes")];
        let of = |claims: Value| report_by("HS256", &mine, &claims);
        let now = NOW.seconds() as f64;
        let young = of(json!({"exp": now + 0.5, "iat": now - 0.5}));
        assert_eq!((codes(&young), young.expired), (vec![], false));
        assert_eq!((&*young.expires_at, &*young.issued_at), ("2026-05-27T15:47:00Z", "2026-05-27T15:46:59Z"));
        let old = of(json!({"exp": now - 0.5}));
        assert_eq!((codes(&old), old.expired), (vec!["expired"], true));
        // `exp` may be missing, whatever the other claims are.
        assert_eq!(codes(&of(json!({}))), [""; 0]);
        assert_eq!(codes(&of(json!({"iss": "https://x.supabase.co/auth/v1"}))), [""; 0]);
        assert_eq!(codes(&of(json!({"exp": "soon"}))), ["no_expiry"]);
    }

    #[test]
    fn a_custom_token_is_reported_with_its_project_and_advice() {
        let claims = json!({
            "iss": "latchkey@demo-latchkey.iam.gserviceaccount.com", "aud": CUSTOM_TOKEN_AUDIENCE, "uid": "u-1",
            "exp": NOW.seconds() + 60,
        });
        let report = report(&[], &claims);
        assert_eq!((report.uid.as_str(), report.project.as_str()), ("u-1", "demo-latchkey"));
        assert_eq!(codes(&report), ["wrong_kind"]);
        assert!(report.problems[0].message.contains("signInWithCustomToken()"));
    }
}
