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
    /// A JSON object, or the text of one.
    Object,
    /// The person's own JSON object.
    Metadata,
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
        let Some(noted) = &mut self.noted else { return false };
        noted.push(Described { name: name.to_owned(), kind, need });
        true
    }
}
