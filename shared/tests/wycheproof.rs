//! Checks JSON Web Signatures and Keys against the vectors of C2SP's project Wycheproof, if their
//! folder is there.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]
#![expect(clippy::print_stdout, reason = "how many vectors there were, or that there were none")]

use std::{collections::BTreeMap, fs, path::Path};

use serde_json::{Map, Value, json};
use shared::jose::{jwk, jws::Jws};

/// The supported algorithms. Signatures by another algorithm are refused, right or wrong.
const ALGORITHMS: [&str; 3] = ["ES256", "HS256", "RS256"];
/// The file calls these two vectors invalid, but they are byte for byte its valid vector 357.
const ACCEPTED_THOUGH_CALLED_INVALID: [u64; 2] = [367, 370];
/// The file calls these two vectors valid, but they have a question mark, which is not a digit of
/// base64url.
const REFUSED_THOUGH_CALLED_VALID: [u64; 2] = [372, 373];

/// One vector.
struct Vector {
    id: u64,
    valid: bool,
    comment: String,
    /// The document with the vector's key.
    keys: Map<String, Value>,
    /// The algorithm in the key. None if the key leaves it to the header.
    algorithm: Option<String>,
    text: String,
}

/// Reads the vectors. None, with a printed line, if the folder is not there: this repository does
/// not contain it.
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
    /// Whether any of the keys made the signature. The ids of the keys are ignored, because a
    /// comparison of ids could only refuse more.
    fn is_accepted(&self) -> bool {
        let (Ok(jws), Ok(keys)) = (Jws::parse(&self.text), jwk::set(&self.keys)) else { return false };
        keys.keys.iter().any(|(_, key)| jws.is_signed_by(key))
    }

    fn is_of_ours(&self) -> bool {
        self.algorithm.as_deref().is_none_or(|algorithm| ALGORITHMS.contains(&algorithm))
    }
}

/// Checks each vector. Counts accepted and refused vectors, separately for supported and other
/// algorithms.
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
    let expected = [(("other algorithms", "refused"), 85), (("ours", "accepted"), 20), (("ours", "refused"), 296)];
    assert_eq!(counts, BTreeMap::from(expected));
}

#[test]
fn keys_are_judged_as_the_vectors_say() {
    /// A key that ROCA (CVE-2017-15361) can factor. It is accepted: keys come from Google or from
    /// this service itself, so nothing looks for such keys.
    const ROCA: u64 = 7;
    let Some(vectors) = vectors("json_web_key_test.json") else { return };
    let counts = checked(&vectors, |vector| vector.id == ROCA || vector.valid && vector.is_of_ours());
    let expected = [(("other algorithms", "refused"), 11), (("ours", "accepted"), 4), (("ours", "refused"), 11)];
    assert_eq!(counts, BTreeMap::from(expected));
}
