//! Accounts: users, their identifiers, their sessions, admission, and the limits on guessing.

pub mod address_change;
pub mod admission;
pub mod claims;
pub mod email;
pub mod event;
pub mod identity;
pub mod ip;
pub mod lock;
pub mod metadata;
pub mod proof;
pub mod rate_limit;
pub mod refresh_token;
pub mod roles;
mod sealed;
pub mod session;
pub mod sign_up;
pub mod test_code;
pub mod user;
