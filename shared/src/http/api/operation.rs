//! The description of one endpoint.

use super::refusals::{ADMIN, BEARER, BODY, Refusal, TOKEN};
use crate::{
    http::{
        fields::{
            Input,
            described::{Described, Kind, described},
        },
        problem,
    },
    sample::{Sample, Shape},
};

/// An endpoint in words and shapes: its name, input, answer and refusals.
#[derive(Clone)]
pub struct Operation {
    /// The name in generated clients and in builders, in lower camel case. It never changes.
    pub id: &'static str,
    /// The name for people, at most 40 characters.
    pub summary: &'static str,
    /// The effect, in sentences.
    pub text: &'static str,
    /// The group in the documentation.
    pub tag: Tag,
    /// The way in which the caller shows who it is.
    pub identity: Identity,
    /// The parameters of path, query and headers.
    pub parameters: &'static [Parameter],
    /// The fields of the body, if there is one.
    pub body: Option<fn() -> Vec<Described>>,
    /// The fields of the body for importers, which send every field that they know. `None` stands
    /// for all.
    pub imported: Option<&'static [&'static str]>,
    /// Whether apps of end users call it. A server's key must not be in an app.
    pub is_for_clients: bool,
    /// The status of the answer.
    pub status: u16,
    /// The shape of the answer. `None` for an answer without a body.
    pub answer: Option<fn() -> Shape>,
    /// The refusals of this endpoint, beside those that any request may meet.
    pub refusals: Vec<&'static [Refusal]>,
}

/// A group of operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tag {
    /// Accounts and sessions.
    Sessions,
    /// The account of whoever calls.
    Account,
    /// Tokens, for servers.
    Tokens,
    /// Endpoints for clients of OAuth 2.0.
    OAuth,
    /// Endpoints for the client libraries of Supabase.
    Supabase,
    /// The pages that mails link to.
    Pages,
    /// The accounts of everybody, for the people who run the service.
    Admin,
    /// Public documents.
    Documents,
}

/// The way in which a caller shows who it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Identity {
    /// Anybody may call.
    Anybody,
    /// A bearer token is needed.
    Bearer,
    /// A bearer token may stand in the place of a field.
    BearerOrField,
    /// A server needs an API key.
    ApiKey,
    /// An admin key is needed, or an admin token.
    AdminKey,
}

/// The place of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A segment of the path.
    Path,
    /// The query.
    Query,
    /// A header.
    Header,
}

/// A parameter outside the body.
#[derive(Clone, Copy, Debug)]
pub struct Parameter {
    /// The name.
    pub name: &'static str,
    /// The place.
    pub place: Place,
    /// The values that are accepted.
    pub kind: Kind,
    /// The meaning, in a sentence.
    pub text: &'static str,
    /// An example.
    pub example: &'static str,
}

impl Operation {
    /// A public operation without a body, whose answer is `T` with status 200.
    pub fn new<T: Sample>(id: &'static str, summary: &'static str) -> Self {
        Self {
            id,
            summary,
            text: "",
            tag: Tag::Sessions,
            identity: Identity::Anybody,
            parameters: &[],
            body: None,
            imported: None,
            is_for_clients: false,
            status: 200,
            answer: Some(Shape::of::<T>),
            refusals: Vec::new(),
        }
    }

    /// Says what the operation does.
    pub fn text(self, text: &'static str) -> Self {
        Self { text, ..self }
    }

    /// Puts the operation into a group.
    pub fn tag(self, tag: Tag) -> Self {
        Self { tag, ..self }
    }

    /// An operation whose answer has no body: a 204.
    pub fn without_answer(id: &'static str, summary: &'static str) -> Self {
        Self { answer: None, status: 204, ..Self::new::<problem::Body>(id, summary) }
    }

    /// Changes the status of the answer.
    pub fn status(self, status: u16) -> Self {
        Self { status, ..self }
    }

    /// Describes the body by the reader of the input.
    pub fn body<T: Input>(self) -> Self {
        Self { body: Some(described::<T>), ..self }.fails(BODY)
    }

    /// Asks for the bearer token of an account.
    pub fn bearer(self) -> Self {
        Self { identity: Identity::Bearer, ..self }.fails(TOKEN).fails(BEARER)
    }

    /// Accepts a bearer token in the place of a field.
    pub fn bearer_or_field(self) -> Self {
        Self { identity: Identity::BearerOrField, ..self }
    }

    /// Asks for the API key of a server.
    pub fn api_key(self) -> Self {
        Self { identity: Identity::ApiKey, ..self }.fails(&[(401, "invalid_api_key")])
    }

    /// Asks for an admin key, or for an admin token in its place.
    pub fn admin_key(self) -> Self {
        Self { identity: Identity::AdminKey, tag: Tag::Admin, ..self }.fails(ADMIN)
    }

    /// Adds parameters of path, query and headers.
    pub fn parameters(self, parameters: &'static [Parameter]) -> Self {
        Self { parameters, ..self }
    }

    /// Names the fields that importers learn of. They send all of them with each call.
    pub fn imported(self, names: &'static [&'static str]) -> Self {
        Self { imported: Some(names), ..self }
    }

    /// Offers the operation to apps of end users.
    pub fn for_clients(self) -> Self {
        Self { is_for_clients: true, ..self }
    }

    /// Names refusals of this operation.
    pub fn fails(mut self, refusals: &'static [Refusal]) -> Self {
        self.refusals.push(refusals);
        self
    }
}
