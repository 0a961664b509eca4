//! Recognises texts that people confuse with a service account.

use serde_json::{Map, Value};

const WEB_CONFIG: &str = "is the configuration of a web app, which has no private key";

/// The phrase for a JSON object that is not a service account. None for a service account.
pub fn document(document: &Map<String, Value>) -> Option<&'static str> {
    let has = |name: &str| document.contains_key(name);
    match document.get("type").and_then(Value::as_str) {
        Some("service_account") => None,
        Some("authorized_user") => Some("is a person's own login (`type` is `authorized_user`), which cannot sign"),
        Some("external_account") => Some("names an identity elsewhere (`type` is `external_account`) and has no key"),
        _ if has("project_info") => Some("is a google-services.json, which belongs to an Android app"),
        _ if has("GOOGLE_APP_ID") => Some("is a GoogleService-Info.plist, which belongs to an Apple app"),
        _ if has("apiKey") || has("firebaseConfig") => Some(WEB_CONFIG),
        _ if has("installed") || has("web") => Some("is an OAuth client file, for logins with Google"),
        _ => Some("is another kind of file: its `type` is not `service_account`"),
    }
}

/// The phrase for a text that is neither a JSON object nor PEM. None if the text is not recognised.
pub fn text(text: &str) -> Option<&'static str> {
    let has = |part: &str| text.contains(part);
    if has("<plist") || has("GOOGLE_APP_ID") {
        Some("is a GoogleService-Info.plist, which belongs to an Apple app")
    } else if has("firebaseConfig") || has("apiKey") {
        Some(WEB_CONFIG)
    } else if text.starts_with("AIza") {
        Some("is an API key, which cannot sign")
    } else if text.len() == 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        Some("is the id of a private key (`private_key_id`), not the key itself")
    } else if text.starts_with("ssh-") {
        Some("is a public SSH key, not a private key")
    } else if has("PRIVATE KEY") && !text.starts_with('{') {
        Some("has no BEGIN line, or a damaged one")
    } else {
        None
    }
}
