//! `latchkey users list`, `search` and `count`.

use std::io::{self, IsTerminal, Write};

use anstyle::{AnsiColor, Style};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use clap::Args;
use rustix::termios::tcgetwinsize;
use shared::{
    App,
    account::user::User,
    store::{Search, UserPage},
};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{
    broken, failure,
    view::{UserView, state},
};
use crate::{
    Failure,
    escape::{self, address, shown},
    flags::{Json, advise, number},
    tell, written,
};

/// The accounts of a page at a terminal.
const LIMIT_AT_TERMINAL: usize = 50;
/// The accounts that are read at a time.
const PAGE: usize = 500;
/// The columns of a terminal that does not tell its width.
const WIDTH: usize = 80;
/// The width from which on the ids have a column too.
const WIDTH_WITH_IDS: usize = 120;
const ID_WIDTH: usize = 36;
const STATE_WIDTH: usize = 10;
const ROLE_WIDTH: usize = 5;
const DATE_WIDTH: usize = 10;
const GAP: usize = 2;

/// `latchkey users list`.
#[derive(Args)]
pub struct List {
    /// The most accounts to list. The default is 50 at a terminal, and all of them elsewhere.
    #[arg(long, value_name = "N", value_parser = number::<u32>(1, u32::MAX.into()))]
    limit: Option<u32>,
    /// Go on behind the page that named this token.
    #[arg(long, value_name = "TOKEN", allow_hyphen_values = true)]
    page_token: Option<String>,
    #[command(flatten)]
    json: Json,
}

/// `latchkey users search`.
#[derive(Args)]
pub struct SearchFor {
    /// A part of an e-mail address, a username, a name or an id, in any case.
    #[arg(allow_hyphen_values = true)]
    text: String,
    #[command(flatten)]
    list: List,
}

/// `latchkey users count`.
#[derive(Args)]
pub struct Count {
    /// Print the number of all accounts alone. An index has it, so that the table is not read.
    #[arg(long)]
    total: bool,
    #[command(flatten)]
    json: Json,
}

impl List {
    /// Lists the accounts, a page after the other.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        self.pages(app, None).await
    }

    async fn pages(self, app: &App, search: Option<&Search>) -> Result<(), Failure> {
        let mut after = self.page_token.as_deref().map(id_of).transpose()?;
        let is_terminal = io::stdout().is_terminal();
        let limit = match self.limit {
            Some(limit) => usize::try_from(limit).unwrap_or(usize::MAX),
            None if is_terminal => LIMIT_AT_TERMINAL,
            None => usize::MAX,
        };
        let mut output: Box<dyn Output> = match (self.json.json, is_terminal) {
            (true, _) => Box::new(Document { out: io::stdout().lock(), is_first: true }),
            (false, true) => Box::new(Table::new(width())),
            (false, false) => Box::new(Tabs(io::stdout().lock())),
        };
        let (mut listed, mut damaged) = (0, Vec::new());
        let next = loop {
            let wanted = (limit - listed).min(PAGE);
            let page = app.store().users_page(search, after.as_deref(), wanted).await.map_err(failure)?;
            let UserPage { users, damaged: unread, next } = page;
            listed += users.len();
            damaged.extend(unread);
            if let Err(error) = users.iter().try_for_each(|user| output.user(user)) {
                return written(Err(error));
            }
            if next.is_none() || listed == limit {
                break next;
            }
            after = next;
        };
        let token = next.as_deref().map(token_of);
        written(output.end(token.as_deref().unwrap_or_default()))?;
        tell_of_damaged(&damaged);
        match token {
            Some(token) => advise(&broken(&format!("{listed} shown; for the next ones add --page-token {token}"))),
            None if is_terminal && !self.json.json => advise(&broken(&format!("{listed} shown, and these are all"))),
            None => {}
        }
        Ok(())
    }
}

impl SearchFor {
    /// Lists the accounts that have the text.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let text = shared::text::trimmed(&self.text);
        if text.is_empty() {
            return Err(Failure::wrong_use("Give a part of an e-mail address, a username, a name or an id."));
        }
        self.list.pages(app, Some(&Search::new(text))).await
    }
}

impl Count {
    /// Prints the number of accounts, in all and by state.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let rows = if self.total { vec![("all", total(app).await?)] } else { by_state(app).await? };
        let mut out = io::stdout();
        if self.json.json {
            let document: serde_json::Map<_, _> =
                rows.iter().map(|(name, count)| ((*name).to_owned(), (*count).into())).collect();
            return written(writeln!(out, "{}", escape::json(&document)?));
        }
        written(rows.iter().try_for_each(|(name, count)| writeln!(out, "{name:<12} {count:>9}")))
    }
}

async fn by_state(app: &App) -> Result<Vec<(&'static str, u64)>, Failure> {
    let counts = app.store().count_users().await.map_err(failure)?;
    Ok(vec![
        ("all", counts.all),
        ("verified", counts.verified),
        ("unverified", counts.unverified),
        ("disabled", counts.disabled),
        ("imported_uid", counts.imported),
    ])
}

async fn total(app: &App) -> Result<u64, Failure> {
    let counted = app.store().count_listed().await.map_err(failure)?;
    Ok(counted
        .ok_or("The index lacks accounts from before release 0.2. Run `latchkey table upgrade` once.".to_owned())?)
}

/// Tells which accounts have a record that cannot be read.
pub fn tell_of_damaged(keys: &[String]) {
    for key in keys {
        tell(&format!("the record {} is damaged and left out", shown(key)));
    }
}

/// An id as a page token: letters that need no quotes in a shell.
fn token_of(id: &str) -> String {
    URL_SAFE_NO_PAD.encode(id)
}

fn id_of(token: &str) -> Result<String, Failure> {
    let id = URL_SAFE_NO_PAD.decode(token.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
    id.filter(|id| !id.is_empty()).ok_or_else(|| Failure::wrong_use("--page-token is no token that a list has named."))
}

/// The columns of the terminal.
fn width() -> usize {
    let columns = tcgetwinsize(io::stdout()).map_or(0, |size| usize::from(size.ws_col));
    if columns == 0 { WIDTH } else { columns }
}

/// A form of the list.
trait Output {
    fn user(&mut self, user: &User) -> io::Result<()>;
    fn end(&mut self, token: &str) -> io::Result<()>;
}

/// One JSON document, written as its accounts are read.
struct Document {
    out: io::StdoutLock<'static>,
    is_first: bool,
}

impl Document {
    fn begin(&mut self) -> &'static str {
        if std::mem::take(&mut self.is_first) { "{\"users\":[\n" } else { ",\n" }
    }
}

impl Output for Document {
    fn user(&mut self, user: &User) -> io::Result<()> {
        let before = self.begin();
        write!(self.out, "{before}{}", escape::json_line(&UserView::from(user)).map_err(io::Error::other)?)
    }

    fn end(&mut self, token: &str) -> io::Result<()> {
        let before = if self.is_first { self.begin() } else { "\n" };
        writeln!(self.out, "{before}],\"next_page_token\":\"{token}\"}}")
    }
}

/// Lines for programs: the values whole, with tabs between them and without a header.
struct Tabs(io::StdoutLock<'static>);

impl Output for Tabs {
    fn user(&mut self, user: &User) -> io::Result<()> {
        let username = user.username.as_deref().unwrap_or_default();
        let (role, made) = (user.role_id.to_string(), user.created_at.rfc3339());
        let values = [&user.id, &user.email, username, &user.name, &role, state(user), &made];
        writeln!(self.0, "{}", values.map(shown).join("\t"))
    }

    fn end(&mut self, _: &str) -> io::Result<()> {
        self.0.flush()
    }
}

/// A table for people that fits the width of the terminal.
struct Table {
    email: usize,
    username: usize,
    id: Option<usize>,
    has_header: bool,
}

impl Table {
    fn new(width: usize) -> Self {
        let id = (width >= WIDTH_WITH_IDS).then_some(ID_WIDTH);
        let fixed = STATE_WIDTH + ROLE_WIDTH + DATE_WIDTH + 4 * GAP + id.map_or(0, |id| id + GAP);
        let free = width.saturating_sub(fixed).max(24);
        let username = free / 3;
        Self { email: free - username, username, id, has_header: false }
    }

    /// Writes a line, with a style for the whole of it and another one for the state.
    fn line(&self, [email, username, state, role, made, id]: [&str; 6], whole: Style, style: Style) -> io::Result<()> {
        let mut cells = vec![
            fitted(email, self.email),
            fitted(username, self.username),
            format!("{style}{}{style:#}", fitted(state, STATE_WIDTH)),
            fitted(role, ROLE_WIDTH),
            fitted(made, DATE_WIDTH),
        ];
        cells.extend(self.id.map(|width| fitted(id, width)));
        let gap = " ".repeat(GAP);
        writeln!(anstream::stdout(), "{whole}{}{whole:#}", cells.join(&gap).trim_end())
    }
}

impl Output for Table {
    fn user(&mut self, user: &User) -> io::Result<()> {
        if !std::mem::replace(&mut self.has_header, true) {
            let bold = Style::new().bold();
            self.line(["E-MAIL", "USERNAME", "STATE", "ROLE", "MADE", "ID"], bold, Style::new())?;
        }
        let style = match state(user) {
            "disabled" => AnsiColor::Red.on_default(),
            "unverified" => AnsiColor::Yellow.on_default(),
            _ => Style::new(),
        };
        let (username, made) = (user.username.as_deref().unwrap_or_default(), user.created_at.rfc3339());
        let date = made.get(..DATE_WIDTH).unwrap_or_default();
        self.line(
            [&address(&user.email), &shown(username), state(user), &user.role_id.to_string(), date, &shown(&user.id)],
            Style::new(),
            style,
        )
    }

    fn end(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }
}

/// A text in exactly `width` columns: filled up, or cut off with an ellipsis.
fn fitted(text: &str, width: usize) -> String {
    let columns = text.width();
    if columns <= width {
        return format!("{text}{}", " ".repeat(width - columns));
    }
    let mut cut = String::new();
    for letter in text.chars() {
        if cut.width() + letter.width().unwrap_or(0) + 1 > width {
            break;
        }
        cut.push(letter);
    }
    cut.push('…');
    let columns = cut.width();
    format!("{cut}{}", " ".repeat(width.saturating_sub(columns)))
}
