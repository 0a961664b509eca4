//! Changes of an event: of its text, and of its values.

use serde_json::{Value, json};

/// Letters that mean something to JSON, to URLs or to headers.
const TELLING: &[u8] = b"{}[]\":,\\u0%/?#&=@. \n\r\t\0\xff\xc3-eE19~";

/// An event with one to four changes. Most of them leave it an event, so that it is not the JSON parser that is tried.
pub fn changed(event: &[u8], random: &mut fastrand::Rng) -> Vec<u8> {
    let times = random.usize(1..=4);
    if random.u8(..6) == 0 {
        let mut text = event.to_vec();
        (0..times).for_each(|_| change_text(&mut text, random));
        return text;
    }
    let mut value: Value = serde_json::from_slice(event).expect("a real event is JSON");
    (0..times).for_each(|_| change_value(&mut value, random));
    value.to_string().into_bytes()
}

fn change_text(text: &mut Vec<u8>, random: &mut fastrand::Rng) {
    let at = random.usize(..=text.len());
    let end = (at + random.usize(..24)).min(text.len());
    match random.u8(..7) {
        0 if at < text.len() => text[at] ^= 1 << random.u8(..8),
        1 if at < text.len() => text[at] = TELLING[random.usize(..TELLING.len())],
        2 => text.insert(at, TELLING[random.usize(..TELLING.len())]),
        3 => drop(text.drain(at..end)),
        4 => {
            let piece = text[at..end].repeat(random.usize(1..4));
            text.splice(at..at, piece);
        }
        5 if random.u8(..8) == 0 => text.truncate(at),
        _ => {
            let from = random.usize(..=text.len());
            let piece = text[from..(from + random.usize(..40)).min(text.len())].to_vec();
            text.splice(at..end, piece);
        }
    }
}

/// Goes down to any value, and puts another there, takes it away, or renames it.
fn change_value(value: &mut Value, random: &mut fastrand::Rng) {
    let goes_on = random.u8(..40) > 0;
    match value {
        Value::Object(object) if goes_on && !object.is_empty() => {
            let name = object.keys().nth(random.usize(..object.len())).cloned().unwrap_or_default();
            match random.u8(..40) {
                0 => drop(object.remove(&name)),
                1 => {
                    let held = object.remove(&name).unwrap_or_default();
                    object.insert(text(random), held);
                }
                2 => drop(object.insert(text(random), any(random))),
                _ => change_value(&mut object[&name], random),
            }
        }
        Value::Array(array) if goes_on && !array.is_empty() => {
            let at = random.usize(..array.len());
            change_value(&mut array[at], random);
        }
        Value::String(held) if random.u8(..5) < 3 => {
            let mut bytes = held.clone().into_bytes();
            change_text(&mut bytes, random);
            *held = String::from_utf8_lossy(&bytes).into_owned();
        }
        Value::String(_) if random.u8(..10) > 0 => *value = text(random).into(),
        _ => *value = any(random),
    }
}

fn any(random: &mut fastrand::Rng) -> Value {
    match random.u8(..10) {
        0 => Value::Null,
        1 => random.bool().into(),
        2 => json!([]),
        3 => json!({}),
        4 => json!([text(random)]),
        5 => json!({text(random): text(random)}),
        6 => json!(random.i64(..)),
        7 => json!(1e300),
        _ => text(random).into(),
    }
}

fn text(random: &mut fastrand::Rng) -> String {
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
    match random.u8(..20) {
        0 => "x".repeat(70_000),
        1 => (0..random.usize(1..20)).map(|_| random.char(..)).collect(),
        _ => TEXTS[random.usize(..TEXTS.len())].to_owned(),
    }
}
