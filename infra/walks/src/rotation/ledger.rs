//! The ledger: every access token of a campaign, and whether each verdict on a token was right at
//! its moment.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard},
};

use super::traffic::Traffic;
use crate::{clock, deployment::Way, process::locked, tokens};

/// The most wrong verdicts that an explanation shows.
const SHOWN_MAX: usize = 10;

/// The state of a token at a moment, by its own expiry and by the fate of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// The token is good.
    Live,
    /// The token has expired.
    Expired,
    /// The token's key was superseded, and is not accepted any more.
    Retired,
    /// The token's key was revoked, and the token has not expired.
    Revoked,
    /// The token's key was revoked, and the token has expired.
    RevokedAndExpired,
    /// The state changed during the check, or a revocation is spreading. Any verdict is allowed.
    Turning,
}

impl Phase {
    /// The verdict of /verify, unless nobody can tell.
    fn verdict(self) -> Option<&'static str> {
        match self {
            Self::Live => Some("accepted"),
            // `token_expired` tells an app to refresh. The code is right here: every token of a
            // retired key has expired.
            Self::Expired | Self::Retired | Self::RevokedAndExpired => Some("token_expired"),
            Self::Revoked => Some("token_invalid"),
            Self::Turning => None,
        }
    }
}

/// A token.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The token itself.
    pub token: Arc<str>,
    /// The key that signed it.
    pub kid: String,
    /// The way that made the token.
    pub way: Way,
    /// The time when the request for the token was sent.
    pub sent_at: i64,
    /// The time when the answer came. The token was made between the two times.
    pub got_at: i64,
    /// The time when the token expires.
    pub expires_at: i64,
    /// The right verdicts on the token so far.
    seen: Vec<(Way, Phase)>,
}

impl Entry {
    /// Whether this way gave a right verdict on the token in this phase.
    pub fn was_seen(&self, way: Way, phase: Phase) -> bool {
        self.seen.contains(&(way, phase))
    }
}

/// The end of a key, as far as it is known.
#[derive(Clone, Copy, Debug, Default)]
pub struct KeyEnd {
    /// The time from which the key's tokens are not accepted.
    pub retired_at: Option<i64>,
    /// The time from which some processes know of the revocation.
    pub revoked_from: Option<i64>,
    /// The time from which all processes know of the revocation.
    pub revoked_until: Option<i64>,
}

/// The number of right verdicts, and of all verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// The right ones.
    pub right: usize,
    /// All.
    pub all: usize,
}

/// The tokens and the verdicts.
pub struct Ledger {
    /// The time for which tokens are accepted after their expiry, in milliseconds.
    skew_ms: i64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    tokens: Vec<Entry>,
    keys: HashMap<String, KeyEnd>,
    counts: HashMap<(Way, Phase), Count>,
    wrong: Vec<String>,
    /// All tokens before this one have expired.
    expiring: usize,
}

impl Ledger {
    /// An empty ledger.
    pub fn new(skew_ms: i64) -> Self {
        Self { skew_ms, state: Mutex::default() }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        locked(&self.state)
    }

    /// Enters the known facts of the end of a key.
    pub fn learn(&self, kid: &str, enter: impl FnOnce(&mut KeyEnd)) {
        enter(self.state().keys.entry(kid.to_owned()).or_default());
    }

    /// Enters a token that came with the answer to a request. Returns its number.
    pub fn enter(&self, token: &str, way: Way, sent_at: i64, got_at: i64) -> usize {
        let expires_at = tokens::claims(token)["exp"].as_i64().expect("a time") * 1000;
        let kid = tokens::kid(token);
        let entry = Entry { token: token.into(), kid, way, sent_at, got_at, expires_at, seen: Vec::new() };
        let mut state = self.state();
        state.tokens.push(entry);
        state.tokens.len() - 1
    }

    /// The expiry of a token, if there is one of this number.
    pub fn expiry(&self, number: usize) -> Option<i64> {
        self.state().tokens.get(number).map(|entry| entry.expires_at)
    }

    /// The token that was entered last.
    pub fn newest(&self) -> Option<Arc<str>> {
        self.state().tokens.last().map(|entry| entry.token.clone())
    }

    /// All tokens.
    pub fn tokens(&self) -> Vec<Entry> {
        self.state().tokens.clone()
    }

    /// Sends a token to /verify. Compares the verdict with the token's phases at the request and at
    /// the answer.
    pub async fn check(&self, traffic: &Traffic, number: usize, way: Way) -> String {
        let token = self.state().tokens[number].token.clone();
        let sent_at = clock::now();
        let verdict = traffic.verdict(&token, way).await;
        let got_at = clock::now();
        let mut state = self.state();
        let entry = &state.tokens[number];
        let (before, after) = (self.phase(&state, entry, sent_at), self.phase(&state, entry, got_at));
        let phase = if before == after { before } else { Phase::Turning };
        let is_right = phase.verdict().is_none_or(|expected| verdict == expected);
        if !is_right {
            let life_ms = entry.expires_at - sent_at;
            let wrong = format!("{verdict} at {way:?}, {phase:?}, {life_ms} ms before its expiry, key {}", entry.kid);
            state.wrong.push(wrong);
        } else if phase != Phase::Turning && !entry.was_seen(way, phase) {
            state.tokens[number].seen.push((way, phase));
        }
        let count = state.counts.entry((way, phase)).or_default();
        count.right += usize::from(is_right);
        count.all += 1;
        verdict
    }

    fn phase(&self, state: &State, entry: &Entry, time: i64) -> Phase {
        let end = state.keys.get(&entry.kid).copied().unwrap_or_default();
        let is_past = |moment: Option<i64>| moment.is_some_and(|moment| time >= moment);
        let is_expired = time >= entry.expires_at + self.skew_ms;
        match () {
            () if is_past(end.revoked_until) && is_expired => Phase::RevokedAndExpired,
            () if is_past(end.revoked_until) => Phase::Revoked,
            () if is_past(end.revoked_from) => Phase::Turning,
            () if is_past(end.retired_at) => Phase::Retired,
            () if is_expired => Phase::Expired,
            () => Phase::Live,
        }
    }

    /// The number of live tokens.
    pub fn live_count(&self) -> usize {
        let now = clock::now();
        let mut state = self.state();
        // Tokens expire in the order in which they were made, except where one request overtook
        // another.
        let expired = |state: &State| {
            state.tokens.get(state.expiring).is_some_and(|entry| self.phase(state, entry, now) == Phase::Expired)
        };
        while expired(&state) {
            state.expiring += 1;
        }
        let rest = state.tokens.iter().skip(state.expiring);
        rest.filter(|entry| self.phase(&state, entry, now) == Phase::Live).count()
    }

    /// The numbers of the live tokens.
    pub fn live(&self) -> Vec<usize> {
        let now = clock::now();
        self.numbers(|state, entry| self.phase(state, entry, now) == Phase::Live)
    }

    /// The numbers of the live tokens of a key.
    pub fn live_of_key(&self, kid: &str) -> Vec<usize> {
        let now = clock::now();
        self.numbers(|state, entry| entry.kid == kid && self.phase(state, entry, now) == Phase::Live)
    }

    /// The numbers of the tokens of a key.
    pub fn numbers_of_key(&self, kid: &str) -> Vec<usize> {
        self.numbers(|_, entry| entry.kid == kid)
    }

    fn numbers(&self, is_wanted: impl Fn(&State, &Entry) -> bool) -> Vec<usize> {
        let state = self.state();
        let numbered = state.tokens.iter().enumerate();
        numbered.filter(|(_, entry)| is_wanted(&state, entry)).map(|(number, _)| number).collect()
    }

    /// The tokens of a key.
    pub fn of_key(&self, kid: &str) -> Vec<Entry> {
        self.state().tokens.iter().filter(|entry| entry.kid == kid).cloned().collect()
    }

    /// The verdicts at a way on tokens in a phase.
    pub fn counted(&self, way: Way, phase: Phase) -> Count {
        self.state().counts.get(&(way, phase)).copied().unwrap_or_default()
    }

    /// The wrong verdicts, for the explanation of a failure.
    pub fn explain(&self) -> String {
        let wrong = &self.state().wrong;
        let shown: Vec<_> = wrong.iter().take(SHOWN_MAX).map(String::as_str).collect();
        format!("{} wrong verdicts, such as {}", wrong.len(), shown.join("; "))
    }
}
