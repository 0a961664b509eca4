//! Authentication: an attempt held against the limits, and its password against the account's hash.

use tokio::time::Instant;

use crate::{
    App,
    account::user::User,
    auth::turns::Turn,
    error::Error,
    password::{Password, Verdict},
    store::Attempt,
    telemetry::log,
};

/// What an attempt is at, by the words of the audit log.
#[derive(Clone, Copy, Debug)]
pub struct Purpose {
    failed: &'static str,
    limited: &'static str,
}

/// A login.
pub const LOGIN: Purpose = Purpose { failed: "login_failed", limited: "login_limited" };
/// The password again, from somebody who is logged in.
pub const CONFIRMATION: Purpose = Purpose { failed: "confirmation_failed", limited: "confirmation_limited" };

/// An attempt whose password is right. Nothing may be told of that before the store has heard of it: see [`crate::store`].
pub struct Authenticated {
    /// Whose it is.
    pub user: User,
    /// Whether the stored hash ought to be replaced.
    pub is_outdated: bool,
    /// To be ended by the store, with what it led to.
    pub attempt: Attempt,
    /// Until then the next one waits.
    pub turn: Option<Turn>,
}

/// Checks the password of an attempt. An account that is not there, or has no password, takes the same work and is counted alike.
/// Those who wait for the `turn` do not wait for a refusal to keep its pace.
///
/// # Errors
///
/// 401 if it is wrong; 429 if the attempt has to wait, and then nothing was hashed unless others ran at the same time; 503 if it
/// cannot be counted.
pub async fn authenticate(
    app: &App,
    mut attempt: Attempt,
    password: Password,
    purpose: Purpose,
    turn: Option<Turn>,
) -> Result<Authenticated, Error> {
    app.store().reserve(&mut attempt, app.now()).await.inspect_err(|error| limited(error, &attempt, purpose))?;
    let checked = app.hasher().check(password, attempt.hash()).await?;
    if let Some(user) = attempt.user.clone().filter(|_| checked.verdict.is_right()) {
        return Ok(Authenticated { user, is_outdated: checked.verdict == Verdict::Outdated, attempt, turn });
    }
    // Counted before anybody can tell from the silence that it was wrong, and hang up.
    let began = Instant::now();
    app.store().count_failure(&mut attempt, app.now()).await.inspect_err(|error| limited(error, &attempt, purpose))?;
    log(purpose.failed, &attempt);
    drop(turn);
    app.hasher().pad_to_floor(&checked, attempt.read_time + began.elapsed()).await;
    Err(Error::Credentials)
}

/// Notes that an attempt was refused by the limits, if it was.
pub fn limited(error: &Error, attempt: &Attempt, purpose: Purpose) {
    if matches!(error, Error::TooManyAttempts(_)) {
        log(purpose.limited, attempt);
    }
}

fn log(event: &'static str, attempt: &Attempt) {
    let user = attempt.user.as_ref().map(|user| log::pseudonym(&user.id)).unwrap_or_default();
    log::audit(event, &attempt.identity, &user);
}
