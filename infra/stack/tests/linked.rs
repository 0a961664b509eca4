//! The crates that each function links, read from `Cargo.lock`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use serde_json::Value;

/// The crates of the ways of mails. A start would load them in vain.
const OF_MAILS: [&str; 3] = ["aws-sdk-sesv2", "lettre", "mailer"];

/// The dependencies of each package, those of its tests among them.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../Cargo.lock");
    let lock: Value = toml::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for package in lock["package"].as_array().unwrap() {
        let names = package["dependencies"].as_array().into_iter().flatten();
        // A name with two versions is followed by its version.
        let names = names.map(|name| name.as_str().unwrap().split(' ').next().unwrap().to_owned());
        found.entry(package["name"].as_str().unwrap().to_owned()).or_default().extend(names);
    }
    found
}

fn linked(package: &str, dependencies: &BTreeMap<String, Vec<String>>) -> BTreeSet<String> {
    let (mut found, mut open) = (BTreeSet::new(), vec![package.to_owned()]);
    while let Some(package) = open.pop() {
        open.extend(dependencies[&package].iter().filter(|name| !found.contains(*name)).cloned());
        found.insert(package);
    }
    found
}

#[test]
fn only_the_function_that_sends_links_the_ways_of_mails() {
    let dependencies = dependencies();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../functions");
    for function in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()) {
        let linked = linked(&function, &dependencies);
        assert!(linked.contains("aws-sdk-dynamodb"), "{function}");
        let of_mails: Vec<_> = OF_MAILS.into_iter().filter(|name| linked.contains(*name)).collect();
        let expected = if function == "mail" { OF_MAILS.to_vec() } else { Vec::new() };
        assert_eq!(of_mails, expected, "{function}");
        assert!(!linked.contains("hickory-resolver"), "{function} links the resolver of latchkey doctor");
    }
}
