//! `POST /admin/import`: a page of accounts from elsewhere, each stored whole or refused.

use std::collections::HashMap;

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    App,
    account::user::User,
    auth::import::{self, Draft, Refusal, RepeatedField, Rules, Seen},
    error::Error,
    http::{
        admin::Admin,
        api::{Api, Operation},
        body::{Body, IMPORT_PATH},
        fields::{Fields, Input},
    },
    sample::{Meaning, Part, Sample, Shape},
    store::{IMPORT_BATCH_MAX, Imported},
    telemetry::audit,
};

/// The most accounts of a request.
const ACCOUNTS_MAX: usize = 100;
const OF_FIREBASE: &str = "`password_hash`: A hash of Firebase needs the parameters of its project. Import the file with \
                           latchkey users import, or leave passwordHash out.";
const OF_ADMINS: &str = "`role_id`: Only somebody with an admin key may give a role of ADMIN_ROLES.";

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Answer>("adminImport", "Import accounts")
        .text(
            "Stores at most 100 accounts, with the keys that an export has, and with those of other systems. The answer tells \
             of each, in order. An account that is there already is passed over, so that a request can be sent again.",
        )
        .admin_key()
        .body::<Page>();
    Api::new().post(IMPORT_PATH, run, operation)
}

/// The accounts of a request, each as it was written.
struct Page {
    users: Vec<Box<RawValue>>,
    lenient: bool,
}

impl Input for Page {
    const MAY_SET_ALL: bool = true;

    fn read(fields: &mut Fields) -> Option<Self> {
        let (users, lenient) = (fields.objects("users", ACCOUNTS_MAX), fields.flag("lenient"));
        Some(Self { users: users?, lenient })
    }
}

#[derive(Serialize)]
struct Answer {
    results: Vec<Outcome>,
    created: usize,
    present: usize,
    refused: usize,
}

/// The fate of an account. Every member is always there.
#[derive(Serialize)]
struct Outcome {
    index: usize,
    ok: bool,
    id: String,
    already: bool,
    error: String,
    left_out: Vec<String>,
}

impl Sample for Answer {
    const NAME: &'static str = "AdminImport";
    const MEMBERS: &'static [Meaning] = &[
        ("created", "The number of accounts that this request made."),
        ("present", "The number of accounts that were there already."),
        ("refused", "The number of accounts that were refused."),
    ];
    const PARTS: &'static [Part] = &[("results", Shape::of::<Outcome>)];

    fn sample() -> Self {
        Self { results: vec![Outcome::sample()], created: 1, present: 0, refused: 0 }
    }
}

impl Sample for Outcome {
    const NAME: &'static str = "ImportedAccount";
    const MEMBERS: &'static [Meaning] = &[
        ("index", "The place in the list, from 0."),
        ("ok", "Whether the account is here now."),
        ("id", "The id of the account; empty if it was refused."),
        ("already", "Whether the account was here before, and nothing was written."),
        ("error", "The rule that the account breaks; empty if it is here."),
        ("left_out", "Sentences about fields that were left out, if the request was lenient."),
    ];

    fn sample() -> Self {
        let left_out = vec!["`username`: This username is taken.".to_owned()];
        let id = "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned();
        Self { index: 0, ok: true, id, already: false, error: String::new(), left_out }
    }
}

impl Outcome {
    fn present(index: usize, id: String) -> Self {
        Self { index, ok: true, id, already: true, error: String::new(), left_out: Vec::new() }
    }

    fn refused(index: usize, error: String) -> Self {
        Self { index, ok: false, id: String::new(), already: false, error, left_out: Vec::new() }
    }

    /// The fate of an account that the table has answered.
    fn stored(index: usize, user: &User, imported: &Imported) -> Self {
        match imported {
            Imported::Created => Self { already: false, ..Self::present(index, user.id.clone()) },
            Imported::Present(id) => Self::present(index, id.clone()),
            Imported::Taken("id") => Self::refused(
                index,
                "`id`: An account with this id exists already, with another e-mail address.".to_owned(),
            ),
            Imported::Taken(field) => Self::refused(index, format!("`{field}`: {}", Error::Taken(field).cause())),
        }
    }
}

/// 200 with the fate of each account. If the table fails, the accounts of some transactions are
/// stored, and the request can be sent again.
async fn run(State(app): State<App>, admin: Admin, Body(page): Body<Page>) -> Result<Json<Answer>, Error> {
    let rules = Rules {
        lenient: page.lenient,
        without_passwords: false,
        hash_config: None,
        roles: app.config().accounts.roles.clone(),
        now: app.now(),
    };
    let mut work =
        Work { app: &app, admin: &admin, rules, seen: Seen::default(), batch: Vec::new(), results: Vec::new() };
    for (index, user) in page.users.iter().enumerate() {
        work.add(index, user).await?;
    }
    work.store().await?;
    work.results.sort_by_key(|outcome| outcome.index);
    let count = |fits: fn(&Outcome) -> bool| work.results.iter().filter(|outcome| fits(outcome)).count();
    let created = count(|outcome| outcome.ok && !outcome.already);
    let (present, refused) = (count(|outcome| outcome.already), count(|outcome| !outcome.ok));
    Ok(Json(Answer { results: work.results, created, present, refused }))
}

/// An import under way.
struct Work<'a> {
    app: &'a App,
    admin: &'a Admin,
    rules: Rules,
    seen: Seen,
    /// The accounts of the next transaction, with their places and the fields that were left out.
    batch: Vec<(usize, Draft)>,
    results: Vec<Outcome>,
}

impl Work<'_> {
    /// Reads an account, and stores those before it if a transaction is full.
    async fn add(&mut self, index: usize, user: &RawValue) -> Result<(), Error> {
        let draft = import::record(user.get().as_bytes()).map_err(Refusal::Record);
        let draft = draft.and_then(|values| self.rules.draft(import::Fields::new(values, false), &mut HashMap::new()));
        let mut draft = match draft {
            Ok(draft) => draft,
            Err(refusal) => {
                let why = match refusal {
                    Refusal::Record(why) => why,
                    Refusal::File(_) => OF_FIREBASE.to_owned(),
                };
                self.results.push(Outcome::refused(index, why));
                return Ok(());
            }
        };
        if self.admin.by.require_for_role(self.app, draft.user.role_id).is_err() {
            self.results.push(Outcome::refused(index, OF_ADMINS.to_owned()));
            return Ok(());
        }
        // The fate of the earlier one decides about an account that repeats it.
        if self.seen.repeated(&draft.user).is_some() {
            self.store().await?;
        }
        let why = |field: RepeatedField, earlier| format!("`{}`: It is at {earlier} already.", field.name());
        match self.seen.repeated(&draft.user) {
            Some((RepeatedField::Account, _)) => {
                self.results.push(Outcome::present(index, draft.user.id));
                return Ok(());
            }
            Some((field @ RepeatedField::Username, earlier)) if self.rules.lenient => {
                draft.dropped.push(why(field, earlier));
                draft.user.username = None;
            }
            Some((field, earlier)) => {
                self.results.push(Outcome::refused(index, why(field, earlier)));
                return Ok(());
            }
            None => {}
        }
        self.seen.note(&draft.user, index as u64);
        if draft.user.id.is_empty() {
            draft.user.id = self.app.uuid()?;
        }
        self.batch.push((index, draft));
        if self.batch.len() == IMPORT_BATCH_MAX { self.store().await } else { Ok(()) }
    }

    /// Stores the accounts of the transaction.
    async fn store(&mut self) -> Result<(), Error> {
        let batch = std::mem::take(&mut self.batch);
        let users: Vec<User> = batch.iter().map(|(_, draft)| draft.user.clone()).collect();
        let outcomes = self.app.store().import_users(&users).await?;
        for ((index, draft), imported) in batch.into_iter().zip(outcomes) {
            let (mut draft, mut imported) = (draft, imported);
            if imported == Imported::Taken("username") && self.rules.lenient {
                draft.dropped.push(format!("`username`: {}", Error::Taken("username").cause()));
                self.seen.forget(&draft.user);
                draft.user.username = None;
                let again = self.app.store().import_users(std::slice::from_ref(&draft.user)).await?;
                imported = again.into_iter().next().unwrap_or(imported);
                self.seen.note(&draft.user, index as u64);
            }
            match &imported {
                Imported::Created => {
                    let (identity, pseudonym) =
                        (self.app.pseudonym(&draft.user.email_key), self.app.pseudonym(&draft.user.id));
                    audit::admin("admin_user_imported", &identity, &pseudonym, "");
                }
                Imported::Present(_) => {}
                Imported::Taken(_) => self.seen.forget(&draft.user),
            }
            let outcome = Outcome::stored(index, &draft.user, &imported);
            self.results.push(Outcome { left_out: draft.dropped, ..outcome });
        }
        Ok(())
    }
}
