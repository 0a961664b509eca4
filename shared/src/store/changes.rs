//! Changes and deletions of accounts, each in one transaction.
//!
//! A change that another one overtakes is applied again, to the account that the other one left.

use aws_sdk_dynamodb::types::builders::UpdateBuilder;
use tokio::time;

use super::{
    PAUSE, ProfileChange, Store, TRIES_MAX,
    accounts::refusal,
    jittered,
    mails::mail_item,
    number, profile_key, session_key,
    transaction::{CONFLICTS_MAX, Condition, FailedCondition, Transaction, Tried},
    user_records::record_keys,
};
use crate::{
    account::{
        event::EventType,
        session::{Session, SessionId},
        user::{Origin, User},
    },
    error::Error,
    mail::outgoing::OutgoingMail,
    password::StoredHash,
};

/// The most tries of an operator's change. Each try has the same chance as the changes of others.
/// Against fifty clients that change the account without a pause, all 300 tries fail once in four
/// hundred times.
const OPERATOR_TRIES_MAX: u32 = 300;

/// Stands for a hash that was not read.
const UNREAD: &str = "unread";

/// The most tries of a deletion that takes the profile with it.
const PROFILE_MET_MAX: u32 = 3;

impl Store {
    /// Changes an account. If another change comes first, `change` is applied again to the account
    /// that the other one left. One round trip, and two more for each change that comes first.
    ///
    /// # Errors
    ///
    /// 409 if the new username is taken, 503 if DynamoDB fails or other changes come first several
    /// times.
    pub async fn update_user(&self, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        self.try_change(TRIES_MAX, user, change, Extras::default()).await
    }

    /// Like [`Store::update_user`], and stores the mails about the change with it.
    ///
    /// # Errors
    ///
    /// As [`Store::update_user`].
    pub async fn update_telling(
        &self,
        user: &User,
        mails: &[OutgoingMail],
        change: impl Fn(&mut User),
    ) -> Result<User, Error> {
        self.try_change(TRIES_MAX, user, change, Extras { mails, ..Extras::default() }).await
    }

    /// Like [`Store::update_user`], but with many more tries, for an operator. Nobody can prevent
    /// the change by changing the account all the time.
    ///
    /// # Errors
    ///
    /// As [`Store::update_user`]. All tries take half a minute.
    pub async fn update_with_retries(&self, user: &User, change: impl Fn(&mut User)) -> Result<User, Error> {
        self.try_change(OPERATOR_TRIES_MAX, user, change, Extras::default()).await
    }

    /// Changes an account so that all its sessions end, except `kept`. Only with `is_confirmed` did
    /// a password allow it. The mails are stored with it. One round trip, and two more for each
    /// change that comes first.
    ///
    /// # Errors
    ///
    /// As [`Store::change_confirmed`]. 503 also if `kept` has ended.
    pub async fn change_keeping(
        &self,
        user: &User,
        kept: SessionId,
        mails: &[OutgoingMail],
        is_confirmed: bool,
        change: impl Fn(&mut User),
    ) -> Result<User, Error> {
        let extras = Extras { kept: Some(kept), mails, is_confirmed, ..Extras::default() };
        self.try_change(TRIES_MAX, user, change, extras).await
    }

    /// Changes an account so that all its sessions end, except `kept`, if it is still as it was
    /// read. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if another change comes first, if `kept` has ended, or if DynamoDB fails.
    pub async fn change_if_unchanged(
        &self,
        user: &User,
        kept: Option<SessionId>,
        change: impl Fn(&mut User),
    ) -> Result<User, Error> {
        let extras = Extras { kept, ..Extras::default() };
        self.change_once(user, change, extras).await?.ok_or_else(|| refusal(Condition::Version))
    }

    /// Changes an account and its profile as an admin asks. With `version`, the change is made only
    /// to the account of that version, and `None` says that there is another one. Without it, the
    /// change is tried as often as by [`Store::update_with_retries`]. One round trip, and two more
    /// for each change that comes first.
    ///
    /// # Errors
    ///
    /// 400 if the metadata would become too large, 409 if an identifier is taken, 503 if DynamoDB
    /// fails.
    pub async fn change_as_admin(
        &self,
        user: &User,
        version: Option<u64>,
        change: impl Fn(&mut User),
        described: ProfileChange<'_>,
    ) -> Result<Option<User>, Error> {
        let extras = Extras { profile: Some(described), ..Extras::default() };
        match version {
            Some(version) if version != user.version => Ok(None),
            Some(_) => self.change_once(user, change, extras).await,
            None => self.try_change(OPERATOR_TRIES_MAX, user, change, extras).await.map(Some),
        }
    }

    /// Changes an account as its owner asks, who has given the password, and stores the session and
    /// the mails. One round trip, and two more for each change that comes first.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, if another change ends the sessions or replaces the hash first, or if
    /// other changes come first several times.
    pub async fn change_confirmed(
        &self,
        user: &User,
        session: &Session,
        mails: &[OutgoingMail],
        change: impl Fn(&mut User),
    ) -> Result<User, Error> {
        let extras = Extras { session: Some(session), mails, is_confirmed: true, ..Extras::default() };
        self.try_change(TRIES_MAX, user, change, extras).await
    }

    /// Applies a change until no other one comes first.
    pub(super) async fn try_change(
        &self,
        tries_max: u32,
        user: &User,
        change: impl Fn(&mut User),
        extras: Extras<'_>,
    ) -> Result<User, Error> {
        let mut before = user.clone();
        for attempt in 1..=tries_max {
            if let Some(changed) = self.change_once(&before, &change, extras).await? {
                return Ok(changed);
            }
            if attempt < tries_max {
                time::sleep(PAUSE * attempt.min(TRIES_MAX)).await;
                before = self.read_again(&before, extras.is_confirmed).await?;
            }
        }
        Err(refusal(Condition::Version))
    }

    /// Applies a change to the account `before`, as it was read. `None` if another change came
    /// first. The session is written first: if the answer is lost, no other change has a session
    /// of that id.
    pub(super) async fn change_once(
        &self,
        before: &User,
        change: impl Fn(&mut User),
        extras: Extras<'_>,
    ) -> Result<Option<User>, Error> {
        let before = &with_any_hash(before);
        let mut after = before.clone();
        change(&mut after);
        let described = match extras.profile {
            Some(profile) => profile.apply(&mut after)?.then_some(profile),
            None => None,
        };
        let mut writes = Transaction::default();
        if let Some(session) = extras.session {
            writes.put(Condition::Version, self.put(Self::session_item(session)?))?;
        }
        for mail in extras.mails {
            writes.put(Condition::Version, self.put(mail_item(mail)?))?;
        }
        self.replace(&mut writes, before, &after)?;
        if let Some(id) = extras.kept.filter(|_| before.epoch != after.epoch) {
            writes.update(Condition::Version, self.in_epoch(id, before.epoch, after.epoch))?;
        }
        if let Some(profile) = described {
            self.replace_profile(&mut writes, before, &after, &profile)?;
        }
        match self.commit(writes).await? {
            None => Ok(Some(written(before, after))),
            Some(FailedCondition { condition: Condition::Version, .. }) => Ok(None),
            Some(FailedCondition { condition, .. }) => Err(refusal(condition)),
        }
    }

    /// Moves a live session from one epoch of its account to another. A refresh at the same time
    /// changes other attributes.
    fn in_epoch(&self, id: SessionId, before: u64, after: u64) -> UpdateBuilder {
        self.update(&session_key(id))
            .update_expression("SET epoch = :after")
            .condition_expression("epoch = :before AND attribute_not_exists(ended_at)")
            .expression_attribute_values(":before", number(before))
            .expression_attribute_values(":after", number(after))
    }

    /// Reads an account that was changed meanwhile. A password that was right holds only for the
    /// hash and the epoch that it was checked with.
    async fn read_again(&self, before: &User, is_confirmed: bool) -> Result<User, Error> {
        let again = match before.origin.is_without_hash {
            true => self.user(&before.id).await?,
            false => self.credentials(before).await?,
        };
        let is_same = |again: &User| {
            let hash = |user: &User| user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
            again.epoch == before.epoch && hash(again) == hash(before)
        };
        again.filter(|again| !is_confirmed || is_same(again)).ok_or_else(|| refusal(Condition::Version))
    }

    /// Replaces the account `before`, as it was read, by `after`, for tests. One round trip.
    ///
    /// # Errors
    ///
    /// 409 if the new username is taken, 503 if DynamoDB fails or the account was changed
    /// meanwhile.
    #[cfg(feature = "testing")]
    pub async fn change_user(&self, before: &User, after: &User) -> Result<(), Error> {
        let change = |user: &mut User| {
            let unread = user.password_hash.take().filter(|_| after.origin.is_without_hash);
            user.clone_from(after);
            user.password_hash = unread.or_else(|| after.password_hash.clone());
        };
        self.try_change(1, before, change, Extras::default()).await.map(drop)
    }

    /// Deletes an account, its identifiers and its profile. One round trip, and two more for each
    /// change that comes first.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails, or if other changes come first several times.
    pub async fn delete_user(&self, user: &User) -> Result<(), Error> {
        self.delete_account(user, false).await
    }

    /// Deletes an account as its owner asks, who has given the password. Like
    /// [`Store::delete_user`] otherwise.
    ///
    /// # Errors
    ///
    /// As [`Store::delete_user`]; 503 also if another change ends the sessions or replaces the hash
    /// first.
    pub async fn delete_confirmed(&self, user: &User) -> Result<(), Error> {
        self.delete_account(user, true).await
    }

    /// Deletes an account, its identifiers and its profile, if the account is still as it was read.
    /// Returns whether it was. One round trip.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn delete_if_unchanged(&self, user: &User) -> Result<bool, Error> {
        match self.try_delete(user).await? {
            None => Ok(true),
            Some(FailedCondition { condition: Condition::Version, .. }) => Ok(false),
            Some(FailedCondition { condition, .. }) => Err(refusal(condition)),
        }
    }

    async fn delete_account(&self, user: &User, is_confirmed: bool) -> Result<(), Error> {
        let mut user = user.clone();
        for attempt in 1..=TRIES_MAX {
            match self.try_delete(&user).await? {
                None => return Ok(()),
                Some(FailedCondition { condition: Condition::Version, .. }) => {}
                Some(FailedCondition { condition, .. }) => return Err(refusal(condition)),
            }
            time::sleep(PAUSE * attempt).await;
            user = self.read_again(&user, is_confirmed).await?;
        }
        Err(refusal(Condition::Version))
    }

    async fn try_delete(&self, user: &User) -> Result<Option<FailedCondition>, Error> {
        let deletion = |with_profile: bool| {
            let mut writes = Transaction::default();
            for (_, key) in record_keys(user) {
                writes.delete(Condition::Version, self.delete_unchanged(&key, user))?;
            }
            if with_profile {
                writes.delete(Condition::Profile, self.delete(&profile_key(&user.id)))?;
            }
            self.note_event(&mut writes, EventType::UserDeleted, user, user.version.saturating_add(1))?;
            self.note_ending(&mut writes, &user.id)?;
            Ok::<_, Error>(writes)
        };
        let (mut attempt, mut profile_met) = (1, 0);
        loop {
            // Somebody may change the profile without a pause. The account then goes first.
            let with_profile = user.has_profile && profile_met < PROFILE_MET_MAX;
            match self.try_commit(&deletion(with_profile)?).await? {
                Tried::Written if user.has_profile && !with_profile => {
                    self.delete_profile(&user.id).await;
                    return Ok(None);
                }
                Tried::Written => return Ok(None),
                Tried::Failed(failed) => return Ok(failed.into_iter().next()),
                Tried::Met { error, .. } if attempt == CONFLICTS_MAX => return Err(error),
                Tried::Met { records, .. } => profile_met += u32::from(records.contains(&Condition::Profile)),
            }
            time::sleep(jittered(PAUSE * attempt)).await;
            attempt += 1;
        }
    }
}

/// Writes that belong to a change of an account.
#[derive(Clone, Copy, Default)]
pub(super) struct Extras<'a> {
    pub session: Option<&'a Session>,
    /// The session that outlives a new epoch.
    pub kept: Option<SessionId>,
    /// The mails about the change.
    pub mails: &'a [OutgoingMail],
    /// Whether a password allowed the change. It holds for one hash and one epoch.
    pub is_confirmed: bool,
    /// The change of the profile.
    pub profile: Option<ProfileChange<'a>>,
}

/// The account with some hash in the place of one that was not read. A change that removes the hash
/// is then told from one that leaves it alone.
fn with_any_hash(user: &User) -> User {
    let unread = user.origin.is_without_hash.then(|| StoredHash::new(UNREAD));
    User { password_hash: unread.or_else(|| user.password_hash.clone()), ..user.clone() }
}

/// The account after a change that was written.
pub(super) fn written(before: &User, mut after: User) -> User {
    if before.origin.is_without_hash {
        after.password_hash = None;
    }
    let origin = Origin { is_outdated: false, ..before.origin };
    User { version: before.version.saturating_add(1), origin, ..after }
}
