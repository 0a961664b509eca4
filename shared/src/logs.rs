//! Logs: one JSON object a line, on standard error.

use std::{error::Error as _, panic};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use tracing_subscriber::{filter::Targets, layer::SubscriberExt, util::SubscriberInitExt};

use crate::error::Error;

/// The crates that log at the chosen level. All others are held at `warn`: below it, the AWS SDK writes whole requests, and
/// those have password hashes in them.
const OWN: [&str; 11] = [
    "account",
    "create_account",
    "jwt",
    "latchkey",
    "login",
    "logout",
    "refresh",
    "rotate_keys",
    "shared",
    "verify",
    "well_known",
];

/// Starts logging at `level`; a panic is logged as one line too.
pub fn start(level: &str) {
    let own = level.parse().unwrap_or(tracing::Level::INFO);
    let filter = Targets::new().with_default(tracing::Level::WARN).with_targets(OWN.map(|name| (name, own)));
    let lines =
        tracing_subscriber::fmt::layer().json().flatten_event(true).with_span_list(false).with_writer(std::io::stderr);
    // Fails only where logging was started before.
    let _ = tracing_subscriber::registry().with(filter).with(lines).try_init();
    panic::set_hook(Box::new(|panic| {
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(alarm = "panic", location, message = panic.payload_as_str().unwrap_or_default());
    }));
}

/// How many bytes of a hash stand for what it is of: enough that no two are one (2^64 of them for an even chance).
const PSEUDONYM_BYTES: usize = 16;

/// What stands in the log for a text that names somebody: the first 16 bytes of its SHA-256, as 22 characters of base64url. An
/// `identity` is that of [`Identifier::key`](crate::email::Identifier::key), a `user` that of an account's id. Whoever knows the
/// address or the id finds the lines of an account (`latchkey users show`); the log itself names nobody.
pub fn pseudonym(text: &str) -> String {
    let hash = digest(&SHA256, text.as_bytes());
    URL_SAFE_NO_PAD.encode(hash.as_ref().get(..PSEUDONYM_BYTES).unwrap_or_default())
}

/// An error and what caused it, by `Display`. Never by `Debug`: that of an SDK's error holds the answer, secrets and all.
pub fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let mut causes = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        // Some wrap an error in one of the same words.
        if !causes.ends_with(&text) {
            causes.push_str(": ");
            causes.push_str(&text);
        }
        next = cause.source();
    }
    causes
}

/// An audit event: what happened, and to whom, each by pseudonym; empty where that is not known. The request's id is on the line.
pub fn audit(event: &'static str, identity: &str, user: &str) {
    tracing::info!(event, identity, user, "audit");
}

/// Logs the cause of a fault, which its caller is not told.
pub fn fault(error: &Error) {
    let Some(cause) = error.source() else { return };
    let causes = causes(cause);
    let (status, code) = error.status_and_code();
    tracing::error!(status = status.as_u16(), code, cause = causes, "fault");
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
