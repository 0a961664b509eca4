//! `GET /me/export`: whatever is stored about a person, in one document.

use axum::{Json, extract::State};
use serde::Serialize;
use shared::{
    App,
    account::{
        claims::{OwnClaims, as_object},
        identity::{Identity, ShownIdentity},
        metadata::Metadata,
        session::{Session, SessionId},
        user::User,
    },
    error::Error,
    http::{
        api::{Api, Operation, operation::Tag},
        caller::Caller,
    },
    sample::{Meaning, Part, Sample, Shape},
    time::Timestamp,
};

/// The endpoint of this part.
pub fn api() -> Api {
    let operation = Operation::new::<Export>("exportMe", "Export my data")
        .text(
            "Everything that is stored about the person, in one document: the account, its sessions, and whether its \
             address gets mails. No password, hash, token or code is in it.",
        )
        .tag(Tag::Account)
        .bearer();
    Api::new().get("/me/export", export, operation)
}

/// Everything that is stored about a person.
#[derive(Serialize)]
struct Export {
    exported_at: String,
    account: Account,
    sessions: Vec<StoredSession>,
    mails: Mails,
}

/// The account. Every member is always there.
#[derive(Serialize)]
struct Account {
    id: String,
    imported_uid: bool,
    email: String,
    email_verified: bool,
    username: String,
    name: String,
    role_id: u32,
    role: String,
    disabled: bool,
    has_password: bool,
    #[serde(serialize_with = "as_object")]
    claims: OwnClaims,
    metadata: Metadata,
    created_at: String,
    sessions_ended_at: String,
    identities: Vec<ShownIdentity>,
    undo_links: Vec<UndoLinkEnd>,
}

/// A link that takes a change of the address back. The link itself was mailed, and is not stored.
#[derive(Serialize)]
struct UndoLinkEnd {
    expires_at: String,
}

/// A session that is stored, whether or not it is live.
#[derive(Serialize)]
struct StoredSession {
    id: String,
    created_at: String,
    refreshed_at: String,
    expires_at: String,
    ended_at: String,
    live: bool,
    current: bool,
}

/// The state of the address for mails.
#[derive(Serialize)]
struct Mails {
    suppressed: bool,
}

impl Sample for Export {
    const NAME: &'static str = "MyData";
    const MEMBERS: &'static [Meaning] = &[("exported_at", "The time of this document.")];
    const PARTS: &'static [Part] =
        &[("account", Shape::of::<Account>), ("sessions", Shape::of::<StoredSession>), ("mails", Shape::of::<Mails>)];

    fn sample() -> Self {
        Self {
            exported_at: "2026-05-27T15:00:00Z".to_owned(),
            account: Account::sample(),
            sessions: vec![StoredSession::sample()],
            mails: Mails::sample(),
        }
    }
}

impl Sample for Account {
    const NAME: &'static str = "MyAccount";
    const MEMBERS: &'static [Meaning] = &[
        ("id", "The user's id, and the uid at Firebase."),
        ("imported_uid", "Whether the id is one of another system."),
        ("role", "The name of the role, where ROLES has one; otherwise empty."),
        ("has_password", "Whether the account has a password. Its hash is in no answer."),
        ("claims", "The claims that stand in the tokens of this account."),
        ("metadata", "The person's own JSON object."),
        ("sessions_ended_at", "The time when all sessions were last ended; empty if never."),
        ("identities", "The sign-ins of other providers that open the account."),
        ("undo_links", "The links that were mailed to former addresses and still take a change back."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["sessions_ended_at"];
    const PARTS: &'static [Part] =
        &[("identities", Shape::of::<ShownIdentity>), ("undo_links", Shape::of::<UndoLinkEnd>)];

    fn sample() -> Self {
        Self {
            id: "019a3c5e-7a10-7c3b-9d2e-4f5a6b7c8d9e".to_owned(),
            imported_uid: false,
            email: "james@example.com".to_owned(),
            email_verified: true,
            username: "james".to_owned(),
            name: "James".to_owned(),
            role_id: 1,
            role: String::new(),
            disabled: false,
            has_password: true,
            claims: OwnClaims::default(),
            metadata: Metadata::default(),
            created_at: "2026-05-01T09:00:00Z".to_owned(),
            sessions_ended_at: String::new(),
            identities: vec![ShownIdentity::sample()],
            undo_links: vec![UndoLinkEnd::sample()],
        }
    }
}

impl Sample for UndoLinkEnd {
    const NAME: &'static str = "UndoLink";

    fn sample() -> Self {
        Self { expires_at: "2026-06-03T15:00:00Z".to_owned() }
    }
}

impl Sample for StoredSession {
    const NAME: &'static str = "StoredSession";
    const MEMBERS: &'static [Meaning] = &[
        ("created_at", "The time of the login."),
        ("refreshed_at", "The time when the newest tokens were given out."),
        ("expires_at", "The latest end; the end comes sooner if nobody refreshes."),
        ("ended_at", "The time of the logout; empty if there was none."),
        ("live", "Whether its tokens are good."),
        ("current", "Whether it is the session of this request."),
    ];
    const DATES_OR_EMPTY: &'static [&'static str] = &["ended_at"];

    fn sample() -> Self {
        Self {
            id: "3q2-7wAAQFGhsrPE1eb3-A".to_owned(),
            created_at: "2026-05-27T14:00:00Z".to_owned(),
            refreshed_at: "2026-05-27T14:30:00Z".to_owned(),
            expires_at: "2026-06-26T14:00:00Z".to_owned(),
            ended_at: String::new(),
            live: true,
            current: true,
        }
    }
}

impl Sample for Mails {
    const NAME: &'static str = "MyMails";
    const MEMBERS: &'static [Meaning] =
        &[("suppressed", "Whether the address gets no mails, since one came back or was called unwanted.")];

    fn sample() -> Self {
        Self { suppressed: false }
    }
}

/// 200 with the document.
async fn export(State(app): State<App>, Caller { user, session, .. }: Caller) -> Result<Json<Export>, Error> {
    let now = app.now();
    let whole = app.store().credentials(&user).await?;
    let mut sessions = app.store().sessions_of(&user.id).await?;
    let suppressed = app.store().is_suppressed(&user.email_key, now).await?;
    // The index may lag behind a login.
    if let Some(id) = session.filter(|id| sessions.iter().all(|session| session.id != *id)) {
        sessions.extend(app.store().session(id).await?);
    }
    sessions.sort_by_key(|stored| std::cmp::Reverse((stored.auth_time, session == Some(stored.id))));
    let has_password = whole.is_some_and(|whole| whole.password_hash.is_some());
    Ok(Json(Export {
        exported_at: now.rfc3339(),
        sessions: sessions.iter().map(|stored| shown(stored, &user, session, now)).collect(),
        account: account(&app, user, has_password),
        mails: Mails { suppressed },
    }))
}

fn account(app: &App, user: User, has_password: bool) -> Account {
    let links = user.undo_links.iter().map(|link| UndoLinkEnd { expires_at: link.ends_at.rfc3339() });
    Account {
        undo_links: links.collect(),
        identities: user.identities.iter().map(Identity::shown).collect(),
        role: app.config().accounts.roles.name(user.role_id).to_owned(),
        created_at: user.created_at.rfc3339(),
        sessions_ended_at: user.sessions_ended_at.map(Timestamp::rfc3339).unwrap_or_default(),
        id: user.id,
        imported_uid: user.imported_uid,
        email: user.email,
        email_verified: user.email_verified,
        username: user.username.unwrap_or_default(),
        name: user.name,
        role_id: user.role_id,
        disabled: user.disabled,
        has_password,
        claims: user.claims,
        metadata: user.metadata,
    }
}

fn shown(session: &Session, user: &User, current: Option<SessionId>, now: Timestamp) -> StoredSession {
    StoredSession {
        id: session.id.to_string(),
        created_at: session.auth_time.rfc3339(),
        refreshed_at: session.made_at(session.counter).rfc3339(),
        expires_at: session.expires_at.rfc3339(),
        ended_at: session.ended_at.map(Timestamp::rfc3339).unwrap_or_default(),
        live: session.is_live(user, now),
        current: current == Some(session.id),
    }
}
