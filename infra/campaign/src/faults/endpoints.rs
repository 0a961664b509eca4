//! Every request that reaches the table, with what has to be there before it.

use serde_json::json;
use shared::testing::{PASSWORD, Service};

use crate::asking::Ask;

/// A request that succeeds where nothing fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// With a username and an Idempotency-Key, so that every condition there is has its place.
    Create,
    Login,
    Refresh,
    Logout,
    LogoutEverywhere,
    VerifyLive,
    Me,
    /// To another username, so that an identifier goes and one comes.
    Change,
    ChangePassword,
    Delete,
}

/// All of them.
pub fn endpoints() -> [Endpoint; 10] {
    use Endpoint::{Change, ChangePassword, Create, Delete, Login, Logout, LogoutEverywhere, Me, Refresh, VerifyLive};
    [Create, Login, Refresh, Logout, LogoutEverywhere, VerifyLive, Me, Change, ChangePassword, Delete]
}

impl Endpoint {
    /// What it is called in a table.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Stores what it needs, and makes the request. Each has an account of its own.
    pub async fn prepare(self, service: &Service) -> Ask {
        let mark = service.app().uuid().expect("an id");
        let (email, short) = (format!("{mark}@faults.example"), &mark[mark.len() - 12..]);
        if self == Self::Create {
            let body = json!({"email": email, "password": PASSWORD, "username": format!("u-{short}")});
            return Ask::post("/create-account", body).under(&mark);
        }
        let user = service.account_with(&email, Some(&format!("v-{short}")), |_| {}).await;
        let session = service.session(&user).await;
        match self {
            Self::Create | Self::Login => Ask::login(&email),
            Self::Refresh => Ask::refresh(&session),
            Self::Logout => Ask::logout(&session),
            Self::LogoutEverywhere => {
                Ask::post("/logout", json!({"refresh_token": session["refresh_token"], "everywhere": true}))
            }
            Self::VerifyLive => Ask::verify_live(&session),
            Self::Me => Ask::me(&session),
            Self::Change => Ask::change(&session, json!({"name": "Other", "username": format!("w-{short}")})),
            Self::ChangePassword => Ask::change_password(&session, PASSWORD, "another battery staple"),
            Self::Delete => Ask::delete(&session, PASSWORD),
        }
    }
}
