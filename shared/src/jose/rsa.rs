//! RSA keys for RS256: the service's own keys and the key of the Firebase service account.

pub(crate) mod rejection;

use std::{fmt, sync::Arc};

use aws_lc_rs::{
    encoding::{AsDer, Pkcs8V1Der},
    rand::SystemRandom,
    rsa::{KeyPair, KeySize},
    signature::{KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair},
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use jsonwebtoken::{
    Algorithm,
    jwk::{
        AlgorithmParameters, CommonParameters, Jwk, KeyAlgorithm, PublicKeyUse, RSAKeyParameters, RSAKeyType,
        ThumbprintHash,
    },
};

use crate::jose::jws::{Flaw, VerifyingKey};

/// The smallest modulus, in bits (RFC 7518 section 3.3).
const MODULUS_BITS_MIN: usize = 2048;

/// A private key and its public half, parsed once. `jsonwebtoken` parses the key for every
/// signature, so its signatures cost three quarters more (214 µs on top of 284 µs).
pub struct RsaKey {
    pair: RsaKeyPair,
    public: Arc<RsaPublicKey>,
}

/// The public half of a key, which verifies signatures and is published.
pub struct RsaPublicKey {
    verifying: Arc<VerifyingKey>,
    modulus: String,
    exponent: String,
}

impl RsaPublicKey {
    /// The key with this modulus and exponent, both big-endian in base64url.
    ///
    /// # Errors
    ///
    /// A phrase that follows "the key".
    pub fn from_members(modulus: &str, exponent: &str) -> Result<Self, &'static str> {
        let bytes = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| "is not base64url");
        let verifying = VerifyingKey::rsa(&bytes(modulus)?, &bytes(exponent)?).map_err(Flaw::phrase)?;
        Ok(Self { verifying: Arc::new(verifying), modulus: modulus.to_owned(), exponent: exponent.to_owned() })
    }

    /// The key that verifies signatures.
    pub fn verifying(&self) -> &Arc<VerifyingKey> {
        &self.verifying
    }

    /// The modulus and the exponent, both big-endian in base64url (RFC 7518 section 6.3.1).
    pub fn members(&self) -> (&str, &str) {
        (&self.modulus, &self.exponent)
    }

    /// The key as a JWK (RFC 7517), for the key set document.
    pub fn jwk(&self, kid: &str) -> Jwk {
        Jwk {
            common: CommonParameters {
                public_key_use: Some(PublicKeyUse::Signature),
                key_algorithm: Some(KeyAlgorithm::RS256),
                key_id: Some(kid.to_owned()),
                ..CommonParameters::default()
            },
            algorithm: AlgorithmParameters::RSA(RSAKeyParameters {
                key_type: RSAKeyType::RSA,
                n: self.modulus.clone(),
                e: self.exponent.clone(),
            }),
        }
    }
}

impl RsaKey {
    /// Generates a key of 2048 bits, as PKCS#8 in PEM.
    ///
    /// # Errors
    ///
    /// The random source failed.
    pub fn generate() -> Result<String, aws_lc_rs::error::Unspecified> {
        let pair = KeyPair::generate(KeySize::Rsa2048)?;
        let der = AsDer::<Pkcs8V1Der>::as_der(&pair)?;
        Ok(pem::encode_config(
            &pem::Pem::new("PRIVATE KEY", der.as_ref()),
            pem::EncodeConfig::new().set_line_ending(pem::LineEnding::LF),
        ))
    }

    /// Reads a private key of 2048 to 8192 bits from PEM, as PKCS#8 or PKCS#1.
    ///
    /// # Errors
    ///
    /// A phrase that follows "the private key" and never quotes the key.
    pub fn from_pem(text: &str) -> Result<Self, String> {
        let block = pem::parse(text).map_err(|_| "is not PEM text")?;
        let der = block.contents();
        if let Some(refusal) = rejection::by_label(block.tag()) {
            return Err(refusal.to_owned());
        }
        if block.headers().get("Proc-Type").is_some() {
            return Err(rejection::ENCRYPTED.to_owned());
        }
        let pair = if block.tag() == "PRIVATE KEY" { RsaKeyPair::from_pkcs8(der) } else { RsaKeyPair::from_der(der) }
            .map_err(|rejected| rejection::by_contents(rejected, der))?;
        let public = pair.public_key();
        let (modulus, exponent) = (public.modulus(), public.exponent());
        let (n, e) = (modulus.big_endian_without_leading_zero(), exponent.big_endian_without_leading_zero());
        let public = RsaPublicKey {
            verifying: Arc::new(VerifyingKey::rsa(n, e).map_err(Flaw::phrase)?),
            modulus: URL_SAFE_NO_PAD.encode(n),
            exponent: URL_SAFE_NO_PAD.encode(e),
        };
        Ok(Self { public: Arc::new(public), pair })
    }

    /// Signs `message` by RS256.
    ///
    /// # Errors
    ///
    /// The random source that blinds the computation failed.
    pub fn sign(&self, message: &[u8]) -> Result<Vec<u8>, aws_lc_rs::error::Unspecified> {
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature)?;
        Ok(signature)
    }

    /// The key that verifies the signatures of this one.
    pub fn public(&self) -> &VerifyingKey {
        &self.public.verifying
    }

    /// The public half.
    pub fn public_half(&self) -> &Arc<RsaPublicKey> {
        &self.public
    }

    /// The thumbprint of the public half (RFC 7638, SHA-256). It serves as a key id that nobody has
    /// to assign.
    pub fn thumbprint(&self) -> String {
        // `thumbprint` fails only for some elliptic curves.
        self.public.jwk("").thumbprint(ThumbprintHash::SHA256).unwrap_or_default()
    }
}

/// The only algorithm of these keys, whatever a token's header says.
pub const ALGORITHM: Algorithm = Algorithm::RS256;

impl fmt::Debug for RsaPublicKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RsaPublicKey")
    }
}

impl fmt::Debug for RsaKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RsaKey")
    }
}

#[cfg(test)]
mod tests {
    use jsonwebtoken::Header;
    use serde_json::json;

    use super::*;
    use crate::jose::jwt::{self, Jwt};

    #[test]
    fn a_generated_key_is_read_back_and_its_signatures_verify() {
        let key = RsaKey::from_pem(&RsaKey::generate().unwrap()).unwrap();
        let token = jwt::sign(&Header::new(ALGORITHM), &json!({"sub": "a"}), &key).unwrap();
        assert!(Jwt::parse(&token).unwrap().is_signed_by(key.public()));
        let other = RsaKey::from_pem(&RsaKey::generate().unwrap()).unwrap();
        assert!(!Jwt::parse(&token).unwrap().is_signed_by(other.public()));
        assert_eq!(key.thumbprint().len(), 43);
    }

    #[test]
    fn the_thumbprint_is_that_of_rfc_7638() {
        let jwk: Jwk = serde_json::from_str(
            r#"{"kty":"RSA","n":"0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw","e":"AQAB","alg":"RS256","kid":"2011-04-29"}"#,
        )
        .unwrap();
        assert_eq!(jwk.thumbprint(ThumbprintHash::SHA256).unwrap(), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
    }

    #[test]
    fn a_text_that_is_not_a_private_rsa_key_is_refused_by_its_name() {
        for (text, words) in [
            ("hello", "is not PEM text"),
            (include_str!("../../tests/keys/public.pem"), "is a public key"),
            (include_str!("../../tests/keys/certificate.pem"), "is a certificate"),
            (include_str!("../../tests/keys/encrypted.pem"), "is encrypted"),
            (include_str!("../../tests/keys/encrypted-pkcs1.pem"), "is encrypted"),
            (include_str!("../../tests/keys/ec.pem"), "is an elliptic-curve key"),
            (include_str!("../../tests/keys/ec-pkcs8.pem"), "is an elliptic-curve key"),
            (include_str!("../../tests/keys/ed25519.pem"), "is an Ed25519 key"),
            (include_str!("../../tests/keys/dsa.pem"), "is a DSA key"),
            (include_str!("../../tests/keys/rsa-pss.pem"), "is an RSA-PSS key"),
            (include_str!("../../tests/keys/openssh.pem"), "is an OpenSSH key"),
            (include_str!("../../tests/keys/rsa-1024.pem"), "has 1024 bits; an RSA key needs 2048"),
            (include_str!("../../tests/keys/rsa-1024-pkcs1.pem"), "has 1024 bits; an RSA key needs 2048"),
            (include_str!("../../tests/keys/rsa-512-pkcs1.pem"), "has 512 bits; an RSA key needs 2048"),
        ] {
            let refusal = RsaKey::from_pem(text).unwrap_err();
            assert!(refusal.starts_with(words), "{refusal}");
        }
    }

    #[test]
    fn a_key_that_was_cut_or_changed_anywhere_is_refused_and_nothing_panics() {
        let whole = RsaKey::generate().unwrap();
        let block = pem::parse(&whole).unwrap();
        let read = |tag: &str, der: &[u8]| RsaKey::from_pem(&pem::encode(&pem::Pem::new(tag, der)));
        for tag in ["PRIVATE KEY", "RSA PRIVATE KEY"] {
            for length in 0..block.contents().len() {
                let refusal = read(tag, &block.contents()[..length]).unwrap_err();
                assert_eq!(refusal, "is damaged, or its end is missing");
            }
            // The first bytes hold the lengths and the algorithm.
            for (position, byte) in (0..40).flat_map(|position| [0, 1, 0x7f, 0x80, 0xff].map(|byte| (position, byte))) {
                let mut der = block.contents().to_vec();
                der[position] = byte;
                if let Ok(key) = read(tag, &der) {
                    assert_eq!(key.thumbprint(), RsaKey::from_pem(&whole).unwrap().thumbprint());
                }
            }
        }
    }
}
