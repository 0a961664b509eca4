//! Proofs in the table: begun together with a mail, guessed at, and completed together with the
//! change of the account.

use aws_sdk_dynamodb::types::{AttributeValue, builders::UpdateBuilder};

use super::{
    Item, Store, TTL,
    changes::written,
    item,
    mail_limits::MailLimits,
    mails::mail_item,
    number, record, text, time_value,
    transaction::{Condition, FailedCondition, Transaction},
};
use crate::{
    account::{
        email::Identifier,
        event::EventType,
        proof::{Proof, ProofId, Purpose},
        rate_limit::mails::tries_max,
        session::Session,
        user::User,
    },
    error::Error,
    mail::outgoing::OutgoingMail,
    store::Client,
    time::Timestamp,
};

/// The seconds that a record outlives its proof, so that a late code is told like any other.
const KEPT_SECONDS: i64 = 86_400;
/// Stands for the id of an account, and is as long: a proof of nobody's address costs the same.
const NO_USER: &str = "00000000-0000-0000-0000-000000000000";
/// The most tries of a write that others overtake. Each of the others raises a count, and a high
/// count refuses this one.
const RACES_MAX: u32 = 16;

/// A mail that may be asked for, as far as the limits are read.
#[derive(Debug)]
pub struct Beginning {
    /// The account with the identifier, if there is one.
    pub user: Option<User>,
    /// The wrong codes after which the new proof is over.
    pub tries_max: u32,
    /// The proof of a mail that was sent a moment ago, and its time. No other one is needed.
    pub pending: Option<(ProofId, Timestamp)>,
    /// The pseudonym of the identifier, for the log.
    pub identity: String,
    limits: MailLimits,
}

/// The mail to a new account, which is written with the account.
#[derive(Debug)]
pub struct FirstMail {
    /// The limits, as they were read.
    pub begun: Beginning,
    /// The proof behind the mail.
    pub proof: Proof,
    /// The mail.
    pub mail: OutgoingMail,
}

impl FirstMail {
    /// A mail that no limit counts, as whoever runs the service sends it.
    pub fn without_limits(proof: Proof, mail: OutgoingMail) -> Self {
        let begun = Beginning {
            user: None,
            tries_max: proof.tries_max,
            pending: None,
            identity: String::new(),
            limits: MailLimits::default(),
        };
        Self { begun, proof, mail }
    }

    /// Adds the mail to the transaction of its account, which has `first` quotas already.
    pub(super) fn put(
        &self,
        store: &Store,
        writes: &mut Transaction,
        first: usize,
        now: Timestamp,
    ) -> Result<(), Error> {
        writes.put(Condition::Version, store.put(proof_item(&self.proof)?))?;
        writes.put(Condition::Version, store.put(mail_item(&self.mail)?))?;
        self.begun.limits.count(store, writes, self.proof.id, first, now)
    }
}

/// The outcome of a completion.
#[derive(Debug)]
pub enum Completion {
    /// Everything is written. The account as it is now.
    Done(Box<User>),
    /// Another request changed the proof or the account first. Nothing is written.
    Overtaken,
}

/// The change of an account that a proof allows, and whatever is written with it.
pub struct Completed<'a> {
    /// The account, as it was read.
    pub before: &'a User,
    /// The account after the change.
    pub after: User,
    /// The new session, if there is one.
    pub session: Option<&'a Session>,
    /// The mails about the change.
    pub mails: &'a [OutgoingMail],
    /// The proofs behind those mails.
    pub proofs: &'a [Proof],
}

impl Store {
    /// Reads the account that has this identifier, and the limits on its mails for `client`. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// 429 if a limit is reached. 503 if DynamoDB fails.
    pub async fn begin_proof(
        &self,
        purpose: Purpose,
        identifier: &Identifier,
        client: Option<Client<'_>>,
        now: Timestamp,
    ) -> Result<Beginning, Error> {
        let (user, limits) = self.read_mail_limits(purpose, identifier, client, now).await?;
        let identity = self.names.of(identifier.key());
        let (tries_max, pending) = (tries_max(limits.is_guessed()), limits.pending(now));
        match limits.wait(now).filter(|_| pending.is_none()) {
            Some(wait) => Err(Error::TooManyAttempts(wait)),
            None => Ok(Beginning { user, tries_max, pending, identity, limits }),
        }
    }

    /// Stores a proof and its mail, and counts them, all or nothing. One round trip, and one more
    /// for each other request that comes first.
    ///
    /// # Errors
    ///
    /// 429 if others used up a limit meanwhile. 503 if DynamoDB fails.
    pub async fn put_proof(
        &self,
        beginning: &mut Beginning,
        proof: &Proof,
        mail: &OutgoingMail,
        now: Timestamp,
    ) -> Result<(), Error> {
        for _ in 0..RACES_MAX {
            let mut writes = Transaction::default();
            writes.put(Condition::Proof, self.put(proof_item(proof)?))?;
            writes.put(Condition::Proof, self.put(mail_item(mail)?))?;
            beginning.limits.count(self, &mut writes, proof.id, 0, now)?;
            match self.commit(writes).await? {
                None => return Ok(()),
                Some(failed) => beginning.limits.lost_race(&failed)?,
            }
            if let Some(wait) = beginning.limits.wait(now) {
                return Err(Error::TooManyAttempts(wait));
            }
        }
        Err(overtaken())
    }

    /// Stores a proof that whoever runs the service makes, and its mail if there is one. No limit
    /// counts it. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn put_handed_out(&self, proof: &Proof, mail: Option<&OutgoingMail>) -> Result<(), Error> {
        let mut writes = Transaction::default();
        writes.put(Condition::Proof, self.put(proof_item(proof)?))?;
        if let Some(mail) = mail {
            writes.put(Condition::Proof, self.put(mail_item(mail)?))?;
        }
        match self.commit(writes).await? {
            None => Ok(()),
            Some(_) => Err(overtaken()),
        }
    }

    /// Reads the proof with this id. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn proof(&self, id: ProofId) -> Result<Option<Proof>, Error> {
        let key = proof_key(id);
        self.batch_get(&[&key]).await?.remove(&key).map(record).transpose()
    }

    /// Counts a wrong code, on the condition that no other one was counted since the proof was
    /// read. Returns the proof as it is then, and whether this code was counted. Only a counted
    /// code may be told. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn count_wrong_code(
        &self,
        proof: &Proof,
        is_limited: bool,
        now: Timestamp,
    ) -> Result<(Proof, bool), Error> {
        let next = Proof { tries: proof.tries.saturating_add(1), ..proof.clone() };
        let mut writes = Transaction::default();
        let update = self.update(&proof_key(proof.id)).update_expression("SET tries = :next");
        let update = update.expression_attribute_values(":next", number(next.tries));
        let update = update.condition_expression("tries = :tries");
        writes.update(Condition::Proof, update.expression_attribute_values(":tries", number(proof.tries)))?;
        if is_limited {
            writes.update(Condition::Version, self.wrong_code(&proof.asked_for, now))?;
        }
        match self.commit(writes).await? {
            None => Ok((next, true)),
            Some(FailedCondition { found: Some(found), .. }) => Ok((record(found)?, false)),
            Some(FailedCondition { found: None, .. }) => Ok((Proof { tries: u32::MAX, ..next }, false)),
        }
    }

    /// Whether a proof is still as it was read. A right code is told from a wrong one only after
    /// this write, even if nothing comes of it. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn hold_proof(&self, proof: &Proof) -> Result<bool, Error> {
        let mut writes = Transaction::default();
        let update = self.update(&proof_key(proof.id)).update_expression("SET tries = :tries");
        writes.update(Condition::Proof, unchanged(update, proof))?;
        Ok(self.commit(writes).await?.is_none())
    }

    /// Ends a proof, changes the account, and stores the session and the mails, all or nothing. One
    /// round trip.
    ///
    /// # Errors
    ///
    /// 409 if an identifier is taken. 503 if DynamoDB fails.
    pub async fn complete_proof(
        &self,
        proof: &Proof,
        completed: Completed<'_>,
        now: Timestamp,
    ) -> Result<Completion, Error> {
        let mut writes = Transaction::default();
        // The first write tells, if the answer is lost, whether the transaction was written.
        if let Some(session) = completed.session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        for proof in completed.proofs {
            writes.put(Condition::Version, self.put(proof_item(proof)?))?;
        }
        for mail in completed.mails {
            writes.put(Condition::Version, self.put(mail_item(mail)?))?;
        }
        writes.update(Condition::Proof, self.used(proof, now))?;
        self.replace(&mut writes, completed.before, &completed.after)?;
        // An admin who signs in as somebody is not that person.
        if completed.session.is_some_and(|session| session.act.is_none()) {
            let version = completed.before.version.saturating_add(1);
            self.note_event(&mut writes, EventType::UserSignedIn, &completed.after, version)?;
        }
        match self.commit(writes).await? {
            None => Ok(Completion::Done(Box::new(written(completed.before, completed.after)))),
            Some(FailedCondition { condition: Condition::Email, .. }) => Err(Error::Taken("email")),
            Some(FailedCondition { condition: Condition::Identity, .. }) => Err(Error::IdentityTaken),
            Some(_) => Ok(Completion::Overtaken),
        }
    }

    /// Ends a proof, and stores the account that the proof makes and its session, all or nothing.
    /// Returns whether the proof was still as it was read. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if somebody has the address meanwhile. 503 if DynamoDB fails.
    pub async fn complete_sign_up(
        &self,
        proof: &Proof,
        user: &User,
        session: &Session,
        now: Timestamp,
    ) -> Result<bool, Error> {
        let mut writes = Transaction::default();
        writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        writes.update(Condition::Proof, self.used(proof, now))?;
        self.put_new(&mut writes, user)?;
        match self.commit(writes).await? {
            None => Ok(true),
            Some(FailedCondition { condition: Condition::Email, .. }) => Err(Error::Taken("email")),
            Some(_) => Ok(false),
        }
    }

    /// The end of a proof that is as it was read. A note of an owed answer goes with it, and the
    /// account's number of proofs.
    fn used(&self, proof: &Proof, now: Timestamp) -> UpdateBuilder {
        let update = unchanged(self.update(&proof_key(proof.id)), proof);
        let update = update.expression_attribute_values(":now", time_value(now));
        if !proof.is_owed {
            return update.update_expression("SET used_at = :now, tries = :tries");
        }
        update
            .update_expression("SET used_at = :now, tries = :tries, is_owed = :owed, proof = :proof")
            .expression_attribute_values(":owed", AttributeValue::Bool(true))
            .expression_attribute_values(":proof", number(proof.proof))
    }

    /// Ends the time in which the answer of a completed proof is owed. Stores the session of the
    /// answer, if there is a new one. Returns whether the answer was still owed. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails. The answer may then be owed still.
    pub async fn end_owed_proof(&self, proof: &Proof, session: Option<&Session>) -> Result<bool, Error> {
        let mut writes = Transaction::default();
        if let Some(session) = session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        let update = self.update(&proof_key(proof.id)).update_expression("REMOVE is_owed");
        writes.update(Condition::Proof, update.condition_expression("attribute_exists(is_owed)"))?;
        Ok(self.commit(writes).await?.is_none())
    }

    /// Stores another session for a proof that was completed, since the answer with the first one
    /// was lost. Returns whether the proof is still as it was read. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn repeat_proof(&self, proof: &Proof, session: &Session) -> Result<bool, Error> {
        let mut writes = Transaction::default();
        writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        let update = self.update(&proof_key(proof.id)).update_expression("SET tries = :tries");
        let update = update.condition_expression("tries = :tries");
        writes.update(Condition::Proof, update.expression_attribute_values(":tries", number(proof.tries)))?;
        Ok(self.commit(writes).await?.is_none())
    }
}

/// The condition that a proof is as it was read, and not used.
fn unchanged(update: UpdateBuilder, proof: &Proof) -> UpdateBuilder {
    update
        .condition_expression("tries = :tries AND attribute_not_exists(used_at)")
        .expression_attribute_values(":tries", number(proof.tries))
}

fn proof_key(id: ProofId) -> String {
    format!("PROOF#{id}")
}

/// The record of a proof. One of nobody's address is as long as any other.
fn proof_item(proof: &Proof) -> Result<Item, Error> {
    let mut item = item(proof_key(proof.id), proof)?;
    if proof.user_id.is_none() {
        item.insert("padding".to_owned(), text(NO_USER));
    }
    item.insert(TTL.to_owned(), number(proof.expires_at().seconds() + KEPT_SECONDS));
    Ok(item)
}

fn overtaken() -> Error {
    Error::unavailable("other requests for the same mail came first, many times")
}
