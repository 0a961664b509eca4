//! The problems of a token, in the order of the rules. The first one is the answer of the verifier,
//! and the decoder shows all of them. Both therefore name the same rule.

use std::time::Duration;

use serde::Serialize;

use crate::{
    error::{Error, TokenRefusal},
    jose::jwt::{Jwt, time_flaw},
    sample::Sample,
    time::Timestamp,
};

/// A reason to refuse a token, or a warning about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    /// A stable code of the decode report.
    pub code: &'static str,
    /// A sentence for the builder. It quotes no more of the token than its `aud` or its tenant.
    pub message: String,
    /// The code of `/verify`, which is the Admin SDK's own for tokens of Firebase.
    #[serde(skip)]
    pub refusal: &'static str,
}

impl Sample for Problem {
    const NAME: &'static str = "Problem";

    fn sample() -> Self {
        Self::new("expired", "The token expired 47 minutes ago.", "")
    }
}

impl Problem {
    /// A problem for which `/verify` answers the code `refusal`.
    pub fn new(code: &'static str, message: impl Into<String>, refusal: &'static str) -> Self {
        Self { code, message: message.into(), refusal }
    }

    /// A warning, which refuses nothing.
    pub fn warning(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(code, message, "")
    }
}

/// Everything that is wrong with a token.
#[derive(Default)]
pub struct Findings {
    /// The problems of the header and of the claims.
    pub content: Vec<Problem>,
    /// A wrong signature. It is looked at only if the content is right.
    pub signature: Option<Problem>,
    /// Why the signature could not be checked.
    pub unchecked: Option<Error>,
    /// The problems of the times, with the expiry last.
    pub times: Vec<Problem>,
}

impl Findings {
    /// All problems, in the order of the rules.
    pub fn problems(&self) -> impl Iterator<Item = &Problem> {
        self.content.iter().chain(&self.signature).chain(&self.times)
    }

    /// Refuses `token` for the first problem.
    ///
    /// # Errors
    ///
    /// 401 with the code and the sentence of the rule. 503 if the content is right and the
    /// signature could not be checked.
    pub fn verdict(self, token: &Jwt, now: Timestamp) -> Result<(), Error> {
        let unchecked = if self.content.is_empty() { self.unchecked } else { None };
        let first = self.content.into_iter().chain(self.signature).chain(self.times).next();
        match (unchecked, first) {
            (Some(error), _) => Err(error),
            (None, None) => Ok(()),
            (None, Some(problem)) => {
                Err(Error::Token(TokenRefusal::new(problem.refusal, problem.message).about(token, now)))
            }
        }
    }
}

/// The rules for the times of one kind of token.
pub struct Times {
    /// Claims that must be there and be dates.
    pub required: &'static [&'static str],
    /// Claims that must be dates if they are there.
    pub optional: &'static [&'static str],
    /// Claims that may not be in the future.
    pub starts: &'static [&'static str],
    /// The code of `/verify` for a wrong time.
    pub refusal: &'static str,
    /// The code of `/verify` for an expired token, and the sentence.
    pub expired: (&'static str, &'static str),
}

impl Times {
    /// Finds the problems of the times, the expiry last. `skew` is allowed on every time.
    pub fn problems(&self, token: &Jwt, now: Timestamp, skew: Duration) -> Vec<Problem> {
        let mut problems = Vec::new();
        let given = self.optional.iter().filter(|claim| token.claims.contains_key(**claim));
        for claim in self.required.iter().chain(given).filter(|claim| token.time(claim).is_none()) {
            let flaw = time_flaw(token.claims.get(*claim));
            let code = if *claim == "exp" { "no_expiry" } else { "wrong_time" };
            let message = format!("The token's {claim} {flaw}. It must be a whole number of seconds since 1970.");
            problems.push(Problem::new(code, message, self.refusal));
        }
        for claim in self.starts.iter().filter(|claim| token.time(claim).is_some_and(|start| start > now + skew)) {
            let message = format!(
                "The token's {claim} is in the future: the clock of its issuer is ahead, or a clock here is wrong."
            );
            problems.push(Problem::new("clock_ahead", message, self.refusal));
        }
        if token.expires_at().is_some_and(|expiry| now >= expiry + skew) {
            problems.push(self.expired());
        }
        problems
    }

    /// The problem of an expired token.
    pub fn expired(&self) -> Problem {
        let (refusal, sentence) = self.expired;
        Problem::new("expired", sentence, refusal)
    }
}
