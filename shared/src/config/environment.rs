//! The variables, read one by one, and the sentences about bad ones.

use std::time::Duration;

use super::{
    Misconfigured, Platform, looks_like_path, names,
    values::{meant_number, plain, strange_character},
};
use crate::{keys::Source, text::bare};

/// Longer than any ARN of a secret, since a secret's name has at most 512 characters.
const SECRET_ID_BYTES_MAX: usize = 640;

/// A variable's name, and the source of a secret that its value names. `None` if it is not set.
pub(super) type Named = (&'static str, Option<Source>);

/// The variables by name, the platform, and a sentence for each variable that is bad or missing.
pub(super) struct Environment<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    pub(super) platform: Platform,
    /// Whether the process signs or verifies anything.
    pub(super) needs_keys: bool,
    /// The name of each bad or missing variable, and a sentence about it.
    wrong: Vec<(String, String)>,
}

impl<'a> Environment<'a> {
    /// The variables that `get` returns.
    pub(super) fn new(get: &'a dyn Fn(&str) -> Option<String>) -> Self {
        let mut env = Self { get, platform: Platform::default(), needs_keys: true, wrong: Vec::new() };
        env.platform = Platform::read(&env);
        env.refuse_strange_characters();
        env
    }

    /// Returns `read` if no variable was refused.
    ///
    /// # Errors
    ///
    /// Every bad or missing variable, by name.
    pub(super) fn done<T>(self, read: T) -> Result<T, Misconfigured> {
        let sentences: Vec<String> = self.wrong.into_iter().map(|(_, sentence)| sentence).collect();
        if sentences.is_empty() { Ok(read) } else { Err(Misconfigured(sentences)) }
    }

    /// A value without white space and quotation marks around it. `None` if it is unset or empty.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| plain(&value).to_owned()).filter(|value| !value.is_empty())
    }

    /// A value that may be a secret, or JSON: quotation marks around it may belong to it.
    pub(super) fn quoted(&self, name: &str) -> Option<String> {
        (self.get)(name).map(|value| bare(&value).to_owned()).filter(|value| !value.is_empty())
    }

    /// A word in small letters, since nobody means something else by capitals.
    pub(super) fn word(&self, name: &str) -> Option<String> {
        self.text(name).map(|text| text.to_ascii_lowercase())
    }

    /// The different entries of a list with commas, as `read` gives each. Refuses a list without
    /// entries, and one with a wrong entry. `rule` says how the list must be. `read` fails with a
    /// clause that follows "this one".
    pub(super) fn list(
        &mut self,
        name: &str,
        rule: &str,
        text: &str,
        read: impl Fn(&str) -> Result<String, String>,
    ) -> Vec<String> {
        let entries: Vec<&str> = text.split(',').map(str::trim).filter(|entry| !entry.is_empty()).collect();
        let (mut values, mut faults) = (Vec::new(), Vec::new());
        for (index, entry) in entries.iter().enumerate() {
            match read(entry) {
                Ok(value) if values.contains(&value) => {}
                Ok(value) => values.push(value),
                Err(why) if entries.len() == 1 => faults.push(format!("this one {why}")),
                Err(why) => faults.push(format!("entry {} {why}", index + 1)),
            }
        }
        if entries.is_empty() {
            self.refuse(name, rule);
        } else if !faults.is_empty() {
            self.refuse(name, &format!("{rule}: {}", faults.join("; ")));
        }
        values
    }

    /// Refuses a variable. `why` continues the sentence that its name begins. The first reason of a
    /// variable is the only one that is told.
    pub(super) fn refuse(&mut self, name: &str, why: &str) {
        if !self.wrong.iter().any(|(other, _)| other == name) {
            // A file for `docker run --env-file` has no comments behind values.
            let has_comment = self.text(name).is_some_and(|text| text.contains(" #"));
            let hint = if has_comment { "; a comment behind the value counts as a part of it" } else { "" };
            self.wrong.push((name.to_owned(), format!("{name} {why}{hint}.")));
        }
    }

    /// Refuses values with characters that nobody sees. A service account is repaired instead.
    fn refuse_strange_characters(&mut self) {
        let repaired = ["FIREBASE_SERVICE_ACCOUNT", "GOOGLE_APPLICATION_CREDENTIALS"];
        for name in names::variables().filter(|name| !repaired.contains(name)) {
            if let Some(why) = self.text(name).and_then(|text| strange_character(&text)) {
                self.refuse(name, &why);
            }
        }
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
        (name, self.quoted(name).and_then(|text| read(text).map_err(|why| self.refuse(name, &why)).ok()))
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
                let meant = self.text(name).and_then(|text| meant_number(&text));
                let meant = meant.filter(|meant| (min..=max).contains(meant));
                let meant = meant.map(|meant| format!(", written as digits alone: {meant}")).unwrap_or_default();
                let of_what = if name.ends_with("_SECONDS") { " of seconds" } else { "" };
                self.refuse(name, &format!("must be a whole number{of_what} from {min} to {max}{meant}"));
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
        self.switch(name, ("true", "false"), false)
    }

    /// One of two words, the first of which means yes. Other words for yes and no are refused with
    /// the right one, because another program may read them otherwise.
    pub(super) fn switch(&mut self, name: &str, (yes, no): (&str, &str), default: bool) -> bool {
        match self.word(name).as_deref() {
            None => default,
            Some(word) if word == yes => true,
            Some(word) if word == no => false,
            Some("true" | "yes" | "y" | "on" | "1" | "enabled" | "enable") => {
                self.refuse(name, &format!("must be {yes} or {no}: write {yes}"));
                default
            }
            Some("false" | "no" | "n" | "off" | "0" | "disabled" | "disable") => {
                self.refuse(name, &format!("must be {yes} or {no}: write {no}"));
                default
            }
            Some(_) => {
                self.refuse(name, &format!("must be {yes} or {no}"));
                default
            }
        }
    }
}

fn is_secret_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"/_+=.@:-".contains(&byte);
    let is_of_another_service = text.starts_with("arn:") && !text.contains(":secretsmanager:");
    text.len() <= SECRET_ID_BYTES_MAX && text.bytes().all(fits) && !text.contains("://") && !is_of_another_service
}
