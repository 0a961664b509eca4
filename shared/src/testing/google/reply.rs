//! Replies of the certificate endpoint, and the ways to deliver them.

use std::{
    io,
    time::{Duration, SystemTime},
};

use ::time::{OffsetDateTime, macros::format_description};
use serde_json::{Map, Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time,
};

use super::certificate;

/// More than any valid document of keys.
const FLOOD_BYTES: usize = 10 * 1024 * 1024;
/// The pause between two bytes of a trickled reply. A kilobyte takes ten seconds.
const TRICKLE_PAUSE: Duration = Duration::from_millis(10);

/// A reply of the endpoint.
#[derive(Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
    /// Seconds from the time of sending to the time that `Date` tells.
    date_offset: Option<i64>,
    pub(super) delivery: Delivery,
}

/// The delivery of a reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// Complete and at once.
    Whole,
    /// Complete, after this time.
    After(Duration),
    /// The connection is refused.
    Refused,
    /// The connection is reset after the request.
    Reset,
    /// The connection is accepted, and no reply comes.
    Never,
    /// The head comes, and then nothing.
    HeadAlone,
    /// One byte at a time.
    Trickled,
    /// The complete body, but shorter than its Content-Length.
    CutShort,
    /// The complete body in one chunk, without the final chunk.
    CutShortInChunks,
    /// The body and 10 MB of white space, as the Content-Length says.
    Flooded,
    /// The body and endless white space, without a Content-Length.
    Endless,
    /// Endless interim answers (1xx).
    Interim,
    /// Bytes that are not HTTP.
    Garbled,
}

impl Reply {
    /// A reply with this status and body, without caching headers.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("Content-Type", "application/json; charset=UTF-8".to_owned())];
        Self { status, headers, body: body.into(), date_offset: None, delivery: Delivery::Whole }
    }

    /// The certificates of these keys with these key ids, valid for an hour.
    pub fn certificates(keys: &[(usize, &str)]) -> Self {
        let map: Map<String, Value> =
            keys.iter().map(|(index, kid)| ((*kid).to_owned(), certificate(*index).pem().into())).collect();
        Self::new(200, Value::Object(map).to_string()).good_for(3_600)
    }

    /// These keys as a JWK set, valid for an hour.
    pub fn jwk_set(keys: &[(usize, &str)]) -> Self {
        let keys: Vec<Value> = keys.iter().map(|(index, kid)| certificate(*index).jwk(kid)).collect();
        Self::new(200, json!({"keys": keys}).to_string()).good_for(3_600)
    }

    /// Sets the lifetime in seconds, with a Cache-Control header like Google's.
    pub fn good_for(self, seconds: u64) -> Self {
        self.header("Cache-Control", format!("public, max-age={seconds}, must-revalidate, no-transform"))
    }

    /// Sets a header. An empty value removes the header.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        let value = value.into();
        self.headers.retain(|(known, _)| *known != name);
        if !value.is_empty() {
            self.headers.push((name, value));
        }
        self
    }

    /// Adds a `Date` when the reply is sent, this many seconds later than the time of sending.
    pub fn dated(mut self, offset_seconds: i64) -> Self {
        self.date_offset = Some(offset_seconds);
        self
    }

    /// Sets the delivery.
    pub fn delivered(mut self, delivery: Delivery) -> Self {
        self.delivery = delivery;
        self
    }

    pub(super) async fn send(&self, mut stream: TcpStream) -> io::Result<()> {
        read_request(&mut stream).await?;
        let (body, whole) = (self.body.as_slice(), self.body.len());
        match self.delivery {
            // A refused connection never gets here.
            Delivery::Refused => {}
            Delivery::Reset => stream.set_zero_linger()?,
            Delivery::Never => silence().await,
            Delivery::Whole => stream.write_all(&self.text(Some(whole))).await?,
            Delivery::After(time) => {
                time::sleep(time).await;
                stream.write_all(&self.text(Some(whole))).await?;
            }
            Delivery::HeadAlone => {
                stream.write_all(self.head(Some(whole)).as_bytes()).await?;
                silence().await;
            }
            Delivery::Trickled => {
                for byte in self.text(Some(whole)) {
                    stream.write_all(&[byte]).await?;
                    time::sleep(TRICKLE_PAUSE).await;
                }
            }
            Delivery::CutShort => stream.write_all(&self.text(Some(whole + 1))).await?,
            Delivery::CutShortInChunks => {
                let head = self.clone().header("Transfer-Encoding", "chunked").head(None);
                stream.write_all(format!("{head}{whole:x}\r\n").as_bytes()).await?;
                stream.write_all(&[body, b"\r\n"].concat()).await?;
            }
            Delivery::Flooded => {
                stream.write_all(&self.text(Some(whole + FLOOD_BYTES))).await?;
                stream.write_all(&vec![b' '; FLOOD_BYTES]).await?;
            }
            Delivery::Endless => {
                stream.write_all(&self.text(None)).await?;
                loop {
                    stream.write_all(&[b' '; 4_096]).await?;
                }
            }
            Delivery::Interim => loop {
                stream.write_all("HTTP/1.1 103 Early Hints\r\n\r\n".repeat(200).as_bytes()).await?;
            },
            Delivery::Garbled => stream.write_all(b"SSH-2.0-OpenSSH_9.9\r\n").await?,
        }
        stream.shutdown().await
    }

    fn head(&self, length: Option<usize>) -> String {
        let mut lines = vec![format!("HTTP/1.1 {} Status", self.status)];
        lines.extend(self.headers.iter().map(|(name, value)| format!("{name}: {value}")));
        lines.extend(self.date_offset.map(|seconds| format!("Date: {}", date(seconds))));
        lines.extend(length.map(|length| format!("Content-Length: {length}")));
        lines.push("Connection: close\r\n\r\n".to_owned());
        lines.join("\r\n")
    }

    fn text(&self, length: Option<usize>) -> Vec<u8> {
        [self.head(length).as_bytes(), &self.body].concat()
    }
}

/// Writes the time in this many seconds as HTTP does (RFC 9110 section 5.6.7).
fn date(seconds: i64) -> String {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    #[expect(clippy::disallowed_methods, reason = "the clock of another server")]
    let now = OffsetDateTime::from(SystemTime::now());
    (now + ::time::Duration::seconds(seconds)).format(format).expect("a date")
}

/// Reads to the end of the head. A GET has no body.
async fn read_request(stream: &mut TcpStream) -> io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    Ok(())
}

/// Waits longer than any client.
async fn silence() {
    time::sleep(Duration::from_secs(3_600)).await;
}
