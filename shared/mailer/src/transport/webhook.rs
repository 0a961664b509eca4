//! A webhook, signed in the way of Standard Webhooks. Its owner sends the mail.

use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use serde::Serialize;
use shared::{
    App,
    config::MailSettings,
    fetch::{Guarded, NoAnswer},
    mail::{smtp::is_this_machine, webhook::WebhookSecret},
};

use super::Failure;
use crate::Parcel;

/// The longest time of a call.
const TIME_MAX: Duration = Duration::from_secs(15);

/// The caller of the webhook. It follows no redirect.
pub struct Webhook {
    client: Guarded,
    url: Uri,
}

/// The body of a call.
#[derive(Serialize)]
struct Body<'a> {
    /// `mail`, since an endpoint may get calls of other types one day.
    #[serde(rename = "type")]
    type_: &'static str,
    kind: &'static str,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    code: &'a str,
    link: &'a str,
    locale: &'static str,
    /// The end of the code, or of the link. Empty for a notice.
    expires_at: String,
}

impl Webhook {
    /// A caller of the configured URL.
    ///
    /// # Errors
    ///
    /// A sentence: the system has no root certificates, or there is no URL.
    pub(super) fn new(settings: &MailSettings) -> Result<Self, String> {
        let url = settings.webhook_url.clone().ok_or("MAIL_WEBHOOK_URL is not set.")?;
        let client = Guarded::new(url.host().is_some_and(is_this_machine))?;
        Ok(Self { client, url })
    }

    /// Calls the webhook with a mail.
    pub(super) async fn send(&self, app: &App, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let secret = app.keys().mail_secret(parcel.now).await.map_err(|error| Failure::later(error.cause()))?;
        let text = secret.ok_or_else(|| Failure::later("MAIL_WEBHOOK_SECRET_ID is not set"))?;
        let secret =
            WebhookSecret::parse(&text).map_err(|why| Failure::later(format!("MAIL_WEBHOOK_SECRET_ID {why}")))?;
        let request = self.request(&secret, parcel).map_err(|_| Failure::refused("no_message"))?;
        // The answer is its status alone.
        let status = match self.client.call(request, TIME_MAX, 0).await {
            Ok((status, _)) => status.as_u16(),
            Err(NoAnswer::Private) => return Err(Failure::refused("private_address")),
            Err(NoAnswer::Unreachable) => return Err(Failure::later("the webhook cannot be reached")),
            Err(NoAnswer::TimedOut) => return Err(Failure::later("the webhook does not answer")),
        };
        match status {
            200..300 => Ok(()),
            408 | 425 | 429 | 500.. => Err(Failure::later(format!("webhook_{status}"))),
            _ => Err(Failure::refused(format!("webhook_{status}"))),
        }
    }

    fn request(&self, secret: &WebhookSecret, parcel: &Parcel<'_>) -> Result<Request<Full<Bytes>>, String> {
        let Parcel { mail, rendered, code, link, now } = parcel;
        let life = mail.kind.purpose().map(|purpose| purpose.code_life().unwrap_or_else(|| purpose.life()));
        let body = Body {
            type_: "mail",
            kind: mail.kind.name(),
            to: &mail.to,
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
            code,
            link,
            locale: mail.language.tag(),
            expires_at: life.map(|life| (mail.made_at + life).rfc3339()).unwrap_or_default(),
        };
        let body = serde_json::to_string(&body).map_err(|error| error.to_string())?;
        secret.call(&self.url, &mail.id, now.seconds(), body).map_err(|error| error.to_string())
    }
}
