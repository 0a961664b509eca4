//! Mails: their kinds, their words in five languages, and both of their forms.
//!
//! A mail holds nothing that a caller typed but the address that it goes to. Nobody can therefore
//! send words of their own through the service.

pub mod mailbox;
pub mod outgoing;
pub mod smtp;
mod texts;
pub mod webhook;

use std::time::Duration;

use askama::Template;
use serde::{Deserialize, Serialize};

use crate::{
    account::proof::{Code, Purpose},
    time::Timestamp,
};
use texts::Texts;

/// A kind of mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A code to log in.
    #[serde(rename = "code_sign_in")]
    SignIn,
    /// A code that verifies the address of an account.
    #[serde(rename = "code_verify")]
    Verify,
    /// A code to set a new password.
    #[serde(rename = "code_reset")]
    Reset,
    /// A code that makes this address the account's.
    #[serde(rename = "code_change")]
    Change,
    /// A link to the first password of an account.
    Invite,
    /// Notice: the password was changed.
    PasswordChanged,
    /// Notice to the former address: the account has another one. The link takes that back.
    EmailChanged,
    /// Notice: somebody wanted to use the address, which an account has already.
    AddressAlreadyUsed,
    /// Notice: all sessions were ended.
    AccessRevoked,
    /// A code that links the account of a provider.
    #[serde(rename = "code_link")]
    Link,
    /// Notice: the account of a provider was linked.
    IdentityLinked,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 11] = [
        Self::SignIn,
        Self::Verify,
        Self::Reset,
        Self::Change,
        Self::Invite,
        Self::PasswordChanged,
        Self::EmailChanged,
        Self::AddressAlreadyUsed,
        Self::AccessRevoked,
        Self::Link,
        Self::IdentityLinked,
    ];

    /// The length of the longest name, in bytes.
    pub const NAME_BYTES_MAX: usize = 24;

    /// The purpose of the proof behind the mail. `None` for a notice that has no link.
    pub const fn purpose(self) -> Option<Purpose> {
        match self {
            Self::SignIn => Some(Purpose::SignIn),
            Self::Verify => Some(Purpose::Verify),
            Self::Reset => Some(Purpose::Reset),
            Self::Change => Some(Purpose::Change),
            Self::Invite => Some(Purpose::Invite),
            Self::EmailChanged => Some(Purpose::Undo),
            Self::Link => Some(Purpose::Link),
            Self::PasswordChanged | Self::AddressAlreadyUsed | Self::AccessRevoked | Self::IdentityLinked => None,
        }
    }

    /// The name in the table, in logs and in webhooks.
    pub const fn name(self) -> &'static str {
        match self {
            Self::SignIn => "code_sign_in",
            Self::Verify => "code_verify",
            Self::Reset => "code_reset",
            Self::Change => "code_change",
            Self::Invite => "invite",
            Self::PasswordChanged => "password_changed",
            Self::EmailChanged => "email_changed",
            Self::AddressAlreadyUsed => "address_already_used",
            Self::AccessRevoked => "access_revoked",
            Self::Link => "code_link",
            Self::IdentityLinked => "identity_linked",
        }
    }
}

/// A language of mails.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Language {
    /// English, also for every language that is missing here.
    #[default]
    #[serde(rename = "en")]
    English,
    /// German.
    #[serde(rename = "de")]
    German,
    /// French.
    #[serde(rename = "fr")]
    French,
    /// Spanish.
    #[serde(rename = "es")]
    Spanish,
    /// Portuguese.
    #[serde(rename = "pt")]
    Portuguese,
}

impl Language {
    /// Every language.
    pub const ALL: [Self; 5] = [Self::English, Self::German, Self::French, Self::Spanish, Self::Portuguese];

    /// The language of a tag (BCP 47), such as `de` or `pt-BR`. Any other text is English.
    pub fn of_tag(tag: &str) -> Self {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        let found = Self::ALL.into_iter().find(|language| language.tag().eq_ignore_ascii_case(primary));
        found.unwrap_or_default()
    }

    /// The tag of the language (ISO 639-1).
    pub const fn tag(self) -> &'static str {
        match self {
            Self::English => "en",
            Self::German => "de",
            Self::French => "fr",
            Self::Spanish => "es",
            Self::Portuguese => "pt",
        }
    }
}

/// The content of a mail.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The kind.
    pub kind: Kind,
    /// The language.
    pub language: Language,
    /// The name of the app, from the configuration.
    pub app: &'a str,
    /// The address that the mail goes to, as typed.
    pub to: &'a str,
    /// The code, if the kind has one.
    pub code: Option<&'a Code>,
    /// The link, if the kind has one and the deployment has an address for it.
    pub link: Option<&'a str>,
    /// The life of the code, or of the link if there is no code.
    pub life: Duration,
    /// The time of the event, or of the request.
    pub at: Timestamp,
    /// Whether the code may stand in the subject, where a locked screen shows it.
    pub code_in_subject: bool,
}

/// A mail in both of its forms. They say the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rendered {
    /// The subject, one line.
    pub subject: String,
    /// The plain form.
    pub text: String,
    /// The form with a layout. It loads nothing and runs nothing.
    pub html: String,
}

/// The parts of a mail, for its layout. A part that is empty is left out.
#[derive(Template)]
#[template(path = "mail.html", escape = "html")]
struct Layout<'a> {
    language: &'static str,
    heading: String,
    lead: String,
    code: &'a str,
    valid_for: String,
    never_tell: String,
    or_open: &'static str,
    link: &'a str,
    link_label: &'static str,
    not_you: String,
    footer: String,
}

/// Renders a mail.
pub fn render(content: &Content<'_>) -> Rendered {
    let texts = Texts::of(content.language);
    let words = texts.words(content.kind);
    let code = content.code.map_or("", Code::as_str);
    let link = content.link.filter(|_| !words.link.is_empty()).unwrap_or_default();
    // A deployment without an address of its own has no links.
    let is_cut_off = code.is_empty() && link.is_empty() && !words.link.is_empty();
    let life = life(texts, content.life);
    let fill = |text: &str| {
        let filled = [("{app}", content.app), ("{code}", code), ("{life}", &life), ("{to}", content.to)];
        let time = content.at.readable();
        filled
            .into_iter()
            .chain([("{time}", time.as_str())])
            .fold(text.to_owned(), |text, (name, value)| text.replace(name, &value.replace(['{', '}'], "")))
    };
    let if_any = |is_there: bool, text: &str| if is_there { fill(text) } else { String::new() };
    let layout = Layout {
        language: content.language.tag(),
        heading: fill(words.heading),
        lead: fill(words.lead),
        code,
        valid_for: if_any(!code.is_empty() || !link.is_empty(), texts.valid_for),
        never_tell: if_any(!code.is_empty(), texts.never_tell),
        or_open: if code.is_empty() || link.is_empty() { "" } else { texts.or_open },
        link,
        link_label: words.link,
        not_you: fill(if is_cut_off { texts.not_you_without_link } else { words.not_you }),
        footer: fill(texts.footer),
    };
    let subject = match (code, content.code_in_subject) {
        ("", _) => layout.heading.clone(),
        (_, true) => fill(texts.subject_with_code),
        (_, false) => fill(texts.subject_without_code),
    };
    Rendered { subject: one_line(&subject), text: text(&layout), html: layout.render().unwrap_or_default() }
}

/// The plain form: one paragraph for each part that is there.
fn text(layout: &Layout<'_>) -> String {
    let link = [layout.or_open, layout.link].map(str::trim).join("\n");
    let parts = [
        layout.heading.as_str(),
        &layout.lead,
        layout.code,
        &layout.valid_for,
        &layout.never_tell,
        link.trim(),
        &layout.not_you,
        &layout.footer,
    ];
    let parts: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join("\n\n") + "\n"
}

/// A life in the largest unit that leaves no rest.
fn life(texts: &Texts, life: Duration) -> String {
    let minutes = life.as_secs() / 60;
    match minutes {
        minutes if minutes >= 48 * 60 && minutes.is_multiple_of(24 * 60) => {
            format!("{} {}", minutes / (24 * 60), texts.days)
        }
        minutes if minutes > 60 && minutes.is_multiple_of(60) => format!("{} {}", minutes / 60, texts.hours),
        minutes => format!("{minutes} {}", texts.minutes),
    }
}

/// A text without line breaks and other controls. The name of an app may hold one.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

#[cfg(test)]
mod tests;
