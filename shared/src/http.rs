//! HTTP: the contract around every handler, the errors, and all that is read from a request.

pub mod body;
pub mod caller;
pub mod client_ip;
pub mod contract;
pub mod fields;
pub mod issuer;
pub mod problem;
