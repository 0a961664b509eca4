//! `/admin`: the accounts of everybody, for the people who run the service.
//!
//! Every route asks for an admin key, or for the token that a key was exchanged for. Without an
//! admin key in the configuration every route is 501.

mod change;
mod create;
mod cursor;
mod delete;
mod export;
mod import;
mod link;
mod list;
mod sessions;
mod show;
mod test_code;
mod token;
mod view;
mod webhook;

use axum::Router;
use shared::{App, http::api::Api};

/// The endpoints of this function.
pub fn api() -> Api {
    let users = [list::api(), create::api(), show::api(), change::api(), delete::api(), sessions::api()];
    let all = [token::api(), import::api(), export::api(), link::api(), test_code::api(), webhook::api()];
    users.into_iter().chain(all).fold(Api::new(), Api::merge)
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}
