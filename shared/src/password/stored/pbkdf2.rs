//! PBKDF2 (RFC 8018) with HMAC-SHA-256 or HMAC-SHA-512, in three forms.
//!
//! PHC writes `$pbkdf2-sha256$i=600000$salt$hash`, passlib `$pbkdf2-sha256$29000$salt$hash`, and
//! Django `pbkdf2_sha256$600000$salt$hash`.

use std::num::NonZeroU32;

use aws_lc_rs::pbkdf2::{self, Algorithm};

use super::{OUTPUT_BYTES, SALT_BYTES, fields};

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
    /// place of `+`.
    pub fn read(algorithm: Algorithm, params: &str, salt: &str, output: &str) -> Option<Self> {
        if !params.contains('=') {
            let bytes = |text: &str, lengths| fields::bytes(&text.replace('.', "+"), lengths);
            return Self::bounded(algorithm, params, bytes(salt, SALT_BYTES)?, bytes(output, OUTPUT_BYTES)?);
        }
        let (salt, output) = (fields::bytes(salt, SALT_BYTES)?, fields::bytes(output, OUTPUT_BYTES)?);
        let iterations = if let Some([iterations, length]) = fields::values(params, ["i", "l"]) {
            (usize::try_from(fields::number(length)?).ok()? == output.len()).then_some(iterations)?
        } else {
            let [iterations] = fields::values(params, ["i"])?;
            iterations
        };
        Self::bounded(algorithm, iterations, salt, output)
    }

    /// Reads the parts between the dollars of Django's form. The salt is not Base64, but the bytes
    /// of the text.
    pub fn read_django(iterations: &str, salt: &str, output: &str) -> Option<Self> {
        let salt = SALT_BYTES.contains(&salt.len()).then(|| salt.as_bytes().to_vec())?;
        Self::bounded(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, fields::bytes(output, OUTPUT_BYTES)?)
    }

    fn bounded(algorithm: Algorithm, iterations: &str, salt: Vec<u8>, output: Vec<u8>) -> Option<Self> {
        let block = if algorithm == pbkdf2::PBKDF2_HMAC_SHA256 { 32 } else { 64 };
        let iterations = NonZeroU32::new(fields::number(iterations)?)?;
        let work = u64::from(iterations.get()) * output.len().div_ceil(block) as u64;
        (work <= ITERATIONS_MAX).then_some(Self { algorithm, iterations, salt, output })
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        pbkdf2::verify(self.algorithm, self.iterations, &self.salt, password, &self.output).is_ok()
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
            let output = fields::bytes(output, OUTPUT_BYTES).unwrap();
            let salt = salt.as_bytes().to_vec();
            let hash = Pbkdf2::bounded(pbkdf2::PBKDF2_HMAC_SHA256, iterations, salt, output).unwrap();
            assert!(hash.verify(password.as_bytes()) && !hash.verify(b"another"), "{password}");
        }
    }

    #[test]
    fn the_bound_on_time_is_over_all_blocks_of_the_output() {
        let is_accepted = |iterations: &str, bytes| {
            Pbkdf2::bounded(pbkdf2::PBKDF2_HMAC_SHA256, iterations, vec![0; 8], vec![0; bytes]).is_some()
        };
        assert!(is_accepted("5000000", 32) && is_accepted("2500000", 64));
        assert!(!is_accepted("5000001", 32) && !is_accepted("2500001", 33) && !is_accepted("0", 32));
    }
}
