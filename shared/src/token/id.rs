//! Firebase ID tokens, verified by the rules that Google publishes, in the order that gives the
//! most helpful answer.
//!
//! The claims are checked before the signature, so that the answer can name a token of another
//! environment. The expiry is checked last, so that only a token that was good is called expired.
//! Two rules are stricter than in Google's SDKs: `exp` is required, and neither `iat` nor
//! `auth_time` may be in the future.

use std::time::Duration;

use serde_json::Value;

use crate::{
    error::Error,
    jose::{
        jwt::{Jwt, UNSIGNED},
        kind::{ID_TOKEN_ISSUER, Kind, audience_name},
    },
    keys::google::Certificates,
    time::Timestamp,
    token::{
        custom,
        problem::{Findings, Problem, Times},
    },
};

/// The Admin SDK's code for every broken rule but the tenant and the expiry.
pub const ARGUMENT_ERROR: &str = "auth/argument-error";

/// The longest `sub`, in UTF-16 units, as the Admin SDK for Node counts it.
const SUB_LENGTH_MAX: usize = 128;
/// The most characters of a foreign `aud` or tenant that an answer quotes.
const SHOWN_CHARACTERS_MAX: usize = 80;

/// The settings for verifying the ID tokens of one Firebase project.
pub struct Verifier<'a> {
    /// The id of the Firebase project.
    pub project: &'a str,
    /// The tenant of the project. `None` accepts only tokens without a tenant.
    pub tenant: Option<&'a str>,
    /// The public keys of Firebase. None in emulator mode, where tokens have no signature.
    pub certificates: Option<&'a Certificates>,
    /// The clock skew that is allowed on every time.
    pub skew: Duration,
}

/// The claims of a verified ID token, with defaults for missing claims.
#[derive(Clone, Debug)]
pub struct Claims {
    /// `sub`: the user's Firebase uid.
    pub uid: String,
    /// The e-mail address. Empty if the Firebase user has none, as after a sign-in with a custom
    /// token.
    pub email: String,
    /// `email_verified`. False if the claim is missing.
    pub email_verified: bool,
    /// The display name. Empty if there is none.
    pub name: String,
    /// The method of the sign-in: `custom`, `password`, `google.com` …
    pub provider: String,
    /// `iat`, which changes with every refresh.
    pub issued_at: Timestamp,
    /// `auth_time`: the time of the sign-in.
    pub auth_time: Timestamp,
    /// `exp`: the expiry.
    pub expires_at: Timestamp,
}

/// The rules for the times of an ID token.
const TIMES: Times = Times {
    required: &["exp", "iat", "auth_time"],
    optional: &["nbf"],
    starts: &["iat", "auth_time", "nbf"],
    refusal: ARGUMENT_ERROR,
    expired: ("auth/id-token-expired", "The ID token has expired. Get a fresh one with getIdToken(), and try again."),
};
/// The rules for the times of a token of another kind, which is refused in any case.
const OTHER_TIMES: Times = Times {
    required: &[],
    optional: &["exp", "iat", "auth_time", "nbf"],
    expired: ("auth/id-token-expired", "The token has expired."),
    ..TIMES
};

impl Verifier<'_> {
    /// Finds everything that is wrong with `token` as an ID token of the project. The order is that
    /// of the rules of `/verify`. No key is fetched for a token with wrong content.
    pub async fn examine(&self, token: &Jwt, now: Timestamp) -> Findings {
        let kind = token.kind();
        if !matches!(kind, Kind::FirebaseIdToken | Kind::Unknown) {
            let expected = format!("where a Firebase ID token is expected.{}", kind.advice());
            return wrong_kind(token, &expected, now, self.skew);
        }
        let content = self.content_problems(token);
        let signature = if content.is_empty() { self.signature_problem(token, now).await } else { Ok(None) };
        let (signature, unchecked) = signature.map_or_else(|error| (None, Some(error)), |problem| (problem, None));
        Findings { content, signature, unchecked, times: TIMES.problems(token, now, self.skew) }
    }

    fn content_problems(&self, token: &Jwt) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut add = |code, message: String| problems.push(Problem::new(code, message, ARGUMENT_ERROR));
        let algorithm = token.header_text("alg");
        if self.certificates.is_some() && token.is_unsigned() {
            add("unsigned", UNSIGNED.to_owned());
        }
        if self.certificates.is_none() {
            if algorithm != Some("none") || !token.is_unsigned() {
                let message = "This deployment is in emulator mode: it accepts only the unsigned tokens of the Firebase \
                               Auth emulator.";
                add("signed", message.to_owned());
            }
        } else {
            if kid(token).is_none() {
                let message = "The token has no kid in its header, so it is not a Firebase ID token.";
                add("no_kid", message.to_owned());
            }
            if algorithm != Some("RS256") {
                add("wrong_algorithm", "The token's algorithm is not RS256.".to_owned());
            }
        }
        // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
        if token.header().contains_key("crit") {
            add(
                "critical_header",
                "The token has critical header parameters that this service does not know.".to_owned(),
            );
        }
        for message in self.claim_flaws(token) {
            add("wrong_project", message);
        }
        let length = token.text("sub").map(|sub| sub.encode_utf16().count());
        if !length.is_some_and(|length| (1..=SUB_LENGTH_MAX).contains(&length)) {
            add("wrong_sub", "The token's sub, the uid, is not text of 1 to 128 characters.".to_owned());
        }
        problems.extend(self.tenant_problem(token));
        problems
    }

    /// The flaws of the audience and the issuer, which both name the project.
    fn claim_flaws(&self, token: &Jwt) -> Vec<String> {
        let project = self.project;
        let mut flaws = Vec::new();
        match token.text("aud") {
            None => flaws.push(format!(
                "The token's aud {}; it must be the Firebase project \"{project}\".",
                not_text(token.claims.get("aud"))
            )),
            Some(audience) if audience != project => {
                let other = match audience_name(audience) {
                    Some(name) => format!("It is {name}; an ID token names the id of its project."),
                    None => "The token may be from another environment.".to_owned(),
                };
                flaws.push(format!(
                    "The token's aud is \"{}\", and this deployment verifies tokens of the Firebase project \
                     \"{project}\". {other}",
                    shown(audience)
                ));
            }
            Some(_) => {}
        }
        if token.issuing_project() != Some(project) {
            flaws.push(format!("The token's iss is not \"{ID_TOKEN_ISSUER}{project}\"."));
        }
        flaws
    }

    /// Holds the tenant to the deployment's, as the Admin SDK does for a tenant. The SDK without a
    /// tenant accepts the tokens of all tenants; one uid may then be two people.
    fn tenant_problem(&self, token: &Jwt) -> Option<Problem> {
        let phrase = |tenant: Option<&str>| {
            tenant.map_or_else(|| "no tenant".to_owned(), |tenant| format!("the tenant \"{}\"", shown(tenant)))
        };
        let tenant = token.tenant();
        if tenant == self.tenant {
            return None;
        }
        let message = format!(
            "The token is of {}, and this deployment verifies tokens of {}: FIREBASE_TENANT_ID decides.",
            phrase(tenant),
            phrase(self.tenant)
        );
        Some(Problem::new("wrong_tenant", message, "auth/mismatching-tenant-id"))
    }

    async fn signature_problem(&self, token: &Jwt, now: Timestamp) -> Result<Option<Problem>, Error> {
        let (Some(certificates), Some(kid)) = (self.certificates, kid(token)) else { return Ok(None) };
        Ok(match certificates.key(kid, now).await? {
            None => {
                let message = "The token's kid is not among the public keys of Firebase. Firebase did not sign the token, \
                               or no longer publishes the key. Get a fresh token.";
                Some(Problem::new("unknown_key", message, ARGUMENT_ERROR))
            }
            Some(key) if token.is_signed_by(&key) => None,
            Some(_) => Some(Problem::new("wrong_signature", token.wrong_signature(), ARGUMENT_ERROR)),
        })
    }
}

impl Claims {
    /// The claims of a token in which nothing is wrong. `None` if a time is missing.
    pub fn of(token: &Jwt) -> Option<Self> {
        let text = |claim: &str| token.text(claim).unwrap_or_default().to_owned();
        Some(Self {
            uid: text("sub"),
            email: text("email"),
            email_verified: token.email_verified(),
            name: text("name"),
            provider: token.sign_in_provider().to_owned(),
            issued_at: token.time("iat")?,
            auth_time: token.time("auth_time")?,
            expires_at: token.expires_at()?,
        })
    }
}

/// The findings about a token of a kind that is not accepted. `expected` says what is.
pub fn wrong_kind(token: &Jwt, expected: &str, now: Timestamp, skew: Duration) -> Findings {
    let kind = token.kind();
    let mut message = format!("This is {}, {expected}", kind.phrase());
    let flaws = if kind == Kind::FirebaseCustomToken { custom::flaws(token, now, skew) } else { Vec::new() };
    if let Some(flaw) = flaws.first() {
        message = format!("{message} As a custom token it is wrong too: {flaw}");
    }
    let mut content = vec![Problem::new("wrong_kind", message, ARGUMENT_ERROR)];
    content.extend(flaws.into_iter().map(|flaw| Problem::new("custom_token", flaw, ARGUMENT_ERROR)));
    Findings { content, times: OTHER_TIMES.problems(token, now, skew), ..Findings::default() }
}

/// A phrase about a claim that is not text.
fn not_text(value: Option<&Value>) -> &'static str {
    match value {
        None | Some(Value::Null) => "is missing or not text",
        Some(Value::Array(_)) => "is a list and not text",
        Some(Value::Number(_)) => "is a number and not text",
        Some(_) => "is not text",
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

fn kid(token: &Jwt) -> Option<&str> {
    token.header_text("kid").filter(|kid| !kid.is_empty())
}
