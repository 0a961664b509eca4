//! `samconfig.toml`: SAM ignores unknown keys in silence, so a parameter with a slip in its name
//! would keep its default.

use std::{fs, path::Path};

use serde_json::Value;

use super::{document::read, parameters::takes};

fn environments() -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../samconfig.toml");
    toml::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

/// The parameters that an environment sets.
fn overrides(deploy: &Value) -> Vec<(&str, &str)> {
    let overrides = deploy["parameter_overrides"].as_array().unwrap().iter();
    overrides.map(|pair| pair.as_str().unwrap().split_once('=').unwrap()).collect()
}

#[test]
fn what_an_environment_sets_is_a_parameter_and_a_value_that_it_takes() {
    let (template, environments) = (read("template.yaml"), environments());
    for name in ["dev", "prod"] {
        let overrides = overrides(&environments[name]["deploy"]["parameters"]);
        assert!(!overrides.is_empty(), "{name}");
        for (parameter, value) in &overrides {
            let declared = template["Parameters"].get(parameter);
            let declared = declared.unwrap_or_else(|| panic!("{name}: there is no parameter {parameter}"));
            assert!(takes(declared, value), "{name}: {parameter}={value}");
        }
        let profile = overrides.iter().find(|(parameter, _)| *parameter == "TokenProfile").map(|(_, profile)| *profile);
        assert_eq!(profile, Some("access"), "{name} is deployed by somebody who has no Firebase project yet");
    }
}

#[test]
fn the_environments_differ_in_what_a_mistake_may_cost() {
    let environments = environments();
    for (name, protected) in [("dev", false), ("prod", true)] {
        let environment = &environments[name];
        assert_eq!(environment["global"]["parameters"]["stack_name"], format!("latchkey-{name}"));
        let deploy = &environment["deploy"]["parameters"];
        assert_eq!(deploy["confirm_changeset"], protected, "{name}");
        assert_eq!(
            (&deploy["capabilities"], &deploy["fail_on_empty_changeset"]),
            (&"CAPABILITY_IAM".into(), &false.into())
        );
        // Nobody knows the age of the template that `sam build` left behind.
        assert_eq!(deploy["template_file"], "template.yaml", "{name}");
        for parameter in ["DeletionProtection", "Alarms"] {
            let value = protected.to_string();
            assert!(overrides(deploy).contains(&(parameter, &value)), "{name}: {parameter}");
        }
    }
}
