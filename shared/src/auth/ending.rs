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
    firebase::{FirebaseUser, Profile, ToolkitError, UserUpdate, Users},
    keys::service_account::ServiceAccount,
    outbox::{Attempt, Delivery},
    store::Ending,
    telemetry::{audit, metrics},
    time::Timestamp,
};

/// The longest time that an answer waits for Firebase.
pub(super) const WAIT_MAX: Duration = Duration::from_millis(900);
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
    if firebase.has_account() {
        match time::timeout(WAIT_MAX, tell(app, id)).await {
            Ok(Ok(AtFirebase::Pending)) => {}
            Ok(Ok(told)) => return told,
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
    tell(app, id).await.map(|told| if told == AtFirebase::Pending { Delivery::Later } else { Delivery::Done })
}

/// Settles an ending, and says whether anybody was told.
async fn tell(app: &App, id: &str) -> Result<AtFirebase, Error> {
    let (mut is_overtaken, mut done) = (false, AtFirebase::Ended);
    for _ in 0..RACES_MAX {
        let now = app.now();
        let ending = app.store().ending(id).await?;
        if ending.mark.is_none() && !is_overtaken {
            return Ok(done);
        }
        let Some(account) = app.keys().firebase(now).await? else {
            tracing::error!("an ending waits for Firebase, and there is no service account to tell it with");
            return Ok(AtFirebase::Pending);
        };
        match users(app, &account, now) {
            // The project is in no cloud, so that nobody is there to be told.
            None => done = AtFirebase::Untold,
            Some(users) => {
                if let Err(error) = carry_out(&users, id, &ending).await {
                    report(&error);
                    return Ok(AtFirebase::Pending);
                }
            }
        }
        let Some(mark) = ending.mark else { return Ok(done) };
        if app.store().finish_ending(id, &mark).await? {
            if done == AtFirebase::Ended {
                audit::record("firebase_ended", "", &app.pseudonym(id));
            }
            return Ok(done);
        }
        // Somebody else told Firebase of a later ending, perhaps before this one was told. The
        // later one must be the last word.
        is_overtaken = true;
    }
    Ok(AtFirebase::Pending)
}

/// The way of endings to Firebase, for the task of a server.
#[derive(Clone)]
pub struct Endings(pub App);

impl Attempt for Endings {
    async fn attempt(&self, id: &str) -> Result<Delivery, Error> {
        settle(&self.0, id).await
    }
}

/// The users of the Firebase project of this deployment. `None` if the project is nowhere.
pub(super) fn users<'a>(app: &'a App, account: &'a ServiceAccount, now: Timestamp) -> Option<Users<'a>> {
    let project = app.config().firebase.project(Some(&account.project_id));
    app.firebase().users(account, project.map_or(account.project_id.as_str(), |(id, _)| id), now)
}

/// Brings the Firebase user to the state of the account, or deletes the user with the account.
///
/// The sign-ins end first: from then on nobody can link anything. Links go then.
async fn carry_out(users: &Users<'_>, id: &str, ending: &Ending) -> Result<(), ToolkitError> {
    let Some(account) = &ending.user else { return users.delete(id).await };
    let profile = Profile::of(account);
    if !ending.is_end {
        return bring_up(users, id, account, &profile).await;
    }
    let valid_since = account.sessions_ended_at;
    let valid_since = valid_since.map(|ended| whole_seconds(ended).to_string());
    let update = UserUpdate { valid_since, ..profile.update() };
    match users.update(id, &update).await {
        // A custom token from before could still make the user.
        Err(ToolkitError::UserNotFound) if account.disabled => return create(users, id, &profile).await,
        // Nobody has signed in there.
        Err(ToolkitError::UserNotFound) => return Ok(()),
        Err(ToolkitError::EmailExists) => {
            users.update(id, &UserUpdate { email: None, email_verified: None, ..update }).await?;
        }
        updated => updated?,
    }
    unlink(users, id, account, &profile).await
}

/// Brings the Firebase user to the profile of the account, if somebody has signed in there. The
/// user of a disabled account is made, so that nobody else makes it.
async fn bring_up(users: &Users<'_>, id: &str, account: &User, profile: &Profile) -> Result<(), ToolkitError> {
    let Some(found) = users.find(&[id]).await?.into_iter().next() else {
        return if account.disabled { create(users, id, profile).await } else { Ok(()) };
    };
    match users.update(id, &profile.update_of(&found)).await {
        Err(ToolkitError::EmailExists) => users.update(id, &profile.without_email().update_of(&found)).await,
        Err(ToolkitError::UserNotFound) => Ok(()),
        done => done,
    }
}

/// Makes the user of a disabled account, so that nobody else does.
async fn create(users: &Users<'_>, id: &str, profile: &Profile) -> Result<(), ToolkitError> {
    match profile.create(users, id).await {
        Err(ToolkitError::EmailExists) => profile.without_email().create(users, id).await,
        done => done,
    }
}

/// Removes the ways to sign in that somebody linked there, because a thief may have linked one. An
/// imported Firebase user keeps the ways of its own. The claims of this service are set, beside
/// those of others.
async fn unlink(users: &Users<'_>, id: &str, account: &User, profile: &Profile) -> Result<(), ToolkitError> {
    let mut found = users.find(&[id]).await?.into_iter().next().unwrap_or_default();
    let custom_attributes = profile.claims_beside(&found);
    if account.is_firebase_user() {
        found = FirebaseUser::default();
    }
    let providers = found.providers.into_iter().map(|provider| provider.provider_id);
    let (passwords, removed_providers): (Vec<String>, Vec<String>) = providers.partition(|way| way == "password");
    // With Google comes its address, whose owner could set a password there.
    let is_foreign = !found.email.is_empty() && !profile.has_email(&found.email);
    let removed_attributes = [("PASSWORD", !passwords.is_empty()), ("EMAIL", is_foreign)];
    let removed_attributes: Vec<_> =
        removed_attributes.into_iter().filter(|(_, is)| *is).map(|(name, _)| name).collect();
    if removed_providers.is_empty() && removed_attributes.is_empty() && custom_attributes.is_none() {
        return Ok(());
    }
    let update = UserUpdate { removed_providers, removed_attributes, custom_attributes, ..UserUpdate::default() };
    users.update(id, &update).await
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
        other => tracing::warn!(cause = %other, "an ending is not told to Firebase yet"),
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
