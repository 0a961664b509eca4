//! The times and amounts of a campaign. The default times are too long for a test.

use crate::latchkey::Variables;

/// The allowance for a slow process or another clock, as in `shared/src/keys.rs`.
const SLACK_SECONDS: i64 = 5;
const RING_AGE_SECONDS_MAX: i64 = 50;

/// Times of the configuration, in seconds, by the names of their variables.
#[derive(Debug)]
pub struct Times {
    keys_ttl: i64,
    /// The time for which others keep the published keys.
    pub jwks_max_age: i64,
    access_token_ttl: i64,
    /// The time for which the tokens of a superseded key are accepted, from the first signature of
    /// the next key.
    pub keys_overlap: i64,
    /// The time for which a token is accepted after its expiry.
    pub clock_skew: i64,
}

/// The times of a deployment that configures none.
pub const DEFAULT: Times =
    Times { keys_ttl: 300, jwks_max_age: 300, access_token_ttl: 3_600, keys_overlap: 7_200, clock_skew: 60 };

impl Times {
    /// The variables that configure the times.
    pub fn variables(&self) -> Variables {
        let values = [
            ("KEYS_TTL_SECONDS", self.keys_ttl),
            ("JWKS_MAX_AGE_SECONDS", self.jwks_max_age),
            ("ACCESS_TOKEN_TTL_SECONDS", self.access_token_ttl),
            ("KEYS_OVERLAP_SECONDS", self.keys_overlap),
            ("CLOCK_SKEW_SECONDS", self.clock_skew),
        ];
        values.into_iter().map(|(name, value)| (name, value.to_string())).collect()
    }

    /// The time from a rotation until its key signs, in milliseconds.
    pub fn lead_ms(&self) -> i64 {
        self.ring_age_ms() + (self.jwks_max_age + SLACK_SECONDS) * 1000
    }

    /// The longest time for which a process keeps the keys before the next read, in milliseconds.
    pub fn ring_age_ms(&self) -> i64 {
        self.keys_ttl.min(RING_AGE_SECONDS_MAX) * 1000
    }
}

/// A form of the campaign. From the first rotation until the last key signs, `live_min` tokens are
/// live at every moment.
#[derive(Debug)]
pub struct Form {
    /// Its name.
    pub name: &'static str,
    /// The times of both programs.
    pub times: Times,
    /// The least number of live tokens.
    pub live_min: usize,
    /// Refreshes per second until there are enough tokens.
    pub refreshes_per_second: f64,
    /// Refreshes per second from then on, until the last rotated key signs.
    pub held_refreshes_per_second: f64,
    /// Sessions that are refreshed all the time, each of its own account.
    pub sessions: usize,
    /// Sessions that rest from the beginning to the end.
    pub resting: usize,
    /// Tasks that refresh sessions at `latchkey serve`.
    pub refreshers: usize,
    /// The rotators, and the milliseconds since the rotation before.
    pub rotations: &'static [(Rotator, i64)],
}

/// Somebody who rotates keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rotator {
    /// Secrets Manager, by the function rotate-keys.
    Function,
    /// A person, by `latchkey keys rotate`.
    Tool,
}

/// A thirtieth of the default times.
///
/// A token lives for twelve times as long as others keep the key set. The overlap is twice a
/// token's life. A process may keep its keys relatively longer, because one second is the shortest
/// setting.
pub const LONG: Form = Form {
    name: "long",
    times: Times { keys_ttl: 2, jwks_max_age: 10, access_token_ttl: 120, keys_overlap: 240, clock_skew: 2 },
    live_min: 10_000,
    refreshes_per_second: 100.0,
    held_refreshes_per_second: 100.0,
    sessions: 40,
    resting: 40,
    refreshers: 8,
    rotations: &[(Rotator::Function, 0), (Rotator::Tool, 3_000), (Rotator::Function, 45_000)],
};

/// The shortest times that the configuration accepts. A key is retired 80 seconds after the
/// rotation.
pub const SHORT: Form = Form {
    name: "short",
    times: Times { keys_ttl: 1, jwks_max_age: 1, access_token_ttl: 60, keys_overlap: 73, clock_skew: 0 },
    live_min: 500,
    refreshes_per_second: 150.0,
    held_refreshes_per_second: 40.0,
    sessions: 10,
    resting: 10,
    refreshers: 4,
    rotations: &[(Rotator::Function, 0), (Rotator::Tool, 1_500)],
};
