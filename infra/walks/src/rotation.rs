//! The signing keys in Secrets Manager are rotated and revoked while people are logged in.
//!
//! This is done to `latchkey serve` and to the functions on the Lambda runtime at the same time.

mod campaign;
mod checks;
mod default_times;
mod flow;
mod ledger;
mod published;
mod record;
mod report;
mod revocation;
mod steps;
mod thief;
mod times;
mod traffic;

use std::sync::Arc;

use futures_util::future::LocalBoxFuture;
use record::Record;
use steps::Steps;
use times::{Form, LONG, SHORT};

use crate::{
    deployment::Deployment,
    latchkey::{SigningKeys, Variables},
    secrets::SecretsManager,
    trials::{Fixture, Trials},
};

/// The secret with the signing keys.
const ID: &str = "latchkey/signing-keys";

type Deployed = Fixture<Arc<Deployment>>;
type StepsTrial = for<'a> fn(&'a Steps) -> LocalBoxFuture<'a, ()>;

/// Adds the trials of this walk, in its long or its short form.
pub fn add(trials: &mut Trials, is_long: bool) {
    let form = if is_long { &LONG } else { &SHORT };
    let deployment = Fixture::new();
    add_steps(trials, form, &deployment);
    add_campaign(trials, form, &deployment);
    let sentence =
        format!("with the default times every process applies a revocation within {} s", default_times::SECONDS_MAX);
    trials.add_if(is_long, format!("{sentence}, even a process without requests"), async || {
        default_times::revoke(&deploy(&["login", "verify", "well-known"], Variables::new()).await).await;
    });
}

/// A deployment of these functions whose signing keys are in a secret, with `times` besides the
/// defaults.
async fn deploy(functions: &[&str], times: Variables) -> Arc<Deployment> {
    let secrets = SecretsManager::start().await;
    secrets.create(ID, None).await;
    let mut variables = secrets.variables();
    variables.extend(times);
    let chosen = [("SIGNING_KEYS_SECRET_ID", ID), ("TOKEN_PROFILE", "access"), ("LOG_LEVEL", "error")];
    variables.extend(chosen.map(|(name, value)| (name, value.to_owned())));
    SigningKeys::new(variables.clone()).generate().await;
    Arc::new(Deployment::start(functions, variables, secrets).await)
}

/// The deployment of all trials with the times of a form.
async fn deployed<'a>(fixture: &'a Deployed, form: &Form) -> &'a Arc<Deployment> {
    let functions = ["login", "refresh", "verify", "well-known", "rotate-keys"];
    fixture.get(async || deploy(&functions, form.times.variables()).await).await
}

fn add_steps(trials: &mut Trials, form: &'static Form, fixture: &Deployed) {
    const SENTENCES: [(&str, StepsTrial); 3] = [
        ("with a token of no version", |steps| Box::pin(steps.with_an_unknown_token())),
        ("out of order, repeated, beside those of another token, and once more after the last", |steps| {
            Box::pin(steps.in_any_order())
        }),
        ("overtaken by another rotation, and by a revocation", |steps| Box::pin(steps.overtaken())),
    ];
    let steps = Fixture::new();
    for (sentence, trial) in SENTENCES {
        let (steps, fixture) = (steps.clone(), fixture.clone());
        let title = format!("the four steps leave a set in force that works: {sentence}");
        trials.add(title, async move || {
            let prepare = async || Steps::prepare(deployed(&fixture, form).await).await;
            trial(steps.get(prepare).await).await;
        });
    }
}

fn add_campaign(trials: &mut Trials, form: &'static Form, fixture: &Deployed) {
    let record = Fixture::new();
    for (sentence, check) in checks::CHECKS {
        let (record, fixture) = (record.clone(), fixture.clone());
        let sentence = sentence.replace("{live}", &form.live_min.to_string());
        trials.add(format!("rotations under traffic, in the {} form: {sentence}", form.name), async move || {
            check(record.get(async || run_campaign(deployed(&fixture, form).await, form).await).await);
        });
    }
}

async fn run_campaign(deployment: &Arc<Deployment>, form: &'static Form) -> Record {
    let record = campaign::run(form, deployment, ID).await;
    println!("\n\n{}\n", record.report());
    record
}
