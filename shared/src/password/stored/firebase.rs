//! Firebase's modified scrypt (github.com/firebase/scrypt).
//!
//! Firebase derives a key from the password by scrypt, and encrypts the signer key of the project
//! with it by AES-256-CTR. The result is the hash, and a password is right if it decrypts to the
//! signer key. Supabase writes such a hash as
//! `$fbscrypt$v=1,n=14,r=8,p=1,ss=<salt separator>,sk=<signer key>$salt$hash`.
//!
//! The signer key belongs to Firebase's project, and is a secret there. CTR adds a key stream to
//! the signer key, so that hash and signer key together are the key stream. The key stream alone
//! tells whether a password is right. Only the key stream is stored:
//! `$fbscrypt-stream$v=1,n=14,r=8,p=1,ss=<salt separator>$salt$key stream`. No record has the
//! signer key, and no setting has to keep it.

use std::iter;

use ::scrypt::{Params, scrypt};
use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    constant_time,
    error::Unspecified,
    iv::FixedLength,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use zeroize::Zeroizing;

use super::{OUTPUT_BYTES, Refusal, fields, scrypt::cost};
use crate::password::StoredHash;

/// The kind's name in refusals.
const KIND: &str = "Firebase scrypt";
/// The longest salt separator, in bytes. Firebase's has one byte.
const SEPARATOR_BYTES_MAX: usize = 16;
/// The bytes of the key stream that are stored. 256 bits are as many as the derived key has.
const STREAM_BYTES: usize = 32;

/// A hash of Firebase's scrypt within bounds.
pub struct FirebaseScrypt {
    params: Params,
    salt: Vec<u8>,
    separator: Vec<u8>,
    /// The beginning of the key stream under the right password.
    stream: Vec<u8>,
}

impl FirebaseScrypt {
    /// Reads the parts between the dollars of the form with the signer key.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds, or the signer key has another length than the hash.
    pub fn read(params: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let Some(["1", log_n, block, lanes, separator, signer_key]) =
            fields::values(params, ["v", "n", "r", "p", "ss", "sk"])
        else {
            return Err(Refusal::damaged(KIND, "list of parameters"));
        };
        let signer_key = fields::bytes(signer_key, OUTPUT_BYTES).map(Zeroizing::new);
        let signer_key = signer_key.ok_or_else(|| Refusal::damaged(KIND, "signer key (sk)"))?;
        let output = fields::output(KIND, output)?;
        if output.len() != signer_key.len() {
            let (is, accepted) = (format!("{} bytes of output", output.len()), format!("{}", signer_key.len()));
            return Err(Refusal::bound(KIND, is, format!("{accepted} with this signer key, as of the same project")));
        }
        let stream = iter::zip(&output, signer_key.iter()).map(|(byte, key)| byte ^ key).take(STREAM_BYTES).collect();
        Self::of([log_n, block, lanes], separator, salt, stream)
    }

    /// Reads the parts between the dollars of the form without the signer key.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_stream(params: &str, salt: &str, stream: &str) -> Result<Self, Refusal> {
        let Some(["1", log_n, block, lanes, separator]) = fields::values(params, ["v", "n", "r", "p", "ss"]) else {
            return Err(Refusal::damaged(KIND, "list of parameters"));
        };
        Self::of([log_n, block, lanes], separator, salt, fields::output(KIND, stream)?)
    }

    fn of(costs: [&str; 3], separator: &str, salt: &str, stream: Vec<u8>) -> Result<Self, Refusal> {
        let separator = fields::bytes(separator, 0..=SEPARATOR_BYTES_MAX);
        let separator = separator.ok_or_else(|| Refusal::damaged(KIND, "salt separator (ss)"))?;
        Ok(Self { params: cost(KIND, costs)?, salt: fields::salt(KIND, salt)?, separator, stream })
    }

    /// The text to store, which does not have the signer key.
    pub fn text(&self) -> StoredHash {
        let (log_n, block, lanes) = (self.params.log_n(), self.params.r(), self.params.p());
        let [separator, salt, stream] = [&self.separator, &self.salt, &self.stream].map(|bytes| STANDARD.encode(bytes));
        let params = format!("v=1,n={log_n},r={block},p={lanes},ss={separator}");
        StoredHash::new(format!("$fbscrypt-stream${params}${salt}${stream}"))
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        self.key_stream(password)
            .is_ok_and(|stream| constant_time::verify_slices_are_equal(&stream, &self.stream).is_ok())
    }

    /// The key stream under `password`: AES-256-CTR with a counter from zero, over zeros.
    fn key_stream(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut derived = Zeroizing::new([0; 32]);
        let salt = [self.salt.as_slice(), &self.separator].concat();
        scrypt(password, &salt, &self.params, derived.as_mut()).map_err(|_| Unspecified)?;
        let key = DecryptingKey::ctr(UnboundCipherKey::new(&AES_256, derived.as_ref())?)?;
        let mut stream = Zeroizing::new(vec![0; self.stream.len()]);
        key.decrypt(&mut stream, DecryptionContext::Iv128(FixedLength::from([0; 16])))?;
        Ok(stream)
    }
}
