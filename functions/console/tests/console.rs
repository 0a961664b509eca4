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
    let named = ["/errors", "/", "/console/config.json", "/console/errors.json", "/console/guides/bubble.md"];
    let scripts = scripts(&service).await;
    assert!(scripts.len() >= 7, "{scripts:?}");
    let files = scripts.iter().map(String::as_str).chain(["/console/0/console.css"]);
    for path in DOCUMENTS.into_iter().chain(named).chain(files) {
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
    // The style of the pages is all that it loads, and it can do without.
    let text = answer.text.replacen("<link rel=\"stylesheet\" href=\"/console/", "", 1);
    for loaded in ["<script", "<link", "<style", "<img", "src=", "style=", "http:", "https:"] {
        assert!(!text.contains(loaded), "{loaded}");
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

#[tokio::test(start_paused = true)]
async fn a_page_and_its_files_are_compressed_for_whoever_accepts_it_and_are_sent_once() {
    let service = service().await;
    let style = files(&service.get("/").await.is(200).text)[0].to_owned();
    assert!(style.ends_with(".css"), "{style}");
    for path in ["/", "/errors", "/console/guides/bubble.md", &style] {
        let asked = async |name, value: &str| service.request(Method::GET, path).header(name, value).send().await;
        let plain = service.get(path).await.is(200);
        let tag = plain.header("etag").to_owned();
        let zipped = asked("accept-encoding", "br, gzip;q=0.5").await.is(200);
        assert_eq!((plain.header("content-encoding"), zipped.header("content-encoding")), ("", "gzip"), "{path}");
        assert_eq!(zipped.header("etag"), format!("{}-gzip\"", tag.trim_end_matches('"')), "{path}");
        for refused in ["gzip;q=0", "br", "identity", "*", ""] {
            let answer = asked("accept-encoding", refused).await.is(200);
            assert_eq!((answer.header("content-encoding"), &answer.text), ("", &plain.text), "{path} {refused}");
        }
        for known in [tag.as_str(), zipped.header("etag")] {
            let answer = asked("if-none-match", known).await.is(304);
            assert_eq!((answer.text.as_str(), answer.header("etag")), ("", tag.as_str()), "{path}");
            assert_eq!(answer.header("cache-control"), plain.header("cache-control"), "{path}");
        }
        assert_eq!(asked("if-none-match", "\"another\"").await.is(200).text, plain.text, "{path}");
    }
}

/// The path of every script that the page loads sooner or later.
async fn scripts(service: &Service) -> Vec<String> {
    let mut wanted = vec!["/console/0/console.js".to_owned()];
    let mut seen = 0;
    while let Some(path) = wanted.get(seen).cloned() {
        let text = service.get(&path).await.is(200).text;
        for part in text.split("\"./").skip(1) {
            let import = format!("/console/0/{}", part.split('"').next().unwrap_or_default());
            if !wanted.contains(&import) {
                wanted.push(import);
            }
        }
        seen += 1;
    }
    wanted
}

/// The files that a page names.
fn files(page: &str) -> Vec<&str> {
    page.split('"').filter(|part| part.starts_with("/console/")).collect()
}

#[tokio::test(start_paused = true)]
async fn the_page_names_its_files_and_each_may_be_kept() {
    let service = service().await;
    let page = service.get("/").await.is(200);
    assert_eq!((page.content_type(), page.header("cache-control")), ("text/html; charset=utf-8", "no-cache"));
    let policy = page.header("content-security-policy");
    assert!(policy.contains("script-src 'self';") && policy.contains("trusted-types 'none'"), "{policy}");
    assert!(page.text.contains(&format!("curl -sS '{ISSUER}/login'")));
    let files = files(&page.text);
    assert_eq!(files.len(), 3, "{files:?}");
    for path in files.into_iter().filter(|path| *path != "/console/config.json") {
        let file = service.get(path).await.is(200);
        assert!(file.header("cache-control").contains("immutable"), "{path}");
        let other = service.get(&path.replacen("/console/", "/console/0", 1)).await.is(200);
        assert_eq!((other.text.as_str(), other.header("cache-control")), (file.text.as_str(), "no-cache"), "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn every_script_that_a_script_imports_is_there_and_so_is_every_guide() {
    let service = service().await;
    let scripts = scripts(&service).await;
    assert!(scripts.len() >= 7, "{scripts:?}");
    let list = service.get("/console/0/builders.js").await.is(200).text;
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides");
    for file in std::fs::read_dir(folder).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        assert!(service.get(&format!("/console/guides/{name}")).await.is(200).text.starts_with("# "), "{name}");
        let listed = format!("{}: ", name.trim_end_matches(".md"));
        assert!(list.contains(&listed), "{name} is not in the list of builders");
    }
    for nothing in ["/console/0/nothing.js", "/console/guides/nothing.md", "/console/guides/console.js"] {
        service.get(nothing).await.refused(404, "not_found");
    }
}

#[tokio::test(start_paused = true)]
async fn the_settings_of_the_page_hold_no_secret() {
    let secret = "a shared secret that only this test knows";
    let settings = [("JWT_SHARED_SECRET", secret), ("API_KEY", secret), ("FIREBASE_PROJECT_ID", "my-app")];
    let service = Service::configured(console::router(), &settings).await;
    let answer = service.get("/console/config.json").await.is(200);
    assert!(!answer.text.contains(secret));
    assert_eq!((&answer.body["base_url"], &answer.body["firebase_project_id"]), (&ISSUER.into(), &"my-app".into()));
    assert_eq!(answer.body["features"]["shared_secret"], true);
}

#[tokio::test(start_paused = true)]
async fn the_pages_can_be_turned_off_and_the_documents_stay() {
    let service = Service::configured(console::router(), &[("CONSOLE", "off")]).await;
    for path in ["/", "/console/config.json", "/console/errors.json", "/console/guides/bubble.md", "/console/0/try.js"]
    {
        service.get(path).await.refused(404, "not_found");
    }
    service.get("/openapi.json").await.is(200);
    service.get("/errors").await.is(200);
}
