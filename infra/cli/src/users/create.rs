//! Creates an account, and sets the password of one.

use std::io::{self, Write};

use clap::Args;
use shared::{
    App,
    account::{
        email::{Email, Username},
        user::{self, User},
    },
    auth::new_password::{refuse_breached, refuse_weak},
    password::{Password, Person, StoredHash},
};

use super::{audit, change, failure, name, password};
use crate::{Failure, escape::address, tell, written};

/// `latchkey users create`.
#[derive(Args)]
pub struct Create {
    /// The e-mail address.
    email: String,
    /// A username, to log in with too.
    #[arg(long)]
    username: Option<String>,
    /// The display name.
    #[arg(long, default_value = "")]
    name: String,
    /// Count the e-mail address as verified: you know that it belongs to the person who gets the
    /// password.
    #[arg(long)]
    verified: bool,
}

impl Create {
    /// Creates the account with a password from standard input, whatever `SIGN_UP` says.
    pub async fn run(self, app: &App) -> Result<(), Failure> {
        let wrong = |sentence: &str| Failure::wrong_use(sentence);
        let email = Email::parse(&self.email).map_err(wrong)?;
        let username = self.username.as_deref().map(Username::parse).transpose().map_err(wrong)?;
        let name_shown = user::name(&self.name).map_err(wrong)?;
        let password = password::read(&address(email.typed()))?;
        let id = app.uuid().map_err(failure)?;
        let mut user = User::new(id, &email, username.as_ref(), name_shown, StoredHash::new(""), app.now());
        user.email_verified = self.verified;
        user.password_hash = Some(hash(app, &user, password).await?);
        app.store().import_user(&user).await.map_err(failure)?;
        audit(app, "account_created", &user);
        written(writeln!(io::stdout(), "{}: created", name(&user)))?;
        if !user.email_verified {
            // The environment of the tool need not be that of the service.
            tell(
                "the e-mail address is not verified, so that with REQUIRE_VERIFIED_EMAIL the person cannot log in yet; once \
                 you know the owner, run `latchkey users set-verified WHO true --keep-password`",
            );
        }
        Ok(())
    }
}

/// Sets the password, and ends every session: whoever knew the old password is out.
pub async fn set_password(app: &App, user: User) -> Result<(), Failure> {
    let password = password::read(&name(&user))?;
    let (hash, now) = (hash(app, &user, password).await?, app.now());
    let set = |user: &mut User| user.set_password(hash.clone(), now);
    let changed = app.store().update_with_retries(&user, set).await.map_err(failure)?;
    audit(app, "password_changed", &changed);
    written(writeln!(io::stdout(), "{}: has the new password, and every session has ended", name(&changed)))?;
    change::tell_firebase(app, &user).await;
    change::tell_what_lives_on(app);
    Ok(())
}

/// The hash of a new password, by the rules that hold for everybody.
async fn hash(app: &App, user: &User, password: Password) -> Result<StoredHash, Failure> {
    let person = Person { email_key: &user.email_key, username: user.username.as_deref(), name: &user.name };
    refuse_weak(app, "password", &password, &person).map_err(failure)?;
    refuse_breached(app, "password", &password).await.map_err(failure)?;
    app.hasher().hash(password, app.random().map_err(failure)?).await.map_err(failure)
}
