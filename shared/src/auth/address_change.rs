//! A change of the e-mail address: made by whoever has the new mailbox, and taken back by whoever
//! has the former one.

use super::{
    ending::end_at_firebase,
    mailing::{notice, proof_mail, proof_of, tell},
    proof::{Presented, RACES_MAX, Shown, overtaken},
    session_object::{SessionObject, end_of_sessions, outlast_the_end_of_sessions, start},
    verified_address::{has_password_of, owner_by_password, require_address},
};
use crate::{
    App,
    account::{
        email::{Email, Identifier, gets_mail},
        proof::{Proof, Purpose},
        session::Session,
        user::User,
    },
    error::Error,
    mail::{Kind, Language, outgoing::OutgoingMail},
    password::Password,
    store::{Client, Completed, Completion},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

/// Refuses a change to the address that the account has, and a change while as many links wait as
/// there may be.
///
/// # Errors
///
/// 400 `email_unchanged`; 429 until the oldest link ends.
pub fn require_change(user: &User, email: &Email, now: Timestamp) -> Result<(), Error> {
    if email.key() == user.email_key {
        return Err(Error::EmailUnchanged);
    }
    user.address_change_wait(now).map_or(Ok(()), |wait| Err(Error::TooManyAttempts(wait)))
}

/// Makes the address that got the code that of `caller`, and answers a new session. All others end.
/// The former address gets a link that takes the change back. Three round trips.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, or is another account's. 409 `email_taken` after
/// the right code alone. 429 as [`require_change`]. 503 if DynamoDB fails.
pub async fn by_code(app: &App, issuer: &Issuer, caller: &User, shown: Shown<'_>) -> Result<SessionObject, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::Change).await?;
        if presented.proof.user_id.as_ref() != Some(&caller.id) || presented.is_repeat {
            return Err(presented.refuse(app).await);
        }
        let before = presented.owner_as(app, caller).await?;
        let now = app.now();
        let change = Change::new(app, &presented, &before, now).await?;
        let admitted = match app.config().accounts.admission.admit(&change.after) {
            Ok(admitted) => admitted,
            Err(denial) => return Err(presented.before_telling(app, denial.into()).await),
        };
        let session = start(app, admitted, now)?;
        let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
        if let Some(user) = change.write(app, &presented, &before, Some(&session), now).await? {
            outlast_the_end_of_sessions(app, &user, app.now()).await;
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// Makes the address that got the link the account's, by the password of the account. A page gets
/// no session. Returns the page of the app that the person goes on to, which may be empty.
///
/// # Errors
///
/// 401 `link_invalid`, `link_expired` or `link_used`; 401 `invalid_credentials` for a wrong
/// password, and 429 after many, or as [`require_change`]. 403 if the account is disabled. 409
/// `email_taken`. 503 if DynamoDB fails.
pub async fn by_link(app: &App, token: &str, password: Password, client: Option<Client<'_>>) -> Result<String, Error> {
    let presented = Shown::Link(token).present(app, Purpose::Change).await?;
    let Some(named) = named(app, &presented).await? else { return Err(presented.refuse(app).await) };
    let checked = owner_by_password(app, &presented, &named.email_key, password, client).await?;
    for _ in 0..RACES_MAX {
        let presented = Shown::Link(token).present(app, Purpose::Change).await?;
        if presented.is_repeat && checked.email_key == presented.proof.email_key {
            return Ok(presented.proof.continue_url);
        }
        let before = presented.owner_as(app, &checked).await?;
        if presented.is_repeat || !has_password_of(&before, &checked) {
            return Err(presented.refuse(app).await);
        }
        let now = app.now();
        let change = Change::new(app, &presented, &before, now).await?;
        app.config().accounts.admission.admit(&change.after)?;
        if change.write(app, &presented, &before, None, now).await?.is_some() {
            return Ok(presented.proof.continue_url);
        }
    }
    Err(overtaken())
}

/// The account that a link is about, whatever its address is. One round trip.
async fn named(app: &App, presented: &Presented) -> Result<Option<User>, Error> {
    app.store().user(presented.proof.user_id.as_deref().unwrap_or_default()).await
}

/// A change that is ready to be written.
struct Change {
    after: User,
    mails: Vec<OutgoingMail>,
    proofs: Vec<Proof>,
}

impl Change {
    async fn new(app: &App, presented: &Presented, before: &User, now: Timestamp) -> Result<Self, Error> {
        if let Some(wait) = before.address_change_wait(now) {
            return Err(presented.before_telling(app, Error::TooManyAttempts(wait)).await);
        }
        let undo = proof_of(app, Purpose::Undo, before, &presented.proof.locale, now)?;
        let is_told = gets_mail(&before.email_key);
        let mails = if is_told { vec![proof_mail(app, &undo, now)?] } else { Vec::new() };
        let mut after = before.clone();
        after.change_address(&presented.proof, is_told.then_some(&undo), end_of_sessions(app, now));
        Ok(Self { after, mails, proofs: if is_told { vec![undo] } else { Vec::new() } })
    }

    /// Writes the change. `None` if another request came first.
    async fn write(
        self,
        app: &App,
        presented: &Presented,
        before: &User,
        session: Option<&Session>,
        now: Timestamp,
    ) -> Result<Option<User>, Error> {
        let Self { after, mails, proofs } = self;
        let completed = Completed { before, after, session, mails: &mails, proofs: &proofs };
        match app.store().complete_proof(&presented.proof, completed, now).await {
            Ok(Completion::Done(user)) => {
                audit::record("email_changed", &app.pseudonym(&before.email_key), &app.pseudonym(&user.id));
                mails.iter().for_each(|mail| tell(app, mail));
                end_at_firebase(app, &user.id).await;
                Ok(Some(*user))
            }
            Ok(Completion::Overtaken) => Ok(None),
            Err(taken @ Error::Taken(_)) => Err(presented.before_telling(app, taken).await),
            Err(error) => Err(error),
        }
    }
}

/// Makes the former address the account's again, by the link that was mailed there. The password is
/// gone, all sessions end, and a mail for a new password follows. `email` is the former address,
/// typed by the person: a program that presses every button types nothing.
///
/// # Errors
///
/// 400 if the mail went to another address. 401 `link_invalid`, `link_expired` or `link_used`. 403
/// if the account is disabled. 409 `email_taken`. 503 if DynamoDB fails.
pub async fn undo(app: &App, token: &str, email: &Email) -> Result<(), Error> {
    for _ in 0..RACES_MAX {
        let presented = Shown::Link(token).present(app, Purpose::Undo).await?;
        require_address(&presented, email)?;
        if presented.is_repeat {
            return Ok(());
        }
        let Some(named) = named(app, &presented).await? else { return Err(presented.refuse(app).await) };
        let before = presented.owner_as(app, &named).await?;
        let now = app.now();
        let mut after = before.clone();
        after.undo_address_change(&presented.proof, end_of_sessions(app, now));
        app.config().accounts.admission.admit(&after)?;
        let reset = proof_of(app, Purpose::Reset, &after, &presented.proof.locale, now)?;
        let mut mails = vec![proof_mail(app, &reset, now)?];
        mails.extend(notice(app, Kind::AccessRevoked, &before, Language::of_tag(&presented.proof.locale), now)?);
        let completed = Completed { before: &before, after, session: None, mails: &mails, proofs: &[reset] };
        match app.store().complete_proof(&presented.proof, completed, now).await {
            Ok(Completion::Done(user)) => {
                audit::record("email_change_undone", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
                mails.iter().for_each(|mail| tell(app, mail));
                end_at_firebase(app, &user.id).await;
                return Ok(());
            }
            Ok(Completion::Overtaken) => {}
            Err(taken @ Error::Taken(_)) => free(app, &presented.proof, taken).await?,
            Err(error) => return Err(error),
        }
    }
    Err(overtaken())
}

/// Deletes an account that was made with the former address meanwhile, if the address was never
/// verified. Whoever took the first account could otherwise keep it in this way.
async fn free(app: &App, proof: &Proof, taken: Error) -> Result<(), Error> {
    let identifier = Identifier::parse(&proof.email).map_err(Error::internal)?;
    match app.store().user_by(&identifier).await? {
        None => Ok(()),
        Some(user) if user.email_verified => Err(taken),
        Some(user) => {
            if app.store().delete_if_unchanged(&user).await? {
                audit::record("account_disowned", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
                end_at_firebase(app, &user.id).await;
            }
            Ok(())
        }
    }
}
