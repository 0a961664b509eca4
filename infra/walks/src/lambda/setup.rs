//! Accounts, and the tokens and requests of their owners.

use std::sync::atomic::{AtomicUsize, Ordering};

use axum::http::Method;
use serde_json::{Value, json};
use shared::testing::{Google, PROJECT, Reply, certificate, id_token_header};

use crate::{
    clock,
    deployment::{Deployment, ENDPOINTS, Way},
    http::Request,
    latchkey::Variables,
    secrets::SecretsManager,
};

/// The API key of the deployment.
pub const API_KEY: &str = "an API key that only these trials know";
/// A password that no account has.
pub const WRONG: &str = "not the password";
/// The password of every account.
pub const PASSWORD: &str = "violet tractor 47 umbrella";
const NEXT_PASSWORD: &str = "amber tractor 48 umbrella";
const SHARED_SECRET: &str = "a shared secret that only these trials know";
/// The id of Google's key.
const GOOGLE_KID: &str = "5d1f9b2cfd8c1e0b7a3349ad5f7f8a6c21b4e0d7";

/// A deployment, and somebody who has an account there.
pub struct Setup {
    /// The functions and the server beside them.
    pub deployment: Deployment,
    /// The person whose session many trials use.
    pub james: Account,
    google: Google,
    accounts: AtomicUsize,
}

/// Somebody with an account.
pub struct Account {
    /// Their e-mail address.
    pub email: String,
    /// The session object that came with the account.
    pub session: Value,
}

impl Account {
    /// The body of a login.
    pub fn credentials(&self) -> Value {
        self.credentials_with(PASSWORD)
    }

    /// The body of a login with another password.
    pub fn credentials_with(&self, password: &str) -> Value {
        json!({"email": self.email, "password": password})
    }

    /// The id of the account.
    pub fn uid(&self) -> &str {
        self.session["uid"].as_str().expect("an id")
    }

    /// The body of a password change, with this current password.
    pub fn change_password(&self, current: &str) -> Request {
        let body = json!({"current_password": current, "new_password": NEXT_PASSWORD});
        Request::post("/me/password", &body).by(&self.session)
    }

    /// The body of the account's deletion.
    pub fn end(&self) -> Request {
        Request::json(Method::DELETE, "/me", &json!({"password": PASSWORD})).by(&self.session)
    }
}

impl Setup {
    /// Starts the deployment, and creates the account of James.
    pub async fn start() -> Self {
        let google = Google::start(Reply::certificates(&[(0, GOOGLE_KID)]).good_for(21_600)).await;
        let variables = Variables::from([
            ("FIREBASE_CERTS_URL", google.url()),
            ("JWT_SHARED_SECRET", SHARED_SECRET.to_owned()),
            ("API_KEY", API_KEY.to_owned()),
        ]);
        let functions = ENDPOINTS.map(|(name, _)| name);
        let deployment = Deployment::start(&functions, variables, SecretsManager::start().await).await;
        let accounts = AtomicUsize::new(0);
        let james = account(&deployment, newcomer(&accounts)).await;
        Self { deployment, james, google, accounts }
    }

    /// The address and password of somebody without an account.
    pub fn newcomer(&self) -> Value {
        newcomer(&self.accounts)
    }

    /// The address and password, with these members added or replaced.
    pub fn newcomer_with(&self, members: Value) -> Value {
        let mut newcomer = self.newcomer();
        for (name, value) in members.as_object().expect("an object") {
            newcomer[name] = value.clone();
        }
        newcomer
    }

    /// Creates an account for a new person.
    pub async fn account(&self) -> Account {
        account(&self.deployment, self.newcomer()).await
    }

    /// A new session of James.
    pub async fn session(&self, way: Way) -> Value {
        self.deployment.succeed(way, "login", Request::post("/login", &self.james.credentials())).await
    }

    /// A body with the refresh token of a new session of James.
    pub async fn refresh_token(&self) -> Value {
        json!({"refresh_token": self.session(Way::Serve).await["refresh_token"]})
    }

    /// A token of the shared secret.
    pub async fn shared_secret_token(&self) -> Value {
        let request = Request::post("/jwt/encode", &json!({"payload": {"user_id": "7"}})).header("x-api-key", API_KEY);
        self.deployment.succeed(Way::Serve, "jwt", request).await["token"].clone()
    }

    /// An ID token of Firebase for James, with these claims in the place of others. James signed in
    /// with a custom token five minutes ago.
    pub fn id_token(&self, changes: Value) -> String {
        let now = clock::now() / 1000;
        let uid = self.james.uid();
        let mut claims = json!({
            "iss": format!("https://securetoken.google.com/{PROJECT}"),
            "aud": PROJECT,
            "auth_time": now - 300,
            "user_id": uid,
            "sub": uid,
            "iat": now - 60,
            "exp": now + 3_540,
            "email": "james@yopmail.com",
            "email_verified": true,
            "firebase": {"identities": {}, "sign_in_provider": "custom"},
        });
        for (name, value) in changes.as_object().expect("an object") {
            claims[name] = value.clone();
        }
        certificate(0).sign(&id_token_header(GOOGLE_KID), &claims)
    }

    /// An ID token of a sign-in at this moment, which no logout has ended.
    pub fn new_id_token(&self) -> String {
        self.id_token(json!({"auth_time": clock::now() / 1000}))
    }

    /// Fails unless each process that verifies ID tokens fetched Google's keys exactly once.
    pub async fn fetch_keys_once(&self) {
        let processes = [(Way::Serve, "verify"), (Way::Url, "verify"), (Way::Url, "account")];
        for (way, function) in processes {
            let path = if function == "verify" { "/verify" } else { "/me" };
            self.deployment.succeed(way, function, Request::get(path).bearer(&self.new_id_token())).await;
        }
        assert_eq!(self.google.fetches(), processes.len());
    }
}

fn newcomer(accounts: &AtomicUsize) -> Value {
    let number = accounts.fetch_add(1, Ordering::Relaxed);
    json!({"email": format!("someone-{number}@yopmail.com"), "password": PASSWORD})
}

async fn account(deployment: &Deployment, newcomer: Value) -> Account {
    let request = Request::post("/create-account", &newcomer);
    let session = deployment.succeed(Way::Serve, "create-account", request).await;
    Account { email: newcomer["email"].as_str().expect("an address").to_owned(), session }
}
