//! The rights of the service account in its project, as Google's Cloud Resource Manager tells them
//! (<https://cloud.google.com/resource-manager/reference/rest/v1/projects/testIamPermissions>).

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::access_token::{self, AccessTokens, READ_PROJECT, TOKEN_URL};
use crate::{
    fetch::{Fetcher, TIME_MAX},
    keys::service_account::ServiceAccount,
    time::Timestamp,
};

const API: &str = "https://cloudresourcemanager.googleapis.com";
/// The right to change the users of the project, which the role Firebase Authentication Admin has.
const USERS: &str = "firebaseauth.users.update";
/// Rights that this service never uses. Each follows "it may".
const NEVER_USED: [(&str, &str); 6] = [
    ("resourcemanager.projects.setIamPolicy", "change who may do what in the project"),
    ("iam.serviceAccountKeys.create", "make keys of service accounts"),
    ("datastore.entities.update", "change the data in Firestore"),
    ("storage.objects.create", "write files in Storage"),
    ("firebaserules.releases.update", "change the rules of Firestore and Storage"),
    ("cloudfunctions.functions.update", "change functions"),
];

/// Whether a service account has the rights that it needs, and no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It has just what it needs.
    Right,
    /// It may not change the users of the project, and must.
    TooFew,
    /// It may do more, as these clauses say, which follow "it may".
    TooMany(Vec<&'static str>),
}

/// The rights of a service account in its project.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rights {
    /// Whether it may change the users of the project, as telling Firebase needs.
    pub changes_users: bool,
    /// The rights that this service never uses, as clauses that follow "it may".
    pub never_used: Vec<&'static str>,
}

#[derive(Deserialize)]
struct Tested {
    #[serde(default)]
    permissions: Vec<String>,
}

impl Rights {
    /// Compares the rights with those that are needed. `is_told` says whether Firebase is told of
    /// profiles and endings. An account that only signs needs no right at all.
    pub fn fit(&self, is_told: bool) -> Fit {
        if is_told && !self.changes_users {
            return Fit::TooFew;
        }
        let unneeded = (self.changes_users && !is_told).then_some("change users of Firebase");
        let more: Vec<_> = self.never_used.iter().copied().chain(unneeded).collect();
        if more.is_empty() { Fit::Right } else { Fit::TooMany(more) }
    }

    /// Asks for the rights of `account` in `project`. `servers` are the API and the token endpoint
    /// of a test, in the place of Google's.
    ///
    /// # Errors
    ///
    /// A phrase: Google cannot be asked.
    pub async fn of(
        account: &ServiceAccount,
        project: &str,
        servers: Option<(&str, &str)>,
        now: Timestamp,
    ) -> Result<Self, String> {
        let (api, tokens) = servers.unwrap_or((API, TOKEN_URL));
        let fetcher = Fetcher::new()?;
        let held = AccessTokens::default();
        let token = access_token::get(&held, &fetcher, tokens, (account, READ_PROJECT), now).await?;
        let asked: Vec<&str> = NEVER_USED.iter().map(|(right, _)| *right).chain([USERS]).collect();
        let request = Request::post(format!("{api}/v1/projects/{project}:testIamPermissions"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::AUTHORIZATION, format!("Bearer {}", token.text.as_str()))
            .body(Bytes::from(json!({"permissions": asked}).to_string()))
            .map_err(|error| error.to_string())?;
        let answer = fetcher.send_within(request, TIME_MAX).await;
        let answer = answer.map_err(|why| format!("the Cloud Resource Manager {why}"))?;
        if answer.status != StatusCode::OK {
            return Err(format!(
                "the Cloud Resource Manager answered {}: the API cloudresourcemanager.googleapis.com may be off",
                answer.status.as_u16()
            ));
        }
        let tested: Tested = serde_json::from_slice(&answer.body)
            .map_err(|_| "the Cloud Resource Manager answered no permissions".to_owned())?;
        let has = |right: &str| tested.permissions.iter().any(|permission| permission == right);
        let never_used = NEVER_USED.iter().filter(|(right, _)| has(right)).map(|(_, words)| *words).collect();
        Ok(Self { changes_users: has(USERS), never_used })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_that_only_signs_needs_no_right_and_one_that_tells_firebase_needs_one() {
        let power = "make keys of service accounts";
        let fit = |changes_users: bool, never_used: &[&'static str], is_told: bool| {
            Rights { changes_users, never_used: never_used.to_vec() }.fit(is_told)
        };
        assert_eq!(fit(true, &[], true), Fit::Right);
        assert_eq!(fit(false, &[], false), Fit::Right);
        assert_eq!(fit(false, &[power], true), Fit::TooFew);
        assert_eq!(fit(true, &[power], true), Fit::TooMany(vec![power]));
        assert_eq!(fit(true, &[power], false), Fit::TooMany(vec![power, "change users of Firebase"]));
    }
}
