//! SMTP against a server that refuses, delays and hangs by script.

use shared::outbox::Delivery;
use shared::{
    mail::{Kind, outgoing::MailState},
    testing::Steps,
};

use super::{Deployment, FROM, server};

async fn sent_to(rules: &'static [(&'static str, &'static str)]) -> (Delivery, MailState, Option<String>) {
    let (port, got) = server::smtp(rules);
    let url = format!("smtp://127.0.0.1:{port}");
    let deployment = Deployment::new(&[("MAIL", "smtp"), FROM, ("SMTP_URL", &url)]).await;
    let id = deployment.queue(Kind::Reset, "James@yopmail.com").await;
    let delivery = deployment.mailer.deliver(&id).await.unwrap();
    (delivery, deployment.state(&id).await, got.try_recv().ok())
}

#[tokio::test]
async fn a_mail_that_the_server_accepts_is_sent_to_the_address_and_to_nobody_else() {
    let (port, got) = server::smtp(&[]);
    let url = format!("smtp://127.0.0.1:{port}");
    let deployment = Deployment::new(&[("MAIL", "smtp"), FROM, ("SMTP_URL", &url)]).await;
    let id = deployment.queue(Kind::Reset, "James@yopmail.com").await;
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Done);
    assert_eq!(deployment.state(&id).await, MailState::Sent);
    let sent = got.recv().unwrap();
    assert!(sent.starts_with("EHLO herbs.example\r\n"), "{sent}");
    assert_eq!(sent.matches("MAIL FROM:<login@herbs.example>").count(), 1, "{sent}");
    assert_eq!(
        (sent.matches("RCPT TO:").count(), sent.matches("RCPT TO:<James@yopmail.com>").count()),
        (1, 1),
        "{sent}"
    );
}

#[tokio::test]
async fn a_refusal_that_lasts_drops_the_mail_and_one_that_passes_delays_it() {
    for (rules, delivery, state) in [
        (&[("RCPT", "550 5.1.1 no such user")][..], Delivery::Done, MailState::Dropped),
        (&[("MAIL", "553 not you")], Delivery::Done, MailState::Dropped),
        (&[("end of data", "554 spam")], Delivery::Done, MailState::Dropped),
        (&[("greeting", "421 too busy")], Delivery::Later, MailState::Queued),
        (&[("RCPT", "450 4.2.0 come back")], Delivery::Later, MailState::Queued),
        (&[("RCPT", "452 full")], Delivery::Later, MailState::Queued),
        (&[("end of data", "451 later")], Delivery::Later, MailState::Queued),
        (&[("MAIL", "530 5.7.0 log in first")], Delivery::Later, MailState::Queued),
        (&[("DATA", "this is no answer")], Delivery::Later, MailState::Queued),
    ] {
        let (delivered, is, _) = sent_to(rules).await;
        assert_eq!((delivered, is), (delivery, state), "{rules:?}");
    }
}

/// The server may have accepted the mail all the same. Then the person gets the same mail twice.
#[tokio::test(start_paused = true)]
async fn a_server_that_hangs_after_the_data_delays_the_mail() {
    let _steps = Steps::of_paused_clock();
    let (delivered, is, _) = sent_to(&[("end of data", "")]).await;
    assert_eq!((delivered, is), (Delivery::Later, MailState::Queued));
}

#[tokio::test]
async fn a_server_that_nobody_runs_delays_the_mail() {
    let url = format!("smtp://127.0.0.1:{}", shared::testing::server::free_port());
    let deployment = Deployment::new(&[("MAIL", "smtp"), FROM, ("SMTP_URL", &url)]).await;
    let id = deployment.queue(Kind::Reset, "a@yopmail.com").await;
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Later);
}
