//! Puts the accounts of an earlier release into the index of accounts.

use std::collections::HashMap;

use serde::Deserialize;
use tokio::task::JoinSet;

use super::{LIST_KEY, LIST_OF, Store, account_list::list_entry, record, text, unavailable};
use crate::{error::Error, time::Timestamp};

/// The changes that are under way at a time.
const AT_ONCE: usize = 25;
/// The records that one scan looks at.
const SCANNED: i32 = 2_000;

/// A record that is not in the index. The id is the account's; a login record is found by its key.
#[derive(Deserialize)]
struct Unlisted {
    pk: String,
    id: String,
    created_at: Timestamp,
}

/// The progress of an upgrade.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Upgraded {
    /// The records that were put into the index.
    pub records: u64,
    /// The records that cannot be read, and are in no list.
    pub damaged: u64,
}

impl Store {
    /// Puts every account of an earlier release into the index, and then says that the index has
    /// all of them. An upgrade that was interrupted goes on where it ended, because records that
    /// are in the index are passed over. Calls `progress` after each part.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn upgrade(&self, mut progress: impl FnMut(Upgraded)) -> Result<Upgraded, Error> {
        let (mut upgraded, mut start) = (Upgraded::default(), None);
        loop {
            let scan = self.client.scan().table_name(&self.table).consistent_read(true).limit(SCANNED);
            let scan = scan.filter_expression(
                "attribute_not_exists(list_of) AND (begins_with(pk, :user) OR begins_with(pk, :login))",
            );
            let scan = scan.expression_attribute_values(":user", text("USER#"));
            let scan = scan.expression_attribute_values(":login", text("LOGIN#"));
            let scan = scan.projection_expression("pk, id, created_at").set_exclusive_start_key(start);
            let scanned = scan.send().await.map_err(unavailable)?;
            let found = scanned.items.unwrap_or_default();
            for part in found.chunks(AT_ONCE) {
                let read: Vec<Unlisted> = part.iter().filter_map(|item| record(item.clone()).ok()).collect();
                upgraded.damaged += u64::try_from(part.len() - read.len()).unwrap_or_default();
                let mut changes = JoinSet::new();
                for unlisted in read {
                    let store = self.clone();
                    changes.spawn(async move { store.list(&unlisted).await });
                }
                while let Some(done) = changes.join_next().await {
                    done.map_err(Error::internal)??;
                    upgraded.records += 1;
                }
            }
            progress(upgraded);
            start = scanned.last_evaluated_key.filter(|key: &HashMap<_, _>| !key.is_empty());
            if start.is_none() {
                self.mark_listed().await?;
                return Ok(upgraded);
            }
        }
    }

    /// Adds the attributes of the index to a record. A record that was deleted meanwhile stays
    /// deleted.
    async fn list(&self, unlisted: &Unlisted) -> Result<(), Error> {
        let (of, value) = list_entry(&unlisted.pk, unlisted.created_at, &unlisted.id);
        let update = self.client.update_item().table_name(&self.table).key("pk", text(&unlisted.pk));
        let update = update.update_expression(format!("SET {LIST_OF} = :of, {LIST_KEY} = :key"));
        let update = update.condition_expression("attribute_exists(pk)");
        let update = update.expression_attribute_values(":of", text(of));
        match update.expression_attribute_values(":key", text(value)).send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(|refused| refused.is_conditional_check_failed_exception()) =>
            {
                Ok(())
            }
            Err(error) => Err(unavailable(error)),
        }
    }
}
