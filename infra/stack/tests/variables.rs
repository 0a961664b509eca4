//! The variables that a deployment sets are the variables that `Config` reads. Every exception is
//! listed here with its reason.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
};

use serde_json::Value;
use shared::config::Config;

use super::{
    document::{entries, parse, read, resources},
    parameters::configured,
};

/// A variable, and the reason why it is an exception.
type Reason = (&'static str, &'static str);
/// Variables by name. A value is there if the file that sets the variable holds it.
type Variables = BTreeMap<String, Option<String>>;

/// The beginning of a value that every deployment has to replace.
const TO_BE_REPLACED: &str = "REPLACE_ME";

/// A deployment of the service, and its exceptions from `Config`.
struct Deployment {
    file: &'static str,
    /// Reads the variables that the deployment sets.
    set: fn(&Value) -> Variables,
    /// The variables that `Config` reads and the deployment does not set.
    unset: &'static [Reason],
    /// The variables that the deployment sets and `Config` does not read.
    of_others: &'static [Reason],
    /// The variables that the deployment sets to another value than the default, without asking
    /// anybody.
    chosen: &'static [Reason],
}

const DEPLOYMENTS: [Deployment; 2] = [
    Deployment {
        file: "template.yaml",
        set: of_sam,
        unset: &UNSET_ON_LAMBDA,
        of_others: &OTHERS_ON_LAMBDA,
        chosen: &[],
    },
    Deployment {
        file: "infra/cloud-run/service.yaml",
        set: of_knative,
        unset: &UNSET_ON_CLOUD_RUN,
        of_others: &[],
        chosen: &CHOSEN_ON_CLOUD_RUN,
    },
];

const UNSET_ON_LAMBDA: [Reason; 29] = [
    ("AWS_LAMBDA_FUNCTION_NAME", "Lambda sets it"),
    ("AWS_ACCOUNT_ID", "asks for the SDK's own chain of credentials, for whoever sets it"),
    ("AWS_LAMBDA_RUNTIME_API", "Lambda sets it"),
    ("AWS_SAM_LOCAL", "`sam local` sets it"),
    ("K_SERVICE", "Cloud Run sets it"),
    (
        "FIREBASE_SERVICE_ACCOUNT",
        "secrets are in Secrets Manager, not where everybody who may see a function reads them",
    ),
    ("JWT_SHARED_SECRET", "as FIREBASE_SERVICE_ACCOUNT"),
    ("API_KEY", "as FIREBASE_SERVICE_ACCOUNT"),
    ("ADMIN_KEY", "as FIREBASE_SERVICE_ACCOUNT"),
    ("ADMIN_KEY_FILE", "as SIGNING_KEYS_FILE"),
    ("SIGNING_KEYS_FILE", "there are no mounted files"),
    ("JWT_SHARED_SECRET_FILE", "as SIGNING_KEYS_FILE"),
    ("API_KEY_FILE", "as SIGNING_KEYS_FILE"),
    ("PROOF_KEY_FILE", "as SIGNING_KEYS_FILE"),
    ("SMTP_URL", "as FIREBASE_SERVICE_ACCOUNT"),
    ("MAIL_WEBHOOK_SECRET", "as FIREBASE_SERVICE_ACCOUNT"),
    ("EVENT_WEBHOOK_SECRET", "as FIREBASE_SERVICE_ACCOUNT"),
    ("LEGACY_LOGIN_SECRET", "as FIREBASE_SERVICE_ACCOUNT"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "Config refuses it where the service is deployed"),
    ("RATE_LIMITS", "Config refuses `off` where the service is deployed, and `on` is the default"),
    ("GOOGLE_CLOUD_PROJECT", "Google's platforms set it; FIREBASE_PROJECT_ID says the same"),
    ("AWS_REGION", "Lambda sets it"),
    ("AWS_DEFAULT_REGION", "Lambda sets it"),
    ("AWS_ROLE_ARN", "Config asks for it on Cloud Run alone; each function has its role"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "as AWS_ROLE_ARN"),
    ("GCE_METADATA_HOST", "as AWS_ROLE_ARN"),
    ("PORT", "of `latchkey serve`"),
    ("DATA_DIR", "of `latchkey serve`"),
    ("LOG_FORMAT", "of `latchkey serve`; the functions write JSON"),
];

const UNSET_ON_CLOUD_RUN: [Reason; 50] = [
    ("AWS_ACCOUNT_ID", "as on Lambda"),
    ("REFRESH_KEYS_SECRET_ID", "one process has every duty, and reads the whole key set"),
    ("PUBLIC_KEYS_SECRET_ID", "as REFRESH_KEYS_SECRET_ID"),
    ("PROOF_KEY_SECRET_ID", "no codes are made there yet"),
    ("PROOF_KEY_FILE", "as PROOF_KEY_SECRET_ID"),
    ("EMAIL_SIGN_IN", "as PROOF_KEY_SECRET_ID"),
    ("EMAIL_SIGN_IN_LINK", "as PROOF_KEY_SECRET_ID"),
    ("APP_URLS", "as PROOF_KEY_SECRET_ID"),
    ("IDENTITY_PROVIDERS", "as PROOF_KEY_SECRET_ID"),
    ("VERIFY_EMAIL", "as PROOF_KEY_SECRET_ID"),
    ("MAIL", "no mails are sent from there yet"),
    ("MAIL_FROM", "as MAIL"),
    ("MAIL_REPLY_TO", "as MAIL"),
    ("APP_NAME", "as MAIL"),
    ("MAIL_CODE_IN_SUBJECT", "as MAIL"),
    ("MAIL_PER_DAY", "as MAIL"),
    ("SMTP_URL", "as MAIL"),
    ("SMTP_URL_SECRET_ID", "as MAIL"),
    ("MAIL_WEBHOOK_SECRET", "as MAIL"),
    ("MAIL_WEBHOOK_SECRET_ID", "as MAIL"),
    ("MAIL_WEBHOOK_URL", "as MAIL"),
    ("SES_CONFIGURATION_SET", "as MAIL"),
    ("PUBLIC_URL", "as MAIL"),
    ("EVENT_WEBHOOK_SECRET", "as JWT_SHARED_SECRET"),
    ("LEGACY_LOGIN_URL", "nobody is moved from there yet"),
    ("LEGACY_LOGIN_SECRET_ID", "as LEGACY_LOGIN_URL"),
    ("LEGACY_LOGIN_SECRET", "as LEGACY_LOGIN_URL"),
    ("K_SERVICE", "Cloud Run sets it"),
    ("AWS_LAMBDA_FUNCTION_NAME", "Lambda sets it"),
    ("AWS_LAMBDA_RUNTIME_API", "Lambda sets it"),
    ("AWS_SAM_LOCAL", "`sam local` sets it"),
    ("JWT_SHARED_SECRET", "secrets are mounted files, not where everybody who may see the service reads them"),
    ("API_KEY", "as JWT_SHARED_SECRET"),
    ("ADMIN_KEY", "as JWT_SHARED_SECRET"),
    ("ADMIN_KEY_FILE", "the admin API is off until somebody mounts a file with its keys"),
    ("ADMIN_KEY_SECRET_ID", "as ADMIN_KEY_FILE"),
    ("ADMIN_ROLES", "as ADMIN_KEY_FILE"),
    ("ADMIN_ALLOWED_CIDRS", "as ADMIN_KEY_FILE"),
    ("ADMIN_ORIGINS", "as ADMIN_KEY_FILE"),
    ("ADMIN_SIGN_IN_LINKS", "as ADMIN_KEY_FILE"),
    ("FIREBASE_AUTH_EMULATOR_HOST", "Config refuses it where the service is deployed"),
    ("METRICS_NAMESPACE", "CloudWatch's; Google makes metrics of the log"),
    ("AWS_DEFAULT_REGION", "AWS_REGION says the same"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "Google's metadata server identifies the process, and no file does"),
    ("GCE_METADATA_HOST", "for tests, and for metadata servers elsewhere"),
    ("PORT", "Cloud Run sets it"),
    ("DATA_DIR", "nothing is kept in files"),
    ("LOG_FORMAT", "there is no terminal, so that JSON is the default"),
    ("BEHIND_PROXY", "Cloud Run's own front end is always before it, and its word counts"),
    ("TRUSTED_PROXY_SECRET", "nothing of the deployment's own stands before the front end"),
];

const CHOSEN_ON_CLOUD_RUN: [Reason; 1] = [("FIREBASE_SERVICE_ACCOUNT", "the path of the mounted file")];

const OTHERS_ON_LAMBDA: [Reason; 1] = [("AWS_LAMBDA_HTTP_IGNORE_STAGE_IN_PATH", "lambda_http reads it")];

/// Every name that `Config` asks for, whatever the values are.
fn asked() -> BTreeSet<String> {
    let names = RefCell::new(BTreeSet::new());
    let answers: [fn(&str) -> Option<&'static str>; 5] = [
        |_| None,
        |_| Some("x"),
        |name| (name == "AWS_LAMBDA_FUNCTION_NAME").then_some("login"),
        |name| (name == "K_SERVICE").then_some("latchkey"),
        |name| ["K_SERVICE", "AWS_ROLE_ARN"].contains(&name).then_some("arn:aws:iam::123456789012:role/latchkey"),
    ];
    for answer in answers {
        // Only the names matter here, not whether `Config` accepts the values.
        drop(Config::read(|name| {
            names.borrow_mut().insert(name.to_owned());
            answer(name).map(str::to_owned)
        }));
    }
    names.into_inner()
}

/// The variables of a SAM template, of all functions and of single ones.
fn of_sam(template: &Value) -> Variables {
    let of_one = resources(template, "AWS::Serverless::Function").map(|(_, function)| &function["Properties"]);
    let all = of_one.chain([&template["Globals"]["Function"]]).map(|function| &function["Environment"]["Variables"]);
    let variables = all.filter(|variables| !variables.is_null()).flat_map(entries);
    variables.map(|(name, value)| (name.to_owned(), value.as_str().map(str::to_owned))).collect()
}

/// The variables of a Knative service, as Cloud Run accepts it.
fn of_knative(service: &Value) -> Variables {
    let container = &service["spec"]["template"]["spec"]["containers"][0];
    let variables = container["env"].as_array().expect("a container with variables").iter();
    let text = |value: &Value| value.as_str().map(str::to_owned);
    variables.map(|variable| (text(&variable["name"]).expect("a name"), text(&variable["value"]))).collect()
}

/// The variables whose written value differs from the default of `Config`.
fn unlike_the_default(set: &Variables) -> BTreeSet<String> {
    let written = set.iter().filter_map(|(name, value)| Some((name, value.as_deref()?)));
    let written = written.filter(|(_, value)| !value.starts_with(TO_BE_REPLACED));
    let other = written.filter(|(name, value)| configured(name, value) != configured(name, ""));
    other.map(|(name, _)| name.clone()).collect()
}

fn names(reasons: &[Reason]) -> BTreeSet<String> {
    reasons.iter().map(|(name, _)| (*name).to_owned()).collect()
}

#[test]
fn every_variable_that_config_reads_is_set_or_there_is_a_reason() {
    for Deployment { file, set, unset, .. } in &DEPLOYMENTS {
        let set = set(&read(file)).into_keys().collect();
        let missing: BTreeSet<_> = asked().difference(&set).cloned().collect();
        assert_eq!(missing, names(unset), "{file}: the variables that it does not set, and the exceptions");
    }
}

#[test]
fn every_variable_that_is_set_is_one_that_config_reads_or_there_is_a_reason() {
    for Deployment { file, set, of_others, .. } in &DEPLOYMENTS {
        let set: BTreeSet<_> = set(&read(file)).into_keys().collect();
        let unread: BTreeSet<_> = set.difference(&asked()).cloned().collect();
        assert_eq!(unread, names(of_others), "{file}: the variables that Config does not read, and the exceptions");
    }
}

#[test]
fn a_value_that_is_written_down_is_the_default_or_there_is_a_reason() {
    for Deployment { file, set, chosen, .. } in &DEPLOYMENTS {
        assert_eq!(
            unlike_the_default(&set(&read(file))),
            names(chosen),
            "{file}: the values chosen for everybody, and the exceptions"
        );
    }
}

#[test]
fn the_variables_of_a_knative_service_are_those_of_its_container() {
    let service = parse(
        r#"{spec: {template: {spec: {containers: [{env: [
            {name: CLOCK_SKEW_SECONDS, value: "61"},
            {name: ISSUER, value: REPLACE_ME_ISSUER},
            {name: LOG_LEVEL, value: INFO},
            {name: PASSWORD_MIN_LENGTH, value: "7"},
            {name: TABLE_NAME, value: ""},
        ]}]}}}}"#,
    );
    let set = of_knative(&service);
    let names: Vec<&str> = set.keys().map(String::as_str).collect();
    assert_eq!(names, ["CLOCK_SKEW_SECONDS", "ISSUER", "LOG_LEVEL", "PASSWORD_MIN_LENGTH", "TABLE_NAME"]);
    assert_eq!(unlike_the_default(&set), ["CLOCK_SKEW_SECONDS", "PASSWORD_MIN_LENGTH"].map(str::to_owned).into());
}
