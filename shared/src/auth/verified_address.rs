//! The address of an account becomes verified: by the code of a mail, and by a credential of the
//! account in the same act.

use super::proof::{RACES_MAX, Shown, overtaken};
use crate::{
    App,
    account::{proof::Purpose, user::User},
    error::Error,
    store::{Completed, Completion},
    telemetry::audit,
};

/// Verifies the address of somebody who is logged in as `caller`. Nothing else of the account
/// changes, since the session is a credential of it. Three round trips. The same code again is
/// answered as the first time, for ten minutes.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, or is another account's. 503 if DynamoDB fails.
pub async fn by_code(app: &App, caller: &User, shown: Shown<'_>) -> Result<User, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::Verify).await?;
        let is_callers = presented.proof.user_id.as_ref() == Some(&caller.id);
        let before = match is_callers {
            true => presented.owner(app).await?,
            false => return Err(presented.refuse(app).await),
        };
        if presented.is_repeat {
            return if before.email_verified { Ok(before) } else { Err(presented.refuse(app).await) };
        }
        let after = User { email_verified: true, ..before.clone() };
        let completed = Completed { before: &before, after, session: None, mails: &[] };
        if let Completion::Done(user) = app.store().complete_proof(&presented.proof, completed, app.now()).await? {
            audit::record("email_verified", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            return Ok(*user);
        }
    }
    Err(overtaken())
}
