//! The webhook for events of accounts, at a real receiver. An independent library checks each
//! signature.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use futures_util::stream;
use serde_json::{Value, json};
use shared::{
    App,
    account::user::User,
    auth::events::EventDelivery,
    outbox::drain,
    testing::{PASSWORD, Service},
};
use standardwebhooks::Webhook;
use tokio::{net::TcpListener, sync::oneshot, time};

use super::{KEY, variables};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX";
/// The pauses between the attempts, a little longer than they ever are.
const PAUSES_SECONDS: [u64; 7] = [6, 331, 1_981, 7_921, 19_801, 39_601, 95_041];

/// The answer of a receiver to a call with this id, which came so often before.
type Answers = Arc<dyn Fn(&str, usize) -> Response + Send + Sync>;

/// A receiver, and the calls that it got.
#[derive(Clone)]
struct Receiver {
    answers: Answers,
    calls: Arc<Mutex<Vec<Call>>>,
    /// The app whose table has each event's change by the time of the call.
    app: Arc<OnceLock<App>>,
}

#[derive(Clone)]
struct Call {
    id: String,
    headers: HeaderMap,
    bytes: Bytes,
    body: Value,
    /// The status of the answer.
    status: StatusCode,
}

impl Call {
    fn of_type(&self) -> &str {
        self.body["type"].as_str().unwrap()
    }

    fn user(&self) -> &Value {
        &self.body["data"]["user"]
    }
}

impl Receiver {
    fn answering(answers: impl Fn(&str, usize) -> Response + Send + Sync + 'static) -> Self {
        Self { answers: Arc::new(answers), calls: Arc::default(), app: Arc::default() }
    }

    fn of_status(status: u16) -> Self {
        Self::answering(move |_, _| StatusCode::from_u16(status).unwrap().into_response())
    }

    async fn start(&self) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new().route("/events", post(receive)).with_state(self.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        format!("http://{address}/events?key=1")
    }

    /// A service that tells this receiver of its events, and whoever delivers them.
    async fn service(&self, more: &[(&str, &str)]) -> (Service, EventDelivery) {
        let url = self.start().await;
        let own = [("EVENT_WEBHOOK_URL", url.as_str()), ("EVENT_WEBHOOK_SECRET", SECRET), ("FIREBASE_SYNC", "off")];
        let variables = [&variables(), &own[..], more].concat();
        // The last one counts.
        let variables: BTreeMap<_, _> = variables.into_iter().collect();
        let variables: Vec<_> = variables.into_iter().collect();
        let service = Service::configured(latchkey::router(), &variables).await;
        assert!(self.app.set(service.app().clone()).is_ok());
        let delivery = EventDelivery::new(service.app().clone());
        (service, delivery)
    }

    fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    fn types(&self) -> Vec<String> {
        let mut types: Vec<_> = self.calls().iter().map(|call| call.of_type().to_owned()).collect();
        types.sort_unstable();
        types
    }
}

/// Whether one of the signatures is that of this secret, whatever the time is.
fn is_signed_by(secret: &str, headers: &HeaderMap, body: &[u8]) -> bool {
    let header = |name: &str| headers[name].to_str().unwrap();
    let seconds = header("webhook-timestamp").parse().unwrap();
    let signature = Webhook::new(secret).unwrap().sign(header("webhook-id"), seconds, body).unwrap();
    header("webhook-signature").split(' ').any(|shown| shown == signature)
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> Response {
    assert!(is_signed_by(SECRET, &headers, &body), "{headers:?}");
    let (bytes, body) = (body.clone(), serde_json::from_slice::<Value>(&body).unwrap());
    let id = headers["webhook-id"].to_str().unwrap().to_owned();
    receiver.require_commit(&body).await;
    let before = receiver.calls.lock().unwrap().iter().filter(|call| call.id == id).count();
    let answer = (receiver.answers)(&id, before);
    receiver.calls.lock().unwrap().push(Call { id, headers, bytes, body, status: answer.status() });
    answer
}

impl Receiver {
    /// Fails unless the table has the change that a message tells of.
    async fn require_commit(&self, body: &Value) {
        let Some(app) = self.app.get().filter(|_| body["type"] != "webhook.test") else { return };
        let user = &body["data"]["user"];
        let stored = app.store().user(user["id"].as_str().unwrap()).await.unwrap();
        // An account that is gone was deleted after its earlier events.
        let version = stored.map(|stored| stored.version);
        match body["type"].as_str().unwrap() {
            "user.deleted" => assert_eq!(version, None),
            _ => assert!(version.is_none_or(|version| version >= user["version"].as_u64().unwrap()), "{body}"),
        }
    }
}

/// Delivers everything that is due, now and after each pause.
async fn deliver_all(service: &Service, delivery: &EventDelivery) {
    delivery.deliver_due().await.unwrap();
    for pause in PAUSES_SECONDS {
        service.pass(Duration::from_secs(pause));
        delivery.deliver_due().await.unwrap();
    }
}

async fn test_by_admin(service: &Service) -> Value {
    service.request(Method::POST, "/admin/webhooks/test").header("x-admin-key", KEY).send().await.is(200).body
}

/// A process on Cloud Run has no processor after its answers. The function beside the table
/// delivers.
#[tokio::test]
async fn an_event_of_cloud_run_waits_in_the_table_for_the_function_beside_it() {
    let receiver = Receiver::of_status(204);
    let (service, delivery) = receiver.service(&[]).await;
    let variables = [
        ("K_SERVICE", "latchkey"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/latchkey"),
        ("SIGNING_KEYS_SECRET_ID", "signing-keys"),
        ("EVENT_WEBHOOK_URL", "https://hook.example/events"),
        ("EVENT_WEBHOOK_SECRET_ID", "event-webhook"),
        ("TOKEN_PROFILE", "access"),
    ];
    let on_cloud_run = service.beside(latchkey::router(), &variables, None).await;
    let new = json!({"email": "a@b.de", "password": "violet tractor 47 umbrella"});
    on_cloud_run.post("/create-account", new).await.is(201);
    assert!(receiver.calls().is_empty());
    delivery.deliver_due().await.unwrap();
    assert_eq!(receiver.types(), ["user.created"]);
}

#[tokio::test]
async fn each_change_by_a_person_or_an_admin_tells_what_happened_in_its_own_transaction() {
    let receiver = Receiver::of_status(204);
    let (service, delivery) = receiver.service(&[]).await;
    let told = async |expected: &[&str]| {
        delivery.deliver_due().await.unwrap();
        assert_eq!(receiver.types(), expected);
        receiver.calls.lock().unwrap().clear();
        service.calls();
    };
    let new = json!({"email": "james@yopmail.com", "password": PASSWORD, "metadata": {"plan": "pro"}});
    let session = service.post("/create-account", new).await.is(201).body;
    assert_eq!(service.calls(), ["BatchGetItem", "TransactWriteItems"], "an event costs no round trip");
    told(&["user.created"]).await;
    let credentials = json!({"email": "james@yopmail.com", "password": PASSWORD});
    service.post("/login", credentials).await.is(200);
    told(&[]).await;
    let token = &session["access_token"];
    let me = async |body: Value| service.request(Method::PATCH, "/me").bearer(token).json(body).await.is(200);
    me(json!({"name": "Jim"})).await;
    told(&["user.updated"]).await;
    me(json!({"name": "Jim"})).await;
    told(&[]).await;
    me(json!({"metadata": {"plan": "free"}, "username": "jim"})).await;
    told(&["user.updated"]).await;
    let password = json!({"current_password": PASSWORD, "new_password": "violet tractor 47 umbrella"});
    service.request(Method::POST, "/me/password").bearer(token).json(password).await.is(200);
    told(&["password.changed"]).await;

    let path = format!("/admin/users/{}", session["uid"].as_str().unwrap());
    let admin = async |method, body: Value| service.request(method, &path).header("x-admin-key", KEY).json(body).await;
    admin(Method::PATCH, json!({"email_verified": true, "keep_password": true})).await.is(200);
    told(&["user.updated", "user.verified"]).await;
    admin(Method::PATCH, json!({"email": "jim@yopmail.com", "keep_password": true})).await.is(200);
    told(&["user.email_changed", "user.updated"]).await;
    admin(Method::PATCH, json!({"disabled": true})).await.is(200);
    told(&["user.disabled", "user.updated"]).await;
    admin(Method::PATCH, json!({"disabled": false})).await.is(200);
    told(&["user.enabled", "user.updated"]).await;
    admin(Method::PATCH, json!({"claims": {"plan": "pro"}, "private_metadata": {"a": 1}})).await.is(200);
    told(&[]).await;
    admin(Method::DELETE, json!({})).await.is(200);
    told(&["user.deleted", "user.disabled", "user.updated"]).await;
}

#[tokio::test]
async fn a_message_is_signed_thin_and_has_the_account_as_it_is_after_the_change() {
    let receiver = Receiver::of_status(200);
    let (service, delivery) = receiver.service(&[]).await;
    let new = json!({"email": "James@yopmail.com", "password": PASSWORD, "name": "James"});
    let session = service.post("/create-account", new).await.is(201).body;
    delivery.deliver_due().await.unwrap();
    let [call] = receiver.calls().try_into().ok().unwrap();
    let expected = json!({
        "id": session["uid"], "email": "James@yopmail.com", "email_verified": false, "username": "", "name": "James",
        "role_id": 1, "disabled": false, "providers": [], "metadata": {},
        "created_at": session["user"]["created_at"], "version": 0,
    });
    assert_eq!(call.user(), &expected);
    assert_eq!((call.of_type(), call.body.as_object().unwrap().len()), ("user.created", 3));
    assert!(call.body["timestamp"].as_str().unwrap().ends_with('Z'));
    assert_eq!((call.headers["content-type"].to_str().unwrap(), call.id.len()), ("application/json", 36));
    Webhook::new(SECRET).unwrap().verify(&call.bytes, &call.headers).unwrap();
    assert!(call.headers["user-agent"].to_str().unwrap().starts_with("latchkey/"));
    for secret in [PASSWORD, session["access_token"].as_str().unwrap(), "argon2"] {
        assert!(!call.body.to_string().contains(secret));
    }
    // An event that was told is forgotten.
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")));
}

#[tokio::test]
async fn a_sign_in_is_told_only_where_it_is_wanted_and_costs_no_round_trip() {
    let receiver = Receiver::of_status(200);
    let (service, delivery) = receiver.service(&[("EVENT_WEBHOOK_TYPES", "user.signed_in")]).await;
    service.account("a@b.de").await;
    let login = async || {
        service.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200);
        service.calls()
    };
    let with = login().await;
    delivery.deliver_due().await.unwrap();
    assert_eq!(receiver.types(), ["user.signed_in"], "and no user.created");
    let without = Service::configured(latchkey::router(), &variables()).await;
    without.account("a@b.de").await;
    without.post("/login", json!({"email": "a@b.de", "password": PASSWORD})).await.is(200);
    assert_eq!(with, without.calls());
    assert!(!without.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")), "off without a URL");
}

/// Makes ten events of one account, one after the other.
async fn live(app: &App, service: &Service, number: usize) -> String {
    let mut user: User = service.account(&format!("user{number}@yopmail.com")).await;
    for role in 2..10 {
        user = app.store().update_user(&user, |user| user.role_id = role).await.unwrap();
    }
    app.store().delete_user(&user).await.unwrap();
    user.id
}

/// Makes events while a receiver fails at 30 % of its calls, though never more than five times at
/// one event. Returns the number of events and the number of calls.
async fn thirty_percent_fail(accounts: usize) -> (usize, usize) {
    let rng = Mutex::new(fastrand::Rng::with_seed(7));
    let receiver = Receiver::answering(move |_, before| {
        let fails = before < 5 && rng.lock().unwrap().u32(0..100) < 30;
        if fails { StatusCode::BAD_GATEWAY.into_response() } else { StatusCode::OK.into_response() }
    });
    let (service, delivery) = receiver.service(&[]).await;
    let told = service.app().events().listen().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let delivering = tokio::spawn(drain(delivery.clone(), Vec::new(), told, async { drop(stopped.await) }));
    let mut ids = Vec::new();
    for number in 0..accounts {
        ids.push(live(service.app(), &service, number).await);
    }
    drop(stop);
    delivering.await.unwrap();
    deliver_all(&service, &delivery).await;

    let calls = receiver.calls();
    let delivered: Vec<_> = calls.iter().filter(|call| call.status == StatusCode::OK).collect();
    for id in &ids {
        let of_account = delivered.iter().filter(|call| call.user()["id"] == id.as_str());
        let versions: BTreeSet<u64> = of_account.map(|call| call.user()["version"].as_u64().unwrap()).collect();
        assert_eq!(versions, (0..10).collect(), "each event once, and the version rises");
    }
    let unique: BTreeSet<&str> = delivered.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(unique.len(), accounts * 10);
    // A message is the same at each attempt, and each attempt has a time of its own.
    for call in &calls {
        let first = calls.iter().find(|other| other.id == call.id).unwrap();
        assert_eq!(first.bytes, call.bytes);
    }
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")));
    (unique.len(), calls.len())
}

#[tokio::test]
async fn each_event_is_told_after_its_commit_though_a_third_of_the_calls_fails() {
    let (events, calls) = thirty_percent_fail(6).await;
    assert!(events == 60 && calls > 66, "{calls}");
}

/// The same with 1,000 events.
#[tokio::test]
#[ignore = "a campaign of some minutes"]
async fn a_thousand_events_are_told_though_a_third_of_the_calls_fails() {
    let (events, calls) = thirty_percent_fail(100).await;
    println!("{events} events, {calls} calls");
    assert!(events == 1_000 && (1_300..1_600).contains(&calls), "{calls}");
}

#[tokio::test]
async fn an_event_that_nobody_accepts_is_given_up_after_eight_attempts_in_two_days() {
    let receiver = Receiver::of_status(500);
    let (service, delivery) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    for (attempts, pause) in PAUSES_SECONDS.into_iter().enumerate() {
        delivery.deliver_due().await.unwrap();
        delivery.deliver_due().await.unwrap();
        assert_eq!(receiver.calls().len(), attempts + 1, "none comes before its time");
        service.pass(Duration::from_secs(pause));
    }
    delivery.deliver_due().await.unwrap();
    assert_eq!(receiver.calls().len(), 8);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")));
}

#[tokio::test]
async fn the_first_failure_is_mended_within_the_call_of_a_function() {
    let receiver = Receiver::answering(|_, before| {
        let status = if before == 0 { StatusCode::INTERNAL_SERVER_ERROR } else { StatusCode::OK };
        status.into_response()
    });
    let (service, _) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    time::pause();
    EventDelivery::waiting(service.app().clone()).deliver_due().await.unwrap();
    assert_eq!(receiver.calls().len(), 2);
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")));
}

#[tokio::test]
async fn an_event_that_was_committed_before_a_crash_is_told_by_the_next_process_and_by_one_alone() {
    let receiver = Receiver::of_status(200);
    let (service, first) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    // The process died here: nobody was listening.
    let second = EventDelivery::new(service.app().clone());
    let third = EventDelivery::new(service.app().clone());
    let (one, two, three) = tokio::join!(first.deliver_due(), second.deliver_due(), third.deliver_due());
    for delivered in [one, two, three] {
        delivered.unwrap();
    }
    assert_eq!(receiver.types(), ["user.created"]);
}

#[tokio::test]
async fn an_endpoint_that_is_gone_gets_no_more_calls_until_a_test_succeeds() {
    let is_gone = Arc::new(Mutex::new(true));
    let gone = is_gone.clone();
    let receiver = Receiver::answering(move |_, _| {
        let status = if *gone.lock().unwrap() { StatusCode::GONE } else { StatusCode::OK };
        status.into_response()
    });
    let (service, delivery) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    deliver_all(&service, &delivery).await;
    service.account("b@b.de").await;
    deliver_all(&service, &delivery).await;
    assert_eq!(receiver.calls().len(), 1, "neither a retry nor the next event");
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")));
    let tested = test_by_admin(&service).await;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(false), &json!(410)));
    *is_gone.lock().unwrap() = false;
    let tested = test_by_admin(&service).await;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(true), &json!(200)));
    service.account("c@b.de").await;
    delivery.deliver_due().await.unwrap();
    assert_eq!(receiver.calls().last().unwrap().user()["email"], "c@b.de");
}

#[tokio::test]
async fn a_redirect_a_slow_and_an_endless_answer_are_not_waited_for() {
    let receiver = Receiver::answering(|_, _| (StatusCode::FOUND, [(header::LOCATION, "/events")]).into_response());
    let (service, delivery) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    delivery.deliver_due().await.unwrap();
    assert_eq!(receiver.calls().len(), 1);
    let waits = service.keys_stored().await.iter().filter(|key| key.starts_with("HOOK#")).count();
    assert_eq!(waits, 1, "a redirect accepts nothing, and nobody follows it");
    let tested = test_by_admin(&service).await;
    assert!(tested["message"].as_str().unwrap().contains("redirect"), "{tested}");

    let receiver = Receiver::answering(|_, _| {
        let endless = stream::repeat_with(|| Ok::<_, std::io::Error>(Bytes::from_static(&[b'x'; 1_024])));
        Body::from_stream(endless).into_response()
    });
    let (service, delivery) = receiver.service(&[]).await;
    service.account("a@b.de").await;
    time::timeout(Duration::from_secs(5), delivery.deliver_due()).await.unwrap().unwrap();
    assert!(!service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")), "the status accepts the event");

    // Accepts connections, and never answers.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let variables =
        [&variables(), &[("EVENT_WEBHOOK_URL", url.as_str()), ("EVENT_WEBHOOK_SECRET", SECRET)][..]].concat();
    let service = Service::configured(latchkey::router(), &variables).await;
    service.account("a@b.de").await;
    time::pause();
    let begun = time::Instant::now();
    EventDelivery::new(service.app().clone()).deliver_due().await.unwrap();
    assert!(begun.elapsed() <= Duration::from_secs(11), "{:?}", begun.elapsed());
    assert!(service.keys_stored().await.iter().any(|key| key.starts_with("HOOK#")), "the event waits");
}

#[tokio::test]
async fn two_secrets_make_two_signatures_and_a_receiver_with_either_accepts_the_message() {
    let receiver = Receiver::of_status(200);
    let both = format!("{OLD_SECRET} {SECRET}");
    let (service, delivery) = receiver.service(&[("EVENT_WEBHOOK_SECRET", &both)]).await;
    service.account("a@b.de").await;
    delivery.deliver_due().await.unwrap();
    let [call] = receiver.calls().try_into().ok().unwrap();
    assert_eq!(call.headers["webhook-signature"].to_str().unwrap().split(' ').count(), 2);
    let strange = "whsec_BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB";
    for (secret, is_right) in [(SECRET, true), (OLD_SECRET, true), (strange, false)] {
        let verified = Webhook::new(secret).unwrap().verify(&call.bytes, &call.headers);
        assert_eq!(verified.is_ok(), is_right, "{secret}");
    }
}

#[tokio::test]
async fn a_test_says_what_is_wrong_and_without_an_endpoint_that_there_is_none() {
    let receiver = Receiver::of_status(200);
    let (service, _) = receiver.service(&[]).await;
    let tested = test_by_admin(&service).await;
    assert_eq!(tested["message"], "The endpoint has accepted the message.");
    let [call] = receiver.calls().try_into().ok().unwrap();
    assert_eq!((call.of_type(), &call.id), ("webhook.test", &tested["webhook_id"].as_str().unwrap().to_owned()));
    assert_eq!(call.user().as_object().unwrap().len(), 11, "the shape of each message");
    for (status, words) in [(401, "secret"), (404, "path"), (500, "answers 500")] {
        let (service, _) = Receiver::of_status(status).service(&[]).await;
        let tested = test_by_admin(&service).await;
        assert_eq!((&tested["delivered"], &tested["status"]), (&json!(false), &json!(status)));
        assert!(tested["message"].as_str().unwrap().contains(words), "{tested}");
    }
    let nowhere = [("EVENT_WEBHOOK_URL", "http://127.0.0.1:9/"), ("EVENT_WEBHOOK_SECRET", SECRET)];
    let service = Service::configured(latchkey::router(), &[&variables(), &nowhere[..]].concat()).await;
    let tested = test_by_admin(&service).await;
    assert_eq!((&tested["delivered"], &tested["status"]), (&json!(false), &json!(0)));
    let off = Service::configured(latchkey::router(), &variables()).await;
    let call = off.request(Method::POST, "/admin/webhooks/test").header("x-admin-key", KEY).send().await;
    call.refused(501, "not_configured");
}
