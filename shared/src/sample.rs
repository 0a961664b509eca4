//! Examples of answers. The description of the API makes a schema of each.
//!
//! Every member of an answer is always there, and always of one type. One example therefore is the
//! whole shape.

use serde::Serialize;

/// The name of a member, and its meaning in a sentence.
pub type Meaning = (&'static str, &'static str);

/// The name of a member, and the shape that it has or lists.
pub type Part = (&'static str, fn() -> Shape);

/// An answer with an example of it.
pub trait Sample: Serialize {
    /// The name of the shape in the description.
    const NAME: &'static str;
    /// The meaning of members, by their name.
    const MEMBERS: &'static [Meaning] = &[];
    /// The dates that are empty texts in some answers.
    const DATES_OR_EMPTY: &'static [&'static str] = &[];
    /// The members that some answers lack.
    const OPTIONAL: &'static [&'static str] = &[];
    /// The members that are a shape of their own, or a list of it.
    const PARTS: &'static [Part] = &[];

    /// The example. An empty object stands for one with any members.
    fn sample() -> Self;
}

/// The shape of an answer, with its example.
#[derive(Clone, Debug)]
pub struct Shape {
    /// As in [`Sample`].
    pub name: &'static str,
    /// The example as JSON, its members in their order.
    pub example: String,
    /// As in [`Sample`].
    pub members: &'static [Meaning],
    /// As in [`Sample`].
    pub dates_or_empty: &'static [&'static str],
    /// As in [`Sample`].
    pub optional: &'static [&'static str],
    /// As in [`Sample`].
    pub parts: &'static [Part],
}

impl Shape {
    /// The shape of an answer.
    pub fn of<T: Sample>() -> Self {
        Self {
            name: T::NAME,
            // No example has a key that is no text, the one thing that JSON cannot write.
            example: serde_json::to_string(&T::sample()).unwrap_or_default(),
            members: T::MEMBERS,
            dates_or_empty: T::DATES_OR_EMPTY,
            optional: T::OPTIONAL,
            parts: T::PARTS,
        }
    }
}
