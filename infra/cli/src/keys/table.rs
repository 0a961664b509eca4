//! The table of `latchkey keys list`, within 80 columns.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style};
use shared::{
    keys::{Described, KeyUse, State},
    time::Timestamp,
};

/// The minute of a readable time. The seconds and the zone are left out.
const MINUTE_CHARS: usize = "2026-05-27 15:00".len();
/// The day of a readable time.
const DAY_CHARS: usize = "2026-05-27".len();

/// Writes the keys of each use, the newest first within a state.
pub fn write(out: &mut impl Write, keys: &[Described]) -> io::Result<()> {
    for (index, purpose) in [KeyUse::Access, KeyUse::Refresh].into_iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let heading = Style::new().bold();
        writeln!(out, "{heading}keys of {purpose}s{heading:#}")?;
        writeln!(out, "{:8}  {:22}  id", "state", "time (UTC)")?;
        let mut listed: Vec<&Described> = keys.iter().rev().filter(|key| key.r#use == purpose).collect();
        listed.sort_by_key(|key| label(key.state).0);
        for key in listed {
            let (_, word, style) = label(key.state);
            writeln!(out, "{style}{word:8}{style:#}  {:22}  {}", time(key), key.kid)?;
        }
    }
    Ok(())
}

/// The place of a state in the table, its word and its colour.
fn label(state: State) -> (u8, &'static str, Style) {
    match state {
        State::Signing => (0, "current", AnsiColor::Green.on_default().bold()),
        State::Due => (1, "due", AnsiColor::Green.on_default()),
        State::Next => (2, "next", Style::new()),
        State::Superseded => (3, "previous", AnsiColor::Yellow.on_default()),
        State::Retired => (4, "retired", Style::new().dimmed()),
        State::Revoked => (5, "revoked", AnsiColor::Red.on_default()),
    }
}

/// The time that matters next for a key.
fn time(key: &Described) -> String {
    let cut = |time: Timestamp, chars: usize| time.readable().chars().take(chars).collect::<String>();
    let at = |word: &str, time: Option<Timestamp>| {
        time.map(|time| format!("{word} {}", cut(time, MINUTE_CHARS))).unwrap_or_default()
    };
    match key.state {
        State::Next => format!("published {}", cut(key.created_at, DAY_CHARS)),
        State::Due => at("from", key.not_before),
        State::Signing if key.retired_at.is_none() => at("since", key.not_before),
        State::Signing | State::Superseded => at("until", key.retired_at),
        State::Retired | State::Revoked => at("since", key.retired_at),
    }
}
