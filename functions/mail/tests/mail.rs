//! The mail function, called with events as AWS's documentation has them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{fs, time::Duration};

use axum::Router;
use mail::{Sender, handle};
use mailer::transport::{OUTBOX, Transport};
use serde_json::{Value, json};
use shared::{
    mail::{
        Kind, Language,
        outgoing::{MailState, OutgoingMail},
    },
    testing::Service,
};
use tempfile::TempDir;

struct Function {
    service: Service,
    sender: Sender,
    folder: TempDir,
}

impl Function {
    async fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("proof-key");
        fs::write(&key, "the key of proofs: 32 characters or more").unwrap();
        let variables = [("PROOF_KEY_FILE", key.to_str().unwrap()), ("DATA_DIR", folder.path().to_str().unwrap())];
        let service = Service::configured(Router::new(), &variables).await;
        let transport = Transport::of(service.app().config(), async || Err("no SES".to_owned())).await.unwrap();
        Self { sender: Sender::new(service.app().clone(), transport), service, folder }
    }

    async fn queue(&self, to: &str) -> String {
        let app = self.service.app();
        let mail = OutgoingMail::new(app.uuid().unwrap(), Kind::PasswordChanged, to, Language::English, app.now());
        app.store().put_mail(&mail).await.unwrap();
        mail.id
    }

    async fn handle(&self, event: Value) -> Value {
        let handled = handle(self.sender.clone(), serde_json::from_value(event).unwrap()).await.unwrap();
        serde_json::to_value(handled).unwrap()
    }

    async fn state(&self, id: &str) -> MailState {
        self.service.app().store().mail(id).await.unwrap().unwrap().state
    }
}

/// A record of a stream with KEYS_ONLY, as in AWS's documentation.
fn record(key: &str, number: u32) -> Value {
    json!({
        "eventID": "c4ca4238a0b923820dcc509a6f75849b", "eventName": "INSERT", "eventVersion": "1.1",
        "eventSource": "aws:dynamodb", "awsRegion": "eu-central-1",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_479_499_740, "Keys": {"pk": {"S": key}},
            "SequenceNumber": number.to_string(), "SizeBytes": 26, "StreamViewType": "KEYS_ONLY",
        },
        "eventSourceARN": "arn:aws:dynamodb:eu-central-1:123456789012:table/latchkey/stream/2026-05-27T15:00:00.000",
    })
}

/// A report as EventBridge brings it, shortened from AWS's documentation.
fn report(detail: Value) -> Value {
    json!({
        "version": "0", "id": "c2b1", "detail-type": "Email Bounced", "source": "aws.ses", "account": "123456789012",
        "time": "2026-05-27T15:00:00Z", "region": "eu-central-1", "resources": [], "detail": detail,
    })
}

#[tokio::test]
async fn each_new_mail_of_the_stream_is_sent_once_and_others_records_are_passed_over() {
    let function = Function::new().await;
    let ids = [function.queue("a@yopmail.com").await, function.queue("b@yopmail.com").await];
    let keys = [format!("MAIL#{}", ids[0]), "MAIL#gone".to_owned(), "USER#a".to_owned(), format!("MAIL#{}", ids[1])];
    let records: Vec<_> = keys.iter().zip(1..).map(|(key, number)| record(key, number)).collect();
    for _ in 0..2 {
        assert_eq!(function.handle(json!({"Records": records})).await, json!({"batchItemFailures": []}));
        assert_eq!(fs::read_dir(function.folder.path().join(OUTBOX)).unwrap().count(), 2);
    }
    assert_eq!((function.state(&ids[0]).await, function.state(&ids[1]).await), (MailState::Sent, MailState::Sent));
}

#[tokio::test]
async fn a_mail_that_cannot_be_sent_now_is_the_one_that_lambda_sends_again() {
    let function = Function::new().await;
    let outbox = function.folder.path().join(OUTBOX);
    fs::write(&outbox, "a file in the place of the folder").unwrap();
    let id = function.queue("a@yopmail.com").await;
    let records = json!({"Records": [record("MAIL#gone", 7), record(&format!("MAIL#{id}"), 8)]});
    let failed = json!({"batchItemFailures": [{"itemIdentifier": "8"}]});
    assert_eq!(function.handle(records.clone()).await, failed);
    fs::remove_file(&outbox).unwrap();
    assert_eq!(function.handle(records).await, json!({"batchItemFailures": []}));
    assert_eq!(function.state(&id).await, MailState::Sent);
}

#[tokio::test]
async fn an_address_that_bounced_for_good_or_complained_gets_no_more_mails() {
    let function = Function::new().await;
    let bounce = |of_type, to: &str| {
        report(json!({"eventType": "Bounce", "mail": {"messageId": "1"}, "bounce": {
            "bounceType": of_type, "bounceSubType": "General", "timestamp": "2026-05-27T15:00:00Z",
            "bouncedRecipients": [{"emailAddress": to, "action": "failed", "status": "5.1.1"}],
        }}))
    };
    function.handle(bounce("Permanent", "Gone@yopmail.com")).await;
    function.handle(bounce("Transient", "full@yopmail.com")).await;
    let complaint = json!({"eventType": "Complaint", "complaint": {
        "complainedRecipients": [{"emailAddress": "angry@yopmail.com"}], "complaintFeedbackType": "abuse",
    }});
    function.handle(report(complaint)).await;
    function.handle(report(json!({"eventType": "Delivery", "delivery": {}}))).await;
    for (to, state) in [
        ("gone@yopmail.com", MailState::Dropped),
        ("full@yopmail.com", MailState::Sent),
        ("angry@yopmail.com", MailState::Dropped),
    ] {
        let id = function.queue(to).await;
        function.handle(json!({"Records": [record(&format!("MAIL#{id}"), 1)]})).await;
        assert_eq!(function.state(&id).await, state, "{to}");
    }
    function.service.pass(Duration::from_secs(90 * 86_400));
    let id = function.queue("gone@yopmail.com").await;
    function.handle(json!({"Records": [record(&format!("MAIL#{id}"), 2)]})).await;
    assert_eq!(function.state(&id).await, MailState::Sent);
}
