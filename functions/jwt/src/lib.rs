//! `/jwt/*`: makes tokens with a shared secret, and reads any token.

mod decode;
mod encode;

use axum::Router;
use shared::{App, http::api::Api};

/// The endpoints of this function.
pub fn api() -> Api {
    Api::new().post("/jwt/encode", encode::encode, encode::operation()).post(
        "/jwt/decode",
        decode::decode,
        decode::operation(),
    )
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
