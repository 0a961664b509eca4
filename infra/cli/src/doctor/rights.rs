//! Whether the service account has more rights in its project than this service needs.

use shared::{
    config::{Config, FirebaseSync},
    firebase::{Fit, Rights, is_nowhere},
    keys::service_account::ServiceAccount,
};

use super::{Finding, fail, ok, warn};
use crate::deployment;

const CHECK: &str = "rights of the account";

/// Asks Google. `None` for a project that exists in emulators alone.
pub async fn examine(config: &Config, account: &ServiceAccount) -> Option<Finding> {
    let firebase = &config.firebase;
    let project = firebase.project(Some(&account.project_id)).map_or(account.project_id.as_str(), |(id, _)| id);
    if firebase.is_demo || firebase.emulator_host.is_some() || is_nowhere(project) {
        return None;
    }
    let is_told = firebase.sync() != FirebaseSync::Off;
    let needed = match is_told {
        true => "the role Firebase Authentication Admin alone",
        false => "no role at all, because FIREBASE_SYNC is off",
    };
    let email = &account.email;
    let rights = Rights::of(account, project, None, deployment::now()).await;
    Some(match rights.map(|rights| rights.fit(is_told)) {
        Err(why) => warn(CHECK, format!("unknown: {why}. {email} needs {needed}")),
        Ok(Fit::Right) => ok(CHECK, format!("{email} has what it needs: {needed}")),
        Ok(Fit::TooFew) => fail(
            CHECK,
            format!("{email} may not change users of Firebase: give it {needed}, or set FIREBASE_SYNC to off"),
        ),
        Ok(Fit::TooMany(more)) => warn(
            CHECK,
            format!(
                "{email} has more rights than it needs. It may {}. It needs {needed}: docs/signers.md has the commands for \
                 such an account",
                more.join(", ")
            ),
        ),
    })
}
