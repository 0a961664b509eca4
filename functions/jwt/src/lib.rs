//! `/jwt/*`: makes tokens with a shared secret, and reads any token.

mod decode;
mod encode;

use axum::{Router, routing::post};
use shared::App;

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new().route("/jwt/encode", post(encode::encode)).route("/jwt/decode", post(decode::decode))
}
