//! Tells Firebase what ended here. The table's stream calls this function with the keys of new
//! endings, and again until Firebase has been told.

use shared::{
    App,
    auth::ending::Endings,
    error::Error,
    lambda::stream::{Handled, Records},
    store::ENDING_PREFIX,
};

/// The way of endings to Firebase.
///
/// # Errors
///
/// None. The service account is read with the first ending.
pub async fn start(app: App) -> Result<Endings, Error> {
    Ok(Endings(app))
}

/// Tells Firebase of the endings of these records.
///
/// # Errors
///
/// None. An ending that waits is one of the records that Lambda sends again.
pub async fn handle(endings: Endings, records: Records) -> Result<Handled, Error> {
    Ok(records.attempt(ENDING_PREFIX, &endings).await)
}
