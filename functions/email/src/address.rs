//! `/me/email` and `/me/email/complete`: another e-mail address for the account.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{
        email::{Email, Identifier},
        proof::{Code, Purpose},
        user::User,
    },
    auth::{
        address_change,
        mailing::{self, MailRequest, Started, Words},
        password::confirm,
        proof::Shown,
        recent_login,
        session_object::{SessionObject, require_signing_keys},
        sign_in,
    },
    config::ContinueUrl,
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        caller::Caller,
        client_ip::ClientIp,
        dry_run::{DRY_RUN, DryRun},
        fields::{Fields, Input, missing},
    },
    mail::Language,
    password::Password,
    store::Client,
    token::access::Issuer,
};

use crate::mailed_code::MailedCode;

const WORDS: Words = Words { asked: "email_change_asked", limited: "email_change_limited" };

/// The endpoints of a change of address.
pub(super) fn api() -> Api {
    let asking = Operation::new::<Started>("changeEmail", "Ask for a code to change my address")
        .text(
            "Mails a code to the new address. The answer is the same if another account has it: its mailbox alone is told. \
             An account without a password sends challenge and code of a login in the place of the password, or logs in \
             within ten minutes before.",
        )
        .tag(Tag::Account)
        .bearer()
        .body::<Asked>()
        .parameters(&[DRY_RUN])
        .imported(&["new_email", "password"])
        .fails(ATTEMPT)
        .fails(&[
            (400, "email_unchanged"),
            (401, "code_invalid"),
            (401, "reauthentication_required"),
            (403, "password_incorrect"),
            (501, "not_configured"),
        ]);
    let completing = Operation::new::<SessionObject>("completeEmailChange", "Change my address by the code")
        .text("All other sessions end. The former address gets a link that takes the change back.")
        .tag(Tag::Account)
        .bearer()
        .body::<MailedCode>()
        .parameters(&[DRY_RUN])
        .fails(ATTEMPT)
        .fails(&[(401, "code_invalid"), (403, "account_disabled"), (409, "email_taken"), (501, "not_configured")]);
    Api::new().post("/me/email", ask, asking).post("/me/email/complete", complete, completing)
}

/// `new_email`, and the `password` or the `challenge` and `code` of a login. Perhaps `locale` and
/// `continue_url`.
struct Asked {
    email: Email,
    credential: Option<Credential>,
    language: Language,
    continue_url: Option<ContinueUrl>,
}

/// The thing that shows that the person, and not the token alone, asks for the change.
enum Credential {
    Password(Password),
    Code { challenge: String, code: Code },
}

impl Input for Asked {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (email, language) = (fields.email("new_email"), fields.language("locale"));
        let password = fields.optional_password("password");
        let (challenge, code) = (fields.optional("challenge"), fields.optional_code("code"));
        let by_code = challenge.zip(code).map(|(challenge, code)| Credential::Code { challenge, code });
        let continue_url = fields.continue_url("continue_url");
        let credential = password.map(Credential::Password).or(by_code);
        Some(Self { email: email?, credential, language, continue_url })
    }
}

/// 200 with a challenge. Only the mailbox of the new address has the code.
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
    mailing::require_mail(&app).await?;
    address_change::require_change(&caller.user, &asked.email, app.now())?;
    let client = app.config().accounts.rate_limits.then_some(Client { device: caller.session, ip: ip.key() });
    let identifier = Identifier::Email(asked.email);
    let start = async |user: &User| {
        let request = MailRequest {
            purpose: Purpose::Change,
            identifier: &identifier,
            claimant: Some(user),
            client,
            language: asked.language,
            continue_url: asked.continue_url,
            identity: None,
        };
        mailing::start(&app, &request, &WORDS).await
    };
    let started = match asked.credential {
        Some(Credential::Password(password)) => {
            let (user, _) = confirm(&app, &caller.user, caller.session, password).await?;
            start(&user).await
        }
        Some(Credential::Code { challenge, code }) => {
            let shown = Shown::Code { challenge: &challenge, code: &code };
            let confirmation = sign_in::confirm(&app, &caller.user, shown).await?;
            let started = start(&confirmation.account).await;
            confirmation.end(&app, started).await
        }
        None => {
            let confirmed = recent_login::confirm(&app, &caller.user, caller.auth_time).await?;
            start(&confirmed.ok_or_else(|| Error::wrong(vec![missing("password")]))?).await
        }
    };
    Ok(Json(started?))
}

/// 200 with the session object of a new session. Every other session ends.
async fn complete(
    State(app): State<App>,
    issuer: Issuer,
    caller: Caller,
    dry_run: DryRun,
    Body(code): Body<MailedCode>,
) -> Result<Json<SessionObject>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    require_signing_keys(&app).await?;
    Ok(Json(address_change::by_code(&app, &issuer, &caller.user, code.shown()).await?))
}
