//! `latchkey token decode` shows the contents of a token. `latchkey token inspect` says whether
//! this deployment would accept it.

mod verdict;

use std::io::{self, BufRead, IsTerminal, Read, Write};

use anstyle::{AnsiColor, Style};
use clap::Args;
use serde_json::{Map, Value};
use shared::{
    account::email::with_ascii_domain,
    auth::judgement,
    jose::kind::Kind,
    token::{pasted::Pasted, report::Report},
};

use crate::{
    Failure,
    deployment::Deployment,
    escape::{self, shown},
    flags::{DataDir, Json},
    tell, written,
};
use verdict::Verdict;

/// The limit for standard input, in bytes. The longest token has a quarter of that.
const INPUT_BYTES_MAX: u64 = 64 * 1024;
/// The longest argument with a hyphen before it that is called an option. A token is longer.
const OPTION_BYTES_MAX: usize = 20;
const BAD: Style = AnsiColor::Red.on_default().bold();
const GOOD: Style = AnsiColor::Green.on_default().bold();
const UNKNOWN: Style = AnsiColor::Yellow.on_default().bold();

/// The token of a command.
#[derive(Args)]
struct Given {
    /// The token. Without it, or with -, the token is read from standard input, which keeps it out
    /// of the shell's history.
    // A refresh token may begin with a hyphen.
    #[arg(allow_hyphen_values = true)]
    token: Option<String>,
    #[command(flatten)]
    json: Json,
    #[command(flatten)]
    data_dir: DataDir,
}

/// `latchkey token decode`.
#[derive(Args)]
pub struct Decode {
    #[command(flatten)]
    given: Given,
}

/// `latchkey token inspect`.
#[derive(Args)]
pub struct Inspect {
    #[command(flatten)]
    given: Given,
}

impl Decode {
    /// Prints the contents of a token, without verifying it.
    ///
    /// # Errors
    ///
    /// A sentence for people. The exit code is 1 for a text that is no token.
    pub async fn run(self) -> Result<(), Failure> {
        let (token, pasted) = Pasted::jwt(&self.given.text()?)?;
        let deployment = Deployment::open(self.given.data_dir.config()?).await?;
        let now = deployment.now();
        let report = judgement::report(&deployment.app, &deployment.issuer, &token, &pasted, now).await;
        written(if self.given.json.json {
            // Not through anstream, which would remove more from the JSON than colours.
            writeln!(io::stdout(), "{}", escape::json(&report)?)
        } else {
            write_report(&mut anstream::stdout(), &report)
        })
    }
}

impl Inspect {
    /// Judges a token by this deployment's rules. Prints its kind, the verdict, the expiry and
    /// warnings.
    ///
    /// # Errors
    ///
    /// A sentence for people. The exit code is 1 for a bad token, whose verdict is on standard
    /// output.
    pub async fn run(self) -> Result<(), Failure> {
        let text = self.given.text()?;
        let (_, pasted) = Pasted::jwt(&text)?;
        let deployment = Deployment::open(self.given.data_dir.config()?).await?;
        let first = Inspected::of(&deployment, "", &text).await?;
        let mut all = vec![first];
        for (name, token) in pasted.beside(&text) {
            all.push(Inspected::of(&deployment, &name, &token).await?);
        }
        written(if self.given.json.json {
            writeln!(io::stdout(), "{}", escape::json(&Inspected::json(&all))?)
        } else {
            all.iter().try_for_each(|inspected| inspected.write(&mut anstream::stdout()))
        })?;
        if all.iter().all(|inspected| inspected.verdict.is_good()) { Ok(()) } else { Err(Failure::said()) }
    }
}

/// A token with its verdict.
struct Inspected {
    /// The name in the object that was pasted. Empty for the first token.
    name: String,
    verdict: Verdict,
    report: Report,
}

impl Inspected {
    async fn of(deployment: &Deployment, name: &str, text: &str) -> Result<Self, Failure> {
        let (token, pasted) = Pasted::jwt(text)?;
        let verdict = verdict::of(deployment, &token, pasted.text()).await;
        let now = deployment.now();
        let report = judgement::report(&deployment.app, &deployment.issuer, &token, &pasted, now).await;
        Ok(Self { name: name.to_owned(), verdict, report })
    }

    /// The first token, with the others of its object as `others`.
    fn json(all: &[Self]) -> Map<String, Value> {
        let mut objects = all.iter().map(|inspected| {
            let mut json = inspected.verdict.json(&inspected.report);
            json.insert("name".to_owned(), inspected.name.as_str().into());
            json
        });
        let mut first = objects.next().unwrap_or_default();
        first.insert("others".to_owned(), objects.map(Value::Object).collect());
        first
    }

    fn write(&self, out: &mut impl Write) -> io::Result<()> {
        if !self.name.is_empty() {
            writeln!(out, "\n{}:", shown(&self.name))?;
        }
        write_verdict(out, &self.verdict, &self.report)
    }
}

impl Given {
    /// The text of the argument or of standard input.
    fn text(&self) -> Result<String, Failure> {
        let text = match self.token.as_deref() {
            Some(text) if is_option(text) => {
                let advice = "latchkey help token has the options.";
                return Err(Failure::wrong_use(format!("There is no option {}: {advice}", shown(text))));
            }
            Some(text) if text != "-" => text.to_owned(),
            _ => read_standard_input()?,
        };
        // People copy the value of the header, or the whole header line.
        let text = without_prefix(without_prefix(text.trim(), "Authorization:"), "Bearer ");
        if text.is_empty() {
            return Err(Failure::wrong_use("Give the token as an argument or on standard input."));
        }
        Ok(text.to_owned())
    }
}

/// Whether an argument is a misspelt option rather than a token.
fn is_option(text: &str) -> bool {
    text.starts_with('-') && (2..=OPTION_BYTES_MAX).contains(&text.len())
}

fn without_prefix<'a>(text: &'a str, prefix: &str) -> &'a str {
    match text.split_at_checked(prefix.len()) {
        Some((start, rest)) if start.eq_ignore_ascii_case(prefix) => rest.trim(),
        _ => text,
    }
}

/// Reads a token from standard input. At a terminal it reads one line.
fn read_standard_input() -> Result<String, Failure> {
    let mut text = Vec::new();
    let mut input = io::stdin().lock().take(INPUT_BYTES_MAX);
    let read = if io::stdin().is_terminal() {
        tell("Paste the token and press Enter. (A terminal accepts 4095 letters a line; pipe a longer token.)");
        input.read_until(b'\n', &mut text)
    } else {
        input.read_to_end(&mut text)
    };
    read.map_err(|error| format!("Standard input cannot be read: {error}."))?;
    Ok(shared::text::decode(&text).map_err(|phrase| format!("Standard input cannot be read: {phrase}."))?)
}

fn write_verdict(out: &mut impl Write, verdict: &Verdict, report: &Report) -> io::Result<()> {
    writeln!(out, "{}", name(report.kind))?;
    let sentence = shown(&verdict.sentence());
    match verdict {
        Verdict::Good(_) => writeln!(out, "{GOOD}good{GOOD:#}: {sentence}")?,
        Verdict::Bad { .. } => writeln!(out, "{BAD}bad{BAD:#}: {sentence}")?,
        Verdict::Unknown(_) => writeln!(out, "{UNKNOWN}cannot be judged{UNKNOWN:#}: {sentence}")?,
    }
    writeln!(out, "{}", expiry(&report.report))?;
    write_warnings(out, report)
}

fn write_warnings(out: &mut impl Write, report: &Report) -> io::Result<()> {
    // The verdict says itself that the signature was not checked.
    for warning in report.warnings.iter().filter(|warning| warning.code != "unchecked") {
        writeln!(out, "{UNKNOWN}warning{UNKNOWN:#}: {}", shown(&warning.message))?;
    }
    Ok(())
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
    for warning in &report.warnings {
        writeln!(out, "{UNKNOWN}{}{UNKNOWN:#}: {}", warning.code, shown(&warning.message))?;
    }
    for (label, object) in [("header", &report.header), ("payload", &report.payload)] {
        writeln!(out, "{label}: {}", shown(&format!("{:#}", Value::Object(object.clone()))))?;
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
