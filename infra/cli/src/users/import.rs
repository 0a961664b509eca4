//! Imports accounts from elsewhere, one a line.

use std::{
    fs::File,
    io::{self, BufRead, BufReader, Write},
    path::Path,
};

use serde_json::{Map, Value, json};
use shared::{
    App,
    account::{
        email::{Email, Username},
        user::{self, ROLE_ID_NEW, User},
    },
    jose::json,
    password::StoredHash,
    token::custom::is_uid,
};

use crate::{Failure, lines::Lines, written};

/// The keys that a line may have. Any other key is refused, because it may be mistyped.
const KEYS: [&str; 8] = ["email", "password_hash", "username", "name", "email_verified", "role_id", "disabled", "id"];

/// Stores the accounts of a file or of standard input. Answers each line before it reads the next.
pub async fn run(app: &App, file: &Path) -> Result<(), Failure> {
    let unreadable = |error: io::Error| Failure::from(format!("{} cannot be read: {error}.", file.display()));
    let input: Box<dyn BufRead> = if file.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(BufReader::new(File::open(file).map_err(unreadable)?))
    };
    let (mut lines, mut output, mut all_ok) = (Lines::new(input), io::stdout(), true);
    let mut is_first = true;
    while let Some(line) = lines.read_filled().map_err(unreadable)? {
        if let Some(why) = line.as_ref().ok().filter(|_| is_first).and_then(|line| other_format(line)) {
            return Err(Failure::from(format!("Nothing was imported. {why}")));
        }
        is_first = false;
        let answer = match line.and_then(Line::parse) {
            Ok(line) => line.store(app).await,
            Err(why) => Err(why),
        };
        all_ok &= answer.is_ok();
        let answer = match answer {
            Ok(id) => json!({"ok": true, "id": id, "line": lines.number()}),
            Err(error) => json!({"ok": false, "error": error, "line": lines.number()}),
        };
        let answered = writeln!(output, "{answer}").and_then(|()| output.flush());
        if answered.is_err() {
            return written(answered);
        }
    }
    if all_ok { Ok(()) } else { Err(Failure::said()) }
}

/// Tells from its first line that a file has another format than one JSON object a line.
fn other_format(first: &[u8]) -> Option<&'static str> {
    let first = first.trim_ascii();
    if first.starts_with(b"\xff\xfe") || first.starts_with(b"\xfe\xff") || first.iter().take(2).any(|byte| *byte == 0) {
        return Some("The file is UTF-16. Save it as UTF-8 and import it again.");
    }
    if first.starts_with(b"[") {
        return Some(
            "The file is a JSON array. Write one object a line, without the brackets and without commas between the \
             lines: `jq -c '.[]'` does.",
        );
    }
    let without_space: Vec<u8> = first.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).take(9).collect();
    if first == b"{" || without_space == b"{\"users\":" {
        return Some(
            "The file is one JSON document, such as the export of Firebase. Write one object a line, as \
             `jq -c '.users[]'` does, and name its keys as an import does.",
        );
    }
    if !first.starts_with(b"{") && first.contains(&b',') {
        return Some("The file looks like CSV. Write one JSON object a line, as in {\"email\":\"ada@example.com\"}.");
    }
    None
}

/// The account that a line describes.
struct Line {
    email: Email,
    password_hash: Option<StoredHash>,
    username: Option<Username>,
    name: String,
    email_verified: bool,
    role_id: u32,
    disabled: bool,
    id: Option<String>,
}

impl Line {
    /// Reads a line by the rules of /create-account, except that unknown keys are refused. The
    /// error never quotes a value, because a value in the wrong place may be a hash.
    fn parse(line: &[u8]) -> Result<Self, String> {
        let mut fields = Fields(json::object(line).map_err(|refusal| format!("The line {refusal}."))?);
        if fields.0.keys().any(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("The line has an unknown key. The keys are {}.", KEYS.join(", ")));
        }
        let email = fields.text("email")?.ok_or("`email` is required.")?;
        let username = fields.text("username")?.filter(|username| !username.is_empty());
        let hash = fields.text("password_hash")?.map(|text| StoredHash::imported(&text)).transpose();
        let hash = hash.map_err(|why| format!("`password_hash`: {why}"))?;
        let id = fields.text("id")?;
        if id.as_ref().is_some_and(|id| !is_uid(id) || id.chars().any(char::is_control)) {
            return Err("`id` is not a text of 1 to 128 bytes without control characters.".to_owned());
        }
        let about = |name: &'static str| move |sentence: &str| format!("`{name}`: {sentence}");
        Ok(Self {
            email: Email::parse(&email).map_err(about("email"))?,
            password_hash: hash,
            username: username.map(|text| Username::parse(&text)).transpose().map_err(about("username"))?,
            name: user::name(&fields.text("name")?.unwrap_or_default()).map_err(about("name"))?,
            email_verified: fields.flag("email_verified")?,
            role_id: fields.role_id()?,
            disabled: fields.flag("disabled")?,
            id,
        })
    }

    /// Stores the account, and returns its id.
    async fn store(self, app: &App) -> Result<String, String> {
        let now = app.now();
        let keeps_id = self.id.is_some();
        let id = self.id.map_or_else(|| app.uuid(), Ok).map_err(|error| error.cause())?;
        let mut user = User {
            role_id: self.role_id,
            email_verified: self.email_verified,
            disabled: self.disabled,
            password_hash: self.password_hash,
            ..User::new(id, &self.email, self.username.as_ref(), self.name, StoredHash::new(""), now)
        };
        if keeps_id {
            // An account with this id may have existed before, with an epoch that counted from 0. A
            // later epoch keeps its sessions ended, and no sign-in from before counts.
            user.epoch = now.milliseconds().unsigned_abs();
            user.sessions_ended_at = Some(now);
            user.imported_uid = true;
        }
        app.store().import_user(&user).await.map_err(|error| error.cause())?;
        super::audit(app, "account_imported", &user);
        Ok(user.id)
    }
}

/// The values of a line. `null` counts as missing.
struct Fields(Map<String, Value>);

impl Fields {
    fn text(&mut self, name: &str) -> Result<Option<String>, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(_) => Err(format!("`{name}` must be text.")),
        }
    }

    fn flag(&mut self, name: &str) -> Result<bool, String> {
        match self.0.remove(name) {
            None | Some(Value::Null) => Ok(false),
            Some(Value::Bool(flag)) => Ok(flag),
            Some(_) => Err(format!("`{name}` must be true or false.")),
        }
    }

    /// A role id is at least 1, because 0 stands for a token without a role.
    fn role_id(&mut self) -> Result<u32, String> {
        match self.0.remove("role_id") {
            None | Some(Value::Null) => Ok(ROLE_ID_NEW),
            Some(value) => {
                let number = value.as_u64().and_then(|number| u32::try_from(number).ok()).filter(|number| *number > 0);
                number.ok_or_else(|| format!("`role_id` must be a whole number from 1 to {}.", u32::MAX))
            }
        }
    }
}
