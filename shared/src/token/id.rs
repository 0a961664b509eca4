//! Firebase ID tokens, verified by the rules that Google publishes, in the order that gives the
//! most helpful answer.
//!
//! The claims are checked before the signature, so that the answer can name a token of another
//! environment. The expiry is checked last, so that only a token that was good is called expired.
//! Two rules are stricter than in Google's SDKs: `exp` is required, and neither `iat` nor
//! `auth_time` may be in the future.

use std::time::Duration;

use crate::{
    error::{Error, TokenRefusal},
    jose::{
        jwt::Jwt,
        kind::{ID_TOKEN_ISSUER, Kind},
    },
    keys::google::Certificates,
    time::Timestamp,
};

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

impl Verifier<'_> {
    /// Verifies `token` as an ID token of the project.
    ///
    /// # Errors
    ///
    /// 401 `auth/argument-error`, `auth/mismatching-tenant-id` or `auth/id-token-expired`, with the
    /// sentence of the first broken rule. 503 while there are no keys.
    pub async fn verify(&self, token: &Jwt, now: Timestamp) -> Result<Claims, Error> {
        let refuse = |sentence: String| {
            let kind = token.kind();
            let expected =
                format!("This is {}, where a Firebase ID token is expected.{}", kind.phrase(), kind.advice());
            let sentence = match kind {
                Kind::FirebaseIdToken | Kind::Unknown => sentence,
                // The kind explains every broken rule.
                Kind::FirebaseCustomToken | Kind::FirebaseLegacyCustomToken => expected,
                _ => format!("{expected} {sentence}"),
            };
            Error::Token(TokenRefusal::new("auth/argument-error", sentence).about(token, now))
        };
        self.check_header(token).map_err(refuse)?;
        self.check_content(token).map_err(refuse)?;
        self.check_tenant(token).map_err(|sentence| {
            Error::Token(TokenRefusal::new("auth/mismatching-tenant-id", sentence).about(token, now))
        })?;
        self.check_signature(token, now).await?.map_err(refuse)?;
        let claims = self.check_times(token, now).map_err(refuse)?;
        if now >= claims.expires_at + self.skew {
            let sentence = "The ID token has expired. Get a fresh one with getIdToken(), and try again.";
            return Err(Error::Token(TokenRefusal::new("auth/id-token-expired", sentence).about(token, now)));
        }
        Ok(claims)
    }

    fn check_header(&self, token: &Jwt) -> Result<(), String> {
        let algorithm = token.header_text("alg");
        if self.certificates.is_none() {
            if algorithm != Some("none") || !token.is_unsigned() {
                return Err(
                    "This deployment is in emulator mode: it accepts only the unsigned tokens of the Firebase Auth \
                     emulator."
                        .to_owned(),
                );
            }
        } else if kid(token).is_none() {
            return Err("The token has no kid in its header, so it is not a Firebase ID token.".to_owned());
        } else if algorithm != Some("RS256") {
            return Err("The token's algorithm is not RS256.".to_owned());
        }
        // RFC 7515 section 4.1.11: unknown extensions must be refused, and this service knows none.
        if token.header().contains_key("crit") {
            return Err("The token has critical header parameters that this service does not know.".to_owned());
        }
        Ok(())
    }

    fn check_content(&self, token: &Jwt) -> Result<(), String> {
        let project = self.project;
        let audience = token.text("aud").ok_or_else(|| {
            format!("The token's aud is missing or not text; it must be the Firebase project \"{project}\".")
        })?;
        if audience != project {
            let shown = shown(audience);
            return Err(format!(
                "The token's aud is \"{shown}\", and this deployment verifies tokens of the Firebase project \
                 \"{project}\". The token may be from another environment."
            ));
        }
        if token.issuing_project() != Some(project) {
            return Err(format!("The token's iss is not \"{ID_TOKEN_ISSUER}{project}\"."));
        }
        let length = token.text("sub").map(|sub| sub.encode_utf16().count());
        if !length.is_some_and(|length| (1..=SUB_LENGTH_MAX).contains(&length)) {
            return Err("The token's sub, the uid, is not text of 1 to 128 characters.".to_owned());
        }
        Ok(())
    }

    /// Holds the tenant to the deployment's, as the Admin SDK does for a tenant. The SDK without a
    /// tenant accepts the tokens of all tenants; one uid may then be two people.
    fn check_tenant(&self, token: &Jwt) -> Result<(), String> {
        let phrase = |tenant: Option<&str>| {
            tenant.map_or_else(|| "no tenant".to_owned(), |tenant| format!("the tenant \"{}\"", shown(tenant)))
        };
        let tenant = token.tenant();
        if tenant == self.tenant {
            return Ok(());
        }
        Err(format!(
            "The token is of {}, and this deployment verifies tokens of {}: FIREBASE_TENANT_ID decides.",
            phrase(tenant),
            phrase(self.tenant)
        ))
    }

    async fn check_signature(&self, token: &Jwt, now: Timestamp) -> Result<Result<(), String>, Error> {
        let (Some(certificates), Some(kid)) = (self.certificates, kid(token)) else { return Ok(Ok(())) };
        Ok(match certificates.key(kid, now).await? {
            None => {
                Err("The token's kid is not among the public keys of Firebase. Firebase did not sign the token, or \
                     no longer publishes the key. Get a fresh token."
                    .to_owned())
            }
            Some(key) if token.is_signed_by(&key) => Ok(()),
            Some(_) => Err("The token's signature is wrong.".to_owned()),
        })
    }

    fn check_times(&self, token: &Jwt, now: Timestamp) -> Result<Claims, String> {
        let time = |claim: &str| {
            token.time(claim).ok_or_else(|| format!("The token's {claim} is missing or not a whole number of seconds."))
        };
        let (expires_at, issued_at, auth_time) = (time("exp")?, time("iat")?, time("auth_time")?);
        let not_before = if token.claims.contains_key("nbf") { time("nbf")? } else { issued_at };
        for (claim, start) in [("iat", issued_at), ("auth_time", auth_time), ("nbf", not_before)] {
            if start > now + self.skew {
                return Err(format!("The token's {claim} is in the future: a clock is wrong."));
            }
        }
        let text = |claim: &str| token.text(claim).unwrap_or_default().to_owned();
        Ok(Claims {
            uid: text("sub"),
            email: text("email"),
            email_verified: token.email_verified(),
            name: text("name"),
            provider: token.sign_in_provider().to_owned(),
            issued_at,
            auth_time,
            expires_at,
        })
    }
}

fn shown(text: &str) -> String {
    text.chars().take(SHOWN_CHARACTERS_MAX).collect()
}

fn kid(token: &Jwt) -> Option<&str> {
    token.header_text("kid").filter(|kid| !kid.is_empty())
}
