//! Random changes to the text or the values of an event.

use serde_json::{Value, json};

/// Characters with a meaning in JSON, URLs or headers.
const SPECIAL: &[u8] = b"{}[]\":,\\u0%/?#&=@. \n\r\t\0\xff\xc3-eE19~";

/// Returns the event with one to four changes. Most results stay valid JSON, so that more than the
/// JSON parser is tested.
pub fn mutated(event: &[u8], rng: &mut fastrand::Rng) -> Vec<u8> {
    let times = rng.usize(1..=4);
    if rng.u8(..6) == 0 {
        let mut text = event.to_vec();
        (0..times).for_each(|_| change_text(&mut text, rng));
        return text;
    }
    let mut value: Value = serde_json::from_slice(event).expect("a real event is JSON");
    (0..times).for_each(|_| change_value(&mut value, rng));
    value.to_string().into_bytes()
}

fn change_text(text: &mut Vec<u8>, rng: &mut fastrand::Rng) {
    let at = rng.usize(..=text.len());
    let end = (at + rng.usize(..24)).min(text.len());
    match rng.u8(..7) {
        0 if at < text.len() => text[at] ^= 1 << rng.u8(..8),
        1 if at < text.len() => text[at] = SPECIAL[rng.usize(..SPECIAL.len())],
        2 => text.insert(at, SPECIAL[rng.usize(..SPECIAL.len())]),
        3 => drop(text.drain(at..end)),
        4 => {
            let piece = text[at..end].repeat(rng.usize(1..4));
            text.splice(at..at, piece);
        }
        5 if rng.u8(..8) == 0 => text.truncate(at),
        _ => {
            let from = rng.usize(..=text.len());
            let piece = text[from..(from + rng.usize(..40)).min(text.len())].to_vec();
            text.splice(at..end, piece);
        }
    }
}

/// Replaces, removes or renames a random value at any depth.
fn change_value(value: &mut Value, rng: &mut fastrand::Rng) {
    let goes_on = rng.u8(..40) > 0;
    match value {
        Value::Object(object) if goes_on && !object.is_empty() => {
            let name = object.keys().nth(rng.usize(..object.len())).cloned().unwrap_or_default();
            match rng.u8(..40) {
                0 => drop(object.remove(&name)),
                1 => {
                    let held = object.remove(&name).unwrap_or_default();
                    object.insert(text(rng), held);
                }
                2 => drop(object.insert(text(rng), any(rng))),
                _ => change_value(&mut object[&name], rng),
            }
        }
        Value::Array(array) if goes_on && !array.is_empty() => {
            let at = rng.usize(..array.len());
            change_value(&mut array[at], rng);
        }
        Value::String(held) if rng.u8(..5) < 3 => {
            let mut bytes = held.clone().into_bytes();
            change_text(&mut bytes, rng);
            *held = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::String(_) if rng.u8(..10) > 0 => *value = text(rng).into(),
        _ => *value = any(rng),
    }
}

fn any(rng: &mut fastrand::Rng) -> Value {
    match rng.u8(..10) {
        0 => Value::Null,
        1 => rng.bool().into(),
        2 => json!([]),
        3 => json!({}),
        4 => json!([text(rng)]),
        5 => json!({text(rng): text(rng)}),
        6 => json!(rng.i64(..)),
        7 => json!(1e300),
        _ => text(rng).into(),
    }
}

fn text(rng: &mut fastrand::Rng) -> String {
    const TEXTS: [&str; 30] = [
        "",
        " ",
        "/",
        "//",
        "?",
        "#",
        "%",
        "%00",
        "%ff",
        "/health",
        "/verify",
        "/login?x=1#y",
        "GET",
        "POST",
        "HEAD",
        "get",
        "application/json",
        "host",
        "Host",
        "content-type",
        "authorization",
        "x-request-id",
        "a b",
        "é",
        "\u{0}",
        "\r\nx: y",
        "http://evil.example/health",
        "[::1]",
        "user:pass@host:99999",
        "$default",
    ];
    match rng.u8(..20) {
        0 => "x".repeat(70_000),
        1 => (0..rng.usize(1..20)).map(|_| rng.char(..)).collect(),
        _ => TEXTS[rng.usize(..TEXTS.len())].to_owned(),
    }
}
