//! Links and codes that whoever runs the service makes for an account: to mail them, or to hand
//! them over where no mails are sent.

use super::mailing::{proof_keys, proof_mail_at, proof_of, require_mail, tell};
use crate::{
    App,
    account::{
        proof::{Proof, Purpose},
        user::User,
    },
    config::ContinueUrl,
    error::{Error, Field},
    mail::{
        Language,
        outgoing::{OutgoingMail, page_link},
    },
    store::FirstMail,
    time::Timestamp,
};

/// A link that somebody asks for.
pub struct LinkRequest<'a> {
    /// The account, read with its password hash.
    pub user: &'a User,
    /// The purpose: a first password, another one, a verification, or a sign-in of an admin.
    pub purpose: Purpose,
    /// The language of the mail.
    pub language: Language,
    /// The page of the app that the person goes on to, or `None`.
    pub continue_url: Option<&'a ContinueUrl>,
    /// The public address of this service, with which the link begins.
    pub base: &'a str,
    /// Whether the link is mailed to the person.
    pub is_sent: bool,
    /// The admin who signs in as the account, for that purpose alone.
    pub actor: Option<String>,
}

/// The choices for the invitation of a new account.
pub struct Invitation {
    /// The language of the mail.
    pub language: Language,
    /// The page of the app that the person goes on to, or `None`.
    pub continue_url: Option<ContinueUrl>,
}

/// A link and a code of an account. Whoever has one of them is its owner, as far as anybody can
/// tell.
pub struct Link {
    /// The link to a page of this service. `None` for a sign-in that leads to no app.
    pub link: Option<String>,
    /// The code. `None` if the purpose has none.
    pub code: Option<String>,
    /// The challenge that an app sends with the code. `None` if there is no code.
    pub challenge: Option<String>,
    /// The end of the code.
    pub code_expires_at: Option<Timestamp>,
    /// The end of the link.
    pub expires_at: Timestamp,
    /// Whether a mail waits for its sending. None does for an address that is never mailed.
    pub is_sent: bool,
}

/// Makes a link, and stores its mail if one is wanted. One round trip.
///
/// # Errors
///
/// 400 if the purpose does not suit the account: an invitation of somebody who has a password, or
/// `already_verified`. 403 if the account is disabled. 501 if a mail is wanted and this deployment
/// sends none, if no key makes links, or if no admin signs in as somebody else. 503 if DynamoDB
/// fails.
pub async fn make(app: &App, request: &LinkRequest<'_>) -> Result<Link, Error> {
    require_sign_in_as(app, request)?;
    let keys = if request.is_sent { require_mail(app).await? } else { proof_keys(app).await? };
    require_purpose(request.purpose, request.user)?;
    let now = app.now();
    let proof = proof(app, request.purpose, request.user, request.language, request.continue_url, now)?;
    let proof = Proof { act: request.actor.clone(), ..proof };
    let mail = if request.is_sent { Some(mail(app, &proof, request.base, now)?) } else { None };
    app.store().put_handed_out(&proof, mail.as_ref()).await?;
    if let Some(mail) = &mail {
        tell(app, mail);
    }
    let code_expires_at = proof.code_expires_at();
    let key = keys.sealing();
    let leads_somewhere = request.purpose != Purpose::SignIn || request.continue_url.is_some();
    Ok(Link {
        link: page_link(request.base, proof.purpose, proof.id, key).filter(|_| leads_somewhere),
        code: code_expires_at.map(|_| proof.id.code(key).as_str().to_owned()),
        challenge: code_expires_at.map(|_| proof.id.challenge(key)),
        code_expires_at,
        expires_at: proof.expires_at(),
        is_sent: mail.is_some_and(|mail| !mail.is_decoy),
    })
}

/// The invitation of a new account, which is written with the account itself.
///
/// # Errors
///
/// 501 if this deployment sends no mails. 503 while the keys of codes cannot be loaded.
pub async fn invitation(
    app: &App,
    user: &User,
    chosen: &Invitation,
    base: &str,
    now: Timestamp,
) -> Result<FirstMail, Error> {
    require_mail(app).await?;
    let proof = proof(app, Purpose::Invite, user, chosen.language, chosen.continue_url.as_ref(), now)?;
    let mail = mail(app, &proof, base, now)?;
    Ok(FirstMail::without_limits(proof, mail))
}

fn proof(
    app: &App,
    purpose: Purpose,
    user: &User,
    language: Language,
    continue_url: Option<&ContinueUrl>,
    now: Timestamp,
) -> Result<Proof, Error> {
    let continue_url = continue_url.map(ContinueUrl::as_str).unwrap_or_default().to_owned();
    Ok(Proof { continue_url, ..proof_of(app, purpose, user, language.tag(), now)? })
}

/// The mail of a proof. An invitation is nothing without its link. Other mails have one only where
/// `PUBLIC_URL` is set: an address of the gateway in a mail looks like a fraud.
fn mail(app: &App, proof: &Proof, base: &str, now: Timestamp) -> Result<OutgoingMail, Error> {
    let public = app.config().mail.public_url.as_deref();
    let base = if proof.purpose == Purpose::Invite { Some(base) } else { public };
    proof_mail_at(app, proof, base, now)
}

/// Refuses an admin who signs in as somebody else where that is off. Refuses to mail such a
/// sign-in, which would put the admin's session into the hands of the owner.
fn require_sign_in_as(app: &App, request: &LinkRequest<'_>) -> Result<(), Error> {
    const OFF: &str = "No admin signs in as somebody else here: set ADMIN_SIGN_IN_LINKS to true.";
    match (request.purpose, request.is_sent) {
        (Purpose::SignIn, _) if !app.config().admin.sign_in_links => Err(Error::NotConfigured(OFF)),
        (Purpose::SignIn, true) => {
            let sentence = "A sign-in is for the admin alone. The person asks for a code at `/login/email`.";
            Err(Error::wrong(vec![Field::new("send", "ambiguous", sentence)]))
        }
        _ => Ok(()),
    }
}

fn require_purpose(purpose: Purpose, user: &User) -> Result<(), Error> {
    if user.disabled {
        return Err(Error::Disabled);
    }
    match purpose {
        Purpose::Verify if user.email_verified => Err(Error::AlreadyVerified),
        Purpose::Invite if user.password_hash.is_some() => Err(Error::wrong(vec![has_password("purpose")])),
        _ => Ok(()),
    }
}

/// The mistake of an invitation for somebody who has a password.
pub fn has_password(field: &str) -> Field {
    let sentence = "An invitation is for an account without a password. Send a reset in its place.";
    Field::new(field, "has_password", sentence)
}
