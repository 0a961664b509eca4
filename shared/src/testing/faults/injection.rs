//! Carries out each fault.

use std::future;

use aws_smithy_runtime_api::client::{
    http::HttpConnector,
    orchestrator::{HttpRequest, HttpResponse},
    result::ConnectorError,
};
use aws_smithy_types::body::SdkBody;
use dynoxide::Database;
use serde_json::{Value, json};
use tokio::time;

use super::Fault;
use crate::store::embedded::Embedded;

/// Answers a call with this fault.
pub async fn inject(
    embedded: Embedded,
    request: HttpRequest,
    fault: Option<Fault>,
) -> Result<HttpResponse, ConnectorError> {
    let reset = || Err(ConnectorError::io("connection reset by peer".into()));
    match fault {
        None => embedded.call(request).await,
        Some(Fault::Error(status, kind)) => answer(status, error(kind, "injected").to_string()),
        Some(Fault::Garbled(status, text)) => answer(status, text.to_owned()),
        Some(Fault::Reset) => reset(),
        Some(Fault::Hangs) => future::pending().await,
        Some(Fault::Slow(time)) => {
            let response = embedded.call(request).await;
            time::sleep(time).await;
            response
        }
        Some(Fault::AnswerLost) => embedded.call(request).await.and_then(|_| reset()),
        Some(Fault::AnswerHangs) => {
            let _ = embedded.call(request).await;
            future::pending().await
        }
        Some(Fault::AnswerCut) => {
            let response = embedded.call(request).await?;
            let text = response.body().bytes().unwrap_or_default();
            answer(response.status().as_u16(), String::from_utf8_lossy(&text[..text.len() / 2]).into_owned())
        }
        Some(Fault::Late(time)) => {
            tokio::spawn(async move {
                time::sleep(time).await;
                embedded.call(request).await
            });
            reset()
        }
        Some(Fault::Cancelled(reasons)) => answer(400, cancelled(&embedded, &request, &reasons)),
        Some(Fault::CancelledAt(at, reason)) => {
            let others = |position| if position == at { reason } else { "None" };
            let reasons: Vec<&str> = (0..writes(&request).len()).map(others).collect();
            answer(400, cancelled(&embedded, &request, &reasons))
        }
    }
}

fn answer(status: u16, text: String) -> Result<HttpResponse, ConnectorError> {
    let status = status.try_into().map_err(|error| ConnectorError::other(Box::new(error), None))?;
    let mut response = HttpResponse::new(status, SdkBody::from(text));
    response.headers_mut().insert("content-type", "application/x-amz-json-1.0");
    Ok(response)
}

fn error(kind: &str, message: &str) -> Value {
    json!({"__type": format!("com.amazonaws.dynamodb.v20120810#{kind}"), "message": message})
}

/// The cancellation as DynamoDB answers it. A failed condition comes with the stored record, if
/// any.
fn cancelled(embedded: &Embedded, request: &HttpRequest, reasons: &[&str]) -> String {
    let writes = writes(request);
    let entries = reasons.iter().enumerate().map(|(at, reason)| {
        let failed = writes.get(at).filter(|_| *reason == "ConditionalCheckFailed");
        let item = failed.and_then(|(table, key)| item(&embedded.database(), table, key));
        let mut entry = json!({"Code": reason});
        if *reason != "None" {
            entry["Message"] = json!(format!("{reason} of this item"));
        }
        if let Some(item) = item {
            entry["Item"] = item;
        }
        entry
    });
    let entries: Vec<Value> = entries.collect();
    let message = format!(
        "Transaction cancelled, please refer cancellation reasons for specific reasons [{}]",
        reasons.join(", ")
    );
    let mut error = error("TransactionCanceledException", &message);
    error["CancellationReasons"] = entries.into();
    error.to_string()
}

/// The table and the key of each write in a transaction; empty for other operations.
pub fn writes(request: &HttpRequest) -> Vec<(String, String)> {
    let body: Value = serde_json::from_slice(request.body().bytes().unwrap_or_default()).unwrap_or_default();
    let items = body["TransactItems"].as_array().cloned().unwrap_or_default();
    let writes = items.iter().filter_map(|item| item.as_object()?.values().next());
    let key = |write: &Value| write["Item"]["pk"]["S"].as_str().or(write["Key"]["pk"]["S"].as_str()).map(str::to_owned);
    writes.filter_map(|write| Some((write["TableName"].as_str()?.to_owned(), key(write)?))).collect()
}

fn item(database: &Database, table: &str, key: &str) -> Option<Value> {
    let request = json!({"TableName": table, "Key": {"pk": {"S": key}}, "ConsistentRead": true});
    let answer = database.get_item(serde_json::from_value(request).ok()?).ok()?;
    serde_json::to_value(answer).ok()?.get("Item").cloned()
}
