//! `latchkey health`: whether the server on this machine answers.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use axum::{
    body::Bytes,
    http::{StatusCode, Uri},
};
use clap::Args;
use http_body_util::Empty;
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use shared::{config::Config, error::chain, fetch::TIME_MAX};
use tokio::time;

use crate::{
    Failure,
    deployment::LOOPBACK,
    flags::{advise, number},
    web_address, written,
};

/// `latchkey health`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey health                       asks http://127.0.0.1:8080/health, or the port of PORT
  latchkey health --port 8081
  latchkey health --url http://10.0.0.4:8080

The exit code is 0 if the server answers within 2.5 seconds, and 1 if not.")]
pub struct Health {
    /// The port. Without it PORT counts, then 8080.
    #[arg(long, value_parser = number::<u16>(1, u16::MAX.into()), conflicts_with = "url")]
    port: Option<u16>,
    /// The address of a server that listens elsewhere than on 127.0.0.1.
    #[arg(long, value_parser = web_address)]
    url: Option<Uri>,
}

impl Health {
    /// Asks once.
    ///
    /// # Errors
    ///
    /// A sentence for people: the server does not answer, or not with 200.
    pub async fn run(self) -> Result<(), Failure> {
        let base = match self.url {
            Some(url) => url.to_string(),
            None => format!("http://{}", SocketAddr::new(LOOPBACK, self.port.map_or_else(port, Ok)?)),
        };
        let url = format!("{}/health", base.trim_end_matches('/'));
        let uri: Uri = url.parse().map_err(|_| Failure::wrong_use(format!("{url} is no URL.")))?;
        if uri.scheme_str() == Some("https") {
            return Err(Failure::wrong_use(format!(
                "This asks by http:// alone. latchkey doctor --url {base} asks by TLS."
            )));
        }
        match ask(uri).await {
            Ok(status) if status.is_success() => written(writeln!(io::stdout(), "{url} answers")),
            Ok(status) => Err(format!("{url} answers {status}.").into()),
            Err(why) => {
                advise("Is latchkey serve running, and does it listen there?");
                Err(format!("{url} {why}.").into())
            }
        }
    }
}

/// The status of the answer. Needs no root certificates, which a small system may lack.
async fn ask(uri: Uri) -> Result<StatusCode, String> {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    match time::timeout(TIME_MAX, client.get(uri)).await {
        Ok(Ok(answer)) => Ok(answer.status()),
        Ok(Err(error)) => Err(format!("cannot be reached: {}", chain(&error))),
        Err(_) => Err(format!("did not answer within {TIME_MAX:?}")),
    }
}

fn port() -> Result<u16, Failure> {
    let config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
    Ok(config.serve.port)
}
