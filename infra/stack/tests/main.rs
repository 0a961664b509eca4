//! Tests of `template.yaml`: the permissions of each function, its variables, and the alarms.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails"
)]

mod allowed;
mod cloud_run;
mod data;
mod document;
mod firewall;
mod functions;
mod linked;
mod mutations;
mod parameters;
mod policies;
mod settings;
mod stream;
mod usage;
mod variables;
mod watching;
