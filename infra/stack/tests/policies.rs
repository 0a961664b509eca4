//! The permissions of each function are read from its role, one by one, and there are no others.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::{
    allowed::{ALLOWED, key_policy, topic_policy},
    document::{entries, read, resources},
};

/// The known types of resources, and whether each can grant permissions. An unknown type may grant
/// them in a way that no test looks at.
const TYPES: [&str; 24] = [
    "AWS::ApiGatewayV2::ApiMapping",
    "AWS::ApiGatewayV2::DomainName",
    "AWS::CloudFront::Distribution",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::DynamoDB::Table",
    "AWS::Events::Rule",
    "AWS::IAM::Role",
    "AWS::KMS::Key",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Route53::RecordSet",
    "AWS::SES::ConfigurationSet",
    "AWS::SES::ConfigurationSetEventDestination",
    "AWS::SES::EmailIdentity",
    "AWS::SNS::Subscription",
    "AWS::SNS::Topic",
    "AWS::SNS::TopicPolicy",
    "AWS::SecretsManager::RotationSchedule",
    "AWS::SecretsManager::Secret",
    "AWS::Serverless::Function",
    "AWS::Serverless::HttpApi",
];

/// The properties that a function may have. `Policies` is not one of them, nor is any property
/// that makes SAM write a policy.
const FUNCTION: [&str; 10] = [
    "CodeUri",
    "Description",
    "Environment",
    "Events",
    "LoggingConfig",
    "MemorySize",
    "ReservedConcurrentExecutions",
    "Role",
    "Timeout",
    "Tracing",
];
const STATEMENT: [&str; 5] = ["Action", "Condition", "Effect", "Resource", "Sid"];
const TRACES: [&str; 2] = ["xray:PutTelemetryRecords", "xray:PutTraceSegments"];

/// An action, the resource that it is allowed on, and its condition, which may be empty.
pub type Permission = (String, String, String);

/// Checks that a template lets each function do what the table says and nothing else. The error is
/// the first difference.
pub fn judge(template: &Value) -> Result<(), String> {
    let granted = granted(template)?;
    let functions: BTreeSet<&str> = ALLOWED.iter().map(|(function, _)| *function).collect();
    ensure(granted.keys().map(String::as_str).eq(functions), "there are other functions than in the table")?;
    for (function, allowed) in &ALLOWED {
        let owned = |(action, resource, condition): &(&str, &str, &str)| {
            ((*action).to_owned(), (*resource).to_owned(), (*condition).to_owned())
        };
        let allowed: BTreeSet<Permission> = allowed.iter().map(owned).collect();
        let more: Vec<_> = granted[*function].difference(&allowed).collect();
        let less: Vec<_> = allowed.difference(&granted[*function]).collect();
        ensure(more.is_empty() && less.is_empty(), &format!("{function} may {more:?}, and may not {less:?}"))?;
    }
    Ok(())
}

/// The permissions of each function.
pub fn granted(template: &Value) -> Result<BTreeMap<String, BTreeSet<Permission>>, String> {
    refuse_other_ways(template)?;
    let mut roles: BTreeSet<&str> = resources(template, "AWS::IAM::Role").map(|(name, _)| name).collect();
    let mut granted = BTreeMap::new();
    for (name, function) in resources(template, "AWS::Serverless::Function") {
        only(function, &["Metadata", "Properties", "Type"], name)?;
        only(&function["Properties"], &FUNCTION, name)?;
        let role = function["Properties"]["Role"]["Fn::GetAtt"].as_str().and_then(|role| role.strip_suffix(".Arn"));
        let role = role.ok_or_else(|| format!("{name} names no role of this template"))?;
        ensure(roles.remove(role), &format!("{name} shares a role, or it is none of this template: {role}"))?;
        granted.insert(name.to_owned(), permissions(&template["Resources"][role], role)?);
    }
    ensure(roles.is_empty(), &format!("nobody has the roles {roles:?}"))?;
    Ok(granted)
}

/// Refuses permissions that are not in the role of a function.
fn refuse_other_ways(template: &Value) -> Result<(), String> {
    ensure(template["Transform"] == "AWS::Serverless-2016-10-31", "a macro may add whatever it wants")?;
    for (name, resource) in entries(&template["Resources"]) {
        let of_type = resource["Type"].as_str().unwrap_or_default();
        ensure(TYPES.contains(&of_type), &format!("{name} is a {of_type}, which nobody looked at here"))?;
        ensure(resource.get("Connectors").is_none(), &format!("{name} has connectors, which make policies"))?;
        for property in ["Policies", "ResourcePolicy", "ResourcePolicyDocument"] {
            let is_role = of_type == "AWS::IAM::Role" && property == "Policies";
            let has = resource["Properties"].get(property).is_some();
            ensure(!has || is_role, &format!("{name} has a {property} of its own"))?;
        }
    }
    for property in ["Policies", "Role", "VpcConfig", "DeadLetterQueue"] {
        let global = template["Globals"]["Function"].get(property);
        ensure(global.is_none(), &format!("every function gets {property}"))?;
    }
    let invoked: Vec<&Value> =
        resources(template, "AWS::Lambda::Permission").map(|(_, permission)| &permission["Properties"]).collect();
    let by_secrets_manager = json!({
        "FunctionName": {"Fn::GetAtt": "RotateKeysFunction.Arn"},
        "Action": "lambda:InvokeFunction",
        "Principal": "secretsmanager.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
        "SourceArn": {"Ref": "SigningKeys"},
    });
    let by_reports = json!({
        "FunctionName": {"Fn::GetAtt": "MailFunction.Arn"},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
        "SourceArn": {"Fn::GetAtt": "MailReportsRule.Arn"},
    });
    let by_the_clock = json!({
        "FunctionName": {"Fn::GetAtt": "SyncFunction.Arn"},
        "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com",
        "SourceAccount": {"Ref": "AWS::AccountId"},
        "SourceArn": {"Fn::GetAtt": "DueEventsRule.Arn"},
    });
    let is_known = invoked == [&by_the_clock, &by_reports, &by_secrets_manager];
    ensure(is_known, "a function is invoked by another than the API, Secrets Manager, a report of SES or the clock")?;
    let keys: Vec<&Value> =
        resources(template, "AWS::KMS::Key").map(|(_, key)| &key["Properties"]["KeyPolicy"]).collect();
    ensure(keys == [&key_policy()], "the policy of the key is another")?;
    let topics: Vec<_> = resources(template, "AWS::SNS::TopicPolicy").map(|(_, topic)| &topic["Properties"]).collect();
    ensure(topics == [&topic_policy()], "the policy of the topic is another")
}

fn permissions(role: &Value, name: &str) -> Result<BTreeSet<Permission>, String> {
    only(role, &["Properties", "Type"], name)?;
    let role = &role["Properties"];
    only(role, &["AssumeRolePolicyDocument", "Policies"], name)?;
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Action": "sts:AssumeRole",
        "Principal": {"Service": "lambda.amazonaws.com"},
    }]});
    ensure(role["AssumeRolePolicyDocument"] == trust, &format!("{name} is for others than Lambda"))?;
    let mut permissions = BTreeSet::new();
    for policy in list(&role["Policies"]) {
        for statement in list(&policy["PolicyDocument"]["Statement"]) {
            let (statement, condition) = unless_without(statement)?;
            permissions.extend(of_statement(statement, condition, name)?);
        }
    }
    Ok(permissions)
}

/// The value of an `!If` without an alternative, and its condition.
fn unless_without(value: &Value) -> Result<(&Value, &str), String> {
    let Some(branches) = value.get("Fn::If").filter(|_| named(value).is_none()) else { return Ok((value, "")) };
    match branches.as_array().map(Vec::as_slice) {
        Some([Value::String(condition), then, otherwise]) if *otherwise == json!({"Ref": "AWS::NoValue"}) => {
            Ok((then, condition))
        }
        _ => Err(format!("a choice between permissions: {value}")),
    }
}

fn of_statement(statement: &Value, only_if: &str, name: &str) -> Result<Vec<Permission>, String> {
    only(statement, &STATEMENT, name)?;
    ensure(statement["Effect"] == "Allow", &format!("{name} has a statement that is no permission"))?;
    let mut permissions = Vec::new();
    for action in list(&statement["Action"]) {
        let action = action.as_str().ok_or_else(|| format!("{name}: {action} is no action"))?;
        ensure(!action.contains(['*', '?']), &format!("{name} may {action}"))?;
        for resource in list(&statement["Resource"]) {
            let (resource, resource_if) = unless_without(resource)?;
            let resource = named(resource).ok_or_else(|| format!("{name}: {resource} is no resource"))?;
            let is_anything = resource.contains(['*', '?']);
            ensure(!is_anything || TRACES.contains(&action), &format!("{name} may {action} on {resource}"))?;
            let condition = statement.get("Condition").map(Value::to_string).unwrap_or_default();
            let conditions = [only_if, resource_if, &condition].into_iter().filter(|condition| !condition.is_empty());
            permissions.push((action.to_owned(), resource, conditions.collect::<Vec<_>>().join(" and ")));
        }
    }
    ensure(!permissions.is_empty(), &format!("{name} has a statement without an action or a resource"))?;
    Ok(permissions)
}

/// The name of a resource in the template. The table has one name, whether the stack creates it or
/// it was there before.
fn named(resource: &Value) -> Option<String> {
    let table = json!({"Fn::If": ["MakesTable", {"Fn::GetAtt": "Table.Arn"}, {"Ref": "ExistingTable"}]});
    if *resource == table {
        return Some("Table.Arn".to_owned());
    }
    let stream = json!({"Fn::If": ["HasExistingStream", {"Ref": "ExistingStream"}, {"Fn::GetAtt": "Table.StreamArn"}]});
    if *resource == stream {
        return Some("Table.StreamArn".to_owned());
    }
    if let Some([Value::String(text), names]) = resource.get("Fn::Sub").and_then(Value::as_array).map(Vec::as_slice) {
        return (*names == json!({"Arn": table})).then(|| text.replace("${Arn}", "${Table.Arn}"));
    }
    let names = ["Ref", "Fn::GetAtt", "Fn::Sub"].into_iter().filter_map(|form| resource.get(form)?.as_str());
    names.chain(resource.as_str()).next().map(str::to_owned)
}

/// IAM accepts a single value in place of a list of one.
fn list(value: &Value) -> &[Value] {
    match value {
        Value::Array(items) => items,
        Value::Null => &[],
        one => std::slice::from_ref(one),
    }
}

fn only(value: &Value, names: &[&str], of: &str) -> Result<(), String> {
    let mut others = value.as_object().into_iter().flatten().map(|(name, _)| name);
    others.find(|name| !names.contains(&name.as_str())).map_or(Ok(()), |name| Err(format!("{of} has {name}")))
}

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(otherwise.to_owned()) }
}

#[test]
fn each_function_may_do_what_the_table_says_and_nothing_else() {
    judge(&read("template.yaml")).unwrap();
}
