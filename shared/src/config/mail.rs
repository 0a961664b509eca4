//! The settings of mails.

use http::Uri;
use url::{Host, Url};

use super::{Environment, http::url_fault};
use crate::{
    keys::Source,
    mail::{
        mailbox::Mailbox,
        smtp::{SmtpServer, is_this_machine},
        webhook::WebhookSecret,
    },
};

/// The name of the app where none is given.
const APP: &str = "Latchkey";
/// The longest name of an app, in characters. A subject with it stays below 78.
const APP_MAX: usize = 40;
/// The mails of a day that a new account of Amazon SES may send.
const PER_DAY: u64 = 200;

/// The way of mails to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MailBy {
    /// Amazon SES.
    Ses,
    /// A server that accepts mails by SMTP.
    Smtp,
    /// A webhook of the deployment's own, which sends the mails.
    Webhook,
    /// Files in the data folder. Nobody gets a mail.
    Outbox,
    /// None. Whatever needs a mail is refused.
    Off,
}

/// The mails: who sends them, and their names.
#[derive(Clone, Debug)]
pub struct MailSettings {
    /// Chooses the way of mails to people. Defaults to `outbox` on a laptop, else `off`. Accepts
    /// `ses`, `smtp`, `webhook`, `outbox` or `off`. Read from `MAIL`. With `outbox` each mail is a
    /// file in the folder `outbox` of the data folder, and nobody gets it. With `off` the endpoints
    /// that need a mail answer 501. `latchkey serve --external-dynamodb` has the default `off`.
    pub by: MailBy,
    /// Names the mailbox that mails come from. Has no default. Accepts an address, or a name and an
    /// address such as `Herbs <login@herbs.example>`. Read from `MAIL_FROM`. Required with
    /// `MAIL=ses` and `MAIL=smtp`.
    pub from: Option<Mailbox>,
    /// Names the mailbox that answers to mails go to. Has no default. Accepts the same as
    /// `MAIL_FROM`. Read from `MAIL_REPLY_TO`.
    pub reply_to: Option<Mailbox>,
    /// Names the app in mails. Defaults to `Latchkey`. Accepts 1 to 40 characters. Read from
    /// `APP_NAME`.
    pub app: String,
    /// Says whether the subject of a mail shows its code. Defaults to `true`. Accepts `true` or
    /// `false`. Read from `MAIL_CODE_IN_SUBJECT`. A locked screen shows the subject.
    pub code_in_subject: bool,
    /// Limits the mails of a day, in UTC. Defaults to 200. Accepts 1 to 1000000. Read from
    /// `MAIL_PER_DAY`. Later mails of that day are dropped, and the log says so.
    pub per_day: u64,
    /// Holds the URL of the server that accepts mails. Has no default. Accepts
    /// `smtps://user:password@host:465`, or `smtp://user:password@host:587` for STARTTLS. Read from
    /// `SMTP_URL`. Only a server on the same machine gets mails without TLS.
    ///
    /// Names the secret with that URL. Has no default. Accepts the name or the ARN of a secret.
    /// Read from `SMTP_URL_SECRET_ID`.
    pub smtp: Option<Source>,
    /// Holds the secret that signs webhooks. Has no default. Accepts `whsec_` and 24 to 64 bytes in
    /// base64. Read from `MAIL_WEBHOOK_SECRET`. The signature is that of Standard Webhooks.
    ///
    /// Names the secret with that text. Has no default. Accepts the name or the ARN of a secret.
    /// Read from `MAIL_WEBHOOK_SECRET_ID`.
    pub webhook_secret: Option<Source>,
    /// Names the URL that gets each mail with `MAIL=webhook`. Has no default. Accepts a URL that
    /// begins with `https://`, or with `http://` on the same machine. Read from `MAIL_WEBHOOK_URL`.
    /// No redirect is followed, and no address of a private network is called.
    pub webhook_url: Option<Uri>,
    /// Names the configuration set of Amazon SES. Has no default. Accepts 1 to 64 letters, digits,
    /// `-` and `_`. Read from `SES_CONFIGURATION_SET`.
    pub configuration_set: Option<String>,
    /// Sets the URL at which people reach the service, with which links in mails begin. Defaults to
    /// `http://127.0.0.1:PORT` on a laptop. Accepts a URL that begins with `https://` or `http://`.
    /// Read from `PUBLIC_URL`. Without it mails have codes and no links. Lambda and Cloud Run
    /// refuse `http://`.
    pub public_url: Option<String>,
    /// Whether somebody chose the way. Otherwise it is the default of the platform.
    pub is_chosen: bool,
}

impl MailSettings {
    pub(super) fn read(env: &mut Environment) -> Self {
        let (by, is_chosen) = by(env);
        let settings = Self {
            by,
            from: mailbox(env, "MAIL_FROM"),
            reply_to: mailbox(env, "MAIL_REPLY_TO"),
            app: app(env),
            code_in_subject: env.switch("MAIL_CODE_IN_SUBJECT", ("true", "false"), true),
            per_day: env.number("MAIL_PER_DAY", PER_DAY, 1, 1_000_000),
            smtp: smtp(env),
            webhook_secret: webhook_secret(env, "MAIL_WEBHOOK_SECRET_ID", "MAIL_WEBHOOK_SECRET"),
            webhook_url: called_url(env, "MAIL_WEBHOOK_URL"),
            configuration_set: configuration_set(env),
            public_url: public_url(env),
            is_chosen,
        };
        settings.check(env);
        settings
    }

    /// The secret that the chosen way needs.
    pub fn secret(&self) -> Option<&Source> {
        match self.by {
            MailBy::Smtp => self.smtp.as_ref(),
            MailBy::Webhook => self.webhook_secret.as_ref(),
            MailBy::Ses | MailBy::Outbox | MailBy::Off => None,
        }
    }

    /// Refuses a way that lacks what it needs.
    fn check(&self, env: &mut Environment) {
        let needs = |env: &mut Environment, name: &str, is_there: bool, with: &str| {
            if !is_there {
                env.refuse(name, &format!("is required with {with}"));
            }
        };
        match self.by {
            MailBy::Ses => needs(env, "MAIL_FROM", self.from.is_some(), "MAIL=ses"),
            MailBy::Smtp => {
                needs(env, "MAIL_FROM", self.from.is_some(), "MAIL=smtp");
                needs(env, "SMTP_URL_SECRET_ID", self.smtp.is_some(), "MAIL=smtp, or SMTP_URL on a laptop");
            }
            MailBy::Webhook => {
                needs(env, "MAIL_WEBHOOK_URL", self.webhook_url.is_some(), "MAIL=webhook");
                let with = "MAIL=webhook, or MAIL_WEBHOOK_SECRET on a laptop";
                needs(env, "MAIL_WEBHOOK_SECRET_ID", self.webhook_secret.is_some(), with);
            }
            MailBy::Outbox => {
                if let Some(by) = env.platform.deployed_by {
                    let why = format!("is outbox, which keeps mails in files, and {by} says that this is deployed");
                    env.refuse("MAIL", &why);
                }
            }
            MailBy::Off => {}
        }
    }
}

fn by(env: &mut Environment) -> (MailBy, bool) {
    const NAME: &str = "MAIL";
    let is_laptop = !env.platform.on_lambda && !env.platform.on_cloud_run;
    let by = match env.word(NAME).as_deref() {
        None if is_laptop => return (MailBy::Outbox, false),
        None => return (MailBy::Off, false),
        Some("ses") => MailBy::Ses,
        Some("smtp") => MailBy::Smtp,
        Some("webhook") => MailBy::Webhook,
        Some("outbox") => MailBy::Outbox,
        Some("off") => MailBy::Off,
        Some(other) => {
            let hint = match other {
                _ if other.starts_with("smtp://") || other.starts_with("smtps://") => {
                    ": write smtp, and the URL into SMTP_URL"
                }
                _ if other.contains("://") => ": write webhook, and the URL into MAIL_WEBHOOK_URL",
                _ if other.contains('@') => ": the address that mails come from is MAIL_FROM",
                "none" | "false" | "no" | "0" => ": write off",
                _ => "",
            };
            env.refuse(NAME, &format!("must be ses, smtp, webhook, outbox or off{hint}"));
            MailBy::Off
        }
    };
    (by, true)
}

fn mailbox(env: &mut Environment, name: &str) -> Option<Mailbox> {
    Mailbox::parse(&env.quoted(name)?).map_err(|why| env.refuse(name, why)).ok()
}

fn app(env: &mut Environment) -> String {
    const NAME: &str = "APP_NAME";
    let Some(app) = env.text(NAME) else { return APP.to_owned() };
    if app.chars().count() > APP_MAX {
        env.refuse(NAME, "must have at most 40 characters, because it is in the subjects of mails");
    } else if app.contains(['{', '}', '<', '>']) || app.contains("://") || app.chars().any(char::is_control) {
        env.refuse(NAME, "must be a name, without brackets, line breaks and URLs");
    }
    app
}

fn smtp(env: &mut Environment) -> Option<Source> {
    let read = |text: String| SmtpServer::parse(&text).map(|_| Source::Text(text));
    let sources = [env.secret("SMTP_URL_SECRET_ID"), env.value("SMTP_URL", read)];
    env.only(sources)
}

/// The secret that signs calls, from one of these variables.
pub(super) fn webhook_secret(env: &mut Environment, id: &'static str, value: &'static str) -> Option<Source> {
    let read = |text: String| WebhookSecret::parse(&text).map(|_| Source::Text(text)).map_err(str::to_owned);
    let sources = [env.secret(id), env.value(value, read)];
    env.only(sources)
}

/// A URL that this service calls with people's data.
pub(super) fn called_url(env: &mut Environment, name: &'static str) -> Option<Uri> {
    let text = env.text(name)?;
    let url = Url::parse(&text).ok().filter(|url| url.username().is_empty() && url.password().is_none());
    let is_safe = url.is_some_and(|url| match url.host() {
        Some(Host::Domain(_)) if url.scheme() == "https" => true,
        Some(host) => is_this_machine(&host.to_string()) || (url.scheme() == "https" && !is_private(&host)),
        None => false,
    });
    let uri =
        text.parse::<Uri>().ok().filter(|uri| is_safe && uri.scheme_str().is_some_and(|it| it.starts_with("http")));
    if uri.is_none() {
        let rule = "must be a URL that begins with https:// and whose host is no address of a private network; only a \
                    server on this machine may be called by http://";
        env.refuse(name, rule);
    }
    uri
}

/// Whether a host is an address that only machines of one network reach.
fn is_private(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(_) => false,
        Host::Ipv4(address) => crate::fetch::is_private((*address).into()),
        Host::Ipv6(address) => crate::fetch::is_private((*address).into()),
    }
}

fn configuration_set(env: &mut Environment) -> Option<String> {
    let fits = |text: &str| {
        (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    env.checked("SES_CONFIGURATION_SET", fits, "1 to 64 letters, digits, hyphens and underscores")
}

fn public_url(env: &mut Environment) -> Option<String> {
    const NAME: &str = "PUBLIC_URL";
    let url = env.text(NAME)?.trim_end_matches('/').to_owned();
    if let Some(why) = url_fault(&url) {
        env.refuse(NAME, &format!("must be a URL that begins with https://, and this one {why}"));
    } else if let Some(by) = env.platform.deployed_by.filter(|_| url.starts_with("http://")) {
        env.refuse(NAME, &format!("must begin with https://, as {by} says that this is deployed"));
    }
    Some(url)
}
