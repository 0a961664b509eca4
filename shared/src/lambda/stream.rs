//! Events of the table's stream, which tell a function of effects that wait in the table.

use serde::{Deserialize, Serialize};

use crate::outbox::{Attempt, Delivery};

/// Records of the stream.
#[derive(Debug, Deserialize)]
pub struct Records {
    /// The records, in the order of their writes.
    #[serde(rename = "Records")]
    records: Vec<Record>,
}

/// A record, which shows its key alone.
#[derive(Debug, Deserialize)]
struct Record {
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

/// The records that Lambda sends again. It sends every later record again too, and an effect that
/// is carried out already is passed over then.
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

impl Records {
    /// The number of records.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// The ids of the effects whose keys begin with `prefix`.
    pub fn ids(&self, prefix: &str) -> Vec<String> {
        let keys = self.records.iter().map(|record| &record.dynamodb.keys.pk.text);
        keys.filter_map(|key| key.strip_prefix(prefix).map(str::to_owned)).collect()
    }

    /// Attempts to carry out each effect whose key begins with `prefix`. One that waits does not
    /// keep the others back.
    pub async fn attempt(self, prefix: &str, way: &impl Attempt) -> Handled {
        let mut handled = Handled::default();
        for Record { dynamodb: Change { keys, sequence_number } } in self.records {
            // The filter of the event source lets nothing else through.
            let Some(id) = keys.pk.text.strip_prefix(prefix) else { continue };
            let is_done = match way.attempt(id).await {
                Ok(delivery) => delivery == Delivery::Done,
                Err(error) => {
                    tracing::error!(cause = error.cause(), "an effect cannot be carried out now, and waits");
                    false
                }
            };
            if !is_done {
                handled.batch_item_failures.push(Failed { item_identifier: sequence_number });
            }
        }
        handled
    }
}
