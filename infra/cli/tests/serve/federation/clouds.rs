//! The servers that a process on Cloud Run asks, on one port of this machine: Google's metadata
//! server, STS and Secrets Manager.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::json;
use shared::time::Timestamp;

/// The token of the metadata server. It has three parts, as Google's tokens have.
pub const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiIxMDUifQ.c2lnbmF0dXJl";
/// The secret key that STS gives for the token.
pub const SECRET_ACCESS_KEY: &str = "secret-access-key-of-the-role";
/// The session token, which accompanies every request that is signed with the secret key.
pub const SESSION_TOKEN: &str = "session-token-of-the-role";
/// Longer than any wait for credentials.
const HANGS: Duration = Duration::from_secs(20);
/// Twice this time is longer than one attempt of the SDK, and shorter than all its attempts.
const SLOW: Duration = Duration::from_millis(900);

/// The behaviour of one of the servers.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Well,
    /// Closes the connection.
    Down,
    /// Answers correctly, after [`SLOW`].
    Slow,
    /// Reads the request, and does not answer.
    Hangs,
    /// Answers with something else, such as a web page.
    Garbage,
    /// Answers with a refusal.
    Refuses,
}

/// The behaviour of the servers, and a record of the requests.
pub struct Seen {
    pub metadata: State,
    pub sts: State,
    /// The life of the credentials, in seconds.
    pub life: u64,
    /// The number of tokens and of credentials that were given.
    pub tokens: usize,
    pub credentials: usize,
    /// The head of each request for a secret.
    pub secrets: Vec<String>,
    /// The value of the secret in Secrets Manager.
    pub secret: String,
}

/// The three servers.
pub struct Clouds {
    pub address: SocketAddr,
    seen: Arc<Mutex<Seen>>,
}

impl Clouds {
    /// Starts all servers in good health. Secrets Manager has the value `secret`.
    pub fn start(secret: String, life: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (metadata, sts) = (State::Well, State::Well);
        let seen = Seen { metadata, sts, life, tokens: 0, credentials: 0, secrets: Vec::new(), secret };
        let seen = Arc::new(Mutex::new(seen));
        let shared = seen.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let seen = shared.clone();
                // The client may be gone.
                thread::spawn(move || answer(stream, &seen));
            }
        });
        Self { address, seen }
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn are(&self, metadata: State, sts: State) {
        let mut seen = self.seen();
        (seen.metadata, seen.sts) = (metadata, sts);
    }
}

fn answer(mut stream: TcpStream, seen: &Mutex<Seen>) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        (reader.read_line(&mut head).ok()? > 0).then_some(())?;
    }
    let lower = head.to_ascii_lowercase();
    let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body).ok()?;
    let (state, reply) = reply(&head, &lower, &String::from_utf8_lossy(&body), &mut seen.lock().unwrap());
    match state {
        State::Down => return None,
        State::Slow => thread::sleep(SLOW),
        State::Hangs => thread::sleep(HANGS),
        State::Well | State::Garbage | State::Refuses => {}
    }
    let (status, kind, text) = reply;
    let head = format!("HTTP/1.1 {status}\r\ncontent-type: {kind}\r\nmetadata-flavor: Google\r\nconnection: close");
    write!(stream, "{head}\r\ncontent-length: {}\r\n\r\n{text}", text.len()).ok()
}

type Reply = (u16, &'static str, String);

fn reply(head: &str, lower: &str, body: &str, seen: &mut Seen) -> (State, Reply) {
    const IDENTITY: &str =
        "/computeMetadata/v1/instance/service-accounts/default/identity?audience=sts.amazonaws.com&format=full";
    if head.starts_with(&format!("GET {IDENTITY} ")) {
        let (state, reply) = (seen.metadata, |status, text: &str| (status, "text/html", text.to_owned()));
        let answer = match state {
            // Refuses a request without the header, as Google's server does.
            _ if !lower.contains("metadata-flavor: google\r\n") => reply(403, "Missing header"),
            State::Garbage => reply(200, "<html>Sign in to the hotel's network</html>"),
            State::Refuses => reply(404, "Not Found"),
            State::Well | State::Slow | State::Down | State::Hangs => reply(200, TOKEN),
        };
        seen.tokens += usize::from(answer.0 == 200 && [State::Well, State::Slow].contains(&state));
        (state, answer)
    } else if body.starts_with("Action=AssumeRoleWithWebIdentity&") {
        let is_right = [
            format!("WebIdentityToken={TOKEN}"),
            "RoleArn=arn%3Aaws%3Aiam%3A%3A123456789012%3Arole%2Flatchkey".to_owned(),
            "RoleSessionName=latchkey".to_owned(),
        ];
        let is_right = is_right.iter().all(|part| body.split('&').any(|given| given == part));
        let (state, reply) = (seen.sts, |status, text: String| (status, "text/xml", text));
        let answer = match state {
            State::Garbage => reply(200, "<AssumeRole".to_owned()),
            State::Well | State::Slow | State::Down | State::Hangs if is_right => reply(200, credentials(seen.life)),
            _ => reply(
                403,
                "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>Not authorized to perform \
                 sts:AssumeRoleWithWebIdentity</Message></Error></ErrorResponse>"
                    .to_owned(),
            ),
        };
        seen.credentials += usize::from(answer.0 == 200 && [State::Well, State::Slow].contains(&state));
        (state, answer)
    } else if lower.contains("x-amz-target: secretsmanager.getsecretvalue\r\n") {
        seen.secrets.push(head.to_owned());
        let answer =
            json!({"Name": "keys", "VersionId": "v", "SecretString": seen.secret, "VersionStages": ["AWSCURRENT"]});
        (State::Well, (200, "application/x-amz-json-1.1", answer.to_string()))
    } else {
        (State::Well, (404, "text/plain", "nobody asks this".to_owned()))
    }
}

/// Credentials in the format of STS (API reference, AssumeRoleWithWebIdentity, example).
fn credentials(life: u64) -> String {
    let end = latchkey::deployment::now() + Duration::from_secs(life);
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\">\
         <AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>ASIAOFTHEROLE</AccessKeyId>\
         <SecretAccessKey>{SECRET_ACCESS_KEY}</SecretAccessKey><SessionToken>{SESSION_TOKEN}</SessionToken>\
         <Expiration>{}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        Timestamp::rfc3339(end)
    )
}
