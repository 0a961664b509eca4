//! The part of an account that Firebase shows, in its record of the user and in each ID token.

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::toolkit::{FirebaseUser, NewUser, ToolkitError, UserUpdate, Users};
use crate::account::user::User;

/// The profile of an account at Firebase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Profile {
    /// The address in the form that is compared, if it is verified. Somebody else may have signed
    /// up with an address that nobody verified. Its owner would get that account's Firebase user by
    /// a sign-in with Google there, and share it with the stranger.
    email: Option<String>,
    /// The display name, empty if there is none.
    name: String,
    /// Whether the account is disabled.
    disabled: bool,
    /// The custom claims of this service as JSON text. Rules of Firestore read them in each ID
    /// token. Others may have set further ones there, which stay.
    claims: String,
}

impl Profile {
    /// The profile of an account.
    pub fn of(user: &User) -> Self {
        Self {
            email: user.email_verified.then(|| user.email_key.clone()),
            name: user.name.clone(),
            disabled: user.disabled,
            claims: json!({"role_id": user.role_id}).to_string(),
        }
    }

    /// A text that tells profiles apart. An account keeps the one that Firebase was last told.
    pub fn digest(&self) -> String {
        // Only a type that is no JSON fails here.
        URL_SAFE_NO_PAD.encode(digest(&SHA256, &serde_json::to_vec(self).unwrap_or_default()))
    }

    /// The change that brings a Firebase user to this profile, but for an address that is there and
    /// not here. `found` is the user as it is.
    pub fn update_of(&self, found: &FirebaseUser) -> UserUpdate {
        UserUpdate { custom_attributes: self.claims_beside(found), ..self.update() }
    }

    /// The custom claims of a Firebase user with those of this service, as JSON text. `None` if the
    /// user has them.
    ///
    /// Firebase replaces all custom claims at once. A program that sets others would lose them
    /// without this look at the user.
    pub fn claims_beside(&self, found: &FirebaseUser) -> Option<String> {
        let members = |text: &str| serde_json::from_str::<Map<String, Value>>(text).unwrap_or_default();
        let (known, own) = (members(&found.custom_attributes), members(&self.claims));
        let has = |(name, value): (&String, &Value)| known.get(name) == Some(value);
        (!own.iter().all(has)).then(|| Value::Object(known.into_iter().chain(own).collect()).to_string())
    }

    /// The change without the custom claims.
    pub fn update(&self) -> UserUpdate {
        let name = Some(self.name.clone()).filter(|name| !name.is_empty());
        UserUpdate {
            email: self.email.clone(),
            email_verified: self.email.as_ref().map(|_| true),
            removed_attributes: if name.is_none() { vec!["DISPLAY_NAME"] } else { Vec::new() },
            display_name: name,
            disable_user: Some(self.disabled),
            ..UserUpdate::default()
        }
    }

    /// Whether a Firebase user has this profile.
    pub fn is_of(&self, user: &FirebaseUser) -> bool {
        let has_email = |email: &String| user.email.to_lowercase() == email.to_lowercase() && user.email_verified;
        self.email.as_ref().is_none_or(has_email)
            && user.display_name == self.name
            && user.disabled == self.disabled
            && self.claims_beside(user).is_none()
    }

    /// Whether this is the address that Firebase may know.
    pub fn has_email(&self, email: &str) -> bool {
        self.email.as_ref().is_some_and(|own| own.to_lowercase() == email.to_lowercase())
    }

    /// The same profile without its address, which another Firebase user has.
    #[must_use]
    pub fn without_email(&self) -> Self {
        Self { email: None, ..self.clone() }
    }

    /// Brings the Firebase user with this id to this profile, and makes the user if there is none.
    /// Returns whether another Firebase user has the address.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn put(&self, users: &Users<'_>, uid: &str) -> Result<bool, ToolkitError> {
        match self.update_or_create(users, uid).await {
            Err(ToolkitError::EmailExists) => self.without_email().update_or_create(users, uid).await.map(|()| true),
            done => done.map(|()| false),
        }
    }

    async fn update_or_create(&self, users: &Users<'_>, uid: &str) -> Result<(), ToolkitError> {
        let Some(found) = users.find(&[uid]).await?.into_iter().next() else { return self.create(users, uid).await };
        match users.update(uid, &self.update_of(&found)).await {
            // Somebody has deleted the user meanwhile.
            Err(ToolkitError::UserNotFound) => self.create(users, uid).await,
            done => done,
        }
    }

    /// Makes a Firebase user with this profile.
    ///
    /// # Errors
    ///
    /// As [`ToolkitError`] says.
    pub async fn create(&self, users: &Users<'_>, uid: &str) -> Result<(), ToolkitError> {
        let new = NewUser { disabled: self.disabled, email: self.email.clone(), email_verified: self.email.is_some() };
        match users.create(uid, &new).await {
            // Another request was first, or a sign-in was. A new user has no claims yet.
            Ok(()) | Err(ToolkitError::UserExists) => {
                users.update(uid, &self.update_of(&FirebaseUser::default())).await
            }
            failed => failed,
        }
    }
}
