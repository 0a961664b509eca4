//! A login by the code of a mail, without a password.

use super::{
    ending::end_at_firebase,
    proof::{RACES_MAX, Shown, overtaken},
    session_object::{SessionObject, end_of_sessions, outlast_the_end_of_sessions, start},
};
use crate::{
    App,
    account::{proof::Purpose, user::User},
    error::Error,
    password::Password,
    store::{Completed, Completion},
    telemetry::audit,
    token::access::Issuer,
};

/// Logs in by the code of a mail. Three round trips.
///
/// The address is verified by that. If it was not verified before, nothing that was set before
/// counts any more, unless the request has the right password too.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, whatever the reason. 403 `account_disabled` only
/// after the right code. 503 if DynamoDB fails.
pub async fn by_code(
    app: &App,
    issuer: &Issuer,
    shown: Shown<'_>,
    password: Option<&Password>,
) -> Result<SessionObject, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::SignIn).await?;
        if presented.is_repeat {
            return Err(presented.refuse(app).await);
        }
        let before = presented.owner(app).await?;
        let now = app.now();
        let mut after = before.clone();
        if !before.email_verified {
            if !is_right(app, &before, password).await? {
                after.take_over(end_of_sessions(app, now));
            }
            after.email_verified = true;
        }
        let admitted = match app.config().accounts.admission.admit(&after) {
            Ok(admitted) => admitted,
            Err(denial) => return Err(presented.before_telling(app, denial.into()).await),
        };
        let session = start(app, admitted, now)?;
        let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
        let completed =
            Completed { before: &before, after: after.clone(), session: Some(&session), mails: &[], proofs: &[] };
        if let Completion::Done(user) = app.store().complete_proof(&presented.proof, completed, now).await? {
            audit::record("login_by_code", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            if user.epoch != before.epoch {
                end_at_firebase(app, &user.id).await;
            }
            outlast_the_end_of_sessions(app, &user, app.now()).await;
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// Confirms a change by the code of a mail, in the place of a password. The code is then used up.
/// Returns the account as it is now. Three round trips.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, or is another account's. 503 if DynamoDB fails.
pub async fn confirm(app: &App, caller: &User, shown: Shown<'_>) -> Result<User, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::SignIn).await?;
        if presented.proof.user_id.as_ref() != Some(&caller.id) || presented.is_repeat {
            return Err(presented.refuse(app).await);
        }
        let before = presented.owner(app).await?;
        let completed = Completed { before: &before, after: before.clone(), session: None, mails: &[], proofs: &[] };
        if let Completion::Done(user) = app.store().complete_proof(&presented.proof, completed, app.now()).await? {
            return Ok(*user);
        }
    }
    Err(overtaken())
}

/// Whether the password is the account's.
async fn is_right(app: &App, user: &User, password: Option<&Password>) -> Result<bool, Error> {
    let Some(password) = password else { return Ok(false) };
    Ok(app.hasher().check(password.clone(), user.password_hash.clone()).await?.verdict.is_right())
}
