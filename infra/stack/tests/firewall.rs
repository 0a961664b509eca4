//! The firewall before the API: nobody goes around it, and it bounds the paths that hash passwords.

use serde_json::{Value, json};
use shared::config::Config;

use super::document::{entries, read, resources};

/// The secret, as CloudFormation reads it.
fn secret() -> Value {
    json!({"Fn::Sub": "{{resolve:secretsmanager:${ProxySecret}}}"})
}

/// The distribution, without its domain and certificate.
fn distribution(template: &Value) -> &Value {
    let all: Vec<_> = resources(template, "AWS::CloudFront::Distribution").collect();
    let [(_, distribution)] = all.as_slice() else { panic!("{} distributions", all.len()) };
    assert_eq!(distribution["Condition"], "HasFirewall");
    &distribution["Properties"]["DistributionConfig"]
}

#[test]
fn without_a_firewall_nothing_of_it_is_made_and_it_is_off_by_default() {
    let template = read("template.yaml");
    assert_eq!(template["Parameters"]["WebAclArn"]["Default"], "");
    assert_eq!(template["Conditions"]["HasFirewall"], json!({"Fn::Not": [{"Fn::Equals": [{"Ref": "WebAclArn"}, ""]}]}));
    for name in ["Distribution", "ProxySecret"] {
        assert_eq!(template["Resources"][name]["Condition"], "HasFirewall", "{name}");
    }
    for name in ["Domain", "DomainMapping"] {
        assert_eq!(template["Resources"][name]["Condition"], "HasGatewayDomain", "{name}");
    }
}

#[test]
fn cloudfront_calls_the_api_with_the_secret_that_every_function_asks_for() {
    let template = read("template.yaml");
    let origin = &distribution(&template)["Origins"];
    assert_eq!(
        origin,
        &json!([{
            "Id": "api",
            "DomainName": {"Fn::Sub": "${Api}.execute-api.${AWS::Region}.${AWS::URLSuffix}"},
            "CustomOriginConfig": {"OriginProtocolPolicy": "https-only", "OriginSSLProtocols": ["TLSv1.2"]},
            "OriginCustomHeaders": [{"HeaderName": "X-Trusted-Proxy-Secret", "HeaderValue": secret()}],
        }])
    );
    let variables = &template["Globals"]["Function"]["Environment"]["Variables"];
    assert_eq!(variables["BEHIND_PROXY"], json!({"Fn::If": ["HasFirewall", "true", "false"]}));
    assert_eq!(variables["TRUSTED_PROXY_SECRET"], json!({"Fn::If": ["HasFirewall", secret(), ""]}));
    let functions = resources(&template, "AWS::Serverless::Function");
    for (name, function) in functions {
        let own = &function["Properties"]["Environment"]["Variables"];
        assert!(own["BEHIND_PROXY"].is_null() && own["TRUSTED_PROXY_SECRET"].is_null(), "{name}");
    }
    let made = &template["Resources"]["ProxySecret"]["Properties"]["GenerateSecretString"];
    assert_eq!(made, &json!({"PasswordLength": 48, "ExcludePunctuation": true}));
    let read = |name: &str| match name {
        "AWS_LAMBDA_FUNCTION_NAME" => Some("login".to_owned()),
        "SIGNING_KEYS_SECRET_ID" => Some("keys".to_owned()),
        "BEHIND_PROXY" => Some("true".to_owned()),
        "TRUSTED_PROXY_SECRET" => Some("0123456789abcdefghijklmnopqrstuvwxyz".to_owned()),
        _ => None,
    };
    assert!(Config::read(read).unwrap().http.behind_proxy, "a secret of this form is accepted");
}

#[test]
fn cloudfront_keeps_nothing_and_passes_on_what_the_caller_sent() {
    let template = read("template.yaml");
    let distribution = distribution(&template);
    assert_eq!(
        distribution["DefaultCacheBehavior"],
        json!({
            "TargetOriginId": "api",
            "ViewerProtocolPolicy": "https-only",
            "AllowedMethods": ["DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT"],
            "CachePolicyId": "4135ea2d-6df8-44a3-9df3-4b5a84be39ad",
            "OriginRequestPolicyId": "b689b0a8-53d0-40ab-baf2-68738e2966ac",
        })
    );
    assert!(distribution["CacheBehaviors"].is_null());
    assert_eq!(distribution["WebACLId"], json!({"Ref": "WebAclArn"}));
    assert_eq!(distribution["Aliases"], json!([{"Ref": "DomainName"}]));
}

#[test]
fn the_firewall_bounds_each_path_that_hashes_a_password_without_a_session() {
    let firewall = read("infra/stack/firewall.yaml");
    let acl = &firewall["Resources"]["WebAcl"]["Properties"];
    assert_eq!((&acl["Scope"], &acl["DefaultAction"]), (&json!("CLOUDFRONT"), &json!({"Allow": {}})));
    let rules: Vec<_> =
        acl["Rules"].as_array().unwrap().iter().map(|rule| &rule["Statement"]["RateBasedStatement"]).collect();
    let expected = [("/login", "LoginsMax"), ("/create-account", "SignUpsMax")].map(|(path, limit)| {
        json!({
            "Limit": {"Ref": limit},
            "EvaluationWindowSec": 300,
            "AggregateKeyType": "IP",
            "ScopeDownStatement": {"ByteMatchStatement": {
                "SearchString": path,
                "PositionalConstraint": "EXACTLY",
                "FieldToMatch": {"UriPath": {}},
                "TextTransformations": [{"Priority": 0, "Type": "URL_DECODE"}],
            }},
        })
    });
    assert!(rules.iter().copied().eq(&expected), "{rules:#?}");
    for rule in acl["Rules"].as_array().unwrap() {
        let answer = &rule["Action"]["Block"]["CustomResponse"];
        assert_eq!(
            (&answer["ResponseCode"], &answer["CustomResponseBodyKey"]),
            (&json!(429), &json!("TooManyAttempts"))
        );
    }
    for (name, limit) in entries(&firewall["Parameters"]) {
        assert!(limit["MinValue"] == 10, "{name}: AWS WAF accepts no lower limit");
    }
}

#[test]
fn the_answer_of_the_firewall_has_the_form_of_the_services_own() {
    let firewall = read("infra/stack/firewall.yaml");
    let bodies = &firewall["Resources"]["WebAcl"]["Properties"]["CustomResponseBodies"];
    let body: Value = serde_json::from_str(bodies["TooManyAttempts"]["Content"].as_str().unwrap()).unwrap();
    let keys: Vec<&str> = entries(&body).map(|(name, _)| name).collect();
    assert_eq!(keys, ["code", "detail", "fields", "message", "next", "request_id", "status", "title", "type"]);
    assert_eq!((&body["code"], &body["status"]), (&json!("too_many_attempts"), &json!(429)));
}
