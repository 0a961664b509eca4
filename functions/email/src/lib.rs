//! Flows by e-mail: whoever has the mailbox shows it by a code or by a link. `POST /exchange` logs
//! in by the token of another provider, which may need such a code too.

mod address;
mod exchange;
mod mailed_code;
mod pages;
mod password;
mod sign_in;
mod verify;

use axum::Router;
use shared::{App, http::api::Api};

/// The endpoints of this function.
pub fn api() -> Api {
    password::api()
        .merge(sign_in::api())
        .merge(verify::api())
        .merge(address::api())
        .merge(pages::api())
        .merge(exchange::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
