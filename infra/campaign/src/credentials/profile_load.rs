//! A load of profile changes at a fixed rate, whether or not the answers come in time.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde_json::{Value, json};
use shared::testing::Service;
use tokio::{
    sync::oneshot,
    task::{JoinHandle, JoinSet},
    time,
};

use crate::requests::Request;

/// The number of changes in a second.
pub const RATE: u32 = 100;

/// A running load on one account.
pub struct ProfileLoad {
    session: Arc<Mutex<Value>>,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Vec<u16>>,
}

impl ProfileLoad {
    /// Starts to change name and metadata by turns, with the access token of this session.
    pub fn start(service: &Arc<Service>, session: Value) -> Self {
        let session = Arc::new(Mutex::new(session));
        let (stop, stopped) = oneshot::channel();
        let running = tokio::spawn(load(Arc::clone(service), Arc::clone(&session), stopped));
        Self { session, stop, running }
    }

    /// Goes on with the access token of another session.
    pub fn go_on_with(&self, session: Value) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = session;
    }

    /// Stops, and returns the status of every answer.
    pub async fn stop(self) -> Vec<u16> {
        self.stop.send(()).expect("the load runs until now");
        self.running.await.expect("the load ends")
    }
}

async fn load(service: Arc<Service>, session: Arc<Mutex<Value>>, mut stopped: oneshot::Receiver<()>) -> Vec<u16> {
    let mut ticks = time::interval(Duration::from_secs(1) / RATE);
    let mut changes = JoinSet::new();
    for number in 0_u32.. {
        tokio::select! {
            _ = &mut stopped => break,
            _ = ticks.tick() => {}
        }
        let token = session.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let change = match number % 2 {
            0 => json!({"name": format!("Name {number}")}),
            _ => json!({"metadata": {"visits": number}}),
        };
        let request = Request::change_profile(&token, change);
        let service = Arc::clone(&service);
        changes.spawn(async move { request.send(&service).await.status.as_u16() });
    }
    changes.join_all().await
}
