//! The functions on cargo-lambda's emulation of the Lambda runtime, beside a `latchkey serve` that
//! shares their table, keys and issuer.

use std::{
    collections::BTreeMap,
    env, fs,
    path::PathBuf,
    process::Command,
    sync::{Arc, Mutex},
};

use futures_util::future::join_all;
use regex_lite::Regex;
use serde_json::Value;

use crate::{
    clock, gateway,
    http::{Answer, Client, Request},
    latchkey::{Server, Variables},
    process::{self, Child, locked},
    secrets::{Invoke, SecretsManager},
    tokens,
};

const START_MS: u64 = 5 * 60_000;
const LISTEN_MS: i64 = 60_000;
/// The pause between two looks for a function that has ended.
const END_EVERY_MS: i64 = 100;
/// Hashes of a debug build on a busy machine are slow.
const ANSWER_MS: u64 = 60_000;
const INVOKE_MS: i64 = 60_000;

/// The functions that answer requests, each with a path of its own. All paths but the last read a
/// body.
pub const ENDPOINTS: [(&str, &str); 9] = [
    ("create-account", "/create-account"),
    ("login", "/login"),
    ("refresh", "/refresh"),
    ("verify", "/verify"),
    ("jwt", "/jwt/decode"),
    ("logout", "/logout"),
    ("account", "/me/password"),
    ("email", "/password/forgot"),
    ("well-known", "/health"),
];

/// A way to send a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Way {
    /// To `latchkey serve`.
    Serve,
    /// To the function's URL, of which cargo-lambda makes an event.
    Url,
    /// In an event with the body as text.
    Event,
    /// In an event with the body in base64.
    Base64,
}

impl Way {
    /// Its name in titles and reports.
    pub fn name(self) -> &'static str {
        match self {
            Self::Serve => "serve",
            Self::Url => "url",
            Self::Event => "event",
            Self::Base64 => "base64",
        }
    }
}

/// The functions and the server beside them. They end when this is dropped.
pub struct Deployment {
    server: Server,
    watch: Child,
    /// The functions that were started, by their names.
    functions: Mutex<BTreeMap<String, Child>>,
    /// The environment variables of the functions.
    of_functions: Variables,
    client: Client,
    /// The port of cargo-lambda's API.
    port: u16,
    events: PathBuf,
    secrets: Arc<SecretsManager>,
    variables: Variables,
    /// The address of the table.
    table: String,
}

impl Deployment {
    /// Starts the server and the functions with `variables`. Without a secret for the signing keys
    /// among the variables, the files that `latchkey serve` made become the functions' secrets.
    pub async fn start(functions: &[&str], variables: Variables, secrets: Arc<SecretsManager>) -> Self {
        Self::beside(functions, variables, Variables::new(), secrets).await
    }

    /// Like [`Deployment::start`]. The functions have `others` too, in the place of equal names.
    ///
    /// The functions are those that `cargo test` built. cargo-lambda would build everything again,
    /// with other features of the same crates.
    pub async fn beside(
        functions: &[&str],
        variables: Variables,
        others: Variables,
        secrets: Arc<SecretsManager>,
    ) -> Self {
        let [dynamodb, port] = process::free_ports();
        let server = Server::start(dynamodb, &variables).await;
        let table = format!("http://127.0.0.1:{dynamodb}");
        let mut all = Variables::from([
            ("TABLE_NAME", "latchkey".to_owned()),
            ("ISSUER", server.origin.clone()),
            ("AWS_ENDPOINT_URL_DYNAMODB", table.clone()),
        ]);
        all.extend(secrets.variables());
        if !variables.contains_key("SIGNING_KEYS_SECRET_ID") {
            all.extend(share_files(&server, &secrets).await);
        }
        all.extend(variables.clone());
        all.extend(others);
        let watch = watch(port).await;
        let client = Client::new();
        let events = process::scratch("events");
        let deployment = Self {
            server,
            watch,
            functions: Mutex::default(),
            of_functions: all,
            client,
            port,
            events,
            secrets,
            variables,
            table,
        };
        deployment.start_processes(functions).await;
        deployment
    }

    /// Waits until each function answers. If its process does not start, cargo-lambda does not
    /// answer.
    async fn start_processes(&self, functions: &[&str]) {
        let start = |name| self.by_url(name, Request::get("/"), START_MS);
        let started = join_all(functions.iter().copied().map(start));
        tokio::select! {
            answers = started => answers.into_iter().for_each(|answer| {
                answer.expect("an answer");
            }),
            () = self.end_of_a_function() => (),
        }
    }

    /// Starts a function's process, unless it was started before. Until it is ready, cargo-lambda
    /// keeps the first event.
    fn start_process(&self, name: &str) {
        let mut functions = locked(&self.functions);
        functions.entry(name.to_owned()).or_insert_with(|| function(name, self.port, &self.of_functions));
    }

    /// Panics once a function's process ends.
    async fn end_of_a_function(&self) {
        loop {
            let ended = |function: &Child| function.ended().map(|_| function.tail());
            if let Some(tail) = locked(&self.functions).values().find_map(ended) {
                panic!("a function did not start: {tail}");
            }
            clock::sleep(END_EVERY_MS).await;
        }
    }

    /// The environment variables of the server and of the functions. `latchkey` finds their keys by
    /// them.
    pub fn variables(&self) -> &Variables {
        &self.variables
    }

    /// The secrets of the server and of the functions.
    pub fn secrets(&self) -> &Arc<SecretsManager> {
        &self.secrets
    }

    /// The address of the table.
    pub fn table(&self) -> &str {
        &self.table
    }

    /// Sends a request to a function, or to the server that has all routers.
    ///
    /// # Errors
    ///
    /// No whole answer comes.
    pub async fn ask(&self, way: Way, function: &str, request: Request) -> Result<Answer, String> {
        match way {
            Way::Serve => self.server.ask(&self.client, request).await,
            Way::Url => self.by_url(function, request, ANSWER_MS).await,
            Way::Event => self.by_event(function, &request, false).await,
            Way::Base64 => self.by_event(function, &request, true).await,
        }
    }

    /// Sends a request that must succeed. Returns the body of the answer.
    pub async fn succeed(&self, way: Way, function: &str, request: Request) -> Value {
        self.ask(way, function, request).await.expect("an answer").success()
    }

    /// Invokes a function as another service of AWS does. The error is the cause of the function's
    /// failure.
    pub fn invoker(self: &Arc<Self>, function: &'static str) -> Invoke {
        let deployment = self.clone();
        Box::new(move |event| {
            let deployment = deployment.clone();
            Box::pin(async move { deployment.invoke(function, &event).await })
        })
    }

    async fn invoke(&self, function: &str, event: &Value) -> Result<(), String> {
        self.event(function, event).await.map(drop)
    }

    /// Invokes a function with an event of another service of AWS. Returns its answer.
    ///
    /// # Errors
    ///
    /// The cause of the function's failure.
    pub async fn event(&self, function: &str, event: &Value) -> Result<Value, String> {
        self.start_process(function);
        let request = Request::post(&format!("/2015-03-31/functions/{function}/invocations"), event);
        let answer = self.to_watch("", request, ANSWER_MS).await.expect("an answer");
        let cause = answer.body["errorMessage"].as_str().unwrap_or_default().to_owned();
        match answer.status {
            200 => Ok(answer.body),
            500 => Err(cause),
            status => panic!("{status}: {cause}"),
        }
    }

    async fn by_url(&self, function: &str, request: Request, patience_ms: u64) -> Result<Answer, String> {
        self.start_process(function);
        self.to_watch(&format!("/lambda-url/{function}"), request, patience_ms).await
    }

    async fn to_watch(&self, path: &str, request: Request, patience_ms: u64) -> Result<Answer, String> {
        let base = format!("http://127.0.0.1:{}{path}", self.port);
        let answer = self.client.send(&base, request, patience_ms).await;
        answer.map_err(|error| format!("{error}; {}", self.watch.tail()))
    }

    async fn by_event(&self, function: &str, request: &Request, is_base64: bool) -> Result<Answer, String> {
        self.start_process(function);
        let file = self.events.join(format!("{}.json", tokens::random_id()));
        fs::write(&file, gateway::event(request, is_base64).to_string()).expect("a file");
        let mut command = process::command(process::tool("bin/cargo-lambda"));
        command.args(["lambda", "invoke", function]).args(at(self.port)).arg("--data-file").arg(&file);
        let printed = process::run("cargo lambda invoke", &mut command, INVOKE_MS).await;
        gateway::answer(&serde_json::from_str(&printed).map_err(|error| format!("{error}: {printed}"))?)
    }
}

/// The variables by which functions find the content of the files of `latchkey serve`.
pub async fn share_files(server: &Server, secrets: &SecretsManager) -> Variables {
    let files = [
        ("SIGNING_KEYS_SECRET_ID", "latchkey/signing-keys", "signing-keys.json"),
        ("FIREBASE_SERVICE_ACCOUNT_SECRET_ID", "latchkey/firebase", "firebase-service-account.json"),
    ];
    // The server with the demo account tells Firebase nothing either.
    let mut variables =
        Variables::from([("FIREBASE_PROJECT_ID", server.firebase_project()), ("FIREBASE_SYNC", "off".to_owned())]);
    for (variable, id, file) in files {
        secrets.create(id, Some(&server.file(file))).await;
        variables.insert(variable, id.to_owned());
    }
    variables
}

/// A function's process on cargo-lambda's runtime.
fn function(name: &str, port: u16, variables: &Variables) -> Child {
    let program = process::target_folder().join("debug").join(name);
    assert!(program.exists(), "{} is not there: cargo test --workspace --no-run builds it", program.display());
    let mut command = process::command(program);
    command
        .env("AWS_LAMBDA_RUNTIME_API", format!("http://127.0.0.1:{port}/.rt/{name}"))
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "4096")
        .envs(variables);
    Child::start(name, &mut command)
}

/// The runtime of cargo-lambda alone, without the functions.
async fn watch(port: u16) -> Child {
    let mut command = cargo(process::tool("bin/cargo-lambda"));
    // cargo-lambda would answer preflights itself, and add its own CORS headers to ours.
    command.args(["lambda", "watch", "--only-lambda-apis", "--disable-cors"]).args(at(port));
    let watch = Child::start("cargo lambda watch", &mut command);
    watch.listens(port, LISTEN_MS).await;
    watch
}

fn at(port: u16) -> [String; 4] {
    ["--invoke-address", "127.0.0.1", "--invoke-port", &port.to_string()].map(str::to_owned)
}

/// A command in the repository, with this program's environment, which cargo and its compilers
/// need.
///
/// The command does not get the variables that would configure the AWS SDK or the functions, nor
/// those that cargo sets.
fn cargo(program: impl Into<PathBuf>) -> Command {
    let foreign = [
        "^(AWS_|FIREBASE_|GOOGLE_|JWT_|API_KEY|TOKEN_PROFILE|CORS_|REQUIRE_|CLOCK_SKEW_|PASSWORD_|ARGON2_)",
        "^(RATE_LIMITS|LOG_(FORMAT|LEVEL)|AUDIENCE|PORT$|DATA_DIR$|CARGO$|CARGO_(BIN|CRATE|MANIFEST|PKG|PRIMARY)_)",
        "(_SECRET_ID|_(TTL|IDLE|INTERVAL|AGE|OVERLAP)_SECONDS)$",
    ];
    let foreign = Regex::new(&foreign.join("|")).expect("an expression");
    let is_foreign = |name: &str| foreign.is_match(name) && !name.starts_with("AWS_LC_");
    let mut command = Command::new(program.into());
    command.current_dir(process::repository()).env("CARGO_TARGET_DIR", process::target_folder());
    for (name, _) in env::vars_os() {
        if name.to_str().is_some_and(is_foreign) {
            command.env_remove(name);
        }
    }
    command
}
