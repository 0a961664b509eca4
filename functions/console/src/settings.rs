//! Facts about the deployment that its pages may know: no secret, and nothing that a store tells.

use serde_json::{Value, json};
use shared::{
    config::{Config, MailBy},
    error::codes::CODES,
    keys::TokenProfile,
};

/// The settings, for `/console/config.json`.
pub fn of(config: &Config, base: &str) -> Value {
    let firebase = &config.firebase;
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "base_url": base,
        "token_profile": profile(config),
        "firebase_project_id": firebase.project(None).map_or("", |(id, _)| id),
        "firebase_demo": firebase.is_demo,
        "emulator": firebase.emulator_host.is_some(),
        "password_min_length": config.accounts.password_policy.length_min,
        "features": {
            "mail": config.mail.by != MailBy::Off,
            "outbox": config.mail.by == MailBy::Outbox,
            "outbox_page": config.serve.shows_outbox,
            "shared_secret": config.keys.shared_secret.is_some(),
            "api_key": config.keys.api_key.is_some(),
        },
    })
}

/// The kind of `jwt_token`, as the loader of the keys chooses it.
fn profile(config: &Config) -> &'static str {
    match config.tokens.profile {
        Some(TokenProfile::Firebase) => "firebase",
        Some(TokenProfile::SharedSecret) => "shared_secret",
        Some(TokenProfile::Access) => "access",
        None if config.firebase.has_account() => "firebase",
        None => "access",
    }
}

/// Every code of an error, for `/console/errors.json`.
pub fn errors() -> Value {
    let all = CODES.iter().map(|code| {
        json!({
            "code": code.code,
            "statuses": code.statuses,
            "reason": code.reason,
            "mender": code.mender.name(),
            "cure": code.cure,
        })
    });
    json!({"errors": all.collect::<Vec<_>>()})
}
