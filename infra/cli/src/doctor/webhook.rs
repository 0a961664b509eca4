//! The webhook for events of accounts.

use shared::{config::Config, keys::Keys, mail::webhook::WebhookSecret, time::Timestamp};

use super::{Finding, fail, ok};

const CHECK: &str = "webhook";

/// Says what the webhook is told of, and whether the secret signs. The endpoint is not called,
/// because its owner would get a message.
pub async fn examine(config: &Config, keys: &Keys, now: Timestamp) -> Finding {
    let Some(url) = &config.event_webhook.url else {
        return ok(CHECK, "off: EVENT_WEBHOOK_URL is told of events of accounts, if it is set");
    };
    let secret = match keys.event_webhook_secret(now).await {
        Ok(Some(secret)) => WebhookSecret::parse(&secret).map(drop).map_err(str::to_owned),
        Ok(None) => Err("is not set".to_owned()),
        Err(error) => Err(format!("cannot be read: {}", error.cause())),
    };
    match secret {
        Ok(()) => {
            let (host, types) = (url.host().unwrap_or_default(), &config.event_webhook.types);
            ok(CHECK, format!("{host} is told of {types}; `latchkey webhook test` calls it"))
        }
        Err(why) => fail(CHECK, format!("EVENT_WEBHOOK_SECRET_ID {why}")),
    }
}
