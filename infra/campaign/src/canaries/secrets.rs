//! The secrets, and the search for any part of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use fastrand::Rng;
use serde_json::Value;

use super::random_text;

/// A part of a secret of this many bytes is a find.
const FRAGMENT_BYTES: usize = 12;
/// The letters of a canary that is too short for a password here.
const SHORT_LENGTH: usize = 24;

/// Where is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The log.
    Log,
    /// The log, for what was sent as a part of a path.
    LogForPaths,
    /// What a caller is told of a failure.
    Errors,
    /// The table.
    Report,
}

/// What a secret is, and where it is not looked for.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// Put into the table by the case itself.
    is_stored: bool,
    /// Sent as a part of a path.
    is_path: bool,
}

impl Kind {
    fn is_looked_for(self, sink: Sink) -> bool {
        match sink {
            Sink::Log => !self.is_path,
            Sink::LogForPaths => self.is_path,
            Sink::Errors => true,
            Sink::Report => !self.is_stored,
        }
    }
}

/// Every secret that was sent or given.
pub struct Canaries {
    rng: Rng,
    all: Vec<(Kind, String)>,
}

impl Canaries {
    /// None yet.
    pub fn new(rng: Rng) -> Self {
        Self { rng, all: Vec::new() }
    }

    /// A new one.
    pub fn secret(&mut self, name: &'static str) -> String {
        let text = random_text(&mut self.rng);
        self.keep(name, &text);
        text
    }

    /// A new one that is too short for a password.
    pub fn short(&mut self, name: &'static str) -> String {
        let text: String = random_text(&mut self.rng).chars().take(SHORT_LENGTH).collect();
        self.keep(name, &text);
        text
    }

    /// A new one that the case writes into the table.
    pub fn stored(&mut self, name: &'static str) -> String {
        let text = random_text(&mut self.rng);
        self.all.push((Kind { name, is_stored: true, is_path: false }, text.clone()));
        text
    }

    /// A new one that is sent as a part of a path.
    pub fn path(&mut self) -> String {
        let text = random_text(&mut self.rng);
        self.all.push((Kind { name: "secret in a path", is_stored: false, is_path: true }, text.clone()));
        text
    }

    /// One that was made elsewhere, unless it is empty because it was never given.
    pub fn keep(&mut self, name: &'static str, text: &str) {
        if text.len() >= FRAGMENT_BYTES {
            self.all.push((Kind { name, is_stored: false, is_path: false }, text.to_owned()));
        }
    }

    /// The lines of a key between those that say what it is.
    pub fn keep_lines(&mut self, name: &'static str, text: &str) {
        text.lines().filter(|line| !line.starts_with("-----")).for_each(|line| self.keep(name, line));
    }

    /// The keys of a key set.
    pub fn keep_key_set(&mut self, text: &str) {
        let set: Value = serde_json::from_str(text).expect("JSON");
        let keys = set.get("keys").and_then(Value::as_array).expect("keys");
        for name in ["private_key", "secret"] {
            let texts = keys.iter().filter_map(|key| key.get(name).and_then(Value::as_str));
            texts.for_each(|text| self.keep_lines("signing keys", text));
        }
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// Every part of each, as it is and in base64, by which some clients send it.
    pub fn fragments(&self) -> Fragments {
        let mut fragments = HashMap::new();
        for (kind, text) in &self.all {
            for text in [text.clone(), STANDARD.encode(text)] {
                fragments.extend(text.as_bytes().windows(FRAGMENT_BYTES).map(|fragment| (fragment.to_vec(), *kind)));
            }
        }
        Fragments(fragments)
    }
}

/// The parts, each with what it is of.
pub struct Fragments(HashMap<Vec<u8>, Kind>);

impl Fragments {
    /// How many are looked for in this sink.
    pub fn count(&self, sink: Sink) -> usize {
        self.0.values().filter(|kind| kind.is_looked_for(sink)).count()
    }

    /// How many different ones are in `text`, by kind.
    pub fn hits(&self, sink: Sink, text: &[u8]) -> BTreeMap<&'static str, usize> {
        let found: HashSet<&[u8]> =
            text.windows(FRAGMENT_BYTES).filter(|fragment| self.0.contains_key(*fragment)).collect();
        let mut hits = BTreeMap::new();
        for kind in found.iter().filter_map(|fragment| self.0.get(*fragment)).filter(|kind| kind.is_looked_for(sink)) {
            *hits.entry(kind.name).or_default() += 1;
        }
        hits
    }
}
