//! The person behind a token of a provider.

use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};

use super::ExchangeRequest;
use crate::{
    App,
    account::{
        email::Email,
        identity::{FIREBASE, Identity},
        user,
    },
    auth::verification::{Verified, verify},
    error::{Error, Field, TokenRefusal},
    jose::{jwt::Jwt, kind::Kind},
    time::Timestamp,
    token::{
        access::Issuer,
        pasted::Pasted,
        provider::{EXPIRED, INVALID, ProviderClaims, ProviderKind, address, is_of_google, refused},
    },
};

/// The greatest age of a sign-in at Firebase. Its tokens are renewed for as long as the app runs.
const SIGN_IN_AGE_MAX: Duration = Duration::from_secs(60 * 60);
/// The `sign_in_provider` of a user that is nobody yet.
const ANONYMOUS: &str = "anonymous";

/// The person behind a token, and the token.
pub(super) struct Identified {
    /// The claims.
    pub claims: ProviderClaims,
    /// The token of the deployment's own Firebase project, if it is one.
    pub firebase: Option<Verified>,
    /// The hash of the token's header and payload.
    pub hash: String,
}

impl Identified {
    /// The token of Firebase, and the time of its sign-in.
    pub fn sign_in(&self) -> Option<(&Verified, Timestamp)> {
        let verified = self.firebase.as_ref()?;
        Some((verified, verified.auth_time()?))
    }
}

/// Verifies the token of a request. No round trip to the table.
///
/// # Errors
///
/// 400 for a provider that is not configured, and 501 if none is. 401 with the code of the rule
/// that fails. 503 while no keys can be loaded.
pub(super) async fn identify(
    app: &App,
    issuer: &Issuer,
    request: &ExchangeRequest<'_>,
    now: Timestamp,
) -> Result<Identified, Error> {
    if app.config().accounts.identity_providers.is_empty() {
        return Err(Error::NotConfigured("Nobody signs in by other providers here: set IDENTITY_PROVIDERS."));
    }
    let unknown = || Field::new("provider", "unknown_provider", "No provider has this id here.");
    let (provider, keys) = app.provider(request.provider).ok_or_else(|| Error::wrong(vec![unknown()]))?;
    let (token, pasted) = Pasted::id_token(request.id_token).map_err(|sentence| refused(INVALID, sentence))?;
    // A signature may have several forms, and the signed text has one.
    let hash = URL_SAFE_NO_PAD.encode(digest(&SHA256, token.signing_input().as_bytes()));
    if provider.kind == ProviderKind::Firebase {
        let verified = of_firebase(app, issuer, &token, pasted.text(), now).await?;
        return Ok(Identified { claims: claims(&verified, now)?, firebase: Some(verified), hash });
    }
    let skew = app.config().tokens.clock_skew;
    let claims = provider.verify(&token, keys, request.nonce, skew, now).await?;
    Ok(Identified { claims, firebase: None, hash })
}

/// Verifies a Firebase ID token by the rules of `/verify`.
async fn of_firebase(app: &App, issuer: &Issuer, token: &Jwt, text: &str, now: Timestamp) -> Result<Verified, Error> {
    let kind = token.kind();
    if kind != Kind::FirebaseIdToken {
        let sentence = format!("This is {}, where a Firebase ID token is expected.{}", kind.phrase(), kind.advice());
        return Err(refused(INVALID, sentence));
    }
    let verified = verify(app, issuer, text, now).await.map_err(|error| match error {
        Error::Token(refusal) if refusal.code == "auth/id-token-expired" => {
            Error::Token(TokenRefusal { code: EXPIRED, ..refusal })
        }
        Error::Token(refusal) => Error::Token(TokenRefusal { code: INVALID, ..refusal }),
        other => other,
    })?;
    if verified.provider == ANONYMOUS {
        return Err(refused(
            "anonymous_token",
            "This Firebase user is anonymous. Sign in at Firebase by a provider first.",
        ));
    }
    // The session would be the owner's, and no token of it would name the admin.
    if verified.actor().is_some() {
        return Err(refused(INVALID, "An admin has signed in as this person. Such a sign-in opens no session."));
    }
    let skew = app.config().tokens.clock_skew;
    if verified.auth_time().is_none_or(|signed_in| signed_in + SIGN_IN_AGE_MAX + skew < now) {
        return Err(refused(EXPIRED, "The sign-in at Firebase is more than an hour ago. Sign in there again."));
    }
    Ok(verified)
}

/// The claims of a verified Firebase ID token.
fn claims(verified: &Verified, now: Timestamp) -> Result<ProviderClaims, Error> {
    let incomplete = || Error::internal("a token without a flaw lacks a claim");
    let email = address(&verified.token);
    let issuer = verified.token.text("iss").ok_or_else(incomplete)?;
    let identity = Identity::new(FIREBASE, issuer, &verified.uid, now);
    Ok(ProviderClaims {
        identity: Identity { email: email.as_ref().map_or("", Email::typed).to_owned(), ..identity },
        is_proven: email.as_ref().is_some_and(|email| vouches_for(verified, email)),
        email,
        name: user::name(&verified.name).unwrap_or_default(),
        expires_at: verified.expires_at.ok_or_else(incomplete)?,
    })
}

/// Whether Firebase's word shows that the address is the person's. Firebase asks for a mail to be
/// opened for its own passwords and links, and repeats the word of other providers.
fn vouches_for(verified: &Verified, email: &Email) -> bool {
    match verified.provider.as_str() {
        "google.com" => is_of_google(email, verified.email_verified, false),
        "apple.com" | "password" => verified.email_verified,
        _ => false,
    }
}
