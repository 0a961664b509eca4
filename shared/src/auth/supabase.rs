//! Users and sessions, as the client libraries of Supabase read them.
//!
//! The forms are those of its server GoTrue, whose clients are used unchanged.

use serde::{Serialize, Serializer, ser::SerializeMap};

use super::session_object::SessionObject;
use crate::{
    account::user::Profile,
    jose::members::members,
    sample::{Meaning, Part, Sample, Shape},
};

/// `aud` and `role` of everybody who is logged in.
const AUTHENTICATED: &str = "authenticated";
/// The only way to sign in.
const PROVIDER: &str = "email";
/// The keys of `user_metadata` that the account itself decides.
const OWN_KEYS: [&str; 2] = ["name", "email_verified"];

/// A session with its user.
#[derive(Serialize)]
pub struct SupabaseSession {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    /// In seconds since the epoch. The clients count with the number.
    expires_at: i64,
    refresh_token: String,
    user: SupabaseUser,
}

/// A user.
#[derive(Serialize)]
pub struct SupabaseUser {
    id: String,
    aud: &'static str,
    role: &'static str,
    email: String,
    phone: &'static str,
    /// There only if the address is verified. The time of that is not kept, so that it is the time
    /// of the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    email_confirmed_at: Option<String>,
    app_metadata: AppMetadata,
    user_metadata: UserMetadata,
    identities: [Identity; 1],
    created_at: String,
    updated_at: String,
    is_anonymous: bool,
}

#[derive(Serialize)]
struct AppMetadata {
    provider: &'static str,
    providers: [&'static str; 1],
    role_id: u32,
}

/// The way of the user to sign in. An app takes an empty list for an address that is taken.
#[derive(Serialize)]
struct Identity {
    identity_id: String,
    id: String,
    user_id: String,
    identity_data: IdentityData,
    provider: &'static str,
    created_at: String,
    updated_at: String,
}

#[derive(Serialize)]
struct IdentityData {
    sub: String,
    email: String,
    email_verified: bool,
}

/// The metadata of the account, with its name. `None` is the example of the description.
struct UserMetadata(Option<Profile>);

impl Serialize for UserMetadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        if let Some(profile) = &self.0 {
            map.serialize_entry("name", &profile.name)?;
            map.serialize_entry("email_verified", &profile.email_verified)?;
            let own = members(profile.metadata.text().as_bytes()).unwrap_or_default();
            for (key, value) in own.iter().filter(|(key, _)| !OWN_KEYS.contains(&key.as_str())) {
                map.serialize_entry(key, value)?;
            }
        }
        map.end()
    }
}

impl From<Profile> for SupabaseUser {
    fn from(profile: Profile) -> Self {
        let Profile { id, email, email_verified, created_at, role_id, .. } = profile.clone();
        Self {
            id: id.clone(),
            aud: AUTHENTICATED,
            role: AUTHENTICATED,
            email: email.clone(),
            phone: "",
            email_confirmed_at: email_verified.then(|| created_at.clone()),
            app_metadata: AppMetadata { provider: PROVIDER, providers: [PROVIDER], role_id },
            user_metadata: UserMetadata(Some(profile)),
            identities: [Identity {
                identity_id: id.clone(),
                id: id.clone(),
                user_id: id.clone(),
                identity_data: IdentityData { sub: id, email, email_verified },
                provider: PROVIDER,
                created_at: created_at.clone(),
                updated_at: created_at.clone(),
            }],
            // Clients in Swift refuse a user without it, and no time of a change is kept.
            updated_at: created_at.clone(),
            created_at,
            is_anonymous: false,
        }
    }
}

impl From<SessionObject> for SupabaseSession {
    fn from(session: SessionObject) -> Self {
        Self {
            access_token: session.access_token,
            token_type: "bearer",
            expires_in: session.expires_in,
            expires_at: session.end.map_or(0, |end| end.seconds()),
            refresh_token: session.refresh_token,
            user: session.user.into(),
        }
    }
}

impl Sample for SupabaseUser {
    const NAME: &'static str = "SupabaseUser";
    const MEMBERS: &'static [Meaning] = &[
        ("email_confirmed_at", "There only if the address is verified."),
        ("user_metadata", "The metadata of the account, with name and email_verified."),
        ("identities", "The address and the password, the only way to sign in."),
        ("updated_at", "The time when the account was made: no time of a change is kept."),
    ];
    const OPTIONAL: &'static [&'static str] = &["email_confirmed_at"];

    fn sample() -> Self {
        let user = Self::from(Profile::sample());
        Self { email_confirmed_at: Some(user.created_at.clone()), user_metadata: UserMetadata(None), ..user }
    }
}

impl Sample for SupabaseSession {
    const NAME: &'static str = "SupabaseSession";
    const MEMBERS: &'static [Meaning] = &[
        ("expires_in", "The life of access_token, in seconds."),
        ("expires_at", "The end of that life, in seconds since the epoch."),
    ];
    const PARTS: &'static [Part] = &[("user", Shape::of::<SupabaseUser>)];

    fn sample() -> Self {
        Self { expires_at: 1_795_901_475, user: SupabaseUser::sample(), ..SessionObject::sample().into() }
    }
}

/// The answer to a sign-up: a session, or the user alone while the address must be verified.
#[derive(Serialize)]
pub struct SignedUp {
    #[serde(flatten)]
    session: Option<SupabaseSession>,
    #[serde(flatten)]
    user: Option<SupabaseUser>,
}

impl From<SessionObject> for SignedUp {
    fn from(session: SessionObject) -> Self {
        if session.access_token.is_empty() {
            return Self { session: None, user: Some(session.user.into()) };
        }
        Self { session: Some(session.into()), user: None }
    }
}

impl Sample for SignedUp {
    const NAME: &'static str = "SupabaseSignUp";
    const MEMBERS: &'static [Meaning] = &[
        ("user", "There with a session. Otherwise the members of the user stand beside each other."),
        ("expires_at", "The end of the life of access_token, in seconds since the epoch."),
    ];
    const OPTIONAL: &'static [&'static str] = &[
        "access_token",
        "token_type",
        "expires_in",
        "expires_at",
        "refresh_token",
        "user",
        "id",
        "aud",
        "role",
        "email",
        "phone",
        "email_confirmed_at",
        "app_metadata",
        "user_metadata",
        "identities",
        "created_at",
        "updated_at",
        "is_anonymous",
    ];
    const PARTS: &'static [Part] = &[("user", Shape::of::<SupabaseUser>)];

    fn sample() -> Self {
        Self { session: Some(SupabaseSession::sample()), user: Some(SupabaseUser::sample()) }
    }
}
