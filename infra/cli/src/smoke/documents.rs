//! An access token, checked against the documents that others verify it with.

use serde_json::{Map, Value};
use shared::jose::{jwk, jwt::Jwt};

use super::report::Problem;

/// Members of a JWK (RFC 7518 section 6) that only a private key has.
const PRIVATE: [&str; 4] = ["d", "p", "q", "k"];

const ANOTHER_SET: &str = "Verifiers refuse every token of this API: let the issuer's address lead to this deployment.";

/// Reads a token, without verifying its signature.
///
/// # Errors
///
/// The text is no JWT.
pub fn read(token: &str) -> Result<Jwt, Problem> {
    Jwt::parse(token).map_err(|why| Problem::failed(format!("the access token is no JWT: {why}")))
}

/// Verifies the signature of an RS256 token (RFC 7518 section 3.3) with the key of the set that its
/// `kid` names.
///
/// # Errors
///
/// The set cannot be read, shows a private key, or holds no key that signed the token.
pub fn verify(token: &Jwt, set: &Map<String, Value>) -> Result<(), Problem> {
    let algorithm = token.header_text("alg").unwrap_or("nothing");
    if algorithm != "RS256" {
        return Err(Problem::failed(format!("the access token is signed by {algorithm}, not RS256")));
    }
    if shows_private_key(set) {
        return Err(Problem::advised(
            "the key set shows a private key",
            "Anybody can sign tokens with this key: revoke it now (latchkey keys revoke).",
        ));
    }
    let document = jwk::set(set).map_err(|phrase| Problem::failed(format!("the key set {phrase}")))?;
    let kid = token.header_text("kid").unwrap_or_default();
    if let Some((_, flaw)) = document.flawed.iter().find(|(id, _)| id == kid) {
        let phrase = flaw.phrase();
        return Err(Problem::failed(format!("the key that signed the access token {phrase} in the key set")));
    }
    match document.keys.iter().find(|(id, _)| id == kid) {
        None => Err(Problem::advised("the key that signed the access token is not in the key set", ANOTHER_SET)),
        Some((_, key)) if token.is_signed_by(key) => Ok(()),
        Some(_) => Err(Problem::advised(
            "the access token's signature is not by the key of the same kid in the key set",
            ANOTHER_SET,
        )),
    }
}

fn shows_private_key(set: &Map<String, Value>) -> bool {
    let keys = set.get("keys").and_then(Value::as_array).into_iter().flatten();
    keys.into_iter().any(|key| PRIVATE.iter().any(|member| key.get(member).is_some()))
}
