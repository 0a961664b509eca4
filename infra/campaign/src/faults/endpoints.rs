//! Every request that reaches the table, with what has to be there before it.

use serde_json::json;
use shared::testing::{PASSWORD, Service};

use crate::requests::Request;

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
    pub async fn prepare(self, service: &Service) -> Request {
        let mark = service.app().uuid().expect("an id");
        let (email, short) = (format!("{mark}@faults.example"), &mark[mark.len() - 12..]);
        if self == Self::Create {
            let body = json!({"email": email, "password": PASSWORD, "username": format!("u-{short}")});
            return Request::post("/create-account", body).under(&mark);
        }
        let user = service.account_with(&email, Some(&format!("v-{short}")), |_| {}).await;
        let session = service.session(&user).await;
        match self {
            Self::Create | Self::Login => Request::login(&email),
            Self::Refresh => Request::refresh(&session),
            Self::Logout => Request::logout(&session),
            Self::LogoutEverywhere => {
                Request::post("/logout", json!({"refresh_token": session["refresh_token"], "everywhere": true}))
            }
            Self::VerifyLive => Request::verify_live(&session),
            Self::Me => Request::me(&session),
            Self::Change => Request::change(&session, json!({"name": "Other", "username": format!("w-{short}")})),
            Self::ChangePassword => Request::change_password(&session, PASSWORD, "another battery staple"),
            Self::Delete => Request::delete(&session, PASSWORD),
        }
    }
}
