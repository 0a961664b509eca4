//! The fields of mails: their codes, and their language.

use serde_json::Value;

use super::{
    Fields,
    described::{Kind, Need},
};
use crate::{
    account::proof::{CODE_DIGITS, Code, LoginCode},
    config::ContinueUrl,
    error::Field,
    mail::Language,
};

impl Fields<'_> {
    /// Reads the language of a mail by its tag (BCP 47). English, if none was sent or if there are
    /// no texts in it.
    pub fn language(&mut self, name: &str) -> Language {
        self.optional(name).map(|tag| Language::of_tag(&tag)).unwrap_or_default()
    }

    /// Reads the code of a mail, which must be there. Some builders send it as a number.
    pub fn code(&mut self, name: &str) -> Option<Code> {
        if self.notes(name, Kind::Text, Need::Required) {
            return None;
        }
        self.code_as_text(name);
        let text = self.required(name)?;
        self.parsed_code(name, &text)
    }

    /// Reads the code of a mail, if one was sent.
    pub fn optional_code(&mut self, name: &str) -> Option<Code> {
        if self.notes(name, Kind::Text, Need::Optional) {
            return None;
        }
        self.code_as_text(name);
        let text = self.optional(name)?;
        self.parsed_code(name, &text)
    }

    /// Reads the code of a login, which must be there. It is the code of the mail, or one that a
    /// page handed over, where the deployment has such links.
    pub fn login_code(&mut self, name: &str) -> Option<LoginCode> {
        if self.notes(name, Kind::Text, Need::Required) {
            return None;
        }
        self.code_as_text(name);
        let text = self.required(name)?;
        let has_links =
            self.config.is_some_and(|config| config.accounts.email_sign_in_link || config.admin.sign_in_links);
        let handed = LoginCode::handed(&text).filter(|_| has_links);
        handed.or_else(|| self.parsed_code(name, &text).map(LoginCode::Typed))
    }

    /// Reads the page of the app that a person goes on to, if one was sent: a URL of one of the
    /// deployment's apps.
    pub fn continue_url(&mut self, name: &str) -> Option<ContinueUrl> {
        if self.notes(name, Kind::Text, Need::Optional) {
            return None;
        }
        let text = self.optional(name)?;
        let refuse = |why: &str| {
            let sentence = "The app asks to go on to a page that is not known here.";
            Field::new(name, "url_not_allowed", sentence).explained(format!("`{name}` {why}."))
        };
        self.config?.accounts.app_urls.admit(&text).map_err(|why| self.record(refuse(why))).ok()
    }

    /// Puts the zeros back that a number lacks at its beginning.
    fn code_as_text(&mut self, name: &str) {
        if let Some(value @ Value::Number(_)) = self.values.get_mut(name) {
            *value = Value::String(format!("{:0>CODE_DIGITS$}", value.to_string()));
        }
    }

    fn parsed_code(&mut self, name: &str, text: &str) -> Option<Code> {
        let sentence = "The code has six digits. It is in the mail.";
        self.recorded_as(name, Code::parse(text).ok_or(("invalid_code", sentence)))
    }
}
