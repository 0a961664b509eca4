//! Fault injection for DynamoDB calls, at a seeded rate or for named operations.

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
use crate::store::embedded::Embedded;

/// A fault of one call.
#[derive(Clone, Debug, PartialEq)]
pub enum Fault {
    /// An error with this status and type. The call is not applied.
    Error(u16, &'static str),
    /// An answer with this status and text. The call is not applied.
    Garbled(u16, &'static str),
    /// The connection is reset before the call arrives.
    Reset,
    /// The call is neither applied nor answered.
    Hangs,
    /// The call is applied at once and answered after this time.
    Slow(Duration),
    /// The call is applied, and the connection is reset before the answer.
    AnswerLost,
    /// The call is applied and never answered.
    AnswerHangs,
    /// The call is applied, and the answer ends in the middle.
    AnswerCut,
    /// The connection is reset at once, and the call is applied after this time.
    Late(Duration),
    /// A transaction is cancelled with these reasons, in this order. Other operations pass.
    Cancelled(Vec<&'static str>),
    /// A transaction is cancelled with a reason at one position, counted from 0. A transaction
    /// without this position passes.
    CancelledAt(usize, &'static str),
}

/// Faults between a client and an embedded DynamoDB of its own. Clones share the faults.
#[derive(Clone)]
pub struct Faults {
    embedded: Embedded,
    has_no_timeouts: bool,
    plan: Arc<Mutex<Plan>>,
}

struct Plan {
    rng: fastrand::Rng,
    /// The rate of faults among all calls, from 0 to 1.
    rate: f64,
    /// Faults for the next calls of an operation, in order.
    next: VecDeque<(String, Fault)>,
    /// Faults for every call of an operation.
    every: BTreeMap<String, Fault>,
    /// A fault for every call without another fault.
    all: Option<Fault>,
    /// The longest network delay, in microseconds each way.
    delay_max_us: u64,
    injected: usize,
    transaction: Vec<String>,
}

impl Faults {
    /// Begins without faults. Randomness comes from the seed, in the order of the calls.
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

    /// Turns timeouts off, for tests with more concurrent requests than a machine can serve in
    /// time.
    pub fn without_timeouts(self) -> Self {
        Self { has_no_timeouts: true, ..self }
    }

    /// Injects a random fault into this share of all calls, from now on.
    pub fn inject_at_rate(&self, rate: f64) {
        self.plan().rate = rate;
    }

    /// Injects a fault into the next call of this operation. Several faults wait in order.
    pub fn inject_next(&self, operation: &str, fault: Fault) {
        self.plan().next.push_back((operation.to_owned(), fault));
    }

    /// Injects a fault into every call of this operation, from now on.
    pub fn inject_every(&self, operation: &str, fault: Fault) {
        self.plan().every.insert(operation.to_owned(), fault);
    }

    /// Injects a fault into every call, from now on.
    pub fn inject_all(&self, fault: Fault) {
        self.plan().all = Some(fault);
    }

    /// Delays every call and every answer by a random time up to this, from now on.
    ///
    /// Concurrent calls then interleave in any order. A delay is not a fault: [`Faults::clear`]
    /// keeps it.
    pub fn delay_up_to(&self, longest: Duration) {
        self.plan().delay_max_us = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    }

    /// Ends all faults.
    pub fn clear(&self) {
        let mut plan = self.plan();
        (plan.rate, plan.all) = (0.0, None);
        plan.next.clear();
        plan.every.clear();
    }

    /// The number of calls with a fault.
    pub fn injected(&self) -> usize {
        self.plan().injected
    }

    /// The keys of the records in the last transaction, in order.
    pub fn last_transaction(&self) -> Vec<String> {
        self.plan().transaction.clone()
    }

    /// The database behind the faults.
    pub fn embedded(&self) -> &Embedded {
        &self.embedded
    }

    /// The configuration of the SDK as on AWS, with calls that end in this process.
    pub(super) fn client_config(&self) -> Builder {
        // Without a partition of their own, all clients of a process share one budget of retries.
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
    /// Random delays for the call and for the answer.
    fn delays(&mut self) -> [Duration; 2] {
        [(); 2].map(|()| Duration::from_micros(self.rng.u64(0..=self.delay_max_us)))
    }

    fn fault_for(&mut self, operation: &str) -> Option<Fault> {
        let position = self.next.iter().position(|(next, _)| next == operation);
        let next = position.and_then(|at| self.next.remove(at)).map(|(_, fault)| fault);
        let planned = next.or_else(|| self.every.get(operation).or(self.all.as_ref()).cloned());
        if planned.is_some() || self.rng.f64() >= self.rate { planned } else { Some(self.random_fault(operation)) }
    }

    /// A random fault. A seventh of them lets the attempt run into its timeout.
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
        let fits = |fault: &Fault| match fault {
            Fault::Cancelled(_) => !writes.is_empty(),
            Fault::CancelledAt(at, _) => *at < writes.len(),
            _ => true,
        };
        let fault = plan.fault_for(&operation).filter(fits);
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

    async fn put_with(fault: Fault) -> (Result<(), String>, usize) {
        let faults = Faults::seeded(0);
        let client = aws_sdk_dynamodb::Client::from_conf(faults.client_config().build());
        embedded::create_table(&client, "table").await.unwrap();
        faults.inject_every("PutItem", fault);
        let key = aws_sdk_dynamodb::types::AttributeValue::S("key".to_owned());
        let sent = client.put_item().table_name("table").item("pk", key).send().await;
        let stored = client.scan().table_name("table").send().await.unwrap().count;
        (sent.map(drop).map_err(|error| crate::error::chain(&error)), usize::try_from(stored).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn an_applied_call_is_stored_even_if_its_answer_is_lost() {
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
        // Concurrent: some calls wait until the SDK gives up.
        let tasks = cases.map(|(fault, stored)| (fault.clone(), stored, tokio::spawn(put_with(fault))));
        for (fault, expected, task) in tasks {
            let (answer, stored) = task.await.unwrap();
            assert!(answer.is_err() && stored == expected, "{fault:?}: {answer:?}, {stored}");
        }
        assert_eq!(put_with(Fault::Slow(Duration::from_millis(1))).await, (Ok(()), 1));
    }
}
