//! The rotation of the signing keys. Secrets Manager calls this function four times a rotation,
//! once for each step.

use shared::{
    App,
    error::Error,
    keys::{self, Event, NewKeys},
};

/// Runs one step. The parts of the key set are in the secrets `REFRESH_KEYS_SECRET_ID` and
/// `PUBLIC_KEYS_SECRET_ID`. Secrets Manager counts any answer but an error as a step that is done.
///
/// # Errors
///
/// As [`keys::run_step`]. Secrets Manager then shows the rotation as failed, and tries again.
pub async fn rotate(app: App, event: Event) -> Result<(), Error> {
    let managed = app.keys().managed_set(&event.secret_id)?;
    let times = app.config().key_lifetimes();
    keys::run_step(&managed, event.step, &event.client_request_token, || app.now(), &times, NewKeys::generate).await
}
