//! The sender of mails within `latchkey serve`.

use std::time::Duration;

use mailer::{Mailer, transport::Transport};
use shared::{
    App,
    config::{MailBy, MailSettings},
    outbox::drain,
};
use tokio::{sync::oneshot, time};

use crate::{aws::Aws, serve::table::Table};

/// The time between two looks at the embedded table: `latchkey users invite` leaves mails there. A
/// look is one query of an index, and a person waits for the mail.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Fills in what only the server knows. Links begin with the address that the server listens on. A
/// table elsewhere may have a sender of its own, so that nothing is sent from here unasked.
pub fn complete(settings: &mut MailSettings, base: &str, is_external: bool) {
    if is_external && !settings.is_chosen {
        settings.by = MailBy::Off;
    }
    if settings.by == MailBy::Outbox {
        settings.public_url.get_or_insert_with(|| base.to_owned());
    }
}

/// Sends mails from now on, until the other end of `stop` is dropped. The returned future comes to
/// its end with the last attempt.
///
/// # Errors
///
/// A sentence for people.
pub async fn start(
    app: &App,
    aws: &Aws,
    table: &Table,
    stop: oneshot::Receiver<()>,
) -> Result<impl Future<Output = ()> + use<>, String> {
    let transport = Transport::of(app.config(), async || aws.ses().await).await?;
    // On Cloud Run a process has no processor after its answers. The mail function beside the table
    // sends there, except where the mails go to a webhook.
    let sends_here = !app.config().on_cloud_run || app.config().mail.by == MailBy::Webhook;
    let sender = transport.filter(|_| sends_here).map(|transport| Mailer::new(app.clone(), transport));
    let leftovers = match &sender {
        Some(_) if table.is_embedded() => app.store().waiting_mails().await.map_err(|error| error.cause())?,
        _ => Vec::new(),
    };
    let told = sender.as_ref().and_then(|_| app.mails().listen());
    let looks_at = table.is_embedded().then(|| app.clone());
    Ok(async move {
        let (Some(sender), Some(told)) = (sender, told) else { return };
        let stopped = async { drop(stop.await) };
        let draining = drain(sender, leftovers, told, stopped);
        let looking = async {
            if let Some(app) = &looks_at {
                look(app).await;
            }
            // A table elsewhere is not this process's to search.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = draining => {}
            () = looking => {}
        }
    })
}

/// Looks for mails that nobody told of in this process, for ever.
async fn look(app: &App) {
    loop {
        time::sleep(LOOK_EVERY).await;
        match app.store().waiting_mails().await {
            Ok(ids) => ids.iter().for_each(|id| app.mails().tell(id)),
            Err(error) => tracing::error!(cause = error.cause(), "the table cannot be searched for mails"),
        }
    }
}
