//! The secrets, and the search for fragments of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use fastrand::Rng;
use serde_json::Value;

use super::random_text;

/// The length of a fragment. A match of so many bytes is a leak.
const FRAGMENT_BYTES: usize = 12;
/// The length of a canary that is too short for a password.
const SHORT_LENGTH: usize = 24;

/// A place that a secret must not reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sink {
    /// The log.
    Log,
    /// The log, searched for secrets that were sent in a path.
    LogForPaths,
    /// Error answers and refusals to start.
    Errors,
    /// The table.
    Report,
}

/// The kind of a secret, and the sinks that are exempt.
#[derive(Clone, Copy)]
struct Kind {
    name: &'static str,
    /// The case itself writes the secret into the table.
    is_stored: bool,
    /// The secret is sent in a path.
    is_path: bool,
}

impl Kind {
    fn is_forbidden_in(self, sink: Sink) -> bool {
        match sink {
            Sink::Log => !self.is_path,
            Sink::LogForPaths => self.is_path,
            Sink::Errors => true,
            Sink::Report => !self.is_stored,
        }
    }
}

/// All secrets that were sent or received.
pub struct Canaries {
    rng: Rng,
    all: Vec<(Kind, String)>,
}

impl Canaries {
    /// Begins without secrets.
    pub fn new(rng: Rng) -> Self {
        Self { rng, all: Vec::new() }
    }

    /// Makes a new secret.
    pub fn secret(&mut self, name: &'static str) -> String {
        let text = random_text(&mut self.rng);
        self.keep(name, &text);
        text
    }

    /// Makes a secret that is too short for a password.
    pub fn short(&mut self, name: &'static str) -> String {
        let text: String = random_text(&mut self.rng).chars().take(SHORT_LENGTH).collect();
        self.keep(name, &text);
        text
    }

    /// Makes a secret that the case writes into the table.
    pub fn stored(&mut self, name: &'static str) -> String {
        let text = random_text(&mut self.rng);
        self.all.push((Kind { name, is_stored: true, is_path: false }, text.clone()));
        text
    }

    /// Makes a secret that is sent in a path.
    pub fn path(&mut self) -> String {
        let text = random_text(&mut self.rng);
        self.all.push((Kind { name: "secret in a path", is_stored: false, is_path: true }, text.clone()));
        text
    }

    /// Adds a secret from elsewhere. A token that was not issued is empty, and is left out.
    pub fn keep(&mut self, name: &'static str, text: &str) {
        if text.len() >= FRAGMENT_BYTES {
            self.all.push((Kind { name, is_stored: false, is_path: false }, text.to_owned()));
        }
    }

    /// Adds the lines of a PEM text, without the BEGIN and END lines.
    pub fn keep_lines(&mut self, name: &'static str, text: &str) {
        text.lines().filter(|line| !line.starts_with("-----")).for_each(|line| self.keep(name, line));
    }

    /// Adds the keys of a key set.
    pub fn keep_key_set(&mut self, text: &str) {
        let set: Value = serde_json::from_str(text).expect("JSON");
        let keys = set.get("keys").and_then(Value::as_array).expect("keys");
        for name in ["private_key", "secret"] {
            let texts = keys.iter().filter_map(|key| key.get(name).and_then(Value::as_str));
            texts.for_each(|text| self.keep_lines("signing keys", text));
        }
        let names = set.get("pseudonym_key").and_then(Value::as_str).expect("a key of pseudonyms");
        self.keep_lines("signing keys", names);
    }

    /// The number of secrets.
    pub fn count(&self) -> usize {
        self.all.len()
    }

    /// All fragments of all secrets, plain and in base64, as some clients send them.
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

/// Fragments, each with the kind of its secret.
pub struct Fragments(HashMap<Vec<u8>, Kind>);

impl Fragments {
    /// The number of fragments that are forbidden in this sink.
    pub fn count(&self, sink: Sink) -> usize {
        self.0.values().filter(|kind| kind.is_forbidden_in(sink)).count()
    }

    /// The number of different forbidden fragments in `text`, by kind.
    pub fn hits(&self, sink: Sink, text: &[u8]) -> BTreeMap<&'static str, usize> {
        let found: HashSet<&[u8]> =
            text.windows(FRAGMENT_BYTES).filter(|fragment| self.0.contains_key(*fragment)).collect();
        let mut hits = BTreeMap::new();
        for kind in found.iter().filter_map(|fragment| self.0.get(*fragment)).filter(|kind| kind.is_forbidden_in(sink))
        {
            *hits.entry(kind.name).or_default() += 1;
        }
        hits
    }
}
