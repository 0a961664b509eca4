//! `/me/sessions`: lists the sessions of an account, and ends one of them.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use shared::{
    App,
    account::session::SessionId,
    auth::live_sessions::{Ended, LiveSessions},
    error::Error,
    http::{
        api::{
            Api, Operation, Parameter,
            operation::{Place, Tag},
        },
        caller::Caller,
        fields::described::Kind,
    },
};

const ID: Parameter = Parameter {
    name: "id",
    place: Place::Path,
    kind: Kind::Text,
    text: "The id of a session, from the list of sessions.",
    example: "3q2-7wAAQFGhsrPE1eb3-A",
};

/// The endpoints of this part.
pub fn api() -> Api {
    let sessions = Operation::new::<LiveSessions>("sessions", "List the live sessions")
        .text("The live sessions of the account, the newest first.")
        .tag(Tag::Account)
        .bearer()
        .for_clients();
    let end_session = Operation::new::<Ended>("endSession", "End one session")
        .text("Ends a session of the account. The answer tells whether this request ended it.")
        .tag(Tag::Account)
        .bearer()
        .parameters(&[ID])
        .for_clients();
    Api::new().get("/me/sessions", list, sessions).delete("/me/sessions/{id}", end, end_session)
}

/// 200 with the live sessions.
async fn list(State(app): State<App>, Caller { user, session, .. }: Caller) -> Result<Json<LiveSessions>, Error> {
    LiveSessions::of(&app, &user, session).await.map(Json)
}

/// 200 in any case; the body tells whether this request ended a session. A session that is over,
/// an unknown one and one of another account get the same answer.
async fn end(
    State(app): State<App>,
    Caller { user, .. }: Caller,
    id: Result<Path<String>, PathRejection>,
) -> Result<Json<Ended>, Error> {
    let id = id.ok().and_then(|Path(text)| SessionId::parse(&text));
    let ended = match id {
        Some(id) => app.store().end_session(id, Some(&user), app.now()).await?,
        None => false,
    };
    Ok(Json(Ended { ended }))
}
