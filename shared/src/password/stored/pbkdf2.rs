//! PBKDF2 (RFC 8018) with HMAC-SHA-1, HMAC-SHA-256 or HMAC-SHA-512, in five forms.
//!
//! PHC writes `$pbkdf2-sha256$i=600000$salt$hash`, passlib `$pbkdf2-sha256$29000$salt$hash`, Django
//! `pbkdf2_sha256$600000$salt$hash`, and Werkzeug `pbkdf2:sha256:600000$salt$hash`. ASP.NET Core
//! Identity writes Base64 of one row of bytes: version, digest, iterations, salt, hash.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, Algorithm};

use super::{OUTPUT_BYTES, Refusal, SALT_BYTES, fields};

/// The kind's name in refusals.
const KIND: &str = "PBKDF2";
/// The name of ASP.NET's form in refusals.
const IDENTITY: &str = "ASP.NET Core Identity";
/// The characters and bytes of ASP.NET's older form, which has a fixed salt and hash.
const IDENTITY_OLD: usize = 68;
const IDENTITY_OLD_BYTES: usize = 49;
/// The bound on time: the most iterations of all blocks of the output together.
const ITERATIONS_MAX: u64 = 5_000_000;

/// A PBKDF2 hash within bounds.
pub struct Pbkdf2 {
    algorithm: Algorithm,
    iterations: NonZeroU32,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Pbkdf2 {
    /// Reads the parts between the dollars of PHC's or passlib's form. Passlib's Base64 has `.` in
    /// place of `+`. Without a name of the digest, passlib means SHA-1.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read(kind: &str, params: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let algorithm = algorithm(kind.strip_prefix("pbkdf2-").unwrap_or("sha1"))?;
        if !params.contains('=') {
            let (salt, output) = (salt.replace('.', "+"), output.replace('.', "+"));
            return Self::bounded(algorithm, params, fields::salt(KIND, &salt)?, fields::output(KIND, &output)?);
        }
        let (salt, output) = (fields::salt(KIND, salt)?, fields::output(KIND, output)?);
        let iterations = match (fields::values(params, ["i", "l"]), fields::values(params, ["i"])) {
            (Some([iterations, length]), _) if fields::number(length) == u32::try_from(output.len()).ok() => iterations,
            (None, Some([iterations])) => iterations,
            _ => return Err(Refusal::damaged(KIND, "list of parameters")),
        };
        Self::bounded(algorithm, iterations, salt, output)
    }

    /// Reads the parts between the dollars of Django's form. The salt is not Base64, but the bytes
    /// of the text.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_django(kind: &str, iterations: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let algorithm = algorithm(kind.trim_start_matches("pbkdf2_"))?;
        Self::bounded(algorithm, iterations, fields::text_salt(KIND, salt)?, fields::output(KIND, output)?)
    }

    /// Reads the parts between the dollars of Werkzeug's form, whose output is hexadecimal digits.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_werkzeug(method: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let mut parts = method.split(':').skip(1);
        let (Some(digest), Some(iterations), None) = (parts.next(), parts.next(), parts.next()) else {
            return Err(Refusal::damaged(KIND, "list of parameters"));
        };
        let (salt, output) = (fields::text_salt(KIND, salt)?, fields::hex_output(KIND, output)?);
        Self::bounded(algorithm(digest)?, iterations, salt, output)
    }

    /// Reads ASP.NET's form (github.com/dotnet/aspnetcore, `PasswordHasher.cs`).
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_identity(text: &str) -> Result<Self, Refusal> {
        let damaged = |part| Refusal::damaged(IDENTITY, part);
        let bytes = fields::bytes(text, 1..=256).ok_or_else(|| damaged("text"))?;
        if bytes.first() == Some(&0) && bytes.len() == IDENTITY_OLD_BYTES {
            let (salt, output) = bytes.split_at_checked(17).ok_or_else(|| damaged("text"))?;
            let salt = salt.get(1..).unwrap_or_default().to_vec();
            return Self::bounded(pbkdf2::PBKDF2_HMAC_SHA1, "1000", salt, output.to_vec());
        }
        let (numbers, rest) =
            bytes.get(1..).and_then(<[u8]>::split_first_chunk::<12>).ok_or_else(|| damaged("text"))?;
        let [digest, iterations, salt_bytes] = [0, 4, 8].map(|start| {
            let number = numbers.get(start..start + 4).and_then(|bytes| bytes.try_into().ok());
            number.map_or(0, u32::from_be_bytes)
        });
        let algorithm = ["sha1", "sha256", "sha512"].get(digest as usize).map(|digest| algorithm(digest));
        let algorithm = algorithm.ok_or_else(|| damaged("digest"))??;
        let (salt, output) = rest.split_at_checked(salt_bytes as usize).ok_or_else(|| damaged("salt"))?;
        if !SALT_BYTES.contains(&salt.len()) || !OUTPUT_BYTES.contains(&output.len()) {
            return Err(damaged("salt or output"));
        }
        Self::bounded(algorithm, &iterations.to_string(), salt.to_vec(), output.to_vec())
    }

    fn bounded(algorithm: Algorithm, iterations: &str, salt: Vec<u8>, output: Vec<u8>) -> Result<Self, Refusal> {
        let block = match algorithm {
            algorithm if algorithm == pbkdf2::PBKDF2_HMAC_SHA1 => 20,
            algorithm if algorithm == pbkdf2::PBKDF2_HMAC_SHA256 => 32,
            _ => 64,
        };
        let iterations = fields::number(iterations).and_then(NonZeroU32::new);
        let iterations = iterations.ok_or_else(|| Refusal::damaged(KIND, "number of iterations"))?;
        let work = u64::from(iterations.get()) * output.len().div_ceil(block) as u64;
        if work > ITERATIONS_MAX {
            return Err(Refusal::bound(
                KIND,
                format_args!("{work} iterations"),
                format_args!("at most {ITERATIONS_MAX}"),
            ));
        }
        Ok(Self { algorithm, iterations, salt, output })
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, &self.salt, password, &self.output).is_ok()
    }
}

/// Whether `text` has the form of ASP.NET's hashes.
pub fn is_identity(text: &str) -> bool {
    text.starts_with("AQAAAA") || (text.len() == IDENTITY_OLD && text.starts_with("AA"))
}

fn algorithm(digest: &str) -> Result<Algorithm, Refusal> {
    match digest {
        "sha1" => Ok(pbkdf2::PBKDF2_HMAC_SHA1),
        "sha256" => Ok(pbkdf2::PBKDF2_HMAC_SHA256),
        "sha512" => Ok(pbkdf2::PBKDF2_HMAC_SHA512),
        _ => Err(Refusal::damaged(KIND, "digest")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7914 section 11. The salts of these vectors are shorter than a stored salt may be.
    #[test]
    fn the_test_vectors_of_the_rfc_come_out() {
        for (password, salt, iterations, output) in [
            (
                "passwd",
                "salt",
                "1",
                "VawEblbjCJ/sFpHCJUS2BflBhSFt3gRl5oudV8INrLxJypzM8Xm2RZkWZLOdd+8xfHG4RbHjC9UJESBB06GXgw==",
            ),
            (
                "Password",
                "NaCl",
                "80000",
                "TdzY9guYviGDDO5e8icB+WQaRBjQTAQUrv8Ih2s0q1ah1CWhIlgzVJrbhBtRybMXaicr3ruh0HhHj2Kzl/M8jQ==",
            ),
        ] {
            let output = fields::output(KIND, output).unwrap();
            let salt = salt.as_bytes().to_vec();
            let hash = Pbkdf2::bounded(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, output).unwrap();
            assert!(hash.verify(password.as_bytes()) && !hash.verify(b"another"), "{password}");
        }
    }

    #[test]
    fn the_bound_on_time_is_over_all_blocks_of_the_output() {
        let is_accepted = |iterations: &str, bytes| {
            Pbkdf2::bounded(pbkdf2::PBKDF2_HMAC_SHA256, iterations, vec![0; 8], vec![0; bytes]).is_ok()
        };
        assert!(is_accepted("5000000", 32) && is_accepted("2500000", 64));
        assert!(!is_accepted("5000001", 32) && !is_accepted("2500001", 33) && !is_accepted("0", 32));
    }
}
