//! `POST /admin/users`: a new account, whatever `SIGN_UP` says.

use std::time::Duration;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use shared::{
    App,
    account::{
        claims::OwnClaims,
        email::{Email, Username},
        metadata::{Metadata, MetadataChange},
        user::User,
    },
    auth::{
        handed_out::{self, Invitation, has_password},
        mailing::tell,
        new_password::refuse_breached,
    },
    config::ContinueUrl,
    error::{Error, Field},
    http::{
        admin::Admin,
        api::{
            Api, Operation, Parameter,
            operation::Place as In,
            refusals::{KEY_ALONE, Refusal},
        },
        body::Body,
        client_ip::ClientIp,
        fields::{self, Fields, Input, described::Kind},
        unknown::Place,
    },
    password::{Password, Person, StoredHash},
    store::{Creation, Fingerprint},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

use crate::{
    link::base,
    view::{AdminUser, Shown},
};

/// The time for which an idempotency key is remembered.
const IDEMPOTENCY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);

const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: In::Header,
    kind: Kind::Text,
    text: "A text of your own for this request. The same request with it can be sent again.",
    example: "new-user-7f3a",
};

const REFUSALS: &[Refusal] = &[
    (400, "weak_password"),
    (400, "unknown_field"),
    (409, "email_taken"),
    (409, "username_taken"),
    (409, "idempotency_key_reused"),
    (501, "not_configured"),
];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Shown>("adminCreateUser", "Create an account for somebody")
        .text(
            "Makes an account without a session, whatever SIGN_UP says. With send_invite its owner gets a mail with a link to \
             a first password, which is good for 72 hours. Without a password and an invitation, the owner begins with a code.",
        )
        .status(201)
        .admin_key()
        .parameters(&[IDEMPOTENCY_KEY])
        .body::<NewAccount>()
        .fails(REFUSALS)
        .fails(KEY_ALONE);
    Api::new().post("/admin/users", create, operation)
}

/// The fields of a new account.
struct NewAccount {
    email: Email,
    username: Option<Username>,
    name: String,
    metadata: Metadata,
    private_metadata: Option<MetadataChange>,
    claims: OwnClaims,
    role_id: Option<u32>,
    email_verified: bool,
    password: Option<Password>,
    /// The invitation, if one is wanted.
    invite: Option<Invitation>,
    /// The reason why the password is too weak, if it is.
    weakness: Option<Field>,
}

impl Input for NewAccount {
    const STORED_AT: Option<Place> = Some(Place::Admin);
    const MAY_SET_ALL: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.email("email");
        let password = fields.changed_password("password").flatten();
        let username = fields.username("username");
        let name = fields.name("name").unwrap_or_default();
        let role_id = role_id(fields);
        let email_verified = fields.changed_flag("email_verified").unwrap_or_default();
        let metadata = fields.metadata("metadata").unwrap_or_default();
        let private_metadata = fields.changed_private_metadata("private_metadata");
        let claims = fields.claims("claims").unwrap_or_default();
        let (is_invited, language) = (fields.flag("send_invite"), fields.language("locale"));
        let continue_url = fields.continue_url("continue_url");
        if is_invited && password.is_some() {
            fields.record(has_password("send_invite"));
        }
        let person = Person {
            email_key: email.as_ref().map_or("", Email::key),
            username: username.as_ref().map(Username::as_str),
            name: &name,
        };
        let weakness = password.as_ref().and_then(|password| fields.weakness("password", password, &person));
        if let Some(weakness) = &weakness {
            fields.also_refuse(weakness);
        }
        Some(Self {
            email: email?,
            username,
            name,
            metadata,
            private_metadata,
            claims,
            role_id,
            email_verified,
            password,
            invite: is_invited.then_some(Invitation { language, continue_url }),
            weakness,
        })
    }
}

/// Reads a role, if one was sent.
pub fn role_id(fields: &mut Fields) -> Option<u32> {
    fields.count("role_id", u32::MAX.into()).and_then(|id| u32::try_from(id).ok())
}

/// 201 with the account.
async fn create(
    State(app): State<App>,
    issuer: Issuer,
    admin: Admin,
    ip: ClientIp,
    headers: HeaderMap,
    Body(new): Body<NewAccount>,
) -> Result<(StatusCode, Json<Shown>), Error> {
    let key = fields::header(&headers, "idempotency-key")?;
    if let Some(role_id) = new.role_id {
        admin.by.require_for_role(&app, role_id)?;
    }
    if let Some(weakness) = new.weakness {
        return Err(Error::WeakPassword(weakness));
    }
    let hash = match &new.password {
        Some(password) => Some(hash(&app, password).await?),
        None => None,
    };
    let now = app.now();
    let private_metadata = match &new.private_metadata {
        Some(change) => Metadata::default().changed_by(change).map_err(|field| Error::wrong(vec![field]))?,
        None => Metadata::default(),
    };
    let fingerprint = key.map(|key| fingerprint(key, &ip, &new, now));
    let mut user = User::without_password(app.uuid()?, &new.email, new.username.as_ref(), new.name, now);
    user = user.with_metadata(new.metadata).with_private_metadata(private_metadata);
    user.claims = new.claims;
    user.password_hash = hash;
    user.role_id = new.role_id.unwrap_or(user.role_id);
    user.email_verified = new.email_verified;
    let invitation = match &new.invite {
        Some(chosen) => Some(handed_out::invitation(&app, &user, chosen, base(&app, &issuer), now).await?),
        None => None,
    };
    let made = app.store().create_user(&user, None, fingerprint.as_ref(), None, invitation.as_ref(), now).await?;
    if let Creation::Repeated { user_id } = made {
        let earlier = app.store().whole_again(&user_id).await?.ok_or(Error::IdempotencyKeyReused)?;
        return Ok((StatusCode::CREATED, Json(Shown { user: AdminUser::of(&app, &earlier) })));
    }
    let fields = if invitation.is_some() { "send_invite" } else { "" };
    audit::admin("admin_user_created", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id), fields);
    if let Some(invitation) = &invitation {
        tell(&app, &invitation.mail);
    }
    Ok((StatusCode::CREATED, Json(Shown { user: AdminUser::of(&app, &user) })))
}

/// The hash of a new password that is not known from a breach.
///
/// # Errors
///
/// 400 `weak_password` if it is known, 503 if it cannot be hashed.
pub async fn hash(app: &App, password: &Password) -> Result<StoredHash, Error> {
    refuse_breached(app, "password", password).await?;
    app.hasher().hash(password.clone(), app.random()?).await
}

/// The key of an admin is never one of a sign-up.
fn fingerprint(key: &str, ip: &ClientIp, new: &NewAccount, now: Timestamp) -> Fingerprint {
    let (role, verified) = (new.role_id.map(|id| id.to_string()).unwrap_or_default(), new.email_verified.to_string());
    let username = new.username.as_ref().map_or("", Username::as_str);
    let invite = new.invite.as_ref().map_or("", |chosen| chosen.language.tag());
    let app = new.invite.as_ref().and_then(|chosen| chosen.continue_url.as_ref()).map_or("", ContinueUrl::as_str);
    let fields = [username, &new.name, new.metadata.text(), &role, &verified, new.claims.text(), invite, app];
    Fingerprint::new(&format!("admin {key}"), ip.key(), &new.email, &fields, now + IDEMPOTENCY_LIFE)
}
