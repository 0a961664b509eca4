//! A webhook, signed in the way of Standard Webhooks. Its owner sends the mail.

use std::{
    io,
    net::SocketAddr,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
    vec,
};

use bytes::Bytes;
use http::{Request, Uri, header};
use http_body_util::Full;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{
        Client,
        connect::{HttpConnector, dns::Name},
    },
    rt::TokioExecutor,
};
use serde::Serialize;
use shared::{
    App,
    config::MailSettings,
    error::chain,
    fetch::is_private,
    mail::{smtp::is_this_machine, webhook::WebhookSecret},
};
use tokio::{net::lookup_host, time};
use tower::Service;

use super::Failure;
use crate::Parcel;

/// The longest time of a call.
const TIME_MAX: Duration = Duration::from_secs(15);
/// The cause of a call that is not made.
const PRIVATE: &str = "the host of MAIL_WEBHOOK_URL is in a private network";

/// The caller of the webhook. It follows no redirect.
pub struct Webhook {
    client: Client<HttpsConnector<HttpConnector<Resolver>>, Full<Bytes>>,
    url: Uri,
}

/// The body of a call.
#[derive(Serialize)]
struct Body<'a> {
    /// `mail`, since an endpoint may get calls of other types one day.
    #[serde(rename = "type")]
    type_: &'static str,
    kind: &'static str,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
    html: &'a str,
    code: &'a str,
    link: &'a str,
    locale: &'static str,
    /// The end of the code, or of the link. Empty for a notice.
    expires_at: String,
}

impl Webhook {
    /// A caller of the configured URL.
    ///
    /// # Errors
    ///
    /// A sentence: the system has no root certificates, or there is no URL.
    pub(super) fn new(settings: &MailSettings) -> Result<Self, String> {
        let url = settings.webhook_url.clone().ok_or("MAIL_WEBHOOK_URL is not set.")?;
        let is_local = url.host().is_some_and(is_this_machine);
        let mut connector = HttpConnector::new_with_resolver(Resolver { is_local });
        connector.enforce_http(false);
        let tls = HttpsConnectorBuilder::new()
            .with_native_roots()
            .map_err(|error| format!("This system's root certificates cannot be read: {error}."))?;
        let connector = tls.https_or_http().enable_http1().wrap_connector(connector);
        let client = Client::builder(TokioExecutor::new()).pool_max_idle_per_host(0).build(connector);
        Ok(Self { client, url })
    }

    /// Calls the webhook with a mail.
    pub(super) async fn send(&self, app: &App, parcel: &Parcel<'_>) -> Result<(), Failure> {
        let secret = app.keys().mail_secret(parcel.now).await.map_err(|error| Failure::later(error.cause()))?;
        let text = secret.ok_or_else(|| Failure::later("MAIL_WEBHOOK_SECRET_ID is not set"))?;
        let secret =
            WebhookSecret::parse(&text).map_err(|why| Failure::later(format!("MAIL_WEBHOOK_SECRET_ID {why}")))?;
        let request = self.request(&secret, parcel).map_err(|_| Failure::refused("no_message"))?;
        let answer = match time::timeout(TIME_MAX, self.client.request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) if chain(&error).contains(PRIVATE) => return Err(Failure::refused("private_address")),
            Ok(Err(_)) => return Err(Failure::later("the webhook cannot be reached")),
            Err(_) => return Err(Failure::later("the webhook does not answer")),
        };
        let status = answer.status().as_u16();
        match status {
            200..300 => Ok(()),
            408 | 425 | 429 | 500.. => Err(Failure::later(format!("webhook_{status}"))),
            _ => Err(Failure::refused(format!("webhook_{status}"))),
        }
    }

    fn request(&self, secret: &WebhookSecret, parcel: &Parcel<'_>) -> Result<Request<Full<Bytes>>, String> {
        let Parcel { mail, rendered, code, link, now } = parcel;
        let life = mail.kind.purpose().map(|purpose| purpose.code_life().unwrap_or_else(|| purpose.life()));
        let body = Body {
            type_: "mail",
            kind: mail.kind.name(),
            to: &mail.to,
            subject: &rendered.subject,
            text: &rendered.text,
            html: &rendered.html,
            code,
            link,
            locale: mail.language.tag(),
            expires_at: life.map(|life| (mail.made_at + life).rfc3339()).unwrap_or_default(),
        };
        let body = serde_json::to_string(&body).map_err(|error| error.to_string())?;
        Request::post(&self.url)
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::USER_AGENT, concat!("latchkey/", env!("CARGO_PKG_VERSION")))
            .header("webhook-id", &mail.id)
            .header("webhook-timestamp", now.seconds())
            .header("webhook-signature", secret.sign(&mail.id, now.seconds(), &body))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| error.to_string())
    }
}

/// Resolves a name to public addresses alone, so that no name leads into a private network. The
/// configuration refuses such addresses themselves.
#[derive(Clone)]
struct Resolver {
    /// Whether the server is on this machine, which the configuration says by its name.
    is_local: bool,
}

impl Service<Name> for Resolver {
    type Response = vec::IntoIter<SocketAddr>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let is_local = self.is_local;
        Box::pin(async move {
            let found: Vec<SocketAddr> = lookup_host((name.as_str(), 0)).await?.collect();
            let fits = |address: &SocketAddr| {
                if is_local { address.ip().is_loopback() } else { !is_private(address.ip()) }
            };
            if found.iter().all(fits) {
                Ok(found.into_iter())
            } else {
                Err(io::Error::new(io::ErrorKind::PermissionDenied, PRIVATE))
            }
        })
    }
}
