//! The parameters of Firebase's password hashes, as its console shows them.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::text::trimmed;

/// The parameters of a Firebase project's hashes. The signer key is a secret of the project.
pub struct HashConfig {
    signer_key: Zeroizing<String>,
    separator: String,
    rounds: String,
    memory: String,
}

/// The names of the parameters in letters alone: those of the console, of the command
/// `firebase auth:import`, and of Google's API.
const SIGNER_KEY: [&str; 3] = ["base64signerkey", "signerkey", "hashkey"];
const SEPARATOR: [&str; 2] = ["base64saltseparator", "saltseparator"];
const ROUNDS: [&str; 1] = ["rounds"];
const MEMORY: [&str; 2] = ["memcost", "memorycost"];
const ALGORITHM: [&str; 2] = ["algorithm", "hashalgo"];

impl HashConfig {
    /// Reads the text that the console shows, its lines alone, JSON, or the options of
    /// `firebase auth:import`.
    ///
    /// # Errors
    ///
    /// A sentence for people that quotes nothing of the text.
    pub fn parse(text: &str) -> Result<Self, String> {
        let values = Zeroizing::new(values(text));
        let find = |names: &[&str]| {
            values.iter().find(|(name, _)| names.contains(&name.as_str())).map(|(_, value)| value.clone())
        };
        if let Some(algorithm) = find(&ALGORITHM).filter(|algorithm| !algorithm.eq_ignore_ascii_case("SCRYPT")) {
            let known =
                algorithm.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') && algorithm.len() < 24;
            let name = if known { algorithm } else { "another one".to_owned() };
            return Err(format!("The algorithm is {name}, and only SCRYPT of Firebase is read."));
        }
        let missing = |name: &str| {
            format!(
                "There is no {name}. Copy the parameters as the Firebase console shows them: Authentication, Users, the three \
                 dots, Password hash parameters."
            )
        };
        Ok(Self {
            signer_key: find(&SIGNER_KEY).map(Zeroizing::new).ok_or_else(|| missing("base64_signer_key"))?,
            separator: find(&SEPARATOR).unwrap_or_default(),
            rounds: find(&ROUNDS).ok_or_else(|| missing("rounds"))?,
            memory: find(&MEMORY).ok_or_else(|| missing("mem_cost"))?,
        })
    }

    /// The hash of one account as text with the signer key, which is never stored.
    pub fn text(&self, hash: &str, salt: &str) -> Zeroizing<String> {
        let Self { signer_key, separator, rounds, memory } = self;
        let [key, separator, hash, salt] = [signer_key.as_str(), separator, hash, salt].map(standard);
        let params = format!("v=1,n={memory},r={rounds},p=1,ss={separator},sk={key}");
        Zeroizing::new(format!("$fbscrypt${params}${salt}${hash}"))
    }
}

/// URL-safe Base64 in the alphabet of the other kind.
fn standard(text: &str) -> String {
    trimmed(text).replace('-', "+").replace('_', "/")
}

/// The names, in letters and digits alone, and the values.
fn values(text: &str) -> Vec<(String, String)> {
    let letters = |name: &str| -> String {
        name.chars().filter(char::is_ascii_alphanumeric).map(|letter| letter.to_ascii_lowercase()).collect()
    };
    let text = trimmed(text);
    let inside = text.find('{').and_then(|start| text.get(start..)).unwrap_or(text);
    if let Ok(Value::Object(object)) = serde_json::from_str::<Value>(inside) {
        let object = object.get("hashConfig").and_then(Value::as_object).cloned().unwrap_or(object);
        let text = |value: Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        return object.into_iter().map(|(name, value)| (letters(&name), text(value))).collect();
    }
    let is_end = |letter: char| letter.is_whitespace() || ",;{}\\".contains(letter);
    let mut values = Vec::new();
    let mut words = inside.split(is_end).map(trimmed).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        // A value of Base64 may end with `=`, and a name is before the first colon or sign.
        let Some((name, value)) = word.split_once([':', '=']) else { continue };
        let value = if value.is_empty() { words.next().unwrap_or_default() } else { value };
        values.push((letters(name), value.trim_matches(['"', '\'']).to_owned()));
    }
    values
}

impl fmt::Debug for HashConfig {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("HashConfig")
    }
}
