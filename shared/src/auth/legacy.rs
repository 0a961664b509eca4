//! Lazy migration: the system that people come from checks a password that it could not export.
//!
//! It is asked once for each attempt at an address without an account, after the limits have let
//! the attempt through. A right password makes the account here, and it is asked never again. Every
//! failed login takes the time of the slowest answer, so that nobody learns which address was asked
//! for.

use std::{collections::HashMap, time::Duration};

use serde_json::{Value, json};
use tokio::sync::OnceCell;

use super::import::{self, Fields, Rules};
use crate::{
    App,
    account::{
        email::{Email, Identifier},
        user::User,
    },
    error::Error,
    fetch::{Guarded, NoAnswer},
    jose::members::members,
    mail::{smtp::is_this_machine, webhook::WebhookSecret},
    password::Password,
    store::Imported,
    telemetry::{audit, log, metrics},
    time::Timestamp,
};

/// The longest wait for the other system.
const TIME_MAX: Duration = Duration::from_secs(2);
/// The time that every failed login takes, from its first read on. It leaves half a second for the
/// hash and the counts.
pub const FAILURE_TIME: Duration = Duration::from_millis(2_500);
/// The largest answer that is read, in bytes.
const BYTES_MAX: usize = 16 * 1024;

/// The client, made when it is first needed.
static CLIENT: OnceCell<Guarded> = OnceCell::const_new();

/// Whether another system is asked at all.
pub fn is_on(app: &App) -> bool {
    app.config().legacy_login.url.is_some()
}

/// The account that the other system has for this address and password, stored here with a hash of
/// today's parameters. `None` if it has none, or gave no answer. A fault is logged, and looks like
/// a wrong password to the caller.
///
/// # Errors
///
/// 503 if DynamoDB fails or the password cannot be hashed.
pub async fn moved(app: &App, email: &Email, password: &Password) -> Result<Option<User>, Error> {
    let now = app.now();
    let asked = match ask(app, email, password, now).await {
        Ok(asked) => asked,
        Err(cause) => {
            metrics::count("legacy_login_failed");
            tracing::warn!(cause, "the system of LEGACY_LOGIN_URL gave no verdict, so the login was refused");
            None
        }
    };
    let Some(mut user) = asked else { return Ok(None) };
    user.password_hash = Some(app.hasher().hash(password.clone(), app.random()?).await?);
    if user.id.is_empty() {
        user.id = app.uuid()?;
    }
    let mut outcome = store(app, &user).await?;
    if outcome == Imported::Taken("username") {
        user.username = None;
        outcome = store(app, &user).await?;
    }
    match outcome {
        Imported::Created => {
            audit::record("legacy_login_moved", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            Ok(Some(user))
        }
        // Another login of the same person came first.
        Imported::Present(_) | Imported::Taken("email") => made_meanwhile(app, email, password).await,
        Imported::Taken(_) => {
            let fault = "an account with the id that LEGACY_LOGIN_URL answered is here already, with another address";
            log::fault(&Error::internal(fault));
            Ok(None)
        }
    }
}

async fn store(app: &App, user: &User) -> Result<Imported, Error> {
    let stored = app.store().import_users(std::slice::from_ref(user)).await?;
    stored.into_iter().next().ok_or_else(|| Error::internal("an import without an outcome"))
}

async fn made_meanwhile(app: &App, email: &Email, password: &Password) -> Result<Option<User>, Error> {
    let user = app.store().user_by(&Identifier::Email(email.clone())).await?;
    let hash = user.as_ref().and_then(|user| user.password_hash.clone());
    let checked = app.hasher().check(password.clone(), hash).await?;
    Ok(user.filter(|_| checked.verdict.is_right()))
}

/// Asks the other system. `None` if it says no.
async fn ask(app: &App, email: &Email, password: &Password, now: Timestamp) -> Result<Option<User>, String> {
    let Some(url) = &app.config().legacy_login.url else { return Ok(None) };
    let secret = app.keys().legacy_login_secret(now).await.map_err(|error| error.cause())?;
    let secret = WebhookSecret::parse(&secret.ok_or("LEGACY_LOGIN_SECRET_ID is not set")?)
        .map_err(|why| format!("LEGACY_LOGIN_SECRET_ID {why}"))?;
    let id = app.uuid().map_err(|error| error.cause())?;
    let body = json!({"type": "login", "email": email.typed(), "password": password.as_typed()}).to_string();
    let request = secret.call(url, &id, now.seconds(), body).map_err(|error| error.to_string())?;
    let is_local = url.host().is_some_and(is_this_machine);
    let client = CLIENT.get_or_try_init(|| async { Guarded::new(is_local) }).await?;
    let (status, body) = client.call(request, TIME_MAX, BYTES_MAX).await.map_err(|why| match why {
        NoAnswer::Private => "its host is in a private network".to_owned(),
        NoAnswer::Unreachable => "it cannot be reached".to_owned(),
        NoAnswer::TimedOut => format!("it did not answer within {TIME_MAX:?}"),
    })?;
    match status.as_u16() {
        200 => account(app, email, &body.ok_or("its answer has more than 16 KiB, or is broken")?, now).map(Some),
        401 | 403 | 404 => Ok(None),
        other => Err(format!("it answered {other}")),
    }
}

/// The account of an answer `{"user": {…}}`, by the rules of an import.
fn account(app: &App, email: &Email, body: &[u8], now: Timestamp) -> Result<User, String> {
    const FORM: &str = "its answer is no object with the member user";
    let found = members(body).ok().and_then(|members| members.into_iter().find(|(name, _)| name == "user"));
    let (_, text) = found.ok_or(FORM)?;
    let mut values = import::record(text.get().as_bytes()).map_err(|_| FORM)?;
    let own = values.remove("email");
    let is_same = own.as_ref().is_none_or(|own| {
        own.as_str().is_some_and(|own| Email::existing(own).is_ok_and(|own| own.key() == email.key()))
    });
    if !is_same {
        return Err("its answer is about another address".to_owned());
    }
    values.insert("email".to_owned(), own.unwrap_or_else(|| Value::from(email.typed())));
    let rules = Rules {
        lenient: true,
        without_passwords: true,
        hash_config: None,
        roles: app.config().accounts.roles.clone(),
        // Sessions and sign-ins from before end, and the one that begins now does not.
        now: now.floor_before(),
    };
    let draft = rules.draft(Fields::new(values, false), &mut HashMap::new());
    draft.map(|draft| draft.user).map_err(|_| "its answer breaks a rule of accounts".to_owned())
}
