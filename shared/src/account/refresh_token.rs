//! Refresh tokens, which prolong sessions.
//!
//! A refresh token is the session's id and a counter, masked, with an HMAC. The store keeps only
//! the counter, since any token can be made again from it. A client that lost an answer gets the
//! same token again, and a copy of the table holds no token.

use aws_lc_rs::hmac;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use crate::account::{
    ip::IpKey,
    sealed::{self, Message, Seal, tag},
    session::{ID_BYTES, SessionId},
};

/// The contexts keep any other use of the key from making a refresh token. A token shows nothing of
/// the session's id, which is in the table and in access tokens.
const SEAL: Seal = Seal { context: b"latchkey refresh token", mask_context: b"latchkey refresh token mask" };
/// The beginning of the input from which the name of a caller is made.
const CALLER_CONTEXT: &[u8] = b"latchkey refresh token caller";

/// The content of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RefreshToken {
    /// The session that the token belongs to.
    pub session: SessionId,
    /// The number of refreshes of the session before this token.
    pub counter: u32,
}

impl RefreshToken {
    /// The text of the token: 43 characters, base64url of 32 bytes.
    pub fn seal(self, key: &hmac::Key) -> String {
        SEAL.sealed(key, &self.message())
    }

    /// Reads a token that one of `keys` made. `None` for any other text. This asks no store.
    pub fn open<'k>(text: &str, keys: impl IntoIterator<Item = &'k hmac::Key>) -> Option<Self> {
        Self::open_by(text, keys).map(|(token, _)| token)
    }

    /// Like [`RefreshToken::open`], with the key that made the token.
    pub fn open_by<'k>(text: &str, keys: impl IntoIterator<Item = &'k hmac::Key>) -> Option<(Self, &'k hmac::Key)> {
        let (message, key) = SEAL.open(text, keys)?;
        let (id, counter) = message.split_first_chunk::<ID_BYTES>()?;
        let counter = u32::from_be_bytes(counter.try_into().ok()?);
        Some((Self { session: SessionId(*id), counter }, key))
    }

    /// Names the caller that presents this token from an IP address, by an HMAC with the token's
    /// key. Two callers with the same token have the same name only if they share the address.
    /// Without the key, the name shows neither the address nor another session of the caller.
    pub fn caller(self, key: &hmac::Key, ip: &IpKey) -> String {
        let message = [&self.message(), ip.as_str().as_bytes()].concat();
        URL_SAFE_NO_PAD.encode(tag(key, CALLER_CONTEXT, &message))
    }

    /// Whether a text has the form of a refresh token. Nothing is verified.
    pub fn is_like_one(text: &str) -> bool {
        sealed::is_like_one(text)
    }

    fn message(self) -> Message {
        let mut message = Message::default();
        let (id, counter) = message.split_at_mut(ID_BYTES);
        id.copy_from_slice(&self.session.0);
        counter.copy_from_slice(&self.counter.to_be_bytes());
        message
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_token_is_43_characters_and_is_opened_by_its_key_only() {
        let token = RefreshToken { session: SessionId::new([9; 12]), counter: 7 };
        let text = token.seal(&key(1));
        assert_eq!(text.len(), 43);
        assert_eq!(RefreshToken::open(&text, [&key(2), &key(1)]), Some(token));
        assert_eq!(RefreshToken::open(&text, [&key(2)]), None);
        assert_eq!(RefreshToken::open(&text, []), None);
    }

    #[test]
    fn a_caller_is_named_by_token_and_address_alone() {
        let token = RefreshToken { session: SessionId::new([9; 12]), counter: 7 };
        let ip = |text: &str| IpKey::new(text.parse().unwrap());
        let name = token.caller(&key(1), &ip("192.0.2.1"));
        assert_eq!(token.caller(&key(1), &ip("192.0.2.1")), name);
        assert_ne!(token.caller(&key(1), &ip("192.0.2.2")), name);
        assert_ne!(token.caller(&key(2), &ip("192.0.2.1")), name);
        assert_ne!(RefreshToken { counter: 8, ..token }.caller(&key(1), &ip("192.0.2.1")), name);
    }

    #[test]
    fn a_token_shows_no_part_of_its_session_id_and_no_two_tokens_share_a_part() {
        let id = SessionId::new([9; 12]);
        let tokens = [0, 1, 2].map(|counter| RefreshToken { session: id, counter }.seal(&key(1)));
        let parts = |text: &str| text.as_bytes().windows(6).map(<[u8]>::to_vec).collect::<Vec<_>>();
        for (index, token) in tokens.iter().enumerate() {
            for other in tokens[index + 1..].iter().chain([&id.to_string()]) {
                assert!(!parts(other).iter().any(|part| parts(token).contains(part)), "{token} {other}");
            }
        }
    }
}
