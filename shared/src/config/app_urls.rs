//! The apps that people go on to from the pages, and the URLs of those apps.
//!
//! A request names the page to go on to, and a page of this service sends the person there. So a
//! URL must begin with an entry, letter for letter, and a browser must read the same in it (WHATWG
//! URL). No other spelling of a host has to be understood by that.

use std::fmt;

use url::Url;

use super::{Environment, http::is_of_one_machine, origins};

const NAME: &str = "APP_URLS";
const RULE: &str = "must be origins like https://app.example, or schemes like myapp://, separated by commas";
/// The longest URL, in bytes. The record of each mail may have one.
const URL_BYTES_MAX: usize = 512;
/// Schemes of browsers and of systems. A page that sends people there does something else than to
/// open an app.
const NO_APPS: [&str; 26] = [
    "about",
    "android-app",
    "blob",
    "chrome",
    "content",
    "data",
    "facetime",
    "file",
    "filesystem",
    "ftp",
    "ftps",
    "intent",
    "jar",
    "javascript",
    "mailto",
    "market",
    "resource",
    "sftp",
    "sms",
    "smsto",
    "ssh",
    "tel",
    "vbscript",
    "view-source",
    "ws",
    "wss",
];

/// The apps of a deployment: origins of web apps, and schemes of apps on devices. None by default.
#[derive(Clone, Debug, Default)]
pub struct AppUrls(Vec<String>);

/// A URL of one of the apps, as a browser reads it.
#[derive(Clone, PartialEq, Eq)]
pub struct ContinueUrl(String);

impl ContinueUrl {
    /// The URL.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ContinueUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ContinueUrl")
    }
}

impl AppUrls {
    pub(super) fn read(env: &mut Environment) -> Self {
        let Some(text) = env.text(NAME) else { return Self::default() };
        Self(env.list(NAME, RULE, &text, app))
    }

    /// Whether there is no app.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The URL that `text` names, if it is one of an app.
    ///
    /// # Errors
    ///
    /// The reason, as a clause that follows the name of the field and quotes nothing.
    pub fn admit(&self, text: &str) -> Result<ContinueUrl, &'static str> {
        if self.is_empty() {
            return Err("has no effect here: the deployment names no app in APP_URLS");
        } else if text.len() > URL_BYTES_MAX {
            return Err("has more than 512 characters");
        } else if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\\\"<>^`{|}".contains(&byte)) {
            return Err("has a character that no URL has: percent-encode it");
        }
        let app = self.0.iter().find(|app| begins_with(text, app));
        let app = app.ok_or("must begin with an entry of APP_URLS, letter for letter, and go on with a slash")?;
        let url = Url::parse(text).map_err(|_| "is no URL")?;
        let is_plain = url.username().is_empty() && url.password().is_none() && !url.path().starts_with("//");
        match is_plain && begins_with(url.as_str(), app) {
            true => Ok(ContinueUrl(url.into())),
            false => Err("has another meaning for a browser than its letters say"),
        }
    }
}

/// Whether a URL begins with an entry, and its host ends where that of the entry does. An entry of
/// a scheme alone has every host.
fn begins_with(url: &str, app: &str) -> bool {
    let Some(rest) = url.strip_prefix(app) else { return false };
    let is_web = app.starts_with("https://") || app.starts_with("http://");
    let rest = match app.ends_with("://") {
        true => rest.trim_start_matches(is_of_host),
        false => rest,
    };
    rest.is_empty() || (rest.starts_with('/') && !rest.starts_with("//")) || (!is_web && rest.starts_with('?'))
}

/// Whether a host of an app's own scheme has this letter.
fn is_of_host(letter: char) -> bool {
    letter.is_ascii_alphanumeric() || matches!(letter, '-' | '.' | '_')
}

/// The entry, as URLs begin that belong to it.
///
/// # Errors
///
/// A clause that follows "this one".
fn app(entry: &str) -> Result<String, String> {
    let lower = entry.to_ascii_lowercase();
    let Some((scheme, host)) = lower.split_once("://") else {
        return origins::origin(entry);
    };
    if matches!(scheme, "https" | "http") {
        let origin = origins::origin(entry)?;
        return match scheme == "https" || is_of_one_machine(&origin) {
            true => Ok(origin),
            false => Err("begins with http://, which anybody on the way can read".to_owned()),
        };
    }
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_lowercase())
        && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
    if !is_scheme {
        Err("has a scheme that is none".to_owned())
    } else if NO_APPS.contains(&scheme) {
        Err("has a scheme of browsers or systems, and of no app".to_owned())
    } else if !host.trim_end_matches('/').chars().all(is_of_host) || host.ends_with("//") {
        Err("has something behind the scheme that is no host: name the scheme alone".to_owned())
    } else {
        Ok(format!("{scheme}://{}", host.trim_end_matches('/')))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: &str = "https://app.example, https://shop.example:8443/, http://127.0.0.1:3000, http://[::1]:3000, \
                           myapp://, org.herbs.app://login";

    fn apps(entries: &str) -> AppUrls {
        AppUrls(entries.split(',').map(|entry| app(entry.trim()).unwrap()).collect())
    }

    #[test]
    fn a_url_of_an_app_is_accepted_as_a_browser_reads_it() {
        for (text, read) in [
            ("https://app.example", "https://app.example/"),
            ("https://app.example/", "https://app.example/"),
            ("https://app.example/done?step=2#/home", "https://app.example/done?step=2#/home"),
            ("https://app.example/#/login", "https://app.example/#/login"),
            ("https://app.example/a/../b", "https://app.example/b"),
            ("https://app.example/?next=https://evil.example/", "https://app.example/?next=https://evil.example/"),
            ("https://app.example/m%C3%BCnchen", "https://app.example/m%C3%BCnchen"),
            ("https://shop.example:8443/x", "https://shop.example:8443/x"),
            ("http://127.0.0.1:3000/x", "http://127.0.0.1:3000/x"),
            ("http://[::1]:3000/", "http://[::1]:3000/"),
            ("myapp://", "myapp://"),
            ("myapp://auth", "myapp://auth"),
            ("myapp://auth/done?step=2", "myapp://auth/done?step=2"),
            ("myapp:///done", "myapp:///done"),
            ("org.herbs.app://login?step=2", "org.herbs.app://login?step=2"),
        ] {
            assert_eq!(apps(ENTRIES).admit(text).as_ref().map(ContinueUrl::as_str), Ok(read), "{text}");
        }
    }

    /// Whoever could send people elsewhere from a page of this service could show a page of their
    /// own that looks alike.
    #[test]
    fn no_trick_leads_away_from_the_apps() {
        const TRICKS: [&str; 96] = [
            // Another host.
            "https://evil.example",
            "https://evil.example/https://app.example/",
            "https://evil.example/?https://app.example",
            "https://evil.example?https://app.example/",
            "https://evil.example#https://app.example/",
            "https://app.example.evil.example/",
            "https://app.examplee/",
            "https://app.example-evil.example/",
            "https://evilapp.example/",
            "https://evil.app.example/",
            "https://app.example./",
            "https://app.example.",
            "https://app",
            "https://",
            "https:///",
            "https:///app.example/",
            // User names and passwords.
            "https://app.example@evil.example/",
            "https://app.example:443@evil.example/",
            "https://app.example%40evil.example/",
            "https://app.example&@evil.example/",
            "https://user@app.example/",
            "https://user:password@app.example/",
            "https://@app.example/",
            "https://:@app.example/",
            "https://evil.example@app.example/",
            "https://app.example;@evil.example/",
            "https://app.example#@evil.example/",
            "https://app.example?@evil.example/",
            // Backslashes, which a browser reads as slashes.
            "https:\\\\app.example\\",
            "https://app.example\\@evil.example/",
            "https://app.example\\.evil.example/",
            "https://evil.example\\app.example/",
            "https://app.example/\\evil.example",
            "\\\\evil.example",
            "/\\evil.example",
            // No scheme, and too many or too few slashes.
            "//evil.example",
            "//app.example/",
            "/done",
            "done",
            "app.example",
            "app.example/done",
            "?next",
            "#next",
            "https:app.example",
            "https:/app.example/",
            "https:////app.example/",
            "https://app.example//evil.example",
            "https://app.example/..//evil.example",
            "https://app.example/.//evil.example",
            "https://app.example/a/..//evil.example",
            // Ports.
            "https://app.example:443/",
            "https://app.example:8443/",
            "https://app.example:/",
            "https://app.example:0/",
            "https://app.example:99999/",
            "https://app.example:443evil/",
            "https://shop.example/",
            "https://shop.example:84430/",
            "https://shop.example:08443/",
            "http://127.0.0.1:3001/",
            "http://127.0.0.1/",
            // Letters of another case, and encoded ones.
            "HTTPS://app.example/",
            "https://App.Example/",
            "https://%61pp.example/",
            "https://app%2eexample/",
            "https://app.example%2f@evil.example/",
            "https://app.example%2eevil.example/",
            "https://app.example%00.evil.example/",
            "https%3a%2f%2fapp.example/",
            "MYAPP://auth",
            // Other spellings of an address.
            "http://2130706433:3000/",
            "http://0x7f000001:3000/",
            "http://0x7f.1:3000/",
            "http://0177.0.0.1:3000/",
            "http://127.1:3000/",
            "http://127.0.0.1.:3000/",
            "http://localhost:3000/",
            "http://[::ffff:127.0.0.1]:3000/",
            "http://[0:0:0:0:0:0:0:1]:3000/",
            // Other schemes.
            "http://app.example/",
            "javascript://app.example/%0aalert(1)",
            "javascript:alert(1)",
            "data:text/html,<script>alert(1)</script>",
            "vbscript:x",
            "blob:https://app.example/x",
            "view-source:https://app.example/",
            "file:///etc/passwd",
            "intent://app.example/#Intent;scheme=https;end",
            "myapp:",
            "myapp:auth",
            "myapp:/auth",
            "myapp://user@auth/",
            "myapp:////evil.example",
            "myapps://auth",
            "org.herbs.app://",
            "org.herbs.app://login.evil",
        ];
        for text in TRICKS {
            assert!(apps(ENTRIES).admit(text).is_err(), "{text}");
        }
    }

    #[test]
    fn characters_that_parsers_drop_or_read_as_others_are_refused() {
        for letter in
            ["\t", "\n", "\r", "\0", " ", "\u{7f}", "\u{a0}", "\u{200b}", "\u{ff0f}", "\u{3002}", "\u{430}", "\\", "|"]
        {
            for text in [
                format!("{letter}https://app.example/"),
                format!("ht{letter}tps://app.example/"),
                format!("https:{letter}//app.example/"),
                format!("https://app.example{letter}"),
                format!("https://app.example{letter}.evil.example/"),
                format!("https://app.example{letter}@evil.example/"),
                format!("https://app.example/{letter}evil.example"),
                format!("https://{letter}pp.example/"),
            ] {
                assert!(apps(ENTRIES).admit(&text).is_err(), "{text:?}");
            }
        }
    }

    #[test]
    fn a_url_has_at_most_512_characters_and_none_is_accepted_without_apps() {
        let of_length = |length: usize| format!("https://app.example/{}", "a".repeat(length - 20));
        assert!(apps(ENTRIES).admit(&of_length(512)).is_ok());
        assert!(apps(ENTRIES).admit(&of_length(513)).unwrap_err().contains("512"));
        assert!(AppUrls::default().admit("https://app.example/").unwrap_err().contains("APP_URLS"));
    }

    #[test]
    fn an_entry_that_is_no_app_is_refused_with_the_reason() {
        for (entry, words) in [
            ("*", "stands alone"),
            ("app.example", "no scheme"),
            ("myapp", "no scheme"),
            ("myapp:", "no scheme"),
            ("https://*.app.example", "a wildcard"),
            ("https://app.example/done", "a path"),
            ("https://app.example:443", "the default port"),
            ("https://user:hunter2@app.example", "a password"),
            ("http://app.example", "anybody on the way"),
            ("javascript://", "browsers or systems"),
            ("DATA://x", "browsers or systems"),
            ("intent://app", "browsers or systems"),
            ("1app://", "a scheme that is none"),
            ("my app://", "a scheme that is none"),
            ("myapp://a/b", "no host"),
            ("myapp://user@a", "no host"),
            ("myapp://a:80", "no host"),
            ("myapp:////", "no host"),
        ] {
            let why = app(entry).expect_err(entry);
            assert!(why.contains(words) && !why.contains("hunter2"), "{entry}: {why}");
        }
    }
}
