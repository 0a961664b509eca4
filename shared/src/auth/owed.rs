//! The answer of a mailed code that waits for Firebase, if `FIREBASE_SYNC` is `required`.
//!
//! A code changes the account first, because Firebase may learn only what has come to be. The login
//! fails if Firebase cannot be told then. The code stays good for that reason: the same person may
//! send it again, until the answer is given once.

use super::{
    in_step::{is_due, keep_in_step},
    proof::Presented,
    session_object::{SessionObject, outlast_the_end_of_sessions},
    sign_in::{opened_by, record},
};
use crate::{
    App,
    account::{proof::Proof, user::User},
    error::Error,
    token::access::Issuer,
};

/// The proof as its completion writes it: with a note if the answer waits for Firebase. `after` is
/// the account as the completion leaves it.
pub(super) fn noted(app: &App, proof: &Proof, after: &User) -> Proof {
    Proof { is_owed: is_due(app, after), proof: after.proof, ..proof.clone() }
}

/// Tells Firebase the profile of the account that a code has opened. The code is over then.
///
/// # Errors
///
/// 503 if Firebase cannot be told, and must be. The code stays good. 401 `code_invalid` if another
/// request got the answer meanwhile.
pub(super) async fn settle(app: &App, proof: &Proof, user: &User) -> Result<(), Error> {
    keep_in_step(app, user).await?;
    if proof.is_owed && !app.store().end_owed_proof(proof, None).await? {
        return Err(Error::CodeInvalid(0));
    }
    Ok(())
}

/// Answers a code that was completed, if its answer is owed: a new session of the account. Four
/// round trips.
///
/// # Errors
///
/// As [`settle`]. 401 `code_invalid` if the answer was given, or if a credential of the account has
/// changed since. 403 if the account is disabled.
pub(super) async fn answer(app: &App, issuer: &Issuer, presented: &Presented) -> Result<SessionObject, Error> {
    if !presented.proof.is_owed {
        return Err(presented.refuse(app).await);
    }
    let user = presented.owner(app).await?;
    if user.proof != presented.proof.proof {
        return Err(presented.refuse(app).await);
    }
    let admitted = app.config().accounts.admission.admit(&user)?;
    keep_in_step(app, &user).await?;
    let now = app.now();
    let session = opened_by(app, &presented.proof, admitted, now)?;
    let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
    if !app.store().end_owed_proof(&presented.proof, Some(&session)).await? {
        return Err(presented.refuse(app).await);
    }
    record(app, presented, &user);
    outlast_the_end_of_sessions(app, &user, app.now()).await;
    Ok(answer)
}
