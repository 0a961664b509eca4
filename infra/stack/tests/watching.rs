//! The alarms and the dashboard look at metrics that exist, and an alarm wakes somebody with
//! instructions.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::document::{read, resources};

/// The metrics of the functions in the namespace of the stack, with the services that write each
/// metric.
const METRICS: [(&str, &[&str]); 23] = [
    ("account_created", &["create-account"]),
    ("cold_start", &SERVICES),
    ("firebase_ended", &["account", "email", "sync"]),
    ("firebase_pending", &["account", "email", "sync"]),
    ("hash_ms", &["account", "admin", "create-account", "email", "login"]),
    ("login_failed", &["login"]),
    ("login_limited", &["login"]),
    ("login_ok", &["login"]),
    ("login_refused", &["login"]),
    ("mail_bounced", &["mail"]),
    ("mail_complained", &["mail"]),
    ("mail_dropped", &["mail"]),
    ("mail_refused", &["mail"]),
    ("mail_sent", &["mail"]),
    ("refresh_ok", &["login", "refresh"]),
    ("refresh_token_reused", &["login", "refresh"]),
    ("sign_up_limited", &["create-account"]),
    ("signing_key_age_seconds", &["account", "create-account", "email", "login", "refresh"]),
    ("signing_ms", &["account", "create-account", "email", "login", "refresh"]),
    ("store_ms", &["account", "admin", "create-account", "email", "login", "logout", "refresh", "verify"]),
    ("verify_failed", &["verify"]),
    ("verify_ok", &["verify"]),
    ("webhook_dropped", &["sync"]),
];

const SERVICES: [&str; 14] = [
    "account",
    "admin",
    "console",
    "create-account",
    "email",
    "jwt",
    "login",
    "logout",
    "mail",
    "refresh",
    "rotate-keys",
    "sync",
    "verify",
    "well-known",
];

/// The namespace, the name and the dimensions.
type Metric = (String, String, Vec<(String, String)>);

fn text(value: &Value) -> String {
    // The table that the stack creates stands for a table that existed before.
    let value = value.get("Fn::If").filter(|choice| choice[0] == "MakesTable").map_or(value, |choice| &choice[1]);
    let reference = value.get("Ref").and_then(Value::as_str).map(|name| format!("${{{name}}}"));
    reference.or_else(|| value.as_str().map(str::to_owned)).unwrap_or_else(|| panic!("{value} is no text"))
}

fn metric(value: &Value) -> Metric {
    let dimensions = value["Dimensions"].as_array().into_iter().flatten();
    let dimensions = dimensions.map(|dimension| (text(&dimension["Name"]), text(&dimension["Value"]))).collect();
    (text(&value["Namespace"]), text(&value["MetricName"]), dimensions)
}

fn of_alarms(template: &Value) -> Vec<Metric> {
    let alarms = resources(template, "AWS::CloudWatch::Alarm").map(|(_, alarm)| &alarm["Properties"]);
    let metrics = alarms.flat_map(|alarm| match alarm["Metrics"].as_array() {
        None => vec![metric(alarm)],
        Some(metrics) => {
            metrics.iter().filter_map(|metric| metric.get("MetricStat")).map(|stat| metric(&stat["Metric"])).collect()
        }
    });
    metrics.collect()
}

fn of_dashboards(template: &Value) -> Vec<Metric> {
    let bodies = resources(template, "AWS::CloudWatch::Dashboard").map(|(name, dashboard)| {
        let body = dashboard["Properties"]["DashboardBody"]["Fn::Sub"][0].as_str().unwrap();
        serde_json::from_str::<Value>(body).unwrap_or_else(|error| panic!("{name} is no JSON: {error}"))
    });
    let widgets = bodies.flat_map(|body| body["widgets"].as_array().cloned().unwrap());
    let lines = widgets.flat_map(|widget| widget["properties"]["metrics"].as_array().cloned().unwrap());
    let metrics = lines.map(|line| {
        let texts: Vec<String> =
            line.as_array().unwrap().iter().filter_map(|part| part.as_str().map(str::to_owned)).collect();
        let (dimensions, rest) = texts[2..].as_chunks::<2>();
        assert!(rest.is_empty(), "{line}");
        let dimensions = dimensions.iter().map(|[name, value]| (name.clone(), value.clone())).collect();
        (texts[0].clone(), texts[1].clone(), dimensions)
    });
    metrics.collect()
}

#[test]
fn a_line_that_says_alarm_is_counted_whichever_function_logs_it() {
    let template = read("template.yaml");
    let watched: BTreeSet<String> = resources(&template, "AWS::Logs::MetricFilter")
        .filter(|(_, filter)| filter["Properties"]["FilterPattern"] == "{ $.alarm = * }")
        .map(|(_, filter)| text(&filter["Properties"]["LogGroupName"]))
        .collect();
    let functions = resources(&template, "AWS::Serverless::Function");
    let logs = functions.map(|(_, function)| text(&function["Properties"]["LoggingConfig"]["LogGroup"]));
    assert_eq!(watched, logs.collect());
}

/// The metrics that CloudWatch counts from the logs.
fn of_filters(template: &Value) -> BTreeSet<String> {
    let filters = resources(template, "AWS::Logs::MetricFilter");
    let made = filters.flat_map(|(_, filter)| filter["Properties"]["MetricTransformations"].as_array().unwrap());
    made.inspect(|made| assert_eq!(made["MetricNamespace"], json!({"Ref": "AWS::StackName"})))
        .map(|made| text(&made["MetricName"]))
        .collect()
}

#[test]
fn alarms_and_dashboard_look_at_metrics_that_there_are() {
    let template = read("template.yaml");
    let counted = of_filters(&template);
    let (alarms, dashboards) = (of_alarms(&template), of_dashboards(&template));
    assert!(alarms.len() > 20 && dashboards.len() > 30, "{} and {}", alarms.len(), dashboards.len());
    for (namespace, name, dimensions) in alarms.into_iter().chain(dashboards) {
        if ["AWS/ApiGateway", "AWS/DynamoDB", "AWS/Lambda"].contains(&namespace.as_str()) {
            continue;
        }
        assert_eq!(namespace, "${AWS::StackName}", "{name}");
        match dimensions.as_slice() {
            [] => assert!(counted.contains(&name), "{name} is counted nowhere"),
            [(dimension, service)] => {
                let services = METRICS.iter().find(|(metric, _)| *metric == name).map(|(_, services)| services);
                let services = services.unwrap_or_else(|| panic!("no function writes {name}"));
                assert_eq!(dimension, "service", "{name}");
                assert!(services.contains(&service.as_str()), "{service} does not write {name}");
            }
            more => panic!("{name} is written with one dimension, and not with {more:?}"),
        }
    }
}

#[test]
fn an_alarm_tells_somebody_what_to_do_and_is_silent_where_nobody_logs_in() {
    let template = read("template.yaml");
    let mut alarms = 0;
    for (name, alarm) in resources(&template, "AWS::CloudWatch::Alarm") {
        let properties = &alarm["Properties"];
        assert_eq!(properties["AlarmActions"], json!([{"Ref": "AlarmTopic"}]), "{name}");
        assert_eq!(properties["TreatMissingData"], "notBreaching", "{name}");
        let description = text(&properties["AlarmDescription"]);
        assert!(description.contains("docs/operating.md, chapter "), "{name}: {description}");
        // The alarm looks at one of several metrics; the others only feed it.
        if let Some(metrics) = properties["Metrics"].as_array() {
            let looked_at = metrics.iter().filter(|metric| metric["ReturnData"] != json!(false));
            assert_eq!(looked_at.map(|metric| &metric["Id"]).collect::<Vec<_>>(), ["result"], "{name}");
            assert!(metrics.len() <= 10, "{name}: CloudWatch accepts no more");
        }
        alarms += 1;
    }
    assert_eq!(alarms, 14);
}

#[test]
fn the_access_log_is_json_and_says_nothing_of_headers_and_queries() {
    let template = read("template.yaml");
    let settings = &template["Resources"]["Api"]["Properties"]["AccessLogSettings"];
    let format: Value = serde_json::from_str(settings["Format"].as_str().unwrap()).unwrap();
    for (name, value) in format.as_object().unwrap() {
        let variable = value.as_str().and_then(|value| value.strip_prefix("$context.")).unwrap_or_default();
        let tells_too_much = ["path", "requestOverride", "authorizer", "identity.userAgent"]
            .iter()
            .any(|part| variable.starts_with(part));
        assert!(!variable.is_empty() && !tells_too_much, "{name}: {value}");
    }
    assert!(format["status"] == "$context.status" && format["integration_status"] != Value::Null);
}
