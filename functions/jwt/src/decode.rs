//! `POST /jwt/decode`: reads a token without verifying it.

use axum::{Json, extract::State};
use shared::{
    App,
    auth::verification::firebase_project,
    error::Error,
    http::{
        body::Body,
        fields::{Fields, Input},
    },
    jose::{jwt::Jwt, kind::Kind},
    time::Timestamp,
    token::{
        report::{Problem, Report},
        shared_secret,
    },
};

/// `token`.
pub struct Pasted(String);

impl Input for Pasted {
    fn read(fields: &mut Fields) -> Option<Self> {
        fields.optional_token("token").map(|text| Self(text.trim().to_owned())).or_else(|| {
            fields.refuse("token", "required", "`token` is required.");
            None
        })
    }
}

/// 200 with a decode report. The report says that nothing was verified. The token is neither
/// logged nor kept.
pub async fn decode(State(app): State<App>, Body(Pasted(text)): Body<Pasted>) -> Result<Json<Report>, Error> {
    let token = Jwt::parse_unsigned(&text).map_err(Error::MalformedToken)?;
    let now = app.now();
    let project = firebase_project(&app, now).await?;
    let mut report = Report::of(&token, app.config(), project.as_deref(), now);
    report.problems.extend(unknown_key(&app, &token, &report, project.as_deref(), now).await);
    Ok(Json(report))
}

/// The problem of a token whose key is unknown to its kind. `None` also if the keys cannot be
/// asked.
async fn unknown_key(
    app: &App,
    token: &Jwt,
    report: &Report,
    project: Option<&str>,
    now: Timestamp,
) -> Option<Problem> {
    let kid = token.header_text("kid").unwrap_or_default();
    let is_known = match report.kind {
        Kind::AccessToken => {
            app.keys().public_if(now, |keys| keys.knows(kid)).await.ok()?.verifying(kid, now).is_some()
        }
        Kind::FirebaseIdToken if project == Some(&report.project) && !token.is_unsigned() => {
            app.certificates().key(kid, now).await.ok()?.is_some()
        }
        _ if shared_secret::is_meant(token) => {
            app.keys().shared_secrets(now).await.ok()?.is_none_or(|secrets| secrets.signed(token))
        }
        _ => true,
    };
    let message = "The token was signed with a key that is not, or no longer, in use, or by somebody else.";
    (!is_known).then(|| Problem::new("unknown_key", message))
}
