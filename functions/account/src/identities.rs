//! `/me/identities`: the sign-ins of other providers that open an account.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use serde::Serialize;
use shared::{
    App,
    account::{identity::ShownIdentity, user::User},
    auth::{ending::end_at_firebase, exchange::is_own_firebase_user, recent_login, session_object::end_of_sessions},
    config::EmailSignIn,
    error::Error,
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
        },
        caller::Caller,
        fields::described::Kind,
    },
    sample::{Meaning, Part, Sample, Shape},
    telemetry::audit,
};

const PROVIDER: Parameter = Parameter {
    name: "provider",
    place: Place::Path,
    kind: Kind::Text,
    text: "The provider, from the list of identities.",
    example: "google",
};

/// The endpoints of this part.
pub fn api() -> Api {
    let listing = Operation::new::<Identities>("identities", "List the linked sign-ins")
        .text("The sign-ins of other providers that open the account. `POST /exchange` with link adds one.")
        .tag(Tag::Account)
        .bearer();
    let unlinking = Operation::new::<Unlinked>("unlinkIdentity", "Unlink a sign-in")
        .text(
            "Takes the sign-ins of a provider from the account. All other sessions end. The login must be of the last \
             ten minutes.",
        )
        .tag(Tag::Account)
        .bearer()
        .parameters(&[PROVIDER])
        .fails(&[(401, "reauthentication_required"), (409, "last_way_in")]);
    Api::new().get("/me/identities", list, listing).delete("/me/identities/{provider}", unlink, unlinking)
}

#[derive(Serialize)]
struct Identities {
    identities: Vec<ShownIdentity>,
}

impl Sample for Identities {
    const NAME: &'static str = "Identities";
    const PARTS: &'static [Part] = &[("identities", Shape::of::<ShownIdentity>)];

    fn sample() -> Self {
        Self { identities: vec![ShownIdentity::sample()] }
    }
}

#[derive(Serialize)]
struct Unlinked {
    unlinked: bool,
}

impl Sample for Unlinked {
    const NAME: &'static str = "Unlinked";
    const MEMBERS: &'static [Meaning] =
        &[("unlinked", "Whether this request unlinked a sign-in; false if none of the provider was linked.")];

    fn sample() -> Self {
        Self { unlinked: true }
    }
}

/// 200 with the identities, the oldest first.
async fn list(Caller { user, .. }: Caller) -> Json<Identities> {
    Json(Identities { identities: user.identities.iter().map(|identity| identity.shown()).collect() })
}

/// 200 in any case but one; the body tells whether this request unlinked something. The last way in
/// stays.
async fn unlink(
    State(app): State<App>,
    caller: Caller,
    provider: Result<Path<String>, PathRejection>,
) -> Result<Json<Unlinked>, Error> {
    let provider = provider.map(|Path(provider)| provider).unwrap_or_default();
    let now = app.now();
    recent_login::require(caller.auth_time, now)?;
    let is_of_provider = |user: &User| user.identities.iter().any(|identity| identity.provider == provider);
    if !is_of_provider(&caller.user) {
        return Ok(Json(Unlinked { unlinked: false }));
    }
    let gone = || Error::unavailable("the account was changed or deleted meanwhile");
    let user = app.store().credentials(&caller.user).await?.ok_or_else(gone)?;
    if is_last_way_in(&app, &user, &provider) {
        return Err(Error::LastWayIn);
    }
    let end = end_of_sessions(&app, now);
    let change = |user: &mut User| {
        user.identities.retain(|identity| identity.provider != provider);
        user.end_sessions(end);
        user.void_proofs();
    };
    // A concurrent change could take the other way in, so that this one is of the account as read.
    let changed = app.store().change_if_unchanged(&user, caller.session, change).await?;
    audit::record("identity_unlinked", &app.pseudonym(&changed.email_key), &app.pseudonym(&changed.id));
    end_at_firebase(&app, &changed.id).await;
    Ok(Json(Unlinked { unlinked: true }))
}

/// Whether nobody could log in to the account without the identities of a provider.
fn is_last_way_in(app: &App, user: &User, provider: &str) -> bool {
    let has_password = user.password_hash.is_some();
    let has_other = user.identities.iter().any(|identity| identity.provider != provider);
    let accounts = &app.config().accounts;
    let has_code = !user.email.is_empty()
        && (accounts.email_sign_in != EmailSignIn::Off || accounts.admission.require_verified_email);
    is_own_firebase_user(user, provider) || !(has_password || has_other || has_code)
}
