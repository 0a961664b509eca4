//! Texts that are something else as a whole, known by their looks.

use serde_json::Value;

use crate::text::{is_placeholder, is_unseen, trimmed};

/// A phrase and its cure.
type Looks = (&'static str, &'static str);

const AS_JSON: &str = "Send one JSON object in braces, with the header Content-Type: application/json.";
const NOT_COMPRESSED: &str = "Send the body without compression.";
const AS_UTF8: &str = "Write the text in UTF-8.";
const TWICE: &str =
    "It was turned into JSON twice: apply JSON.stringify once, and put no quotation marks around the whole.";
const SINGLE_QUOTES: &str = "Remove the first and the last character. The command line of Windows keeps single quotes: write \
                             the JSON into a file there, and send it with -d @body.json.";
const FORM_CURE: &str = "Set Content-Type to application/x-www-form-urlencoded, or send JSON: {\"key\": \"value\"}.";

/// Bytes that are no UTF-8 text, or not JSON whatever follows.
pub(super) fn of_bytes(bytes: &[u8]) -> Option<Looks> {
    const UTF16: Looks = ("is in UTF-16, and UTF-8 is expected", AS_UTF8);
    const UTF32: Looks = ("is in UTF-32, and UTF-8 is expected", AS_UTF8);
    match bytes {
        [0x1f, 0x8b, ..] => Some(("is compressed with gzip", NOT_COMPRESSED)),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some(("is compressed with zstd", NOT_COMPRESSED)),
        [b'P', b'K', 3, 4, ..] => Some(("is a ZIP file", NOT_COMPRESSED)),
        [b'%', b'P', b'D', b'F', b'-', ..] => Some(("is a PDF file", AS_JSON)),
        [0x89, b'P', b'N', b'G', ..] | [0xff, 0xd8, 0xff, ..] => Some(("is a picture", AS_JSON)),
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] | [0, 0, 0, _, ..] | [_, 0, 0, 0, ..] => Some(UTF32),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] | [0, 1..=0x7f, 0, ..] | [1..=0x7f, 0, 1..=0x7f, 0, ..] => Some(UTF16),
        [0x78, second, ..] if is_zlib(*second) && !is_text(bytes) => {
            Some(("is compressed with deflate", NOT_COMPRESSED))
        }
        _ => None,
    }
}

/// Whether `x` and this byte are the head of a zlib stream (RFC 1950 section 2.2).
fn is_zlib(second: u8) -> bool {
    (0x7800 | u16::from(second)).is_multiple_of(31)
}

fn is_text(bytes: &[u8]) -> bool {
    str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()))
}

/// A text that does not begin as JSON does, or begins as something well known.
pub(super) fn of_text(text: &str) -> Option<Looks> {
    let text = trimmed(text);
    if text.is_empty() {
        return Some(("holds nothing but white space", AS_JSON));
    }
    if is_placeholder(text) {
        return Some(("is the name of a variable that was not filled in", crate::text::FILL));
    }
    if matches!(text.trim_matches('"'), "[object Object]") {
        let cure = "Put JSON.stringify around the object that is sent.";
        return Some(("is [object Object], which JavaScript writes for an object that was not turned into JSON", cure));
    }
    let begins = |mark: &str| text.get(..mark.len()).is_some_and(|start| start.eq_ignore_ascii_case(mark));
    if begins("<!doctype html") || begins("<html") {
        Some(("is HTML, and a JSON object is expected", AS_JSON))
    } else if text.starts_with('<') {
        Some(("is XML, and a JSON object is expected", AS_JSON))
    } else if begins("--") && text.to_ascii_lowercase().contains("content-disposition:") {
        Some(("is a multipart form, and a JSON object is expected", AS_JSON))
    } else if begins("%7b") {
        Some(("is encoded for a URL, and plain JSON is expected", "Send the text as it was before encodeURIComponent."))
    } else if begins("'{") || begins("'[") {
        Some(("stands in single quotes, and JSON has none around it", SINGLE_QUOTES))
    } else if begins("curl ") {
        let cure = "Send what stands behind the option -d of the command, without the quotes around it.";
        Some(("is a command of curl, and a JSON object is expected", cure))
    } else if is_request(text) {
        Some(("is a whole HTTP request, and a JSON object is expected", "Send what stands behind its empty line."))
    } else if text.starts_with('@') && !text.contains(char::is_whitespace) {
        let cure = "curl reads a file with the option -d or --data-binary, and with @ before its name.";
        Some(("is the name of a file, and a JSON object is expected", cure))
    } else if is_yaml(text) {
        let cure = "Put braces around it, and quotation marks around each key and each text: {\"key\": \"value\"}.";
        Some(("is text with colons (YAML), and a JSON object is expected", cure))
    } else if begins("b'{") || begins("b\"{") {
        Some(("is written as bytes of Python", "Use json.dumps, and send its text."))
    } else if begins("eyJ") || begins("ewog") || begins("ew0K") {
        let is_token = text.matches('.').count() == 2;
        Some(if is_token {
            ("is a token, and a JSON object is expected", AS_JSON)
        } else {
            ("is in base64, and plain JSON is expected", "Send the text as it was before it was encoded.")
        })
    } else if is_form(text) {
        Some(("is form text, and a JSON object is expected", FORM_CURE))
    } else {
        None
    }
}

/// Whether the text begins with the first line of an HTTP request.
fn is_request(text: &str) -> bool {
    text.lines().next().is_some_and(|line| line.contains(" HTTP/1.") || line.ends_with(" HTTP/2"))
}

/// Whether the text begins with a name and a colon, as YAML does and a header.
fn is_yaml(text: &str) -> bool {
    let is_name = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.');
    let name = text.trim_start_matches("---").trim_start().split(':').next().unwrap_or_default();
    let behind = text.split_once(':').map(|(_, behind)| behind).unwrap_or_default();
    let begins = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    begins
        && name.chars().all(is_name)
        && (behind.is_empty() || behind.starts_with(char::is_whitespace))
        && text.contains(':')
}

/// Whether the text is a form, `key=value&…`, perhaps behind a question mark.
fn is_form(text: &str) -> bool {
    let key = text.trim_start_matches('?').split('=').next().unwrap_or_default();
    let is_key = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '%' | '[' | ']' | '+');
    !key.is_empty() && text.contains('=') && key.chars().all(is_key) && !key.starts_with('[')
}

/// A text that is JSON, and no object.
pub(super) fn of_value(text: &str) -> Option<Looks> {
    match serde_json::from_str(text).ok()? {
        Value::Object(_) => None,
        Value::Array(items) if matches!(items.as_slice(), [Value::Object(_)]) => {
            Some(("is not a JSON object but a list with one in it", "Remove the square brackets around it."))
        }
        Value::Array(_) => Some(("is not a JSON object but a list", AS_JSON)),
        Value::String(inner) if inner.trim_start_matches(is_unseen).starts_with(['{', '[']) => {
            Some(("is not a JSON object but a text that holds JSON", TWICE))
        }
        Value::String(_) => Some(("is not a JSON object but a text", AS_JSON)),
        Value::Number(_) => Some(("is not a JSON object but a number", AS_JSON)),
        Value::Bool(_) => Some(("is not a JSON object but a truth value", AS_JSON)),
        Value::Null => Some((
            "is not a JSON object but null",
            "The value that was to be sent was empty. Send one JSON object in braces, {} if nothing is in it.",
        )),
    }
}
