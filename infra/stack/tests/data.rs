//! The data of the stack outlives the stack, and is encrypted with the deployment's own key if
//! there is one.

use serde_json::{Value, json};

use super::document::{entries, read, resources};

#[test]
fn what_cannot_be_made_again_outlives_the_stack() {
    let template = read("template.yaml");
    let kept = ["AWS::DynamoDB::Table", "AWS::KMS::Key", "AWS::SecretsManager::Secret"];
    for (name, resource) in entries(&template["Resources"]) {
        let is_kept = kept.iter().any(|of_type| resource["Type"] == **of_type);
        // A first deployment that failed has left no data in its resources.
        assert_eq!(resource["DeletionPolicy"] == "RetainExceptOnCreate", is_kept, "{name}");
        assert_eq!(resource["UpdateReplacePolicy"] == "Retain", is_kept, "{name}");
        // A kept resource has no fixed name, because the next stack could not create its own under
        // the same name. Only a table gets a name if a parameter asks for one.
        let properties = &resource["Properties"];
        assert!(!is_kept || properties["Name"].is_null(), "{name}");
    }
    let table = &template["Resources"]["Table"]["Properties"];
    assert_eq!(table["TableName"], json!({"Fn::If": ["TableIsNamed", {"Ref": "TableName"}, {"Ref": "AWS::NoValue"}]}));
    assert_eq!(template["Resources"]["Table"]["Condition"], "MakesTable");
    assert_eq!(table["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"], true);
    assert_eq!(table["DeletionProtectionEnabled"], json!({"Ref": "DeletionProtection"}));
}

#[test]
fn all_that_is_kept_or_logged_is_under_the_key_where_there_is_one() {
    let template = read("template.yaml");
    let key = json!({"Fn::If": ["HasKey", {"Fn::GetAtt": "Key.Arn"}, {"Ref": "AWS::NoValue"}]});
    let under = |of_type, key_of: fn(&Value) -> &Value| {
        let mut seen = 0;
        for (name, resource) in resources(&template, of_type) {
            assert_eq!(key_of(&resource["Properties"]), &key, "{name}");
            seen += 1;
        }
        seen
    };
    assert_eq!(under("AWS::DynamoDB::Table", |table| &table["SSESpecification"]["KMSMasterKeyId"]), 1);
    assert_eq!(under("AWS::SecretsManager::Secret", |secret| &secret["KmsKeyId"]), 13);
    assert_eq!(under("AWS::Logs::LogGroup", |group| &group["KmsKeyId"]), 15);
    assert_eq!(under("AWS::SNS::Topic", |topic| &topic["KmsMasterKeyId"]), 1);
}
