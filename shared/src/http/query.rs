//! The query of a GET, read strictly. A parameter with a wrong name would widen a search in
//! silence.

use axum::http::Uri;

use crate::{
    error::{Error, Field},
    text::bare,
    time::Timestamp,
};

/// The longest value of a parameter, in bytes.
const VALUE_BYTES_MAX: usize = 1_024;

/// The parameters of a query. Everything that is wrong is told at once.
pub struct Query {
    pairs: Vec<(String, String)>,
    wrong: Vec<Field>,
}

impl Query {
    /// The parameters, all of which must have one of the known names.
    pub fn of(uri: &Uri, known: &[&str]) -> Self {
        let mut query = Self { pairs: Vec::new(), wrong: Vec::new() };
        for (name, value) in form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes()) {
            let value = bare(&value).to_owned();
            if !known.contains(&&*name) {
                let names = known.join(", ");
                let message = format!("The query has a parameter that is not known here. The known ones are {names}.");
                query.wrong.push(Field::new("query", "unknown_parameter", message));
            } else if query.pairs.iter().any(|(other, _)| *other == name) {
                query.refuse(&name, "given_twice", "The parameter is there twice.");
            } else if value.len() > VALUE_BYTES_MAX {
                query.refuse(&name, "too_long", "The value is too long.");
            } else {
                query.pairs.push((name.into_owned(), value));
            }
        }
        query.wrong.dedup();
        query
    }

    /// Records a mistake in a parameter.
    pub fn refuse(&mut self, name: &str, code: &'static str, message: impl AsRef<str>) {
        self.wrong.push(Field::new(name, code, message));
    }

    /// The text of a parameter, if it is there and not empty.
    pub fn text(&self, name: &str) -> Option<String> {
        let found = self.pairs.iter().find(|(other, _)| other == name).map(|(_, value)| value.clone());
        found.filter(|value| !value.is_empty())
    }

    /// A whole number from 1 to `max`.
    pub fn count(&mut self, name: &str, max: usize) -> Option<usize> {
        let text = self.text(name)?;
        let number = text.parse().ok().filter(|number| (1..=max).contains(number));
        if number.is_none() {
            self.refuse(name, "invalid_number", format!("The number must be from 1 to {max}."));
        }
        number
    }

    /// A time, as RFC 3339 or as a date alone.
    pub fn time(&mut self, name: &str) -> Option<Timestamp> {
        let text = self.text(name)?;
        let time = Timestamp::parse(&text);
        if time.is_none() {
            self.refuse(name, "invalid_time", "The time must be a date such as 2026-05-27 or 2026-05-27T15:00:00Z.");
        }
        time
    }

    /// Returns what was read, unless something is wrong.
    ///
    /// # Errors
    ///
    /// 400 with the mistakes.
    pub fn done<T>(self, read: Option<T>) -> Result<T, Error> {
        read.filter(|_| self.wrong.is_empty()).ok_or_else(|| Error::wrong(self.wrong))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(query: &str) -> Vec<(String, &'static str)> {
        let uri: Uri = format!("/admin/users?{query}").parse().unwrap();
        let mut query = Query::of(&uri, &["limit", "since"]);
        let _ = (query.count("limit", 100), query.time("since"));
        let error = query.done(Some(())).err();
        error.iter().flat_map(Error::fields).map(|field| (field.field.clone(), field.code)).collect()
    }

    #[test]
    fn what_is_known_is_read_and_anything_else_is_told_at_once() {
        assert_eq!(mistakes(""), []);
        assert_eq!(mistakes("limit=7&since=2026-05-27"), []);
        assert_eq!(mistakes("limit=&since="), []);
        let both = [("query".to_owned(), "unknown_parameter"), ("limit".to_owned(), "invalid_number")];
        assert_eq!(mistakes("limits=7&limit=101&more=1"), both);
        assert_eq!(mistakes("limit=0"), [("limit".to_owned(), "invalid_number")]);
        assert_eq!(mistakes("limit=7&limit=8"), [("limit".to_owned(), "given_twice")]);
        assert_eq!(mistakes("since=soon"), [("since".to_owned(), "invalid_time")]);
        assert_eq!(mistakes(&format!("since={}", "1".repeat(1_025))), [("since".to_owned(), "too_long")]);
    }
}
