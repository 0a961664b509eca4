//! Why a key is no RSA key that signs RS256, as a phrase that follows "the private key".

use aws_lc_rs::error::KeyRejected;

use super::MODULUS_BITS_MIN;

/// Object identifiers as DER writes them: elliptic curves (RFC 5480 section 2.1.1), DSA (RFC 3279 section 2.3.2), and RSA
/// for PSS alone (RFC 4055 section 3.1). Those of the Edwards curves (RFC 8410 section 3) differ in their last byte.
const ALGORITHMS: [(&[u8], &str); 4] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], ELLIPTIC),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], DSA),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "is an RSA-PSS key, not one for RS256"),
    (&[0x2b, 0x65], "is an Ed25519 key or one of its kin, not an RSA key"),
];
const ELLIPTIC: &str = "is an elliptic-curve key, not an RSA key";
const DSA: &str = "is a DSA key, not an RSA key";
const SEQUENCE: u8 = 0x30;
const OBJECT_IDENTIFIER: u8 = 0x06;

/// Why a PEM block with this label holds no such key; none for a label that says nothing against it. White space does not
/// count: it is the first thing that a label loses.
pub fn by_label(label: &str) -> Option<&'static str> {
    match label.split_whitespace().collect::<String>().as_str() {
        "PRIVATEKEY" | "RSAPRIVATEKEY" => None,
        "PUBLICKEY" | "RSAPUBLICKEY" => Some("is a public key, not a private one"),
        "CERTIFICATE" => Some("is a certificate, which holds a public key, not a private one"),
        "ENCRYPTEDPRIVATEKEY" => Some(ENCRYPTED),
        "ECPRIVATEKEY" | "ECPARAMETERS" => Some(ELLIPTIC),
        "DSAPRIVATEKEY" => Some(DSA),
        "OPENSSHPRIVATEKEY" => Some("is an OpenSSH key, for logging in to machines"),
        _ => Some("is not an RSA key in PEM text"),
    }
}

/// A key under a password, by its label or by its header (RFC 1421 section 4.6.1.1).
pub const ENCRYPTED: &str = "is encrypted: it is needed without a password";

/// Why AWS-LC did not take the contents of a block whose label was right.
pub fn by_contents(rejected: KeyRejected, der: &[u8]) -> String {
    if let Some(other) = algorithm(der).and_then(|id| ALGORITHMS.iter().find(|(known, _)| id.starts_with(known))) {
        return other.1.to_owned();
    }
    match (rejected.description_(), modulus_bits(der)) {
        ("TooSmall", Some(bits)) => format!("has {bits} bits; an RSA key needs {MODULUS_BITS_MIN}"),
        ("TooSmall", None) => format!("has fewer than {MODULUS_BITS_MIN} bits"),
        ("TooLarge", _) => "has more than 8192 bits".to_owned(),
        ("WrongAlgorithm", _) => "is not an RSA key".to_owned(),
        _ if Element::first(der).is_none() => "is damaged, or its end is missing".to_owned(),
        _ => "is damaged, or not an RSA key".to_owned(),
    }
}

/// The object identifier in a PKCS#8 key (RFC 5208 section 5): a version, then the algorithm, which begins with it.
fn algorithm(der: &[u8]) -> Option<&[u8]> {
    let version = Element::first(Element::first(der)?.contents)?;
    let algorithm = Element::first(version.rest).filter(|element| element.tag == SEQUENCE)?;
    Element::first(algorithm.contents).filter(|id| id.tag == OBJECT_IDENTIFIER).map(|id| id.contents)
}

/// The size of an RSA key: PKCS#1 (RFC 8017 appendix A.1.2) is a version and the modulus; PKCS#8 wraps it behind the algorithm.
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let version = Element::first(Element::first(der)?.contents)?;
    let second = Element::first(version.rest)?;
    if second.tag == SEQUENCE {
        return modulus_bits(Element::first(second.rest)?.contents);
    }
    let zeros = second.contents.iter().take_while(|byte| **byte == 0).count();
    let modulus = second.contents.get(zeros..)?;
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

/// One value of DER (X.690 section 8.1) and what follows it.
struct Element<'a> {
    tag: u8,
    contents: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Element<'a> {
    /// None where the text ends before the value does.
    fn first(der: &'a [u8]) -> Option<Self> {
        let (&tag, rest) = der.split_first()?;
        let (&length, rest) = rest.split_first()?;
        let (length, rest) = match length {
            0..=0x7f => (usize::from(length), rest),
            // No key is so long that its length takes more than four bytes.
            0x81..=0x84 => {
                let (bytes, rest) = rest.split_at_checked(usize::from(length & 0x7f))?;
                (bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte)), rest)
            }
            _ => return None,
        };
        let (contents, rest) = rest.split_at_checked(length)?;
        Some(Self { tag, contents, rest })
    }
}
