//! Fields that hold tokens. The judge of a token finds it in whatever was pasted, or says what was
//! sent instead. A placeholder says nothing of a token, but that the app is not finished. So it is
//! a mistake of the field.

use serde_json::Value;

use super::{
    Fields,
    described::{Kind, Need},
    words::label,
};
use crate::{
    error::{Field, PLACEHOLDER},
    text::trimmed,
    token::pasted::{Pasted, Wanted},
};

impl Fields<'_> {
    /// Reads a token that must be there. White space alone counts as missing. A truth value or a
    /// number is refused, since it is no text.
    pub fn token(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Token, Need::Required) {
            return None;
        }
        if matches!(self.values.get(name), Some(Value::Bool(_) | Value::Number(_))) {
            return self.text(name);
        }
        let wrong = self.wrong.len();
        let token = self.optional_token(name).filter(|token| !trimmed(token).is_empty());
        self.there(name, token, wrong)
    }

    /// Reads a token that is to be judged, if one was sent. A value that is no text is its JSON.
    pub fn optional_token(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Token, Need::Optional) {
            return None;
        }
        let text = match self.values.remove(name)? {
            Value::Null => return None,
            Value::String(text) => text,
            value => value.to_string(),
        };
        let wanted = match name {
            "refresh_token" => Wanted::RefreshToken,
            "id_token" => Wanted::IdToken,
            _ => Wanted::Jwt,
        };
        let Some(sentence) = Pasted::placeholder(&text, wanted) else { return Some(text) };
        let message = format!("{} was not filled in by the app.", label(name));
        self.record(Field::new(name, PLACEHOLDER, message).explained(sentence));
        None
    }

    /// Reads a token as [`Fields::optional_token`] does. It must be there, whatever it is.
    pub fn required_token(&mut self, name: &str) -> Option<String> {
        if self.notes(name, Kind::Token, Need::Required) {
            return None;
        }
        let wrong = self.wrong.len();
        let text = self.optional_token(name);
        self.there(name, text, wrong)
    }
}
