//! The parameters of `template.yaml` have the defaults and bounds of `Config`, and the console
//! shows all of them.

use std::collections::BTreeSet;

use regex_lite::Regex;
use serde_json::Value;
use shared::config::{Config, Misconfigured};

use super::document::{entries, read, resources};

const KMS_KEY: &str = "arn:aws:kms:eu-central-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab";
const PROVIDER: &str = "projects/123456789/locations/global/workloadIdentityPools/latchkey/providers/aws-account";

/// The parameters whose default differs from the default of `Config`, with the reason.
const OTHER_DEFAULTS: [(&str, &str); 2] = [
    (
        "TokenProfile",
        "unset, it depends on whether there is a service account, whose secret this template always makes",
    ),
    ("Mail", "unset, it is outbox on a laptop"),
];

/// The variables that pass on a parameter as it is, with the name of the parameter.
fn parameters(template: &Value) -> BTreeSet<(String, String)> {
    let of_one = resources(template, "AWS::Serverless::Function").map(|(_, function)| &function["Properties"]);
    let all = of_one.chain([&template["Globals"]["Function"]]).map(|function| &function["Environment"]["Variables"]);
    let variables = all.filter(|variables| !variables.is_null()).flat_map(entries);
    let named = variables.filter_map(|(name, value)| Some((name.to_owned(), value.get("Ref")?.as_str()?.to_owned())));
    named.filter(|(_, parameter)| template["Parameters"].get(parameter).is_some()).collect()
}

/// The configuration from this one variable. The shared secret is always set, because some settings
/// need it.
pub fn configured(name: &str, value: &str) -> Result<String, Misconfigured> {
    let config = Config::read(|asked| match asked {
        "JWT_SHARED_SECRET" => Some("a shared secret of more than 32 bytes".to_owned()),
        asked if asked == name => Some(value.to_owned()),
        // A way of mails needs these.
        "MAIL_FROM" => Some("login@herbs.example".to_owned()),
        "MAIL_WEBHOOK_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        "MAIL_WEBHOOK_URL" => Some("https://hook.example/".to_owned()),
        "EVENT_WEBHOOK_SECRET" | "LEGACY_LOGIN_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        "SMTP_URL" => Some("smtps://smtp.example".to_owned()),
        // Another service signs for this account, with this key, or for this caller.
        "FIREBASE_CLIENT_EMAIL" => Some("me@my-app.iam.gserviceaccount.com".to_owned()),
        "FIREBASE_KMS_KEY_ID" => Some(KMS_KEY.to_owned()),
        "FIREBASE_WORKLOAD_IDENTITY_PROVIDER" => Some(PROVIDER.to_owned()),
        // A link that logs in leads there.
        "APP_URLS" => Some("https://app.example".to_owned()),
        _ => None,
    })?;
    Ok(format!("{config:?}"))
}

/// Whether CloudFormation accepts a value for a parameter.
pub fn takes(parameter: &Value, value: &str) -> bool {
    let bound = |name: &str| parameter[name].as_i64();
    let number: Option<i64> = value.parse().ok();
    let is_number = parameter["Type"] == "Number";
    let in_bounds = bound("MinValue").is_none_or(|min| number >= Some(min))
        && bound("MaxValue").is_none_or(|max| number.is_some_and(|number| number <= max));
    let chosen = parameter["AllowedValues"].as_array();
    let fits = parameter["AllowedPattern"].as_str().map(|pattern| Regex::new(pattern).unwrap());
    (!is_number || (number.is_some() && in_bounds))
        && chosen.is_none_or(|choices| choices.iter().any(|choice| text(choice) == value))
        && fits.is_none_or(|pattern| pattern.is_match(value))
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

#[test]
fn a_default_is_that_of_config() {
    let template = read("template.yaml");
    let parameters = parameters(&template);
    assert!(parameters.len() >= 20, "{parameters:?}");
    for (variable, parameter) in parameters {
        let default = text(&template["Parameters"][&parameter]["Default"]);
        let (given, unset) = (configured(&variable, &default).unwrap(), configured(&variable, "").unwrap());
        let is_other = OTHER_DEFAULTS.iter().any(|(name, _)| *name == parameter);
        assert_eq!(given != unset, is_other, "{parameter}, {default}: {given}");
    }
}

#[test]
fn the_bounds_of_a_number_are_those_of_config() {
    let template = read("template.yaml");
    let is_number = |(_, name): &(String, String)| template["Parameters"][name]["Type"] == "Number";
    let numbers: Vec<_> = parameters(&template).into_iter().filter(is_number).collect();
    assert!(numbers.len() >= 10, "{numbers:?}");
    for (variable, name) in numbers {
        let bound =
            |bound: &str| template["Parameters"][&name][bound].as_i64().unwrap_or_else(|| panic!("{name}: {bound}"));
        let (min, max) = (bound("MinValue"), bound("MaxValue"));
        for (value, fits) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
            assert_eq!(configured(&variable, &value.to_string()).is_ok(), fits, "{name}, {value}");
        }
    }
}

#[test]
fn what_can_be_chosen_is_what_config_takes() {
    let template = read("template.yaml");
    for (variable, name) in parameters(&template) {
        let Some(choices) = template["Parameters"][&name]["AllowedValues"].as_array() else { continue };
        for choice in choices {
            assert!(configured(&variable, &text(choice)).is_ok(), "{name}, {choice}");
        }
        assert!(configured(&variable, "something").is_err(), "{name} accepts anything, and not only {choices:?}");
    }
}

/// Values of the parameters with a pattern. The console must accept the first list. It must refuse
/// the second, because a function with such a value would not start.
const SAMPLES: [(&str, &[&str], &[&str]); 17] = [
    (
        "AdminAllowedCidrs",
        &["", "192.0.2.0/24", "192.0.2.0/24,2001:db8::/32,198.51.100.7"],
        &["*", "office.example", "192.0.2.0/24;10.0.0.0/8", "192.0.2.0-192.0.2.9", "192.0.2.0/24,"],
    ),
    (
        "AdminOrigins",
        &["", "https://admin.example", "https://admin.example,http://localhost:3000"],
        &["*", "admin.example", "https://admin.example,*", "https://a:b@c.example", "https://admin.example/x"],
    ),
    ("AdminRoles", &["", "7", "7,9,10"], &["1", "7,1", "0", "-7", "7;9", "*", "7,", "the admins"]),
    (
        "AppUrls",
        &["", "https://app.example", "https://app.example:8443,myapp://,org.herbs.app://login"],
        &["app.example", "*", "https://app.example/x", "https://a:b@c.example", "https://a.example,", "1app://"],
    ),
    (
        "CorsAllowedOrigins",
        &["*", "https://a.example", "https://a.example,http://b.example:3000"],
        &[
            "",
            "a",
            "https://a.example,*",
            "https://*.a.example",
            "https://a:b@c.example",
            "https://a.example/?x",
            "https://a.example/x",
        ],
    ),
    (
        "EventWebhookTypes",
        &["", "user.created", "user.created, user.deleted,identity.linked", "password.changed,user.email_changed"],
        &["*", "user", "user.created;user.deleted", "user.createduser.deleted", "user.signed_up", "userxcreated"],
    ),
    (
        "FirebaseCertsUrl",
        &["", "https://certs.example/keys"],
        &["certs.example", "http://certs.example", "https://a:b@c.example"],
    ),
    (
        "FirebaseClientEmail",
        &["", "me@my-app.iam.gserviceaccount.com"],
        &["@", "a@b@c", "{\"client_email\": \"a@b.de\"}"],
    ),
    (
        "FirebaseIdentityProvider",
        &["", PROVIDER],
        &[
            "latchkey",
            "//iam.googleapis.com/projects/1",
            "projects/my-app/locations/global/workloadIdentityPools/a/providers/b",
        ],
    ),
    (
        "FirebaseKmsKeyArn",
        &["", KMS_KEY, "arn:aws:kms:us-east-1:123456789012:key/mrk-1234abcd12ab34cd56ef1234567890ab"],
        &["alias/latchkey", "1234abcd-12ab-34cd-56ef-1234567890ab", "arn:aws:s3:::bucket", "*"],
    ),
    (
        "FirebaseProjectId",
        &["", "my-app-1a2b3", "example.com:my-app"],
        &["My App", "{\"type\": \"service_account\"}", "123456789012"],
    ),
    ("FirebaseTenantId", &["", "customers-a1b2c"], &["my tenant", "customers."]),
    (
        "PasswordBreachCheck",
        &["true", "false", "https://pwned.example/range/"],
        &["yes", "https://pwned.example", "http://pwned.example/range/", "https://a:b@c.example/"],
    ),
    (
        "SignUp",
        &["open", "invited", "closed", "domains:a.example", "domains:a.example,münchen.example"],
        &["", "everybody", "domains:", "domains:example", "domains:a.example,", "domains:me@a.example", "open,closed"],
    ),
    ("Roles", &["", "1=member", "1=member,2=editor"], &["member", "1=", "1=a b", "1=member;2=editor", "=a"]),
    ("ServiceNames", &["", "Giant Shop", "shop,market"], &["abc", "shop,a", ",,"]),
    ("KeysOverlapSeconds", &["", "7200", "2592000"], &["2h", "-1", "25920000"]),
];

#[test]
fn a_pattern_lets_nothing_through_that_config_refuses() {
    let template = read("template.yaml");
    let mut unseen: BTreeSet<&str> = SAMPLES.iter().map(|(name, ..)| *name).collect();
    for (variable, name) in parameters(&template) {
        let parameter = &template["Parameters"][&name];
        let Some((_, right, wrong)) = SAMPLES.iter().find(|(of, ..)| *of == name) else {
            assert!(parameter.get("AllowedPattern").is_none(), "{name} has no samples");
            continue;
        };
        unseen.remove(name.as_str());
        for value in *right {
            assert!(takes(parameter, value) && configured(&variable, value).is_ok(), "{name}: {value}");
        }
        for value in *wrong {
            assert!(!takes(parameter, value), "{name}: {value}");
        }
    }
    assert!(unseen.is_empty(), "{unseen:?}");
}

#[test]
fn the_form_of_the_console_has_every_parameter_once_under_a_label() {
    let template = read("template.yaml");
    let form = &template["Metadata"]["AWS::CloudFormation::Interface"];
    let groups = form["ParameterGroups"].as_array().unwrap();
    let shown: Vec<String> =
        groups.iter().flat_map(|group| group["Parameters"].as_array().unwrap()).map(text).collect();
    let labelled: BTreeSet<String> = entries(&form["ParameterLabels"]).map(|(name, _)| name.to_owned()).collect();
    let parameters: BTreeSet<String> = entries(&template["Parameters"]).map(|(name, _)| name.to_owned()).collect();
    assert_eq!((shown.len(), shown.into_iter().collect()), (parameters.len(), parameters.clone()));
    assert_eq!(labelled, parameters);
    for (name, parameter) in entries(&template["Parameters"]) {
        assert!(parameter["Description"].as_str().is_some_and(|text| text.len() > 20), "{name} is not described");
    }
}
