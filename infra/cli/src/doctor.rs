//! `latchkey doctor`: checks line by line whether a deployment can work, and says what to do where
//! it cannot.

mod dns;
mod mail;
mod network;
mod rights;
mod sender;
mod settings;
mod web_apps;
mod webhook;

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::Arc,
    time::Duration,
};

use anstyle::{AnsiColor, Style};
use axum::http::Uri;
use clap::Args;
use serde::Serialize;
use shared::{
    config::Config,
    error::Error,
    fetch::Fetcher,
    keys::{
        KeyRing, Keys, ProofKeys, Source, TokenProfile, api_key::ApiKeys, service_account::ServiceAccount,
        shared_secret::SharedSecrets,
    },
    token::custom::CustomToken,
};

use crate::{
    Failure,
    aws::Aws,
    columns, deployment, escape,
    flags::{self, DataDir, Json},
    web_address, written,
};

/// The age at which a signing key counts as old: the longest schedule that template.yaml accepts,
/// and some weeks.
const SIGNING_TIME_ADVISED: Duration = Duration::from_secs(400 * 86_400);

/// The column in which the checks begin.
const INDENT: usize = 6;

/// `latchkey doctor`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey doctor                       the settings, keys and files of this machine
  latchkey doctor --url https://login.example
  latchkey doctor --quiet               only warnings and failures

The exit code is 1 if a check fails.")]
pub struct Doctor {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    output: Json,
    /// The URL of the deployed service, whose health and CORS preflight are checked. Without it
    /// ISSUER counts, if it is an https URL.
    #[arg(long, value_parser = web_address)]
    url: Option<Uri>,
    /// Check the table TABLE_NAME in the DynamoDB that AWS's own variables name, as
    /// `latchkey serve --external-dynamodb` uses it.
    #[arg(long)]
    external_dynamodb: bool,
    /// The DNS server that is asked about the sender's domain, such as 9.9.9.9:53. Without it the
    /// servers of the system are asked.
    #[arg(long, value_name = "ADDRESS:PORT")]
    dns_server: Option<SocketAddr>,
}

/// One line of the result.
#[derive(Serialize)]
struct Finding {
    level: Level,
    check: &'static str,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Ok,
    Warn,
    Fail,
}

impl Level {
    const fn word_and_style(self) -> (&'static str, Style) {
        match self {
            Self::Ok => ("ok", AnsiColor::Green.on_default()),
            Self::Warn => ("warn", AnsiColor::Yellow.on_default().bold()),
            Self::Fail => ("fail", AnsiColor::Red.on_default().bold()),
        }
    }
}

impl Doctor {
    /// Checks everything and prints a line for each check.
    ///
    /// # Errors
    ///
    /// The exit code is 1 if a check fails. The lines are on standard output.
    pub async fn run(self) -> Result<(), Failure> {
        let output = self.output;
        let mut findings = match self.data_dir.clone().config() {
            Ok(config) => self.examine(config).await,
            Err(wrong) => settings::refused(&wrong.text),
        };
        if flags::is_quiet() {
            findings.retain(|finding| finding.level != Level::Ok);
        }
        written(if output.json {
            writeln!(io::stdout(), "{}", escape::json(&findings)?)
        } else {
            write_lines(&mut anstream::stdout(), &findings, columns::of(io::stdout()))
        })?;
        if findings.iter().any(|finding| finding.level == Level::Fail) {
            return Err(Failure::said());
        }
        Ok(())
    }

    async fn examine(self, mut config: Config) -> Vec<Finding> {
        let mut findings = vec![configuration(&config)];
        findings.extend(settings::examine(&config));
        findings.extend(web_apps::examine(&config).await);
        deployment::adopt_demo(&mut config);
        deployment::adopt_proof_key(&mut config);
        let (signing, has_signing_keys) = deployment::signing_keys(&config);
        let now = deployment::now();
        let aws = Aws::of(&config);
        let sources = config.key_sources(signing.clone());
        let keys = match aws.keys(sources).await {
            Ok(keys) => keys,
            Err(why) => {
                findings.push(fail("AWS", why));
                return findings;
            }
        };
        findings.push(if has_signing_keys {
            signing_keys(&signing, keys.ring(now).await.map_err(|error| error.cause()))
        } else {
            warn(
                "signing keys",
                "none are configured; `latchkey serve` makes them in its data folder at its first start",
            )
        });
        if let Source::Secret(id) = &signing {
            findings.push(parts(&keys, id).await);
        }
        let account = keys.firebase(now).await.map_err(|error| error.cause());
        findings.push(project(&config, account.as_ref().ok().and_then(Option::as_deref)));
        let rights = match &account {
            Ok(Some(account)) => rights::examine(&config, account).await,
            _ => None,
        };
        findings.push(service_account(&config, account).await);
        findings.extend(rights);
        findings.push(shared_secrets(keys.shared_secrets(now).await));
        findings.push(api_keys(keys.api_keys(now).await));
        findings.push(proof_keys(keys.proof_keys(now).await));
        findings.extend(mail::examine(&config, &aws, self.dns_server).await);
        findings.push(webhook::examine(&config, &keys, now).await);
        findings.push(table(&aws, &config, self.external_dynamodb || deployment::is_on_aws(&config)).await);
        match Fetcher::new() {
            Ok(fetcher) => findings.extend(network::examine(&config, &fetcher, self.url).await),
            Err(why) => findings.push(fail("network", format!("{why}: install the system's CA certificates"))),
        }
        findings
    }
}

fn write_lines(out: &mut impl Write, findings: &[Finding], columns: Option<usize>) -> io::Result<()> {
    for Finding { level, check, text } in findings {
        let (word, style) = level.word_and_style();
        let line = columns::wrapped(&format!("{check}: {}", escape::shown(text)), INDENT, columns);
        writeln!(out, "{style}{word:4}{style:#}  {line}")?;
    }
    Ok(())
}

fn configuration(config: &Config) -> Finding {
    let profile = match config.tokens.profile {
        Some(TokenProfile::Firebase) => "firebase",
        Some(TokenProfile::Access) => "access",
        Some(TokenProfile::SharedSecret) => "shared_secret",
        None => "by the service account",
    };
    if let Some(host) = &config.firebase.emulator_host {
        let text = format!("emulator mode ({host}): anybody's unsigned token is accepted; for development only");
        return warn("configuration", text);
    }
    ok("configuration", format!("every variable can be read; jwt_token: {profile}"))
}

fn project(config: &Config, account: Option<&ServiceAccount>) -> Finding {
    const CHECK: &str = "Firebase project";
    match config.firebase.project(account.map(|account| account.project_id.as_str())) {
        Some((id, by)) => ok(CHECK, format!("{id}, by {by}")),
        None => warn(CHECK, "none: Firebase ID tokens are refused. Set FIREBASE_PROJECT_ID to accept them"),
    }
}

/// Signs with the current key, and verifies with its public half.
fn signing_keys(source: &Source, ring: Result<Arc<KeyRing>, String>) -> Finding {
    let now = deployment::now();
    let tested = ring.and_then(|ring| {
        let tested = ring.self_test(now).and_then(|kid| Ok((kid.to_owned(), ring.signing(now)?.not_before())));
        tested.map_err(|error| error.cause())
    });
    match tested {
        Ok((kid, Some(since))) if since + SIGNING_TIME_ADVISED < now => warn(
            "signing keys",
            format!(
                "the key {kid} has signed since {}; `latchkey keys rotate` lets another key take over",
                since.readable()
            ),
        ),
        Ok((kid, _)) => ok("signing keys", format!("{source:?} can be read; the key {kid} signs and verifies")),
        Err(why) if matches!(source, Source::Secret(_)) => fail(
            "signing keys",
            format!(
                "{why} Reading the secret needs secretsmanager:GetSecretValue. If it never had keys, run `latchkey keys \
                 generate`; otherwise a new set would void every session."
            ),
        ),
        Err(why) => fail("signing keys", format!("{why} Put the file back; a new one would void every session.")),
    }
}

/// Compares the parts of the key set with the set itself.
async fn parts(keys: &Keys, id: &str) -> Finding {
    const CHECK: &str = "parts of the keys";
    let outdated = async { keys.managed_set(id)?.outdated(deployment::now()).await };
    match outdated.await {
        Ok(outdated) if outdated.is_empty() => ok(CHECK, "each part that the key set names is of its generation"),
        Ok(outdated) => {
            let listed: Vec<_> = outdated
                .iter()
                .map(|(part, its, current)| {
                    format!("the {} are of generation {its}, and the set of {current}", part.name())
                })
                .collect();
            fail(CHECK, format!("{}: run `latchkey keys publish`", listed.join("; ")))
        }
        Err(error) => fail(CHECK, error.cause()),
    }
}

/// Makes a custom token. The service checks it by Firebase's rules before returning it.
async fn service_account(config: &Config, account: Result<Option<Arc<ServiceAccount>>, String>) -> Finding {
    const CHECK: &str = "service account";
    let account = match account {
        Ok(Some(account)) => account,
        Ok(None) if config.tokens.profile == Some(TokenProfile::Firebase) => {
            return fail(CHECK, "none is configured, and TOKEN_PROFILE is firebase: set FIREBASE_SERVICE_ACCOUNT");
        }
        Ok(None) => return ok(CHECK, "none is configured: jwt_token is no custom token"),
        Err(why) => return fail(CHECK, why),
    };
    let request = CustomToken { uid: "doctor", claims: None, tenant_id: None, life: Duration::from_secs(60) };
    if let Err(refusal) = account.custom_token(&request, deployment::now()).await {
        return fail(CHECK, format!("{} makes no custom token: {}", account.email, deployment::refusal(&refusal)));
    }
    let text =
        format!("{} of the project {} makes custom tokens that keep every rule", account.email, account.project_id);
    if config.firebase.is_demo {
        warn(CHECK, format!("{text}; it is the demo account, whose tokens only the Auth emulator accepts"))
    } else if account.repairs.is_empty() {
        ok(CHECK, text)
    } else {
        warn(CHECK, format!("{text}; its text had to be repaired ({})", account.repairs.join(", ")))
    }
}

fn shared_secrets(secrets: Result<Option<Arc<SharedSecrets>>, Error>) -> Finding {
    const CHECK: &str = "shared secret";
    match secrets {
        Ok(Some(_)) => ok(
            CHECK,
            "/jwt/encode signs with it, and /verify accepts those tokens; its text counts as it stands, so that a secret in \
             base64 must not be decoded by others",
        ),
        Ok(None) => ok(CHECK, "none is configured: HS256 tokens are neither made nor accepted"),
        Err(error) => fail(CHECK, error.cause()),
    }
}

fn api_keys(keys: Result<Option<Arc<ApiKeys>>, Error>) -> Finding {
    const CHECK: &str = "API keys";
    match keys {
        Ok(Some(keys)) => {
            let listed: Vec<_> = keys.describe().map(|(name, scopes)| format!("{name} ({scopes})")).collect();
            ok(CHECK, format!("{}; a key with the scope encode may call /jwt/encode", listed.join(", ")))
        }
        Ok(None) => ok(CHECK, "none are configured: nobody may call /jwt/encode"),
        Err(error) => fail(CHECK, error.cause()),
    }
}

fn proof_keys(keys: Result<Option<Arc<ProofKeys>>, Error>) -> Finding {
    const CHECK: &str = "proof key";
    match keys {
        Ok(Some(_)) => ok(CHECK, "codes and links of mails can be made and opened"),
        Ok(None) => ok(CHECK, "none is configured: no codes are mailed. `latchkey serve` makes one in its data folder"),
        Err(error) => fail(CHECK, error.cause()),
    }
}

/// Checks an external table. The embedded database is not opened: only its file is looked for.
async fn table(aws: &Aws, config: &Config, is_external: bool) -> Finding {
    const CHECK: &str = "table";
    if !is_external {
        let file = config.serve.data_dir.join(deployment::DATABASE);
        return if file.exists() {
            ok(CHECK, format!("embedded, in {}", file.display()))
        } else {
            warn(CHECK, format!("{} is not there yet; `latchkey serve` makes it at its first start", file.display()))
        };
    }
    let examined = match deployment::external_table(aws, config).await {
        Ok(store) => deployment::examine(&store, &config.table_name).await,
        Err(why) => Err(why),
    };
    match examined {
        Ok(()) => ok(CHECK, format!("{} has its key, its index and its TTL", config.table_name)),
        Err(why) => fail(CHECK, why),
    }
}

fn ok(check: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Ok, check, text: text.into() }
}

fn warn(check: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Warn, check, text: text.into() }
}

fn fail(check: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Fail, check, text: text.into() }
}
