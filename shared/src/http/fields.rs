//! The fields of a request, read strictly. Everything that is wrong is told at once.

mod changes;
pub mod described;
mod mails;
mod tokens;
mod words;

use axum::{
    body::Bytes,
    http::{HeaderMap, Uri},
};
use serde_json::{Map, Value, value::RawValue};
use unicode_normalization::UnicodeNormalization;

use super::unknown::{self, Place};
use crate::{
    account::{
        email::{Email, Identifier, Username},
        metadata::{Metadata, MetadataChange},
        user,
    },
    config::Config,
    error::{Error, Field},
    jose::{
        json::{self, diagnosis},
        members::members,
        number,
    },
    password::{Password, Person},
    text::{BYTE_ORDER_MARK, Invisible, bare, is_bidi_control, is_placeholder, is_unseen, trimmed, visible},
};

use described::{Described, Kind, Need};
use words::{ask, kind, label, unfilled};

/// Reads a truth value: `true` or `false`, `yes` or `no` (as Bubble writes them). An empty text is
/// false.
fn parse_flag(text: &str) -> Option<bool> {
    match visible(text).to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" | "" => Some(false),
        _ => None,
    }
}

/// Whether a password that was typed again is the first one. A field that a form leaves empty, or
/// that holds no text, says nothing.
fn is_same(again: &Value, password: &str) -> bool {
    again.as_str().is_none_or(|again| again.is_empty() || again.nfc().eq(password.nfc()))
}

/// The text of a name in the query. `None` if it is missing or empty.
pub fn query_text(uri: &Uri, name: &str) -> Option<String> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let found = form_urlencoded::parse(query).find(|(key, value)| key == name && !value.is_empty());
    found.map(|(_, value)| value.into_owned())
}

/// Reads a truth value in the query; a missing one is false.
///
/// # Errors
///
/// 400 for any other text.
pub fn query_flag(uri: &Uri, name: &str) -> Result<bool, Error> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let value = form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value);
    let text = value.as_deref().unwrap_or_default();
    parse_flag(text).ok_or_else(|| {
        let detail = format!("`{name}` in the query must be true or false.");
        Error::wrong(vec![unfilled_or(name, text, |field| {
            Field::new(field, "invalid_type", "A choice must be yes or no.").explained(detail)
        })])
    })
}

/// The text of a header, without what nobody sees around it. `None` if it is missing or empty: a
/// builder whose field for the header is empty sends an empty header.
///
/// # Errors
///
/// 400 for a text that is not printable ASCII, and for a placeholder. A key that is the name of a
/// variable would be the same for everybody.
pub fn header<'a>(headers: &'a HeaderMap, name: &'static str) -> Result<Option<&'a str>, Error> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    let text = str::from_utf8(value.as_bytes()).map(trimmed).unwrap_or("\u{fffd}");
    if is_placeholder(text) {
        return Err(Error::wrong(vec![unfilled(name)]));
    }
    if text.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
        return Ok(Some(text).filter(|text| !text.is_empty()));
    }
    let found = Invisible::find_by(text, |letter| letter != ' ' && is_unseen(letter));
    let found = found.map_or("a letter or sign beyond plain ASCII".to_owned(), |found| found.to_string());
    Err(Error::explained(
        format!("A part of the request has {found}."),
        format!("The header `{name}` has {found}. It must be printable ASCII."),
    ))
}

/// The mistake of a placeholder, or else the other one.
fn unfilled_or(name: &str, text: &str, other: impl FnOnce(&str) -> Field) -> Field {
    if is_placeholder(text) { unfilled(name) } else { other(name) }
}

/// The fields that no caller can set. A request that tries is told so, not ignored.
pub(super) const NOT_SETTABLE: [&str; 3] = ["role_id", "id", "email_verified"];

/// An input that a handler reads from the body.
pub trait Input: Sized {
    /// The place that stores the fields, if unknown ones are refused. Nothing that somebody wants
    /// to keep is lost in silence.
    const STORED_AT: Option<Place> = None;

    /// Whether the input may set what no other caller can: the role, and whether the address is
    /// verified. Only inputs of admins do.
    const MAY_SET_ALL: bool = false;

    /// Reads the input from the fields; `None` if a reader of [`Fields`] found a mistake.
    fn read(fields: &mut Fields<'_>) -> Option<Self>;
}

/// The fields of a request. Unknown fields are ignored, unless [`Input::STORED_AT`] says otherwise.
/// `null` counts as missing, as builders send it for a value that is not set.
pub struct Fields<'a> {
    values: Map<String, Value>,
    /// The body that the values were read from.
    body: Bytes,
    wrong: Vec<Field>,
    /// The configuration; `None` while an input is described.
    config: Option<&'a Config>,
    /// The query of the URL, which no field is read from.
    query: &'a str,
    /// The fields so far, while an input is described.
    noted: Option<Vec<Described>>,
    /// The names that readers asked for. A test holds them to the description.
    #[cfg(feature = "testing")]
    asked: std::collections::BTreeSet<String>,
}

impl<'a> Fields<'a> {
    pub(super) fn new(values: Map<String, Value>, body: Bytes, config: &'a Config) -> Self {
        Self { config: Some(config), values, body, noted: None, ..Self::describing() }
    }

    /// Knows the query of the URL, to name a field that was sent there.
    pub(super) fn with_query(self, query: &'a str) -> Self {
        Self { query, ..self }
    }

    /// Fields whose readers note their names and kinds, and find nothing.
    fn describing() -> Self {
        Self {
            values: Map::new(),
            body: Bytes::new(),
            wrong: Vec::new(),
            config: None,
            query: "",
            noted: Some(Vec::new()),
            #[cfg(feature = "testing")]
            asked: std::collections::BTreeSet::new(),
        }
    }

    /// Reads an input, or tells every mistake at once.
    ///
    /// # Errors
    ///
    /// 400 with the mistakes.
    pub(super) fn read<T: Input>(mut self) -> Result<T, Error> {
        for name in NOT_SETTABLE.into_iter().filter(|_| !T::MAY_SET_ALL) {
            if self.values.contains_key(name) {
                let detail = format!("`{name}` cannot be set by a request: leave it out.");
                self.record(Field::new(name, "not_settable", "A request cannot set this.").explained(detail));
            }
        }
        let input = T::read(&mut self);
        #[cfg(feature = "testing")]
        self.assert_described::<T>(input.is_some());
        if let Some(place) = T::STORED_AT {
            self.wrong.extend(unknown::refusals(&self.values, place));
        }
        input.filter(|_| self.wrong.is_empty()).ok_or_else(|| Error::wrong(self.wrong))
    }

    /// Records a mistake in a field.
    pub fn record(&mut self, field: Field) {
        self.wrong.push(field);
    }

    /// Records a mistake in a field, whose sentence says everything.
    pub fn refuse(&mut self, name: &str, code: &'static str, message: impl AsRef<str>) {
        self.record(Field::new(name, code, message));
    }

    /// Records a mistake that the handler answers by itself, if other fields are wrong too. All
    /// mistakes are then told at once, one for each field.
    pub fn also_refuse(&mut self, field: &Field) {
        if !self.wrong.is_empty() && self.wrong.iter().all(|other| other.field != field.field) {
            self.wrong.insert(0, field.clone());
        }
    }

    /// Reads a text that may be empty; `None` if it was not sent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Text, Need::Optional) {
            return None;
        }
        let text = self.any_text(name)?;
        if is_placeholder(&text) {
            self.record(unfilled(name));
            return None;
        }
        if trimmed(&text) == "[object Object]" {
            let detail =
                format!("`{name}` is what JavaScript writes for an object: send the text that is in the object.");
            self.record(Field::new(name, "invalid_type", format!("{} must be text.", label(name))).explained(detail));
            return None;
        }
        Some(text)
    }

    /// Reads a text that may be a placeholder by accident, as a password may.
    fn any_text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            value => {
                let detail = format!("`{name}` must be text, and {} was sent.", kind(&value));
                self.record(
                    Field::new(name, "invalid_type", format!("{} must be text.", label(name))).explained(detail),
                );
                None
            }
        }
    }

    /// Reads a text without the blanks around it, and without the characters that nobody sees.
    /// `None` if it is empty or was not sent.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Text, Need::Optional) {
            return None;
        }
        self.text(name).map(|text| bare(&text).to_owned()).filter(|text| !text.is_empty())
    }

    /// Reads a text as [`Fields::optional`] does, which must be there.
    pub fn required(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Text, Need::Required) {
            return None;
        }
        let wrong = self.wrong.len();
        let text = self.optional(name);
        self.there(name, text, wrong)
    }

    /// Records that a text is missing, unless a mistake in it was recorded since there were `wrong`
    /// of them.
    fn there(&mut self, name: &str, text: Option<String>, wrong: usize) -> Option<String> {
        if text.is_none() && self.wrong.len() == wrong {
            self.record(self.absence(name));
        }
        text
    }

    /// Records that a field is missing which another field makes necessary, unless a mistake in it
    /// was recorded.
    pub fn needed<T>(&mut self, name: &str, value: Option<T>) -> Option<T> {
        if value.is_none() && self.wrong.iter().all(|field| field.field != name) {
            self.record(self.absence(name));
        }
        value
    }

    /// The mistake of a field that is missing, with the place where its value was sent.
    fn absence(&self, name: &str) -> Field {
        let instead =
            self.sent_instead(name).map(|key| format!("`{name}` is required, and `{key}` was sent: write `{name}`."));
        match instead.or_else(|| self.sent_elsewhere(name)) {
            Some(detail) => missing(name).explained(detail),
            None => missing(name),
        }
    }

    /// A sentence about a field that stands in another object of the body, in the text of one, or
    /// in the query.
    fn sent_elsewhere(&self, name: &str) -> Option<String> {
        let has = |value: &Value| match value {
            Value::Object(object) => object.contains_key(name),
            Value::String(text) => json::object(text.as_bytes()).is_ok_and(|object| object.contains_key(name)),
            _ => false,
        };
        if self.values.values().any(has) {
            return Some(format!(
                "`{name}` is required, and it was sent inside of another field: send it at the top level of the body."
            ));
        }
        let is_in_query = form_urlencoded::parse(self.query.as_bytes()).any(|(key, _)| key == name);
        is_in_query
            .then(|| format!("`{name}` is required, and it was sent in the query of the URL: send it in the body."))
    }

    /// The key that was sent in the place of this one: with other letters or signs, or by another
    /// word for the same.
    fn sent_instead(&self, name: &str) -> Option<&str> {
        let filled = self.values.iter().filter(|(_, value)| value.as_str().is_some_and(|text| !text.is_empty()));
        filled.map(|(key, _)| key.as_str()).find(|key| unknown::is_meant(key, name))
    }

    /// Reads a truth value; false if it was not sent. Forms and some builders send it as text.
    pub fn flag(&mut self, name: &str) -> bool {
        if self.notes(name, Kind::Flag, Need::Optional) {
            return false;
        }
        let value = self.values.remove(name).unwrap_or_default();
        let text = value.as_str().unwrap_or_default();
        let flag = match &value {
            Value::Null => Some(false),
            Value::Bool(flag) => Some(*flag),
            Value::String(text) => parse_flag(text),
            Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if flag.is_none() {
            let detail = format!("`{name}` must be true or false.");
            self.record(unfilled_or(name, text, |name| {
                Field::new(name, "invalid_type", "A choice must be yes or no.").explained(detail)
            }));
        }
        flag.unwrap_or_default()
    }

    /// Reads a whole number from 1 to `max`, if it was sent. Forms and some builders send it as
    /// text.
    pub fn count(&mut self, name: &str, max: u64) -> Option<u64> {
        if self.notes(name, Kind::Count(max), Need::Optional) {
            return None;
        }
        let value = self.values.remove(name)?;
        let text = trimmed(value.as_str().unwrap_or_default());
        let number = match &value {
            Value::Null => return None,
            Value::String(_) if text.is_empty() => return None,
            Value::String(_) => text.parse().ok(),
            // Some builders write every number with a fraction.
            number @ Value::Number(_) => number::whole(number),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            let sentence = format!("must be a whole number from 1 to {max}.");
            self.record(unfilled_or(name, text, |name| {
                Field::new(name, "invalid_number", format!("{} {sentence}", label(name)))
                    .explained(format!("`{name}` {sentence}"))
            }));
        }
        number
    }

    /// Reads a JSON object, or the text of one.
    ///
    /// # Errors
    ///
    /// The mistake in the field.
    pub fn object(&mut self, name: &str) -> Result<Map<String, Value>, Field> {
        if self.notes(name, Kind::Object, Need::Required) {
            return Err(missing(name));
        }
        let refuse = |code, why: &str, cure: &str| {
            let detail = format!("`{name}` {why}. {cure}").trim_end().to_owned();
            Field::new(name, code, format!("{} {why}.", label(name))).explained(detail)
        };
        match self.values.remove(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(Value::String(text)) if is_placeholder(&text) => Err(unfilled(name)),
            Some(Value::String(text)) if !trimmed(&text).is_empty() => diagnosis::object(text.as_bytes())
                .map_err(|found| refuse("invalid_json", &found.to_string(), found.cure())),
            None | Some(Value::Null | Value::String(_)) => Err(refuse("required", "is required", "")),
            Some(value) => {
                let cure = format!("It is {}.", kind(&value));
                Err(refuse("invalid_type", "must be a JSON object, or the text of one", &cure))
            }
        }
    }

    /// Reads a list of 1 to `max` JSON objects, each as it was written.
    pub fn objects(&mut self, name: &str, max: usize) -> Option<Vec<Box<RawValue>>> {
        if self.notes(name, Kind::Objects(max), Need::Required) {
            return None;
        }
        let Some(text) = self.json_text(name) else { return self.needed(name, None) };
        let list: Option<Vec<Box<RawValue>>> = serde_json::from_str(&text).ok();
        let (code, sentence) = match list {
            None => ("invalid_type", "must be a list of JSON objects.".to_owned()),
            Some(list) if (1..=max).contains(&list.len()) => return Some(list),
            Some(_) => ("invalid_number", format!("must have 1 to {max} JSON objects.")),
        };
        self.record(
            Field::new(name, code, format!("{} {sentence}", label(name))).explained(format!("`{name}` {sentence}")),
        );
        None
    }

    /// Reads the metadata of a new account, if any was sent: a JSON object, or the text of one, as
    /// forms send it.
    pub fn metadata(&mut self, name: &str) -> Option<Metadata> {
        if self.notes(name, Kind::Metadata, Need::Optional) {
            return None;
        }
        let text = self.json_text(name)?;
        Metadata::parse(&text).map_err(|field| self.wrong.push(field)).ok()
    }

    /// Reads a change of metadata, if one was sent and is not empty.
    pub fn changed_metadata(&mut self, name: &str) -> Option<MetadataChange> {
        if self.notes(name, Kind::Metadata, Need::Optional) {
            return None;
        }
        let text = self.json_text(name)?;
        let change = MetadataChange::parse(&text).map_err(|field| self.wrong.push(field)).ok()?;
        Some(change).filter(|change| !change.is_empty())
    }

    /// Reads a JSON value as its text, as it was written. A text counts as the text of a value.
    fn json_text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) if trimmed(&text).is_empty() => None,
            Value::String(text) if is_placeholder(&text) => {
                self.record(unfilled(name));
                None
            }
            Value::String(text) => Some(text),
            value => Some(self.written(name).unwrap_or_else(|| value.to_string())),
        }
    }

    /// Reads the e-mail address of a new account.
    pub fn email(&mut self, name: &str) -> Option<Email> {
        if self.notes(name, Kind::Email, Need::Required) {
            return None;
        }
        let text = self.required(name)?;
        self.recorded(name, "invalid_email", &text, Email::parse(&text))
    }

    /// Reads a username; `None` if it is empty or was not sent.
    pub fn username(&mut self, name: &str) -> Option<Username> {
        if self.notes(name, Kind::Username, Need::Optional) {
            return None;
        }
        let text = self.optional(name)?;
        self.recorded(name, "invalid_username", &text, Username::parse(&text))
    }

    /// Reads a username to change to, if it was sent. An empty one removes the username.
    pub fn changed_username(&mut self, name: &str) -> Option<Option<Username>> {
        if self.notes(name, Kind::Username, Need::Optional) {
            return None;
        }
        match self.text(name)? {
            text if text.is_empty() => Some(None),
            text => self.recorded(name, "invalid_username", &text, Username::parse(&text)).map(Some),
        }
    }

    /// Reads a display name, if it was sent.
    pub fn name(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Name, Need::Optional) {
            return None;
        }
        let text = self.text(name)?;
        self.named(name, &text)
    }

    /// Reads a display name that stands within the field `name`.
    pub fn named(&mut self, name: &str, text: &str) -> Option<String> {
        let parsed = user::name(text).map_err(|sentence| {
            // Other characters that nobody sees belong to names, such as those between two emoji.
            let is_refused = |letter: char| letter.is_control() || is_bidi_control(letter);
            named(name, Invisible::find_by(text.trim(), is_refused)).unwrap_or_else(|| sentence.to_owned())
        });
        self.recorded_as(name, parsed.map_err(|message| ("invalid_name", message)))
    }

    /// Reads the identifier of a login: `email` or `username`. Each field accepts both kinds, as
    /// an app may have one input box for them.
    pub fn identifier(&mut self) -> Option<Identifier> {
        let note = |fields: &mut Self, name| fields.notes(name, Kind::Identifier, Need::Either);
        if note(self, "email") && note(self, "username") {
            return None;
        }
        let wrong = self.wrong.len();
        let (email, username) = (self.optional("email"), self.optional("username"));
        match (email, username) {
            (Some(text), None) => self.identified("email", "invalid_email", &text, text.contains('@')),
            (None, Some(text)) => self.identified("username", "invalid_username", &text, !text.contains('@')),
            (Some(_), Some(_)) => {
                let message = "Enter an e-mail address or a username, not both.";
                self.record(
                    Field::new("username", "ambiguous", message).explained("Send `email` or `username`, not both."),
                );
                None
            }
            (None, None) => {
                if self.wrong.len() == wrong {
                    let instead =
                        ["email", "username"].into_iter().find_map(|name| Some((name, self.sent_instead(name)?)));
                    let detail = match instead {
                        Some((name, key)) => {
                            format!("`email` or `username` is required, and `{key}` was sent: write `{name}`.")
                        }
                        None => ["email", "username"]
                            .into_iter()
                            .find_map(|name| self.sent_elsewhere(name))
                            .unwrap_or_else(|| {
                                "`email` or `username` is required: neither was sent, or both values were empty."
                                    .to_owned()
                            }),
                    };
                    let message = "Enter your e-mail address or your username.";
                    self.record(Field::new("email", "required", message).explained(detail));
                }
                None
            }
        }
    }

    /// Reads the identifier of a login, if one was sent.
    pub fn optional_identifier(&mut self) -> Option<Identifier> {
        let is_noted = ["email", "username"].map(|name| self.notes(name, Kind::Identifier, Need::Optional));
        if is_noted == [true; 2] {
            return None;
        }
        let is_sent = |name| self.values.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
        if is_sent("email") || is_sent("username") { self.identifier() } else { None }
    }

    /// Reads a password that is checked against a stored hash. No rule of new passwords holds.
    pub fn password(&mut self, name: &str) -> Option<Password> {
        if self.notes(name, Kind::Password, Need::Required) {
            return None;
        }
        Some(Password::typed(&self.secret(name)?))
    }

    /// Reads a password that is checked against a stored hash, if one was sent.
    pub fn optional_password(&mut self, name: &str) -> Option<Password> {
        if self.notes(name, Kind::Password, Need::Optional) {
            return None;
        }
        let text = self.any_text(name).filter(|text| !text.is_empty()).map(zeroize::Zeroizing::new)?;
        Some(Password::typed(&text))
    }

    /// Reads a new password. If it was typed twice, both must be the same.
    pub fn new_password(&mut self, name: &str) -> Option<Password> {
        if self.notes(name, Kind::NewPassword, Need::Required) {
            return None;
        }
        let text = self.secret(name)?;
        let other = self.values.iter().find(|(key, again)| unknown::is_typed_again(key) && !is_same(again, &text));
        if let Some(key) = other.map(|(key, _)| key.clone()) {
            self.record(Field::new(key, "password_mismatch", "The two passwords are not the same."));
        }
        self.recorded_as(name, Password::parse(&text))
    }

    /// Reads a new password, if one was sent.
    pub fn optional_new_password(&mut self, name: &str) -> Option<Password> {
        if self.notes(name, Kind::NewPassword, Need::Optional) {
            return None;
        }
        let is_sent = self.values.get(name).is_some_and(|value| !value.is_null() && value.as_str() != Some(""));
        if is_sent { self.new_password(name) } else { None }
    }

    /// The reason why a new password is too weak for `person`, as far as the person is known.
    pub fn weakness(&self, name: &str, password: &Password, person: &Person<'_>) -> Option<Field> {
        let accounts = &self.config?.accounts;
        let weakness = password.weakness(&accounts.password_policy, &accounts.service_names, person);
        weakness.map(|(code, message)| Field::new(name, code, message))
    }

    /// Reads the text of a password, which is wiped from memory. Any text may be one.
    fn secret(&mut self, name: &str) -> Option<zeroize::Zeroizing<String>> {
        let wrong = self.wrong.len();
        let text = self.any_text(name).filter(|text| !text.is_empty());
        self.there(name, text, wrong).map(zeroize::Zeroizing::new)
    }

    /// Reads an identifier of either kind. The sentence about the other kind would be about another
    /// field.
    fn identified(&mut self, name: &str, code: &'static str, text: &str, is_own_kind: bool) -> Option<Identifier> {
        let neither = "This is neither an e-mail address nor a username.";
        let parsed = Identifier::parse(text).map_err(|sentence| if is_own_kind { sentence } else { neither });
        self.recorded(name, code, text, parsed)
    }

    /// Records the sentence about a text, or the character in it that nobody sees.
    fn recorded<T>(
        &mut self,
        name: &str,
        code: &'static str,
        text: &str,
        parsed: Result<T, &'static str>,
    ) -> Option<T> {
        let told = |sentence: &str| named(name, Invisible::find(trimmed(text))).unwrap_or_else(|| sentence.to_owned());
        self.recorded_as(name, parsed.map_err(|sentence| (code, told(sentence))))
    }

    fn recorded_as<T>(&mut self, name: &str, result: Result<T, (&'static str, impl AsRef<str>)>) -> Option<T> {
        result.map_err(|(code, message)| self.record(Field::new(name, code, message))).ok()
    }

    /// The text of the member `name` as the client wrote it, with the digits of its numbers.
    fn written(&self, name: &str) -> Option<String> {
        let body = self.body.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&self.body);
        let (_, text) = members(body).ok()?.into_iter().find(|(key, _)| key == name)?;
        Some(text.get().to_owned())
    }
}

/// The mistake of a field that is required.
pub fn missing(name: &str) -> Field {
    let detail = format!("`{name}` is required: it was not sent, or its value was empty.");
    Field::new(name, "required", ask(name)).explained(detail)
}

/// The sentence about a character that nobody sees.
fn named(name: &str, found: Option<Invisible>) -> Option<String> {
    found.map(|found| format!("{} has {found}.", label(name)))
}
