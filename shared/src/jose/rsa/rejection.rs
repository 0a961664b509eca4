//! Reasons why a key cannot sign RS256, as phrases that follow "the private key".

use std::iter;

use aws_lc_rs::error::KeyRejected;
use x509_cert::der::{Decode, SliceReader, Tag, Tagged, asn1::AnyRef};

use super::MODULUS_BITS_MIN;

/// Object identifiers in DER, each with the phrase for its keys. Elliptic curves are in RFC 5480
/// section 2.1.1, DSA in RFC 3279 section 2.3.2 and RSA for PSS only in RFC 4055 section 3.1.
/// Edwards curves (RFC 8410 section 3) differ in the last byte, which is left out here.
const ALGORITHMS: [(&[u8], &str); 4] = [
    (&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01], ELLIPTIC),
    (&[0x2a, 0x86, 0x48, 0xce, 0x38, 0x04, 0x01], DSA),
    (&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0a], "is an RSA-PSS key, which cannot sign RS256"),
    (&[0x2b, 0x65], "is an Ed25519 key or a similar one, not an RSA key"),
];
const ELLIPTIC: &str = "is an elliptic-curve key, not an RSA key";
const DSA: &str = "is a DSA key, not an RSA key";

/// The reason why a PEM block with this label holds no RSA private key. None if the label allows
/// one. White space in the label is ignored, because careless copying often loses it.
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

/// The phrase for a key with a password. Its label or its header (RFC 1421 section 4.6.1.1) says
/// so.
pub const ENCRYPTED: &str = "is encrypted: give it without a password";

/// The reason why AWS-LC rejected the contents of a block with a right label.
pub fn by_contents(rejected: KeyRejected, der: &[u8]) -> String {
    if let Some(other) = algorithm(der).and_then(|id| ALGORITHMS.iter().find(|(known, _)| id.starts_with(known))) {
        return other.1.to_owned();
    }
    match (rejected.description_(), modulus_bits(der)) {
        ("TooSmall", Some(bits)) => format!("has {bits} bits; an RSA key needs {MODULUS_BITS_MIN}"),
        ("TooSmall", None) => format!("has fewer than {MODULUS_BITS_MIN} bits"),
        ("TooLarge", _) => "has more than 8192 bits".to_owned(),
        ("WrongAlgorithm", _) => "is not an RSA key".to_owned(),
        _ if first(der).is_none() => "is damaged, or its end is missing".to_owned(),
        _ => "is damaged, or not an RSA key".to_owned(),
    }
}

/// The algorithm's object identifier in a PKCS#8 key (RFC 5208 section 5). The key begins with a
/// version. The algorithm follows and begins with the identifier.
fn algorithm(der: &[u8]) -> Option<&[u8]> {
    let algorithm = inside(der)?.nth(1).filter(|value| value.tag() == Tag::Sequence)?;
    first(algorithm.value()).filter(|id| id.tag() == Tag::ObjectIdentifier).map(AnyRef::value)
}

/// The size of an RSA key in bits. PKCS#1 (RFC 8017 appendix A.1.2) begins with a version and the
/// modulus. PKCS#8 holds the PKCS#1 key behind a version and the algorithm.
fn modulus_bits(der: &[u8]) -> Option<usize> {
    let mut behind_version = inside(der)?.skip(1);
    let second = behind_version.next()?;
    if second.tag() == Tag::Sequence {
        return modulus_bits(behind_version.next()?.value());
    }
    let zeros = second.value().iter().take_while(|byte| **byte == 0).count();
    let modulus = second.value().get(zeros..)?;
    Some(modulus.len() * 8 - modulus.first()?.leading_zeros() as usize)
}

/// The first value in DER. `None` if the bytes end before the value does.
fn first(der: &[u8]) -> Option<AnyRef<'_>> {
    AnyRef::decode(&mut SliceReader::new(der).ok()?).ok()
}

/// The values inside the first value, up to one that is cut off.
fn inside(der: &[u8]) -> Option<impl Iterator<Item = AnyRef<'_>>> {
    let mut reader = SliceReader::new(first(der)?.value()).ok()?;
    Some(iter::from_fn(move || AnyRef::decode(&mut reader).ok()))
}
