//! Texts that are secrets themselves, one or several of a kind, as people keep them in a variable or in a secret.

use serde_json::Value;
use zeroize::Zeroizing;

/// The most that are taken of one kind: each of them is tried where a token or a caller does not say which one it means.
pub const LINES_MAX: usize = 8;

/// Reads one or several secrets of the kind `member`, the one in use first: one a line, a JSON array of texts, or a JSON object
/// that has either under the name of `member`, so that one secret can hold several kinds. White space around each is not part
/// of it.
///
/// # Errors
///
/// A phrase that follows the name of the source and quotes nothing: there is none, there are too many, or one is no text.
pub fn secret_lines(text: &str, member: &str) -> Result<Vec<Zeroizing<String>>, String> {
    let value = match serde_json::from_str::<Value>(text) {
        Ok(Value::Object(mut object)) => {
            object.remove(member).ok_or_else(|| format!("is a JSON object without a member `{member}`"))?
        }
        Ok(Value::Array(array)) => Value::Array(array),
        // `"…"` is a text in quotes that somebody pasted with them; what else JSON takes for a value is a text that looks like one.
        Ok(Value::String(quoted)) => Value::String(quoted),
        Ok(_) | Err(_) => Value::String(text.to_owned()),
    };
    let read: Vec<Zeroizing<String>> = match value {
        Value::String(text) => text.lines().map(|line| Zeroizing::new(line.to_owned())).collect(),
        Value::Array(array) => array
            .into_iter()
            .map(|entry| match entry {
                Value::String(text) => Ok(Zeroizing::new(text)),
                _ => Err("has an entry that is no text".to_owned()),
            })
            .collect::<Result<_, _>>()?,
        _ => return Err(format!("has a `{member}` that is neither a text nor an array of texts")),
    };
    let secret_lines: Vec<_> = read
        .into_iter()
        .map(|entry| Zeroizing::new(entry.trim().to_owned()))
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
        for text in
            ["abc", "abc\n", "  abc\r\n\r\n", "\"abc\"", "[\"abc\"]", "{\"api_key\":\"abc\",\"shared_secret\":\"x\"}"]
        {
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
        // What JSON would take for something else is a text all the same.
        for text in ["12345", "true", "null", "[abc", "{abc"] {
            assert_eq!(read(text).unwrap(), [text], "{text}");
        }
    }

    #[test]
    fn what_holds_none_is_refused_with_what_is_wrong() {
        for (text, words) in [
            ("", "is empty"),
            (" \n ", "is empty"),
            ("[]", "is empty"),
            ("[\"\"]", "is empty"),
            ("[1]", "no text"),
            ("{\"api_key\": {}}", "neither a text nor an array"),
            ("{\"hunter2\": \"hunter2\"}", "without a member `api_key`"),
            ("1\n2\n3\n4\n5\n6\n7\n8\n9", "more than 8"),
        ] {
            let refusal = read(text).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{text}: {refusal}");
        }
    }
}
