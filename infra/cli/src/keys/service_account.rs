//! `latchkey keys put-service-account`: puts a Firebase service account into its secret, from its
//! file. Prints no part of the private key.

use std::{
    io::{self, Write},
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

use clap::Args;
use serde_json::json;
use shared::{
    config::Config,
    error::Error,
    jose::json,
    keys::{
        ManagedSecret, Source, file_fault, read_file,
        service_account::{ServiceAccount, is_project_id},
    },
    telemetry::audit,
};
use zeroize::Zeroizing;

use super::{location, outcome::print_json};
use crate::{Failure, aws::Aws, flags::Json, log, tell, written};

/// The permissions to read a file, of the group and of all others.
const OTHERS_MAY_READ: u32 = 0o044;

const NO_SECRET: &str = "There is no secret to put it into. Give the secret's name or ARN with --secret-id, or set \
                         FIREBASE_SERVICE_ACCOUNT_SECRET_ID; it is the stack's output FirebaseServiceAccountSecretId.";

/// `latchkey keys put-service-account`.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey keys put-service-account account.json --secret-id latchkey/firebase")]
pub struct PutServiceAccount {
    /// The file that the Firebase console gives out: Project settings, Service accounts, Generate
    /// new private key.
    file: PathBuf,
    /// The name or the ARN of the secret. FIREBASE_SERVICE_ACCOUNT_SECRET_ID counts if it is not
    /// given.
    #[arg(long, value_name = "ID")]
    secret_id: Option<String>,
    /// Replace the service account of another project. Apps of that project are locked out then.
    #[arg(long)]
    other_project: bool,
}

impl PutServiceAccount {
    /// Checks the file by the rules of the functions, and puts its text into the secret.
    ///
    /// # Errors
    ///
    /// A sentence for people; the secret is as it was.
    pub async fn run(self, config: &Config, output: Json) -> Result<(), Failure> {
        let id = self.secret_id.clone().or_else(|| configured(config)).ok_or_else(|| Failure::wrong_use(NO_SECRET))?;
        let text = read(&self.file)?;
        let account = self.check(&text, output)?;
        refuse_foreign(config, &account.project_id)?;

        let client = Aws::of(config).secrets_manager().await?;
        let region = client.config().region().map(ToString::to_string).unwrap_or_default();
        let managed_secret = ManagedSecret::new(client, &id);
        let current = managed_secret.current().await.map_err(|error| unreadable(&error))?;
        if !self.other_project
            && let Some(project) = current.as_ref().and_then(|version| project_in(&version.text))
        {
            refuse_replacing(&project, &account.project_id)?;
        }
        location::replace(&managed_secret, current.as_ref(), &text).await?;
        log::start(config);
        log::as_tool(|| audit::event("service_account_stored"));
        if output.json {
            let (project, email) = (&account.project_id, &account.email);
            return print_json(&json!({
                "secret": id, "region": region, "project": project, "client_email": email, "private_key_id": account.key_id,
            }));
        }
        let lines = format!(
            "It is in the secret {id}, in the region {region}.\n\
             Functions that run use it within {} seconds (KEYS_TTL_SECONDS), new ones at once.\n\
             Delete the file, or keep it safe.\n",
            config.keys.ttl.as_secs()
        );
        written(io::stdout().write_all(lines.as_bytes()))
    }

    /// Reads the account as the functions do, and prints the parts of it that are not secret.
    fn check(&self, text: &str, output: Json) -> Result<ServiceAccount, Failure> {
        let file = self.file.display();
        let account = ServiceAccount::parse(text).map_err(|why| format!("{file}: {why}"))?;
        let Some(key) = &account.key_id else {
            return Err(format!("{file}: The service account has no `private_key_id` that could be one.").into());
        };
        let (project, email) = (&account.project_id, &account.email);
        if !output.json {
            written(writeln!(io::stdout(), "project {project}, {email}, key {key}"))?;
        }
        if !account.repairs.is_empty() {
            tell(&format!(
                "The file had to be repaired, as the functions will do, too: {}.",
                account.repairs.join("; ")
            ));
        }
        let permissions = self.file.metadata().map(|metadata| metadata.permissions().mode());
        if permissions.is_ok_and(|mode| mode & OTHERS_MAY_READ != 0) {
            tell(&format!("Warning: others on this machine may read {file}. Delete it afterwards, or chmod 600 it."));
        }
        Ok(account)
    }
}

/// The secret that the environment names.
fn configured(config: &Config) -> Option<String> {
    match &config.firebase.account {
        Some(Source::Secret(id)) => Some(id.clone()),
        _ => None,
    }
}

/// The text of a file.
fn read(path: &Path) -> Result<Zeroizing<String>, String> {
    let read = read_file(path).map_err(|error| format!("{} cannot be read: {}.", path.display(), file_fault(&error)));
    read.map(Zeroizing::new)
}

/// Refuses an account of another project than the one whose ID tokens the deployment accepts.
fn refuse_foreign(config: &Config, found: &str) -> Result<(), String> {
    match config.firebase.project_id.as_deref() {
        Some(project) if project != found => Err(format!(
            "The deployment is for the project {project} (FIREBASE_PROJECT_ID), this is a service account of {found}: every \
             login would be a 503. Deploy with FirebaseProjectId={found} first, or use a key of {project}."
        )),
        _ => Ok(()),
    }
}

/// Refuses to replace the account of another project.
fn refuse_replacing(project: &str, found: &str) -> Result<(), String> {
    if project == found {
        return Ok(());
    }
    Err(format!(
        "The secret has a service account of the project {project}, this is one of {found}: every app of {project} would be \
         locked out. If that is wanted, give --other-project (make service-account OTHER_PROJECT=yes)."
    ))
}

/// The project of the service account in a secret; none if it cannot be told.
fn project_in(text: &str) -> Option<String> {
    let document = json::object(text.as_bytes()).ok();
    let told = document.as_ref().and_then(|document| document.get("project_id")?.as_str());
    let told = told.filter(|project| is_project_id(project)).map(str::to_owned);
    told.or_else(|| ServiceAccount::parse(text).ok().map(|account| account.project_id))
}

fn unreadable(error: &Error) -> String {
    format!(
        "{}.\nCheck the secret's id, the region (AWS_REGION), the credentials, and that DescribeSecret, GetSecretValue, \
         PutSecretValue and UpdateSecretVersionStage of secretsmanager are allowed.",
        error.cause()
    )
}
