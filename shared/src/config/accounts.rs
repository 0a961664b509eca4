//! Accounts and passwords.

use super::Environment;
use crate::password::Policy;

/// The least memory and iterations for argon2id in OWASP's password storage cheat sheet.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// The rules for accounts and passwords, and the limits on guessing.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// Refuses accounts without a verified e-mail address, at `/login` and `/verify`. Defaults to
    /// `false`. Accepts `true` or `false`. Read from `REQUIRE_VERIFIED_EMAIL`. A new account still
    /// gets its first session. For a Firebase ID token without an e-mail address, the address of
    /// the account counts.
    pub require_verified_email: bool,
    /// Sets the least length of a new password, in code points. Defaults to 8. Accepts 8 to 64.
    /// Read from `PASSWORD_MIN_LENGTH`.
    ///
    /// Sets the memory that a password's Argon2id hash uses, in KiB. Defaults to 19456. Accepts
    /// 19456 to 262144. Read from `ARGON2_MEMORY_KIB`.
    ///
    /// Sets the number of iterations of a password's Argon2id hash. Defaults to 2. Accepts 2 to 16.
    /// Read from `ARGON2_ITERATIONS`.
    pub password_policy: Policy,
    /// Counts failed logins and new accounts, and slows down guessing. Defaults to `on`. Accepts
    /// `on` or `off`. Read from `RATE_LIMITS`. Load tests use `off`, which Lambda and Cloud Run
    /// refuse.
    pub rate_limits: bool,
}

impl Accounts {
    pub(super) fn read(env: &mut Environment) -> Self {
        Self {
            require_verified_email: env.flag("REQUIRE_VERIFIED_EMAIL"),
            password_policy: password_policy(env),
            rate_limits: rate_limits(env),
        }
    }
}

fn password_policy(env: &mut Environment) -> Policy {
    Policy {
        length_min: env.number("PASSWORD_MIN_LENGTH", 8, 8, 64) as usize,
        memory_kib: env.number("ARGON2_MEMORY_KIB", ARGON2_MEMORY_KIB_MIN, ARGON2_MEMORY_KIB_MIN, 262_144) as u32,
        iterations: env.number("ARGON2_ITERATIONS", ARGON2_ITERATIONS_MIN, ARGON2_ITERATIONS_MIN, 16) as u32,
    }
}

fn rate_limits(env: &mut Environment) -> bool {
    const NAME: &str = "RATE_LIMITS";
    let on = match env.text(NAME).as_deref() {
        None | Some("on") => true,
        Some("off") => false,
        Some(_) => {
            env.refuse(NAME, "must be on or off");
            true
        }
    };
    if let Some(by) = env.platform.deployed_by.filter(|_| !on) {
        env.refuse(NAME, &format!("is off, which lets everybody guess, and {by} says that this is deployed"));
    }
    on
}
