//! `DELETE /admin/users/{id}`: deletes an account.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    auth::deletion,
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation, refusals::KEY_ALONE},
    },
    sample::Sample,
    telemetry::audit,
};

use crate::show::{ID, IdInPath, account_to_change};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Deleted>("adminDeleteUser", "Delete somebody's account")
        .text("Deletes the account with its identifiers and sessions, for ever. A second time it answers the same.")
        .admin_key()
        .parameters(&[ID])
        .fails(KEY_ALONE);
    Api::new().delete("/admin/users/{id}", delete, operation)
}

#[derive(Serialize)]
struct Deleted {
    deleted: bool,
}

impl Sample for Deleted {
    const NAME: &'static str = "AdminDeleted";

    fn sample() -> Self {
        Self { deleted: true }
    }
}

/// 200 once the account is gone, also if it was gone before.
async fn delete(State(app): State<App>, admin: Admin, id: IdInPath) -> Result<Json<Deleted>, Error> {
    match account_to_change(&app, &admin, id).await {
        Err(Error::NoSuchAccount) => {}
        Err(error) => return Err(error),
        Ok(user) => {
            deletion::delete(&app, &user).await?;
            audit::admin("admin_user_deleted", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id), "");
            app.store().forget_sessions(&user, |_| true).await;
        }
    }
    Ok(Json(Deleted { deleted: true }))
}
