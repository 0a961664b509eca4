//! The text of a value, as people really write it.

use crate::text::{self, bare};

/// Pairs of quotation marks. A file for `docker run --env-file` keeps them as a part of the value.
const QUOTES: [(char, char); 5] = [('"', '"'), ('\'', '\''), ('“', '”'), ('‘', '’'), ('`', '`')];

/// The seconds of each unit that people write behind a number.
const UNITS: [(u64, &[&str]); 4] = [
    (1, &["s", "sec", "secs", "second", "seconds"]),
    (60, &["m", "min", "mins", "minute", "minutes"]),
    (3_600, &["h", "hr", "hrs", "hour", "hours"]),
    (86_400, &["d", "day", "days"]),
];

/// The value without the things around it that mean nothing: blanks, and one pair of quotation
/// marks.
pub(super) fn plain(value: &str) -> &str {
    let value = bare(value);
    let inner = QUOTES.iter().find_map(|(open, close)| value.strip_prefix(*open)?.strip_suffix(*close));
    inner.map_or(value, bare)
}

/// Why this text is no value of any setting: a clause about a character in it.
pub(super) fn strange_character(text: &str) -> Option<String> {
    let may_break = |letter: &char| matches!(letter, '\n' | '\r' | '\t');
    let found = text.chars().filter(|letter| !may_break(letter)).find(|letter| is_invisible(*letter))?;
    Some(match found {
        char::REPLACEMENT_CHARACTER => "has bytes in it that are not UTF-8".to_owned(),
        found => format!("has a character in it that nobody sees, U+{:04X}: type the value anew", u32::from(found)),
    })
}

/// Controls, marks of direction, and the other characters that nobody sees.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || text::is_invisible(letter)
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        || letter == char::REPLACEMENT_CHARACTER
}

/// The number that a text means which is none: with separators, with `.0`, with a unit of time, or
/// as the port of an address.
pub(super) fn meant_number(text: &str) -> Option<u64> {
    let digits = |text: &str| {
        let text = text.strip_suffix(".0").unwrap_or(text);
        let fits = text.starts_with(|first: char| first.is_ascii_digit())
            && text.chars().all(|letter| letter.is_ascii_digit() || "_,' ".contains(letter));
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        if fits { digits.parse::<u64>().ok() } else { None }
    };
    let of_port = || digits(text.strip_suffix("/tcp").unwrap_or(text).rsplit_once(':')?.1);
    let with_unit = || {
        let letters = text.find(|letter: char| letter.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at_checked(letters)?;
        let unit = unit.trim().to_ascii_lowercase();
        let (seconds, _) = UNITS.iter().find(|(_, names)| names.contains(&unit.as_str()))?;
        digits(number.trim())?.checked_mul(*seconds)
    };
    digits(text).or_else(of_port).or_else(with_unit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_means_nothing_around_a_value_is_passed_over() {
        for value in
            ["8080", " 8080\r\n", "\"8080\"", "'8080'", " “8080” ", "\u{feff}8080", "8080\u{200b}", "\"\u{a0}8080 \""]
        {
            assert_eq!(plain(value), "8080", "{value:?}");
        }
        assert_eq!((plain("\"\""), plain("\"8080"), plain("8\"0")), ("", "\"8080", "8\"0"));
    }

    #[test]
    fn a_character_that_nobody_sees_is_named() {
        assert_eq!(strange_character("https://app.example\nx"), None);
        for (text, words) in
            [("a\u{200b}b", "U+200B"), ("a\u{feff}b", "U+FEFF"), ("a\u{fffd}", "UTF-8"), ("\u{0}", "U+0000")]
        {
            assert!(strange_character(text).unwrap().contains(words), "{text:?}");
        }
    }

    #[test]
    fn a_number_with_a_unit_or_separators_is_understood_and_nothing_else_is() {
        for (text, number) in [
            ("3600s", 3_600),
            ("1h", 3_600),
            ("14 days", 1_209_600),
            ("15 min", 900),
            ("3,600", 3_600),
            ("3_600", 3_600),
            ("3600.0", 3_600),
            (":8080", 8_080),
            ("127.0.0.1:8080", 8_080),
            ("8080:8080/tcp", 8_080),
        ] {
            assert_eq!(meant_number(text), Some(number), "{text}");
        }
        for text in ["", "h", "1 fortnight", "1.5h", "-5", "hunter2", "0x10", "99999999999999999999d"] {
            assert_eq!(meant_number(text), None, "{text}");
        }
    }
}
