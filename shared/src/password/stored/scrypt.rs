//! scrypt (RFC 7914), in the form of passlib and Node's packages:
//! `$scrypt$ln=16,r=8,p=1$salt$hash`.

use ::scrypt::{Params, scrypt};
use aws_lc_rs::constant_time;

use super::{MEMORY_BYTES_MAX, OUTPUT_BYTES, SALT_BYTES, fields};

/// The bound on time, N·r·p: four times the work that OWASP's password storage cheat sheet asks
/// for.
const WORK_MAX: u64 = 1 << 22;
/// The most r. No known profile has more than r = 8 and p = 16. Within these bounds the mixed
/// blocks, which grow with r·p, take half a mebibyte.
const BLOCK_MAX: u32 = 64;
const LANES_MAX: u32 = 64;

/// An scrypt hash within bounds.
pub struct Scrypt {
    params: Params,
    salt: Vec<u8>,
    output: Vec<u8>,
}

impl Scrypt {
    /// Reads the parts between the dollars.
    pub fn read(params: &str, salt: &str, output: &str) -> Option<Self> {
        let params = cost(fields::values(params, ["ln", "r", "p"])?)?;
        Some(Self { params, salt: fields::bytes(salt, SALT_BYTES)?, output: fields::bytes(output, OUTPUT_BYTES)? })
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        let mut output = vec![0; self.output.len()];
        scrypt(password, &self.salt, &self.params, &mut output).is_ok()
            && constant_time::verify_slices_are_equal(&output, &self.output).is_ok()
    }
}

/// Reads the parameters log2 N, r and p. `None` if one is no number or out of bounds.
pub fn cost([log_n, block, lanes]: [&str; 3]) -> Option<Params> {
    let (log_n, block, lanes) = (fields::number(log_n)?, fields::number(block)?, fields::number(lanes)?);
    // The first three conditions keep the products in the others from overflowing.
    let within = (1..=31).contains(&log_n)
        && (1..=BLOCK_MAX).contains(&block)
        && (1..=LANES_MAX).contains(&lanes)
        && (u64::from(128 * block) << log_n) <= MEMORY_BYTES_MAX
        && (u64::from(block * lanes) << log_n) <= WORK_MAX;
    if within { Params::new(u8::try_from(log_n).ok()?, block, lanes).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7914 section 12. The salts of these vectors are shorter than a stored salt may be.
    #[test]
    fn the_test_vectors_of_the_rfc_come_out() {
        for (password, salt, params, output) in [
            (
                "",
                "",
                ["4", "1", "1"],
                "d9ZXYjhleyA7GcpCwYoEl/FrSETjB0ro39/6P+3iFEL80Aad7QlI+DJqdToPyB8X6NPg+y4NNijPNeIMONGJBg==",
            ),
            (
                "password",
                "NaCl",
                ["10", "8", "16"],
                "/bq+HJ00cgB4VucZDQHp/nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA==",
            ),
        ] {
            let (params, output) = (cost(params).unwrap(), fields::bytes(output, OUTPUT_BYTES).unwrap());
            let hash = Scrypt { params, salt: salt.as_bytes().to_vec(), output };
            assert!(hash.verify(password.as_bytes()) && !hash.verify(b"another"), "{password}");
        }
    }

    #[test]
    fn the_cost_is_bounded_in_memory_and_in_time() {
        for accepted in [["18", "8", "2"], ["17", "8", "4"], ["16", "32", "2"], ["1", "1", "1"], ["1", "64", "64"]] {
            assert!(cost(accepted).is_some(), "{accepted:?}");
        }
        for refused in [
            ["0", "8", "1"],
            ["17", "8", "5"],
            ["18", "8", "3"],
            ["18", "9", "1"],
            ["19", "8", "1"],
            ["20", "8", "1"],
            ["31", "64", "64"],
            ["32", "8", "1"],
            ["63", "8", "1"],
            ["64", "8", "1"],
            ["14", "0", "1"],
            ["1", "65", "1"],
            ["14", "1073741824", "1"],
            ["14", "8", "0"],
            ["1", "1", "65"],
            ["14", "8", "4294967295"],
            ["14", "4294967295", "4294967295"],
        ] {
            assert!(cost(refused).is_none(), "{refused:?}");
        }
    }
}
