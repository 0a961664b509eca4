//! The webhook that is told of the events of accounts.

use http::Uri;

use super::{
    Environment,
    mail::{called_url, webhook_secret},
};
use crate::{
    account::event::{EventType, EventTypes},
    keys::Source,
};

const TYPES: &str = "EVENT_WEBHOOK_TYPES";

/// The webhook for events of accounts, such as a new account. Mails have a webhook of their own.
#[derive(Clone, Debug)]
pub struct EventWebhook {
    /// Names the URL that is told of events of accounts. Has no default, and nothing is told
    /// without it. Accepts a URL that begins with `https://`, or with `http://` on the same
    /// machine. Read from `EVENT_WEBHOOK_URL`. No redirect is followed, and no address of a private
    /// network is called.
    pub url: Option<Uri>,
    /// Names the secret that signs these calls. Has no default. Accepts the name or the ARN of a
    /// secret. Read from `EVENT_WEBHOOK_SECRET_ID`. Required with `EVENT_WEBHOOK_URL`. A secret
    /// with several lines signs with each, so that one can take the place of another.
    ///
    /// Holds that secret itself. Has no default. Accepts `whsec_` and 24 to 64 bytes in base64.
    /// Read from `EVENT_WEBHOOK_SECRET`. The signature is that of Standard Webhooks.
    pub secret: Option<Source>,
    /// Chooses the events that are told. Defaults to all but `user.signed_in`. Accepts a list with
    /// commas, as in docs/webhooks.md. Read from `EVENT_WEBHOOK_TYPES`.
    pub types: EventTypes,
}

impl EventWebhook {
    pub(super) fn read(env: &mut Environment) -> Self {
        let url = called_url(env, "EVENT_WEBHOOK_URL");
        let secret = webhook_secret(env, "EVENT_WEBHOOK_SECRET_ID", "EVENT_WEBHOOK_SECRET");
        if url.is_some() && secret.is_none() {
            let why = "is required with EVENT_WEBHOOK_URL, or EVENT_WEBHOOK_SECRET on a laptop";
            env.refuse("EVENT_WEBHOOK_SECRET_ID", why);
        }
        Self { url, secret, types: types(env) }
    }

    /// Whether anybody is told of anything.
    pub fn is_on(&self) -> bool {
        self.url.is_some()
    }
}

fn types(env: &mut Environment) -> EventTypes {
    let Some(text) = env.word(TYPES) else { return EventTypes::usual() };
    let rule = format!("must be a list with commas of {}", EventTypes::new(EventType::ALL.to_vec()));
    let read =
        |entry: &str| EventType::of_name(entry).map(|of| of.name().to_owned()).ok_or("is none of them".to_owned());
    let names = env.list(TYPES, &rule, &text, read);
    EventTypes::new(names.iter().filter_map(|name| EventType::of_name(name)).collect())
}
