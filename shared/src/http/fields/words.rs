//! The words for fields, for the person who uses the app.

use serde_json::Value;

use crate::error::{Field, PLACEHOLDER};

/// The name of a field at the beginning of a sentence.
pub(super) fn label(name: &str) -> &'static str {
    match name {
        "email" => "The e-mail address",
        "username" => "The username",
        "name" => "The name",
        "password" => "The password",
        "current_password" => "The current password",
        "new_password" => "The new password",
        "new_email" => "The new e-mail address",
        "token" | "refresh_token" | "id_token" => "The token",
        "code" => "The code",
        "challenge" => "The challenge",
        "provider" => "The provider",
        "nonce" => "The nonce",
        "locale" => "The language",
        "continue_url" => "The page of the app",
        "purpose" => "The purpose",
        "until" => "The end",
        "metadata" | "private_metadata" => "The metadata",
        "payload" => "The payload",
        "expires_in" | "expires_in_minutes" => "The life of the token",
        _ => "A value",
    }
}

/// Asks for a field that is missing.
pub(super) fn ask(name: &str) -> &'static str {
    match name {
        "email" => "Enter your e-mail address.",
        "username" => "Enter a username.",
        "name" => "Enter a name.",
        "password" => "Enter your password.",
        "current_password" => "Enter your current password.",
        "new_password" => "Enter a new password.",
        "refresh_token" => "You are not logged in.",
        "new_email" => "Enter the new e-mail address.",
        "id_token" => "You are not signed in at the other provider.",
        "token" => "There is no token to check.",
        "code" => "Enter the code from the mail.",
        "challenge" => "Ask for a new code first.",
        "provider" => "The app does not say by which provider you sign in.",
        "purpose" => "Choose the purpose of the link.",
        "until" => "Enter the end of the code.",
        _ => "A value is missing.",
    }
}

/// The mistake of a field that holds nothing but a placeholder.
pub(super) fn unfilled(name: &str) -> Field {
    let detail = format!("`{name}` holds the name of a variable, and not its value. {}", crate::text::FILL);
    Field::new(name, PLACEHOLDER, format!("{} was not filled in by the app.", label(name))).explained(detail)
}

/// The type of a value, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
