//! `template.yaml`, read as the program that it is: what it lets each function do, what it tells them, and what it watches.

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
mod functions;
mod mutations;
mod parameters;
mod policies;
mod settings;
mod usage;
mod variables;
mod watching;
