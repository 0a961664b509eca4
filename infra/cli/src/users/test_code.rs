//! Gives an account a fixed code, for whoever reviews an app, and takes it away.

use std::{
    io::{self, Write},
    time::Duration,
};

use clap::Args;
use shared::{
    App,
    account::{
        proof::Code,
        test_code::{TestCode, is_guessed_first},
        user::User,
    },
    auth::mailing::proof_keys,
    config::EmailSignIn,
};

use super::{Who, audit, change, failure, name};
use crate::{Failure, flags::number, tell, written};

const DAY: Duration = Duration::from_secs(86_400);
/// The most days of a code, as the admin API has it.
const DAYS_MAX: u64 = 30;

/// `latchkey users set-test-code`.
#[derive(Args)]
pub struct SetTestCode {
    #[command(flatten)]
    pub who: Who,
    /// The days until the code ends.
    #[arg(long, default_value_t = 14, value_parser = number::<u32>(1, DAYS_MAX))]
    days: u32,
    /// Six digits. Without it the tool chooses them.
    #[arg(long)]
    code: Option<String>,
}

impl SetTestCode {
    /// Sets the code, and prints it.
    pub async fn run(self, app: &App, user: User) -> Result<(), Failure> {
        let keys = proof_keys(app).await.map_err(failure)?;
        let code = match &self.code {
            Some(text) => {
                let code = Code::parse(text).ok_or_else(|| Failure::wrong_use("A code has six digits."))?;
                if is_guessed_first(&code) {
                    return Err(Failure::wrong_use("Everybody tries this code first. Choose another one."));
                }
                code
            }
            None => chosen(app)?,
        };
        let until = (app.now() + DAY * self.days).floor();
        let set = TestCode::new(keys.sealing(), &user.id, &code, until);
        let changed = app.store().update_with_retries(&user, |user| user.test_code = Some(set.clone()));
        let changed = changed.await.map_err(failure)?;
        audit(app, "test_code_set", &changed);
        if app.config().accounts.email_sign_in == EmailSignIn::Off {
            // The environment of the tool need not be that of the service.
            tell("the code is for a login by e-mail, which EMAIL_SIGN_IN turns on");
        }
        let until = until.readable();
        written(writeln!(io::stdout(), "{}: logs in by the code {} until {until}", name(&changed), code.as_str()))
    }
}

/// A code by chance that nobody tries first.
fn chosen(app: &App) -> Result<Code, Failure> {
    loop {
        let bytes: [u8; 16] = app.random().map_err(failure)?;
        let digits = u128::from_be_bytes(bytes) % 1_000_000;
        let code = Code::parse(&format!("{digits:06}")).ok_or("No code could be made.".to_owned())?;
        if !is_guessed_first(&code) {
            return Ok(code);
        }
    }
}

/// Takes the code away. It is refused from now on.
pub async fn remove(app: &App, user: User) -> Result<(), Failure> {
    let (done, already) = ("has no fixed code any more", "had no fixed code");
    let has_one = |user: &User| user.test_code.is_some();
    if change::change(app, &user, has_one, |user| user.test_code = None, done, already).await? {
        audit(app, "test_code_removed", &user);
    }
    Ok(())
}
