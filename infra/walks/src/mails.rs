//! The mail function on the Lambda runtime, with the events that AWS sends it and with moto's SES.
//!
//! The functions `create-account` and `email` write the mails, as behind a gateway. The events are
//! golden files in the form of AWS's documentation. The server beside the functions only offers the
//! table, and sends nothing.

use std::{sync::Arc, sync::atomic::AtomicUsize, sync::atomic::Ordering};

use axum::http::Method;
use regex_lite::Regex;
use serde_json::{Value, json};

use crate::{
    deployment::{Deployment, Way},
    http::{Client, Request},
    latchkey::Variables,
    secrets::SecretsManager,
    trials::{Fixture, Trials},
};

const STREAM: &str = include_str!("../golden/stream.json");
const BOUNCE: &str = include_str!("../golden/bounce.json");
const DOMAIN: &str = "herbs.example";
const PROOF_KEY: &str = "a key of proofs that only these trials know";
const PASSWORD: &str = "violet tractor 47 umbrella";
const NEXT_PASSWORD: &str = "purple kettle 12 mountain";
const ANSWER_MS: u64 = 30_000;

/// The functions, and moto's SES beside them.
struct Setup {
    deployment: Deployment,
    secrets: Arc<SecretsManager>,
    client: Client,
    people: AtomicUsize,
}

/// Adds the trials of this walk.
pub fn add(trials: &mut Trials) {
    let setup = Fixture::new();
    let mut add = |name: &str, trial: fn(&'static Setup) -> futures_util::future::BoxFuture<'static, ()>| {
        let setup: Fixture<&'static Setup> = setup.clone();
        trials.add(name, async move || {
            trial(setup.get(async || &*Box::leak(Box::new(Setup::start().await))).await).await
        });
    };
    add("a mail of the stream reaches SES, and its code sets a new password", |it| Box::pin(it.sends()));
    add("a record that comes twice sends one mail, and the record of a decoy none", |it| Box::pin(it.sends_once()));
    add("a mail from a domain that SES does not know is dropped", |it| Box::pin(it.is_refused()));
    add("an address that bounced for good gets no more mails", |it| Box::pin(it.suppresses()));
}

impl Setup {
    async fn start() -> Self {
        let secrets = SecretsManager::start().await;
        secrets.create("latchkey/proof-key", Some(PROOF_KEY)).await;
        let of_server = Variables::from([("MAIL", "off".to_owned())]);
        let of_functions = Variables::from([
            ("MAIL", "ses".to_owned()),
            ("MAIL_FROM", format!("Herbs <login@{DOMAIN}>")),
            ("PROOF_KEY_SECRET_ID", "latchkey/proof-key".to_owned()),
            ("AWS_ENDPOINT_URL_SESV2", secrets.url().to_owned()),
        ]);
        let functions = ["create-account", "email"];
        let deployment = Deployment::beside(&functions, of_server, of_functions, secrets.clone()).await;
        let setup = Self { deployment, secrets, client: Client::new(), people: AtomicUsize::new(0) };
        setup.register().await;
        setup
    }

    /// Makes the domain an identity of SES.
    async fn register(&self) {
        self.ses(Request::post("/v2/email/identities", &json!({"EmailIdentity": DOMAIN}))).await;
    }

    async fn ses(&self, request: Request) -> Value {
        // moto tells its services apart by the scope of the signature, and checks none.
        let scope =
            "AWS4-HMAC-SHA256 Credential=test/20260527/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=0";
        let request = request.header("authorization", scope);
        self.client.send(self.secrets.url(), request, ANSWER_MS).await.expect("an answer of moto").success()
    }

    /// The raw mails that SES has accepted for this address, the newest last.
    async fn inbox(&self, to: &str) -> Vec<String> {
        let all = self.client.send(self.secrets.url(), Request::get("/moto-api/data.json"), ANSWER_MS).await;
        let all = all.expect("an answer of moto").success();
        let sent = all["ses"]["RawMessage"].as_array().cloned().unwrap_or_default();
        let raw = sent.iter().map(|mail| mail["raw_data"].as_str().expect("a mail").replace("=\r\n", ""));
        raw.filter(|mail| mail.contains(&format!("To: {to}"))).collect()
    }

    /// A new account, and its address.
    async fn account(&self) -> String {
        let email = format!("someone-{}@yopmail.com", self.people.fetch_add(1, Ordering::Relaxed));
        let new = Request::post("/create-account", &json!({"email": email, "password": PASSWORD}));
        self.deployment.succeed(Way::Url, "create-account", new).await;
        email
    }

    /// Asks for a code, and returns the challenge and the key of the record that waits.
    async fn forgot(&self, email: &str) -> (Value, String) {
        let before = self.keys().await;
        let asked = Request::post("/password/forgot", &json!({"email": email}));
        let challenge = self.deployment.succeed(Way::Url, "email", asked).await["challenge"].clone();
        let new: Vec<String> = self.keys().await.into_iter().filter(|key| !before.contains(key)).collect();
        let [key] = &new[..] else { panic!("{new:?}") };
        (challenge, key.clone())
    }

    /// The keys of the mails and decoys in the table.
    async fn keys(&self) -> Vec<String> {
        let items = self.scan().await;
        let keys = items.iter().map(|item| item["pk"]["S"].as_str().expect("a key").to_owned());
        keys.filter(|key| key.starts_with("MAIL#") || key.starts_with("NULL#")).collect()
    }

    async fn state(&self, key: &str) -> String {
        let items = self.scan().await;
        let item = items.iter().find(|item| item["pk"]["S"] == key).expect("a record");
        item["state"]["S"].as_str().expect("a state").to_owned()
    }

    async fn scan(&self) -> Vec<Value> {
        let request = Request::post("/", &json!({"TableName": "latchkey", "ConsistentRead": true}));
        let request = request
            .header("content-type", "application/x-amz-json-1.0")
            .header("x-amz-target", "DynamoDB_20120810.Scan")
            .header("authorization", "AWS4-HMAC-SHA256 Credential=test/20260527/us-east-1/dynamodb/aws4_request, SignedHeaders=host;x-amz-date, Signature=0")
            .header("x-amz-date", "20260527T150000Z");
        let scanned = self.client.send(self.deployment.table(), request, ANSWER_MS).await.expect("an answer").success();
        assert!(scanned.get("LastEvaluatedKey").is_none(), "the table is larger than a page");
        scanned["Items"].as_array().expect("items").clone()
    }

    /// Hands the key of a record to the mail function, as the stream does.
    async fn stream(&self, key: &str) -> Value {
        let event = serde_json::from_str(&STREAM.replace("KEY", key)).expect("JSON");
        self.deployment.event("mail", &event).await.expect("the function answers")
    }

    async fn sends(&self) {
        let email = self.account().await;
        let (challenge, key) = self.forgot(&email).await;
        assert_eq!((self.stream(&key).await, self.state(&key).await), (nothing_failed(), "sent".to_owned()));
        let inbox = self.inbox(&email).await;
        let [mail] = &inbox[..] else { panic!("{inbox:?}") };
        assert!(mail.contains("From: Herbs <login@herbs.example>") && mail.contains("Auto-Submitted"), "{mail}");
        let code = Regex::new(r"\r\n\r\n(\d{6})\r\n").expect("an expression");
        let code = code.captures(mail).unwrap_or_else(|| panic!("{mail}"))[1].to_owned();
        let reset = json!({"challenge": challenge, "code": code, "new_password": NEXT_PASSWORD});
        let session = self.deployment.succeed(Way::Url, "email", Request::post("/password/reset", &reset)).await;
        assert_eq!(session["user"]["email"], email.as_str());
    }

    async fn sends_once(&self) {
        let email = self.account().await;
        let (_, key) = self.forgot(&email).await;
        for _ in 0..2 {
            assert_eq!(self.stream(&key).await, nothing_failed());
        }
        assert_eq!(self.inbox(&email).await.len(), 1);
        let (_, decoy) = self.forgot("nobody@yopmail.com").await;
        assert!(decoy.starts_with("NULL#"), "{decoy}");
        // The filter of the event source lets no such record through.
        assert_eq!(self.stream(&decoy).await, nothing_failed());
        assert_eq!((self.inbox("nobody@yopmail.com").await.len(), self.state(&decoy).await), (0, "queued".to_owned()));
    }

    async fn is_refused(&self) {
        let email = self.account().await;
        let (_, key) = self.forgot(&email).await;
        self.ses(Request::new(Method::DELETE, &format!("/v2/email/identities/{DOMAIN}"))).await;
        assert_eq!((self.stream(&key).await, self.state(&key).await), (nothing_failed(), "dropped".to_owned()));
        self.register().await;
        assert!(self.inbox(&email).await.is_empty());
    }

    async fn suppresses(&self) {
        let email = self.account().await;
        let bounce = serde_json::from_str(&BOUNCE.replace("ADDRESS", &email)).expect("JSON");
        assert_eq!(self.deployment.event("mail", &bounce).await.expect("the function answers"), nothing_failed());
        let (_, key) = self.forgot(&email).await;
        assert_eq!((self.stream(&key).await, self.state(&key).await), (nothing_failed(), "dropped".to_owned()));
        assert!(self.inbox(&email).await.is_empty());
    }
}

fn nothing_failed() -> Value {
    json!({"batchItemFailures": []})
}
