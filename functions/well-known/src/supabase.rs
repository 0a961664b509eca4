//! The public documents below `/auth/v1`, which the client libraries of Supabase ask for.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    account::sign_up::SignUp,
    http::api::{Api, Operation, operation::Tag},
    sample::{Meaning, Sample},
};

use crate::{KeySet, jwks};

/// The endpoints of this part.
pub fn api() -> Api {
    let keys = Operation::new::<KeySet>("supabaseKeys", "Public keys, for Supabase")
        .text("The same public keys as /.well-known/jwks.json.")
        .tag(Tag::Supabase);
    let about = Operation::new::<About>("supabaseHealth", "Health, for Supabase")
        .text("Says that the service runs.")
        .tag(Tag::Supabase);
    let ways = Operation::new::<Settings>("supabaseSettings", "Settings, for Supabase")
        .text("The ways to sign in: an address with a password.")
        .tag(Tag::Supabase);
    Api::new().get("/auth/v1/.well-known/jwks.json", jwks, keys).get("/auth/v1/health", health, about).get(
        "/auth/v1/settings",
        settings,
        ways,
    )
}

/// The name and the version of the service.
#[derive(Serialize)]
struct About {
    version: &'static str,
    name: &'static str,
    description: &'static str,
}

impl Sample for About {
    const NAME: &'static str = "SupabaseHealth";

    fn sample() -> Self {
        Self { version: env!("CARGO_PKG_VERSION"), name: "Latchkey", description: "Latchkey is a login service." }
    }
}

/// 200, without a call to any other service.
async fn health() -> Json<About> {
    Json(About::sample())
}

/// The ways to sign in.
#[derive(Serialize)]
struct Settings {
    external: External,
    disable_signup: bool,
    mailer_autoconfirm: bool,
    phone_autoconfirm: bool,
    sms_provider: &'static str,
    saml_enabled: bool,
}

/// The providers that a client may offer.
#[derive(Serialize)]
struct External {
    email: bool,
    phone: bool,
    anonymous_users: bool,
    apple: bool,
    facebook: bool,
    github: bool,
    google: bool,
}

impl Settings {
    /// `waits_for_mail`: whether an address must be verified before a login.
    fn of(waits_for_mail: bool) -> Self {
        let external = External {
            email: true,
            phone: false,
            anonymous_users: false,
            apple: false,
            facebook: false,
            github: false,
            google: false,
        };
        Self {
            external,
            disable_signup: false,
            mailer_autoconfirm: !waits_for_mail,
            phone_autoconfirm: false,
            sms_provider: "",
            saml_enabled: false,
        }
    }
}

impl Sample for Settings {
    const NAME: &'static str = "SupabaseSettings";
    const MEMBERS: &'static [Meaning] =
        &[("mailer_autoconfirm", "Whether a new account may log in before its address is verified.")];

    fn sample() -> Self {
        Self::of(false)
    }
}

/// 200 with the ways to sign in.
async fn settings(State(app): State<App>) -> Json<Settings> {
    let mut settings = Settings::of(app.config().accounts.admission.require_verified_email);
    settings.disable_signup = app.config().accounts.sign_up == SignUp::Closed;
    Json(settings)
}
