//! The mailbox that mails come from, or that answers go to.

use crate::account::email::{Email, with_ascii_domain};

/// The longest name, in characters. A longer one is cut off in lists of mails.
const NAME_MAX: usize = 64;

/// A name and an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mailbox {
    /// The name, empty if there is none.
    pub name: String,
    /// The address, with its domain in ASCII.
    pub address: String,
}

impl Mailbox {
    /// Reads `a@b.example`, or a name and an address: `Herbs <a@b.example>`. The name may be in
    /// quotation marks.
    ///
    /// # Errors
    ///
    /// A clause that follows the name of the variable and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORM: &str = "must be an address, or a name and an address such as Herbs <login@herbs.example>";
        let text = text.trim();
        let (name, address) = match text.strip_suffix('>') {
            Some(text) => text.split_once('<').ok_or(FORM)?,
            None => ("", text),
        };
        let name = name.trim();
        let name = name.strip_prefix('"').and_then(|name| name.strip_suffix('"')).unwrap_or(name);
        if name.chars().count() > NAME_MAX {
            return Err("has a name of more than 64 characters");
        }
        if name.contains(['<', '>', '"', '@', '\\']) || name.chars().any(char::is_control) {
            return Err("has a name with a character that no name of a mailbox has");
        }
        let address = Email::parse(address).map_err(|_| FORM)?;
        Ok(Self { name: name.to_owned(), address: with_ascii_domain(address.typed()) })
    }

    /// The domain of the address.
    pub fn domain(&self) -> &str {
        self.address.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mailbox_is_an_address_with_or_without_a_name() {
        for (text, name, address) in [
            ("login@herbs.example", "", "login@herbs.example"),
            ("<login@herbs.example>", "", "login@herbs.example"),
            ("Herbs <login@herbs.example>", "Herbs", "login@herbs.example"),
            ("\"Herbs & Co., Inc.\" <login@herbs.example>", "Herbs & Co., Inc.", "login@herbs.example"),
            ("Kräuter <login@kräuter.example>", "Kräuter", "login@xn--kruter-cua.example"),
        ] {
            let mailbox = Mailbox::parse(text).unwrap();
            assert_eq!((mailbox.name.as_str(), mailbox.address.as_str()), (name, address), "{text}");
        }
        assert_eq!(Mailbox::parse("Herbs <login@herbs.example>").unwrap().domain(), "herbs.example");
    }

    #[test]
    fn a_text_that_could_add_headers_or_is_no_mailbox_is_refused() {
        for text in [
            "",
            "herbs",
            "Herbs <login>",
            "Herbs login@herbs.example>",
            "a@b.example, c@d.example",
            "x <a@b.example> <c@d.example>",
            "x@y.example <a@b.example>",
            "Herbs\r\nBcc: x <a@b.example>",
            &format!("{} <a@b.example>", "n".repeat(65)),
        ] {
            assert!(Mailbox::parse(text).is_err(), "{text}");
        }
    }
}
