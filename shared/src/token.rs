//! Tokens: the rules for each kind of token that the service makes or verifies.

pub mod access;
pub mod admin;
pub mod custom;
pub mod id;
pub mod pasted;
pub mod problem;
pub mod provider;
pub mod report;
pub mod shared_secret;
