//! Invites somebody: makes the account if there is none, and mails a link to its first password.

use std::io::{self, Write};

use clap::Args;
use shared::{
    App,
    account::{
        email::{Email, Identifier},
        proof::Purpose,
        user::{self, User},
    },
    auth::handed_out::{self, LinkRequest},
    config::MailBy,
    mail::Language,
};

use super::{audit, failure, name};
use crate::{
    Failure,
    deployment::{self, LOOPBACK},
    tell, written,
};

/// `latchkey users invite`.
#[derive(Args)]
pub struct Invite {
    /// The e-mail address.
    email: String,
    /// The display name of a new account.
    #[arg(long, default_value = "")]
    name: String,
    /// The language of the mail: en, de, fr, es or pt.
    #[arg(long, default_value = "en")]
    locale: String,
    /// The page of the app that the person goes on to, of an app in APP_URLS.
    #[arg(long, value_name = "URL")]
    continue_url: Option<String>,
    /// Print the link, and send no mail. Whoever has the link is the owner of the account.
    #[arg(long)]
    link: bool,
}

impl Invite {
    /// Invites the person, whatever `SIGN_UP` says.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let email = Email::parse(&self.email).map_err(Failure::wrong_use)?;
        let display = user::name(&self.name).map_err(Failure::wrong_use)?;
        let base = base(app)?;
        if !self.link && app.config().mail.by == MailBy::Off {
            return Err(Failure::wrong_use("MAIL is off, so that nobody gets a mail. Give --link to print the link."));
        }
        let apps = &app.config().accounts.app_urls;
        let continue_url = self.continue_url.as_deref().map(|url| apps.admit(url)).transpose();
        let continue_url = continue_url.map_err(|why| Failure::wrong_use(format!("The URL {why}.")))?;
        let user = match app.store().user_by(&Identifier::Email(email.clone())).await.map_err(failure)? {
            Some(user) => user,
            None => create(app, &email, display).await?,
        };
        if user.password_hash.is_some() {
            return Err(format!("{} has a password already, and needs no invitation.", name(&user)).into());
        }
        let language = Language::of_tag(&self.locale);
        let (purpose, continue_url, is_sent) = (Purpose::Invite, continue_url.as_ref(), !self.link);
        let request = LinkRequest { user: &user, purpose, language, continue_url, base: &base, is_sent, actor: None };
        let made = handed_out::make(app, &request).await.map_err(failure)?;
        audit(app, "user_invited", &user);
        if self.link {
            tell("whoever has the link chooses the first password of the account, within 72 hours");
            return written(writeln!(io::stdout(), "{}", made.link.unwrap_or_default()));
        }
        if !made.is_sent {
            tell("addresses for examples, such as those of example.com, get no mails: --link prints the link");
        }
        written(writeln!(io::stdout(), "{}: invited; the link is good for 72 hours", name(&user)))
    }
}

/// Makes the account, whose owner has shown nothing yet.
async fn create(app: &App, email: &Email, display: String) -> Result<User, Failure> {
    let user = User::without_password(app.uuid().map_err(failure)?, email, None, display, app.now());
    app.store().import_user(&user).await.map_err(failure)?;
    audit(app, "account_created", &user);
    Ok(user)
}

/// The public address of the service. On a laptop it is the address of `latchkey serve`.
fn base(app: &App) -> Result<String, Failure> {
    let config = app.config();
    let configured = config.mail.public_url.clone().or_else(|| config.http.issuer.clone());
    match configured {
        Some(url) => Ok(url),
        None if deployment::is_on_aws(config) => {
            Err(Failure::wrong_use("Set PUBLIC_URL to the address of the service: the link begins with it."))
        }
        None => Ok(format!("http://{LOOPBACK}:{}", config.serve.port)),
    }
}
