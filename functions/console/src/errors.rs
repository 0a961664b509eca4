//! `/errors`: the page about every code of an error. The `type` of each error leads to its code.

use std::sync::LazyLock;

use axum::{
    http::{HeaderMap, HeaderValue, header},
    response::Response,
};
use shared::error::codes::{CODES, Code};

use crate::{document::CACHED, files, kept::Kept};

/// The style of the pages, no script, no other host.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
);

const HEAD: &str = r#"<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<title>Errors of this login service</title>
<link rel="stylesheet" href="{style}">
<main>
<h1>Errors</h1>
<p>Every error has a <code>code</code>. Each code is explained here, with the next step.</p>
"#;

/// 200 with the page; 304 if the caller has it.
pub async fn page(headers: HeaderMap) -> Response {
    static PAGE: LazyLock<Kept> = LazyLock::new(|| Kept::new(text()));
    let mut response = PAGE.answer(&headers, files::HTML, CACHED);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}

fn text() -> String {
    let entries: String = CODES.iter().map(entry).collect();
    let head = HEAD.replace("{style}", &files::path("console.css"));
    format!("{head}{entries}<p><a href=\"/\">All pages of this service</a></p>\n</main>\n</html>\n")
}

/// The entry of a code. Its id is the fragment of the error's `type`.
fn entry(entry: &Code) -> String {
    let Code { code, statuses, reason, mender, cure } = entry;
    let statuses = statuses.iter().map(u16::to_string).collect::<Vec<_>>().join(" or ");
    format!(
        "<section id=\"{code}\" class=\"target\">\n<h2><code>{code}</code></h2>\n<p>Status {statuses}: {}.</p>\n\
         <p>{}</p>\n<p class=\"quiet\">It can be mended by {}.</p>\n</section>\n",
        written(reason),
        written(cure),
        mender.name(),
    )
}

/// A sentence in HTML. Texts between backquotes are code.
fn written(text: &str) -> String {
    let escaped = files::escaped(text);
    let parts = escaped.split('`').enumerate();
    parts.map(|(at, part)| if at % 2 == 1 { format!("<code>{part}</code>") } else { part.to_owned() }).collect()
}
