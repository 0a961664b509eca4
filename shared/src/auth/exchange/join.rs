//! An identity that meets an account with its address.

use super::{ExchangeRequest, SignUp};
use crate::{
    App,
    account::{
        email::{Email, Identifier},
        identity::Identity,
        proof::Purpose,
        user::User,
    },
    auth::{
        ending::end_at_firebase,
        mailing::{MailRequest, Started, Words, notice, start, tell},
        owed,
        password::client,
        proof::{RACES_MAX, Shown, overtaken},
        session_object::{self, SessionObject, end_of_sessions, outlast_the_end_of_sessions},
    },
    config::MailBy,
    error::{Confirmation, Error},
    mail::{Kind, Language},
    store::{Completed, Completion},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

const WORDS: Words = Words { asked: "link_code_asked", limited: "link_code_limited" };

/// Joins an identity, whose address is shown to be the person's, to the account with the address.
/// Nothing that was set before counts in an account whose address nobody had verified. Returns the
/// kind of mail that tells the owner.
///
/// # Errors
///
/// 409 if the account has as many identities as it may have.
pub(super) fn join(app: &App, user: &mut User, identity: Identity, now: Timestamp) -> Result<Kind, Error> {
    let kind = match user.email_verified {
        true => Kind::IdentityLinked,
        false => {
            user.take_over(end_of_sessions(app, now));
            user.email_verified = true;
            Kind::AccessRevoked
        }
    };
    if user.link(identity) { Ok(kind) } else { Err(Error::TooManyIdentities) }
}

/// Records that an account has another identity, and whether it was taken over on the way.
pub(super) fn record_join(app: &App, kind: Kind, user: &User) {
    let (identity, pseudonym) = (app.pseudonym(&user.email_key), app.pseudonym(&user.id));
    match kind {
        Kind::AccessRevoked => audit::record("identity_took_over", &identity, &pseudonym),
        _ => audit::record("identity_linked", &identity, &pseudonym),
    }
}

/// The refusal of an identity whose provider does not vouch for the address of an account. A mail
/// with a code goes to the address, if this deployment sends mails. It tells that somebody has the
/// address, and so counts as a refused sign-up.
pub(super) async fn confirm_address(
    app: &App,
    request: &ExchangeRequest<'_>,
    email: &Email,
    identity: &Identity,
    sign_up: &SignUp,
    now: Timestamp,
) -> Error {
    if let Err(limited) = sign_up.require_quota(now) {
        return limited;
    }
    let confirmation = match app.config().mail.by {
        MailBy::Off => None,
        _ => match mail_code(app, request, email, identity).await {
            Ok(confirmation) => Some(Box::new(confirmation)),
            Err(error) => return error,
        },
    };
    app.store().refuse_exchange(sign_up, Error::EmailConfirmationNeeded(confirmation), now).await
}

async fn mail_code(
    app: &App,
    request: &ExchangeRequest<'_>,
    email: &Email,
    identity: &Identity,
) -> Result<Confirmation, Error> {
    let identifier = Identifier::Email(email.clone());
    let request = MailRequest {
        purpose: Purpose::Link,
        identifier: &identifier,
        claimant: None,
        client: client(app, request.ip, None).await,
        language: request.language,
        identity: Some(identity),
        continue_url: None,
    };
    start(app, &request, &WORDS).await.map(Started::into_confirmation)
}

/// Joins the identity of a refused exchange, by the code that was mailed to the address. Three
/// round trips.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, whatever the reason. 403 `account_disabled` and
/// 409 only after the right code. 503 if DynamoDB fails, or if Firebase cannot be told, and must
/// be: the code stays good then.
pub async fn complete(app: &App, issuer: &Issuer, shown: Shown<'_>) -> Result<SessionObject, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::Link).await?;
        if presented.is_repeat {
            return owed::answer(app, issuer, &presented).await;
        }
        let identity = presented.proof.identity.clone();
        let Some(identity) = identity else { return Err(presented.refuse(app).await) };
        let before = presented.owner(app).await?;
        let (now, mut after) = (app.now(), before.clone());
        let kind = match join(app, &mut after, Identity { linked_at: now, ..identity }, now) {
            Ok(kind) => kind,
            Err(error) => return Err(presented.before_telling(app, error).await),
        };
        let admitted = match app.config().accounts.admission.admit(&after) {
            Ok(admitted) => admitted,
            Err(denial) => return Err(presented.before_telling(app, denial.into()).await),
        };
        let session = session_object::start(app, admitted, now)?;
        let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
        let mails = notice(app, kind, &before, Language::of_tag(&presented.proof.locale), now)?;
        let completed =
            Completed { before: &before, after: after.clone(), session: Some(&session), mails: &mails, proofs: &[] };
        let proof = owed::noted(app, &presented.proof, &after);
        match app.store().complete_proof(&proof, completed, now).await {
            Ok(Completion::Overtaken) => {}
            Err(taken @ Error::IdentityTaken) => return Err(presented.before_telling(app, taken).await),
            Err(error) => return Err(error),
            Ok(Completion::Done(user)) => {
                record_join(app, kind, &user);
                mails.iter().for_each(|mail| tell(app, mail));
                if user.epoch != before.epoch {
                    end_at_firebase(app, &user.id).await;
                }
                owed::settle(app, &proof, &user).await?;
                outlast_the_end_of_sessions(app, &user, app.now()).await;
                return Ok(answer);
            }
        }
    }
    Err(overtaken())
}
