//! The delivery of events of accounts to the webhook of whoever runs the service, in the way of
//! Standard Webhooks.
//!
//! The store writes an event in the transaction of its change. A delivery claims the event, calls
//! the endpoint, and forgets the event if the endpoint accepts it. Otherwise the event waits for
//! its next time. A delivery that dies is made again, so that an event may come twice.

use std::{sync::Arc, time::Duration};

use http::Uri;
use tokio::{
    sync::OnceCell,
    time::{self, Instant},
};

use crate::{
    App,
    account::{email::Email, event::message, user::User},
    error::Error,
    fetch::{Guarded, NoAnswer},
    mail::{smtp::is_this_machine, webhook::WebhookSecret},
    outbox::{Attempt, Delivery, attempt_each},
    store::{ClaimedEvent, EventClaim},
    telemetry::audit,
    time::Timestamp,
};

/// The longest time of a call.
const TIME_MAX: Duration = Duration::from_secs(10);
/// The longest time of a call that tries the endpoint. A function answers within ten seconds.
const TEST_TIME_MAX: Duration = Duration::from_secs(8);
/// The pause that a delivery waits out itself, where nobody else looks at the table so soon.
const SOON: Duration = Duration::from_secs(10);
/// The most due events of one look at the table.
const LOOK_MAX: usize = 100;
/// The time after which a delivery of due events looks for no more of them.
const LOOKS_END_AFTER: Duration = Duration::from_secs(60);
/// The status by which an endpoint says that it wants no more calls.
const GONE: u16 = 410;
/// The type of the message that tries an endpoint.
const TEST: &str = "webhook.test";

/// The deliverer of events. Clones share it.
#[derive(Clone)]
pub struct EventDelivery {
    app: App,
    /// The client, made when it is first needed.
    client: Arc<OnceCell<Guarded>>,
    /// Whether a delivery waits out a short pause.
    waits: bool,
}

/// The outcome of the call that tries the endpoint.
#[derive(Debug)]
pub struct Tested {
    /// The header `webhook-id` of the call.
    pub id: String,
    /// The status of the answer. `None` without one.
    pub status: Option<u16>,
    /// Whether the endpoint accepted the message.
    pub is_accepted: bool,
    /// The time that the call took.
    pub took: Duration,
    /// A sentence for people.
    pub sentence: String,
}

impl EventDelivery {
    /// A deliverer for a process that looks at the table all the time.
    pub fn new(app: App) -> Self {
        Self { app, client: Arc::default(), waits: false }
    }

    /// A deliverer for a function that looks at the table once a minute.
    pub fn waiting(app: App) -> Self {
        Self { waits: true, ..Self::new(app) }
    }

    /// Delivers every event whose time has come.
    ///
    /// # Errors
    ///
    /// 503 if the table cannot be searched.
    pub async fn deliver_due(&self) -> Result<(), Error> {
        if !self.app.config().event_webhook.is_on() {
            return Ok(());
        }
        let started = Instant::now();
        loop {
            let due = self.app.store().due_events(LOOK_MAX, self.app.now()).await?;
            let is_all = due.len() < LOOK_MAX;
            attempt_each(self.clone(), due).await;
            if is_all || started.elapsed() > LOOKS_END_AFTER {
                return Ok(());
            }
        }
    }

    /// Attempts to deliver the event with this id, if its time has come. Returns the time of the
    /// next attempt, if there is one. Three round trips.
    async fn deliver(&self, id: &str) -> Result<Option<Timestamp>, Error> {
        let (app, now) = (&self.app, self.app.now());
        // Without a URL an event waits until somebody sets one again, or until its TTL.
        let Some(url) = &app.config().event_webhook.url else { return Ok(None) };
        let secret = secret(app, now).await?;
        let endpoint = url.to_string();
        let event = match app.store().claim_event(id, &endpoint, now).await? {
            EventClaim::NotNow => return Ok(None),
            EventClaim::Over(type_name) => {
                app.store().finish_event(id).await?;
                audit::webhook("webhook_dropped", &type_name, "over");
                return Ok(None);
            }
            EventClaim::Claimed(event) => event,
        };
        let outcome = self.call(url, &secret, id, event.body.clone(), (now, TIME_MAX)).await;
        self.settle(id, &endpoint, &event, outcome).await
    }

    /// Notes the outcome of an attempt: a status, or the word of a fault.
    async fn settle(
        &self,
        id: &str,
        endpoint: &str,
        event: &ClaimedEvent,
        outcome: Result<u16, &'static str>,
    ) -> Result<Option<Timestamp>, Error> {
        let store = self.app.store();
        let reason = match outcome {
            Ok(200..300) => {
                store.finish_event(id).await?;
                audit::webhook("webhook_sent", &event.type_name, "");
                return Ok(None);
            }
            Ok(GONE) => {
                store.close_endpoint(endpoint, self.app.now()).await?;
                store.finish_event(id).await?;
                audit::webhook("webhook_dropped", &event.type_name, "gone");
                tracing::error!(
                    "the endpoint of EVENT_WEBHOOK_URL answered 410, and gets no more calls until POST /admin/webhooks/test"
                );
                return Ok(None);
            }
            Ok(status) => format!("status_{status}"),
            Err(word) => word.to_owned(),
        };
        match event.next_at {
            Some(next_at) => {
                let (attempt, next_at) = (event.attempt, next_at);
                tracing::warn!(
                    r#type = event.type_name,
                    reason,
                    attempt,
                    next = next_at.rfc3339(),
                    "the webhook is not told of an event yet"
                );
                Ok(Some(next_at))
            }
            None => {
                store.finish_event(id).await?;
                audit::webhook("webhook_dropped", &event.type_name, &reason);
                Ok(None)
            }
        }
    }

    /// Calls the endpoint once, and returns the status of its answer. Nothing else of the answer is
    /// read.
    ///
    /// # Errors
    ///
    /// A word for the log.
    async fn call(
        &self,
        url: &Uri,
        secret: &WebhookSecret,
        id: &str,
        body: String,
        (now, time_max): (Timestamp, Duration),
    ) -> Result<u16, &'static str> {
        let request = secret.call(url, id, now.seconds(), body).map_err(|_| "no_message")?;
        let is_local = url.host().is_some_and(is_this_machine);
        let client = self.client.get_or_try_init(|| async { Guarded::new(is_local) }).await.map_err(|cause| {
            tracing::error!(cause, "no webhook can be called");
            "no_client"
        })?;
        match client.call(request, time_max, 0).await {
            Ok((status, _)) => Ok(status.as_u16()),
            Err(NoAnswer::Private) => Err("private_address"),
            Err(NoAnswer::Unreachable) => Err("unreachable"),
            Err(NoAnswer::TimedOut) => Err("timeout"),
        }
    }

    /// Tries the endpoint with a message of the type `webhook.test`, about nobody.
    ///
    /// # Errors
    ///
    /// 501 without an endpoint. 503 if the secret cannot be read.
    pub async fn test(&self) -> Result<Tested, Error> {
        const OFF: &str = "No webhook is told of events: set EVENT_WEBHOOK_URL.";
        let (app, now) = (&self.app, self.app.now());
        let url = app.config().event_webhook.url.as_ref().ok_or(Error::NotConfigured(OFF))?;
        let (secret, id) = (secret(app, now).await?, app.uuid()?);
        let started = Instant::now();
        let outcome = self.call(url, &secret, &id, message(TEST, &nobody(now)?, 0, now), (now, TEST_TIME_MAX)).await;
        let took = started.elapsed();
        let sentence = match outcome {
            Ok(200..300) => "The endpoint has accepted the message.".to_owned(),
            Ok(300..=399) => {
                "The endpoint answers with a redirect, and none is followed. Name the URL that it leads to.".to_owned()
            }
            Ok(401 | 403) => "The endpoint refuses the message. Compare its secret with the one here.".to_owned(),
            Ok(404) => "There is nothing at the path of EVENT_WEBHOOK_URL.".to_owned(),
            Ok(GONE) => "The endpoint wants no more calls (410).".to_owned(),
            Ok(status) => format!("The endpoint answers {status}. It must answer 200 to 299."),
            Err("private_address") => {
                "The name of the host leads into a private network, and is not called.".to_owned()
            }
            Err("timeout") => "The endpoint did not answer within 8 seconds.".to_owned(),
            Err(_) => "The endpoint cannot be reached. Check the name and the certificate of the host.".to_owned(),
        };
        let status = outcome.ok();
        Ok(Tested { id, status, is_accepted: matches!(status, Some(200..300)), took, sentence })
    }

    /// Calls the endpoint again from now on, whatever it answered before.
    ///
    /// # Errors
    ///
    /// 503 if DynamoDB fails.
    pub async fn open_endpoint(&self) -> Result<(), Error> {
        match &self.app.config().event_webhook.url {
            Some(url) => self.app.store().open_endpoint(&url.to_string()).await,
            None => Ok(()),
        }
    }
}

impl Attempt for EventDelivery {
    /// An event whose attempt failed is done for now: the table says when it is due again.
    async fn attempt(&self, id: &str) -> Result<Delivery, Error> {
        if let Some(next_at) = self.deliver(id).await?.filter(|_| self.waits) {
            let pause = next_at.milliseconds() - self.app.now().milliseconds();
            let pause = Duration::from_millis(u64::try_from(pause).unwrap_or_default());
            if pause <= SOON {
                // The claim compares whole milliseconds.
                time::sleep(pause + Duration::from_millis(1)).await;
                self.deliver(id).await?;
            }
        }
        Ok(Delivery::Done)
    }
}

async fn secret(app: &App, now: Timestamp) -> Result<WebhookSecret, Error> {
    let text = app.keys().event_webhook_secret(now).await?;
    let text = text.ok_or_else(|| Error::unavailable("EVENT_WEBHOOK_SECRET_ID is not set"))?;
    WebhookSecret::parse(&text).map_err(|why| Error::unavailable(format!("EVENT_WEBHOOK_SECRET_ID {why}")))
}

/// An account that is nobody's, so that a test shows the shape of every message.
fn nobody(now: Timestamp) -> Result<User, Error> {
    let email = Email::parse("james@yopmail.com").map_err(Error::internal)?;
    let user = User::without_password(
        "00000000-0000-7000-8000-000000000000".to_owned(),
        &email,
        None,
        "James".to_owned(),
        now,
    );
    Ok(user)
}
