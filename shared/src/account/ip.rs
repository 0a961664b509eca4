//! IP addresses: the addresses of clients, in the form that the limits count.

use std::{fmt, net::IpAddr};

/// The bits of an IPv6 address that name one customer. A /64 is the smallest block that anybody
/// gets (RFC 6177 section 2).
const IPV6_PREFIX_BITS: u32 = 64;
/// The bits of the blocks that larger customers get, of 256 and of 65,536 such prefixes.
const IPV6_WIDER_BITS: [u32; 2] = [56, 48];

/// An IPv4 address, or the /64 of an IPv6 address.
#[derive(Clone, PartialEq, Eq)]
pub struct IpKey {
    own: String,
    /// The /56 and the /48 around an IPv6 address.
    wider: Vec<String>,
}

impl IpKey {
    /// The key of `ip`. An IPv4 address in the form of an IPv6 one (RFC 4291 section 2.5.5.2)
    /// counts as an IPv4 address.
    pub fn new(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(ip) => Self { own: ip.to_string(), wider: Vec::new() },
            IpAddr::V6(ip) => {
                let network = |bits: u32| {
                    let digits = bits as usize / 4;
                    format!("{:0digits$x}/{bits}", ip.to_bits() >> (128 - bits))
                };
                Self { own: network(IPV6_PREFIX_BITS), wider: IPV6_WIDER_BITS.map(network).into() }
            }
        }
    }

    /// The text that the limits count by.
    pub fn as_str(&self) -> &str {
        &self.own
    }

    /// This key, and the blocks around it from the smallest to the largest.
    pub fn networks(&self) -> impl Iterator<Item = &str> {
        [&self.own].into_iter().chain(&self.wider).map(String::as_str)
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
    fn an_ipv6_address_lies_in_three_networks_and_an_ipv4_address_in_one() {
        let networks = |text: &str| address(text).networks().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(networks("2001:db8:1:203::5"), ["20010db800010203/64", "20010db8000102/56", "20010db80001/48"]);
        assert_eq!(networks("::ffff:192.0.2.1"), ["192.0.2.1"]);
    }

    #[test]
    fn an_ipv6_address_counts_as_its_64() {
        assert_eq!(address("2001:db8:1:2:3:4:5:6"), address("2001:db8:1:2::"));
        assert_ne!(address("2001:db8:1:2::"), address("2001:db8:1:3::"));
        assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
        assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    }
}
