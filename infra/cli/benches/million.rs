//! Compares a table of 1,000 accounts with one of 1,000,000: `make million`. Prints for each call
//! the round trips to DynamoDB, the median times of both tables, and the ratio.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "a benchmark that cannot go on stops")]
#![expect(clippy::print_stdout, reason = "the figures are its result")]
#![expect(clippy::disallowed_methods, reason = "it measures time")]

use std::{
    env,
    future::Future,
    path::Path,
    time::{Duration, Instant},
};

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Map, Value, json};
use shared::{
    account::user::User,
    store::{ListOf, embedded::Embedded},
    testing::{Answer, PASSWORD, Service},
};
use tempfile::TempDir;

/// The accounts of the small table. ACCOUNTS is the number of the large one.
const FEW: usize = 1_000;
const MANY: usize = 1_000_000;
/// The accounts of a page.
const PAGE: usize = 50;
const ROUNDS: usize = 200;
/// The accounts that are stored at a time.
const STORED_AT_A_TIME: usize = 10_000;
/// The address of the account that all others are copies of, and the digits that differ.
const ADDRESS: &str = "person-0000000@b.de";

fn main() {
    let many = env::var("ACCOUNTS").ok().map_or(MANY, |number| number.parse().unwrap());
    tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap().block_on(run(many));
}

async fn run(many: usize) {
    let folder = TempDir::new().unwrap();
    let few = Accounts::make(&folder.path().join("few.db"), FEW).await;
    let many = Accounts::make(&folder.path().join("many.db"), many).await;
    println!("{:34} {:>12} {:>12} {:>12} {:>6}", "", "round trips", few.number, many.number, "ratio");

    let newest = ListOf::Created { from: None, before: None, newest_first: true };
    compare("the newest 50 accounts", &few, &many, |table, _| table.page(newest, None)).await;
    compare("50 accounts in the middle", &few, &many, |table, _| table.page(newest, Some(&table.middle))).await;
    compare("50 addresses by their beginning", &few, &many, |table, _| table.page(ListOf::Email("person-00005"), None))
        .await;
    compare("the first 50 of `users list`", &few, &many, |table, _| table.users(None)).await;
    compare("an account by its address", &few, &many, |table, round| table.account(round)).await;
    // Its pages are in memory, so that the difference to the row above is that of the cache.
    compare("the same account by its address", &few, &many, |table, _| table.account(0)).await;
    compare("a login", &few, &many, |table, round| table.login(round)).await;
    compare("the start's look at the table", &few, &many, |table, _| table.prepare()).await;
}

/// Runs a call on both tables in turn, so that other work of the machine affects both alike.
async fn compare<'t, F: Future<Output = ()>>(
    name: &str,
    few: &'t Accounts,
    many: &'t Accounts,
    call: impl Fn(&'t Accounts, usize) -> F,
) {
    let tables = [few, many];
    let (mut times, mut trips) = ([Vec::new(), Vec::new()], 0);
    for round in 0..ROUNDS {
        for (table, times) in tables.iter().zip(&mut times) {
            table.service.calls();
            let began = Instant::now();
            call(table, round).await;
            times.push(began.elapsed());
            trips = trips.max(table.service.calls().len());
        }
    }
    let [few, many] = times.map(|mut times: Vec<Duration>| {
        times.sort();
        times[times.len() / 2].as_secs_f64() * 1000.0
    });
    println!("{name:34} {trips:12} {few:9.3} ms {many:9.3} ms {:6.2}", many / few);
}

/// A table with accounts, and the service over it.
struct Accounts {
    number: usize,
    embedded: Embedded,
    service: Service,
    /// The place in the middle of the accounts by age.
    middle: String,
}

impl Accounts {
    /// Makes a table. One account is made as every other, and its records are copied.
    async fn make(file: &Path, number: usize) -> Self {
        let began = Instant::now();
        let embedded = Embedded::file(file).unwrap();
        let service = Service::over(latchkey::router(), &embedded).await;
        let first = service.account(ADDRESS).await;
        service.app().store().mark_listed().await.unwrap();
        copy(&service, &embedded, &first, number).await;
        let middle = format!("{:015}#{}", first.created_at.milliseconds(), id(&first, number / 2));
        println!("{number} accounts are made in {:.0} s", began.elapsed().as_secs_f64());
        Self { number, embedded, service, middle }
    }

    /// An account other than the one before.
    fn address(&self, round: usize) -> String {
        address(round.wrapping_mul(7_919) % self.number)
    }

    async fn page(&self, list: ListOf<'_>, behind: Option<&str>) {
        let page = self.service.app().store().account_page(&list, behind, PAGE).await.unwrap();
        assert_eq!((page.users.len(), page.is_complete), (PAGE, true));
    }

    async fn users(&self, after: Option<&str>) {
        let page = self.service.app().store().users_page(None, after, PAGE).await.unwrap();
        assert_eq!(page.users.len(), PAGE);
    }

    async fn account(&self, round: usize) {
        let page =
            self.service.app().store().account_page(&ListOf::Email(&self.address(round)), None, 1).await.unwrap();
        assert_eq!(page.users.len(), 1);
    }

    async fn login(&self, round: usize) {
        let credentials = json!({"email": self.address(round), "password": PASSWORD});
        let _: Answer = self.service.post("/login", credentials).await.is(200);
    }

    async fn prepare(&self) {
        self.embedded.prepare_table(&self.service.app().config().table_name).await.unwrap();
    }
}

fn address(number: usize) -> String {
    format!("person-{number:07}@b.de")
}

/// The id of a copy.
fn id(first: &User, number: usize) -> String {
    format!("{}{number:012x}", &first.id[..24])
}

/// Stores copies of the first account's records, with other ids and addresses.
async fn copy(service: &Service, embedded: &Embedded, first: &User, number: usize) {
    let table = &service.app().config().table_name;
    let records = service.client().scan().table_name(table).send().await.unwrap().items.unwrap();
    let records: Vec<String> = records
        .into_iter()
        .filter(|record| record.get("id") == Some(&AttributeValue::S(first.id.clone())))
        .map(|record| {
            let record: Map<_, _> = record.into_iter().map(|(name, value)| (name, json_of(&value))).collect();
            serde_json::to_string(&record).unwrap()
        })
        .collect();
    assert_eq!(records.len(), 2);
    let database = embedded.database();
    database.enable_bulk_loading().unwrap();
    let numbers: Vec<usize> = (1..number).collect();
    for numbers in numbers.chunks(STORED_AT_A_TIME) {
        let items = numbers.iter().flat_map(|number| {
            let (address, id) = (address(*number), id(first, *number));
            records.iter().map(move |record| record.replace(ADDRESS, &address).replace(&first.id, &id))
        });
        let items = items.map(|item| serde_json::from_str(&item).unwrap()).collect();
        database.import_items(table, items, dynoxide::ImportOptions::default()).unwrap();
    }
    database.disable_bulk_loading().unwrap();
}

/// A value in DynamoDB's own JSON.
fn json_of(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({"S": text}),
        AttributeValue::N(number) => json!({"N": number}),
        AttributeValue::Bool(flag) => json!({"BOOL": flag}),
        AttributeValue::Null(_) => json!({"NULL": true}),
        other => unreachable!("a new account has no {other:?}"),
    }
}
