//! `/password/forgot` and `/password/reset`: a new password in the place of a forgotten one.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{email::Identifier, proof::Purpose},
    auth::{
        mailing::{self, MailRequest, Started, Words},
        password::client,
        reset,
        session_object::{SessionObject, require_signing_keys},
    },
    config::ContinueUrl,
    error::Error,
    http::{
        api::{Api, Operation, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        dry_run::{DRY_RUN, DryRun},
        fields::{Fields, Input},
    },
    mail::Language,
    password::{Password, Person},
    token::access::Issuer,
};

use crate::mailed_code::MailedCode;

const WORDS: Words = Words { asked: "password_reset_asked", limited: "password_reset_limited" };

/// The endpoints of a forgotten password.
pub(super) fn api() -> Api {
    let forgotten = Operation::new::<Started>("forgotPassword", "Ask for a code to reset the password")
        .text(
            "Mails a code to the account, if there is one. The answer is the same for every address. Keep the challenge: \
             the reset needs it together with the code.",
        )
        .body::<Forgot>()
        .parameters(&[DRY_RUN])
        .imported(&["email"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(&[(501, "not_configured")]);
    let resetting = Operation::new::<SessionObject>("resetPassword", "Set a new password by the code")
        .text(
            "Sets a new password and logs in. Every other session ends. Whoever lost the answer sends the same again within \
             ten minutes.",
        )
        .body::<Reset>()
        .parameters(&[DRY_RUN])
        .for_clients()
        .fails(&[(400, "weak_password"), (401, "code_invalid"), (403, "account_disabled"), (501, "not_configured")]);
    Api::new().post("/password/forgot", forgot, forgotten).post("/password/reset", reset_password, resetting)
}

/// `email` or `username`, and perhaps `locale` and `continue_url`. The `refresh_token` of an
/// earlier session shows that this client logged in before, as at `/login`.
struct Forgot {
    identifier: Identifier,
    language: Language,
    continue_url: Option<ContinueUrl>,
    refresh_token: Option<String>,
}

impl Input for Forgot {
    fn read(fields: &mut Fields) -> Option<Self> {
        let identifier = fields.identifier();
        let language = fields.language("locale");
        let continue_url = fields.continue_url("continue_url");
        let refresh_token = fields.optional("refresh_token");
        Some(Self { identifier: identifier?, language, continue_url, refresh_token })
    }
}

/// 200 with a challenge, whoever the address belongs to. Only the mailbox learns more.
async fn forgot(
    State(app): State<App>,
    ip: ClientIp,
    dry_run: DryRun,
    Body(forgot): Body<Forgot>,
) -> Result<Json<Started>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    let client = client(&app, ip.key(), forgot.refresh_token.as_deref()).await;
    let request = MailRequest {
        purpose: Purpose::Reset,
        identifier: &forgot.identifier,
        claimant: None,
        client,
        language: forgot.language,
        continue_url: forgot.continue_url,
        identity: None,
    };
    Ok(Json(mailing::start(&app, &request, &WORDS).await?))
}

/// `challenge`, `code` and `new_password`.
struct Reset {
    mailed: MailedCode,
    password: Password,
}

impl Input for Reset {
    fn read(fields: &mut Fields) -> Option<Self> {
        let mailed = MailedCode::read(fields);
        let password = new_password(fields);
        Some(Self { mailed: mailed?, password: password? })
    }
}

/// Reads `new_password`. The rules about the person wait for the account, which this reader does
/// not know.
pub(super) fn new_password(fields: &mut Fields) -> Option<Password> {
    let password = fields.new_password("new_password");
    let weakness = password.as_ref().and_then(|new| fields.weakness("new_password", new, &Person::UNKNOWN));
    if let Some(weakness) = &weakness {
        fields.also_refuse(weakness);
    }
    password
}

/// 200 with the session object of a new session. Every other session ends with the old password.
async fn reset_password(
    State(app): State<App>,
    issuer: Issuer,
    dry_run: DryRun,
    Body(input): Body<Reset>,
) -> Result<Json<SessionObject>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    require_signing_keys(&app).await?;
    Ok(Json(reset::by_code(&app, &issuer, input.mailed.shown(), &input.password).await?))
}
