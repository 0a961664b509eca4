//! The two commands, from their arguments to their results.

use std::collections::BTreeMap;

use latchkey::deploy::{self as cli, StackCommand};

use crate::{
    account::Aws,
    bucket::Bucket,
    changes::{Changes, Order},
    events::Events,
    outputs,
    parameters::{check, effective},
    refusal::explain,
    release::{self, Release},
    removal::destroy,
    screen::{ask, is_terminal, progress, say},
    stack::{Stack, State},
    template::Template,
};

/// Runs `latchkey stack` to its end.
///
/// # Errors
///
/// Sentences for people.
pub async fn stack(asked: cli::Stack) -> Result<(), String> {
    let aws = Aws::connect().await?;
    let found = Stack::must_find(&aws, &asked.named.name).await?;
    match asked.command {
        StackCommand::Status => status(&aws, &found),
        StackCommand::Destroy(asked) => destroy(&aws, &found, asked.confirm).await,
    }
}

fn status(aws: &Aws, found: &Stack) -> Result<(), String> {
    let release = if found.release.is_empty() { "deployed by another tool" } else { &found.release };
    say(&format!("{} in {}: {} ({release})", found.name, aws.region, found.status.as_str()));
    if !found.reason.is_empty() {
        say(&format!("  {}", found.reason));
    }
    say("");
    outputs::print(found);
    match found.state() {
        State::Stuck(sentence) => Err(sentence),
        State::Empty => Err(empty(found)),
        State::Busy | State::Ready => Ok(()),
    }
}

fn empty(found: &Stack) -> String {
    format!("The first deployment of {} failed, and everything was taken back. Run latchkey deploy again.", found.name)
}

/// Runs `latchkey deploy` to its end.
///
/// # Errors
///
/// Sentences for people: what is missing, what was refused, or which part failed.
pub async fn deploy(asked: cli::Deploy) -> Result<(), String> {
    Deployment { asked }.run().await
}

struct Deployment {
    asked: cli::Deploy,
}

impl Deployment {
    async fn run(&self) -> Result<(), String> {
        let path = self.asked.release.clone().map_or_else(release::only, Ok)?;
        let release = Release::read(&path)?;
        let compared =
            if release.is_compared { "the checksum is right" } else { "no SHA256SUMS beside it to compare with" };
        ok(&format!("{}, {} functions, {compared}", release.name, release.functions.len()));
        let template = Template::read(&release.template)?;

        let aws = Aws::connect().await?;
        ok(&format!("AWS account {}, region {}, as {}", aws.account, aws.region, aws.arn));
        let deployed = self.ready(&aws).await?;
        let values = self.values(&template, deployed.as_ref())?;
        let bucket = Bucket::open(&aws, self.asked.bucket.clone()).await?;
        let template = upload(&bucket, &release).await?;

        let mark = mark();
        let (name, parameters) = (self.asked.named.name.as_str(), &values);
        let order = Order {
            name,
            template: &template,
            parameters,
            release: &release.name,
            mark: &mark,
            deployed: deployed.as_ref(),
        };
        let Some(changes) = Changes::ordered(&aws, &order).await? else {
            let stack = Stack::must_find(&aws, name).await?;
            say(&format!("\nNothing changes: {name} has this release and these parameters already.\n"));
            outputs::print(&stack);
            return Ok(());
        };
        if deployed.is_none() {
            progress("\nAn idle stack costs about two dollars a month, and five with alarms (docs/launch.md, Costs).");
        }
        if self.is_accepted(&changes, name)? {
            self.carry_out(&aws, &changes).await
        } else {
            changes.discard(&aws, deployed.is_some()).await?;
            if self.asked.plan { Ok(()) } else { Err("Nothing was changed.".to_owned()) }
        }
    }

    /// The stack as it is, once nothing changes it. Nothing before the first deployment.
    async fn ready(&self, aws: &Aws) -> Result<Option<Stack>, String> {
        let name = &self.asked.named.name;
        let Some(mut found) = Stack::find(aws, name).await? else {
            ok(&format!("stack {name}: not there yet"));
            return Ok(None);
        };
        if let State::Busy = found.state() {
            progress(&format!(
                "  The stack {name} is being changed ({}). Waiting until that is over.",
                found.status.as_str()
            ));
            found = Events::before(aws, &found.id).await?.follow(aws, &found.id, false).await?;
        }
        ok(&format!("stack {name}: {}", found.status.as_str()));
        match found.state() {
            State::Stuck(sentence) => Err(sentence),
            State::Empty => {
                progress("  The first deployment failed. Its empty stack is deleted first.");
                let mut events = Events::before(aws, &found.id).await?;
                aws.formation.delete_stack().stack_name(&found.id).send().await.map_err(|error| explain(&error))?;
                events.follow_deletion(aws, &found.id).await?;
                Ok(None)
            }
            State::Busy | State::Ready if found.is_unmade() => Ok(None),
            State::Busy | State::Ready => Ok(Some(found)),
        }
    }

    /// The value of every parameter.
    fn values(&self, template: &Template, deployed: Option<&Stack>) -> Result<BTreeMap<String, String>, String> {
        let mut chosen: BTreeMap<_, _> = self.asked.parameters.iter().cloned().collect();
        let mut choose = |name: &str, value: &str| chosen.insert(name.to_owned(), value.to_owned());
        if let Some(project) = &self.asked.firebase {
            choose("TokenProfile", "firebase");
            choose("FirebaseProjectId", project);
        } else if self.asked.no_firebase {
            choose("TokenProfile", "access");
        } else if deployed.is_none()
            && !self.asked.yes
            && is_terminal()
            && chosen.keys().all(|name| name != "TokenProfile")
        {
            let project = ask("The ID of your Firebase project (leave it empty for a Latchkey without Firebase):")?;
            chosen.insert("TokenProfile".to_owned(), if project.is_empty() { "access" } else { "firebase" }.to_owned());
            chosen.insert("FirebaseProjectId".to_owned(), project);
        }
        let values = effective(template, &chosen, deployed)?;
        check(&values, deployed, self.asked.another_table)?;
        Ok(values)
    }

    /// Shows the changes, and asks.
    fn is_accepted(&self, changes: &Changes, name: &str) -> Result<bool, String> {
        say(&format!("\nCloudFormation would change in {name}:\n"));
        for line in changes.lines() {
            say(&line);
        }
        if self.asked.plan || self.asked.yes {
            return Ok(self.asked.yes);
        }
        if !is_terminal() {
            progress("\nThere is no terminal to ask at. Give --yes to carry the changes out without a question.");
            return Ok(false);
        }
        Ok(["y", "yes"].contains(&ask("\nCarry this out? Type yes:")?.to_lowercase().as_str()))
    }

    async fn carry_out(&self, aws: &Aws, changes: &Changes) -> Result<(), String> {
        let name = &self.asked.named.name;
        let mut events = Events::before(aws, &changes.stack).await?;
        changes.carry_out(aws).await?;
        progress("\nIt takes some minutes. CloudFormation goes on even if this program is stopped.\n");
        let done = events.follow(aws, &changes.stack, true).await?;
        if !done.is_complete() {
            let why = events.first_failure().unwrap_or(&done.reason);
            return Err(format!(
                "{name} was not deployed ({}). {why}\nEverything is as before. Run the same command again once that is mended.",
                done.status.as_str()
            ));
        }
        say(&format!("\n{name} is deployed. Values to paste:\n"));
        outputs::print(&done);
        outputs::print_next(aws, &done).await;
        Ok(())
    }
}

fn ok(line: &str) {
    progress(&format!("  ok       {line}"));
}

/// Uploads the functions, and the template after them. Returns the address of the template.
async fn upload(bucket: &Bucket<'_>, release: &Release) -> Result<String, String> {
    progress(&format!("  uploading up to {} MB to the bucket {}", release.size() / 1_000_000 + 1, bucket.name));
    let mut places = BTreeMap::new();
    for (name, content) in &release.functions {
        places.insert(name.as_str(), bucket.uri(&bucket.put(name, "zip", content.clone()).await?));
    }
    let template = release.packaged(|name| places.get(name).cloned().unwrap_or_default());
    let key = bucket.put("template", "yaml", template.into_bytes()).await?;
    Ok(bucket.url(&key))
}

/// A text that no earlier change set has in its name.
#[expect(clippy::disallowed_methods, reason = "the name of a change set is the only use of a clock")]
fn mark() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    now.as_millis().to_string()
}
