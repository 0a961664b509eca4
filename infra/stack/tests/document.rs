//! Reads a YAML document as JSON, with CloudFormation's short forms written out. `!Ref X` becomes
//! `{"Ref": "X"}`, and any other `!Name` becomes `{"Fn::Name": …}`.

use std::{fs, path::Path};

use saphyr::{LoadableYamlNode, Scalar, Yaml};
use serde_json::{Map, Value, json};

/// The only document in a file of the repository.
pub fn read(path: &str) -> Value {
    parse(&file(path))
}

/// The text of a file of the repository.
pub fn file(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The only document in a text.
pub fn parse(text: &str) -> Value {
    let documents = Yaml::load_from_str(text).unwrap();
    let [document] = documents.as_slice() else { panic!("{} documents, where one is expected", documents.len()) };
    value(document)
}

/// The entries of an object, in order.
#[track_caller]
pub fn entries(value: &Value) -> impl Iterator<Item = (&str, &Value)> {
    let entries = value.as_object().unwrap_or_else(|| panic!("an object is expected, and this is {value}"));
    entries.iter().map(|(name, value)| (name.as_str(), value))
}

/// The resources of this type, by name.
pub fn resources<'a>(template: &'a Value, of_type: &'a str) -> impl Iterator<Item = (&'a str, &'a Value)> {
    entries(&template["Resources"]).filter(move |(_, resource)| resource["Type"] == of_type)
}

fn value(yaml: &Yaml<'_>) -> Value {
    match yaml {
        Yaml::Value(Scalar::Null) => Value::Null,
        Yaml::Value(Scalar::Boolean(value)) => json!(value),
        Yaml::Value(Scalar::Integer(value)) => json!(value),
        Yaml::Value(Scalar::FloatingPoint(value)) => json!(value.into_inner()),
        Yaml::Value(Scalar::String(text)) => json!(text),
        Yaml::Sequence(items) => items.iter().map(value).collect(),
        Yaml::Mapping(entries) => {
            entries.iter().map(|(key, item)| (name(key), value(item))).collect::<Map<_, _>>().into()
        }
        Yaml::Tagged(tag, node) => {
            assert_eq!(tag.handle, "!", "{tag:?} is no short form");
            let name = match tag.suffix.as_str() {
                name @ ("Ref" | "Condition") => name.to_owned(),
                name => format!("Fn::{name}"),
            };
            json!({ name: value(node) })
        }
        other => panic!("{other:?} is nothing that CloudFormation knows"),
    }
}

fn name(key: &Yaml<'_>) -> String {
    key.as_str().unwrap_or_else(|| panic!("{key:?} is no name")).to_owned()
}

#[test]
fn short_forms_are_written_out_wherever_they_stand() {
    let text = "{a: !Ref B, c: [!GetAtt D.Arn, !If [E, !Sub \"${F}\", 1]], g: \"1\"}";
    let expected = json!({
        "a": {"Ref": "B"},
        "c": [{"Fn::GetAtt": "D.Arn"}, {"Fn::If": ["E", {"Fn::Sub": "${F}"}, 1]}],
        "g": "1",
    });
    assert_eq!(parse(text), expected);
}
