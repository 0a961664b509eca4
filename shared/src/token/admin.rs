//! Admin tokens: the short stand-in for an admin key, so that a browser need not keep the key.

use std::{sync::Arc, time::Duration};

use jsonwebtoken::Header;
use serde::Serialize;

use crate::{
    error::Error,
    jose::{
        jwt::{self, Jwt},
        kind::ADMIN_TOKEN_TYPE,
        rsa,
    },
    keys::{KeyRing, PublicKeys},
    time::Timestamp,
    token::{
        access::{Issuer, signature_problem},
        problem::{Findings, Problem, Times},
    },
};

/// The life of a token.
pub const LIFE: Duration = Duration::from_secs(15 * 60);

const INVALID: &str = "token_invalid";
const TIMES: Times = Times {
    required: &["iat", "exp"],
    optional: &["nbf"],
    starts: &["iat", "nbf"],
    refusal: INVALID,
    expired: ("token_expired", "The admin token has expired."),
};

/// The claims of an admin token. All times are in seconds since the epoch.
#[derive(Clone, Debug, Serialize)]
pub struct Claims {
    /// The service's base URL.
    pub iss: String,
    /// The name of the admin key.
    pub sub: String,
    /// The base URL with `/admin`, so that no verifier of access tokens accepts it.
    pub aud: String,
    /// The time of issue.
    pub iat: i64,
    /// The expiry. From this second on the token is expired.
    pub exp: i64,
    /// The token's id. No other token has the same.
    pub jti: String,
}

impl Claims {
    /// The claims of a token for the key with this name.
    pub fn new(issuer: &Issuer, name: &str, jti: String, now: Timestamp) -> Self {
        Self {
            iss: issuer.url.clone(),
            sub: name.to_owned(),
            aud: audience(issuer),
            iat: now.seconds(),
            exp: (now + LIFE).seconds(),
            jti,
        }
    }
}

fn audience(issuer: &Issuer) -> String {
    format!("{}/admin", issuer.url)
}

/// Signs an admin token with these claims.
///
/// # Errors
///
/// 503 while no key may sign, 500 if signing fails.
pub fn mint(keys: &KeyRing, claims: &Claims, now: Timestamp) -> Result<String, Error> {
    let key = keys.signing(now)?;
    let header =
        Header { typ: Some(ADMIN_TOKEN_TYPE.to_owned()), kid: Some(key.kid.clone()), ..Header::new(rsa::ALGORITHM) };
    jwt::sign(&header, claims, &key.key)
}

/// Finds everything that is wrong with `token` as an admin token of this service, in the order of
/// the rules. No skew is allowed on the expiry: this service made the token itself. `skew` is
/// allowed on the other times.
pub async fn examine<F>(keys: F, issuer: &Issuer, token: &Jwt, now: Timestamp, skew: Duration) -> Findings
where
    F: Future<Output = Result<Arc<PublicKeys>, Error>>,
{
    let mut findings = Findings { content: content_problems(issuer, token), ..Findings::default() };
    findings.times = TIMES.problems(token, now, skew);
    if findings.times.is_empty() && token.expires_at().is_some_and(|expiry| now >= expiry) {
        findings.times.push(TIMES.expired());
    }
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
    let mut add = |code, message: String| problems.push(Problem::new(code, message, INVALID));
    if token.header_text("typ").is_none_or(|typ| !typ.eq_ignore_ascii_case(ADMIN_TOKEN_TYPE)) {
        let phrase = token.kind().phrase();
        add("wrong_kind", format!("This is {phrase}, where an admin token of this service is expected."));
    }
    if token.header_text("alg") != Some("RS256") {
        add("wrong_algorithm", "The token's algorithm is not RS256.".to_owned());
    }
    // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
    if token.header().contains_key("crit") {
        add("critical_header", "The token has critical header parameters that this service does not know.".to_owned());
    }
    if token.text("iss") != Some(&issuer.url) || token.text("aud") != Some(&audience(issuer)) {
        add("wrong_issuer", "The token was issued by another service or deployment.".to_owned());
    }
    if token.text("sub").is_none_or(str::is_empty) || token.text("jti").is_none() {
        add("missing_claim", "The token names no admin key.".to_owned());
    }
    problems
}
