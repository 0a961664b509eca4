//! URLs that are almost right, other methods, and secrets in a query.

use axum::http::Method;
use shared::{http::paths::PATHS, testing::Service};

use super::{by_lambda, service};

/// URLs, each with the path that was meant.
const ALMOST: [(&str, &str); 30] = [
    ("/login/", "/login"),
    ("//login", "/login"),
    ("/Login", "/login"),
    ("/LOGIN", "/login"),
    ("/login%20", "/login"),
    ("/login%0A", "/login"),
    ("/login%3Fa=b", "/login"),
    ("/%22/login%22", "/login"),
    ("/prod/login", "/login"),
    ("/Prod/login", "/login"),
    ("/default/login", "/login"),
    ("/api/login", "/login"),
    ("/v1/login", "/login"),
    ("/auth/login", "/login"),
    ("/api/v1/auth/login", "/login"),
    ("/signin", "/login"),
    ("/log-in", "/login"),
    ("/signup", "/create-account"),
    ("/register", "/create-account"),
    ("/create_account", "/create-account"),
    ("/createAccount", "/create-account"),
    ("/create-account/", "/create-account"),
    ("/Refresh", "/refresh"),
    ("/logout/", "/logout"),
    ("/verify%20", "/verify"),
    ("/me/", "/me"),
    ("/Me/Password", "/me/password"),
    ("/JWT/encode", "/jwt/encode"),
    ("/.well-known/jwks", "/.well-known/jwks.json"),
    ("/healthz", "/health"),
];

#[tokio::test(start_paused = true)]
async fn a_url_that_is_almost_right_is_a_404_that_names_the_path() {
    let service = service().await;
    for method in [Method::GET, Method::POST, Method::DELETE] {
        for (url, meant) in ALMOST {
            let sentence = format!("There is nothing at this path. Perhaps {meant} was meant.");
            let answer = service.request(method.clone(), url).send().await.refused(404, "not_found");
            assert_eq!(answer.body["message"], sentence, "{url}");
            assert!(answer.body["detail"].as_str().unwrap().starts_with(&sentence), "{url}");
            assert_eq!(answer.header("location"), "");
            let (status, _, body) = by_lambda::send(service.app(), &method, url, &[], b"").await;
            assert_eq!((status, &body["message"]), (404, &sentence.into()), "{url}");
        }
        for url in ["/nothing", "/favicon.ico", "/.env", "/%00"] {
            let answer = service.request(method.clone(), url).send().await.refused(404, "not_found");
            assert_eq!(answer.body["message"], "There is nothing at this path.", "{url}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn another_method_is_a_405_that_names_the_methods() {
    let service = service().await;
    for (method, path, sentence) in [
        (Method::GET, "/login", "This path accepts POST, and cannot be opened in a browser."),
        (Method::PUT, "/login", "This path does not accept this method. It accepts POST."),
        (Method::DELETE, "/verify", "This path does not accept this method. It accepts GET and POST."),
        (Method::POST, "/me", "This path does not accept this method. It accepts GET, PATCH and DELETE."),
        (Method::GET, "/me/password", "This path accepts POST, and cannot be opened in a browser."),
        (Method::PATCH, "/me/sessions/x", "This path does not accept this method. It accepts DELETE."),
        (Method::POST, "/health", "This path does not accept this method. It accepts GET."),
    ] {
        let answer = service.request(method.clone(), path).send().await.refused(405, "method_not_allowed");
        assert_eq!(answer.body["message"], sentence, "{method} {path}");
        assert!(!answer.header("allow").is_empty());
        let (status, _, body) = by_lambda::send(service.app(), &method, path, &[], b"").await;
        assert_eq!((status, &body["message"]), (405, &sentence.into()), "{method} {path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_path_answers_a_head_and_an_options() {
    let service = service().await;
    for (path, methods) in PATHS {
        let path = path.replace("{id}", "x").replace("guides/{name}", "guides/bubble.md");
        let path = path.replace("{version}/{name}", "0/console.js");
        let options = service.request(Method::OPTIONS, &path).send().await.is(200);
        // No page of another origin may call the paths of admins, which no key opens here.
        let is_admin = path.starts_with("/admin/");
        assert_eq!(options.header("access-control-allow-methods").contains("POST"), !is_admin, "{path}");
        let head = service.request(Method::HEAD, &path).send().await;
        let is_known = methods.contains(&"GET") == (head.status != 405);
        let is_expected =
            if is_admin && is_known { matches!(head.status.as_u16(), 405 | 501) } else { head.status.as_u16() < 500 };
        assert!(is_known && is_expected && head.status != 404, "{path}: {}", head.status);
    }
}

/// The list of paths stands in the library, as a function of Lambda knows its own routes alone.
#[tokio::test(start_paused = true)]
async fn the_list_of_paths_is_that_of_the_routers() {
    let service = service().await;
    for (path, methods) in PATHS {
        let url = path.replace("{id}", "x");
        let allowed = service.request(Method::from_bytes(b"BREW").unwrap(), &url).send().await;
        let mut told: Vec<_> = allowed.header("allow").split(',').filter(|name| !["", "HEAD"].contains(name)).collect();
        let mut listed = methods.to_vec();
        told.sort_unstable();
        listed.sort_unstable();
        assert_eq!(told, listed, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_in_the_query_of_a_change_is_refused_and_not_repeated() {
    let service = service().await;
    let message = "A secret was sent in the address of the request, so it was refused.";
    for (method, path) in
        [(Method::POST, "/login"), (Method::POST, "/refresh"), (Method::PATCH, "/me"), (Method::PUT, "/nothing")]
    {
        for name in ["password", "current_password", "new_password", "refresh_token", "token", "Password", "pass%77ord"]
        {
            let url = format!("{path}?a=b&{name}=hunter2");
            let answer = service.request(method.clone(), &url).send().await.refused(400, "secret_in_query");
            assert_eq!(answer.body["message"], message, "{url}");
            assert!(!answer.body.to_string().contains("hunter2"), "{url}");
            let (status, _, body) = by_lambda::send(service.app(), &method, &url, &[], b"").await;
            assert_eq!((status, &body["code"]), (400, &"secret_in_query".into()), "{url}");
        }
    }
    only_secrets_are_refused(&service).await;
}

async fn only_secrets_are_refused(service: &Service) {
    service.get("/login?password=hunter2").await.refused(405, "method_not_allowed");
    service.request(Method::POST, "/login?password=").send().await.refused(400, "invalid_request");
    service.request(Method::POST, "/login?utm_source=x").send().await.refused(400, "invalid_request");
}
