//! The rotation of the signing keys: Secrets Manager calls this four times a rotation, once for each step.

use shared::{
    App,
    error::Error,
    keys::{self, Event, NewKeys},
};

/// Takes one step. Whatever Secrets Manager is answered with but an error is a step that was taken.
///
/// # Errors
///
/// As [`keys::run_step`]; Secrets Manager tries the rotation again, and shows it as failed.
pub async fn rotate(app: App, event: Event) -> Result<(), Error> {
    let managed_secret = app.keys().managed_secret(&event.secret_id)?;
    let times = app.config().key_lifetimes();
    keys::run_step(&managed_secret, event.step, &event.client_request_token, || app.now(), &times, NewKeys::generate)
        .await
}
