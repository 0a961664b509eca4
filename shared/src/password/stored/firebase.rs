//! Firebase's modified scrypt (github.com/firebase/scrypt).
//!
//! Supabase writes an export of Firebase Authentication in this form:
//! `$fbscrypt$v=1,n=14,r=8,p=1,ss=<salt separator>,sk=<signer key>$salt$hash`.

use ::scrypt::{Params, scrypt};
use aws_lc_rs::{
    cipher::{AES_256, DecryptingKey, DecryptionContext, UnboundCipherKey},
    constant_time,
    error::Unspecified,
    iv::FixedLength,
};
use zeroize::Zeroizing;

use super::{OUTPUT_BYTES, Refusal, fields, scrypt::cost};

/// The kind's name in refusals.
const KIND: &str = "Firebase scrypt";
/// The longest salt separator, in bytes. Firebase's has one byte.
const SEPARATOR_BYTES_MAX: usize = 16;

/// A hash of Firebase's scrypt within bounds.
pub struct FirebaseScrypt {
    params: Params,
    /// The salt, and behind it the separator.
    salt: Vec<u8>,
    /// The signer key of the Firebase project. The hash is an encryption of this key.
    signer_key: Vec<u8>,
    output: Vec<u8>,
}

impl FirebaseScrypt {
    /// Reads the parts between the dollars.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read(params: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let Some(["1", log_n, block, lanes, separator, signer_key]) =
            fields::values(params, ["v", "n", "r", "p", "ss", "sk"])
        else {
            return Err(Refusal::damaged(KIND, "list of parameters"));
        };
        let separator = fields::bytes(separator, 0..=SEPARATOR_BYTES_MAX);
        let separator = separator.ok_or_else(|| Refusal::damaged(KIND, "salt separator (ss)"))?;
        let signer_key = fields::bytes(signer_key, OUTPUT_BYTES);
        let signer_key = signer_key.ok_or_else(|| Refusal::damaged(KIND, "signer key (sk)"))?;
        let params = cost(KIND, [log_n, block, lanes])?;
        let salt = [fields::salt(KIND, salt)?, separator].concat();
        Ok(Self { params, salt, signer_key, output: fields::output(KIND, output)? })
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        self.decrypted(password).is_ok_and(|key| constant_time::verify_slices_are_equal(&key, &self.signer_key).is_ok())
    }

    /// Decrypts the hash under `password`: AES-256-CTR with a counter from zero.
    fn decrypted(&self, password: &[u8]) -> Result<Zeroizing<Vec<u8>>, Unspecified> {
        let mut derived = Zeroizing::new([0; 32]);
        scrypt(password, &self.salt, &self.params, derived.as_mut()).map_err(|_| Unspecified)?;
        let key = DecryptingKey::ctr(UnboundCipherKey::new(&AES_256, derived.as_ref())?)?;
        let mut text = Zeroizing::new(self.output.clone());
        key.decrypt(&mut text, DecryptionContext::Iv128(FixedLength::from([0; 16])))?;
        Ok(text)
    }
}
