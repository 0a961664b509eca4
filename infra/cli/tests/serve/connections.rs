//! Connections of slow, large, broken and hostile clients, over a pipe in memory and on a paused
//! clock. The client is at one end of the pipe and the server at the other.

use std::{net::IpAddr, time::Duration};

use axum::{Router, routing::get};
use latchkey::serve::{
    connections::Bounds,
    front::Front,
    limits::{
        ANSWER_TIME_MAX, BODY_TIME_MAX, HEAD_TIME_MAX, IDLE_TIME_BEHIND_PROXY_MAX, IDLE_TIME_MAX, READ_AWAY_BYTES_MAX,
    },
};
use serde_json::Value;
use shared::{App, testing::Service};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, DuplexStream},
    sync::watch,
    task::JoinHandle,
    time::{self, Instant},
};

const ROOMY: Bounds = Bounds { all: 100, of_caller: Some(100) };
const CALLER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));
/// A little time, for the rounding of timers.
const MOMENT: Duration = Duration::from_millis(50);

/// A server over an embedded DynamoDB. The stop signal comes when it is dropped.
struct Bench {
    front: Front,
    stop: watch::Sender<bool>,
}

impl Bench {
    async fn of(router: Router<App>, variables: &[(&str, &str)], bounds: Bounds) -> Self {
        let service = Service::configured(Router::new(), variables).await;
        Self { front: Front::new(router, service.app().clone(), bounds), stop: watch::Sender::new(false) }
    }

    async fn new() -> Self {
        Self::of(latchkey::router(), &[], ROOMY).await
    }

    /// A connection from this address, with the task that serves it. `None` if it is refused.
    fn connect_from(&self, ip: IpAddr, buffer: usize) -> Option<(Client, JoinHandle<()>)> {
        let (client, server) = tokio::io::duplex(buffer);
        let served = self.front.connect(server, ip, self.stop.subscribe())?;
        Some((Client(client), tokio::spawn(served)))
    }

    fn connect(&self) -> Client {
        self.connect_from(CALLER, 64 * 1024).unwrap().0
    }
}

/// The client's end of a connection.
struct Client(DuplexStream);

/// An answer on the wire.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: Value,
}

impl Client {
    async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads one answer. `None` at the end of the connection.
    async fn answer(&mut self) -> Option<Answer> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            match self.0.read_u8().await {
                Ok(byte) => head.push(byte),
                Err(error) => {
                    assert!(head.is_empty(), "cut off after {:?}: {error}", String::from_utf8_lossy(&head));
                    return None;
                }
            }
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let length = head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
        let mut body = vec![0; length.parse().unwrap()];
        self.0.read_exact(&mut body).await.unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Some(Answer { status, body: serde_json::from_slice(&body).unwrap(), head })
    }

    /// Reads an answer with this status and error code.
    async fn refused(&mut self, status: u16, code: &str) -> Answer {
        let answer = self.answer().await.unwrap();
        let text = |key: &str| answer.body.get(key).and_then(Value::as_str).unwrap();
        assert_eq!((answer.status, text("code")), (status, code), "{answer:?}");
        assert!(answer.head.contains("application/json") && answer.head.contains("nosniff"), "{}", answer.head);
        assert!(answer.head.contains(text("request_id")), "{answer:?}");
        answer
    }

    /// Asks for /health, and returns whether the answer came.
    async fn is_served(&mut self) -> bool {
        self.0.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await.is_ok()
            && self.answer().await.is_some_and(|answer| answer.status == 200)
    }

    /// Whether the server has closed the connection.
    async fn is_closed(&mut self) -> bool {
        time::timeout(MOMENT, self.0.read_u8()).await.is_ok_and(|byte| byte.is_err())
    }
}

/// A POST with a body of blanks.
fn post(path: &str, bytes: usize) -> String {
    format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {bytes}\r\n\r\n{}", " ".repeat(bytes))
}

#[tokio::test(start_paused = true)]
async fn a_half_sent_head_is_answered_after_its_time_however_it_trickles() {
    let bench = Bench::new().await;
    let (started, mut client) = (Instant::now(), bench.connect());
    client.send("GET /health HTTP/1.1\r\nx: ").await;
    for _ in 0..9 {
        time::sleep(Duration::from_secs(1)).await;
        client.send("x").await;
    }
    client.refused(408, "request_timeout").await;
    assert!((HEAD_TIME_MAX..HEAD_TIME_MAX + MOMENT).contains(&started.elapsed()), "{:?}", started.elapsed());
    assert!(client.is_closed().await);
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_a_request_is_closed_without_a_word() {
    let proxy = [("BEHIND_PROXY", "true")];
    for (variables, first, next) in
        [(&[][..], HEAD_TIME_MAX, IDLE_TIME_MAX), (&proxy, IDLE_TIME_BEHIND_PROXY_MAX, IDLE_TIME_BEHIND_PROXY_MAX)]
    {
        let bench = Bench::of(latchkey::router(), variables, ROOMY).await;
        let (since, mut new) = (Instant::now(), bench.connect());
        assert!(new.answer().await.is_none());
        assert!((first..first + MOMENT).contains(&since.elapsed()), "{:?}", since.elapsed());
        let mut used = bench.connect();
        assert!(used.is_served().await);
        time::sleep(next - MOMENT).await;
        assert!(used.is_served().await, "a proxy may use its connection until here");
        let since = Instant::now();
        assert!(used.answer().await.is_none());
        assert!((next..next + MOMENT).contains(&since.elapsed()), "{:?}", since.elapsed());
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_body_is_answered_after_its_time_on_every_path() {
    let bench = Bench::new().await;
    for (path, status, code) in [
        ("/login", 408, "request_timeout"),
        ("/create-account", 408, "request_timeout"),
        ("/nothing", 404, "not_found"),
    ] {
        let (started, mut client) = (Instant::now(), bench.connect());
        client.send(format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 16000\r\n\r\n{{")).await;
        for _ in 0..9 {
            time::sleep(Duration::from_secs(1)).await;
            client.send(" ").await;
        }
        let answer = client.refused(status, code).await;
        assert!((BODY_TIME_MAX..BODY_TIME_MAX + MOMENT).contains(&started.elapsed()), "{:?}", started.elapsed());
        assert!(answer.head.contains("connection: close"), "{}", answer.head);
        assert!(client.is_closed().await);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_is_too_large_is_read_away_and_the_next_request_is_served() {
    let bench = Bench::new().await;
    let mut client = bench.connect();
    for bytes in [16 * 1024 + 1, 100_000, 3_000_000, READ_AWAY_BYTES_MAX] {
        let answer = {
            let sending = post("/login", bytes);
            client.send(sending).await;
            client.refused(413, "payload_too_large").await
        };
        assert!(!answer.head.contains("connection: close"), "{}", answer.head);
        assert!(client.is_served().await, "{bytes}");
    }
    // Nothing of the body stands before the next request, whatever the refusal was.
    for (path, status, code) in
        [("/nothing", 404, "not_found"), ("/health", 405, "method_not_allowed"), ("/me/password", 401, "token_missing")]
    {
        client.send(post(path, 500_000)).await;
        client.refused(status, code).await;
        assert!(client.is_served().await, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn requests_that_were_sent_behind_a_refused_body_are_answered_too() {
    let bench = Bench::new().await;
    let mut client = bench.connect();
    let chunked = format!(
        "POST /login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n8000\r\n{}\r\n0\r\n\r\n",
        " ".repeat(0x8000)
    );
    let health = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    client.send([&post("/login", 20_000), health, &*chunked, health].concat()).await;
    for status in [413, 200, 413, 200] {
        assert_eq!(client.answer().await.unwrap().status, status);
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_beyond_all_bounds_is_refused_while_its_client_still_sends() {
    let bench = Bench::new().await;
    let Client(io) = bench.connect();
    let (mut reader, mut writer) = tokio::io::split(io);
    let sending = tokio::spawn(async move {
        let head = format!("POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n", READ_AWAY_BYTES_MAX * 10);
        writer.write_all(head.as_bytes()).await.unwrap();
        // A client that sends everything before it reads: it must not be cut off by a reset.
        for _ in 0..(READ_AWAY_BYTES_MAX * 2) / 65_536 {
            writer.write_all(&[b' '; 65_536]).await.unwrap();
        }
    });
    sending.await.unwrap();
    let mut answer = String::new();
    reader.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("payload_too_large"), "{answer}");
    assert!(answer.to_ascii_lowercase().contains("connection: close"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_asks_before_it_sends_is_told_at_once() {
    let bench = Bench::new().await;
    let mut client = bench.connect();
    let head = |bytes: usize| {
        format!("POST /login HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {bytes}\r\n\r\n")
    };
    client.send(head(20)).await;
    let mut hundred = [0; 25];
    client.0.read_exact(&mut hundred).await.unwrap();
    assert_eq!(&hundred, b"HTTP/1.1 100 Continue\r\n\r\n");
    client.send(" ".repeat(20)).await;
    client.refused(400, "invalid_request").await;
    client.send(head(100_000)).await;
    let answer = client.refused(413, "payload_too_large").await;
    assert!(answer.head.contains("connection: close"), "{}", answer.head);
}

#[tokio::test(start_paused = true)]
async fn bytes_that_make_no_request_get_a_whole_answer() {
    let bench = Bench::new().await;
    let many = "x: y\r\n".repeat(101);
    for (bytes, status, code) in [
        ("\u{1}\u{2}\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /health HTTP/9.9\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /health HTTP/1.1\r\nno header\r\n\r\n".to_owned(), 400, "invalid_request"),
        ("GET /health HTTP/1.1\r\ncontent-length: -1\r\n\r\n".to_owned(), 400, "invalid_request"),
        (format!("GET /health HTTP/1.1\r\n{many}\r\n"), 431, "headers_too_large"),
        (format!("GET /health HTTP/1.1\r\nx: {}", "y".repeat(33_000)), 431, "headers_too_large"),
        (format!("GET /{} HTTP/1.1\r\n", "y".repeat(33_000)), 431, "headers_too_large"),
    ] {
        // On a new connection, and behind a request that was answered.
        for is_first in [true, false] {
            let mut client = bench.connect();
            assert!(is_first || client.is_served().await);
            client.send(&bytes).await;
            let answer = client.refused(status, code).await;
            assert!(answer.head.contains("connection: close"), "{}", answer.head);
            assert!(client.is_closed().await);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn http_2_is_not_spoken() {
    let bench = Bench::new().await;
    let mut client = bench.connect();
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").await;
    assert!(client.answer().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_nobody_reads_ends_the_connection() {
    let bench = Bench::new().await;
    let (mut client, served) = bench.connect_from(CALLER, 100).unwrap();
    let started = Instant::now();
    client.send("GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await;
    served.await.unwrap();
    assert!(started.elapsed() >= ANSWER_TIME_MAX, "{:?}", started.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_caller_with_too_many_connections_loses_the_one_that_waited_longest() {
    let bench = Bench::of(latchkey::router(), &[], Bounds { all: 5, of_caller: Some(3) }).await;
    let connect = |ip| bench.connect_from(ip, 64 * 1024).unwrap().0;
    let mut stranger = connect(OTHER);
    assert!(stranger.is_served().await);
    let mut own = Vec::new();
    for _ in 0..3 {
        time::sleep(MOMENT).await;
        own.push(connect(CALLER));
    }
    time::sleep(MOMENT).await;
    own[0].send("GET /hea").await;
    time::sleep(MOMENT).await;
    assert!(own[1].is_served().await, "it waits since now");
    let mut fourth = connect(CALLER);
    assert!(fourth.is_served().await);
    assert!(own[2].is_closed().await, "it waited longest");
    assert!(own[1].is_served().await && stranger.is_served().await);
    own[0].send("lth HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_eq!(own[0].answer().await.unwrap().status, 200);
}

#[tokio::test(start_paused = true)]
async fn the_last_place_is_taken_from_whoever_waits_and_never_from_a_request_under_way() {
    let router = latchkey::router().route("/hangs", get(async || time::sleep(Duration::from_secs(5)).await));
    let bench = Bench::of(router, &[], Bounds { all: 3, of_caller: None }).await;
    let connect = || bench.connect_from(CALLER, 64 * 1024);
    let mut slow = connect().unwrap().0;
    slow.send("POST /login HTTP/1.1\r\nhost: x\r\ncontent-length: 10\r\n\r\n{").await;
    let mut at_work = Vec::new();
    for _ in 0..3 {
        time::sleep(MOMENT).await;
        let mut client = connect().unwrap().0;
        client.send("GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n").await;
        at_work.push(client);
    }
    time::sleep(MOMENT).await;
    slow.refused(408, "request_timeout").await;
    assert!(connect().is_none(), "every place is in use by a request");
    for client in &mut at_work {
        assert_eq!(client.answer().await.unwrap().status, 200);
    }
    assert!(connect().unwrap().0.is_served().await);
}

#[tokio::test(start_paused = true)]
async fn a_stop_answers_what_is_under_way_and_closes_what_waits() {
    let router = latchkey::router().route("/hangs", get(async || time::sleep(Duration::from_secs(5)).await));
    let bench = Bench::of(router, &[], ROOMY).await;
    let (mut new, mut used, mut head, mut at_work) =
        (bench.connect(), bench.connect(), bench.connect(), bench.connect());
    assert!(used.is_served().await);
    head.send("GET /hea").await;
    at_work.send("GET /hangs HTTP/1.1\r\nhost: x\r\n\r\n").await;
    time::sleep(MOMENT).await;
    bench.stop.send_replace(true);
    assert!(new.is_closed().await && used.is_closed().await);
    head.refused(408, "request_timeout").await;
    let answer = at_work.answer().await.unwrap();
    assert!(answer.status == 200 && answer.head.contains("connection: close"), "{}", answer.head);
    assert!(at_work.is_closed().await);
}
