//! JOSE: signed JSON, byte by byte. Nothing here knows a rule of a token.

pub mod json;
pub mod jwk;
pub mod jws;
pub mod jwt;
pub mod kind;
pub mod rsa;
