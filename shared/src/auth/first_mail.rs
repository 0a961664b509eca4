//! The mail to the address of a new account, written with the account itself.

use super::mailing::{MailRequest, Started, Words, proof_mail, proof_of, require_mail, start};
use crate::{
    App,
    account::{
        email::{Email, Identifier},
        proof::Purpose,
        user::User,
    },
    config::MailBy,
    error::Error,
    mail::Language,
    store::{Beginning, Client, FirstMail},
    telemetry::audit,
    time::Timestamp,
};

const WORDS: Words = Words { asked: "verification_asked", limited: "verification_limited" };

/// Whether new accounts get a mail that verifies their address.
pub fn is_wanted(app: &App) -> bool {
    let accounts = &app.config().accounts;
    (accounts.verify_email || accounts.admission.require_verified_email) && app.config().mail.by != MailBy::Off
}

/// Reads the limits on a mail to this address, for an account that does not exist yet. `None` if no
/// mail is wanted, or if a limit refuses it: the account is made without one. One round trip.
///
/// # Errors
///
/// 501 if no key makes codes. 503 if DynamoDB fails.
pub async fn begin(
    app: &App,
    email: &Email,
    client: Option<Client<'_>>,
    now: Timestamp,
) -> Result<Option<Beginning>, Error> {
    if !is_wanted(app) {
        return Ok(None);
    }
    require_mail(app).await?;
    let identifier = Identifier::Email(email.clone());
    match app.store().begin_proof(Purpose::Verify, &identifier, client, now).await {
        Err(Error::TooManyAttempts(_)) => {
            audit::record(WORDS.limited, &app.pseudonym(email.key()), "");
            Ok(None)
        }
        // A deleted account has left a mail of a moment ago.
        Ok(begun) if begun.pending.is_some() => Ok(None),
        begun => begun.map(Some),
    }
}

/// The mail to the new account, with its proof.
///
/// # Errors
///
/// 500 if the random source fails.
pub fn of(app: &App, begun: Beginning, user: &User, language: Language, now: Timestamp) -> Result<FirstMail, Error> {
    let mut proof = proof_of(app, Purpose::Verify, user, language.tag(), now)?;
    proof.tries_max = begun.tries_max;
    let mail = proof_mail(app, &proof, now)?;
    Ok(FirstMail { begun, proof, mail })
}

/// The answer to the client that made the account.
///
/// # Errors
///
/// 503 while the keys of codes cannot be loaded.
pub async fn started(app: &App, first: &FirstMail) -> Result<Started, Error> {
    let keys = require_mail(app).await?;
    Ok(Started::of(first.proof.id, first.proof.purpose, first.proof.made_at, &keys))
}

/// Mails the owner of an account that still waits, who has asked for the account again. `None` if a
/// limit refuses the mail, or if none is wanted. Two round trips.
///
/// # Errors
///
/// 503 if DynamoDB fails.
pub async fn again(
    app: &App,
    user: &User,
    client: Option<Client<'_>>,
    language: Language,
) -> Result<Option<Started>, Error> {
    if !is_wanted(app) {
        return Ok(None);
    }
    let identifier = Identifier::parse(&user.email).map_err(Error::internal)?;
    let request = MailRequest {
        purpose: Purpose::Verify,
        identifier: &identifier,
        claimant: None,
        client,
        language,
        continue_url: None,
        identity: None,
    };
    match start(app, &request, &WORDS).await {
        Err(Error::TooManyAttempts(_)) => Ok(None),
        started => started.map(Some),
    }
}
