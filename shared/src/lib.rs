//! What every Latchkey function is made of.
//!
//! A function is a router over [`App`]; [`lambda::serve`] runs it on Lambda, `latchkey serve` runs all of them behind one
//! port, and the tests call the same routers. Inside, `App` leads to the store, the keys, sessions, tokens and passwords,
//! and those to users and addresses, which know neither HTTP nor AWS.

pub mod account;
mod app;
pub mod auth;
mod aws;
pub mod config;
pub mod error;
pub mod fetch;
pub mod http;
pub mod jose;
pub mod keys;
pub mod lambda;
pub mod password;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod time;
pub mod token;

pub use app::App;
pub use aws::{aws_config, dynamodb_client, secrets_manager_client};
