//! The keys that sign the tokens of these tests, rightly or wrongly, and the encodings of the
//! public keys.

use std::sync::OnceLock;

use aws_lc_rs::{
    encoding::{AsDer, PublicKeyX509Der},
    hmac,
    rand::SystemRandom,
    rsa::KeyPair,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_SHA256,
        RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
    },
};
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};
use shared::{
    jose::{jwt::Jwt, rsa::RsaKey},
    keys::KeyRing,
    testing::{certificate, service_account, signing_keys},
    time::Timestamp,
};

use super::SECRET;

/// A key that signs. A secret always signs by HMAC. The other keys follow the named algorithm as
/// far as they can.
pub enum Signer {
    Rsa(&'static str),
    Secret(Vec<u8>),
    P256,
    Ed25519,
}

pub fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

pub fn claims(token: &str) -> Value {
    Value::Object(Jwt::parse(token).unwrap().claims)
}

fn key_set() -> Value {
    serde_json::from_str(signing_keys()).unwrap()
}

/// The service's own signing key as PEM text.
fn own_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| key_set()["keys"][0]["private_key"].as_str().unwrap().to_owned())
}

pub fn own_kid() -> String {
    let kid = key_set()["keys"][0]["kid"].as_str().unwrap().to_owned();
    let ring = KeyRing::parse(signing_keys()).unwrap();
    assert_eq!(ring.signing(Timestamp::from_seconds(1_800_000_000)).unwrap().kid, kid);
    kid
}

pub fn googles_key() -> &'static str {
    certificate(0).private_key()
}

fn attackers_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| RsaKey::generate().unwrap())
}

fn accounts_key() -> &'static str {
    static KEY: OnceLock<String> = OnceLock::new();
    KEY.get_or_init(|| {
        let account: Value = serde_json::from_str(service_account()).unwrap();
        account["private_key"].as_str().unwrap().to_owned()
    })
}

pub fn all_signers() -> Vec<(&'static str, Signer)> {
    let refresh_key = key_set()["keys"][1]["secret"].as_str().unwrap().to_owned();
    let next_key = key_set()["keys"][2]["private_key"].as_str().unwrap().to_owned();
    vec![
        ("own", Signer::own()),
        ("google", Signer::Rsa(googles_key())),
        ("service account", Signer::Rsa(accounts_key())),
        // This key is published already, but the tokens name the kid of the signing key.
        ("own next", Signer::Rsa(Box::leak(next_key.into_boxed_str()))),
        ("attacker", Signer::attacker()),
        ("shared secret", Signer::Secret(SECRET.as_bytes().to_vec())),
        ("refresh tokens'", Signer::Secret(URL_SAFE_NO_PAD.decode(&refresh_key).unwrap())),
        ("refresh tokens', as text", Signer::Secret(refresh_key.into_bytes())),
        ("API key", Signer::Secret(b"a server's key".to_vec())),
        ("no secret", Signer::Secret(Vec::new())),
        ("P-256", Signer::P256),
        ("Ed25519", Signer::Ed25519),
    ]
}

impl Signer {
    pub fn own() -> Self {
        Self::Rsa(own_key())
    }

    pub fn attacker() -> Self {
        Self::Rsa(attackers_key())
    }

    pub fn jwk(&self, kid: &str) -> Value {
        let Self::Rsa(pem) = self else { return json!({}) };
        serde_json::to_value(RsaKey::from_pem(pem).unwrap().public_half().jwk(kid)).unwrap()
    }

    pub fn sign(&self, algorithm: &str, header: &Value, claims: &Value) -> String {
        let input = format!("{}.{}", part(header), part(claims));
        let signature = self.sign_input(algorithm, input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// The right signature of this key.
    pub fn signature(&self, input: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.sign_input(if matches!(self, Self::Rsa(_)) { "RS256" } else { "HS256" }, input))
    }

    fn sign_input(&self, algorithm: &str, input: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Rsa(pem) => {
                let der = pem::parse(pem).unwrap().into_contents();
                let padding: &dyn aws_lc_rs::signature::RsaEncoding = match algorithm {
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    _ => &RSA_PKCS1_SHA256,
                };
                let pair = RsaKeyPair::from_pkcs8(&der).unwrap();
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(padding, &random, input, &mut signature).unwrap();
                signature
            }
            Self::Secret(bytes) => {
                let algorithm = match algorithm {
                    "HS384" => hmac::HMAC_SHA384,
                    "HS512" => hmac::HMAC_SHA512,
                    _ => hmac::HMAC_SHA256,
                };
                hmac::sign(&hmac::Key::new(algorithm, bytes), input).as_ref().to_vec()
            }
            Self::P256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                pair.sign(&random, input).unwrap().as_ref().to_vec()
            }
            Self::Ed25519 => Ed25519KeyPair::generate().unwrap().sign(input).as_ref().to_vec(),
        }
    }
}

/// Every encoding of the deployment's public keys. A verifier that trusts `alg` could use any of
/// them as an HMAC secret.
pub fn encodings_of_public_keys() -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for (owner, private) in [("own", own_key()), ("google", googles_key()), ("service account", accounts_key())] {
        let der = pem::parse(private).unwrap().into_contents();
        let pair = KeyPair::from_pkcs8(&der).unwrap();
        let spki = AsDer::<PublicKeyX509Der<'_>>::as_der(pair.public_key()).unwrap().as_ref().to_vec();
        let pkcs1 = pair.public_key().as_ref().to_vec();
        let text = |tag: &str, der: &[u8], ending| {
            let config = pem::EncodeConfig::new().set_line_ending(ending);
            pem::encode_config(&pem::Pem::new(tag, der), config)
        };
        let spki_text = text("PUBLIC KEY", &spki, pem::LineEnding::LF);
        let jwk = serde_json::to_value(RsaKey::from_pem(private).unwrap().public_half().jwk("k")).unwrap();
        let n = jwk["n"].as_str().unwrap().to_owned();
        let mut forms = vec![
            ("SPKI PEM", spki_text.clone().into_bytes()),
            ("SPKI PEM without a last line break", spki_text.trim_end().as_bytes().to_vec()),
            ("SPKI PEM with CRLF", text("PUBLIC KEY", &spki, pem::LineEnding::CRLF).into_bytes()),
            ("SPKI PEM in one line", spki_text.replace('\n', "").into_bytes()),
            ("SPKI PEM with escapes", spki_text.replace('\n', "\\n").into_bytes()),
            ("PKCS#1 PEM", text("RSA PUBLIC KEY", &pkcs1, pem::LineEnding::LF).into_bytes()),
            ("SPKI base64", STANDARD.encode(&spki).into_bytes()),
            ("JWK", jwk.to_string().into_bytes()),
            ("JWK set", json!({"keys": [jwk]}).to_string().into_bytes()),
            ("modulus", URL_SAFE_NO_PAD.decode(&n).unwrap()),
            ("modulus in base64url", n.into_bytes()),
            ("SPKI", spki),
            ("PKCS#1", pkcs1),
        ];
        if owner == "google" {
            forms.push(("certificate", certificate(0).pem().into_bytes()));
            forms.push(("certificate without a last line break", certificate(0).pem().trim_end().as_bytes().to_vec()));
            forms.push(("certificate DER", pem::parse(certificate(0).pem()).unwrap().into_contents()));
        }
        all.extend(forms.into_iter().map(|(form, bytes)| (format!("{owner}: {form}"), bytes)));
    }
    all
}
