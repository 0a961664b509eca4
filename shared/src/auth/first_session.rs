//! The first session of a new account, or the wait for one.

use super::session_object::{Next, SessionObject, start};
use crate::{
    App,
    account::{
        admission::{Admitted, Denial},
        session::Session,
        user::User,
    },
    error::Error,
    time::Timestamp,
    token::access::Issuer,
};

/// The step of a new account whose address must be verified. No mail is sent yet, so that only the
/// people behind the app can say how.
const VERIFY_EMAIL: Next = Next {
    action: "verify_email",
    message: "Your account was made, and waits until your e-mail address is verified. Ask the people who run this app \
              to verify it, then log in.",
};

/// The way on of an account that was just created.
pub enum FirstSession<'a> {
    /// The account is admitted, and has its first session.
    Started(Admitted<'a>, Session),
    /// The account waits for the verification of its address, and has no session.
    Waiting(&'a User),
}

impl<'a> FirstSession<'a> {
    /// Starts the first session, if the account is admitted. Nothing is stored.
    ///
    /// # Errors
    ///
    /// 403 if the account was disabled since; 500 if the random source fails.
    pub fn start(app: &App, user: &'a User, now: Timestamp) -> Result<Self, Error> {
        match app.config().accounts.admission.admit(user) {
            Ok(admitted) => Ok(Self::Started(admitted, start(app, admitted, now)?)),
            Err(Denial::EmailNotVerified) => Ok(Self::Waiting(user)),
            Err(denial) => Err(denial.into()),
        }
    }

    /// The same way on, of the account as it is with its profile.
    ///
    /// # Errors
    ///
    /// 403 if that account is not admitted, which an equal one was.
    pub fn of<'b>(self, app: &App, user: &'b User) -> Result<FirstSession<'b>, Error> {
        match self {
            Self::Started(_, session) => {
                Ok(FirstSession::Started(app.config().accounts.admission.admit(user)?, session))
            }
            Self::Waiting(_) => Ok(FirstSession::Waiting(user)),
        }
    }

    /// The session to store, if there is one.
    pub const fn session(&self) -> Option<&Session> {
        match self {
            Self::Started(_, session) => Some(session),
            Self::Waiting(_) => None,
        }
    }

    /// The session object, without tokens for an account that waits.
    ///
    /// # Errors
    ///
    /// As [`SessionObject::issue`].
    pub async fn answer(&self, app: &App, issuer: &Issuer, now: Timestamp) -> Result<SessionObject, Error> {
        match self {
            Self::Started(admitted, session) => SessionObject::issue(app, issuer, *admitted, session, 0, now).await,
            Self::Waiting(user) => Ok(SessionObject::without_tokens(user, VERIFY_EMAIL)),
        }
    }
}
