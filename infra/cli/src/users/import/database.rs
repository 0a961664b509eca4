//! The SQLite files of better-auth and of PocketBase, read row by row.

use std::{collections::VecDeque, fs::File, io::Read, path::Path};

use rusqlite::{Connection, OpenFlags, Row, types::ValueRef};
use serde_json::{Map, Value};

use super::records::Record;

/// The beginning of each SQLite file (sqlite.org/fileformat.html, section 1.3).
const MAGIC: &[u8; 16] = b"SQLite format 3\0";
/// The rows that are read at a time.
const PAGE_ROWS: usize = 500;
/// The table with the collections of PocketBase.
const COLLECTIONS: &str = "_collections";
/// The usual collection of people in PocketBase.
const USERS: &str = "users";
/// The usual table of people in better-auth.
const USER: &str = "user";

/// A SQLite file with accounts. It is only read.
pub struct Database {
    connection: Connection,
    query: String,
    form: String,
    page: VecDeque<(i64, Record)>,
    /// The row that was read last, and the number of rows so far.
    last: (i64, u64),
}

impl Database {
    /// Whether a file is one of SQLite.
    pub fn is_at(path: &Path) -> bool {
        let mut first = [0; MAGIC.len()];
        path.is_file() && File::open(path).and_then(|mut file| file.read_exact(&mut first)).is_ok() && first == *MAGIC
    }

    /// Opens a file, and finds the table of the accounts.
    ///
    /// # Errors
    ///
    /// A phrase: SQLite cannot read the file, or no table has accounts.
    pub fn open(path: &Path, table: Option<&str>) -> Result<Self, String> {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).map_err(fault)?;
        let tables = names(&connection, "SELECT name FROM sqlite_master WHERE type = 'table'")?;
        let (query, form) = if tables.iter().any(|name| name == COLLECTIONS) {
            let collection = collection(&connection, table)?;
            let query = format!("SELECT u.rowid, u.* FROM {} u", quoted(&collection));
            (query, format!("the SQLite file of PocketBase, collection {collection}"))
        } else {
            let table = table.unwrap_or(USER);
            let accounts = if table.ends_with('s') { "accounts" } else { "account" };
            if ![table, accounts].iter().all(|name| tables.iter().any(|known| known == name)) {
                return Err(format!(
                    "it has no tables {table} and {accounts}, as a file of better-auth has, and none of PocketBase's. \
                     --table NAME names the table of the accounts"
                ));
            }
            let password = format!(
                "(SELECT a.password FROM {} a WHERE a.userId = u.id AND a.providerId = 'credential')",
                quoted(accounts)
            );
            let query = format!("SELECT u.rowid, u.*, {password} AS password FROM {} u", quoted(table));
            (query, "the SQLite file of better-auth".to_owned())
        };
        let query = format!("{query} WHERE u.rowid > ?1 ORDER BY u.rowid LIMIT {PAGE_ROWS}");
        Ok(Self { connection, query, form, page: VecDeque::new(), last: (i64::MIN, 0) })
    }

    /// The name of the form, for people.
    pub fn form(&self) -> String {
        self.form.clone()
    }

    /// The next row, whose line is its number. `None` at the end.
    ///
    /// # Errors
    ///
    /// A phrase: SQLite cannot read the file.
    pub fn read(&mut self) -> Result<Option<Record>, String> {
        if self.page.is_empty() {
            self.page = self.next_page().map_err(fault)?;
        }
        let Some((row, mut record)) = self.page.pop_front() else { return Ok(None) };
        self.last = (row, self.last.1 + 1);
        record.line = self.last.1;
        Ok(Some(record))
    }

    fn next_page(&self) -> rusqlite::Result<VecDeque<(i64, Record)>> {
        let mut statement = self.connection.prepare_cached(&self.query)?;
        let columns: Vec<String> = statement.column_names().into_iter().map(str::to_owned).collect();
        let rows = statement.query_map([self.last.0], |row| {
            let values =
                columns.iter().enumerate().skip(1).filter_map(|(index, name)| value(row, index, name).transpose());
            Ok((row.get(0)?, Record { line: 0, values: Ok(values.collect::<rusqlite::Result<Map<_, _>>>()?) }))
        })?;
        rows.collect()
    }
}

/// A value as text, as in CSV. `None` for a column without one, and for bytes.
fn value(row: &Row<'_>, index: usize, name: &str) -> rusqlite::Result<Option<(String, Value)>> {
    let text = match row.get_ref(index)? {
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned(),
        ValueRef::Null | ValueRef::Blob(_) => return Ok(None),
    };
    Ok(Some((name.to_owned(), Value::String(text))))
}

/// The collection of PocketBase that has the accounts: the one that is asked for, the usual one, or
/// the only one. The collection of its own administrators does not count.
fn collection(connection: &Connection, wanted: Option<&str>) -> Result<String, String> {
    let query = "SELECT name FROM _collections WHERE type = 'auth' AND name NOT LIKE '\\_%' ESCAPE '\\' ORDER BY name";
    let all = names(connection, query)?;
    let one = match (wanted, all.as_slice()) {
        (Some(wanted), _) => all.iter().find(|name| *name == wanted),
        (None, [only]) => Some(only),
        (None, _) => all.iter().find(|name| *name == USERS),
    };
    one.cloned().ok_or_else(|| {
        format!("its collections of accounts are {}. --table NAME says which one is meant", all.join(", "))
    })
}

fn names(connection: &Connection, query: &str) -> Result<Vec<String>, String> {
    let read = |connection: &Connection| {
        let mut statement = connection.prepare(query)?;
        let names = statement.query_map([], |row| row.get(0))?;
        names.collect::<rusqlite::Result<Vec<String>>>()
    };
    read(connection).map_err(fault)
}

fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

#[expect(clippy::needless_pass_by_value, reason = "the form that map_err asks for")]
fn fault(error: rusqlite::Error) -> String {
    format!("SQLite says: {error}")
}
