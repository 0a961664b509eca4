//! A proof that somebody shows: by the code and the challenge, or by the link of the mail.
//!
//! No code is told right from wrong before a write that depends on the count of wrong ones.
//! Parallel guesses in any number of processes therefore learn no more than the count allows.

use crate::{
    App,
    account::{
        proof::{Code, Proof, ProofId, ProofState, Purpose},
        user::User,
    },
    auth::mailing::proof_keys,
    error::{Error, LinkRefusal},
    keys::ProofKeys,
    telemetry::audit,
    text,
    time::Timestamp,
};

/// The most tries to tell a code that others overtake. Each of the others raises the count of wrong
/// codes, or ends the proof.
pub const RACES_MAX: u32 = 16;

/// The things by which somebody shows a proof.
#[derive(Clone, Copy)]
pub enum Shown<'a> {
    /// The challenge that the client got, and the code from the mail.
    Code {
        /// The challenge.
        challenge: &'a str,
        /// The code.
        code: &'a Code,
    },
    /// The challenge, and the code that a page handed to the client.
    Handed {
        /// The challenge.
        challenge: &'a str,
        /// The code.
        code: &'a str,
    },
    /// The token in the link of the mail.
    Link(&'a str),
}

/// A proof that somebody has shown. The proof itself is unchanged.
pub struct Presented {
    /// The proof, as it was read.
    pub proof: Proof,
    /// Whether it was completed a short while ago. The answer may have been lost.
    pub is_repeat: bool,
    /// Whether the code was the fixed one of the account, which proves nothing about the address.
    pub is_test: bool,
    by_code: bool,
}

impl Shown<'_> {
    /// Reads the proof, and judges what was shown. One round trip, and one more to count a wrong
    /// code. None for a challenge or a link that this service did not make.
    ///
    /// # Errors
    ///
    /// 401 `code_invalid`, or the code of the link's refusal. 503 if DynamoDB fails.
    pub async fn present(self, app: &App, purpose: Purpose) -> Result<Presented, Error> {
        self.present_any(app, &[purpose]).await
    }

    /// Like [`Shown::present`], for a proof of one of these purposes.
    ///
    /// # Errors
    ///
    /// As [`Shown::present`].
    pub async fn present_any(self, app: &App, purposes: &[Purpose]) -> Result<Presented, Error> {
        self.judge(app, purposes, false).await
    }

    /// Like [`Shown::present_any`], and the fixed code of a test account is good too.
    ///
    /// # Errors
    ///
    /// As [`Shown::present`].
    pub async fn present_to_log_in(self, app: &App, purposes: &[Purpose]) -> Result<Presented, Error> {
        self.judge(app, purposes, true).await
    }

    async fn judge(self, app: &App, purposes: &[Purpose], allows_test: bool) -> Result<Presented, Error> {
        match self {
            Self::Code { challenge, .. } | Self::Handed { challenge, .. } => {
                self.by_code(app, purposes, challenge, allows_test).await
            }
            Self::Link(token) => by_link(app, purposes, token).await,
        }
    }

    async fn by_code(
        self,
        app: &App,
        purposes: &[Purpose],
        challenge: &str,
        allows_test: bool,
    ) -> Result<Presented, Error> {
        let over = || Error::CodeInvalid(0);
        let keys = proof_keys(app).await?;
        let (id, key) = ProofId::of_challenge(text::trimmed(challenge), keys.opening()).ok_or_else(over)?;
        let is_right = match self {
            Self::Code { code, .. } => code.is(&id.code(key)),
            Self::Handed { code, .. } => id.has_handed(code, keys.opening(), app.now()),
            Self::Link(_) => false,
        };
        let proof = app.store().proof(id).await?;
        let mut proof = proof.filter(|proof| purposes.contains(&proof.purpose)).ok_or_else(over)?;
        for _ in 0..RACES_MAX {
            let is_repeat = match proof.state_by_code(app.now()) {
                ProofState::Open => false,
                ProofState::Used { may_repeat: true } => true,
                ProofState::Used { may_repeat: false } | ProofState::Over => return Err(over()),
            };
            // The code of nobody's proof is compared too, and is always wrong.
            if is_right & proof.user_id.is_some() {
                return Ok(Presented { proof, is_repeat, is_test: false, by_code: true });
            }
            if let Self::Code { code, .. } = self
                && allows_test
                && is_test_code(&proof, code, &keys, app.now())
            {
                return Ok(Presented { proof, is_repeat, is_test: true, by_code: true });
            }
            let (counted, is_told) = count(app, &proof).await?;
            if is_told {
                return Err(Error::CodeInvalid(counted.tries_left()));
            }
            proof = counted;
        }
        Err(overtaken())
    }
}

/// Whether a code is the fixed one that the account had when the mail was asked for.
fn is_test_code(proof: &Proof, code: &Code, keys: &ProofKeys, now: Timestamp) -> bool {
    let set = proof.test_code.as_ref().zip(proof.user_id.as_deref());
    set.is_some_and(|(set, id)| set.is(code, id, keys.opening(), now))
}

async fn by_link(app: &App, purposes: &[Purpose], token: &str) -> Result<Presented, Error> {
    let proof = of_link(app, token).await?;
    if !purposes.contains(&proof.purpose) {
        return Err(Error::Link(LinkRefusal::Invalid));
    }
    match proof.state_by_link(app.now()) {
        ProofState::Open => Ok(Presented { proof, is_repeat: false, is_test: false, by_code: false }),
        ProofState::Used { may_repeat: true } if proof.tries_left() > 0 => {
            Ok(Presented { proof, is_repeat: true, is_test: false, by_code: false })
        }
        ProofState::Used { .. } => Err(Error::Link(LinkRefusal::Used)),
        ProofState::Over => Err(Error::Link(LinkRefusal::Expired)),
    }
}

/// The link of a mail, as far as a page may know it. The address is no part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The purpose.
    pub purpose: Purpose,
    /// The end of the link.
    pub expires_at: Timestamp,
    /// Whether it was used. The same person may then ask again for a while.
    pub is_used: bool,
}

/// Looks at the link of a mail, and changes nothing. One round trip, and none for a link that this
/// service did not make.
///
/// # Errors
///
/// 401 `link_invalid` or `link_expired`. 503 if DynamoDB fails.
pub async fn inspect(app: &App, token: &str) -> Result<Inspected, Error> {
    let proof = of_link(app, token).await?;
    match proof.state_by_link(app.now()) {
        ProofState::Over => Err(Error::Link(LinkRefusal::Expired)),
        state => Ok(Inspected {
            // A page asks for the same in both cases.
            purpose: if proof.purpose == Purpose::SignUp { Purpose::SignIn } else { proof.purpose },
            expires_at: proof.expires_at(),
            is_used: matches!(state, ProofState::Used { .. }),
        }),
    }
}

/// Reads the proof behind a link. One round trip, and none for a link that is none.
async fn of_link(app: &App, token: &str) -> Result<Proof, Error> {
    let invalid = || Error::Link(LinkRefusal::Invalid);
    let keys = proof_keys(app).await?;
    let (id, _) = ProofId::of_link(text::trimmed(token), keys.opening()).ok_or_else(invalid)?;
    // DynamoDB deletes the record some time after the end of the proof.
    let proof = app.store().proof(id).await?.ok_or(Error::Link(LinkRefusal::Expired))?;
    if proof.user_id.is_some() { Ok(proof) } else { Err(invalid()) }
}

impl Presented {
    /// Reads the account that the proof is about, with its password hash. One round trip.
    ///
    /// # Errors
    ///
    /// As [`Presented::refuse`], if the account is gone or has changed since the mail was asked
    /// for. 503 if DynamoDB fails.
    pub async fn owner(&self, app: &App) -> Result<User, Error> {
        let id = self.proof.user_id.as_deref().unwrap_or_default();
        let user = app.store().owner(&self.proof.email_key, id).await?;
        self.unchanged(app, user).await
    }

    /// Like [`Presented::owner`], for an account that has another address than the one of the mail,
    /// or none.
    ///
    /// # Errors
    ///
    /// As [`Presented::owner`].
    pub async fn owner_as(&self, app: &App, account: &User) -> Result<User, Error> {
        let user = app.store().credentials(account).await?;
        self.unchanged(app, user).await
    }

    async fn unchanged(&self, app: &App, user: Option<User>) -> Result<User, Error> {
        match user.filter(|user| self.is_repeat || self.is_current(user)) {
            Some(user) => Ok(user),
            None => Err(self.refuse(app).await),
        }
    }

    /// Whether the account is as the mail was about. A verification needs the same address alone,
    /// which the caller has compared, and a link that takes a change back needs its own mark. A new
    /// password would otherwise end both. It may be set by somebody who is not the owner.
    pub fn is_current(&self, user: &User) -> bool {
        match self.proof.purpose {
            Purpose::Verify => true,
            Purpose::Undo => user.may_undo(self.proof.id),
            Purpose::SignIn | Purpose::SignUp | Purpose::Reset | Purpose::Change | Purpose::Invite | Purpose::Link => {
                user.proof == self.proof.proof
            }
        }
    }

    /// Refuses what was shown. A code counts as wrong, so that nothing tells it from a wrong one.
    pub async fn refuse(&self, app: &App) -> Error {
        if !self.by_code && !self.is_repeat {
            return Error::Link(LinkRefusal::Used);
        }
        let mut proof = self.proof.clone();
        for _ in 0..RACES_MAX {
            if proof.tries_left() == 0 {
                break;
            }
            match count(app, &proof).await {
                Err(error) => return error,
                Ok((counted, true)) if self.by_code => return Error::CodeInvalid(counted.tries_left()),
                Ok((_, true)) => break,
                Ok((counted, false)) => proof = counted,
            }
        }
        if self.by_code { Error::CodeInvalid(0) } else { Error::Link(LinkRefusal::Used) }
    }

    /// Allows a refusal that shows that the code was right. One round trip for a code, none for a
    /// link.
    ///
    /// # Errors
    ///
    /// 401 `code_invalid` if another request changed the proof meanwhile. 503 if DynamoDB fails.
    pub async fn before_telling(&self, app: &App, refusal: Error) -> Error {
        if !self.by_code {
            return refusal;
        }
        match app.store().hold_proof(&self.proof).await {
            Ok(true) => refusal,
            Ok(false) => Error::CodeInvalid(self.proof.tries_left().saturating_sub(1)),
            Err(error) => error,
        }
    }
}

/// Counts a wrong code. Returns the proof as it is then, and whether the code may be told.
async fn count(app: &App, proof: &Proof) -> Result<(Proof, bool), Error> {
    let is_limited = app.config().accounts.rate_limits;
    let (counted, is_told) = app.store().count_wrong_code(proof, is_limited, app.now()).await?;
    if is_told {
        let user = proof.user_id.as_deref().map(|id| app.pseudonym(id)).unwrap_or_default();
        audit::record("code_wrong", &app.pseudonym(&proof.asked_for), &user);
    }
    Ok((counted, is_told))
}

/// The error of a request that others overtook many times.
pub fn overtaken() -> Error {
    Error::unavailable("other requests changed the proof or the account first, many times")
}
