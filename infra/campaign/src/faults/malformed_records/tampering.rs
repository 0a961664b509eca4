//! Tampering with one field of a record.

use std::collections::HashMap;

use aws_sdk_dynamodb::{primitives::Blob, types::AttributeValue};

/// A record.
pub type Item = HashMap<String, AttributeValue>;

/// All changed records: each field is removed, and replaced by each wrong value. Each comes with a
/// description.
pub fn tampered(item: &Item) -> Vec<(String, Item)> {
    let mut all = Vec::new();
    for name in item.keys().filter(|name| *name != "pk") {
        let mut without = item.clone();
        without.remove(name);
        all.push((description(item, name, "missing"), without));
        for (what, value) in values(name) {
            let mut other = item.clone();
            other.insert(name.clone(), value);
            all.push((description(item, name, &what), other));
        }
    }
    let surplus = [("surplus".to_owned(), AttributeValue::S("x".to_owned()))];
    all.push((description(item, "surplus", "added"), item.clone().into_iter().chain(surplus).collect()));
    let bare = item.iter().filter(|(name, _)| *name == "pk").map(|(name, value)| (name.clone(), value.clone()));
    all.push((description(item, "all fields", "missing"), bare.collect()));
    all
}

fn description(item: &Item, name: &str, what: &str) -> String {
    format!("{} with {name} {what}", super::key(item).split('#').next().unwrap_or_default())
}

/// Values of each type, with the extremes that DynamoDB accepts.
fn values(name: &str) -> Vec<(String, AttributeValue)> {
    let numbers = [
        "0",
        "-1",
        "1.5",
        "4294967295",
        "4294967296",
        "9223372036854775807",
        "9223372036854775808",
        "18446744073709551615",
        "-9223372036854775808",
        "1e125",
        "-1e-130",
        "99999999999999999999999999999999999999",
    ];
    let numbers = numbers.map(|number| (number.to_owned(), AttributeValue::N(number.to_owned())));
    let texts = [String::new(), "x".to_owned(), "\0\u{202e}\n".to_owned(), "é".repeat(150_000)];
    let texts = texts.map(|text| (format!("a text of {} bytes", text.len()), AttributeValue::S(text)));
    let others = [
        ("true", AttributeValue::Bool(true)),
        ("null", AttributeValue::Null(true)),
        ("bytes", AttributeValue::B(Blob::new([0, 255]))),
        ("a list", AttributeValue::L(vec![AttributeValue::Null(true)])),
        ("a map", AttributeValue::M(HashMap::from([("0".to_owned(), AttributeValue::S("x".to_owned()))]))),
        ("an empty map", AttributeValue::M(HashMap::new())),
        ("a set", AttributeValue::Ss(vec!["x".to_owned()])),
    ];
    let others = others.map(|(what, value)| (what.to_owned(), value));
    let hashes = [
        "$argon2id$v=19$m=4294967295,t=4294967295,p=16777215$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
        "$argon2id$v=19$m=19456,t=2,p=1$$",
        "$2b$31$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "$scrypt$ln=63,r=4294967295,p=4294967295$AAAA$AAAA",
        "$pbkdf2-sha256$i=4294967295$AAAA$AAAA",
    ];
    let hashes = hashes.iter().filter(|_| name == "password_hash");
    let hashes = hashes.map(|hash| ((*hash).to_owned(), AttributeValue::S((*hash).to_owned())));
    // DynamoDB rejects an index key that is not a non-empty string.
    let all = numbers.into_iter().chain(texts).chain(others).chain(hashes);
    let is_index_key = ["session_of", "list_of", "list_key"].contains(&name);
    all.filter(|(_, value)| !is_index_key || value.as_s().is_ok_and(|text| (1..1024).contains(&text.len()))).collect()
}
