//! Tells others what happened here: Firebase of endings, and the webhook of events. The table's
//! stream calls this function with the keys of new endings and events, and a clock once a minute,
//! for the events that wait.

use serde::Deserialize;
use shared::{
    App,
    auth::{ending::Endings, events::EventDelivery},
    error::Error,
    lambda::stream::{Handled, Records},
    outbox::attempt_each,
    store::{ENDING_PREFIX, EVENT_PREFIX},
};

/// The ways to Firebase and to the webhook.
#[derive(Clone)]
pub struct Ways {
    endings: Endings,
    events: EventDelivery,
}

/// An event: records of the stream, or the clock.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Event {
    /// Records of the stream.
    Stream(Records),
    /// A scheduled event of EventBridge.
    Clock {
        /// `aws.events`.
        source: String,
    },
}

/// The ways out of this deployment.
///
/// # Errors
///
/// None. The secrets are read with the first ending and the first event.
pub async fn start(app: App) -> Result<Ways, Error> {
    Ok(Ways { endings: Endings(app.clone()), events: EventDelivery::waiting(app) })
}

/// Tells of the endings and the events of these records, or of the events that are due.
///
/// # Errors
///
/// 503 if the table cannot be searched for due events. An ending that waits is one of the records
/// that Lambda sends again. An event that waits is due later.
pub async fn handle(ways: Ways, event: Event) -> Result<Handled, Error> {
    match event {
        Event::Stream(records) => {
            let events = records.ids(EVENT_PREFIX);
            let (handled, ()) =
                tokio::join!(records.attempt(ENDING_PREFIX, &ways.endings), attempt_each(ways.events.clone(), events));
            Ok(handled)
        }
        Event::Clock { .. } => ways.events.deliver_due().await.map(|()| Handled::default()),
    }
}
