//! The connections of a server: how many there may be, and which one ends for another.

use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use shared::account::ip::IpKey;
use tokio::time::Instant;

use super::{
    limits::{CLOSING_MAX, CONNECTIONS_MAX, CONNECTIONS_OF_CALLER_MAX, DESCRIPTORS_RESERVED, REFUSALS_TOLD_EVERY},
    progress::Progress,
};

/// The bounds on the number of connections.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    /// The most connections in all.
    pub all: usize,
    /// The most connections of one caller. `None` behind a proxy, which is the only caller.
    pub of_caller: Option<usize>,
}

impl Bounds {
    /// The bounds of this process. Raises the limit of its file descriptors as far as it may.
    pub fn of_process(behind_proxy: bool) -> Self {
        let wanted = CONNECTIONS_MAX as u64 + DESCRIPTORS_RESERVED;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        let raised = maximum.map_or(wanted, |maximum| maximum.min(wanted));
        let granted = match current {
            Some(current) if current < raised => {
                let limit = Rlimit { current: Some(raised), maximum };
                if setrlimit(Resource::Nofile, limit).is_ok() { raised } else { current }
            }
            _ => raised,
        };
        let all = usize::try_from(granted.saturating_sub(DESCRIPTORS_RESERVED)).unwrap_or(CONNECTIONS_MAX);
        Self { all: all.clamp(1, CONNECTIONS_MAX), of_caller: (!behind_proxy).then_some(CONNECTIONS_OF_CALLER_MAX) }
    }
}

/// The list of connections.
pub struct Connections {
    bounds: Bounds,
    open: Mutex<Open>,
}

#[derive(Default)]
struct Open {
    next_id: u64,
    by_id: HashMap<u64, Entry>,
    /// The connections that were refused since the last line about them, and the time of that line.
    refused: u64,
    told_at: Option<Instant>,
}

struct Entry {
    caller: IpKey,
    progress: Arc<Progress>,
}

/// The place of a connection in the list. Dropping it gives the place back.
pub struct Place {
    connections: Arc<Connections>,
    id: u64,
}

impl Connections {
    /// An empty list.
    pub fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, open: Mutex::default() })
    }

    /// Makes place for a connection from this address. If there is none left, the connection ends
    /// that has kept the server waiting for the longest time. A caller with too many loses one of
    /// its own. `None` if all of them are being served, or many are ending already.
    pub fn admit(self: &Arc<Self>, ip: IpAddr, progress: &Arc<Progress>) -> Option<Place> {
        let (caller, mut open) = (IpKey::new(ip), self.open());
        let own = |entry: &Entry| entry.caller == caller;
        let has_room = self.bounds.of_caller.is_none_or(|most| open.has_room(most, own))
            && open.has_room(self.bounds.all, |_| true);
        if !has_room {
            open.tell_of_refusal();
            return None;
        }
        let id = open.next_id;
        open.next_id += 1;
        open.by_id.insert(id, Entry { caller, progress: Arc::clone(progress) });
        Some(Place { connections: Arc::clone(self), id })
    }

    /// Ends the connection that has kept the server waiting for the longest time, if there is one.
    pub fn make_room(&self) {
        self.open().evict(|_| true);
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Whether these connections are fewer than `most`, or one of them ends for another.
    fn has_room(&mut self, most: usize, among: impl Fn(&Entry) -> bool) -> bool {
        let open = self.by_id.values().filter(|entry| among(entry)).count();
        open < most || (open < most.saturating_add(CLOSING_MAX) && self.evict(among).is_some())
    }

    /// Logs refusals, but not each: an attack would fill the log.
    fn tell_of_refusal(&mut self) {
        self.refused += 1;
        if self.told_at.is_none_or(|told_at| told_at.elapsed() >= REFUSALS_TOLD_EVERY) {
            tracing::warn!(connections = self.refused, "too many connections: some were closed at once");
            (self.refused, self.told_at) = (0, Some(Instant::now()));
        }
    }

    fn evict(&mut self, among: impl Fn(&Entry) -> bool) -> Option<()> {
        let idle = self.by_id.iter().filter(|(_, entry)| among(entry));
        let idle = idle.filter_map(|(id, entry)| Some((entry.progress.idle_since()?, *id)));
        let (_, longest) = idle.min()?;
        self.by_id.get(&longest).map(|entry| entry.progress.evict())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().by_id.remove(&self.id);
    }
}
