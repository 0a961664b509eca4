//! Requests: a body of JSON or form fields, read strictly, with everything that is wrong with it told at once.

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::{HeaderMap, StatusCode, header},
};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use serde_json::{Map, Value};

use crate::{
    account::{
        email::{Email, Identifier, Username},
        user,
    },
    error::{Error, Field},
    jose::json,
    password::Password,
};

/// The largest body, in bytes.
const BODY_BYTES_MAX: usize = 16 * 1024;
/// What no caller can set. Named when it is tried, rather than ignored.
const NOT_SETTABLE: [&str; 3] = ["role_id", "id", "email_verified"];

/// A truth value as text: `true` or `false`, `yes` or `no` (as Bubble writes them), nothing at all is false.
pub fn flag(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" => Some(true),
        "false" | "no" | "" => Some(false),
        _ => None,
    }
}

/// What a handler wants of the body.
pub trait Input: Sized {
    /// Takes it from the fields; None where one of the readers of [`Fields`] found something wrong.
    fn read(fields: &mut Fields) -> Option<Self>;
}

/// Extracts an [`Input`] from a request's body.
pub struct Body<T>(pub T);

impl<T: Input, S: Sync> FromRequest<S> for Body<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let bytes = match Limited::new(body, BODY_BYTES_MAX).collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) if error.is::<LengthLimitError>() => return Err(Error::Request(StatusCode::PAYLOAD_TOO_LARGE)),
            Err(_) => return Err(Error::invalid("The body could not be read to its end.")),
        };
        let mut fields = Fields { values: values(&parts.headers, &bytes)?, wrong: Vec::new() };
        for name in NOT_SETTABLE.into_iter().filter(|name| fields.values.contains_key(*name)).collect::<Vec<_>>() {
            fields.refuse(name, "not_settable", format!("`{name}` cannot be set by a request."));
        }
        let input = T::read(&mut fields);
        match input.filter(|_| fields.wrong.is_empty()) {
            Some(input) => Ok(Self(input)),
            None => Err(fields.into_error()),
        }
    }
}

/// Whether the body is a form; without a content type it is JSON.
fn is_form(headers: &HeaderMap) -> Result<bool, Error> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else { return Ok(false) };
    let unsupported = || Error::Request(StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let value = value.to_str().map_err(|_| unsupported())?.to_ascii_lowercase();
    let mut parts = value.split(';').map(str::trim);
    let form = match parts.next() {
        Some("application/json" | "") => false,
        Some("application/x-www-form-urlencoded") => true,
        _ => return Err(unsupported()),
    };
    let charset = parts.find_map(|parameter| parameter.strip_prefix("charset=")).map(|name| name.trim_matches('"'));
    if charset.is_none_or(|name| name == "utf-8" || name == "utf8") { Ok(form) } else { Err(unsupported()) }
}

/// No body has no fields, of whatever type it is said to be.
fn values(headers: &HeaderMap, bytes: &Bytes) -> Result<Map<String, Value>, Error> {
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    // RFC 8259 section 8.1 lets a parser pass over a byte order mark, and some builders write one.
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let read = if is_form(headers)? { form_object(text) } else { json::object(text) };
    read.map_err(|refusal| Error::invalid(format!("The body {refusal}.")))
}

fn form_object(bytes: &[u8]) -> Result<Map<String, Value>, &'static str> {
    // What curl and others send unless they are told the type; read as a form it would only seem to lack every field.
    if bytes.trim_ascii_start().starts_with(b"{") {
        return Err("looks like JSON but was sent as a form: set Content-Type to application/json");
    }
    let mut object = Map::new();
    for (key, value) in form_urlencoded::parse(bytes) {
        // What is not UTF-8 was decoded to the replacement character.
        if key.contains('\u{fffd}') || value.contains('\u{fffd}') {
            return Err("is not valid UTF-8");
        }
        if key.contains('\0') || value.contains('\0') {
            return Err("has a NUL character in a text");
        }
        if object.insert(key.into_owned(), Value::String(value.into_owned())).is_some() {
            return Err("gives a key twice");
        }
    }
    Ok(object)
}

/// The fields of a request. Unknown ones are ignored; `null` is as good as none, as builders send it for what is not set.
pub struct Fields {
    values: Map<String, Value>,
    wrong: Vec<Field>,
}

impl Fields {
    /// Notes what is wrong with a field.
    pub fn refuse(&mut self, name: &str, code: &'static str, message: impl Into<String>) {
        self.wrong.push(Field::new(name, code, message));
    }

    /// Notes what a handler has an answer of its own for, if something else is wrong too, so that everything is told at once.
    pub fn also_refuse(&mut self, field: &Field) {
        if !self.wrong.is_empty() {
            self.wrong.insert(0, field.clone());
        }
    }

    /// A text that may be empty, if it was sent at all.
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

    /// A text, none if it is empty.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        self.text(name).filter(|text| !text.is_empty())
    }

    /// A text that must be there and not empty.
    pub fn required(&mut self, name: &str) -> Option<String> {
        let wrong = self.wrong.len();
        let text = self.optional(name);
        if text.is_none() && self.wrong.len() == wrong {
            self.refuse(name, "required", format!("`{name}` is required."));
        }
        text
    }

    /// A truth value; false if it was not sent. Forms can only send it as text, and so do some builders.
    pub fn flag(&mut self, name: &str) -> bool {
        let flag = match self.values.remove(name) {
            None | Some(Value::Null) => Some(false),
            Some(Value::Bool(flag)) => Some(flag),
            Some(Value::String(text)) => flag(&text),
            Some(Value::Number(_) | Value::Array(_) | Value::Object(_)) => None,
        };
        if flag.is_none() {
            self.refuse(name, "invalid_type", format!("`{name}` must be true or false."));
        }
        flag.unwrap_or_default()
    }

    /// A whole number from 1 to `max`, if it was sent. Forms can only send it as text, and so do some builders.
    pub fn count(&mut self, name: &str, max: u64) -> Option<u64> {
        let number = match self.values.remove(name)? {
            Value::Null => return None,
            Value::String(text) if text.trim().is_empty() => return None,
            Value::String(text) => text.trim().parse().ok(),
            // Some builders write every number with a fraction.
            Value::Number(number) => number.as_u64().or_else(|| {
                number.as_f64().filter(|whole| whole.fract() == 0.0 && *whole >= 1.0).map(|whole| whole as u64)
            }),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        let number = number.filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.refuse(name, "invalid_number", format!("`{name}` must be a whole number from 1 to {max}."));
        }
        number
    }

    /// A JSON object, or its text.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
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

    /// A token that must be there; white space around it is not part of it.
    pub fn token(&mut self, name: &str) -> Option<String> {
        Some(self.required(name)?.trim().to_owned())
    }

    /// A token to be judged, if one was sent: what is no text is no token, which its judge says better.
    pub fn optional_token(&mut self, name: &str) -> Option<String> {
        match self.values.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            value => Some(value.to_string()),
        }
    }

    /// The e-mail address of a new account.
    pub fn email(&mut self, name: &str) -> Option<Email> {
        let text = self.required(name)?;
        self.recorded(name, "invalid_email", Email::parse(&text))
    }

    /// A username, none if it is empty.
    pub fn username(&mut self, name: &str) -> Option<Username> {
        let text = self.optional(name)?;
        self.recorded(name, "invalid_username", Username::parse(&text))
    }

    /// A username to change to, if it was sent; an empty one is to have none.
    pub fn changed_username(&mut self, name: &str) -> Option<Option<Username>> {
        match self.text(name)? {
            text if text.is_empty() => Some(None),
            text => self.recorded(name, "invalid_username", Username::parse(&text)).map(Some),
        }
    }

    /// A display name, if it was sent.
    pub fn name(&mut self, name: &str) -> Option<String> {
        let text = self.text(name)?;
        self.recorded(name, "invalid_name", user::name(&text))
    }

    /// What somebody logs in with: `email` or `username`, either in either, as one input box has it.
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

    /// A password, as typed.
    pub fn password(&mut self, name: &str) -> Option<Password> {
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
