//! HTTP: the contract around every handler, the error body, and the readers of a request.

pub mod admin;
pub mod api;
pub mod body;
pub mod caller;
pub mod client_ip;
pub mod contract;
pub mod dry_run;
pub mod error_form;
pub mod fields;
pub mod issuer;
pub mod page;
pub mod paths;
pub mod problem;
pub mod proxy;
pub mod query;
pub mod same_origin;
pub mod unknown;
