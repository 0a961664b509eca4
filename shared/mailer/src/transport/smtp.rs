//! SMTP (RFC 5321), over TLS unless the server is on this machine.

use std::time::Duration;

use lettre::{
    AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor,
    transport::smtp::{
        Error,
        authentication::Credentials,
        client::{Tls, TlsParameters},
        extension::ClientId,
    },
};
use shared::{
    App,
    error::chain,
    mail::smtp::{Security, SmtpServer},
    time::Timestamp,
};
use tokio::time;

use super::Failure;

/// The longest wait for a connection.
const CONNECT_TIME_MAX: Duration = Duration::from_secs(10);
/// The longest time of one mail, from the resolution of the name to the last answer.
const TIME_MAX: Duration = Duration::from_secs(30);
/// The answers to a user name and a password that are not accepted (RFC 4954 section 6). The
/// operator may set them right while the mail waits.
const WRONG_ACCOUNT: [u16; 4] = [530, 534, 535, 538];

/// Sends a message. Each one has its own connection.
pub(super) async fn send(app: &App, message: &Message, now: Timestamp) -> Result<(), Failure> {
    let secret = app.keys().mail_secret(now).await.map_err(|error| Failure::later(error.cause()))?;
    let text = secret.ok_or_else(|| Failure::later("SMTP_URL_SECRET_ID is not set"))?;
    let server = SmtpServer::parse(&text).map_err(|why| Failure::later(format!("SMTP_URL_SECRET_ID {why}")))?;
    let name = app.config().mail.from.as_ref().map_or("localhost", |from| from.domain());
    let transport = transport(&server, name).map_err(|error| failure(&error))?;
    match time::timeout(TIME_MAX, transport.send(message.clone())).await {
        Ok(sent) => sent.map(drop).map_err(|error| failure(&error)),
        Err(_) => Err(Failure::later("the server does not come to an end")),
    }
}

fn transport(server: &SmtpServer, name: &str) -> Result<AsyncSmtpTransport<Tokio1Executor>, Error> {
    let tls = || TlsParameters::new(server.host.clone());
    let tls = match server.security {
        Security::Tls => Tls::Wrapper(tls()?),
        Security::StartTls => Tls::Required(tls()?),
        Security::None => Tls::None,
    };
    let builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&server.host)
        .port(server.port)
        .tls(tls)
        .hello_name(ClientId::Domain(name.to_owned()))
        .timeout(Some(CONNECT_TIME_MAX));
    let account = server.account.as_ref();
    let account = account.map(|(user, password)| Credentials::new(user.clone(), password.to_string()));
    Ok(account.into_iter().fold(builder, |builder, account| builder.credentials(account)).build())
}

/// Tells a failure that lasts from one that passes. The text of the server may quote the address,
/// so only its code is kept.
fn failure(error: &Error) -> Failure {
    match error.status().map(u16::from) {
        Some(code) if WRONG_ACCOUNT.contains(&code) => Failure::later(format!("smtp_{code}_account")),
        Some(code) if error.is_permanent() => Failure::refused(format!("smtp_{code}")),
        Some(code) => Failure::later(format!("smtp_{code}")),
        None if error.is_timeout() => Failure::later("the server does not answer"),
        None if error.is_tls() => Failure::later("TLS with the server fails, or the server offers none"),
        // The operator may choose another server while the mail waits.
        None if error.is_client() && chain(error).contains("STARTTLS") => Failure::later("the server offers no TLS"),
        None if error.is_client() => Failure::refused("smtp_client"),
        None => Failure::later("the server cannot be reached, or ended the connection"),
    }
}
