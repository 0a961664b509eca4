//! Shows an account without its secrets.

use std::io::{self, Write};

use serde::Serialize;
use shared::{
    App,
    account::{session::Session, user::User},
    keys::Pseudonyms,
};

use super::{failure, view::UserView};
use crate::{
    Failure,
    escape::{self, address, shown},
    written,
};

/// Prints the account and its live sessions.
pub async fn show(app: &App, user: &User, json: bool) -> Result<(), Failure> {
    let now = app.now();
    let whole = if user.origin.is_without_hash { app.store().credentials(user).await.map_err(failure)? } else { None };
    let user = whole.as_ref().unwrap_or(user);
    let mut sessions = app.store().sessions_of(&user.id).await.map_err(failure)?;
    sessions.retain(|session| session.is_live(user, now));
    sessions.sort_by_key(|session| session.auth_time);
    sessions.reverse();
    let names = app.keys().pseudonyms();
    written(if json {
        writeln!(io::stdout(), "{}", escape::json(&AccountView::of(user, &sessions, names))?)
    } else {
        write_lines(&mut io::stdout(), user, &sessions, names)
    })
}

/// The account as JSON, with its sessions.
#[derive(Serialize)]
struct AccountView<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    password: &'a str,
    sessions: Vec<SessionTimes>,
    log: LogNames,
}

#[derive(Serialize)]
struct SessionTimes {
    created_at: String,
    refreshed_at: String,
    expires_at: String,
}

/// The pseudonyms by which the log names the account.
#[derive(Serialize)]
struct LogNames {
    identities: Vec<String>,
    user: String,
}

impl<'a> AccountView<'a> {
    fn of(user: &'a User, sessions: &[Session], names: &Pseudonyms) -> Self {
        let times = |session: &Session| SessionTimes {
            created_at: session.auth_time.rfc3339(),
            refreshed_at: session.made_at(session.counter).rfc3339(),
            expires_at: session.expires_at.rfc3339(),
        };
        Self {
            user: user.into(),
            password: password(user),
            sessions: sessions.iter().map(times).collect(),
            log: LogNames {
                identities: user.identifiers().map(|key| names.of(key)).collect(),
                user: names.of(&user.id),
            },
        }
    }
}

fn password(user: &User) -> &str {
    user.password_hash.as_ref().map_or("none", |hash| hash.kind())
}

fn write_lines(out: &mut impl Write, user: &User, sessions: &[Session], names: &Pseudonyms) -> io::Result<()> {
    let or_none = |text: &str| if text.is_empty() { "—".to_owned() } else { shown(text) };
    let verified = if user.email_verified { "verified" } else { "not verified" };
    for (label, value) in [
        ("id", shown(&user.id)),
        ("e-mail", format!("{} ({verified})", address(&user.email))),
        ("username", or_none(user.username.as_deref().unwrap_or_default())),
        ("name", or_none(&user.name)),
        ("metadata", if user.metadata.is_empty() { "—".to_owned() } else { shown(user.metadata.text()) }),
        ("role", user.role_id.to_string()),
        ("state", if user.disabled { "disabled" } else { "enabled" }.to_owned()),
        ("made", user.created_at.readable()),
        ("password", password(user).to_owned()),
        ("live sessions", sessions.len().to_string()),
    ] {
        writeln!(out, "{label}: {value}")?;
    }
    for session in sessions {
        let (since, refreshed) = (session.auth_time.readable(), session.made_at(session.counter).readable());
        writeln!(out, "  since {since}, refreshed {refreshed}, until {}", session.expires_at.readable())?;
    }
    for (kind, key) in ["e-mail", "username"].into_iter().zip(user.identifiers()) {
        writeln!(out, "identity in the log, by {kind}: {}", names.of(key))?;
    }
    writeln!(out, "user in the log: {}", names.of(&user.id))
}
