//! `latchkey keys`: lists and changes the signing keys, in a local file or in Secrets Manager.

mod location;
mod service_account;

pub(crate) use location::KeyLocation;

use std::io::{self, Write};

use clap::{Args, Subcommand};
use shared::{
    config::Config,
    keys::{Change, Described, KeySet, NewKeys, State},
    time::Timestamp,
};

use crate::{
    Failure,
    deployment::{new_key_set, new_keys, now},
    files, tell, written,
};

/// Commands for the signing keys. The keys are in the secret that SIGNING_KEYS_SECRET_ID names, or
/// else in signing-keys.json of the data folder.
#[derive(Subcommand)]
pub enum Keys {
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
    Publish,
    /// Put a Firebase service account into its secret, from its file.
    PutServiceAccount(service_account::PutServiceAccount),
}

/// `latchkey keys list`.
#[derive(Args)]
pub struct List {
    /// The file with the keys, instead of the service's own keys.
    #[arg(long)]
    file: Option<std::path::PathBuf>,
    /// Print JSON, with times in milliseconds since 1970.
    #[arg(long)]
    json: bool,
}

/// `latchkey keys generate`.
#[derive(Args)]
pub struct Generate {
    /// The file to write, readable by you alone, instead of the service's own keys. It must not
    /// exist yet.
    file: Option<std::path::PathBuf>,
}

/// `latchkey keys rotate`.
#[derive(Args)]
pub struct Rotate {
    #[command(flatten)]
    options: ChangeOptions,
}

/// `latchkey keys revoke`.
#[derive(Args)]
pub struct Revoke {
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
    file: Option<std::path::PathBuf>,
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
        let config = Config::from_env().map_err(|wrong| Failure::wrong_use(wrong.to_string()))?;
        match self {
            Self::List(list) => list.run(&config).await,
            Self::Generate(Generate { file }) => generate(&config, file).await,
            Self::Rotate(Rotate { options }) => {
                let times = config.key_lifetimes();
                let rotate = |set: &mut KeySet, now, new| Ok(set.rotate(now, &times, new));
                if change(&config, options, rotate).await? {
                    let seconds = times.ring_age_max().as_secs();
                    tell(&format!(
                        "every process reads the new set within {seconds} seconds, and nobody is logged out"
                    ));
                }
                Ok(())
            }
            Self::Revoke(Revoke { kid, options, .. }) => {
                let times = config.key_lifetimes();
                let revoke = |set: &mut KeySet, now, new| match kid {
                    Some(kid) => set.revoke(&kid, now, &times, new),
                    None => Ok(set.revoke_all(now, new, new_keys()?)),
                };
                if change(&config, options, revoke).await? {
                    tell(&format!(
                        "every process reads the new set within {} seconds; a verifier elsewhere may keep the published \
                         keys for {} seconds more",
                        times.ring_age_max().as_secs(),
                        times.jwks_max_age.as_secs()
                    ));
                }
                Ok(())
            }
            Self::Publish => publish(&config).await,
            Self::PutServiceAccount(put) => put.run(&config).await,
        }
    }
}

impl List {
    async fn run(self, config: &Config) -> Result<(), Failure> {
        let location = KeyLocation::of(config, self.file).await?;
        let keys = location.open().await?.set.describe(now());
        written(if self.json {
            let json = serde_json::to_string_pretty(&keys).map_err(|error| error.to_string())?;
            writeln!(io::stdout(), "{json}")
        } else {
            keys.iter().try_for_each(|key| writeln!(io::stdout(), "{}", line(key)))
        })
    }
}

fn line(key: &Described) -> String {
    let start = key.not_before.map(Timestamp::readable).unwrap_or_default();
    let end = key.retired_at.map(Timestamp::readable);
    let until = || end.as_ref().map(|end| format!(", accepted until {end}")).unwrap_or_default();
    let state = match key.state {
        State::Next => format!("next: published since {}", key.created_at.readable()),
        State::Due => format!("due: signs from {start} on{}", until()),
        State::Signing => format!("signing since {start}{}", until()),
        State::Superseded => format!("superseded{}", until()),
        State::Retired => format!("retired since {}", end.unwrap_or_default()),
        State::Revoked => format!("revoked since {}", end.unwrap_or_default()),
    };
    format!("{:43}  {:13}  {state}", key.kid, key.r#use.to_string())
}

async fn generate(config: &Config, file: Option<std::path::PathBuf>) -> Result<(), Failure> {
    let is_named = file.is_some();
    let location = KeyLocation::of(config, file).await?;
    let set = new_key_set()?;
    if !is_named && matches!(location, KeyLocation::File { .. }) {
        files::make_folder(&config.serve.data_dir)?;
    }
    location.fill(set).await?;
    tell(&format!("made a key set in {location}"));
    Ok(())
}

async fn publish(config: &Config) -> Result<(), Failure> {
    let location = KeyLocation::of(config, None).await?;
    let generation = location.open().await?.set.generation();
    location.publish().await?;
    tell(&format!("the parts of the key set in {location} are of generation {generation}"));
    Ok(())
}

/// Says what will be done, does it, and says what was done. Returns whether anything was.
async fn change(
    config: &Config,
    options: ChangeOptions,
    change: impl FnOnce(&mut KeySet, Timestamp, NewKeys) -> Result<Change, String>,
) -> Result<bool, Failure> {
    let location = KeyLocation::of(config, options.file).await?;
    // Made before the lock, because making keys takes a while.
    let new = new_keys()?;
    let mut opened = location.open().await?;
    if !options.dry_run {
        opened.announce().await?;
    }
    let Change(sentences) = change(&mut opened.set, now(), new)?;
    let say = |mark: &str| sentences.iter().map(|sentence| format!("{mark}{sentence}\n")).collect::<String>();
    if sentences.is_empty() {
        tell("it is so already; nothing was changed");
        drop(opened);
        if !options.dry_run {
            // An earlier change may have been killed before it wrote the parts.
            location.publish().await?;
        }
        return Ok(false);
    }
    tell(&format!("in {location}:\n{}", say(if options.dry_run { "would: " } else { "will: " })));
    if matches!(location, KeyLocation::Secret { .. }) {
        tell(&times(config));
    }
    if options.dry_run {
        return Ok(false);
    }
    opened.save().await?;
    written(write!(io::stdout(), "{}", say("done: ")))?;
    Ok(true)
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
