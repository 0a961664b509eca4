//! The outbox in the table: mails that wait for their sending, and the addresses that get none.

use aws_lc_rs::digest::{SHA256, digest};
use aws_sdk_dynamodb::{operation::update_item::UpdateItemError, types::AttributeValue};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::time::Duration;

use super::{Item, LIST_KEY, LIST_OF, Store, TTL, item, number, record, text, unavailable};
use crate::{
    error::Error,
    mail::{
        Kind,
        outgoing::{MAIL_PREFIX, MailState, OutgoingMail},
    },
    time::Timestamp,
};

/// The time for which an address gets no mails after a bounce or a complaint.
const SUPPRESSED_FOR: Duration = Duration::from_secs(90 * 86_400);
/// The time for which the count of a day is kept after its end.
const DAY_KEPT_SECONDS: i64 = 86_400;
const DAY_SECONDS: i64 = 86_400;

/// The attribute that makes the records of all kinds equally long.
const PADDING: &str = "padding";

/// The list of the mails that wait, in the index.
const WAITING: &str = "mail";
/// The list of the decoys.
const DECOYS: &str = "null";

impl Store {
    /// Stores a mail by itself, for tests.
    #[cfg(feature = "testing")]
    pub async fn put_mail(&self, mail: &OutgoingMail) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).set_item(Some(mail_item(mail)?));
        put.send().await.map(drop).map_err(unavailable)
    }

    /// Reads the mail with this id. `None` if there is none, or if it is a decoy. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn mail(&self, id: &str) -> Result<Option<OutgoingMail>, Error> {
        let key = mail_key(id);
        self.batch_get(&[&key]).await?.remove(&key).map(record).transpose()
    }

    /// Notes that a mail was sent or is never sent. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails. The mail may then be sent twice.
    pub async fn finish_mail(&self, id: &str, state: MailState) -> Result<(), Error> {
        let state: AttributeValue = serde_dynamo::to_attribute_value(state).map_err(Error::internal)?;
        let update = self
            .update_of(&mail_key(id))
            .update_expression("SET #state = :state REMOVE list_of, list_key")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_names("#state", "state")
            .expression_attribute_values(":state", state);
        match update.send().await {
            // A record that is gone by its TTL needs no state.
            Err(error) if is_condition(&error) => Ok(()),
            done => done.map(drop).map_err(unavailable),
        }
    }

    /// The ids of the mails that wait, for the server of its own table.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn waiting_mails(&self) -> Result<Vec<String>, Error> {
        // The ids begin with the time, so this is the order in which people asked.
        self.listed(WAITING).await
    }

    /// Counts a mail of this day, in UTC. Returns whether the count allows the mail. One round
    /// trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn count_mail(&self, per_day: u64, now: Timestamp) -> Result<bool, Error> {
        let update = self
            .add_to_day(1, now)
            .condition_expression("attribute_not_exists(used) OR used < :max")
            .expression_attribute_values(":max", number(per_day));
        match update.send().await {
            Ok(_) => Ok(true),
            Err(error) if is_condition(&error) => Ok(false),
            Err(error) => Err(unavailable(error)),
        }
    }

    /// Takes back the count of a mail that was not sent. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn uncount_mail(&self, now: Timestamp) -> Result<(), Error> {
        self.add_to_day(-1, now).send().await.map(drop).map_err(unavailable)
    }

    fn add_to_day(
        &self,
        difference: i32,
        now: Timestamp,
    ) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        let day = now.seconds().div_euclid(DAY_SECONDS);
        self.update_of(&format!("LIMIT#mail#{day}"))
            .update_expression("ADD used :difference SET #ttl = :ttl")
            .expression_attribute_names("#ttl", TTL)
            .expression_attribute_values(":difference", number(difference))
            .expression_attribute_values(":ttl", number((day + 1) * DAY_SECONDS + DAY_KEPT_SECONDS))
    }

    /// Whether an address gets no mails, since one to it came back or was called unwanted.
    /// `email_key` is the form of the address that is compared. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn is_suppressed(&self, email_key: &str, now: Timestamp) -> Result<bool, Error> {
        let key = suppression_key(email_key);
        let found = self.batch_get(&[&key]).await?.remove(&key);
        let ends_at = found.as_ref().and_then(|item| item.get(TTL)?.as_n().ok()?.parse::<i64>().ok());
        Ok(ends_at.is_some_and(|ends_at| now.seconds() < ends_at))
    }

    /// Sends no more mails to an address for 90 days. `reason` is one word. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn suppress(&self, email_key: &str, reason: &'static str, now: Timestamp) -> Result<(), Error> {
        let put = self.client.put_item().table_name(&self.table).item("pk", text(suppression_key(email_key)));
        let put = put.item("reason", text(reason)).item("made_at", super::time_value(now));
        let put = put.item(TTL, number((now + SUPPRESSED_FOR).seconds()));
        put.send().await.map(drop).map_err(unavailable)
    }

    fn update_of(&self, key: &str) -> aws_sdk_dynamodb::operation::update_item::builders::UpdateItemFluentBuilder {
        self.client.update_item().table_name(&self.table).key("pk", text(key))
    }
}

/// The record of a mail, or of a decoy. A mail is in a list of the index until its work is done. A
/// decoy is in another list, of the same length, which nobody reads.
pub(super) fn mail_item(mail: &OutgoingMail) -> Result<Item, Error> {
    let list = if mail.is_decoy { DECOYS } else { WAITING };
    let mut item = item(mail.key(), mail)?;
    item.insert(TTL.to_owned(), number(mail.ends_at().seconds()));
    item.insert(LIST_OF.to_owned(), text(list));
    item.insert(LIST_KEY.to_owned(), text(&mail.id));
    // A request may write one of two kinds, and its answer tells nobody which.
    let padding = Kind::NAME_BYTES_MAX.saturating_sub(mail.kind.name().len());
    item.insert(PADDING.to_owned(), text(" ".repeat(padding)));
    Ok(item)
}

fn mail_key(id: &str) -> String {
    format!("{MAIL_PREFIX}{id}")
}

/// The key of a suppression. The digest keeps addresses without an account out of the keys that the
/// stream shows.
fn suppression_key(email_key: &str) -> String {
    format!("SUPPRESSED#{}", URL_SAFE_NO_PAD.encode(digest(&SHA256, email_key.as_bytes())))
}

fn is_condition<R>(error: &aws_sdk_dynamodb::error::SdkError<UpdateItemError, R>) -> bool {
    error.as_service_error().is_some_and(UpdateItemError::is_conditional_check_failed_exception)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        mail::{Kind, Language},
        store::embedded::create_table,
        testing::Database,
    };

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    async fn store() -> Store {
        let client = Database::new().client();
        create_table(&client, "table").await.unwrap();
        Store::new(client, "table")
    }

    fn mail(id: &str) -> OutgoingMail {
        OutgoingMail::new(id.to_owned(), Kind::Reset, "a@b.de", Language::English, NOW)
    }

    #[tokio::test]
    async fn mails_that_wait_are_found_in_their_order_and_decoys_and_sent_ones_are_not() {
        let store = store().await;
        for id in ["3", "1", "2", "4"] {
            store.put_mail(&mail(id)).await.unwrap();
        }
        store.put_mail(&mail("5").into_decoy()).await.unwrap();
        store.finish_mail("2", MailState::Sent).await.unwrap();
        store.finish_mail("4", MailState::Dropped).await.unwrap();
        assert_eq!(store.waiting_mails().await.unwrap(), ["1", "3"]);
        assert_eq!(store.mail("2").await.unwrap().unwrap().state, MailState::Sent);
        assert!(store.mail("5").await.unwrap().is_none());
        store.finish_mail("gone", MailState::Sent).await.unwrap();
        assert!(store.mail("gone").await.unwrap().is_none());
    }

    #[tokio::test]
    async fn a_day_has_its_number_of_mails_and_the_next_day_its_own() {
        let store = store().await;
        let counted = async |now| store.count_mail(2, now).await.unwrap();
        assert!(counted(NOW).await && counted(NOW).await && !counted(NOW).await);
        store.uncount_mail(NOW).await.unwrap();
        assert!(counted(NOW).await && !counted(NOW).await);
        assert!(counted(NOW + Duration::from_secs(86_400)).await);
    }

    #[tokio::test]
    async fn an_address_is_suppressed_for_ninety_days() {
        let store = store().await;
        assert!(!store.is_suppressed("a@b.de", NOW).await.unwrap());
        store.suppress("a@b.de", "bounced", NOW).await.unwrap();
        let after = |days: u64| NOW + Duration::from_secs(days * 86_400);
        assert!(store.is_suppressed("a@b.de", after(89)).await.unwrap());
        assert!(!store.is_suppressed("a@b.de", after(90)).await.unwrap());
        assert!(!store.is_suppressed("c@b.de", NOW).await.unwrap());
    }
}
