//! The change set of a deployment: what CloudFormation would do, before it does it.

use std::{collections::BTreeMap, time::Duration};

use aws_sdk_cloudformation::types::{
    Capability, ChangeAction, ChangeSetStatus, ChangeSetType, Parameter, Replacement, ResourceChange, Tag,
};

use crate::{
    account::Aws,
    refusal::explain,
    stack::{RELEASE_TAG, Stack},
};

const POLL: Duration = Duration::from_secs(2);
/// CloudFormation makes a change set of this size in less than a minute.
const POLLS_MAX: usize = 300;
/// The texts with which CloudFormation says that nothing would change.
const NOTHING: [&str; 2] = ["didn't contain changes", "No updates are to be performed"];

/// A change set that can be carried out.
pub struct Changes {
    /// The ARN of the change set.
    pub id: String,
    /// The ARN of the stack, which exists from now on.
    pub stack: String,
    changes: Vec<ResourceChange>,
}

/// The order for a change set.
pub struct Order<'a> {
    /// The name of the stack.
    pub name: &'a str,
    /// The address of the template.
    pub template: &'a str,
    /// Every parameter of the template.
    pub parameters: &'a BTreeMap<String, String>,
    /// The release, for the tag of the stack.
    pub release: &'a str,
    /// A text that no earlier change set of the stack has in its name.
    pub mark: &'a str,
    /// The stack, if it was deployed before.
    pub deployed: Option<&'a Stack>,
}

impl Changes {
    /// Makes a change set. Nothing if the stack has all of it already.
    ///
    /// # Errors
    ///
    /// A sentence: CloudFormation refuses the template or the parameters.
    pub async fn ordered(aws: &Aws, order: &Order<'_>) -> Result<Option<Self>, String> {
        let is_update = order.deployed.is_some();
        let kind = if is_update { ChangeSetType::Update } else { ChangeSetType::Create };
        let name = format!("latchkey-{}", order.mark);
        let parameters = order
            .parameters
            .iter()
            .map(|(name, value)| Parameter::builder().parameter_key(name).parameter_value(value).build());
        let tags = [("Project", "latchkey"), (RELEASE_TAG, order.release)];
        let tags = tags.map(|(key, value)| Tag::builder().key(key).value(value).build());
        let made =
            aws.formation.create_change_set().stack_name(order.name).change_set_name(&name).change_set_type(kind);
        let made =
            made.template_url(order.template).set_parameters(Some(parameters.collect())).set_tags(Some(tags.into()));
        let made = made.capabilities(Capability::CapabilityIam).capabilities(Capability::CapabilityAutoExpand);
        let made = made.send().await.map_err(|error| explain(&error))?;
        let (id, stack) = (made.id.unwrap_or_default(), made.stack_id.unwrap_or_default());
        for _ in 0..POLLS_MAX {
            let described = aws.formation.describe_change_set().change_set_name(&id).stack_name(&stack);
            let described = described.send().await.map_err(|error| explain(&error))?;
            let reason = described.status_reason().unwrap_or("no reason is given").to_owned();
            match described.status {
                Some(ChangeSetStatus::CreateComplete) => {
                    let changes = all_changes(aws, &id, &stack).await?;
                    return Ok(Some(Self { id, stack, changes }));
                }
                Some(ChangeSetStatus::Failed) => {
                    Self { id, stack, changes: Vec::new() }.discard(aws, is_update).await?;
                    let is_nothing = is_update && NOTHING.iter().any(|text| reason.contains(text));
                    return if is_nothing {
                        Ok(None)
                    } else {
                        Err(format!("CloudFormation refuses the template: {reason}"))
                    };
                }
                _ => tokio::time::sleep(POLL).await,
            }
        }
        Err("CloudFormation has made no change set within ten minutes. Run the same command again.".to_owned())
    }

    /// The lines for the caller, the parts that lose content first.
    pub fn lines(&self) -> Vec<String> {
        let mut lines: Vec<_> = self.changes.iter().map(line).collect();
        lines.sort();
        if lines.is_empty() {
            return vec!["  no part; only parameters, outputs or tags".to_owned()];
        }
        lines.into_iter().map(|(_, line)| line).collect()
    }

    /// Carries the change set out. CloudFormation goes on by itself from here.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS.
    pub async fn carry_out(&self, aws: &Aws) -> Result<(), String> {
        let done = aws.formation.execute_change_set().change_set_name(&self.id).stack_name(&self.stack).send().await;
        done.map(drop).map_err(|error| explain(&error))
    }

    /// Deletes the change set, and the empty stack of a first one.
    ///
    /// # Errors
    ///
    /// A sentence for a refusal of AWS.
    pub async fn discard(&self, aws: &Aws, is_update: bool) -> Result<(), String> {
        let formation = &aws.formation;
        let deleted = formation.delete_change_set().change_set_name(&self.id).stack_name(&self.stack).send().await;
        deleted.map_err(|error| explain(&error))?;
        if !is_update {
            formation.delete_stack().stack_name(&self.stack).send().await.map_err(|error| explain(&error))?;
        }
        Ok(())
    }
}

async fn all_changes(aws: &Aws, id: &str, stack: &str) -> Result<Vec<ResourceChange>, String> {
    let (mut changes, mut next) = (Vec::new(), None);
    loop {
        let page = aws.formation.describe_change_set().change_set_name(id).stack_name(stack).set_next_token(next);
        let page = page.send().await.map_err(|error| explain(&error))?;
        changes.extend(page.changes.unwrap_or_default().into_iter().filter_map(|change| change.resource_change));
        next = page.next_token;
        if next.is_none() {
            return Ok(changes);
        }
    }
}

/// The rank of a change and its line.
fn line(change: &ResourceChange) -> (u8, String) {
    let (rank, word) = match (&change.action, &change.replacement) {
        (Some(ChangeAction::Remove), _) => (0, "REMOVE"),
        (Some(ChangeAction::Modify), Some(Replacement::True)) => (1, "REPLACE"),
        (Some(ChangeAction::Modify), Some(Replacement::Conditional)) => (2, "replace?"),
        (Some(ChangeAction::Modify), _) => (3, "change"),
        (Some(ChangeAction::Add), _) => (4, "add"),
        _ => (3, "other"),
    };
    let name = change.logical_resource_id().unwrap_or_default();
    (rank, format!("  {word:8} {name} ({})", change.resource_type().unwrap_or_default()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_changes_that_lose_content_come_first() {
        let change = |action: ChangeAction, replacement: Option<Replacement>, name: &str| {
            let change = ResourceChange::builder().action(action).set_replacement(replacement);
            change.logical_resource_id(name).resource_type("T").build()
        };
        let changes = vec![
            change(ChangeAction::Add, None, "A"),
            change(ChangeAction::Modify, Some(Replacement::False), "B"),
            change(ChangeAction::Modify, Some(Replacement::True), "C"),
            change(ChangeAction::Remove, None, "D"),
            change(ChangeAction::Modify, Some(Replacement::Conditional), "E"),
        ];
        let changes = Changes { id: String::new(), stack: String::new(), changes };
        let lines =
            ["  REMOVE   D (T)", "  REPLACE  C (T)", "  replace? E (T)", "  change   B (T)", "  add      A (T)"];
        assert_eq!(changes.lines(), lines);
    }
}
