//! The fields of a request, read strictly. Everything that is wrong is told at once.

use axum::http::Uri;
use serde_json::{Map, Value};

use crate::{
    account::{
        email::{Email, Identifier, Username},
        user,
    },
    error::{Error, Field},
    jose::{json, number},
    password::Password,
};

/// Reads a truth value: `true` or `false`, `yes` or `no` (as Bubble writes them). An empty text is
/// false.
fn parse_flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" | "" => Some(false),
        _ => None,
    }
}

/// Reads a truth value in the query; a missing one is false.
///
/// # Errors
///
/// 400 for any other text.
pub fn query_flag(uri: &Uri, name: &str) -> Result<bool, Error> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let value = form_urlencoded::parse(query).find(|(key, _)| key == name).map(|(_, value)| value);
    parse_flag(value.as_deref().unwrap_or_default())
        .ok_or_else(|| Error::invalid(format!("`{name}` in the query must be true or false.")))
}

/// The fields that no caller can set. A request that tries is told so, not ignored.
const NOT_SETTABLE: [&str; 3] = ["role_id", "id", "email_verified"];

/// An input that a handler reads from the body.
pub trait Input: Sized {
    /// Reads the input from the fields; `None` if a reader of [`Fields`] found a mistake.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// The fields of a request. Unknown fields are ignored. `null` counts as missing, as builders send
/// it for a value that is not set.
pub struct Fields {
    values: Map<String, Value>,
    wrong: Vec<Field>,
}

impl Fields {
    pub(super) fn new(values: Map<String, Value>) -> Self {
        Self { values, wrong: Vec::new() }
    }

    /// Reads an input, or tells every mistake at once.
    ///
    /// # Errors
    ///
    /// 400 with the mistakes.
    pub(super) fn read<T: Input>(mut self) -> Result<T, Error> {
        for name in NOT_SETTABLE {
            if self.values.contains_key(name) {
                self.refuse(name, "not_settable", format!("`{name}` cannot be set by a request."));
            }
        }
        let input = T::read(&mut self);
        input.filter(|_| self.wrong.is_empty()).ok_or_else(|| self.into_error())
    }

    /// Records a mistake in a field.
    pub fn refuse(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.wrong.push(Field::new(name, code, message));
    }

    /// Records a mistake that the handler answers by itself, if other fields are wrong too. All
    /// mistakes are then told at once.
    pub fn also_refuse(&mut self, field: &Field) {
        if !self.wrong.is_empty() {
            self.wrong.insert(0, field.clone());
        }
    }

    /// Reads a text that may be empty; `None` if it was not sent.
    pub fn text(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
                self.refuse(name, "invalid_type", format!("`{name}` must be text."));
                None
            }
        }
    }

    /// Reads a text; `None` if it is empty or was not sent.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// Reads a text that must be there and not empty.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let wrong = self.wrong.len();
        let text = self.optional(name);
        if text.is_none() && self.wrong.len() == wrong {
            self.refuse(name, "required", format!("`{name}` is required."));
        }
        text
    }

    /// Reads a truth value; false if it was not sent. Forms and some builders send it as text.
    pub fn flag(&mut self, name: &str) -> bool {
        let flag = match self.values.remove(name) {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(flag),
            Some(Value::String(text)) => parse_flag(&text),
            Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        if flag.is_none() {
            self.refuse(name, "invalid_type", format!("`{name}` must be true or false."));
        }
        flag.unwrap_or_default()
    }

    /// Reads a whole number from 1 to `max`, if it was sent. Forms and some builders send it as
    /// text.
    pub fn count(&mut self, name: &str, max: u64) -> Option<u64> {
        let number = match self.values.remove(name)? {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            // Some builders write every number with a fraction.
            number @ Value::Number(_) => number::whole(&number),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.refuse(name, "invalid_number", format!("`{name}` must be a whole number from 1 to {max}."));
        }
        number
    }

    /// Reads a JSON object, or the text of one.
    ///
    /// # Errors
    ///
    /// The mistake in the field.
    pub fn object(&mut self, name: &str) -> Result<Map<String, Value>, Field> {
        let refuse = |code, why: &str| Field::new(name, code, format!("`{name}` {why}."));
        match self.values.remove(name) {
            Some(Value::Object(object)) => Ok(object),
            Some(Value::String(text)) if !text.trim().is_empty() => {
                json::object(text.as_bytes()).map_err(|why| refuse("invalid_json", why))
            }
            None | Some(Value::Null | Value::String(_)) => Err(refuse("required", "is required")),
            Some(_) => Err(refuse("invalid_type", "must be a JSON object, or the text of one")),
        }
    }

    /// Reads a token that is to be judged and must be there. See [`Fields::optional_token`].
    pub fn token(&mut self, name: &str) -> Option<String> {
        if matches!(self.values.get(name), Some(Value::Bool(_) | Value::Number(_))) {
            return self.text(name);
        }
        let token = self.optional_token(name).filter(|token| !token.trim().is_empty());
        if token.is_none() {
            self.refuse(name, "required", format!("`{name}` is required."));
        }
        token
    }

    /// Reads a token that is to be judged, if one was sent. Its judge finds the token in it, or
    /// says what was sent instead; a value that is no text is its JSON.
    pub fn optional_token(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            value => Some(value.to_string()),
        }
    }

    /// Reads the e-mail address of a new account.
    pub fn email(&mut self, name: &str) -> Option<Email> {
        let text = self.required(name)?;
        self.recorded(name, "invalid_email", Email::parse(&text))
    }

    /// Reads a username; `None` if it is empty or was not sent.
    pub fn username(&mut self, name: &str) -> Option<Username> {
        let text = self.optional(name)?;
        self.recorded(name, "invalid_username", Username::parse(&text))
    }

    /// Reads a username to change to, if it was sent. An empty one removes the username.
    pub fn changed_username(&mut self, name: &str) -> Option<Option<Username>> {
        match self.text(name)? {
            text if text.is_empty() => Some(None),
            text => self.recorded(name, "invalid_username", Username::parse(&text)).map(Some),
        }
    }

    /// Reads a display name, if it was sent.
    pub fn name(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        self.recorded(name, "invalid_name", user::name(&text))
    }

    /// Reads the identifier of a login: `email` or `username`. Each field accepts both kinds, as
    /// an app may have one input box for them.
    pub fn identifier(&mut self) -> Option<Identifier> {
        let (email, username) = (self.optional("email"), self.optional("username"));
        match (email, username) {
            (Some(text), None) => self.recorded("email", "invalid_email", Identifier::parse(&text)),
            (None, Some(text)) => self.recorded("username", "invalid_username", Identifier::parse(&text)),
            (Some(_), Some(_)) => {
                self.refuse("username", "ambiguous", "Send `email` or `username`, not both.");
                None
            }
            (None, None) => {
                if self.wrong.is_empty() {
                    self.refuse("email", "required", "`email` or `username` is required.");
                }
                None
            }
        }
    }

    /// Reads a password that is checked against a stored hash. No rule of new passwords holds.
    pub fn password(&mut self, name: &str) -> Option<Password> {
        let text = zeroize::Zeroizing::new(self.required(name)?);
        Some(Password::typed(&text))
    }

    /// Reads a new password.
    pub fn new_password(&mut self, name: &str) -> Option<Password> {
        let text = zeroize::Zeroizing::new(self.required(name)?);
        match Password::parse(&text) {
            Ok(password) => Some(password),
            Err((code, message)) => {
                self.refuse(name, code, message);
                None
            }
        }
    }

    fn recorded<T>(&mut self, name: &str, code: &'static str, result: Result<T, &'static str>) -> Option<T> {
        result.map_err(|message| self.refuse(name, code, message)).ok()
    }

    fn into_error(self) -> Error {
        let detail = match self.wrong.as_slice() {
            [] => "The request is not as expected.".to_owned(),
            [field] => field.message.clone(),
            fields => {
                let names: Vec<&str> = fields.iter().map(|field| field.field.as_str()).collect();
                format!("These fields are missing or wrong: {}.", names.join(", "))
            }
        };
        Error::Invalid { detail, fields: self.wrong }
    }
}
