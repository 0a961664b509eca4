//! Sends mails. The table's stream calls this function with the keys of new mails, and Amazon SES
//! with the addresses that mails came back from.

use mailer::{Mailer, transport::Transport};
use serde::Deserialize;
use shared::{
    App,
    account::email::Email,
    error::Error,
    lambda::stream::{Handled, Records},
    mail::outgoing::MAIL_PREFIX,
    telemetry::audit,
};

/// The sender of this function. `None` where `MAIL` is `off`.
#[derive(Clone)]
pub struct Sender {
    app: App,
    mailer: Option<Mailer>,
}

/// An event: records of the stream, or a report of SES by EventBridge.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Records of the stream.
    Stream(Records),
    /// A report of SES.
    Report {
        /// The report.
        detail: Report,
    },
}

/// A report of SES on one mail
/// (<https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html>).
#[derive(Debug, Deserialize)]
pub struct Report {
    bounce: Option<Bounce>,
    complaint: Option<Complaint>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Bounce {
    bounce_type: String,
    bounced_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Complaint {
    complained_recipients: Vec<Recipient>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Recipient {
    email_address: String,
}

impl Sender {
    /// The sender of a deployment on AWS.
    ///
    /// # Errors
    ///
    /// 500: this system lacks what the way of mails needs.
    pub async fn start(app: App) -> Result<Self, Error> {
        let ses = async || Ok(aws_sdk_sesv2::Client::new(&shared::aws_config(app.config().identity.as_ref()).await));
        let transport = Transport::of(app.config(), ses).await.map_err(Error::internal)?;
        Ok(Self::new(app, transport))
    }

    /// The sender with this way of mails.
    pub fn new(app: App, transport: Option<Transport>) -> Self {
        Self { mailer: transport.map(|transport| Mailer::new(app.clone(), transport)), app }
    }
}

/// Handles an event.
///
/// # Errors
///
/// 503 if DynamoDB fails at a report of SES. EventBridge then sends the report again.
pub async fn handle(sender: Sender, event: Event) -> Result<Handled, Error> {
    match event {
        Event::Stream(records) => Ok(sender.send(records).await),
        Event::Report { detail } => sender.suppress(detail).await.map(|()| Handled::default()),
    }
}

impl Sender {
    /// Sends the mails of these records.
    async fn send(&self, records: Records) -> Handled {
        match &self.mailer {
            Some(mailer) => records.attempt(MAIL_PREFIX, mailer).await,
            None => {
                tracing::error!(mails = records.len(), "MAIL is off, and mails wait until their time is over");
                Handled::default()
            }
        }
    }

    /// Sends no more mails to addresses that do not exist, or whose owner complained. A mailbox
    /// that is full for a while stays.
    async fn suppress(&self, Report { bounce, complaint }: Report) -> Result<(), Error> {
        let bounce = bounce.filter(|bounce| bounce.bounce_type == "Permanent");
        for recipient in bounce.into_iter().flat_map(|bounce| bounce.bounced_recipients) {
            self.suppress_one(&recipient, "bounced").await?;
            audit::warn("mail_bounced", "");
        }
        for recipient in complaint.into_iter().flat_map(|complaint| complaint.complained_recipients) {
            self.suppress_one(&recipient, "complained").await?;
            audit::warn("mail_complained", "");
        }
        Ok(())
    }

    async fn suppress_one(&self, recipient: &Recipient, reason: &'static str) -> Result<(), Error> {
        // SES repeats an address of a mail from here, so an address that is none is not from here.
        match Email::existing(&recipient.email_address) {
            Ok(email) => self.app.store().suppress(email.key(), reason, self.app.now()).await,
            Err(_) => Ok(()),
        }
    }
}
