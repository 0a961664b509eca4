//! The variables, read one by one, and the sentences about bad ones.

use std::time::Duration;

use super::{Misconfigured, Platform, looks_like_path};
use crate::{keys::Source, text::trimmed};

/// Longer than any ARN of a secret, since a secret's name has at most 512 characters.
const SECRET_ID_BYTES_MAX: usize = 640;

/// A variable's name, and the source of a secret that its value names. `None` if it is not set.
pub(super) type Named = (&'static str, Option<Source>);

/// The variables by name, the platform, and a sentence for each variable that is bad or missing.
pub(super) struct Environment<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    pub(super) platform: Platform,
    wrong: Vec<String>,
}

impl<'a> Environment<'a> {
    /// The variables that `get` returns.
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let mut env = Self { get, platform: Platform::default(), wrong: Vec::new() };
        env.platform = Platform::read(&env);
        env
    }

    /// Returns `read` if no variable was refused.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub(super) fn done<T>(self, read: T) -> Result<T, Misconfigured> {
        if self.wrong.is_empty() { Ok(read) } else { Err(Misconfigured(self.wrong)) }
    }

    /// A value without blanks around it. `None` if it is unset or empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| trimmed(&value).to_owned()).filter(|value| !value.is_empty())
    }

    /// Refuses a variable. `why` continues the sentence that its name begins.
    pub(super) fn refuse(&mut self, name: &str, why: &str) {
        self.wrong.push(format!("{name} {why}."));
    }

    /// A value that messages may quote. `fits` keeps out secrets that were pasted by mistake.
    pub(super) fn checked(&mut self, name: &str, fits: fn(&str) -> bool, what: &str) -> Option<String> {
        let text = self.text(name)?;
        if !fits(&text) {
            self.refuse(name, &format!("must be {what}"));
        }
        Some(text)
    }

    /// A secret in Secrets Manager. The variable has its name or its ARN.
    pub(super) fn secret(&mut self, name: &'static str) -> Named {
        let id = self.checked(name, is_secret_id, "the name or the ARN of a secret, not its content");
        (name, id.map(Source::Secret))
    }

    /// A secret in the variable itself. The error of `read` says why the text is refused.
    pub(super) fn value(&mut self, name: &'static str, read: impl FnOnce(String) -> Result<Source, String>) -> Named {
        (name, self.text(name).and_then(|text| read(text).map_err(|why| self.refuse(name, &why)).ok()))
    }

    /// A secret in a file, such as a mounted one. The variable has its path.
    pub(super) fn file(&mut self, name: &'static str) -> Named {
        let path =
            self.checked(name, looks_like_path, "the path of a file, such as /secrets/a/key.json, not its content");
        (name, path.map(|path| Source::File(path.into())))
    }

    /// The only source that is set. Two are refused, since one of them would be ignored.
    pub(super) fn only<const N: usize>(&mut self, sources: [Named; N]) -> Option<Source> {
        let mut set = sources.into_iter().filter_map(|(name, source)| Some((name, source?)));
        let (first, source) = set.next()?;
        for (name, _) in set {
            self.refuse(name, &format!("and {first} exclude each other"));
        }
        Some(source)
    }

    /// A whole number from `min` to `max`.
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

    /// A whole number of seconds from `min` to `max`.
    pub(super) fn seconds(&mut self, name: &str, default: u64, min: u64, max: u64) -> Duration {
        Duration::from_secs(self.number(name, default, min, max))
    }

    /// A truth value; false by default.
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
