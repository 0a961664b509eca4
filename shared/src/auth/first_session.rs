//! The first session of a new account, or the wait for one.

use super::{
    first_mail,
    mailing::Started,
    session_object::{Next, SessionObject, start},
};
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

/// The step of a new account whose address must be verified.
const VERIFY_EMAIL: &str = "verify_email";
/// The sentence where a mail with a code is on its way.
const BY_CODE: &str =
    "Your account was made, and waits until your e-mail address is verified. Type the code that was mailed to you.";
/// The sentence where a limit refused the mail.
const LATER: &str =
    "Your account was made, and waits until your e-mail address is verified. Ask for a code by e-mail to log in.";
/// The sentence where no mails are sent, so that only the people behind the app can help.
const BY_OPERATOR: &str = "Your account was made, and waits until your e-mail address is verified. Ask the people who run this app to verify \
     it, then log in.";

/// The way on of an account that was just created.
pub enum FirstSession<'a> {
    /// The account is admitted, and has its first session.
    LoggedIn(Admitted<'a>, Session),
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
            Ok(admitted) => Ok(Self::LoggedIn(admitted, start(app, admitted, now)?)),
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
            Self::LoggedIn(_, session) => {
                Ok(FirstSession::LoggedIn(app.config().accounts.admission.admit(user)?, session))
            }
            Self::Waiting(_) => Ok(FirstSession::Waiting(user)),
        }
    }

    /// The session to store, if there is one.
    pub const fn session(&self) -> Option<&Session> {
        match self {
            Self::LoggedIn(_, session) => Some(session),
            Self::Waiting(_) => None,
        }
    }

    /// The session object, without tokens for an account that waits. `mail` is the answer about the
    /// mail that verifies its address, if one is sent.
    ///
    /// # Errors
    ///
    /// As [`SessionObject::issue`].
    pub async fn answer(
        &self,
        app: &App,
        issuer: &Issuer,
        mail: Option<Started>,
        now: Timestamp,
    ) -> Result<SessionObject, Error> {
        match self {
            Self::LoggedIn(admitted, session) => SessionObject::issue(app, issuer, *admitted, session, 0, now).await,
            Self::Waiting(user) => Ok(SessionObject::without_tokens(user, next(app, mail))),
        }
    }
}

/// The step of an account that waits.
fn next(app: &App, mail: Option<Started>) -> Next {
    match mail {
        Some(mail) => Next {
            action: VERIFY_EMAIL,
            message: BY_CODE,
            challenge: mail.challenge,
            expires_in: mail.expires_in,
            expires_at: mail.expires_at,
            resend_in: mail.resend_in,
            resend_at: mail.resend_at,
            code_length: mail.code_length,
        },
        None => {
            let message = if first_mail::is_wanted(app) { LATER } else { BY_OPERATOR };
            Next { action: VERIFY_EMAIL, message, ..Next::default() }
        }
    }
}
