//! `latchkey token decode` shows the contents of a token. `latchkey token inspect` says whether
//! this deployment would accept it. Both read the token from standard input, so that it stays out
//! of the shell's history.

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anstyle::{AnsiColor, Style};
use clap::Args;
use shared::{
    account::email::with_ascii_domain,
    auth::verification::{self, Verified, firebase_project},
    error::Error,
    jose::{jwt::Jwt, kind::Kind},
    token::report::{Problem, Report},
};

use crate::{
    Failure,
    deployment::Deployment,
    escape::{self, shown},
    tell, written,
};

/// The limit for standard input, in bytes. The longest token has a quarter of that.
const INPUT_BYTES_MAX: u64 = 64 * 1024;
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const UNKNOWN: Style = AnsiColor::Yellow.on_default().bold();

/// `latchkey token decode`.
#[derive(Args)]
pub struct Decode {
    /// Print the decode report of POST /jwt/decode instead of text.
    #[arg(long)]
    json: bool,
}

/// `latchkey token inspect`.
#[derive(Args)]
pub struct Inspect {}

impl Decode {
    /// Prints the contents of the token on standard input, without verifying it.
    ///
    /// # Errors
    ///
    /// A sentence for people. The exit code is 1 for a text that is no token.
    pub async fn run(self) -> Result<(), Failure> {
        let token = Jwt::parse_unsigned(&read_token()?)?;
        let deployment = Deployment::open().await?;
        let report = report(&deployment, &token).await;
        written(if self.json {
            // Not through anstream, which would remove more from the JSON than colours.
            writeln!(io::stdout(), "{}", escape::json(&report)?)
        } else {
            write_report(&mut anstream::stdout(), &report)
        })
    }
}

impl Inspect {
    /// Verifies the token on standard input by this deployment's rules. Prints its kind, the
    /// verdict and the expiry.
    ///
    /// # Errors
    ///
    /// A sentence for people. The exit code is 1 for a bad token, whose verdict is on standard
    /// output.
    pub async fn run(self) -> Result<(), Failure> {
        let text = read_token()?;
        let token = Jwt::parse_unsigned(&text)?;
        let deployment = Deployment::open().await?;
        let verdict = judge(&deployment, &token, &text).await;
        written(write_verdict(&mut anstream::stdout(), token.kind(), &verdict, &token.report(deployment.now())))?;
        match verdict {
            Verdict::Good(_) => Ok(()),
            Verdict::Bad(_) | Verdict::Unknown(_) => Err(Failure::said()),
        }
    }
}

/// Reads the token from standard input. At a terminal it reads one line.
fn read_token() -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut input = io::stdin().lock().take(INPUT_BYTES_MAX);
    let read = if io::stdin().is_terminal() {
        tell("Paste the token and press Enter. (A terminal accepts 4095 letters a line; pipe a longer token.)");
        input.read_until(b'\n', &mut text)
    } else {
        input.read_to_end(&mut text)
    };
    read.map_err(|error| format!("Standard input cannot be read: {error}."))?;
    let text = String::from_utf8(text).map_err(|_| "Standard input is not UTF-8 text.".to_owned())?;
    let text = text.trim();
    // People copy the value of the header, or the whole header line.
    let text = without_prefix(text, "Authorization:");
    let text = without_prefix(text, "Bearer ");
    if text.is_empty() {
        return Err(Failure::wrong_use("Give the token on standard input."));
    }
    Ok(text.to_owned())
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim(),
        _ => text,
    }
}

async fn report(deployment: &Deployment, token: &Jwt) -> Report {
    let now = deployment.now();
    let project = firebase_project(&deployment.app, now).await;
    let known = project.as_ref().ok().and_then(Option::as_deref);
    let mut report = Report::of(token, deployment.app.config(), known, now);
    if let Err(error) = &project {
        // The project is unknown, so the report says why instead of judging it.
        report.problems.retain(|problem| problem.code != "wrong_project");
        report.problems.push(Problem::new("unknown_project", error.cause()));
    }
    report
}

/// This deployment's verdict on a token, with a sentence.
enum Verdict {
    Good(String),
    Bad(String),
    /// The token cannot be judged here and now.
    Unknown(String),
}

async fn judge(deployment: &Deployment, token: &Jwt, text: &str) -> Verdict {
    let app = &deployment.app;
    let now = deployment.now();
    match token.kind() {
        Kind::FirebaseCustomToken => match app.keys().firebase(now).await {
            Ok(Some(account)) => match account.inspect_custom_token(token, now, app.config().tokens.clock_skew) {
                Ok(()) => {
                    Verdict::Good("signInWithCustomToken() of the service account's project accepts it.".to_owned())
                }
                Err(sentence) => Verdict::Bad(sentence),
            },
            Ok(None) => Verdict::Unknown("there is no service account here that could have made it.".to_owned()),
            Err(error) => Verdict::Unknown(error.cause()),
        },
        Kind::AccessToken if !deployment.has_signing_keys => {
            let folder = app.config().serve.data_dir.display();
            Verdict::Unknown(format!("there are no signing keys, neither configured nor in {folder}."))
        }
        kind => match verification::verify(app, &deployment.issuer, text, now).await {
            Ok(verified) => judge_verified(deployment, &verified).await,
            Err(Error::Token(refusal)) if kind == Kind::AccessToken => {
                let issuer = &deployment.issuer.url;
                Verdict::Bad(format!(
                    "{} ({}; here the issuer is {issuer}, by ISSUER or PORT)",
                    refusal.message, refusal.code
                ))
            }
            Err(Error::Token(refusal)) => Verdict::Bad(format!("{} ({})", refusal.message, refusal.code)),
            Err(error) => Verdict::Unknown(error.cause()),
        },
    }
}

/// Judges a genuine token by REQUIRE_VERIFIED_EMAIL.
async fn judge_verified(deployment: &Deployment, verified: &Verified) -> Verdict {
    if deployment.app.config().accounts.admission.require_verified_email && verified.is_without_address() {
        return Verdict::Unknown(
            "/verify accepts it if the account's e-mail address is verified, which only the table knows.".to_owned(),
        );
    }
    match verification::require_verified_email(&deployment.app, verified, deployment.now()).await {
        Ok(()) => Verdict::Good("/verify accepts it.".to_owned()),
        Err(error) => Verdict::Bad(format!("{error} ({})", error.status_and_code().1)),
    }
}

fn write_verdict(out: &mut impl Write, kind: Kind, verdict: &Verdict, report: &str) -> io::Result<()> {
    writeln!(out, "{}", name(kind))?;
    match verdict {
        Verdict::Good(sentence) => writeln!(out, "{GOOD}good{GOOD:#}: {}", shown(sentence))?,
        Verdict::Bad(sentence) => writeln!(out, "{BAD}bad{BAD:#}: {}", shown(sentence))?,
        Verdict::Unknown(sentence) => writeln!(out, "{UNKNOWN}cannot be judged{UNKNOWN:#}: {}", shown(sentence))?,
    }
    writeln!(out, "{}", expiry(report))
}

fn write_report(out: &mut impl Write, report: &Report) -> io::Result<()> {
    writeln!(out, "{}, decoded and not verified", name(report.kind))?;
    let verified = if report.email_verified { "verified" } else { "not verified" };
    let email = if report.email.is_empty() {
        String::new()
    } else {
        format!("{} ({verified})", with_ascii_domain(&report.email))
    };
    for (label, value) in [
        ("uid", &report.uid),
        ("e-mail", &email),
        ("name", &report.name),
        ("provider", &report.provider),
        ("project", &report.project),
        ("issued", &report.issued_at),
    ] {
        writeln!(out, "{label}: {}", if value.is_empty() { "—".to_owned() } else { shown(value) })?;
    }
    writeln!(out, "{}", expiry(&report.report))?;
    for problem in &report.problems {
        writeln!(out, "{BAD}{}{BAD:#}: {}", problem.code, shown(&problem.message))?;
    }
    for (label, object) in [("header", &report.header), ("payload", &report.payload)] {
        writeln!(out, "{label}: {}", shown(&format!("{:#}", serde_json::Value::Object(object.clone()))))?;
    }
    Ok(())
}

fn expiry(report: &str) -> &str {
    if report.is_empty() { "Expires: the token does not say" } else { report }
}

/// The name of a kind as a heading, such as `Firebase ID token`.
fn name(kind: Kind) -> String {
    let phrase = kind.phrase();
    let bare = phrase.strip_prefix("a ").or_else(|| phrase.strip_prefix("an ")).unwrap_or(phrase);
    let mut letters = bare.chars();
    letters.next().map(|first| first.to_uppercase().to_string() + letters.as_str()).unwrap_or_default()
}
