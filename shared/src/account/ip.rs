//! IP addresses: the addresses of clients, in the form that the limits count.

use std::{fmt, net::IpAddr};

/// The bits of an IPv6 address that name one customer. A /64 is the smallest block that anybody
/// gets (RFC 6177 section 2).
const IPV6_PREFIX_BITS: u32 = 64;

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, PartialEq, Eq)]
pub struct IpKey(String);

impl IpKey {
    /// The key of `ip`. An IPv4 address in the form of an IPv6 one (RFC 4291 section 2.5.5.2)
    /// counts as an IPv4 address.
    pub fn new(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self(ip.to_string()),
            IpAddr::V6(ip) => {
                let prefix = ip.to_bits() >> (128 - IPV6_PREFIX_BITS);
                Self(format!("{prefix:016x}/{IPV6_PREFIX_BITS}"))
            }
        }
    }

    /// The text that the limits count by.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for IpKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Address")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpKey {
        IpKey::new(text.parse().unwrap())
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
