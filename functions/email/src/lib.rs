//! Flows by e-mail: whoever has the mailbox shows it by a code or by a link.

mod pages;
mod password;
mod sign_in;
mod verify;

use axum::Router;
use shared::{
    App,
    http::{api::Api, fields::Fields},
    mail::Language,
};

/// The endpoints of this function.
pub fn api() -> Api {
    password::api().merge(sign_in::api()).merge(verify::api()).merge(pages::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// The language of the mail, which a request may name in `locale`.
fn language(fields: &mut Fields) -> Language {
    fields.optional("locale").map(|tag| Language::of_tag(&tag)).unwrap_or_default()
}
