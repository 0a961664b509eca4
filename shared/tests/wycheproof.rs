//! JSON Web Signatures and Keys against the vectors of C2SP's project Wycheproof, where the folder with them is there.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "how many vectors there were, or that there were none")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value, json};
use shared::jose::{jwk, jws::Jws};

/// The algorithms there are. What is signed by others is refused, be it right or wrong.
const ALGORITHMS: [&str; 2] = ["HS256", "RS256"];
/// What contradicts the rest of the file: the first two are byte for byte the valid 357, and the other two have a question
/// mark in them, which base64url has not.
const ACCEPTED_THOUGH_CALLED_INVALID: [u64; 2] = [367, 370];
const REFUSED_THOUGH_CALLED_VALID: [u64; 2] = [372, 373];

/// One vector.
struct Vector {
    id: u64,
    valid: bool,
    comment: String,
    /// The document that its key is in.
    keys: Map<String, Value>,
    /// What that says of the algorithm; none in keys that leave it to the header.
    algorithm: Option<String>,
    text: String,
}

/// None, with a line that says so, where the folder is not there: it is no part of this repository.
fn vectors(name: &str) -> Option<Vec<Vector>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/wycheproof");
    let Ok(text) = fs::read_to_string(folder.join(name)) else {
        println!("no {name} beside this repository: nothing to check");
        return None;
    };
    let file: Value = serde_json::from_str(&text).unwrap();
    let groups = file["testGroups"].as_array().unwrap().iter();
    let vectors: Vec<Vector> = groups.flat_map(vectors_of).collect();
    assert_eq!(file["numberOfTests"], vectors.len());
    Some(vectors)
}

fn vectors_of(group: &Value) -> Vec<Vector> {
    // A shared secret has no public half.
    let key = group.get("public").unwrap_or(&group["private"]);
    let keys = if key.get("keys").is_some() { key.clone() } else { json!({"keys": [key]}) };
    let algorithm = keys["keys"][0]["alg"].as_str().map(str::to_owned);
    let vector = |test: &Value| Vector {
        id: test["tcId"].as_u64().unwrap(),
        valid: match test["result"].as_str().unwrap() {
            "valid" => true,
            "invalid" => false,
            other => panic!("a result {other:?}"),
        },
        comment: test["comment"].as_str().unwrap().to_owned(),
        keys: keys.as_object().unwrap().clone(),
        algorithm: algorithm.clone(),
        text: test["jws"].as_str().unwrap().to_owned(),
    };
    group["tests"].as_array().unwrap().iter().map(vector).collect()
}

impl Vector {
    /// Whether any of the keys signed it; of which id they are is left out of it, as that could only refuse more.
    fn is_accepted(&self) -> bool {
        let (Ok(jws), Ok(keys)) = (Jws::parse(&self.text), jwk::set(&self.keys)) else { return false };
        keys.keys.iter().any(|(_, key)| jws.is_signed_by(key))
    }

    fn is_of_ours(&self) -> bool {
        self.algorithm.as_deref().is_none_or(|algorithm| ALGORITHMS.contains(&algorithm))
    }
}

/// Checks each, and counts those that were accepted and refused, by whether this project has the key's algorithm.
fn checked(vectors: &[Vector], expected: impl Fn(&Vector) -> bool) -> BTreeMap<(&'static str, &'static str), usize> {
    let mut counts = BTreeMap::new();
    for vector in vectors {
        let accepted = vector.is_accepted();
        assert_eq!(accepted, expected(vector), "{}: {}", vector.id, vector.comment);
        let whose = if vector.is_of_ours() { "ours" } else { "other algorithms" };
        *counts.entry((whose, if accepted { "accepted" } else { "refused" })).or_default() += 1;
    }
    println!("{} vectors: {counts:?}", vectors.len());
    counts
}

#[test]
fn signatures_are_judged_as_the_vectors_say() {
    let Some(vectors) = vectors("json_web_signature_test.json") else { return };
    let counts = checked(&vectors, |vector| {
        if ACCEPTED_THOUGH_CALLED_INVALID.contains(&vector.id) {
            return true;
        }
        vector.valid && vector.is_of_ours() && !REFUSED_THOUGH_CALLED_VALID.contains(&vector.id)
    });
    let expected = [(("other algorithms", "refused"), 124), (("ours", "accepted"), 18), (("ours", "refused"), 259)];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn keys_are_judged_as_the_vectors_say() {
    /// A key of the kind that ROCA (CVE-2017-15361) factors. The keys here come from Google, or are made by this service, so
    /// that none is looked for.
    const ROCA: u64 = 7;
    let Some(vectors) = vectors("json_web_key_test.json") else { return };
    let counts = checked(&vectors, |vector| vector.id == ROCA || vector.valid && vector.is_of_ours());
    let expected = [(("other algorithms", "refused"), 15), (("ours", "accepted"), 4), (("ours", "refused"), 7)];
    assert_eq!(counts, BTreeMap::from(expected));
}
