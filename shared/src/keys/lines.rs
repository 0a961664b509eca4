//! Secrets that are plain text. A variable or a managed secret holds one or several of a kind.

use std::collections::BTreeSet;

use serde_json::Value;
use zeroize::Zeroizing;

use crate::text::bare;

/// The most secrets of one kind. A token or a caller may not say which one it means, and then each
/// one is tried.
pub const LINES_MAX: usize = 8;

/// Reads one or several secrets of the kind `member`, the one in use first. White space around a
/// secret is removed. The text has one of three forms:
///
/// - one secret a line
/// - a JSON array of texts
/// - a JSON object with either under the name `member`, so that one managed secret can hold several
///   kinds
///
/// # Errors
///
/// A phrase that follows the name of the source and quotes nothing: there is no secret, there are
/// too many, or one is not text.
pub fn secret_lines(text: &str, member: &str) -> Result<Vec<Zeroizing<String>>, String> {
    let value = match serde_json::from_str::<Value>(bare(text)) {
        Ok(Value::Object(mut object)) => {
            object.remove(member).ok_or_else(|| format!("is a JSON object without a member `{member}`"))?
        }
        Ok(Value::Array(array)) => Value::Array(array),
        // `"…"` is a secret that somebody pasted with its quotes. A secret may also look like a
        // JSON number, `true`, `false` or `null`.
        Ok(Value::String(quoted)) => Value::String(quoted),
        Ok(_) | Err(_) => Value::String(text.to_owned()),
    };
    let read: Vec<Zeroizing<String>> = match value {
        Value::String(text) => text.lines().map(|line| Zeroizing::new(line.to_owned())).collect(),
        Value::Array(array) => array
            .into_iter()
            .map(|entry| match entry {
                Value::String(text) => Ok(Zeroizing::new(text)),
                _ => Err("has an entry that is not text".to_owned()),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(format!("has a `{member}` that is neither text nor an array of texts")),
    };
    let secret_lines: Vec<_> = read
        .into_iter()
        .map(|entry| Zeroizing::new(bare(&entry).to_owned()))
        .filter(|entry| !entry.is_empty())
        .collect();
    match secret_lines.len() {
        0 => Err("is empty".to_owned()),
        1..=LINES_MAX => Ok(secret_lines),
        _ => Err(format!("has more than {LINES_MAX} entries")),
    }
}

/// The fewest different characters of a random secret. One of 32 hexadecimal digits has 14 in the
/// mean, and fewer than 8 once in a million.
const DIFFERENT_CHARS_MIN: usize = 8;
/// The longest text whose repetition makes a secret guessable, in bytes.
const REPEATED_BYTES_MAX: usize = 12;
/// Parts of the secrets that examples and tutorials have.
const EXAMPLES: [&str; 8] =
    ["changeme", "change-me", "change_me", "replaceme", "replace_me", "replace-me", "your-secret", "your_secret"];

/// Quotation marks that are no JSON.
const QUOTES: [(char, char); 4] = [('\'', '\''), ('“', '”'), ('‘', '’'), ('`', '`')];

/// Why a secret of the right length could be guessed all the same: a clause that follows its name,
/// and quotes nothing.
pub fn guessable(secret: &str) -> Option<&'static str> {
    let letters: BTreeSet<char> = secret.chars().collect();
    let bytes = secret.as_bytes();
    let repeats = |length: usize| bytes.iter().zip(bytes.iter().skip(length)).all(|(one, next)| one == next);
    let lower = secret.to_ascii_lowercase();
    if (1..=REPEATED_BYTES_MAX.min(bytes.len() / 2)).any(repeats) {
        Some("repeats one short text, so that it could be guessed: make one with openssl rand -base64 36")
    } else if letters.len() < DIFFERENT_CHARS_MIN {
        Some("has too few different characters, so that it could be guessed: make one with openssl rand -base64 36")
    } else if EXAMPLES.iter().any(|example| lower.contains(example)) {
        Some("is an example's text, which everybody knows: make one with openssl rand -base64 36")
    } else {
        None
    }
}

/// Why a text is no shared secret or API key but something else: a clause as of [`guessable`].
pub fn something_else(secret: &str) -> Option<&'static str> {
    let is_marked = |mark: &str| secret.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if is_marked("base64:") || is_marked("hex:") {
        Some("begins with the name of an encoding: the text itself is used, and nothing is decoded")
    } else if secret.starts_with("-----BEGIN") {
        Some("is a key or a certificate in PEM: a shared text is needed")
    } else if secret.starts_with("eyJ") && secret.matches('.').count() == 2 {
        Some("is a token, which many can see: a secret is needed")
    } else if QUOTES.iter().any(|(open, close)| secret.starts_with(*open) && secret.ends_with(*close)) {
        Some("is in quotation marks, which a file for docker --env-file keeps: remove them")
    } else if secret.starts_with("${") || secret.starts_with("{{") || (secret.starts_with('<') && secret.ends_with('>'))
    {
        Some("is a placeholder that was not filled in")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Vec<String>, String> {
        Ok(secret_lines(text, "api_key")?.iter().map(|entry| entry.to_string()).collect())
    }

    #[test]
    fn one_or_several_are_read_from_every_form() {
        for text in [
            "abc",
            "abc\n",
            "\u{feff}abc\u{200b}",
            "\u{feff}[\"abc\"]",
            "  abc\r\n\r\n",
            "\"abc\"",
            "[\"abc\"]",
            "{\"api_key\":\"abc\",\"shared_secret\":\"x\"}",
        ] {
            assert_eq!(read(text).unwrap(), ["abc"], "{text}");
        }
        for text in [
            "new\nold",
            "new\r\n old \n",
            "[\"new\", \"old\"]",
            "{\"api_key\": [\"new\", \"old\"]}",
            "{\"api_key\": \"new\\nold\"}",
        ] {
            assert_eq!(read(text).unwrap(), ["new", "old"], "{text}");
        }
        // A secret may look like another JSON value, or like broken JSON.
        for text in ["12345", "true", "null", "[abc", "{abc"] {
            assert_eq!(read(text).unwrap(), [text], "{text}");
        }
    }

    #[test]
    fn a_text_without_secrets_is_refused_with_the_reason() {
        for (text, words) in [
            ("", "is empty"),
            (" \n ", "is empty"),
            ("[]", "is empty"),
            ("[\"\"]", "is empty"),
            ("[1]", "not text"),
            ("{\"api_key\": {}}", "neither text nor an array"),
            ("{\"hunter2\": \"hunter2\"}", "without a member `api_key`"),
            ("1\n2\n3\n4\n5\n6\n7\n8\n9", "more than 8"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{text}: {refusal}");
        }
    }

    #[test]
    fn a_secret_that_anybody_could_guess_is_told_from_a_random_one() {
        for (secret, words) in [
            ("changemechangemechangemechangemechangeme", "repeats"),
            ("a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1a1", "repeats"),
            ("xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx", "repeats"),
            ("password1234password1234password", "repeats"),
            ("aaaaaaaaaaaaaaaaaaabbbbbbbbbbbbbbbbbbbb", "too few different"),
            ("please-changeme-before-you-deploy-this", "example"),
            ("your-secret-key-goes-right-here-please", "example"),
        ] {
            assert!(guessable(secret).is_some_and(|why| why.contains(words)), "{secret}");
        }
        for secret in [
            "0123456789abcdef0123456789abcdef",
            "a server's key of 32 characters or more",
            "3f1c9a7be02d4856a1f7c3e9b80d6542",
            "dGhpcyBpcyBhIHJhbmRvbSBzZWNyZXQgb2YgMzIgYnl0ZXM=",
        ] {
            assert_eq!((guessable(secret), something_else(secret)), (None, None), "{secret}");
        }
    }

    #[test]
    fn a_text_that_is_no_secret_is_named() {
        for (text, words) in [
            ("base64:dGhpcyBpcyBhIHJhbmRvbSBzZWNyZXQgb2Yg", "nothing is decoded"),
            ("-----BEGIN PRIVATE KEY-----", "PEM"),
            ("eyJhbGciOiJIUzI1NiJ9.eyJyb2xlIjoiYW5vbiJ9.c2ln", "is a token"),
            ("'a secret of 32 characters or more'", "quotation marks"),
            ("${JWT_SECRET_OF_THE_DEPLOYMENT_OF_OURS}", "placeholder"),
            ("<the secret that you made with openssl>", "placeholder"),
        ] {
            assert!(something_else(text).is_some_and(|why| why.contains(words)), "{text}");
        }
    }
}
