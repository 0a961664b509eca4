//! Malformed fields, one at a time.

use axum::http::Method;
use serde_json::{Map, Value, json};
use shared::{account::email::Username, password::Password, testing::Service};

use super::{no_server_error, rejected};
use crate::invariants::Checks;

/// The server API key of the service.
pub const API_KEY: &str = "an api key of at least 32 characters";

/// A token that can be decoded but never verified.
const UNSIGNED: &str = "eyJhbGciOiJub25lIn0.e30.";

/// An endpoint with an example of its body.
pub struct Endpoint {
    /// The method.
    pub method: Method,
    /// The path.
    pub path: &'static str,
    /// A well-formed body. Its tokens and passwords are refused, so that nothing changes.
    pub body: Value,
    /// The headers for authorization.
    pub headers: Vec<(&'static str, String)>,
}

/// The values that a field accepts on any endpoint.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Required text with a strict form.
    Text,
    /// Optional text with a strict form; `null` and `""` count as missing.
    Optional,
    /// Free text with few rules.
    Free,
    /// Free text with a length limit.
    Password,
    /// An invalid token, which a decode may decode.
    Token,
    /// A boolean.
    Flag,
    /// An integer, or its text.
    Count,
    /// An object, or its text.
    Object,
    /// An optional object of bounded size, or its text.
    Metadata,
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
        "metadata" => Kind::Metadata,
        _ => Kind::Text,
    }
}

/// Every endpoint that reads a body.
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
            json!({"email": email, "password": "short", "name": "", "username": "", "metadata": {"a": 1}}),
            &[],
        ),
        endpoint(&post, "/login", json!({"email": email, "password": "short"}), &[]),
        endpoint(&post, "/login", json!({"username": "nobody", "password": "short"}), &[]),
        endpoint(&post, "/refresh", json!({"refresh_token": "none"}), &[]),
        endpoint(&post, "/logout", json!({"refresh_token": "none", "everywhere": true}), &[]),
        endpoint(&post, "/verify", json!({"token": "none"}), &[]),
        endpoint(&Method::PATCH, "/me", json!({"name": "James", "username": "", "metadata": {"a": 1}}), &by),
        endpoint(&post, "/me/password", json!({"current_password": "wrong", "new_password": "short"}), &by),
        endpoint(&Method::DELETE, "/me", json!({"password": "short"}), &by),
        endpoint(&post, "/me/delete", json!({"password": "short"}), &by),
        endpoint(
            &post,
            "/oauth/token",
            json!({"grant_type": "password", "username": "nobody", "password": "short", "client_secret": ""}),
            &[],
        ),
        endpoint(&post, "/oauth/token", json!({"grant_type": "refresh_token", "refresh_token": "none"}), &[]),
        endpoint(&post, "/oauth/revoke", json!({"token": "none"}), &[]),
        endpoint(&post, "/jwt/encode", json!({"payload": {"a": 1}, "expires_in": 60}), &key),
        endpoint(&post, "/jwt/encode", json!({"payload": {"a": 1}, "expires_in_minutes": 60}), &key),
        endpoint(&post, "/jwt/decode", json!({"token": "none"}), &[]),
    ]
}

/// Sends each wrong value in each field of each endpoint, as JSON and, if it is text, as a form.
pub async fn each_field(service: &Service) -> Checks {
    let mut checks = Checks::default();
    for endpoint in endpoints(service).await {
        let valid = endpoint.body.as_object().cloned().unwrap_or_default();
        for name in valid.keys() {
            for (what, value) in values() {
                let may_pass = may_pass(endpoint.path, kind(name), &value);
                let mut body = valid.clone();
                body.insert(name.clone(), value.clone());
                let label = || format!("{} {} with {name} {what}", endpoint.method, endpoint.path);
                let answer = send(service, &endpoint, "application/json", Value::from(body).to_string().into()).await;
                checks.record(if may_pass { no_server_error(&answer, label) } else { rejected(&answer, label) });
                if let Value::String(text) = &value {
                    let form = form(&valid, name, text);
                    let label = || format!("{} {} with {name} {what} as a form", endpoint.method, endpoint.path);
                    let answer = send(service, &endpoint, "application/x-www-form-urlencoded", form.into()).await;
                    checks.record(if may_pass { no_server_error(&answer, label) } else { rejected(&answer, label) });
                }
            }
            for (what, raw) in encodings() {
                let label = || format!("{} {} with {name} {what}", endpoint.method, endpoint.path);
                let answer = send(service, &endpoint, "application/json", spliced(&valid, name, raw)).await;
                checks.record(rejected(&answer, label));
            }
            let mut without = valid.clone();
            without.remove(name);
            let label = || format!("{} {} without {name}", endpoint.method, endpoint.path);
            let answer = send(service, &endpoint, "application/json", Value::from(without).to_string().into()).await;
            checks.record(if may_pass(endpoint.path, kind(name), &Value::Null) {
                no_server_error(&answer, label)
            } else {
                rejected(&answer, label)
            });
        }
        for name in ["role_id", "id", "email_verified"] {
            let mut body = valid.clone();
            body.insert(name.to_owned(), json!(1));
            let answer = send(service, &endpoint, "application/json", Value::from(body).to_string().into()).await;
            let names_it = answer.fields().contains(&(name, "not_settable"));
            let label = || format!("{} {} with {name}", endpoint.method, endpoint.path);
            let unnamed = (!names_it).then(|| format!("{} {} does not name {name}", endpoint.method, endpoint.path));
            checks.record(rejected(&answer, label).or(unnamed));
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

/// Whether the contract allows a success for this value of a field.
fn may_pass(path: &str, kind: Kind, value: &Value) -> bool {
    let text = value.as_str();
    let is_none = value.is_null() || text == Some("");
    match kind {
        Kind::Text => false,
        Kind::Optional => path == "/me" && (is_none || text.is_some_and(|text| Username::parse(text).is_ok())),
        Kind::Password => text.is_some_and(|text| Password::parse(text).is_ok()),
        Kind::Free => path == "/me" && (is_none || text.is_some_and(is_name)),
        // A revocation is told nothing of a text that is no token.
        Kind::Token => path == "/oauth/revoke" || (path == "/jwt/decode" && text == Some(UNSIGNED)),
        Kind::Flag => is_none || value.is_boolean(),
        Kind::Count => {
            is_none || text.is_some_and(|text| text.trim().is_empty()) || value.as_f64().is_some_and(is_lifetime)
        }
        Kind::Object => value.is_object() || text == Some("{}"),
        Kind::Metadata => {
            path == "/me"
                && (is_none || value.is_object() || text.is_some_and(|text| text == "{}" || text.trim().is_empty()))
        }
    }
}

/// Whether the number is a valid token lifetime. Forms send numbers as text.
fn is_lifetime(number: f64) -> bool {
    (1.0..=86_400.0).contains(&number) && number.fract() == 0.0
}

fn is_name(text: &str) -> bool {
    !text.contains('\0') && text.trim().chars().count() <= 128 && !text.trim().chars().any(char::is_control)
}

/// Values of each JSON type, with extremes.
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

/// Raw bytes in place of a value, which no JSON library would write.
fn encodings() -> [(&'static str, &'static [u8]); 12] {
    [
        ("in invalid UTF-8", b"\"a\xff\""),
        ("in overlong UTF-8", b"\"\xc0\xaf\""),
        ("as a surrogate in UTF-8", b"\"\xed\xa0\x80\""),
        ("cut within a character", b"\"\xe2\x82\""),
        ("as a lone surrogate", b"\"\\ud800\""),
        ("as surrogates in the wrong order", b"\"\\udc00\\ud800\""),
        ("as an escaped NUL", b"\"\\u0000\""),
        ("as a NUL", b"\"\0\""),
        ("as a raw line feed", b"\"\n\""),
        ("as an unknown escape", b"\"\\x41\""),
        ("as a number out of range", b"1e999"),
        ("as undefined", b"undefined"),
    ]
}

fn spliced(valid: &Map<String, Value>, name: &str, raw: &[u8]) -> Vec<u8> {
    let mut rest = valid.clone();
    rest.remove(name);
    let rest: String = rest.iter().map(|(name, value)| format!(",{}:{value}", json!(name))).collect();
    [format!("{{{}:", json!(name)).as_bytes(), raw, rest.as_bytes(), b"}"].concat()
}

fn form(valid: &Map<String, Value>, name: &str, text: &str) -> String {
    let encode = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
    let fields = valid.iter().map(|(key, value)| {
        let value = if key == name { text.to_owned() } else { value.as_str().map_or(value.to_string(), str::to_owned) };
        format!("{}={}", encode(key), encode(&value))
    });
    fields.collect::<Vec<_>>().join("&")
}
