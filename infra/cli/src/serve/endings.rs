//! The task within `latchkey serve` that tells Firebase what ended here.

use std::time::Duration;

use shared::{App, auth::ending::Endings, config::FirebaseSync, outbox::drain};
use tokio::{sync::oneshot, time};

use crate::serve::table::Table;

/// The time between two looks at the embedded table. `latchkey users` may have ended something, or
/// another server that was stopped.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// Tells Firebase from now on, until the other end of `stop` is dropped. The returned future comes
/// to its end with the last attempt.
pub fn start(app: &App, table: &Table, stop: oneshot::Receiver<()>) -> impl Future<Output = ()> + use<> {
    let config = app.config();
    // On Cloud Run a process has no processor after its answers. The function on the table's stream
    // tells Firebase there.
    let tells_here = config.firebase.sync() != FirebaseSync::Off && !config.on_cloud_run;
    let told = app.endings().listen().filter(|_| tells_here);
    let is_embedded = table.is_embedded();
    let app = app.clone();
    async move {
        let Some(told) = told else { return };
        let stopped = async { drop(stop.await) };
        let draining = drain(Endings(app.clone()), Vec::new(), told, stopped);
        let looking = async {
            if is_embedded {
                look(&app).await;
            }
            // A table elsewhere is not this process's to search.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = draining => {}
            () = looking => {}
        }
    }
}

/// Looks for endings that nobody told of in this process, for ever.
async fn look(app: &App) {
    loop {
        match app.store().open_endings().await {
            Ok(ids) => ids.iter().for_each(|id| app.endings().tell(id)),
            Err(error) => tracing::error!(cause = error.cause(), "the table cannot be searched for endings"),
        }
        time::sleep(LOOK_EVERY).await;
    }
}
