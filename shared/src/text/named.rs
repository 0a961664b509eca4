//! Characters that nobody sees, told by their numbers and places.

use std::fmt;

use super::{is_bidi_control, is_blank, is_invisible};

/// A character that nobody sees, in the middle of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Invisible {
    /// The character.
    pub character: char,
    /// Its place in the text, in characters from 1.
    pub position: usize,
}

impl Invisible {
    /// Finds the first character that nobody sees. A space is seen by the gap that it makes, and
    /// characters without a width are passed over where such a text is read.
    pub fn find(text: &str) -> Option<Self> {
        Self::find_by(text, |letter| letter != ' ' && !is_invisible(letter) && is_unseen(letter))
    }

    /// Finds the first character for which `is_meant` holds.
    pub fn find_by(text: &str, is_meant: impl Fn(char) -> bool) -> Option<Self> {
        let (index, character) = text.chars().enumerate().find(|(_, letter)| is_meant(*letter))?;
        Some(Self { character, position: index + 1 })
    }
}

impl fmt::Display for Invisible {
    /// `an invisible character (U+200B) at position 5`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "an invisible character (U+{:04X}) at position {}", u32::from(self.character), self.position)
    }
}

/// Whether nobody sees this character, or sees at most a gap: white space, control characters,
/// characters without a width, marks of direction.
pub fn is_unseen(letter: char) -> bool {
    is_blank(letter) || letter.is_control() || is_bidi_control(letter)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_that_nobody_sees_is_told_by_its_number_and_its_place() {
        for (text, expected) in [
            ("ja\u{a0}mes", Some("an invisible character (U+00A0) at position 3")),
            ("a@b.de\n", Some("an invisible character (U+000A) at position 7")),
            ("Zoë\u{7f}", Some("an invisible character (U+007F) at position 4")),
            ("Zoë 🦀 محمد", None),
        ] {
            assert_eq!(Invisible::find(text).map(|found| found.to_string()).as_deref(), expected, "{text:?}");
        }
    }
}
