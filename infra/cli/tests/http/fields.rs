//! Mistakes in fields: all of them at once, each about its own field, in sentences for people.

use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    testing::{Answer, PASSWORD, Service},
    text::trimmed,
};

use super::{API_KEY, by_lambda, service, service_with};

const ADMIN_KEY: &str = "an admin's key of 32 characters or more";
const LINK: &str = "/admin/users/0198a1f0-7c1e-7000-8000-0123456789ab/link";
const TEST_CODE: &str = "/admin/users/0198a1f0-7c1e-7000-8000-0123456789ab/test-code";

/// The keys that some paths ask for.
const KEYS: [(&str, &str); 2] = [("x-api-key", API_KEY), ("x-admin-key", ADMIN_KEY)];

/// A service in which no endpoint is off.
async fn complete_service() -> Service {
    let (keys, providers) = (format!("anna:{ADMIN_KEY}"), r#"[{"id": "google", "client_ids": ["an app"]}]"#);
    let apps = [
        ("MAIL", "outbox"),
        ("RATE_LIMITS", "off"),
        ("EMAIL_SIGN_IN", "sign_up"),
        ("EMAIL_SIGN_IN_LINK", "true"),
        ("PUBLIC_URL", "https://login.example"),
        ("APP_URLS", "https://app.example"),
    ];
    service_with(&[&apps[..], &[("ADMIN_KEY", &keys), ("IDENTITY_PROVIDERS", providers)]].concat()).await
}

/// Sends a body with everything that any path asks for.
async fn send(service: &Service, method: &str, path: &str, token: &Value, body: Value) -> Answer {
    let call = service.request(method.parse().unwrap(), path).bearer(token);
    KEYS.into_iter().fold(call, |call, (name, key)| call.header(name, key)).json(body).await
}

#[tokio::test(start_paused = true)]
async fn all_fields_that_are_wrong_are_told_at_once() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    for (method, path, body, fields, message) in [
        (
            "POST",
            "/create-account",
            json!({"email": "a", "password": "short"}),
            &[("password", "password_too_short"), ("email", "invalid_email")][..],
            "A password has at least 8 characters. This is not an e-mail address.",
        ),
        (
            "POST",
            "/create-account",
            json!({"email": "a", "password": "12345678", "username": "x", "name": "a\u{202e}b", "role_id": 2}),
            &[
                ("password", "password_too_common"),
                ("role_id", "not_settable"),
                ("email", "invalid_email"),
                ("username", "invalid_username"),
                ("name", "invalid_name"),
            ],
            "",
        ),
        (
            "POST",
            "/create-account",
            json!({"id": "x", "name": 1}),
            &[("id", "not_settable"), ("email", "required"), ("password", "required"), ("name", "invalid_type")],
            "A request cannot set this. Enter your e-mail address. Enter your password. The name must be text.",
        ),
        (
            "POST",
            "/login",
            json!({"role_id": 1}),
            &[("role_id", "not_settable"), ("email", "required"), ("password", "required")],
            "A request cannot set this. Enter your e-mail address or your username. Enter your password.",
        ),
        (
            "POST",
            "/login",
            json!({"email": 1, "username": [], "password": {}}),
            &[("email", "invalid_type"), ("username", "invalid_type"), ("password", "invalid_type")],
            "The e-mail address must be text. The username must be text. The password must be text.",
        ),
        (
            "POST",
            "/me/password",
            json!({"new_password": "short"}),
            &[("new_password", "password_too_short"), ("current_password", "required")],
            "A password has at least 8 characters. Enter your current password.",
        ),
        (
            "POST",
            "/jwt/encode",
            json!({"payload": [], "expires_in": "soon", "expires_in_minutes": -1}),
            &[("payload", "invalid_type"), ("expires_in_minutes", "invalid_number"), ("expires_in", "invalid_number")],
            "",
        ),
    ] {
        let answer = send(&service, method, path, &token, body).await.refused(400, "invalid_request");
        assert_eq!(answer.fields(), fields, "{path}");
        assert!(message.is_empty() || answer.body["message"] == message, "{path}: {}", answer.body);
        for (field, _) in fields {
            assert!(answer.body["detail"].as_str().unwrap().contains(&format!("`{field}`")), "{}", answer.body);
        }
        assert_plain(&answer.body);
    }
    let weak = send(&service, "POST", "/create-account", &token, json!({"email": "x@y.de", "password": "short"})).await;
    assert_eq!(weak.refused(400, "weak_password").fields(), [("password", "password_too_short")]);
}

/// No sentence for the person has a name of a key.
#[track_caller]
fn assert_plain(body: &Value) {
    let fields = body["fields"].as_array().unwrap().iter().map(|field| &field["message"]);
    for message in fields.chain([&body["message"]]) {
        let message = message.as_str().unwrap();
        assert!(!message.is_empty() && !message.contains(['`', '_']), "{body:#}");
    }
}

/// The paths, each with its fields of text.
const TEXTS: [(&str, &str, &[&str]); 22] = [
    ("POST", "/create-account", &["email", "username", "name"]),
    ("POST", "/login", &["email"]),
    ("POST", "/login", &["username"]),
    ("POST", "/password/forgot", &["email", "locale", "continue_url", "refresh_token"]),
    ("POST", "/password/reset", &["challenge", "code"]),
    ("POST", "/login/email", &["email", "locale", "continue_url", "refresh_token"]),
    ("POST", "/login/email/complete", &["challenge", "code"]),
    ("POST", "/me/email/verify", &["locale", "continue_url"]),
    ("POST", "/me/email/verify/complete", &["challenge", "code"]),
    ("POST", "/me/email", &["new_email", "locale", "continue_url"]),
    ("POST", "/me/email/complete", &["challenge", "code"]),
    ("POST", "/exchange", &["provider", "id_token", "nonce", "name", "locale", "link"]),
    ("POST", "/exchange/complete", &["challenge", "code"]),
    ("POST", "/pages/inspect", &["token"]),
    ("POST", "/pages/sign-in", &["token"]),
    ("POST", LINK, &["purpose", "locale", "send"]),
    ("PUT", TEST_CODE, &["code", "until"]),
    ("POST", "/refresh", &["refresh_token"]),
    ("POST", "/logout", &["refresh_token", "everywhere"]),
    ("POST", "/jwt/encode", &["payload", "expires_in"]),
    ("POST", "/jwt/decode", &["token"]),
    ("POST", "/verify", &["token"]),
];

/// A body in which the other fields are right.
fn others(path: &str, field: &str) -> Value {
    let mut body = match path {
        "/create-account" => json!({"email": "new@b.de", "password": PASSWORD}),
        "/login" => json!({"password": PASSWORD}),
        "/logout" => json!({"refresh_token": "A".repeat(43)}),
        "/password/forgot" | "/login/email" => json!({"email": "a@b.de"}),
        "/me/email" => json!({"new_email": "new@b.de", "password": PASSWORD}),
        "/exchange" => json!({"provider": "google", "id_token": "x"}),
        LINK => json!({"purpose": "reset"}),
        TEST_CODE => json!({"code": "482915", "until": "2026-05-27T15:00:00Z"}),
        path if path.ends_with("/complete") => json!({"challenge": "A".repeat(43), "code": "123456"}),
        "/password/reset" => json!({"challenge": "A".repeat(43), "code": "123456", "new_password": PASSWORD}),
        "/jwt/encode" => json!({"payload": {"a": 1}}),
        _ => json!({}),
    };
    body.as_object_mut().unwrap().remove(field);
    body
}

#[tokio::test(start_paused = true)]
async fn a_placeholder_is_told_with_what_to_do_in_the_builders() {
    let service = complete_service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    for (method, path, fields) in TEXTS {
        for field in fields.iter() {
            for mark in
                ["<x>", "[x]", "{{x}}", "${x}", "$x$", "%x%", "{x}", " <x>\n", "<Input x's value>", "{{ user.x }}"]
            {
                let mut body = others(path, field);
                body[*field] = json!(mark.replace('x', field));
                let bytes = body.to_string();
                let answer = send(&service, method, path, &token, body).await.refused(400, "placeholder_not_filled");
                assert_eq!(answer.fields(), [(*field, "placeholder_not_filled")], "{path} {mark}");
                let detail = answer.body["detail"].as_str().unwrap();
                assert!(detail.contains("FlutterFlow") && detail.contains("Bubble"), "{detail}");
                assert_plain(&answer.body);
                let bearer = format!("Bearer {}", token.as_str().unwrap());
                let headers = [&KEYS[..], &[("authorization", &bearer)]].concat();
                let method = method.parse().unwrap();
                let (status, _, told) = by_lambda::send(service.app(), &method, path, &headers, bytes.as_bytes()).await;
                assert_eq!((status, &told["code"]), (400, &"placeholder_not_filled".into()), "{path} {mark}");
            }
        }
    }
    let new = json!({"email": "p@b.de", "password": "<password of mine>"});
    service.post("/create-account", new.clone()).await.is(201);
    service.post("/login", new).await.is(200);
    let call = service.request(Method::POST, "/create-account").header("idempotency-key", "[key]");
    let answer = call.json(json!({"email": "q@b.de", "password": PASSWORD})).await;
    answer.refused(400, "placeholder_not_filled");
    service.get("/verify?check_revoked=%5Bflag%5D").await.refused(400, "token_missing");
    let query = service.request(Method::GET, "/verify?check_revoked=%5Bflag%5D").bearer(&token).send().await;
    query.refused(400, "placeholder_not_filled");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_sees_is_passed_over_around_a_value_and_named_within_it() {
    let service = complete_service().await;
    let user = service.account_with("a@b.de", Some("james"), |_| {}).await;
    let [link, test_code] = ["link", "test-code"].map(|end| format!("/admin/users/{}/{end}", user.id));
    let until = (service.now() + Duration::from_secs(60)).rfc3339();
    for mark in ["\u{feff}", "\u{200b}", "\u{a0}", "\u{ad}", "\u{200e}", "\u{202a}", "\u{2060}", "\r\n", "\t"] {
        for (field, value) in [("email", "a@b.de"), ("username", "james"), ("email", "james")] {
            let body = json!({field: format!("{mark}{value}{mark}"), "password": PASSWORD});
            service.post("/login", body).await.is(200);
        }
        for (method, path, mut body, field, value, status) in [
            // The provider is known, and its token is none.
            ("POST", "/exchange", json!({"id_token": "x"}), "provider", "google", 401),
            ("POST", "/login/email", json!({"email": "a@b.de"}), "continue_url", "https://app.example/in", 200),
            ("POST", &*link, json!({}), "purpose", "reset", 200),
            ("PUT", &*test_code, json!({"code": "482915"}), "until", &*until, 200),
            ("PUT", &*test_code, json!({"until": until}), "code", "482915", 200),
        ] {
            body[field] = json!(format!("{mark}{value}{mark}"));
            let answer = send(&service, method, path, &json!("x"), body).await;
            assert_eq!(answer.status, status, "{mark:?} {path} {field}: {}", answer.body);
        }
        let flag: String = form_urlencoded(mark);
        let call = service.request(Method::GET, &format!("/verify?check_revoked={flag}true{flag}"));
        call.bearer(&json!("x")).send().await.refused(401, "auth/argument-error");
    }
    for (field, value, message) in [
        ("email", "a\u{a0}b@c.de", "The e-mail address has an invisible character (U+00A0) at position 2."),
        ("email", "a@b.de\nc@d.de", "The e-mail address has an invisible character (U+000A) at position 7."),
        ("username", "ja\tmes", "The username has an invisible character (U+0009) at position 3."),
        ("name", "Ja\u{202e}mes", "The name has an invisible character (U+202E) at position 3."),
    ] {
        let mut body = json!({"email": "new@b.de", "password": PASSWORD});
        body[field] = json!(value);
        let answer = service.post("/create-account", body).await.refused(400, "invalid_request");
        assert_eq!(answer.body["message"], message);
    }
    for (key, found) in [("a\u{200b}b", "(U+200B) at position 2"), ("é", "beyond plain ASCII")] {
        let call = service.request(Method::POST, "/create-account").header("idempotency-key", key);
        let answer = call.json(json!({"email": "k@b.de", "password": PASSWORD})).await.refused(400, "invalid_request");
        assert!(answer.body["message"].as_str().unwrap().contains(found), "{}", answer.body);
    }
}

fn form_urlencoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// Any text in any field gets a message about this field alone.
#[tokio::test(start_paused = true)]
async fn no_text_in_a_field_gets_a_message_about_another_field() {
    let service = complete_service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    let mut rng = fastrand::Rng::with_seed(7);
    let letters: Vec<char> = "abcXYZ019@@..-_ <>[]{}$%'\"\\/\u{0}\n\u{200b}\u{a0}\u{202e}é🦀null".chars().collect();
    let words = [
        ("email", "e-mail"),
        ("username", "username"),
        ("name", "The name"),
        ("name", "A name"),
        ("password", "password"),
    ];
    for (method, path, fields) in TEXTS {
        // A logout with a right flag is judged by its token, and this one is a guess.
        for field in fields.iter().filter(|field| **field != "everywhere") {
            for _ in 0..60 {
                let text: String = (0..rng.usize(0..12)).map(|_| letters[rng.usize(..letters.len())]).collect();
                let mut body = others(path, field);
                body[*field] = json!(text);
                // A blank identifier is none, and the one of either kind is asked for.
                if trimmed(&text).is_empty() && *field == "username" {
                    continue;
                }
                let answer = send(&service, method, path, &token, body).await;
                assert!(answer.status.as_u16() < 500, "{path} {field} {text:?}: {}", answer.body);
                assert!(
                    answer.fields().iter().all(|(name, _)| name == field),
                    "{path} {field} {text:?}: {}",
                    answer.body
                );
                // One input box may accept both kinds of identifiers.
                let is_identifier =
                    ["/login", "/password/forgot"].contains(&path) && (*field == "email" || *field == "username");
                // The judge of tokens names what was sent in a token's place.
                let is_judged = field.ends_with("token");
                let about_this = field.trim_start_matches("new_");
                let alien = words.iter().filter(|(about, _)| {
                    !is_judged && *about != about_this && !(is_identifier && *about != "password" && *about != "name")
                });
                for told in answer.body["fields"].as_array().map(Vec::as_slice).unwrap_or_default() {
                    let message = told["message"].as_str().unwrap();
                    let other = alien.clone().find(|(_, word)| message.contains(word));
                    assert_eq!(other, None, "{path} {field} {text:?}: {message}");
                }
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_wrong_idempotency_key_is_told_alone_and_together_with_wrong_fields() {
    const LONG: &str = "A part of the request is too long.";
    const LETTER: &str = "A part of the request has a letter or sign beyond plain ASCII.";
    const UNFILLED: &str = "A value was not filled in by the app.";
    let service = service().await;
    let long = "k".repeat(256);
    let good = json!({"email": "a@b.de", "password": PASSWORD});
    let bodies = [
        (good.clone(), "", &[][..]),
        (json!({"email": "a", "password": PASSWORD}), "This is not an e-mail address.", &["email"]),
        (json!({"email": "a@b.de", "password": "short"}), "A password has at least 8 characters.", &["password"]),
        (json!({"email": "a@b.de", "password": PASSWORD, "phone": "1"}), "", &["phone"]),
    ];
    for (key, told, has_field) in [(long.as_str(), LONG, false), ("é", LETTER, false), ("{{key}}", UNFILLED, true)] {
        for (body, message, names) in &bodies {
            let call = service.request(Method::POST, "/create-account").header("idempotency-key", key);
            let code = if has_field { "placeholder_not_filled" } else { "invalid_request" };
            let answer = call.json(body.clone()).await.refused(400, code);
            let text = answer.body["message"].as_str().unwrap();
            assert!(text.contains(told) && text.contains(message), "{key} {body}: {text}");
            assert_eq!(text == told, names.is_empty(), "{key} {body}: {text}");
            let fields: Vec<&str> = answer.fields().iter().map(|(name, _)| *name).collect();
            let expected: Vec<&str> = names.iter().copied().chain(has_field.then_some("idempotency-key")).collect();
            assert_eq!(fields, expected, "{key} {body}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.to_lowercase().contains("idempotency-key"), "{key} {body}: {detail}");
        }
        // A body that is refused whole is told alone.
        let call = || service.request(Method::POST, "/create-account").header("idempotency-key", key);
        call().body(" ".repeat(16 * 1024 + 1)).send().await.refused(413, "payload_too_large");
        let typed = call().header("content-type", "text/plain").body("{}");
        typed.send().await.refused(415, "unsupported_media_type");
        let text = call().body("{").header("content-type", "application/json").send().await;
        assert!(text.body["message"].as_str().unwrap().contains("not valid JSON"), "{}", text.body);
    }
    service.post("/create-account", good).await.is(201);
}

#[tokio::test(start_paused = true)]
async fn a_field_inside_of_another_or_in_the_query_is_told_by_its_place() {
    let service = service().await;
    let inside = "and it was sent inside of another field: send it at the top level of the body.";
    let in_query = "and it was sent in the query of the URL: send it in the body.";
    let fields =
        json!({"email": "a@b.de", "username": "jim", "password": PASSWORD, "refresh_token": "x", "token": "x"});
    for (path, name) in [
        ("/login", "email"),
        ("/login", "password"),
        ("/create-account", "email"),
        ("/create-account", "password"),
        ("/refresh", "refresh_token"),
        ("/jwt/decode", "token"),
    ] {
        for body in [json!({"data": fields}), json!({"mode": "raw", "raw": fields.to_string()})] {
            let call = service.request(Method::POST, path).json(body.clone()).await.refused(400, "invalid_request");
            let detail = call.body["detail"].as_str().unwrap();
            assert!(detail.contains(&format!("`{name}` is required, {inside}")), "{path} {body}: {detail}");
        }
    }
    for (path, name) in [("/login", "email"), ("/login", "username"), ("/create-account", "email")] {
        let call = service.request(Method::POST, &format!("{path}?{name}=a%40b.de")).json(json!({})).await;
        let detail = call.refused(400, "invalid_request").body["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains(&format!("`{name}` is required, {in_query}")), "{path}: {detail}");
    }
    let answer = service.get("/verify?token=x").await.refused(400, "token_missing");
    assert!(answer.body["detail"].as_str().unwrap().contains("A token in the URL is not read"), "{}", answer.body);
}
