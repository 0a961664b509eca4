//! A page: HTML with one style and one script inside, the one kind of answer that is no JSON.

use aws_lc_rs::digest;
use axum::{
    Extension,
    http::{HeaderName, HeaderValue, header},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};

use crate::http::contract::Document;

/// Keeps a page out of the indexes of search engines.
const ROBOTS: HeaderName = HeaderName::from_static("x-robots-tag");

/// A page that runs its own script and nothing else, and that sends nothing but to this service.
#[derive(Clone, Debug)]
pub struct Page {
    html: String,
    policy: String,
}

impl Page {
    /// A page whose `style` and `script` stand in `html`, each whole in one element. The browser
    /// compares them with their SHA-256 in the page's policy (CSP Level 3, section 6.7.2.4).
    pub fn new(html: String, style: &str, script: &str) -> Self {
        let policy = format!(
            "default-src 'none'; connect-src 'self'; style-src {}; script-src {}; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'",
            source(style),
            source(script),
        );
        Self { html, policy }
    }
}

/// The source of a policy that allows this text alone.
fn source(text: &str) -> String {
    format!("'sha256-{}'", STANDARD.encode(digest::digest(&digest::SHA256, text.as_bytes())))
}

impl IntoResponse for &'static Page {
    /// 200. The address of a page goes to no other site, whatever the page links to.
    fn into_response(self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
            (ROBOTS, HeaderValue::from_static("noindex")),
        ];
        let policy = [(header::CONTENT_SECURITY_POLICY, self.policy.as_str())];
        (Extension(Document), headers, policy, self.html.as_str()).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The hash of the policy's own example (CSP Level 3, section 8.3): `alert('Hello, world.');`.
    #[test]
    fn the_policy_names_the_hashes_of_the_style_and_of_the_script() {
        let page = Page::new(String::new(), "", "alert('Hello, world.');");
        assert_eq!(
            page.policy,
            "default-src 'none'; connect-src 'self'; style-src 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU='; \
             script-src 'sha256-qznLcsROx4GACP2dm0UCKCzCG+HiZ1guq6ZZDob/Tng='; base-uri 'none'; form-action 'none'; \
             frame-ancestors 'none'"
        );
    }
}
