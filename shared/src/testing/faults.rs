//! What befalls calls on their way to DynamoDB: a share of all of them, by a seed, or exactly those that are named.

mod injection;

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

use self::injection::{inject, writes};
use crate::embedded::Embedded;

/// What can befall a call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
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
    /// A transaction is cancelled for a reason at one of its writes, counted from 0. One without that place is let through.
    CancelledAt(usize, &'static str),
}

/// Faults on the way to an embedded DynamoDB of its own. Cloning shares them.
#[derive(Clone)]
pub struct Faults {
    embedded: Embedded,
    has_no_timeouts: bool,
    plan: Arc<Mutex<Plan>>,
}

struct Plan {
    rng: fastrand::Rng,
    /// Of all calls, from 0 to 1.
    rate: f64,
    /// What befalls the next call of an operation.
    next: VecDeque<(String, Fault)>,
    /// What befalls every call of an operation.
    every: BTreeMap<String, Fault>,
    /// What befalls every call that nothing else befalls.
    all: Option<Fault>,
    /// The longest that a call is under way, in microseconds each way.
    delay_max_us: u64,
    injected: usize,
    transaction: Vec<String>,
}

impl Faults {
    /// None for now. What is random comes from the seed, in the order of the calls.
    pub fn seeded(seed: u64) -> Self {
        let plan = Plan {
            rng: fastrand::Rng::with_seed(seed),
            rate: 0.0,
            next: VecDeque::new(),
            every: BTreeMap::new(),
            all: None,
            delay_max_us: 0,
            injected: 0,
            transaction: Vec::new(),
        };
        Self {
            embedded: Embedded::memory().expect("SQLite starts"),
            has_no_timeouts: false,
            plan: Arc::new(Mutex::new(plan)),
        }
    }

    /// With clients that wait however long it takes, for a test that asks for more at once than a machine can do in time.
    pub fn without_timeouts(self) -> Self {
        Self { has_no_timeouts: true, ..self }
    }

    /// From now on something befalls this share of all calls.
    pub fn inject_at_rate(&self, rate: f64) {
        self.plan().rate = rate;
    }

    /// This befalls the next call of this operation. Several stand in line.
    pub fn inject_next(&self, operation: &str, fault: Fault) {
        self.plan().next.push_back((operation.to_owned(), fault));
    }

    /// From now on this befalls every call of this operation.
    pub fn inject_every(&self, operation: &str, fault: Fault) {
        self.plan().every.insert(operation.to_owned(), fault);
    }

    /// From now on this befalls every call.
    pub fn inject_all(&self, fault: Fault) {
        self.plan().all = Some(fault);
    }

    /// From now on each call is under way for up to this time, there and back, at random: calls made at once then meet in every
    /// order. It is no fault, and stays when faults end.
    pub fn delay_up_to(&self, longest: Duration) {
        self.plan().delay_max_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    }

    /// From now on nothing befalls any call.
    pub fn clear(&self) {
        let mut plan = self.plan();
        (plan.rate, plan.all) = (0.0, None);
        plan.next.clear();
        plan.every.clear();
    }

    /// How many calls something befell.
    pub fn injected(&self) -> usize {
        self.plan().injected
    }

    /// The keys of the records in the last transaction, in its order.
    pub fn last_transaction(&self) -> Vec<String> {
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
        if self.has_no_timeouts { config } else { config.timeout_config(crate::aws::timeouts()) }
    }

    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Plan {
    /// There, and back.
    fn delays(&mut self) -> [Duration; 2] {
        [(); 2].map(|()| Duration::from_micros(self.rng.u64(0..=self.delay_max_us)))
    }

    fn fault_for(&mut self, operation: &str) -> Option<Fault> {
        let waiting = self.next.iter().position(|(next, _)| next == operation);
        let scripted = waiting.and_then(|at| self.next.remove(at)).map(|(_, fault)| fault);
        let standing = scripted.or_else(|| self.every.get(operation).or(self.all.as_ref()).cloned());
        if standing.is_some() || self.rng.f64() >= self.rate { standing } else { Some(self.random_fault(operation)) }
    }

    /// A seventh of them costs an attempt all its time.
    fn random_fault(&mut self, operation: &str) -> Fault {
        let milliseconds = Duration::from_millis(self.rng.u64(10..100));
        match self.rng.u8(0..28) {
            0..4 => Fault::Error(400, "ProvisionedThroughputExceededException"),
            4..7 => Fault::Error(400, "ThrottlingException"),
            7..10 => Fault::Error(500, "InternalServerError"),
            10..12 => Fault::Garbled(503, "<html><body><h1>503 Service Unavailable</h1></body></html>"),
            12..15 => Fault::Reset,
            15..17 => Fault::Slow(milliseconds),
            17..20 => Fault::AnswerLost,
            20 => Fault::AnswerHangs,
            21 => Fault::Hangs,
            22 => Fault::Slow(Duration::from_secs(2)),
            23 => Fault::Garbled(200, "<html><body>Sign in to the network</body></html>"),
            24 => Fault::AnswerCut,
            _ if operation != "TransactWriteItems" => Fault::Reset,
            25 => Fault::CancelledAt(0, "ThrottlingError"),
            26 => Fault::CancelledAt(0, "ProvisionedThroughputExceeded"),
            _ => Fault::CancelledAt(1, "TransactionConflict"),
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
        let writes = writes(&request);
        let is_there = |fault: &Fault| match fault {
            Fault::Cancelled(_) => !writes.is_empty(),
            Fault::CancelledAt(at, _) => *at < writes.len(),
            _ => true,
        };
        let fault = plan.fault_for(&operation).filter(is_there);
        if !writes.is_empty() {
            plan.transaction = writes.into_iter().map(|(_, key)| key).collect();
        }
        plan.injected += usize::from(fault.is_some());
        let delays = if plan.delay_max_us == 0 { None } else { Some(plan.delays()) };
        drop(plan);
        let answer = inject(self.embedded.clone(), request, fault);
        let Some([there, back]) = delays else { return HttpConnectorFuture::new(answer) };
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

    async fn told(fault: Fault) -> (Result<(), String>, usize) {
        let faults = Faults::seeded(0);
        let client = aws_sdk_dynamodb::Client::from_conf(faults.client_config().build());
        embedded::create_table(&client, "table").await.unwrap();
        faults.inject_every("PutItem", fault);
        let key = aws_sdk_dynamodb::types::AttributeValue::S("key".to_owned());
        let sent = client.put_item().table_name("table").item("pk", key).send().await;
        let stored = client.scan().table_name("table").send().await.unwrap().count;
        (sent.map(drop).map_err(|error| crate::error::chain(&error)), usize::try_from(stored).unwrap())
    }

    #[tokio::test]
    async fn what_was_carried_out_is_there_whatever_became_of_the_answer() {
        let cases = [
            (Fault::AnswerLost, 1),
            (Fault::AnswerHangs, 1),
            (Fault::AnswerCut, 1),
            (Fault::Slow(Duration::from_secs(2)), 1),
            (Fault::Error(500, "InternalServerError"), 0),
            (Fault::Garbled(200, "<"), 0),
            (Fault::Reset, 0),
            (Fault::Hangs, 0),
        ];
        // Beside each other: some of them wait until the SDK gives up.
        let asked = cases.map(|(fault, stored)| (fault.clone(), stored, tokio::spawn(told(fault))));
        for (fault, expected, asked) in asked {
            let (answer, stored) = asked.await.unwrap();
            assert!(answer.is_err() && stored == expected, "{fault:?}: {answer:?}, {stored}");
        }
        assert_eq!(told(Fault::Slow(Duration::from_millis(1))).await, (Ok(()), 1));
    }
}
