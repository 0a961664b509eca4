//! The thief: a person who once read the secret with the key set, and signs with its keys.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::Value;

use super::{
    ledger::Ledger,
    traffic::{Traffic, WAYS},
};
use crate::{deployment::Way, tokens};

/// The verdicts on tokens that the thief made.
pub struct Thief {
    keys: Vec<Value>,
    /// The key, the way, and the verdict there.
    pub tries: Vec<(String, Way, String)>,
}

impl Thief {
    /// A thief with this key set.
    pub fn new(key_set: &str) -> Self {
        let set: Value = serde_json::from_str(key_set).expect("JSON");
        Self { keys: set["keys"].as_array().expect("keys").clone(), tries: Vec::new() }
    }

    /// Signs the claims of the newest token with a stolen key, and sends the token to every way.
    pub async fn forge(&mut self, kid: &str, ledger: &Ledger, traffic: &Traffic) {
        let newest = ledger.newest().expect("a token");
        let key = self.keys.iter().find(|key| key["kid"] == kid).expect("a stolen key");
        let pem = key["private_key"].as_str().expect("PEM text");
        let header =
            Header { typ: Some("at+jwt".to_owned()), kid: Some(kid.to_owned()), ..Header::new(Algorithm::RS256) };
        let key = EncodingKey::from_rsa_pem(pem.as_bytes()).expect("an RSA key");
        let token = jsonwebtoken::encode(&header, &tokens::claims(&newest), &key).expect("a token");
        for way in WAYS {
            self.tries.push((kid.to_owned(), way, traffic.verdict(&token, way).await));
        }
    }
}
