//! The steps of a run, in the order in which an app takes them.

use std::pin::Pin;

use axum::http::{Method, Uri, header};
use serde_json::{Map, Value, json};

use super::{
    account::{Account, Session},
    client::{Call, Client},
    contract::text_of,
    documents,
    report::Problem,
};

/// More than the 16 KiB that a body may have.
const BODY_BYTES_TOO_MANY: usize = 17 * 1024;
const METHODS: [&str; 6] = ["DELETE", "GET", "OPTIONS", "PATCH", "POST", "PUT"];
const PREFLIGHT_SECONDS: &str = "86400";
const ANOTHER_USER: &str = "the answer is about another user";

type Run = for<'a> fn(&'a mut Journey) -> Pin<Box<dyn Future<Output = Result<(), Problem>> + 'a>>;

/// The step that creates the account.
pub const CREATE: &str = "create-account";

/// The steps, each with its name.
pub const STEPS: &[(&str, Run)] = &[
    ("health", |journey| Box::pin(journey.health())),
    ("unencrypted HTTP is not served", |journey| Box::pin(journey.no_unencrypted_http())),
    (CREATE, |journey| Box::pin(journey.create())),
    ("login", |journey| Box::pin(journey.log_in())),
    ("a wrong password is refused", |journey| Box::pin(journey.wrong_password())),
    ("refresh", |journey| Box::pin(journey.refresh())),
    ("a lost refresh is repeated", |journey| Box::pin(journey.repeat_refresh())),
    ("verify", |journey| Box::pin(journey.verify())),
    ("discovery and key set fit the token", |journey| Box::pin(journey.documents())),
    ("me", |journey| Box::pin(journey.me())),
    ("profile", |journey| Box::pin(journey.profile())),
    ("sessions", |journey| Box::pin(journey.sessions())),
    ("password change", |journey| Box::pin(journey.change_password())),
    ("a wrong password deletes nothing", |journey| Box::pin(journey.wrong_deletion())),
    ("logout", |journey| Box::pin(journey.log_out())),
    ("refresh after logout is refused", |journey| Box::pin(journey.refresh_after_logout())),
    ("preflight", |journey| Box::pin(journey.preflight())),
    ("404 in the envelope", |journey| Box::pin(journey.not_found())),
    ("405 in the envelope", |journey| Box::pin(journey.method_not_allowed())),
    ("413 in the envelope", |journey| Box::pin(journey.too_large())),
];

/// The state that the steps share.
pub struct Journey {
    pub client: Client,
    pub account: Account,
    session: Option<Session>,
    /// The refresh token that the session's one came from.
    parent: Option<String>,
}

impl Journey {
    /// A journey that has not begun.
    ///
    /// # Errors
    ///
    /// As [`Account::new`].
    pub fn new(client: Client) -> Result<Self, String> {
        Ok(Self { client, account: Account::new()?, session: None, parent: None })
    }

    /// The session of the steps before.
    fn session(&self) -> Result<Session, Problem> {
        self.session.clone().ok_or(Problem::Skipped("there is no session"))
    }

    /// Goes on with another session of the same user.
    fn go_on_with(&mut self, session: Session) -> Result<(), Problem> {
        if session.uid != self.session()?.uid {
            return Err(Problem::failed(ANOTHER_USER));
        }
        self.session = Some(session);
        Ok(())
    }

    async fn ask(&mut self, call: Call, status: u16) -> Result<Map<String, Value>, Problem> {
        self.client.ask(call).await?.expect(status)
    }

    async fn refresh_with(&mut self, token: &str) -> Result<Session, Problem> {
        Session::of(self.client.ask(refresh_call(token)).await?, 200)
    }

    async fn health(&mut self) -> Result<(), Problem> {
        let health = self.ask(Call::get("/health"), 200).await?;
        if health.get("status").is_none_or(|status| status != "ok") {
            return Err(Problem::failed("GET /health says another status than ok"));
        }
        Ok(())
    }

    async fn no_unencrypted_http(&mut self) -> Result<(), Problem> {
        let base = self.client.base.parse::<Uri>().unwrap_or_default();
        if base.scheme_str() != Some("https") {
            return Err(Problem::Skipped("the URL is unencrypted itself"));
        }
        let url = format!("http://{}/health", base.host().unwrap_or_default());
        match self.client.ask_unchecked(Call::get(&url)).await {
            Ok((status, _)) if status < 300 => Err(Problem::advised(
                format!("{url} answered {status}"),
                "Passwords would cross the network unencrypted: serve https:// alone.",
            )),
            _ => Ok(()),
        }
    }

    async fn create(&mut self) -> Result<(), Problem> {
        self.session = Some(self.account.create(&mut self.client).await?);
        Ok(())
    }

    async fn log_in(&mut self) -> Result<(), Problem> {
        self.session()?;
        let session = self.account.log_in(&mut self.client).await?;
        self.go_on_with(session)
    }

    async fn wrong_password(&mut self) -> Result<(), Problem> {
        self.session()?;
        let wrong = self.account.credentials_with("not the password of anybody");
        self.client.ask(Call::post("/login", wrong)).await?.expect_error(401, "invalid_credentials")
    }

    async fn refresh(&mut self) -> Result<(), Problem> {
        let parent = self.session()?.refresh_token;
        let session = self.refresh_with(&parent).await?;
        let is_same = session.refresh_token == parent;
        self.go_on_with(session)?;
        self.parent = Some(parent);
        if is_same { Err(Problem::failed("the refresh token stayed the same")) } else { Ok(()) }
    }

    async fn repeat_refresh(&mut self) -> Result<(), Problem> {
        let parent = self.parent.clone().ok_or(Problem::Skipped("nothing was refreshed"))?;
        let again = self.refresh_with(&parent).await?;
        if again.refresh_token != self.session()?.refresh_token {
            return Err(Problem::failed("the same token was given another child"));
        }
        Ok(())
    }

    async fn verify(&mut self) -> Result<(), Problem> {
        let Session { uid, access_token, .. } = self.session()?;
        let by_body = Call::post("/verify", json!({"token": access_token}));
        let by_header = Call::get("/verify?check_revoked=true").bearer(&access_token);
        for call in [by_body, by_header] {
            let found = self.ask(call, 200).await?;
            let is = |name: &str, value: Value| found.get(name) == Some(&value);
            if !(is("valid", true.into()) && is("kind", "access_token".into()) && is("uid", uid.as_str().into())) {
                return Err(Problem::failed("the token is not valid, or not this user's access token"));
            }
        }
        Ok(())
    }

    async fn documents(&mut self) -> Result<(), Problem> {
        const OF_ANOTHER: &str =
            "Set the parameter Issuer (the variable ISSUER) to the address under which the API answers.";
        let token = documents::read(&self.session()?.access_token)?;
        let issuer = token.text("iss").unwrap_or_default();
        let discovery = self.ask(Call::get("/.well-known/openid-configuration"), 200).await?;
        let told = |name: &str| discovery.get(name).and_then(Value::as_str).unwrap_or("missing");
        if told("issuer") != issuer {
            let found =
                format!("the token's iss is {issuer}, but the discovery document's issuer is {}", told("issuer"));
            return Err(Problem::advised(found, OF_ANOTHER));
        }
        let address = format!("{issuer}/.well-known/jwks.json");
        if told("jwks_uri") != address {
            return Err(Problem::advised(format!("jwks_uri is {}, not {address}", told("jwks_uri")), OF_ANOTHER));
        }
        // A verifier asks the issuer's own address, wherever it leads.
        for address in [address.as_str(), "/.well-known/jwks.json"] {
            documents::verify(&token, &self.ask(Call::get(address), 200).await?)?;
        }
        Ok(())
    }

    async fn me(&mut self) -> Result<(), Problem> {
        let Session { uid, access_token, .. } = self.session()?;
        let found = self.ask(Call::get("/me").bearer(&access_token), 200).await?;
        let told = |name: &str| found.get("user").and_then(|user| user.get(name)).and_then(Value::as_str);
        if (told("id"), told("email")) != (Some(&uid), Some(&self.account.email)) {
            return Err(Problem::failed(ANOTHER_USER));
        }
        Ok(())
    }

    async fn profile(&mut self) -> Result<(), Problem> {
        let token = self.session()?.access_token;
        let change = Call::new(Method::PATCH, "/me").json(json!({"metadata": {"made_by": "smoke"}})).bearer(&token);
        for call in [change, Call::get("/me").bearer(&token)] {
            let found = self.ask(call, 200).await?;
            let metadata = found.get("user").and_then(|user| user.get("metadata"));
            if metadata != Some(&json!({"made_by": "smoke"})) {
                return Err(Problem::failed("the metadata is not what was stored"));
            }
        }
        Ok(())
    }

    async fn wrong_deletion(&mut self) -> Result<(), Problem> {
        let wrong = json!({"password": "not the password of anybody"});
        let call = Call::post("/me/delete", wrong).bearer(&self.session()?.access_token);
        self.client.ask(call).await?.expect_error(403, "password_incorrect")
    }

    async fn sessions(&mut self) -> Result<(), Problem> {
        let call = Call::get("/me/sessions").bearer(&self.session()?.access_token);
        let found = self.ask(call, 200).await?;
        let sessions = found.get("sessions").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
        let is_current = |session: &&Value| session.get("current") == Some(&Value::Bool(true));
        let current = sessions.iter().filter(is_current).count();
        if current != 1 {
            return Err(Problem::failed(format!(
                "{current} of {} sessions are the current one, not 1",
                sessions.len()
            )));
        }
        Ok(())
    }

    async fn change_password(&mut self) -> Result<(), Problem> {
        let before = self.session()?;
        let account = &self.account;
        let change = json!({"current_password": account.password, "new_password": account.next_password});
        let call = Call::post("/me/password", change).bearer(&before.access_token);
        let session = Session::of(self.client.ask(call).await?, 200)?;
        let Account { password, next_password, .. } = &mut self.account;
        std::mem::swap(password, next_password);
        self.go_on_with(session)?;
        self.ask(refresh_call(&before.refresh_token), 401).await?;
        self.log_in().await
    }

    async fn log_out(&mut self) -> Result<(), Problem> {
        let body = json!({"refresh_token": self.session()?.refresh_token});
        let done = self.ask(Call::post("/logout", body), 200).await?;
        if done.get("logged_out") != Some(&true.into()) || done.get("sessions_ended") != Some(&1.into()) {
            return Err(Problem::failed("no session ended"));
        }
        Ok(())
    }

    async fn refresh_after_logout(&mut self) -> Result<(), Problem> {
        let token = self.session()?.refresh_token;
        self.ask(refresh_call(&token), 401).await.map(drop)
    }

    async fn preflight(&mut self) -> Result<(), Problem> {
        const ANOTHER_LAYER: &str =
            "Another layer than the functions answers preflights: remove the CORS settings of the gateway.";
        let call = Call::new(Method::OPTIONS, "/login")
            .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
            .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type");
        let answer = self.client.ask(call).await?;
        if ![200, 204].contains(&answer.status) {
            return Err(Problem::advised(format!("OPTIONS /login answered {}", answer.status), ANOTHER_LAYER));
        }
        let told = |name| text_of(&answer.headers, &name).unwrap_or_default();
        let allowed = told(header::ACCESS_CONTROL_ALLOW_METHODS);
        let mut methods: Vec<&str> = allowed.split(',').map(str::trim).collect();
        methods.sort_unstable();
        if methods != METHODS {
            let expected = METHODS.join(", ");
            let found = format!("access-control-allow-methods is {}, not {expected}, each once", methods.join(", "));
            return Err(Problem::advised(found, ANOTHER_LAYER));
        }
        let seconds = told(header::ACCESS_CONTROL_MAX_AGE);
        if seconds != PREFLIGHT_SECONDS {
            let found = format!("access-control-max-age is {seconds:?}, not {PREFLIGHT_SECONDS}");
            return Err(Problem::advised(found, ANOTHER_LAYER));
        }
        Ok(())
    }

    async fn not_found(&mut self) -> Result<(), Problem> {
        self.client.ask(Call::get("/no-such-path")).await?.expect_error(404, "not_found")
    }

    async fn method_not_allowed(&mut self) -> Result<(), Problem> {
        self.client.ask(Call::new(Method::PUT, "/login")).await?.expect_error(405, "method_not_allowed")
    }

    async fn too_large(&mut self) -> Result<(), Problem> {
        let body = json!({"email": "a".repeat(BODY_BYTES_TOO_MANY), "password": "x"});
        self.ask(Call::post("/login", body), 413).await.map(drop)
    }
}

fn refresh_call(token: &str) -> Call {
    Call::post("/refresh", json!({"refresh_token": token}))
}
