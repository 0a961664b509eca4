//! One field at a time that is not what it should be.

use axum::http::Method;
use serde_json::{Map, Value, json};
use shared::{account::email::Username, password::Password, testing::Service};

use super::{no_server_error, rejected};
use crate::invariants::Checks;

/// The server API key of the service.
pub const API_KEY: &str = "an api key of at least 32 characters";

/// A token that can be taken apart, and no more.
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.e30.";

/// An endpoint, with a body that it takes.
pub struct Endpoint {
    /// `POST`, and so on.
    pub method: Method,
    /// Its path.
    pub path: &'static str,
    /// What it takes; a token is one that is refused, so that nothing is changed.
    pub body: Value,
    /// Headers that it requests for.
    pub headers: Vec<(&'static str, String)>,
}

/// What a field takes, beside what its own endpoint says of it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Text that must be there and is judged by its form.
    Text,
    /// The same where it need not be there: `null` and `""` are as good as nothing.
    Optional,
    /// Free text with few rules.
    Free,
    /// Free text of a certain length.
    Password,
    /// A token that is not good, which a logout takes as one that is dead already, and a decode takes apart.
    Token,
    /// A truth value.
    Flag,
    /// A whole number, or the text of one.
    Count,
    /// An object, or the text of one.
    Object,
}

fn kind(name: &str) -> Kind {
    match name {
        "username" => Kind::Optional,
        "name" => Kind::Free,
        "password" | "current_password" | "new_password" => Kind::Password,
        "refresh_token" | "token" => Kind::Token,
        "everywhere" => Kind::Flag,
        "expires_in" | "expires_in_minutes" => Kind::Count,
        "payload" => Kind::Object,
        _ => Kind::Text,
    }
}

/// Every endpoint that takes a body.
pub async fn endpoints(service: &Service) -> Vec<Endpoint> {
    let user = service.account(&format!("{}@contract.example", service.app().uuid().expect("an id"))).await;
    let session = service.session(&user).await;
    let bearer = format!("Bearer {}", session["access_token"].as_str().unwrap_or_default());
    let endpoint = |method: &Method, path, body, headers: &[(&'static str, &str)]| {
        let headers = headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        Endpoint { method: method.clone(), path, body, headers }
    };
    let (post, by, key) = (Method::POST, [("authorization", bearer.as_str())], [("x-api-key", API_KEY)]);
    let email = "new@contract.example";
    vec![
        endpoint(
            &post,
            "/create-account",
            json!({"email": email, "password": "short", "name": "", "username": ""}),
            &[],
        ),
        endpoint(&post, "/login", json!({"email": email, "password": "short"}), &[]),
        endpoint(&post, "/login", json!({"username": "nobody", "password": "short"}), &[]),
        endpoint(&post, "/refresh", json!({"refresh_token": "none"}), &[]),
        endpoint(&post, "/logout", json!({"refresh_token": "none", "everywhere": true}), &[]),
        endpoint(&post, "/verify", json!({"token": "none"}), &[]),
        endpoint(&Method::PATCH, "/me", json!({"name": "James", "username": ""}), &by),
        endpoint(&post, "/me/password", json!({"current_password": "wrong", "new_password": "short"}), &by),
        endpoint(&Method::DELETE, "/me", json!({"password": "short"}), &by),
        endpoint(&post, "/jwt/encode", json!({"payload": {"a": 1}, "expires_in": 60}), &key),
        endpoint(&post, "/jwt/encode", json!({"payload": {"a": 1}, "expires_in_minutes": 60}), &key),
        endpoint(&post, "/jwt/decode", json!({"token": "none"}), &[]),
    ]
}

/// Each field of each endpoint as each kind of each_field, as JSON and, where it is text, as a form.
pub async fn each_field(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for endpoint in endpoints(service).await {
        let whole = endpoint.body.as_object().cloned().unwrap_or_default();
        for name in whole.keys() {
            for (what, value) in values() {
                let may_pass = may_pass(endpoint.path, kind(name), &value);
                let mut body = whole.clone();
                body.insert(name.clone(), value.clone());
                let told = || format!("{} {} with {name} {what}", endpoint.method, endpoint.path);
                let answer = send(service, &endpoint, "application/json", Value::from(body).to_string().into()).await;
                checks.record(if may_pass { no_server_error(&answer, told) } else { rejected(&answer, told) });
                if let Value::String(text) = &value {
                    let form = form(&whole, name, text);
                    let told = || format!("{} {} with {name} {what} as a form", endpoint.method, endpoint.path);
                    let answer = send(service, &endpoint, "application/x-www-form-urlencoded", form.into()).await;
                    checks.record(if may_pass { no_server_error(&answer, told) } else { rejected(&answer, told) });
                }
            }
            for (what, raw) in encodings() {
                let told = || format!("{} {} with {name} {what}", endpoint.method, endpoint.path);
                let answer = send(service, &endpoint, "application/json", spliced(&whole, name, raw)).await;
                checks.record(rejected(&answer, told));
            }
            let mut without = whole.clone();
            without.remove(name);
            let told = || format!("{} {} without {name}", endpoint.method, endpoint.path);
            let answer = send(service, &endpoint, "application/json", Value::from(without).to_string().into()).await;
            checks.record(if may_pass(endpoint.path, kind(name), &Value::Null) {
                no_server_error(&answer, told)
            } else {
                rejected(&answer, told)
            });
        }
        for name in ["role_id", "id", "email_verified"] {
            let mut body = whole.clone();
            body.insert(name.to_owned(), json!(1));
            let answer = send(service, &endpoint, "application/json", Value::from(body).to_string().into()).await;
            let names_it = answer.fields().contains(&(name, "not_settable"));
            let told = || format!("{} {} with {name}", endpoint.method, endpoint.path);
            let unnamed = (!names_it).then(|| format!("{} {} does not name {name}", endpoint.method, endpoint.path));
            checks.record(rejected(&answer, told).or(unnamed));
        }
    }
    checks
}

/// Sends a body to an endpoint.
pub async fn send(
    service: &Service,
    endpoint: &Endpoint,
    content_type: &str,
    body: Vec<u8>,
) -> shared::testing::Answer {
    let mut call = service.request(endpoint.method.clone(), endpoint.path).header("content-type", content_type);
    for (name, value) in &endpoint.headers {
        call = call.header(name, value);
    }
    call.body(body).send().await
}

/// Whether the contract lets an endpoint answer a field of this kind and value with a success.
fn may_pass(path: &str, kind: Kind, value: &Value) -> bool {
    let text = value.as_str();
    let is_none = value.is_null() || text == Some("");
    match kind {
        Kind::Text => false,
        Kind::Optional => path == "/me" && (is_none || text.is_some_and(|text| Username::parse(text).is_ok())),
        Kind::Password => text.is_some_and(|text| Password::parse(text).is_ok()),
        Kind::Free => path == "/me" && (is_none || text.is_some_and(is_name)),
        Kind::Token => match path {
            "/logout" => text.is_some_and(|text| !text.is_empty()),
            "/jwt/decode" => text == Some(UNSIGNED),
            _ => false,
        },
        Kind::Flag => is_none || value.is_boolean(),
        Kind::Count => {
            is_none || text.is_some_and(|text| text.trim().is_empty()) || value.as_f64().is_some_and(is_life)
        }
        Kind::Object => value.is_object() || text == Some("{}"),
    }
}

/// Forms send every number as text.
fn is_life(number: f64) -> bool {
    (1.0..=86_400.0).contains(&number) && number.fract() == 0.0
}

fn is_name(text: &str) -> bool {
    !text.contains('\0') && text.trim().chars().count() <= 128 && !text.trim().chars().any(char::is_control)
}

/// Of each JSON type, and of the widest ranges.
fn values() -> Vec<(String, Value)> {
    let texts = [
        "",
        " ",
        "\0",
        "a\0b",
        "\u{1}",
        "\u{1b}[2J",
        "\r\nX-Header: 1",
        "\u{7f}",
        "\u{85}",
        "\u{202e}\u{feff}",
        "\u{fffd}",
        "\u{10ffff}",
        "@",
        "a@",
        "@b.example",
        "a@b",
        "{}",
        "[]",
        "{\"a\":1,\"a\":2}",
        "null",
        "-1",
        "0",
        "1e400",
        "NaN",
        "../../etc/passwd",
        "' OR 1=1 --",
        "<script>alert(1)</script>",
        "${jndi:ldap://x}",
        UNSIGNED,
    ];
    let numbers = ["0", "-1", "-0", "1.5", "1e308", "-1e308", "18446744073709551616", "9007199254740993"];
    let texts = texts.into_iter().map(|text| (format!("{text:?}"), json!(text)));
    let long = [1_000, 5_000].map(|length| (format!("{length} letters"), json!("é".repeat(length))));
    let numbers = numbers.map(|text| (text.to_owned(), serde_json::from_str(text).expect("a number")));
    let others = [json!(null), json!(true), json!([]), json!(["a"]), json!([[[]]]), json!({}), json!({"$ne": ""})];
    let others = others.map(|value| (value.to_string(), value));
    texts.chain(long).chain(numbers).chain(others).collect()
}

/// JSON as bytes that no JSON value can be written as.
fn encodings() -> [(&'static str, &'static [u8]); 12] {
    [
        ("of invalid UTF-8", b"\"a\xff\""),
        ("of overlong UTF-8", b"\"\xc0\xaf\""),
        ("of a surrogate in UTF-8", b"\"\xed\xa0\x80\""),
        ("cut in a character", b"\"\xe2\x82\""),
        ("a lone surrogate", b"\"\\ud800\""),
        ("surrogates the wrong way round", b"\"\\udc00\\ud800\""),
        ("a NUL in escapes", b"\"\\u0000\""),
        ("a NUL", b"\"\0\""),
        ("a raw line feed", b"\"\n\""),
        ("an unknown escape", b"\"\\x41\""),
        ("a number beyond all", b"1e999"),
        ("not a value", b"undefined"),
    ]
}

fn spliced(whole: &Map<String, Value>, name: &str, raw: &[u8]) -> Vec<u8> {
    let mut rest = whole.clone();
    rest.remove(name);
    let rest: String = rest.iter().map(|(name, value)| format!(",{}:{value}", json!(name))).collect();
    [format!("{{{}:", json!(name)).as_bytes(), raw, rest.as_bytes(), b"}"].concat()
}

fn form(whole: &Map<String, Value>, name: &str, text: &str) -> String {
    let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let fields = whole.iter().map(|(key, value)| {
        let value = if key == name { text.to_owned() } else { value.as_str().map_or(value.to_string(), str::to_owned) };
        format!("{}={}", encode(key), encode(&value))
    });
    fields.collect::<Vec<_>>().join("&")
}
