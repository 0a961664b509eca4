//! Passwords of new accounts, of logins and of the account's owner.

use axum::http::Method;
use serde_json::json;

use super::{RecordingClient, keep_session};
use crate::canaries::secrets::Canaries;

impl RecordingClient {
    /// Sends creates and logins that are refused.
    pub async fn accounts(&mut self, canaries: &mut Canaries, email: &str) {
        let secret = canaries.secret("password of a refused create");
        let key = [("idempotency-key", email)];
        let body = json!({"email": format!("key-{email}"), "password": secret});
        self.send(Method::POST, "/create-account", &key, body.to_string()).await;
        let other =
            json!({"email": format!("key-{email}"), "password": canaries.secret("password of a refused create")});
        self.send(Method::POST, "/create-account", &key, other.to_string()).await;
        self.post(
            "/create-account",
            &json!({"email": email, "password": canaries.secret("password of a refused create")}),
        )
        .await;
        let short = canaries.short("short password");
        self.post("/create-account", &json!({"email": "short@example.com", "password": short})).await;
        let long = canaries.secret("long password");
        self.post("/create-account", &json!({"email": "long@example.com", "password": long.repeat(8)})).await;
        let control = format!("{}\u{7}", canaries.secret("password with a control character"));
        self.post("/create-account", &json!({"email": "control@example.com", "password": control})).await;
        let local = canaries.secret("password that is the address");
        self.post("/create-account", &json!({"email": format!("{local}@example.com"), "password": local})).await;
        canaries.keep("password that is the address", &local.to_lowercase());

        for address in [email, "nobody@example.com", "no address", "nobody"] {
            self.post("/login", &json!({"email": address, "password": canaries.secret("wrong password")})).await;
        }
        let long = canaries.secret("long password").repeat(30);
        self.post("/login", &json!({"email": email, "password": long})).await;
    }

    /// Changes an account and its password as the owner, then deletes the account.
    pub async fn own_account(&mut self, canaries: &mut Canaries, email: &str) {
        let password = canaries.secret("right password");
        let session = self.post("/create-account", &json!({"email": email, "password": password})).await;
        keep_session(canaries, &session);
        let bearer = format!("Bearer {}", session.text_of("access_token"));
        let bearer = [("authorization", &*bearer)];
        self.send(Method::GET, "/me", &bearer, "").await;
        self.send(Method::PATCH, "/me", &bearer, json!({"name": "James"}).to_string()).await;
        for name in ["name", "username", "role_id"] {
            let secret = format!("{}\u{1b}", canaries.secret("secret in a wrong field"));
            self.send(Method::PATCH, "/me", &bearer, json!({name: secret}).to_string()).await;
        }
        let new = canaries.secret("new password");
        for (current, new) in [
            (canaries.secret("wrong current_password"), canaries.secret("new password")),
            (password.clone(), canaries.short("short new password")),
            (password.clone(), new.clone()),
        ] {
            let body = json!({"current_password": current, "new_password": new}).to_string();
            let answer = self.send(Method::POST, "/me/password", &bearer, body).await;
            keep_session(canaries, &answer);
        }
        let login = self.post("/login", &json!({"email": email, "password": new})).await;
        keep_session(canaries, &login);
        let bearer = format!("Bearer {}", login.text_of("access_token"));
        for password in [canaries.secret("wrong password of a deletion"), new] {
            let body = json!({"password": password}).to_string();
            self.send(Method::DELETE, "/me", &[("authorization", &bearer)], body).await;
        }
        self.send(Method::GET, "/me", &[("authorization", &bearer)], "").await;
    }
}
