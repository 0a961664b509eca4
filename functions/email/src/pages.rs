//! `POST /pages/*`: the calls of the pages that the links of mails lead to.
//!
//! A link alone changes nothing. Programs that look through mails open each one, run the script of
//! its page and press the buttons. Each call that changes something therefore asks for a word that
//! only the person knows, and none answers a session. One call asks for no word, and changes
//! nothing: it hands a code to the app. The code is of no use without the challenge of that app.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    account::{email::Email, proof::Purpose},
    auth::{self, address_change, password::client, reset, sign_in, verified_address},
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
        same_origin::SameOrigin,
    },
    password::Password,
    sample::{Meaning, Sample},
};

use crate::password::new_password;

/// The calls of the pages.
pub(super) fn api() -> Api {
    let inspecting = operation::<Inspected>("inspectLink", "Look at the link of a mail")
        .text("Tells a page what its link is for. It changes nothing, and tells nothing of the account.")
        .body::<Link>();
    let resetting = operation::<Reset>("resetPasswordByLink", "Set a new password by a link")
        .text("Sets the password, and ends every session. It answers no session.")
        .body::<NewPassword>()
        .fails(&[(400, "weak_password"), (403, "account_disabled")]);
    let verifying = operation::<Verified>("verifyAddressByLink", "Verify an address by a link")
        .text("Verifies the address. The password shows that the person with the mail has the account too.")
        .body::<Confirmed>()
        .fails(ATTEMPT)
        .fails(&[(401, "invalid_credentials"), (403, "account_disabled")]);
    let disowning = operation::<Disowned>("disownAccount", "Disown an account by a link")
        .text("Deletes an account that somebody else made with the address, if the address was never verified.")
        .body::<Addressed>();
    let changing = operation::<Changed>("changeEmailByLink", "Change an address by a link")
        .text("Makes the address that got the mail that of the account. Every session ends.")
        .body::<Confirmed>()
        .fails(ATTEMPT)
        .fails(&[(401, "invalid_credentials"), (403, "account_disabled"), (409, "email_taken")]);
    let undoing = operation::<Restored>("undoEmailChange", "Take a change of address back")
        .text("Gives the account its former address. The password is gone, and a mail for a new one follows.")
        .body::<Addressed>()
        .fails(&[(403, "account_disabled"), (409, "email_taken")]);
    let signing_in = operation::<HandedOver>("goOnToApp", "Go on to the app by a link")
        .text(
            "Answers the URL of the app that asked for a login, with a code that is good for a minute. The code is of no use \
             without the challenge of that app. It changes nothing.",
        )
        .body::<Link>();
    Api::new()
        .post("/pages/inspect", inspect, inspecting)
        .post("/pages/email", change, changing)
        .post("/pages/undo", undo, undoing)
        .post("/pages/reset", reset_password, resetting)
        .post("/pages/verify", verify, verifying)
        .post("/pages/disown", disown, disowning)
        .post("/pages/sign-in", go_on, signing_in)
}

fn operation<T: Sample>(id: &'static str, summary: &'static str) -> Operation {
    Operation::new::<T>(id, summary).tag(Tag::Pages).fails(&[
        (401, "link_invalid"),
        (401, "link_expired"),
        (401, "link_used"),
        (403, "cross_origin"),
        (501, "not_configured"),
    ])
}

/// `token`, from the fragment of the link.
struct Link {
    token: String,
}

impl Input for Link {
    fn read(fields: &mut Fields) -> Option<Self> {
        Some(Self { token: fields.required("token")? })
    }
}

#[derive(Serialize)]
struct Inspected {
    purpose: Purpose,
    expires_at: String,
    used: bool,
    app: String,
    password_min_length: usize,
}

impl Sample for Inspected {
    const NAME: &'static str = "Link";
    const MEMBERS: &'static [Meaning] = &[
        ("purpose", "sign_in, verify, reset, change, undo or invite."),
        ("expires_at", "The end of the link."),
        ("used", "Whether the link was used before."),
        ("app", "The name of the app, for the page."),
        ("password_min_length", "The fewest characters of a new password."),
    ];

    fn sample() -> Self {
        Self {
            purpose: Purpose::Reset,
            expires_at: "2026-05-27T14:30:00Z".to_owned(),
            used: false,
            app: "Herbs".to_owned(),
            password_min_length: 8,
        }
    }
}

/// 200 with the purpose of the link, as often as somebody asks.
async fn inspect(State(app): State<App>, _: SameOrigin, Body(link): Body<Link>) -> Result<Json<Inspected>, Error> {
    let found = auth::proof::inspect(&app, &link.token).await?;
    Ok(Json(Inspected {
        purpose: found.purpose,
        expires_at: found.expires_at.rfc3339(),
        used: found.is_used,
        app: app.config().mail.app.clone(),
        password_min_length: app.config().accounts.password_policy.length_min,
    }))
}

/// `token` and `new_password`.
struct NewPassword {
    token: String,
    password: Password,
}

impl Input for NewPassword {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (token, password) = (fields.required("token"), new_password(fields));
        Some(Self { token: token?, password: password? })
    }
}

#[derive(Serialize)]
struct Reset {
    reset: bool,
    continue_url: String,
}

impl Sample for Reset {
    const NAME: &'static str = "ResetByLink";
    const MEMBERS: &'static [Meaning] = &[CONTINUE_URL];

    fn sample() -> Self {
        Self { reset: true, continue_url: String::new() }
    }
}

const CONTINUE_URL: Meaning = ("continue_url", "The page of the app that the person goes on to, or an empty text.");

/// 200 once the password is set, and no session: whoever opened the page need not be in the app.
async fn reset_password(
    State(app): State<App>,
    _: SameOrigin,
    Body(input): Body<NewPassword>,
) -> Result<Json<Reset>, Error> {
    let done = reset::by_link(&app, &input.token, &input.password).await?;
    Ok(Json(Reset { reset: true, continue_url: done.continue_url }))
}

/// `token`, and the `password` of the account.
struct Confirmed {
    token: String,
    password: Password,
}

impl Input for Confirmed {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (token, password) = (fields.required("token"), fields.password("password"));
        Some(Self { token: token?, password: password? })
    }
}

#[derive(Serialize)]
struct Verified {
    email_verified: bool,
    continue_url: String,
}

impl Sample for Verified {
    const NAME: &'static str = "VerifiedByLink";
    const MEMBERS: &'static [Meaning] = &[CONTINUE_URL];

    fn sample() -> Self {
        Self { email_verified: true, continue_url: String::new() }
    }
}

/// 200 once the address is verified, and the same again for ten minutes.
async fn verify(
    State(app): State<App>,
    _: SameOrigin,
    ip: ClientIp,
    Body(input): Body<Confirmed>,
) -> Result<Json<Verified>, Error> {
    let client = client(&app, ip.key(), None).await;
    let continue_url = verified_address::by_link(&app, &input.token, input.password, client).await?;
    Ok(Json(Verified { email_verified: true, continue_url }))
}

/// `token`, and the `email` address that got the mail.
struct Addressed {
    token: String,
    email: Email,
}

impl Input for Addressed {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (token, email) = (fields.required("token"), fields.email("email"));
        Some(Self { token: token?, email: email? })
    }
}

#[derive(Serialize)]
struct Disowned {
    disowned: bool,
}

impl Sample for Disowned {
    const NAME: &'static str = "Disowned";

    fn sample() -> Self {
        Self { disowned: true }
    }
}

/// 200 in every case, whether or not an account was left to delete.
async fn disown(State(app): State<App>, _: SameOrigin, Body(input): Body<Addressed>) -> Result<Json<Disowned>, Error> {
    verified_address::disown(&app, &input.token, &input.email).await?;
    Ok(Json(Disowned { disowned: true }))
}

#[derive(Serialize)]
struct HandedOver {
    continue_url: String,
}

impl Sample for HandedOver {
    const NAME: &'static str = "HandedOver";
    const MEMBERS: &'static [Meaning] = &[("continue_url", "The URL of the app, with the code in its query.")];

    fn sample() -> Self {
        Self { continue_url: "https://app.example/login?code=Jr8uaL0fHn4wY7cKs2mQbdlIOBvT9xAMgX1td5pZi3e".to_owned() }
    }
}

/// 200 with the way to the app, as often as somebody asks before the login.
async fn go_on(State(app): State<App>, _: SameOrigin, Body(link): Body<Link>) -> Result<Json<HandedOver>, Error> {
    Ok(Json(HandedOver { continue_url: sign_in::hand_over(&app, &link.token).await? }))
}

#[derive(Serialize)]
struct Changed {
    email_changed: bool,
    continue_url: String,
}

impl Sample for Changed {
    const NAME: &'static str = "EmailChangedByLink";
    const MEMBERS: &'static [Meaning] = &[CONTINUE_URL];

    fn sample() -> Self {
        Self { email_changed: true, continue_url: String::new() }
    }
}

/// 200 once the account has the new address, and no session.
async fn change(
    State(app): State<App>,
    _: SameOrigin,
    ip: ClientIp,
    Body(input): Body<Confirmed>,
) -> Result<Json<Changed>, Error> {
    let client = client(&app, ip.key(), None).await;
    let continue_url = address_change::by_link(&app, &input.token, input.password, client).await?;
    Ok(Json(Changed { email_changed: true, continue_url }))
}

#[derive(Serialize)]
struct Restored {
    restored: bool,
}

impl Sample for Restored {
    const NAME: &'static str = "Restored";

    fn sample() -> Self {
        Self { restored: true }
    }
}

/// 200 once the account has its former address again.
async fn undo(State(app): State<App>, _: SameOrigin, Body(input): Body<Addressed>) -> Result<Json<Restored>, Error> {
    address_change::undo(&app, &input.token, &input.email).await?;
    Ok(Json(Restored { restored: true }))
}
