//! Reads and writes the records of a server's table directly.

use std::collections::HashMap;

use aws_sdk_dynamodb::{
    Client,
    types::{AttributeValue, PutRequest, WriteRequest},
};

/// The name of the table.
pub const TABLE: &str = "latchkey";
/// The limit of one BatchWriteItem.
const WRITE_BATCH_MAX: usize = 25;

/// A record of the table.
pub type Item = HashMap<String, AttributeValue>;

/// Reads the record with this key.
pub async fn get(table: &Client, key: &str) -> Option<Item> {
    let read = table.get_item().table_name(TABLE).key("pk", text(key)).consistent_read(true);
    read.send().await.expect("the table answers").item
}

/// Writes these records.
pub async fn put(table: &Client, items: Vec<Item>) {
    for batch in items.chunks(WRITE_BATCH_MAX) {
        let requests = batch.iter().map(|item| {
            let put = PutRequest::builder().set_item(Some(item.clone())).build().expect("a request");
            WriteRequest::builder().put_request(put).build()
        });
        let write = table.batch_write_item().request_items(TABLE, requests.collect());
        write.send().await.expect("the table answers");
    }
}

/// Reads every record, by key.
pub async fn scan(table: &Client) -> HashMap<String, Item> {
    let pages = table.scan().table_name(TABLE).consistent_read(true).into_paginator().items().send();
    let items: Result<Vec<Item>, _> = pages.collect().await;
    items.expect("the table answers").into_iter().map(|item| (text_of(&item, "pk"), item)).collect()
}

/// A string attribute.
pub fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

/// A string attribute of a record; empty if the attribute is missing.
pub fn text_of(item: &Item, name: &str) -> String {
    item.get(name).and_then(|value| value.as_s().ok()).cloned().unwrap_or_default()
}
