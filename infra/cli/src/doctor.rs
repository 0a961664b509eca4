//! `latchkey doctor`: whether a deployment can work, line by line, and what to do where it cannot.

use std::{io::Write, time::Duration};

use anstyle::{AnsiColor, Style};
use axum::http::{HeaderMap, Method, Request, Uri, header};
use clap::Args;
use shared::{
    certificates,
    clock::Timestamp,
    config::{Config, TokenProfile},
    fetch::{Fetched, Fetcher},
    firebase::{CustomToken, Refusal, ServiceAccount},
    keys::{KeyRing, Keys, Source},
    store::Store,
};

use crate::{Failure, deployment, keys, written};

/// `latchkey doctor`.
#[derive(Args)]
pub struct Doctor {
    /// The URL of the deployed service, to check its health and its CORS preflight; ISSUER, if that is set.
    #[arg(long)]
    url: Option<Uri>,
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
            return Err(Failure { code: 1, text: String::new() });
        }
        Ok(())
    }

    async fn examine(self, mut config: Config) -> Vec<Finding> {
        let mut findings = vec![configuration(&config)];
        let (firebase, is_demo) = deployment::adopt_demo(&mut config);
        let signing = deployment::signing_keys(&config);
        let unset = Source::Text(String::new());
        let secrets = shared::secrets_client(&[signing.as_ref(), firebase.account.as_ref()]).await;
        let keys = Keys::new(secrets, signing.clone().unwrap_or(unset), firebase);
        findings.push(match &signing {
            Some(source) => signing_keys(source, keys.ring().await.map_err(|error| deployment::cause(&error))),
            None => warn(
                "signing keys",
                "none are configured; `latchkey serve` makes them in its data folder at its first start",
            ),
        });
        let account = keys.firebase().await.map_err(|error| deployment::cause(&error));
        findings.push(service_account(&config, account, is_demo));
        findings.push(table(&config).await);
        match Fetcher::new() {
            Ok(fetcher) => findings.extend(self.network(&config, &fetcher).await),
            Err(why) => findings.push(fail("network", format!("{why}: install the system's CA certificates"))),
        }
        findings
    }

    async fn network(self, config: &Config, fetcher: &Fetcher) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut dates = HeaderMap::new();
        if config.firebase.emulator_host.is_some() {
            findings.push(ok("certificate endpoint", "not asked: the tokens of the Auth emulator have no signature"));
        } else {
            let uri = &config.firebase.certificates;
            let answer = fetcher.get(uri).await;
            dates = answer.as_ref().map(|answer| answer.headers.clone()).unwrap_or_default();
            findings.push(certificate_endpoint(uri, answer));
        }
        let issuer = || config.issuer.as_deref().filter(|issuer| issuer.starts_with("https://"))?.parse().ok();
        if let Some(url) = self.url.or_else(issuer) {
            let base = url.to_string().trim_end_matches('/').to_owned();
            findings.push(health(fetcher, &base, &mut dates).await);
            findings.push(preflight(config, fetcher, &base).await);
        }
        findings.push(clock(&dates, config.clock_skew));
        findings
    }
}

fn configuration(config: &Config) -> Finding {
    let profile = match config.token_profile {
        Some(TokenProfile::Firebase) => "firebase",
        Some(TokenProfile::Access) => "access",
        None => "by the service account",
    };
    let project = config.firebase.project_id.as_deref().unwrap_or("that of the service account");
    if let Some(host) = &config.firebase.emulator_host {
        let text = format!("emulator mode ({host}): anybody's unsigned token is taken; good for development alone");
        return warn("configuration", text);
    }
    ok("configuration", format!("every variable can be read; jwt_token: {profile}; Firebase project: {project}"))
}

/// Signs with the newest key, and verifies with its public half.
fn signing_keys(source: &Source, ring: Result<KeyRing, String>) -> Finding {
    let tested = ring.and_then(|ring| {
        let kid = ring.self_test(keys::now()).map(str::to_owned);
        kid.map_err(|error| deployment::cause(&error))
    });
    match tested {
        Ok(kid) => ok("signing keys", format!("{source:?} can be read; the key {kid} signs and verifies")),
        Err(why) if matches!(source, Source::Secret(_)) => fail(
            "signing keys",
            format!(
                "{why} Fill the secret with what `latchkey keys generate FILE` writes, and allow secretsmanager:GetSecretValue."
            ),
        ),
        Err(why) => fail("signing keys", format!("{why} Put the file back; a new one would void every session.")),
    }
}

/// Makes a custom token, which is checked by Firebase's rules before it is given out.
fn service_account(config: &Config, account: Result<Option<ServiceAccount>, String>, is_demo: bool) -> Finding {
    const WHAT: &str = "service account";
    let account = match account {
        Ok(Some(account)) => account,
        Ok(None) if config.token_profile == Some(TokenProfile::Firebase) => {
            return fail(WHAT, "none is configured, and TOKEN_PROFILE is firebase: set FIREBASE_SERVICE_ACCOUNT");
        }
        Ok(None) => return ok(WHAT, "none is configured: jwt_token is the access token"),
        Err(why) => return fail(WHAT, why),
    };
    let request = CustomToken { uid: "doctor", claims: None, tenant_id: None, life: Duration::from_secs(60) };
    if let Err(refusal) = account.custom_token(&request, keys::now()) {
        let why = match refusal {
            Refusal::Request(sentence) => sentence,
            Refusal::Fault(error) => deployment::cause(&error),
        };
        return fail(WHAT, format!("{} makes no custom token: {why}", account.email));
    }
    let text =
        format!("{} of the project {} makes custom tokens that keep every rule", account.email, account.project_id);
    if is_demo {
        warn(WHAT, format!("{text}; it is the demo account, whose tokens only the Auth emulator takes"))
    } else if account.repairs.is_empty() {
        ok(WHAT, text)
    } else {
        warn(WHAT, format!("{text}; its text had to be repaired ({})", account.repairs.join(", ")))
    }
}

/// On AWS the table is looked at; the embedded one is the server's alone.
async fn table(config: &Config) -> Finding {
    const WHAT: &str = "table";
    if !matches!(config.signing_keys, Some(Source::Secret(_))) {
        let file = config.data_dir.join("latchkey.db");
        return if file.exists() {
            ok(WHAT, format!("embedded, in {}", file.display()))
        } else {
            warn(WHAT, format!("{} is not there yet; `latchkey serve` makes it at its first start", file.display()))
        };
    }
    let store = Store::new(shared::dynamodb_client().await, &config.table_name);
    match store.flaws().await {
        Ok(flaws) if flaws.is_empty() => ok(WHAT, format!("{} has its key, its index and its TTL", config.table_name)),
        Ok(flaws) => fail(WHAT, format!("{}: {}. Deploy template.yaml again", config.table_name, flaws.join("; "))),
        Err(error) => fail(
            WHAT,
            format!(
                "{}: {}. Check TABLE_NAME, the region, and that dynamodb:DescribeTable is allowed",
                config.table_name,
                deployment::cause(&error)
            ),
        ),
    }
}

fn certificate_endpoint(uri: &Uri, answer: Result<Fetched, String>) -> Finding {
    const WHAT: &str = "certificate endpoint";
    let read = answer.and_then(|Fetched { status, headers, body }| {
        if status.is_success() {
            Ok((certificates::read(&body)?, certificates::lifetime(&headers)))
        } else {
            Err(format!("answered with status {status}"))
        }
    });
    match read {
        Ok((document, lifetime)) if document.broken.is_empty() => {
            ok(WHAT, format!("{uri} gives {} keys for {} minutes", document.keys.len(), lifetime.as_secs() / 60))
        }
        Ok((document, _)) => warn(WHAT, format!("{uri}: {}", document.told())),
        Err(why) => fail(
            WHAT,
            format!(
                "{uri} {why}: Firebase ID tokens cannot be verified. Check the way out to the network, or FIREBASE_CERTS_URL"
            ),
        ),
    }
}

async fn health(fetcher: &Fetcher, base: &str, dates: &mut HeaderMap) -> Finding {
    const WHAT: &str = "deployed service";
    let Ok(uri) = format!("{base}/health").parse::<Uri>() else { return fail(WHAT, format!("{base} is no URL")) };
    match fetcher.get(&uri).await {
        Ok(answer) if answer.status.is_success() => {
            *dates = answer.headers;
            ok(WHAT, format!("{uri} answers"))
        }
        Ok(answer) => {
            fail(WHAT, format!("{uri} answers {}: is this the URL of the stack's output ApiUrl?", answer.status))
        }
        Err(why) => fail(WHAT, format!("{uri} {why}")),
    }
}

/// Asks as a browser would before a login.
async fn preflight(config: &Config, fetcher: &Fetcher, base: &str) -> Finding {
    const WHAT: &str = "CORS preflight";
    let origin = config.cors_allowed_origins.as_ref().and_then(|origins| origins.first().cloned());
    let origin = origin.unwrap_or_else(|| "https://app.example".to_owned());
    let request = Request::builder()
        .method(Method::OPTIONS)
        .uri(format!("{base}/login"))
        .header(header::ORIGIN, &origin)
        .header(header::ACCESS_CONTROL_REQUEST_METHOD, "POST")
        .header(header::ACCESS_CONTROL_REQUEST_HEADERS, "authorization,content-type")
        .body(());
    let answer = match request {
        Ok(request) => fetcher.send(request).await,
        Err(error) => Err(error.to_string()),
    };
    match answer.and_then(|answer| judge_preflight(&answer, &origin)) {
        Ok(()) => ok(WHAT, format!("a browser at {origin} may call {base}/login")),
        Err(why) => fail(WHAT, format!("{base}/login {why}")),
    }
}

fn judge_preflight(answer: &Fetched, origin: &str) -> Result<(), String> {
    let values = |name: header::HeaderName| -> Vec<String> {
        let texts = answer.headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
        texts.map(str::to_ascii_lowercase).collect()
    };
    if !answer.status.is_success() {
        return Err(format!("answers a preflight with {}: the route must take OPTIONS too", answer.status));
    }
    match values(header::ACCESS_CONTROL_ALLOW_ORIGIN).as_slice() {
        [] => return Err(format!("does not allow {origin}: set CORS_ALLOWED_ORIGINS")),
        [allowed] if allowed == "*" || allowed == origin => {}
        [allowed] => return Err(format!("allows {allowed}, not {origin}: set CORS_ALLOWED_ORIGINS")),
        _ => return Err("gives its CORS headers twice: take the CORS settings off the gateway".to_owned()),
    }
    let lacks = |name, wanted: &str| !values(name).iter().any(|value| value.contains(wanted));
    if lacks(header::ACCESS_CONTROL_ALLOW_METHODS, "post") {
        return Err("does not allow POST: take the CORS settings off the gateway".to_owned());
    }
    for wanted in ["authorization", "content-type"] {
        if lacks(header::ACCESS_CONTROL_ALLOW_HEADERS, wanted) {
            return Err(format!("does not allow the header {wanted}: take the CORS settings off the gateway"));
        }
    }
    Ok(())
}

/// Against the `Date` of whichever server answered. A clock that is off makes tokens of the past or of the future.
fn clock(headers: &HeaderMap, skew: Duration) -> Finding {
    const WHAT: &str = "clock";
    let date = headers.get(header::DATE).and_then(|date| date.to_str().ok());
    let Some(theirs) = date.and_then(|date| httpdate::parse_http_date(date).ok()).map(Timestamp::from) else {
        return warn(WHAT, "no server told the time to compare with");
    };
    let ahead = keys::now().seconds() - theirs.seconds();
    let off = Duration::from_secs(ahead.unsigned_abs());
    let direction = if ahead > 0 { "ahead" } else { "behind" };
    let text = format!("{} seconds {direction} of a server's", off.as_secs());
    // A second each for the whole seconds of the header and for the way.
    if off <= Duration::from_secs(2) {
        ok(WHAT, "agrees with a server's")
    } else if off <= skew {
        warn(WHAT, format!("{text}, within CLOCK_SKEW_SECONDS; turn on NTP"))
    } else {
        fail(WHAT, format!("{text}, which is more than CLOCK_SKEW_SECONDS: genuine tokens are refused; turn on NTP"))
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
