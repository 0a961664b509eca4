//! Events of accounts, which a webhook is told of: their types, and the message of each.

use std::fmt;

use serde::Serialize;

use crate::{
    account::{metadata::Metadata, user::User},
    time::Timestamp,
};

/// The type of an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventType {
    /// An account is new. An import tells nothing.
    UserCreated,
    /// The `user` of a message would be another one, for whatever reason.
    UserUpdated,
    /// An account is deleted.
    UserDeleted,
    /// An account is disabled.
    UserDisabled,
    /// An account is no longer disabled.
    UserEnabled,
    /// The address of an account is verified.
    UserVerified,
    /// An account has another address.
    UserEmailChanged,
    /// A session has begun, at an account that was there before.
    UserSignedIn,
    /// An identity of a provider is linked.
    IdentityLinked,
    /// The password is set, replaced or removed.
    PasswordChanged,
}

impl EventType {
    /// All types.
    pub const ALL: [Self; 10] = [
        Self::UserCreated,
        Self::UserUpdated,
        Self::UserDeleted,
        Self::UserDisabled,
        Self::UserEnabled,
        Self::UserVerified,
        Self::UserEmailChanged,
        Self::UserSignedIn,
        Self::IdentityLinked,
        Self::PasswordChanged,
    ];

    /// The name in messages and settings.
    pub const fn name(self) -> &'static str {
        match self {
            Self::UserCreated => "user.created",
            Self::UserUpdated => "user.updated",
            Self::UserDeleted => "user.deleted",
            Self::UserDisabled => "user.disabled",
            Self::UserEnabled => "user.enabled",
            Self::UserVerified => "user.verified",
            Self::UserEmailChanged => "user.email_changed",
            Self::UserSignedIn => "user.signed_in",
            Self::IdentityLinked => "identity.linked",
            Self::PasswordChanged => "password.changed",
        }
    }

    /// The type with this name.
    pub fn of_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|of| of.name() == name)
    }

    /// The types of a change of an account. There are several if a change does several things, and
    /// none if nobody outside would see it.
    pub fn of_change(before: &User, after: &User) -> Vec<Self> {
        // A hash of new parameters is of the same password, and leaves codes and links alone.
        let hash = |user: &User| user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
        let is_new = |identity: &&_| !before.identities.iter().any(|other| other.is_same(identity));
        let found = [
            (Self::UserUpdated, !Shown::of(before, 0).is_same(&Shown::of(after, 0))),
            (Self::UserDisabled, !before.disabled && after.disabled),
            (Self::UserEnabled, before.disabled && !after.disabled),
            (Self::UserVerified, !before.email_verified && after.email_verified),
            (Self::UserEmailChanged, before.email_key != after.email_key),
            (Self::IdentityLinked, after.identities.iter().filter(is_new).count() > 0),
            (Self::PasswordChanged, before.proof != after.proof && hash(before) != hash(after)),
        ];
        found.into_iter().filter(|(_, is)| *is).map(|(of, _)| of).collect()
    }
}

/// The types that a webhook is told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EventTypes(Vec<EventType>);

impl EventTypes {
    /// These types.
    pub fn new(types: Vec<EventType>) -> Self {
        Self(types)
    }

    /// All types but `user.signed_in`, which every login would be.
    pub fn usual() -> Self {
        Self(EventType::ALL.into_iter().filter(|of| *of != EventType::UserSignedIn).collect())
    }

    /// Whether the webhook is told of this type.
    pub fn has(&self, of: EventType) -> bool {
        self.0.contains(&of)
    }
}

impl fmt::Display for EventTypes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.0.iter().map(|of| of.name()).collect();
        formatter.write_str(&names.join(", "))
    }
}

/// The account in a message: whatever a copy of the account elsewhere needs. No hash, no claim and
/// no private metadata is in it.
#[derive(Serialize)]
struct Shown<'a> {
    id: &'a str,
    email: &'a str,
    email_verified: bool,
    username: &'a str,
    name: &'a str,
    role_id: u32,
    disabled: bool,
    /// The providers that open the account.
    providers: Vec<&'a str>,
    metadata: &'a Metadata,
    created_at: String,
    version: u64,
}

impl<'a> Shown<'a> {
    fn of(user: &'a User, version: u64) -> Self {
        Self {
            id: &user.id,
            email: &user.email,
            email_verified: user.email_verified,
            username: user.username.as_deref().unwrap_or_default(),
            name: &user.name,
            role_id: user.role_id,
            disabled: user.disabled,
            providers: user.identities.iter().map(|identity| identity.provider.as_str()).collect(),
            metadata: &user.metadata,
            created_at: user.created_at.rfc3339(),
            version,
        }
    }

    fn is_same(&self, other: &Self) -> bool {
        let flags = |shown: &Self| (shown.email_verified, shown.disabled, shown.role_id);
        let texts = |shown: &Self| [shown.email, shown.username, shown.name].map(str::to_owned);
        flags(self) == flags(other)
            && texts(self) == texts(other)
            && self.providers == other.providers
            && self.metadata == other.metadata
    }
}

/// The message about an account: `{"type", "timestamp", "data": {"user"}}`, in the form that
/// Standard Webhooks recommends. `version` is that of the account after the change.
pub fn message(of: &str, user: &User, version: u64, at: Timestamp) -> String {
    #[derive(Serialize)]
    struct Message<'a> {
        r#type: &'a str,
        timestamp: String,
        data: Data<'a>,
    }
    #[derive(Serialize)]
    struct Data<'a> {
        user: Shown<'a>,
    }
    let message = Message { r#type: of, timestamp: at.rfc3339_exact(), data: Data { user: Shown::of(user, version) } };
    serde_json::to_string(&message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        account::{
            email::{Email, Username},
            identity::{IDENTITIES_MAX, Identity},
            metadata,
        },
        password::StoredHash,
    };

    const NOW: Timestamp = Timestamp::from_milliseconds(1_779_894_000_123);

    fn user() -> User {
        let (email, username) = (Email::parse("James@yopmail.com").unwrap(), Username::parse("james").unwrap());
        User::new("u".to_owned(), &email, Some(&username), "James".to_owned(), StoredHash::new("hash"), NOW)
    }

    #[test]
    fn a_message_has_the_account_with_its_version_and_nothing_secret() {
        let mut user = user().with_private_metadata(Metadata::parse(r#"{"note": "hunter2"}"#).unwrap());
        user.link(Identity::new("google", "https://accounts.google.com", "1", NOW));
        let body: Value = serde_json::from_str(&message("user.created", &user, 7, NOW)).unwrap();
        let expected = json!({
            "type": "user.created",
            "timestamp": "2026-05-27T15:00:00.123Z",
            "data": {"user": {
                "id": "u", "email": "James@yopmail.com", "email_verified": false, "username": "james",
                "name": "James", "role_id": 1, "disabled": false, "providers": ["google"], "metadata": {},
                "created_at": "2026-05-27T15:00:00Z", "version": 7,
            }},
        });
        assert_eq!(body, expected);
    }

    #[test]
    fn the_longest_message_stays_below_20_000_bytes() {
        let local = "a".repeat(64);
        let labels = ["b".repeat(63), "c".repeat(63), "d".repeat(57)].join(".");
        let mut user = user();
        user.id = "\u{1F600}".repeat(32);
        user.email = format!("{local}@{labels}.de");
        // JSON writes six bytes for a control character, and the longest names have four of UTF-8.
        user.name = "\u{1F600}".repeat(128);
        user.username = Some("j".repeat(64));
        user.metadata = Metadata::parse(&format!(r#"{{"a":"{}"}}"#, "x".repeat(metadata::BYTES_MAX - 8))).unwrap();
        for number in 0..IDENTITIES_MAX {
            assert!(user.link(Identity::new(&"p".repeat(64), "issuer", &number.to_string(), NOW)));
        }
        let length = message("user.email_changed", &user, u64::MAX, NOW).len();
        assert!((5_000..20_000).contains(&length), "{length}");
    }

    #[test]
    fn a_change_is_of_each_type_that_it_is() {
        let change = |change: fn(&mut User)| {
            let (before, mut after) = (user(), user());
            change(&mut after);
            EventTypes::new(EventType::of_change(&before, &after)).to_string()
        };
        assert_eq!(change(|_| {}), "");
        assert_eq!(change(|user| user.name = "Jim".to_owned()), "user.updated");
        assert_eq!(change(|user| user.metadata = Metadata::parse(r#"{"a":1}"#).unwrap()), "user.updated");
        assert_eq!(change(|user| user.role_id = 2), "user.updated");
        assert_eq!(change(|user| user.disable(NOW)), "user.updated, user.disabled");
        assert_eq!(change(|user| user.email_verified = true), "user.updated, user.verified");
        let moved = |user: &mut User| user.move_to(&Email::parse("a@yopmail.com").unwrap(), false, false, NOW);
        assert_eq!(change(moved), "user.updated, user.email_changed");
        let linked = |user: &mut User| assert!(user.link(Identity::new("google", "issuer", "1", NOW)));
        assert_eq!(change(linked), "user.updated, identity.linked");
        assert_eq!(change(|user| user.set_password(StoredHash::new("other"), NOW)), "password.changed");
        assert_eq!(change(|user| user.remove_password(NOW)), "password.changed");
        // A login computes the hash anew after a change of the parameters.
        assert_eq!(change(|user| user.password_hash = Some(StoredHash::new("other"))), "");
        assert_eq!(change(|user| user.end_sessions(NOW)), "");
        let (mut before, after) = (user(), user());
        before.disable(NOW);
        assert_eq!(EventTypes::new(EventType::of_change(&before, &after)).to_string(), "user.updated, user.enabled");
    }

    #[test]
    fn a_type_is_found_by_its_name() {
        for of in EventType::ALL {
            assert_eq!(EventType::of_name(of.name()), Some(of));
        }
        assert_eq!(EventType::of_name("user.*"), None);
        assert!(!EventTypes::usual().has(EventType::UserSignedIn) && EventTypes::usual().has(EventType::UserCreated));
    }
}
