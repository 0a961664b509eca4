//! `/exchange` and `/exchange/complete`: a login by the ID token of another provider.

use axum::{Json, extract::State, http::HeaderMap};
use shared::{
    App,
    auth::{
        exchange::{self, ExchangeRequest},
        recent_login,
        session_object::{SessionObject, require_signing_keys},
    },
    error::Error,
    http::{
        api::{
            Api, Operation,
            refusals::{ATTEMPT, BEARER, Refusal, TOKEN},
        },
        body::Body,
        caller::Caller,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    mail::Language,
    token::access::Issuer,
};

use crate::mailed_code::MailedCode;

const REFUSALS: &[Refusal] = &[
    (401, "id_token_invalid"),
    (401, "id_token_expired"),
    (401, "id_token_used"),
    (401, "nonce_mismatch"),
    (401, "anonymous_token"),
    (401, "reauthentication_required"),
    (403, "account_disabled"),
    (403, "email_not_verified"),
    (403, "sign_up_closed"),
    (403, "invitation_required"),
    (403, "email_domain_not_allowed"),
    (409, "identity_taken"),
    (409, "too_many_identities"),
    (409, "email_confirmation_needed"),
    (501, "not_configured"),
];

/// The endpoints of a login by another provider.
pub(super) fn api() -> Api {
    let exchanging = Operation::new::<SessionObject>("exchange", "Log in by another provider")
        .text(
            "Exchanges an ID token of Google, Apple, Facebook, Firebase or a provider of your own for a session, and \
             makes an account if there is none. With link and the access token of a login within ten minutes, the \
             sign-in is linked to that account.",
        )
        .body::<Exchanging>()
        .imported(&["provider", "id_token"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(BEARER)
        .fails(TOKEN)
        .fails(REFUSALS);
    let completing = Operation::new::<SessionObject>("completeExchange", "Log in by another provider, by a code")
        .text(
            "After 409 email_confirmation_needed: the code of the mail shows that the address is the person's. The \
             sign-in is then linked to the account.",
        )
        .body::<MailedCode>()
        .imported(&["challenge", "code"])
        .for_clients()
        .fails(&[
            (401, "code_invalid"),
            (403, "account_disabled"),
            (403, "email_not_verified"),
            (409, "identity_taken"),
            (409, "too_many_identities"),
            (501, "not_configured"),
        ]);
    Api::new().post("/exchange", exchange, exchanging).post("/exchange/complete", complete, completing)
}

/// `provider` and `id_token`. There may be the `nonce` that the app gave to the provider, and the
/// `name` that the provider told the app alone. There may be the `locale` of mails, and `link`.
struct Exchanging {
    provider: String,
    id_token: String,
    nonce: Option<String>,
    name: String,
    language: Language,
    link: bool,
}

impl Input for Exchanging {
    fn read(fields: &mut Fields) -> Option<Self> {
        let (provider, id_token) = (fields.required("provider"), fields.token("id_token"));
        let nonce = fields.optional("nonce");
        let name = fields.name("name").unwrap_or_default();
        let (language, link) = (fields.language("locale"), fields.flag("link"));
        Some(Self { provider: provider?, id_token: id_token?, nonce, name, language, link })
    }
}

/// 200 with the session object of a new session, also if the account is new.
async fn exchange(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    headers: HeaderMap,
    Body(input): Body<Exchanging>,
) -> Result<Json<SessionObject>, Error> {
    let caller = match input.link {
        true => Some(Caller::of_headers(&app, &issuer, &headers).await?),
        false => None,
    };
    if let Some(caller) = &caller {
        recent_login::require(caller.auth_time, app.now())?;
    }
    let request = ExchangeRequest {
        provider: &input.provider,
        id_token: &input.id_token,
        nonce: input.nonce.as_deref(),
        name: &input.name,
        language: input.language,
        ip: ip.key(),
        link_to: caller.as_ref().map(|caller| &caller.user),
    };
    exchange::exchange(&app, &issuer, &request).await.map(Json)
}

/// 200 with the session object of a new session.
async fn complete(
    State(app): State<App>,
    issuer: Issuer,
    Body(mailed): Body<MailedCode>,
) -> Result<Json<SessionObject>, Error> {
    require_signing_keys(&app).await?;
    exchange::complete(&app, &issuer, mailed.shown()).await.map(Json)
}
