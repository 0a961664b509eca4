//! Tests the documents about the API and the page about errors from the outside.

use axum::http::Method;
use shared::{
    error::codes::CODES,
    testing::{ISSUER, Secrets, SecretsManager, Service},
};

const DOCUMENTS: [&str; 3] = ["/openapi.json", "/openapi-3.0.json", "/flutterflow.json"];

async fn service() -> Service {
    Service::new(console::router()).await
}

#[tokio::test(start_paused = true)]
async fn a_document_names_this_deployment_and_may_be_cached() {
    let service = service().await;
    for path in DOCUMENTS {
        let answer = service.get(path).await.is(200);
        assert_eq!(answer.content_type(), "application/json; charset=utf-8", "{path}");
        assert_eq!(answer.header("cache-control"), "public, max-age=300", "{path}");
        assert_eq!(answer.header("access-control-allow-origin"), "*", "{path}");
        assert_eq!(answer.body["servers"], serde_json::json!([{"url": ISSUER}]), "{path}");
        assert!(!answer.text.contains("YOUR-URL") && !answer.text.contains('\n'), "{path}");
        let download =
            if path == "/flutterflow.json" { "attachment; filename=\"latchkey-flutterflow.json\"" } else { "" };
        assert_eq!(answer.header("content-disposition"), download, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn who_has_the_document_gets_no_second_copy_of_it() {
    let service = service().await;
    let tag = service.get("/openapi.json").await.is(200).header("etag").to_owned();
    for sent in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = service.request(Method::GET, "/openapi.json").header("if-none-match", &sent).send().await.is(304);
        assert_eq!(
            (answer.text.as_str(), answer.header("etag"), answer.content_type()),
            ("", tag.as_str(), ""),
            "{sent}"
        );
    }
    let answer = service.request(Method::GET, "/openapi.json").header("if-none-match", "\"other\"").send().await;
    assert_eq!(answer.is(200).header("etag"), tag);
    let others = [service.get("/openapi-3.0.json").await, service.get("/flutterflow.json").await];
    assert!(others.iter().all(|other| other.header("etag") != tag));
}

#[tokio::test(start_paused = true)]
async fn without_an_issuer_the_gateway_tells_the_url_and_no_header_does() {
    let service = Service::configured(console::router(), &[("ISSUER", "")]).await;
    for domain in ["one.example", "two.example", "one.example"] {
        let answer = service.request(Method::GET, "/flutterflow.json").through(domain).header("host", "evil.example");
        let answer = answer.send().await.is(200);
        assert_eq!(answer.body["servers"][0]["url"], format!("https://{domain}"));
        assert!(!answer.text.contains("evil"));
    }
}

#[tokio::test(start_paused = true)]
async fn neither_a_document_nor_the_page_reads_a_table_or_a_secret() {
    let secrets = SecretsManager::new(Secrets::default());
    let service = Service::deployed(console::router(), &[], &secrets).await;
    for path in DOCUMENTS.into_iter().chain(["/errors"]) {
        service.get(path).await.is(200);
    }
    assert!(service.calls().is_empty() && secrets.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_page_has_an_entry_for_each_code_and_loads_nothing() {
    let service = service().await;
    let answer = service.get("/errors").await.is(200);
    assert_eq!(answer.content_type(), "text/html; charset=utf-8");
    assert_eq!(answer.header("x-content-type-options"), "nosniff");
    assert!(answer.header("content-security-policy").starts_with("default-src 'none'"));
    for code in CODES {
        assert_eq!(answer.text.matches(&format!("id=\"{}\"", code.code)).count(), 1, "{}", code.code);
    }
    for loaded in ["<script", "<link", "<style", "<img", "src=", "style=", "http:", "https:"] {
        assert!(!answer.text.contains(loaded), "{loaded}");
    }
    // Backquotes are for the texts of the program alone.
    assert!(!answer.text.contains('`'));
}

#[tokio::test(start_paused = true)]
async fn the_type_of_an_error_leads_to_an_entry_of_the_page() {
    let service = service().await;
    let refused = service.get("/nothing").await.refused(404, "not_found");
    let (page, code) = refused.body["type"].as_str().unwrap().split_once('#').unwrap();
    let page = service.get(page.strip_prefix(ISSUER).unwrap()).await.is(200);
    assert!(page.text.contains(&format!("id=\"{code}\"")));
}
