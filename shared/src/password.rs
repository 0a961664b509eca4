//! Passwords: what is taken for one, what is too weak, and how one is kept.

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

use argon2::{Algorithm, Argon2, Block, Params, Version, password_hash::phc};
use aws_lc_rs::constant_time;
use serde::{Deserialize, Serialize};
use tokio::{sync::Semaphore, task};
use unicode_normalization::UnicodeNormalization;
use zeroize::Zeroizing;

use crate::error::Error;

/// The longest password in bytes, and in code points: bounds the work of hashing, not the choice.
const BYTES_MAX: usize = 1024;
const CODE_POINTS_MAX: usize = 256;
/// Length of salts and hashes in bytes (RFC 9106 section 4: 128-bit salt, 256-bit tag).
const SALT_BYTES: usize = 16;
const HASH_BYTES: usize = 32;
/// What a stored hash may ask for. More is a broken or hostile record, never an allocation.
const STORED_MEMORY_KIB_MAX: u32 = 256 * 1024;
const STORED_ITERATIONS_MAX: u32 = 16;
const STORED_LANES_MAX: u32 = 4;
/// A password equal to it is the first that is tried.
const SERVICE_NAME: &str = "latchkey";

/// A password as typed, normalised; wiped from memory when dropped.
#[derive(Clone)]
pub struct Password(Zeroizing<String>);

impl Password {
    /// Reads a password by the `OpaqueString` profile of RFC 8265 section 4.2: other spaces become spaces, NFC (never
    /// NFKC, which would make different passwords one), never truncated.
    ///
    /// # Errors
    ///
    /// `(code, sentence)` for the caller: over 1,024 bytes or 256 code points, or with control characters.
    pub fn parse(text: &str) -> Result<Self, (&'static str, &'static str)> {
        const TOO_LONG: (&str, &str) = ("password_too_long", "A password has at most 256 characters and 1,024 bytes.");
        if text.len() > BYTES_MAX {
            return Err(TOO_LONG);
        }
        if text.chars().any(char::is_control) {
            return Err(("password_has_control_characters", "A password has no control characters."));
        }
        let spaces = text.chars().map(|c| if is_space_separator(c) { ' ' } else { c });
        let normal = Zeroizing::new(spaces.nfc().collect::<String>());
        if normal.len() > BYTES_MAX || normal.chars().count() > CODE_POINTS_MAX {
            return Err(TOO_LONG);
        }
        Ok(Self(normal))
    }

    /// Why this is too weak for a new password, if it is: `(code, sentence)`. No composition rules (NIST SP 800-63B-4
    /// section 3.1.1.2). `email_key` is the account's address, in the form that is compared.
    pub fn weakness(&self, policy: &Policy, email_key: &str) -> Option<(&'static str, String)> {
        let local = email_key.rsplit_once('@').map_or("", |(local, _)| local);
        let folded = Zeroizing::new(self.0.to_lowercase());
        if self.0.chars().count() < policy.length_min {
            Some(("password_too_short", format!("A password has at least {} characters.", policy.length_min)))
        } else if folded.as_str() == local || folded.as_str() == email_key {
            Some((
                "password_is_email",
                "The password must not be the e-mail address, nor the part of it before the @.".to_owned(),
            ))
        } else if folded.as_str() == SERVICE_NAME {
            Some(("password_is_service_name", "The password must not be the name of the service.".to_owned()))
        } else {
            None
        }
    }

    /// The normalised bytes.
    pub fn as_bytes(&self) -> &[u8] {
        self.0.as_bytes()
    }
}

/// General category `Zs`, less the space itself.
fn is_space_separator(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{3000}')
}

/// What a new password must have, and what its hash costs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Code points.
    pub length_min: usize,
    /// Argon2's `m`, in KiB.
    pub memory_kib: u32,
    /// Argon2's `t`.
    pub iterations: u32,
}

/// A password's hash as PHC text (`$argon2id$v=19$m=…`), as the store keeps it.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoredHash(String);

impl StoredHash {
    /// Takes text for a hash; one that is none fails every check.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The PHC text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a password can be checked against it.
    pub fn is_usable(&self) -> bool {
        Usable::read(self).is_some()
    }

    /// What made it, such as `argon2id` or `bcrypt`, and nothing else of it.
    pub fn kind(&self) -> &str {
        let name = self.0.strip_prefix('$').and_then(|rest| rest.split('$').next()).unwrap_or_default();
        let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        match name {
            "2" | "2a" | "2b" | "2x" | "2y" => "bcrypt",
            // The longest that the PHC format allows; what is longer may be anything.
            name if (1..=32).contains(&name.len()) && name.bytes().all(is_name) => name,
            _ => "unknown",
        }
    }
}

/// Makes and checks hashes. Cloning shares its bounds and its memory.
#[derive(Clone)]
pub struct Hasher(Arc<Inner>);

struct Inner {
    params: Params,
    permits: Arc<Semaphore>,
    /// Work areas kept between hashes: faulting 19 MiB of fresh pages in is a fifth of a hash's time.
    areas: Mutex<Vec<Vec<Block>>>,
}

impl Hasher {
    /// A hasher of `policy` that computes at most `concurrency` hashes at a time, each with its own work area of
    /// `policy.memory_kib`.
    ///
    /// # Errors
    ///
    /// Argon2 does not take these parameters.
    pub fn new(policy: &Policy, concurrency: usize) -> Result<Self, argon2::Error> {
        let params = Params::new(policy.memory_kib, policy.iterations, 1, Some(HASH_BYTES))?;
        let permits = Arc::new(Semaphore::new(concurrency.max(1)));
        Ok(Self(Arc::new(Inner { params, permits, areas: Mutex::default() })))
    }

    /// The hash to store for a new password.
    ///
    /// # Errors
    ///
    /// 500 if Argon2 fails, which no input makes it do.
    pub async fn hash(&self, password: Password, salt: [u8; SALT_BYTES]) -> Result<StoredHash, Error> {
        self.blocking(move |hasher| {
            let output = hasher.compute(&hasher.params, Version::V0x13, password.as_bytes(), &salt)?;
            hasher.phc(&salt, &output)
        })
        .await
    }

    /// Whether `password` is the one behind `stored`. Without a stored hash, or with one that cannot be used, the same
    /// work is done on a decoy of the current parameters, so that the time tells nothing.
    ///
    /// # Errors
    ///
    /// 500 if Argon2 fails, which no input makes it do.
    pub async fn check(&self, password: Password, stored: Option<StoredHash>) -> Result<bool, Error> {
        self.blocking(move |hasher| {
            let usable = stored.as_ref().and_then(|stored| {
                let usable = Usable::read(stored);
                if usable.is_none() {
                    tracing::error!(alarm = "unusable_password_hash", "a stored password hash cannot be used");
                }
                usable
            });
            let Usable { params, version, salt, hash } = usable.clone().unwrap_or_else(|| hasher.decoy());
            let output = hasher.compute(&params, version, password.as_bytes(), &salt)?;
            Ok(constant_time::verify_slices_are_equal(&output, &hash).is_ok() && usable.is_some())
        })
        .await
    }

    /// Runs `work` off the async executor, when one of the permits is free. The permit goes along, so that a caller that
    /// hangs up does not make room for a hash more than the bound.
    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Inner) -> Result<T, argon2::Error> + Send + 'static,
    ) -> Result<T, Error> {
        let permit = Arc::clone(&self.0.permits).acquire_owned().await.map_err(Error::internal)?;
        let inner = Arc::clone(&self.0);
        let done = task::spawn_blocking(move || {
            let result = work(&inner);
            drop(permit);
            result
        });
        done.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

impl Inner {
    fn compute(
        &self,
        params: &Params,
        version: Version,
        password: &[u8],
        salt: &[u8],
    ) -> Result<[u8; HASH_BYTES], argon2::Error> {
        let mut area = self.areas.lock().unwrap_or_else(PoisonError::into_inner).pop().unwrap_or_default();
        if area.len() < params.block_count() {
            area.resize(params.block_count(), Block::default());
        }
        let mut output = [0; HASH_BYTES];
        let argon2 = Argon2::new(Algorithm::Argon2id, version, params.clone());
        let result = argon2.hash_password_into_with_memory(password, salt, &mut output, &mut area);
        // An area that a costlier stored hash made larger goes back to the system.
        if area.len() <= self.params.block_count() {
            self.areas.lock().unwrap_or_else(PoisonError::into_inner).push(area);
        }
        result.map(|()| output)
    }

    /// The work of a real hash of the current parameters, which no password comes out at.
    fn decoy(&self) -> Usable {
        Usable {
            params: self.params.clone(),
            version: Version::V0x13,
            salt: vec![0; SALT_BYTES],
            hash: vec![0; HASH_BYTES],
        }
    }

    fn phc(&self, salt: &[u8], output: &[u8]) -> Result<StoredHash, argon2::Error> {
        let phc = phc::PasswordHash {
            algorithm: Algorithm::Argon2id.ident(),
            version: Some(Version::V0x13.into()),
            params: (&self.params).try_into().map_err(|_| argon2::Error::AlgorithmInvalid)?,
            salt: Some(phc::Salt::new(salt).map_err(|_| argon2::Error::SaltTooShort)?),
            hash: Some(phc::Output::new(output).map_err(|_| argon2::Error::OutputTooShort)?),
        };
        Ok(StoredHash(phc.to_string()))
    }
}

/// A stored hash, read and found within bounds.
#[derive(Clone)]
struct Usable {
    params: Params,
    version: Version,
    salt: Vec<u8>,
    hash: Vec<u8>,
}

impl Usable {
    fn read(stored: &StoredHash) -> Option<Self> {
        let phc = phc::PasswordHash::new(stored.as_str()).ok()?;
        let params = Params::try_from(&phc).ok()?;
        let bounded = phc.algorithm == Algorithm::Argon2id.ident()
            && params.m_cost() <= STORED_MEMORY_KIB_MAX
            && params.t_cost() <= STORED_ITERATIONS_MAX
            && params.p_cost() <= STORED_LANES_MAX;
        let version = phc.version.map_or(Some(Version::V0x13), |version| Version::try_from(version).ok())?;
        let (salt, hash) = (phc.salt?, phc.hash?);
        (bounded && hash.len() == HASH_BYTES && salt.len() >= argon2::MIN_SALT_LEN).then(|| Self {
            params,
            version,
            salt: salt.to_vec(),
            hash: hash.as_bytes().to_vec(),
        })
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Password")
    }
}

impl fmt::Debug for StoredHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("StoredHash")
    }
}

impl fmt::Debug for Hasher {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: Policy = Policy { length_min: 8, memory_kib: 19_456, iterations: 2 };

    fn password(text: &str) -> Password {
        Password::parse(text).unwrap()
    }

    #[tokio::test]
    async fn a_hash_is_argon2id_phc_text_and_takes_its_password_only() {
        let hasher = Hasher::new(&POLICY, 2).unwrap();
        let stored = hasher.hash(password("correct horse"), [7; 16]).await.unwrap();
        assert!(stored.as_str().starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", stored.as_str());
        assert!(hasher.check(password("correct horse"), Some(stored.clone())).await.unwrap());
        assert!(!hasher.check(password("correct horsf"), Some(stored)).await.unwrap());
        assert!(!hasher.check(password("correct horse"), None).await.unwrap());
    }

    #[tokio::test]
    async fn a_hash_made_by_the_reference_implementation_is_taken() {
        // From the reference implementation's test suite: password "password", salt "somesalt", v=19, m=64 MiB, t=2, p=1.
        let stored =
            StoredHash::new("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc");
        assert!(Hasher::new(&POLICY, 1).unwrap().check(password("password"), Some(stored)).await.unwrap());
    }

    #[tokio::test]
    async fn a_hostile_or_broken_stored_hash_is_a_failed_login() {
        let hasher = Hasher::new(&POLICY, 1).unwrap();
        let hash = "CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        for text in [
            String::new(),
            "plain".to_owned(),
            "$argon2id$v=19$m=4294967295,t=2,p=1$c29tZXNhbHQ$".to_owned() + hash,
            "$argon2id$v=19$m=65536,t=4294967295,p=1$c29tZXNhbHQ$".to_owned() + hash,
            "$argon2id$v=19$m=65536,t=2,p=1$$".to_owned() + hash,
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$".to_owned(),
            "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFQ".to_owned(),
            "$argon2i$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$".to_owned() + hash,
        ] {
            assert!(!hasher.check(password("password"), Some(StoredHash::new(&text))).await.unwrap(), "{text}");
        }
    }

    #[test]
    fn the_kind_of_a_hash_is_told_and_nothing_else_of_it() {
        for (text, kind) in [
            ("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc", "argon2id"),
            ("$2b$12$c29tZXNhbHQ", "bcrypt"),
            ("$pbkdf2-sha256$i=1$c2FsdA$aGFzaA", "pbkdf2-sha256"),
            ("c29tZXNhbHQ", "unknown"),
            ("$Secret$", "unknown"),
            ("$", "unknown"),
            ("", "unknown"),
        ] {
            let hash = StoredHash::new(text);
            assert_eq!((hash.kind(), hash.is_usable()), (kind, kind == "argon2id"), "{text}");
        }
    }

    #[test]
    fn the_decoy_costs_what_a_real_hash_costs() {
        let policy = Policy { memory_kib: 24_576, iterations: 3, ..POLICY };
        let hasher = Hasher::new(&policy, 1).unwrap();
        let decoy = hasher.0.decoy();
        assert_eq!((decoy.params.m_cost(), decoy.params.t_cost(), decoy.params.p_cost()), (24_576, 3, 1));
    }

    #[tokio::test]
    async fn the_work_area_is_kept_but_not_one_that_a_costlier_hash_made_larger() {
        let hasher = Hasher::new(&POLICY, 1).unwrap();
        for _ in 0..3 {
            hasher.check(password("x"), None).await.unwrap();
        }
        assert_eq!(hasher.0.areas.lock().unwrap().iter().map(Vec::len).collect::<Vec<_>>(), [19_456]);
        let costlier = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc";
        hasher.check(password("x"), Some(StoredHash::new(costlier))).await.unwrap();
        assert!(hasher.0.areas.lock().unwrap().is_empty());
    }

    #[test]
    fn two_ways_to_type_one_password_are_one_and_look_alikes_are_not() {
        assert_eq!(password("e\u{301}te\u{3000}x").as_bytes(), password("éte x").as_bytes());
        assert_ne!(password("ﬁsh").as_bytes(), password("fish").as_bytes());
        assert_ne!(password("pass ").as_bytes(), password("pass").as_bytes());
        assert_eq!(password("🔑 🔑").as_bytes(), "🔑 🔑".as_bytes());
    }

    #[test]
    fn a_password_is_bounded_and_has_no_control_characters() {
        let code = |text: &str| Password::parse(text).unwrap_err().0;
        assert!(Password::parse(&"🔑".repeat(256)).is_ok());
        assert_eq!(code(&"a".repeat(257)), "password_too_long");
        assert_eq!(code(&"a".repeat(1025)), "password_too_long");
        assert_eq!(code("pass\nword"), "password_has_control_characters");
        assert_eq!(code("pass\u{0}word"), "password_has_control_characters");
        assert_eq!(code("pass\u{85}word"), "password_has_control_characters");
    }

    #[test]
    fn a_weak_password_is_told_why() {
        let code = |text: &str| password(text).weakness(&POLICY, "james.dean@example.com").map(|(code, _)| code);
        assert_eq!(code("1234567"), Some("password_too_short"));
        assert_eq!(code("🔑🔑🔑🔑🔑🔑🔑"), Some("password_too_short"));
        assert_eq!(code("james.DEAN"), Some("password_is_email"));
        assert_eq!(code("james.dean@example.com"), Some("password_is_email"));
        assert_eq!(code("LatchKey"), Some("password_is_service_name"));
        assert_eq!(code("12345678"), None);
        assert_eq!(code("🔑🔑🔑🔑🔑🔑🔑🔑"), None);
    }

    #[test]
    fn nothing_secret_is_in_debug() {
        assert_eq!(format!("{:?} {:?}", password("hunter2!"), StoredHash::new("$x")), "Password StoredHash");
    }
}
