//! Names of roles. The number is the account's, and the app gives it its meaning.

use std::collections::BTreeMap;

/// The longest name, in bytes.
const NAME_BYTES_MAX: usize = 32;
/// The most names.
const NAMES_MAX: usize = 64;

/// The names of some roles.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roles(BTreeMap<u32, String>);

impl Roles {
    /// Reads names from a text such as `1=member,2=editor`. `None` if it is none.
    pub fn parse(text: &str) -> Option<Self> {
        let mut roles = BTreeMap::new();
        for pair in text.split(',').map(str::trim).filter(|pair| !pair.is_empty()) {
            let (id, name) = pair.split_once('=')?;
            let id: u32 = id.trim().parse().ok().filter(|id| *id > 0)?;
            let name = Some(name.trim()).filter(|name| is_name(name))?;
            if roles.insert(id, name.to_owned()).is_some() {
                return None;
            }
        }
        (roles.len() <= NAMES_MAX).then_some(Self(roles))
    }

    /// The name of a role; empty if it has none.
    pub fn name(&self, id: u32) -> &str {
        self.0.get(&id).map_or("", String::as_str)
    }

    /// The role of this name.
    pub fn id(&self, name: &str) -> Option<u32> {
        self.0.iter().find(|(_, known)| *known == name).map(|(id, _)| *id)
    }
}

fn is_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(fits)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_has_its_name_or_none() {
        let roles = Roles::parse("1=member, 2 = editor ,").unwrap();
        assert_eq!((roles.name(1), roles.name(2), roles.name(3)), ("member", "editor", ""));
        assert_eq!((roles.id("editor"), roles.id("Editor"), roles.id("")), (Some(2), None, None));
        assert_eq!(Roles::parse(""), Some(Roles::default()));
        for wrong in
            ["member", "0=a", "1=", "1=a b", "a=1", "1=a,1=b", "-1=a", "4294967296=a", &format!("1={}", "a".repeat(33))]
        {
            assert_eq!(Roles::parse(wrong), None, "{wrong}");
        }
    }
}
