//! A deployed stack, as CloudFormation describes it.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::StackStatus;

use crate::{
    account::Aws,
    refusal::{explain, message},
};

/// The tag that tells the release of a stack.
pub const RELEASE_TAG: &str = "latchkey:release";

/// The properties of an existing stack.
#[derive(Clone, Debug)]
pub struct Stack {
    /// The name, such as `latchkey`.
    pub name: String,
    /// The ARN. A deleted stack is found by the ARN alone.
    pub id: String,
    /// The status.
    pub status: StackStatus,
    /// The reason of the status, where CloudFormation gives one.
    pub reason: String,
    /// The release that was deployed last. Empty if another tool deployed it.
    pub release: String,
    /// The parameters by name.
    pub parameters: BTreeMap<String, String>,
    /// The outputs by name.
    pub outputs: BTreeMap<String, String>,
}

/// The ways on from a state of a stack.
pub enum State {
    /// The stack is there, or has only been looked at, and can be changed.
    Ready,
    /// The stack is being changed.
    Busy,
    /// The first deployment failed. Nothing of the stack is left but its name.
    Empty,
    /// Somebody must act first, as the sentence says.
    Stuck(String),
}

impl Stack {
    /// The stack of this name or ARN. Nothing if it was never made.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS.
    pub async fn find(aws: &Aws, name: &str) -> Result<Option<Self>, String> {
        let described = aws.formation.describe_stacks().stack_name(name).send().await;
        let found = match described {
            Ok(described) => described.stacks.unwrap_or_default().into_iter().next(),
            Err(error) if message(&error).contains("does not exist") => None,
            Err(error) => return Err(explain(&error)),
        };
        Ok(found.map(|stack| {
            let tags = stack.tags.unwrap_or_default();
            let release = tags.iter().find(|tag| tag.key() == Some(RELEASE_TAG)).and_then(|tag| tag.value());
            let parameters = stack.parameters.unwrap_or_default().into_iter();
            let outputs = stack.outputs.unwrap_or_default().into_iter();
            Self {
                name: stack.stack_name.unwrap_or_default(),
                id: stack.stack_id.unwrap_or_default(),
                status: stack.stack_status.unwrap_or(StackStatus::CreateFailed),
                reason: stack.stack_status_reason.unwrap_or_default(),
                release: release.unwrap_or_default().to_owned(),
                parameters: parameters.filter_map(|each| Some((each.parameter_key?, each.parameter_value?))).collect(),
                outputs: outputs.filter_map(|each| Some((each.output_key?, each.output_value?))).collect(),
            }
        }))
    }

    /// The stack of this name.
    ///
    /// # Errors
    ///
    /// A sentence: there is none in this region, or AWS refused.
    pub async fn must_find(aws: &Aws, name: &str) -> Result<Self, String> {
        let found = Self::find(aws, name).await?.filter(|stack| stack.status != StackStatus::DeleteComplete);
        found.ok_or_else(|| {
            format!(
                "There is no stack {name} in {}. Another region is named by AWS_REGION, another stack by --stack.",
                aws.region
            )
        })
    }

    /// The way on from the present state.
    pub fn state(&self) -> State {
        let (name, status) = (&self.name, self.status.as_str());
        match &self.status {
            // Nobody has carried out the first change set.
            StackStatus::ReviewInProgress | StackStatus::DeleteComplete => State::Ready,
            StackStatus::RollbackComplete => State::Empty,
            StackStatus::UpdateRollbackFailed => State::Stuck(format!(
                "The stack {name} is stuck in a rollback ({status}). Repair the parts that its events name, in the console of \
                 CloudFormation, and choose Stack actions, Continue update rollback there."
            )),
            StackStatus::CreateFailed | StackStatus::DeleteFailed | StackStatus::RollbackFailed => {
                State::Stuck(format!(
                    "The stack {name} is left from a failed attempt ({status}). Delete it: latchkey stack destroy --stack {name}"
                ))
            }
            _ if status.ends_with("_IN_PROGRESS") => State::Busy,
            _ => State::Ready,
        }
    }

    /// Whether the stack has been looked at alone, and has no part yet.
    pub fn is_unmade(&self) -> bool {
        matches!(self.status, StackStatus::ReviewInProgress | StackStatus::DeleteComplete)
    }

    /// Whether the last deployment succeeded.
    pub fn is_complete(&self) -> bool {
        matches!(
            self.status,
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::UpdateCompleteCleanupInProgress
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stack(status: &str) -> Stack {
        let status = StackStatus::from(status);
        let (name, id, reason, release) = ("latchkey".to_owned(), String::new(), String::new(), String::new());
        Stack { name, id, status, reason, release, parameters: BTreeMap::new(), outputs: BTreeMap::new() }
    }

    #[test]
    fn every_status_leads_somewhere() {
        for status in StackStatus::values() {
            let state = stack(status).state();
            let is_right = match *status {
                "CREATE_COMPLETE"
                | "UPDATE_COMPLETE"
                | "UPDATE_ROLLBACK_COMPLETE"
                | "REVIEW_IN_PROGRESS"
                | "IMPORT_COMPLETE"
                | "IMPORT_ROLLBACK_COMPLETE"
                | "UPDATE_FAILED"
                | "IMPORT_ROLLBACK_FAILED"
                | "DELETE_COMPLETE" => matches!(state, State::Ready),
                "ROLLBACK_COMPLETE" => matches!(state, State::Empty),
                "CREATE_FAILED" | "DELETE_FAILED" | "ROLLBACK_FAILED" | "UPDATE_ROLLBACK_FAILED" => {
                    matches!(state, State::Stuck(_))
                }
                _ => matches!(state, State::Busy),
            };
            assert!(is_right, "{status}");
        }
    }

    #[test]
    fn only_a_stack_that_is_complete_was_deployed() {
        let complete: Vec<_> =
            StackStatus::values().iter().filter(|status| stack(status).is_complete()).copied().collect();
        assert_eq!(complete, ["CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"]);
    }
}
