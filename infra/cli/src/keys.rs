//! `latchkey keys`: lists and changes the signing keys, in a local file or in Secrets Manager.

mod location;
mod outcome;
mod service_account;
mod table;

pub(crate) use location::KeyLocation;
use outcome::{Outcome, print_json, say};

use std::path::PathBuf;

use clap::{Args, Subcommand};
use shared::{
    config::Config,
    keys::{Change, KeySet, NewKeys},
    telemetry::audit,
    time::Timestamp,
};

use crate::{
    Failure,
    deployment::{new_key_set, new_keys, now},
    files,
    flags::{DataDir, Json, advise},
    log, written,
};

/// `latchkey keys`. The keys are in the secret that SIGNING_KEYS_SECRET_ID names, or in the file
/// that SIGNING_KEYS_FILE names, or else in signing-keys.json of the data folder.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey keys list                    every key and its future
  latchkey keys rotate --dry-run        what a rotation would do
  latchkey keys rotate                  new keys take over; nobody is logged out
  latchkey keys revoke KID              somebody else may know this key")]
pub struct Keys {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(flatten)]
    output: Json,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Show each key, its use and its future. Nothing private is shown.
    List(List),
    /// Make a new key set, if there is none yet.
    Generate(Generate),
    /// Let the next keys take over, and make new next keys. Nobody is logged out.
    Rotate(Rotate),
    /// End a key now, because somebody else may know it. Its tokens are refused within a minute.
    Revoke(Revoke),
    /// Write the public keys and the keys of refresh tokens into their own secrets, from the key
    /// set. Every change does so too. No key is changed.
    #[command(after_help = "\
Examples:
  latchkey keys publish                 after doctor says that a part is behind")]
    Publish,
    /// Put a Firebase service account into its secret, from its file.
    PutServiceAccount(service_account::PutServiceAccount),
}

/// `latchkey keys list`.
#[derive(Args)]
#[command(after_help = "\
States:
  current    signs
  due        published, and signs from its time on
  next       published, and signs after the next rotation
  previous   another key signs; its own tokens are accepted until its time
  retired    refused, since a rotation
  revoked    refused, since somebody ended it by hand

Examples:
  latchkey keys list
  latchkey keys list --json             with times in milliseconds since 1970
  latchkey keys list --file keys.json")]
struct List {
    /// The file with the keys, instead of the service's own keys.
    #[arg(long)]
    file: Option<PathBuf>,
}

/// `latchkey keys generate`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey keys generate                for the data folder, or the secret
  latchkey keys generate keys.json      a file of its own, for a mounted secret")]
struct Generate {
    /// The file to write, readable by you alone, instead of the service's own keys.
    #[arg(value_name = "FILE")]
    path: Option<PathBuf>,
    /// The same, as the other commands name it.
    #[arg(long, conflicts_with = "path")]
    file: Option<PathBuf>,
    /// Replace every key of an existing set, as `revoke --all` does. Every session ends.
    #[arg(long)]
    replace: bool,
}

/// `latchkey keys rotate`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey keys rotate --dry-run
  latchkey keys rotate")]
struct Rotate {
    #[command(flatten)]
    options: ChangeOptions,
}

/// `latchkey keys revoke`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey keys revoke KID              the id is in latchkey keys list
  latchkey keys revoke --all            somebody may have read the whole set")]
struct Revoke {
    /// The id of the key, as `latchkey keys list` shows it.
    // An id is base64url, so it may begin with a hyphen.
    #[arg(allow_hyphen_values = true, required_unless_present = "all")]
    kid: Option<String>,
    /// End every key and make new ones, because somebody has read the whole set. Every session
    /// ends.
    #[arg(long, conflicts_with = "kid")]
    all: bool,
    #[command(flatten)]
    options: ChangeOptions,
}

#[derive(Args)]
struct ChangeOptions {
    /// The file with the keys, instead of the service's own keys.
    #[arg(long)]
    file: Option<PathBuf>,
    /// Say what would be done, and do nothing.
    #[arg(long)]
    dry_run: bool,
}

impl Keys {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people.
    pub async fn run(self) -> Result<(), Failure> {
        let (config, output) = (self.data_dir.config()?, self.output);
        match self.command {
            Command::List(list) => list.run(&config, output).await,
            Command::Generate(generate) => generate.run(&config, output).await,
            Command::Rotate(Rotate { options }) => rotate(&config, options, output).await,
            Command::Revoke(revoke) => revoke.run(&config, output).await,
            Command::Publish => publish(&config, output).await,
            Command::PutServiceAccount(put) => put.run(&config, output).await,
        }
    }
}

impl List {
    async fn run(self, config: &Config, output: Json) -> Result<(), Failure> {
        let location = KeyLocation::of(config, self.file).await?;
        let keys = location.open().await?.set.describe(now());
        if output.json {
            return print_json(&keys);
        }
        written(table::write(&mut anstream::stdout(), &keys))
    }
}

impl Generate {
    async fn run(self, config: &Config, output: Json) -> Result<(), Failure> {
        let file = self.path.or(self.file);
        let is_named = file.is_some();
        let location = KeyLocation::of(config, file.clone()).await?;
        if self.replace && location.open().await.is_ok() {
            let revoke = Revoke { kid: None, all: true, options: ChangeOptions { file, dry_run: false } };
            return revoke.run(config, output).await;
        }
        let set = new_key_set()?;
        let generation = set.generation();
        if !is_named && matches!(location, KeyLocation::File { .. }) {
            files::make_folder(&config.serve.data_dir)?;
        }
        location.fill(set).await?;
        log::start(config);
        log::as_tool(|| audit::keys("signing_keys_generated", "", generation));
        say(output, &location, &["a key set was made, whose first keys sign at once".to_owned()], Outcome::Done)
    }
}

async fn rotate(config: &Config, options: ChangeOptions, output: Json) -> Result<(), Failure> {
    let times = config.key_lifetimes();
    let rotate = |set: &mut KeySet, now, new| Ok(set.rotate(now, &times, new));
    if let Some(generation) = change(config, options, output, rotate).await? {
        log::as_tool(|| audit::keys("signing_keys_rotated", "", generation));
        advise(&format!(
            "nobody is logged out, and nothing else is to do: every process reads the new set within {} seconds, and the \
             new keys sign {} seconds from now",
            times.ring_age_max().as_secs(),
            times.lead().as_secs()
        ));
    }
    Ok(())
}

impl Revoke {
    async fn run(self, config: &Config, output: Json) -> Result<(), Failure> {
        let times = config.key_lifetimes();
        let kid = self.kid;
        let revoke = |set: &mut KeySet, now, new| match &kid {
            Some(kid) => set.revoke(kid, now, &times, new),
            None => Ok(set.revoke_all(now, new, new_keys()?)),
        };
        if let Some(generation) = change(config, self.options, output, revoke).await? {
            log::as_tool(|| match &kid {
                Some(kid) => audit::keys("signing_key_revoked", kid, generation),
                None => audit::keys("signing_keys_revoked", "", generation),
            });
            advise(&format!(
                "every process reads the new set within {} seconds; a verifier elsewhere may keep the published keys for {} \
                 seconds more",
                times.ring_age_max().as_secs(),
                times.jwks_max_age.as_secs()
            ));
        }
        Ok(())
    }
}

async fn publish(config: &Config, output: Json) -> Result<(), Failure> {
    let location = KeyLocation::of(config, None).await?;
    let generation = location.open().await?.set.generation();
    location.publish().await?;
    log::start(config);
    log::as_tool(|| audit::keys("signing_keys_published", "", generation));
    let sentence = format!("the parts of the key set are of generation {generation}");
    say(output, &location, &[sentence], Outcome::Done)
}

/// Changes the set, and says once what was done. Returns the generation of the changed set; `None`
/// if nothing was changed.
async fn change(
    config: &Config,
    options: ChangeOptions,
    output: Json,
    change: impl FnOnce(&mut KeySet, Timestamp, NewKeys) -> Result<Change, String>,
) -> Result<Option<u64>, Failure> {
    let location = KeyLocation::of(config, options.file).await?;
    // Made before the lock, because making keys takes a while.
    let new = new_keys()?;
    let mut opened = location.open().await?;
    if !options.dry_run {
        opened.announce().await?;
    }
    let Change(sentences) = change(&mut opened.set, now(), new)?;
    if sentences.is_empty() {
        drop(opened);
        if !options.dry_run {
            // An earlier change may have been killed before it wrote the parts.
            location.publish().await?;
        }
        say(output, &location, &sentences, Outcome::Unchanged)?;
        return Ok(None);
    }
    if matches!(location, KeyLocation::Secret { .. }) {
        advise(&times(config));
    }
    if options.dry_run {
        say(output, &location, &sentences, Outcome::Planned)?;
        return Ok(None);
    }
    let generation = opened.set.generation();
    opened.save().await?;
    log::start(config);
    say(output, &location, &sentences, Outcome::Done)?;
    Ok(Some(generation))
}

/// The settings that the times of a change depend on. A deployment may have other values.
fn times(config: &Config) -> String {
    let times = config.key_lifetimes();
    let seconds = [
        ("KEYS_TTL_SECONDS", times.ttl),
        ("JWKS_MAX_AGE_SECONDS", times.jwks_max_age),
        ("KEYS_OVERLAP_SECONDS", times.overlap),
        ("ACCESS_TOKEN_TTL_SECONDS", times.access_token_life),
        ("REFRESH_TOKEN_TTL_SECONDS", times.refresh_token_life),
        ("CLOCK_SKEW_SECONDS", times.skew),
    ];
    let listed: Vec<_> = seconds.iter().map(|(name, life)| format!("{name}={}", life.as_secs())).collect();
    format!("the functions must have these settings; set theirs here if they differ: {}", listed.join(" "))
}
