//! Amazon SES that is down for ten minutes, on a clock that does not wait.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, AtomicUsize, Ordering},
    },
    time::Duration,
};

use aws_sdk_sesv2::{
    Client,
    config::{BehaviorVersion, Credentials, Region},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector},
    orchestrator::{HttpRequest, HttpResponse},
    runtime_components::RuntimeComponents,
};
use aws_smithy_types::body::SdkBody;
use shared::mail::{Kind, outgoing::MailState};
use tokio::{sync::oneshot, time};

use super::{Deployment, FROM};

/// SES behind a connection that answers every call with one status, and with one type of error.
#[derive(Clone, Debug, Default)]
struct Ses {
    status: Arc<AtomicU16>,
    calls: Arc<AtomicUsize>,
    error: &'static str,
}

impl HttpConnector for Ses {
    fn call(&self, _: HttpRequest) -> HttpConnectorFuture {
        self.calls.fetch_add(1, Ordering::Relaxed);
        let status = self.status.load(Ordering::Relaxed);
        let body = if status == 200 {
            r#"{"MessageId":"1"}"#.to_owned()
        } else {
            format!(r#"{{"message":"{}"}}"#, self.error)
        };
        let mut response = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(body));
        if status != 200 {
            response.headers_mut().insert("x-amzn-errortype", self.error.split(' ').next().unwrap());
        }
        HttpConnectorFuture::ready(Ok(response))
    }
}

impl HttpClient for Ses {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl Ses {
    fn answering(status: u16, error: &'static str) -> Self {
        Self { status: Arc::new(status.into()), error, ..Self::default() }
    }

    async fn deployment(&self) -> Deployment {
        let config = aws_sdk_sesv2::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::from_static("eu-central-1"))
            .credentials_provider(Credentials::new("any", "any", None, None, "test"))
            .http_client(self.clone())
            .build();
        Deployment::with(&[("MAIL", "ses"), FROM], async || Ok(Client::from_conf(config))).await
    }
}

#[tokio::test(start_paused = true)]
async fn mails_follow_an_outage_and_a_code_that_nobody_waits_for_is_dropped() {
    let ses = Ses::answering(503, "ServiceUnavailable");
    let deployment = ses.deployment().await;
    let told = deployment.service.app().mails().listen().unwrap();
    let (stop, stopping) = oneshot::channel::<()>();
    let running = tokio::spawn(shared::outbox::drain(deployment.mailer.clone(), Vec::new(), told, async {
        drop(stopping.await)
    }));
    let mut ids = Vec::new();
    for kind in [Kind::SignIn, Kind::PasswordChanged] {
        let id = deployment.queue(kind, "a@yopmail.com").await;
        deployment.service.app().mails().tell(&id);
        ids.push(id);
    }
    time::sleep(Duration::from_secs(4 * 60)).await;
    assert_eq!(
        (deployment.state(&ids[0]).await, deployment.state(&ids[1]).await),
        (MailState::Queued, MailState::Queued)
    );
    time::sleep(Duration::from_secs(6 * 60)).await;
    assert_eq!(
        (deployment.state(&ids[0]).await, deployment.state(&ids[1]).await),
        (MailState::Dropped, MailState::Queued)
    );
    ses.status.store(200, Ordering::Relaxed);
    time::sleep(Duration::from_secs(60)).await;
    assert_eq!(deployment.state(&ids[1]).await, MailState::Sent);
    drop(stop);
    running.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_the_attempts_that_wait_and_the_next_start_finds_the_mails() {
    let ses = Ses::answering(503, "ServiceUnavailable");
    let deployment = ses.deployment().await;
    let told = deployment.service.app().mails().listen().unwrap();
    let id = deployment.queue(Kind::Reset, "a@yopmail.com").await;
    deployment.service.app().mails().tell(&id);
    shared::outbox::drain(deployment.mailer.clone(), Vec::new(), told, time::sleep(Duration::from_secs(5))).await;
    assert_eq!(deployment.state(&id).await, MailState::Queued);
    ses.status.store(200, Ordering::Relaxed);
    let leftovers = deployment.service.app().store().waiting_mails().await.unwrap();
    assert_eq!(leftovers, [id.as_str()]);
    let (_sender, nothing) = tokio::sync::mpsc::channel(1);
    shared::outbox::drain(deployment.mailer.clone(), leftovers, nothing, time::sleep(Duration::from_secs(1))).await;
    assert_eq!(deployment.state(&id).await, MailState::Sent);
}

#[tokio::test]
async fn a_fault_of_ses_is_told_from_a_refusal() {
    for (status, error, state) in [
        (400, "MessageRejected Email address is not verified.", MailState::Dropped),
        (400, "MailFromDomainNotVerifiedException", MailState::Dropped),
        (400, "AccountSuspendedException", MailState::Dropped),
        (400, "SendingPausedException", MailState::Dropped),
        (429, "TooManyRequestsException", MailState::Queued),
        (400, "LimitExceededException", MailState::Queued),
        (403, "AccessDeniedException", MailState::Queued),
        (500, "InternalFailure", MailState::Queued),
    ] {
        let ses = Ses::answering(status, error);
        let deployment = ses.deployment().await;
        let id = deployment.queue(Kind::Reset, "a@yopmail.com").await;
        deployment.mailer.deliver(&id).await.unwrap();
        assert_eq!(deployment.state(&id).await, state, "{error}");
        assert!(ses.calls.load(Ordering::Relaxed) > 0);
    }
}
