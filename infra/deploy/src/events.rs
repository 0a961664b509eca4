//! Follows a stack while CloudFormation changes it.

use std::{collections::BTreeSet, time::Duration};

use aws_sdk_cloudformation::types::{StackEvent, StackStatus};

use crate::{
    account::Aws,
    refusal::explain,
    screen::progress,
    stack::{Stack, State},
};

const POLL: Duration = Duration::from_secs(3);
/// Polls until a change that was ordered must have begun.
const BEGIN_POLLS_MAX: usize = 10;
/// Pages of events that are read at a time. A deployment has fewer events than two pages.
const PAGES_MAX: usize = 10;

/// Reasons of failures that a caller can do something about, with the way out.
const HINTS: [(&str, &str); 6] = [
    (
        "ReservedConcurrentExecution",
        "The account may run too few functions at once. Give --parameter LoginConcurrency=0 --parameter \
         CreateAccountConcurrency=0, or ask AWS for more (Service Quotas, Lambda, Concurrent executions).",
    ),
    ("is not authorized to perform", "Your user may not make this part. Ask the owner of the account."),
    ("AccessDenied", "Your user may not make this part. Ask the owner of the account."),
    ("LimitExceeded", "The account has reached a limit. Ask AWS for more (Service Quotas)."),
    (
        "already exists",
        "A part of an earlier stack is still there. Delete it, or name it as the description of its parameter says.",
    ),
    ("S3 Error Code", "Lambda cannot read the uploaded file. Run the same command again."),
];

/// The events that are there, before a deployment begins.
pub struct Events {
    seen: BTreeSet<String>,
    first_failure: Option<String>,
}

impl Events {
    /// Remembers the events of the past. A stack that was never made has none.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS.
    pub async fn before(aws: &Aws, stack: &str) -> Result<Self, String> {
        let seen = read(aws, stack).await?.into_iter().filter_map(|event| event.event_id).collect();
        Ok(Self { seen, first_failure: None })
    }

    /// Prints each part as it is done, until CloudFormation has ended. Returns the stack as it is
    /// then. `begins` says that the change was ordered just now: CloudFormation may show the state
    /// before it for some seconds.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS. CloudFormation goes on all the same.
    pub async fn follow(&mut self, aws: &Aws, stack: &str, begins: bool) -> Result<Stack, String> {
        let (before, mut polls) = (self.seen.len(), 0);
        loop {
            let found = Stack::must_find(aws, stack).await?;
            self.print_new(aws, stack).await?;
            let has_begun = !begins || self.seen.len() > before || polls >= BEGIN_POLLS_MAX;
            let is_busy = matches!(found.state(), State::Busy) && !found.is_complete();
            if has_begun && !is_busy {
                return Ok(found);
            }
            polls += 1;
            tokio::time::sleep(POLL).await;
        }
    }

    /// Prints each part as it is deleted, until the stack is gone.
    ///
    /// # Errors
    ///
    /// A sentence: a part could not be deleted, or AWS refused.
    pub async fn follow_deletion(&mut self, aws: &Aws, stack: &str) -> Result<(), String> {
        loop {
            let Some(found) = Stack::find(aws, stack).await? else { return Ok(()) };
            self.print_new(aws, stack).await?;
            match found.status {
                StackStatus::DeleteComplete => return Ok(()),
                StackStatus::DeleteFailed => {
                    let why = self.first_failure().unwrap_or(&found.reason).to_owned();
                    return Err(format!(
                        "{} could not be deleted. {why}\nRun the same command again once that is mended.",
                        found.name
                    ));
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }

    /// Prints the events that have come since the last call.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS.
    pub async fn print_new(&mut self, aws: &Aws, stack: &str) -> Result<(), String> {
        let mut events = read(aws, stack).await?;
        events.reverse();
        for event in events {
            if self.seen.insert(event.event_id().unwrap_or_default().to_owned()) {
                self.print(&event);
            }
        }
        Ok(())
    }

    fn print(&mut self, event: &StackEvent) {
        let status = event.resource_status().map_or("", |status| status.as_str());
        let (name, kind) = (event.logical_resource_id().unwrap_or_default(), event.resource_type().unwrap_or_default());
        let reason = event.resource_status_reason().unwrap_or_default();
        if status.ends_with("_FAILED") {
            // Further failures are mostly parts that were stopped because of the first one.
            self.first_failure.get_or_insert_with(|| format!("{name} ({kind}): {}", hinted(reason)));
            progress(&format!("  FAILED   {name} ({kind}): {reason}"));
        } else if status.ends_with("_COMPLETE") || status == "DELETE_SKIPPED" {
            let word = if status == "DELETE_SKIPPED" { "kept" } else { "done" };
            progress(&format!("  {word:8} {name} ({kind})"));
        }
    }

    /// The first part that failed, with the reason and a way out.
    pub fn first_failure(&self) -> Option<&str> {
        self.first_failure.as_deref()
    }
}

fn hinted(reason: &str) -> String {
    let hint = HINTS.iter().find(|(text, _)| reason.contains(text));
    hint.map_or_else(|| reason.to_owned(), |(_, hint)| format!("{reason} {hint}"))
}

/// The latest events, the newest first.
async fn read(aws: &Aws, stack: &str) -> Result<Vec<StackEvent>, String> {
    let (mut events, mut next) = (Vec::new(), None);
    for _ in 0..PAGES_MAX {
        let page = aws.formation.describe_stack_events().stack_name(stack).set_next_token(next).send().await;
        let page = match page {
            Ok(page) => page,
            Err(error) if crate::refusal::message(&error).contains("does not exist") => break,
            Err(error) => return Err(explain(&error)),
        };
        events.extend(page.stack_events.unwrap_or_default());
        next = page.next_token;
        if next.is_none() {
            break;
        }
    }
    Ok(events)
}

#[cfg(test)]
mod tests {
    use aws_sdk_cloudformation::types::ResourceStatus;

    use super::*;

    #[test]
    fn the_first_failure_is_told_with_its_way_out() {
        let event = |name: &str, status: ResourceStatus, reason: &str| {
            let event = StackEvent::builder().stack_id("s").event_id(name).stack_name("s");
            let event = event.timestamp(aws_smithy_types::DateTime::from_secs(0)).resource_status(status);
            event.logical_resource_id(name).resource_type("T").resource_status_reason(reason).build()
        };
        let mut events = Events { seen: BTreeSet::new(), first_failure: None };
        events.print(&event("Table", ResourceStatus::CreateComplete, ""));
        assert_eq!(events.first_failure(), None);
        let reason = "Specified ReservedConcurrentExecutions for function decreases account's minimum value";
        events.print(&event("Login", ResourceStatus::CreateFailed, reason));
        events.print(&event("Refresh", ResourceStatus::CreateFailed, "Resource creation cancelled"));
        let told = events.first_failure().unwrap();
        assert!(told.starts_with("Login (T): Specified") && told.contains("LoginConcurrency=0"), "{told}");
    }
}
