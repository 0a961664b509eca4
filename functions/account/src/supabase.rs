//! `/auth/v1/user`: the account, as the client libraries of Supabase show and change it.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{metadata::MetadataChange, user::User},
    auth::{
        ending::end_at_firebase,
        mailing::{notice, tell},
        session_object::end_of_sessions,
        supabase::SupabaseUser,
    },
    error::{Error, Field},
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        caller::Caller,
        fields::{Fields, Input},
    },
    mail::{Kind, Language},
    password::{Password, Person},
    store::ProfileChange,
    telemetry::audit,
};

use crate::{Renewal, describe, renew};

/// The keys of `data` that apps write the name under.
const NAMES: [&str; 3] = ["name", "full_name", "display_name"];

/// The endpoints of this part.
pub fn api() -> Api {
    let show_user = Operation::new::<SupabaseUser>("supabaseUser", "Show my account, for Supabase")
        .text("The account of the session.")
        .tag(Tag::Supabase)
        .bearer();
    let change_user = Operation::new::<SupabaseUser>("supabaseUpdateUser", "Change my account, for Supabase")
        .text("Changes the password, with current_password, or the metadata, key by key. Other sessions end with a password.")
        .tag(Tag::Supabase)
        .bearer()
        .body::<Changes>()
        .fails(ATTEMPT)
        .fails(&[(400, "weak_password"), (400, "reauthentication_needed"), (403, "password_incorrect")]);
    Api::new().get("/auth/v1/user", show, show_user).put("/auth/v1/user", change, change_user)
}

/// 200 with the user.
async fn show(Caller { user, .. }: Caller) -> Json<SupabaseUser> {
    Json(user.profile().into())
}

/// `data`, or `password` with `current_password`. An `email` must be the account's own.
struct Changes {
    email: Option<String>,
    name: Option<String>,
    metadata: Option<MetadataChange>,
    password: Option<Password>,
    current_password: Option<Password>,
}

impl Input for Changes {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.optional("email");
        let password = fields.optional_new_password("password");
        let current_password = fields.optional_password("current_password");
        let metadata = fields.changed_metadata("data");
        let name = metadata.as_ref().and_then(|data| data.text_of(&NAMES));
        let name = name.and_then(|text| fields.named("data", &text));
        // The rules about the person wait for the account, which this reader does not know.
        let weakness = password.as_ref().and_then(|new| fields.weakness("password", new, &Person::UNKNOWN));
        if let Some(weakness) = &weakness {
            fields.also_refuse(weakness);
        }
        Some(Self { email, name, metadata, password, current_password })
    }
}

/// 200 with the user as it is now. The session of the request goes on, unlike at `/me/password`:
/// the client keeps its tokens.
async fn change(
    State(app): State<App>,
    caller: Caller,
    Body(changes): Body<Changes>,
) -> Result<Json<SupabaseUser>, Error> {
    if changes.email.is_some_and(|email| !email.eq_ignore_ascii_case(&caller.user.email)) {
        let detail = "An e-mail address is changed by POST /me/email, which mails a code to the new one.";
        let field = Field::new("email", "not_settable", "An e-mail address cannot be changed here.");
        return Err(Error::wrong(vec![field.explained(detail)]));
    }
    if let Some(new) = changes.password {
        let current = changes.current_password.ok_or(Error::ReauthenticationNeeded)?;
        change_password(&app, &caller, current, new).await?;
    }
    let described =
        ProfileChange { name: changes.name.as_deref(), metadata: changes.metadata.as_ref(), private_metadata: None };
    let user = if described.name.is_some() || described.metadata.is_some() {
        // A new password has changed the account since it was read.
        let user = app.store().user(&caller.user.id).await?.ok_or(Error::TokenMissing)?;
        describe(&app, &user, &described).await?
    } else {
        caller.user
    };
    Ok(Json(user.profile().into()))
}

/// Replaces the password. All other sessions end.
async fn change_password(app: &App, caller: &Caller, current: Password, new: Password) -> Result<(), Error> {
    let Renewal { user, identity, hash } = renew(app, caller, "password", current, new).await?;
    let now = app.now();
    let end = end_of_sessions(app, now);
    let change = |user: &mut User| user.set_password(hash.clone(), end);
    let mails = notice(app, Kind::PasswordChanged, &user, Language::English, now)?;
    let store = app.store();
    match caller.session {
        Some(session) => store.change_keeping(&user, session, &mails, true, change).await?,
        // A Firebase sign-in has no session of its own, and ends with all others.
        None => store.update_user(&user, change).await?,
    };
    mails.iter().for_each(|mail| tell(app, mail));
    audit::record("password_changed", &identity, &app.pseudonym(&user.id));
    store.forget_sessions(&user, |_| true).await;
    end_at_firebase(app, &user.id).await;
    Ok(())
}
