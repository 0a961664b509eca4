//! A campaign in figures, for people.

use super::{
    ledger::{Entry, Phase},
    record::Record,
    times::Rotator,
    traffic::WAYS,
};
use crate::latchkey::Key;

const PHASES: [(Phase, &str); 6] = [
    (Phase::Live, "live tokens, accepted"),
    (Phase::Expired, "expired tokens, refused as token_expired"),
    (Phase::Retired, "tokens of a retired key, as token_expired"),
    (Phase::Revoked, "live tokens of a revoked key, as token_invalid"),
    (Phase::RevokedAndExpired, "expired tokens of a revoked key, as token_expired"),
    (Phase::Turning, "tokens whose state is changing, either way"),
];
/// Characters of a key id that tell it apart.
const SHOWN: usize = 8;

impl Record {
    /// Two tables, and the figures around them.
    pub fn report(&self) -> String {
        let tokens = self.ledger.tokens().len();
        let mut lines = vec![format!(
            "{tokens} access tokens in {} s, by {} logins and {} refreshes, of which {} failed; \
             {} to {} live at once while keys were rotated",
            self.lasted_ms / 1000,
            self.logins,
            self.refreshes,
            self.failures.len(),
            self.live.least,
            self.live.most,
        )];
        lines.extend(table(&self.verdicts()));
        lines.push(String::new());
        lines.extend(table(&self.keys_table()));
        lines.extend([
            String::new(),
            format!(
                "{} of {} sessions from before the first rotation refreshed after the last end of a key",
                self.resting.back, self.resting.all
            ),
            format!(
                "{} tokens made with stolen keys, accepted while the key was and refused as token_invalid after its end",
                self.forged.len()
            ),
            format!(
                "the signing key revoked, with {} live tokens, and allowed {} s:",
                self.revoked_live, self.revocation.limit_seconds
            ),
        ]);
        lines.extend(self.revocation.seconds.iter().map(|(name, seconds)| format!("  {name} after {seconds:.1} s")));
        lines.join("\n")
    }

    fn verdicts(&self) -> Vec<Vec<String>> {
        let mut rows = vec![row("", ["latchkey serve".to_owned(), "functions".to_owned()])];
        for (phase, name) in PHASES {
            let counts = WAYS.map(|way| self.ledger.counted(way, phase));
            rows.push(row(name, counts.map(|count| format!("{} of {}", count.right, count.all))));
        }
        let polls = WAYS.map(|way| self.published.at(way));
        rows.push(row("polls of the published keys", polls.each_ref().map(|polls| polls.count.to_string())));
        rows.push(row("longest time between two of them", polls.map(|polls| format!("{} ms", polls.gap_ms))));
        rows
    }

    fn keys_table(&self) -> Vec<Vec<String>> {
        let head = ["key", "its fate", "published before its first token", "tokens"].map(str::to_owned);
        let keys = self.keys.iter().map(|key| self.key_row(key));
        [head].into_iter().chain(keys).map(Vec::from).collect()
    }

    fn key_row(&self, key: &Key) -> [String; 4] {
        let tokens = self.ledger.of_key(&key.kid);
        let rotation = self.rotations.iter().find(|rotation| rotation.kid == key.kid);
        let rotated = match rotation.map(|rotation| rotation.by) {
            Some(Rotator::Function) => ", put in force by the function",
            Some(Rotator::Tool) => ", put in force by the tool",
            None => "",
        };
        let published = match self.published_before(&key.kid, &tokens) {
            _ if key.kid == self.bootstrap => "it is the first".to_owned(),
            Some(milliseconds) => format!("{:.1} s", milliseconds as f64 / 1000.0),
            None => String::new(),
        };
        let kid = key.kid.chars().take(SHOWN).collect();
        [kid, format!("{}{rotated}", key.state), published, tokens.len().to_string()]
    }

    /// The milliseconds from the first sight of a key everywhere until the request for its first
    /// token.
    pub fn published_before(&self, kid: &str, tokens: &[Entry]) -> Option<i64> {
        self.published.everywhere_for(kid, tokens.iter().map(|entry| entry.sent_at).min()?)
    }
}

fn row(name: &str, cells: [String; 2]) -> Vec<String> {
    [name.to_owned()].into_iter().chain(cells).collect()
}

fn table(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or_default();
    let width = |column: usize| rows.iter().filter_map(|row| row.get(column)).map(String::len).max();
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or_default()).collect();
    let line = |row: &Vec<String>| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
