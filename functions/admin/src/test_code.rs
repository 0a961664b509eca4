//! `PUT` and `DELETE /admin/users/{id}/test-code`: a fixed code for whoever reviews an app.

use axum::{Json, extract::State};
use shared::{
    App,
    account::{
        proof::Code,
        test_code::{LIFE_MAX, TestCode, is_guessed_first},
        user::User,
    },
    auth::mailing::proof_keys,
    error::{Error, Field},
    http::{
        admin::Admin,
        api::{
            Api, Operation,
            refusals::{KEY_ALONE, Refusal},
        },
        body::Body,
        fields::{Fields, Input},
    },
    telemetry::audit,
    time::Timestamp,
};

use crate::{
    show::{ID, IdInPath, account_to_change},
    view::{AdminUser, Shown},
};

const REFUSALS: &[Refusal] = &[(404, "user_not_found"), (501, "not_configured")];

/// The endpoints of this part.
pub fn api() -> Api {
    let set = Operation::new::<Shown>("adminSetTestCode", "Give an account a fixed code")
        .text(
            "For people who review an app and have no mailbox. Until its end, the code logs in to this account alone, at \
             /login/email/complete and in the place of a mailed one. It verifies no address.",
        )
        .admin_key()
        .parameters(&[ID])
        .body::<NewTestCode>()
        .fails(REFUSALS)
        .fails(KEY_ALONE);
    let remove = Operation::new::<Shown>("adminRemoveTestCode", "Take the fixed code of an account away")
        .text("The code is refused from now on. The sessions that it began stay.")
        .admin_key()
        .parameters(&[ID])
        .fails(&[(404, "user_not_found")])
        .fails(KEY_ALONE);
    Api::new().put("/admin/users/{id}/test-code", set_code, set).delete(
        "/admin/users/{id}/test-code",
        remove_code,
        remove,
    )
}

/// `code` and `until`.
struct NewTestCode {
    code: Code,
    until: Timestamp,
}

impl Input for NewTestCode {
    const MAY_SET_ALL: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        let (code, until) = (fields.code("code"), fields.required("until"));
        if code.as_ref().is_some_and(is_guessed_first) {
            fields.refuse("code", "code_too_common", "Everybody tries this code first. Choose another one.");
        }
        let until = until.and_then(|text| {
            let time = Timestamp::parse(&text);
            if time.is_none() {
                fields.refuse("until", "invalid_time", "The end must be a date such as 2026-05-27T15:00:00Z.");
            }
            time
        });
        Some(Self { code: code?, until: until? })
    }
}

/// 200 with the account.
async fn set_code(
    State(app): State<App>,
    admin: Admin,
    id: IdInPath,
    Body(NewTestCode { code, until }): Body<NewTestCode>,
) -> Result<Json<Shown>, Error> {
    let keys = proof_keys(&app).await?;
    let now = app.now();
    if until <= now || until > now + LIFE_MAX {
        let sentence = "The end must be in the future, and within 30 days.";
        return Err(Error::wrong(vec![Field::new("until", "invalid_time", sentence)]));
    }
    let user = account_to_change(&app, &admin, id).await?;
    let set = TestCode::new(keys.sealing(), &user.id, &code, until);
    let changed = app.store().update_with_retries(&user, |user| user.test_code = Some(set.clone())).await?;
    audit::admin("test_code_set", &app.pseudonym(&changed.email_key), &app.pseudonym(&changed.id), "");
    Ok(shown(&app, &user, changed))
}

/// 200 with the account, also if it had no code.
async fn remove_code(State(app): State<App>, admin: Admin, id: IdInPath) -> Result<Json<Shown>, Error> {
    let user = account_to_change(&app, &admin, id).await?;
    if user.test_code.is_none() {
        return Ok(Json(Shown { user: AdminUser::of(&app, &user) }));
    }
    let changed = app.store().update_with_retries(&user, |user| user.test_code = None).await?;
    audit::admin("test_code_removed", &app.pseudonym(&changed.email_key), &app.pseudonym(&changed.id), "");
    Ok(shown(&app, &user, changed))
}

/// The account after the change, which has not read the profile again.
fn shown(app: &App, before: &User, changed: User) -> Json<Shown> {
    let (metadata, private_metadata) = (before.metadata.clone(), before.private_metadata.clone());
    Json(Shown { user: AdminUser::of(app, &User { metadata, private_metadata, ..changed }) })
}
