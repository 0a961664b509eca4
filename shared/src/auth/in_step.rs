//! Firebase in step with an account: its profile is told before a custom token of it is used.

use tokio::time;

use super::ending::{WAIT_MAX, users};
use crate::{
    App,
    account::user::User,
    config::FirebaseSync,
    error::Error,
    firebase::Profile,
    telemetry::{audit, metrics},
};

/// Tells Firebase the profile of an account, if it is not the one that Firebase was last told. An
/// account whose profile is the same costs no call and no round trip. Otherwise this waits 900 ms
/// at most, and notes in the account what was told: one round trip.
///
/// A change of an address ends sign-ins at Firebase. The caller therefore tells before the client
/// can sign in with its new custom token.
///
/// # Errors
///
/// 503 if Firebase cannot be told, and `FIREBASE_SYNC` is `required`.
pub async fn keep_in_step(app: &App, user: &User) -> Result<(), Error> {
    let sync = app.config().firebase.sync();
    if sync == FirebaseSync::Off || !app.config().firebase.has_account() {
        return Ok(());
    }
    let profile = Profile::of(user);
    let digest = profile.digest();
    if user.firebase_digest.as_ref() == Some(&digest) {
        return Ok(());
    }
    let told = time::timeout(WAIT_MAX, tell(app, user, &profile, &digest)).await;
    let cause = match told.unwrap_or_else(|_| Err("Firebase is slow".to_owned())) {
        Ok(()) => return Ok(()),
        Err(cause) => cause,
    };
    metrics::count("firebase_pending");
    if sync == FirebaseSync::Required {
        return Err(Error::unavailable(format!("Firebase is not told of a profile: {cause}")));
    }
    tracing::warn!(cause, "Firebase is not told of a profile yet");
    Ok(())
}

/// Whether a login must fail as long as Firebase is not told the profile of this account.
pub(super) fn is_due(app: &App, user: &User) -> bool {
    let firebase = &app.config().firebase;
    firebase.sync() == FirebaseSync::Required
        && firebase.has_account()
        && user.firebase_digest != Some(Profile::of(user).digest())
}

async fn tell(app: &App, user: &User, profile: &Profile, digest: &str) -> Result<(), String> {
    let now = app.now();
    let account = app.keys().firebase(now).await.map_err(|error| error.cause())?;
    let Some(account) = account else { return Ok(()) };
    let Some(users) = users(app, &account, now) else { return Ok(()) };
    let is_taken = profile.put(&users, &user.id).await.map_err(|error| error.to_string())?;
    if is_taken {
        audit::warn("firebase_email_taken", &app.pseudonym(&user.id));
    }
    let note = |user: &mut User| user.firebase_digest = Some(digest.to_owned());
    app.store().update_user(user, note).await.map(drop).map_err(|error| error.cause())
}
