//! The stop of a server, by a signal.

use std::{process, thread, time::Duration};

use tokio::{
    signal::unix::{SignalKind, signal},
    sync::watch,
};

/// The longest wait for open requests after a stop signal.
pub const STOP_TIME_MAX: Duration = Duration::from_secs(8);

/// Becomes true at the first SIGTERM or Ctrl-C. A second signal ends the process at once. The
/// handlers are in place when this function returns.
pub fn stop_signal() -> Result<watch::Receiver<bool>, String> {
    let mut terminate = signal(SignalKind::terminate()).map_err(|error| error.to_string())?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(|error| error.to_string())?;
    let (sender, receiver) = watch::channel(false);
    let mut stop_request = async move || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    tokio::spawn(async move {
        stop_request().await;
        // Runs in a thread of its own, because a log that nobody reads can block every other
        // thread.
        thread::spawn(|| {
            thread::sleep(STOP_TIME_MAX + Duration::from_secs(1));
            process::exit(1)
        });
        // If the server has failed, nobody receives this.
        let _ = sender.send(true);
        tracing::info!("stopping once open requests are answered; a second signal ends at once");
        stop_request().await;
        process::exit(1);
    });
    Ok(receiver)
}

/// Waits for the stop.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // An error means that the sender is gone, which is a stop too.
    let _ = stop.wait_for(|stop| *stop).await;
}
