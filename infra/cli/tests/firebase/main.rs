//! Endings at Firebase: carried out with the answer, or afterwards, or by another process.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod access_tokens;
mod endings;
mod outages;
mod profiles;
mod signers;

use axum::http::Method;
use serde_json::{Value, json};
use shared::{
    account::user::User,
    auth::ending::settle,
    outbox::Delivery,
    testing::{FirebaseUsers, PASSWORD, Service, service_account},
};

/// The new password of the tests.
const NEW_PASSWORD: &str = "violet tractor 47 umbrella";

/// A deployment whose users are in an emulator.
struct Deployment {
    service: Service,
    firebase: FirebaseUsers,
}

impl Deployment {
    async fn new() -> Self {
        Self::with(&[]).await
    }

    async fn with(variables: &[(&str, &str)]) -> Self {
        let firebase = FirebaseUsers::start().await;
        let host = firebase.host();
        let own = [("FIREBASE_SERVICE_ACCOUNT", service_account()), ("FIREBASE_AUTH_EMULATOR_HOST", host.as_str())];
        let service = Service::configured(latchkey::router(), &[&own, variables].concat()).await;
        Self { service, firebase }
    }

    /// An account whose owner has signed in at Firebase, where somebody linked Google.
    async fn signed_in(&self, email: &str) -> User {
        let user = self.service.account(email).await;
        self.firebase
            .put(&user.id, json!({"email": "thief@yopmail.com", "providerUserInfo": [{"providerId": "google.com"}]}));
        user
    }

    async fn log_out_everywhere(&self, session: &Value) -> Value {
        let body = json!({"refresh_token": session["refresh_token"], "everywhere": true});
        self.service.post("/logout", body).await.is(200).body
    }

    async fn delete(&self, session: &Value) -> Value {
        let delete = self.service.request(Method::DELETE, "/me").bearer(&session["access_token"]);
        delete.json(json!({"password": PASSWORD})).await.is(200).body
    }

    /// The ids of the accounts whose endings wait.
    async fn waiting(&self) -> Vec<String> {
        self.service.app().store().open_endings().await.unwrap()
    }

    async fn settle(&self, user: &User) -> Delivery {
        settle(self.service.app(), &user.id).await.unwrap()
    }

    /// The second from which on sign-ins of this user count at Firebase.
    fn valid_since(&self, user: &User) -> Option<i64> {
        self.firebase.user(&user.id)["validSince"].as_str().map(|seconds| seconds.parse().unwrap())
    }
}
