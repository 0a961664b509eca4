//! Reads a service account as people paste it. Variables, panels and pipelines change a key file in
//! a few known ways. Each change is undone here without a guess, and noted for the log.

mod layers;
mod lookalike;
mod pem;
#[cfg(test)]
mod tests;

use serde::de::IgnoredAny;
use serde_json::{Map, Value};

use super::ServiceAccount;
use crate::{jose::json, keys::signer::Signer};
use layers::{LAYERS_MAX, Repairs};

/// The longest accepted text, in bytes. A key file has 2.4 KB. Base64, escapes and indentation make
/// the text a few times longer.
const TEXT_BYTES_MAX: usize = 64 * 1024;
const ADVICE: &str = "Use the file from the Firebase console: Project settings, Service accounts, Generate new private \
                      key.";
const KEY_ALONE: &str = "The service account is a private key alone, which does not name its account. Give the whole \
                         JSON file, or set FIREBASE_CLIENT_EMAIL and FIREBASE_PROJECT_ID too.";

/// Reads a service account. A private key alone is enough if `client_email` and `project_id` are
/// given.
///
/// # Errors
///
/// Sentences that name the mistake and never quote `text`.
pub fn read(text: &str, client_email: Option<&str>, project_id: Option<&str>) -> Result<ServiceAccount, String> {
    let refused = |phrase: String| format!("The service account {phrase}. {ADVICE}");
    if text.len() > TEXT_BYTES_MAX {
        return Err(refused("is longer than 64 KiB, and no key file is that long".to_owned()));
    }
    let mut repairs = Repairs::default();
    let account = match uncover(text, &mut repairs).map_err(|phrase| refused(phrase.to_owned()))? {
        Found::File(document) => Parts::of_file(&document).map_err(refused)?.account(repairs)?,
        Found::Key(key) => {
            let (email, project_id) = (client_email.unwrap_or(""), project_id.unwrap_or(""));
            let parts = Parts { email, project_id, key_id: "", key: &key };
            // A broken key is reported first: two more variables would not mend it.
            let account = parts.account(repairs)?;
            if account.email.is_empty() || account.project_id.is_empty() {
                return Err(KEY_ALONE.to_owned());
            }
            account
        }
    };
    if !is_client_email(&account.email) {
        return Err(refused("has a `client_email` that is not an e-mail address".to_owned()));
    }
    if !is_project_id(&account.project_id) {
        return Err(refused("has a `project_id` that is not the id of a project".to_owned()));
    }
    Ok(account)
}

/// Whether `text` can be the id of a Google Cloud project, `my-app-1a2b3` or `example.com:my-app`.
/// A private key or a key file that was pasted by mistake cannot.
pub fn is_project_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:_".contains(&byte);
    (1..=64).contains(&text.len()) && text.bytes().all(fits)
}

/// Whether `text` can be the e-mail address of a service account. A private key or a key file that
/// was pasted by mistake cannot.
pub fn is_client_email(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+@".contains(&byte);
    let parts = text.split_once('@').is_some_and(|(name, domain)| !name.is_empty() && !domain.is_empty());
    parts && text.len() <= 254 && text.bytes().all(fits) && text.matches('@').count() == 1
}

/// Whether a text can be the id of a service account's key. Google's ids have forty hexadecimal
/// digits.
fn is_key_id(text: &str) -> bool {
    (1..=40).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// The content under all layers.
enum Found {
    /// A JSON object.
    File(Map<String, Value>),
    /// A private key in PEM.
    Key(String),
}

/// Removes one layer after the other.
fn uncover(text: &str, repairs: &mut Repairs) -> Result<Found, &'static str> {
    let mut text = text.to_owned();
    for _ in 0..LAYERS_MAX {
        text = layers::trimmed(&text, repairs).to_owned();
        if let Some(value) = layers::without_name(&text) {
            repairs.note("the variable's name before it");
            text = value.to_owned();
            continue;
        }
        if text.split_once(pem::BEGIN).is_some_and(|(before, _)| !before.contains('{')) {
            return Ok(Found::Key(text));
        }
        if let Some(document) = document(&text, repairs) {
            return Ok(Found::File(document));
        }
        if let Some(bare) = layers::unquoted(&text) {
            repairs.note("surrounding quotes");
            text = bare.to_owned();
        } else if text.contains('\\') {
            repairs.note("it was escaped once more");
            text = layers::unescaped(&text);
        } else if let Some(decoded) = layers::from_base64(&text) {
            repairs.note("it was base64");
            text = decoded?;
        } else {
            break;
        }
    }
    Err(refusal(&text))
}

/// Reads a JSON object. None if `text` is not one. A line break in a wrong place was a `\n` that
/// something expanded.
fn document(text: &str, repairs: &mut Repairs) -> Option<Map<String, Value>> {
    if !text.starts_with('{') {
        return None;
    }
    json::object(text.as_bytes()).ok().or_else(|| {
        let document = json::object(layers::mended(text).as_bytes()).ok()?;
        repairs.note("misplaced line breaks in the JSON");
        Some(document)
    })
}

/// The reason why a text is neither the file nor a key.
fn refusal(text: &str) -> &'static str {
    if text.is_empty() {
        return "is empty";
    }
    if text.starts_with('{') {
        let mended = layers::mended(text);
        if serde_json::from_str::<IgnoredAny>(&mended).is_err_and(|error| error.is_eof()) {
            return "ends in the middle: it was cut short on the way";
        }
        return lookalike::text(text)
            .or(json::object(mended.as_bytes()).err())
            .unwrap_or("is encoded, quoted or escaped too many times");
    }
    lookalike::text(text).unwrap_or("is not the JSON file from Google, and not base64 of it")
}

/// The parts of an account.
struct Parts<'a> {
    email: &'a str,
    project_id: &'a str,
    /// Empty if it is not known.
    key_id: &'a str,
    key: &'a str,
}

impl<'a> Parts<'a> {
    fn of_file(document: &'a Map<String, Value>) -> Result<Self, String> {
        if let Some(phrase) = lookalike::document(document) {
            return Err(phrase.to_owned());
        }
        let member = |name: &str| document.get(name).and_then(Value::as_str).map_or("", str::trim);
        let missing: Vec<String> = ["client_email", "project_id", "private_key"]
            .into_iter()
            .filter(|name| member(name).is_empty())
            .map(|name| format!("no `{name}`"))
            .collect();
        if missing.is_empty() {
            let (email, project_id) = (member("client_email"), member("project_id"));
            Ok(Self { email, project_id, key_id: member("private_key_id"), key: member("private_key") })
        } else {
            Err(format!("has {}", missing.join(" and ")))
        }
    }

    fn account(&self, mut repairs: Repairs) -> Result<ServiceAccount, String> {
        let key = pem::read(self.key, &mut repairs)
            .map_err(|phrase| format!("The private key of the service account {phrase}. {ADVICE}"))?;
        let (email, project_id) = (self.email.trim().to_owned(), self.project_id.trim().to_owned());
        let key_id = Some(self.key_id.to_owned()).filter(|id| is_key_id(id));
        let signer = Signer::Local(key);
        Ok(ServiceAccount { email, project_id, key_id, repairs: repairs.into_inner(), signer })
    }
}
