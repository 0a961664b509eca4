//! `/me`: shows an account to its owner and changes it. `/oauth/userinfo` shows it to clients of
//! OpenID Connect, and `/auth/v1/user` to those of Supabase.

mod export;
mod identities;
mod sessions;
mod supabase;
mod userinfo;

use axum::{Json, Router, extract::State, http::Method};
use serde::Serialize;
use shared::{
    App,
    account::{
        email::Username,
        lock::AccountLock,
        metadata::MetadataChange,
        user::{Profile, User},
    },
    auth::{
        ending::{AtFirebase, end_at_firebase},
        in_step::keep_in_step,
        mailing::{notice, tell},
        new_password::{refuse_breached, refuse_weak},
        password::confirm,
        recent_login,
        session_object::{self, SessionObject, end_of_sessions, outlast_the_end_of_sessions},
    },
    error::{Error, Field},
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        caller::Caller,
        fields::{Fields, Input, missing},
        unknown::Place,
    },
    mail::{Kind, Language},
    password::{Password, Person, StoredHash},
    sample::{Meaning, Part, Sample, Shape},
    store::ProfileChange,
    telemetry::audit,
    token::access::Issuer,
};

/// The endpoints of this function.
pub fn api() -> Api {
    Api::new()
        .get("/me", show, operation::<Shown>("me", "Show my account").for_clients())
        .patch("/me", change, updating())
        .delete("/me", delete, deleting("deleteMe", "Delete my account, by DELETE"))
        .post("/me/delete", delete, deleting("deleteAccount", "Delete my account").for_clients())
        .post("/me/password", change_password, changing_the_password())
        .merge(sessions::api())
        .merge(export::api())
        .merge(identities::api())
        .merge(userinfo::api())
        .merge(supabase::api())
}

/// The routes of this function.
pub fn router() -> Router<App> {
    api().router()
}

fn operation<T: Sample>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new::<T>(id, summary).tag(Tag::Account).bearer()
}

fn updating() -> Operation {
    operation::<Shown>("updateMe", "Change my account")
        .text("A field that is missing changes nothing. Metadata is changed key by key.")
        .body::<Changes>()
        .imported(&["name"])
        .for_clients()
        .fails(&[(400, "unknown_field"), (409, "username_taken")])
}

fn deleting(id: &'static str, summary: &'static str) -> Operation {
    operation::<Deleted>(id, summary)
        .text(
            "Deletes the account with its identifiers and sessions, for ever. An account without a password needs a login \
             within ten minutes instead.",
        )
        .body::<DeleteAccount>()
        .imported(&["password"])
        .fails(ATTEMPT)
        .fails(&[(401, "reauthentication_required"), (403, "password_incorrect")])
}

fn changing_the_password() -> Operation {
    operation::<SessionObject>("changePassword", "Change my password")
        .text("All other sessions end. Store the new session object in the place of the old one.")
        .body::<NewPassword>()
        .imported(&["current_password", "new_password"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(&[(400, "weak_password"), (403, "password_incorrect")])
}

#[derive(Serialize)]
struct Shown {
    user: Profile,
}

impl Sample for Shown {
    const NAME: &'static str = "Account";
    const PARTS: &'static [Part] = &[("user", Shape::of::<Profile>)];

    fn sample() -> Self {
        Self { user: Profile::sample() }
    }
}

/// 200 with the account's profile.
async fn show(Caller { user, .. }: Caller) -> Json<Shown> {
    Json(Shown { user: user.profile() })
}

/// `name`, `username` and `metadata`; a missing field changes nothing. An empty username removes
/// the username.
struct Changes {
    name: Option<String>,
    username: Option<Option<Username>>,
    metadata: Option<MetadataChange>,
}

impl Input for Changes {
    const STORED_AT: Option<Place> = Some(Place::Profile);

    fn read(fields: &mut Fields) -> Option<Self> {
        let name = fields.name("name");
        let username = fields.changed_username("username");
        let metadata = fields.changed_metadata("metadata");
        Some(Self { name, username, metadata })
    }
}

/// 200 with the profile as it is now. Name and metadata describe, and change without the account. A
/// username admits, and changes with it.
async fn change(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    Body(changes): Body<Changes>,
) -> Result<Json<Shown>, Error> {
    let described =
        ProfileChange { name: changes.name.as_deref(), metadata: changes.metadata.as_ref(), private_metadata: None };
    let username = changes.username.as_ref().map(|username| username.as_ref().map(Username::as_str));
    let username = username.filter(|username| *username != user.username.as_deref());
    let Some(username) = username else {
        return Ok(Json(Shown { user: describe(&app, &user, &described).await?.profile() }));
    };
    let lock = lock_metadata(&app, &user, &described).await;
    let changed = app.store().change_username(&user, username, &described).await?;
    drop(lock);
    told(&app, &changed, &described).await;
    audit::record("username_changed", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
    Ok(Json(Shown { user: changed.profile() }))
}

/// Changes what describes an account.
async fn describe(app: &App, user: &User, described: &ProfileChange<'_>) -> Result<User, Error> {
    let lock = lock_metadata(app, user, described).await;
    let changed = app.store().change_profile(user, described).await?;
    drop(lock);
    told(app, &changed, described).await;
    Ok(changed)
}

/// Waits for other changes of the metadata in this process. It is replaced as a whole, and a change
/// need not be repeated then.
async fn lock_metadata(app: &App, user: &User, described: &ProfileChange<'_>) -> Option<AccountLock> {
    match described.metadata {
        Some(_) => Some(app.locks().lock(format!("metadata {}", user.id)).await),
        None => None,
    }
}

/// Tells the log and Firebase of a change.
async fn told(app: &App, changed: &User, described: &ProfileChange<'_>) {
    if described.name.is_some() || described.metadata.is_some() {
        audit::record("profile_changed", &app.pseudonym(&changed.email_key), &app.pseudonym(&changed.id));
    }
    // A name that Firebase is not told now is told at the next login.
    if described.name.is_some() {
        drop(keep_in_step(app, changed).await);
    }
}

/// `current_password` and `new_password`, and perhaps the `locale` of the notice.
struct NewPassword {
    current: Password,
    new: Password,
    language: Language,
}

impl Input for NewPassword {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (current, new) = (fields.password("current_password"), fields.new_password("new_password"));
        let language = fields.language("locale");
        // The rules about the person wait for the account, which this reader does not know.
        let weakness = new.as_ref().and_then(|new| fields.weakness("new_password", new, &Person::UNKNOWN));
        if let Some(weakness) = &weakness {
            fields.also_refuse(weakness);
        }
        Some(Self { current: current?, new: new?, language })
    }
}

/// 200 with the session object of a new session. All other sessions end with the old password.
async fn change_password(
    State(app): State<App>,
    issuer: Issuer,
    caller: Caller,
    Body(passwords): Body<NewPassword>,
) -> Result<Json<SessionObject>, Error> {
    let language = passwords.language;
    let Renewal { user, identity, hash } =
        renew(&app, &caller, "new_password", passwords.current, passwords.new).await?;
    let now = app.now();
    let end = end_of_sessions(&app, now);
    let change = |user: &mut User| user.set_password(hash.clone(), end);
    let mut changed = user.clone();
    change(&mut changed);
    let admitted = app.config().accounts.admission.admit(&changed)?;
    let session = session_object::start(&app, admitted, now)?;
    let answer = SessionObject::issue_at_once(&app, &issuer, admitted, &session, 0, now).await?;
    let mails = notice(&app, Kind::PasswordChanged, &user, language, now)?;
    let changed = app.store().change_confirmed(&user, &session, &mails, change).await?;
    mails.iter().for_each(|mail| tell(&app, mail));
    audit::record("password_changed", &identity, &app.pseudonym(&user.id));
    app.store().forget_sessions(&user, |_| true).await;
    end_at_firebase(&app, &user.id).await;
    outlast_the_end_of_sessions(&app, &changed, app.now()).await;
    Ok(Json(answer))
}

/// A new password that may replace the current one.
struct Renewal {
    /// The account as the current password was checked with it.
    user: User,
    /// The pseudonym of its address.
    identity: String,
    hash: StoredHash,
}

/// Checks the current password, and hashes the new one, which the request calls `field`.
async fn renew(
    app: &App,
    caller: &Caller,
    field: &'static str,
    current: Password,
    new: Password,
) -> Result<Renewal, Error> {
    let Caller { user, session, .. } = caller;
    let person = Person { email_key: &user.email_key, username: user.username.as_deref(), name: &user.name };
    refuse_weak(app, field, &new, &person)?;
    // The caller knows both, so that this answer tells nothing about the account.
    if new.as_bytes() == current.as_bytes() {
        let sentence = "The new password must differ from the current one.";
        return Err(Error::WeakPassword(Field::new(field, "password_unchanged", sentence)));
    }
    refuse_breached(app, field, &new).await?;
    let (user, identity) = confirm(app, user, *session, current).await?;
    let hash = app.hasher().hash(new, app.random()?).await?;
    Ok(Renewal { user, identity, hash })
}

/// `password`. An account that has none is deleted after a recent login.
struct DeleteAccount {
    password: Option<Password>,
}

impl Input for DeleteAccount {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { password: fields.optional_password("password") })
    }
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
    firebase: &'static str,
}

impl Deleted {
    const fn of(at_firebase: AtFirebase) -> Self {
        Self { deleted: true, firebase: at_firebase.word() }
    }
}

impl Sample for Deleted {
    const NAME: &'static str = "Deleted";
    const MEMBERS: &'static [Meaning] = &[
        ("deleted", "Always true."),
        (
            "firebase",
            "ended once the user at Firebase is deleted too, pending until then; empty where Firebase is told nothing.",
        ),
    ];

    fn sample() -> Self {
        Self::of(AtFirebase::Untold)
    }
}

/// 200 once the account, its identifiers and its sessions are gone. Many clients cannot send a body
/// with DELETE, hence `POST /me/delete`, and a hint for somebody whose body got lost.
async fn delete(
    State(app): State<App>,
    caller: Caller,
    method: Method,
    body: Result<Body<DeleteAccount>, Error>,
) -> Result<Json<Deleted>, Error> {
    let Body(input) = body?;
    let (user, identity) = match input.password {
        Some(password) => confirm(&app, &caller.user, caller.session, password).await?,
        None => match recent_login::confirm(&app, &caller.user, caller.auth_time).await? {
            Some(user) => (user, app.pseudonym(&caller.user.email_key)),
            None => return Err(password_missing(&method)),
        },
    };
    app.store().delete_confirmed(&user).await?;
    audit::record("account_deleted", &identity, &app.pseudonym(&user.id));
    app.store().forget_sessions(&user, |_| true).await;
    Ok(Json(Deleted::of(end_at_firebase(&app, &user.id).await)))
}

/// The error of a deletion without the password, with another way for a client that cannot send one
/// by DELETE.
fn password_missing(method: &Method) -> Error {
    let field = missing("password");
    let detail = format!("{} A client that cannot send a body with DELETE calls POST /me/delete.", field.detail());
    Error::wrong(vec![if *method == Method::DELETE { field.explained(detail) } else { field }])
}
