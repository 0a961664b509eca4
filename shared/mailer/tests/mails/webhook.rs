//! The webhook, whose signature an independent library verifies.

use serde_json::Value;
use shared::mail::{Kind, outgoing::MailState};
use shared::outbox::Delivery;
use standardwebhooks::Webhook;

use super::{Deployment, server};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

async fn deployment(port: u16) -> Deployment {
    let url = format!("http://127.0.0.1:{port}/mail?token=1");
    let own = [("MAIL", "webhook"), ("MAIL_WEBHOOK_URL", url.as_str()), ("MAIL_WEBHOOK_SECRET", SECRET)];
    Deployment::new(&own).await
}

#[tokio::test]
async fn a_call_has_the_mail_and_a_signature_that_another_library_verifies() {
    let (port, got) = server::http(&["200 OK"]);
    let deployment = deployment(port).await;
    let id = deployment.queue(Kind::Reset, "James@yopmail.com").await;
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Done);
    assert_eq!(deployment.state(&id).await, MailState::Sent);
    let got = got.recv().unwrap();
    assert!(got.head.starts_with("POST /mail?token=1 HTTP/1.1\r\n"), "{}", got.head);
    let headers = ["webhook-id", "webhook-timestamp", "webhook-signature"];
    let headers = headers.map(|name| (name.parse().unwrap(), got.header(name).parse().unwrap()));
    let headers = headers.into_iter().collect();
    let webhook = Webhook::new(SECRET).unwrap();
    webhook.verify(got.body.as_bytes(), &headers).unwrap();
    assert!(webhook.verify(got.body.replace("James", "Janes").as_bytes(), &headers).is_err());
    let other = Webhook::new("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").unwrap();
    assert!(other.verify(got.body.as_bytes(), &headers).is_err());

    assert_eq!(got.header("webhook-id"), id);
    let body: Value = serde_json::from_str(&got.body).unwrap();
    let mut keys: Vec<_> = body.as_object().unwrap().keys().map(String::as_str).collect();
    keys.sort_unstable();
    let expected = ["code", "expires_at", "html", "kind", "link", "locale", "subject", "text", "to", "type"];
    assert_eq!(keys, expected);
    assert_eq!(
        (&body["kind"], &body["to"], &body["locale"]),
        (&"code_reset".into(), &"James@yopmail.com".into(), &"en".into())
    );
    let code = body["code"].as_str().unwrap();
    assert!(code.len() == 6 && body["text"].as_str().unwrap().contains(code));
    assert!(body["text"].as_str().unwrap().contains(body["link"].as_str().unwrap()));
}

#[tokio::test]
async fn an_answer_says_whether_the_mail_is_sent_waits_or_is_dropped_and_no_redirect_is_followed() {
    let (port, got) = server::http(&[
        "204 No Content",
        "500 Oops",
        "429 Too Many",
        "404 Not Found",
        "302 Found\r\nlocation: http://127.0.0.1:1/elsewhere",
    ]);
    let deployment = deployment(port).await;
    for (delivery, state) in [
        (Delivery::Done, MailState::Sent),
        (Delivery::Later, MailState::Queued),
        (Delivery::Later, MailState::Queued),
        (Delivery::Done, MailState::Dropped),
        (Delivery::Done, MailState::Dropped),
    ] {
        let id = deployment.queue(Kind::SignIn, "a@yopmail.com").await;
        assert_eq!((deployment.mailer.deliver(&id).await.unwrap(), deployment.state(&id).await), (delivery, state));
    }
    assert_eq!(got.iter().count(), 5);
    let id = deployment.queue(Kind::SignIn, "a@yopmail.com").await;
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Later, "nobody listens any more");
}
