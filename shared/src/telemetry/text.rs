//! The log for people at a terminal: one short line a request, such as
//! `12:41:03 POST /login 200 61 ms`.

use std::{fmt, io::Write};

use anstyle::{AnsiColor, Style};
use tracing::{
    Event, Level, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    Layer,
    fmt::{
        MakeWriter,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::Context,
    registry::LookupSpan,
};

/// The longest part of an unknown path that is shown. A token or a hash is longer.
const SEGMENT_CHARS_MAX: usize = 24;
/// The longest unknown path that is shown.
const PATH_CHARS_MAX: usize = 60;

/// Writes the lines.
pub(super) struct TextLines<W> {
    pub(super) writer: W,
    pub(super) colour: bool,
}

/// The fields of an event.
#[derive(Default)]
struct Told {
    message: String,
    fields: Vec<(&'static str, String)>,
}

impl Told {
    fn get(&self, name: &str) -> &str {
        self.fields.iter().find(|(other, _)| *other == name).map_or("", |(_, value)| value)
    }

    /// The fields in the form `name=value`.
    fn listed(&self) -> String {
        self.fields
            .iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| format!(" {name}={value}"))
            .collect()
    }
}

impl Visit for Told {
    fn record_str(&mut self, field: &Field, value: &str) {
        let value = shown(value);
        if field.name() == "message" { self.message = value } else { self.fields.push((field.name(), value)) }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

impl<S, W> Layer<S> for TextLines<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: for<'writer> MakeWriter<'writer> + 'static,
{
    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut told = Told::default();
        event.record(&mut told);
        let level = *event.metadata().level();
        let is_of_request = || {
            context.event_scope(event).is_some_and(|mut spans| spans.any(|span| span.metadata().name() == "request"))
        };
        // The line of the request says the same.
        if told.message == "audit" && level == Level::INFO && is_of_request() {
            return;
        }
        let line = format!("{} {}\n", time(), self.line(level, &told));
        // If nobody reads the log, there is nowhere left to report that.
        let _ = self.writer.make_writer().write_all(line.as_bytes());
    }
}

impl<W> TextLines<W> {
    fn line(&self, level: Level, told: &Told) -> String {
        if told.message == "request" {
            return self.request(told);
        }
        let (word, style) = match level {
            Level::ERROR => ("error: ", AnsiColor::Red.on_default().bold()),
            Level::WARN => ("warning: ", AnsiColor::Yellow.on_default()),
            _ => ("", Style::new()),
        };
        format!("{}{}{}", self.styled(style, word), told.message, told.listed())
    }

    fn request(&self, told: &Told) -> String {
        let or = |text: &str, other: &str| if text.is_empty() { other.to_owned() } else { text.to_owned() };
        let status = told.get("status");
        let style = match status.as_bytes().first() {
            Some(b'2' | b'3') => AnsiColor::Green.on_default(),
            Some(b'4') => AnsiColor::Yellow.on_default(),
            _ => AnsiColor::Red.on_default().bold(),
        };
        let (method, code) = (or(told.get("method"), "—"), told.get("code"));
        let path = or(told.get("path"), &or(told.get("unknown_path"), "—"));
        let gap = if code.is_empty() { "" } else { " " };
        format!("{method} {path} {} {} ms{gap}{code}", self.styled(style, status), told.get("duration_ms"))
    }

    fn styled(&self, style: Style, text: &str) -> String {
        if self.colour && !text.is_empty() { format!("{style}{text}{style:#}") } else { text.to_owned() }
    }
}

/// The time of day in UTC, to the second.
fn time() -> String {
    let mut text = String::new();
    // A time that cannot be written is left out.
    let _ = SystemTime.format_time(&mut Writer::new(&mut text));
    text.get(11..19).unwrap_or_default().to_owned()
}

/// `text` without the characters that act on a terminal.
fn shown(text: &str) -> String {
    let acts = |letter: char| {
        letter.is_control()
            || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars()
        .map(|letter| if acts(letter) { letter.escape_unicode().to_string() } else { letter.to_string() })
        .collect()
}

/// A path that has no route, for somebody who looks for a mistake in it. People paste anything into
/// the field for a URL: each part that could be a token, a hash or an address is left out.
pub fn harmless_path(path: &str) -> String {
    let is_harmless = |part: &str| {
        part.len() <= SEGMENT_CHARS_MAX
            && !part.contains('@')
            && !part.to_ascii_lowercase().contains("%40")
            && !part.starts_with("eyJ")
    };
    let parts: Vec<&str> = path.split('/').map(|part| if is_harmless(part) { part } else { "…" }).collect();
    let whole = shown(&parts.join("/"));
    if whole.chars().count() <= PATH_CHARS_MAX {
        return whole;
    }
    whole.chars().take(PATH_CHARS_MAX).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use std::{fs, sync::Mutex};

    use tempfile::NamedTempFile;
    use tracing::subscriber::with_default;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::telemetry::audit;

    fn lines(colour: bool, work: impl FnOnce()) -> Vec<String> {
        let file = NamedTempFile::new().unwrap();
        let layer = TextLines { writer: Mutex::new(file.reopen().unwrap()), colour };
        with_default(tracing_subscriber::registry().with(layer), work);
        let text = fs::read_to_string(file.path()).unwrap();
        text.lines().map(|line| line.split_once(' ').unwrap().1.to_owned()).collect()
    }

    #[test]
    fn a_request_is_one_short_line_and_its_audit_line_is_left_out() {
        let told = lines(false, || {
            tracing::error_span!("request", request_id = "r-1").in_scope(|| {
                audit::record("login_ok", "identity", "user");
                tracing::info!(
                    method = "POST",
                    path = "/login",
                    status = 200_u16,
                    code = "",
                    duration_ms = 61_i64,
                    "request"
                );
                tracing::info!(
                    method = "GET",
                    path = "",
                    unknown_path = Some("/nope"),
                    status = 404_u16,
                    code = "not_found",
                    duration_ms = 0_i64,
                    "request"
                );
                tracing::info!(
                    method = "",
                    path = "",
                    status = 400_u16,
                    code = "invalid_request",
                    duration_ms = 0_i64,
                    "request"
                );
            });
            audit::record("account_disabled", "identity", "user");
            tracing::error!(cause = "a\u{1b}[31m", "fault");
            tracing::warn!("no keys");
        });
        assert_eq!(
            told,
            [
                "POST /login 200 61 ms",
                "GET /nope 404 0 ms not_found",
                "— — 400 0 ms invalid_request",
                "audit event=account_disabled identity=identity user=user",
                "error: fault cause=a\\u{1b}[31m",
                "warning: no keys",
            ]
        );
    }

    #[test]
    fn the_time_is_that_of_the_day_and_colours_are_only_where_they_are_wanted() {
        let time = time();
        assert!(time.len() == 8 && time.bytes().filter(|byte| *byte == b':').count() == 2, "{time}");
        let line = |colour| {
            lines(colour, || {
                tracing::info!(
                    method = "GET",
                    path = "/me",
                    status = 401_u16,
                    code = "",
                    duration_ms = 3_i64,
                    "request"
                )
            })
        };
        assert_eq!(line(false), ["GET /me 401 3 ms"]);
        assert_eq!(line(true), ["GET /me \u{1b}[33m401\u{1b}[0m 3 ms"]);
    }

    #[test]
    fn a_path_without_a_route_is_shown_without_its_secrets() {
        let (token, hash) = ("dlIOa3xQmZ0t5yKc2Vb7Xw1Rn9Ls4Uj8Pf6GhTeYqBk", "eyJhbGciOiJI");
        for (path, shown) in [
            ("/login/", "/login/".to_owned()),
            ("/api/users/12", "/api/users/12".to_owned()),
            ("/", "/".to_owned()),
            (&format!("/verify/{token}"), "/verify/…".to_owned()),
            (&format!("/verify/{hash}"), "/verify/…".to_owned()),
            ("/users/james@yopmail.com", "/users/…".to_owned()),
            ("/users/james%40yopmail.com", "/users/…".to_owned()),
            ("/a\u{1b}[2J", "/a\\u{1b}[2J".to_owned()),
            (&"/a".repeat(50), format!("{}…", "/a".repeat(30))),
        ] {
            assert_eq!(harmless_path(path), shown, "{path}");
        }
    }
}
