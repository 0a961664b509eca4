//! The permissions of Cloud Run's one process: all permissions of its functions, on the same table
//! and keys.

use serde_json::{Value, json};

use super::document::{file, read};

#[test]
fn the_role_of_cloud_run_reaches_the_table_and_the_signing_keys_and_nothing_else() {
    let role = read("infra/cloud-run/role.yaml")["Resources"]["Role"]["Properties"].clone();
    let table = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${TableName}";
    let allowed = json!([
        {"Effect": "Allow", "Resource": {"Fn::Sub": table}, "Action": [
            "dynamodb:BatchGetItem", "dynamodb:BatchWriteItem", "dynamodb:DeleteItem", "dynamodb:DescribeTable",
            "dynamodb:DescribeTimeToLive", "dynamodb:PutItem", "dynamodb:UpdateItem",
        ]},
        {"Effect": "Allow", "Action": "dynamodb:Query", "Resource": [
            {"Fn::Sub": format!("{table}/index/accounts")}, {"Fn::Sub": format!("{table}/index/sessions_by_user")},
        ]},
        {"Effect": "Allow", "Resource": {"Ref": "SigningKeysSecretId"}, "Action": "secretsmanager:GetSecretValue"},
        {"Fn::If": [
            "HasKey",
            {"Effect": "Allow", "Resource": {"Ref": "KeyArn"}, "Action": "kms:Decrypt"},
            {"Ref": "AWS::NoValue"},
        ]},
    ]);
    assert_eq!(role["Policies"][0]["PolicyDocument"]["Statement"], allowed);
    let names: Vec<&String> = role.as_object().unwrap().keys().collect();
    assert_eq!(names, ["AssumeRolePolicyDocument", "Description", "MaxSessionDuration", "Policies"]);
    assert_eq!(role["Policies"].as_array().map(Vec::len), Some(1));
}

#[test]
fn only_the_service_account_takes_the_role_and_only_with_a_token_for_it() {
    let role = read("infra/cloud-run/role.yaml");
    let trust: &Value = &role["Resources"]["Role"]["Properties"]["AssumeRolePolicyDocument"]["Statement"];
    let account = json!({"Ref": "ServiceAccountId"});
    assert_eq!(
        *trust,
        json!([{
            "Effect": "Allow",
            "Principal": {"Federated": "accounts.google.com"},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": {"StringEquals": {
                "accounts.google.com:oaud": "sts.amazonaws.com",
                "accounts.google.com:aud": account,
                "accounts.google.com:sub": account,
            }},
        }])
    );
    assert_eq!(role["Resources"].as_object().map(serde_json::Map::len), Some(1));
}

#[test]
fn the_image_is_built_from_pinned_bytes() {
    let dockerfile = file("infra/cloud-run/Dockerfile");
    let bases: Vec<&str> = dockerfile.lines().filter_map(|line| line.strip_prefix("FROM ")).collect();
    assert_eq!(bases.last(), Some(&"scratch"));
    for base in &bases[..bases.len() - 1] {
        let (image, digest) = base.split_once("@sha256:").expect("a digest after the tag");
        assert!(image.contains(':'), "{image} has no tag");
        let digest = digest.split_once(" AS ").expect("a name").0;
        assert!(digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit()), "{digest}");
    }
}
