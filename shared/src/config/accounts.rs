//! Accounts and passwords.

use super::Environment;
use crate::password::Policy;

/// What OWASP's password storage cheat sheet asks of argon2id at the least.
const ARGON2_MEMORY_KIB_MIN: u64 = 19_456;
const ARGON2_ITERATIONS_MIN: u64 = 2;

/// Who may log in, with which passwords, and how often.
#[derive(Clone, Debug)]
pub struct Accounts {
    /// `REQUIRE_VERIFIED_EMAIL`, false: refuse accounts whose address is not verified, at `/login` and `/verify`.
    pub require_verified_email: bool,
    /// `PASSWORD_MIN_LENGTH`, 8, 8–64; `ARGON2_MEMORY_KIB`, 19456 and up; `ARGON2_ITERATIONS`, 2 and up.
    pub password_policy: Policy,
    /// `RATE_LIMITS`, `on`: whether failures and new accounts are counted; `off` is for load tests, and refused on Lambda and Cloud
    /// Run.
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
