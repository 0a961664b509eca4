//! The skeleton of a text: the form in which passwords are compared with words.
//!
//! `P@ssw0rd` and `password` have the same skeleton. So have `Summer2026!` and `summer`, once the
//! digits and signs around the word are removed.

/// The fewest letters of a word that is looked up alone, without the digits and signs around it.
const CORE_MIN: usize = 4;

/// The text in lower case, with the digits and signs that people write for letters undone. Letters
/// that share such a sign, as `i` and `l` share `1`, become one letter.
pub fn skeleton(text: &str) -> String {
    text.chars().flat_map(char::to_lowercase).map(letter).collect()
}

fn letter(c: char) -> char {
    match c {
        '@' | '4' => 'a',
        '8' => 'b',
        '3' | '€' => 'e',
        '6' | '9' => 'g',
        '1' | '!' | '|' | 'l' => 'i',
        '0' => 'o',
        '$' | '5' => 's',
        '7' | '+' => 't',
        '2' => 'z',
        other => other,
    }
}

/// The text without the digits and signs at both ends, at its end alone, or at its start alone. So
/// `Summer2026!` has `Summer`, and `$ummer2026` has `$ummer`. A part counts if it has at least a
/// third of the text. Otherwise the digits and signs carry the weight.
pub fn cores(text: &str) -> impl Iterator<Item = &str> {
    let is_sign = |c: char| !c.is_alphabetic();
    let all = text.chars().count();
    [text.trim_matches(is_sign), text.trim_end_matches(is_sign), text.trim_start_matches(is_sign)]
        .into_iter()
        .filter(move |core| core.len() < text.len() && is_weighty(core.chars().count(), all))
}

fn is_weighty(characters: usize, all: usize) -> bool {
    characters >= CORE_MIN && characters * 3 >= all
}
