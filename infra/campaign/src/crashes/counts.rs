//! The checks after each kill, and their counts.

use std::{collections::HashMap, time::Duration};

use serde_json::Value;

use crate::{
    client::{Answer, Client},
    crashes::operations::Create,
    dynamodb::{self, Item, text_of},
    process::Process,
    report::Report,
};

/// The counts of all kills.
#[derive(Default)]
pub struct Counts {
    accounts: Vec<(Create, String)>,
    acknowledged: usize,
    lost: usize,
    complete: usize,
    absent: usize,
    partial: usize,
    repeated: usize,
    not_repeated: usize,
    refreshes: usize,
    refreshes_lost: usize,
    refreshes_cut: usize,
    refreshes_dead: usize,
    refused: usize,
    /// The keys of records whose partner records are missing.
    pub orphans: Vec<String>,
    start_max: Duration,
}

impl Counts {
    /// Records the time of a restart.
    pub fn started(&mut self, after: Duration) {
        self.start_max = self.start_max.max(after);
    }

    /// Checks a create that the kill may have interrupted.
    pub async fn create(&mut self, process: &Process, create: Create, answer: Option<Answer>) {
        let client = process.client();
        let answer = match answer {
            Some(answer) => {
                self.acknowledged += 1;
                answer
            }
            None => {
                self.check_unacknowledged(process, &create).await;
                let again = create.send(&client).await.expect("an answer");
                if again.status == 201 {
                    self.repeated += 1
                } else {
                    self.not_repeated += 1
                }
                again
            }
        };
        if answer.status != 201 {
            self.refused += 1;
            return;
        }
        let refreshed = client.post("/refresh", &answer.refresh_token()).await.expect("an answer");
        let uid = answer.text_of("uid");
        if refreshed.status != 200 || !logs_in(&client, &create, &uid).await {
            self.lost += 1;
        }
        self.accounts.push((create, uid));
    }

    /// Checks whether an unacknowledged account is complete or absent.
    async fn check_unacknowledged(&mut self, process: &Process, create: &Create) {
        let table = process.table();
        let by_email = dynamodb::get(&table, &format!("LOGIN#{}", create.email())).await;
        let by_username = dynamodb::get(&table, &format!("LOGIN#{}", create.username())).await;
        match (by_email, by_username) {
            (None, None) => self.absent += 1,
            (Some(email), Some(username)) if email.get("id") == username.get("id") => {
                let user = dynamodb::get(&table, &format!("USER#{}", text_of(&email, "id"))).await;
                if user.is_some() { self.complete += 1 } else { self.partial += 1 }
            }
            _ => self.partial += 1,
        }
    }

    /// Checks a refresh that the kill may have interrupted, and returns the next refresh token.
    pub async fn refresh(&mut self, client: &Client, parent: Value, answer: Option<Answer>) -> Value {
        if answer.as_ref().is_some_and(|answer| answer.status != 200) {
            self.refused += 1;
        }
        let again = client.post("/refresh", &parent).await.expect("an answer");
        let Some(answer) = answer else {
            self.refreshes_cut += 1;
            self.refreshes_dead += usize::from(again.status != 200);
            return again.refresh_token();
        };
        self.refreshes += 1;
        let next = client.post("/refresh", &answer.refresh_token()).await.expect("an answer");
        if again.refresh_token() != answer.refresh_token() || next.status != 200 {
            self.refreshes_lost += 1;
        }
        next.refresh_token()
    }

    /// Checks at the end that every acknowledged account can log in.
    pub async fn all_log_in(&mut self, client: &Client) {
        for (create, uid) in &self.accounts {
            if !logs_in(client, create, uid).await {
                self.lost += 1;
            }
        }
    }

    /// Adds the rows to the report.
    pub fn report(&self, kills: usize, (lines, broken): (usize, Option<String>), report: &mut Report) {
        let name = format!("{kills} times kill -9 during creates and refreshes");
        let start_ms = self.start_max.as_millis();
        report.row(
            format!("{name}: restarts"),
            "each within 10 s",
            format!("{kills} starts, the longest {start_ms} ms"),
            start_ms < 10_000,
        );
        self.report_operations(&name, report);
        report.row(
            format!("{name}: records in the end"),
            "0 records without their partner records",
            format!("{} {}", self.orphans.len(), self.orphans.join(" ")),
            self.orphans.is_empty(),
        );
        report.row(
            format!("{name}: log lines"),
            "each line is one JSON object",
            format!("{lines} lines, {}", broken.as_deref().unwrap_or("all valid")),
            broken.is_none(),
        );
    }

    fn report_operations(&self, name: &str, report: &mut Report) {
        let Self { acknowledged, lost, complete, absent, partial, repeated, not_repeated, refused, .. } = self;
        let Self { refreshes, refreshes_lost, refreshes_cut, refreshes_dead, .. } = self;
        report.row(
            format!("{name}: acknowledged accounts"),
            "each logs in, each refresh token works, none refused",
            format!("{acknowledged} acknowledged, {lost} lost, {refused} refused"),
            *acknowledged > 0 && lost + refused == 0,
        );
        report.row(
            format!("{name}: unacknowledged accounts"),
            "complete or absent; the repeated create is a 201",
            format!("{complete} complete, {absent} absent, {partial} partial; repeated: {repeated} created, {not_repeated} refused"),
            complete + absent > 0 && partial + not_repeated == 0,
        );
        report.row(
            format!("{name}: refreshes"),
            "the parent token gets the same child again, and the child works; an interrupted refresh can be repeated",
            format!("{refreshes} answered, {refreshes_lost} lost; {refreshes_cut} interrupted, {refreshes_dead} dead"),
            *refreshes > 0 && refreshes_lost + refreshes_dead == 0,
        );
    }
}

async fn logs_in(client: &Client, create: &Create, uid: &str) -> bool {
    let login = client.post("/login", &create.credentials()).await.expect("an answer");
    login.status == 200 && login.text_of("uid") == uid
}

/// The keys of records whose account, identifier or user record is missing.
pub fn orphans(table: &HashMap<String, Item>) -> Vec<String> {
    let has = |key: String, id: &str| table.get(&key).is_some_and(|item| text_of(item, "id") == id);
    let is_complete = |(key, item): &(&String, &Item)| {
        let id = text_of(item, "id");
        match key.split_once('#') {
            Some(("USER", _)) => {
                ["email_key", "username"].iter().all(|name| has(format!("LOGIN#{}", text_of(item, name)), &id))
            }
            Some(("PROFILE", id)) => table.contains_key(&format!("USER#{id}")),
            Some(("LOGIN", _)) => has(format!("USER#{id}"), &id),
            Some(("SESSION" | "IDEMPOTENCY", _)) => table.contains_key(&format!("USER#{}", text_of(item, "user_id"))),
            _ => true,
        }
    };
    table.iter().filter(|record| !is_complete(record)).map(|(key, _)| key.clone()).collect()
}
