//! `POST /auth/v1/signup`: a new account, as the client libraries of Supabase ask for it.

use axum::{Json, extract::State};
use shared::{
    App,
    account::email::Email,
    auth::supabase::SignedUp,
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag, refusals::ATTEMPT},
        body::Body,
        client_ip::ClientIp,
        fields::{Fields, Input},
    },
    mail::Language,
    password::Person,
    token::access::Issuer,
};

use crate::{NewAccount, REFUSALS, create};

/// The keys of `data` that apps write the name under.
const NAMES: [&str; 3] = ["name", "full_name", "display_name"];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<SignedUp>("supabaseSignUp", "Create an account, for Supabase")
        .text(
            "Makes an account, and its first session. Where addresses must be verified first, the answer is the user.",
        )
        .tag(Tag::Supabase)
        .body::<SignUp>()
        .fails(ATTEMPT)
        .fails(REFUSALS);
    Api::new().post("/auth/v1/signup", sign_up, operation)
}

/// `email`, `password`, and perhaps `data`, which becomes the metadata of the account.
struct SignUp(NewAccount);

impl Input for SignUp {
    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.email("email");
        let password = fields.new_password("password");
        let metadata = fields.metadata("data").unwrap_or_default();
        let name = metadata.text_of(&NAMES).and_then(|text| fields.named("data", &text)).unwrap_or_default();
        let person = Person { email_key: email.as_ref().map_or("", Email::key), username: None, name: &name };
        let weakness = password.as_ref().and_then(|password| fields.weakness("password", password, &person));
        if let Some(weakness) = &weakness {
            fields.also_refuse(weakness);
        }
        Some(Self(NewAccount {
            email: email?,
            username: None,
            name,
            metadata,
            password: password?,
            language: Language::English,
            weakness,
        }))
    }
}

/// 200 with a session, or with the user alone.
async fn sign_up(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    Body(SignUp(new)): Body<SignUp>,
) -> Result<Json<SignedUp>, Error> {
    let session = create(&app, &issuer, &ip, new, None).await?;
    Ok(Json(session.into()))
}
