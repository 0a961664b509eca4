//! ID tokens of other providers, verified by the rules of each.
//!
//! The order is that of Firebase ID tokens: kind and content first, the signature then, the times
//! last. A token of the wrong app therefore learns which app was expected.

use std::time::Duration;

use aws_lc_rs::{
    constant_time::verify_slices_are_equal,
    digest::{SHA256, digest},
};
use http::Uri;
use serde_json::Value;

use super::problem::{Findings, Problem, Times};
use crate::{
    account::{
        email::Email,
        identity::Identity,
        user::{self},
    },
    error::{Error, TokenRefusal},
    jose::{
        jwt::{Jwt, UNSIGNED},
        kind::Kind,
    },
    keys::google::Certificates,
    text::visible,
    time::Timestamp,
};

/// The code of every broken rule but the ones below.
pub const INVALID: &str = "id_token_invalid";
/// The code of a token that is too old.
pub const EXPIRED: &str = "id_token_expired";
/// The code of another nonce than the one that was given.
pub const NONCE_MISMATCH: &str = "nonce_mismatch";

/// The issuer of Google's own tokens, and the form of older ones.
const GOOGLE_ISSUERS: [&str; 2] = ["https://accounts.google.com", "accounts.google.com"];
const GOOGLE_KEYS: &str = "https://www.googleapis.com/oauth2/v3/certs";
const APPLE_ISSUERS: [&str; 1] = ["https://appleid.apple.com"];
const APPLE_KEYS: &str = "https://appleid.apple.com/auth/keys";
/// The issuer of Facebook's limited login.
const FACEBOOK_ISSUERS: [&str; 1] = ["https://www.facebook.com"];
const FACEBOOK_KEYS: &str = "https://limited.facebook.com/.well-known/oauth/openid/jwks/";
/// The domain whose addresses only forward, to one that the person keeps secret.
const PRIVATE_RELAY: &str = "privaterelay.appleid.com";
/// The domain for which Google alone gives out addresses.
const GMAIL: &str = "gmail.com";

/// The longest `sub`, in bytes (OpenID Connect Core section 2).
const SUBJECT_BYTES_MAX: usize = 255;
/// The greatest age of a token. Apps exchange a token at once, whatever its own life.
const AGE_MAX: Duration = Duration::from_secs(10 * 60);
/// The longest part of a foreign claim that an answer quotes, in characters.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// A provider of identities, as `IDENTITY_PROVIDERS` names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Provider {
    /// The name in requests and in the records: 1 to 32 small letters, digits and hyphens.
    pub id: String,
    /// The rules of its tokens.
    pub kind: ProviderKind,
    /// The ids of the apps whose tokens are accepted.
    pub client_ids: Vec<String>,
    /// `iss` of its tokens, exactly. The first one is part of each identity.
    pub issuers: Vec<String>,
    /// The URL of its public keys.
    pub keys: Uri,
    /// The only domain of Google Workspace whose accounts are accepted.
    pub hosted_domain: Option<String>,
    /// Whether its word about an address counts. For a provider of the deployment's own choice.
    pub vouches_for_email: bool,
    /// Whether each exchange needs the nonce that the app gave to the provider.
    pub needs_nonce: bool,
}

/// The rules of a provider's tokens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProviderKind {
    /// Google's own sign-in.
    Google,
    /// Sign in with Apple.
    Apple,
    /// Facebook's limited login.
    Facebook,
    /// The Firebase project of the deployment, whose tokens have rules of their own.
    Firebase,
    /// A provider of OpenID Connect.
    OpenId,
}

impl ProviderKind {
    /// The rules that this id stands for.
    pub fn of_id(id: &str) -> Self {
        match id {
            "google" => Self::Google,
            "apple" => Self::Apple,
            "facebook" => Self::Facebook,
            "firebase" => Self::Firebase,
            _ => Self::OpenId,
        }
    }

    /// The issuers and the URL of the keys, which each deployment has in common.
    pub fn published(self) -> (&'static [&'static str], &'static str) {
        match self {
            Self::Google => (&GOOGLE_ISSUERS, GOOGLE_KEYS),
            Self::Apple => (&APPLE_ISSUERS, APPLE_KEYS),
            Self::Facebook => (&FACEBOOK_ISSUERS, FACEBOOK_KEYS),
            Self::Firebase | Self::OpenId => (&[], ""),
        }
    }

    /// The kind that its tokens claim to be.
    const fn token_kind(self) -> Option<Kind> {
        match self {
            Self::Google => Some(Kind::Google),
            Self::Apple => Some(Kind::Apple),
            Self::Firebase => Some(Kind::FirebaseIdToken),
            Self::Facebook | Self::OpenId => None,
        }
    }
}

/// The claims of a verified token of a provider.
#[derive(Clone, Debug)]
pub struct ProviderClaims {
    /// The identity, with the address that the token tells.
    pub identity: Identity,
    /// The address. `None` if the token has none, or none that could be an account's.
    pub email: Option<Email>,
    /// Whether the provider's word shows that the address is the person's.
    pub is_proven: bool,
    /// The display name, empty if the token has none that could be an account's.
    pub name: String,
    /// The end of the token.
    pub expires_at: Timestamp,
}

/// The rules for the times of a token.
const TIMES: Times = Times {
    required: &["exp", "iat"],
    optional: &["nbf"],
    starts: &["iat", "nbf"],
    refusal: INVALID,
    expired: (EXPIRED, "The provider's token has expired. Sign in there again."),
};

impl Provider {
    /// Verifies a token of this provider. `nonce` is the one that the app says it gave.
    ///
    /// # Errors
    ///
    /// 401 with the code and the sentence of the first rule that fails. 503 if the keys cannot be
    /// fetched.
    pub async fn verify(
        &self,
        token: &Jwt,
        keys: &Certificates,
        nonce: Option<&str>,
        skew: Duration,
        now: Timestamp,
    ) -> Result<ProviderClaims, Error> {
        let content = self.content_problems(token);
        let signature = if content.is_empty() { self.signature_problem(token, keys, now).await } else { Ok(None) };
        let (signature, unchecked) = signature.map_or_else(|error| (None, Some(error)), |problem| (problem, None));
        let mut times = TIMES.problems(token, now, skew);
        if times.is_empty() && token.time("iat").is_some_and(|issued| issued + AGE_MAX + skew < now) {
            let message = "The provider's token was made more than ten minutes ago. Sign in there again.";
            times.push(Problem::new("too_old", message, EXPIRED));
        }
        times.extend(self.nonce_problem(token, nonce));
        Findings { content, signature, unchecked, times }.verdict(token, now)?;
        self.claims(token, now).ok_or_else(|| Error::internal("a token without a flaw lacks a claim"))
    }

    /// Refuses a token of another kind than this provider's, before anything else of it is read.
    fn kind_problem(&self, token: &Jwt) -> Option<String> {
        let kind = token.kind();
        let is_right = match self.kind.token_kind() {
            Some(own) => kind == own || kind == Kind::Unknown,
            None => !kind.has_rules_of_its_own() && kind != Kind::SharedSecret && kind != Kind::FirebaseAppCheck,
        };
        if !is_right {
            return Some(format!("This is {}, where an ID token of {} is expected.", kind.phrase(), self.id));
        }
        // An access token or a logout token of the same issuer says so in its header.
        let is_id_token = token.header().get("typ").is_none_or(|kind| {
            kind.as_str().is_some_and(|kind| ["jwt", "application/jwt"].contains(&kind.to_ascii_lowercase().as_str()))
        });
        (!is_id_token).then(|| "The token's typ is not JWT, so this is no ID token.".to_owned())
    }

    fn content_problems(&self, token: &Jwt) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |code, message: String| problems.push(Problem::new(code, message, INVALID));
        if let Some(message) = self.kind_problem(token) {
            add("wrong_kind", message);
        }
        if token.is_unsigned() {
            add("unsigned", UNSIGNED.to_owned());
        }
        if kid(token).is_none() {
            add("no_kid", "The token has no kid in its header.".to_owned());
        }
        let algorithm = token.header_text("alg").unwrap_or_default();
        let is_allowed = algorithm == "RS256" || (self.kind == ProviderKind::OpenId && algorithm == "ES256");
        if !is_allowed {
            add("wrong_algorithm", "The token's algorithm is not one that this provider signs with.".to_owned());
        }
        // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
        if token.header().contains_key("crit") {
            add("critical_header", "The token has critical header parameters that are not known here.".to_owned());
        }
        if !token.text("iss").is_some_and(|issuer| self.issuers.iter().any(|own| own == issuer)) {
            let own = self.issuers.first().map_or("", String::as_str);
            add("wrong_issuer", format!("The token's iss is not \"{own}\"."));
        }
        if let Some(message) = self.audience_flaw(token) {
            add("wrong_audience", message);
        }
        if self.hosted_domain.is_some() && token.text("hd") != self.hosted_domain.as_deref() {
            add("wrong_domain", "The account is not of the Google Workspace of this app.".to_owned());
        }
        if !token.text("sub").is_some_and(|subject| (1..=SUBJECT_BYTES_MAX).contains(&subject.len())) {
            add("wrong_sub", "The token's sub is not text of 1 to 255 bytes.".to_owned());
        }
        problems
    }

    /// The flaw of the audience. Google's `aud` is the id of the web app on Android, and `azp` is
    /// then that of the app itself. Only OpenID Connect allows a list.
    fn audience_flaw(&self, token: &Jwt) -> Option<String> {
        let is_own = |id: &Value| id.as_str().is_some_and(|id| self.client_ids.iter().any(|own| own == id));
        let audience = token.claims.get("aud");
        let authorized = token.claims.get("azp");
        let (is_right, is_one) = match audience {
            Some(Value::Array(ids)) if self.kind == ProviderKind::OpenId => {
                (ids.iter().any(is_own) && ids.iter().all(Value::is_string), ids.len() == 1)
            }
            Some(id) => (is_own(id), true),
            None => (false, true),
        };
        if !is_right {
            let shown = audience.and_then(Value::as_str).map_or_else(
                || "is not the id of one app".to_owned(),
                |id| format!("is \"{}\"", id.chars().take(SHOWN_CHARACTERS_MAX).collect::<String>()),
            );
            let own: Vec<String> = self.client_ids.iter().map(|id| format!("\"{id}\"")).collect();
            return Some(format!("The token's aud {shown}, and this deployment accepts {}.", own.join(" and ")));
        }
        let checks_party = matches!(self.kind, ProviderKind::Google | ProviderKind::OpenId);
        let party_is_wrong = match authorized {
            Some(party) => checks_party && !is_own(party),
            None => !is_one,
        };
        party_is_wrong.then(|| "The token's azp is not the id of an app of this deployment.".to_owned())
    }

    async fn signature_problem(
        &self,
        token: &Jwt,
        keys: &Certificates,
        now: Timestamp,
    ) -> Result<Option<Problem>, Error> {
        let Some(kid) = kid(token) else { return Ok(None) };
        Ok(match keys.key(kid, now).await? {
            None => {
                let message = format!("The token's kid is not among the public keys of {}.", self.id);
                Some(Problem::new("unknown_key", message, INVALID))
            }
            Some(key) if token.is_signed_by(&key) => None,
            Some(_) => Some(Problem::new("wrong_signature", token.wrong_signature(), INVALID)),
        })
    }

    /// Holds the nonce to the one that was given. Google's SDK for iOS makes one that it shows to
    /// nobody, so that a nonce in the token alone refuses nothing.
    fn nonce_problem(&self, token: &Jwt, nonce: Option<&str>) -> Option<Problem> {
        let message = match (nonce, token.text("nonce")) {
            (None, _) if self.needs_nonce => "Send the `nonce` that the app gave to this provider.",
            (None, _) => return None,
            (Some(given), Some(found)) if is_nonce(given, found) => return None,
            (Some(_), Some(_)) => "The token's nonce is neither the one that was sent nor its SHA-256.",
            // Some devices cannot pass a nonce on, and Apple says which can.
            (Some(_), None) if self.kind == ProviderKind::Apple && !has_flag(token, "nonce_supported") => return None,
            (Some(_), None) => "A nonce was sent, and the token has none.",
        };
        Some(Problem::new("nonce", message, NONCE_MISMATCH))
    }

    fn claims(&self, token: &Jwt, now: Timestamp) -> Option<ProviderClaims> {
        let issuer = self.issuers.first()?;
        let (email, is_proven) = match address(token) {
            Some(email) => {
                let is_proven = self.vouches_for(token, &email);
                (Some(email), is_proven)
            }
            None => (None, false),
        };
        let is_relay = email.as_ref().is_some_and(|email| email.domain() == PRIVATE_RELAY);
        let identity = Identity {
            email: email.as_ref().map_or("", Email::typed).to_owned(),
            private_relay: is_relay || (self.kind == ProviderKind::Apple && has_flag(token, "is_private_email")),
            ..Identity::new(&self.id, issuer, token.text("sub")?, now)
        };
        let name = token.text("name").and_then(|name| user::name(name).ok()).unwrap_or_default();
        Some(ProviderClaims { identity, email, is_proven, name, expires_at: token.expires_at()? })
    }

    /// Whether the provider's word shows that the address is the person's.
    fn vouches_for(&self, token: &Jwt, email: &Email) -> bool {
        match self.kind {
            ProviderKind::Google => {
                let has_domain = token.text("hd").is_some_and(|domain| !domain.is_empty());
                is_of_google(email, token.email_verified(), has_domain)
            }
            ProviderKind::Apple => has_flag(token, "email_verified"),
            ProviderKind::Facebook | ProviderKind::Firebase => false,
            ProviderKind::OpenId => self.vouches_for_email && token.email_verified(),
        }
    }
}

/// Whether Google's word shows that an address is the person's. Google itself says that an address
/// of another domain may have changed hands since:
/// <https://developers.google.com/identity/gsi/web/guides/verify-google-id-token>.
pub fn is_of_google(email: &Email, is_verified: bool, has_domain: bool) -> bool {
    is_verified && (email.domain() == GMAIL || has_domain)
}

/// The address of a token, if it is one as it stands. An address that would have to be mended could
/// be another person's.
pub fn address(token: &Jwt) -> Option<Email> {
    let text = token.text("email")?;
    Email::existing(text).ok().filter(|_| visible(text) == text)
}

/// Whether a claim is true. Apple writes `"true"` too.
fn has_flag(token: &Jwt, claim: &str) -> bool {
    match token.claims.get(claim) {
        Some(Value::Bool(flag)) => *flag,
        Some(Value::String(text)) => text == "true",
        _ => false,
    }
}

/// Whether a nonce is the one in a token, or was hashed into it.
fn is_nonce(given: &str, found: &str) -> bool {
    let hash: String = digest(&SHA256, given.as_bytes()).as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let is = |text: &str| verify_slices_are_equal(text.as_bytes(), found.as_bytes()).is_ok();
    is(given) | is(&hash)
}

fn kid(token: &Jwt) -> Option<&str> {
    token.header_text("kid").filter(|kid| !kid.is_empty())
}

/// The refusal of a token by one sentence.
pub fn refused(code: &'static str, sentence: impl Into<String>) -> Error {
    Error::Token(TokenRefusal::new(code, sentence))
}
