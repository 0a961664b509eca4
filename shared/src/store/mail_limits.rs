//! The limits on mails, read with the account and counted with the proof.

use std::time::Duration;

use aws_sdk_dynamodb::types::builders::UpdateBuilder;

use super::{
    Client, Item, Store,
    failures::{ending_at, limit_key},
    login_key, number,
    quotas::{QuotaWindow, used_count},
    record, session_key, text, time_value,
    transaction::{Condition, FailedCondition, Transaction},
    user_records::read_login,
};
use crate::{
    account::{
        email::Identifier,
        ip::IpKey,
        proof::{ProofId, Purpose},
        rate_limit::mails::{
            MAIL_PAUSE, MAILS_OF_CALLER, MAILS_OF_CALLER_DAY, MAILS_OF_DEVICE, WRONG_CODES, pause_left,
            quotas_of_stranger,
        },
        session::Session,
        user::User,
    },
    error::Error,
    time::Timestamp,
};

/// The attribute with the time of the last mail.
const LAST_AT: &str = "last_at";

/// The limits on a mail for one caller. All are none where `RATE_LIMITS` is off.
#[derive(Debug, Default)]
pub(super) struct MailLimits {
    /// The pause after the last mail of the same purpose.
    pause: Option<Pause>,
    purpose: Option<Purpose>,
    windows: Vec<QuotaWindow>,
    is_guessed: bool,
}

#[derive(Debug)]
struct Pause {
    key: String,
    last_at: Option<Timestamp>,
    /// The proof of the last mail.
    last: Option<ProofId>,
}

impl MailLimits {
    /// Whether many codes for the identifier were wrong of late.
    pub(super) fn is_guessed(&self) -> bool {
        self.is_guessed
    }

    /// The time that the mail must still wait, as far as the counts are known.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let by_pause = self.pause.as_ref().and_then(|pause| pause_left(pause.last_at?, now));
        self.windows.iter().filter_map(|window| window.wait(now)).max().max(by_pause)
    }

    /// The proof of the last mail and the time of that mail, while the pause after it lasts. Only
    /// for a verification: whoever asks for one is the owner of the account.
    pub(super) fn pending(&self, now: Timestamp) -> Option<(ProofId, Timestamp)> {
        let pause = self.pause.as_ref().filter(|_| self.purpose == Some(Purpose::Verify))?;
        let last_at = pause.last_at.filter(|last_at| pause_left(*last_at, now).is_some())?;
        Some((pause.last?, last_at))
    }

    /// Adds the counts of one mail, each on the condition that its limit allows the mail. The
    /// transaction has `first` quotas already.
    pub(super) fn count(
        &self,
        store: &Store,
        writes: &mut Transaction,
        proof: ProofId,
        first: usize,
        now: Timestamp,
    ) -> Result<(), Error> {
        if let Some(pause) = &self.pause {
            let pause_ms = i64::try_from(MAIL_PAUSE.as_millis()).unwrap_or(i64::MAX);
            let update = store
                .update(&pause.key)
                .update_expression("SET last_at = :now, proof_id = :proof, #ttl = :ttl")
                .expression_attribute_values(":proof", text(proof.to_string()))
                .condition_expression("attribute_not_exists(last_at) OR last_at <= :before")
                .expression_attribute_values(":now", time_value(now))
                .expression_attribute_values(":before", number(now.milliseconds().saturating_sub(pause_ms)));
            writes.update(Condition::Pause, ending_at(update, now + MAIL_PAUSE))?;
        }
        for (index, window) in self.windows.iter().enumerate() {
            writes.update(Condition::Quota(first + index), window.count(store))?;
        }
        Ok(())
    }

    /// Takes over what a failed condition found.
    pub(super) fn lost_race(&mut self, failed: &FailedCondition) -> Result<(), Error> {
        match (failed.condition, &mut self.pause) {
            (Condition::Quota(index), _) => {
                self.windows.get_mut(index).map_or(Ok(()), |window| window.found(failed.found.as_ref()))
            }
            (Condition::Pause, Some(pause)) => {
                pause.last_at = last_at(failed.found.as_ref())?;
                pause.last = last_proof(failed.found.as_ref());
                Ok(())
            }
            _ => Ok(()),
        }
    }
}

impl Store {
    /// Reads the account that has this identifier, and the limits on its mails. The limits belong
    /// to the identifier as it was typed, whether or not somebody has it. One round trip.
    pub(super) async fn read_mail_limits(
        &self,
        purpose: Purpose,
        identifier: &Identifier,
        client: Option<Client<'_>>,
        now: Timestamp,
    ) -> Result<(Option<User>, MailLimits), Error> {
        let (login, subject) = (login_key(identifier.key()), identifier.key());
        let Some(Client { device, ip }) = client else {
            let user = self.batch_get(&[&login]).await?.remove(&login).map(read_login).transpose()?;
            return Ok((user, MailLimits::default()));
        };
        let window = |quota| QuotaWindow::new(&self.names, quota, subject, now);
        let pause = limit_key(&self.names, "mail-pause", &[purpose_word(purpose), subject]);
        let guesses = self.guess_windows(subject, now);
        let strangers: Vec<_> = quotas_of_stranger(purpose, false).into_iter().map(window).collect();
        let of_device = window(MAILS_OF_DEVICE);
        let mut of_caller = self.caller_windows(ip, now);
        let session = device.map(session_key);
        let mut keys = vec![login.as_str(), &pause, &of_device.key];
        keys.extend(guesses.iter().chain(&strangers).chain(&of_caller).map(|window| window.key.as_str()));
        keys.extend(session.as_deref());
        let mut items = self.batch_get(&keys).await?;
        let user = items.remove(&login).map(read_login).transpose()?;
        let mut guessed = 0_u32;
        for window in &guesses {
            guessed = guessed.saturating_add(used_count(items.get(&window.key))?);
        }
        let is_guessed = guessed >= WRONG_CODES.max;
        let session: Option<Session> = session.and_then(|key| items.remove(&key)).map(record).transpose()?;
        let is_known =
            session.zip(user.as_ref()).is_some_and(|(session, user)| session.is_of(user) && now < session.expires_at);
        let mut windows = match is_known {
            true => vec![of_device],
            false => quotas_of_stranger(purpose, is_guessed).into_iter().map(window).collect(),
        };
        windows.append(&mut of_caller);
        for window in &mut windows {
            window.used = used_count(items.get(&window.key))?;
        }
        let last_at = last_at(items.get(&pause))?;
        let last = last_proof(items.get(&pause));
        // A client that logged in before has all guesses: strangers cannot take them away.
        Ok((
            user,
            MailLimits {
                pause: Some(Pause { key: pause, last_at, last }),
                purpose: Some(purpose),
                windows,
                is_guessed: is_guessed && !is_known,
            },
        ))
    }

    /// The count of a wrong code for an identifier.
    pub(super) fn wrong_code(&self, subject: &str, now: Timestamp) -> UpdateBuilder {
        QuotaWindow::new(&self.names, WRONG_CODES, subject, now).count_any(self, WRONG_CODES.window)
    }

    /// The windows of this week's wrong codes and of the week's before.
    fn guess_windows(&self, subject: &str, now: Timestamp) -> [QuotaWindow; 2] {
        let week = i64::try_from(WRONG_CODES.window.as_millis()).unwrap_or_default();
        let before = Timestamp::from_milliseconds(now.milliseconds().saturating_sub(week));
        [now, before].map(|at| QuotaWindow::new(&self.names, WRONG_CODES, subject, at))
    }

    fn caller_windows(&self, ip: Option<&IpKey>, now: Timestamp) -> Vec<QuotaWindow> {
        let quotas = [MAILS_OF_CALLER, MAILS_OF_CALLER_DAY].into_iter();
        let windows = quotas.flat_map(|quota| ip.map(|ip| QuotaWindow::all(&self.names, quota, ip, now)));
        windows.flatten().collect()
    }
}

fn last_at(found: Option<&Item>) -> Result<Option<Timestamp>, Error> {
    let Some(value) = found.and_then(|found| found.get(LAST_AT)) else { return Ok(None) };
    let milliseconds = value.as_n().ok().and_then(|text| text.parse().ok());
    let milliseconds: i64 = milliseconds
        .ok_or_else(|| Error::internal("a malformed record in the table: the time of a mail is no number"))?;
    Ok(Some(Timestamp::from_milliseconds(milliseconds)))
}

fn last_proof(found: Option<&Item>) -> Option<ProofId> {
    serde_dynamo::from_attribute_value(found?.get("proof_id")?.clone()).ok()
}

/// The word of a purpose in the key of a pause. A code that makes an account counts as one that
/// logs in: whoever asks does not say which.
const fn purpose_word(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::SignUp => Purpose::SignIn.word(),
        other => other.word(),
    }
}
