//! What befalls calls on their way to DynamoDB: a share of all of them, by a seed, or exactly those that are named.

mod befalling;

use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_dynamodb::config::{Builder, retry::RetryPartition};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::HttpRequest,
    runtime_components::RuntimeComponents,
};
use tokio::time;

use self::befalling::{befall, places};
use crate::store::embedded::Embedded;

/// What can befall a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Mishap {
    /// It is answered with an error of this status and type, and not carried out.
    Error(u16, &'static str),
    /// It is answered with this status and text, whatever it asked for, and not carried out.
    Garbled(u16, &'static str),
    /// It does not get through.
    Reset,
    /// It is neither carried out nor answered.
    Hangs,
    /// It is carried out at once and answered after this time.
    Slow(Duration),
    /// It is carried out, and the connection is reset before the answer.
    AnswerLost,
    /// It is carried out and never answered.
    AnswerHangs,
    /// It is carried out, and half of the answer comes.
    AnswerCut,
    /// The connection is reset at once, and yet it is carried out after this time.
    Late(Duration),
    /// A transaction is cancelled for these reasons, in their order. Another operation is let through.
    Cancelled(Vec<&'static str>),
    /// A transaction is cancelled for a reason at one of its places, counted from 0. One without that place is let through.
    CancelledAt(usize, &'static str),
}

/// Faults on the way to an embedded DynamoDB of its own. Cloning shares them.
#[derive(Clone)]
pub struct Faults {
    embedded: Embedded,
    is_patient: bool,
    plan: Arc<Mutex<Plan>>,
}

struct Plan {
    random: fastrand::Rng,
    /// Of all calls, from 0 to 1.
    share: f64,
    /// What befalls the next call of an operation.
    next: VecDeque<(String, Mishap)>,
    /// What befalls every call of an operation.
    every: BTreeMap<String, Mishap>,
    /// What befalls every call that nothing else befalls.
    all: Option<Mishap>,
    /// The longest that a call is under way, in microseconds each way.
    way_max: u64,
    befallen: usize,
    transaction: Vec<String>,
}

impl Faults {
    /// None for now. What is random comes from the seed, in the order of the calls.
    pub fn seeded(seed: u64) -> Self {
        let plan = Plan {
            random: fastrand::Rng::with_seed(seed),
            share: 0.0,
            next: VecDeque::new(),
            every: BTreeMap::new(),
            all: None,
            way_max: 0,
            befallen: 0,
            transaction: Vec::new(),
        };
        Self {
            embedded: Embedded::memory().expect("SQLite starts"),
            is_patient: false,
            plan: Arc::new(Mutex::new(plan)),
        }
    }

    /// With clients that wait however long it takes, for a test that asks for more at once than a machine can do in time.
    pub fn patient(self) -> Self {
        Self { is_patient: true, ..self }
    }

    /// From now on something befalls this share of all calls.
    pub fn share(&self, share: f64) {
        self.plan().share = share;
    }

    /// This befalls the next call of this operation. Several stand in line.
    pub fn next(&self, operation: &str, mishap: Mishap) {
        self.plan().next.push_back((operation.to_owned(), mishap));
    }

    /// From now on this befalls every call of this operation.
    pub fn every(&self, operation: &str, mishap: Mishap) {
        self.plan().every.insert(operation.to_owned(), mishap);
    }

    /// From now on this befalls every call.
    pub fn all(&self, mishap: Mishap) {
        self.plan().all = Some(mishap);
    }

    /// From now on each call is under way for up to this time, there and back, at random: calls made at once then meet in every
    /// order. It is no fault, and stays when faults end.
    pub fn way(&self, longest: Duration) {
        self.plan().way_max = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    }

    /// From now on nothing befalls any call.
    pub fn end(&self) {
        let mut plan = self.plan();
        (plan.share, plan.all) = (0.0, None);
        plan.next.clear();
        plan.every.clear();
    }

    /// How many calls something befell.
    pub fn befallen(&self) -> usize {
        self.plan().befallen
    }

    /// The keys of the records in the last transaction, in its order.
    pub fn transaction(&self) -> Vec<String> {
        self.plan().transaction.clone()
    }

    pub(super) fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    /// The SDK's configuration as it is on AWS, but for where the calls end.
    pub(super) fn client_config(&self) -> Builder {
        // The SDK shares what is left of its retries among all clients of a process that have no partition of their own.
        static PARTITIONS: AtomicUsize = AtomicUsize::new(0);
        let partition = format!("faults-{}", PARTITIONS.fetch_add(1, Ordering::Relaxed));
        let config = self.embedded.client_config().http_client(self.clone());
        let config = config.retry_config(crate::aws::retries()).retry_partition(RetryPartition::new(partition));
        if self.is_patient { config } else { config.timeout_config(crate::aws::timeouts()) }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// There, and back.
    fn ways(&mut self) -> [Duration; 2] {
        [(); 2].map(|()| Duration::from_micros(self.random.u64(0..=self.way_max)))
    }

    fn befalls(&mut self, operation: &str) -> Option<Mishap> {
        let waiting = self.next.iter().position(|(next, _)| next == operation);
        let scripted = waiting.and_then(|at| self.next.remove(at)).map(|(_, mishap)| mishap);
        let standing = scripted.or_else(|| self.every.get(operation).or(self.all.as_ref()).cloned());
        if standing.is_some() || self.random.f64() >= self.share { standing } else { Some(self.any(operation)) }
    }

    /// A seventh of them costs an attempt all its time.
    fn any(&mut self, operation: &str) -> Mishap {
        let milliseconds = Duration::from_millis(self.random.u64(10..100));
        match self.random.u8(0..28) {
            0..4 => Mishap::Error(400, "ProvisionedThroughputExceededException"),
            4..7 => Mishap::Error(400, "ThrottlingException"),
            7..10 => Mishap::Error(500, "InternalServerError"),
            10..12 => Mishap::Garbled(503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
            12..15 => Mishap::Reset,
            15..17 => Mishap::Slow(milliseconds),
            17..20 => Mishap::AnswerLost,
            20 => Mishap::AnswerHangs,
            21 => Mishap::Hangs,
            22 => Mishap::Slow(Duration::from_secs(2)),
            23 => Mishap::Garbled(200, "<html><body>Sign in to the network</body></html>"),
            24 => Mishap::AnswerCut,
            _ if operation != "TransactWriteItems" => Mishap::Reset,
            25 => Mishap::CancelledAt(0, "ThrottlingError"),
            26 => Mishap::CancelledAt(0, "ProvisionedThroughputExceeded"),
            _ => Mishap::CancelledAt(1, "TransactionConflict"),
        }
    }
}

impl HttpClient for Faults {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Faults {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        let mut plan = self.plan();
        let places = places(&request);
        let is_there = |mishap: &Mishap| match mishap {
            Mishap::Cancelled(_) => !places.is_empty(),
            Mishap::CancelledAt(at, _) => *at < places.len(),
            _ => true,
        };
        let mishap = plan.befalls(&operation).filter(is_there);
        if !places.is_empty() {
            plan.transaction = places.into_iter().map(|(_, key)| key).collect();
        }
        plan.befallen += usize::from(mishap.is_some());
        let ways = if plan.way_max == 0 { None } else { Some(plan.ways()) };
        drop(plan);
        let answer = befall(self.embedded.clone(), request, mishap);
        let Some([there, back]) = ways else { return HttpConnectorFuture::new(answer) };
        HttpConnectorFuture::new(async move {
            time::sleep(there).await;
            let answer = answer.await;
            time::sleep(back).await;
            answer
        })
    }
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Faults")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::embedded;

    async fn told(mishap: Mishap) -> (Result<(), String>, usize) {
        let faults = Faults::seeded(0);
        let client = aws_sdk_dynamodb::Client::from_conf(faults.client_config().build());
        embedded::create_table(&client, "table").await.unwrap();
        faults.every("PutItem", mishap);
        let key = aws_sdk_dynamodb::types::AttributeValue::S("key".to_owned());
        let sent = client.put_item().table_name("table").item("pk", key).send().await;
        let stored = client.scan().table_name("table").send().await.unwrap().count;
        (sent.map(drop).map_err(|error| crate::error::chain(&error)), usize::try_from(stored).unwrap())
    }

    #[tokio::test]
    async fn what_was_carried_out_is_there_whatever_became_of_the_answer() {
        let cases = [
            (Mishap::AnswerLost, 1),
            (Mishap::AnswerHangs, 1),
            (Mishap::AnswerCut, 1),
            (Mishap::Slow(Duration::from_secs(2)), 1),
            (Mishap::Error(500, "InternalServerError"), 0),
            (Mishap::Garbled(200, "<"), 0),
            (Mishap::Reset, 0),
            (Mishap::Hangs, 0),
        ];
        // Beside each other: some of them wait until the SDK gives up.
        let asked = cases.map(|(mishap, stored)| (mishap.clone(), stored, tokio::spawn(told(mishap))));
        for (mishap, expected, asked) in asked {
            let (answer, stored) = asked.await.unwrap();
            assert!(answer.is_err() && stored == expected, "{mishap:?}: {answer:?}, {stored}");
        }
        assert_eq!(told(Mishap::Slow(Duration::from_millis(1))).await, (Ok(()), 1));
    }
}
