//! The providers whose ID tokens are exchanged for sessions.

use http::Uri;
use serde::Deserialize;

use super::{Environment, firebase::is_safe_url};
use crate::token::provider::{Provider, ProviderKind};

const NAME: &str = "IDENTITY_PROVIDERS";
/// The most providers. Each has a cache of keys.
const PROVIDERS_MAX: usize = 16;
/// The most apps of one provider.
const CLIENT_IDS_MAX: usize = 32;
/// The longest id of a provider, in characters.
const ID_CHARACTERS_MAX: usize = 32;

/// A provider as the variable writes it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    id: String,
    #[serde(default)]
    client_ids: Vec<String>,
    #[serde(default)]
    hd: String,
    #[serde(default)]
    issuer: String,
    #[serde(default)]
    jwks: String,
    #[serde(default)]
    email: String,
    #[serde(default)]
    nonce: String,
}

pub(super) fn read(env: &mut Environment) -> Vec<Provider> {
    let Some(text) = env.quoted(NAME) else { return Vec::new() };
    match providers(&text) {
        Ok(providers) => providers,
        Err(why) => {
            env.refuse(
                NAME,
                &format!(
                    "must be a JSON list of providers, such as [{{\"id\":\"google\",\"client_ids\":[\"…\"]}}]: {why}"
                ),
            );
            Vec::new()
        }
    }
}

/// Reads the list, or says what is wrong with it.
fn providers(text: &str) -> Result<Vec<Provider>, String> {
    // The text of serde names the line and the key, and quotes an unknown key alone.
    let written: Vec<Written> = serde_json::from_str(text).map_err(|error| error.to_string())?;
    if written.len() > PROVIDERS_MAX {
        return Err(format!("{PROVIDERS_MAX} are the most"));
    }
    let mut read: Vec<Provider> = Vec::new();
    for provider in written {
        let id = provider.id.clone();
        if !is_id(&id) {
            return Err("an id has 1 to 32 small letters, digits and hyphens, and begins with a letter".to_owned());
        }
        if read.iter().any(|other| other.id == id) {
            return Err(format!("{id} is there twice"));
        }
        read.push(provider.checked().map_err(|why| format!("{id} {why}"))?);
    }
    Ok(read)
}

fn is_id(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    text.len() <= ID_CHARACTERS_MAX
        && text.bytes().all(fits)
        && text.starts_with(|first: char| first.is_ascii_lowercase())
}

impl Written {
    fn checked(self) -> Result<Provider, String> {
        let kind = ProviderKind::of_id(&self.id);
        let (issuers, keys) = kind.published();
        let is_open = kind == ProviderKind::OpenId;
        if kind == ProviderKind::Firebase {
            return self.firebase();
        }
        if self.client_ids.is_empty() || self.client_ids.len() > CLIENT_IDS_MAX {
            return Err("needs client_ids, the ids of 1 to 32 apps".to_owned());
        }
        if self.client_ids.iter().any(|id| id.trim() != id || id.is_empty()) {
            return Err("has a client id that is empty, or has white space around it".to_owned());
        }
        if is_open && self.issuer.is_empty() {
            return Err("needs an issuer".to_owned());
        }
        if !is_open && !self.issuer.is_empty() {
            return Err("has an issuer of its own already".to_owned());
        }
        if !self.hd.is_empty() && kind != ProviderKind::Google {
            return Err("has no hd, which is Google's".to_owned());
        }
        let has_rules = !self.email.is_empty() || !self.nonce.is_empty();
        if !is_open && has_rules {
            return Err("has rules of its own about email and nonce".to_owned());
        }
        let written = if self.jwks.is_empty() { keys } else { &self.jwks };
        let keys = written.parse::<Uri>().ok().filter(is_safe_url);
        let issuers: Vec<String> = issuers.iter().map(|issuer| (*issuer).to_owned()).collect();
        Ok(Provider {
            kind,
            issuers: if is_open { vec![self.issuer] } else { issuers },
            keys: keys.ok_or("needs jwks, a URL that begins with https://, or with http:// on this machine itself")?,
            hosted_domain: Some(self.hd).filter(|domain| !domain.is_empty()),
            vouches_for_email: one_of(&self.email, "email", ("trusted", "untrusted"), false)?,
            needs_nonce: is_open && !one_of(&self.nonce, "nonce", ("optional", "required"), false)?,
            id: self.id,
            client_ids: self.client_ids,
        })
    }

    /// The Firebase project of the deployment, whose tokens have rules and settings of their own.
    fn firebase(self) -> Result<Provider, String> {
        let others = [&self.hd, &self.issuer, &self.jwks, &self.email, &self.nonce];
        if !self.client_ids.is_empty() || others.iter().any(|text| !text.is_empty()) {
            return Err("has settings of its own: FIREBASE_PROJECT_ID and FIREBASE_CERTS_URL".to_owned());
        }
        Ok(Provider {
            id: self.id,
            kind: ProviderKind::Firebase,
            client_ids: Vec::new(),
            issuers: Vec::new(),
            keys: Uri::default(),
            hosted_domain: None,
            vouches_for_email: false,
            needs_nonce: false,
        })
    }
}

/// Whether a text is the first word. An empty text is the default.
fn one_of(text: &str, name: &str, (yes, no): (&str, &str), default: bool) -> Result<bool, String> {
    match text {
        "" => Ok(default),
        text if text == yes => Ok(true),
        text if text == no => Ok(false),
        _ => Err(format!("has another {name} than {yes} or {no}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_provider_has_its_rules_and_a_deployment_adds_its_own() {
        let read = providers(
            r#"[{"id":"google","client_ids":["a.apps.googleusercontent.com"],"hd":"acme.example"},
                {"id":"apple","client_ids":["com.acme.app","com.acme.web"]},{"id":"facebook","client_ids":["1234"]},
                {"id":"firebase"},
                {"id":"acme","issuer":"https://id.acme.example","jwks":"https://id.acme.example/jwks",
                 "client_ids":["app"],"email":"trusted","nonce":"optional"},
                {"id":"other","issuer":"https://o.example","jwks":"http://127.0.0.1:1/jwks","client_ids":["app"]}]"#,
        )
        .unwrap();
        let rules: Vec<_> = read
            .iter()
            .map(|provider| (provider.id.as_str(), provider.kind, provider.vouches_for_email, provider.needs_nonce))
            .collect();
        assert_eq!(
            rules,
            [
                ("google", ProviderKind::Google, false, false),
                ("apple", ProviderKind::Apple, false, false),
                ("facebook", ProviderKind::Facebook, false, false),
                ("firebase", ProviderKind::Firebase, false, false),
                ("acme", ProviderKind::OpenId, true, false),
                ("other", ProviderKind::OpenId, false, true),
            ]
        );
        assert_eq!(read[0].hosted_domain.as_deref(), Some("acme.example"));
        assert_eq!(read[4].issuers, ["https://id.acme.example"]);
    }

    #[test]
    fn a_list_that_is_not_right_is_refused_with_the_reason() {
        let acme = r#"[{"id":"acme","issuer":"https://a.example","jwks":"JWKS","client_ids":["app"]}]"#;
        for (text, words) in [
            ("google", "expected value"),
            (r#"{"id":"google"}"#, "expected a sequence"),
            (r#"[{"id":"google"}]"#, "google needs client_ids"),
            (r#"[{"id":"google","client_ids":[" a"]}]"#, "white space"),
            (r#"[{"id":"google","client_id":"a"}]"#, "unknown field `client_id`"),
            (r#"[{"id":"Google","client_ids":["a"]}]"#, "small letters"),
            (r#"[{"id":"apple","client_ids":["a"]},{"id":"apple","client_ids":["b"]}]"#, "apple is there twice"),
            (r#"[{"id":"apple","client_ids":["a"],"issuer":"https://a.example"}]"#, "issuer of its own"),
            (r#"[{"id":"apple","client_ids":["a"],"hd":"a.example"}]"#, "Google's"),
            (r#"[{"id":"facebook","client_ids":["a"],"email":"trusted"}]"#, "rules of its own"),
            (r#"[{"id":"firebase","client_ids":["a"]}]"#, "FIREBASE_PROJECT_ID"),
            (r#"[{"id":"acme","client_ids":["a"]}]"#, "needs an issuer"),
            (&acme.replace("JWKS", ""), "needs jwks"),
            (&acme.replace("JWKS", "http://a.example/jwks"), "needs jwks"),
            (&acme.replace("\"JWKS\"", "\"https://a.example\",\"email\":\"yes\""), "another email"),
            (&acme.replace("\"JWKS\"", "\"https://a.example\",\"nonce\":\"no\""), "another nonce"),
        ] {
            let why = providers(text).unwrap_err();
            assert!(why.contains(words), "{text}: {why}");
        }
        let many = vec![r#"{"id":"firebase"}"#; PROVIDERS_MAX + 1].join(",");
        assert!(providers(&format!("[{many}]")).unwrap_err().contains("the most"));
    }
}
