//! A batch of requests that are sent at the same time, and their answers.

use std::{fmt, sync::Arc};

use serde_json::Value;
use shared::testing::{Answer, Service};
use tokio::{sync::Barrier, task::JoinSet};

use crate::{invariants, requests::Request};

/// The answers, in the order of the requests.
pub struct Batch(Vec<Answer>);

impl Batch {
    /// Sends all requests at the same time.
    pub async fn send(service: &Arc<Service>, requests: Vec<Request>) -> Self {
        let gate = Arc::new(Barrier::new(requests.len().max(1)));
        let mut tasks = JoinSet::new();
        for (number, request) in requests.into_iter().enumerate() {
            let (service, gate) = (service.clone(), gate.clone());
            tasks.spawn(async move {
                gate.wait().await;
                (number, request.send(&service).await)
            });
        }
        let mut answers = tasks.join_all().await;
        answers.sort_by_key(|(number, _)| *number);
        Self(answers.into_iter().map(|(_, answer)| answer).collect())
    }

    /// Sends the rounds one after the other, each as [`Batch::send`] does.
    pub async fn send_rounds(service: &Arc<Service>, rounds: Vec<Vec<Request>>) -> Self {
        let mut answers = Vec::new();
        for requests in rounds {
            answers.extend(Self::send(service, requests).await.0);
        }
        Self(answers)
    }

    /// The number of answers with this status.
    pub fn count(&self, status: u16) -> usize {
        self.0.iter().filter(|answer| answer.status == status).count()
    }

    /// The number of answers with this status and code.
    pub fn count_code(&self, status: u16, code: &str) -> usize {
        self.0.iter().filter(|answer| answer.status == status && answer.body["code"] == code).count()
    }

    /// The bodies of the answers with this status.
    pub fn answers(&self, status: u16) -> impl Iterator<Item = &Value> {
        self.0.iter().filter(move |answer| answer.status == status).map(|answer| &answer.body)
    }

    /// Whether every answer fits the contract. A temporary conflict needs a Retry-After.
    pub fn passed(&self) -> bool {
        self.0.iter().all(|answer| {
            let is_temporary = answer.body["code"] == "refresh_conflict";
            invariants::violation(answer).is_none() && (!is_temporary || !answer.header("retry-after").is_empty())
        })
    }
}

impl fmt::Display for Batch {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut counts = std::collections::BTreeMap::<(u16, &str), usize>::new();
        for answer in &self.0 {
            *counts.entry((answer.status.as_u16(), answer.body["code"].as_str().unwrap_or_default())).or_default() += 1;
        }
        let counts: Vec<String> = counts
            .iter()
            .map(|((status, code), count)| format!("{count} × {status} {code}").trim_end().to_owned())
            .collect();
        formatter.write_str(&counts.join(", "))
    }
}
