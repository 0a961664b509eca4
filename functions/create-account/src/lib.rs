//! `POST /create-account`: a new account, and its first session.

mod supabase;

use std::time::Duration;

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use shared::{
    App,
    account::{
        email::{Email, Identifier, Username},
        metadata::Metadata,
        user::User,
    },
    auth::{
        first_mail,
        first_session::FirstSession,
        in_step::keep_in_step,
        mailing::tell,
        new_password::refuse_breached,
        password::{Attempt, LOGIN, client, hasher_for},
        session_object::{SessionObject, require_signing_keys},
    },
    error::{Error, Field},
    http::{
        api::{
            Api, Operation, Parameter,
            operation::Place as In,
            refusals::{ATTEMPT, Refusal},
        },
        body::Body,
        client_ip::ClientIp,
        dry_run::{DRY_RUN, DryRun},
        fields::{self, Fields, Input, described::Kind},
        unknown::Place,
    },
    mail::Language,
    password::{Password, Person},
    store::{Creation, Fingerprint, FirstMail, SignUpRequest},
    telemetry::audit,
    time::Timestamp,
    token::access::Issuer,
};

/// The time for which an idempotency key is remembered.
const IDEMPOTENCY_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// The longest idempotency key, in bytes.
const IDEMPOTENCY_KEY_BYTES_MAX: usize = 255;

const IDEMPOTENCY_KEY: Parameter = Parameter {
    name: "Idempotency-Key",
    place: In::Header,
    kind: Kind::Text,
    text: "A text of your own for this request, at most 255 characters. The same request with it can be sent again.",
    example: "sign-up-7f3a",
};

const REFUSALS: &[Refusal] = &[
    (400, "weak_password"),
    (400, "unknown_field"),
    (403, "account_disabled"),
    (403, "sign_up_closed"),
    (403, "invitation_required"),
    (403, "email_domain_not_allowed"),
    (409, "email_taken"),
    (409, "username_taken"),
    (409, "idempotency_key_reused"),
];

/// The endpoint of this function.
pub fn api() -> Api {
    let operation = Operation::new::<SessionObject>("createAccount", "Create an account")
        .text("Makes an account, and its first session. Where addresses must be verified first, the tokens are empty.")
        .status(201)
        .parameters(&[IDEMPOTENCY_KEY, DRY_RUN])
        .body::<NewAccount>()
        .imported(&["email", "password", "name"])
        .for_clients()
        .fails(ATTEMPT)
        .fails(REFUSALS);
    Api::new().post("/create-account", create_account, operation).merge(supabase::api())
}

/// The route of this function.
pub fn router() -> Router<App> {
    api().router()
}

/// `email`, `password`, and perhaps `name`, `username`, `metadata` and the `locale` of the mail.
struct NewAccount {
    email: Email,
    username: Option<Username>,
    name: String,
    metadata: Metadata,
    password: Password,
    language: Language,
    /// The reason why the password is too weak, if it is.
    weakness: Option<Field>,
}

impl Input for NewAccount {
    const STORED_AT: Option<Place> = Some(Place::NewAccount);

    fn read(fields: &mut Fields) -> Option<Self> {
        let email = fields.email("email");
        let password = fields.new_password("password");
        let username = fields.username("username");
        let name = fields.name("name").unwrap_or_default();
        let metadata = fields.metadata("metadata").unwrap_or_default();
        let person = Person {
            email_key: email.as_ref().map_or("", Email::key),
            username: username.as_ref().map(Username::as_str),
            name: &name,
        };
        let weakness = password.as_ref().and_then(|password| fields.weakness("password", password, &person));
        if let Some(weakness) = &weakness {
            fields.also_refuse(weakness);
        }
        let language = fields.language("locale");
        Some(Self { email: email?, username, name, metadata, password: password?, language, weakness })
    }
}

/// 201 with a session object. The same request with the same `Idempotency-Key` gives the same
/// account with a new session. A client that lost the answer can simply ask again. An account whose
/// address must be verified first gets no session, and the session object without tokens.
///
/// `SIGN_UP` is asked before anything is read or hashed, so that its answer tells nothing else.
async fn create_account(
    State(app): State<App>,
    issuer: Issuer,
    ip: ClientIp,
    dry_run: DryRun,
    headers: HeaderMap,
    body: Result<Body<NewAccount>, Error>,
) -> Result<(StatusCode, Json<SessionObject>), Error> {
    let (new, key) = read(body, &headers)?;
    if let Some(example) = dry_run.answer() {
        return new.weakness.map_or_else(|| Ok((StatusCode::CREATED, example)), |why| Err(Error::WeakPassword(why)));
    }
    Ok((StatusCode::CREATED, Json(create(&app, &issuer, &ip, new, key).await?)))
}

/// Creates an account, or finds the one that this idempotency key made.
async fn create(
    app: &App,
    issuer: &Issuer,
    ip: &ClientIp,
    new: NewAccount,
    key: Option<&str>,
) -> Result<SessionObject, Error> {
    require_sign_up(app, &new.email)?;
    require_signing_keys(app).await?;
    if let Some(weakness) = &new.weakness {
        return Err(Error::WeakPassword(weakness.clone()));
    }
    let now = app.now();
    let fingerprint = key.map(|key| fingerprint(key, ip, &new, now));
    let lock = app.locks().lock(format!("create {}", new.email.key())).await;
    let request = SignUpRequest {
        email: &new.email,
        username: new.username.as_ref(),
        fingerprint: fingerprint.as_ref(),
        ip: ip.key(),
    };
    let sign_up = app.store().begin_sign_up(&request, now).await.inspect_err(audit_if_limited)?;
    if let Some(user_id) = &sign_up.repeats {
        drop(lock);
        return repeat(app, issuer, ip, user_id, new).await;
    }
    refuse_breached(app, "password", &new.password).await?;
    let (hasher, turn) = hasher_for(app, ip.key(), sign_up.is_of_busy_caller());
    let hash = hasher.hash(new.password.clone(), app.random()?).await?;
    drop(turn);
    let user = User::new(app.uuid()?, &new.email, new.username.as_ref(), new.name.clone(), hash, now);
    let user = user.with_metadata(new.metadata.clone());
    let first = FirstSession::start(app, &user, now)?;
    let mail = first_mail(app, ip, &user, &new, now).await?;
    let started = match &mail {
        Some(mail) => Some(first_mail::started(app, mail).await?),
        None => None,
    };
    // Issued before anything is stored, so that a fault leaves nothing behind.
    let answer = first.answer(app, issuer, started, now).await?;
    let store = app.store();
    let created =
        store.create_user(&user, first.session(), fingerprint.as_ref(), Some(&sign_up), mail.as_ref(), now).await;
    match created.inspect_err(audit_if_limited)? {
        Creation::Created => {
            audit::record("account_created", &app.pseudonym(&user.email_key), &app.pseudonym(&user.id));
            mail.iter().for_each(|mail| tell(app, &mail.mail));
            if first.session().is_some() {
                keep_in_step(app, &user).await?;
            }
            Ok(answer)
        }
        Creation::Repeated { user_id } => repeat(app, issuer, ip, &user_id, new).await,
    }
}

/// The mail to the address of the new account, if one is wanted and no limit refuses it.
async fn first_mail(
    app: &App,
    ip: &ClientIp,
    user: &User,
    new: &NewAccount,
    now: Timestamp,
) -> Result<Option<FirstMail>, Error> {
    let client = client(app, ip.key(), None).await;
    let begun = first_mail::begin(app, &new.email, client, now).await?;
    begun.map(|begun| first_mail::of(app, begun, user, new.language, now)).transpose()
}

/// The account that was made under this key before, with a new session. A request with another
/// password is another request, and counts as a failed login. An account that was deleted since is
/// not made again.
async fn repeat(
    app: &App,
    issuer: &Issuer,
    ip: &ClientIp,
    user_id: &str,
    new: NewAccount,
) -> Result<SessionObject, Error> {
    let client = client(app, ip.key(), None).await;
    let mut attempt = Attempt::begin(app, &Identifier::Email(new.email), client, LOGIN).await?;
    if attempt.account().is_none_or(|user| user.id != user_id) {
        return Err(Error::IdempotencyKeyReused);
    }
    let user = attempt.check(new.password).await.map_err(|error| match error {
        Error::Credentials => Error::IdempotencyKeyReused,
        other => other,
    })?;
    let now = app.now();
    let first = FirstSession::start(app, &user, now);
    let named = attempt.finish(&user, first.as_ref().ok().and_then(FirstSession::session), now).await?;
    let first = first?.of(app, &named)?;
    attempt.audit("create_repeated");
    if first.session().is_some() {
        keep_in_step(app, &named).await?;
    }
    let started = match &first {
        FirstSession::Waiting(user) => first_mail::again(app, user, client, new.language).await?,
        FirstSession::LoggedIn(..) => None,
    };
    first.answer(app, issuer, started, now).await
}

/// Refuses an owner of this address who may not create an account here.
fn require_sign_up(app: &App, email: &Email) -> Result<(), Error> {
    let refused = |_: &Error| audit::record("sign_up_refused", &app.pseudonym(email.key()), "");
    app.config().accounts.sign_up.check(email).inspect_err(refused)
}

/// Records that an IP address signed up too often, if that is the error.
fn audit_if_limited(error: &Error) {
    if matches!(error, Error::TooManyAttempts(_)) {
        audit::record("sign_up_limited", "", "");
    }
}

/// The body and the idempotency key. The mistakes of both are told at once.
fn read(body: Result<Body<NewAccount>, Error>, headers: &HeaderMap) -> Result<(NewAccount, Option<&str>), Error> {
    match (body, idempotency_key(headers)) {
        (Ok(Body(new)), Ok(key)) => Ok((new, key)),
        (Ok(Body(NewAccount { weakness: Some(weakness), .. })), Err(error)) => {
            Err(Error::wrong(vec![weakness]).and(error))
        }
        (Ok(_), Err(error)) | (Err(error), Ok(_)) => Err(error),
        (Err(fields), Err(error)) => Err(fields.and(error)),
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    let key = fields::header(headers, "idempotency-key")?;
    if key.is_some_and(|key| key.len() > IDEMPOTENCY_KEY_BYTES_MAX) {
        let detail = "An Idempotency-Key has at most 255 printable ASCII characters.";
        return Err(Error::explained("A part of the request is too long.", detail));
    }
    Ok(key)
}

fn fingerprint(key: &str, ip: &ClientIp, new: &NewAccount, now: Timestamp) -> Fingerprint {
    let username = new.username.as_ref().map_or("", Username::as_str);
    let metadata = Some(new.metadata.text()).filter(|_| !new.metadata.is_empty());
    // Without metadata the fields are those of earlier releases, so that their keys stay known.
    let fields: Vec<&str> = [username, &new.name].into_iter().chain(metadata).collect();
    Fingerprint::new(key, ip.key(), &new.email, &fields, now + IDEMPOTENCY_LIFE)
}
