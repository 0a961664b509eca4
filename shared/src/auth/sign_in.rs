//! A login by the code of a mail, without a password.

use url::Url;

use super::{
    admin::note_actor,
    ending::end_at_firebase,
    mailing::proof_keys,
    owed,
    proof::{Presented, RACES_MAX, Shown, overtaken},
    session_object::{SessionObject, end_of_sessions, outlast_the_end_of_sessions, start},
};
use crate::{
    App,
    account::{
        admission::Admitted,
        email::Email,
        proof::{Proof, Purpose},
        session::Session,
        user::User,
    },
    error::{Error, LinkRefusal},
    password::Password,
    store::{Completed, Completion},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

/// The purposes of the codes that log in: one that was asked for, and the one that a new account
/// gets.
const PURPOSES: [Purpose; 3] = [Purpose::SignIn, Purpose::SignUp, Purpose::Verify];

/// The name of the code in the query of the app's URL.
const CODE_NAME: &str = "code";
/// The name of the challenge there, for an admin alone. The app of an owner has its challenge.
const CHALLENGE_NAME: &str = "challenge";

/// Whether a proof is good here: one of an admin who signs in as somebody else needs the setting.
fn may_act(app: &App, proof: &Proof) -> bool {
    proof.act.is_none() || app.config().admin.sign_in_links
}

/// Logs in by the code of a mail. Three round trips, and two for a new account, whose name is
/// `name`.
///
/// The address is verified by that. If it was not verified before, nothing that was set before
/// counts any more, unless the request has the right password too. The challenge of a verification
/// shows as much: its account has made it, or a session of the account. The fixed code of a test
/// account verifies nothing, and changes nothing. Nor does the code of an admin, whose session
/// names the admin.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, whatever the reason. 403 `account_disabled` and
/// 409 `email_taken` only after the right code. 503 if DynamoDB fails. 503 too if Firebase cannot
/// be told, and must be: the code stays good then.
pub async fn by_code(
    app: &App,
    issuer: &Issuer,
    shown: Shown<'_>,
    password: Option<&Password>,
    name: &str,
) -> Result<SessionObject, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present_to_log_in(app, &PURPOSES).await?;
        if !may_act(app, &presented.proof) {
            return Err(presented.refuse(app).await);
        }
        if presented.is_repeat {
            return owed::answer(app, issuer, &presented).await;
        }
        let done = match presented.proof.purpose {
            Purpose::SignUp => sign_up(app, issuer, &presented, name).await?,
            _ => log_in(app, issuer, &presented, password).await?,
        };
        if let Some(Opened { answer, user, proof }) = done {
            record(app, &presented, &user);
            owed::settle(app, &proof, &user).await?;
            outlast_the_end_of_sessions(app, &user, app.now()).await;
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// Writes who has logged in by a code to the log.
pub(super) fn record(app: &App, presented: &Presented, user: &User) {
    let (identity, id) = (app.pseudonym(&user.email_key), app.pseudonym(&user.id));
    note_actor(app, presented.proof.act.as_deref());
    match (&presented.proof.act, presented.is_test) {
        (Some(_), _) => audit::record("impersonation_started", &identity, &id),
        (None, true) => audit::record("test_code_used", &identity, &id),
        (None, false) => audit::record("login_by_code", &identity, &id),
    }
}

/// A new session, which names the admin if the proof is one's.
///
/// # Errors
///
/// As [`start`].
pub(super) fn opened_by(app: &App, proof: &Proof, admitted: Admitted<'_>, now: Timestamp) -> Result<Session, Error> {
    let session = start(app, admitted, now)?;
    Ok(match &proof.act {
        Some(actor) => session.by_actor(actor.clone()),
        None => session,
    })
}

/// The account that a code has opened, the answer, and the proof as it was completed.
struct Opened {
    answer: SessionObject,
    user: User,
    proof: Proof,
}

/// Logs in to the account of a proof. `None` if another request came first.
async fn log_in(
    app: &App,
    issuer: &Issuer,
    presented: &Presented,
    password: Option<&Password>,
) -> Result<Option<Opened>, Error> {
    let before = presented.owner(app).await?;
    let now = app.now();
    let mut after = before.clone();
    if presented.proof.act.is_some() {
        // The admin has not shown the mailbox.
    } else if presented.is_test {
        // The code may have been taken away, or replaced, since the challenge was made.
        if before.test_code != presented.proof.test_code {
            return Err(presented.refuse(app).await);
        }
    } else if !before.email_verified {
        let is_kept = presented.proof.purpose == Purpose::Verify || is_right(app, &before, password).await?;
        if !is_kept {
            after.take_over(end_of_sessions(app, now));
        }
        after.email_verified = true;
    }
    let admitted = match app.config().accounts.admission.admit(&after) {
        Ok(admitted) => admitted,
        Err(denial) => return Err(presented.before_telling(app, denial.into()).await),
    };
    let session = opened_by(app, &presented.proof, admitted, now)?;
    let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
    let completed =
        Completed { before: &before, after: after.clone(), session: Some(&session), mails: &[], proofs: &[] };
    let proof = owed::noted(app, &presented.proof, &after);
    match app.store().complete_proof(&proof, completed, now).await? {
        Completion::Overtaken => Ok(None),
        Completion::Done(user) => {
            if user.epoch != before.epoch {
                end_at_firebase(app, &user.id).await;
            }
            Ok(Some(Opened { answer, user: *user, proof }))
        }
    }
}

/// Makes the account of a proof, without a password. `None` if another request came first.
async fn sign_up(app: &App, issuer: &Issuer, presented: &Presented, name: &str) -> Result<Option<Opened>, Error> {
    let now = app.now();
    let email = Email::parse(&presented.proof.email).map_err(Error::internal)?;
    let id = presented.proof.user_id.clone().unwrap_or_default();
    let user = User { email_verified: true, ..User::without_password(id, &email, None, name.to_owned(), now) };
    let admitted = app.config().accounts.admission.admit(&user)?;
    let session = start(app, admitted, now)?;
    let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
    let proof = owed::noted(app, &presented.proof, &user);
    match app.store().complete_sign_up(&proof, &user, &session, now).await {
        Ok(true) => {
            audit::record("account_created", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            Ok(Some(Opened { answer, user, proof }))
        }
        Ok(false) => Ok(None),
        Err(taken @ Error::Taken(_)) => Err(presented.before_telling(app, taken).await),
        Err(error) => Err(error),
    }
}

/// The purposes of the links that log in.
const OF_LINKS: [Purpose; 2] = [Purpose::SignIn, Purpose::SignUp];

/// Hands a code to the app that asked for the mail. Returns the URL of the app, with the code in
/// its query. One round trip.
///
/// The app exchanges the code together with its challenge. A program that opens the link of
/// somebody else has no challenge. Whoever asked for the mail of somebody else has no code. The
/// link stays good until its login, so that nobody uses it up before the person does. The link of
/// an admin hands the challenge over too, since no app has asked for it.
///
/// # Errors
///
/// 401, with the code of the link's refusal. 501 if the deployment wants no such links. 503 if
/// DynamoDB fails.
pub async fn hand_over(app: &App, token: &str) -> Result<String, Error> {
    let off = || Error::NotConfigured("No link of a mail logs in here: set EMAIL_SIGN_IN_LINK to true.");
    let (of_owners, of_admins) = (app.config().accounts.email_sign_in_link, app.config().admin.sign_in_links);
    if !of_owners && !of_admins {
        return Err(off());
    }
    let presented = Shown::Link(token).present_any(app, &OF_LINKS).await?;
    let proof = presented.proof;
    match proof.act {
        None if !of_owners => return Err(off()),
        Some(_) if !of_admins => return Err(Error::Link(LinkRefusal::Invalid)),
        _ => {}
    }
    if presented.is_repeat {
        return Err(Error::Link(LinkRefusal::Used));
    }
    // A mail that was asked for without the page of an app has no link.
    let mut url = Url::parse(&proof.continue_url).map_err(|_| Error::Link(LinkRefusal::Invalid))?;
    let keys = proof_keys(app).await?;
    let is_ours = |name: &str| name == CODE_NAME || (name == CHALLENGE_NAME && proof.act.is_some());
    let others: Vec<_> = url.query_pairs().into_owned().filter(|(name, _)| !is_ours(name)).collect();
    let code = proof.id.handed_code(keys.sealing(), app.now());
    url.query_pairs_mut().clear().extend_pairs(others).append_pair(CODE_NAME, &code);
    if proof.act.is_some() {
        url.query_pairs_mut().append_pair(CHALLENGE_NAME, &proof.id.challenge(keys.sealing()));
    }
    Ok(url.into())
}

/// The code of a mail that confirms an act, in the place of a password.
pub struct Confirmation {
    presented: Presented,
    /// The account, as it was read.
    pub account: User,
}

/// Checks the code of a mail that confirms an act of `caller`. The code is still good. Two round
/// trips.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, or is another account's. 503 if DynamoDB fails.
pub async fn confirm(app: &App, caller: &User, shown: Shown<'_>) -> Result<Confirmation, Error> {
    let presented = shown.present(app, Purpose::SignIn).await?;
    let is_owners = presented.proof.user_id.as_ref() == Some(&caller.id) && presented.proof.act.is_none();
    if !is_owners || presented.is_repeat {
        return Err(presented.refuse(app).await);
    }
    let account = presented.owner(app).await?;
    Ok(Confirmation { presented, account })
}

impl Confirmation {
    /// Uses the code up, once the act that it confirms is `done`. A code whose act failed stays
    /// good. One round trip.
    ///
    /// # Errors
    ///
    /// As the act. 401 `code_invalid` if another request used the code, or changed the account. 503
    /// if DynamoDB fails.
    pub async fn end<T>(self, app: &App, done: Result<T, Error>) -> Result<T, Error> {
        let Self { presented, account } = self;
        let done = match done {
            Ok(done) => done,
            Err(error) => return Err(presented.before_telling(app, error).await),
        };
        let completed = Completed { before: &account, after: account.clone(), session: None, mails: &[], proofs: &[] };
        match app.store().complete_proof(&presented.proof, completed, app.now()).await? {
            Completion::Done(_) => Ok(done),
            Completion::Overtaken => Err(presented.refuse(app).await),
        }
    }
}

/// Whether the password is the account's.
async fn is_right(app: &App, user: &User, password: Option<&Password>) -> Result<bool, Error> {
    let Some(password) = password else { return Ok(false) };
    Ok(app.hasher().check(password.clone(), user.password_hash.clone()).await?.verdict.is_right())
}
