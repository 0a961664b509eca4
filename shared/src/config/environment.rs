//! Variables, read one by one, with everything that is wrong with them.

use std::time::Duration;

use super::{Misconfigured, Platform, looks_like_path};
use crate::keys::Source;

/// The longest ARN of a secret is shorter: its name has at most 512 characters.
const SECRET_ID_BYTES_MAX: usize = 640;

/// A variable's name, and where what it names is, if it is set.
pub(super) type Named = (&'static str, Option<Source>);

/// Variables by their names, and a sentence for each that is bad or missing.
pub(super) struct Environment<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    pub(super) platform: Platform,
    wrong: Vec<String>,
}

impl<'a> Environment<'a> {
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let mut env = Self { get, platform: Platform::default(), wrong: Vec::new() };
        env.platform = Platform::read(&env);
        env
    }

    /// `read`, unless something is wrong.
    pub(super) fn done<T>(self, read: T) -> Result<T, Misconfigured> {
        if self.wrong.is_empty() { Ok(read) } else { Err(Misconfigured(self.wrong)) }
    }

    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
    }

    pub(super) fn refuse(&mut self, name: &str, why: &str) {
        self.wrong.push(format!("{name} {why}."));
    }

    /// A value that is told back in messages, so that nothing that is secret may be taken for it.
    pub(super) fn checked(&mut self, name: &str, fits: fn(&str) -> bool, what: &str) -> Option<String> {
        let text = self.text(name)?;
        if !fits(&text) {
            self.refuse(name, &format!("must be {what}"));
        }
        Some(text)
    }

    /// A secret in Secrets Manager, by the variable with its name or ARN.
    pub(super) fn secret(&mut self, name: &'static str) -> Named {
        let id = self.checked(name, is_secret_id, "the name or the ARN of a secret, not what is in it");
        (name, id.map(Source::Secret))
    }

    /// A secret in a variable; `read` says what is wrong with the text.
    pub(super) fn value(&mut self, name: &'static str, read: impl FnOnce(String) -> Result<Source, String>) -> Named {
        (name, self.text(name).and_then(|text| read(text).map_err(|why| self.refuse(name, &why)).ok()))
    }

    /// A secret in a file, such as a mounted one, by the variable with its path.
    pub(super) fn file(&mut self, name: &'static str) -> Named {
        let path =
            self.checked(name, looks_like_path, "the path of a file, such as /secrets/a/key.json, not what is in it");
        (name, path.map(|path| Source::File(path.into())))
    }

    /// The one of them that is set. Which of two counts would be anybody's guess.
    pub(super) fn only<const N: usize>(&mut self, sources: [Named; N]) -> Option<Source> {
        let mut set = sources.into_iter().filter_map(|(name, source)| Some((name, source?)));
        let (first, source) = set.next()?;
        for (name, _) in set {
            self.refuse(name, &format!("and {first} exclude each other"));
        }
        Some(source)
    }

    pub(super) fn number(&mut self, name: &str, default: u64, min: u64, max: u64) -> u64 {
        match self.text(name).map(|text| text.parse::<u64>()) {
            None => default,
            Some(Ok(number)) if (min..=max).contains(&number) => number,
            Some(_) => {
                self.refuse(name, &format!("must be a whole number from {min} to {max}"));
                default
            }
        }
    }

    pub(super) fn seconds(&mut self, name: &str, default: u64, min: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(name, default, min, max))
    }

    pub(super) fn flag(&mut self, name: &str) -> bool {
        match self.text(name).as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => {
                self.refuse(name, "must be true or false");
                false
            }
        }
    }
}

fn is_secret_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&byte);
    text.len() <= SECRET_ID_BYTES_MAX && text.bytes().all(fits)
}
