//! The origins of web apps, exactly as browsers send them. Any other spelling would never match.

use url::{Origin, ParseError, Url};

use super::Environment;

const NAME: &str = "CORS_ALLOWED_ORIGINS";
/// The schemes of apps that show web pages of their own, and of extensions of browsers. Their
/// origins have a host and nothing else.
const APP_SCHEMES: [&str; 7] =
    ["capacitor", "chrome-extension", "ionic", "moz-extension", "safari-web-extension", "tauri", "app"];
const RULE: &str = "must be * or origins like https://app.example, separated by commas";

/// The origins of `CORS_ALLOWED_ORIGINS`. `None` for `*`.
pub(super) fn read(env: &mut Environment) -> Option<Vec<String>> {
    let text = env.text(NAME).filter(|text| text != "*")?;
    Some(env.list(NAME, RULE, &text, origin))
}

/// The origin that a browser sends for this entry. A slash at the end, and the case of letters, may
/// differ.
///
/// # Errors
///
/// A clause that follows "this one". It quotes nothing but the host and the port of a URL.
pub(super) fn origin(entry: &str) -> Result<String, String> {
    let lower = entry.to_ascii_lowercase();
    if entry == "*" {
        return Err("is *, which stands alone".to_owned());
    } else if lower == "null" {
        return Err("is null, which any page can send from a sandboxed frame".to_owned());
    } else if entry.contains(['"', '\'', '[', ']', '{', '}', '<', '>', '$']) && !entry.contains("://[") {
        return Err("has quotation marks, brackets or a placeholder in it".to_owned());
    } else if entry.contains([';', '|']) || entry.contains(char::is_whitespace) {
        return Err("has white space or a semicolon in it: separate origins by commas".to_owned());
    } else if entry.contains('*') {
        return Err("has a wildcard in it, which no browser sends: name each origin, or use * alone".to_owned());
    } else if !entry.contains("://") {
        return Err("has no scheme: write https:// before it".to_owned());
    } else if let Some(origin) = of_app(&lower) {
        return Ok(origin.to_owned());
    } else if !lower.starts_with("https://") && !lower.starts_with("http://") {
        return Err("begins with neither https:// nor http://".to_owned());
    } else if lower.contains("..") {
        return Err("has a host that is none".to_owned());
    }
    let url = Url::parse(entry).map_err(|error| match error {
        ParseError::InvalidPort => "has a port that is none".to_owned(),
        ParseError::EmptyHost => "has no host".to_owned(),
        _ => "has a host that is none".to_owned(),
    })?;
    sent(entry, &lower, &url)
}

/// The origin of an app or of an extension.
fn of_app(lower: &str) -> Option<&str> {
    let origin = lower.strip_suffix('/').unwrap_or(lower);
    let (scheme, host) = origin.split_once("://")?;
    let is_host = !host.is_empty() && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte));
    (APP_SCHEMES.contains(&scheme) && is_host).then_some(origin)
}

/// Refuses the parts of a URL that browsers leave out, and other spellings of its host.
fn sent(entry: &str, lower: &str, url: &Url) -> Result<String, String> {
    let Origin::Tuple(..) = url.origin() else { return Err("is no origin".to_owned()) };
    let sent = url.origin().ascii_serialization();
    let after_scheme = lower.split_once("://").map_or("", |(_, rest)| rest);
    let authority = after_scheme.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let part = if authority.contains('@') {
        "a user name or a password"
    } else if entry.contains('?') {
        "a query"
    } else if entry.contains('#') {
        "a fragment"
    } else if !matches!(after_scheme.strip_prefix(authority), Some("" | "/")) {
        "a path"
    } else if url.host_str().is_some_and(|host| host.ends_with('.')) {
        "a dot at its end"
    } else if !authority.is_ascii() {
        "letters outside ASCII"
    } else if authority.contains(':') && url.port().is_none() && !authority.ends_with(']') {
        "the default port"
    } else if lower.strip_suffix('/').unwrap_or(lower) != sent || url.port() == Some(0) {
        "another spelling"
    } else {
        return Ok(sent);
    };
    Err(format!("has {part}, which browsers do not send: write {}", sent.trim_end_matches('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_an_origin_exactly_as_browsers_send_it() {
        for (entry, sent) in [
            ("https://app.example", "https://app.example"),
            ("https://app.example/", "https://app.example"),
            ("HTTPS://App.Example", "https://app.example"),
            ("http://localhost:3000", "http://localhost:3000"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://[::1]:3000", "http://[::1]:3000"),
            ("https://xn--mnchen-3ya.example", "https://xn--mnchen-3ya.example"),
            ("https://my_app.example", "https://my_app.example"),
            ("capacitor://localhost", "capacitor://localhost"),
            (
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop/",
                "chrome-extension://abcdefghijklmnopabcdefghijklmnop",
            ),
            ("http://app.example:443", "http://app.example:443"),
        ] {
            assert_eq!(origin(entry).as_deref(), Ok(sent), "{entry}");
        }
    }

    #[test]
    fn an_entry_that_no_browser_sends_is_refused_with_what_is_sent() {
        for (entry, words) in [
            ("*", "stands alone"),
            ("null", "sandboxed frame"),
            ("\"https://app.example\"", "quotation marks"),
            ("[\"https://app.example\"]", "quotation marks"),
            ("https://${HOST}", "a placeholder"),
            ("https://a.example https://b.example", "separate origins by commas"),
            ("https://a.example;https://b.example", "separate origins by commas"),
            ("https://*.app.example", "a wildcard"),
            ("*.app.example", "a wildcard"),
            ("app.example", "write https:// before it"),
            ("localhost:3000", "write https:// before it"),
            ("//app.example", "write https:// before it"),
            ("ftp://app.example", "neither https:// nor http://"),
            ("file:///", "neither https:// nor http://"),
            ("capacitor://localhost/app", "neither https:// nor http://"),
            ("https://app..example", "a host that is none"),
            ("https://", "has no host"),
            ("https://app.example:port", "a port that is none"),
            ("https://app.example:99999", "a port that is none"),
            ("https://a b", "separate origins by commas"),
            ("https://app.example:443", "the default port, which browsers do not send: write https://app.example"),
            ("http://app.example:80", "write http://app.example"),
            ("https://app.example:", "write https://app.example"),
            ("https://[::1]:443", "write https://[::1]"),
            ("https://user:hunter2@app.example", "a password, which browsers do not send: write https://app.example"),
            ("https://app.example?x=hunter2", "a query"),
            ("https://app.example/?", "a query"),
            ("https://app.example#hunter2", "a fragment"),
            ("https://app.example/app", "a path"),
            ("https://app.example//", "a path"),
            ("https://app.example./", "a dot at its end, which browsers do not send: write https://app.example"),
            ("https://münchen.example", "write https://xn--mnchen-3ya.example"),
            ("http://[0:0:0:0:0:0:0:1]:3000", "write http://[::1]:3000"),
            ("http://127.1:3000", "write http://127.0.0.1:3000"),
            ("https://%61pp.example", "write https://app.example"),
            ("https://app.example:0443", "write https://app.example"),
            ("https://app.example:08080", "write https://app.example:8080"),
            ("https:\\\\app.example", "write https:// before it"),
            ("https://app.example\\", "write https://app.example"),
        ] {
            let why = origin(entry).expect_err(entry);
            assert!(why.contains(words) && !why.contains("hunter2"), "{entry}: {why}");
        }
    }
}
