//! `latchkey mail`: tries the way of mails.

use std::io::{self, Write};

use clap::{Args, Subcommand};
use mailer::{
    Mailer,
    transport::{Failure as Unsent, Transport},
};
use shared::{
    account::{email::Email, proof::ProofId},
    config::MailBy,
    error::Error,
    mail::{Kind, Language, outgoing::OutgoingMail},
};

use crate::{
    Failure,
    aws::Aws,
    deployment::{Deployment, LOOPBACK},
    flags::DataDir,
    written,
};

/// `latchkey mail`. The way of mails is the one that MAIL chooses.
#[derive(Args)]
#[command(after_help = "\
Examples:
  latchkey mail test me@herbs.example
  MAIL=smtp MAIL_FROM=login@herbs.example latchkey mail test me@herbs.example")]
pub struct Mail {
    #[command(flatten)]
    data_dir: DataDir,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Send one mail of each kind to an address. Their codes and links open nothing.
    #[command(after_help = "\
Examples:
  latchkey mail test me@herbs.example
  latchkey mail test me@herbs.example --locale de")]
    Test(Test),
}

#[derive(Args)]
struct Test {
    /// The address.
    to: String,
    /// The language of the mails: en, de, fr, es or pt.
    #[arg(long, default_value = "en")]
    locale: String,
}

impl Mail {
    /// Runs the command.
    ///
    /// # Errors
    ///
    /// A sentence for people: no mail can be sent, or one was refused.
    pub async fn run(self) -> Result<(), Failure> {
        let Command::Test(Test { to, locale }) = self.command;
        let address = Email::parse(&to).map_err(Failure::wrong_use)?;
        let mut config = self.data_dir.config()?;
        if config.mail.by == MailBy::Outbox {
            let base = format!("http://{LOOPBACK}:{}", config.serve.port);
            config.mail.public_url.get_or_insert(base);
        }
        let app = Deployment::open(config).await?.app;
        let aws = Aws::of(app.config());
        let transport = Transport::of(app.config(), async || aws.ses().await).await?;
        let Some(transport) = transport else {
            return Err(Failure::wrong_use("MAIL is off. Choose ses, smtp, webhook or outbox."));
        };
        let mailer = Mailer::new(app.clone(), transport);
        let language = Language::of_tag(&locale);
        let mut refused = 0;
        for kind in Kind::ALL {
            let proof = ProofId::new(app.random().map_err(fault)?);
            let id = app.uuid().map_err(fault)?;
            let mail = OutgoingMail::new(id, kind, address.typed(), language, app.now())
                .with_proof(proof, app.config().mail.public_url.as_deref());
            let outcome = match mailer.send(&mail).await {
                Ok(()) => "sent".to_owned(),
                Err(Unsent::Later(reason) | Unsent::Refused(reason)) => {
                    refused += 1;
                    format!("not sent: {reason}")
                }
            };
            written(writeln!(io::stdout(), "{}: {outcome}", kind.name()))?;
        }
        if refused == 0 { Ok(()) } else { Err(Failure::said()) }
    }
}

fn fault(error: Error) -> Failure {
    error.cause().into()
}
