//! Disables, enables, changes and deletes accounts.

use std::{
    cell::Cell,
    io::{self, IsTerminal, Write},
};

use shared::{
    App,
    account::{email::Email, user::User},
    auth::{
        deletion,
        ending::{AtFirebase, end_at_firebase},
    },
    config::FirebaseSync,
};

use super::{audit, failure, name};
use crate::{Failure, escape::address, tell, written};

/// Disables the account and ends its sessions, so that enabling the account does not bring them
/// back.
pub async fn disable(app: &App, user: User) -> Result<(), Failure> {
    let done = "disabled, and every session has ended";
    if change(app, &user, |user| !user.disabled, disabling(app), done, "was disabled already").await? {
        audit(app, "account_disabled", &user);
        tell_firebase(app, &user).await;
        tell_what_lives_on(app);
    }
    Ok(())
}

/// Tells which tokens outlive the end of an account's sessions.
pub fn tell_what_lives_on(app: &App) {
    tell(&format!(
        "an access token of the account stays valid until it expires, within {} seconds, where it is verified without \
         check_revoked=true",
        app.config().tokens.access_token_life.as_secs()
    ));
}

/// Carries out at Firebase what ended here, and says whether Firebase has been told.
pub async fn tell_firebase(app: &App, user: &User) {
    match end_at_firebase(app, &user.id).await {
        AtFirebase::Ended => tell("Firebase has been told"),
        AtFirebase::Pending => tell(
            "Firebase is not told yet: the server of this table tells it, or the function on the table's stream, if \
             Firebase is in use there",
        ),
        AtFirebase::Untold if is_off(app) => tell(
            "Firebase is not told, because FIREBASE_SYNC is off: the app stays signed in there until you revoke the user's \
             refresh tokens, as with revokeRefreshTokens(uid) of the Admin SDK",
        ),
        AtFirebase::Untold => {}
    }
}

/// Whether somebody has turned it off that Firebase is told.
fn is_off(app: &App) -> bool {
    let firebase = &app.config().firebase;
    firebase.sync == Some(FirebaseSync::Off) && firebase.has_account()
}

fn disabling(app: &App) -> impl Fn(&mut User) {
    let now = app.now();
    move |user| {
        if !user.disabled {
            user.disable(now);
        }
    }
}

/// Enables the account again.
pub async fn enable(app: &App, user: User) -> Result<(), Failure> {
    let enable = |user: &mut User| user.disabled = false;
    if change(app, &user, |user| user.disabled, enable, "enabled", "was enabled already").await? {
        audit(app, "account_enabled", &user);
        tell_firebase(app, &user).await;
    }
    Ok(())
}

/// Changes the role.
pub async fn set_role(app: &App, user: User, role_id: u32) -> Result<(), Failure> {
    let set = |user: &mut User| user.role_id = role_id;
    let (done, already) = (format!("has the role {role_id}"), format!("had the role {role_id} already"));
    if change(app, &user, |user| user.role_id != role_id, set, &done, &already).await? {
        audit(app, "role_changed", &user);
        tell_firebase(app, &user).await;
        tell_of_old_tokens();
    }
    Ok(())
}

/// Counts the e-mail address as verified. The password and the sessions from before end: whoever
/// made the account need not be the owner of the address.
pub async fn verify(app: &App, user: User) -> Result<(), Failure> {
    let now = app.now();
    let verify = |user: &mut User| user.verify_address(false, now);
    let done = "is verified; the password from before is removed, and every session has ended";
    if change(app, &user, |user| !user.email_verified, verify, done, "was verified already").await? {
        audit(app, "email_verified", &user);
        tell(
            "whoever made the account may have used somebody else's address, so that nothing from before counts; next, give \
             the owner a password with `latchkey users set-password WHO`",
        );
        tell_firebase(app, &user).await;
        tell_what_lives_on(app);
    }
    Ok(())
}

/// Counts the e-mail address as verified, and trusts that its owner set the password.
pub async fn verify_and_keep_password(app: &App, user: User) -> Result<(), Failure> {
    let now = app.now();
    let verify = |user: &mut User| user.verify_address(true, now);
    if change(app, &user, |user| !user.email_verified, verify, "is verified", "was verified already").await? {
        audit(app, "email_verified", &user);
        tell(
            "the password and the sessions stay: this trusts that nobody but the owner of the address made the account, so \
             that a stranger who did is let in with it",
        );
        tell_of_old_tokens();
    }
    Ok(())
}

/// Counts the e-mail address as not verified.
pub async fn unverify(app: &App, user: User) -> Result<(), Failure> {
    let unverify = |user: &mut User| user.email_verified = false;
    if change(app, &user, |user| user.email_verified, unverify, "is not verified", "was not verified already").await? {
        audit(app, "email_unverified", &user);
        tell_firebase(app, &user).await;
        tell_of_old_tokens();
    }
    Ok(())
}

/// Changes the e-mail address, which moves the record that logs in. Every session ends, as it does
/// when a person changes the address. The new address counts as verified only if the operator knows
/// its owner. If nobody had shown to own the old address either, the password goes with it.
pub async fn set_email(
    app: &App,
    user: User,
    email: &Email,
    verified: bool,
    keep_password: bool,
) -> Result<(), Failure> {
    let now = app.now();
    // Only the record with the hash can be moved.
    let user = match user.origin.is_without_hash {
        true => app
            .store()
            .credentials(&user)
            .await
            .map_err(failure)?
            .ok_or("The account was changed meanwhile. Try again.".to_owned())?,
        false => user,
    };
    let applies = |user: &User| {
        user.email != email.typed() || user.email_key != email.key() || (verified && !user.email_verified)
    };
    let set = |user: &mut User| user.move_to(email, verified, keep_password, now);
    let is_moved = user.email_key != email.key();
    let had_password = user.password_hash.is_some();
    let takes_over = verified && !user.email_verified && !keep_password;
    let mut done = format!(
        "has the address {}, which is {}",
        address(email.typed()),
        if verified || (user.email_verified && !is_moved) { "verified" } else { "not verified" }
    );
    if takes_over && had_password {
        done.push_str("; the password from before is removed");
    }
    if is_moved || takes_over {
        done.push_str("; every session has ended");
    }
    if change(app, &user, applies, set, &done, "had this address already").await? {
        audit(app, "email_changed", &user);
        if is_moved || takes_over {
            tell_firebase(app, &user).await;
            tell_what_lives_on(app);
        }
        if takes_over {
            tell(
                "nobody had shown to own the old address, so that nothing from before counts; give the owner a password with `latchkey users set-password WHO`",
            );
        }
    }
    Ok(())
}

/// Ends every session of the account.
pub async fn sign_out(app: &App, user: User) -> Result<(), Failure> {
    let now = app.now();
    let changed = app.store().update_with_retries(&user, |user| user.end_sessions(now)).await.map_err(failure)?;
    audit(app, "sessions_ended", &changed);
    let ended = app.store().forget_sessions(&user, |session| session.is_live(&user, now)).await;
    written(writeln!(io::stdout(), "{}: every session has ended, {ended} of them live", name(&changed)))?;
    tell_firebase(app, &user).await;
    tell_what_lives_on(app);
    Ok(())
}

fn tell_of_old_tokens() {
    tell("a token made before has the old value until it expires or its session is refreshed");
}

/// Changes the account if `applies`, also if somebody else changes it meanwhile. Prints the
/// outcome, and returns whether anything changed.
pub async fn change(
    app: &App,
    user: &User,
    applies: impl Fn(&User) -> bool,
    change: impl Fn(&mut User),
    done: &str,
    already: &str,
) -> Result<bool, Failure> {
    let changed = Cell::new(false);
    if applies(user) {
        let update = |user: &mut User| {
            // Somebody else may have made the change first.
            changed.set(applies(user));
            change(user);
        };
        app.store().update_with_retries(user, update).await.map_err(failure)?;
    }
    let sentence = if changed.get() { done } else { already };
    written(writeln!(io::stdout(), "{}: {sentence}", name(user)))?;
    Ok(changed.get())
}

/// Fails if standard input is no terminal, where nobody can be asked.
pub fn refuse_without_terminal() -> Result<(), Failure> {
    if io::stdin().is_terminal() {
        return Ok(());
    }
    Err(Failure::wrong_use("There is no terminal to ask at. Give --yes to delete the account without a question."))
}

/// Deletes the account, its identifiers and its sessions. Asks first, unless `yes`.
pub async fn delete(app: &App, user: User, yes: bool) -> Result<(), Failure> {
    if !yes {
        tell(&format!("delete {} for ever, with its sessions? Type yes:", name(&user)));
        let mut answer = String::new();
        io::stdin().read_line(&mut answer).map_err(|error| format!("Standard input cannot be read: {error}."))?;
        if !["yes", "y"].contains(&answer.trim().to_lowercase().as_str()) {
            return Err("Nothing was deleted.".to_owned().into());
        }
    }
    let (now, refused) = (app.now(), deletion::delete(app, &user).await.map_err(failure)?);
    audit(app, "account_deleted", &refused);
    let ended = app.store().forget_sessions(&refused, |session| session.is_live(&user, now)).await;
    written(writeln!(io::stdout(), "{}: deleted, and {ended} live sessions with it", name(&user)))?;
    tell_firebase(app, &user).await;
    Ok(())
}
