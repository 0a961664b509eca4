//! Accounts disabled, enabled, changed and deleted.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
};

use shared::{App, account::user::User};

use super::{name, told};
use crate::{Failure, tell, written};

/// Refuses the account, and ends its sessions, so that enabling it does not bring them back.
pub async fn disable(app: &App, user: User) -> Result<(), Failure> {
    let done = "disabled, and every session has ended";
    if change(app, &user, |user| !user.disabled, refuse(app), done, "was disabled already").await? {
        tell(&format!(
            "an access token that it has is good until it expires, within {} seconds, for whoever verifies it without \
             check_revoked=true",
            app.config().access_token_life.as_secs()
        ));
    }
    Ok(())
}

fn refuse(app: &App) -> impl Fn(&mut User) {
    let now = app.now();
    move |user| {
        if !user.disabled {
            user.disabled = true;
            user.end_sessions(now);
        }
    }
}

/// Lets the account in again.
pub async fn enable(app: &App, user: User) -> Result<(), Failure> {
    let enable = |user: &mut User| user.disabled = false;
    change(app, &user, |user| user.disabled, enable, "enabled", "was enabled already").await.map(drop)
}

/// Changes the role.
pub async fn set_role(app: &App, user: User, role_id: u32) -> Result<(), Failure> {
    let set = |user: &mut User| user.role_id = role_id;
    let (done, already) = (format!("has the role {role_id}"), format!("had the role {role_id} already"));
    tell_of_tokens(change(app, &user, |user| user.role_id != role_id, set, &done, &already).await?);
    Ok(())
}

/// Says whether the address is its owner's.
pub async fn set_verified(app: &App, user: User, verified: bool) -> Result<(), Failure> {
    let set = |user: &mut User| user.email_verified = verified;
    let state = if verified { "verified" } else { "not verified" };
    let (done, already) = (format!("is {state}"), format!("was {state} already"));
    tell_of_tokens(change(app, &user, |user| user.email_verified != verified, set, &done, &already).await?);
    Ok(())
}

fn tell_of_tokens(changed: bool) {
    if changed {
        tell("a token made before says what was, until it expires or its session is refreshed");
    }
}

/// Changes what is not so yet, whatever else changes the account meanwhile, and says what was done; gives whether anything was.
async fn change(
    app: &App,
    user: &User,
    is_wanted: impl Fn(&User) -> bool,
    change: impl Fn(&mut User),
    done: &str,
    already: &str,
) -> Result<bool, Failure> {
    let changed = Cell::new(false);
    if is_wanted(user) {
        let noted = |user: &mut User| {
            // Another may have been faster.
            changed.set(is_wanted(user));
            change(user);
        };
        app.store().update_with_retries(user, noted).await.map_err(told)?;
    }
    let sentence = if changed.get() { done } else { already };
    written(writeln!(io::stdout(), "{}: {sentence}", name(user)))?;
    Ok(changed.get())
}

/// Whoever is not at a terminal cannot be asked.
pub fn refuse_unless_asked() -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::wrong_use("Nobody can be asked here whether to delete the account: say so with --yes."))
}

/// Deletes the account, its identifiers and its sessions, once it was asked for.
pub async fn delete(app: &App, user: User, yes: bool) -> Result<(), Failure> {
    if !yes {
        tell(&format!("delete {} for ever, with its sessions? Type yes:", name(&user)));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(|error| format!("Standard input cannot be read: {error}."))?;
        if !["yes", "y"].contains(&answer.trim().to_lowercase().as_str()) {
            return Err("Nothing was deleted.".to_owned().into());
        }
    }
    // First nobody can change it any more, or somebody could keep it from being deleted.
    let (now, refused) = (app.now(), app.store().update_with_retries(&user, refuse(app)).await.map_err(told)?);
    app.store().delete_user(&refused, None).await.map_err(told)?;
    let ended = app.store().forget_sessions(&refused, |session| session.is_live(&user, now)).await;
    written(writeln!(io::stdout(), "{}: deleted, and {ended} live sessions with it", name(&user)))
}
