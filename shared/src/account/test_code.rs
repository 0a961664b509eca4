//! The fixed code of one account, for people who test or review an app and have no mailbox.
//!
//! The code logs in to that account alone, in the place of a mailed code, until a set time. It
//! proves nothing about the address.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};

use super::proof::Code;
use crate::time::Timestamp;

/// The longest life of such a code. A review by a store takes days.
pub const LIFE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// The contexts keep the code of one account apart from that of another, and from every mailed
/// code.
const CONTEXT: &[u8] = b"latchkey test code";

/// A fixed code, as the store keeps it: an HMAC by the key of proofs. A copy of the table without
/// that key opens nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestCode {
    mac: String,
    /// The end of the code.
    pub until: Timestamp,
}

impl TestCode {
    /// The code of the account with this id, good before `until`.
    pub fn new(key: &hmac::Key, user_id: &str, code: &Code, until: Timestamp) -> Self {
        Self { mac: URL_SAFE_NO_PAD.encode(input(user_id, code, |input| hmac::sign(key, input))), until }
    }

    /// Whether a code is this one, at a time before its end. `keys` are the keys of proofs. Every
    /// comparison takes the same time.
    pub fn is<'k>(
        &self,
        code: &Code,
        user_id: &str,
        keys: impl IntoIterator<Item = &'k hmac::Key>,
        now: Timestamp,
    ) -> bool {
        let Ok(mac) = URL_SAFE_NO_PAD.decode(&self.mac) else { return false };
        now < self.until
            && keys.into_iter().any(|key| input(user_id, code, |input| hmac::verify(key, input, &mac).is_ok()))
    }
}

fn input<T>(user_id: &str, code: &Code, then: impl Fn(&[u8]) -> T) -> T {
    // A code has always six digits, so that the two parts cannot run into each other.
    then(&[CONTEXT, code.as_str().as_bytes(), user_id.as_bytes()].concat())
}

/// Whether a code is one that everybody tries first: one digit alone, or digits in a row.
pub fn is_guessed_first(code: &Code) -> bool {
    let digits = code.as_str().bytes().map(i16::from);
    let steps = |step: i16| digits.clone().zip(digits.clone().skip(1)).all(|(one, next)| next - one == step);
    [-1, 0, 1].into_iter().any(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNTIL: Timestamp = Timestamp::from_seconds(1_779_890_400);

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    fn code(text: &str) -> Code {
        Code::parse(text).unwrap()
    }

    #[test]
    fn a_code_is_of_one_account_one_key_and_one_time() {
        let set = TestCode::new(&key(1), "u", &code("135790"), UNTIL);
        let before = Timestamp::from_milliseconds(UNTIL.milliseconds() - 1);
        let is = |text: &str, user: &str, key: &hmac::Key, now| set.is(&code(text), user, [key], now);
        assert!(is("135790", "u", &key(1), before) && is("135 790", "u", &key(1), before));
        assert!(!is("135790", "u", &key(1), UNTIL), "the end is the first moment without it");
        assert!(!is("135791", "u", &key(1), before) && !is("135790", "v", &key(1), before));
        assert!(!is("135790", "u", &key(2), before));
        assert!(set.is(&code("135790"), "u", [&key(2), &key(1)], before), "an earlier key of proofs opens it too");
        let written = serde_json::to_string(&set).unwrap();
        assert!(!written.contains("135790"), "{written}");
        assert_eq!(serde_json::from_str::<TestCode>(&written).unwrap(), set);
    }

    #[test]
    fn codes_that_everybody_tries_first_are_told() {
        for text in ["000000", "999999", "123456", "012345", "654321"] {
            assert!(is_guessed_first(&code(text)), "{text}");
        }
        for text in ["135790", "123457", "111112", "901234"] {
            assert!(!is_guessed_first(&code(text)), "{text}");
        }
    }
}
