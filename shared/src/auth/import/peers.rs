//! Records of other systems that have the fields of an account a level deeper.

use serde_json::{Map, Value};
use uuid::Uuid;

/// The letters of a UUID with its hyphens.
const UUID_LETTERS: usize = 36;
/// The list of names and values in which Cognito answers (`aws cognito-idp list-users`).
const ATTRIBUTES: [&str; 2] = ["Attributes", "UserAttributes"];
/// The way to sign in with a password, in better-auth's table `account`.
const CREDENTIAL: &str = "credential";

/// The record with such fields beside the others. Every other record stays as it is.
pub fn opened(values: Map<String, Value>) -> Map<String, Value> {
    of_better_auth(of_cognito(values))
}

/// Cognito writes every value as text. Its `Username` is a name of its own unless people choose it,
/// and is then the `sub` or the address again.
fn of_cognito(mut values: Map<String, Value>) -> Map<String, Value> {
    let Some(Value::Array(attributes)) = ATTRIBUTES.iter().find_map(|name| values.remove(*name)) else {
        return without_repeated_username(values, "cognito:username");
    };
    for attribute in attributes {
        let text = |name: &str| attribute.get(name).and_then(Value::as_str).map(str::to_owned);
        let (Some(name), Some(value)) = (text("Name"), text("Value")) else { continue };
        let value = match (name.as_str(), value.as_str()) {
            ("email_verified", "true") => Value::Bool(true),
            ("email_verified", "false") => Value::Bool(false),
            _ => Value::String(value),
        };
        values.entry(name).or_insert(value);
    }
    without_repeated_username(values, "Username")
}

/// Cognito makes the name of a user without one, as a UUID.
fn without_repeated_username(mut values: Map<String, Value>, name: &str) -> Map<String, Value> {
    let Some(username) = values.get(name).cloned() else { return values };
    let is_made = username.as_str().is_some_and(|text| text.len() == UUID_LETTERS && Uuid::parse_str(text).is_ok());
    if is_made {
        values.entry("sub").or_insert_with(|| username.clone());
    }
    if is_made || ["sub", "email"].iter().any(|other| values.get(*other) == Some(&username)) {
        values.remove(name);
    }
    values
}

/// better-auth keeps the hash in an account of its own, beside those of other ways to sign in.
fn of_better_auth(mut values: Map<String, Value>) -> Map<String, Value> {
    for name in ["accounts", "account"] {
        let Some(Value::Array(accounts)) = values.get(name) else { continue };
        let is_credential = |account: &&Value| account.get("providerId").is_some_and(|id| id == CREDENTIAL);
        let password = accounts.iter().find(is_credential).and_then(|account| account.get("password")).cloned();
        if let Some(password) = password {
            values.remove(name);
            values.entry("password").or_insert(password);
        }
    }
    values
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn opened_of(record: Value) -> Value {
        let Value::Object(values) = record else { panic!("no object") };
        Value::Object(opened(values))
    }

    #[test]
    fn the_attributes_of_cognito_stand_beside_its_own_fields() {
        let attributes = json!([
            {"Name": "sub", "Value": "0f9a"}, {"Name": "email", "Value": "a@b.de"},
            {"Name": "email_verified", "Value": "true"}, {"Name": "custom:plan", "Value": "pro"}, {"Value": "no name"},
        ]);
        assert_eq!(
            opened_of(json!({"Username": "ada", "Attributes": attributes, "Enabled": true})),
            json!({"Username": "ada", "Enabled": true, "sub": "0f9a", "email": "a@b.de", "email_verified": true, "custom:plan": "pro"})
        );
    }

    #[test]
    fn a_username_that_cognito_made_is_none() {
        let uuid = "0195d2a4-0000-7000-8000-000000000000";
        for (record, expected) in [
            (json!({"Username": uuid, "Attributes": []}), json!({"sub": uuid})),
            (json!({"cognito:username": uuid, "email": "a@b.de"}), json!({"sub": uuid, "email": "a@b.de"})),
            (
                json!({"cognito:username": "a@b.de", "sub": "1", "email": "a@b.de"}),
                json!({"sub": "1", "email": "a@b.de"}),
            ),
            (json!({"cognito:username": "ada"}), json!({"cognito:username": "ada"})),
            (json!({"Username": uuid}), json!({"Username": uuid})),
        ] {
            assert_eq!(opened_of(record), expected);
        }
    }

    #[test]
    fn the_hash_of_better_auth_is_the_one_of_the_credential() {
        let accounts =
            json!([{"providerId": "google", "password": null}, {"providerId": "credential", "password": "salt:hash"}]);
        assert_eq!(opened_of(json!({"id": "u", "accounts": accounts})), json!({"id": "u", "password": "salt:hash"}));
        let social = json!({"id": "u", "accounts": [{"providerId": "google"}]});
        assert_eq!(opened_of(social.clone()), social);
    }
}
