//! Requests through the server of `latchkey serve` on a TCP port, byte by byte as they were sent.

use axum::http::Method;
use latchkey::serve::{connections::Bounds, front::Front};
use serde_json::Value;
use shared::testing::Service;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, BufReader},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use super::{API_KEY, service, with_body};

/// A port of this machine with the server behind it. The stop signal comes when it is dropped.
pub struct Port {
    address: std::net::SocketAddr,
    _stop: watch::Sender<bool>,
    _served: JoinHandle<()>,
}

impl Port {
    pub async fn of(service: &Service) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (sender, receiver) = watch::channel(false);
        let front = Front::new(latchkey::router(), service.app().clone(), Bounds { all: 100, of_caller: Some(100) });
        let served = tokio::spawn(async move { front.run(listener, receiver).await });
        Self { address, _stop: sender, _served: served }
    }

    pub async fn connect(&self) -> Connection {
        let stream = TcpStream::connect(self.address).await.unwrap();
        // Without this, the kernel holds a body back until its head is acknowledged.
        stream.set_nodelay(true).unwrap();
        let (input, output) = stream.into_split();
        Connection { input: BufReader::new(input), output: Some(output) }
    }
}

/// A connection that is kept for many requests.
pub struct Connection {
    input: BufReader<OwnedReadHalf>,
    output: Option<OwnedWriteHalf>,
}

impl Connection {
    async fn send(&mut self, bytes: &[u8]) {
        self.output.as_mut().unwrap().write_all(bytes).await.unwrap();
    }

    /// Tells the server that nothing more comes. Answers can still be read.
    fn end(&mut self) {
        self.output = None;
    }

    /// Reads one answer: its status and its body. An interim answer has no body.
    async fn answer(&mut self) -> (u16, Value) {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.input.read_u8().await.unwrap());
        }
        let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let length = head.split("content-length: ").nth(1).map_or("0", |rest| rest.split("\r\n").next().unwrap());
        let mut body = vec![0; length.parse().unwrap()];
        self.input.read_exact(&mut body).await.unwrap();
        (status, if body.is_empty() { Value::Null } else { serde_json::from_slice(&body).unwrap() })
    }

    async fn is_closed(&mut self) -> bool {
        self.input.read_u8().await.is_err()
    }

    /// Sends a request with the length of its body, and reads the answer.
    pub async fn call(&mut self, method: &Method, path: &str, headers: &[(&str, &str)], body: &[u8]) -> (u16, Value) {
        self.send(&head(method, path, headers, &format!("content-length: {}", body.len()))).await;
        self.send(body).await;
        self.answer().await
    }
}

/// The head of a request.
fn head(method: &Method, path: &str, headers: &[(&str, &str)], framing: &str) -> Vec<u8> {
    let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\n{headers}{framing}\r\n\r\n").into_bytes()
}

/// The chunks of a body, of at most three bytes each.
fn chunked(body: &[u8]) -> Vec<u8> {
    let chunks = body.chunks(3).map(|chunk| [format!("{:x}\r\n", chunk.len()).as_bytes(), chunk, b"\r\n"].concat());
    chunks.chain([b"0\r\n\r\n".to_vec()]).flatten().collect()
}

const COMMENT: &[u8] = br#"{"email": "a"} // x"#;
const COMMENT_IS_TOLD: &str =
    "The body is not valid JSON: in line 1, column 16, a comment stands there, and JSON has none.";

/// A body that is read, at each path: the method, the path and the headers of a caller.
async fn places(service: &Service) -> Vec<(Method, &'static str, String)> {
    let paths = with_body(service).await;
    paths
        .into_iter()
        .map(|(method, path, token)| (method, path, format!("Bearer {}", token.as_str().unwrap())))
        .collect()
}

fn sender(token: &str) -> [(&str, &str); 3] {
    [("authorization", token), ("x-api-key", API_KEY), ("content-type", "application/json")]
}

#[track_caller]
fn assert_refused(answer: (u16, Value), status: u16, code: &str, message: &str, place: &str) {
    let (told, body) = answer;
    let text = |name: &str| body[name].as_str().unwrap_or_default();
    assert_eq!((told, text("code"), text("message")), (status, code, message), "{place}: {body:#}");
}

#[tokio::test]
async fn a_body_in_chunks_and_one_that_was_announced_are_read_as_any_other() {
    let service = service().await;
    let port = Port::of(&service).await;
    for (method, path, token) in places(&service).await {
        let mut connection = port.connect().await;
        connection.send(&head(&method, path, &sender(&token), "transfer-encoding: chunked")).await;
        connection.send(&chunked(COMMENT)).await;
        assert_refused(connection.answer().await, 400, "invalid_request", COMMENT_IS_TOLD, path);

        let framing = format!("expect: 100-continue\r\ncontent-length: {}", COMMENT.len());
        connection.send(&head(&method, path, &sender(&token), &framing)).await;
        assert_eq!(connection.answer().await, (100, Value::Null), "{path}");
        connection.send(COMMENT).await;
        assert_refused(connection.answer().await, 400, "invalid_request", COMMENT_IS_TOLD, path);

        let framing = "expect: 100-continue\r\ntransfer-encoding: chunked";
        connection.send(&head(&method, path, &sender(&token), framing)).await;
        assert_eq!(connection.answer().await, (100, Value::Null), "{path}");
        connection.send(&chunked(COMMENT)).await;
        assert_refused(connection.answer().await, 400, "invalid_request", COMMENT_IS_TOLD, path);
        // The connection is good for the next request.
        assert_eq!(connection.call(&Method::GET, "/health", &[], b"").await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_body_that_is_too_large_in_chunks_is_413_and_the_next_request_is_served() {
    let service = service().await;
    let port = Port::of(&service).await;
    for (method, path, token) in places(&service).await {
        let mut connection = port.connect().await;
        connection.send(&head(&method, path, &sender(&token), "transfer-encoding: chunked")).await;
        connection.send(format!("4001\r\n{}\r\n0\r\n\r\n", " ".repeat(0x4001)).as_bytes()).await;
        let (status, body) = connection.answer().await;
        assert_eq!((status, &body["code"]), (413, &"payload_too_large".into()), "{path}");
        assert_eq!(connection.call(&Method::GET, "/health", &[], b"").await.0, 200, "{path}");
    }
}

#[tokio::test]
async fn a_length_that_is_not_the_bodys_is_answered() {
    const CUT_OFF: &str =
        "The body is not valid JSON: in line 1, column 6, the end comes within a text in quotation marks.";
    let service = service().await;
    let port = Port::of(&service).await;
    for (method, path, token) in places(&service).await {
        // The length is larger: the client ends while the server waits for the rest.
        let mut connection = port.connect().await;
        connection.send(&head(&method, path, &sender(&token), "content-length: 100")).await;
        connection.send(COMMENT).await;
        connection.end();
        let told = "The body could not be read to its end.";
        assert_refused(connection.answer().await, 400, "invalid_request", told, path);
        assert!(connection.is_closed().await, "{path}");

        // The chunks have no end.
        let mut connection = port.connect().await;
        connection.send(&head(&method, path, &sender(&token), "transfer-encoding: chunked")).await;
        connection.send(b"4\r\n{\"em").await;
        connection.end();
        assert_refused(connection.answer().await, 400, "invalid_request", told, path);

        // The length is smaller: the rest cannot be the next request.
        let mut connection = port.connect().await;
        connection.send(&head(&method, path, &sender(&token), "content-length: 5")).await;
        connection.send(COMMENT).await;
        assert_refused(connection.answer().await, 400, "invalid_request", CUT_OFF, path);
        let (status, body) = connection.answer().await;
        assert_eq!((status, &body["code"]), (400, &"invalid_request".into()), "{path}: {body}");
        assert!(connection.is_closed().await, "{path}");
    }
}

#[tokio::test]
async fn lengths_that_contradict_each_other_are_no_request() {
    let service = service().await;
    let port = Port::of(&service).await;
    for framing in [
        "content-length: 5\r\ncontent-length: 6",
        "content-length: five",
        "content-length: -1",
        "content-length: 5\r\ntransfer-encoding: chunked",
        "transfer-encoding: gzip",
    ] {
        let mut connection = port.connect().await;
        connection.send(&head(&Method::POST, "/login", &sender("Bearer x"), framing)).await;
        connection.send(b"5\r\n{\"a\":\r\n0\r\n\r\n").await;
        let (status, body) = connection.answer().await;
        assert_eq!((status, &body["code"]), (400, &"invalid_request".into()), "{framing}: {body}");
    }
}
