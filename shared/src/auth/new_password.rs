//! New passwords: refused if they are weak, or known from a breach.

use std::time::Duration;

use aws_lc_rs::digest;
use bytes::Bytes;
use http::{Request, StatusCode, Uri};
use tokio::sync::OnceCell;
use zeroize::Zeroizing;

use crate::{
    App,
    error::{Error, Field},
    fetch::Fetcher,
    password::{Password, Person},
    telemetry::metrics,
};

/// The longest wait for the list of breached passwords.
const BREACH_CHECK_MAX: Duration = Duration::from_millis(400);
/// The characters of a password's hash that leave the process. About a thousand passwords of the
/// list share them (k-anonymity).
const PREFIX_CHARACTERS: usize = 5;

/// The client of the list, made when it is first needed.
static FETCHER: OnceCell<Fetcher> = OnceCell::const_new();

/// Refuses a new password of `person` that is too weak. `field` is its name in the request.
///
/// # Errors
///
/// 400 `weak_password`, with the rule in `fields`.
pub fn refuse_weak(app: &App, field: &'static str, password: &Password, person: &Person<'_>) -> Result<(), Error> {
    let accounts = &app.config().accounts;
    match password.weakness(&accounts.password_policy, &accounts.service_names, person) {
        Some((code, message)) => Err(Error::WeakPassword(Field::new(field, code, message))),
        None => Ok(()),
    }
}

/// Refuses a new password that is in the list of breached ones, where `PASSWORD_BREACH_CHECK` asks
/// for it. A list that does not answer in time refuses nothing.
///
/// Only the first five characters of the password's SHA-1 leave the process, as
/// <https://haveibeenpwned.com/API/v3#PwnedPasswords> describes.
///
/// # Errors
///
/// 400 `weak_password` with `password_is_breached`.
pub async fn refuse_breached(app: &App, field: &'static str, password: &Password) -> Result<(), Error> {
    let Some(list) = &app.config().accounts.breach_list else { return Ok(()) };
    match times_breached(list, password).await {
        Ok(0) => Ok(()),
        Ok(_) => {
            let sentence = "This password is known from a data breach. Attackers try such passwords first.";
            Err(Error::WeakPassword(Field::new(field, "password_is_breached", sentence)))
        }
        Err(cause) => {
            metrics::count("breach_check_failed");
            tracing::warn!(cause, "the list of breached passwords gave no answer, so the password was not checked");
            Ok(())
        }
    }
}

/// The number of times that the password is in the list.
async fn times_breached(list: &Uri, password: &Password) -> Result<u64, String> {
    let hash = Zeroizing::new(
        digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, password.as_bytes())
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02X}"))
            .collect::<String>(),
    );
    let (prefix, suffix) = hash.split_at_checked(PREFIX_CHARACTERS).unwrap_or_default();
    // Without padding the size of the answer would show the prefix to others on the line.
    let request = Request::builder().uri(format!("{list}{prefix}")).header("add-padding", "true").body(Bytes::new());
    let fetcher = FETCHER.get_or_try_init(|| async { Fetcher::new() }).await?;
    let answer = fetcher.send_within(request.map_err(|error| error.to_string())?, BREACH_CHECK_MAX).await?;
    if answer.status != StatusCode::OK {
        return Err(format!("the list answered {}", answer.status));
    }
    let text = str::from_utf8(&answer.body).map_err(|_| "the list is not UTF-8".to_owned())?;
    let lines: Option<Vec<(&str, u64)>> = text.lines().filter(|line| !line.is_empty()).map(entry).collect();
    let lines = lines.ok_or("the list has a line that is no entry")?;
    Ok(lines.into_iter().filter(|(other, _)| other.eq_ignore_ascii_case(suffix)).map(|(_, count)| count).sum())
}

/// An entry of the list: the rest of a hash and its count, which is 0 in a line of padding.
fn entry(line: &str) -> Option<(&str, u64)> {
    let (suffix, count) = line.trim_end().split_once(':')?;
    Some((suffix, count.trim().parse().ok()?))
}
