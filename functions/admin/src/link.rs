//! `POST /admin/users/{id}/link`: a link and a code for somebody, to hand over or to mail.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    account::proof::Purpose,
    auth::handed_out::{self, Link, LinkRequest},
    config::ContinueUrl,
    error::Error,
    http::{
        admin::Admin,
        api::{
            Api, Operation,
            refusals::{KEY_ALONE, Refusal},
        },
        body::Body,
        fields::{Fields, Input},
    },
    mail::Language,
    sample::{Meaning, Sample},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

use crate::show::{ID, IdInPath, account_to_change};

const REFUSALS: &[Refusal] =
    &[(400, "already_verified"), (403, "account_disabled"), (404, "user_not_found"), (501, "not_configured")];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<HandedOut>("adminMakeLink", "Make a link for somebody")
        .text(
            "Makes a link and a code: reset for a new password, verify for the address, or invite for a first password. With \
             send the person gets them by mail. Without, hand the link over: whoever has it is the owner of the account. \
             Where ADMIN_SIGN_IN_LINKS holds, sign_in lets the admin log in as the person.",
        )
        .admin_key()
        .parameters(&[ID])
        .body::<Asked>()
        .fails(REFUSALS)
        .fails(KEY_ALONE);
    Api::new().post("/admin/users/{id}/link", make, operation)
}

/// `purpose`; perhaps `send`, `locale` and `continue_url`.
struct Asked {
    purpose: Purpose,
    is_sent: bool,
    language: Language,
    continue_url: Option<ContinueUrl>,
}

impl Input for Asked {
    const MAY_SET_ALL: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        let (purpose, is_sent, language) = (purpose(fields), fields.flag("send"), fields.language("locale"));
        let continue_url = fields.continue_url("continue_url");
        Some(Self { purpose: purpose?, is_sent, language, continue_url })
    }
}

fn purpose(fields: &mut Fields) -> Option<Purpose> {
    match fields.required("purpose")?.as_str() {
        "reset" => Some(Purpose::Reset),
        "verify" => Some(Purpose::Verify),
        "invite" => Some(Purpose::Invite),
        "sign_in" => Some(Purpose::SignIn),
        _ => {
            fields.refuse("purpose", "invalid_purpose", "The purpose is reset, verify, invite or sign_in.");
            None
        }
    }
}

#[derive(Serialize)]
struct HandedOut {
    link: String,
    code: String,
    challenge: String,
    code_expires_at: String,
    expires_at: String,
    sent: bool,
}

impl Sample for HandedOut {
    const NAME: &'static str = "HandedOutLink";
    const MEMBERS: &'static [Meaning] = &[
        (
            "link",
            "Leads to a page of this service. Whoever has it is the owner of the account. Empty for sign_in without continue_url.",
        ),
        ("code", "Does the same in an app, together with the challenge; empty for an invitation."),
        ("challenge", "Goes with the code; empty for an invitation."),
        ("code_expires_at", "The end of the code; empty for an invitation."),
        ("expires_at", "The end of the link."),
        ("sent", "Whether a mail is on its way. An address for examples, such as one of example.com, gets none."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["code_expires_at"];

    fn sample() -> Self {
        Self {
            link: "https://login.herbs.example/pages/reset#Qm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbAdlIOBvT9x".to_owned(),
            code: "012345".to_owned(),
            challenge: "Qm2sKc7Yw4nHf0aLr8uJe3iZp5gXd1tMbAdlIOBvT9x".to_owned(),
            code_expires_at: "2026-05-27T14:15:00Z".to_owned(),
            expires_at: "2026-05-27T14:30:00Z".to_owned(),
            sent: false,
        }
    }
}

/// 200 with the link, whether or not it is mailed.
async fn make(
    State(app): State<App>,
    issuer: Issuer,
    admin: Admin,
    id: IdInPath,
    Body(asked): Body<Asked>,
) -> Result<Json<HandedOut>, Error> {
    let user = account_to_change(&app, &admin, id).await?;
    let Asked { purpose, is_sent, language, continue_url } = asked;
    let (base, continue_url) = (base(&app, &issuer), continue_url.as_ref());
    let actor = (purpose == Purpose::SignIn).then(|| admin.by.actor());
    let request = LinkRequest { user: &user, purpose, language, continue_url, base, is_sent, actor };
    let made = handed_out::make(&app, &request).await?;
    let fields = format!("{}{}", purpose.word(), if is_sent { ",send" } else { "" });
    let (identity, pseudonym) = (app.pseudonym(&user.email_key), app.pseudonym(&user.id));
    match purpose {
        Purpose::SignIn => audit::admin("impersonation_link_made", &identity, &pseudonym, &fields),
        _ => audit::admin("admin_link_made", &identity, &pseudonym, &fields),
    }
    let Link { link, code, challenge, code_expires_at, expires_at, is_sent } = made;
    Ok(Json(HandedOut {
        link: link.unwrap_or_default(),
        code: code.unwrap_or_default(),
        challenge: challenge.unwrap_or_default(),
        code_expires_at: code_expires_at.map(Timestamp::rfc3339).unwrap_or_default(),
        expires_at: expires_at.rfc3339(),
        sent: is_sent,
    }))
}

/// The public address of this service: the configured one, or else that of the gateway.
pub fn base<'a>(app: &'a App, issuer: &'a Issuer) -> &'a str {
    app.config().mail.public_url.as_deref().unwrap_or(&issuer.url)
}
