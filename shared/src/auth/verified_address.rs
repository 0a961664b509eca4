//! The address of an account becomes verified: by a mail, and by a credential of the account in the
//! same act.

use super::{
    ending::end_at_firebase,
    password::{self, Attempt},
    proof::{Presented, RACES_MAX, Shown, overtaken},
};
use crate::{
    App,
    account::{
        email::{Email, Identifier},
        proof::Purpose,
        user::User,
    },
    error::{Error, Field},
    password::Password,
    store::{Client, Completed, Completion},
    telemetry::audit,
};

/// Verifies the address of somebody who is logged in as `caller`. Nothing else of the account
/// changes, since the session is a credential of it. Three round trips. The same code again is
/// answered as the first time, for ten minutes.
///
/// # Errors
///
/// 401 `code_invalid` for a code that is not good, or is another account's. 503 if DynamoDB fails.
pub async fn by_code(app: &App, caller: &User, shown: Shown<'_>) -> Result<User, Error> {
    for _ in 0..RACES_MAX {
        let presented = shown.present(app, Purpose::Verify).await?;
        let is_callers = presented.proof.user_id.as_ref() == Some(&caller.id);
        let before = match is_callers {
            true => presented.owner(app).await?,
            false => return Err(presented.refuse(app).await),
        };
        if presented.is_repeat {
            return if before.email_verified { Ok(before) } else { Err(presented.refuse(app).await) };
        }
        if let Some(user) = verify(app, &presented, &before).await? {
            return Ok(user);
        }
    }
    Err(overtaken())
}

/// Verifies the address by the link of a mail and by the password of the account. Returns the page
/// of the app that the person goes on to, which may be empty. Whoever has the link alone changes
/// nothing: programs that look through mails open every link.
///
/// # Errors
///
/// 401 `link_invalid`, `link_expired` or `link_used`; 401 `invalid_credentials` for a wrong
/// password, and 429 after many. 403 if the account is disabled. 503 if DynamoDB fails.
pub async fn by_link(app: &App, token: &str, password: Password, client: Option<Client<'_>>) -> Result<String, Error> {
    let presented = Shown::Link(token).present(app, Purpose::Verify).await?;
    let checked = owner_by_password(app, &presented, &presented.proof.email_key, password, client).await?;
    if checked.disabled {
        return Err(Error::Disabled);
    }
    for _ in 0..RACES_MAX {
        let presented = Shown::Link(token).present(app, Purpose::Verify).await?;
        let before = presented.owner(app).await?;
        // The password was right for this hash alone.
        if before.disabled || !has_password_of(&before, &checked) {
            return Err(presented.refuse(app).await);
        }
        let is_done = presented.is_repeat && before.email_verified;
        if is_done || verify(app, &presented, &before).await?.is_some() {
            return Ok(presented.proof.continue_url);
        }
    }
    Err(overtaken())
}

/// The account that a link is about, once its password was right. `email_key` is the address that
/// the account has now. Wrong passwords count as those of a login do.
///
/// # Errors
///
/// 401 `link_used` if the account is gone or has changed. 401 `invalid_credentials` for a wrong
/// password, and 429 after many. 503 if DynamoDB fails.
pub(super) async fn owner_by_password(
    app: &App,
    presented: &Presented,
    email_key: &str,
    password: Password,
    client: Option<Client<'_>>,
) -> Result<User, Error> {
    let identifier = Identifier::parse(email_key).map_err(Error::internal)?;
    let mut attempt = Attempt::begin(app, &identifier, client, password::LINK).await?;
    let is_owner = |user: &User| Some(&user.id) == presented.proof.user_id.as_ref();
    if !attempt.account().is_some_and(|user| is_owner(user) && (presented.is_repeat || presented.is_current(user))) {
        return Err(presented.refuse(app).await);
    }
    let user = attempt.check(password).await?;
    attempt.finish(&user, None, app.now()).await
}

/// Whether an account has the password that was checked.
pub(super) fn has_password_of(user: &User, checked: &User) -> bool {
    let hash = |user: &User| user.password_hash.as_ref().map(|hash| hash.as_str().to_owned());
    hash(user) == hash(checked)
}

/// Writes that the address is verified. `None` if another request came first.
async fn verify(app: &App, presented: &Presented, before: &User) -> Result<Option<User>, Error> {
    let after = User { email_verified: true, ..before.clone() };
    let completed = Completed { before, after, session: None, mails: &[], proofs: &[] };
    match app.store().complete_proof(&presented.proof, completed, app.now()).await? {
        Completion::Overtaken => Ok(None),
        Completion::Done(user) => {
            audit::record("email_verified", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            end_at_firebase(app, &user.id).await;
            Ok(Some(*user))
        }
    }
}

/// Deletes an account that somebody else made with the person's address, by the link of the mail
/// that asked for a verification. An account whose address is verified stays as it is. `email` is
/// the address, typed by the person: a program that presses every button types nothing.
///
/// # Errors
///
/// 400 if the mail went to another address. 401 `link_invalid`, `link_expired` or `link_used`. 503
/// if DynamoDB fails.
pub async fn disown(app: &App, token: &str, email: &Email) -> Result<(), Error> {
    let presented = Shown::Link(token).present(app, Purpose::Verify).await?;
    require_address(&presented, email)?;
    let id = presented.proof.user_id.as_deref().unwrap_or_default();
    for _ in 0..RACES_MAX {
        let owner = app.store().owner(&presented.proof.email_key, id).await?;
        let Some(user) = owner.filter(|user| !user.email_verified) else { return Ok(()) };
        if app.store().delete_if_unchanged(&user).await? {
            audit::record("account_disowned", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            end_at_firebase(app, &user.id).await;
            return Ok(());
        }
    }
    Err(overtaken())
}

/// Refuses another address than the one that got the mail.
///
/// # Errors
///
/// 400, with `email_mismatch` in `fields`.
pub(super) fn require_address(presented: &Presented, email: &Email) -> Result<(), Error> {
    if email.key() == presented.proof.email_key {
        return Ok(());
    }
    let sentence = "This is not the address that got the mail.";
    Err(Error::wrong(vec![Field::new("email", "email_mismatch", sentence)]))
}
