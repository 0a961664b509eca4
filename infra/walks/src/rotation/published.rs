//! The published keys, polled at every way during the whole campaign.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, Mutex},
};

use super::traffic::{Traffic, WAYS};
use crate::{clock, deployment::Way, http::Request, process::locked};

const POLLS_PER_SECOND: f64 = 20.0;

/// The polls at one way.
#[derive(Clone, Debug, Default)]
pub struct Polls {
    /// The number of answers.
    pub count: usize,
    /// The longest time between two answers, in milliseconds.
    pub gap_ms: i64,
    /// The time when the last answered request was sent.
    pub asked_at: i64,
    /// The time of the last answer.
    answered_at: i64,
    /// The values of Cache-Control.
    pub cache_control: BTreeSet<String>,
    /// The time of the first answer with each key.
    pub first: HashMap<String, i64>,
    /// The time of the last request whose answer had each key.
    pub last: HashMap<String, i64>,
}

/// The polls at both ways.
#[derive(Clone)]
pub struct Published([Arc<Mutex<Polls>>; 2]);

impl Published {
    /// Polls from now on, until the traffic stops.
    pub fn watch(traffic: &Arc<Traffic>) -> Self {
        Self(WAYS.map(|way| watch(traffic, way)))
    }

    /// The polls at a way so far.
    pub fn at(&self, way: Way) -> Polls {
        let index = WAYS.iter().position(|known| *known == way).expect("one of the ways");
        locked(&self.0[index]).clone()
    }

    /// The milliseconds from the first sight of a key everywhere until `time`. `None` if some way
    /// never showed the key.
    pub fn everywhere_for(&self, kid: &str, time: i64) -> Option<i64> {
        let first = WAYS.map(|way| self.at(way).first.get(kid).copied());
        Some(time - first[0]?.max(first[1]?))
    }
}

fn watch(traffic: &Arc<Traffic>, way: Way) -> Arc<Mutex<Polls>> {
    let polls = Arc::new(Mutex::new(Polls { answered_at: clock::now(), ..Polls::default() }));
    let (noted, asking) = (polls.clone(), traffic.clone());
    traffic.keep(|| POLLS_PER_SECOND, move || poll(asking.clone(), way, noted.clone()));
    polls
}

async fn poll(traffic: Arc<Traffic>, way: Way, polls: Arc<Mutex<Polls>>) {
    let request = Request::get("/.well-known/jwks.json");
    let Some((answer, sent_at, got_at)) = traffic.succeed(way, "well-known", request).await else { return };
    let mut polls = locked(&polls);
    polls.count += 1;
    polls.asked_at = sent_at;
    polls.gap_ms = polls.gap_ms.max(got_at - polls.answered_at);
    polls.answered_at = got_at;
    polls.cache_control.insert(answer.header("cache-control").unwrap_or_default().to_owned());
    for key in answer.body["keys"].as_array().expect("keys") {
        let kid = key["kid"].as_str().expect("a key id");
        polls.first.entry(kid.to_owned()).or_insert(got_at);
        polls.last.insert(kid.to_owned(), sent_at);
    }
}
