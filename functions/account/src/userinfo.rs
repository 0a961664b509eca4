//! `GET /oauth/userinfo`: the account as OpenID Connect Core 1.0 section 5.3 tells it, flat, for
//! builders that read no object within an object.

use axum::Json;
use serde::Serialize;
use shared::{
    account::user::Profile,
    http::{
        api::{Api, Operation, operation::Tag},
        caller::Caller,
    },
    sample::{Meaning, Sample},
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<UserInfo>("userInfo", "Show my account, flat")
        .text("The account as clients of OpenID Connect read it.")
        .tag(Tag::OAuth)
        .bearer();
    Api::new().get("/oauth/userinfo", show, operation)
}

/// The claims of the standard, with the names that builders look for.
#[derive(Serialize)]
struct UserInfo {
    sub: String,
    id: String,
    email: String,
    email_verified: bool,
    name: String,
    preferred_username: String,
    role_id: u32,
    roles: [String; 1],
}

impl From<Profile> for UserInfo {
    fn from(profile: Profile) -> Self {
        Self {
            sub: profile.id.clone(),
            id: profile.id,
            email: profile.email,
            email_verified: profile.email_verified,
            name: profile.name,
            preferred_username: profile.username,
            role_id: profile.role_id,
            roles: [profile.role_id.to_string()],
        }
    }
}

impl Sample for UserInfo {
    const NAME: &'static str = "UserInfo";
    const MEMBERS: &'static [Meaning] = &[
        ("sub", "The user's id."),
        ("id", "The user's id again."),
        ("email", "The address as it was typed."),
        ("email_verified", "Whether the address is known to belong to the person."),
        ("name", "Empty if none was given."),
        ("preferred_username", "The username; empty if there is none."),
        ("role_id", "The role as a number."),
        ("roles", "The role as a list of texts."),
    ];

    fn sample() -> Self {
        Profile::sample().into()
    }
}

/// 200 with the claims. No time of the last change is among them, since none is kept.
async fn show(Caller { user, .. }: Caller) -> Json<UserInfo> {
    Json(user.profile().into())
}
