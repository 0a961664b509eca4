//! The settings that somebody chose.

use shared::config::{self, Config};

use super::{Finding, fail, ok, warn};

const CHECK: &str = "setting";

/// A line for each setting that is refused, and for each other one that somebody chose.
pub fn refused(sentences: &str) -> Vec<Finding> {
    let is_refused = |name: &str| sentences.lines().any(|sentence| sentence.split(' ').next() == Some(name));
    let others = config::settings().into_iter().filter(|(name, _)| !is_refused(name));
    let others = others.map(|(name, _)| ok(CHECK, format!("{name} can be read")));
    sentences.lines().map(|sentence| fail("configuration", sentence)).chain(others).collect()
}

/// A line for each setting that somebody chose. A setting without an effect is a warning, and so is
/// a name that is nearly one.
pub fn examine(config: &Config) -> Vec<Finding> {
    let is_about = |sentence: &String, name: &str| sentence.split(' ').next() == Some(name);
    let chosen = config::settings().into_iter();
    let works = chosen.filter(|(name, _)| !config.advice.iter().any(|sentence| is_about(sentence, name)));
    let works = works.map(|(name, value)| match value {
        Some(value) => ok(CHECK, format!("{name} is {value}")),
        None => ok(CHECK, format!("{name} is set, and not shown")),
    });
    let advice = config.advice.iter().cloned().chain(config::nearly_right());
    works.chain(advice.map(|sentence| warn(CHECK, sentence))).collect()
}
