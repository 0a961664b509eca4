//! Fields of a change, in which a missing field changes nothing. Only inputs of admins have them.

use serde_json::Value;

use super::{Fields, Kind, Need, label, parse_flag, unfilled_or};
use crate::{
    account::{claims::OwnClaims, email::Email, metadata::MetadataChange},
    error::Field,
    jose::number,
    password::Password,
    text::trimmed,
};

impl Fields<'_> {
    /// Reads a truth value, if it was sent.
    pub fn changed_flag(&mut self, name: &str) -> Option<bool> {
        if self.notes(name, Kind::Flag, Need::Optional) {
            return None;
        }
        match self.values.remove(name)? {
            Value::Null => None,
            Value::Bool(flag) => Some(flag),
            value => {
                let text = value.as_str().unwrap_or("?");
                let flag = parse_flag(text).filter(|_| !trimmed(text).is_empty());
                if flag.is_none() {
                    let detail = format!("`{name}` must be true or false.");
                    self.record(unfilled_or(name, text, |name| {
                        Field::new(name, "invalid_type", "A choice must be yes or no.").explained(detail)
                    }));
                }
                flag
            }
        }
    }

    /// Reads an e-mail address, if one was sent. An account cannot be without one.
    pub fn changed_email(&mut self, name: &str) -> Option<Email> {
        if self.notes(name, Kind::Email, Need::Optional) {
            return None;
        }
        let text = self.text(name)?;
        self.recorded(name, "invalid_email", &text, Email::parse(&text))
    }

    /// Reads a new password, if one was sent. An empty one removes the password.
    pub fn changed_password(&mut self, name: &str) -> Option<Option<Password>> {
        if self.notes(name, Kind::NewPassword, Need::Optional) {
            return None;
        }
        let text = self.any_text(name).map(zeroize::Zeroizing::new)?;
        if text.is_empty() {
            return Some(None);
        }
        self.recorded_as(name, Password::parse(&text)).map(Some)
    }

    /// Reads claims, if any were sent: a JSON object, or the text of one, which replaces the claims
    /// from before.
    pub fn claims(&mut self, name: &str) -> Option<OwnClaims> {
        if self.notes(name, Kind::Metadata, Need::Optional) {
            return None;
        }
        let text = self.json_text(name)?;
        OwnClaims::parse(&text).map_err(|wrong| self.wrong.extend(wrong)).ok()
    }

    /// Reads a change of private metadata, if one was sent and is not empty.
    pub fn changed_private_metadata(&mut self, name: &str) -> Option<MetadataChange> {
        if self.notes(name, Kind::Metadata, Need::Optional) {
            return None;
        }
        let text = self.json_text(name)?;
        let change = MetadataChange::parse(&text).map_err(|field| self.wrong.push(field.renamed(name))).ok()?;
        Some(change).filter(|change| !change.is_empty())
    }

    /// Reads a whole number from 0 on, if it was sent.
    pub fn whole_number(&mut self, name: &str) -> Option<u64> {
        if self.notes(name, Kind::Whole, Need::Optional) {
            return None;
        }
        let value = self.values.remove(name)?;
        let text = trimmed(value.as_str().unwrap_or_default());
        let number = match &value {
            Value::Null => return None,
            Value::String(_) => text.parse().ok(),
            number @ Value::Number(_) => number::whole(number),
            Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
        };
        if number.is_none() {
            self.record(unfilled_or(name, text, |name| {
                Field::new(name, "invalid_number", format!("{} must be a whole number.", label(name)))
            }));
        }
        number
    }
}
