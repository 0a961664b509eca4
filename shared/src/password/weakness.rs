//! Weak passwords: those that attackers try first.
//!
//! There are no rules of composition. NIST SP 800-63B-4 section 3.1.1.2 asks for a list of common
//! passwords. It also asks for words of the context, such as the service's name and the username.

use zeroize::Zeroizing;

use super::{
    Password, Policy,
    common::{is_common, is_run},
    skeleton::skeleton,
};

/// The name of the service.
const SERVICE_NAME: &str = "latchkey";
/// The shortest word that a password must not contain, in letters and digits. A shorter word is in
/// many good passwords by chance.
const WORD_MIN: usize = 4;

/// The reason why a password is too weak: a code and a sentence, both for the caller.
pub type Weakness = (&'static str, String);

/// The person that a new password is for.
#[derive(Clone, Copy, Debug)]
pub struct Person<'a> {
    /// The e-mail address in the form that is compared.
    pub email_key: &'a str,
    /// The username, if there is one.
    pub username: Option<&'a str>,
    /// The display name; empty if there is none.
    pub name: &'a str,
}

impl Person<'_> {
    /// Nobody in particular: only the rules that hold for everybody apply.
    pub const UNKNOWN: Self = Self { email_key: "", username: None, name: "" };
}

impl Password {
    /// The reason why this password is too weak for a new one. `None` if it is strong enough.
    /// `services` are names of the app, besides the service's own.
    pub fn weakness(&self, policy: &Policy, services: &[String], person: &Person<'_>) -> Option<Weakness> {
        let because = |code, sentence: &str| Some((code, sentence.to_owned()));
        if self.normal.chars().count() < policy.length_min {
            return Some(("password_too_short", format!("A password has at least {} characters.", policy.length_min)));
        }
        let (local, domain) = person.email_key.rsplit_once('@').unwrap_or((person.email_key, ""));
        let label = domain.split('.').next().unwrap_or_default();
        let contains = Contains::new(&self.normal);
        if contains.word(local) || contains.word(label) {
            because("password_is_email", "The password must not contain your e-mail address or a part of it.")
        } else if person.username.is_some_and(|username| contains.word(username)) {
            because("password_is_username", "The password must not contain your username.")
        } else if contains.word(person.name) || person.name.split_whitespace().any(|part| contains.word(part)) {
            because("password_is_name", "The password must not contain your name.")
        } else if contains.word(SERVICE_NAME) || services.iter().any(|name| contains.word(name)) {
            because("password_is_service_name", "The password must not contain the name of the service.")
        } else if is_common(&self.normal) {
            because(
                "password_too_common",
                "This password is one of the most common ones, perhaps with other digits or signs. Attackers try these first.",
            )
        } else if is_run(&Zeroizing::new(self.normal.to_lowercase())) {
            because(
                "password_too_common",
                "The password must not be one repeated character, or a run such as abcdefgh.",
            )
        } else {
            None
        }
    }
}

/// A password in the form in which words are searched for in it: its skeleton, without signs and
/// spaces.
struct Contains(Zeroizing<String>);

impl Contains {
    fn new(password: &str) -> Self {
        Self(Zeroizing::new(letters(password)))
    }

    fn word(&self, word: &str) -> bool {
        let word = letters(word);
        word.chars().count() >= WORD_MIN && self.0.contains(&word)
    }
}

fn letters(text: &str) -> String {
    Zeroizing::new(skeleton(text)).chars().filter(|c| c.is_alphanumeric()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { length_min: 8, memory_kib: 19_456, iterations: 2 };
    const JIM: Person =
        Person { email_key: "james.dean@rebel-films.example", username: Some("jimmy_d"), name: "Jim Stark" };

    fn code(text: &str) -> Option<&'static str> {
        let services = ["Giant Shop".to_owned()];
        Password::parse(text).unwrap().weakness(&POLICY, &services, &JIM).map(|(code, _)| code)
    }

    #[test]
    fn a_weak_password_is_refused_with_its_reason() {
        for (text, expected) in [
            ("1234567", "password_too_short"),
            ("🔑🔑🔑🔑🔑🔑🔑", "password_too_short"),
            ("james.DEAN", "password_is_email"),
            ("james.dean@rebel-films.example", "password_is_email"),
            ("JamesDean1955", "password_is_email"),
            ("j4m3s-d34n!!", "password_is_email"),
            ("my Rebel Films 1955", "password_is_email"),
            ("Jimmy_D-2026", "password_is_username"),
            ("xx j1mmyd xx", "password_is_username"),
            ("JimStark99", "password_is_name"),
            ("st4rk-and-more", "password_is_name"),
            ("LatchKey", "password_is_service_name"),
            ("latchkey1", "password_is_service_name"),
            ("L@tchk3y!2026", "password_is_service_name"),
            ("giant-shop-7", "password_is_service_name"),
            ("12345678", "password_too_common"),
            ("Football1", "password_too_common"),
            ("Summer2026", "password_too_common"),
            ("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "password_too_common"),
            ("🔑🔑🔑🔑🔑🔑🔑🔑", "password_too_common"),
        ] {
            assert_eq!(code(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn a_good_password_passes_whatever_short_words_it_has() {
        for text in ["🔑🔒🔓🔑🔒🔓🔑🔑", "football and tea", "jim and the giants", "correct horse battery staple"]
        {
            assert_eq!(code(text), None, "{text}");
        }
        let nobody = Person { email_key: "a@b.de", username: None, name: "" };
        assert_eq!(Password::parse("a b de whatever x").unwrap().weakness(&POLICY, &[], &nobody), None);
    }
}
