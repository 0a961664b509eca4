//! Signature Version 4, computed anew from AWS's description
//! (<https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>).

use std::collections::BTreeMap;

use aws_lc_rs::{
    digest::{SHA256, digest},
    hmac,
};

use super::{ACCESS_KEY_ID, AWS_SECRETS, REGION};
use crate::time::Timestamp;

/// The greatest age of a signed request at AWS.
const AGE_SECONDS_MAX: i64 = 300;

/// A signed request, as a server sees it.
pub(super) struct Signed<'a> {
    pub method: &'a str,
    /// The query, in the order of its names.
    pub query: &'a str,
    /// The headers, by their names in small letters.
    pub headers: BTreeMap<String, String>,
    pub body: &'a [u8],
}

impl Signed<'_> {
    /// Checks that the request is of the caller, for this service, and of this time.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn check(&self, service: &str, must_be_signed: &[&str], now: Timestamp) -> Result<(), String> {
        let authorization = self.header("authorization")?;
        let parts = authorization.strip_prefix("AWS4-HMAC-SHA256 ").ok_or("another algorithm")?;
        let parts: BTreeMap<&str, &str> = parts.split(", ").filter_map(|part| part.split_once('=')).collect();
        let part = |name: &str| parts.get(name).copied().ok_or(format!("no {name}"));
        let (names, date) = (part("SignedHeaders")?, self.header("x-amz-date")?);
        let day = date.get(..8).unwrap_or_default();
        let scope = format!("{day}/{REGION}/{service}/aws4_request");
        ensure(part("Credential")? == format!("{ACCESS_KEY_ID}/{scope}"), "another caller, region or service")?;
        let signed: Vec<&str> = names.split(';').collect();
        for name in ["host", "x-amz-date", "x-amz-security-token"].iter().chain(must_be_signed) {
            ensure(signed.contains(name), &format!("{name} is not signed"))?;
        }
        ensure(self.header("x-amz-security-token")? == AWS_SECRETS[1], "another session")?;
        let made = Timestamp::parse(&rfc3339(date)).ok_or("no date")?;
        ensure((now.seconds() - made.seconds()).abs() <= AGE_SECONDS_MAX, "too old")?;
        let string_to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", self.canonical_digest(names)?);
        let key = [day, REGION, service, "aws4_request"]
            .into_iter()
            .fold(format!("AWS4{}", AWS_SECRETS[0]).into_bytes(), |key, text| mac(&key, text));
        ensure(part("Signature")? == hex(&mac(&key, &string_to_sign)), "the signature is wrong")
    }

    fn header(&self, name: &str) -> Result<&str, String> {
        self.headers.get(name).map(String::as_str).ok_or(format!("no {name}"))
    }

    /// The digest of the canonical request. The path is `/`.
    fn canonical_digest(&self, names: &str) -> Result<String, String> {
        let mut headers = String::new();
        for name in names.split(';') {
            headers += &format!("{name}:{}\n", self.header(name)?.trim());
        }
        let (method, query, body) = (self.method, self.query, hex(digest(&SHA256, self.body).as_ref()));
        let canonical = format!("{method}\n/\n{query}\n{headers}\n{names}\n{body}");
        Ok(hex(digest(&SHA256, canonical.as_bytes()).as_ref()))
    }
}

fn mac(key: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// `20260527T150000Z` as RFC 3339 has it.
fn rfc3339(date: &str) -> String {
    let part = |from: usize, to: usize| date.get(from..to).unwrap_or_default();
    format!("{}-{}-{}T{}:{}:{}Z", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13), part(13, 15))
}

fn ensure(holds: bool, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(what.to_owned()) }
}
