//! The words of mails, in each language. A new text is written in every file below.

mod de;
mod en;
mod es;
mod fr;
mod pt;

use super::{Kind, Language};

/// The words of one language. They hold placeholders, which [`super::render`] fills: `{app}`,
/// `{code}`, `{life}`, `{time}` and `{to}`.
pub(super) struct Texts {
    /// The subject of a mail with a code.
    pub subject_with_code: &'static str,
    /// The subject of such a mail where the code stays out of it, as on a locked screen.
    pub subject_without_code: &'static str,
    /// The sentence above the link, where there is a code too.
    pub or_open: &'static str,
    /// The life of the code or of the link.
    pub valid_for: &'static str,
    /// The warning below a code.
    pub never_tell: &'static str,
    /// The advice to somebody who did not ask for it, where the link of the kind is missing.
    pub not_you_without_link: &'static str,
    /// The reason why the person gets the mail.
    pub footer: &'static str,
    pub minutes: &'static str,
    pub hours: &'static str,
    pub days: &'static str,
    /// The words of each kind, in the order of [`Kind::ALL`].
    pub kinds: [Words; Kind::ALL.len()],
}

/// The words of one kind of mail.
pub(super) struct Words {
    /// The heading. It is the subject of a mail without a code.
    pub heading: &'static str,
    /// The event, or the next step.
    pub lead: &'static str,
    /// The label of the link, empty if the kind has none.
    pub link: &'static str,
    /// The advice to somebody who did not ask for it.
    pub not_you: &'static str,
}

impl Texts {
    pub(super) fn of(language: Language) -> &'static Self {
        match language {
            Language::English => &en::TEXTS,
            Language::German => &de::TEXTS,
            Language::French => &fr::TEXTS,
            Language::Spanish => &es::TEXTS,
            Language::Portuguese => &pt::TEXTS,
        }
    }

    /// The words of a kind.
    pub(super) fn words(&self, kind: Kind) -> &Words {
        let [sign_in, verify, reset, change, invite, password_changed, email_changed, used, revoked, link, linked] =
            &self.kinds;
        match kind {
            Kind::SignIn => sign_in,
            Kind::Verify => verify,
            Kind::Reset => reset,
            Kind::Change => change,
            Kind::Invite => invite,
            Kind::PasswordChanged => password_changed,
            Kind::EmailChanged => email_changed,
            Kind::AddressAlreadyUsed => used,
            Kind::AccessRevoked => revoked,
            Kind::Link => link,
            Kind::IdentityLinked => linked,
        }
    }
}
