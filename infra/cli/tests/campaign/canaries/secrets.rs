//! The secrets, and the search for any part of them.

use std::collections::{BTreeMap, HashMap, HashSet};

use base64::{Engine, engine::general_purpose::STANDARD};
use fastrand::Rng;
use serde_json::Value;

use super::noise;

/// A part of a secret of this many bytes is a find.
const SLICE: usize = 12;
/// The letters of a canary that is too short for a password here.
const SHORT: usize = 24;

/// Where is looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The log.
    Log,
    /// What a caller is told of a failure.
    Answer,
    /// The table.
    Table,
}

struct Canary {
    kind: &'static str,
    text: String,
    /// Put into the table by the case itself.
    is_stored: bool,
}

/// Every secret that was sent or given.
pub struct Canaries {
    dice: Rng,
    all: Vec<Canary>,
}

impl Canaries {
    /// None yet.
    pub fn new(dice: Rng) -> Self {
        Self { dice, all: Vec::new() }
    }

    /// A new one.
    pub fn secret(&mut self, kind: &'static str) -> String {
        let text = noise(&mut self.dice);
        self.keep(kind, &text);
        text
    }

    /// A new one that is too short for a password.
    pub fn short(&mut self, kind: &'static str) -> String {
        let text: String = noise(&mut self.dice).chars().take(SHORT).collect();
        self.keep(kind, &text);
        text
    }

    /// A new one that the case writes into the table.
    pub fn stored(&mut self, kind: &'static str) -> String {
        let text = noise(&mut self.dice);
        self.all.push(Canary { kind, text: text.clone(), is_stored: true });
        text
    }

    /// One that was made elsewhere.
    pub fn keep(&mut self, kind: &'static str, text: &str) {
        // A repeated secret is searched once; one that is empty was never given.
        if text.len() >= SLICE {
            self.all.push(Canary { kind, text: text.to_owned(), is_stored: false });
        }
    }

    /// The lines of a key between those that say what it is.
    pub fn keep_lines(&mut self, kind: &'static str, text: &str) {
        text.lines().filter(|line| !line.starts_with("-----")).for_each(|line| self.keep(kind, line));
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
    pub fn slices(&self) -> Slices {
        let mut slices = HashMap::new();
        for Canary { kind, text, is_stored } in &self.all {
            for text in [text.clone(), STANDARD.encode(text)] {
                for slice in text.as_bytes().windows(SLICE) {
                    slices.insert(slice.to_vec(), (*kind, *is_stored));
                }
            }
        }
        Slices(slices)
    }
}

/// The parts, each with the kind of its secret.
pub struct Slices(HashMap<Vec<u8>, (&'static str, bool)>);

impl Slices {
    /// How many are looked for in this place.
    pub fn count(&self, place: Place) -> usize {
        self.0.values().filter(|(_, is_stored)| !(place == Place::Table && *is_stored)).count()
    }

    /// How many different ones are in `text`, by kind.
    pub fn hits(&self, place: Place, text: &[u8]) -> BTreeMap<&'static str, usize> {
        let mut seen = HashSet::new();
        let mut hits = BTreeMap::new();
        for slice in text.windows(SLICE) {
            match self.0.get(slice) {
                Some((kind, is_stored)) if !(place == Place::Table && *is_stored) && seen.insert(slice) => {
                    *hits.entry(*kind).or_default() += 1;
                }
                _ => {}
            }
        }
        hits
    }
}
