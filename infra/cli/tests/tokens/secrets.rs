//! Secrets in Secrets Manager as people paste them into its console: with a byte order mark, line
//! breaks and characters that nobody sees.

use axum::http::Method;
use serde_json::json;
use shared::testing::{SIGNING_KEYS_ID, Secrets, SecretsManager, Service, service_account, signing_keys};

const API_KEY: &str = "the server key of 32 characters and more";
const SHARED_SECRET: &str = "a shared secret of more than 32 bytes";

#[tokio::test(start_paused = true)]
async fn a_secret_with_characters_that_nobody_sees_is_the_secret_without_them() {
    for (before, after) in [("", ""), ("\u{feff}", "\r\n"), ("\u{200b} ", "\u{200b}\n"), ("\u{2060}\n", "\u{a0}")] {
        let secrets = SecretsManager::new(Secrets::default());
        let account = service_account();
        for (id, text) in
            [(SIGNING_KEYS_ID, signing_keys()), ("firebase", account), ("shared", SHARED_SECRET), ("api-key", API_KEY)]
        {
            secrets.with(|secrets| secrets.put(id, &"0".repeat(32), &format!("{before}{text}{after}")));
        }
        let variables = [
            ("SIGNING_KEYS_SECRET_ID", SIGNING_KEYS_ID),
            ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "firebase"),
            ("SHARED_SECRET_ID", "shared"),
            ("API_KEY_SECRET_ID", "api-key"),
        ];
        let service = Service::deployed(latchkey::router(), &variables, &secrets).await;
        let credentials = json!({"email": "a@b.de", "password": "violet tractor 47 umbrella"});
        let session = service.post("/create-account", credentials).await.is(201).body;
        service.post("/verify", json!({"token": session["access_token"]})).await.is(200);
        let encode = service.request(Method::POST, "/jwt/encode").header("x-api-key", API_KEY);
        let token = encode.json(json!({"payload": {"user_id": "1"}})).await.is(200).body["token"].clone();
        service.post("/verify", json!({"token": token})).await.is(200);
        let plain = Service::configured(latchkey::router(), &[("JWT_SHARED_SECRET", SHARED_SECRET)]).await;
        plain.post("/verify", json!({"token": token})).await.is(200);
    }
}
