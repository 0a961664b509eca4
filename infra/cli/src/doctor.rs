//! `latchkey doctor`: whether a deployment can work, line by line, and what to do where it cannot.

mod network;

use std::{io::Write, sync::Arc, time::Duration};

use anstyle::{AnsiColor, Style};
use axum::http::Uri;
use clap::Args;
use shared::{
    config::Config,
    error::Error,
    fetch::Fetcher,
    keys::{
        KeyRing, Keys, Source, TokenProfile, api_key::ApiKeys, service_account::ServiceAccount,
        shared_secret::SharedSecrets,
    },
    token::custom::CustomToken,
};

use crate::{Failure, aws::Aws, deployment, web_address, written};

/// From when on a key that signs is called old: the longest schedule that template.yaml takes, and some weeks.
const SIGNING_TIME_ADVISED: Duration = Duration::from_secs(400 * 86_400);

/// `latchkey doctor`.
#[derive(Args)]
pub struct Doctor {
    /// The URL of the deployed service, to check its health and its CORS preflight; ISSUER, if that is set.
    #[arg(long, value_parser = web_address)]
    url: Option<Uri>,
    /// Look at the table TABLE_NAME in the DynamoDB that AWS's own variables name, as for `latchkey serve --external-dynamodb`.
    #[arg(long)]
    external_dynamodb: bool,
}

/// One line of the result.
struct Finding {
    level: Level,
    what: &'static str,
    text: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
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
    /// Exit code 1 if a line is a fail; the line itself is on standard output.
    pub async fn run(self) -> Result<(), Failure> {
        let findings = match Config::from_env() {
            Ok(config) => self.examine(config).await,
            Err(wrong) => wrong.to_string().lines().map(|line| fail("configuration", line)).collect(),
        };
        let mut out = anstream::stdout();
        for Finding { level, what, text } in &findings {
            let (word, style) = level.word_and_style();
            written(writeln!(out, "{style}{word:4}{style:#}  {what}: {text}"))?;
        }
        if findings.iter().any(|finding| finding.level == Level::Fail) {
            return Err(Failure::said());
        }
        Ok(())
    }

    async fn examine(self, mut config: Config) -> Vec<Finding> {
        let mut findings = vec![configuration(&config)];
        deployment::adopt_demo(&mut config);
        let (signing, has_signing_keys) = deployment::signing_keys(&config);
        let now = deployment::now();
        let aws = Aws::of(&config);
        let sources = config.key_sources(signing.clone());
        let secrets = match aws.secrets(&sources).await {
            Ok(secrets) => secrets,
            Err(why) => {
                findings.push(fail("AWS", why));
                return findings;
            }
        };
        let keys = Keys::new(secrets, sources);
        findings.push(if has_signing_keys {
            signing_keys(&signing, keys.ring(now).await.map_err(|error| error.cause()))
        } else {
            warn(
                "signing keys",
                "none are configured; `latchkey serve` makes them in its data folder at its first start",
            )
        });
        let account = keys.firebase(now).await.map_err(|error| error.cause());
        findings.push(project(&config, account.as_ref().ok().and_then(Option::as_deref)));
        findings.push(service_account(&config, account));
        findings.push(shared_secrets(keys.shared_secrets(now).await));
        findings.push(api_keys(keys.api_keys(now).await));
        findings.push(table(&aws, &config, self.external_dynamodb || deployment::is_on_aws(&config)).await);
        match Fetcher::new() {
            Ok(fetcher) => findings.extend(network::examine(&config, &fetcher, self.url).await),
            Err(why) => findings.push(fail("network", format!("{why}: install the system's CA certificates"))),
        }
        findings
    }
}

fn configuration(config: &Config) -> Finding {
    let profile = match config.tokens.profile {
        Some(TokenProfile::Firebase) => "firebase",
        Some(TokenProfile::Access) => "access",
        Some(TokenProfile::SharedSecret) => "shared_secret",
        None => "by the service account",
    };
    if let Some(host) = &config.firebase.emulator_host {
        let text = format!("emulator mode ({host}): anybody's unsigned token is taken; good for development alone");
        return warn("configuration", text);
    }
    ok("configuration", format!("every variable can be read; jwt_token: {profile}"))
}

fn project(config: &Config, account: Option<&ServiceAccount>) -> Finding {
    const WHAT: &str = "Firebase project";
    match config.firebase.project(account.map(|account| account.project_id.as_str())) {
        Some((id, by)) => ok(WHAT, format!("{id}, by {by}")),
        None => warn(WHAT, "none: Firebase ID tokens are refused. Set FIREBASE_PROJECT_ID to take them"),
    }
}

/// Signs with the newest key, and verifies with its public half.
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
                "the key {kid} signs since {}; `latchkey keys rotate` lets another one take over",
                since.readable()
            ),
        ),
        Ok((kid, _)) => ok("signing keys", format!("{source:?} can be read; the key {kid} signs and verifies")),
        Err(why) if matches!(source, Source::Secret(_)) => fail(
            "signing keys",
            format!(
                "{why} Only if it never had keys, `latchkey keys generate`: others in their place would void every session. \
                 To read it takes secretsmanager:GetSecretValue."
            ),
        ),
        Err(why) => fail("signing keys", format!("{why} Put the file back; a new one would void every session.")),
    }
}

/// Makes a custom token, which is checked by Firebase's rules before it is given out.
fn service_account(config: &Config, account: Result<Option<Arc<ServiceAccount>>, String>) -> Finding {
    const WHAT: &str = "service account";
    let account = match account {
        Ok(Some(account)) => account,
        Ok(None) if config.tokens.profile == Some(TokenProfile::Firebase) => {
            return fail(WHAT, "none is configured, and TOKEN_PROFILE is firebase: set FIREBASE_SERVICE_ACCOUNT");
        }
        Ok(None) => return ok(WHAT, "none is configured: jwt_token is no custom token"),
        Err(why) => return fail(WHAT, why),
    };
    let request = CustomToken { uid: "doctor", claims: None, tenant_id: None, life: Duration::from_secs(60) };
    if let Err(refusal) = account.custom_token(&request, deployment::now()) {
        return fail(WHAT, format!("{} makes no custom token: {}", account.email, deployment::refusal(&refusal)));
    }
    let text =
        format!("{} of the project {} makes custom tokens that keep every rule", account.email, account.project_id);
    if config.firebase.is_demo {
        warn(WHAT, format!("{text}; it is the demo account, whose tokens only the Auth emulator takes"))
    } else if account.repairs.is_empty() {
        ok(WHAT, text)
    } else {
        warn(WHAT, format!("{text}; its text had to be repaired ({})", account.repairs.join(", ")))
    }
}

fn shared_secrets(secrets: Result<Option<Arc<SharedSecrets>>, Error>) -> Finding {
    const WHAT: &str = "shared secret";
    match secrets {
        Ok(Some(_)) => ok(WHAT, "/jwt/encode signs with it, and /verify takes what it signed"),
        Ok(None) => ok(WHAT, "none is configured: HS256 tokens are neither made nor taken"),
        Err(error) => fail(WHAT, error.cause()),
    }
}

fn api_keys(keys: Result<Option<Arc<ApiKeys>>, Error>) -> Finding {
    const WHAT: &str = "API keys";
    match keys {
        Ok(Some(_)) => ok(WHAT, "servers that show one may call /jwt/encode"),
        Ok(None) => ok(WHAT, "none are configured: nobody may call /jwt/encode"),
        Err(error) => fail(WHAT, error.cause()),
    }
}

/// On AWS the table is looked at; the embedded one is the server's alone.
async fn table(aws: &Aws, config: &Config, is_external: bool) -> Finding {
    const WHAT: &str = "table";
    if !is_external {
        let file = config.serve.data_dir.join(deployment::DATABASE);
        return if file.exists() {
            ok(WHAT, format!("embedded, in {}", file.display()))
        } else {
            warn(WHAT, format!("{} is not there yet; `latchkey serve` makes it at its first start", file.display()))
        };
    }
    let examined = match deployment::external_table(aws, config).await {
        Ok(store) => deployment::examine(&store, &config.table_name).await,
        Err(why) => Err(why),
    };
    match examined {
        Ok(()) => ok(WHAT, format!("{} has its key, its index and its TTL", config.table_name)),
        Err(why) => fail(WHAT, why),
    }
}

fn ok(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Ok, what, text: text.into() }
}

fn warn(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Warn, what, text: text.into() }
}

fn fail(what: &'static str, text: impl Into<String>) -> Finding {
    Finding { level: Level::Fail, what, text: text.into() }
}
