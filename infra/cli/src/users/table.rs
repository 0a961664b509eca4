//! Where the accounts are.

use std::path::PathBuf;

use clap::Args;
use shared::{
    App,
    config::Config,
    keys::Keys,
    store::{Store, embedded::Embedded},
};

use super::told;
use crate::{Failure, aws::Aws, deployment};

/// Which table is meant, if not the one that the environment tells.
#[derive(Args)]
pub struct AccountTable {
    /// The data folder with the embedded database, whatever the environment says; DATA_DIR, or .latchkey, if it is not given.
    #[arg(long, global = true, conflicts_with = "external_dynamodb")]
    data_dir: Option<PathBuf>,
    /// The table TABLE_NAME in the DynamoDB that AWS's own variables name, as for `latchkey serve --external-dynamodb`.
    #[arg(long, global = true)]
    external_dynamodb: bool,
}

impl AccountTable {
    /// The app over that table; its keys are not needed, and not loaded.
    pub async fn open(self, mut config: Config) -> Result<App, Failure> {
        let is_external = self.external_dynamodb || (self.data_dir.is_none() && deployment::is_on_aws(&config));
        if let Some(folder) = self.data_dir {
            config.serve.data_dir = folder;
        }
        let store = if is_external {
            deployment::external_table(&Aws::of(&config), &config).await?
        } else {
            embedded(&config)?
        };
        let keys = Keys::new(None, config.key_sources(deployment::signing_keys(&config).0));
        App::new(config, store, keys).map_err(told)
    }
}

/// SQLite lets several processes at the file, one after the other: each change is one transaction there.
fn embedded(config: &Config) -> Result<Store, Failure> {
    let file = config.serve.data_dir.join(deployment::DATABASE);
    // It would be made.
    if !file.is_file() {
        return Err(format!(
            "There is no database {}. Name its folder with --data-dir or DATA_DIR; where the accounts are on AWS, set \
             SIGNING_KEYS_SECRET_ID. (`latchkey serve` makes a database at its first start.)",
            file.display()
        )
        .into());
    }
    let embedded = Embedded::file(&file).map_err(|error| format!("{}: {}", file.display(), error.cause()))?;
    Ok(Store::new(embedded.client(), &config.table_name))
}
