//! DynamoDB inside this process.
//!
//! The AWS SDK's calls go to `dynoxide` without a socket. The store's code is therefore the code
//! that runs on AWS, and no other program on the machine reaches the table.

use std::{path::Path, time::Duration};

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
use tokio::{task, time};

use crate::{
    error::{Error, chain},
    store::{ACCOUNTS_INDEX, LIST_KEY, LIST_OF, SESSION_OF, SESSIONS_INDEX, TTL},
};

/// The time between two sweeps. DynamoDB itself promises no more than a few days
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html>). The shortest
/// record, a count of failures, lives for a quarter of an hour.
const SWEEP_EVERY: Duration = Duration::from_secs(10 * 60);

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

    /// Deletes the records that have outlived their TTL, as DynamoDB does by itself. Returns their
    /// number.
    ///
    /// # Errors
    ///
    /// SQLite fails.
    pub fn sweep(&self) -> Result<usize, Error> {
        self.database.sweep_ttl().map_err(Error::internal)
    }

    /// Sweeps every ten minutes, until the future is dropped. Dynoxide reads 25 records at a time,
    /// and lets waiting calls go first in between. A sweep reads no more records than there were at
    /// its beginning. A failure is logged, and the next sweep tries again.
    pub async fn sweep_regularly(self) {
        let mut moments = time::interval(SWEEP_EVERY);
        moments.set_missed_tick_behavior(time::MissedTickBehavior::Delay);
        // The first moment is now, and the start has swept already.
        moments.tick().await;
        loop {
            moments.tick().await;
            let embedded = self.clone();
            match task::spawn_blocking(move || embedded.sweep()).await {
                Ok(Ok(0)) => {}
                Ok(Ok(records)) => tracing::info!(records, "expired records are deleted"),
                Ok(Err(error)) => tracing::error!(cause = error.cause(), "expired records cannot be deleted"),
                Err(error) => tracing::error!(cause = %error, "expired records cannot be deleted"),
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

/// Creates the table as `template.yaml` does on AWS, unless the table exists. A table from before
/// the index of accounts gets that index.
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
            return add_accounts_index(client, name).await;
        }
        Err(error) => return Err(Error::internal(chain(&error))),
    }
    let ttl = TimeToLiveSpecification::builder().enabled(true).attribute_name(TTL).build().map_err(Error::internal)?;
    let set = client.update_time_to_live().table_name(name).time_to_live_specification(ttl).send().await;
    set.map(drop).map_err(|error| Error::internal(chain(&error)))
}

/// Adds the index of accounts to a table that was made before there was one.
async fn add_accounts_index(client: &Client, name: &str) -> Result<(), Error> {
    let described = client.describe_table().table_name(name).send().await;
    let table = described.map_err(|error| Error::internal(chain(&error)))?.table;
    let indexes = table.as_ref().map(|table| table.global_secondary_indexes()).unwrap_or_default();
    if indexes.iter().any(|index| index.index_name() == Some(ACCOUNTS_INDEX)) {
        return Ok(());
    }
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

    #[tokio::test(start_paused = true)]
    async fn expired_records_are_deleted_while_the_server_runs_and_all_others_stay() {
        let embedded = Embedded::memory().unwrap();
        let client = embedded.client();
        create_table(&client, "table").await.unwrap();
        let sweeps = tokio::spawn(embedded.sweep_regularly());
        time::sleep(Duration::from_secs(1)).await;
        for round in 0..3 {
            for number in 0..60 {
                put(&client, &format!("SESSION#{round}-{number}"), Some(1)).await;
            }
            put(&client, "SESSION#live", Some(i64::from(u32::MAX))).await;
            put(&client, "USER#a", None).await;
            time::sleep(SWEEP_EVERY - Duration::from_secs(2)).await;
            assert_eq!(keys(&client).await.len(), 62, "the moment has not come");
            time::sleep(Duration::from_secs(2)).await;
            assert_eq!(keys(&client).await, ["SESSION#live", "USER#a"], "round {round}");
        }
        sweeps.abort();
    }
}
