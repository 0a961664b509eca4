//! `latchkey users export`: every account as a line that `latchkey users import` reads again.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;
use serde::Serialize;
use shared::{
    App,
    account::{metadata::Metadata, user::User},
};

use super::{accounts, broken, failure, list::tell_of_damaged};
use crate::{Failure, escape, files::PrivateFile, flags::advise, tell, written};

/// The accounts that are read at a time.
const PAGE: usize = 500;

/// `latchkey users export`.
#[derive(Args)]
pub struct Export {
    /// The file to write, which must not exist. Only you will be able to read it. Without it, or
    /// with -, the lines go to standard output.
    file: Option<PathBuf>,
    /// Export the password hashes too. Whoever has such a file can guess the passwords of everybody
    /// in it.
    #[arg(long)]
    with_passwords: bool,
}

/// The line of one account: the keys of an import.
#[derive(Serialize)]
struct Line<'a> {
    id: &'a str,
    imported_uid: bool,
    email: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    name: &'a str,
    role_id: u32,
    email_verified: bool,
    disabled: bool,
    created_at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a Metadata>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
}

impl<'a> From<&'a User> for Line<'a> {
    fn from(user: &'a User) -> Self {
        Self {
            id: &user.id,
            imported_uid: user.imported_uid,
            email: &user.email,
            username: user.username.as_deref(),
            name: &user.name,
            role_id: user.role_id,
            email_verified: user.email_verified,
            disabled: user.disabled,
            created_at: user.created_at.rfc3339_exact(),
            metadata: Some(&user.metadata).filter(|metadata| !metadata.is_empty()),
            password_hash: user.password_hash.as_ref().map(|hash| hash.as_str()),
        }
    }
}

impl Export {
    /// Writes the accounts, either to a whole file or to standard output.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let Some(path) = self.file.as_ref().filter(|path| path.as_os_str() != "-") else {
            let mut out = BufWriter::new(io::stdout().lock());
            let exported = self.write(app, &mut out).await?;
            written(exported.and_then(|count| out.flush().map(|()| count)).map(|count| self.tell(count, None)))?;
            return Ok(());
        };
        let mut file = PrivateFile::create(path)?;
        let unwritable = |error: io::Error| format!("{} cannot be written: {error}.", path.display());
        let count = self.write(app, &mut file).await?.map_err(unwritable)?;
        file.finish()?;
        self.tell(count, Some(path));
        Ok(())
    }

    /// Writes a line for each account, and returns their number.
    async fn write(&self, app: &App, out: &mut impl Write) -> Result<io::Result<u64>, Failure> {
        let (mut after, mut count) = (None, 0);
        loop {
            let mut page = app.store().users_page(None, after.as_deref(), PAGE).await.map_err(failure)?;
            tell_of_damaged(&page.damaged);
            if self.with_passwords {
                page.users = app.store().with_hashes(page.users).await.map_err(failure)?;
            }
            for user in &page.users {
                if let Err(error) = writeln!(out, "{}", escape::json_line(&Line::from(user))?) {
                    return Ok(Err(error));
                }
                count += 1;
            }
            if page.next.is_none() {
                return Ok(Ok(count));
            }
            after = page.next;
        }
    }

    fn tell(&self, count: u64, path: Option<&PathBuf>) {
        match path {
            Some(path) => {
                advise(&format!("{} written to {}, which only you can read", accounts(count), path.display()))
            }
            None => advise(&format!("{} exported", accounts(count))),
        }
        if self.with_passwords {
            tell(&broken(
                "the lines have password hashes: whoever gets them can guess the passwords of these people, without a limit \
                 and unseen; keep the file as you keep the signing keys, and delete it after the import",
            ));
        } else {
            advise("the lines have no password hashes; --with-passwords adds them");
        }
    }
}
