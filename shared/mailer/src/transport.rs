//! The ways of a mail to a person.

mod outbox;
mod ses;
mod smtp;
mod webhook;

use shared::{
    App,
    config::{Config, MailBy},
};

use crate::Parcel;
pub use outbox::OUTBOX;
use outbox::Outbox;
use webhook::Webhook;

/// Why a mail was not sent. The words are for the log: they hold no address and no code, so nothing
/// that a server said is in them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Another attempt may succeed.
    Later(String),
    /// No attempt can succeed.
    Refused(String),
}

impl Failure {
    fn later(reason: impl Into<String>) -> Self {
        Self::Later(reason.into())
    }

    fn refused(reason: impl Into<String>) -> Self {
        Self::Refused(reason.into())
    }
}

/// A way of mails.
pub enum Transport {
    /// Amazon SES.
    Ses(aws_sdk_sesv2::Client),
    /// A server that accepts mails by SMTP.
    Smtp,
    /// A webhook.
    Webhook(Box<Webhook>),
    /// Files in the data folder, and lines on standard output.
    Outbox(Outbox),
}

impl Transport {
    /// The way that the configuration chooses. `None` if mails are off. `ses` makes a client of
    /// Amazon SES.
    ///
    /// # Errors
    ///
    /// A sentence for people: this system lacks something.
    pub async fn of(
        config: &Config,
        ses: impl AsyncFnOnce() -> Result<aws_sdk_sesv2::Client, String>,
    ) -> Result<Option<Self>, String> {
        Ok(match config.mail.by {
            MailBy::Ses => Some(Self::Ses(ses().await?)),
            MailBy::Smtp => Some(Self::Smtp),
            MailBy::Webhook => Some(Self::Webhook(Box::new(Webhook::new(&config.mail)?))),
            MailBy::Outbox => Some(Self::Outbox(Outbox::new(&config.serve.data_dir)?)),
            MailBy::Off => None,
        })
    }

    /// Sends a mail.
    ///
    /// # Errors
    ///
    /// As [`Failure`] says.
    pub(crate) async fn send(&self, app: &App, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let settings = &app.config().mail;
        let message = || crate::message(parcel, settings).map_err(Failure::refused);
        match self {
            Self::Ses(client) => ses::send(client, &message()?, parcel, settings).await,
            Self::Smtp => smtp::send(app, &message()?, parcel.now).await,
            Self::Webhook(webhook) => webhook.send(app, parcel).await,
            Self::Outbox(outbox) => outbox.write(&message()?, parcel).await,
        }
    }
}
