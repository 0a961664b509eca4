//! Server API keys: a trusted server sends one instead of a user's password.

use std::fmt;

use aws_lc_rs::{
    constant_time,
    digest::{SHA256, digest},
};

use crate::keys::secret_lines;

/// The least length of a key, in characters. A key of `openssl rand -base64 24` has 32.
pub(super) const KEY_CHARS_MIN: usize = 32;
/// The greatest length of a name, in characters.
const NAME_CHARS_MAX: usize = 64;
/// The name of a key whose line has none.
pub(super) const UNNAMED: &str = "unnamed";

/// A permission of an API key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The limits count by the IP address that the server names. Such a key mints nothing.
    Forward,
    /// `/jwt/encode` signs what the server asks for.
    Encode,
}

impl Scope {
    const ALL: [Self; 2] = [Self::Forward, Self::Encode];

    /// The word for the scope in a line.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Encode => "encode",
        }
    }

    fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.word() == word)
    }
}

/// One API key, as a digest.
pub struct ApiKey {
    /// The name, for the log. A key without a name is `unnamed`.
    pub name: String,
    scopes: Vec<Scope>,
    hash: Vec<u8>,
}

/// The API keys of a deployment. Each server has its own, and there are two of one server while a
/// new key replaces an old one. Only digests are kept. All have the same length, so the time of a
/// comparison reveals nothing about a key.
pub struct ApiKeys(Vec<ApiKey>);

impl ApiKeys {
    /// Reads the keys, as the [`secret_lines`] of the kind `api_key`. A line is `name:scopes:key`,
    /// with the scopes separated by commas. A line of another form is a key without a name. Such a
    /// key has every scope.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of the source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let keys = secret_lines(text, "api_key")?.iter().map(|line| ApiKey::parse(line)).collect::<Result<_, _>>()?;
        Ok(Self(keys))
    }

    /// The key that `presented` is. Every key is compared, even after a match.
    pub fn find(&self, presented: &str) -> Option<&ApiKey> {
        let presented = hash(presented);
        let matches = |key: &ApiKey| constant_time::verify_slices_are_equal(&key.hash, &presented).is_ok();
        self.0.iter().fold(None, |found, key| if matches(key) { found.or(Some(key)) } else { found })
    }

    /// Each key's name and the words of its scopes.
    pub fn describe(&self) -> impl Iterator<Item = (&str, String)> {
        self.0
            .iter()
            .map(|key| (key.name.as_str(), key.scopes.iter().map(|scope| scope.word()).collect::<Vec<_>>().join(",")))
    }
}

impl ApiKey {
    fn parse(line: &str) -> Result<Self, String> {
        let (name, scopes, key) = match parts(line) {
            Some((name, scopes, key)) => {
                let scopes = scopes.split(',').map(Scope::parse).collect::<Option<Vec<_>>>();
                (name, scopes.ok_or("has a key with an unknown scope: the scopes are `forward` and `encode`")?, key)
            }
            None => (UNNAMED, Scope::ALL.to_vec(), line),
        };
        if key.chars().count() < KEY_CHARS_MIN {
            return Err(format!("has a key of less than {KEY_CHARS_MIN} characters, which could be guessed"));
        }
        Ok(Self { name: name.to_owned(), scopes, hash: hash(key) })
    }

    /// Whether the key has this scope.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope)
    }
}

/// The key in a line, without its name and its scopes.
pub fn key_in(line: &str) -> &str {
    parts(line).map_or(line, |(_, _, key)| key)
}

/// The name, the scopes and the key of a line that has all three.
fn parts(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.split_once(':')?;
    let (scopes, key) = rest.split_once(':')?;
    (is_name(name) && is_scopes(scopes)).then_some((name, scopes, key.trim()))
}

pub(super) fn is_name(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    (1..=NAME_CHARS_MAX).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether a text is meant as scopes. A misspelt scope is refused, and never part of a key.
fn is_scopes(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b',')
}

pub(super) fn hash(key: &str) -> Vec<u8> {
    digest(&SHA256, key.as_bytes()).as_ref().to_vec()
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey")
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "the first key, of 32 characters.";
    const SECOND: &str = "the second key is a little longer";

    fn scopes(key: &ApiKey) -> Vec<Scope> {
        Scope::ALL.into_iter().filter(|scope| key.may(*scope)).collect()
    }

    #[test]
    fn each_of_the_keys_is_accepted_and_nothing_else() {
        let keys = ApiKeys::parse(&format!("{FIRST}\nbubble:encode:{SECOND}")).unwrap();
        assert_eq!(keys.find(FIRST).unwrap().name, "unnamed");
        assert_eq!(keys.find(SECOND).unwrap().name, "bubble");
        let all = format!("{FIRST}\n{SECOND}");
        let whole = format!("bubble:encode:{SECOND}");
        for bad in ["", &FIRST[1..], &FIRST.replace("the", "The"), &format!("{FIRST} "), &all, &whole] {
            assert!(keys.find(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn a_key_has_the_scopes_of_its_line_and_an_unnamed_key_has_all() {
        for (line, name, expected) in [
            (format!("proxy:forward:{FIRST}"), "proxy", &[Scope::Forward][..]),
            (format!("bubble:encode:{FIRST}"), "bubble", &[Scope::Encode]),
            (format!("a.b_c-1:encode,forward: {FIRST}"), "a.b_c-1", &Scope::ALL),
            (FIRST.to_owned(), "unnamed", &Scope::ALL),
        ] {
            let keys = ApiKeys::parse(&line).unwrap();
            let key = keys.find(FIRST).unwrap();
            assert_eq!((key.name.as_str(), scopes(key).as_slice()), (name, expected), "{line}");
        }
        // Two keys may have one name, while one replaces the other.
        let keys = ApiKeys::parse(&format!("bubble:encode:{SECOND}\nbubble:encode:{FIRST}")).unwrap();
        assert_eq!(
            keys.describe().collect::<Vec<_>>(),
            [("bubble", "encode".to_owned()), ("bubble", "encode".to_owned())]
        );
    }

    #[test]
    fn a_colon_alone_makes_no_name() {
        for line in [format!("a:{FIRST}"), format!("two words:encode:{FIRST}"), format!("A:B:{FIRST}")] {
            assert_eq!(ApiKeys::parse(&line).unwrap().find(&line).unwrap().name, "unnamed", "{line}");
        }
    }

    #[test]
    fn a_line_that_is_no_key_is_refused_and_not_quoted() {
        let short = "hunter2 has only 31 characters.";
        for (line, words) in [
            (short.to_owned(), "less than 32 characters"),
            (format!("bubble:encode:{short}"), "less than 32 characters"),
            ("bubble:encode:".to_owned(), "less than 32 characters"),
            (format!("bubble:encodes:hunter2 {FIRST}"), "unknown scope"),
            (format!("bubble:encode,:hunter2 {FIRST}"), "unknown scope"),
        ] {
            let refusal = ApiKeys::parse(&line).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{line}: {refusal}");
        }
    }
}
