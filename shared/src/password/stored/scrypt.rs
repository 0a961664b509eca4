//! scrypt (RFC 7914), in four forms.
//!
//! Passlib and Node's packages write `$scrypt$ln=16,r=8,p=1$salt$hash`, Werkzeug
//! `scrypt:32768:8:1$salt$hash`, Django `scrypt$16384$salt$8$1$hash`, and better-auth `salt:hash`
//! with N = 16384, r = 16 and p = 1.

use ::scrypt::{Params, scrypt};
use aws_lc_rs::constant_time;

use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use super::{MEMORY_BYTES_MAX, Refusal, fields};

/// The kind's name in refusals.
const KIND: &str = "scrypt";
/// The cost of better-auth: log2 N, r and p.
const BETTER_AUTH: [&str; 3] = ["14", "16", "1"];
/// The hexadecimal digits of better-auth's salt and hash.
const BETTER_AUTH_SALT: usize = 32;
const BETTER_AUTH_HASH: usize = 128;
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
    /// Whether the password is normalised to NFKC, as better-auth does.
    nfkc: bool,
}

impl Scrypt {
    /// Reads the parts between the dollars.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read(params: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let values = fields::values(params, ["ln", "r", "p"]);
        let params = cost(KIND, values.ok_or_else(|| Refusal::damaged(KIND, "list of parameters"))?)?;
        Ok(Self { params, salt: fields::salt(KIND, salt)?, output: fields::output(KIND, output)?, nfkc: false })
    }

    /// Reads the parts between the dollars of Werkzeug's form. The salt is the bytes of its text.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_werkzeug(method: &str, salt: &str, output: &str) -> Result<Self, Refusal> {
        let parts: Vec<&str> = method.split(':').collect();
        let ["scrypt", number, block, lanes] = *parts.as_slice() else {
            return Err(Refusal::damaged(KIND, "list of parameters"));
        };
        let params = plain_cost([number, block, lanes])?;
        let (salt, output) = (fields::text_salt(KIND, salt)?, fields::hex_output(KIND, output)?);
        Ok(Self { params, salt, output, nfkc: false })
    }

    /// Reads the parts between the dollars of Django's form: N, r and p, and the bytes of the
    /// salt's text.
    ///
    /// # Errors
    ///
    /// A part is damaged or out of bounds.
    pub fn read_django(costs: [&str; 3], salt: &str, output: &str) -> Result<Self, Refusal> {
        let (salt, output) = (fields::text_salt(KIND, salt)?, fields::output(KIND, output)?);
        Ok(Self { params: plain_cost(costs)?, salt, output, nfkc: false })
    }

    /// Reads better-auth's form. The salt is the bytes of its text.
    ///
    /// # Errors
    ///
    /// A part is damaged.
    pub fn read_better_auth(text: &str) -> Result<Self, Refusal> {
        let (salt, output) = text.split_once(':').ok_or_else(|| Refusal::damaged(KIND, "salt"))?;
        let (salt, output) = (fields::text_salt(KIND, salt)?, fields::hex_output(KIND, output)?);
        Ok(Self { params: cost(KIND, BETTER_AUTH)?, salt, output, nfkc: true })
    }

    /// Whether this is the hash of `password`.
    pub fn verify(&self, password: &[u8]) -> bool {
        let normal = str::from_utf8(password).ok().filter(|_| self.nfkc).map(|text| text.nfkc().collect::<String>());
        let normal = normal.map(Zeroizing::new);
        let password = normal.as_ref().map_or(password, |text| text.as_bytes());
        let mut output = vec![0; self.output.len()];
        scrypt(password, &self.salt, &self.params, &mut output).is_ok()
            && constant_time::verify_slices_are_equal(&output, &self.output).is_ok()
    }
}

/// Whether `text` has the form of better-auth's hashes.
pub fn is_better_auth(text: &str) -> bool {
    text.split_once(':').is_some_and(|(salt, hash)| {
        (salt.len(), hash.len()) == (BETTER_AUTH_SALT, BETTER_AUTH_HASH)
            && salt.bytes().chain(hash.bytes()).all(|byte| byte.is_ascii_hexdigit())
    })
}

/// Reads the parameters N, r and p.
fn plain_cost([number, block, lanes]: [&str; 3]) -> Result<Params, Refusal> {
    let number = fields::number(number).filter(|number| number.is_power_of_two());
    let number = number.ok_or_else(|| Refusal::damaged(KIND, "list of parameters"))?;
    cost(KIND, [&number.ilog2().to_string(), block, lanes])
}

/// Reads the parameters log2 N, r and p.
///
/// # Errors
///
/// A parameter is no number, or out of bounds.
pub fn cost(kind: &str, [log_n, block, lanes]: [&str; 3]) -> Result<Params, Refusal> {
    let number = |text| fields::number(text).ok_or_else(|| Refusal::damaged(kind, "cost"));
    let (log_n, block, lanes) = (number(log_n)?, number(block)?, number(lanes)?);
    for (name, is, max) in [("log2 N", log_n, 31), ("r", block, BLOCK_MAX), ("p", lanes, LANES_MAX)] {
        // The bounds keep the products below from overflowing.
        if !(1..=max).contains(&is) {
            return Err(Refusal::bound(kind, format_args!("the cost {name} = {is}"), format_args!("1 to {max}")));
        }
    }
    let bytes = u64::from(128 * block) << log_n;
    if bytes > MEMORY_BYTES_MAX {
        let (is, max) = (bytes >> 20, MEMORY_BYTES_MAX >> 20);
        return Err(Refusal::bound(kind, format_args!("a work area of {is} MiB"), format_args!("at most {max} MiB")));
    }
    let work = u64::from(block * lanes) << log_n;
    if work > WORK_MAX {
        return Err(Refusal::bound(kind, format_args!("the work N·r·p = {work}"), format_args!("at most {WORK_MAX}")));
    }
    let log_n = u8::try_from(log_n).ok();
    let params = log_n.and_then(|log_n| Params::new(log_n, block, lanes).ok());
    params.ok_or_else(|| Refusal::damaged(kind, "cost"))
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
            let (params, output) = (cost(KIND, params).unwrap(), fields::output(KIND, output).unwrap());
            let hash = Scrypt { params, salt: salt.as_bytes().to_vec(), output, nfkc: false };
            assert!(hash.verify(password.as_bytes()) && !hash.verify(b"another"), "{password}");
        }
    }

    #[test]
    fn the_cost_is_bounded_in_memory_and_in_time() {
        for accepted in [["18", "8", "2"], ["17", "8", "4"], ["16", "32", "2"], ["1", "1", "1"], ["1", "64", "64"]] {
            assert!(cost(KIND, accepted).is_ok(), "{accepted:?}");
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
            assert!(cost(KIND, refused).is_err(), "{refused:?}");
        }
    }
}
