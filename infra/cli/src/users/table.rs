//! Opens the table that holds the accounts.

use std::fs::File;

use clap::Args;
use rustix::fs::{Access, access};
use shared::{
    App,
    config::Config,
    keys::{Keys, file_fault},
    store::{Store, embedded::Embedded},
};

use super::failure;
use crate::{Failure, aws::Aws, deployment, flags::DataDir};

/// The table to use, if it is not the one that the environment names.
#[derive(Args)]
pub struct AccountTable {
    // A folder that is named has the accounts, whatever the environment says.
    #[command(flatten)]
    data_dir: DataDir,
    /// Use the table TABLE_NAME in the DynamoDB that AWS's own variables name, as
    /// `latchkey serve --external-dynamodb` does.
    #[arg(long, global = true, conflicts_with = "data_dir")]
    external_dynamodb: bool,
}

impl AccountTable {
    /// Reads the environment, with the folder that was named.
    ///
    /// # Errors
    ///
    /// Exit code 2: every bad or missing variable, by name.
    pub fn config(&self) -> Result<Config, Failure> {
        self.data_dir.clone().config()
    }

    /// The app over that table. Its keys are loaded only for the names in the log.
    pub async fn open(self, config: Config) -> Result<App, Failure> {
        let is_named = self.data_dir.data_dir.is_some();
        let is_external = self.external_dynamodb || (!is_named && deployment::is_on_aws(&config));
        let store = if is_external {
            deployment::external_table(&Aws::of(&config), &config).await?
        } else {
            embedded(&config)?
        };
        let sources = config.key_sources(deployment::signing_keys(&config).0);
        let keys = Keys::new(Aws::of(&config).secrets(&sources).await?, sources);
        App::new(config, store, keys).map_err(failure)
    }
}

/// Opens the embedded database, also while a server uses it. Each change is one transaction, and
/// SQLite runs the transactions of several processes one after the other.
fn embedded(config: &Config) -> Result<Store, Failure> {
    let file = config.serve.data_dir.join(deployment::DATABASE);
    // Opening a missing file would create it.
    if !file.is_file() {
        return Err(format!(
            "There is no database {}. Name its folder with --data-dir or DATA_DIR; if the accounts are on AWS, set \
             SIGNING_KEYS_SECRET_ID. (`latchkey serve` makes a database at its first start.)",
            file.display()
        )
        .into());
    }
    // SQLite writes beside the file, also to read it.
    let writable =
        File::options().write(true).open(&file).and_then(|_| Ok(access(&config.serve.data_dir, Access::WRITE_OK)?));
    writable.map_err(|error| {
        format!(
            "{} cannot be opened: {}. SQLite must write there, also for a list.",
            file.display(),
            file_fault(&error)
        )
    })?;
    let embedded = Embedded::file(&file).map_err(|error| format!("{}: {}", file.display(), error.cause()))?;
    Ok(Store::new(embedded.client(), &config.table_name))
}
