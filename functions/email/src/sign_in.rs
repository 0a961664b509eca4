//! `/login/email` and `/login/email/complete`: a login by a code in the place of a password.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{
        email::{Email, Identifier},
        proof::{LoginCode, Purpose},
    },
    auth::{
        first_mail,
        mailing::{self, MailRequest, Started, Words},
        password::client,
        proof::Shown,
        session_object::{SessionObject, require_signing_keys},
        sign_in,
    },
    config::{ContinueUrl, EmailSignIn},
    error::Error,
    http::{
        api::{Api, Operation, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        dry_run::{DRY_RUN, DryRun},
        fields::{Fields, Input},
    },
    mail::Language,
    password::Password,
    token::access::Issuer,
};

const WORDS: Words = Words { asked: "login_code_asked", limited: "login_code_limited" };

/// The endpoints of a login by a code.
pub(super) fn api() -> Api {
    let asking = Operation::new::<Started>("askForLoginCode", "Ask for a code to log in")
        .text(
            "Mails a code to the account, if there is one. The answer is the same for every address. Keep the challenge: \
             the login needs it together with the code.",
        )
        .body::<Asked>()
        .parameters(&[DRY_RUN])
        .imported(&["email"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(&[(501, "not_configured")]);
    let completing = Operation::new::<SessionObject>("loginByCode", "Log in by the code")
        .text(
            "Logs in by the code of a mail, which verifies the address too. With EMAIL_SIGN_IN=sign_up the code makes an \
             account for an address that has none.",
        )
        .body::<Login>()
        .parameters(&[DRY_RUN])
        .imported(&["challenge", "code"])
        .for_clients()
        .fails(&[
            (401, "code_invalid"),
            (403, "account_disabled"),
            (403, "email_not_verified"),
            (409, "email_taken"),
            (501, "not_configured"),
        ]);
    Api::new().post("/login/email", ask, asking).post("/login/email/complete", complete, completing)
}

/// `email`, and perhaps `locale` and `continue_url`. The `refresh_token` of an earlier session
/// shows that this client logged in before, as at `/login`.
struct Asked {
    email: Email,
    language: Language,
    continue_url: Option<ContinueUrl>,
    refresh_token: Option<String>,
}

impl Input for Asked {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (email, language) = (fields.email("email"), fields.language("locale"));
        let continue_url = fields.continue_url("continue_url");
        let refresh_token = fields.optional("refresh_token");
        Some(Self { email: email?, language, continue_url, refresh_token })
    }
}

/// 200 with a challenge, whoever the address belongs to.
async fn ask(
    State(app): State<App>,
    ip: ClientIp,
    dry_run: DryRun,
    Body(asked): Body<Asked>,
) -> Result<Json<Started>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    require_sign_in(&app)?;
    let client = client(&app, ip.key(), asked.refresh_token.as_deref()).await;
    let identifier = Identifier::Email(asked.email);
    let request = MailRequest {
        purpose: Purpose::SignIn,
        identifier: &identifier,
        claimant: None,
        client,
        language: asked.language,
        continue_url: asked.continue_url,
        identity: None,
    };
    Ok(Json(mailing::start(&app, &request, &WORDS).await?))
}

/// `challenge`, the `code` of the mail or of its page, and perhaps the `password`. An account whose
/// address was not verified then keeps that password. `name` is for a new account.
struct Login {
    challenge: String,
    code: LoginCode,
    password: Option<Password>,
    name: String,
}

impl Input for Login {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (challenge, code) = (fields.required("challenge"), fields.login_code("code"));
        let password = fields.optional_password("password");
        let name = fields.name("name").unwrap_or_default();
        Some(Self { challenge: challenge?, code: code?, password, name })
    }
}

impl Login {
    fn shown(&self) -> Shown<'_> {
        let challenge = &self.challenge;
        match &self.code {
            LoginCode::Typed(code) => Shown::Code { challenge, code },
            LoginCode::Handed(code) => Shown::Handed { challenge, code },
        }
    }
}

/// 200 with the session object of a new session, also if the code made the account. The code that
/// was mailed to a new account logs in too, whatever `EMAIL_SIGN_IN` says. So does the code of an
/// admin who signs in as somebody else.
async fn complete(
    State(app): State<App>,
    issuer: Issuer,
    dry_run: DryRun,
    Body(input): Body<Login>,
) -> Result<Json<SessionObject>, Error> {
    if let Some(example) = dry_run.answer() {
        return Ok(example);
    }
    if !first_mail::is_wanted(&app) && !app.config().admin.sign_in_links {
        require_sign_in(&app)?;
    }
    require_signing_keys(&app).await?;
    let shown = input.shown();
    Ok(Json(sign_in::by_code(&app, &issuer, shown, input.password.as_ref(), &input.name).await?))
}

/// Refuses to ask for a code where nobody needs one. A code is the way in for an address that must
/// be verified.
fn require_sign_in(app: &App) -> Result<(), Error> {
    let accounts = &app.config().accounts;
    match accounts.email_sign_in != EmailSignIn::Off || accounts.admission.require_verified_email {
        true => Ok(()),
        false => Err(Error::NotConfigured("Nobody logs in by a mailed code here: set EMAIL_SIGN_IN to existing.")),
    }
}
