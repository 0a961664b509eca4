//! Placeholders that nobody filled.

use super::trimmed;

/// The longest placeholder, in bytes. A longer text is something else.
const PLACEHOLDER_BYTES_MAX: usize = 80;
/// The beginnings and ends of placeholders: of templates, of builders and of documentation.
const PLACEHOLDER_MARKS: [(&str, &str); 13] = [
    ("{{{", "}}}"),
    ("{{", "}}"),
    ("[[", "]]"),
    ("<<", ">>"),
    ("<%=", "%>"),
    ("<%", "%>"),
    ("${", "}"),
    ("#{", "}"),
    ("{", "}"),
    ("<", ">"),
    ("[", "]"),
    ("$", "$"),
    ("%", "%"),
];

/// The advice for a placeholder that was not filled.
pub const FILL: &str = "In FlutterFlow, add a variable of this name on the tab Variables of the API call, and set it \
                        where the call is used. In Bubble's API Connector, write <name> in its place, untick Private \
                        for it, and give it a value in the workflow.";

/// Whether the text holds nothing but a placeholder: `<email>`, `[email]`, `{{email}}`, `$email$`.
pub fn is_placeholder(text: &str) -> bool {
    let text = trimmed(text);
    placeholder(text).is_some_and(|length| length == text.len())
}

/// The length of the placeholder that the text begins with, in bytes.
pub fn placeholder(text: &str) -> Option<usize> {
    PLACEHOLDER_MARKS.iter().find_map(|(open, close)| {
        let inside = text.strip_prefix(open)?;
        let length = inside.find(close).filter(|length| *length <= PLACEHOLDER_BYTES_MAX)?;
        let name = inside.get(..length)?;
        is_name(name).then_some(open.len() + length + close.len())
    })
}

/// Whether this may be the name of a variable, also with a path, a filter or words as Bubble writes
/// them: `user.email`, `Input Email's value`. JSON's own words in brackets are a list.
fn is_name(name: &str) -> bool {
    let name = name.trim();
    let begins =
        name.chars().next().is_some_and(|first| first.is_alphanumeric() || matches!(first, '_' | '$' | '@' | '.'));
    let is_plain = |letter: char| {
        letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | ' ' | '\'' | '’' | '|' | '$' | '@')
    };
    let is_json = matches!(name, "true" | "false" | "null") || name.parse::<f64>().is_ok();
    begins && !is_json && name != "object Object" && name.chars().all(is_plain) && name.chars().any(char::is_alphabetic)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_placeholder_is_known_by_its_marks_and_by_the_name_inside() {
        for text in [
            "<email>",
            "[email]",
            "{email}",
            "{{email}}",
            "{{ user.email }}",
            "{{{email}}}",
            "${email}",
            "#{email}",
            "$email$",
            "%email%",
            "[[email]]",
            "<<email>>",
            "<%= email %>",
            "<Input Email's value>",
            " <email>\n",
            "{{1.email}}",
            "{{$json.email}}",
            "[e-mail]",
        ] {
            assert!(is_placeholder(text), "{text}");
        }
        for text in [
            "",
            "<>",
            "[]",
            "{}",
            "[1]",
            "[1e5]",
            "[true]",
            "[null]",
            "<b>bold</b>",
            "a<b>",
            "{\"a\":1}",
            "a@b.de",
            "$5",
            "100%",
            "[object Object]",
            "[a, b]",
            "{{email}} x",
            "${jndi:ldap://x}",
        ] {
            assert!(!is_placeholder(text), "{text}");
        }
    }
}
