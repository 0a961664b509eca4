//! Audit events: one log line and one count for each, with people named by pseudonym alone.

use tracing::Span;

use crate::telemetry::metrics;

/// Records an audit event of the account with these pseudonyms; a pseudonym that is not known is
/// empty. CloudWatch counts the event by the same word. The request's span adds the request id.
pub fn record(event: &'static str, identity: &str, user: &str) {
    metrics::count(event);
    tracing::info!(event, identity, user, "audit");
}

/// Records a change of an account by an admin. `fields` names what was changed. The request's span
/// adds the name of the admin key.
pub fn admin(event: &'static str, identity: &str, user: &str, fields: &str) {
    metrics::count(event);
    tracing::info!(event, identity, user, fields, "audit");
}

/// Puts the admin who acts in the name of an account into every later line of the request.
pub fn acting(admin: &str) {
    Span::current().record("act", admin);
}

/// Records an audit event that an operator should look at.
pub fn warn(event: &'static str, user: &str) {
    metrics::count(event);
    tracing::warn!(event, identity = "", user, "audit");
}

/// Records a change of the signing keys. `kid` is the key that was changed, or empty for a change
/// of the whole set, which is of `generation` from then on.
pub fn keys(event: &'static str, kid: &str, generation: u64) {
    metrics::count(event);
    tracing::info!(event, kid, generation, "audit");
}

/// Records an event of so many accounts at once.
pub fn many(event: &'static str, accounts: u64) {
    metrics::count(event);
    tracing::info!(event, accounts, "audit");
}

/// Records an event that concerns no account and no signing key.
pub fn event(event: &'static str) {
    metrics::count(event);
    tracing::info!(event, "audit");
}

/// Records the fate of an event of this type, which the webhook was told of or never is. `reason`
/// is a word, and empty for an event that was told.
pub fn webhook(event: &'static str, of_type: &str, reason: &str) {
    metrics::count(event);
    if reason.is_empty() {
        tracing::info!(event, r#type = of_type, "audit");
    } else {
        tracing::warn!(event, r#type = of_type, reason, "audit");
    }
}

/// Records an event of a mail of this kind, to the address with this pseudonym. `reason` is a word,
/// and empty for a mail that was sent. An operator should look at each mail that was not.
pub fn mail(event: &'static str, identity: &str, kind: &'static str, reason: &str) {
    metrics::count(event);
    if reason.is_empty() {
        tracing::info!(event, identity, kind, "audit");
    } else {
        tracing::warn!(event, identity, kind, reason, "audit");
    }
}
