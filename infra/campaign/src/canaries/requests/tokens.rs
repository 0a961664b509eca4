//! Tokens that are refreshed, verified, decoded, signed and revoked.

use axum::http::Method;
use serde_json::{Value, json};

use super::{RecordingClient, changed, id_token, keep_session};
use crate::{canaries::secrets::Canaries, client::Answer};

impl RecordingClient {
    /// Refreshes valid, invalid, used and revoked tokens, and logs out.
    pub async fn refreshes(&mut self, canaries: &mut Canaries, session: &Answer) {
        let first = session.text_of("refresh_token");
        let mut newest = first.clone();
        for _ in 0..2 {
            let answer = self.post("/refresh", &json!({"refresh_token": newest})).await;
            keep_session(canaries, &answer);
            newest = answer.text_of("refresh_token");
        }
        let like_one = canaries.secret("wrong refresh token") + "AAA";
        for token in [canaries.secret("wrong refresh token"), like_one, changed(&newest), format!("{newest} {newest}")]
        {
            self.post("/refresh", &json!({"refresh_token": token})).await;
            self.post("/logout", &json!({"refresh_token": token})).await;
        }
        self.post(
            "/logout",
            &json!({"refresh_token": newest, "everywhere": canaries.secret("secret in a wrong field")}),
        )
        .await;
        for token in [&first, &newest, &first] {
            self.post("/refresh", &json!({"refresh_token": token})).await;
        }
        self.post("/logout", &json!({"refresh_token": newest, "everywhere": true})).await;
        let bearer = format!("Bearer {newest}");
        self.send(Method::GET, "/me", &[("authorization", &bearer)], "").await;
        self.post("/verify", &json!({"token": newest})).await;
    }

    /// Verifies ID tokens while Google's keys cannot be fetched.
    pub async fn without_google(&mut self, canaries: &mut Canaries) {
        for uid in ["a", "b"] {
            let token = id_token(json!({"sub": uid}));
            canaries.keep("token", &token);
            self.post("/verify", &json!({"token": token})).await;
        }
    }

    /// Verifies valid and invalid tokens of each kind, in a body and as a bearer token.
    pub async fn verifications(&mut self, canaries: &mut Canaries, session: &Answer) {
        let access = session.text_of("access_token");
        let mut tokens = vec![changed(&access), access, session.text_of("jwt_token")];
        for changes in [json!({}), json!({"exp": 1_700_000_000}), json!({"aud": "another"}), json!({"email": 1})] {
            tokens.push(id_token(changes));
        }
        tokens.push(canaries.secret("no token"));
        tokens.push(format!("{}.{}.{}", canaries.secret("no token"), canaries.secret("no token"), "c2ln"));
        for token in tokens {
            canaries.keep("token", &token);
            let bearer = format!("Bearer {token}");
            let bearer = [("authorization", &*bearer)];
            self.post("/verify", &json!({"token": token})).await;
            self.send(Method::GET, "/verify?check_revoked=true", &bearer, "").await;
            self.send(Method::GET, "/me", &bearer, "").await;
            self.post("/jwt/decode", &json!({"token": token})).await;
        }
        let secret = canaries.secret("secret in a query");
        self.send(Method::GET, &format!("/verify?check_revoked={secret}"), &[], "").await;
        self.post("/verify", &json!({"token": {"a": canaries.secret("no token")}})).await;
    }

    /// Signs shared-secret tokens with a valid API key and with invalid ones.
    pub async fn shared_secret_tokens(&mut self, canaries: &mut Canaries) {
        let api_key = self.api_key.clone();
        let payload = json!({"user_id": "u", "note": canaries.secret("payload")});
        for (key, payload, minutes) in [
            (api_key.clone(), payload.clone(), json!(5)),
            (canaries.secret("wrong API key"), payload, json!(5)),
            (changed(&api_key), json!(canaries.secret("payload")), json!(5)),
            (api_key.clone(), json!(canaries.secret("payload that is no JSON")), json!(5)),
            (api_key.clone(), json!({"exp": canaries.secret("payload")}), Value::Null),
            (api_key.clone(), json!({"a": 1}), json!(canaries.secret("secret in a wrong field"))),
        ] {
            let body = json!({"payload": payload, "expires_in_minutes": minutes}).to_string();
            let answer = self.send(Method::POST, "/jwt/encode", &[("x-api-key", &key)], body).await;
            let token = answer.text_of("token");
            canaries.keep("shared-secret token", &token);
            for token in [changed(&token), token] {
                self.post("/verify", &json!({"token": token})).await;
                self.post("/jwt/decode", &json!({"token": token})).await;
            }
        }
    }
}
