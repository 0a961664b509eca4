//! `/me`: shows an account to its owner and changes it.

mod sessions;

use axum::{
    Json, Router,
    extract::State,
    routing::{get, post},
};
use serde::Serialize;
use shared::{
    App,
    account::{
        email::Username,
        user::{Profile, User},
    },
    auth::{
        new_password::{refuse_breached, refuse_weak},
        password::Attempt,
        session_object::{self, SessionObject},
    },
    error::{Error, Field},
    http::{
        body::Body,
        caller::Caller,
        fields::{Fields, Input},
    },
    password::{Password, Person},
    telemetry::audit,
    token::access::Issuer,
};

/// The routes of this function.
pub fn router() -> Router<App> {
    Router::new()
        .route("/me", get(show).patch(change).delete(delete))
        .route("/me/password", post(change_password))
        .merge(sessions::router())
}

#[derive(Serialize)]
struct Shown {
    user: Profile,
}

/// 200 with the account's profile.
async fn show(Caller { user, .. }: Caller) -> Json<Shown> {
    Json(Shown { user: user.profile() })
}

/// `name` and `username`; a missing field changes nothing. An empty username removes the username.
struct Changes {
    name: Option<String>,
    username: Option<Option<Username>>,
}

impl Input for Changes {
    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.name("name");
        let username = fields.changed_username("username");
        Some(Self { name, username })
    }
}

/// 200 with the profile as it is now.
async fn change(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Body(changes): Body<Changes>,
) -> Result<Json<Shown>, Error> {
    let change = |user: &mut User| {
        if let Some(name) = &changes.name {
            user.name.clone_from(name);
        }
        if let Some(username) = &changes.username {
            user.username = username.as_ref().map(|username| username.as_str().to_owned());
        }
    };
    let changed = app.store().update_user(&user, change).await?;
    audit::record("profile_changed", &audit::pseudonym(&changed.email_key), &audit::pseudonym(&changed.id));
    Ok(Json(Shown { user: changed.profile() }))
}

/// `current_password` and `new_password`.
struct NewPassword {
    current: Password,
    new: Password,
}

impl Input for NewPassword {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (current, new) = (fields.password("current_password"), fields.password("new_password"));
        Some(Self { current: current?, new: new? })
    }
}

/// 200 with the session object of a new session. All other sessions end with the old password.
async fn change_password(
    State(app): State<App>,
    issuer: Issuer,
    caller: Caller,
    Body(passwords): Body<NewPassword>,
) -> Result<Json<SessionObject>, Error> {
    let person = Person {
        email_key: &caller.user.email_key,
        username: caller.user.username.as_deref(),
        name: &caller.user.name,
    };
    refuse_weak(&app, "new_password", &passwords.new, &person)?;
    // The caller knows both, so that this answer tells nothing about the account.
    if passwords.new.as_bytes() == passwords.current.as_bytes() {
        let sentence = "The new password must differ from the current one.";
        return Err(Error::WeakPassword(Field::new("new_password", "password_unchanged", sentence)));
    }
    refuse_breached(&app, "new_password", &passwords.new).await?;
    let identity = confirm(&app, &caller, passwords.current).await?;
    let user = caller.user;
    let mut changed = user.clone();
    changed.password_hash = Some(app.hasher().hash(passwords.new, app.random()?).await?);
    // Firebase tells the time of a sign-in in whole seconds. The wait puts this sign-in into a
    // later second than every earlier one, and not before the end of the other sessions.
    let now = if app.config().firebase.account.is_some() { app.next_second().await } else { app.now() };
    changed.end_sessions(now);
    let admitted = app.config().accounts.admission.admit(&changed)?;
    let session = session_object::start(&app, admitted, now)?;
    let answer = SessionObject::issue(&app, &issuer, admitted, &session, 0, now).await?;
    app.store().change_user(&user, &changed, Some(&session)).await?;
    audit::record("password_changed", &identity, &audit::pseudonym(&user.id));
    app.store().forget_sessions(&user, |_| true).await;
    Ok(Json(answer))
}

/// `password`.
struct DeleteAccount {
    password: Password,
}

impl Input for DeleteAccount {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { password: fields.password("password")? })
    }
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

/// 200 once the account, its identifiers and its sessions are gone.
async fn delete(
    State(app): State<App>,
    caller: Caller,
    Body(input): Body<DeleteAccount>,
) -> Result<Json<Deleted>, Error> {
    let identity = confirm(&app, &caller, input.password).await?;
    let user = caller.user;
    app.store().delete_user(&user).await?;
    audit::record("account_deleted", &identity, &audit::pseudonym(&user.id));
    app.store().forget_sessions(&user, |_| true).await;
    Ok(Json(Deleted { deleted: true }))
}

/// Asks for the password again before a change that cannot be undone: the token may have been
/// stolen. The series of failures ends with the verdict, so that a right password never counts as a
/// failure, whatever becomes of the change. Returns the account's pseudonym for the log.
async fn confirm(app: &App, caller: &Caller, password: Password) -> Result<String, Error> {
    let mut attempt = Attempt::by_owner(app, &caller.user, caller.session).await?;
    attempt.check(password).await?;
    attempt.finish(None, app.now()).await?;
    Ok(attempt.identity().to_owned())
}
