//! `PATCH /admin/users/{id}`: changes an account.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{
        claims::OwnClaims,
        email::{Email, Username},
        metadata::MetadataChange,
        user::User,
    },
    auth::{ending::end_at_firebase, new_password::refuse_weak, session_object::end_of_sessions},
    error::Error,
    http::{
        admin::Admin,
        api::{
            Api, Operation,
            refusals::{KEY_ALONE, Refusal},
        },
        body::Body,
        fields::{Fields, Input},
        unknown::Place,
    },
    password::{Password, Person, StoredHash},
    store::ProfileChange,
    telemetry::audit,
    time::Timestamp,
};

use crate::{
    create::{hash, role_id},
    show::{ID, IdInPath, account_to_change},
    view::{AdminUser, Shown},
};

const REFUSALS: &[Refusal] = &[
    (400, "weak_password"),
    (400, "unknown_field"),
    (404, "user_not_found"),
    (409, "email_taken"),
    (409, "username_taken"),
    (409, "version_conflict"),
];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Shown>("adminChangeUser", "Change an account")
        .text(
            "A missing field changes nothing. An empty password or username removes it. Metadata is changed key by key. A \
             new password or address, and disabling, end all sessions. Verifying an address ends what was set before it, \
             unless keep_password is true.",
        )
        .admin_key()
        .parameters(&[ID])
        .body::<Changes>()
        .fails(REFUSALS)
        .fails(KEY_ALONE);
    Api::new().patch("/admin/users/{id}", change, operation)
}

/// The fields that change.
struct Changes {
    email: Option<Email>,
    username: Option<Option<Username>>,
    name: Option<String>,
    metadata: Option<MetadataChange>,
    private_metadata: Option<MetadataChange>,
    claims: Option<OwnClaims>,
    role_id: Option<u32>,
    email_verified: Option<bool>,
    disabled: Option<bool>,
    password: Option<Option<Password>>,
    keep_password: bool,
    end_sessions: bool,
    version: Option<u64>,
}

impl Input for Changes {
    const STORED_AT: Option<Place> = Some(Place::Admin);
    const MAY_SET_ALL: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        let (email, username) = (fields.changed_email("email"), fields.changed_username("username"));
        let (name, metadata) = (fields.name("name"), fields.changed_metadata("metadata"));
        let (role_id, password) = (role_id(fields), fields.changed_password("password"));
        let (email_verified, disabled) = (fields.changed_flag("email_verified"), fields.changed_flag("disabled"));
        let (keep_password, end_sessions) = (fields.flag("keep_password"), fields.flag("end_sessions"));
        let (claims, private_metadata) = (fields.claims("claims"), fields.changed_private_metadata("private_metadata"));
        let version = fields.whole_number("version");
        Some(Self {
            email,
            username,
            name,
            metadata,
            private_metadata,
            claims,
            role_id,
            email_verified,
            disabled,
            password,
            keep_password,
            end_sessions,
            version,
        })
    }
}

impl Changes {
    /// The names of the fields that change something, for the log.
    fn names(&self) -> Vec<&'static str> {
        let all = [
            (self.email.is_some(), "email"),
            (self.username.is_some(), "username"),
            (self.name.is_some(), "name"),
            (self.metadata.is_some(), "metadata"),
            (self.private_metadata.is_some(), "private_metadata"),
            (self.claims.is_some(), "claims"),
            (self.role_id.is_some(), "role_id"),
            (self.email_verified.is_some(), "email_verified"),
            (self.disabled.is_some(), "disabled"),
            (self.password.is_some(), "password"),
            (self.end_sessions, "end_sessions"),
        ];
        all.into_iter().filter(|(changes, _)| *changes).map(|(_, name)| name).collect()
    }

    /// Changes whatever admits. The password comes last, so that it is the new owner's.
    fn apply(&self, user: &mut User, hash: Option<&StoredHash>, end: Timestamp) {
        let epoch = user.epoch;
        if let Some(email) = &self.email {
            user.move_to(email, self.email_verified == Some(true), self.keep_password, end);
        }
        match self.email_verified {
            Some(true) => user.verify_address(self.keep_password, end),
            Some(false) => user.email_verified = false,
            None => {}
        }
        if let Some(username) = &self.username {
            user.username = username.as_ref().map(|username| username.as_str().to_owned());
        }
        user.role_id = self.role_id.unwrap_or(user.role_id);
        if let Some(claims) = &self.claims {
            user.claims.clone_from(claims);
        }
        match (self.disabled, user.disabled) {
            (Some(true), false) => user.disable(end),
            (Some(disabled), _) => user.disabled = disabled,
            (None, _) => {}
        }
        match (&self.password, hash) {
            (Some(Some(_)), Some(hash)) => user.set_password(hash.clone(), end),
            (Some(None), _) => user.remove_password(end),
            (Some(Some(_)) | None, _) => {}
        }
        if self.end_sessions && user.epoch == epoch {
            user.end_sessions(end);
        }
    }
}

/// 200 with the account as it is now.
async fn change(
    State(app): State<App>,
    admin: Admin,
    id: IdInPath,
    Body(changes): Body<Changes>,
) -> Result<Json<Shown>, Error> {
    let user = account_to_change(&app, &admin, id).await?;
    if let Some(role_id) = changes.role_id {
        admin.by.require_for_role(&app, role_id)?;
    }
    if changes.version.is_some_and(|version| version != user.version) {
        return Err(Error::VersionConflict);
    }
    let names = changes.names();
    if names.is_empty() {
        return Ok(Json(Shown { user: AdminUser::of(&app, &user) }));
    }
    let hash = match changes.password.as_ref().and_then(Option::as_ref) {
        Some(password) => Some(new_hash(&app, password, &changes, &user).await?),
        None => None,
    };
    let end = end_of_sessions(&app, app.now());
    let described = ProfileChange {
        name: changes.name.as_deref(),
        metadata: changes.metadata.as_ref(),
        private_metadata: changes.private_metadata.as_ref(),
    };
    let apply = |user: &mut User| changes.apply(user, hash.as_ref(), end);
    let changed = app.store().change_as_admin(&user, changes.version, apply, described).await?;
    let changed = changed.ok_or(Error::VersionConflict)?;
    let (identity, pseudonym) = (app.pseudonym(&changed.email_key), app.pseudonym(&changed.id));
    audit::admin("admin_user_changed", &identity, &pseudonym, &names.join(","));
    if changed.epoch != user.epoch {
        app.store().forget_sessions(&user, |_| true).await;
    }
    end_at_firebase(&app, &changed.id).await;
    Ok(Json(Shown { user: AdminUser::of(&app, &changed) }))
}

/// The hash of a new password, which must suit the account as it will be.
async fn new_hash(app: &App, password: &Password, changes: &Changes, user: &User) -> Result<StoredHash, Error> {
    let username = match &changes.username {
        Some(username) => username.as_ref().map(Username::as_str),
        None => user.username.as_deref(),
    };
    let person = Person {
        email_key: changes.email.as_ref().map_or(&user.email_key, Email::key),
        username,
        name: changes.name.as_deref().unwrap_or(&user.name),
    };
    refuse_weak(app, "password", password, &person)?;
    hash(app, password).await
}
