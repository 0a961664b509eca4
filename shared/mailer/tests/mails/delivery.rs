//! One mail from the table to its end.

use std::{fs, os::unix::fs::PermissionsExt, time::Duration};

use aws_sdk_dynamodb::types::AttributeValue;
use mail_parser::MessageParser;
use shared::outbox::Delivery;
use shared::{
    account::proof::ProofId,
    mail::{Kind, outgoing::MailState},
};

use super::Deployment;

#[tokio::test]
async fn a_mail_is_sent_once_with_the_code_of_its_proof_and_the_round_trips_are_four() {
    let deployment = Deployment::new(&[]).await;
    let id = deployment.queue(Kind::Reset, "James@yopmail.com").await;
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Done);
    assert_eq!(deployment.service.calls(), ["BatchGetItem", "BatchGetItem", "UpdateItem", "UpdateItem"]);
    assert_eq!(deployment.state(&id).await, MailState::Sent);
    let [file] = deployment.files().try_into().unwrap();
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let bytes = fs::read(&file).unwrap();
    let mail = MessageParser::default().parse(&bytes).unwrap();
    let record = deployment.service.app().store().mail(&id).await.unwrap().unwrap();
    let now = deployment.service.now();
    let keys = deployment.service.app().keys().proof_keys(now).await.unwrap().unwrap();
    let code = record.proof_id.unwrap().code(keys.sealing());
    assert!(mail.subject().unwrap().starts_with(code.as_str()));
    let text = mail.body_text(0).unwrap().into_owned();
    let token =
        text.split("https://login.herbs.example/pages/reset#").nth(1).unwrap().split_whitespace().next().unwrap();
    assert_eq!(ProofId::of_link(token, keys.opening()).map(|(found, _)| found), record.proof_id);

    fs::remove_file(file).unwrap();
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Done);
    assert!(deployment.files().is_empty(), "a mail that was sent is not sent again");
}

#[tokio::test]
async fn a_decoy_and_a_mail_that_is_gone_are_nobodys_mails() {
    let deployment = Deployment::new(&[]).await;
    let decoy = deployment.mail(Kind::Reset, "nobody@yopmail.com").into_decoy();
    deployment.service.app().store().put_mail(&decoy).await.unwrap();
    for id in [&decoy.id, "gone"] {
        assert_eq!(deployment.mailer.deliver(id).await.unwrap(), Delivery::Done);
    }
    assert!(deployment.files().is_empty());
}

#[tokio::test]
async fn a_mail_whose_time_is_over_is_dropped_at_its_very_millisecond() {
    let deployment = Deployment::new(&[]).await;
    let (early, late) =
        (deployment.queue(Kind::SignIn, "a@yopmail.com").await, deployment.queue(Kind::SignIn, "b@yopmail.com").await);
    let end = deployment.service.app().store().mail(&early).await.unwrap().unwrap().send_before;
    deployment.service.travel_to(end);
    deployment.mailer.deliver(&early).await.unwrap();
    assert_eq!(deployment.state(&early).await, MailState::Dropped);
    deployment.service.travel_to(shared::time::Timestamp::from_milliseconds(end.milliseconds() - 60_000));
    deployment.mailer.deliver(&late).await.unwrap();
    assert_eq!(deployment.state(&late).await, MailState::Sent);
}

#[tokio::test]
async fn an_address_that_is_suppressed_gets_nothing_in_whatever_case_it_is_typed() {
    let deployment = Deployment::new(&[]).await;
    let (store, now) = (deployment.service.app().store(), deployment.service.now());
    store.suppress("james@yopmail.com", "bounced", now).await.unwrap();
    let id = deployment.queue(Kind::Reset, "JAMES@yopmail.com").await;
    deployment.mailer.deliver(&id).await.unwrap();
    assert_eq!((deployment.state(&id).await, deployment.files().len()), (MailState::Dropped, 0));
    deployment.service.pass(Duration::from_secs(90 * 86_400));
    let id = deployment.queue(Kind::Reset, "JAMES@yopmail.com").await;
    deployment.mailer.deliver(&id).await.unwrap();
    assert_eq!((deployment.state(&id).await, deployment.files().len()), (MailState::Sent, 1));
}

#[tokio::test]
async fn the_mails_of_a_day_are_limited_and_the_next_day_begins_anew() {
    let deployment = Deployment::new(&[("MAIL_PER_DAY", "2")]).await;
    for expected in [MailState::Sent, MailState::Sent, MailState::Dropped] {
        let id = deployment.queue(Kind::PasswordChanged, "a@yopmail.com").await;
        deployment.mailer.deliver(&id).await.unwrap();
        assert_eq!(deployment.state(&id).await, expected);
    }
    deployment.service.pass(Duration::from_secs(86_400));
    let id = deployment.queue(Kind::PasswordChanged, "a@yopmail.com").await;
    deployment.mailer.deliver(&id).await.unwrap();
    assert_eq!(deployment.state(&id).await, MailState::Sent);
}

#[tokio::test]
async fn an_address_that_could_end_a_header_or_a_command_is_refused() {
    let deployment = Deployment::new(&[]).await;
    let id = deployment.queue(Kind::Reset, "a@yopmail.com").await;
    for address in ["a@yopmail.com\r\nBcc: b@yopmail.com", "a@b.de>, <c@d.de", "", "nobody"] {
        let update = deployment.service.client().update_item().table_name("latchkey");
        let update = update.key("pk", AttributeValue::S(format!("MAIL#{id}")));
        let update = update.update_expression("SET #to = :to, #state = :queued");
        let update = update.expression_attribute_names("#to", "to").expression_attribute_names("#state", "state");
        let update = update.expression_attribute_values(":to", AttributeValue::S(address.to_owned()));
        let update = update.expression_attribute_values(":queued", AttributeValue::S("queued".to_owned()));
        update.send().await.unwrap();
        deployment.mailer.deliver(&id).await.unwrap();
        assert_eq!((deployment.state(&id).await, deployment.files().len()), (MailState::Dropped, 0), "{address:?}");
    }
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_delays_the_mail_and_does_not_count_it() {
    let deployment = Deployment::new(&[("MAIL_PER_DAY", "1")]).await;
    let outbox = deployment.folder.path().join(mailer::transport::OUTBOX);
    fs::write(&outbox, "a file in the place of the folder").unwrap();
    let id = deployment.queue(Kind::Reset, "a@yopmail.com").await;
    for _ in 0..3 {
        assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Later);
    }
    assert_eq!(deployment.state(&id).await, MailState::Queued);
    fs::remove_file(&outbox).unwrap();
    assert_eq!(deployment.mailer.deliver(&id).await.unwrap(), Delivery::Done);
    assert_eq!(deployment.state(&id).await, MailState::Sent);
}
