//! `GET /admin/export`: the accounts page by page, in the form that an import reads.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use shared::{
    App,
    auth::export::Line,
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation, Parameter, operation::Place},
        fields::described::Kind,
        query::Query,
    },
    sample::{Meaning, Part, Sample, Shape},
    store::ListOf,
    telemetry::audit,
};

use crate::cursor;

/// The most accounts of a page, and their number where the query names none.
const LIMIT_MAX: usize = 100;
/// The query that the cursors belong to.
const QUERY: &str = "export";

const PARAMETERS: &[Parameter] = &[
    Parameter {
        name: "limit",
        place: Place::Query,
        kind: Kind::Text,
        text: "The most accounts of the page, from 1 to 100; 100 without it.",
        example: "100",
    },
    Parameter {
        name: "cursor",
        place: Place::Query,
        kind: Kind::Text,
        text: "The next_cursor of the page before.",
        example: "MDAx.c2VhbA",
    },
];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Exported>("adminExport", "Export accounts")
        .text(
            "A page of accounts, the oldest first, in the form that an import reads. A stopped export goes on with its last \
             cursor. Password hashes are in no answer: the tool alone exports them.",
        )
        .admin_key()
        .parameters(PARAMETERS);
    Api::new().get("/admin/export", export, operation)
}

#[derive(Serialize)]
struct Exported {
    users: Vec<Line>,
    count: usize,
    next_cursor: String,
    complete: bool,
}

impl Sample for Exported {
    const NAME: &'static str = "AdminExport";
    const MEMBERS: &'static [Meaning] = &[
        ("count", "The number of accounts on this page, which may be less than the limit."),
        ("next_cursor", "For the next page; empty at the end."),
        ("complete", "False until latchkey table upgrade has put older accounts into the list."),
    ];
    const PARTS: &'static [Part] = &[("users", Shape::of::<Line>)];

    fn sample() -> Self {
        Self { users: vec![Line::sample()], count: 1, next_cursor: String::new(), complete: true }
    }
}

/// 200 with a page.
async fn export(State(app): State<App>, _: Admin, uri: Uri) -> Result<Json<Exported>, Error> {
    let known: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let mut query = Query::of(&uri, &known);
    let limit = query.count("limit", LIMIT_MAX).unwrap_or(LIMIT_MAX);
    let cursor = query.text("cursor");
    let (limit, cursor) = query.done(Some((limit, cursor)))?;
    let behind = cursor.map(|cursor| cursor::opened(&app, QUERY, &cursor)).transpose()?;
    let list = ListOf::Created { from: None, before: None, newest_first: false };
    let page = app.store().account_page(&list, behind.as_deref(), limit).await?;
    let next_cursor = page.next.map(|entry| cursor::sealed(&app, QUERY, &entry)).transpose()?;
    let users: Vec<Line> = page.users.iter().map(Line::without_hash).collect();
    audit::many("admin_accounts_exported", users.len().try_into().unwrap_or(u64::MAX));
    let next_cursor = next_cursor.unwrap_or_default();
    Ok(Json(Exported { count: users.len(), users, next_cursor, complete: page.is_complete }))
}
