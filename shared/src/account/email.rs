//! The identifiers of a login: an e-mail address or a username.
//!
//! Each has one form that is compared: its key.

use std::fmt;

use crate::text::visible;

/// The longest address, in bytes (RFC 5321 section 4.5.3.1.3, less the angle brackets).
const ADDRESS_BYTES_MAX: usize = 254;
/// The longest part before the `@`, in bytes (RFC 5321 section 4.5.3.1.1).
const LOCAL_BYTES_MAX: usize = 64;

/// An e-mail address, as its owner typed it and in the form that is compared.
#[derive(Clone, PartialEq, Eq)]
pub struct Email {
    typed: String,
    key: String,
}

impl Email {
    /// Reads an e-mail address.
    ///
    /// Space around the address and characters that nobody sees are removed. The local part must be
    /// ASCII, and is compared without case. The domain goes through UTS-46: `MÜNCHEN.example` and
    /// `xn--mnchen-3ya.example` are one domain. `+` and dots in the local part count: one provider
    /// ignores them, but at another provider the two addresses belong to two people.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let is_local = |local: &str| local.split('.').all(is_atom);
        Self::read(text, is_local, domain)
    }

    /// Reads the address of an account that exists, here or elsewhere. Some providers gave out
    /// addresses that the standard does not allow, and they receive mail. Their dots follow each
    /// other or stand at an end, or the domain has an underscore. No new account gets one.
    ///
    /// # Errors
    ///
    /// As [`Email::parse`].
    pub fn existing(text: &str) -> Result<Self, &'static str> {
        let is_local = |local: &str| local.split('.').all(|part| part.is_empty() || is_atom(part));
        Self::read(text, |local| is_local(local) && local != ".", existing_domain)
    }

    fn read(
        text: &str,
        is_local: impl Fn(&str) -> bool,
        domain: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, &'static str> {
        const NOT_AN_ADDRESS: &str = "This is not an e-mail address.";
        let typed = visible(text);
        if typed.len() > ADDRESS_BYTES_MAX {
            return Err("An e-mail address has at most 254 bytes.");
        }
        let (local, domain_typed) = typed.rsplit_once('@').ok_or(NOT_AN_ADDRESS)?;
        if typed.contains([',', ';', '<', '>']) || local.starts_with("mailto:") {
            return Err("This is not an e-mail address: enter one alone, such as name@example.com.");
        }
        if !domain_typed.is_empty() && domain_typed.chars().all(|letter| letter.is_alphanumeric() || letter == '-') {
            return Err("This is not an e-mail address: its end is missing, such as .com.");
        }
        if !local.is_ascii() {
            return Err("The part of an e-mail address before the @ must be plain ASCII.");
        }
        if local.len() > 1 && local.starts_with('"') && local.ends_with('"') {
            return Err("The part of an e-mail address before the @ must have no quotation marks.");
        }
        if local.is_empty() || local.len() > LOCAL_BYTES_MAX || !is_local(local) {
            return Err(NOT_AN_ADDRESS);
        }
        let domain = domain(domain_typed).ok_or(NOT_AN_ADDRESS)?;
        let key = format!("{}@{domain}", local.to_ascii_lowercase());
        if key.len() > ADDRESS_BYTES_MAX {
            return Err("An e-mail address has at most 254 bytes.");
        }
        // UTS-46 removes more invisible characters, which must not be shown or signed.
        let typed = if typed.is_ascii() { typed } else { format!("{local}@{}", idna::domain_to_unicode(&domain).0) };
        Ok(Self { typed, key })
    }

    /// The address as typed, for display. A domain beyond ASCII is in its UTS-46 form.
    pub fn typed(&self) -> &str {
        &self.typed
    }

    /// The form that is compared: all spellings of one address share it.
    pub fn key(&self) -> &str {
        &self.key
    }

    /// The domain, in its UTS-46 form.
    pub fn domain(&self) -> &str {
        self.key.rsplit_once('@').map_or("", |(_, domain)| domain)
    }
}

/// Reads the domain of an address: its UTS-46 form, with a top level that is no number. `None` if
/// it can be no such domain.
pub(super) fn domain(text: &str) -> Option<String> {
    let domain = idna::domain_to_ascii_strict(text).ok()?;
    let (_, top_level) = domain.rsplit_once('.')?;
    (!top_level.bytes().all(|byte| byte.is_ascii_digit())).then_some(domain)
}

/// Like [`domain`], with underscores too.
fn existing_domain(text: &str) -> Option<String> {
    // A letter in the place of the underscore leaves all other rules to the same function.
    domain(text).or_else(|| {
        let is_domain = text.is_ascii() && domain(&text.replace('_', "x")).is_some();
        is_domain.then(|| text.to_ascii_lowercase())
    })
}

/// `address` with its domain in ASCII (`xn--…`), for people who decide by it: a domain beyond ASCII
/// may look like another one. A text that is no address stays as it is.
pub fn with_ascii_domain(address: &str) -> String {
    let ascii = |(local, domain): (&str, &str)| Some(format!("{local}@{}", idna::domain_to_ascii(domain).ok()?));
    address.rsplit_once('@').and_then(ascii).unwrap_or_else(|| address.to_owned())
}

/// Whether mails are sent to an address. None is to an account without an address, or to a domain
/// for examples. `key` is the form that is compared.
pub fn gets_mail(key: &str) -> bool {
    !key.is_empty() && !is_reserved(key)
}

/// Whether an address is in a domain that belongs to nobody (RFC 2606, RFC 6761), and is good for
/// tests.
fn is_reserved(key: &str) -> bool {
    const TOP_LEVELS: [&str; 4] = ["example", "invalid", "localhost", "test"];
    const DOMAINS: [&str; 3] = ["example.com", "example.net", "example.org"];
    let domain = key.rsplit_once('@').map_or("", |(_, domain)| domain);
    let top_level = domain.rsplit('.').next().unwrap_or_default();
    let is_below = |of: &&str| domain.strip_suffix(*of).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    TOP_LEVELS.contains(&top_level) || DOMAINS.iter().any(is_below)
}

/// Whether `part` is one or more characters of `atext` (RFC 5322 section 3.2.3).
fn is_atom(part: &str) -> bool {
    !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~".contains(&byte))
}

/// A username of 3–32 characters `a-z 0-9 _ . -`. It is compared and kept in lower case.
#[derive(Clone, PartialEq, Eq)]
pub struct Username(String);

impl Username {
    /// Reads a username.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let name = visible(text).to_ascii_lowercase();
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"_.-".contains(&byte);
        if (3..=32).contains(&name.len()) && name.bytes().all(allowed) {
            Ok(Self(name))
        } else {
            Err("A username has 3 to 32 letters a–z, digits, dots, hyphens or underscores.")
        }
    }

    /// The username, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An e-mail address or a username of an account that exists. Only an address has an `@`, so no
/// text is both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Identifier {
    /// An e-mail address.
    Email(Email),
    /// A username.
    Username(Username),
}

impl Identifier {
    /// Reads the text of a field that accepts either kind.
    ///
    /// # Errors
    ///
    /// A sentence for the caller.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        if text.contains('@') {
            Email::existing(text).map(Self::Email)
        } else {
            Username::parse(text).map(Self::Username)
        }
    }

    /// The form that is compared.
    pub fn key(&self) -> &str {
        match self {
            Self::Email(email) => email.key(),
            Self::Username(username) => username.as_str(),
        }
    }
}

impl fmt::Debug for Email {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Email")
    }
}

impl fmt::Debug for Username {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Username")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_of_a_reserved_domain_is_told_from_others_that_look_like_one() {
        for key in ["a@example.com", "a@x.example.org", "a@shop.example", "a@b.test", "a@b.invalid", "a@b.localhost"] {
            assert!(is_reserved(key) && !gets_mail(key), "{key}");
        }
        for key in ["a@yopmail.com", "a@myexample.com", "a@example.com.de", "a@test.de", "example"] {
            assert!(gets_mail(key), "{key}");
        }
        assert!(!gets_mail(""));
    }

    #[test]
    fn spellings_of_one_address_share_a_key_and_the_typed_form_is_kept() {
        let email = Email::parse("  James.Dean+x@YopMail.COM ").unwrap();
        assert_eq!((email.typed(), email.key()), ("James.Dean+x@YopMail.COM", "james.dean+x@yopmail.com"));
        let email = Email::parse("A@MÜN\u{ad}CHEN。example").unwrap();
        assert_eq!((email.typed(), email.key()), ("A@münchen.example", "a@xn--mnchen-3ya.example"));
        assert_eq!(
            Email::parse("a@mu\u{308}nchen.example").unwrap().key(),
            Email::parse("A@xn--mnchen-3ya.EXAMPLE").unwrap().key()
        );
    }

    #[test]
    fn a_domain_that_looks_like_another_is_told_from_it_in_ascii() {
        for (address, shown) in [
            ("James@pаypal.example", "James@xn--pypal-4ve.example"),
            ("A@münchen.example", "A@xn--mnchen-3ya.example"),
            ("James@YopMail.com", "James@yopmail.com"),
            ("james", "james"),
            ("a@", "a@"),
        ] {
            assert_eq!(with_ascii_domain(address), shown);
        }
    }

    #[test]
    fn plus_tags_and_dots_are_somebody_elses_address() {
        assert_ne!(Email::parse("a.b@c.de").unwrap().key(), Email::parse("ab@c.de").unwrap().key());
        assert_ne!(Email::parse("a+b@c.de").unwrap().key(), Email::parse("a@c.de").unwrap().key());
    }

    #[test]
    fn text_that_is_no_address_is_refused() {
        let long_local = format!("{}@c.de", "a".repeat(65));
        let long = format!("a@{}.de", "b".repeat(260));
        for text in [
            "",
            "@",
            "a",
            "a@",
            "@b.de",
            "a@b",
            "a b@c.de",
            "a@b c.de",
            "a..b@c.de",
            ".a@c.de",
            "a.@c.de",
            "a@b@c.de",
            "é@c.de",
            "a@.de",
            "a@b..de",
            "a@127.0.0.1",
            "a@[127.0.0.1]",
            "\"a\"@c.de",
            "a@b.de\u{0}",
            "a\r\n@b.de",
            "a@-b.de",
            "a@b_c.de",
            &long_local,
            &long,
        ] {
            assert!(Email::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_address_that_exists_may_be_one_that_is_given_to_nobody_today() {
        for (text, key) in [
            ("Hana..Sato@docomo.ne.jp", "hana..sato@docomo.ne.jp"),
            ("hana.@docomo.ne.jp", "hana.@docomo.ne.jp"),
            (".hana@docomo.ne.jp", ".hana@docomo.ne.jp"),
            ("a@Mail_1.b.de", "a@mail_1.b.de"),
            ("a@_dmarc.b.de", "a@_dmarc.b.de"),
            (" A@MÜNCHEN.example", "a@xn--mnchen-3ya.example"),
        ] {
            assert_eq!(Email::existing(text).unwrap().key(), key);
            assert_eq!(Email::parse(text).is_ok(), text.contains('Ü'), "{text}");
            assert!(matches!(Identifier::parse(text), Ok(Identifier::Email(email)) if email.key() == key));
        }
        for text in [
            "",
            "@b.de",
            ".@b.de",
            "a@b",
            "a b@c.de",
            "é@c.de",
            "a@b..de",
            "a@.de",
            "a@127.0.0.1",
            "a@-b.de",
            "a@_",
            "a@é_.de",
        ] {
            assert!(Email::existing(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn characters_that_nobody_sees_are_no_part_of_an_identifier() {
        for text in ["\u{feff}a.b@c.de\u{200b}", "a\u{200d}.b@c.de", "\u{2060} a.b@c\u{200b}.de\r\n", "a.b\u{ad}@c.de"]
        {
            let email = Email::parse(text).unwrap();
            assert_eq!((email.typed(), email.key()), ("a.b@c.de", "a.b@c.de"), "{text:?}");
        }
        assert_eq!(Username::parse("\u{feff}Ja\u{200b}mes\n").unwrap().as_str(), "james");
    }

    #[test]
    fn usernames_are_folded_and_bounded() {
        assert_eq!(Username::parse(" James_Dean-9. ").unwrap().as_str(), "james_dean-9.");
        for text in ["", "ab", "a b c", "jämes", "a@b", &"a".repeat(33)] {
            assert!(Username::parse(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn an_identifier_is_told_by_its_at_sign() {
        assert!(matches!(Identifier::parse("a@b.de"), Ok(Identifier::Email(_))));
        assert!(matches!(Identifier::parse("James"), Ok(Identifier::Username(_))));
    }

    #[test]
    fn an_address_that_is_almost_one_is_refused_with_the_reason() {
        for (text, part) in [
            ("a@b", "its end is missing"),
            ("a@localhost", "its end is missing"),
            ("James <a@b.de>", "enter one alone"),
            ("a@b.de, c@d.de", "enter one alone"),
            ("a@b.de;c@d.de", "enter one alone"),
            ("a@gmail,com", "enter one alone"),
            ("mailto:a@b.de", "enter one alone"),
            ("\"john doe\"@b.de", "no quotation marks"),
            ("jürgen@b.de", "plain ASCII"),
            ("a b@c.de", "This is not an e-mail address."),
            ("a@b..de", "This is not an e-mail address."),
        ] {
            for sentence in [Email::parse(text).unwrap_err(), Email::existing(text).unwrap_err()] {
                assert!(sentence.contains(part), "{text}: {sentence}");
            }
        }
    }
}
