//! The HTTP contract, on every path of the merged router.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod addresses;
mod by_lambda;
mod by_socket;
mod fields;
mod mistakes;
mod passwords;
mod supabase;

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{PATIENCE, Service, service_account};

const PATHS: [(&str, &str); 37] = [
    ("POST", "/create-account"),
    ("POST", "/login"),
    ("POST", "/refresh"),
    ("POST", "/logout"),
    ("POST", "/verify"),
    ("POST", "/password/forgot"),
    ("POST", "/password/reset"),
    ("POST", "/login/email"),
    ("POST", "/login/email/complete"),
    ("POST", "/me/email/verify"),
    ("POST", "/me/email/verify/complete"),
    ("POST", "/pages/inspect"),
    ("POST", "/pages/reset"),
    ("POST", "/pages/verify"),
    ("POST", "/pages/disown"),
    ("POST", "/pages/email"),
    ("POST", "/pages/undo"),
    ("POST", "/pages/sign-in"),
    ("POST", "/me/email"),
    ("POST", "/me/email/complete"),
    ("POST", "/exchange"),
    ("POST", "/exchange/complete"),
    ("GET", "/me/identities"),
    ("POST", "/oauth/token"),
    ("POST", "/oauth/revoke"),
    ("GET", "/oauth/userinfo"),
    ("POST", "/jwt/encode"),
    ("POST", "/jwt/decode"),
    ("PATCH", "/me"),
    ("POST", "/me/delete"),
    ("POST", "/me/password"),
    ("DELETE", "/me"),
    ("GET", "/me/sessions"),
    ("DELETE", SESSION),
    ("GET", "/.well-known/jwks.json"),
    ("GET", "/health"),
    ("GET", "/pages/reset"),
];

/// A path without a body.
const SESSION: &str = "/me/sessions/AAAAAAAAAAAAAAAA";

/// The paths that read a body. Each has a token, because some paths check it before the body.
async fn with_body(service: &Service) -> Vec<(Method, &'static str, Value)> {
    let user = service.account("a@b.de").await;
    let mut paths = Vec::new();
    for (method, path) in PATHS.into_iter().filter(|(method, path)| *method != "GET" && *path != SESSION) {
        // A logout by its token would end the session of the other paths.
        let token = service.session(&user).await["access_token"].clone();
        paths.push((method.parse().unwrap(), path, token));
    }
    paths
}

const API_KEY: &str = "a server's key of 32 characters or more";

async fn service() -> Service {
    service_with(&[]).await
}

/// The service with these variables besides.
async fn service_with(more: &[(&str, &str)]) -> Service {
    let secret = "a shared secret of more than 32 bytes";
    let variables =
        [("FIREBASE_SERVICE_ACCOUNT", service_account()), ("JWT_SHARED_SECRET", secret), ("API_KEY", API_KEY)];
    Service::configured(latchkey::router(), &[&variables, more].concat()).await
}

#[tokio::test(start_paused = true)]
async fn an_unknown_path_and_a_wrong_method_are_in_the_usual_envelope() {
    let service = service().await;
    for path in ["/nothing", "/login/", "/Login", "/.well-known", "/%00"] {
        service.get(path).await.refused(404, "not_found");
    }
    for (_, path) in PATHS {
        let answer = service.request(Method::PUT, path).send().await.refused(405, "method_not_allowed");
        assert!(!answer.header("allow").is_empty(), "{path}");
    }
    let answer = service.get("/login").await.refused(405, "method_not_allowed");
    assert_eq!(answer.header("allow"), "POST");
}

#[tokio::test(start_paused = true)]
async fn every_body_is_bounded_and_of_a_known_type() {
    let service = service().await;
    for (method, path, token) in with_body(&service).await {
        let call = || service.request(method.clone(), path).bearer(&token).header("x-api-key", API_KEY);
        let largest = format!("{{{}}}", " ".repeat(16 * 1024 - 2));
        assert_ne!(call().header("content-type", "application/json").body(largest).send().await.status, 413, "{path}");
        call().body(" ".repeat(16 * 1024 + 1)).send().await.refused(413, "payload_too_large");
        for content_type in
            ["text/plain", "multipart/form-data; boundary=x", "application/json; charset=latin1", "json"]
        {
            let answer = call().header("content-type", content_type).body("{}").send().await;
            answer.refused(415, "unsupported_media_type");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_without_a_type_is_json_and_a_type_may_name_its_charset() {
    let service = service().await;
    let body = json!({"email": "x@b.de", "password": "correct horse"}).to_string();
    service.request(Method::POST, "/create-account").body(body.clone()).send().await.is(201);
    for content_type in ["application/json", "Application/JSON; charset=UTF-8", "application/json;charset=\"utf-8\""] {
        let call = service.request(Method::POST, "/login").header("content-type", content_type).body(body.clone());
        call.send().await.is(200);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sane_request_id_is_kept_and_any_other_is_replaced() {
    let service = service().await;
    let id = async |given: &str| {
        let answer = service.request(Method::POST, "/login").header("x-request-id", given).send().await;
        let answer = answer.refused(400, "invalid_request");
        answer.header("x-request-id").to_owned()
    };
    assert_eq!(id("Root=1-67891233-abcdef012345678912345678").await, "Root=1-67891233-abcdef012345678912345678");
    for given in ["", "a b", "é", "a\"b", &"x".repeat(129)] {
        assert_eq!(id(given).await.len(), 36, "{given}");
    }
    assert_eq!(service.get("/health").await.header("x-request-id").len(), 36);
}

#[tokio::test(start_paused = true)]
async fn errors_are_problem_documents_on_request() {
    let service = service().await;
    let call = |accept: &str| service.request(Method::GET, "/nothing").header("accept", accept).send();
    assert_eq!(call("application/problem+json").await.content_type(), "application/problem+json");
    assert_eq!(call("text/html, application/problem+json;q=0.5").await.content_type(), "application/problem+json");
    assert_eq!(call("*/*").await.content_type(), "application/json; charset=utf-8");
    let health = service.request(Method::GET, "/health").header("accept", "application/problem+json").send().await;
    assert_eq!(health.content_type(), "application/json; charset=utf-8");
}

#[tokio::test(start_paused = true)]
async fn no_browser_guesses_a_type_and_one_that_came_by_tls_stays_with_it() {
    let secret = "a-secret-of-the-proxy-and-nobody-else";
    let service = Service::configured(latchkey::router(), &[("TRUSTED_PROXY_SECRET", secret)]).await;
    let by_proxy = [("x-trusted-proxy-secret", secret), ("x-forwarded-proto", "https")];
    for (method, path) in
        [("GET", "/health"), ("GET", "/nothing"), ("PUT", "/login"), ("POST", "/login"), ("OPTIONS", "/me")]
    {
        for (headers, tls) in [(&by_proxy[..], "max-age=31536000"), (&by_proxy[1..], "")] {
            let call = service.request(method.parse().unwrap(), path);
            let call = headers.iter().fold(call, |call, (name, value)| call.header(name, value));
            let answer = call.send().await;
            assert_eq!(answer.header("x-content-type-options"), "nosniff", "{method} {path}");
            assert_eq!(answer.header("strict-transport-security"), tls, "{method} {path}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_changes_the_direction_of_text_is_a_mistake_in_its_field() {
    let service = service().await;
    let token = service.session(&service.account("a@b.de").await).await["access_token"].clone();
    for name in ["James\u{202e}nosliW", "\u{2066}James", "Ja\u{61c}mes", "James\u{200f}x"] {
        let new = json!({"email": "c@d.de", "password": "correct horse battery staple", "name": name});
        let create = service.post("/create-account", new).await.refused(400, "invalid_request");
        let patch = service.request(Method::PATCH, "/me").bearer(&token).json(json!({"name": name})).await;
        for answer in [create, patch.refused(400, "invalid_request")] {
            assert_eq!(answer.fields(), [("name", "invalid_name")], "{name:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn past_the_proxy_nothing_is_answered_but_a_probe() {
    let secret = "a-secret-of-the-proxy-and-nobody-else";
    let variables = [("TRUSTED_PROXY_SECRET", secret), ("BEHIND_PROXY", "true")];
    let service = Service::configured(latchkey::router(), &variables).await;
    for (method, path) in PATHS.into_iter().filter(|(_, path)| *path != "/health") {
        let call = || service.request(method.parse().unwrap(), path).header("origin", "https://app.example");
        let answer = call().send().await.refused(403, "proxy_required");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        call().header("x-trusted-proxy-secret", secret).send().await.refused(400, "forwarded_address_missing");
        let through = call().header("x-trusted-proxy-secret", secret).header("x-forwarded-for", "192.0.2.1");
        let answer = through.send().await;
        // The calls of the pages are for no other origin.
        let is_other_origin = path.starts_with("/pages/") && answer.body["code"] == "cross_origin";
        assert!(answer.status != 403 || is_other_origin, "{path}: {}", answer.status);
    }
    service.get("/health").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_preflight_is_answered_on_every_path() {
    let service = service().await;
    for (method, path) in PATHS {
        let call = service.request(Method::OPTIONS, path).header("origin", "https://app.example");
        let asked = "authorization,x-client-info,sentry-trace,apikey";
        let call = call.header("access-control-request-method", method).header("access-control-request-headers", asked);
        let answer = call.send().await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-allow-methods"), "GET,POST,PUT,PATCH,DELETE,OPTIONS");
        assert_eq!(answer.header("access-control-allow-headers"), asked);
        assert_eq!(answer.header("access-control-max-age"), "86400");
        assert_eq!(answer.header("access-control-allow-credentials"), "");
        assert_eq!(answer.content_type(), "application/json; charset=utf-8");
    }
}

#[tokio::test(start_paused = true)]
async fn success_and_refusal_alike_may_be_read_by_any_origin() {
    let service = service().await;
    for (path, status) in [("/health", 200), ("/nothing", 404), ("/login", 405)] {
        let answer = service.request(Method::GET, path).header("origin", "https://app.example").send().await.is(status);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("access-control-expose-headers"), "retry-after,x-request-id,x-supabase-api-version");
    }
}

#[tokio::test(start_paused = true)]
async fn only_the_listed_origins_may_read_where_there_is_a_list() {
    let list = [("CORS_ALLOWED_ORIGINS", "https://app.example, https://b.example/")];
    let service = Service::configured(latchkey::router(), &list).await;
    for (origin, allowed) in [
        ("https://app.example", "https://app.example"),
        ("https://b.example", "https://b.example"),
        ("https://evil.example", ""),
        ("null", ""),
    ] {
        let answer = service.request(Method::GET, "/health").header("origin", origin).send().await.is(200);
        assert_eq!(answer.header("access-control-allow-origin"), allowed);
        assert!(answer.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("origin")));
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_names_its_kind_by_a_uri_of_this_service() {
    let service = service().await;
    let answer = service.get("/nothing").await.refused(404, "not_found");
    assert_eq!(answer.body["type"], "https://login.example/errors#not_found");
    assert_eq!(answer.body["title"], "Not found");
    let keys: Vec<_> = answer.body.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(keys, ["code", "detail", "fields", "message", "next", "request_id", "status", "title", "type"]);
    assert_eq!(answer.body["next"], json!({}));
}

#[tokio::test(start_paused = true)]
async fn a_missing_table_is_503_and_says_nothing_of_it() {
    let service = service().await;
    let (user, table) = (service.account("a@b.de").await, service.app().config().table_name.clone());
    let session = service.session(&user).await;
    service.client().delete_table().table_name(table).send().await.unwrap();
    let calls = [
        ("/create-account", json!({"email": "c@d.de", "password": "correct horse"})),
        ("/login", json!({"email": "a@b.de", "password": "correct horse"})),
        ("/refresh", json!({"refresh_token": session["refresh_token"]})),
        ("/logout", json!({"refresh_token": session["refresh_token"], "everywhere": true})),
    ];
    for (path, body) in calls {
        let answer = service.post(path, body).await.refused(503, "unavailable");
        assert_eq!(answer.header("retry-after"), "1");
        assert!(!answer.body.to_string().to_lowercase().contains("dynamo"), "{}", answer.body);
    }
    let call = service.request(Method::GET, "/me").bearer(&session["access_token"]);
    call.send().await.refused(503, "unavailable");
    service.post("/verify", json!({"token": session["access_token"]})).await.is(200);
    service.get("/health").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn keys_that_cannot_be_loaded_are_503_until_they_can() {
    let folder = tempfile::TempDir::new().unwrap();
    let file = folder.path().join("account.json");
    let variables = [("FIREBASE_SERVICE_ACCOUNT", file.to_str().unwrap())];
    let service = Service::configured(latchkey::router(), &variables).await;
    let login = async || service.post("/login", json!({"email": "a@b.de", "password": "correct horse"})).await;
    login().await.refused(503, "unavailable");
    std::fs::write(&file, "{}").unwrap();
    let answer = login().await.refused(503, "unavailable");
    assert!(!answer.body.to_string().contains("account"), "{}", answer.body);
    service.get("/health").await.is(200);
    std::fs::write(&file, service_account()).unwrap();
    login().await.refused(401, "invalid_credentials");
}

#[tokio::test(start_paused = true)]
async fn a_panic_is_a_500_and_the_next_request_is_served() {
    async fn panics() -> &'static str {
        panic!("on purpose")
    }
    let router = latchkey::router().route("/panic", axum::routing::get(panics));
    let service = Service::new(router).await;
    let answer = service.request(Method::GET, "/panic").header("origin", "https://app.example").send().await;
    let answer = answer.refused(500, "internal_error");
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    assert!(!answer.body.to_string().contains("purpose"));
    service.get("/health").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn a_malformed_record_is_a_500_and_says_nothing_of_it() {
    let service = service().await;
    let record = [("pk", "LOGIN#a@b.de"), ("email", "a@b.de")];
    let item =
        record.map(|(key, value)| (key.to_owned(), aws_sdk_dynamodb::types::AttributeValue::S(value.to_owned())));
    let put = service.client().put_item().table_name(&service.app().config().table_name);
    put.set_item(Some(item.into_iter().collect())).send().await.unwrap();
    let answer = service.post("/login", json!({"email": "a@b.de", "password": "correct horse"})).await;
    assert_eq!(answer.refused(500, "internal_error").body["message"], "Something went wrong on our side.");
}

#[tokio::test(start_paused = true)]
async fn the_issuer_is_the_gateways_own_domain_and_never_a_header() {
    let service = Service::configured(latchkey::router(), &[("ISSUER", "")]).await;
    let discovery = || service.request(Method::GET, "/.well-known/openid-configuration").header("host", "evil.example");
    let answer = discovery().header("x-forwarded-host", "evil.example").through("login.example").send().await.is(200);
    assert_eq!(answer.body["issuer"], "https://login.example");
    discovery().send().await.refused(500, "internal_error");
}

#[tokio::test(start_paused = true)]
async fn what_hangs_is_answered_in_time_and_the_next_request_is_served() {
    let router = latchkey::router().route("/hangs", axum::routing::get(std::future::pending::<&'static str>));
    let service = Service::new(router).await;
    let call = service.request(Method::GET, "/hangs").header("origin", "https://app.example");
    let answer = call.within(std::time::Duration::from_millis(20)).send().await.refused(503, "unavailable");
    assert_eq!((answer.header("retry-after"), answer.header("access-control-allow-origin")), ("1", "*"));
    service.get("/health").await.is(200);
}

#[tokio::test(start_paused = true)]
async fn what_builders_send_for_nothing_and_for_true_is_understood() {
    let service = service().await;
    let session = service.session(&service.account("a@b.de").await).await;
    let body =
        format!("\u{feff}{}", json!({"email": " A@B.DE ", "username": null, "password": shared::testing::PASSWORD}));
    service.request(Method::POST, "/login").body(body).send().await.is(200);
    let get = service.request(Method::GET, "/verify?check_revoked=").header("content-type", "text/plain");
    get.bearer(&session["access_token"]).send().await.is(200);
    // White space is no part of a token, and is taken off.
    let spaced = json!({"token": format!(" {}\n", session["access_token"].as_str().unwrap())});
    service.post("/verify", spaced).await.is(200);
    let body =
        json!({"refresh_token": format!(" {} ", session["refresh_token"].as_str().unwrap()), "everywhere": "Yes"});
    assert_eq!(service.post("/logout", body).await.is(200).body["sessions_ended"], 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn changes_at_once_are_all_made() {
    let service = service().await;
    let user = service.account("a@b.de").await;
    let token = service.session(&user).await["access_token"].clone();
    let bodies = [json!({"name": "Jim"}), json!({"username": "jim"}), json!({"name": "Jim"})];
    let calls: Vec<_> = bodies
        .into_iter()
        .map(|body| tokio::spawn(service.request(Method::PATCH, "/me").within(PATIENCE).bearer(&token).json(body)))
        .collect();
    for call in calls {
        call.await.unwrap().is(200);
    }
    let stored = service.stored(&user).await.unwrap();
    // The name may move into a profile twice at once. Once is enough.
    assert_eq!((stored.name.as_str(), stored.username.as_deref(), stored.version), ("Jim", Some("jim"), 2));
}
