//! The sender of mails.
//!
//! A handler stores a mail in the transaction of the event that the mail is about. This crate reads
//! the mail, makes its code and its link from the proof's id, sends it, and notes that. The mail
//! function on Lambda and `latchkey serve` run the same code. A crash between sending and noting
//! sends a mail twice, and both are the same to the byte but for their date.

mod message;
pub mod transport;

use std::sync::Arc;

use shared::{
    App,
    account::email::Email,
    config::MailSettings,
    error::Error,
    mail::{
        Rendered,
        outgoing::{MailState, OutgoingMail},
    },
    outbox::{Attempt, Delivery},
    telemetry::audit,
    time::Timestamp,
};
use transport::{Failure, Transport};

pub use message::message;

/// A mail that is ready to be sent.
#[derive(Debug)]
pub struct Parcel<'a> {
    /// The record.
    pub mail: &'a OutgoingMail,
    /// The mail in both of its forms.
    pub rendered: Rendered,
    /// The code, empty if the mail has none.
    pub code: String,
    /// The link, empty if the mail has none.
    pub link: String,
    /// The time when the mail is sent.
    pub now: Timestamp,
}

/// The sender. Clones share it.
#[derive(Clone)]
pub struct Mailer(Arc<Inner>);

struct Inner {
    app: App,
    transport: Transport,
}

impl Mailer {
    /// A sender of the mails in the table of `app`.
    pub fn new(app: App, transport: Transport) -> Self {
        Self(Arc::new(Inner { app, transport }))
    }

    /// Sends the mail with this id, if it waits and its time is not over. Four round trips to
    /// DynamoDB: the mail, the address, the count of the day, and the note that the mail is sent.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, or if the key of proofs cannot be read. The mail then waits.
    pub async fn deliver(&self, id: &str) -> Result<Delivery, Error> {
        let app = &self.0.app;
        let (store, now) = (app.store(), app.now());
        let Some(mail) = store.mail(id).await?.filter(|mail| mail.state == MailState::Queued) else {
            return Ok(Delivery::Done);
        };
        if now >= mail.send_before {
            return self.drop_mail(&mail, "mail_dropped", "late").await;
        }
        let address = Email::existing(&mail.to).map(|email| email.key().to_owned()).unwrap_or_default();
        if address.is_empty() {
            return self.drop_mail(&mail, "mail_refused", "address").await;
        }
        if store.is_suppressed(&address, now).await? {
            return self.drop_mail(&mail, "mail_dropped", "suppressed").await;
        }
        let parcel = self.parcel(&mail, now).await?;
        if !store.count_mail(app.config().mail.per_day, now).await? {
            return self.drop_mail(&mail, "mail_dropped", "limit").await;
        }
        match self.0.transport.send(app, &parcel).await {
            Ok(()) => {
                store.finish_mail(id, MailState::Sent).await?;
                self.audit("mail_sent", &mail, "");
                Ok(Delivery::Done)
            }
            Err(Failure::Later(reason)) => {
                tracing::warn!(kind = mail.kind.name(), reason, "a mail cannot be sent now, and waits");
                store.uncount_mail(now).await?;
                Ok(Delivery::Later)
            }
            Err(Failure::Refused(reason)) => {
                store.uncount_mail(now).await?;
                self.drop_mail(&mail, "mail_refused", &reason).await
            }
        }
    }

    /// Sends a mail that is in no table, such as one of `latchkey mail test`.
    ///
    /// # Errors
    ///
    /// As the transport reports it.
    pub async fn send(&self, mail: &OutgoingMail) -> Result<(), Failure> {
        let now = self.0.app.now();
        let parcel = self.parcel(mail, now).await.map_err(|error| Failure::Later(error.cause()))?;
        self.0.transport.send(&self.0.app, &parcel).await
    }

    async fn parcel<'a>(&self, mail: &'a OutgoingMail, now: Timestamp) -> Result<Parcel<'a>, Error> {
        let MailSettings { app: name, code_in_subject, .. } = &self.0.app.config().mail;
        let Some(keys) = self.0.app.keys().proof_keys(now).await? else {
            return Err(Error::unavailable("PROOF_KEY_SECRET_ID is not set, and mails need the key of proofs"));
        };
        let key = keys.sealing();
        let code = mail.proof_id.filter(|_| mail.has_code()).map(|proof| proof.code(key).as_str().to_owned());
        Ok(Parcel {
            mail,
            rendered: mail.render(name, key, *code_in_subject),
            code: code.unwrap_or_default(),
            link: mail.link(key).unwrap_or_default(),
            now,
        })
    }

    async fn drop_mail(&self, mail: &OutgoingMail, event: &'static str, reason: &str) -> Result<Delivery, Error> {
        self.0.app.store().finish_mail(&mail.id, MailState::Dropped).await?;
        self.audit(event, mail, reason);
        Ok(Delivery::Done)
    }

    /// Notes an event of a mail. The person is named by pseudonym, where its key is loaded.
    fn audit(&self, event: &'static str, mail: &OutgoingMail, reason: &str) {
        let identity = Email::existing(&mail.to).map(|email| self.0.app.pseudonym(email.key())).unwrap_or_default();
        audit::mail(event, &identity, mail.kind.name(), reason);
    }
}

impl Attempt for Mailer {
    async fn attempt(&self, id: &str) -> Result<Delivery, Error> {
        self.deliver(id).await
    }
}
