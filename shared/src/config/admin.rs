//! Access to `/admin` beside the admin keys, and the limits of that access.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{Environment, origins};
use crate::account::{
    roles::Roles,
    user::{ROLE_ID_NEW, User},
};

const ROLES: &str = "ADMIN_ROLES";
const NETWORKS: &str = "ADMIN_ALLOWED_CIDRS";
const ORIGINS: &str = "ADMIN_ORIGINS";

/// Access to `/admin`: the accounts that may call, the networks and pages that calls come from, and
/// sign-ins as somebody else.
#[derive(Clone, Debug, Default)]
pub struct AdminAccess {
    /// Names the roles whose accounts may call `/admin` with their access tokens. Has no default,
    /// and only admin keys open `/admin` without it. Accepts numbers of roles and names of `ROLES`,
    /// separated by commas, such as `7,editor`. Read from `ADMIN_ROLES`. The role of new accounts,
    /// 1, is refused. The login must be less than 12 hours old, and its session live.
    pub roles: Vec<u32>,
    /// Names the networks that `/admin` may be called from. Has no default, and every address may
    /// call without it. Accepts networks such as `192.0.2.0/24` and `2001:db8::/32`, and single
    /// addresses, separated by commas. Read from `ADMIN_ALLOWED_CIDRS`. The address is the one that
    /// the limits count by. Other addresses get 403, whatever they show.
    pub networks: Vec<IpNet>,
    /// Names the origins of the web apps that may call `/admin` from a browser. Has no default, and
    /// no page of another origin may call without it. Accepts origins such as
    /// `https://admin.example`, separated by commas. Read from `ADMIN_ORIGINS`. The wildcard `*` is
    /// refused. `CORS_ALLOWED_ORIGINS` has no effect on `/admin`.
    pub origins: Vec<String>,
    /// Lets an admin sign in as somebody else, by `POST /admin/users/{id}/link` with the purpose
    /// `sign_in`. Defaults to `false`. Accepts `true` or `false`. Read from `ADMIN_SIGN_IN_LINKS`.
    /// The tokens of such a session name the admin, as `act`.
    pub sign_in_links: bool,
}

impl AdminAccess {
    pub(super) fn read(env: &mut Environment, names: &Roles) -> Self {
        Self {
            roles: roles(env, names),
            networks: networks(env),
            origins: allowed_origins(env),
            sign_in_links: env.flag("ADMIN_SIGN_IN_LINKS"),
        }
    }

    /// Whether the account is an admin by its role.
    pub fn is_admin(&self, user: &User) -> bool {
        self.is_role_of_admins(user.role_id)
    }

    /// Whether accounts with this role are admins.
    pub fn is_role_of_admins(&self, role_id: u32) -> bool {
        self.roles.contains(&role_id)
    }

    /// Whether this address may call. An unknown address lies in no network.
    pub fn allows(&self, address: Option<IpAddr>) -> bool {
        let address = address.map(|address| address.to_canonical());
        self.networks.is_empty()
            || address.is_some_and(|address| self.networks.iter().any(|network| network.contains(&address)))
    }
}

fn roles(env: &mut Environment, names: &Roles) -> Vec<u32> {
    const RULE: &str = "must be numbers of roles or names of ROLES, separated by commas, such as 7,editor";
    let Some(text) = env.text(ROLES) else { return Vec::new() };
    let read = |entry: &str| match entry.parse::<u32>().ok().filter(|id| *id > 0).or_else(|| names.id(entry)) {
        None => Err("is no number from 1 on, and ROLES has no such name".to_owned()),
        // Everybody who signs up would be an admin.
        Some(ROLE_ID_NEW) => Err("is the role of every new account".to_owned()),
        Some(id) => Ok(id.to_string()),
    };
    env.list(ROLES, RULE, &text, read).iter().filter_map(|id| id.parse().ok()).collect()
}

fn networks(env: &mut Environment) -> Vec<IpNet> {
    const RULE: &str =
        "must be networks such as 192.0.2.0/24 and 2001:db8::/32, or single addresses, separated by commas";
    let Some(text) = env.text(NETWORKS) else { return Vec::new() };
    let read = |entry: &str| network(entry).map(|network| network.to_string());
    env.list(NETWORKS, RULE, &text, read).iter().filter_map(|network| network.parse().ok()).collect()
}

/// The network of an entry. An address alone is a network of one.
///
/// # Errors
///
/// A clause that follows "this one".
fn network(entry: &str) -> Result<IpNet, String> {
    let address = entry.parse::<IpAddr>().map(IpNet::from);
    let network = address.or_else(|_| entry.parse::<IpNet>()).map_err(|_| "is none".to_owned())?;
    let is_mapped = matches!(network.addr(), IpAddr::V6(address) if address.to_ipv4_mapped().is_some());
    if is_mapped {
        return Err("has the form of IPv6 for IPv4: write the IPv4 network".to_owned());
    } else if network.addr() != network.network() {
        return Err(format!("has bits behind its prefix: write {}", network.trunc()));
    }
    Ok(network)
}

fn allowed_origins(env: &mut Environment) -> Vec<String> {
    const RULE: &str = "must be origins like https://admin.example, separated by commas, and never *";
    let Some(text) = env.text(ORIGINS) else { return Vec::new() };
    let read = |entry: &str| match entry.contains('*') {
        true => Err("has a wildcard in it: name each origin".to_owned()),
        false => origins::origin(entry),
    };
    env.list(ORIGINS, RULE, &text, read)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Config, Misconfigured};

    fn read(variables: &[(&str, &str)]) -> Result<AdminAccess, Misconfigured> {
        let get = |name: &str| variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        Config::read(get).map(|config| config.admin)
    }

    #[test]
    fn roles_are_numbers_or_names_and_never_that_of_everybody() {
        let roles = |text: &str| read(&[("ROLES", "1=member,7=editor"), (ROLES, text)]).map(|admin| admin.roles);
        assert_eq!(roles("editor, 9,7"), Ok(vec![7, 9]));
        assert_eq!(read(&[]).unwrap().roles, [0_u32; 0]);
        for (text, words) in [
            ("1", "the role of every new account"),
            ("member", "the role of every new account"),
            ("9,1", "entry 2 is the role of every new account"),
            ("0", "no number from 1 on"),
            ("-7", "no number from 1 on"),
            ("admin", "ROLES has no such name"),
            ("Editor", "ROLES has no such name"),
            ("7;9", "ROLES has no such name"),
            (",", "must be numbers of roles"),
        ] {
            let refusal = roles(text).unwrap_err().to_string();
            assert!(refusal.starts_with("ADMIN_ROLES ") && refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[test]
    fn an_address_may_call_from_a_network_of_the_list_alone() {
        let admin = read(&[(NETWORKS, "192.0.2.0/24, 2001:db8::/32,198.51.100.7,10.0.0.0/8")]).unwrap();
        for (address, may) in [
            ("192.0.2.0", true),
            ("192.0.2.255", true),
            ("192.0.3.0", false),
            ("::ffff:192.0.2.9", true),
            ("::192.0.2.9", false),
            ("198.51.100.7", true),
            ("198.51.100.8", false),
            ("2001:db8:ffff::1", true),
            ("2001:db9::1", false),
            ("::1", false),
        ] {
            assert_eq!(admin.allows(Some(address.parse().unwrap())), may, "{address}");
        }
        assert!(!admin.allows(None));
        let open = read(&[]).unwrap();
        assert!(open.allows(None) && open.allows(Some([192, 0, 3, 1].into())));
    }

    #[test]
    fn a_list_of_networks_that_is_none_is_refused_by_name() {
        for (text, words) in [
            ("192.0.2.0/33", "this one is none"),
            ("192.0.2/24", "this one is none"),
            ("192.0.2.0-192.0.2.9", "this one is none"),
            ("192.0.2.0/24 10.0.0.0/8", "this one is none"),
            ("office.example", "this one is none"),
            ("192.0.2.0/24,*", "entry 2 is none"),
            ("192.0.2.9/24", "write 192.0.2.0/24"),
            ("2001:db8::1/32", "write 2001:db8::/32"),
            ("::ffff:192.0.2.0/120", "write the IPv4 network"),
            (",", "must be networks"),
        ] {
            let refusal = read(&[(NETWORKS, text)]).unwrap_err().to_string();
            assert!(refusal.starts_with("ADMIN_ALLOWED_CIDRS ") && refusal.contains(words), "{text}: {refusal}");
        }
    }

    #[test]
    fn origins_are_named_one_by_one() {
        let origins = |text: &str| read(&[(ORIGINS, text)]).map(|admin| admin.origins);
        assert_eq!(origins("https://Admin.example/, http://localhost:3000").unwrap().len(), 2);
        for text in ["*", "https://admin.example,*", "null", "admin.example", "https://admin.example/users"] {
            let refusal = origins(text).unwrap_err().to_string();
            assert!(refusal.starts_with("ADMIN_ORIGINS must be origins"), "{text}: {refusal}");
        }
    }
}
