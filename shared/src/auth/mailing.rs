//! Mails that somebody asks for: a proof, its mail, and the answer, which is the same whoever the
//! address belongs to.

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use crate::{
    App,
    account::{
        email::{Identifier, gets_mail},
        identity::Identity,
        proof::{CODE_DIGITS, Proof, ProofId, Purpose, TRIES_MAX},
        rate_limit::mails::MAIL_PAUSE,
        user::User,
    },
    config::{ContinueUrl, EmailSignIn, MailBy},
    error::{Confirmation, Error},
    keys::ProofKeys,
    mail::{Kind, Language, outgoing::OutgoingMail},
    sample::{Meaning, Sample},
    store::Client,
    telemetry::audit,
    time::{Timestamp, pad},
};

/// An answer waits for a quarter of the floor more, so that almost none is slower.
const FLOOR_MARGIN_DIVISOR: u32 = 4;

/// The sentence for everybody who asks for a mail.
const SENT: &str = "If this address can be used here, a code is on its way.";

/// The answer to everybody who asks for a mail. It tells nothing about the address.
#[derive(Serialize)]
pub struct Started {
    pub(super) challenge: String,
    pub(super) expires_in: u64,
    pub(super) expires_at: String,
    pub(super) resend_in: u64,
    pub(super) resend_at: String,
    pub(super) code_length: usize,
    message: &'static str,
}

impl Sample for Started {
    const NAME: &'static str = "Started";
    const MEMBERS: &'static [Meaning] = &[
        ("challenge", "To be sent with the code from the mail. Alone it is of no use."),
        ("expires_in", "The life of the code, in seconds."),
        ("expires_at", "The end of that life."),
        ("resend_in", "The time until another mail may be asked for, in seconds."),
        ("resend_at", "The end of that time."),
        ("code_length", "The digits of the code."),
        ("message", "A sentence for the person."),
    ];

    fn sample() -> Self {
        Self {
            challenge: "Qm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbAdlIOBvT9x".to_owned(),
            expires_in: 900,
            expires_at: "2026-05-27T14:15:00Z".to_owned(),
            resend_in: MAIL_PAUSE.as_secs(),
            resend_at: "2026-05-27T14:00:30Z".to_owned(),
            code_length: CODE_DIGITS,
            message: SENT,
        }
    }
}

/// A mail that somebody asks for.
pub struct MailRequest<'a> {
    /// The purpose of its code.
    pub purpose: Purpose,
    /// The identifier, as it was typed.
    pub identifier: &'a Identifier,
    /// The account that wants to have the address. `None` if the account with the identifier is
    /// meant.
    pub claimant: Option<&'a User>,
    /// The client that the limits count. `None` if rate limits are off.
    pub client: Option<Client<'a>>,
    /// The language of the mail.
    pub language: Language,
    /// The page of the app that the person goes on to.
    pub continue_url: Option<ContinueUrl>,
    /// The account of a provider that the code links.
    pub identity: Option<&'a Identity>,
}

/// The words of an audit event: one for a mail, and one for a mail that a limit refuses.
pub struct Words {
    /// The mail was asked for.
    pub asked: &'static str,
    /// A limit refused it.
    pub limited: &'static str,
}

/// The keys of proofs, where this deployment sends mails.
///
/// # Errors
///
/// 501 if it sends none. 503 while the keys cannot be loaded.
pub async fn require_mail(app: &App) -> Result<Arc<ProofKeys>, Error> {
    if app.config().mail.by == MailBy::Off {
        return Err(Error::NotConfigured("This deployment sends no mails: set MAIL to ses, smtp or webhook."));
    }
    proof_keys(app).await
}

/// The keys of proofs.
///
/// # Errors
///
/// 501 if there are none. 503 while they cannot be loaded.
pub async fn proof_keys(app: &App) -> Result<Arc<ProofKeys>, Error> {
    let keys = app.keys().proof_keys(app.now()).await?;
    keys.ok_or(Error::NotConfigured("No key makes the codes of mails: set PROOF_KEY_SECRET_ID, or PROOF_KEY_FILE."))
}

/// Stores a proof and its mail, and answers the challenge. An identifier that is nobody's gets the
/// same records, whose mail nobody sends. Two round trips.
///
/// An account takes a little longer to read than a missing one. So each answer, a refusal too,
/// waits for the [response-time floor](crate::time::ResponseFloor) and a quarter of it.
///
/// # Errors
///
/// 429 if a limit is reached, at the same request for everybody. 501 if this deployment sends no
/// mails. 503 if DynamoDB fails.
pub async fn start(app: &App, request: &MailRequest<'_>, words: &Words) -> Result<Started, Error> {
    let keys = require_mail(app).await?;
    let began = Instant::now();
    let started = put_in_outbox(app, request, words, &keys).await;
    let took = began.elapsed();
    let floor = app.mail_floor().adapt(took);
    pad(took, floor + floor / FLOOR_MARGIN_DIVISOR).await;
    started
}

/// Stores a proof and its mail, in the time that this takes.
async fn put_in_outbox(
    app: &App,
    request: &MailRequest<'_>,
    words: &Words,
    keys: &ProofKeys,
) -> Result<Started, Error> {
    let (store, now) = (app.store(), app.now());
    let identity = app.pseudonym(request.identifier.key());
    let audit_if_limited = |error: &Error| {
        if matches!(error, Error::TooManyAttempts(_)) {
            audit::record(words.limited, &identity, "");
        }
    };
    let begun = store.begin_proof(request.purpose, request.identifier, request.client, now).await;
    let mut begun = begun.inspect_err(audit_if_limited)?;
    if let Some((id, made_at)) = begun.pending {
        return Ok(Started::of(id, request.purpose, made_at, keys));
    }
    let holder = begun.user.take();
    let user = match request.claimant {
        Some(_) if holder.is_some() => None,
        Some(claimant) => Some(claimant),
        None => holder.as_ref(),
    };
    let mut proof = proof(app, request, user, begun.tries_max, now)?;
    if user.is_none() && may_sign_up(app, request) {
        proof.purpose = Purpose::SignUp;
        proof.user_id = Some(app.uuid()?);
    }
    let mail = match holder.as_ref().filter(|_| request.claimant.is_some()) {
        Some(holder) => already_used(app, request, &proof, holder, now)?,
        None => proof_mail(app, &proof, now)?,
    };
    store.put_proof(&mut begun, &proof, &mail, now).await.inspect_err(audit_if_limited)?;
    let user = user.map(|user| app.pseudonym(&user.id)).unwrap_or_default();
    audit::record(words.asked, &identity, &user);
    tell(app, &mail);
    Ok(Started::of(proof.id, request.purpose, proof.made_at, keys))
}

/// Whether a code to log in makes an account for an address that has none.
fn may_sign_up(app: &App, request: &MailRequest<'_>) -> bool {
    let accounts = &app.config().accounts;
    let Identifier::Email(email) = request.identifier else { return false };
    request.purpose == Purpose::SignIn
        && accounts.email_sign_in == EmailSignIn::SignUp
        && accounts.sign_up.check(email).is_ok()
}

/// The proof for whoever the identifier belongs to, or for whoever claims it.
fn proof(
    app: &App,
    request: &MailRequest<'_>,
    user: Option<&User>,
    tries_max: u32,
    now: Timestamp,
) -> Result<Proof, Error> {
    let typed = match request.identifier {
        Identifier::Email(email) => email.typed(),
        Identifier::Username(username) => username.as_str(),
    };
    let key = request.identifier.key();
    let addressed = user.filter(|_| request.claimant.is_none());
    Ok(Proof {
        id: ProofId::new(app.random()?),
        purpose: request.purpose,
        user_id: user.map(|user| user.id.clone()),
        email: addressed.map_or(typed, |user| &user.email).to_owned(),
        email_key: addressed.map_or(key, |user| &user.email_key).to_owned(),
        proof: user.map_or(0, |user| user.proof),
        tries: 0,
        tries_max,
        asked_for: key.to_owned(),
        locale: request.language.tag().to_owned(),
        made_at: now,
        identity: request.identity.cloned(),
        continue_url: request.continue_url.as_ref().map(ContinueUrl::as_str).unwrap_or_default().to_owned(),
        test_code: addressed.filter(|_| request.purpose == Purpose::SignIn).and_then(|user| user.test_code.clone()),
        act: None,
        used_at: None,
        is_owed: false,
    })
}

/// A proof of the address of an account that nobody asked for by its address.
///
/// # Errors
///
/// 500 if the random source fails.
pub(super) fn proof_of(app: &App, purpose: Purpose, user: &User, locale: &str, now: Timestamp) -> Result<Proof, Error> {
    Ok(Proof {
        id: ProofId::new(app.random()?),
        purpose,
        user_id: Some(user.id.clone()),
        email: user.email.clone(),
        email_key: user.email_key.clone(),
        proof: user.proof,
        tries: 0,
        tries_max: TRIES_MAX,
        asked_for: user.email_key.clone(),
        locale: locale.to_owned(),
        made_at: now,
        identity: None,
        continue_url: String::new(),
        test_code: None,
        act: None,
        used_at: None,
        is_owed: false,
    })
}

/// The mail with the code and the link of a proof. A proof that is nobody's has a mail that nobody
/// sends.
///
/// # Errors
///
/// 500 if the random source fails.
pub(super) fn proof_mail(app: &App, proof: &Proof, now: Timestamp) -> Result<OutgoingMail, Error> {
    let base = app.config().mail.public_url.as_deref().filter(|_| has_link(app, proof));
    proof_mail_at(app, proof, base, now)
}

/// Like [`proof_mail`], with a link that begins with `base`.
///
/// # Errors
///
/// As [`proof_mail`].
pub(super) fn proof_mail_at(
    app: &App,
    proof: &Proof,
    base: Option<&str>,
    now: Timestamp,
) -> Result<OutgoingMail, Error> {
    let kind = match proof.purpose {
        Purpose::SignIn | Purpose::SignUp => Kind::SignIn,
        Purpose::Verify => Kind::Verify,
        Purpose::Reset => Kind::Reset,
        Purpose::Change => Kind::Change,
        Purpose::Undo => Kind::EmailChanged,
        Purpose::Invite => Kind::Invite,
        Purpose::Link => Kind::Link,
    };
    let mail = OutgoingMail::new(app.uuid()?, kind, &proof.email, Language::of_tag(&proof.locale), now);
    let mail = mail.with_proof(proof.id, base);
    let is_sent = proof.user_id.is_some() && gets_mail(&proof.email_key);
    Ok(if is_sent { mail } else { mail.into_decoy() })
}

/// Whether the mail of a proof may have a link. The link of a login leads to the app that asked, if
/// the deployment wants such links and the app has said where.
fn has_link(app: &App, proof: &Proof) -> bool {
    match proof.purpose {
        Purpose::SignIn | Purpose::SignUp => app.config().accounts.email_sign_in_link && !proof.continue_url.is_empty(),
        // Whoever opens the mail would link somebody's account.
        Purpose::Link => false,
        _ => true,
    }
}

/// The mail to the holder of an address that somebody else wants. It has no code, and its record
/// has the same attributes as one with a code.
fn already_used(
    app: &App,
    request: &MailRequest<'_>,
    proof: &Proof,
    holder: &User,
    now: Timestamp,
) -> Result<OutgoingMail, Error> {
    let mail = OutgoingMail::new(app.uuid()?, Kind::AddressAlreadyUsed, &holder.email, request.language, now);
    let mail = mail.with_proof(proof.id, app.config().mail.public_url.as_deref());
    Ok(if gets_mail(&holder.email_key) { mail } else { mail.into_decoy() })
}

/// The notice about an event of an account, to write in its transaction. None where this deployment
/// sends no mails, nor for an address that is nobody's.
///
/// # Errors
///
/// 500 if the random source fails.
pub fn notice(
    app: &App,
    kind: Kind,
    user: &User,
    language: Language,
    now: Timestamp,
) -> Result<Vec<OutgoingMail>, Error> {
    if app.config().mail.by == MailBy::Off || !gets_mail(&user.email_key) {
        return Ok(Vec::new());
    }
    Ok(vec![OutgoingMail::new(app.uuid()?, kind, &user.email, language, now)])
}

/// Tells the sender in this process of a mail that was committed.
pub fn tell(app: &App, mail: &OutgoingMail) {
    if !mail.is_decoy {
        app.mails().tell(&mail.id);
    }
}

impl Started {
    /// The values that a refusal leads on with.
    pub(super) fn into_confirmation(self) -> Confirmation {
        let Self { challenge, expires_in, expires_at, resend_in, resend_at, code_length, message } = self;
        Confirmation { challenge, expires_in, expires_at, resend_in, resend_at, code_length, message }
    }

    /// The answer for the proof with this id, whose mail was asked for at `made_at`.
    pub(super) fn of(id: ProofId, purpose: Purpose, made_at: Timestamp, keys: &ProofKeys) -> Self {
        let life = purpose.code_life().unwrap_or_else(|| purpose.life());
        Self {
            challenge: id.challenge(keys.sealing()),
            expires_in: life.as_secs(),
            expires_at: (made_at + life).rfc3339(),
            resend_in: MAIL_PAUSE.as_secs(),
            resend_at: (made_at + MAIL_PAUSE).rfc3339(),
            code_length: CODE_DIGITS,
            message: SENT,
        }
    }
}
