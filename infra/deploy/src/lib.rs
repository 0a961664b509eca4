//! `latchkey deploy` and `latchkey stack`: a release's archive becomes a running stack on AWS. It
//! needs neither a compiler nor SAM: CloudFormation itself reads SAM's short form.
//!
//! The ways out for a caller are sentences. Results are printed on standard output, questions and
//! progress on standard error.

mod account;
mod bucket;
mod changes;
mod command;
mod events;
mod outputs;
mod parameters;
mod refusal;
mod release;
mod removal;
mod screen;
mod stack;
mod template;

pub use command::{deploy, stack};
