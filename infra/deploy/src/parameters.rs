//! The values of the template's parameters, before anything is deployed.

use std::collections::BTreeMap;

use crate::{stack::Stack, template::Template};

/// The parameters that choose the table.
const TABLE: [&str; 2] = ["TableName", "ExistingTable"];

/// Every parameter's value: the caller's choice, the value of the deployed stack, or the default of
/// the template.
///
/// # Errors
///
/// Sentences: a choice is no parameter of the template or no allowed value of it.
pub fn effective(
    template: &Template,
    chosen: &BTreeMap<String, String>,
    deployed: Option<&Stack>,
) -> Result<BTreeMap<String, String>, String> {
    for (name, value) in chosen {
        let Some(declared) = template.parameters.get(name) else {
            return Err(format!("The template has no parameter {name}. docs/launch.md lists all of them."));
        };
        if !declared.allowed.is_empty() && !declared.allowed.contains(value) {
            return Err(format!("{name} is {}, and not {value}.", declared.allowed.join(" or ")));
        }
    }
    let values = template.parameters.iter().map(|(name, declared)| {
        let kept = deployed.and_then(|stack| stack.parameters.get(name));
        let value = chosen.get(name).or(kept).or(declared.default.as_ref());
        (name.clone(), value.cloned().unwrap_or_default())
    });
    Ok(values.collect())
}

/// Refuses values that the template refuses too, but only after minutes.
///
/// # Errors
///
/// A sentence: Firebase has no project, or the functions would use another table.
pub fn check(values: &BTreeMap<String, String>, deployed: Option<&Stack>, another_table: bool) -> Result<(), String> {
    let value = |name: &str| values.get(name).map_or("", String::as_str);
    if value("TokenProfile") == "firebase" && value("FirebaseProjectId").is_empty() {
        return Err(
            "The ID of your Firebase project is missing. Give it: --firebase your-project-id (Firebase's console, \
                    Project settings, General). Or deploy without Firebase: --no-firebase."
                .to_owned(),
        );
    }
    let Some(stack) = deployed else { return Ok(()) };
    let moved =
        TABLE.into_iter().filter(|name| stack.parameters.get(*name).is_some_and(|before| before != value(name)));
    let moved: Vec<_> = moved.map(|name| format!("{name}={}", value(name))).collect();
    if moved.is_empty() || another_table {
        return Ok(());
    }
    Err(format!(
        "With {} the functions would use another table. It has no account of the present table, unless you copied them. To \
         go on, give --another-table.",
        moved.join(" and ")
    ))
}
