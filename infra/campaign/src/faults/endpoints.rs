//! Every request that reaches the table, with the records that it needs.

use serde_json::json;
use shared::testing::{PASSWORD, Service};

use crate::requests::Request;

/// A request that succeeds without faults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// With a username and an Idempotency-Key, so that the transaction has every possible
    /// condition.
    Create,
    Login,
    Refresh,
    Logout,
    LogoutEverywhere,
    CheckRevoked,
    Me,
    /// To another username, so that one identifier is deleted and another one is added.
    Change,
    ChangePassword,
    Delete,
}

/// All endpoints.
pub fn endpoints() -> [Endpoint; 10] {
    use Endpoint::{
        Change, ChangePassword, CheckRevoked, Create, Delete, Login, Logout, LogoutEverywhere, Me, Refresh,
    };
    [Create, Login, Refresh, Logout, LogoutEverywhere, CheckRevoked, Me, Change, ChangePassword, Delete]
}

impl Endpoint {
    /// The name in the report.
    pub fn name(self) -> String {
        format!("{self:?}")
    }

    /// Stores an account of its own for the request, and returns the request.
    pub async fn prepare(self, service: &Service) -> Request {
        let mark = service.app().uuid().expect("an id");
        let (email, short) = (format!("{mark}@faults.example"), &mark[mark.len() - 12..]);
        if self == Self::Create {
            let body = json!({"email": email, "password": PASSWORD, "username": format!("u-{short}")});
            return Request::post("/create-account", body).with_idempotency_key(&mark);
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
            Self::CheckRevoked => Request::check_revoked(&session),
            Self::Me => Request::me(&session),
            Self::Change => {
                Request::change_profile(&session, json!({"name": "Other", "username": format!("w-{short}")}))
            }
            Self::ChangePassword => Request::change_password(&session, PASSWORD, "another battery staple"),
            Self::Delete => Request::delete_account(&session, PASSWORD),
        }
    }
}
