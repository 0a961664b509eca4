//! Refreshes token families in parallel, while 10 % of the DynamoDB calls fail.
//!
//! A family (the tokens of one session) must never have two live tokens, and must not end. The rows
//! count the families that break this.

use std::{collections::BTreeSet, sync::Arc};

use latchkey::router;
use serde_json::{Value, json};
use shared::testing::{Faults, Service};
use tokio::task::JoinSet;

use super::{DELAY_MAX, batch::Batch};
use crate::{Scale, invariants::Checks, report::Report, requests::Request, wait_for};

const SEED: u64 = 7;
const FAULT_RATE: f64 = 0.1;
const REFRESHES: usize = 50;
/// More concurrent families would exceed the timeouts of the SDK on a few cores.
const CONCURRENT_FAMILIES: usize = 5;
/// The most attempts until a refresh succeeds.
const ATTEMPTS_MAX: usize = 20;

/// Runs the case, and adds its rows.
pub fn run(scale: Scale, report: &mut Report) {
    wait_for(async {
        println!("campaign: races: token families, seed {SEED}");
        let (families, rounds) = scale.of((10, 1), (50, 4));
        let faults = Faults::seeded(SEED);
        let service = Arc::new(Service::faulty(router(), &[], &faults).await);
        let user = service.account("families@races.example").await;
        let mut refreshing = JoinSet::new();
        let mut sessions = Vec::new();
        for _ in 0..families {
            sessions.push(service.session(&user).await);
        }
        faults.delay_up_to(DELAY_MAX);
        faults.inject_at_rate(FAULT_RATE);
        let mut finished = Vec::new();
        for session in sessions {
            if refreshing.len() == CONCURRENT_FAMILIES
                && let Some(one) = refreshing.join_next().await
            {
                finished.push(one.expect("the family ends"));
            }
            refreshing.spawn(family(service.clone(), session, rounds));
        }
        finished.extend(refreshing.join_all().await);
        faults.clear();
        let (mut branches, mut alive) = (Checks::default(), Checks::default());
        for Family { tokens, forked } in finished {
            branches.record(forked);
            let newest = json!({"refresh_token": tokens.last()});
            let next = Request::refresh(&newest).send(&service).await;
            alive.record(
                (next.status != 200).then(|| format!("the newest token: {} {}", next.status, next.body["code"])),
            );
            branches.record(older_are_dead(&service, &tokens, &next.body).await);
        }
        let what = format!(
            "{families} token families × {REFRESHES} parallel refreshes × {rounds} rounds, 10 % DynamoDB faults"
        );
        let injected = faults.injected();
        report.row(
            &what,
            "never two live tokens of a family",
            format!("{branches}; {injected} faults"),
            branches.passed(),
        );
        report.row(&what, "no family ended", alive.to_string(), alive.passed());
    });
}

/// The tokens of a family, each the child of the one before it, and a description of a fork.
struct Family {
    tokens: Vec<String>,
    forked: Option<String>,
}

async fn family(service: Arc<Service>, session: Value, rounds: usize) -> Family {
    let mut family = Family { tokens: vec![text(&session)], forked: None };
    let mut newest = session;
    for _ in 0..rounds {
        let mut children = BTreeSet::new();
        for _ in 0..ATTEMPTS_MAX {
            let batch = Batch::send(&service, vec![Request::refresh(&newest); REFRESHES]).await;
            children.extend(batch.answers(200).map(text));
            let rest = batch.count_code(409, "refresh_conflict") + batch.count(503);
            if batch.count(200) + rest != REFRESHES || !batch.passed() {
                family.forked = Some(format!("answers: {batch}"));
            }
            if let Some(child) = batch.answers(200).next() {
                newest = child.clone();
                break;
            }
        }
        if children.len() != 1 {
            family.forked = Some(format!("{} children of one token", children.len()));
        }
        family.tokens.push(text(&newest));
    }
    family
}

/// After a refresh of the newest token, no older token may give a child that is new.
async fn older_are_dead(service: &Service, tokens: &[String], next: &Value) -> Option<String> {
    for token in tokens.iter().rev() {
        let answer = Request::refresh(&json!({"refresh_token": token})).send(service).await;
        let child = text(&answer.body);
        let is_known = tokens.contains(&child) || child == text(next);
        if answer.status == 200 && !is_known {
            return Some("an older token gave a new child".to_owned());
        }
    }
    None
}

fn text(session: &Value) -> String {
    session["refresh_token"].as_str().unwrap_or_default().to_owned()
}
