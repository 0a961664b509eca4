//! The deletion of an account by whoever runs the service.

use super::ending::end_at_firebase;
use crate::{App, account::user::User, error::Error};

/// Deletes an account with its identifiers, and returns it as it was at its end. The account is
/// disabled first: a change in between would otherwise keep it from being deleted. Its sessions are
/// over, and their records are the caller's to forget.
///
/// # Errors
///
/// 503 if DynamoDB fails, or if other changes come first very often.
pub async fn delete(app: &App, user: &User) -> Result<User, Error> {
    let now = app.now();
    let disable = |user: &mut User| {
        if !user.disabled {
            user.disable(now);
        }
    };
    let refused = app.store().update_with_retries(user, disable).await?;
    app.store().delete_user(&refused).await?;
    end_at_firebase(app, &refused.id).await;
    Ok(refused)
}
