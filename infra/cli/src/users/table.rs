//! Opens the table that holds the accounts.

use clap::Args;
use shared::{
    App,
    config::{Config, FirebaseSync},
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
    pub async fn open(self, mut config: Config) -> Result<App, Failure> {
        let is_named = self.data_dir.data_dir.is_some();
        let is_external = self.external_dynamodb || (!is_named && deployment::is_on_aws(&config));
        let store = if is_external {
            deployment::external_table(&Aws::of(&config), &config).await?
        } else {
            deployment::adopt_demo(&mut config);
            deployment::embedded(&config)?.store(&config.table_name)
        };
        // The environment of the tool need not name the service account. An ending is noted all the
        // same, for the server of the table or the function on its stream.
        let store = store.noting_endings(config.firebase.sync != Some(FirebaseSync::Off));
        // Links and codes are made with the key of the data folder, as by the server.
        deployment::adopt_proof_key(&mut config);
        let sources = config.key_sources(deployment::signing_keys(&config).0);
        let keys = Aws::of(&config).keys(sources).await?;
        App::new(config, store, keys).map_err(failure)
    }
}
