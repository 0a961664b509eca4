//! `latchkey serve`: runs every function behind one port, with an embedded DynamoDB.

mod address;
mod body;
pub mod connections;
mod endings;
mod events;
pub mod front;
pub mod limits;
mod mails;
mod outbox;
mod progress;
mod screen;
mod stop;
mod table;

use std::{
    io::{self, IsTerminal, Write},
    net::{IpAddr, SocketAddr},
};

use axum::Router;
use clap::Args;
use shared::{
    App,
    config::{self, Config},
    keys::{ProofKeys, Source, service_account::ServiceAccount},
    store::Store,
};
use tokio::{sync::oneshot, time};

pub use table::lock;

use crate::{
    Failure,
    aws::Aws,
    backup, columns,
    deployment::{self, LOOPBACK},
    escape::shown,
    files,
    flags::{self, DataDir, number},
    keys::KeyLocation,
    log,
    serve::{
        address::{bind, resolve},
        connections::Bounds,
        front::{Front, is_behind_proxy},
        screen::Started,
        stop::{STOP_TIME_MAX, stop_signal, stopped},
        table::Table,
    },
};

/// The project of the demo service account, which is made if none is configured. The Auth emulator
/// accepts any project that begins with `demo-`, without a network.
const DEMO_PROJECT: &str = "demo-latchkey";

/// `latchkey serve`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey serve                        everything on http://127.0.0.1:8080
  latchkey serve --port 8081 --data-dir /tmp/try
  latchkey serve --host 0.0.0.0         for other machines too
  FIREBASE_SERVICE_ACCOUNT=path/to/file.json latchkey serve

Every variable is in docs/configuration.md.")]
pub struct Serve {
    /// The port to listen on. Without it PORT counts, then 8080.
    #[arg(long, value_parser = number::<u16>(0, u16::MAX.into()))]
    port: Option<u16>,
    /// A word that is no option, for a sentence about it.
    #[arg(hide = true)]
    word: Option<String>,
    /// The address to listen on, or a name of it.
    #[arg(long, default_value = "127.0.0.1")]
    host: String,
    #[command(flatten)]
    data_dir: DataDir,
    /// Count limits by the last address in X-Forwarded-For, which a reverse proxy or load balancer
    /// writes there. A request without that header is refused, except to /health. BEHIND_PROXY does
    /// the same.
    #[arg(long)]
    behind_proxy: bool,
    /// Open the embedded DynamoDB on this port to other programs on this machine, such as the AWS
    /// command line. For development only: it checks no credentials.
    #[arg(long, value_parser = number::<u16>(0, u16::MAX.into()))]
    dynamodb_port: Option<u16>,
    /// Use the table TABLE_NAME in the DynamoDB that AWS's own variables name, instead of the
    /// embedded one. The server neither makes nor changes that table. Several such servers may
    /// share a data folder, which then holds only their keys. On Cloud Run this is always so.
    #[arg(long, conflicts_with = "dynamodb_port")]
    external_dynamodb: bool,
}

impl Serve {
    /// Serves until a stop signal.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn run(mut self) -> Result<(), Failure> {
        if let Some(word) = &self.word {
            let port = word
                .trim_start_matches(':')
                .parse::<u16>()
                .map_or("--port 8081".to_owned(), |port| format!("--port {port}"));
            return Err(Failure::wrong_use(format!(
                "latchkey serve has options alone, and {} is none. The port is one: latchkey serve {port}",
                shown(word)
            )));
        }
        let mut config = self.data_dir.clone().config()?;
        config.http.behind_proxy |= self.behind_proxy;
        // The embedded database, with every account, would be lost with its instance.
        self.external_dynamodb |= config.on_cloud_run;
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let served = runtime.block_on(async {
            let host = resolve(&self.host).await?;
            refuse_open_doors(host, &config)?;
            log::start(&config);
            config.telemetry.log_format = Some(log::form(&config));
            self.serve(host, config).await.map_err(Failure::from)
        });
        // Does not wait for name look-ups that are still running.
        runtime.shutdown_background();
        served
    }

    async fn serve(self, host: IpAddr, mut config: Config) -> Result<(), String> {
        // A server that keeps nothing, as on Cloud Run, needs no folder.
        let has_folder =
            !self.external_dynamodb || config.keys.signing_keys.is_none() || deployment::wants_demo(&config);
        if has_folder {
            files::make_folder(&config.serve.data_dir)?;
        }
        let lock = if self.external_dynamodb { None } else { Some(lock(&config.serve.data_dir)?) };
        if lock.is_some() {
            backup::refuse_unfinished(&config.serve.data_dir)?;
        }
        let listener = bind(SocketAddr::new(host, self.port.unwrap_or(config.serve.port))).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // A server that listens on every address is reachable from this machine by the loopback
        // address.
        let shown = if address.ip().is_unspecified() { SocketAddr::new(LOOPBACK, address.port()) } else { address };
        let base = format!("http://{shown}");
        config.http.issuer.get_or_insert_with(|| base.clone());
        mails::complete(&mut config.mail, &base, self.external_dynamodb);
        config.serve.shows_outbox = outbox::is_shown(address.ip(), &config);

        let aws = Aws::of(&config);
        let table = match lock {
            Some(lock) => Table::embedded(&config, lock).await?,
            None => Table::external(&aws, &config).await?,
        };
        if deployment::wants_demo(&config) {
            let demo = || ServiceAccount::generate_demo(DEMO_PROJECT).map_err(|error| error.to_string());
            files::make_once(&config.serve.data_dir.join(deployment::SERVICE_ACCOUNT), demo)?;
        }
        deployment::adopt_demo(&mut config);
        if has_folder && config.keys.proof_key.is_none() {
            let file = config.serve.data_dir.join(deployment::PROOF_KEY);
            files::make_once(&file, || ProofKeys::generate().map_err(|error| error.cause()))?;
        }
        deployment::adopt_proof_key(&mut config);
        let app = app(config, table.store.clone(), &aws).await?;
        let stop = stop_signal()?;
        let dynamodb = match self.dynamodb_port {
            Some(port) => Some(bind(SocketAddr::new(LOOPBACK, port)).await?),
            None => None,
        };

        let (sending, stop_sending) = oneshot::channel();
        let mails = mails::start(&app, &aws, &table, stop_sending).await?;
        let (telling, stop_telling) = oneshot::channel();
        let endings = endings::start(&app, &table, stop_telling);
        let (delivering, stop_delivering) = oneshot::channel();
        let events = events::start(&app, &table, stop_delivering);
        greet(&app, &base, self.external_dynamodb)?;
        let (mails, endings, events) = (tokio::spawn(mails), tokio::spawn(endings), tokio::spawn(events));

        let sweeps = table.sweeps(app.clone());
        let bounds = Bounds::of_process(is_behind_proxy(&app));
        let router = if app.config().serve.shows_outbox { outbox::router() } else { Router::new() };
        let front = Front::new(crate::router().merge(router), app, bounds);
        let tables = async {
            match dynamodb {
                Some(listener) => table.serve(listener, stopped(stop.clone())).await,
                None => Ok(()),
            }
        };
        tokio::spawn(sweeps);
        let requests = async {
            front.run(listener, stop.clone()).await;
            // The last requests may have told of mails, of endings and of events.
            drop((sending, telling, delivering));
            tokio::try_join!(mails, endings, events).map(drop).map_err(|error| error.to_string())
        };
        let serving = async { tokio::try_join!(requests, tables) };
        tokio::select! {
            done = serving => done.map(drop),
            () = async { stopped(stop.clone()).await; time::sleep(STOP_TIME_MAX).await } => {
                tracing::warn!("requests were still open when the time to stop was over");
                Ok(())
            }
        }
    }
}

/// Refuses the settings for a laptop where other machines reach the server.
fn refuse_open_doors(host: IpAddr, config: &Config) -> Result<(), Failure> {
    if host.to_canonical().is_loopback() {
        return Ok(());
    }
    let door = if !config.accounts.rate_limits {
        "RATE_LIMITS is off, so that anybody may guess passwords"
    } else if config.firebase.emulator_host.is_some() {
        "FIREBASE_AUTH_EMULATOR_HOST is set, so that anybody could sign in as anybody"
    } else {
        return Ok(());
    };
    Err(Failure::wrong_use(format!(
        "{door}, and other machines reach the address {host}. Unset that variable, or listen on {LOOPBACK} with --host."
    )))
}

/// Says on standard output where the server listens, and logs the settings that an operator must
/// not overlook.
fn greet(app: &App, base: &str, is_external: bool) -> Result<(), String> {
    let config = app.config();
    let example = format!("{:04x}", u16::from_be_bytes(app.random().map_err(|error| error.to_string())?));
    let advice: Vec<String> = config.advice.iter().cloned().chain(config::nearly_right()).collect();
    let started =
        Started { config, base, example: &example, is_external, advice: &advice, columns: columns::of(io::stdout()) };
    let has_screen = io::stdout().is_terminal() && !flags::is_quiet();
    if has_screen {
        write!(anstream::stdout(), "{}", started.screen()).map_err(|error| error.to_string())?;
    } else {
        write!(io::stdout(), "{}", started.line()).map_err(|error| error.to_string())?;
        for sentence in &advice {
            tracing::warn!("{sentence}");
        }
    }
    log_modes(config, has_screen);
    Ok(())
}

/// Logs the settings that an operator must not overlook. The screen names the demo account.
fn log_modes(config: &Config, has_screen: bool) {
    let firebase = &config.firebase;
    if !config.accounts.rate_limits {
        tracing::warn!("RATE_LIMITS is off: anybody may guess passwords as often as this machine can hash them");
    }
    if firebase.is_demo && !has_screen {
        tracing::info!(
            "no Firebase service account is configured: jwt_token is signed by a demo account of the project \
             demo-latchkey, whose tokens only the Auth emulator accepts"
        );
    }
    if let Some(host) = &firebase.emulator_host {
        tracing::warn!(host, "emulator mode: only unsigned ID tokens are accepted, which anybody can write");
    }
}

/// The app on this table. Uses the signing keys of the data folder if the environment names no
/// others.
async fn app(config: Config, store: Store, aws: &Aws) -> Result<App, String> {
    let account = match &config.firebase.account {
        Some(Source::File(path)) if !config.firebase.is_demo => Some(path.display().to_string()),
        _ => None,
    };
    let named = |cause: String| match account.filter(|path| cause.starts_with(path.as_str())) {
        Some(_) => format!("FIREBASE_SERVICE_ACCOUNT: {cause}"),
        None => cause,
    };
    let signing = match config.keys.signing_keys.clone() {
        Some(source) => source,
        None => {
            let file = config.serve.data_dir.join(deployment::SIGNING_KEYS);
            files::make_once(&file, || deployment::new_key_set()?.to_json().map_err(|error| error.cause()))?;
            KeyLocation::of(&config, None).await?.publish().await?;
            Source::File(file)
        }
    };
    let sources = config.key_sources(signing);
    let keys = aws.keys(sources).await?;
    let app = App::new(config, store, keys).map_err(|error| error.to_string())?;
    // Reports an unusable key now, and not at the first login.
    app.keys().warm(app.now()).await.map_err(|error| named(error.cause()))?;
    // Another service signs, and may fail for a moment. Everything but a login works without it.
    if let Err(error) = app.keys().prepare_signer(app.now()).await {
        tracing::warn!(cause = error.cause(), "no custom token can be signed now");
    }
    Ok(app)
}
