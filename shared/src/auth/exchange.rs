//! An ID token of a provider, exchanged for a session here.
//!
//! A known identity opens its account, whatever address the token has. An unknown one meets the
//! account with its address only if the provider's word shows that the address is the person's. A
//! verified account is then joined as it is. An unverified one is taken over: whoever made it need
//! not be the owner of the address.

mod identify;
mod join;

use std::time::Duration;

pub use join::complete;

use identify::{Identified, identify};
use join::{confirm_address, join, record_join};

use super::{
    ending::end_at_firebase,
    first_mail,
    first_session::FirstSession,
    in_step::keep_in_step,
    mailing::{notice, tell},
    password::client,
    proof::{RACES_MAX, overtaken},
    session_object::{SessionObject, outlast_the_end_of_sessions, require_signing_keys, start},
    verification::{CUSTOM_PROVIDER, require_live_sign_in},
};
use crate::{
    App,
    account::{identity::FIREBASE, ip::IpKey, rate_limit::REFUSED_EXCHANGES, user::User},
    error::{Error, TokenRefusal},
    mail::{Kind, Language},
    store::{Exchange, ExchangeEffect, Exchanged, FoundIdentity, IdentityLookup, Replay, SignUp},
    telemetry::audit,
    time::Timestamp,
    token::{
        access::Issuer,
        provider::{INVALID, refused},
    },
};

/// The time in which a token may come again, because its answer was lost.
const REPEATED_WITHIN: Duration = Duration::from_secs(60);

/// A token of a provider, and its client.
pub struct ExchangeRequest<'a> {
    /// The id of the provider in `IDENTITY_PROVIDERS`.
    pub provider: &'a str,
    /// The ID token.
    pub id_token: &'a str,
    /// The nonce that the app gave to the provider.
    pub nonce: Option<&'a str>,
    /// The display name, for an account without one. Empty if there is none.
    pub name: &'a str,
    /// The language of mails.
    pub language: Language,
    /// The IP address that the limits count by.
    pub ip: Option<&'a IpKey>,
    /// The account that the identity is to be linked to, whose owner has logged in of late.
    pub link_to: Option<&'a User>,
}

/// Exchanges a token for a session. Two round trips.
///
/// # Errors
///
/// 401 with the code of the rule that the token breaks. 403 if the account is disabled, or if this
/// person may not have one. 409 if the provider does not vouch for an address that an account has,
/// or if another account has the identity. 429 beyond a limit. 400 for a provider that is not
/// configured, and 501 if none is. 503 while there are no keys, or if DynamoDB fails.
pub async fn exchange(app: &App, issuer: &Issuer, request: &ExchangeRequest<'_>) -> Result<SessionObject, Error> {
    require_signing_keys(app).await?;
    let identified = match identify(app, issuer, request, app.now()).await {
        Err(error @ Error::Token(_)) => return Err(refuse(app, request, error).await),
        identified => identified?,
    };
    let lock = app.locks().lock(format!("exchange {}", identified.hash)).await;
    for _ in 0..RACES_MAX {
        let now = app.now();
        let claims = &identified.claims;
        let lookup = IdentityLookup {
            identity: &claims.identity,
            uid: identified.firebase.as_ref().map(|verified| verified.uid.as_str()),
            email: claims.email.as_ref(),
            ip: request.ip,
        };
        let found = app.store().find_identity(&lookup, now).await?;
        let exchanging = Exchanging { app, issuer, request, identified: &identified, now };
        let step = match exchanging.step(&found).await {
            Err(error @ Error::Token(_)) => return Err(refuse(app, request, error).await),
            step => step?,
        };
        if let Some(answer) = exchanging.take(step, &found.sign_up).await? {
            drop(lock);
            return Ok(answer);
        }
    }
    Err(overtaken())
}

/// Counts a refused token, and returns the refusal. Beyond the quota every refusal is a 429, while
/// a good token is exchanged as ever.
async fn refuse(app: &App, request: &ExchangeRequest<'_>, refusal: Error) -> Error {
    audit::record("exchange_refused", "", "");
    let Some(ip) = request.ip else { return refusal };
    app.store().count_use(REFUSED_EXCHANGES, ip, app.now()).await.err().unwrap_or(refusal)
}

/// An exchange under way, as of one moment.
struct Exchanging<'a> {
    app: &'a App,
    issuer: &'a Issuer,
    request: &'a ExchangeRequest<'a>,
    identified: &'a Identified,
    now: Timestamp,
}

/// The effect that a token has.
enum Step {
    /// Its account gets a session. The token's address or name may have changed the account.
    SignIn { before: Box<User>, after: Box<User>, is_changed: bool },
    /// An account is joined, and its owner is told so by this mail.
    Join { before: Box<User>, after: Box<User>, kind: Kind },
    /// There is a new account.
    SignUp(Box<User>),
}

impl Exchanging<'_> {
    /// Decides the effect, by the table in docs/exchange.md.
    async fn step(&self, found: &FoundIdentity) -> Result<Step, Error> {
        if let Some(caller) = self.request.link_to {
            return self.link(caller, found).await;
        }
        if let Some(user) = found.by_uid.as_ref().or(found.owner.as_ref()) {
            return self.sign_in(user).await;
        }
        self.require_no_deleted_account()?;
        let claims = &self.identified.claims;
        match (&claims.email, &found.by_address) {
            (Some(_), Some(account)) if claims.is_proven => self.join(account),
            (Some(email), Some(_)) => {
                Err(confirm_address(self.app, self.request, email, &claims.identity, &found.sign_up, self.now).await)
            }
            (Some(_) | None, _) => self.sign_up(&found.sign_up),
        }
    }

    /// Links to the account of somebody who is logged in, whatever the address.
    async fn link(&self, caller: &User, found: &FoundIdentity) -> Result<Step, Error> {
        let holder = found.by_uid.as_ref().or(found.owner.as_ref());
        match holder {
            Some(holder) if holder.id == caller.id => return self.sign_in(holder).await,
            Some(_) => return Err(Error::IdentityTaken),
            None => {}
        }
        let gone = || Error::unavailable("the account was changed or deleted meanwhile");
        let before = self.app.store().credentials(caller).await?.ok_or_else(gone)?;
        let mut after = before.clone();
        if !after.link(self.identified.claims.identity.clone()) {
            return Err(Error::TooManyIdentities);
        }
        Ok(Step::Join { before: before.into(), after: after.into(), kind: Kind::IdentityLinked })
    }

    /// The account stays the same whatever address and name the token has. The identity alone
    /// learns the address.
    async fn sign_in(&self, user: &User) -> Result<Step, Error> {
        if let Some((verified, auth_time)) = self.identified.sign_in() {
            if user.id == verified.uid {
                require_live_sign_in(self.app, verified, auth_time, user, self.now).map_err(told)?;
            } else if user.sessions_ended_at.is_some_and(|ended| auth_time < ended) {
                let sentence = "The sessions of this account were ended after this sign-in. Sign in again.";
                return Err(refused(INVALID, sentence));
            }
        }
        self.app.config().accounts.admission.admit(user)?;
        let before = self.app.store().with_profile(user.clone()).await?;
        let mut after = before.clone();
        let told = &self.identified.claims.identity;
        for identity in after.identities.iter_mut().filter(|identity| identity.is_same(told)) {
            identity.email.clone_from(&told.email);
            identity.private_relay = told.private_relay;
        }
        if after.name.is_empty() && !after.has_profile {
            self.request.name.clone_into(&mut after.name);
        }
        let is_changed = before.identities != after.identities || before.name != after.name;
        Ok(Step::SignIn { before: before.into(), after: after.into(), is_changed })
    }

    fn join(&self, account: &User) -> Result<Step, Error> {
        if account.disabled {
            return Err(Error::Disabled);
        }
        let mut after = account.clone();
        let kind = join(self.app, &mut after, self.identified.claims.identity.clone(), self.now)?;
        Ok(Step::Join { before: account.clone().into(), after: after.into(), kind })
    }

    fn sign_up(&self, sign_up: &SignUp) -> Result<Step, Error> {
        let Identified { claims, firebase, .. } = self.identified;
        let refused = |_: &Error| audit::record("sign_up_refused", &self.app.pseudonym(&claims.identity.subject), "");
        let accounts = &self.app.config().accounts;
        accounts.sign_up.check_any(claims.email.as_ref()).inspect_err(refused)?;
        sign_up.require_quota(self.now)?;
        let id = match firebase {
            Some(verified) => verified.uid.clone(),
            None => self.app.uuid()?,
        };
        let name = if self.request.name.is_empty() { &claims.name } else { self.request.name };
        let mut user = User::with_identity_alone(id, claims.email.as_ref(), name.to_owned(), self.now);
        user.imported_uid = firebase.is_some();
        user.email_verified = claims.is_proven;
        user.link(claims.identity.clone());
        // Nothing could ever verify an address that is not there.
        if claims.email.is_none() && accounts.admission.require_verified_email {
            return Err(Error::EmailNotVerified);
        }
        Ok(Step::SignUp(user.into()))
    }

    /// Refuses a sign-in at Firebase as a user that was made here, whose account is gone. It would
    /// come to life again.
    fn require_no_deleted_account(&self) -> Result<(), Error> {
        let is_ours = |id: &str| User::is_made_here(id);
        match &self.identified.firebase {
            Some(verified) if verified.provider == CUSTOM_PROVIDER || is_ours(&verified.uid) => {
                Err(refused(INVALID, "There is no account with this uid, or it was deleted."))
            }
            _ => Ok(()),
        }
    }

    /// Carries a step out. `None` if another request came first.
    async fn take(&self, step: Step, sign_up: &SignUp) -> Result<Option<SessionObject>, Error> {
        match step {
            Step::SignIn { before, after, is_changed } => {
                let effect = match is_changed {
                    false => ExchangeEffect::None,
                    true => ExchangeEffect::Change { before: &before, after: &after, mails: &[] },
                };
                self.open(&after, &effect).await
            }
            Step::Join { before, after, kind } => {
                let mails = notice(self.app, kind, &before, self.request.language, self.now)?;
                let after = self.app.store().with_profile(*after).await?;
                let effect = ExchangeEffect::Change { before: &before, after: &after, mails: &mails };
                let answer = self.open(&after, &effect).await?;
                if answer.is_some() {
                    mails.iter().for_each(|mail| tell(self.app, mail));
                    record_join(self.app, kind, &after);
                }
                if answer.is_some() && before.epoch != after.epoch {
                    end_at_firebase(self.app, &after.id).await;
                }
                Ok(answer)
            }
            Step::SignUp(user) => self.create(&user, sign_up).await,
        }
    }

    /// Opens a session of an account that exists. `None` if another request came first.
    async fn open(&self, user: &User, effect: &ExchangeEffect<'_>) -> Result<Option<SessionObject>, Error> {
        let Self { app, issuer, now, .. } = *self;
        let admitted = app.config().accounts.admission.admit(user)?;
        let session = start(app, admitted, now)?;
        let answer = SessionObject::issue_at_once(app, issuer, admitted, &session, 0, now).await?;
        match app.store().exchange(&self.token(), user, Some(&session), effect, now).await? {
            Exchange::Overtaken => Ok(None),
            Exchange::Used(replay) => self.repeat(replay).await.map(Some),
            Exchange::Done(changed) => {
                let user = changed.as_deref().unwrap_or(user);
                audit::record("exchange_ok", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
                keep_in_step(app, user).await?;
                outlast_the_end_of_sessions(app, user, app.now()).await;
                Ok(Some(answer))
            }
        }
    }

    /// Makes an account. `None` if another request came first.
    async fn create(&self, user: &User, sign_up: &SignUp) -> Result<Option<SessionObject>, Error> {
        let Self { app, issuer, now, .. } = *self;
        let first = FirstSession::start(app, user, now)?;
        let mail = match &self.identified.claims.email {
            Some(email) if !user.email_verified => {
                let client = client(app, self.request.ip, None).await;
                let begun = first_mail::begin(app, email, client, now).await?;
                begun.map(|begun| first_mail::of(app, begun, user, self.request.language, now)).transpose()?
            }
            _ => None,
        };
        let started = match &mail {
            Some(mail) => Some(first_mail::started(app, mail).await?),
            None => None,
        };
        let answer = first.answer(app, issuer, started, now).await?;
        let effect = ExchangeEffect::New { user, sign_up, mail: mail.as_ref() };
        match app.store().exchange(&self.token(), user, first.session(), &effect, now).await? {
            Exchange::Overtaken => Ok(None),
            Exchange::Used(replay) => self.repeat(replay).await.map(Some),
            Exchange::Done(_) => {
                audit::record("account_created", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
                mail.iter().for_each(|mail| tell(app, &mail.mail));
                if first.session().is_some() {
                    keep_in_step(app, user).await?;
                }
                Ok(Some(answer))
            }
        }
    }

    fn token(&self) -> Exchanged<'_> {
        let claims = &self.identified.claims;
        Exchanged { hash: &self.identified.hash, expires_at: claims.expires_at }
    }

    /// Answers a token that was exchanged a moment ago with the session that it opened, as long as
    /// nobody has refreshed that session. Its first answer may have been lost.
    async fn repeat(&self, replay: Replay) -> Result<SessionObject, Error> {
        let Self { app, issuer, now, .. } = *self;
        let session = replay.session.filter(|_| now < replay.used_at + REPEATED_WITHIN);
        if let Some(id) = session
            && let (Some(user), Some(session)) = app.store().user_and_session(&replay.user_id, id).await?
            && session.is_live(&user, now)
            && session.counter == 0
        {
            let admitted = app.config().accounts.admission.admit(&user)?;
            keep_in_step(app, &user).await?;
            let answer = SessionObject::issue(app, issuer, admitted, &session, 0, now).await?;
            return Ok(answer);
        }
        let used = refused("id_token_used", "This token was exchanged before. Sign in at the provider again.");
        Err(refuse(app, self.request, used).await)
    }
}

/// The refusal of a sign-in at Firebase in the words of this endpoint.
fn told(error: Error) -> Error {
    match error {
        Error::Token(TokenRefusal { code: "auth/user-disabled", .. }) => Error::Disabled,
        Error::Token(refusal) => Error::Token(TokenRefusal { code: INVALID, ..refusal }),
        other => other,
    }
}

/// Whether an account is the Firebase user of this id itself, so that the identity cannot be taken
/// from it.
pub fn is_own_firebase_user(user: &User, provider: &str) -> bool {
    provider == FIREBASE
        && user.identities.iter().any(|identity| identity.provider == FIREBASE && identity.subject == user.id)
}
