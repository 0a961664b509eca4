//! Latchkey's library: everything that the functions share.
//!
//! A function is a router over [`App`]. [`lambda::serve`] runs the router on Lambda, `latchkey
//! serve` runs all routers behind one port, and the tests call the same routers.
//!
//! The library is a house of storeys. A room imports rooms below itself, never above;
//! `tests/architecture.rs` holds this order. From the ground up:
//!
//! - **Ground**: plain data and the way to the outside.
//!   - [`error`]: every failure, with its status and sentence.
//!   - [`time`]: points in time.
//!   - [`text`]: text as people paste it.
//!   - [`sample`]: examples of answers.
//!   - [`telemetry`]: log lines, audit events and metrics.
//!   - [`fetch`]: bounded HTTP requests to other servers.
//!   - [`outbox`]: effects outside of the table, such as mails, and the task that carries them out.
//!   - `aws`: the clients of AWS.
//! - **Formats**: [`jose`], signed JSON for tokens and keys.
//! - **Things**: the rules of the service.
//!   - [`password`]: accepted passwords and stored hashes.
//!   - [`account`]: users, their identifiers and sessions, and the limits on guessing.
//!   - [`keys`]: the secrets of a deployment.
//!   - [`token`]: the rules for each kind of token.
//!   - [`mail`]: the words of mails.
//!   - [`firebase`]: the users of the Firebase project, by Google's API.
//! - **Keeping**: the table and the environment.
//!   - [`store`]: the DynamoDB table.
//!   - [`config`]: the configuration, the only reader of the environment.
//! - **Context**: `app`, which hands out configuration, table, keys, clock and randomness.
//! - **Flows**: [`auth`], one file for each flow, such as checking a password.
//! - **Edge**: the way to a caller.
//!   - [`http`]: the contract around every handler.
//!   - [`lambda`]: the entry on Lambda.
//!   - `testing`: the parts that tests share.
//!
//! The things know neither HTTP nor AWS, except that [`keys`] reads Secrets Manager.

pub mod account;
mod app;
pub mod auth;
mod aws;
pub mod config;
pub mod error;
pub mod fetch;
pub mod firebase;
pub mod http;
pub mod jose;
pub mod keys;
pub mod lambda;
pub mod mail;
pub mod outbox;
pub mod password;
pub mod sample;
pub mod store;
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;
pub mod text;
pub mod time;
pub mod token;

pub use app::{App, WarmUp};
pub use aws::{AwsCaller, Identity, aws_config, dynamodb_client, secrets_manager_client};
