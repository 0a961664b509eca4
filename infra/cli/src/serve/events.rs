//! The task within `latchkey serve` that tells the webhook of events of accounts.

use std::time::Duration;

use shared::{App, auth::events::EventDelivery, outbox::drain};
use tokio::{sync::oneshot, time};

use crate::serve::table::Table;

/// The most due events of one look.
const LOOK_MAX: usize = 100;
/// The time between two looks at the embedded table. The first pause of an event is five seconds.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// The time between two looks at a table elsewhere, where each look costs a read.
const LOOK_ELSEWHERE_EVERY: Duration = Duration::from_secs(10);

/// Delivers events from now on, until the other end of `stop` is dropped. The returned future comes
/// to its end with the last attempt.
pub fn start(app: &App, table: &Table, stop: oneshot::Receiver<()>) -> impl Future<Output = ()> + use<> {
    let config = app.config();
    // On Cloud Run a process has no processor after its answers. The function on the table's stream
    // delivers there.
    let delivers_here = config.event_webhook.is_on() && !config.on_cloud_run;
    let told = app.events().listen().filter(|_| delivers_here);
    let every = if table.is_embedded() { LOOK_EVERY } else { LOOK_ELSEWHERE_EVERY };
    let app = app.clone();
    async move {
        let Some(told) = told else { return };
        let stopped = async { drop(stop.await) };
        tokio::select! {
            () = drain(EventDelivery::new(app.clone()), Vec::new(), told, stopped) => {}
            () = look(&app, every) => {}
        }
    }
}

/// Looks for events whose time has come, for ever. Several processes may look at one table, because
/// each attempt claims its event first.
async fn look(app: &App, every: Duration) {
    loop {
        match app.store().due_events(LOOK_MAX, app.now()).await {
            Ok(ids) => ids.iter().for_each(|id| app.events().tell(id)),
            Err(error) => tracing::error!(cause = error.cause(), "the table cannot be searched for events"),
        }
        time::sleep(every).await;
    }
}
