//! The log lines and metrics that a deployed function writes of a login, of a refused login, and of
//! a rotation.
//!
//! The lines are compared with golden files. `--update` writes the files anew.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    sync::Arc,
};

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::{
    emulator::{Cloud, Event, Function},
    http::{Client, Request},
    latchkey::Variables,
    process::repository,
    secrets::{EMPTY, RotatedSecret, STEPS},
    trials::{Fixture, Trials},
};

const EMAIL: &str = "james@yopmail.com";
const PASSWORD: &str = "violet tractor 47 umbrella";
const NAMESPACE: &str = "latchkey-dev";
/// The secret that is rotated.
const ID: &str = "latchkey/golden";
const WRITTEN_MS: i64 = 10_000;
/// In one line, by the specification of the embedded metric format.
const METRICS_MAX: usize = 100;

const UUID: &str = "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$";
const ONE_NUMBER: &str = r"^\[\d+(\.\d+)?\]$";
/// The two calls of a login, and perhaps the one that connects to the table beside the start.
const TWO_NUMBERS_OR_THREE: &str = r"^\[\d+(\.\d+)?(,\d+(\.\d+)?){1,2}\]$";
/// The members that differ from run to run: their names, their forms, and the JSON in their places.
const VARYING: [(&str, &str, &str); 12] = [
    ("timestamp", r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d+Z$", r#""<time>""#),
    ("function_request_id", UUID, r#""<uuid>""#),
    ("version", UUID, r#""<uuid>""#),
    ("identity", r"^[\w-]{22}$", r#""<pseudonym>""#),
    ("user", r"^[\w-]{22}$", r#""<pseudonym>""#),
    ("duration_ms", r"^\d{1,4}$", "0"),
    ("change", r"^[A-Za-z].*\.?$", r#""<what will be different>""#),
    ("Timestamp", r"^1\d{12}$", "0"),
    ("hash_ms", ONE_NUMBER, r#"["<ms>"]"#),
    ("store_ms", TWO_NUMBERS_OR_THREE, r#"["<ms>","<ms>"]"#),
    ("signing_ms", ONE_NUMBER, r#"["<ms>"]"#),
    ("signing_key_age_seconds", ONE_NUMBER, r#"["<seconds>"]"#),
];

struct Logged {
    cloud: Cloud,
    variables: Variables,
    /// Whether the golden files are written anew.
    updates: bool,
}

impl Logged {
    async fn start(updates: bool) -> Self {
        let cloud = Cloud::start().await;
        let account = Request::post("/create-account", &json!({"email": EMAIL, "password": PASSWORD}));
        cloud.server.ask(&Client::new(), account).await.expect("an answer").success();
        let mut variables = cloud.variables.clone();
        variables.insert("METRICS_NAMESPACE", NAMESPACE.to_owned());
        Self { cloud, variables, updates }
    }

    async fn logins(&self) {
        let function = Function::start("login", &self.variables).await;
        // A digest without a key would tell who is who to anybody with a list of addresses.
        let bare = URL_SAFE_NO_PAD.encode(&digest(&SHA256, EMAIL.as_bytes()).as_ref()[..16]);
        let mut identities = BTreeSet::new();
        for (name, password, status) in [("login", PASSWORD, 200), ("refused-login", "wrong", 401)] {
            let body = json!({"email": EMAIL, "password": password});
            let request = Request::post("/login", &body).header("x-request-id", "golden");
            let known = function.child.lines_from(0).len();
            let answer = function.ask(Event::Text, &request).await;
            assert_eq!(answer.status, status, "{:#}", answer.body);
            let lines = written(&function, known, 3).await;
            self.compare(name, &lines);
            let audit = lines.iter().find(|line| line["event"].is_string()).expect("an audit line");
            assert_ne!(audit["identity"], bare);
            identities.insert(audit["identity"].to_string());
        }
        assert_eq!(identities.len(), 1, "both lines name the person alike");
    }

    async fn rotation(&self) {
        self.cloud.secrets.create(ID, Some(EMPTY)).await;
        let function = Arc::new(Function::start("rotate-keys", &self.variables).await);
        let secret = RotatedSecret::new(self.cloud.secrets.clone(), ID, function.invoker());
        let token = secret.begin().await;
        let mut lines = Vec::new();
        for (step, count) in STEPS.into_iter().zip([2, 0, 0, 2]) {
            let known = function.child.lines_from(0).len();
            secret.step(step, &token).await.unwrap_or_else(|cause| panic!("{step}: {cause}"));
            lines.extend(written(&function, known, count).await);
        }
        self.compare("rotation", &lines);
    }

    fn compare(&self, name: &str, lines: &[Value]) {
        lines.iter().filter(|line| is_metrics(line)).for_each(assert_embedded);
        let text: String = lines.iter().map(|line| format!("{}\n", masked("", line))).collect();
        let file = repository().join("infra/walks/golden").join(format!("{name}.jsonl"));
        if self.updates {
            fs::write(&file, &text).expect("the golden file");
        }
        assert_eq!(text, fs::read_to_string(&file).expect("a golden file"), "{}", file.display());
    }
}

/// Adds the trials of this walk.
pub fn add(trials: &mut Trials, updates: bool) {
    let logged = Fixture::new();
    let same = logged.clone();
    trials.add("the log of a login, and of one that is refused", async move || {
        same.get(async || Logged::start(updates).await).await.logins().await;
    });
    trials.add("the log of a rotation", async move || {
        logged.get(async || Logged::start(updates).await).await.rotation().await;
    });
}

/// The lines of one invocation, after the first `known` lines. Metrics come by another pipe and are
/// the last.
async fn written(function: &Function, known: usize, count: usize) -> Vec<Value> {
    let whole = |lines: &[String]| {
        let fresh = &lines[known..];
        let objects: Vec<_> = fresh.iter().filter(|line| line.starts_with('{')).cloned().collect();
        let is_whole = fresh.iter().any(|line| line.starts_with("REPORT")) && objects.len() >= count;
        is_whole.then_some(objects)
    };
    let lines = function.child.says(WRITTEN_MS, whole).await;
    let parsed = lines.iter().map(|line| serde_json::from_str(line).expect("JSON"));
    let (metrics, log): (Vec<_>, Vec<_>) = parsed.partition(is_metrics);
    log.into_iter().chain(metrics).collect()
}

fn is_metrics(line: &Value) -> bool {
    line["_aws"].is_object()
}

/// The same value with fixed members in the place of varying ones. The order of names in a line
/// does not count.
fn masked(name: &str, value: &Value) -> Value {
    let varying = VARYING.iter().find(|(known, ..)| *known == name);
    if let Some((_, form, instead)) = varying.filter(|_| value != "") {
        let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        assert!(Regex::new(form).expect("an expression").is_match(&text), "{name} is {text}");
        return serde_json::from_str(instead).expect("JSON");
    }
    match value {
        Value::Array(items) => items.iter().map(|item| masked("", item)).collect(),
        Value::Object(members) => {
            let sorted: BTreeMap<_, _> = members.iter().map(|(name, value)| (name, masked(name, value))).collect();
            sorted.into_iter().map(|(name, value)| (name.clone(), value)).collect()
        }
        _ => value.clone(),
    }
}

/// <https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html>
fn assert_embedded(line: &Value) {
    for directive in line["_aws"]["CloudWatchMetrics"].as_array().expect("directives") {
        assert_eq!(directive["Namespace"], NAMESPACE);
        let metrics = directive["Metrics"].as_array().expect("metrics");
        assert!((1..=METRICS_MAX).contains(&metrics.len()), "{} metrics", metrics.len());
        let sets = directive["Dimensions"].as_array().expect("sets of dimensions");
        for name in sets.iter().flat_map(|set| set.as_array().expect("a set of dimensions")) {
            assert!(line[name.as_str().expect("a name")].is_string(), "{name}");
        }
        for metric in metrics {
            let value = &line[metric["Name"].as_str().expect("a name")];
            let values = value.as_array().map_or_else(|| std::slice::from_ref(value), Vec::as_slice);
            assert!(!value.is_null() && values.iter().all(Value::is_number), "{metric}: {value}");
        }
    }
}
