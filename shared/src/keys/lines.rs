//! Secrets that are plain text. A variable or a managed secret holds one or several of a kind.

use serde_json::Value;
use zeroize::Zeroizing;

use crate::text::trimmed;

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
    let value = match serde_json::from_str::<Value>(trimmed(text)) {
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
        .map(|entry| Zeroizing::new(trimmed(&entry).to_owned()))
        .filter(|entry| !entry.is_empty())
        .collect();
    match secret_lines.len() {
        0 => Err("is empty".to_owned()),
        1..=LINES_MAX => Ok(secret_lines),
        _ => Err(format!("has more than {LINES_MAX} entries")),
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
}
