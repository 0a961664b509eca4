//! The decoder: the content and the kind of a token, and the reasons why this deployment would
//! refuse it. Nothing is verified.

use serde::Serialize;
use serde_json::{Map, Value};

use crate::{
    jose::{jwt::Jwt, kind::Kind},
    sample::{Meaning, Part, Sample, Shape},
    time::Timestamp,
    token::{problem::Problem, shared_secret},
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
    /// The reasons why this deployment would refuse the token. The first is the answer of
    /// `/verify`.
    pub problems: Vec<Problem>,
    /// Advice about a token, which refuses nothing.
    pub warnings: Vec<Problem>,
    /// The header, unchanged.
    pub header: Map<String, Value>,
    /// The payload, unchanged.
    pub payload: Map<String, Value>,
    /// The line `Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago`. Empty if `exp` cannot be read.
    pub report: String,
}

impl Report {
    /// Describes `token` at the time `now`, with the problems that its rules found.
    pub fn of(token: &Jwt, problems: Vec<Problem>, warnings: Vec<Problem>, now: Timestamp) -> Self {
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
            problems,
            warnings,
            header: token.header().clone(),
            payload: token.claims.clone(),
            report: token.report(now),
        }
    }
}

impl Sample for Report {
    const NAME: &'static str = "Report";
    const MEMBERS: &'static [Meaning] = &[
        ("verified", "Always false: decoding proves nothing."),
        ("kind", "The kind that the token claims to be."),
        ("expired", "Whether the token's time is over, the clock skew not counted."),
        ("problems", "The reasons why this deployment would refuse the token, in the order of its rules."),
        ("warnings", "Advice about the token, which refuses nothing."),
        ("report", "A line for people; empty if the expiry cannot be read."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["issued_at", "expires_at"];
    const PARTS: &'static [Part] = &[("problems", Shape::of::<Problem>), ("warnings", Shape::of::<Problem>)];

    fn sample() -> Self {
        Self {
            verified: false,
            kind: Kind::FirebaseIdToken,
            uid: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            email: "james@example.com".to_owned(),
            email_verified: true,
            name: "James".to_owned(),
            provider: "custom".to_owned(),
            project: "your-project".to_owned(),
            issued_at: "2026-05-27T14:00:00Z".to_owned(),
            expires_at: "2026-05-27T15:00:00Z".to_owned(),
            expired: true,
            problems: vec![Problem::sample()],
            warnings: vec![Problem::sample()],
            header: Map::new(),
            payload: Map::new(),
            report: "Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago".to_owned(),
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

#[cfg(test)]
mod tests {
    use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
    use serde_json::json;

    use super::*;
    use crate::jose::kind::CUSTOM_TOKEN_AUDIENCE;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_894_000 + 47 * 60);

    fn report(algorithm: &str, claims: &Value, problems: Vec<Problem>) -> Report {
        let part = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
        let text = format!("{}.{}.c2ln", part(&json!({"alg": algorithm, "kid": "k"})), part(claims));
        Report::of(&Jwt::parse(&text).unwrap(), problems, Vec::new(), NOW)
    }

    #[test]
    fn an_id_token_is_shown_member_by_member() {
        let claims = json!({
            "iss": "https://securetoken.google.com/your-project-id", "aud": "your-project-id", "sub": "abc123",
            "auth_time": 1_779_890_400, "iat": 1_779_890_400, "exp": 1_779_894_000, "email": "user@example.com",
            "email_verified": true, "name": "User", "firebase": {"sign_in_provider": "google.com"},
        });
        let report = report("RS256", &claims, vec![Problem::new("expired", "It has expired.", "x")]);
        assert_eq!(
            serde_json::to_value(report).unwrap(),
            json!({
                "verified": false, "kind": "firebase_id_token", "uid": "abc123", "email": "user@example.com",
                "email_verified": true, "name": "User", "provider": "google.com", "project": "your-project-id",
                "issued_at": "2026-05-27T14:00:00Z", "expires_at": "2026-05-27T15:00:00Z", "expired": true,
                "problems": [{"code": "expired", "message": "It has expired."}], "warnings": [],
                "header": {"alg": "RS256", "kid": "k"}, "payload": claims,
                "report": "Expires: 2026-05-27 15:00:00 UTC — 47 minutes ago",
            })
        );
    }

    #[test]
    fn every_member_is_there_and_of_its_type_whatever_the_token_says() {
        let claims = json!({"sub": 1, "email": [], "exp": "x", "firebase": 1});
        let report = serde_json::to_value(report("RS256", &claims, Vec::new())).unwrap();
        for name in ["uid", "email", "name", "project", "issued_at", "expires_at", "report"] {
            assert_eq!(report[name], "", "{name}");
        }
        assert_eq!((&report["provider"], &report["kind"]), (&json!("unknown"), &json!("unknown")));
        assert_eq!((&report["email_verified"], &report["expired"]), (&json!(false), &json!(false)));
    }

    #[test]
    fn the_times_of_a_shared_secrets_token_are_read_as_verify_reads_them() {
        let now = NOW.seconds() as f64;
        let young = report("HS256", &json!({"exp": now + 0.5, "iat": now - 0.5}), Vec::new());
        assert!(!young.expired);
        assert_eq!((&*young.expires_at, &*young.issued_at), ("2026-05-27T15:47:00Z", "2026-05-27T15:46:59Z"));
        assert!(report("HS256", &json!({"exp": now - 0.5}), Vec::new()).expired);
    }

    #[test]
    fn a_custom_token_is_shown_with_its_project() {
        let claims = json!({
            "iss": "latchkey@demo-latchkey.iam.gserviceaccount.com", "aud": CUSTOM_TOKEN_AUDIENCE, "uid": "u-1",
        });
        let report = report("RS256", &claims, Vec::new());
        assert_eq!((report.uid.as_str(), report.project.as_str()), ("u-1", "demo-latchkey"));
    }
}
