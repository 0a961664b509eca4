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
    /// The log, for what was sent as a part of a path.
    Paths,
    /// What a caller is told of a failure.
    Answer,
    /// The table.
    Table,
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
    fn is_looked_for(self, place: Place) -> bool {
        match place {
            Place::Log => !self.is_path,
            Place::Paths => self.is_path,
            Place::Answer => true,
            Place::Table => !self.is_stored,
        }
    }
}

/// Every secret that was sent or given.
pub struct Canaries {
    dice: Rng,
    all: Vec<(Kind, String)>,
}

impl Canaries {
    /// None yet.
    pub fn new(dice: Rng) -> Self {
        Self { dice, all: Vec::new() }
    }

    /// A new one.
    pub fn secret(&mut self, name: &'static str) -> String {
        let text = noise(&mut self.dice);
        self.keep(name, &text);
        text
    }

    /// A new one that is too short for a password.
    pub fn short(&mut self, name: &'static str) -> String {
        let text: String = noise(&mut self.dice).chars().take(SHORT).collect();
        self.keep(name, &text);
        text
    }

    /// A new one that the case writes into the table.
    pub fn stored(&mut self, name: &'static str) -> String {
        let text = noise(&mut self.dice);
        self.all.push((Kind { name, is_stored: true, is_path: false }, text.clone()));
        text
    }

    /// A new one that is sent as a part of a path.
    pub fn path(&mut self) -> String {
        let text = noise(&mut self.dice);
        self.all.push((Kind { name: "secret in a path", is_stored: false, is_path: true }, text.clone()));
        text
    }

    /// One that was made elsewhere, unless it is empty because it was never given.
    pub fn keep(&mut self, name: &'static str, text: &str) {
        if text.len() >= SLICE {
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
    pub fn slices(&self) -> Slices {
        let mut slices = HashMap::new();
        for (kind, text) in &self.all {
            for text in [text.clone(), STANDARD.encode(text)] {
                slices.extend(text.as_bytes().windows(SLICE).map(|slice| (slice.to_vec(), *kind)));
            }
        }
        Slices(slices)
    }
}

/// The parts, each with what it is of.
pub struct Slices(HashMap<Vec<u8>, Kind>);

impl Slices {
    /// How many are looked for in this place.
    pub fn count(&self, place: Place) -> usize {
        self.0.values().filter(|kind| kind.is_looked_for(place)).count()
    }

    /// How many different ones are in `text`, by kind.
    pub fn hits(&self, place: Place, text: &[u8]) -> BTreeMap<&'static str, usize> {
        let found: HashSet<&[u8]> = text.windows(SLICE).filter(|slice| self.0.contains_key(*slice)).collect();
        let mut hits = BTreeMap::new();
        for kind in found.iter().filter_map(|slice| self.0.get(*slice)).filter(|kind| kind.is_looked_for(place)) {
            *hits.entry(kind.name).or_default() += 1;
        }
        hits
    }
}
