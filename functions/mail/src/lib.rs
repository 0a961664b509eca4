//! Sends mails. The table's stream calls this function with the keys of new mails, and Amazon SES
//! with the addresses that mails came back from.

use mailer::{Delivery, Mailer, transport::Transport};
use serde::{Deserialize, Serialize};
use shared::{App, account::email::Email, error::Error, mail::outgoing::MAIL_PREFIX, telemetry::audit};

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
    Stream {
        /// The records, in the order of their writes.
        #[serde(rename = "Records")]
        records: Vec<Record>,
    },
    /// A report of SES.
    Report {
        /// The report.
        detail: Report,
    },
}

/// A record of the stream, which shows keys alone.
#[derive(Debug, Deserialize)]
pub struct Record {
    dynamodb: Change,
}

#[derive(Debug, Deserialize)]
struct Change {
    #[serde(rename = "Keys")]
    keys: Keys,
    #[serde(rename = "SequenceNumber")]
    sequence_number: String,
}

#[derive(Debug, Deserialize)]
struct Keys {
    pk: Text,
}

#[derive(Debug, Deserialize)]
struct Text {
    #[serde(rename = "S")]
    text: String,
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

/// The records that Lambda sends again. It sends every later record again too, and a mail that is
/// sent already is passed over then.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Handled {
    batch_item_failures: Vec<Failed>,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Failed {
    item_identifier: String,
}

impl Sender {
    /// The sender of a deployment on AWS.
    ///
    /// # Errors
    ///
    /// 500: this system lacks what the way of mails needs.
    pub async fn start(app: App) -> Result<Self, Error> {
        let ses = async || Ok(aws_sdk_sesv2::Client::new(&shared::aws_config().await));
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
        Event::Stream { records } => Ok(sender.send(records).await),
        Event::Report { detail } => sender.suppress(detail).await.map(|()| Handled::default()),
    }
}

impl Sender {
    /// Sends the mails of these records. One that waits does not keep the others back.
    async fn send(&self, records: Vec<Record>) -> Handled {
        let mut handled = Handled::default();
        let Some(mailer) = &self.mailer else {
            tracing::error!(mails = records.len(), "MAIL is off, and mails wait until their time is over");
            return handled;
        };
        for Record { dynamodb: Change { keys, sequence_number } } in records {
            // The filter of the event source lets nothing else through.
            let Some(id) = keys.pk.text.strip_prefix(MAIL_PREFIX) else { continue };
            let delivered = mailer.deliver(id).await;
            let is_done = match &delivered {
                Ok(delivery) => *delivery == Delivery::Done,
                Err(error) => {
                    tracing::error!(cause = error.cause(), "a mail cannot be sent now, and waits");
                    false
                }
            };
            if !is_done {
                handled.batch_item_failures.push(Failed { item_identifier: sequence_number });
            }
        }
        handled
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
