//! Hostile connections to a server as a process: half-sent heads, idle connections, slow bodies,
//! and bodies that are too large.
//!
//! Meanwhile another caller logs in, and every answer must come. Linux has
//! all of 127.0.0.0/8 on its loopback, so that each attacker and the caller have addresses of their
//! own.

mod oversized;

use std::{
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use latchkey::serve::limits::{CLOSING_MAX, CONNECTIONS_MAX, CONNECTIONS_OF_CALLER_MAX};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpSocket, TcpStream},
    task::JoinHandle,
    time::{self, Instant},
};

use crate::{Scale, client::Client, process::Process, report::Report, statistics::percentile_ms, wait_for};

/// The variables of the server. Its caller logs in again and again.
const VARIABLES: [(&str, &str); 2] = [("RATE_LIMITS", "off"), ("TOKEN_PROFILE", "access")];
/// The number of addresses of an attack from many.
const ATTACKERS: u8 = 16;
/// The pause between two bytes of a slow sender.
const TRICKLE: Duration = Duration::from_millis(500);
/// The pause before a connection is opened again that the server has closed.
const REOPENED_AFTER: Duration = Duration::from_secs(1);
/// The pause between two requests of the other caller.
const PAUSE: Duration = Duration::from_millis(50);
/// The most memory that all connections may cost, by `limits`.
const MEMORY_MAX_KIB: u64 = 160 * 1024;
/// A request of the other caller is slow beyond this time.
const SERVED_P99_MAX_MS: f64 = 5_000.0;
/// The sockets that are none of the attackers': the listeners, and those of the other caller.
const OWN_SOCKETS_MAX: usize = 32;
/// The descriptors that this process needs at the most.
const DESCRIPTORS: u64 = 8_192;

/// The kinds of hostile connections.
#[derive(Clone, Copy, Debug)]
enum Kind {
    /// A head that never ends.
    HalfHead,
    /// One request, and then nothing.
    Idle,
    /// A body that comes byte by byte.
    SlowBody,
}

/// Attacks from many addresses and from one, and sends bodies that are too large.
pub fn run(scale: Scale, report: &mut Report) {
    raise_descriptors();
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(&folder.path().join("data"), &VARIABLES);
    let counts = [
        (Kind::HalfHead, scale.of(400, 2_000)),
        (Kind::Idle, scale.of(400, 2_000)),
        (Kind::SlowBody, scale.of(40, 200)),
    ];
    let length = scale.of(Duration::from_secs(3), Duration::from_secs(60));
    wait_for(async {
        for addresses in [ATTACKERS, 1] {
            attack(&process, addresses, counts, length).await.report(addresses, scale, report);
        }
        oversized::run(scale, &process, report).await;
    });
}

/// Attacks from this many addresses for this time.
async fn attack(process: &Process, addresses: u8, counts: [(Kind, usize); 3], length: Duration) -> Attack {
    let address = process.server.address.parse().expect("an address");
    let client = process.client();
    let body = json!({"email": format!("caller{addresses}@example.com"), "password": "correct horse battery staple"});
    let created = client.post("/create-account", &body).await.expect("an answer");
    assert_eq!(created.status, 201, "{}", created.text);
    let memory_before_kib = process.memory_kib();
    let deadline = Instant::now() + length;
    let hostile: Vec<JoinHandle<()>> = counts
        .into_iter()
        .flat_map(|(kind, count)| (0..count).map(move |number| (kind, number)))
        .map(|(kind, number)| {
            let from = Ipv4Addr::new(127, 0, 1, u8::try_from(number % usize::from(addresses)).unwrap_or_default());
            tokio::spawn(hostile(kind, from.into(), address, deadline))
        })
        .collect();
    let served = other_caller(process, &body, deadline).await;
    for connection in hostile {
        connection.await.expect("it ends");
    }
    Attack { counts, length, memory_before_kib, served }
}

/// An attack that is over.
struct Attack {
    counts: [(Kind, usize); 3],
    length: Duration,
    memory_before_kib: u64,
    served: Served,
}

impl Attack {
    fn report(&self, addresses: u8, scale: Scale, report: &mut Report) {
        let Served { times, lost, sockets_max, memory_max_kib } = &self.served;
        let sent: Vec<String> = self.counts.iter().map(|(kind, count)| format!("{count} × {kind:?}")).collect();
        let from = if addresses == 1 { "one address".to_owned() } else { format!("{addresses} addresses") };
        let name = format!("{} from {from} for {} s", sent.join(", "), self.length.as_secs());
        let [p50, p99] = [0.5, 0.99].map(|share| percentile_ms(times, share));
        report.row(
            format!("{name}: logins of another caller"),
            format!("all served, p99 under {SERVED_P99_MAX_MS} ms"),
            format!("{} served, lost: {lost:?}, p50 {p50:.0} ms, p99 {p99:.0} ms", times.len()),
            lost.is_empty() && !times.is_empty() && (scale == Scale::Short || p99 < SERVED_P99_MAX_MS),
        );
        let bound = if addresses == 1 { CONNECTIONS_OF_CALLER_MAX } else { CONNECTIONS_MAX };
        report.row(
            format!("{name}: connections"),
            format!("at most {bound} are open, {CLOSING_MAX} about to close, and {OWN_SOCKETS_MAX} of others"),
            format!("{sockets_max} sockets at the most"),
            *sockets_max <= bound + CLOSING_MAX + OWN_SOCKETS_MAX,
        );
        report.row(
            format!("{name}: memory"),
            format!("at most {} MiB more than before", MEMORY_MAX_KIB / 1024),
            format!("{} MiB at the most, {} MiB before", memory_max_kib / 1024, self.memory_before_kib / 1024),
            memory_max_kib.saturating_sub(self.memory_before_kib) <= MEMORY_MAX_KIB,
        );
    }
}

/// Keeps one hostile connection open until the deadline. A connection that the server closes is
/// opened again.
async fn hostile(kind: Kind, from: IpAddr, to: SocketAddr, deadline: Instant) {
    while Instant::now() < deadline {
        let kept = async {
            let mut stream = connect(from, to).await?;
            match kind {
                Kind::HalfHead => trickle(&mut stream, "GET /health HTTP/1.1\r\nhost: x\r\nx-half: ").await,
                Kind::Idle => {
                    stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await?;
                    let mut answer = [0; 4096];
                    while stream.read(&mut answer).await? > 0 {}
                    Ok(())
                }
                Kind::SlowBody => {
                    trickle(&mut stream, "POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 16000\r\n\r\n").await
                }
            }
        };
        let _: Result<std::io::Result<()>, _> = time::timeout_at(deadline, kept).await;
        time::sleep(REOPENED_AFTER).await;
    }
}

/// Sends the beginning, and then a byte from time to time, until the server closes.
async fn trickle(stream: &mut TcpStream, beginning: &str) -> std::io::Result<()> {
    stream.write_all(beginning.as_bytes()).await?;
    loop {
        time::sleep(TRICKLE).await;
        stream.write_all(b"x").await?;
    }
}

async fn connect(from: IpAddr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    socket.connect(to).await
}

/// The requests of the other caller, and the state of the server beside them.
#[derive(Default)]
struct Served {
    times: Vec<Duration>,
    lost: Vec<String>,
    sockets_max: usize,
    memory_max_kib: u64,
}

/// Logs in until the deadline, over new connections and over one that is
/// kept.
async fn other_caller(process: &Process, credentials: &Value, deadline: Instant) -> Served {
    let (kept, mut served) = (process.client(), Served::default());
    while Instant::now() < deadline {
        for client in [&process.client(), &kept] {
            served.request(client, credentials).await;
        }
        served.sockets_max = served.sockets_max.max(process.open_sockets());
        served.memory_max_kib = served.memory_max_kib.max(process.memory_kib());
        time::sleep(PAUSE).await;
    }
    served
}

impl Served {
    async fn request(&mut self, client: &Client, credentials: &Value) {
        let started = Instant::now();
        match client.post("/login", credentials).await {
            Ok(answer) if answer.status == 200 => self.times.push(started.elapsed()),
            Ok(answer) => self.lost.push(format!("{}: {}", answer.status, answer.text)),
            Err(error) => self.lost.push(error),
        }
    }
}

/// Raises the limit of this process's descriptors, as far as it may.
fn raise_descriptors() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let current = Some(maximum.map_or(DESCRIPTORS, |maximum| maximum.min(DESCRIPTORS)));
    setrlimit(Resource::Nofile, Rlimit { current, maximum }).expect("a process may raise its own limit");
}
