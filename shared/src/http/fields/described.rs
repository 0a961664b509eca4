//! The fields of an input, as its own reader names them.

use super::{Fields, Input};

/// A field of a request body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The key in the body.
    pub name: String,
    /// The values that are accepted.
    pub kind: Kind,
    /// Whether the field must be there.
    pub need: Need,
}

/// The values that a field accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// The e-mail address of a new account.
    Email,
    /// The username of an account; an empty one is none.
    Username,
    /// A display name.
    Name,
    /// An e-mail address or a username.
    Identifier,
    /// A password that is compared.
    Password,
    /// A password that is to be stored.
    NewPassword,
    /// A token, to be judged.
    Token,
    /// A truth value.
    Flag,
    /// A whole number from 1 to this one.
    Count(u64),
    /// A whole number from 0 on.
    Whole,
    /// A JSON object, or the text of one.
    Object,
    /// The person's own JSON object.
    Metadata,
    /// A list of JSON objects, at most this many.
    Objects(usize),
}

/// Whether a field must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// It must be there.
    Required,
    /// It may be left out.
    Optional,
    /// One of the fields with this need must be there, and no second one.
    Either,
}

/// The fields of an input. Its reader names them, and reads nothing meanwhile.
pub fn described<T: Input>() -> Vec<Described> {
    let mut fields = Fields::describing();
    drop(T::read(&mut fields));
    fields.noted.unwrap_or_default()
}

impl Fields<'_> {
    /// Notes a field in the place of reading it, if the input is being described.
    pub(super) fn notes(&mut self, name: &str, kind: Kind, need: Need) -> bool {
        #[cfg(feature = "testing")]
        self.asked.insert(name.to_owned());
        let Some(noted) = &mut self.noted else { return false };
        noted.push(Described { name: name.to_owned(), kind, need });
        true
    }

    /// Fails unless the reader asked for the fields of its description: for all of them, if it has
    /// read a whole input. A reader that stops before its last field would describe too few.
    #[cfg(feature = "testing")]
    pub(super) fn assert_described<T: Input>(&self, is_whole: bool) {
        let described: std::collections::BTreeSet<String> =
            described::<T>().into_iter().map(|field| field.name).collect();
        let is_right = if is_whole { self.asked == described } else { self.asked.is_subset(&described) };
        assert!(is_right, "the reader asked for {:?}, and describes {described:?}", self.asked);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that stops at its first mistake.
    struct Hasty;

    impl Input for Hasty {
        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            fields.required("first")?;
            fields.optional("second");
            Some(Self)
        }
    }

    /// A reader that reads everything first.
    struct Whole;

    impl Input for Whole {
        fn read(fields: &mut Fields<'_>) -> Option<Self> {
            let (first, flag) = (fields.required("first"), fields.flag("flag"));
            first.map(|_| Self).filter(|_| !flag)
        }
    }

    fn named(fields: &[Described]) -> Vec<(&str, Kind, Need)> {
        fields.iter().map(|field| (field.name.as_str(), field.kind, field.need)).collect()
    }

    #[test]
    fn a_reader_describes_its_fields_with_their_kinds_and_needs() {
        let fields = described::<Whole>();
        assert_eq!(named(&fields), [("first", Kind::Text, Need::Required), ("flag", Kind::Flag, Need::Optional)]);
    }

    #[test]
    #[should_panic(expected = "describes {\"first\"}")]
    fn a_reader_that_stops_early_is_found_by_every_whole_input() {
        let mut fields = Fields { noted: None, ..Fields::describing() };
        fields.values.insert("first".to_owned(), "x".into());
        let input = Hasty::read(&mut fields);
        fields.assert_described::<Hasty>(input.is_some());
    }
}
