//! Admin keys: whoever shows one sees and changes every account, through `/admin`.
//!
//! They are apart from the API keys of servers, which tools beside a browser may hold.

use std::fmt;

use aws_lc_rs::constant_time;

use super::{
    api_key::{KEY_CHARS_MIN, UNNAMED, hash, is_name},
    guessable, secret_lines,
};

/// One admin key, as a digest.
pub struct AdminKey {
    /// The name, for the log and for the token. A key without a name is `unnamed`.
    pub name: String,
    hash: Vec<u8>,
}

/// The admin keys of a deployment. Each person or server has its own, so that the log tells them
/// apart. Only digests are kept, all of one length.
pub struct AdminKeys(Vec<AdminKey>);

impl AdminKeys {
    /// Reads the keys, as the [`secret_lines`] of the kind `admin_key`. A line is `name:key`. A
    /// line of another form is a key without a name.
    ///
    /// # Errors
    ///
    /// A phrase that follows the name of the source and quotes nothing.
    pub fn parse(text: &str) -> Result<Self, String> {
        let keys =
            secret_lines(text, "admin_key")?.iter().map(|line| AdminKey::parse(line)).collect::<Result<_, _>>()?;
        Ok(Self(keys))
    }

    /// The key that `presented` is. Every key is compared, even after a match.
    pub fn find(&self, presented: &str) -> Option<&AdminKey> {
        let presented = hash(presented);
        let matches = |key: &AdminKey| constant_time::verify_slices_are_equal(&key.hash, &presented).is_ok();
        self.0.iter().fold(None, |found, key| if matches(key) { found.or(Some(key)) } else { found })
    }

    /// Whether a key has this name.
    pub fn has_name(&self, name: &str) -> bool {
        self.0.iter().any(|key| key.name == name)
    }

    /// The names of the keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|key| key.name.as_str())
    }
}

impl AdminKey {
    fn parse(line: &str) -> Result<Self, String> {
        let (name, key) = parts(line).unwrap_or((UNNAMED, line));
        if key.chars().count() < KEY_CHARS_MIN {
            return Err(format!("has a key of less than {KEY_CHARS_MIN} characters, which could be guessed"));
        }
        if let Some(why) = guessable(key) {
            return Err(format!("has a key that {why}"));
        }
        Ok(Self { name: name.to_owned(), hash: hash(key) })
    }
}

/// The key in a line, without its name.
pub fn key_in(line: &str) -> &str {
    parts(line).map_or(line, |(_, key)| key)
}

/// The name and the key of a line that has both.
fn parts(line: &str) -> Option<(&str, &str)> {
    let (name, key) = line.split_once(':')?;
    is_name(name).then_some((name, key.trim()))
}

impl fmt::Debug for AdminKeys {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("AdminKeys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIRST: &str = "the first key, of 32 characters.";
    const SECOND: &str = "the second key is a little longer";

    #[test]
    fn each_key_is_found_under_its_name_and_nothing_else_is_one() {
        let keys = AdminKeys::parse(&format!("anna:{FIRST}\n{SECOND}")).unwrap();
        assert_eq!(keys.find(FIRST).unwrap().name, "anna");
        assert_eq!(keys.find(SECOND).unwrap().name, "unnamed");
        assert_eq!(keys.names().collect::<Vec<_>>(), ["anna", "unnamed"]);
        assert!(keys.has_name("anna") && !keys.has_name("ben"));
        let whole = format!("anna:{FIRST}");
        for bad in ["", &FIRST[1..], &FIRST.replace("the", "The"), &format!("{FIRST} "), &whole] {
            assert!(keys.find(bad).is_none(), "{bad}");
        }
        assert_eq!((key_in(&whole), key_in(SECOND)), (FIRST, SECOND));
    }

    #[test]
    fn a_line_that_is_no_key_is_refused_and_not_quoted() {
        for (line, words) in [
            ("anna:hunter2 has only 31 characters.", "less than 32 characters"),
            ("anna:", "less than 32 characters"),
            ("", "is empty"),
            ("anna:hunter2 hunter2 hunter2 hunter2 hunter2 ", "repeats"),
        ] {
            let refusal = AdminKeys::parse(line).unwrap_err();
            assert!(refusal.contains(words) && !refusal.contains("hunter2"), "{line}: {refusal}");
        }
        assert_eq!(format!("{:?}", AdminKeys::parse(FIRST).unwrap()), "AdminKeys");
    }
}
