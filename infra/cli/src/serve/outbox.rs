//! `/outbox`: the mails of a laptop, for the console.
//!
//! Whoever reads these mails can set the password of every account. So they are there only where
//! nobody but this machine reaches the server, and no page of another site reads them. A name that
//! an attacker points to this machine (DNS rebinding) is refused by the header `Host`.

use std::{
    fs,
    io::{self, ErrorKind},
    net::IpAddr,
    path::{Path, PathBuf},
};

use axum::{
    Extension, Json, Router,
    extract::{FromRequestParts, Path as PathOf, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header, request::Parts, uri::Authority},
    response::{IntoResponse, Response},
    routing::get,
};
use mail_parser::{Message, MessageParser};
use mailer::transport::OUTBOX;
use serde::Serialize;
use shared::{
    App,
    account::proof::Code,
    config::{Config, MailBy},
    error::Error,
    http::{client_ip::PeerAddr, contract::Document},
};
use tokio::task;

/// The most mails of a list, the newest first.
const LISTED_MAX: usize = 100;
/// The length of a mail's id, a UUID.
const ID_LENGTH: usize = 36;

/// The policy of a mail that is shown as people see it. It runs nothing and loads nothing, and its
/// origin is no page's. Its links open without that policy.
const POLICY: HeaderValue = HeaderValue::from_static(
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri \
     'none'; form-action 'none'; frame-ancestors 'none'",
);
/// The headers that proxies and tunnels add. A request through one comes from elsewhere.
const FORWARDED: [&str; 10] = [
    "cf-connecting-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-real-ip",
];

/// Whether a server that listens on `host` shows its outbox. It has one, and as far as the settings
/// tell, nobody but this machine reaches the server.
pub fn is_shown(host: IpAddr, config: &Config) -> bool {
    let is_alone = host.to_canonical().is_loopback() && config.is_of_one_machine();
    let has_proxy = config.on_cloud_run || config.http.behind_proxy || config.http.trusted_proxy_secret.is_some();
    is_alone && !has_proxy && config.http.console && config.mail.by == MailBy::Outbox
}

/// The routes of the outbox.
pub fn router() -> Router<App> {
    Router::new()
        .route("/outbox", get(page))
        .route("/outbox/mails", get(list))
        .route("/outbox/mails/{id}", get(mail))
        .route("/outbox/mails/{id}/html", get(html))
}

/// Extracts the fact that a person or a program of this machine makes the request, and no page of
/// another site.
struct ThisMachine;

impl FromRequestParts<App> for ThisMachine {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        let is_near = parts.extensions.get().is_some_and(|PeerAddr(peer)| peer.to_canonical().is_loopback());
        let is_direct = FORWARDED.iter().all(|name| !parts.headers.contains_key(*name));
        let is_named = parts.uri.authority().is_none_or(is_here);
        match is_near && is_direct && is_named && is_own(&parts.headers) {
            true => Ok(Self),
            false => Err(Error::CrossOrigin),
        }
    }
}

/// Whether the headers are those of a page of this server, of an address that somebody typed, or of
/// a program.
fn is_own(headers: &HeaderMap) -> bool {
    let mut hosts = headers.get_all(header::HOST).into_iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = Authority::try_from(host.as_bytes()) else { return false };
    let has_own_origin = |origin: &HeaderValue| origin.as_bytes() == format!("http://{host}").as_bytes();
    let has_own_site = |site: &HeaderValue| matches!(site.as_bytes(), b"same-origin" | b"none");
    is_here(&host)
        && headers.get_all(header::ORIGIN).iter().all(has_own_origin)
        && headers.get_all("sec-fetch-site").iter().all(has_own_site)
}

/// Whether a host is this machine, whatever a name server says.
fn is_here(host: &Authority) -> bool {
    let name = host.host().trim_start_matches('[').trim_end_matches(']');
    let is_loopback = name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback());
    !host.as_str().contains('@') && (is_loopback || name.eq_ignore_ascii_case("localhost"))
}

/// The mail in a list, with the parts that people look for.
#[derive(Serialize)]
struct Listed {
    /// The name of the file, without its ending.
    id: String,
    /// The time of the mail, empty if it has none.
    at: String,
    to: String,
    subject: String,
    /// The code, empty if the mail has none.
    code: String,
    /// The link, empty if the mail has none.
    link: String,
}

/// A mail with its text.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    listed: Listed,
    text: String,
}

#[derive(Serialize)]
struct List {
    /// The folder of the files.
    folder: String,
    mails: Vec<Listed>,
}

/// 307 to the page of the console.
async fn page() -> impl IntoResponse {
    (StatusCode::TEMPORARY_REDIRECT, Extension(Document), [(header::LOCATION, "/#/outbox")])
}

/// 200 with the newest mails.
async fn list(State(app): State<App>, _: ThisMachine) -> Result<Response, Error> {
    let folder = folder(&app);
    let shown = folder.display().to_string();
    let mails = task::spawn_blocking(move || newest(&folder)).await.map_err(Error::internal)?;
    let mails = mails.map_err(Error::internal)?;
    Ok((closed(), Json(List { folder: shown, mails })).into_response())
}

/// 200 with a mail and its text. 404 if there is none.
async fn mail(State(app): State<App>, _: ThisMachine, PathOf(id): PathOf<String>) -> Result<Response, Error> {
    let bytes = read(&app, &id).await?;
    let message = parsed(&bytes)?;
    let text = message.body_text(0).unwrap_or_default().into_owned();
    Ok((closed(), Json(Shown { listed: listed(id, &message), text })).into_response())
}

/// 200 with a mail as people see it. 404 if there is none.
async fn html(State(app): State<App>, _: ThisMachine, PathOf(id): PathOf<String>) -> Result<Response, Error> {
    let bytes = read(&app, &id).await?;
    let body = parsed(&bytes)?.body_html(0).unwrap_or_default().into_owned();
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    ];
    Ok((Extension(Document), closed(), headers, body).into_response())
}

/// The header by which no other site has an answer in one of its elements.
fn closed() -> [(HeaderName, HeaderValue); 1] {
    [(HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin"))]
}

fn folder(app: &App) -> PathBuf {
    app.config().serve.data_dir.join(OUTBOX)
}

/// The newest mails of a folder. A file that is no mail is passed over.
fn newest(folder: &Path) -> io::Result<Vec<Listed>> {
    let files = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        files => files?,
    };
    let names = files.filter_map(|file| file.ok()?.file_name().into_string().ok());
    let mut ids: Vec<String> = names.filter_map(|name| Some(name.strip_suffix(".eml")?.to_owned())).collect();
    // An id begins with its time.
    ids.sort_unstable_by(|one, other| other.cmp(one));
    let of_one = |id: String| {
        let bytes = fs::read(folder.join(format!("{id}.eml"))).ok().filter(|_| is_id(&id))?;
        parsed(&bytes).ok().map(|message| listed(id, &message))
    };
    Ok(ids.into_iter().filter_map(of_one).take(LISTED_MAX).collect())
}

/// The bytes of a mail.
async fn read(app: &App, id: &str) -> Result<Vec<u8>, Error> {
    if !is_id(id) {
        return Err(Error::NotFound(None));
    }
    let path = folder(app).join(format!("{id}.eml"));
    let bytes = task::spawn_blocking(move || fs::read(path)).await.map_err(Error::internal)?;
    bytes.map_err(|error| match error.kind() {
        ErrorKind::NotFound => Error::NotFound(None),
        _ => Error::internal(error),
    })
}

/// Whether a text has the form of a mail's id. No other text is made a part of a path.
fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// Reads a mail. Each mail of the outbox has a subject.
fn parsed(bytes: &[u8]) -> Result<Message<'_>, Error> {
    let message = MessageParser::default().parse(bytes);
    message.filter(|message| message.subject().is_some()).ok_or(Error::NotFound(None))
}

/// The parts of a mail for a list. The code is a line of its own, and so is the link.
fn listed(id: String, message: &Message<'_>) -> Listed {
    let text = message.body_text(0).unwrap_or_default();
    let line = |fits: fn(&str) -> bool| text.lines().map(str::trim).find(|line| fits(line)).unwrap_or_default();
    let to = message.to().and_then(|to| to.first()?.address().map(str::to_owned));
    Listed {
        id,
        at: message.date().map(mail_parser::DateTime::to_rfc3339).unwrap_or_default(),
        to: to.unwrap_or_default(),
        subject: message.subject().unwrap_or_default().to_owned(),
        code: line(|line| line.bytes().all(|byte| byte.is_ascii_digit()) && Code::parse(line).is_some()).to_owned(),
        link: line(|line| line.starts_with("http") && line.contains("/pages/")).to_owned(),
    }
}
