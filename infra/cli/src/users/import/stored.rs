//! Stores the accounts of a batch, or tells what that would do.

use shared::{App, account::user::User, error::Error, store::Imported};

use super::{Batch, Import, report::Outcome};

/// The fate of an account.
pub struct Stored {
    /// The answer of the table.
    pub outcome: Imported,
    /// Whether the account was stored without its username, which another account has.
    pub lost_username: bool,
}

/// Stores the accounts of a batch, or tells what that would do.
pub async fn store(app: &App, mut batch: Batch, import: &Import) -> (Batch, Result<Vec<Stored>, Error>) {
    let stored = write(app, &mut batch.users, import).await;
    (batch, stored)
}

async fn write(app: &App, users: &mut [User], import: &Import) -> Result<Vec<Stored>, Error> {
    let outcomes = write_all(app, users, import.dry_run).await?;
    let mut stored = Vec::with_capacity(outcomes.len());
    for (user, outcome) in users.iter_mut().zip(outcomes) {
        let lost_username = import.lenient && outcome == Imported::Taken("username");
        if !lost_username {
            stored.push(Stored { outcome, lost_username });
            continue;
        }
        user.username = None;
        let outcome = write_all(app, std::slice::from_ref(user), import.dry_run).await?.pop();
        stored.push(Stored { outcome: outcome.unwrap_or(Imported::Taken("username")), lost_username });
    }
    Ok(stored)
}

async fn write_all(app: &App, users: &[User], is_dry_run: bool) -> Result<Vec<Imported>, Error> {
    if is_dry_run { app.store().look_up_imports(users).await } else { app.store().import_users(users).await }
}

/// The answer to what the table said.
pub fn outcome_of(outcome: &Imported, user: &User, is_dry_run: bool) -> Outcome {
    match outcome {
        // An id that was made here is made anew when the account is stored.
        Imported::Created if is_dry_run && user.sessions_ended_at.is_none() => Outcome::Created(String::new()),
        Imported::Created => Outcome::Created(user.id.clone()),
        Imported::Present(id) => Outcome::Present(id.clone()),
        Imported::Taken("id") => {
            Outcome::Refused("`id`: An account with this id exists already, with another e-mail address.".to_owned())
        }
        Imported::Taken(field) => Outcome::Refused(format!("`{field}`: {}", Error::Taken(field).cause())),
    }
}
