//! Dry runs: a request is checked and answered by an example, and nothing comes of it. Builders
//! learn the answers of a call by them.

use axum::{
    Json,
    extract::FromRequestParts,
    http::{HeaderMap, request::Parts},
};

use super::{
    api::{Parameter, operation::Place},
    fields::{self, described::Kind},
};
use crate::{App, error::Error, sample::Sample};

const NAME: &str = "x-dry-run";

/// The header, for the description of an operation.
pub const DRY_RUN: Parameter = Parameter {
    name: "X-Dry-Run",
    place: Place::Header,
    kind: Kind::Flag,
    text: "With true the answer is an example, and nothing is stored. A builder learns the answer by it.",
    example: "true",
};

/// Extracts whether a request is a dry run. Any other text than `true` says that it is none.
#[derive(Clone, Copy, Debug)]
pub struct DryRun(pub bool);

impl DryRun {
    /// The example, if the request is a dry run. The body has been read by then, so that its
    /// mistakes are told.
    pub fn answer<T: Sample>(self) -> Option<Json<T>> {
        self.0.then(|| Json(T::sample()))
    }

    fn of(headers: &HeaderMap) -> Result<Self, Error> {
        let text = fields::header(headers, NAME)?;
        Ok(Self(text.is_some_and(|text| text.eq_ignore_ascii_case("true"))))
    }
}

impl FromRequestParts<App> for DryRun {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &App) -> Result<Self, Error> {
        Self::of(&parts.headers)
    }
}
