//! `latchkey users export`: every account as a line that `latchkey users import` reads again.

use std::{
    io::{self, BufWriter, Write},
    path::PathBuf,
};

use clap::Args;
use shared::{App, auth::export::Line};

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
                if let Err(error) = writeln!(out, "{}", escape::json_line(&Line::with_hash(user))?) {
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
