//! `latchkey serve`: runs every function behind one port, with an embedded DynamoDB.

mod body;
pub mod connections;
pub mod front;
pub mod limits;
mod progress;
mod stop;
mod table;

use std::{
    io::{self, ErrorKind, Write},
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

use clap::Args;
use shared::{
    App,
    account::sign_up::SignUp,
    config::Config,
    keys::{Keys, Source, service_account::ServiceAccount},
    store::Store,
    telemetry::log::{self, LogFormat},
};
use tokio::{net::TcpListener, time};

use crate::{
    Failure,
    aws::Aws,
    deployment::{self, LOOPBACK},
    files,
    keys::KeyLocation,
    serve::{
        connections::Bounds,
        front::{Front, is_behind_proxy},
        stop::{STOP_TIME_MAX, stop_signal, stopped},
        table::Table,
    },
};

/// The project of the demo service account, which is made if none is configured. The Auth emulator
/// accepts any project that begins with `demo-`, without a network.
const DEMO_PROJECT: &str = "demo-latchkey";

/// `latchkey serve`.
#[derive(Args)]
pub struct Serve {
    /// The port to listen on. Without it PORT counts, then 8080.
    #[arg(long)]
    port: Option<u16>,
    /// The address to listen on.
    #[arg(long, default_value_t = LOOPBACK)]
    host: IpAddr,
    /// The folder for the database and the keys. Without it DATA_DIR counts, then .latchkey.
    #[arg(long)]
    data_dir: Option<PathBuf>,
    /// Count limits by the last address in X-Forwarded-For, which a reverse proxy or load balancer
    /// writes there. A request without that header is refused, except to /health. BEHIND_PROXY does
    /// the same.
    #[arg(long)]
    behind_proxy: bool,
    /// Open the embedded DynamoDB on this port to other programs on this machine, such as the AWS
    /// command line. For development only: it checks no credentials.
    #[arg(long)]
    dynamodb_port: Option<u16>,
    /// Use the table TABLE_NAME in the DynamoDB that AWS's own variables name, instead of the
    /// embedded one. The server neither makes nor changes that table. Several such servers may
    /// share a data folder, which then holds only their keys.
    #[arg(long, conflicts_with = "dynamodb_port")]
    external_dynamodb: bool,
}

impl Serve {
    /// Serves until a stop signal.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub fn run(self) -> Result<(), Failure> {
        let mut config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
        config.http.behind_proxy |= self.behind_proxy;
        self.refuse_open_doors(&config)?;
        if config.on_cloud_run && !self.external_dynamodb {
            return Err(Failure::wrong_use(
                "On Cloud Run the embedded database, with every account, would be lost with its instance. Give --external-dynamodb.",
            ));
        }
        let format = if config.on_cloud_run { LogFormat::GoogleCloud } else { LogFormat::Elsewhere };
        log::start("latchkey", &config.telemetry.log_level, format);
        let runtime = tokio::runtime::Runtime::new().map_err(|error| error.to_string())?;
        let served = runtime.block_on(self.serve(config));
        // Does not wait for name look-ups that are still running.
        runtime.shutdown_background();
        Ok(served?)
    }

    /// Refuses the settings for a laptop where other machines reach the server.
    fn refuse_open_doors(&self, config: &Config) -> Result<(), Failure> {
        let host = self.host;
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
            "{door}, and other machines reach the address {host}. Unset that variable, or listen on {LOOPBACK} with \
             --host."
        )))
    }

    async fn serve(self, mut config: Config) -> Result<(), String> {
        if let Some(folder) = self.data_dir {
            config.serve.data_dir = folder;
        }
        // A server that keeps nothing, as on Cloud Run, needs no folder.
        if !self.external_dynamodb || config.keys.signing_keys.is_none() || deployment::wants_demo(&config) {
            files::make_folder(&config.serve.data_dir)?;
        }
        let lock = if self.external_dynamodb { None } else { Some(table::lock(&config.serve.data_dir)?) };
        let listener = bind(SocketAddr::new(self.host, self.port.unwrap_or(config.serve.port))).await?;
        let address = listener.local_addr().map_err(|error| error.to_string())?;
        // A server that listens on every address is reachable from this machine by the loopback
        // address.
        let shown = if address.ip().is_unspecified() { SocketAddr::new(LOOPBACK, address.port()) } else { address };
        let base = format!("http://{shown}");
        config.http.issuer.get_or_insert_with(|| base.clone());

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
        let app = app(config, table.store.clone(), &aws).await?;
        let stop = stop_signal()?;
        let dynamodb = match self.dynamodb_port {
            Some(port) => Some(bind(SocketAddr::new(LOOPBACK, port)).await?),
            None => None,
        };

        let example = format!("{:04x}", u16::from_be_bytes(app.random().map_err(|error| error.to_string())?));
        let next = next_step(&base, &example, &app.config().accounts.sign_up);
        writeln!(io::stdout(), "Latchkey listens on {base} — {next}").map_err(|error| error.to_string())?;
        log_modes(app.config());

        let bounds = Bounds::of_process(is_behind_proxy(&app));
        let front = Front::new(crate::router(), app, bounds);
        let tables = async {
            match dynamodb {
                Some(listener) => table.serve(listener, stopped(stop.clone())).await,
                None => Ok(()),
            }
        };
        tokio::spawn(table.sweeps());
        let requests = async {
            front.run(listener, stop.clone()).await;
            Ok(())
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

/// The first step with this server: a request that creates an account, or the command for it.
fn next_step(base: &str, example: &str, sign_up: &SignUp) -> String {
    let domain = match sign_up {
        SignUp::Open => "example.com",
        SignUp::Domains(domains) => domains.first().map_or("example.com", String::as_str),
        SignUp::Invited | SignUp::Closed => {
            return "SIGN_UP lets nobody in by themselves, so make an account: latchkey users create EMAIL".to_owned();
        }
    };
    format!(
        "try: curl -sS {base}/create-account -H 'content-type: application/json' \
         -d '{{\"email\":\"try-{example}@{domain}\",\"password\":\"correct horse battery\"}}'"
    )
}

/// Logs the settings that an operator must not overlook.
fn log_modes(config: &Config) {
    let firebase = &config.firebase;
    if !config.accounts.rate_limits {
        tracing::warn!("RATE_LIMITS is off: anybody may guess passwords as often as this machine can hash them");
    }
    if firebase.is_demo {
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
    let keys = Keys::new(aws.secrets(&sources).await?, sources);
    let app = App::new(config, store, keys).map_err(|error| error.to_string())?;
    // Reports an unusable key now, and not at the first login.
    app.keys().warm(app.now()).await.map_err(|error| error.cause())?;
    Ok(app)
}

async fn bind(address: SocketAddr) -> Result<TcpListener, String> {
    TcpListener::bind(address).await.map_err(|error| match error.kind() {
        ErrorKind::AddrInUse => format!(
            "Port {} is in use. Stop what listens there, or choose another port with --port or PORT.",
            address.port()
        ),
        _ => format!("{address} cannot be listened on: {error}."),
    })
}
