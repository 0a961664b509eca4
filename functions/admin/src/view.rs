//! An account as an admin sees it. No answer has a hash, a code or a key.

use serde::Serialize;
use shared::{
    App,
    account::{
        claims::{OwnClaims, as_object},
        identity::{Identity, ShownIdentity},
        metadata::Metadata,
        user::User,
    },
    sample::{Meaning, Part, Sample, Shape},
    time::Timestamp,
};

/// An account. Every member is always there.
#[derive(Serialize)]
pub struct AdminUser {
    id: String,
    email: String,
    email_verified: bool,
    username: String,
    name: String,
    role_id: u32,
    role: String,
    disabled: bool,
    has_password: bool,
    #[serde(serialize_with = "as_object")]
    claims: OwnClaims,
    metadata: Metadata,
    private_metadata: Metadata,
    identities: Vec<ShownIdentity>,
    created_at: String,
    sessions_ended_at: String,
    test_code_until: String,
    version: u64,
}

impl AdminUser {
    /// The view of an account that was read with its password hash.
    pub fn of(app: &App, user: &User) -> Self {
        Self {
            id: user.id.clone(),
            email: user.email.clone(),
            email_verified: user.email_verified,
            username: user.username.clone().unwrap_or_default(),
            name: user.name.clone(),
            role_id: user.role_id,
            role: app.config().accounts.roles.name(user.role_id).to_owned(),
            disabled: user.disabled,
            has_password: user.password_hash.is_some(),
            claims: user.claims.clone(),
            metadata: user.metadata.clone(),
            private_metadata: user.private_metadata.clone(),
            identities: user.identities.iter().map(Identity::shown).collect(),
            created_at: user.created_at.rfc3339(),
            sessions_ended_at: user.sessions_ended_at.map(Timestamp::rfc3339).unwrap_or_default(),
            test_code_until: until(app, user),
            version: user.version,
        }
    }
}

/// The end of the fixed code, empty if there is none or its time is over.
fn until(app: &App, user: &User) -> String {
    let until = user.test_code.as_ref().map(|code| code.until).filter(|until| app.now() < *until);
    until.map(Timestamp::rfc3339).unwrap_or_default()
}

impl Sample for AdminUser {
    const NAME: &'static str = "AdminUser";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "The user's id, and the uid at Firebase."),
        ("email", "The address as it was typed."),
        ("email_verified", "Whether the address is known to belong to the person."),
        ("username", "In lower case; empty if there is none."),
        ("name", "Empty if none was given."),
        ("role_id", "Its meaning is the app's business."),
        ("role", "The name of the role, where ROLES has one; otherwise empty."),
        ("disabled", "Whether the account is refused everywhere."),
        ("has_password", "Whether somebody can log in with a password."),
        ("claims", "The claims that stand in the tokens of this account."),
        ("metadata", "The person's own JSON object."),
        ("identities", "The sign-ins of other providers that open the account."),
        ("private_metadata", "A JSON object of yours, which the person never sees."),
        ("created_at", "The time when the account was made."),
        ("sessions_ended_at", "The time when all sessions were last ended; empty if never."),
        ("test_code_until", "The end of the fixed code for reviewers; empty if there is none."),
        ("version", "Every change of what admits the person raises it. Name and metadata change without it."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["sessions_ended_at", "test_code_until"];
    const PARTS: &'static [Part] = &[("identities", Shape::of::<ShownIdentity>)];

    fn sample() -> Self {
        Self {
            id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            email: "james@example.com".to_owned(),
            email_verified: false,
            username: "james".to_owned(),
            name: "James".to_owned(),
            role_id: 1,
            role: String::new(),
            disabled: false,
            has_password: true,
            claims: OwnClaims::default(),
            metadata: Metadata::default(),
            private_metadata: Metadata::default(),
            identities: vec![ShownIdentity::sample()],
            created_at: "2026-05-01T09:00:00Z".to_owned(),
            sessions_ended_at: String::new(),
            test_code_until: String::new(),
            version: 0,
        }
    }
}

/// An answer with one account.
#[derive(Serialize)]
pub struct Shown {
    /// The account.
    pub user: AdminUser,
}

impl Sample for Shown {
    const NAME: &'static str = "AdminUserAnswer";
    const PARTS: &'static [Part] = &[("user", Shape::of::<AdminUser>)];

    fn sample() -> Self {
        Self { user: AdminUser::sample() }
    }
}
