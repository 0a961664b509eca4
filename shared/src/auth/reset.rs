//! A new password in the place of a forgotten one, by the code or by the link of a mail.

use super::{
    ending::end_at_firebase,
    mailing::{notice, tell},
    new_password::{refuse_breached, refuse_weak},
    proof::{Presented, RACES_MAX, Shown, overtaken},
    session_object::{SessionObject, end_of_sessions, outlast_the_end_of_sessions, start},
};
use crate::{
    App,
    account::{admission::Admitted, proof::Purpose, session::Session, user::User},
    error::Error,
    mail::{Kind, Language},
    password::{Password, Person, StoredHash},
    store::{Completed, Completion},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

/// The name of the password in requests.
const FIELD: &str = "new_password";

/// The purposes of the links that set a password. An invitation sets the first one.
const BY_LINK: [Purpose; 2] = [Purpose::Reset, Purpose::Invite];

/// The outcome of a reset by a link. A page gets no session.
pub struct ResetByLink {
    /// The page of the app that the person goes on to. Empty if the request named none.
    pub continue_url: String,
}

/// Sets a new password by the code of a mail, ends every session, and answers a new one. Three
/// round trips.
///
/// A client whose answer was lost sends the same again, within ten minutes. It gets another session
/// if the password is the one that was set.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, whatever the reason. 400 `weak_password` and 403
/// `account_disabled` only after the right code. 503 if DynamoDB fails.
pub async fn by_code(
    app: &App,
    issuer: &Issuer,
    shown: Shown<'_>,
    password: &Password,
) -> Result<SessionObject, Error> {
    let mut hash = None;
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::Reset).await?;
        let before = presented.owner(app).await?;
        let now = app.now();
        if presented.is_repeat {
            check_repeated(app, &presented, &before, password).await?;
            let admitted = admitted(app, &presented, &before).await?;
            let session = start(app, admitted, now)?;
            let answer = SessionObject::issue(app, issuer, admitted, &session, 0, now).await?;
            if app.store().repeat_proof(&presented.proof, &session).await? {
                audit(app, "password_reset_repeated", &before);
                return Ok(answer);
            }
            continue;
        }
        let after = reset(app, &presented, &before, password, &mut hash, now).await?;
        let admitted = admitted(app, &presented, &after).await?;
        let session = start(app, admitted, now)?;
        let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
        if let Some(user) = complete(app, &presented, &before, after.clone(), Some(&session), now).await? {
            outlast_the_end_of_sessions(app, &user, app.now()).await;
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// Sets a new password by the link of a mail, or the first one by an invitation, and ends every
/// session. Three round trips. The same link with the same password is answered again for ten
/// minutes.
///
/// # Errors
///
/// 401 `link_invalid`, `link_expired` or `link_used`. 400 `weak_password`, 403 `account_disabled`.
/// 503 if DynamoDB fails.
pub async fn by_link(app: &App, token: &str, password: &Password) -> Result<ResetByLink, Error> {
    let mut hash = None;
    for _ in 0..RACES_MAX {
        let presented = Shown::Link(token).present_any(app, &BY_LINK).await?;
        let before = presented.owner(app).await?;
        let done = ResetByLink { continue_url: presented.proof.continue_url.clone() };
        if presented.is_repeat {
            check_repeated(app, &presented, &before, password).await?;
            return Ok(done);
        }
        let now = app.now();
        let after = reset(app, &presented, &before, password, &mut hash, now).await?;
        admitted(app, &presented, &after).await?;
        if complete(app, &presented, &before, after, None, now).await?.is_some() {
            return Ok(done);
        }
    }
    Err(overtaken())
}

/// The account with the new password. Its address is verified, because the person has the mail. If
/// the address was not verified before, nothing that was set before counts any more.
async fn reset(
    app: &App,
    presented: &Presented,
    before: &User,
    password: &Password,
    hash: &mut Option<StoredHash>,
    now: Timestamp,
) -> Result<User, Error> {
    let person = Person { email_key: &before.email_key, username: before.username.as_deref(), name: &before.name };
    let hash = match hash {
        Some(hash) => hash.clone(),
        None => {
            let refused = match refuse_weak(app, FIELD, password, &person) {
                Ok(()) => refuse_breached(app, FIELD, password).await,
                weak => weak,
            };
            if let Err(refusal) = refused {
                return Err(presented.before_telling(app, refusal).await);
            }
            hash.insert(app.hasher().hash(password.clone(), app.random()?).await?).clone()
        }
    };
    let mut after = before.clone();
    let end = end_of_sessions(app, now);
    if !before.email_verified {
        after.take_over(end);
        after.email_verified = true;
    }
    after.set_password(hash, end);
    Ok(after)
}

/// The account, if it is admitted. The refusal shows that the code was right.
async fn admitted<'a>(app: &App, presented: &Presented, user: &'a User) -> Result<Admitted<'a>, Error> {
    match app.config().accounts.admission.admit(user) {
        Ok(admitted) => Ok(admitted),
        Err(denial) => Err(presented.before_telling(app, denial.into()).await),
    }
}

/// Writes the reset with its notice. `None` if another request came first.
async fn complete(
    app: &App,
    presented: &Presented,
    before: &User,
    after: User,
    session: Option<&Session>,
    now: Timestamp,
) -> Result<Option<User>, Error> {
    let language = Language::of_tag(&presented.proof.locale);
    let is_first = presented.proof.purpose == Purpose::Invite;
    let mails = if is_first { Vec::new() } else { notice(app, Kind::PasswordChanged, &after, language, now)? };
    let completed = Completed { before, after, session, mails: &mails, proofs: &[] };
    match app.store().complete_proof(&presented.proof, completed, now).await? {
        Completion::Overtaken => Ok(None),
        Completion::Done(user) => {
            match is_first {
                true => audit(app, "invitation_accepted", &user),
                false => audit(app, "password_reset", &user),
            }
            mails.iter().for_each(|mail| tell(app, mail));
            end_at_firebase(app, &user.id).await;
            Ok(Some(*user))
        }
    }
}

/// Refuses a repeated reset with another password than the one that was set. A wrong one counts as
/// a wrong code.
async fn check_repeated(app: &App, presented: &Presented, user: &User, password: &Password) -> Result<(), Error> {
    let checked = app.hasher().check(password.clone(), user.password_hash.clone()).await?;
    if checked.verdict.is_right() { Ok(()) } else { Err(presented.refuse(app).await) }
}

fn audit(app: &App, event: &'static str, user: &User) {
    audit::record(event, &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
}
