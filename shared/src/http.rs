//! HTTP: the contract around every handler, and the bodies it reads.

pub mod body;
pub mod contract;
