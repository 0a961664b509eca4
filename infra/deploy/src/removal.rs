//! `latchkey stack destroy`: deletes a stack, and says what stays and how to remove it.

use aws_sdk_cloudformation::types::TemplateStage;

use crate::{
    account::Aws,
    events::Events,
    refusal::explain,
    screen::{ask, is_terminal, say},
    stack::Stack,
    template::Template,
};

/// The commands that delete a resource of a type, with `{id}` and `{region}` for the resource.
const REMOVALS: [(&str, &[&str]); 4] = [
    (
        "AWS::DynamoDB::Table",
        &[
            "aws dynamodb update-table --region {region} --table-name {id} --no-deletion-protection-enabled",
            "aws dynamodb delete-table --region {region} --table-name {id}",
        ],
    ),
    (
        "AWS::SecretsManager::Secret",
        &["aws secretsmanager delete-secret --region {region} --secret-id {id} --recovery-window-in-days 7"],
    ),
    ("AWS::Logs::LogGroup", &["aws logs delete-log-group --region {region} --log-group-name {id}"]),
    ("AWS::KMS::Key", &["aws kms schedule-key-deletion --region {region} --key-id {id} --pending-window-in-days 30"]),
];

/// Deletes a stack after a question. `confirmed` is its name, for a run in which nobody can be
/// asked.
///
/// # Errors
///
/// A sentence: nobody confirmed, or CloudFormation could not delete a part.
pub async fn destroy(aws: &Aws, stack: &Stack, confirmed: Option<String>) -> Result<(), String> {
    let name = &stack.name;
    say(&format!("The stack {name} of account {} in {} will be deleted.", aws.account, aws.region));
    print_kept(&kept(aws, name).await?, &aws.region);
    let answer = match confirmed {
        Some(answer) => answer,
        None if is_terminal() => ask(&format!("Type {name} to go on:"))?,
        None => String::new(),
    };
    if answer != *name {
        return Err(format!("Nothing was deleted: type {name} when asked, or give --confirm {name}."));
    }
    let mut events = Events::before(aws, &stack.id).await?;
    aws.formation.delete_stack().stack_name(&stack.id).send().await.map_err(|error| explain(&error))?;
    events.follow_deletion(aws, &stack.id).await?;
    say(&format!("{name} is deleted. The list above has everything that stays, and how to remove it."));
    Ok(())
}

/// The type and the physical id of each resource that outlives its stack.
async fn kept(aws: &Aws, name: &str) -> Result<Vec<(String, String)>, String> {
    let formation = &aws.formation;
    let template = formation.get_template().stack_name(name).template_stage(TemplateStage::Original).send().await;
    let template = template.map_err(|error| explain(&error))?.template_body.unwrap_or_default();
    let keeps = Template::read(&template)?.kept;
    let (mut kept, mut next) = (Vec::new(), None);
    loop {
        let page = formation.list_stack_resources().stack_name(name).set_next_token(next).send().await;
        let page = page.map_err(|error| explain(&error))?;
        for resource in page.stack_resource_summaries.unwrap_or_default() {
            if keeps.iter().any(|keep| Some(keep.as_str()) == resource.logical_resource_id()) {
                kept.push((
                    resource.resource_type().unwrap_or_default().to_owned(),
                    resource.physical_resource_id().unwrap_or_default().to_owned(),
                ));
            }
        }
        next = page.next_token;
        if next.is_none() {
            return Ok(kept);
        }
    }
}

fn print_kept(kept: &[(String, String)], region: &str) {
    if kept.is_empty() {
        return;
    }
    say("These parts stay, with the accounts and keys in them. Unused, each costs little or nothing:");
    for (kind, id) in kept {
        say(&format!("  {kind}  {id}"));
    }
    say("To remove them too, for ever, run afterwards:");
    for (kind, id) in kept {
        let removal =
            REMOVALS.iter().find(|(of, _)| of == kind).map_or(&["# {id}: in the console"][..], |(_, lines)| lines);
        for line in removal {
            say(&format!("  {}", line.replace("{region}", region).replace("{id}", id)));
        }
    }
}
