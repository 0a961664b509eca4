//! The one account of a run: created, used, and deleted however the run ends.

use axum::http::Method;
use serde_json::{Map, Value, json};

use super::{
    client::{Answer, Call, Client, random_digits},
    report::Problem,
};

type IsOfKind = fn(&Value) -> bool;

/// The members of a session object that the run checks, each with a test of its JSON type.
const MEMBERS: [(&str, IsOfKind); 11] = [
    ("user", Value::is_object),
    ("uid", Value::is_string),
    ("token_type", Value::is_string),
    ("expires_in", Value::is_i64),
    ("expires_at", Value::is_string),
    ("jwt_token", Value::is_string),
    ("token", Value::is_string),
    ("access_token", Value::is_string),
    ("refresh_token", Value::is_string),
    ("refresh_expires_at", Value::is_string),
    ("next", Value::is_object),
];

/// The codes of a deployment that lets smoke create no account.
const SIGN_UP_REFUSALS: [&str; 3] = ["sign_up_closed", "invitation_required", "email_domain_not_allowed"];

/// The members of a session object that later steps use.
#[derive(Clone)]
pub struct Session {
    pub uid: String,
    pub access_token: String,
    pub refresh_token: String,
}

impl Session {
    /// Reads the session object of an answer with this status.
    ///
    /// # Errors
    ///
    /// The answer has another status, or the session object is not complete.
    pub fn of(answer: Answer, status: u16) -> Result<Self, Problem> {
        let session = answer.expect(status)?;
        if let Some((name, _)) = MEMBERS.iter().find(|(name, is_of_kind)| !session.get(*name).is_some_and(is_of_kind)) {
            return Err(Problem::failed(format!("the session object has no {name}")));
        }
        if session.get("user").and_then(|user| user.get("id")) != session.get("uid") {
            return Err(Problem::failed("uid of the session object is not the user's id"));
        }
        let text = |name: &str| text(&session, name);
        Ok(Self { uid: text("uid"), access_token: text("access_token"), refresh_token: text("refresh_token") })
    }
}

/// A text member; empty if it is not there.
fn text(object: &Map<String, Value>, name: &str) -> String {
    object.get(name).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// An account with an e-mail address that nobody has.
pub struct Account {
    pub email: String,
    pub password: String,
    /// The password that a step changes the first one to.
    pub next_password: String,
    /// Whether the API was asked to create the account. Even without an answer the account may
    /// exist then.
    pub may_exist: bool,
}

impl Account {
    /// Makes up an account.
    ///
    /// # Errors
    ///
    /// A sentence: the random source failed.
    pub fn new() -> Result<Self, String> {
        // As long as the longest PASSWORD_MIN_LENGTH, and no rule refuses it.
        let password = || Ok::<_, String>(format!("trial {}{}", random_digits()?, random_digits()?));
        Ok(Self {
            email: format!("smoke-{}@latchkey-smoke.example", random_digits()?),
            password: password()?,
            next_password: password()?,
            may_exist: false,
        })
    }

    /// The body of a login.
    pub fn credentials(&self) -> Value {
        self.credentials_with(&self.password)
    }

    /// The body of a login with another password.
    pub fn credentials_with(&self, password: &str) -> Value {
        json!({"email": self.email, "password": password})
    }

    /// Creates the account.
    ///
    /// # Errors
    ///
    /// No answer came, or another one than a session object with the status 201. The run cannot go
    /// on where `SIGN_UP` refuses the account, or where it gets no tokens.
    pub async fn create(&mut self, client: &mut Client) -> Result<Session, Problem> {
        self.may_exist = true;
        let body = json!({"email": self.email, "password": self.password, "name": "Smoke"});
        let answer = client.ask(Call::post("/create-account", body)).await?;
        if SIGN_UP_REFUSALS.contains(&answer.code()) {
            self.may_exist = false;
            let found = format!("SIGN_UP of this deployment refuses the account of this run ({})", answer.code());
            return Err(Problem::advised(found, "Smoke needs an account of its own, so that it cannot run here."));
        }
        let session = Session::of(answer, 201)?;
        if session.access_token.is_empty() {
            let found = "REQUIRE_VERIFIED_EMAIL of this deployment gives a new account no tokens";
            return Err(Problem::advised(found, "Nobody can verify the address of smoke, so that it cannot run here."));
        }
        Ok(session)
    }

    /// Logs in.
    ///
    /// # Errors
    ///
    /// No answer came, or another one than a session object with the status 200.
    pub async fn log_in(&self, client: &mut Client) -> Result<Session, Problem> {
        Session::of(client.ask(Call::post("/login", self.credentials())).await?, 200)
    }

    /// Deletes the account. Both passwords are tried: after a lost answer it is not known which one
    /// counts, or whether the account exists.
    ///
    /// # Errors
    ///
    /// The account may still exist.
    pub async fn delete(&self, client: &mut Client) -> Result<(), Problem> {
        let mut outcome = Ok(());
        for password in [&self.password, &self.next_password] {
            match self.delete_with(client, password).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(problem) => outcome = Err(problem),
            }
        }
        outcome
    }

    /// Deletes the account if this is its password. The answers are not checked against the
    /// contract: whatever is wrong with this API, the account must go. Returns whether the account
    /// is deleted.
    async fn delete_with(&self, client: &mut Client, password: &str) -> Result<bool, Problem> {
        let login = Call::post("/login", self.credentials_with(password));
        let (status, session) = client.ask_unchecked(login).await?;
        if status == 401 {
            return Ok(false);
        }
        let token = text(&session, "access_token");
        if status != 200 || token.is_empty() {
            return Err(Problem::failed(format!("the login before the deletion answered {status}")));
        }
        let delete = Call::new(Method::DELETE, "/me").json(json!({"password": password})).bearer(&token);
        let (status, answer) = client.ask_unchecked(delete).await?;
        if status != 200 || answer.get("deleted") != Some(&Value::Bool(true)) {
            return Err(Problem::failed(format!("DELETE /me answered {status}")));
        }
        Ok(true)
    }
}
