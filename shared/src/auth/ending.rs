//! Endings at Firebase. Whatever ends here ends there too: the sessions of an account, or the
//! account.
//!
//! The note of an ending is in the table as soon as the ending is, because the store writes both in
//! one transaction. Each attempt brings the Firebase user to the state of the account as it is
//! then. An attempt may therefore be repeated, and may come late.

use std::time::Duration;

use tokio::time;

use crate::{
    App,
    account::user::User,
    config::FirebaseSync,
    error::Error,
    firebase::{NewUser, ToolkitError, UserUpdate, Users},
    outbox::{Attempt, Delivery},
    telemetry::{audit, metrics},
    time::Timestamp,
};

/// The longest time that an answer waits for Firebase.
const WAIT_MAX: Duration = Duration::from_millis(900);
/// The most attempts that others overtake before one of them is left to later.
const RACES_MAX: u32 = 4;

/// The state of an ending at Firebase.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AtFirebase {
    /// This deployment tells Firebase nothing.
    Untold,
    /// It has ended there too.
    Ended,
    /// It has not ended there yet, and will as soon as Firebase can be told.
    Pending,
}

impl AtFirebase {
    /// The word of answers: `ended`, `pending`, or nothing.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Untold => "",
            Self::Ended => "ended",
            Self::Pending => "pending",
        }
    }
}

/// Carries out at Firebase what has just ended here for the account with this id. Waits 900 ms at
/// most. Whatever fails is left to the task of the server, or to the function on the table's
/// stream.
pub async fn end_at_firebase(app: &App, id: &str) -> AtFirebase {
    let firebase = &app.config().firebase;
    if firebase.sync() == FirebaseSync::Off {
        return AtFirebase::Untold;
    }
    // Some functions may not read the service account. The function on the stream follows them.
    if firebase.account.is_some() {
        match time::timeout(WAIT_MAX, settle(app, id)).await {
            Ok(Ok(Delivery::Done)) => return AtFirebase::Ended,
            Ok(Ok(Delivery::Later)) => {}
            Ok(Err(error)) => tracing::warn!(cause = error.cause(), "an ending is not told to Firebase yet"),
            Err(_) => tracing::warn!("Firebase is slow, and an ending is not told there yet"),
        }
    }
    app.endings().tell(id);
    AtFirebase::Pending
}

/// Brings the Firebase user with this id to the state of the account, if an ending waits for that.
/// Two round trips to DynamoDB.
///
/// # Errors
///
/// 503 if DynamoDB fails, or if the service account cannot be read. The ending then waits.
pub async fn settle(app: &App, id: &str) -> Result<Delivery, Error> {
    let mut is_overtaken = false;
    for _ in 0..RACES_MAX {
        let now = app.now();
        let ending = app.store().ending(id).await?;
        if ending.mark.is_none() && !is_overtaken {
            return Ok(Delivery::Done);
        }
        let Some(account) = app.keys().firebase(now).await? else {
            tracing::error!("an ending waits for Firebase, and there is no service account to tell it with");
            return Ok(Delivery::Later);
        };
        let project = app.config().firebase.project(Some(&account.project_id));
        let project = project.map_or(account.project_id.as_str(), |(id, _)| id);
        if let Some(users) = app.firebase().users(&account, project, now)
            && let Err(error) = carry_out(&users, id, ending.user.as_ref()).await
        {
            report(&error);
            return Ok(Delivery::Later);
        }
        let Some(mark) = ending.mark else { return Ok(Delivery::Done) };
        if app.store().finish_ending(id, &mark).await? {
            audit::record("firebase_ended", "", &app.pseudonym(id));
            return Ok(Delivery::Done);
        }
        // Somebody else told Firebase of a later ending, perhaps before this one was told. The
        // later one must be the last word.
        is_overtaken = true;
    }
    Ok(Delivery::Later)
}

/// The way of endings to Firebase, for the task of a server.
#[derive(Clone)]
pub struct Endings(pub App);

impl Attempt for Endings {
    async fn attempt(&self, id: &str) -> Result<Delivery, Error> {
        settle(&self.0, id).await
    }
}

/// Brings the Firebase user to the state of the account, or deletes the user with the account.
///
/// The sign-ins end first: from then on nobody can link anything. Then the ways to sign in that
/// were linked there are removed, because a thief may have linked one. An imported Firebase user
/// keeps the ways of its own.
async fn carry_out(users: &Users<'_>, id: &str, account: Option<&User>) -> Result<(), ToolkitError> {
    let Some(account) = account else { return users.delete(id).await };
    let update = UserUpdate {
        valid_since: account.sessions_ended_at.map(|ended| whole_seconds(ended).to_string()),
        disable_user: Some(account.disabled),
        ..UserUpdate::default()
    };
    match users.update(id, &update).await {
        // A custom token from before could still make the user.
        Err(ToolkitError::UserNotFound) if account.disabled => {
            return users.create(id, &NewUser { disabled: true }).await;
        }
        // Nobody has signed in there.
        Err(ToolkitError::UserNotFound) => return Ok(()),
        updated => updated?,
    }
    if account.is_firebase_user() {
        return Ok(());
    }
    let found = users.find(id).await?.unwrap_or_default();
    // With Google comes its address, whose owner could set a password there.
    let removed_providers: Vec<String> = found.providers.into_iter().map(|provider| provider.provider_id).collect();
    if removed_providers.is_empty() && found.email.is_empty() {
        return Ok(());
    }
    let removed_attributes = vec!["EMAIL", "PASSWORD"];
    users.update(id, &UserUpdate { removed_providers, removed_attributes, ..UserUpdate::default() }).await
}

/// The first whole second that is not before `time`. Firebase tells sign-ins in whole seconds.
fn whole_seconds(time: Timestamp) -> i64 {
    let floor = time.floor();
    if floor == time { floor.seconds() } else { floor.seconds() + 1 }
}

/// Logs why Firebase is not told. A refusal is the operator's to mend, and is told as such.
fn report(error: &ToolkitError) {
    metrics::count("firebase_pending");
    match error {
        ToolkitError::Refused(word) => tracing::error!(
            cause = word,
            "Firebase refuses to be told of an ending: the service account may lack the role Firebase Authentication Admin"
        ),
        ToolkitError::Unavailable(cause) => tracing::warn!(cause, "an ending is not told to Firebase yet"),
        other => tracing::warn!(cause = ?other, "an ending is not told to Firebase yet"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sign_in_of_the_second_in_which_the_sessions_ended_ends_too() {
        let time = Timestamp::from_milliseconds;
        assert_eq!([10_000, 10_001, 10_999, 11_000].map(|end| whole_seconds(time(end))), [10, 11, 11, 11]);
    }
}
