//! `GET /admin/users`: a page of accounts, or the one account with an identifier.

use axum::{Json, extract::State, http::Uri};
use serde::Serialize;
use shared::{
    App,
    account::{
        email::{Email, Identifier, Username},
        user::User,
    },
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation, Parameter, operation::Place},
        fields::described::Kind,
        query::Query,
    },
    sample::{Meaning, Part, Sample, Shape},
    store::ListOf,
    time::Timestamp,
    token::custom::is_uid,
};

use crate::{cursor, view::AdminUser};

/// The accounts of a page where the query names no number.
const LIMIT_DEFAULT: usize = 25;
/// The most accounts of a page.
const LIMIT_MAX: usize = 100;
/// The parameters that choose the accounts. No two of them go together.
const CHOICES: [&str; 5] = ["email", "username", "id", "email_prefix", "username_prefix"];
/// The parameters that go with a list by age alone.
const OF_AGE: [&str; 3] = ["created_after", "created_before", "order"];

const fn parameter(name: &'static str, text: &'static str, example: &'static str) -> Parameter {
    Parameter { name, place: Place::Query, kind: Kind::Text, text, example }
}

const PARAMETERS: &[Parameter] = &[
    parameter("limit", "The most accounts of the page, from 1 to 100; 25 without it.", "25"),
    parameter("cursor", "The next_cursor of the page before, with the same query.", "MDAx.c2VhbA"),
    parameter("email", "The account with this e-mail address.", "james@example.com"),
    parameter("username", "The account with this username.", "james"),
    parameter("id", "The account with this id.", "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e"),
    parameter("email_prefix", "Accounts whose address begins with this text.", "jam"),
    parameter("username_prefix", "Accounts whose username begins with this text.", "jam"),
    parameter("created_after", "Accounts that were made at this time or later.", "2026-05-01"),
    parameter("created_before", "Accounts that were made before this time.", "2026-06-01"),
    parameter("order", "By age: newest, or oldest.", "newest"),
];

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Listed>("adminListUsers", "List accounts")
        .text("A page of accounts, the newest first. An exact look-up never lags; a list may miss an account of this second.")
        .admin_key()
        .parameters(PARAMETERS);
    Api::new().get("/admin/users", list, operation)
}

#[derive(Serialize)]
struct Listed {
    users: Vec<AdminUser>,
    count: usize,
    next_cursor: String,
    complete: bool,
}

impl Sample for Listed {
    const NAME: &'static str = "AdminUsers";
    const MEMBERS: &'static [Meaning] = &[
        ("count", "The number of accounts on this page, which may be less than the limit."),
        ("next_cursor", "For the next page; empty at the end."),
        ("complete", "False until latchkey table upgrade has put older accounts into the list."),
    ];
    const PARTS: &'static [Part] = &[("users", Shape::of::<AdminUser>)];

    fn sample() -> Self {
        Self { users: vec![AdminUser::sample()], count: 1, next_cursor: String::new(), complete: true }
    }
}

/// The accounts that a query asks for.
enum Wanted {
    ById(String),
    By(Identifier),
    EmailPrefix(String),
    UsernamePrefix(String),
    Created { from: Option<Timestamp>, before: Option<Timestamp>, newest_first: bool },
}

/// The accounts of a query, and the number of them.
struct Search {
    wanted: Wanted,
    limit: usize,
    cursor: Option<String>,
}

/// 200 with a page.
async fn list(State(app): State<App>, _: Admin, uri: Uri) -> Result<Json<Listed>, Error> {
    let search = read(&uri)?;
    let list = match &search.wanted {
        Wanted::ById(id) => {
            let found = if is_uid(id) { app.store().whole_again(id).await? } else { None };
            return Ok(Json(Listed::one(&app, found.as_ref())));
        }
        Wanted::By(identifier) => {
            let found = app.store().user_by(identifier).await?;
            return Ok(Json(Listed::one(&app, found.as_ref())));
        }
        Wanted::EmailPrefix(prefix) => ListOf::Email(prefix),
        Wanted::UsernamePrefix(prefix) => ListOf::Username(prefix),
        Wanted::Created { from, before, newest_first } => {
            ListOf::Created { from: *from, before: *before, newest_first: *newest_first }
        }
    };
    let query = format!("{list:?}");
    let behind = search.cursor.map(|cursor| cursor::opened(&app, &query, &cursor)).transpose()?;
    let page = app.store().account_page(&list, behind.as_deref(), search.limit).await?;
    let next_cursor = page.next.map(|entry| cursor::sealed(&app, &query, &entry)).transpose()?;
    let users: Vec<AdminUser> = page.users.iter().map(|user| AdminUser::of(&app, user)).collect();
    let next_cursor = next_cursor.unwrap_or_default();
    Ok(Json(Listed { count: users.len(), users, next_cursor, complete: page.is_complete }))
}

impl Listed {
    /// The page of an exact look-up, which misses nothing.
    fn one(app: &App, found: Option<&User>) -> Self {
        let users: Vec<AdminUser> = found.into_iter().map(|user| AdminUser::of(app, user)).collect();
        Self { count: users.len(), users, next_cursor: String::new(), complete: true }
    }
}

/// Reads the query. Everything that is wrong is told at once.
fn read(uri: &Uri) -> Result<Search, Error> {
    let known: Vec<&str> = PARAMETERS.iter().map(|parameter| parameter.name).collect();
    let mut query = Query::of(uri, &known);
    let limit = query.count("limit", LIMIT_MAX).unwrap_or(LIMIT_DEFAULT);
    let given: Vec<&str> = CHOICES.into_iter().filter(|name| query.text(name).is_some()).collect();
    for name in given.iter().skip(1) {
        query.refuse(name, "ambiguous", "Search by one thing at a time.");
    }
    let of_age: Vec<&str> = OF_AGE.into_iter().filter(|name| query.text(name).is_some()).collect();
    for name in of_age.iter().filter(|_| !given.is_empty()) {
        query.refuse(name, "ambiguous", "A search by an identifier has no time and no order.");
    }
    let wanted = wanted(&mut query, given.first().copied());
    let cursor = query.text("cursor");
    query.done(wanted.map(|wanted| Search { wanted, limit, cursor }))
}

fn wanted(query: &mut Query, choice: Option<&str>) -> Option<Wanted> {
    let text = choice.and_then(|name| query.text(name)).unwrap_or_default();
    let parsed = match choice {
        Some("email") => Email::existing(&text).map(|email| Wanted::By(Identifier::Email(email))),
        Some("username") => Username::parse(&text).map(|name| Wanted::By(Identifier::Username(name))),
        Some("id") => Ok(Wanted::ById(text)),
        Some("email_prefix") => Ok(Wanted::EmailPrefix(text.to_lowercase())),
        Some(_) => Ok(Wanted::UsernamePrefix(text.to_lowercase())),
        None => return by_age(query),
    };
    parsed.map_err(|sentence| query.refuse(choice.unwrap_or_default(), "invalid_search", sentence)).ok()
}

fn by_age(query: &mut Query) -> Option<Wanted> {
    let (from, before) = (query.time("created_after"), query.time("created_before"));
    let newest_first = match query.text("order").as_deref() {
        None | Some("newest") => true,
        Some("oldest") => false,
        Some(_) => {
            query.refuse("order", "invalid_order", "The order is newest or oldest.");
            return None;
        }
    };
    Some(Wanted::Created { from, before, newest_first })
}
