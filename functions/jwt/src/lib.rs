//! `/jwt/*`: tokens made with a shared secret, and what any token says.

mod decode;
mod encode;

use axum::{Router, routing::post};
use shared::App;

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new().route("/jwt/encode", post(encode::encode)).route("/jwt/decode", post(decode::decode))
}
