//! Permissions are smuggled into the template in every known way. Each mutation must be refused,
//! for its own reason.

use serde_json::{Value, json};

use super::{document::read, policies::judge};

/// A change of the template, and a part of the sentence that refuses it.
type Mutation = (fn(&mut Value), &'static str);

const MUTATIONS: [Mutation; 31] = [
    // Permissions beside the roles.
    (
        |t| properties(t, "LoginFunction")["Policies"] = json!(["AmazonDynamoDBFullAccess"]),
        "LoginFunction has a Policies",
    ),
    (|t| t["Globals"]["Function"]["Policies"] = json!("AdministratorAccess"), "every function gets Policies"),
    (|t| t["Globals"]["Function"]["Role"] = json!("arn:aws:iam::123456789012:role/admin"), "every function gets Role"),
    (|t| t["Transform"] = json!(["AWS::Serverless-2016-10-31", "SomeMacro"]), "a macro"),
    (|t| properties(t, "JwtFunction")["VpcConfig"] = json!({"SubnetIds": ["s"]}), "JwtFunction has VpcConfig"),
    (|t| t["Resources"]["More"] = json!({"Type": "AWS::IAM::Policy"}), "More is a AWS::IAM::Policy"),
    (|t| t["Resources"]["More"] = json!({"Type": "AWS::IAM::RolePolicy"}), "More is a AWS::IAM::RolePolicy"),
    (
        |t| t["Resources"]["More"] = json!({"Type": "AWS::Serverless::Connector"}),
        "More is a AWS::Serverless::Connector",
    ),
    (
        |t| t["Resources"]["More"] = json!({"Type": "AWS::SecretsManager::ResourcePolicy"}),
        "More is a AWS::SecretsManager",
    ),
    (|t| t["Resources"]["VerifyFunction"]["Connectors"] = json!({"Table": {}}), "VerifyFunction has connectors"),
    (|t| properties(t, "Table")["ResourcePolicy"] = json!({}), "Table has a ResourcePolicy"),
    (|t| properties(t, "RotateKeysPermission")["Principal"] = json!("*"), "invoked by another"),
    (|t| properties(t, "Key")["KeyPolicy"]["Statement"][0]["Principal"] = json!("*"), "the policy of the key"),
    (
        |t| properties(t, "AlarmTopicPolicy")["PolicyDocument"]["Statement"][0]["Principal"] = json!("*"),
        "the policy of the topic",
    ),
    // Whole roles.
    (|t| properties(t, "VerifyFunction")["Role"] = json!({"Fn::GetAtt": "LoginRole.Arn"}), "shares a role"),
    (|t| properties(t, "VerifyFunction")["Role"] = json!("arn:aws:iam::123456789012:role/admin"), "names no role"),
    (|t| drop(properties(t, "VerifyFunction").as_object_mut().unwrap().remove("Role")), "names no role"),
    (|t| t["Resources"]["More"] = t["Resources"]["LoginRole"].clone(), "nobody has the roles"),
    (
        |t| properties(t, "LoginRole")["ManagedPolicyArns"] = json!(["arn:aws:iam::aws:policy/ReadOnlyAccess"]),
        "ManagedPolicyArns",
    ),
    (|t| trust(t, "LoginRole")["Principal"] = json!({"AWS": "*"}), "LoginRole is for others"),
    (|t| trust(t, "LoginRole")["Principal"]["AWS"] = json!("123456789012"), "LoginRole is for others"),
    // Single statements.
    (|t| rename(statement(t, "VerifyRole", 2), "Action", "NotAction"), "VerifyRole has NotAction"),
    (|t| rename(statement(t, "VerifyRole", 2), "Resource", "NotResource"), "VerifyRole has NotResource"),
    (|t| statement(t, "VerifyRole", 2)["Effect"] = json!("Deny"), "no permission"),
    (|t| statement(t, "LoginRole", 2)["Action"] = json!("dynamodb:*"), "LoginRole may dynamodb:*"),
    (|t| statement(t, "LoginRole", 2)["Action"] = json!("dynamodb:?can"), "LoginRole may dynamodb:?can"),
    (|t| statement(t, "LoginRole", 2)["Resource"] = json!("*"), "on *"),
    (|t| statement(t, "LoginRole", 2)["Resource"] = json!({"Fn::Sub": "${Table.Arn}*"}), "on ${Table.Arn}*"),
    (|t| statement(t, "LoginRole", 2)["Resource"]["Fn::If"][2] = json!("*"), "a choice between permissions"),
    (
        |t| statement(t, "WellKnownRole", 2)["Resource"] = json!({"Ref": "FirebaseServiceAccount"}),
        "WellKnownFunction may",
    ),
    (|t| drop(statement(t, "RefreshRole", 3).as_object_mut().unwrap().remove("Condition")), "RefreshFunction may"),
];

fn properties<'a>(template: &'a mut Value, resource: &str) -> &'a mut Value {
    &mut template["Resources"][resource]["Properties"]
}

fn trust<'a>(template: &'a mut Value, role: &str) -> &'a mut Value {
    &mut properties(template, role)["AssumeRolePolicyDocument"]["Statement"][0]
}

fn statement<'a>(template: &'a mut Value, role: &str, index: usize) -> &'a mut Value {
    &mut properties(template, role)["Policies"][0]["PolicyDocument"]["Statement"][index]
}

fn rename(value: &mut Value, from: &str, to: &str) {
    value[to] = value.as_object_mut().unwrap().remove(from).unwrap();
}

#[test]
fn a_permission_is_found_wherever_it_is_put() {
    let template = read("template.yaml");
    for (index, (change, why)) in MUTATIONS.iter().enumerate() {
        let mut changed = template.clone();
        change(&mut changed);
        let refusal = judge(&changed).expect_err(&format!("mutation {index} ({why}) was let through"));
        assert!(refusal.contains(why), "mutation {index} was refused for another reason than {why}: {refusal}");
    }
}
