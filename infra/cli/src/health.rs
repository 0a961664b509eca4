//! `latchkey health`: whether the server on this machine answers.

use std::{
    io::{self, Write},
    net::SocketAddr,
};

use axum::http::Uri;
use clap::Args;
use shared::{config::Config, fetch::Fetcher};

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
        match Fetcher::new()?.get(&uri).await {
            Ok(answer) if answer.status.is_success() => written(writeln!(io::stdout(), "{url} answers")),
            Ok(answer) => Err(format!("{url} answers {}.", answer.status).into()),
            Err(why) => {
                advise("Is latchkey serve running, and does it listen there?");
                Err(format!("{url} {why}.").into())
            }
        }
    }
}

fn port() -> Result<u16, Failure> {
    let config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
    Ok(config.serve.port)
}
