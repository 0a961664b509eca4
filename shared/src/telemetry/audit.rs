//! Audit events: one log line and one count for each, with people named by pseudonym alone.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::telemetry::metrics;

/// The length of a pseudonym's hash, in bytes. Two of 2^64 pseudonyms are equal with even chance.
const PSEUDONYM_BYTES: usize = 16;

/// The pseudonym of an identifier or an account's id: the first 16 bytes of its SHA-256, as 22
/// characters of base64url.
///
/// In a log line `identity` is the pseudonym of
/// [`Identifier::key`](crate::account::email::Identifier::key), and `user` the pseudonym of an
/// account's id. An operator who knows the address or the id computes the pseudonym and finds the
/// lines of the account (`latchkey users show`).
pub fn pseudonym(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..PSEUDONYM_BYTES).unwrap_or_default())
}

/// Records an audit event of the account with these pseudonyms; a pseudonym that is not known is
/// empty. CloudWatch counts the event by the same word. The request's span adds the request id.
pub fn record(event: &'static str, identity: &str, user: &str) {
    metrics::count(event);
    tracing::info!(event, identity, user, "audit");
}

/// Records an audit event that an operator should look at.
pub fn warn(event: &'static str, user: &str) {
    metrics::count(event);
    tracing::warn!(event, identity = "", user, "audit");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pseudonym_is_what_others_compute_too() {
        // printf %s a@b.de | openssl dgst -sha256 -binary | head -c 16 | basenc --base64url
        assert_eq!(pseudonym("a@b.de"), "NjoXX2V4bneZ5DoX4_n3ug");
        assert_eq!(pseudonym("").len(), 22);
    }
}
