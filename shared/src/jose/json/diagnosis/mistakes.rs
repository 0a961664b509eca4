//! The known mistakes in JSON, with their cures.

use std::borrow::Cow;

/// A mistake at one place of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Mistake {
    /// The text is not JSON there. The clause says so.
    Syntax { clause: Cow<'static, str>, cure: &'static str },
    /// The text is JSON, and is refused. The phrase says why.
    Rule { clause: &'static str, cure: &'static str },
}

impl Mistake {
    pub(super) const fn syntax(clause: &'static str, cure: &'static str) -> Self {
        Self::Syntax { clause: Cow::Borrowed(clause), cure }
    }

    const fn rule(clause: &'static str, cure: &'static str) -> Self {
        Self::Rule { clause, cure }
    }

    /// A character between the parts of the text that nobody sees.
    pub(super) fn invisible(character: char) -> Self {
        let clause = format!("an invisible character (U+{:04X}) stands between the values", u32::from(character));
        Self::Syntax {
            clause: clause.into(),
            cure: "Delete it, and type the line again: copied text brings such characters along.",
        }
    }

    /// A word that JavaScript or Python know, and JSON does not. The word comes from a list.
    pub(super) fn word(word: &'static str) -> Self {
        let clause = format!("the word {word} stands in the place of a value, and JSON does not have it");
        Self::Syntax { clause: clause.into(), cure: "Write null, true or false, or a text in quotation marks." }
    }

    pub(super) fn cure(&self) -> &'static str {
        match self {
            Self::Syntax { cure, .. } | Self::Rule { cure, .. } => cure,
        }
    }
}

/// The cure of a text that is not UTF-8.
pub const UTF8_CURE: &str =
    "Write the text in UTF-8: it is in another encoding, such as Latin-1 or Windows-1252, or it is no text at all.";
/// The cure of a NUL character.
pub const NUL_CURE: &str = "Remove the character U+0000: no text here may hold it.";
/// The cure of a key that is given twice.
pub const TWICE_CURE: &str = "Leave one of the two out: programs do not agree about which of them counts.";

const QUOTES: &str = "JSON has plain quotation marks (\") alone, around each key and each text.";
const JSON_SAFE: &str = "Put a backslash before a quotation mark or a backslash within a text, and write \\n for a line \
                         break. Better, let the tool do it: in Bubble use “formatted as JSON-safe” without quotation \
                         marks around it; in code use JSON.stringify.";
const UNQUOTED: &str = "Put quotation marks around it. A variable needs them too: write \"<email>\", and not <email>.";
const EMPTY_VARIABLE: &str = "A variable there was probably empty. Give it a default value, and put quotation marks around \
                              a text, so that an empty one is \"\".";
const CUT: &str = "The text was cut off, or a closing bracket or quotation mark was forgotten.";

pub(super) const NOT_UTF8: Mistake = Mistake::rule("is not valid UTF-8", UTF8_CURE);
pub(super) const NUL: Mistake = Mistake::rule("has a NUL character in a text", NUL_CURE);
pub(super) const TWICE: Mistake = Mistake::rule("gives a key twice: again", TWICE_CURE);
pub(super) const DEEP: Mistake =
    Mistake::rule("is nested deeper than 32 levels", "Send less structure: no call of this service needs more.");

pub(super) const VALUE_MISSING: Mistake = Mistake::syntax("a value is expected, and none is there", EMPTY_VARIABLE);
pub(super) const UNQUOTED_VALUE: Mistake =
    Mistake::syntax("a value is expected, and a text stands there without quotation marks", UNQUOTED);
pub(super) const PLACEHOLDER: Mistake = Mistake::syntax(
    "a value is expected, and the name of a variable stands there that was not filled in",
    crate::text::FILL,
);
pub(super) const UNQUOTED_KEY: Mistake =
    Mistake::syntax("a key in quotation marks is expected, and it has none", QUOTES);
pub(super) const SINGLE_QUOTES: Mistake =
    Mistake::syntax("a quotation mark (\") is expected, and a single quote stands there", QUOTES);
pub(super) const CURLY_QUOTES: Mistake =
    Mistake::syntax("a plain quotation mark (\") is expected, and a typographic one stands there", QUOTES);
pub(super) const BACKTICK: Mistake =
    Mistake::syntax("a quotation mark (\") is expected, and a backtick stands there", QUOTES);
pub(super) const ESCAPED_QUOTE: Mistake = Mistake::syntax(
    "a quotation mark (\") is expected, and a backslash stands there",
    "The text was escaped once too often: remove the backslashes before the quotation marks, or do not apply \
     JSON.stringify or “formatted as JSON-safe” to the whole text.",
);
pub(super) const TRAILING_COMMA: Mistake =
    Mistake::syntax("a comma stands behind the last entry", "Remove this comma.");
pub(super) const EXTRA_COMMA: Mistake =
    Mistake::syntax("a comma stands where an entry is expected", "Remove this comma, or the one beside it.");
pub(super) const COMMA_MISSING: Mistake =
    Mistake::syntax("a comma is expected between two entries, and none is there", "Put a comma between them.");
pub(super) const SEMICOLON: Mistake =
    Mistake::syntax("a comma is expected, and a semicolon stands there", "Put a comma in its place.");
pub(super) const COLON_MISSING: Mistake = Mistake::syntax(
    "a colon is expected behind the key, and none is there",
    "Write each entry as \"key\": value. A quotation mark within the text before it has this effect too.",
);
pub(super) const EQUALS: Mistake =
    Mistake::syntax("a colon is expected behind the key, and an equals sign stands there", "Put a colon in its place.");
pub(super) const KEY_EXPECTED: Mistake =
    Mistake::syntax("a key in quotation marks is expected, and something else stands there", QUOTES);
pub(super) const QUOTE_IN_TEXT: Mistake =
    Mistake::syntax("a quotation mark within a text ends the text too early", JSON_SAFE);
pub(super) const COMMENT: Mistake = Mistake::syntax("a comment stands there, and JSON has none", "Remove the comment.");
pub(super) const OBJECT_OBJECT: Mistake = Mistake::syntax(
    "[object Object] stands in the place of a value, which JavaScript writes for an object",
    "Put JSON.stringify around the object, or send the text that is in it.",
);
pub(super) const CUT_IN_TEXT: Mistake = Mistake::syntax("the end comes within a text in quotation marks", CUT);
pub(super) const CUT_BEFORE_VALUE: Mistake = Mistake::syntax("the end comes where a value is expected", CUT);
pub(super) const CUT_IN_OBJECT: Mistake = Mistake::syntax("the end comes where a closing brace is expected", CUT);
pub(super) const CUT_IN_ARRAY: Mistake =
    Mistake::syntax("the end comes where a closing square bracket is expected", CUT);
pub(super) const LINE_BREAK: Mistake = Mistake::syntax(
    "a line break stands within a text",
    "Write \\n for it, or close the quotation marks before it. In Bubble use “formatted as JSON-safe”.",
);
pub(super) const TAB: Mistake = Mistake::syntax("a tab stands within a text", "Write \\t for it, or a space.");
pub(super) const CONTROL: Mistake = Mistake::syntax(
    "a control character stands within a text",
    "Remove it, or write it as \\u and four hexadecimal digits.",
);
pub(super) const BAD_ESCAPE: Mistake = Mistake::syntax(
    "a backslash begins an escape that JSON does not have",
    "Write two backslashes for one. JSON has \\\" \\\\ \\/ \\b \\f \\n \\r \\t and \\u with four hexadecimal digits.",
);
pub(super) const LONE_SURROGATE: Mistake = Mistake::syntax(
    "half a character stands alone (a surrogate, \\ud800 to \\udfff)",
    "An emoji was cut into two: cut texts at whole characters, or write both halves.",
);
pub(super) const LEADING_ZERO: Mistake = Mistake::syntax(
    "a number begins with a zero",
    "Send it as a text, in quotation marks, if the zero counts, as in a telephone number or a postal code.",
);
pub(super) const BAD_NUMBER: Mistake = Mistake::syntax(
    "a number is written in a way that JSON does not have",
    "Write it as 12, -12, 1.5 or 1e3, or as a text in quotation marks.",
);
pub(super) const BRACKET_INSTEAD: Mistake = Mistake::syntax(
    "a closing brace is expected, and a square bracket stands there",
    "Close with the bracket that was opened last.",
);
pub(super) const BRACE_INSTEAD: Mistake = Mistake::syntax(
    "a closing square bracket is expected, and a brace stands there",
    "Close with the bracket that was opened last.",
);
pub(super) const ENTRY_END: Mistake =
    Mistake::syntax("a comma or a closing bracket is expected, and something else stands there", UNQUOTED);
pub(super) const CLOSED_TWICE: Mistake =
    Mistake::syntax("a bracket is closed that is not open", "Remove it, or open it before.");
pub(super) const SECOND: Mistake = Mistake::syntax("a second JSON value begins", "Send one object in one request.");
pub(super) const TEXT_BEHIND: Mistake = Mistake::syntax(
    "the end is expected, and more text stands there",
    "Remove everything behind the last closing brace.",
);
pub(super) const NO_BRACES: Mistake = Mistake::syntax(
    "an opening brace is expected before the first key, and none is there",
    "Put braces around all the entries.",
);
pub(super) const QUOTES_AROUND: Mistake = Mistake::syntax(
    "a quotation mark stands before the first bracket",
    "Remove the quotation marks around the whole: only keys and texts have them.",
);
