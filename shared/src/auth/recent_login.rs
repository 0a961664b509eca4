//! A recent login, which confirms a change of an account that has no password.

use std::time::Duration;

use crate::{App, account::user::User, error::Error, time::Timestamp};

/// The greatest age of a login that confirms a change.
const AGE_MAX: Duration = Duration::from_secs(10 * 60);

/// Refuses somebody whose login is more than ten minutes ago.
///
/// # Errors
///
/// 401 `reauthentication_required`.
pub fn require(auth_time: Timestamp, now: Timestamp) -> Result<(), Error> {
    if now < auth_time + AGE_MAX { Ok(()) } else { Err(Error::LoginTooOld) }
}

/// Confirms a change of an account without a password, and returns the account as it is now.
/// `None` if the account has a password, which must then confirm the change. One round trip.
///
/// # Errors
///
/// 401 `reauthentication_required`. 503 if DynamoDB fails, or if the account is gone meanwhile.
pub async fn confirm(app: &App, user: &User, auth_time: Timestamp) -> Result<Option<User>, Error> {
    let gone = || Error::unavailable("the account was changed or deleted meanwhile");
    let user = app.store().credentials(user).await?.ok_or_else(gone)?;
    if user.password_hash.is_some() {
        return Ok(None);
    }
    require(auth_time, app.now())?;
    Ok(Some(user))
}
