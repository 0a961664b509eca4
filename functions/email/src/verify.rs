//! `/me/email/verify` and `/me/email/verify/complete`: the caller shows that the address is theirs.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    account::{email::Identifier, proof::Purpose, user::Profile},
    auth::{
        mailing::{self, MailRequest, Started, Words},
        verified_address,
    },
    config::ContinueUrl,
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        caller::Caller,
        client_ip::ClientIp,
        dry_run::{DRY_RUN, DryRun},
        fields::{Fields, Input},
    },
    mail::Language,
    sample::{Part, Sample, Shape},
    store::Client,
};

use crate::mailed_code::MailedCode;

const WORDS: Words = Words { asked: "verification_asked", limited: "verification_limited" };

/// The endpoints of a verification.
pub(super) fn api() -> Api {
    let asking = Operation::new::<Started>("askForVerification", "Ask for a code to verify my address")
        .text(
            "Mails a code to the address of the account. Asked again within half a minute, it answers the same challenge and \
             mails nothing.",
        )
        .tag(Tag::Account)
        .bearer()
        .body::<Asked>()
        .parameters(&[DRY_RUN])
        .imported(&[])
        .fails(ATTEMPT)
        .fails(&[(400, "already_verified"), (501, "not_configured")]);
    let completing = Operation::new::<Verified>("verifyAddress", "Verify my address by the code")
        .text("Verifies the address. Password and sessions stay.")
        .tag(Tag::Account)
        .bearer()
        .body::<MailedCode>()
        .parameters(&[DRY_RUN])
        .fails(&[(401, "code_invalid"), (501, "not_configured")]);
    Api::new().post("/me/email/verify", ask, asking).post("/me/email/verify/complete", complete, completing)
}

/// Perhaps `locale` and `continue_url`.
struct Asked {
    language: Language,
    continue_url: Option<ContinueUrl>,
}

impl Input for Asked {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (language, continue_url) = (fields.language("locale"), fields.continue_url("continue_url"));
        Some(Self { language, continue_url })
    }
}

/// 200 with a challenge. Only the mailbox has the code.
async fn ask(
    State(app): State<App>,
    caller: Caller,
    ip: ClientIp,
    dry_run: DryRun,
    Body(asked): Body<Asked>,
) -> Result<Json<Started>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    if caller.user.email_verified {
        return Err(Error::AlreadyVerified);
    }
    let identifier = Identifier::parse(&caller.user.email).map_err(Error::internal)?;
    let is_limited = app.config().accounts.rate_limits;
    let client = is_limited.then_some(Client { device: caller.session, ip: ip.key() });
    let request = MailRequest {
        purpose: Purpose::Verify,
        identifier: &identifier,
        claimant: None,
        client,
        language: asked.language,
        continue_url: asked.continue_url,
        identity: None,
    };
    Ok(Json(mailing::start(&app, &request, &WORDS).await?))
}

#[derive(Serialize)]
struct Verified {
    email_verified: bool,
    user: Profile,
}

impl Sample for Verified {
    const NAME: &'static str = "Verified";
    const PARTS: &'static [Part] = &[("user", Shape::of::<Profile>)];

    fn sample() -> Self {
        Self { email_verified: true, user: Profile::sample() }
    }
}

/// 200 once the address is verified, and the same again for the same code.
async fn complete(
    State(app): State<App>,
    caller: Caller,
    dry_run: DryRun,
    Body(code): Body<MailedCode>,
) -> Result<Json<Verified>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    let user = verified_address::by_code(&app, &caller.user, code.shown()).await?;
    Ok(Json(Verified { email_verified: user.email_verified, user: user.profile() }))
}
