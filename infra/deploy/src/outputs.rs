//! The values to paste, and the next steps.

use crate::{account::Aws, screen::say, stack::Stack};

/// The outputs that a builder pastes into an app, in the order of use.
const FIRST: [&str; 3] = ["ApiUrl", "LoginUrl", "CreateAccountUrl"];

/// Prints every output of a stack.
pub fn print(stack: &Stack) {
    let width = stack.outputs.keys().map(String::len).max().unwrap_or_default();
    let mut names: Vec<_> = stack.outputs.keys().map(String::as_str).collect();
    names.sort_by_key(|name| (FIRST.iter().position(|first| first == name).unwrap_or(FIRST.len()), *name));
    for name in names {
        let value = stack.outputs.get(name).map_or("", String::as_str);
        say(&format!("  {name:width$}  {value}"));
    }
}

/// Prints the next steps, in the order in which a person does them.
pub async fn print_next(aws: &Aws, stack: &Stack) {
    let output = |name: &str| stack.outputs.get(name).map_or("", String::as_str);
    say("\nNext:\n");
    let secret = output("FirebaseServiceAccountSecretId");
    let is_firebase = stack.parameters.get("TokenProfile").is_some_and(|profile| profile == "firebase");
    if is_firebase && !secret.is_empty() && is_empty(aws, secret).await {
        let project = stack.parameters.get("FirebaseProjectId").map_or("", String::as_str);
        say(
            "  1. Download a key: Firebase's console, Project settings, Service accounts, Generate new private key. Then:",
        );
        say(&format!(
            "     AWS_REGION={} FIREBASE_PROJECT_ID={project} latchkey keys put-service-account FILE.json --secret-id {secret}",
            aws.region
        ));
        say("     Until then every login answers 503, because the key signs jwt_token.");
        say(&format!(
            "  2. Try everything, with an account that is deleted again: latchkey smoke {}",
            output("ApiUrl")
        ));
        say(&format!("  3. Open {} in a browser. It shows each step in your builder.", output("ApiUrl")));
    } else {
        say(&format!(
            "  1. Try everything, with an account that is deleted again: latchkey smoke {}",
            output("ApiUrl")
        ));
        say(&format!("  2. Open {} in a browser. It shows each step in your builder.", output("ApiUrl")));
    }
}

/// Whether a secret has no value. Does not read the value. A caller who may not ask is told of the
/// secret.
async fn is_empty(aws: &Aws, secret: &str) -> bool {
    let described = aws.secrets.describe_secret().secret_id(secret).send().await;
    described.is_ok_and(|described| described.version_ids_to_stages.unwrap_or_default().is_empty())
}
