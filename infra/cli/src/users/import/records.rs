//! The records of a file, one for each account, whatever the form of the file.

use std::{
    collections::HashMap,
    io::{self, BufRead, BufReader, Read},
};

use serde_json::{Map, Value};
use shared::{
    auth::import::{is_email_column, record},
    jose::json,
    text::{trimmed, visible},
};

use super::{
    database::Database,
    document::{Document, MEMBERS},
};
use crate::{files::BUFFER_BYTES, lines::Lines};

/// An input in UTF-8.
pub type Input = BufReader<Box<dyn Read>>;

/// The fewest columns of Firebase's CSV, which has no header. The oldest form ends with the phone
/// number.
const FIREBASE_COLUMNS_MIN: usize = 26;
/// The columns of Firebase's CSV that mean something here (github.com/firebase/firebase-tools,
/// `accountExporter.ts`).
const FIREBASE_COLUMNS: [(usize, &str); 11] = [
    (0, "localId"),
    (1, "email"),
    (2, "emailVerified"),
    (3, "passwordHash"),
    (4, "salt"),
    (5, "displayName"),
    (6, "photoUrl"),
    (23, "createdAt"),
    (25, "phoneNumber"),
    (26, "disabled"),
    (27, "customAttributes"),
];

/// The values that a file has of one account.
pub struct Record {
    /// The line that it begins in, from 1.
    pub line: u64,
    /// The values by their names, or a sentence if they cannot be read.
    pub values: Result<Map<String, Value>, String>,
}

/// The records of an input.
pub enum Records {
    /// One JSON object a line.
    Lines(Lines<Input>),
    /// A JSON array, a JSON document with the member `users`, or objects one after the other.
    Document(Document<Input>),
    /// CSV with a header.
    Csv(Table),
    /// Firebase's CSV, which has no header.
    FirebaseCsv(Table),
    /// The SQLite file of better-auth or of PocketBase.
    Database(Database),
}

/// CSV, with the names of its columns. An empty name stands for a column that means nothing.
pub struct Table {
    rows: csv::Reader<Input>,
    /// A row that was read to tell the form.
    first: Option<csv::ByteRecord>,
    header: Vec<String>,
    separator: u8,
}

impl Records {
    /// Tells the form of an input from its beginning.
    ///
    /// # Errors
    ///
    /// The input cannot be read. `InvalidData` with a sentence if it has a form that is not read.
    pub fn of(mut input: Input) -> io::Result<Self> {
        let sample = input.fill_buf()?;
        let is_whole_line = sample.len() < BUFFER_BYTES || sample.contains(&b'\n');
        let text = String::from_utf8_lossy(sample).into_owned();
        let text = text.trim_start_matches(shared::text::is_blank);
        let first = text.lines().next().unwrap_or_default().trim_end();
        match first.chars().next() {
            Some('[') => Ok(Self::Document(Document::new(input))),
            Some('{') if is_document(first, is_whole_line) => Ok(Self::Document(Document::new(input))),
            Some('{') | None => Ok(Self::Lines(Lines::new(input))),
            Some(_) => Table::of(input, first),
        }
    }

    /// The name of the form, for people.
    pub fn form(&self) -> String {
        match self {
            Self::Lines(_) => "one JSON object a line".to_owned(),
            Self::Document(_) => "one JSON document".to_owned(),
            Self::Csv(table) => {
                let separator = match table.separator {
                    b';' => "semicolons",
                    b'\t' => "tabs",
                    _ => "commas",
                };
                format!("CSV with a header and {separator}")
            }
            Self::FirebaseCsv(_) => "the CSV of Firebase".to_owned(),
            Self::Database(database) => database.form(),
        }
    }

    /// Whether values are text alone, as in CSV.
    pub fn is_text(&self) -> bool {
        matches!(self, Self::Csv(_) | Self::FirebaseCsv(_) | Self::Database(_))
    }

    /// Whether the next record may have to be waited for, because its sender reads answers first.
    pub fn may_wait(&self) -> bool {
        matches!(self, Self::Lines(lines) if !lines.has_more())
    }

    /// The next record.
    ///
    /// # Errors
    ///
    /// The input cannot be read.
    pub fn read(&mut self) -> io::Result<Option<Record>> {
        match self {
            Self::Lines(lines) => {
                let Some(read) = lines.read_filled()? else { return Ok(None) };
                let values = read.and_then(record);
                Ok(Some(Record { line: lines.number() as u64, values }))
            }
            Self::Document(document) => Ok(document.read()?.map(|(line, element)| {
                let values = element.and_then(|bytes| record(&bytes));
                Record { line, values }
            })),
            Self::Csv(table) | Self::FirebaseCsv(table) => table.read(),
            Self::Database(database) => database.read().map_err(io::Error::other),
        }
    }
}

/// Tells from the first line whether it begins a document or is an object of its own.
fn is_document(first: &str, is_whole_line: bool) -> bool {
    match json::object(first.as_bytes()) {
        Ok(object) => MEMBERS.iter().any(|name| object.get(*name).is_some_and(Value::is_array)),
        Err(_) if !is_whole_line => true,
        Err(_) => first.ends_with(['{', '[', ',', ':']),
    }
}

impl Table {
    fn of(input: Input, first: &str) -> io::Result<Records> {
        let count = |separator: u8| first.bytes().filter(|byte| *byte == separator).count();
        let separator = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|separator| (count(*separator), *separator == b','))
            .unwrap_or(b',');
        let mut rows =
            csv::ReaderBuilder::new().has_headers(false).flexible(true).delimiter(separator).from_reader(input);
        let mut row = csv::ByteRecord::new();
        rows.read_byte_record(&mut row).map_err(io::Error::other)?;
        let names: Vec<String> = row.iter().map(|name| visible(&String::from_utf8_lossy(name))).collect();
        if names.iter().any(|name| is_email_column(name)) {
            return Ok(Records::Csv(Self { rows, first: None, header: names, separator }));
        }
        let is_firebase =
            names.len() >= FIREBASE_COLUMNS_MIN && names.get(2).is_some_and(|flag| flag == "true" || flag == "false");
        if is_firebase {
            let mut header = vec![String::new(); names.len()];
            for (index, name) in FIREBASE_COLUMNS {
                if let Some(column) = header.get_mut(index) {
                    *column = name.to_owned();
                }
            }
            return Ok(Records::FirebaseCsv(Self { rows, first: Some(row), header, separator }));
        }
        let sentence = if names.len() > 1 {
            "its first line names no column for the e-mail address; a CSV file begins with the names of its columns, such \
             as email,password_hash,name"
        } else {
            "it is neither JSON nor CSV with a header; a line is a JSON object such as {\"email\":\"ada@example.com\"}, or \
             the first line names columns such as email,password_hash,name"
        };
        Err(io::Error::new(io::ErrorKind::InvalidData, sentence))
    }

    fn read(&mut self) -> io::Result<Option<Record>> {
        let mut row = csv::ByteRecord::new();
        loop {
            match self.first.take() {
                Some(first) => row = first,
                None if !self.rows.read_byte_record(&mut row).map_err(io::Error::other)? => return Ok(None),
                None => {}
            }
            // A line of separators alone is what spreadsheets leave of an empty row.
            if row.iter().any(|value| !value.trim_ascii().is_empty()) {
                break;
            }
        }
        let line = row.position().map_or(0, csv::Position::line);
        Ok(Some(Record { line, values: self.values(&row) }))
    }

    fn values(&self, row: &csv::ByteRecord) -> Result<Map<String, Value>, String> {
        let (fields, columns) = (row.len(), self.header.len());
        let is_longer = row.iter().skip(columns).any(|value| !value.trim_ascii().is_empty());
        if fields < columns && !self.header.iter().skip(fields).all(String::is_empty) || is_longer {
            return Err(format!("The line has {fields} values, and the header has {columns} names."));
        }
        let mut values: HashMap<&str, Value> = HashMap::new();
        for (name, value) in self.header.iter().zip(row).filter(|(name, _)| !name.is_empty()) {
            let value = str::from_utf8(value).map_err(|_| "The line is not text in UTF-8. Save the file as UTF-8.")?;
            let value = trimmed(value);
            if !value.is_empty() {
                // If two columns have one name, the first that is filled counts.
                values.entry(name).or_insert_with(|| Value::String(value.to_owned()));
            }
        }
        Ok(values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect())
    }
}
