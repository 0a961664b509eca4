//! Mails of a tested service, and the codes and links in them.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;

use super::Service;
use crate::{
    account::proof::{Proof, ProofId},
    keys::ProofKeys,
    mail::outgoing::{MAIL_PREFIX, OutgoingMail},
};

/// The key of the codes and links of every tested service.
pub const PROOF_KEY: &str = "the key of codes and links, for tests alone";

/// The keys of proofs of every tested service.
pub fn proof_keys() -> ProofKeys {
    ProofKeys::parse(PROOF_KEY).expect("a key")
}

/// The id behind a challenge.
#[track_caller]
pub fn proof_id(challenge: &Value) -> ProofId {
    let keys = proof_keys();
    ProofId::of_challenge(challenge.as_str().expect("a challenge"), keys.opening()).expect("a challenge").0
}

/// The code that was mailed with this challenge.
#[track_caller]
pub fn code_of(challenge: &Value) -> String {
    proof_id(challenge).code(proof_keys().sealing()).as_str().to_owned()
}

/// A code that is not the one that was mailed with this challenge. Different numbers make different
/// codes.
#[track_caller]
pub fn wrong_code_of(challenge: &Value, number: u32) -> String {
    let right: u32 = code_of(challenge).parse().expect("digits");
    format!("{:06}", (right + 1 + number) % 1_000_000)
}

/// The token in the link that was mailed with this challenge.
#[track_caller]
pub fn link_of(challenge: &Value) -> String {
    proof_id(challenge).link(proof_keys().sealing())
}

impl Service {
    /// All records of the table.
    pub async fn records(&self) -> Vec<std::collections::HashMap<String, AttributeValue>> {
        let (mut records, mut from) = (Vec::new(), None);
        loop {
            let scan = self.client.scan().table_name(&self.app.config().table_name);
            let page = scan.set_exclusive_start_key(from).send().await.expect("a scan");
            records.extend(page.items.unwrap_or_default());
            from = page.last_evaluated_key;
            if from.is_none() {
                self.calls.take();
                return records;
            }
        }
    }

    /// The records whose keys begin so, as T, in the order of their keys.
    async fn records_of<T: serde::de::DeserializeOwned>(&self, prefix: &str) -> Vec<T> {
        let key =
            |record: &std::collections::HashMap<String, AttributeValue>| record["pk"].as_s().cloned().expect("text");
        let mut found: Vec<_> =
            self.records().await.into_iter().filter(|record| key(record).starts_with(prefix)).collect();
        found.sort_by_key(key);
        found.into_iter().map(|record| serde_dynamo::from_item(record).expect("a record")).collect()
    }

    /// The mails that somebody gets, in the order in which they were asked for.
    pub async fn mails(&self) -> Vec<OutgoingMail> {
        self.records_of(MAIL_PREFIX).await
    }

    /// The proofs.
    pub async fn proofs(&self) -> Vec<Proof> {
        self.records_of("PROOF#").await
    }
}
