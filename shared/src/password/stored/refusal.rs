//! The reasons for which no password can be checked against a stored hash.

use std::{borrow::Cow, fmt, fmt::Display};

/// The reason for which no password can be checked against a stored hash: a sentence that names the
/// kind and the bound. It repeats numbers of the cost, and nothing else of the hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Cow<'static, str>);

/// The marks of kinds that are recognised and not checked here, and their names.
const UNSUPPORTED: &[(&str, &str)] = &[
    ("$P$", "phpass, built on MD5"),
    ("$H$", "phpass, built on MD5"),
    ("$S$", "Drupal's SHA-512"),
    ("$1$", "MD5-crypt"),
    ("$apr1$", "Apache's MD5-crypt"),
    ("$5$", "SHA-256-crypt"),
    ("$6$", "SHA-512-crypt"),
    ("$y$", "yescrypt"),
    ("$gy$", "yescrypt"),
    ("$7$", "scrypt in crypt's form"),
    ("$2x$", "a faulty version of bcrypt"),
    ("md5$", "Django's MD5"),
    ("sha1$", "Django's SHA-1"),
    ("unsalted_", "Django's digest without a salt"),
    ("md5:", "a digest by MD5"),
    ("sha1:", "a digest by SHA-1"),
    ("sha256:", "a digest by SHA-256"),
    ("SCRAM-SHA-256$", "PostgreSQL's SCRAM"),
    ("{", "an LDAP scheme"),
    ("$sha1$", "SHA-1-crypt"),
];
/// The lengths of MD5, SHA-1, SHA-256, SHA-384 and SHA-512 in hexadecimal digits.
const DIGESTS: [usize; 5] = [32, 40, 64, 96, 128];

impl Refusal {
    /// The text is longer than any hash.
    pub(super) const TOO_LONG: Self =
        Self(Cow::Borrowed("This is longer than any hash that can be checked: 512 bytes."));

    /// The reason for a text of a kind that is not checked here.
    pub(super) fn of_kind(text: &str) -> Self {
        if text.is_empty() {
            return Self(Cow::Borrowed("The hash is empty. Leave it out for an account without a password."));
        }
        if text.starts_with('!') {
            let sentence = "This is Django's mark of an account without a password. Leave the hash out.";
            return Self(Cow::Borrowed(sentence));
        }
        if let Some((_, name)) = UNSUPPORTED.iter().find(|(mark, _)| text.starts_with(mark)) {
            return Self(Cow::Owned(format!("This hash is of a kind that is not checked here: {name}.")));
        }
        if DIGESTS.contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let sentence = "This is a bare digest such as MD5 or SHA-256, which is guessed too quickly to be a \
                            password's hash. It is not checked here.";
            return Self(Cow::Borrowed(sentence));
        }
        if ["$argon2", "$2a$", "$2b$", "$2y$", "$fbscrypt", "$pbkdf2", "pbkdf2_", "$scrypt", "scrypt"]
            .iter()
            .any(|mark| text.starts_with(mark))
        {
            return Self(Cow::Borrowed("This hash is damaged: a part between its dollars is missing or too many."));
        }
        Self(Cow::Borrowed(
            "This is no hash of a known kind. The known kinds are argon2, bcrypt, PBKDF2, scrypt and Firebase's scrypt.",
        ))
    }

    /// A part of a hash cannot be read.
    pub(super) fn damaged(kind: &str, part: &str) -> Self {
        Self(Cow::Owned(format!("This {kind} hash is damaged: its {part} cannot be read.")))
    }

    /// A number of a hash is out of its bounds.
    pub(super) fn bound(kind: &str, is: impl Display, accepted: impl Display) -> Self {
        Self(Cow::Owned(format!("This {kind} hash has {is}. Latchkey accepts {accepted}.")))
    }
}

impl Display for Refusal {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}
