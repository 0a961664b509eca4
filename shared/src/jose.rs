//! JOSE: signed JSON, byte by byte. This module knows the formats, not the rules of any token.

pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod kind;
pub mod members;
pub mod number;
pub mod rsa;
