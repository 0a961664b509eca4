//! The service's own access tokens (RFC 9068).

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use jsonwebtoken::Header;
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    account::{admission::Admitted, claims::OwnClaims, session::Session},
    error::Error,
    jose::{
        jwt::{self, Jwt},
        kind::ACCESS_TOKEN_TYPE,
        rsa,
    },
    keys::{KeyRing, PublicKeys},
    time::Timestamp,
    token::problem::{Findings, Problem, Times},
};

/// The claims of an access token. All times are in seconds since the epoch.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Claims {
    /// The service's base URL.
    pub iss: String,
    /// The user's id.
    pub sub: String,
    /// The audience, which is the issuer by default.
    pub aud: String,
    /// The time of issue.
    pub iat: i64,
    /// The expiry. From this second on the token is expired.
    pub exp: i64,
    /// The token's id. No other token has the same.
    pub jti: String,
    /// The session's id.
    pub sid: String,
    /// The e-mail address, as the user typed it.
    pub email: String,
    /// `email_verified` of the user object.
    pub email_verified: bool,
    /// `name` of the user object.
    pub name: String,
    /// `role_id` of the user object.
    pub role_id: u32,
    /// The name of that role, where `ROLES` has one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub role: String,
    /// The time when the user gave the password.
    pub auth_time: i64,
    /// The admin who signed in as the user. `None` for the user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<Actor>,
    /// The account's own claims, which stand beside these in the token.
    #[serde(skip)]
    pub own: OwnClaims,
}

/// The actor behind a token, who is not its subject (RFC 8693 section 4.1).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Actor {
    /// The name of the admin: `key:` and the name of an admin key, or `user:` and the id of an
    /// account.
    pub sub: String,
}

/// Claims as a token has them: those of the service, and then the account's own.
#[derive(Serialize)]
pub struct Whole<'a> {
    #[serde(flatten)]
    claims: &'a Claims,
    #[serde(flatten)]
    own: BTreeMap<String, Box<RawValue>>,
}

/// The issuer and the audience of the access tokens that are made and accepted here.
#[derive(Clone, Debug)]
pub struct Issuer {
    /// `iss`: the base URL of the service.
    pub url: String,
    /// `aud`.
    pub audience: String,
}

impl Claims {
    /// The claims of a token. `None` if one is missing or of another type.
    pub fn of(token: &Jwt) -> Option<Self> {
        serde_json::from_value(Value::Object(token.claims.clone())).ok()
    }

    /// The claims for a token of `session`, with the name of the account's role. The token lives
    /// for `life` from `now` on.
    pub fn new(
        issuer: &Issuer,
        admitted: Admitted<'_>,
        session: &Session,
        jti: String,
        role: &str,
        now: Timestamp,
        life: Duration,
    ) -> Self {
        let user = admitted.user();
        Self {
            iss: issuer.url.clone(),
            sub: user.id.clone(),
            aud: issuer.audience.clone(),
            iat: now.seconds(),
            exp: (now + life).seconds(),
            jti,
            sid: session.id.to_string(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            name: user.name.clone(),
            role_id: user.role_id,
            role: role.to_owned(),
            own: user.claims.clone(),
            auth_time: session.auth_time.seconds(),
            act: session.act.clone().map(|sub| Actor { sub }),
        }
    }

    /// These claims with the account's own, to be signed.
    pub fn whole(&self) -> Whole<'_> {
        Whole { claims: self, own: self.own.members().into_iter().collect() }
    }
}

/// Signs an access token with these claims.
///
/// # Errors
///
/// 503 while no key may sign, 500 if signing fails.
pub fn mint(keys: &KeyRing, claims: &Claims, now: Timestamp) -> Result<String, Error> {
    let key = keys.signing(now)?;
    let header =
        Header { typ: Some(ACCESS_TOKEN_TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(rsa::ALGORITHM) };
    jwt::sign(&header, &claims.whole(), &key.key)
}

/// The claims that are text.
const TEXTS: [&str; 7] = ["iss", "sub", "aud", "jti", "sid", "email", "name"];
const INVALID: &str = "token_invalid";
const TIMES: Times = Times {
    required: &["iat", "auth_time", "exp"],
    optional: &["nbf"],
    starts: &["iat", "auth_time", "nbf"],
    refusal: INVALID,
    expired: ("token_expired", "The token has expired."),
};

/// Finds everything that is wrong with `token` as an access token of this service, in the order of
/// the rules. The content is checked before the signature, and the expiry last, so that the answer
/// names a fault that the holder can mend. `skew` is allowed on every time. `keys` are loaded for a
/// token whose content is right.
///
/// A token whose key has ended cannot be verified. It is called expired if its `exp` has come.
/// Otherwise an app that slept through a rotation would log its user out instead of refreshing.
pub async fn examine<F>(keys: F, issuer: &Issuer, token: &Jwt, now: Timestamp, skew: Duration) -> Findings
where
    F: Future<Output = Result<Arc<PublicKeys>, Error>>,
{
    let mut findings = Findings {
        content: content_problems(issuer, token),
        times: TIMES.problems(token, now, skew),
        ..Findings::default()
    };
    if findings.content.is_empty() {
        match keys.await {
            Ok(keys) => findings.signature = signature_problem(&keys, token, now, skew),
            Err(error) => findings.unchecked = Some(error),
        }
    }
    findings
}

fn content_problems(issuer: &Issuer, token: &Jwt) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut add = |code, message: &str| problems.push(Problem::new(code, message, INVALID));
    if token.header_text("typ").is_none_or(|typ| !typ.eq_ignore_ascii_case(ACCESS_TOKEN_TYPE)) {
        add("wrong_kind", "This is not an access token of this service.");
    }
    if token.header_text("alg") != Some("RS256") {
        add("wrong_algorithm", "The token's algorithm is not RS256.");
    }
    // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
    if token.header().contains_key("crit") {
        add("critical_header", "The token has critical header parameters that this service does not know.");
    }
    if let Some(claim) = flawed_claim(token) {
        let message = format!(
            "The token's {claim} is missing or has the wrong type, and each access token of this service has one."
        );
        add("missing_claim", &message);
    }
    if token.text("iss") != Some(&issuer.url) {
        add("wrong_issuer", "The token was issued by another service or deployment.");
    }
    if token.text("aud") != Some(&issuer.audience) {
        add("wrong_audience", "The token is meant for another audience.");
    }
    problems
}

/// The first claim that is missing or of another type. Times are judged for themselves.
fn flawed_claim(token: &Jwt) -> Option<&'static str> {
    let is = |claim: &str, fits: fn(&Value) -> bool| token.claims.get(claim).is_some_and(fits);
    let is_role = |value: &Value| value.as_u64().is_some_and(|id| u32::try_from(id).is_ok());
    TEXTS
        .into_iter()
        .find(|claim| !is(claim, Value::is_string))
        .or_else(|| (!is("email_verified", Value::is_boolean)).then_some("email_verified"))
        .or_else(|| (!is("role_id", is_role)).then_some("role_id"))
}

pub(super) fn signature_problem(keys: &PublicKeys, token: &Jwt, now: Timestamp, skew: Duration) -> Option<Problem> {
    let kid = token.header_text("kid").unwrap_or_default();
    let Some(key) = keys.verifying(kid, now) else {
        if keys.knows(kid) && token.expires_at().is_some_and(|expiry| now >= expiry + skew) {
            return Some(TIMES.expired());
        }
        let message = "The token was signed with a key that is not, or no longer, in use.";
        return Some(Problem::new("unknown_key", message, INVALID));
    };
    (!token.is_signed_by(key.verifying())).then(|| Problem::new("wrong_signature", token.wrong_signature(), INVALID))
}
