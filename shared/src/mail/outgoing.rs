//! The outbox: a mail that waits in the table for its sending.
//!
//! The record is written in the transaction of the event that the mail is about. A mail can
//! therefore never tell of something that did not happen, and no event loses its mail. Neither the
//! code nor the link is in the record: the sender makes both from the proof's id and the key.

use std::time::Duration;

use aws_lc_rs::hmac;
use serde::{Deserialize, Serialize};

use super::{Content, Kind, Language, Rendered, render};
use crate::{
    account::proof::{ProofId, Purpose},
    time::Timestamp,
};

/// The beginning of the key of a mail. The filter of the table's stream lets these keys through.
pub const MAIL_PREFIX: &str = "MAIL#";
/// The beginning of the key of a decoy, as long as [`MAIL_PREFIX`]. Nobody reads a decoy.
pub const DECOY_PREFIX: &str = "NULL#";

/// The life of a record.
const KEPT: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest time that a mail with a code waits for its sending, and half of the code's life if
/// that is shorter. A person waits for the code, and has asked for another one by then.
const CODE_WAITS_MAX: Duration = Duration::from_secs(10 * 60);

/// The state of a mail.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailState {
    /// It waits for its sending.
    Queued,
    /// The transport has accepted it.
    Sent,
    /// It is never sent: it was refused, or its time is over.
    Dropped,
}

/// A mail in the outbox, as the store keeps it.
///
/// A decoy has the same attributes of the same lengths. Only the beginning of its key differs.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct OutgoingMail {
    /// The id: a UUIDv7, 36 characters. The `Message-ID` of the mail is made of it, so that a mail
    /// that is sent twice is seen as one.
    pub id: String,
    /// Whether nobody gets the mail. The key of the record says so, and no attribute.
    #[serde(skip)]
    pub is_decoy: bool,
    /// The kind.
    pub kind: Kind,
    /// The address, as typed.
    pub to: String,
    /// The language.
    #[serde(rename = "locale")]
    pub language: Language,
    /// The public address of this service, without a slash at its end. Links begin with it. `None`
    /// where mails have no links. It comes from the configuration, never from a request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<String>,
    /// The proof behind code and link. `None` for a notice without a link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proof_id: Option<ProofId>,
    /// The state.
    pub state: MailState,
    /// The time of the event.
    pub made_at: Timestamp,
    /// The time after which nobody sends the mail any more.
    pub send_before: Timestamp,
}

impl OutgoingMail {
    /// A mail that waits. `now` is the time of the event, and the proof's `made_at`.
    pub fn new(id: String, kind: Kind, to: &str, language: Language, now: Timestamp) -> Self {
        Self {
            id,
            is_decoy: false,
            kind,
            to: to.to_owned(),
            language,
            base: None,
            proof_id: None,
            state: MailState::Queued,
            made_at: now,
            send_before: now + waits_max(kind),
        }
    }

    /// The mail with its proof, and with the address that its link begins with.
    #[must_use]
    pub fn with_proof(self, proof: ProofId, base: Option<&str>) -> Self {
        Self { proof_id: Some(proof), base: base.map(|base| base.trim_end_matches('/').to_owned()), ..self }
    }

    /// The same record for nobody.
    #[must_use]
    pub fn into_decoy(self) -> Self {
        Self { is_decoy: true, ..self }
    }

    /// The key of the record in the table.
    pub fn key(&self) -> String {
        format!("{}{}", if self.is_decoy { DECOY_PREFIX } else { MAIL_PREFIX }, self.id)
    }

    /// The time when DynamoDB deletes the record.
    pub fn ends_at(&self) -> Timestamp {
        self.made_at + KEPT
    }

    /// The mail in both of its forms, with the code and the link that `key` makes.
    pub fn render(&self, app: &str, key: &hmac::Key, code_in_subject: bool) -> Rendered {
        let purpose = self.kind.purpose();
        let code = self.proof_id.filter(|_| self.has_code()).map(|proof| proof.code(key));
        let link = self.link(key);
        let life = purpose.map(|purpose| purpose.code_life().unwrap_or_else(|| purpose.life()));
        render(&Content {
            kind: self.kind,
            language: self.language,
            app,
            to: &self.to,
            code: code.as_ref(),
            link: link.as_deref(),
            life: life.unwrap_or_default(),
            at: self.made_at,
            code_in_subject,
        })
    }

    /// Whether the mail has a code.
    pub fn has_code(&self) -> bool {
        self.kind.purpose().is_some_and(|purpose| purpose.code_life().is_some())
    }

    /// The link, with its token in the fragment: no request line, log or `Referer` holds that part.
    /// `None` if the mail has no link.
    pub fn link(&self, key: &hmac::Key) -> Option<String> {
        page_link(self.base.as_deref()?, self.kind.purpose()?, self.proof_id?, key)
    }
}

/// The link to the page of a proof. `base` is the public address of this service.
pub fn page_link(base: &str, purpose: Purpose, proof: ProofId, key: &hmac::Key) -> Option<String> {
    let page = match purpose {
        Purpose::SignIn | Purpose::SignUp => "sign-in",
        Purpose::Verify => "verify",
        Purpose::Reset | Purpose::Invite => "reset",
        Purpose::Change => "email",
        Purpose::Undo => "undo",
        // A code alone: a link would link for whoever opens it.
        Purpose::Link => return None,
    };
    Some(format!("{}/pages/{page}#{}", base.trim_end_matches('/'), proof.link(key)))
}

/// The longest time that a mail of this kind waits. A notice is worth reading as long as its record
/// is kept.
fn waits_max(kind: Kind) -> Duration {
    let code_life = kind.purpose().and_then(Purpose::code_life);
    code_life.map_or(KEPT, |life| CODE_WAITS_MAX.min(life / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);
    const ID: &str = "0197126e-7f2b-7c3a-9d4e-5f60718293a4";
    const PROOF: ProofId = ProofId::new([7; 12]);

    fn key() -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[1; 32])
    }

    fn mail(kind: Kind) -> OutgoingMail {
        OutgoingMail::new(ID.to_owned(), kind, "James@yopmail.com", Language::German, NOW)
            .with_proof(PROOF, Some("https://login.example/"))
    }

    #[test]
    fn a_record_is_read_as_it_was_written_and_holds_neither_code_nor_link() {
        for kind in Kind::ALL {
            let written = serde_json::to_value(mail(kind)).unwrap();
            let read: OutgoingMail = serde_json::from_value(written.clone()).unwrap();
            assert_eq!(serde_json::to_value(read).unwrap(), written);
            assert_eq!(written["kind"], kind.name());
            assert_eq!((&written["locale"], &written["state"]), (&"de".into(), &"queued".into()));
            let text = written.to_string();
            assert!(!text.contains(PROOF.code(&key()).as_str()) && !text.contains(&PROOF.link(&key())), "{text}");
        }
    }

    #[test]
    fn a_decoy_is_as_long_as_the_mail_and_only_its_key_differs() {
        let (mail, decoy) = (mail(Kind::Reset), mail(Kind::Reset).into_decoy());
        assert_eq!(serde_json::to_string(&mail).unwrap(), serde_json::to_string(&decoy).unwrap());
        assert_eq!((mail.key(), decoy.key()), (format!("MAIL#{ID}"), format!("NULL#{ID}")));
    }

    #[test]
    fn a_mail_with_a_code_waits_half_of_the_code_s_life_and_ten_minutes_at_most() {
        for (kind, minutes) in [
            (Kind::SignIn, 5 * 60),
            (Kind::Reset, 15 * 30),
            (Kind::Verify, 10 * 60),
            (Kind::Change, 10 * 60),
            (Kind::Invite, 86_400),
            (Kind::PasswordChanged, 86_400),
            (Kind::EmailChanged, 86_400),
        ] {
            assert_eq!(mail(kind).send_before, NOW + Duration::from_secs(minutes), "{kind:?}");
        }
        assert_eq!(mail(Kind::Reset).ends_at(), NOW + Duration::from_secs(86_400));
    }

    #[test]
    fn each_kind_has_the_code_the_link_and_the_life_of_its_purpose() {
        let (code, link) = (PROOF.code(&key()), PROOF.link(&key()));
        for (kind, has_code, page, life) in [
            (Kind::SignIn, true, "sign-in", "10 Minuten"),
            (Kind::Verify, true, "verify", "60 Minuten"),
            (Kind::Reset, true, "reset", "15 Minuten"),
            (Kind::Change, true, "email", "30 Minuten"),
            (Kind::Invite, false, "reset", "3 Tage"),
            (Kind::EmailChanged, false, "undo", "7 Tage"),
            (Kind::Link, true, "", "15 Minuten"),
        ] {
            let rendered = mail(kind).render("Herbs", &key(), true);
            assert_eq!(rendered.text.contains(code.as_str()), has_code, "{kind:?}");
            let link = format!("https://login.example/pages/{page}#{link}\n");
            assert_eq!(rendered.text.contains(&link), !page.is_empty(), "{rendered:?}");
            assert!(rendered.text.contains(life), "{rendered:?}");
        }
        for kind in [Kind::PasswordChanged, Kind::AddressAlreadyUsed, Kind::AccessRevoked, Kind::IdentityLinked] {
            let rendered = mail(kind).render("Herbs", &key(), true);
            assert!(!rendered.text.contains(code.as_str()) && !rendered.text.contains(&link), "{rendered:?}");
        }
    }

    #[test]
    fn without_an_address_of_the_service_a_mail_has_no_link() {
        let mail =
            OutgoingMail::new(ID.to_owned(), Kind::Reset, "a@b.de", Language::English, NOW).with_proof(PROOF, None);
        let rendered = mail.render("Herbs", &key(), true);
        assert!(rendered.text.contains(PROOF.code(&key()).as_str()) && !rendered.text.contains("/pages/"));
    }
}
