//! The judgement of a token by the rules of its kind. The verifier answers its first problem, and
//! the decoder shows all of them, so that both name the same rule.

use std::{borrow::Cow, time::Duration};

use crate::{
    App,
    error::Error,
    jose::{
        jwt::{Jwt, UNSIGNED},
        kind::Kind,
    },
    time::Timestamp,
    token::{
        access::{self, Issuer},
        custom,
        id::{self, ARGUMENT_ERROR, Verifier},
        pasted::Pasted,
        problem::{Findings, Problem},
        report::Report,
        shared_secret,
    },
};

/// The rules that judge a token. Its kind decides before anything is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judge {
    /// The rules of this service's access tokens.
    AccessTokens,
    /// The rules of tokens that a shared secret signs.
    SharedSecrets,
    /// The rules of Firebase ID tokens, for every other kind too.
    IdTokens,
}

/// Everything that is wrong with a token, and the rules that found it.
pub struct Judgement {
    /// The findings. Without any, the token is genuine.
    pub findings: Findings,
    /// The rules.
    pub judge: Judge,
}

/// Judges a token by the rules of its kind, for the verifier and for the decoder alike.
pub async fn judge(app: &App, issuer: &Issuer, token: &Jwt, now: Timestamp) -> Judgement {
    let (mut findings, judge) = findings(app, issuer, token, now).await;
    // In emulator mode the rules of each kind judge the empty signature.
    let is_told = findings.content.iter().any(|problem| problem.code == "unsigned");
    if token.is_unsigned() && !is_told && app.config().firebase.emulator_host.is_none() {
        findings.content.insert(0, Problem::new("unsigned", UNSIGNED, ARGUMENT_ERROR));
        findings.signature = None;
    }
    Judgement { findings, judge }
}

async fn findings(app: &App, issuer: &Issuer, token: &Jwt, now: Timestamp) -> (Findings, Judge) {
    let skew = app.config().tokens.clock_skew;
    if token.kind() == Kind::AccessToken {
        let kid = token.header_text("kid").unwrap_or_default();
        let keys = app.keys().public_if(now, |keys| keys.knows(kid));
        return (access::examine(keys, issuer, token, now, skew).await, Judge::AccessTokens);
    }
    if shared_secret::is_meant(token) {
        match app.keys().shared_secrets_if(now, |secrets| secrets.signed(token)).await {
            Ok(None) => {}
            Ok(Some(secrets)) => {
                return (shared_secret::examine(Some(&secrets), token, now, skew), Judge::SharedSecrets);
            }
            Err(error) => {
                let findings = shared_secret::examine(None, token, now, skew);
                return (Findings { unchecked: Some(error), ..findings }, Judge::SharedSecrets);
            }
        }
    }
    let findings = match firebase_project(app, now).await {
        Ok(Some(project)) => {
            let certificates = app.config().firebase.emulator_host.is_none().then(|| app.certificates());
            let tenant = app.config().firebase.tenant_id.as_deref();
            Verifier { project: &project, tenant, certificates, skew }.examine(token, now).await
        }
        Ok(None) => no_project(token, now, skew),
        // The project is unknown, so that nothing but the kind can be judged.
        Err(error) => Findings { unchecked: Some(error), ..Findings::default() },
    };
    (findings, Judge::IdTokens)
}

/// The decode report of a token: what it says, and everything for which `/verify` would refuse it.
/// The rules are those of [`judge`]. An expired token is called expired without the clock skew.
pub async fn report(app: &App, issuer: &Issuer, token: &Jwt, pasted: &Pasted, now: Timestamp) -> Report {
    let Judgement { findings, .. } = judge(app, issuer, token, now).await;
    let mut problems: Vec<Problem> = findings.problems().cloned().collect();
    let mut warnings: Vec<Problem> =
        pasted.note().into_iter().map(|note| Problem::warning("taken_off", note)).collect();
    if let Some(error) = &findings.unchecked {
        warnings.push(Problem::warning("unchecked", format!("The signature was not checked. {error}")));
    }
    if token.kind() == Kind::FirebaseCustomToken {
        if let Ok(Some(account)) = app.keys().firebase(now).await
            && let Ok(Some(flaw)) = account.inspect_custom_token(token, now, app.config().tokens.clock_skew).await
            && problems.iter().all(|problem| problem.message != flaw)
        {
            problems.push(Problem::new("custom_token", flaw, ARGUMENT_ERROR));
        }
        warnings.extend(custom::warnings(token).into_iter().map(|warning| Problem::warning("custom_token", warning)));
    }
    if token.actor().is_some() {
        let message = "Somebody else has signed in as this person: `act` in the payload says who.";
        warnings.push(Problem::warning("impersonated", message));
    }
    let has_address = token.text("email").is_some_and(|email| !email.is_empty());
    if app.config().accounts.admission.require_verified_email && has_address && !token.email_verified() {
        let message = "Its e-mail address is not verified, and this deployment requires that.";
        problems.push(Problem::new("email_not_verified", message, "email_not_verified"));
    }
    let is_expired = token.expires_at().is_some_and(|expiry| now >= expiry);
    if is_expired && problems.iter().all(|problem| problem.code != "expired") {
        let message = "The token has expired. The clock skew lets it pass for a moment.";
        problems.push(Problem::new("expired", message, ARGUMENT_ERROR));
    }
    Report::of(token, problems, warnings, now)
}

/// The Firebase project whose ID tokens are verified, if there is one: `FIREBASE_PROJECT_ID`, the
/// service account's project, or `GOOGLE_CLOUD_PROJECT`.
///
/// # Errors
///
/// 503 while the service account, which names the project, cannot be loaded.
pub async fn firebase_project(app: &App, now: Timestamp) -> Result<Option<Cow<'_, str>>, Error> {
    let firebase = &app.config().firebase;
    // Most deployments name the project, so that no request waits for the service account.
    if let Some(project) = &firebase.project_id {
        return Ok(Some(project.into()));
    }
    let account = app.keys().firebase(now).await?;
    let project = firebase.project(account.as_ref().map(|account| account.project_id.as_str()));
    Ok(project.map(|(project, _)| project.to_owned().into()))
}

fn no_project(token: &Jwt, now: Timestamp, skew: Duration) -> Findings {
    if token.kind() != Kind::FirebaseIdToken {
        return id::wrong_kind(token, "where an access token of this service is expected.", now, skew);
    }
    let expected = "and this deployment knows no Firebase project: set FIREBASE_PROJECT_ID.";
    let mut findings = id::wrong_kind(token, expected, now, skew);
    findings.content.iter_mut().for_each(|problem| problem.code = "wrong_project");
    findings
}
