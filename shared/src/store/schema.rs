//! Checks that the table is as the code needs it.

use aws_sdk_dynamodb::types::{KeySchemaElement, KeyType, TableStatus, TimeToLiveStatus};

use super::{ACCOUNTS_INDEX, LIST_KEY, LIST_OF, SESSION_OF, SESSIONS_INDEX, Store, TTL, unavailable};
use crate::error::Error;

impl Store {
    /// Lists the differences of the table from the one in `template.yaml`, each as a phrase. Two
    /// round trips.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails or the table does not exist.
    pub async fn schema_problems(&self) -> Result<Vec<String>, Error> {
        let table = self.client.describe_table().table_name(&self.table).send().await.map_err(unavailable)?;
        let table = table.table.ok_or_else(|| Error::unavailable("DynamoDB described no table"))?;
        let ttl = self.client.describe_time_to_live().table_name(&self.table).send().await.map_err(unavailable)?;
        let is_key = |schema: Option<&[KeySchemaElement]>, name: &str| {
            let [key] = schema.unwrap_or_default() else { return false };
            key.attribute_name() == name && *key.key_type() == KeyType::Hash
        };
        let index = |name| table.global_secondary_indexes().iter().find(|index| index.index_name() == Some(name));
        let has_sessions = index(SESSIONS_INDEX).is_some_and(|index| is_key(index.key_schema.as_deref(), SESSION_OF));
        let has_accounts = index(ACCOUNTS_INDEX).is_some_and(|index| {
            let names: Vec<&str> = index.key_schema().iter().map(KeySchemaElement::attribute_name).collect();
            names == [LIST_OF, LIST_KEY]
        });
        let ttl = ttl.time_to_live_description;
        let deletes = ttl.is_some_and(|ttl| {
            let on = matches!(ttl.time_to_live_status, Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling));
            on && ttl.attribute_name() == Some(TTL)
        });
        let checks = [
            (table.table_status() == Some(&TableStatus::Active), "it is not active yet".to_owned()),
            (is_key(table.key_schema.as_deref(), "pk"), "its key is not pk alone".to_owned()),
            (has_sessions, format!("it has no index {SESSIONS_INDEX} on the attribute {SESSION_OF}")),
            (has_accounts, format!("it has no index {ACCOUNTS_INDEX} on the attributes {LIST_OF} and {LIST_KEY}")),
            (deletes, format!("it has no TTL on the attribute {TTL}, so that ended sessions are never deleted")),
        ];
        Ok(checks.into_iter().filter(|(holds, _)| !holds).map(|(_, problem)| problem).collect())
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::{AttributeDefinition, BillingMode, ScalarAttributeType};

    use super::*;
    use crate::{store::embedded, testing::Database};

    #[tokio::test]
    async fn the_table_that_is_created_here_has_no_problem() {
        let client = Database::new().client();
        embedded::create_table(&client, "table").await.unwrap();
        assert_eq!(Store::new(client, "table").schema_problems().await.unwrap(), [""; 0]);
    }

    #[tokio::test]
    async fn each_problem_of_a_table_is_listed_and_a_missing_table_is_503() {
        let client = Database::new().client();
        assert_eq!(Store::new(client.clone(), "table").schema_problems().await.unwrap_err().status_and_code().0, 503);
        let text = AttributeDefinition::builder().attribute_name("id").attribute_type(ScalarAttributeType::S);
        let key = KeySchemaElement::builder().attribute_name("id").key_type(KeyType::Hash);
        let create = client.create_table().table_name("table").billing_mode(BillingMode::PayPerRequest);
        let create = create.attribute_definitions(text.build().unwrap()).key_schema(key.build().unwrap());
        create.send().await.unwrap();
        let schema_problems = Store::new(client, "table").schema_problems().await.unwrap();
        assert_eq!(schema_problems.len(), 4, "{schema_problems:?}");
    }
}
