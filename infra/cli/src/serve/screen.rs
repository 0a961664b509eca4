//! The first lines of `latchkey serve`: a screen on a terminal, else one line.

use std::{fmt::Write as _, path::Path};

use anstyle::{AnsiColor, Style};
use shared::{
    account::sign_up::SignUp,
    config::{Config, MailBy},
    keys::{Source, TokenProfile},
};

use crate::{columns, deployment};

/// The column in which notes begin.
const INDENT: usize = 6;

const NAME: Style = Style::new().bold();
const ADDRESS: Style = AnsiColor::Cyan.on_default().bold();
const NOTE: Style = AnsiColor::Yellow.on_default();

/// The facts of a server that has started.
pub struct Started<'a> {
    /// The configuration, with the keys and the account that are in use.
    pub config: &'a Config,
    /// The URL on this machine.
    pub base: &'a str,
    /// Some letters, so that each start has an example of its own.
    pub example: &'a str,
    /// Whether the accounts are in a DynamoDB elsewhere.
    pub is_external: bool,
    /// Sentences about settings that have no effect or are mistyped.
    pub advice: &'a [String],
    /// The columns of the terminal. `None` if there is none.
    pub columns: Option<usize>,
}

impl Started<'_> {
    /// One line for a program that starts the server, or for a log.
    pub fn line(&self) -> String {
        let next = match self.example_body() {
            Some(body) => {
                format!("try: curl -sS {}/create-account -H 'content-type: application/json' -d '{body}'", self.base)
            }
            None => "SIGN_UP lets nobody in by themselves, so make an account: latchkey users create EMAIL".to_owned(),
        };
        format!("Latchkey listens on {} — {next}\n", self.base)
    }

    /// The screen for a person at a terminal.
    pub fn screen(&self) -> String {
        let mut screen = format!(
            "\n{NAME}Latchkey {}{NAME:#} listens on {ADDRESS}{}{ADDRESS:#}\n\n",
            env!("CARGO_PKG_VERSION"),
            self.base
        );
        for (name, value) in [
            ("accounts", self.accounts()),
            ("keys", self.keys()),
            ("jwt_token", self.jwt_token()),
            ("pages", self.pages().to_owned()),
            ("mail", self.mail()),
            ("sign-up", self.sign_up().to_owned()),
            ("log", "one line a request, in UTC; LOG_FORMAT=json for programs".to_owned()),
            ("stop", "Ctrl-C; a second Ctrl-C does not wait for open requests".to_owned()),
        ] {
            // Writing into a text cannot fail.
            let _ = writeln!(screen, "  {NAME}{name:11}{NAME:#}{}", value.replace('\n', "\n             "));
        }
        for sentence in self.advice {
            let sentence = columns::wrapped(sentence, INDENT, self.columns);
            let _ = writeln!(screen, "\n{NOTE}note:{NOTE:#} {sentence}");
        }
        screen + &self.next_step() + "\n"
    }

    fn accounts(&self) -> String {
        if self.is_external {
            return format!("the table {} of the DynamoDB that AWS's variables name", self.config.table_name);
        }
        shown(&self.config.serve.data_dir.join(deployment::DATABASE))
    }

    fn keys(&self) -> String {
        match &self.config.keys.signing_keys {
            Some(Source::File(path)) => shown(path),
            Some(Source::Secret(id)) => format!("the secret {id}"),
            Some(Source::Text(_)) | None => shown(&self.config.serve.data_dir.join(deployment::SIGNING_KEYS)),
        }
    }

    fn jwt_token(&self) -> String {
        let firebase = &self.config.firebase;
        let text = match self.config.tokens.profile {
            Some(TokenProfile::SharedSecret) => "an HS256 token, signed with the shared secret",
            None | Some(TokenProfile::Firebase) if firebase.is_demo && firebase.emulator_host.is_some() => {
                "a Firebase custom token, for signInWithCustomToken()\non the Auth emulator"
            }
            None | Some(TokenProfile::Firebase) if firebase.is_demo => {
                "a Firebase custom token of a demo account: only the\nAuth emulator accepts it. For your own project set\n\
                 FIREBASE_SERVICE_ACCOUNT=path/to/file.json"
            }
            None | Some(TokenProfile::Firebase) if firebase.has_account() => {
                "a Firebase custom token, for signInWithCustomToken()"
            }
            None | Some(TokenProfile::Firebase | TokenProfile::Access) => {
                "the same as access_token, signed with the keys"
            }
        };
        text.to_owned()
    }

    fn sign_up(&self) -> &'static str {
        match self.config.accounts.sign_up {
            SignUp::Open => "open to everybody (SIGN_UP)",
            SignUp::Domains(_) => "open to the e-mail domains of SIGN_UP",
            SignUp::Invited | SignUp::Closed => "closed by SIGN_UP: latchkey users create EMAIL, or invite EMAIL",
        }
    }

    fn pages(&self) -> &'static str {
        if self.config.http.console {
            "open the address in a browser: forms, guides, a token doctor"
        } else {
            "turned off by CONSOLE"
        }
    }

    fn mail(&self) -> String {
        match self.config.mail.by {
            MailBy::Outbox => {
                let folder = shown(&self.config.serve.data_dir.join("outbox"));
                let page = format!("\n{}/outbox shows them", self.base);
                let page = if self.config.serve.shows_outbox { page } else { String::new() };
                format!("files in {folder}; codes show here (MAIL){page}")
            }
            MailBy::Ses => "by Amazon SES".to_owned(),
            MailBy::Smtp => "by the server of SMTP_URL".to_owned(),
            MailBy::Webhook => "by your webhook".to_owned(),
            MailBy::Off => "off: a forgotten password has no way out (MAIL)".to_owned(),
        }
    }

    fn next_step(&self) -> String {
        let Some(body) = self.example_body() else {
            return "\nMake an account, in another terminal:\n\n  latchkey users create EMAIL\n".to_owned();
        };
        format!(
            "\nTry it, in another terminal:\n\n  curl -sS {}/create-account \\\n    -H 'content-type: application/json' \\\n    \
             -d '{body}'\n",
            self.base
        )
    }

    /// The body of a request that creates an account. `None` if `SIGN_UP` lets nobody in.
    fn example_body(&self) -> Option<String> {
        let domain = match &self.config.accounts.sign_up {
            SignUp::Open => "example.com",
            SignUp::Domains(domains) => domains.first().map_or("example.com", String::as_str),
            SignUp::Invited | SignUp::Closed => return None,
        };
        Some(format!(r#"{{"email":"try-{}@{domain}","password":"correct horse battery"}}"#, self.example))
    }
}

fn shown(path: &Path) -> String {
    crate::escape::shown(&path.display().to_string())
}
