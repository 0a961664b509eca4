//! Flows by e-mail: whoever has the mailbox shows it by a code.

mod password;

use axum::Router;
use shared::{App, http::api::Api};

/// The endpoints of this function.
pub fn api() -> Api {
    password::api()
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
