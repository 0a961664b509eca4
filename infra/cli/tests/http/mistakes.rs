//! Each mistake in a body, at every place where a body is read, on each of the three ways that
//! requests come in.
//!
//! A new mistake is one row.

use axum::http::Method;
use serde_json::{Value, json};

use super::{API_KEY, by_lambda, by_socket::Port, service, service_with, with_body};

/// A row: the headers besides, the body, the status, the code, the message.
type Row<'a> = (&'a [(&'a str, &'a str)], Vec<u8>, u16, &'a str, String);

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");
const JSON: (&str, &str) = ("content-type", "application/json");

type Headers = &'static [(&'static str, &'static str)];

fn bad(headers: Headers, body: &[u8], message: &str) -> Row<'static> {
    (headers, body.to_vec(), 400, "invalid_request", message.to_owned())
}

fn media(headers: Headers, body: &[u8], message: &str) -> Row<'static> {
    (headers, body.to_vec(), 415, "unsupported_media_type", message.to_owned())
}

fn at(body: &str, column: usize, clause: &str) -> Row<'static> {
    bad(&[JSON], body.as_bytes(), &format!("The body is not valid JSON: in line 1, column {column}, {clause}."))
}

fn rows() -> Vec<Row<'static>> {
    let utf16: Vec<u8> = "{\"email\":1}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let unfilled = "a value is expected, and the name of a variable stands there that was not filled in";
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(32), "]".repeat(32));
    vec![
        at(r#"{"email": ,"password": "x"}"#, 11, "a value is expected, and none is there"),
        at(r#"{"password":"ab"cd"}"#, 16, "a quotation mark within a text ends the text too early"),
        at("{'email': 'a'}", 2, "a quotation mark (\") is expected, and a single quote stands there"),
        at(r#"{"email": a@b.c}"#, 11, "a value is expected, and a text stands there without quotation marks"),
        at(r#"{email: "a"}"#, 2, "a key in quotation marks is expected, and it has none"),
        at(r#"{"email": <email>}"#, 11, unfilled),
        at(r#"{"email": {{email}}}"#, 11, unfilled),
        at(r#"{"email": "a",}"#, 14, "a comma stands behind the last entry"),
        at(r#"{"email": "a" "b": 1}"#, 15, "a comma is expected between two entries, and none is there"),
        at(r#"{"email": "a"} // x"#, 16, "a comment stands there, and JSON has none"),
        at(
            r#"{"a": [object Object]}"#,
            7,
            "[object Object] stands in the place of a value, which JavaScript writes for an object",
        ),
        at(r#"{"a": undefined}"#, 7, "the word undefined stands in the place of a value, and JSON does not have it"),
        at(r#"{"a": NaN}"#, 7, "the word NaN stands in the place of a value, and JSON does not have it"),
        at(r#"{"a": None}"#, 7, "the word None stands in the place of a value, and JSON does not have it"),
        at(r#"{"a": True}"#, 7, "the word True stands in the place of a value, and JSON does not have it"),
        at(r#"{"email": "a"#, 13, "the end comes within a text in quotation marks"),
        at(r#"{"email": "a""#, 14, "the end comes where a closing brace is expected"),
        at("{", 2, "the end comes where a closing brace is expected"),
        at("{“email”: 1}", 2, "a plain quotation mark (\") is expected, and a typographic one stands there"),
        at("{\"a\": \"x\ny\"}", 9, "a line break stands within a text"),
        at("{\"a\": \"x\ty\"}", 9, "a tab stands within a text"),
        at(r#"{"a": "\x41"}"#, 8, "a backslash begins an escape that JSON does not have"),
        at(r#"{"a": "\ud83d"}"#, 8, "half a character stands alone (a surrogate, \\ud800 to \\udfff)"),
        at("{} {}", 4, "a second JSON value begins"),
        at(r#"{\"a\": 1}"#, 2, "a quotation mark (\") is expected, and a backslash stands there"),
        bad(&[JSON], br#""{\"email\":\"a\"}""#, "The body is not a JSON object but a text that holds JSON."),
        bad(&[JSON], b"\"text\"", "The body is not a JSON object but a text."),
        bad(&[JSON], b"[]", "The body is not a JSON object but a list."),
        bad(&[JSON], b"[{}]", "The body is not a JSON object but a list with one in it."),
        bad(&[JSON], b"7", "The body is not a JSON object but a number."),
        bad(&[JSON], b"null", "The body is not a JSON object but null."),
        bad(&[JSON], b"  ", "The body holds nothing but white space."),
        bad(
            &[JSON],
            b"[object Object]",
            "The body is [object Object], which JavaScript writes for an object that was not turned into JSON.",
        ),
        bad(&[JSON], b"\x1f\x8b\x08\0\0", "The body is compressed with gzip."),
        bad(&[JSON], b"\x78\x9c\xab\x56\x4a", "The body is compressed with deflate."),
        bad(&[JSON], &utf16, "The body is in UTF-16, and UTF-8 is expected."),
        bad(
            &[JSON],
            b"--x\r\nContent-Disposition: form-data; name=\"email\"\r\n\r\na",
            "The body is a multipart form, and a JSON object is expected.",
        ),
        bad(&[JSON], b"email=a&password=b", "The body is form text, and a JSON object is expected."),
        bad(&[], b"email=a&password=b", "The body is form text, and a JSON object is expected."),
        bad(&[JSON], b"curl http://x/login -d '{}'", "The body is a command of curl, and a JSON object is expected."),
        bad(
            &[JSON],
            b"POST /login HTTP/1.1\r\nHost: x\r\n\r\n{}",
            "The body is a whole HTTP request, and a JSON object is expected.",
        ),
        bad(&[JSON], b"@body.json", "The body is the name of a file, and a JSON object is expected."),
        bad(
            &[JSON],
            b"email: a@b.de\npassword: x",
            "The body is text with colons (YAML), and a JSON object is expected.",
        ),
        bad(&[JSON], b"body: {\"a\": 1}", "The body is text with colons (YAML), and a JSON object is expected."),
        bad(&[JSON], b"'{\"email\": 1}'", "The body stands in single quotes, and JSON has none around it."),
        bad(&[JSON], b"<?xml version=\"1.0\"?><a/>", "The body is XML, and a JSON object is expected."),
        bad(&[JSON], b"<!DOCTYPE html><p>", "The body is HTML, and a JSON object is expected."),
        bad(&[JSON], b"{{body}}", "The body is the name of a variable that was not filled in."),
        bad(&[JSON], br#"{"password":"a","password":"b"}"#, "The body gives a key twice: again, in line 1, column 17."),
        bad(&[JSON], br#"{"x":{"y":1,"y":1}}"#, "The body gives a key twice: again, in line 1, column 13."),
        bad(&[JSON], br#"{"email":"a\u0000@b.de"}"#, "The body has a NUL character in a text, in line 1, column 12."),
        bad(&[JSON], b"{\"email\":\n\"\xc3\x28\"}", "The body is not valid UTF-8, in line 2, column 2."),
        bad(&[JSON], deep.as_bytes(), "The body is nested deeper than 32 levels, in line 1, column 37."),
        bad(&[FORM], b"email=a@b.de&email=c@d.de", "The body gives a key twice, in field 2."),
        bad(&[FORM], b"email=a%00@b.de", "The body has a NUL character in a text, in field 1."),
        bad(&[FORM], b"a=b&email=%c3%28", "The body is not valid UTF-8, in field 2."),
        bad(
            &[FORM],
            br#" {"email":"a@b.de"}"#,
            "The body looks like JSON but was sent as a form: set Content-Type to application/json.",
        ),
        // The command line of Windows keeps single quotes.
        bad(
            &[FORM],
            b"'{email:a@b.de,password:x}'",
            "The body looks like JSON but was sent as a form: set Content-Type to application/json.",
        ),
        media(
            &[JSON, ("content-encoding", "br")],
            b"\x1b\x0e\0\xf8",
            "The body is compressed (brotli). Send it without compression.",
        ),
        media(
            &[JSON, ("content-encoding", "gzip")],
            b"\x1f\x8b\x08\0",
            "The body is compressed (gzip). Send it without compression.",
        ),
        media(
            &[("content-type", "text/plain")],
            b"{}",
            "The body was sent as plain text. Set its type (Content-Type) to application/json.",
        ),
        media(
            &[("content-type", "multipart/form-data; boundary=x")],
            b"--x",
            "The body was sent as a form with files (multipart). Set its type (Content-Type) to application/json.",
        ),
        media(
            &[("content-type", "application/xml")],
            b"<a/>",
            "The body was sent as a type that is not read here. Set its type (Content-Type) to application/json.",
        ),
        media(
            &[("content-type", "application/json; charset=latin1")],
            b"{}",
            "The body must be in UTF-8, and its type names another charset.",
        ),
    ]
}

/// Whether the answer has this status, code and message, a detail that says at least as much, and
/// nothing for builders in the message.
#[track_caller]
fn assert_told(status: u16, body: &Value, expected: (u16, &str, &str), place: &str) {
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    assert_eq!((status, text("code"), text("message")), expected, "{place}: {body:#}");
    assert!(text("detail").starts_with(text("message")), "{place}: {body:#}");
    assert!(!text("message").contains('`') && body["next"] == json!({}), "{place}: {body:#}");
}

#[tokio::test(start_paused = true)]
async fn each_mistake_in_a_body_is_told_alike_wherever_a_body_is_read() {
    let service = service().await;
    let mut cells = 0;
    for (method, path, token) in with_body(&service).await {
        let token = format!("Bearer {}", token.as_str().unwrap());
        for (headers, body, status, code, message) in rows() {
            let place = format!("{method} {path} {:?}", String::from_utf8_lossy(&body));
            let all = with_caller(&token, headers);
            let call = service.request(method.clone(), path).body(body.clone());
            let call = all.iter().fold(call, |call, (name, value)| call.header(name, value));
            let answer = call.send().await.refused(status, code);
            assert_told(answer.status.as_u16(), &answer.body, (status, code, &message), &place);
            let (told, _, answer) = by_lambda::send(service.app(), &method, path, &all, &body).await;
            assert_told(told, &answer, (status, code, &message), &place);
            cells += 2;
        }
    }
    assert!(cells > 1_000, "{cells}");
}

/// The headers of a row, with those that let the caller through.
fn with_caller<'a>(token: &'a str, headers: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    [("authorization", token), ("x-api-key", API_KEY)].into_iter().chain(headers.iter().copied()).collect()
}

#[tokio::test]
async fn each_mistake_in_a_body_is_told_alike_on_a_connection_that_is_kept() {
    let service = service().await;
    let port = Port::of(&service).await;
    let mut cells = 0;
    for (method, path, token) in with_body(&service).await {
        let token = format!("Bearer {}", token.as_str().unwrap());
        let mut connection = port.connect().await;
        for (headers, body, status, code, message) in rows() {
            let place = format!("{method} {path} {:?}", String::from_utf8_lossy(&body));
            let (told, answer) = connection.call(&method, path, &with_caller(&token, headers), &body).await;
            assert_told(told, &answer, (status, code, &message), &place);
            cells += 1;
        }
    }
    assert!(cells > 500, "{cells}");
}

#[tokio::test(start_paused = true)]
async fn the_text_of_a_payload_is_diagnosed_as_a_body_is() {
    let service = service().await;
    for (headers, body, ..) in rows() {
        let Ok(payload) = String::from_utf8(body) else { continue };
        let is_json = headers.first() == Some(&JSON) && headers.len() == 1 && !payload.trim().is_empty();
        if !is_json || payload.contains('\0') || payload == "{{body}}" {
            continue;
        }
        let call = || service.request(Method::POST, "/jwt/encode").header("x-api-key", API_KEY);
        let alone = call().body(payload.clone()).header("content-type", "application/json").send().await;
        let said = alone.body["message"].as_str().unwrap().trim_start_matches("The body");
        let answer = call().json(json!({"payload": payload})).await.refused(400, "payload_required");
        assert_eq!(answer.body["message"], "payload is required");
        assert_eq!(answer.body["fields"][0]["message"], format!("The payload{said}"));
        assert!(answer.body["detail"].as_str().unwrap().starts_with(&format!("`payload`{said}")), "{}", answer.body);
    }
}

/// Whatever bytes come as a body, the answer is no fault of the service, and repeats nothing.
#[tokio::test(start_paused = true)]
async fn no_bytes_as_a_body_are_a_fault_and_none_are_repeated() {
    // Without a link of logins its page is a 501 for any token.
    let link =
        [("EMAIL_SIGN_IN_LINK", "true"), ("APP_URLS", "https://app.example"), ("PUBLIC_URL", "https://api.example")];
    let service = service_with(&link).await;
    let mut rng = fastrand::Rng::with_seed(18);
    let whole = br#"{"qzkey": "qzvalue", "email": "qz@qz", "password": "qzsecret", "token": "qz", "payload": {"qz": [1, null]}}"#;
    for (method, path, token) in with_body(&service).await {
        for _ in 0..150 {
            let mut body = whole.to_vec();
            for _ in 0..rng.usize(1..5) {
                let at = rng.usize(..=body.len());
                match rng.u8(..4) {
                    0 => body.truncate(at),
                    1 if at < body.len() => drop(body.remove(at)),
                    2 => body.insert(at, rng.u8(..)),
                    _ => body.insert(at, b"{}[]\":,'\\<"[rng.usize(..10)]),
                }
            }
            let types = ["application/json", "application/x-www-form-urlencoded", "text/plain", ""];
            let call = service.request(method.clone(), path).bearer(&token).header("x-api-key", API_KEY);
            let call = call.header("content-type", types[rng.usize(..types.len())]).body(body.clone());
            let answer = call.send().await;
            let text = String::from_utf8_lossy(&body).into_owned();
            assert!(answer.status.as_u16() < 500, "{path} {text:?}: {}", answer.body);
            // A key that is not stored is named, so that its builder finds it.
            let names_keys = answer.fields().iter().any(|(_, code)| *code == "unknown_field");
            if answer.status.is_client_error() && !names_keys {
                assert!(!answer.body.to_string().contains("qz"), "{path} {text:?}: {}", answer.body);
            }
        }
    }
}
