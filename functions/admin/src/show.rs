//! `GET /admin/users/{id}`: one account.

use axum::{
    Json,
    extract::{Path, State, rejection::PathRejection},
};
use shared::{
    App,
    account::user::User,
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation, Parameter, operation::Place},
        fields::described::Kind,
    },
    token::custom::is_uid,
};

use crate::view::{AdminUser, Shown};

/// The id of an account, in the path.
pub const ID: Parameter = Parameter {
    name: "id",
    place: Place::Path,
    kind: Kind::Text,
    text: "The id of an account.",
    example: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e",
};

/// The id in the path, as far as there is one.
pub type IdInPath = Result<Path<String>, PathRejection>;

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Shown>("adminShowUser", "Show an account")
        .text("The account as it is now.")
        .admin_key()
        .parameters(&[ID])
        .fails(&[(404, "user_not_found")]);
    Api::new().get("/admin/users/{id}", show, operation)
}

/// 200 with the account.
async fn show(State(app): State<App>, _: Admin, id: IdInPath) -> Result<Json<Shown>, Error> {
    let user = account(&app, id).await?;
    Ok(Json(Shown { user: AdminUser::of(&app, &user) }))
}

/// The account with the id of the path, which this admin may change.
///
/// # Errors
///
/// As [`account`]. 403 if the account is that of an admin, and this one has no admin key.
pub async fn account_to_change(app: &App, admin: &Admin, id: IdInPath) -> Result<User, Error> {
    let user = account(app, id).await?;
    admin.by.require_over(app, &user)?;
    Ok(user)
}

/// The account with the id of the path, with its password hash.
///
/// # Errors
///
/// 404 if there is none, 503 if DynamoDB fails.
pub async fn account(app: &App, id: IdInPath) -> Result<User, Error> {
    let id = id.ok().map(|Path(id)| id).filter(|id| is_uid(id)).ok_or(Error::NoSuchAccount)?;
    app.store().whole_again(&id).await?.ok_or(Error::NoSuchAccount)
}
