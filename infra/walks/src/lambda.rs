//! Compares every function on the Lambda runtime with `latchkey serve`. Both give the same answers,
//! in whatever way a request comes. Each accepts the tokens and accounts of the other.

mod both_ways;
mod row;
mod rows;
mod setup;

use std::sync::Arc;

use setup::Setup;

use crate::{
    deployment::Way,
    trials::{Fixture, Trials},
};

/// Adds the trials of this walk.
pub fn add(trials: &mut Trials) {
    let setup = Fixture::new();
    for row in rows::all().into_iter().map(Arc::new) {
        let setup = setup.clone();
        trials.add(row.title(), async move || row.compare(setup.get(Setup::start).await).await);
    }
    for (here, there) in [(Way::Serve, Way::Url), (Way::Url, Way::Serve)] {
        for (sentence, trial) in both_ways::TRIALS {
            let setup = setup.clone();
            let title = format!("made at {}, used at {}: {sentence}", here.name(), there.name());
            trials.add(title, async move || trial(setup.get(Setup::start).await, here, there).await);
        }
    }
    trials.add("the keys of ID tokens survive from one invocation to the next", async move || {
        setup.get(Setup::start).await.fetch_keys_once().await;
    });
}
