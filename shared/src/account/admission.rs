//! Admission: the one decision whether an account may have tokens.

use crate::{account::user::User, error::Error};

/// The conditions of a deployment for admission.
#[derive(Clone, Copy, Debug, Default)]
pub struct Admission {
    /// Whether the e-mail address must be verified.
    pub require_verified_email: bool,
}

/// An account that is admitted. Only [`Admission::admit`] makes one, and every token of an account
/// needs one.
#[derive(Clone, Copy, Debug)]
pub struct Admitted<'a>(&'a User);

/// The reason why an account is not admitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// There is no account, or it was deleted.
    Missing,
    /// The account is disabled.
    Disabled,
    /// The e-mail address is not verified, and the deployment requires verified addresses.
    EmailNotVerified,
}

impl Admission {
    /// Decides whether an account is admitted. Tell the reason only to a caller who proved to be
    /// the owner.
    ///
    /// # Errors
    ///
    /// The reason why it is not.
    pub fn admit<'a>(self, user: impl Into<Option<&'a User>>) -> Result<Admitted<'a>, Denial> {
        let user = user.into().ok_or(Denial::Missing)?;
        if user.disabled {
            Err(Denial::Disabled)
        } else if self.require_verified_email && !user.email_verified {
            Err(Denial::EmailNotVerified)
        } else {
            Ok(Admitted(user))
        }
    }
}

impl<'a> Admitted<'a> {
    /// The account.
    pub const fn user(self) -> &'a User {
        self.0
    }
}

impl From<Denial> for Error {
    /// The answer to a caller who gave the right password, or showed a refresh token.
    fn from(denial: Denial) -> Self {
        match denial {
            Denial::Missing => Self::Credentials,
            Denial::Disabled => Self::Disabled,
            Denial::EmailNotVerified => Self::EmailNotVerified,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{account::email::Email, password::StoredHash, time::Timestamp};

    #[test]
    fn an_account_is_admitted_unless_it_is_missing_or_disabled_or_unverified_where_that_counts() {
        let email = Email::parse("a@b.de").unwrap();
        let now = Timestamp::from_seconds(1_779_890_400);
        let user = User::new("u".to_owned(), &email, None, String::new(), StoredHash::new(""), now);
        for (requires, disabled, verified, denial) in [
            (false, false, false, None),
            (false, false, true, None),
            (false, true, true, Some(Denial::Disabled)),
            (true, false, false, Some(Denial::EmailNotVerified)),
            (true, false, true, None),
            (true, true, false, Some(Denial::Disabled)),
        ] {
            let user = User { disabled, email_verified: verified, ..user.clone() };
            let admission = Admission { require_verified_email: requires };
            assert_eq!(admission.admit(&user).err(), denial, "{requires} {disabled} {verified}");
            assert_eq!(admission.admit(None::<&User>).err(), Some(Denial::Missing));
        }
    }
}
