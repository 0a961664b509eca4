//! Accounts: the record of a person, and the part of it that answers show.

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;
use uuid::Uuid;

use crate::{
    account::{
        address_change::UndoLink,
        claims::OwnClaims,
        email::{Email, Username},
        identity::{IDENTITIES_MAX, Identity},
        metadata::Metadata,
        test_code::TestCode,
    },
    password::StoredHash,
    sample::{Meaning, Sample},
    text::{is_bidi_control, trimmed},
    time::Timestamp,
};

/// The role of every new account. The app decides what a role means.
pub const ROLE_ID_NEW: u32 = 1;
/// The version of the UUIDs that are the ids of new accounts.
const UUID_VERSION: usize = 7;
/// The longest display name, in code points.
const NAME_CODE_POINTS_MAX: usize = 128;

/// An account, as the store keeps it.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct User {
    /// UUIDv7 text of 36 characters. An imported account may keep its earlier id: 1 to 128 bytes
    /// without control characters. Also the Firebase uid.
    pub id: String,
    /// The e-mail address, as typed. Empty for an account of a provider that told none.
    pub email: String,
    /// The form of the address that is compared, and the key of a login record if there is one.
    pub email_key: String,
    /// The username in lower case, and the key of another login record.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The display name, empty if none was given.
    pub name: String,
    /// The person's own JSON object. It is in the profile record alone.
    #[serde(skip)]
    pub metadata: Metadata,
    /// The JSON object of whoever runs the service. Nobody else sees it, and no token has it. It is
    /// in the profile record alone.
    #[serde(skip)]
    pub private_metadata: Metadata,
    /// The claims that go into the tokens of this account.
    #[serde(default, skip_serializing_if = "OwnClaims::is_empty")]
    pub claims: OwnClaims,
    /// Whether name and metadata are in a profile record of their own, where they change without
    /// the account.
    #[serde(default, skip_serializing_if = "is_false")]
    pub has_profile: bool,
    /// The role, which the app gives its meaning. A new account has 1.
    pub role_id: u32,
    /// Whether the address is known to belong to the owner.
    pub email_verified: bool,
    /// Whether the account is disabled. Its owner gets 403 `account_disabled`, after the right
    /// password or with a genuine token. Nobody else learns it.
    pub disabled: bool,
    /// `None` for an account without a password, and where [`Origin::is_without_hash`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password_hash: Option<StoredHash>,
    /// A number that is raised to end every session at once. A session of another epoch is over.
    pub epoch: u64,
    /// A number that every change of a credential or of the address raises. Whatever was mailed
    /// before holds the earlier number, and is void.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub proof: u64,
    /// The accounts of other providers that open this one. Each is the key of another record.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub identities: Vec<Identity>,
    /// The links that take changes of the address back, the oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undo_links: Vec<UndoLink>,
    /// The fixed code that logs in to this account, for whoever tests or reviews an app.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub test_code: Option<TestCode>,
    /// The time when the epoch was last raised. A Firebase token with an earlier `auth_time` is
    /// revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sessions_ended_at: Option<Timestamp>,
    /// Whether the account was imported with its Firebase uid. The Firebase user then keeps its own
    /// ways to sign in there.
    #[serde(default, skip_serializing_if = "is_false")]
    pub imported_uid: bool,
    /// The profile that Firebase was last told, as a digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub firebase_digest: Option<String>,
    /// A number that every change raises. A change is written only if the version is the one that
    /// the change has read.
    pub version: u64,
    /// The time when the account was created.
    pub created_at: Timestamp,
    /// The record that the account was read from.
    #[serde(skip)]
    pub origin: Origin,
}

/// The record that an account was read from. The default is the account that is new, or known
/// whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The record has no password hash, whether or not the account has a password.
    pub is_without_hash: bool,
    /// The record is one of release 0.1.0, which kept the hash in every record.
    pub is_outdated: bool,
}

impl User {
    /// A new account with the role [`ROLE_ID_NEW`] and an unverified address.
    pub fn new(
        id: String,
        email: &Email,
        username: Option<&Username>,
        name: String,
        hash: StoredHash,
        now: Timestamp,
    ) -> Self {
        Self { password_hash: Some(hash), ..Self::without_password(id, email, username, name, now) }
    }

    /// Like [`User::new`], for an account whose owner begins without a password.
    pub fn without_password(
        id: String,
        email: &Email,
        username: Option<&Username>,
        name: String,
        now: Timestamp,
    ) -> Self {
        let username = username.map(|username| username.as_str().to_owned());
        Self { username, ..Self::with_identity_alone(id, Some(email), name, now) }
    }

    /// Like [`User::without_password`], for an account that has neither a username nor, perhaps, an
    /// address. Its identities are its only way in.
    pub fn with_identity_alone(id: String, email: Option<&Email>, name: String, now: Timestamp) -> Self {
        Self {
            id,
            email: email.map_or("", Email::typed).to_owned(),
            email_key: email.map_or("", Email::key).to_owned(),
            username: None,
            name,
            metadata: Metadata::default(),
            private_metadata: Metadata::default(),
            claims: OwnClaims::default(),
            has_profile: false,
            role_id: ROLE_ID_NEW,
            email_verified: false,
            disabled: false,
            password_hash: None,
            epoch: 0,
            proof: 0,
            identities: Vec::new(),
            undo_links: Vec::new(),
            test_code: None,
            sessions_ended_at: None,
            imported_uid: false,
            firebase_digest: None,
            version: 0,
            created_at: now,
            origin: Origin::default(),
        }
    }

    /// The new account with this metadata. Only with metadata does an account begin with a profile.
    #[must_use]
    pub fn with_metadata(self, metadata: Metadata) -> Self {
        Self { has_profile: self.has_profile || !metadata.is_empty(), metadata, ..self }
    }

    /// The new account with this private metadata, which makes it begin with a profile too.
    #[must_use]
    pub fn with_private_metadata(self, private_metadata: Metadata) -> Self {
        Self { has_profile: self.has_profile || !private_metadata.is_empty(), private_metadata, ..self }
    }

    /// Whether the account's Firebase user may sign in by providers of its own, such as Google.
    /// Release 0.1.0 imported uids without a mark; no uid of Firebase is a UUIDv7.
    pub fn is_firebase_user(&self) -> bool {
        self.imported_uid || !Self::is_made_here(&self.id)
    }

    /// Whether an id is of an account that was made here. No uid of Firebase is a UUIDv7.
    pub fn is_made_here(id: &str) -> bool {
        Uuid::parse_str(id).is_ok_and(|id| id.get_version_num() == UUID_VERSION)
    }

    /// Ends all sessions of this account, as soon as the account is stored.
    pub fn end_sessions(&mut self, now: Timestamp) {
        self.epoch = self.epoch.saturating_add(1);
        self.sessions_ended_at = Some(now);
    }

    /// Voids the codes and links that were mailed for this account, as soon as it is stored. Each
    /// change of a credential or of the address does so.
    pub fn void_proofs(&mut self) {
        self.proof = self.proof.saturating_add(1);
    }

    /// Replaces the password. All sessions end with the old one, and so do codes and links.
    pub fn set_password(&mut self, hash: StoredHash, now: Timestamp) {
        self.password_hash = Some(hash);
        self.end_sessions(now);
        self.void_proofs();
    }

    /// Removes the password. All sessions end with it, and so do codes and links.
    pub fn remove_password(&mut self, now: Timestamp) {
        self.password_hash = None;
        self.end_sessions(now);
        self.void_proofs();
    }

    /// Disables the account. Enabling it later brings back neither sessions nor codes nor links.
    pub fn disable(&mut self, now: Timestamp) {
        self.disabled = true;
        self.end_sessions(now);
        self.void_proofs();
    }

    /// Ends all that somebody may have set before the owner of the address was known. The password,
    /// the identities, the sessions, and the codes and links end. Whoever registered the account
    /// need not be the owner.
    pub fn take_over(&mut self, now: Timestamp) {
        self.remove_password(now);
        self.test_code = None;
        self.identities.clear();
    }

    /// Links an identity. Returns whether there was room for it.
    pub fn link(&mut self, identity: Identity) -> bool {
        let is_room = self.identities.len() < IDENTITIES_MAX;
        if is_room {
            self.identities.push(identity);
        }
        is_room
    }

    /// Counts the address as verified, on the word of whoever runs the service. Whoever made the
    /// account need not be the owner of the address, so that what was set before ends, unless
    /// `keep_password`.
    pub fn verify_address(&mut self, keep_password: bool, now: Timestamp) {
        if !self.email_verified && !keep_password {
            self.take_over(now);
        }
        self.email_verified = true;
    }

    /// Changes the address, on the word of whoever runs the service. Every session ends with the
    /// old address. The new one counts as verified only if `verified` says so; what was set while
    /// no owner was known then ends too, unless `keep_password`.
    pub fn move_to(&mut self, email: &Email, verified: bool, keep_password: bool, now: Timestamp) {
        let is_moved = self.email_key != email.key();
        if verified && !self.email_verified && !keep_password {
            self.take_over(now);
        } else if is_moved {
            self.end_sessions(now);
            self.void_proofs();
        }
        self.email_verified = verified || (self.email_verified && !is_moved);
        email.typed().clone_into(&mut self.email);
        email.key().clone_into(&mut self.email_key);
    }

    /// The identifiers of this account in the form that is compared: the e-mail address and the
    /// username, as far as the account has them.
    pub fn identifiers(&self) -> impl Iterator<Item = &str> {
        [self.email_key.as_str()].into_iter().filter(|key| !key.is_empty()).chain(self.username.as_deref())
    }

    /// The `user` of every answer.
    pub fn profile(&self) -> Profile {
        Profile {
            id: self.id.clone(),
            role_id: self.role_id,
            name: self.name.clone(),
            email: self.email.clone(),
            email_verified: self.email_verified,
            username: self.username.clone().unwrap_or_default(),
            created_at: self.created_at.rfc3339(),
            metadata: self.metadata.clone(),
        }
    }
}

/// The part of an account that its owner sees.
#[derive(Clone, Debug, Serialize)]
pub struct Profile {
    /// As in [`User`].
    pub id: String,
    /// As in [`User`].
    pub role_id: u32,
    /// As in [`User`].
    pub name: String,
    /// The e-mail address, as typed.
    pub email: String,
    /// As in [`User`].
    pub email_verified: bool,
    /// The username in lower case; empty if there is none.
    pub username: String,
    /// The time when the account was created, as a date of RFC 3339.
    pub created_at: String,
    /// As in [`User`].
    pub metadata: Metadata,
}

impl Sample for Profile {
    const NAME: &'static str = "User";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "The user's id, and the uid at Firebase."),
        ("role_id", "1 for a new account. Its meaning is the app's business."),
        ("name", "At most 128 characters; empty if none was given."),
        ("email", "The address as it was typed."),
        ("email_verified", "Whether the address is known to belong to the person."),
        ("username", "In lower case; empty if there is none."),
        ("created_at", "The time when the account was made."),
        ("metadata", "The person's own JSON object. It never decides what somebody may do."),
    ];

    fn sample() -> Self {
        Self {
            id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            role_id: ROLE_ID_NEW,
            name: "James".to_owned(),
            email: "james@example.com".to_owned(),
            email_verified: false,
            username: "james".to_owned(),
            created_at: "2026-05-01T09:00:00Z".to_owned(),
            metadata: Metadata::default(),
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_false(flag: &bool) -> bool {
    !flag
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks for a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Reads a display name: trimmed, NFC, at most 128 code points, no control characters, and none
/// that changes the direction of text. An empty name is accepted.
///
/// # Errors
///
/// A sentence for the caller.
pub fn name(text: &str) -> Result<String, &'static str> {
    let name: String = trimmed(text).nfc().collect();
    if name.chars().any(char::is_control) {
        Err("A name must not contain control characters.")
    } else if name.chars().any(is_bidi_control) {
        Err("A name must not contain characters that change the direction of text.")
    } else if name.chars().count() > NAME_CODE_POINTS_MAX {
        Err("A name has at most 128 characters.")
    } else {
        Ok(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_changes_a_credential_ends_the_sessions_and_voids_what_was_mailed() {
        let (email, now) = (Email::parse("a@b.de").unwrap(), Timestamp::from_seconds(1_779_890_400));
        let user = User::new("u".to_owned(), &email, None, String::new(), StoredHash::new("old"), now);
        let after = |change: fn(&mut User, Timestamp)| {
            let mut user = user.clone();
            change(&mut user, now);
            (user.epoch, user.proof, user.sessions_ended_at == Some(now), user.password_hash.is_some(), user.disabled)
        };
        assert_eq!(after(|user, now| user.set_password(StoredHash::new("new"), now)), (1, 1, true, true, false));
        assert_eq!(after(User::take_over), (1, 1, true, false, false));
        assert_eq!(after(User::disable), (1, 1, true, true, true));
        // A logout everywhere leaves a verification under way alone.
        assert_eq!(after(User::end_sessions), (1, 0, true, true, false));
    }

    #[test]
    fn an_address_that_nobody_showed_to_own_leaves_nothing_behind_when_it_is_verified_or_replaced() {
        let (old, new) = (Email::parse("a@b.de").unwrap(), Email::parse("c@d.de").unwrap());
        let now = Timestamp::from_seconds(1_779_890_400);
        let after = |was_verified: bool, change: &dyn Fn(&mut User)| {
            let mut user = User::new("u".to_owned(), &old, None, String::new(), StoredHash::new("old"), now);
            user.email_verified = was_verified;
            change(&mut user);
            (user.epoch, user.proof, user.password_hash.is_some(), user.email_verified)
        };
        assert_eq!(after(false, &|user| user.verify_address(false, now)), (1, 1, false, true));
        assert_eq!(after(false, &|user| user.verify_address(true, now)), (0, 0, true, true));
        assert_eq!(after(true, &|user| user.verify_address(false, now)), (0, 0, true, true));
        assert_eq!(after(true, &|user| user.move_to(&new, false, false, now)), (1, 1, true, false));
        assert_eq!(after(true, &|user| user.move_to(&new, true, false, now)), (1, 1, true, true));
        assert_eq!(after(false, &|user| user.move_to(&new, true, false, now)), (1, 1, false, true));
        assert_eq!(after(false, &|user| user.move_to(&new, true, true, now)), (1, 1, true, true));
        assert_eq!(after(true, &|user| user.move_to(&old, false, false, now)), (0, 0, true, true));
    }

    #[test]
    fn an_account_from_before_there_were_proofs_has_the_number_zero() {
        let (email, now) = (Email::parse("a@b.de").unwrap(), Timestamp::from_seconds(1_779_890_400));
        let user = User::new("u".to_owned(), &email, None, String::new(), StoredHash::new("old"), now);
        let written = serde_json::to_value(&user).unwrap();
        assert!(written.get("proof").is_none());
        assert_eq!(serde_json::from_value::<User>(written).unwrap().proof, 0);
    }

    #[test]
    fn names_are_trimmed_and_bounded() {
        assert_eq!(name("  Jos\u{65}\u{301} 🦀 ").unwrap(), "José 🦀");
        assert_eq!(name("").unwrap(), "");
        assert!(name(&"é".repeat(128)).is_ok());
        assert!(name(&"é".repeat(129)).is_err());
        assert!(name("a\u{1b}[2J").is_err());
    }

    #[test]
    fn a_name_that_changes_the_direction_of_text_is_refused_and_letters_of_any_direction_are_not() {
        for mark in
            "\u{61c}\u{200e}\u{200f}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}".chars()
        {
            assert!(name(&format!("James{mark}nosliW")).unwrap_err().contains("direction"), "{mark:?}");
        }
        assert_eq!(name("محمد يوسف").unwrap(), "محمد يوسف");
    }
}
