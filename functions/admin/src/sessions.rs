//! The sessions of an account: lists them, ends one, ends all.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use serde::Serialize;
use shared::{
    App,
    account::session::SessionId,
    auth::{
        ending::end_at_firebase,
        live_sessions::{Ended, LiveSessions},
        session_object::end_of_sessions,
    },
    error::Error,
    http::{
        admin::Admin,
        api::{
            Api, Operation, Parameter,
            operation::Place,
            refusals::{KEY_ALONE, Refusal},
        },
        fields::described::Kind,
    },
    sample::{Meaning, Sample},
    telemetry::audit,
};

use crate::show::{ID, IdInPath, account, account_to_change};

const SESSION_ID: Parameter = Parameter {
    name: "sid",
    place: Place::Path,
    kind: Kind::Text,
    text: "The id of a session, from the list of sessions.",
    example: "3q2-7wAAQFGhsrPE1eb3-A",
};

const UNKNOWN: &[Refusal] = &[(404, "user_not_found")];

/// The endpoints of this part.
pub fn api() -> Api {
    let list = Operation::new::<LiveSessions>("adminListSessions", "List somebody's live sessions")
        .text("The live sessions of the account, the newest first. None of them is the current one.")
        .admin_key()
        .parameters(&[ID])
        .fails(UNKNOWN);
    let end_one = Operation::new::<Ended>("adminEndSession", "End one of somebody's sessions")
        .text("Ends a session of the account. The answer tells whether this request ended it.")
        .admin_key()
        .parameters(&[ID, SESSION_ID])
        .fails(UNKNOWN)
        .fails(KEY_ALONE);
    let end_all = Operation::new::<AllEnded>("adminEndSessions", "End all of somebody's sessions")
        .text("Ends every session of the account. The password stays. An access token is good until it expires.")
        .admin_key()
        .parameters(&[ID])
        .fails(UNKNOWN)
        .fails(KEY_ALONE);
    Api::new()
        .get("/admin/users/{id}/sessions", list_sessions, list)
        .delete("/admin/users/{id}/sessions/{sid}", end_session, end_one)
        .post("/admin/users/{id}/end-sessions", end_sessions, end_all)
}

/// 200 with the live sessions.
async fn list_sessions(State(app): State<App>, _: Admin, id: IdInPath) -> Result<Json<LiveSessions>, Error> {
    let user = account(&app, id).await?;
    LiveSessions::of(&app, &user, None).await.map(Json)
}

/// 200 in any case; the body tells whether this request ended a session of that account.
async fn end_session(
    State(app): State<App>,
    admin: Admin,
    path: Result<Path<(String, String)>, PathRejection>,
) -> Result<Json<Ended>, Error> {
    let Ok(Path((id, sid))) = path else { return Err(Error::NoSuchAccount) };
    let user = account_to_change(&app, &admin, Ok(Path(id))).await?;
    let ended = match SessionId::parse(&sid) {
        Some(sid) => app.store().end_session(sid, Some(&user), app.now()).await?,
        None => false,
    };
    Ok(Json(Ended { ended }))
}

#[derive(Serialize)]
struct AllEnded {
    sessions_ended: usize,
}

impl Sample for AllEnded {
    const NAME: &'static str = "AllEnded";
    const MEMBERS: &'static [Meaning] = &[("sessions_ended", "The number of sessions that were live.")];

    fn sample() -> Self {
        Self { sessions_ended: 2 }
    }
}

/// 200 with the number of sessions that were live.
async fn end_sessions(State(app): State<App>, admin: Admin, id: IdInPath) -> Result<Json<AllEnded>, Error> {
    let user = account_to_change(&app, &admin, id).await?;
    let now = app.now();
    let end = end_of_sessions(&app, now);
    let changed = app.store().update_with_retries(&user, |user| user.end_sessions(end)).await?;
    audit::admin("admin_sessions_ended", &app.pseudonym(&changed.email_key), &app.pseudonym(&changed.id), "");
    let sessions_ended = app.store().forget_sessions(&user, |session| session.is_live(&user, now)).await;
    end_at_firebase(&app, &user.id).await;
    Ok(Json(AllEnded { sessions_ended }))
}
