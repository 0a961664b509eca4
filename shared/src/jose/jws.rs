//! JSON Web Signatures in compact serialisation (RFC 7515). They are parsed strictly, and verified
//! with a key that knows its own algorithm.

use std::fmt;

use aws_lc_rs::{
    hmac,
    rsa::PublicKeyComponents,
    signature::{ECDSA_P256_SHA256_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Map, Value};

use crate::jose::json;

/// The longest accepted text, in bytes.
pub const BYTES_MAX: usize = 16 * 1024;
/// The accepted sizes of an RSA modulus, in bits. RFC 7518 section 3.3 asks for at least 2048. A
/// modulus above 8192 bits only costs time.
const MODULUS_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;
/// The shortest accepted secret, in bytes. RFC 7518 section 3.2 asks for at least the size of the
/// hash's output.
pub const SECRET_BYTES_MIN: usize = 32;
/// The bytes of a coordinate on the curve P-256 (RFC 7518 section 6.2.1.2).
const P256_COORDINATE_BYTES: usize = 32;
/// The first byte of a point whose two coordinates follow (SEC 1 section 2.3.3).
const UNCOMPRESSED: u8 = 4;

/// A JWS whose parts are decoded and not verified yet.
pub struct Jws {
    /// The JOSE header (section 4).
    pub header: Map<String, Value>,
    /// The payload's bytes, decoded (section 2).
    pub payload: Vec<u8>,
    signing_input: String,
    signature: Vec<u8>,
}

impl Jws {
    /// Decodes the compact serialisation (section 7.1): three parts of base64url without padding,
    /// white space or loose trailing bits. The payload may be empty. The signature may be empty
    /// too, in an unsigned JWS (section A.5), and then no key verifies the JWS.
    ///
    /// # Errors
    ///
    /// A sentence for the caller that never quotes `text`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text.len() > BYTES_MAX {
            return Err("The token is longer than 16 KiB.".to_owned());
        }
        let parts: Vec<&str> = text.split('.').collect();
        let &[header, payload, signature] = parts.as_slice() else {
            return Err(if text.trim().is_empty() {
                "The token is empty.".to_owned()
            } else {
                format!("A JWT has three parts divided by dots; this text has {}.", parts.len())
            });
        };
        if header.is_empty() {
            return Err("A part of the token is empty.".to_owned());
        }
        let header =
            json::object(&decode(header, "header")?).map_err(|refusal| format!("The token's header {refusal}."))?;
        let signing_input = text.get(..text.len() - signature.len() - 1).unwrap_or_default().to_owned();
        Ok(Self {
            header,
            payload: decode(payload, "payload")?,
            signing_input,
            signature: decode(signature, "signature")?,
        })
    }

    /// Whether the signature is empty.
    pub fn is_unsigned(&self) -> bool {
        self.signature.is_empty()
    }

    /// The text that is signed: header and payload (section 5.1). Some algorithms have more than
    /// one signature of a text, so that this tells tokens apart and the signature does not.
    pub fn signing_input(&self) -> &str {
        &self.signing_input
    }

    /// Whether the signature is shorter than any of its algorithm, as in a text that was cut off.
    pub fn is_cut(&self) -> bool {
        let shortest = match self.header.get("alg").and_then(Value::as_str) {
            Some("RS256" | "RS384" | "RS512" | "PS256" | "PS384" | "PS512") => MODULUS_BITS.start() / 8,
            Some("HS256") => 32,
            Some("ES256") => 2 * P256_COORDINATE_BYTES,
            _ => return false,
        };
        self.signature.len() < shortest
    }

    /// Whether the signature is by `key` and its algorithm, which the header must name. Always
    /// false if the header has critical extensions (section 4.1.11), because none is supported
    /// here.
    pub fn is_signed_by(&self, key: &VerifyingKey) -> bool {
        let named = self.header.get("alg").and_then(Value::as_str) == Some(key.algorithm());
        named && !self.header.contains_key("crit") && key.verifies(self.signing_input.as_bytes(), &self.signature)
    }
}

fn decode(part: &str, name: &str) -> Result<Vec<u8>, String> {
    URL_SAFE_NO_PAD.decode(part).map_err(|_| {
        let why = if part.contains('=') {
            "has padding (`=`), and base64url in a JWT has none"
        } else if part.contains(['+', '/']) {
            "is in plain base64, not in base64url"
        } else if part.contains(char::is_whitespace) {
            "has white space in it"
        } else if part.starts_with(['"', '\'']) || part.ends_with(['"', '\'']) {
            "has quotes around it"
        } else if part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte)) {
            "is not base64url: a letter is missing or too many, as in a token that was cut off"
        } else {
            "is not base64url"
        };
        format!("The token's {name} {why}.")
    })
}

/// Why a key cannot be used: a phrase that follows "the key".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flaw {
    /// The key cannot be read, so a signature by it may be genuine.
    Damaged(&'static str),
    /// The key can be read, but no signature by it is accepted.
    Unsuitable(&'static str),
}

impl Flaw {
    /// The phrase that follows "the key".
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::Damaged(phrase) | Self::Unsuitable(phrase) => phrase,
        }
    }
}

/// A key that verifies signatures. The key decides the algorithm, never the header.
pub enum VerifyingKey {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256(ParsedPublicKey),
    /// ECDSA on the curve P-256 with SHA-256.
    Es256(ParsedPublicKey),
    /// HMAC with SHA-256.
    Hs256(Box<hmac::Key>),
}

impl VerifyingKey {
    /// The RSA key with this modulus and exponent, both big-endian.
    ///
    /// # Errors
    ///
    /// The modulus does not have 2048 to 8192 bits, or the exponent is not odd and above 1.
    pub fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<Self, Flaw> {
        let (n, e) = (without_leading_zeros(modulus), without_leading_zeros(exponent));
        let bits = n.len() * 8 - n.first().map_or(0, |byte| byte.leading_zeros() as usize);
        if !MODULUS_BITS.contains(&bits) {
            return Err(Flaw::Unsuitable("does not have 2048 to 8192 bits"));
        }
        if e == [1] || e.last().is_none_or(|byte| byte % 2 == 0) {
            return Err(Flaw::Unsuitable("has an exponent that is not an odd number above 1"));
        }
        let key = PublicKeyComponents { n, e }.to_parsed_public_key(&RSA_PKCS1_2048_8192_SHA256);
        key.map(Self::Rs256).map_err(|_| Flaw::Damaged("is not an RSA key"))
    }

    /// The key on the curve P-256 with these coordinates, both of 32 bytes.
    ///
    /// # Errors
    ///
    /// A coordinate has another length, or the point is not on the curve.
    pub fn p256(x: &[u8], y: &[u8]) -> Result<Self, Flaw> {
        if [x, y].iter().any(|coordinate| coordinate.len() != P256_COORDINATE_BYTES) {
            return Err(Flaw::Damaged("has a coordinate that is not of 32 bytes"));
        }
        let point = [&[UNCOMPRESSED], x, y].concat();
        let key = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point);
        key.map(Self::Es256).map_err(|_| Flaw::Damaged("is not a point of its curve"))
    }

    /// The HS256 key with these bytes, a shared secret.
    ///
    /// # Errors
    ///
    /// The secret is shorter than 32 bytes.
    pub fn secret(bytes: &[u8]) -> Result<Self, Flaw> {
        if bytes.len() < SECRET_BYTES_MIN {
            return Err(Flaw::Unsuitable("is shorter than 32 bytes"));
        }
        Ok(Self::Hs256(Box::new(hmac::Key::new(hmac::HMAC_SHA256, bytes))))
    }

    /// The algorithm of this key, as `alg` names it.
    pub const fn algorithm(&self) -> &'static str {
        match self {
            Self::Rs256(_) => "RS256",
            Self::Es256(_) => "ES256",
            Self::Hs256(_) => "HS256",
        }
    }

    /// Whether this is the key's signature of `message`.
    pub fn verifies(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::Rs256(key) | Self::Es256(key) => key.verify_sig(message, signature).is_ok(),
            Self::Hs256(key) => hmac::verify(key, message, signature).is_ok(),
        }
    }
}

fn without_leading_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

/// Prints a name only: the parts together are a token that somebody could use.
impl fmt::Debug for Jws {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Jws")
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "VerifyingKey({})", self.algorithm())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::jose::rsa::RsaKey;

    fn text(header: &str, payload: &[u8], signature: &[u8]) -> String {
        [header.as_bytes(), payload, signature].map(|part| URL_SAFE_NO_PAD.encode(part)).join(".")
    }

    #[test]
    fn a_text_that_is_not_strict_compact_serialisation_is_refused_with_the_reason() {
        let good = text(r#"{"alg":"RS256"}"#, b"payload", b"sig");
        assert!(Jws::parse(&good).is_ok());
        for (bad, words) in [
            (String::new(), "is empty"),
            ("  ".to_owned(), "is empty"),
            ("..".to_owned(), "part of the token is empty"),
            ("a.b".to_owned(), "this text has 2"),
            (format!("{good}.x"), "this text has 4"),
            (format!("{good}.x.y"), "this text has 5"),
            ("A".repeat(43), "this text has 1"),
            (format!("{good} "), "white space"),
            (format!("{good}\n"), "white space"),
            (format!("b'{good}'"), "is not base64url"),
            (format!("\"{good}\""), "quotes"),
            (format!("{good}="), "padding"),
            (good.replace("c2ln", "c2l+"), "plain base64"),
            (good.replace("c2ln", "c2lnZh"), "signature is not base64url: a letter is missing"),
            (good.replace("c2ln", &"A".repeat(BYTES_MAX)), "16 KiB"),
            (text("[]", b"", b"s").replace("..", ".eA."), "header is not a JSON object"),
            (text(r#"{"alg":"RS256","alg":"none"}"#, b"x", b"s"), "header gives a key twice"),
        ] {
            let refusal = Jws::parse(&bad).unwrap_err();
            assert!(refusal.contains(words), "{bad}: {refusal}");
        }
    }

    #[test]
    fn a_signature_counts_only_under_the_keys_own_algorithm() {
        let rsa = RsaKey::from_pem(&RsaKey::generate().unwrap()).unwrap();
        let secret = hmac::Key::new(hmac::HMAC_SHA256, &[7; 32]);
        let signed = |header: &str, sign: &dyn Fn(&[u8]) -> Vec<u8>| {
            let input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode("payload"));
            let signature = sign(input.as_bytes());
            Jws::parse(&format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))).unwrap()
        };
        let by_rsa = |input: &[u8]| rsa.sign(input).unwrap();
        let by_secret = |input: &[u8]| hmac::sign(&secret, input).as_ref().to_vec();
        let key = VerifyingKey::secret(&[7; 32]).unwrap();
        assert!(signed(r#"{"alg":"RS256"}"#, &by_rsa).is_signed_by(rsa.public()));
        assert!(signed(r#"{"alg":"HS256"}"#, &by_secret).is_signed_by(&key));
        for header in [r#"{"alg":"HS256"}"#, r#"{"alg":"rs256"}"#, r#"{"alg":"none"}"#, r#"{"alg":1}"#, "{}"] {
            assert!(!signed(header, &by_rsa).is_signed_by(rsa.public()), "{header}");
        }
        assert!(!signed(r#"{"alg":"RS256"}"#, &by_secret).is_signed_by(&key));
        assert!(!signed(r#"{"alg":"HS256"}"#, &by_rsa).is_signed_by(&key));
        assert!(!signed(r#"{"alg":"RS256","crit":["exp"]}"#, &by_rsa).is_signed_by(rsa.public()));
        let unsigned = Jws::parse(&text(r#"{"alg":"RS256"}"#, b"payload", b"")).unwrap();
        assert!(unsigned.is_unsigned() && !unsigned.is_signed_by(rsa.public()));
    }

    #[test]
    fn keys_too_small_or_broken_are_refused() {
        let odd = |bytes: usize| [vec![0xc5; bytes - 1], vec![1]].concat();
        assert!(VerifyingKey::rsa(&odd(256), &[1, 0, 1]).is_ok());
        assert!(VerifyingKey::rsa(&[vec![0, 0], odd(256)].concat(), &[0, 1, 0, 1]).is_ok());
        for (modulus, exponent) in [
            (odd(255), vec![1, 0, 1]),
            ([vec![0x7f], odd(255)].concat(), vec![1, 0, 1]),
            (odd(1025), vec![1, 0, 1]),
            (vec![], vec![1, 0, 1]),
            (odd(256), vec![1]),
            (odd(256), vec![2]),
            (odd(256), vec![0]),
            (odd(256), vec![]),
        ] {
            assert!(VerifyingKey::rsa(&modulus, &exponent).is_err(), "{} {exponent:?}", modulus.len());
        }
        assert!(VerifyingKey::secret(&[0; 31]).is_err());
    }
}
