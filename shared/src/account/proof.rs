//! Proofs: a person shows that a mailbox is theirs, by a code or by a link that was mailed.
//!
//! One record stands behind both. Neither the code nor the link is in it: both are made again from
//! the record's id and a key. A copy of the table therefore opens nothing.

use std::{fmt, time::Duration};

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize, de};

use crate::{
    account::{
        identity::Identity,
        sealed::{self, Message, Seal},
        test_code::TestCode,
    },
    text,
    time::Timestamp,
};

/// The length of an id, in bytes.
const ID_BYTES: usize = 12;
/// The digits of a code.
pub const CODE_DIGITS: usize = 6;
/// The number of codes: one million.
const CODES: u32 = 1_000_000;
/// The wrong codes after which a proof is over.
pub const TRIES_MAX: u32 = 5;
/// The time in which somebody may repeat a completion whose answer was lost.
const REPEATED_WITHIN: Duration = Duration::from_secs(10 * 60);

/// The life of the code that a page hands to the app. A browser opens the app at once.
const HANDED_OVER_WITHIN: Duration = Duration::from_secs(60);

/// The contexts keep a challenge, a link token and the codes apart.
const CHALLENGE: Seal = Seal { context: b"latchkey challenge", mask_context: b"latchkey challenge mask" };
const LINK: Seal = Seal { context: b"latchkey link", mask_context: b"latchkey link mask" };
const HANDED: Seal = Seal { context: b"latchkey handed code", mask_context: b"latchkey handed code mask" };
const CODE_CONTEXT: &[u8] = b"latchkey code";

/// The purpose of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// Log in by a code instead of a password.
    SignIn,
    /// Log in by a code, to an account that the code makes. The word is as long as that of
    /// [`Purpose::SignIn`], so that both records are.
    SignUp,
    /// Verify the address of an account.
    Verify,
    /// Set a new password instead of a forgotten one.
    Reset,
    /// Change the address to the one that got the mail.
    Change,
    /// Take back a change of address. The former address has the link.
    Undo,
    /// Accept an invitation, and choose the first password.
    Invite,
    /// Link the account of a provider that does not vouch for the address.
    Link,
}

impl Purpose {
    /// The word in the table, in limits and in the log.
    pub const fn word(self) -> &'static str {
        match self {
            Self::SignIn => "sign_in",
            Self::SignUp => "sign_up",
            Self::Verify => "verify",
            Self::Reset => "reset",
            Self::Change => "change",
            Self::Undo => "undo",
            Self::Invite => "invite",
            Self::Link => "link",
        }
    }

    /// The life of the code. `None` if the mail has none.
    pub const fn code_life(self) -> Option<Duration> {
        match self {
            Self::SignIn | Self::SignUp => Some(minutes(10)),
            Self::Verify => Some(minutes(60)),
            Self::Reset | Self::Link => Some(minutes(15)),
            Self::Change => Some(minutes(30)),
            Self::Undo | Self::Invite => None,
        }
    }

    /// The life of the link, which is the life of the proof. A sign-in has a link only where the
    /// deployment wants it, and the link lives as long as the code.
    pub const fn life(self) -> Duration {
        match self {
            Self::SignIn | Self::SignUp => minutes(10),
            Self::Link => minutes(15),
            Self::Verify => minutes(24 * 60),
            Self::Reset | Self::Change => minutes(30),
            Self::Undo => minutes(7 * 24 * 60),
            Self::Invite => minutes(72 * 60),
        }
    }
}

const fn minutes(minutes: u64) -> Duration {
    Duration::from_secs(minutes * 60)
}

/// A proof's id: 12 random bytes, or 16 characters of base64url as text.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct ProofId([u8; ID_BYTES]);

impl ProofId {
    /// The id of these random bytes.
    pub const fn new(random: [u8; ID_BYTES]) -> Self {
        Self(random)
    }

    /// The challenge: 43 characters for the client that asked. It is of no use without the code.
    pub fn challenge(self, key: &hmac::Key) -> String {
        CHALLENGE.sealed(key, &self.message(0))
    }

    /// The id of a challenge, with the key that made it. `None` for any other text, a link token
    /// among them. This asks no store.
    pub fn of_challenge<'k>(
        text: &str,
        keys: impl IntoIterator<Item = &'k hmac::Key>,
    ) -> Option<(Self, &'k hmac::Key)> {
        Self::opened(CHALLENGE, text, keys)
    }

    /// The link token: 43 characters, in the mail alone.
    pub fn link(self, key: &hmac::Key) -> String {
        LINK.sealed(key, &self.message(0))
    }

    /// The id of a link token, with the key that made it. `None` for any other text, a challenge
    /// among them. This asks no store.
    pub fn of_link<'k>(text: &str, keys: impl IntoIterator<Item = &'k hmac::Key>) -> Option<(Self, &'k hmac::Key)> {
        Self::opened(LINK, text, keys)
    }

    /// The code that a page hands to the app which asked for the mail: 43 characters, good for a
    /// minute. Like the code of the mail, it is of no use without the challenge.
    pub fn handed_code(self, key: &hmac::Key, now: Timestamp) -> String {
        let end = u32::try_from((now + HANDED_OVER_WITHIN).seconds()).unwrap_or_default();
        HANDED.sealed(key, &self.message(end))
    }

    /// Whether a page handed this code over for the proof, a minute ago at most.
    pub fn has_handed<'k>(self, text: &str, keys: impl IntoIterator<Item = &'k hmac::Key>, now: Timestamp) -> bool {
        let Some((message, _)) = HANDED.open(text, keys) else { return false };
        let Some((id, end)) = message.split_first_chunk::<ID_BYTES>() else { return false };
        let end = end.try_into().map(u32::from_be_bytes).unwrap_or_default();
        *id == self.0 && now.seconds() < i64::from(end)
    }

    fn opened<'k>(
        seal: Seal,
        text: &str,
        keys: impl IntoIterator<Item = &'k hmac::Key>,
    ) -> Option<(Self, &'k hmac::Key)> {
        let (message, key) = seal.open(text, keys)?;
        let (id, rest) = message.split_first_chunk::<ID_BYTES>()?;
        rest.iter().all(|byte| *byte == 0).then_some((Self(*id), key))
    }

    /// The id, and a number behind it.
    fn message(self, number: u32) -> Message {
        let mut message = Message::default();
        message.iter_mut().zip(self.0.into_iter().chain(number.to_be_bytes())).for_each(|(byte, of)| *byte = of);
        message
    }

    /// The code that was mailed.
    pub fn code(self, key: &hmac::Key) -> Code {
        // The largest multiple of a million below 2^32. A value above it would make some codes
        // likelier than others.
        let fair = u32::MAX - u32::MAX % CODES;
        let value = (0_u32..).find_map(|round| {
            let mut hmac = hmac::Context::with_key(key);
            [CODE_CONTEXT, &self.0, &round.to_be_bytes()].iter().for_each(|part| hmac.update(part));
            let bytes = *hmac.sign().as_ref().first_chunk()?;
            Some(u32::from_be_bytes(bytes)).filter(|value| *value < fair)
        });
        Code(format!("{:06}", value.unwrap_or_default() % CODES))
    }
}

impl fmt::Display for ProofId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for ProofId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ProofId({self})")
    }
}

impl Serialize for ProofId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ProofId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let bytes = URL_SAFE_NO_PAD.decode(text).ok().and_then(|bytes| bytes.try_into().ok());
        bytes.map(Self).ok_or_else(|| de::Error::custom("an id of a proof is 12 bytes in base64url"))
    }
}

/// A code of six digits. `Debug` shows none of them.
#[derive(Clone)]
pub struct Code(String);

impl Code {
    /// Reads a code as people type it: white space, hyphens and invisible characters are passed
    /// over, and the digits of any script are read. `None` if there are not six digits.
    pub fn parse(text: &str) -> Option<Self> {
        let typed = text.chars().filter(|letter| !is_passed_over(*letter));
        let digits: Option<String> = typed.map(digit).collect();
        digits.filter(|digits| digits.len() == CODE_DIGITS).map(Self)
    }

    /// The digits, for the mail.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether two codes are the same, in constant time.
    pub fn is(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl fmt::Debug for Code {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Code")
    }
}

/// The thing that logs in beside the challenge of a mail.
pub enum LoginCode {
    /// The code that a person typed.
    Typed(Code),
    /// The text that a page handed to the app. It may be any text of that form.
    Handed(String),
}

impl LoginCode {
    /// Reads a code that was typed. `None` if there are not six digits.
    pub fn typed(text: &str) -> Option<Self> {
        Code::parse(text).map(Self::Typed)
    }

    /// Reads a code that a page handed over, by its form alone. `None` for any other form.
    pub fn handed(text: &str) -> Option<Self> {
        let text = text::trimmed(text);
        sealed::is_like_one(text).then(|| Self::Handed(text.to_owned()))
    }
}

/// Whether a character stands between digits without a meaning.
fn is_passed_over(letter: char) -> bool {
    text::is_blank(letter) || matches!(letter, '-' | '\u{2010}'..='\u{2015}')
}

/// The ASCII digit of a decimal digit of any script. Unicode has each script's ten digits in a row
/// (Unicode Standard, section 4.6), and the keyboards of phones offer the rows that follow.
fn digit(c: char) -> Option<char> {
    const ZEROS: [char; 20] = [
        '0', '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}', '\u{be6}',
        '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}', '\u{17e0}', '\u{1810}',
        '\u{ff10}',
    ];
    ZEROS.into_iter().find_map(|zero| char::from_digit((c as u32).checked_sub(zero as u32)?, 10))
}

/// A proof, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Proof {
    /// The id.
    pub id: ProofId,
    /// The purpose.
    pub purpose: Purpose,
    /// The id of the account. `None` if the address is nobody's: such a proof is never completed,
    /// and is answered like any other.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user_id: Option<String>,
    /// The address that got the mail, as typed.
    pub email: String,
    /// The form of the address that is compared.
    pub email_key: String,
    /// The account's number of proofs when the mail was asked for. A change of a credential raises
    /// that number, and then the proof is void.
    pub proof: u64,
    /// The number of wrong codes.
    pub tries: u32,
    /// The wrong codes after which the proof is over. There are fewer where many codes for the same
    /// identifier were wrong of late.
    pub tries_max: u32,
    /// The identifier that was asked for, in the form that is compared. Wrong codes count for it.
    pub asked_for: String,
    /// The language of mails, as a tag.
    pub locale: String,
    /// The time when the mail was asked for.
    pub made_at: Timestamp,
    /// The account of a provider that the code links.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identity: Option<Identity>,
    /// The page that the person goes on to. Empty if there is none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub continue_url: String,
    /// The fixed code of the account when the mail was asked for. It is good beside the mailed one,
    /// to log in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_code: Option<TestCode>,
    /// The admin who signs in as the account by this proof, as
    /// [`crate::auth::admin::AdminBy::actor`] names the admin. `None` for the owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub act: Option<String>,
    /// The time when the proof was completed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used_at: Option<Timestamp>,
    /// Whether the answer to whoever completed the proof is still owed, because Firebase must be
    /// told first.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_owed: bool,
}

/// The state of a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofState {
    /// It can be completed.
    Open,
    /// It was completed. The same person may ask again for the answer, if the answer was lost.
    Used {
        /// Whether the time for that is not over.
        may_repeat: bool,
    },
    /// Its time is over, or too many codes were wrong.
    Over,
}

impl Proof {
    /// The end of the proof.
    pub fn expires_at(&self) -> Timestamp {
        self.made_at + self.purpose.life()
    }

    /// The end of its code. `None` if the mail has no code.
    pub fn code_expires_at(&self) -> Option<Timestamp> {
        self.purpose.code_life().map(|life| self.made_at + life)
    }

    /// The state for somebody who has the code.
    pub fn state_by_code(&self, now: Timestamp) -> ProofState {
        let is_guessed = self.tries >= self.tries_max;
        let is_over = self.code_expires_at().is_none_or(|end| now >= end) || is_guessed;
        match self.state(is_over, now) {
            ProofState::Used { .. } if is_guessed => ProofState::Over,
            state => state,
        }
    }

    /// The codes that may still be wrong.
    pub fn tries_left(&self) -> u32 {
        self.tries_max.saturating_sub(self.tries)
    }

    /// The state for somebody who has the link. Wrong codes do not end the link: whoever guesses
    /// codes must not be able to.
    pub fn state_by_link(&self, now: Timestamp) -> ProofState {
        self.state(now >= self.expires_at(), now)
    }

    fn state(&self, is_over: bool, now: Timestamp) -> ProofState {
        match self.used_at {
            Some(used_at) => ProofState::Used { may_repeat: now < used_at + REPEATED_WITHIN },
            None if is_over => ProofState::Over,
            None => ProofState::Open,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    fn id(number: u32) -> ProofId {
        let mut bytes = [7; ID_BYTES];
        bytes[..4].copy_from_slice(&number.to_be_bytes());
        ProofId::new(bytes)
    }

    fn proof(purpose: Purpose) -> Proof {
        Proof {
            id: id(1),
            purpose,
            user_id: Some("a".to_owned()),
            email: "A@b.de".to_owned(),
            email_key: "a@b.de".to_owned(),
            proof: 0,
            tries: 0,
            tries_max: TRIES_MAX,
            asked_for: "a@b.de".to_owned(),
            locale: "en".to_owned(),
            made_at: NOW,
            identity: None,
            continue_url: String::new(),
            test_code: None,
            act: None,
            used_at: None,
            is_owed: false,
        }
    }

    #[test]
    fn a_challenge_is_no_link_and_a_link_is_no_challenge() {
        let (key, other) = (key(1), key(2));
        let (challenge, link) = (id(1).challenge(&key), id(1).link(&key));
        assert!(challenge.len() == 43 && link.len() == 43 && challenge != link);
        let found = |opened: Option<(ProofId, &hmac::Key)>| opened.map(|(id, _)| id);
        assert_eq!(found(ProofId::of_challenge(&challenge, [&other, &key])), Some(id(1)));
        assert_eq!(found(ProofId::of_link(&link, [&other, &key])), Some(id(1)));
        for opened in [
            ProofId::of_challenge(&link, [&key]),
            ProofId::of_link(&challenge, [&key]),
            ProofId::of_challenge(&challenge, [&other]),
            ProofId::of_link("", [&key]),
        ] {
            assert_eq!(found(opened), None);
        }
    }

    #[test]
    fn a_code_that_a_page_hands_over_is_of_one_proof_and_of_one_minute() {
        let (key, other) = (key(1), key(2));
        let code = id(1).handed_code(&key, NOW);
        let after = |milliseconds| NOW + Duration::from_millis(milliseconds);
        for (milliseconds, is_good) in [(0, true), (59_999, true), (60_000, false), (61_000, false)] {
            assert_eq!(id(1).has_handed(&code, [&other, &key], after(milliseconds)), is_good, "{milliseconds}");
        }
        assert!(!id(2).has_handed(&code, [&key], NOW) && !id(1).has_handed(&code, [&other], NOW));
        for text in [id(1).challenge(&key), id(1).link(&key), id(1).code(&key).as_str().to_owned(), String::new()] {
            assert!(!id(1).has_handed(&text, [&key], NOW), "{text}");
        }
        assert!(ProofId::of_challenge(&code, [&key]).is_none() && ProofId::of_link(&code, [&key]).is_none());
        assert!(matches!(LoginCode::handed(&format!(" {code}\n")), Some(LoginCode::Handed(text)) if text == code));
        assert!(LoginCode::handed("012345").is_none() && LoginCode::typed(&code).is_none());
    }

    #[test]
    fn codes_are_six_digits_and_each_digit_is_as_likely_as_the_others() {
        let key = key(1);
        let mut counts = [[0_u32; 10]; CODE_DIGITS];
        for number in 0..10_000 {
            let code = id(number).code(&key);
            assert!(code.is(&id(number).code(&key)) && code.as_str().len() == CODE_DIGITS);
            for (place, digit) in code.as_str().bytes().enumerate() {
                counts[place][usize::from(digit - b'0')] += 1;
            }
        }
        // Each count has a mean of 1,000 and a deviation of 30.
        assert!(counts.as_flattened().iter().all(|count| (850..1_150).contains(count)), "{counts:?}");
        assert!(!id(1).code(&key).is(&id(1).code(&self::key(2))));
    }

    #[test]
    fn a_code_is_read_as_people_type_it() {
        for text in [
            "012345",
            " 012 345\n",
            "012-345",
            "0\u{200b}12345",
            "012\u{2011}345",
            "\u{feff}012345",
            "٠١٢٣٤٥",
            "０１２３４５",
            "०१२३४५",
        ] {
            assert_eq!(Code::parse(text).map(|code| code.as_str().to_owned()).as_deref(), Some("012345"), "{text:?}");
        }
        for text in ["", "01234", "0123456", "01234a", "012.345", "½12345", "²12345"] {
            assert!(Code::parse(text).is_none(), "{text:?}");
        }
        assert_eq!(format!("{:?}", Code::parse("012345").unwrap()), "Code");
    }

    #[test]
    fn a_code_ends_at_its_very_millisecond_and_the_link_lives_longer() {
        let after = |seconds: u64, milliseconds: u64| NOW + Duration::from_millis(seconds * 1_000 + milliseconds);
        for (purpose, code_seconds, link_seconds) in [
            (Purpose::SignIn, Some(600), 600),
            (Purpose::Verify, Some(3_600), 86_400),
            (Purpose::Reset, Some(900), 1_800),
            (Purpose::Change, Some(1_800), 1_800),
            (Purpose::Undo, None, 604_800),
            (Purpose::Invite, None, 259_200),
            (Purpose::Link, Some(900), 900),
        ] {
            let proof = proof(purpose);
            let by_code = code_seconds.map_or(ProofState::Over, |seconds| proof.state_by_code(after(seconds - 1, 999)));
            assert_eq!(by_code == ProofState::Open, code_seconds.is_some(), "{purpose:?}");
            assert_eq!(proof.state_by_code(after(code_seconds.unwrap_or(0), 0)), ProofState::Over, "{purpose:?}");
            assert_eq!(proof.state_by_link(after(link_seconds - 1, 999)), ProofState::Open, "{purpose:?}");
            assert_eq!(proof.state_by_link(after(link_seconds, 0)), ProofState::Over, "{purpose:?}");
        }
    }

    #[test]
    fn five_wrong_codes_end_the_code_and_not_the_link() {
        let guessed = |tries| Proof { tries, ..proof(Purpose::Reset) };
        assert_eq!(guessed(4).state_by_code(NOW), ProofState::Open);
        assert_eq!([guessed(0), guessed(4), guessed(6)].map(|proof| proof.tries_left()), [5, 1, 0]);
        assert_eq!(Proof { tries_max: 3, ..guessed(3) }.state_by_code(NOW), ProofState::Over);
        assert_eq!(guessed(5).state_by_code(NOW), ProofState::Over);
        assert_eq!(guessed(5).state_by_link(NOW), ProofState::Open);
    }

    #[test]
    fn a_completion_may_be_repeated_for_ten_minutes() {
        let used = Proof { used_at: Some(NOW), ..proof(Purpose::Reset) };
        let guessed = Proof { tries: TRIES_MAX, ..used.clone() };
        assert_eq!(guessed.state_by_code(NOW), ProofState::Over);
        let at = |seconds| NOW + Duration::from_secs(seconds);
        assert_eq!(used.state_by_code(at(599)), ProofState::Used { may_repeat: true });
        assert_eq!(used.state_by_link(at(600)), ProofState::Used { may_repeat: false });
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        let written = serde_json::to_value(proof(Purpose::SignIn)).unwrap();
        assert_eq!(written["purpose"], "sign_in");
        let read: Proof = serde_json::from_value(written.clone()).unwrap();
        assert_eq!(serde_json::to_value(read).unwrap(), written);
        assert!(written.get("code").is_none() && !written.to_string().contains(id(1).code(&key(1)).as_str()));
    }
}
