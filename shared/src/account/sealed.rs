//! Sealed texts: 16 bytes that a client holds, and that nobody else can make or read.
//!
//! A sealed text is the message, masked, with an HMAC. Whoever opens it with the key knows that the
//! service made it. The store need not keep it, so a copy of the table holds none.

use aws_lc_rs::{constant_time, hmac};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

/// The length of a message, in bytes.
pub(super) const MESSAGE_BYTES: usize = 16;
/// The length of the HMAC, in bytes, as RFC 6749 section 10.10 asks: a guess succeeds with
/// probability 2^-128 at most.
const TAG_BYTES: usize = 16;

/// The content of a sealed text.
pub(super) type Message = [u8; MESSAGE_BYTES];

/// A kind of sealed text. No kind is opened as another, even under the same key.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seal {
    /// The beginning of the HMAC's input.
    pub context: &'static [u8],
    /// The beginning of the input from which the mask is made. The message is masked by an HMAC of
    /// its own HMAC, as with the synthetic IV of RFC 5297. No part of the text shows the message.
    pub mask_context: &'static [u8],
}

impl Seal {
    /// The sealed text: 43 characters, base64url of 32 bytes.
    pub(super) fn sealed(self, key: &hmac::Key, message: &Message) -> String {
        let tag = tag(key, self.context, message);
        URL_SAFE_NO_PAD.encode([self.mask(key, message, &tag), tag].concat())
    }

    /// The message of a text that one of `keys` sealed, with that key. `None` for any other text.
    pub(super) fn open<'k>(
        self,
        text: &str,
        keys: impl IntoIterator<Item = &'k hmac::Key>,
    ) -> Option<(Message, &'k hmac::Key)> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (masked, sent_tag) = bytes.split_first_chunk::<MESSAGE_BYTES>()?;
        keys.into_iter().find_map(|key| {
            let message = self.mask(key, masked, sent_tag);
            let verified = constant_time::verify_slices_are_equal(&tag(key, self.context, &message), sent_tag);
            verified.ok().and_then(|()| Some((message.try_into().ok()?, key)))
        })
    }

    /// Masks a message by the mask that belongs to its HMAC. Done twice, this gives the message
    /// again.
    fn mask(self, key: &hmac::Key, message: &Message, message_tag: &[u8]) -> Vec<u8> {
        tag(key, self.mask_context, message_tag).iter().zip(message).map(|(mask, byte)| mask ^ byte).collect()
    }
}

/// Whether a text has the form of a sealed text. Nothing is verified.
pub(super) fn is_like_one(text: &str) -> bool {
    URL_SAFE_NO_PAD.decode(text).is_ok_and(|bytes| bytes.len() == MESSAGE_BYTES + TAG_BYTES)
}

/// The first 16 bytes of the HMAC of `context` and `message`.
pub(super) fn tag(key: &hmac::Key, context: &[u8], message: &[u8]) -> Vec<u8> {
    let mut hmac = hmac::Context::with_key(key);
    hmac.update(context);
    hmac.update(message);
    hmac.sign().as_ref().iter().copied().take(TAG_BYTES).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: Seal = Seal { context: b"one", mask_context: b"one mask" };
    const OTHER: Seal = Seal { context: b"other", mask_context: b"other mask" };

    fn key(byte: u8) -> hmac::Key {
        hmac::Key::new(hmac::HMAC_SHA256, &[byte; 32])
    }

    #[test]
    fn a_text_is_opened_by_its_key_and_its_kind_only() {
        let text = ONE.sealed(&key(1), &[9; 16]);
        assert!(text.len() == 43 && is_like_one(&text));
        assert_eq!(ONE.open(&text, [&key(2), &key(1)]).map(|(message, _)| message), Some([9; 16]));
        assert!(ONE.open(&text, [&key(2)]).is_none() && ONE.open(&text, []).is_none());
        assert!(OTHER.open(&text, [&key(1)]).is_none());
    }

    #[test]
    fn no_changed_text_is_opened() {
        let text = ONE.sealed(&key(1), &[9; 16]);
        for index in 0..text.len() {
            for letter in ['A', 'B', '_', '=', ' '] {
                let mut changed = text.clone();
                changed.replace_range(index..=index, &letter.to_string());
                assert!(changed == text || ONE.open(&changed, [&key(1)]).is_none(), "{changed}");
            }
        }
        for changed in ["", "A", &text[1..], &format!("{text}A"), &format!("{text}=")] {
            assert!(ONE.open(changed, [&key(1)]).is_none() && !is_like_one(changed), "{changed}");
        }
    }
}
