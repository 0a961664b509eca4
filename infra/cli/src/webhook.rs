//! `latchkey webhook`: tries the webhook for events of accounts.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use shared::{auth::events::EventDelivery, error::Error};

use crate::{Failure, deployment::Deployment, flags::DataDir, written};

/// `latchkey webhook`. The endpoint is the one that `EVENT_WEBHOOK_URL` names.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey webhook test")]
pub struct Webhook {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send one signed message of the type webhook.test, about nobody, and say what came of it.
    #[command(after_help = "\
Examples:
  latchkey webhook test
  EVENT_WEBHOOK_URL=http://127.0.0.1:3000/hook EVENT_WEBHOOK_SECRET=whsec_… latchkey webhook test")]
    Test,
}

impl Webhook {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people: there is no endpoint, or it refuses the message.
    pub async fn run(self) -> Result<(), Failure> {
        let Command::Test = self.command;
        let app = Deployment::open(self.data_dir.config()?).await?.app;
        let tested = EventDelivery::new(app).test().await.map_err(|error| match error {
            Error::NotConfigured(sentence) => Failure::wrong_use(sentence),
            error => error.cause().into(),
        })?;
        let status = tested.status.map_or("no answer".to_owned(), |status| status.to_string());
        let line = format!("{status} in {} ms: {}", tested.took.as_millis(), tested.sentence);
        written(writeln!(io::stdout(), "{line}"))?;
        if tested.is_accepted { Ok(()) } else { Err(Failure::said()) }
    }
}
