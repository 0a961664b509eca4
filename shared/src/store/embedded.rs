//! DynamoDB inside this process.
//!
//! The AWS SDK's calls go to `dynoxide` without a socket. The store's code is therefore the code
//! that runs on AWS, and no other program on the machine reaches the table.

use std::{collections::HashMap, path::Path, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
    types::{
        AttributeDefinition, BillingMode, CreateGlobalSecondaryIndexAction, GlobalSecondaryIndex,
        GlobalSecondaryIndexUpdate, KeySchemaElement, KeyType, Projection, ProjectionType, ScalarAttributeType,
        TimeToLiveSpecification,
    },
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
    runtime_components::RuntimeComponents,
};
use aws_smithy_runtime_api::http::HttpError;
use aws_smithy_types::body::SdkBody;
use dynoxide::{Database, DynoxideError};
use serde::{Serialize, de::DeserializeOwned};
use tokio::time;

use crate::{
    error::{Error, chain},
    store::{ACCOUNTS_INDEX, Item, LIST_KEY, LIST_OF, SESSION_OF, SESSIONS_INDEX, Store, TTL, number, text},
    time::Timestamp,
};

/// The time between two sweeps. DynamoDB itself promises no more than a few days
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>). The shortest
/// record, a count of failures, lives for a quarter of an hour.
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);
/// The records that a sweep reads at a time. Calls of this process wait no longer than for those.
const SWEPT_AT_A_TIME: i32 = 100;
/// The pause of a sweep after each read, so that a sweep leaves the processor to the requests.
const SWEEP_PAUSE: Duration = Duration::from_millis(10);
/// The kinds of records that have no TTL and are as many as the accounts. A sweep passes over them.
const NEVER_SWEPT: [&str; 3] = ["LOGIN#", "PROFILE#", "USER#"];

/// An embedded DynamoDB. Clones share one database.
#[derive(Clone)]
pub struct Embedded {
    database: Database,
}

impl Embedded {
    /// Opens a database in memory.
    ///
    /// # Errors
    ///
    /// SQLite does not start.
    pub fn memory() -> Result<Self, Error> {
        Database::memory().map(Self::new).map_err(Error::internal)
    }

    /// Opens a database in a file, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// The file cannot be opened as a database.
    pub fn file(path: &Path) -> Result<Self, Error> {
        Database::new(&path.to_string_lossy()).map(Self::new).map_err(Error::internal)
    }

    fn new(database: Database) -> Self {
        Self { database }
    }

    /// The database itself, for a server that offers it to other programs.
    pub fn database(&self) -> Database {
        self.database.clone()
    }

    /// Writes a copy of this database, as of one moment, to a new file. Calls of this process wait
    /// meanwhile; other processes go on reading and writing.
    ///
    /// # Errors
    ///
    /// The file exists or cannot be written, or the database is damaged.
    pub fn copy_to(&self, path: &Path) -> Result<(), Error> {
        self.database.vacuum_into(&path.to_string_lossy()).map_err(Error::internal)
    }

    /// Whether the database has a table of this name, of this version or of an earlier one.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn has_table(&self, name: &str) -> Result<bool, Error> {
        self.database.get_table_metadata(name).map(|found| found.is_some()).map_err(Error::internal)
    }

    /// Makes the table of this name ready for the store. Creates it, or adds the index of accounts
    /// to a table from before there was one. Reads the description of the table and none of its
    /// records, so that a start takes the same time with any number of accounts. (`DescribeTable`
    /// of this DynamoDB counts every record of the table and of its indexes.)
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub async fn prepare_table(&self, name: &str) -> Result<(), Error> {
        let Some(table) = self.database.get_table_metadata(name).map_err(Error::internal)? else {
            return create_table(&self.client(), name).await;
        };
        let indexes = table.gsi_definitions.as_deref().unwrap_or("[]");
        let indexes: Vec<dynoxide::types::GlobalSecondaryIndex> =
            serde_json::from_str(indexes).map_err(Error::internal)?;
        if indexes.iter().any(|index| index.index_name == ACCOUNTS_INDEX) {
            return Ok(());
        }
        add_accounts_index(&self.client(), name).await
    }

    /// The store over the table of this name.
    pub fn store(&self, name: &str) -> Store {
        Self::store_by(self.client(), name)
    }

    /// The store over the table of this name, through a client whose calls end in an embedded
    /// DynamoDB.
    pub fn store_by(client: Client, name: &str) -> Store {
        Store { scans_by_key: true, ..Store::new(client, name) }
    }

    /// Deletes the records of a table that have outlived their TTL, as DynamoDB does by itself.
    /// Reads a part of the table at a time, with a pause in between, and passes over the records of
    /// accounts. A record that is renewed meanwhile stays.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub async fn sweep(&self, table: &str, now: Timestamp) -> Result<Swept, Error> {
        let client = self.client();
        let expired = HashMap::from([(":now".to_owned(), number(now.seconds()))]);
        let scan = client.scan().table_name(table).limit(SWEPT_AT_A_TIME).projection_expression("pk");
        let scan = scan.filter_expression("#ttl < :now").expression_attribute_names("#ttl", TTL);
        let scan = scan.set_expression_attribute_values(Some(expired.clone()));
        let (mut swept, mut from) = (Swept::default(), None);
        loop {
            let page = scan.clone().set_exclusive_start_key(from.take()).send().await;
            let page = page.map_err(|error| Error::internal(chain(&error)))?;
            swept.read += usize::try_from(page.scanned_count).unwrap_or_default();
            for record in page.items.unwrap_or_default() {
                let delete = client.delete_item().table_name(table).set_key(Some(record));
                let delete = delete.condition_expression("#ttl < :now").expression_attribute_names("#ttl", TTL);
                match delete.set_expression_attribute_values(Some(expired.clone())).send().await {
                    Ok(_) => swept.deleted += 1,
                    Err(error)
                        if error
                            .as_service_error()
                            .is_some_and(|error| error.is_conditional_check_failed_exception()) => {}
                    Err(error) => return Err(Error::internal(chain(&error))),
                }
            }
            match page.last_evaluated_key {
                Some(key) if !key.is_empty() => from = Some(behind_accounts(key)),
                _ => return Ok(swept),
            }
            time::sleep(SWEEP_PAUSE).await;
        }
    }

    /// Sweeps now and every ten minutes, until the future is dropped. A failure is logged, and the
    /// next sweep tries again.
    pub async fn sweep_regularly(self, table: String, now: impl Fn() -> Timestamp) {
        let mut moments = time::interval(SWEEP_EVERY);
        moments.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        loop {
            moments.tick().await;
            match self.sweep(&table, now()).await {
                Ok(Swept { deleted: 0, .. }) => {}
                Ok(Swept { deleted, .. }) => tracing::info!(records = deleted, "expired records are deleted"),
                Err(error) => tracing::error!(cause = error.cause(), "expired records cannot be deleted"),
            }
        }
    }

    /// A client whose calls end here.
    pub fn client(&self) -> Client {
        Client::from_conf(self.client_config().build())
    }

    /// The SDK's configuration for a client whose calls end here.
    pub fn client_config(&self) -> aws_sdk_dynamodb::config::Builder {
        aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::from_static("local"))
            // The SDK signs its calls, although nobody checks them here.
            .credentials_provider(Credentials::new("embedded", "embedded", None, None, "embedded"))
            .http_client(self.clone())
    }
}

/// The work of a sweep.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The records that were read.
    pub read: usize,
    /// The expired records, which are deleted.
    pub deleted: usize,
}

/// The place at which a sweep goes on behind `key`. Scans of this DynamoDB are in the order of
/// keys.
fn behind_accounts(mut key: Item) -> Item {
    let kind = key.get("pk").and_then(|key| key.as_s().ok()).and_then(|key| {
        let kind = NEVER_SWEPT.iter().find(|kind| key.starts_with(**kind))?;
        Some(format!("{kind}\u{10ffff}"))
    });
    key.extend(kind.map(|last| ("pk".to_owned(), text(last))));
    key
}

/// Creates the table as `template.yaml` does on AWS, unless the table exists.
///
/// # Errors
///
/// DynamoDB refuses.
pub async fn create_table(client: &Client, name: &str) -> Result<(), Error> {
    let sessions =
        GlobalSecondaryIndex::builder().index_name(SESSIONS_INDEX).key_schema(key(SESSION_OF, KeyType::Hash)?);
    let accounts = GlobalSecondaryIndex::builder().index_name(ACCOUNTS_INDEX).set_key_schema(Some(accounts_key()?));
    let created = client
        .create_table()
        .table_name(name)
        .set_attribute_definitions(Some(texts(&["pk", SESSION_OF, LIST_OF, LIST_KEY])?))
        .key_schema(key("pk", KeyType::Hash)?)
        .global_secondary_indexes(sessions.projection(keys_only()).build().map_err(Error::internal)?)
        .global_secondary_indexes(accounts.projection(keys_only()).build().map_err(Error::internal)?)
        .billing_mode(BillingMode::PayPerRequest)
        .send()
        .await;
    match created {
        Ok(_) => {}
        Err(error) if error.as_service_error().is_some_and(|error| error.is_resource_in_use_exception()) => {
            return Ok(());
        }
        Err(error) => return Err(Error::internal(chain(&error))),
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build().map_err(Error::internal)?;
    let set = client.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await;
    set.map(drop).map_err(|error| Error::internal(chain(&error)))
}

/// Adds the index of accounts to a table that was made before there was one.
async fn add_accounts_index(client: &Client, name: &str) -> Result<(), Error> {
    let create = CreateGlobalSecondaryIndexAction::builder().index_name(ACCOUNTS_INDEX).projection(keys_only());
    let create = create.set_key_schema(Some(accounts_key()?)).build().map_err(Error::internal)?;
    let update = client
        .update_table()
        .table_name(name)
        .set_attribute_definitions(Some(texts(&["pk", SESSION_OF, LIST_OF, LIST_KEY])?))
        .global_secondary_index_updates(GlobalSecondaryIndexUpdate::builder().create(create).build());
    update.send().await.map(drop).map_err(|error| Error::internal(chain(&error)))
}

fn texts(names: &[&str]) -> Result<Vec<AttributeDefinition>, Error> {
    let text = |name: &&str| {
        AttributeDefinition::builder().attribute_name(*name).attribute_type(ScalarAttributeType::S).build()
    };
    names.iter().map(text).collect::<Result<_, _>>().map_err(Error::internal)
}

fn key(name: &str, kind: KeyType) -> Result<KeySchemaElement, Error> {
    KeySchemaElement::builder().attribute_name(name).key_type(kind).build().map_err(Error::internal)
}

fn accounts_key() -> Result<Vec<KeySchemaElement>, Error> {
    Ok(vec![key(LIST_OF, KeyType::Hash)?, key(LIST_KEY, KeyType::Range)?])
}

fn keys_only() -> Projection {
    Projection::builder().projection_type(ProjectionType::KeysOnly).build()
}

impl HttpClient for Embedded {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Embedded {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        HttpConnectorFuture::ready(self.answer(&request).map_err(|error| ConnectorError::other(error.into(), None)))
    }
}

impl Embedded {
    fn answer(&self, request: &HttpRequest) -> Result<HttpResponse, HttpError> {
        let operation = request.headers().get("x-amz-target").and_then(|target| target.rsplit('.').next());
        let (status, answer) = match self.run(operation.unwrap_or_default(), request.body().bytes().unwrap_or_default())
        {
            Ok(answer) => (200, answer),
            Err(error) => (error.status_code(), error.to_json()),
        };
        let mut response = HttpResponse::new(status.try_into()?, SdkBody::from(answer));
        response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
        Ok(response)
    }

    /// Runs one call of the DynamoDB API. It knows the operations of the store, of [`create_table`]
    /// and of the tests.
    fn run(&self, operation: &str, body: &[u8]) -> Result<String, DynoxideError> {
        let database = &self.database;
        match operation {
            "BatchGetItem" => call(body, |request| database.batch_get_item(request)),
            "BatchWriteItem" => call(body, |request| database.batch_write_item(request)),
            "CreateTable" => call(body, |request| database.create_table(request)),
            "DeleteItem" => call(body, |request| database.delete_item(request)),
            "DescribeTable" => call(body, |request| database.describe_table(request)),
            "DescribeTimeToLive" => call(body, |request| database.describe_time_to_live(request)),
            "DeleteTable" => call(body, |request| database.delete_table(request)),
            "PutItem" => call(body, |request| database.put_item(request)),
            "Query" => call(body, |request| database.query(request)),
            "Scan" => call(body, |request| database.scan(request)),
            "UpdateTimeToLive" => call(body, |request| database.update_time_to_live(request)),
            "TransactWriteItems" => call(body, |request| database.transact_write_items(request)),
            "UpdateItem" => call(body, |request| database.update_item(request)),
            "UpdateTable" => call(body, |request| database.update_table(request)),
            _ => Err(DynoxideError::ValidationException(format!("the embedded DynamoDB has no operation {operation}"))),
        }
    }
}

fn call<Q: DeserializeOwned, A: Serialize>(
    body: &[u8],
    run: impl FnOnce(Q) -> Result<A, DynoxideError>,
) -> Result<String, DynoxideError> {
    let fault = |error: serde_json::Error| DynoxideError::SerializationException(error.to_string());
    let answer = run(serde_json::from_slice(body).map_err(fault)?)?;
    serde_json::to_string(&answer).map_err(fault)
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Embedded")
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::AttributeValue;

    use super::*;

    /// The keys that are in the table.
    async fn keys(client: &Client) -> Vec<String> {
        let items = client.scan().table_name("table").send().await.unwrap().items.unwrap_or_default();
        let mut keys: Vec<String> = items.iter().map(|item| item["pk"].as_s().unwrap().clone()).collect();
        keys.sort();
        keys
    }

    async fn put(client: &Client, key: &str, expiry_seconds: Option<i64>) {
        let put = client.put_item().table_name("table").item("pk", AttributeValue::S(key.to_owned()));
        let ttl = expiry_seconds.map(|seconds| AttributeValue::N(seconds.to_string()));
        ttl.into_iter().fold(put, |put, ttl| put.item(TTL, ttl)).send().await.unwrap();
    }

    const NOW: Timestamp = Timestamp::from_seconds(1_000_000);

    #[tokio::test(start_paused = true)]
    async fn expired_records_are_deleted_while_the_server_runs_and_all_others_stay() {
        let embedded = Embedded::memory().unwrap();
        let client = embedded.client();
        create_table(&client, "table").await.unwrap();
        put(&client, "SESSION#from-before-the-start", Some(1)).await;
        let sweeps = tokio::spawn(embedded.sweep_regularly("table".to_owned(), || NOW));
        time::sleep(Duration::from_secs(1)).await;
        assert_eq!(keys(&client).await, [""; 0]);
        for round in 0..3 {
            for number in 0..60 {
                put(&client, &format!("SESSION#{round}-{number}"), Some(999_999)).await;
            }
            put(&client, "SESSION#live", Some(1_000_000)).await;
            put(&client, "USER#a", None).await;
            time::sleep(SWEEP_EVERY - Duration::from_secs(2)).await;
            assert_eq!(keys(&client).await.len(), 62, "the moment has not come");
            time::sleep(Duration::from_secs(2)).await;
            assert_eq!(keys(&client).await, ["SESSION#live", "USER#a"], "round {round}");
        }
        sweeps.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_sweep_reads_no_accounts_and_every_other_record() {
        let embedded = Embedded::memory().unwrap();
        let client = embedded.client();
        create_table(&client, "table").await.unwrap();
        for kind in ["LOGIN#", "PROFILE#", "USER#"] {
            for number in 0..350 {
                put(&client, &format!("{kind}{number}"), None).await;
            }
        }
        let expiring =
            ["IDEMPOTENCY#", "LIMIT#", "MAIL#", "NULL#", "PROOF#", "SESSION#", "SUPPRESSED#", "A KIND TO COME"];
        for number in 0..150 {
            for kind in expiring {
                put(&client, &format!("{kind}{number}"), Some(1)).await;
            }
        }
        put(&client, "ZEBRA", Some(1)).await;
        let swept = embedded.sweep("table", NOW).await.unwrap();
        let expired = 150 * expiring.len() + 1;
        assert_eq!(swept.deleted, expired);
        // A read meets the first accounts of a kind before the sweep knows where it is.
        assert!(swept.read <= expired + 3 * 100, "{swept:?}");
        assert_eq!(keys(&client).await.len(), 3 * 350);
    }

    #[tokio::test]
    async fn a_table_is_made_once_and_gets_the_index_of_accounts_if_it_lacks_it() {
        let embedded = Embedded::memory().unwrap();
        let indexes = async || {
            let described = embedded.client().describe_table().table_name("table").send().await.unwrap().table.unwrap();
            let indexes = described.global_secondary_indexes.unwrap_or_default().into_iter();
            let mut names: Vec<String> = indexes.filter_map(|index| index.index_name).collect();
            names.sort();
            names
        };
        let of_old = embedded.client().create_table().table_name("table").billing_mode(BillingMode::PayPerRequest);
        let of_old = of_old.set_attribute_definitions(Some(texts(&["pk"]).unwrap()));
        of_old.key_schema(key("pk", KeyType::Hash).unwrap()).send().await.unwrap();
        assert_eq!(indexes().await, [""; 0]);
        embedded.prepare_table("table").await.unwrap();
        assert_eq!(indexes().await, [ACCOUNTS_INDEX]);
        put(&embedded.client(), "USER#a", None).await;
        embedded.prepare_table("table").await.unwrap();
        assert_eq!(keys(&embedded.client()).await, ["USER#a"]);

        embedded.prepare_table("another").await.unwrap();
        let problems = embedded.store("another").schema_problems().await.unwrap();
        assert_eq!(problems, [""; 0]);
    }
}
