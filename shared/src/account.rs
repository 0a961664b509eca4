//! Accounts: users, their identifiers, their sessions, and the limits on guessing.

pub mod email;
pub mod ip;
pub mod lock;
pub mod rate_limit;
pub mod refresh_token;
pub mod session;
pub mod user;
