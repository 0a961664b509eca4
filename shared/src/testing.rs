//! What the tests of the functions share: an app on an embedded DynamoDB in memory, called without a socket.

#![expect(clippy::expect_used, clippy::indexing_slicing, clippy::panic, reason = "a test that cannot go on fails")]

use std::{
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::Duration,
};

use aws_sdk_dynamodb::{
    Client,
    config::{ConfigBag, Intercept, RuntimeComponents, interceptors::BeforeTransmitInterceptorContextRef},
    error::BoxError,
};
use axum::{
    Router,
    body::Body,
    http::{HeaderMap, HeaderName, Method, Request, Response, StatusCode, header},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::{
    App,
    access::Party,
    clock::Timestamp,
    config::Config,
    email::{Email, Username},
    embedded::{self, Embedded},
    firebase::ServiceAccount,
    grant::Grant,
    http,
    keys::{KeySet, Keys, Source},
    password::Password,
    store::Store,
    user::User,
};

/// The issuer of every tested app.
pub const ISSUER: &str = "https://login.example";
/// The password of every account that [`Service::account`] makes.
pub const PASSWORD: &str = "correct horse battery staple";

/// A router under the HTTP contract, with its own empty table.
pub struct Service {
    router: Router,
    app: App,
    client: Client,
    calls: Calls,
}

impl Service {
    /// A service of `router`, with a Firebase service account.
    pub async fn new(router: Router<App>) -> Self {
        Self::configured(router, &[("FIREBASE_SERVICE_ACCOUNT", service_account())]).await
    }

    /// A service of `router`, with these variables.
    pub async fn configured(router: Router<App>, variables: &[(&str, &str)]) -> Self {
        let config = Config::read(|name| {
            let given = variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
            given.or_else(|| (name == "ISSUER").then(|| ISSUER.to_owned()))
        })
        .expect("these variables are right");
        let calls = Calls::default();
        let embedded = Embedded::memory().expect("SQLite starts");
        let client = Client::from_conf(embedded.client_config().interceptor(calls.clone()).build());
        embedded::create_table(&client, &config.table_name).await.expect("the table is made");
        calls.take();
        let store = Store::new(client.clone(), &config.table_name);
        let keys = Keys::new(None, Source::Text(signing_keys().to_owned()), config.firebase.clone());
        let app = App::new(config, store, keys).expect("the parameters are right");
        Self { router: http::service(router, app.clone()), app, client, calls }
    }

    /// The app behind it.
    pub fn app(&self) -> &App {
        &self.app
    }

    /// The client of its table, to look behind the store.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The DynamoDB calls since this was last asked.
    pub fn calls(&self) -> Vec<String> {
        self.calls.take()
    }

    /// Lets time pass.
    pub fn pass(&self, time: Duration) {
        self.app.move_clock(time);
    }

    /// Begins a request.
    pub fn request(&self, method: Method, path: &str) -> Call {
        Call { router: self.router.clone(), request: Request::builder().method(method).uri(path), body: Body::empty() }
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.request(Method::POST, path).json(body).await
    }

    /// Gets a path.
    pub async fn get(&self, path: &str) -> Answer {
        self.request(Method::GET, path).send().await
    }

    /// Stores an account with the password [`PASSWORD`].
    pub async fn account(&self, email: &str) -> User {
        self.account_with(email, None, |_| {}).await
    }

    /// Stores an account with the password [`PASSWORD`], changed before.
    pub async fn account_with(&self, email: &str, username: Option<&str>, change: impl FnOnce(&mut User)) -> User {
        let email = Email::parse(email).expect("an address");
        let username = username.map(|name| Username::parse(name).expect("a username"));
        let hash =
            self.app.hasher().hash(Password::parse(PASSWORD).expect("a password"), [5; 16]).await.expect("a hash");
        let id = self.app.uuid().expect("an id");
        let mut user = User::new(id, &email, username.as_ref(), "James".to_owned(), hash, self.app.now());
        change(&mut user);
        let session = self.app.new_session(&user, self.app.now()).expect("a session");
        self.app.store().create_user(&user, &session, None, self.app.now()).await.expect("stored");
        self.app.store().end_session(session.id, self.app.now()).await.expect("ended");
        self.calls.take();
        user
    }

    /// A session object of a new session of `user`, as a login gives it.
    pub async fn session(&self, user: &User) -> Value {
        let now = self.app.now();
        let party = Party { issuer: ISSUER.to_owned(), audience: ISSUER.to_owned() };
        let session = self.app.new_session(user, now).expect("a session");
        self.app.store().put_session(&session).await.expect("stored");
        let grant = Grant::make(&self.app, &party, user, &session, 0, now).await.expect("a grant");
        self.calls.take();
        serde_json::to_value(grant).expect("JSON")
    }

    /// The account as it is stored under its id now.
    pub async fn stored(&self, user: &User) -> Option<User> {
        self.app.store().user(&user.id).await.expect("the table answers")
    }

    /// Every key of the table.
    pub async fn keys_stored(&self) -> Vec<String> {
        let items = self.client.scan().table_name(&self.app.config().table_name).send().await.expect("a scan").items;
        let mut keys: Vec<String> =
            items.unwrap_or_default().iter().filter_map(|item| item.get("pk")?.as_s().ok().cloned()).collect();
        keys.sort();
        keys
    }

    /// The time of the app.
    pub fn now(&self) -> Timestamp {
        self.app.now()
    }
}

/// A request that is being made up.
pub struct Call {
    router: Router,
    request: axum::http::request::Builder,
    body: Body,
}

impl Call {
    /// Adds a header.
    pub fn header(mut self, name: impl AsRef<str>, value: impl AsRef<[u8]>) -> Self {
        self.request = self.request.header(name.as_ref(), value.as_ref());
        self
    }

    /// Adds `Authorization: Bearer`.
    pub fn bearer(self, token: &Value) -> Self {
        self.header("authorization", format!("Bearer {}", token.as_str().expect("a text")))
    }

    /// Lets it come through a gateway of this domain.
    pub fn through(mut self, domain: &str) -> Self {
        self.request = self.request.extension(http::GatewayDomain(domain.to_owned()));
        self
    }

    /// Adds a body.
    pub fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// Sends it with a JSON body.
    pub async fn json(self, body: Value) -> Answer {
        self.header("content-type", "application/json").body(body.to_string()).send().await
    }

    /// Sends it with a form body.
    pub async fn form(self, body: &str) -> Answer {
        self.header("content-type", "application/x-www-form-urlencoded").body(body.to_owned()).send().await
    }

    /// Sends it.
    pub async fn send(self) -> Answer {
        let request = self.request.body(self.body).expect("a request");
        let response = self.router.oneshot(request).await.unwrap_or_else(|never| match never {});
        Answer::read(response).await
    }
}

/// An answer, read whole.
#[derive(Clone, Debug)]
pub struct Answer {
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body, which is always a JSON object.
    pub body: Value,
}

impl Answer {
    async fn read(response: Response<Body>) -> Self {
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.expect("a body").to_bytes();
        let body: Value = serde_json::from_slice(&bytes)
            .unwrap_or_else(|_| panic!("{} with a body that is no JSON: {bytes:?}", parts.status));
        assert!(body.is_object(), "{body}");
        Self { status: parts.status, headers: parts.headers, body }
    }

    /// Fails, with the body, unless the status is this.
    #[track_caller]
    pub fn is(self, status: u16) -> Self {
        assert_eq!(self.status.as_u16(), status, "{:#}", self.body);
        self
    }

    /// Fails unless this is a whole error body of this status and code, told alike by body and headers.
    #[track_caller]
    pub fn refused(self, status: u16, code: &str) -> Self {
        assert_eq!((self.status.as_u16(), self.body["code"].as_str()), (status, Some(code)), "{:#}", self.body);
        for key in ["type", "title", "detail", "message", "request_id"] {
            assert!(self.body[key].as_str().is_some_and(|text| !text.is_empty()), "{key} of {:#}", self.body);
        }
        assert_eq!(self.body["status"], status);
        assert_eq!(self.body["message"], self.body["detail"]);
        assert!(self.body["fields"].is_array());
        assert_eq!(self.body["request_id"], self.header("x-request-id"));
        assert_eq!(self.header("cache-control"), "no-store");
        self
    }

    /// A header's value, empty if it is not there; fails if it is there twice.
    #[track_caller]
    pub fn header(&self, name: impl AsRef<str>) -> &str {
        let name = HeaderName::try_from(name.as_ref()).expect("a header name");
        let values: Vec<_> = self.headers.get_all(&name).iter().collect();
        assert!(values.len() <= 1, "{name} twice: {values:?}");
        values.first().and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// `(field, code)` of every field that is wrong.
    pub fn fields(&self) -> Vec<(&str, &str)> {
        let fields = self.body["fields"].as_array().map(Vec::as_slice).unwrap_or_default();
        fields.iter().filter_map(|field| Some((field["field"].as_str()?, field["code"].as_str()?))).collect()
    }

    /// The content type.
    pub fn content_type(&self) -> &str {
        self.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

/// Fails unless `body` is a session object with exactly the keys and types of the contract.
#[track_caller]
pub fn assert_session_object(body: &Value) {
    let types = |value: &Value| match value {
        Value::Null => json!("null"),
        Value::Bool(_) => json!("bool"),
        Value::Number(number) if number.is_u64() => json!("whole number"),
        Value::Number(_) => json!("number"),
        Value::String(text) if text.is_empty() => json!("empty text"),
        Value::String(_) => json!("text"),
        Value::Array(_) => json!("array"),
        Value::Object(_) => json!("object"),
    };
    let shape = |object: &Value| -> Value {
        object.as_object().expect("an object").iter().map(|(key, value)| (key.clone(), types(value))).collect()
    };
    let mut user = shape(&body["user"]);
    if user["name"] == "empty text" {
        user["name"] = json!("text");
    }
    assert_eq!(
        user,
        json!({"id": "text", "role_id": "whole number", "name": "text", "email": "text", "email_verified": "bool"})
    );
    assert_eq!(
        shape(body),
        json!({
            "user": "object", "uid": "text", "token_type": "text", "expires_in": "whole number", "expires_at": "text",
            "jwt_token": "text", "token": "text", "access_token": "text", "refresh_token": "text",
            "refresh_expires_at": "text",
        })
    );
    assert_eq!(body["uid"], body["user"]["id"]);
    assert_eq!(body["uid"].as_str().expect("text").len(), 36);
    assert_eq!(body["token_type"], "Bearer");
    assert_eq!(body["token"], body["jwt_token"]);
    assert_eq!(body["refresh_token"].as_str().expect("text").len(), 43);
}

/// A key set for the whole test process: making an RSA key takes longer than most tests.
pub fn signing_keys() -> &'static str {
    static KEYS: OnceLock<String> = OnceLock::new();
    KEYS.get_or_init(|| {
        KeySet::generate(Timestamp::from_seconds(1_700_000_000)).and_then(|set| set.to_json()).expect("a key set")
    })
}

/// A service account for the whole test process.
pub fn service_account() -> &'static str {
    static ACCOUNT: OnceLock<String> = OnceLock::new();
    ACCOUNT.get_or_init(|| ServiceAccount::generate_demo("demo-latchkey").expect("an account"))
}

/// Counts calls where the SDK sends them: a call that is tried again counts again.
#[derive(Clone, Debug, Default)]
struct Calls(Arc<Mutex<Vec<String>>>);

impl Calls {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Intercept for Calls {
    fn name(&self) -> &'static str {
        "Calls"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let target = context.request().headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(operation);
        Ok(())
    }
}
