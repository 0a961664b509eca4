//! The session object: what a login, a new account and a refresh answer alike.

use serde::Serialize;

use crate::{
    App,
    account::{
        session::{RefreshToken, Session},
        user::{Profile, User},
    },
    error::Error,
    keys::{TokenSigner, service_account::ServiceAccount},
    telemetry::metrics::{self, SIGNING_MS},
    time::Timestamp,
    token::{
        access::{self, Issuer},
        custom::{CustomToken, CustomTokenError},
        shared_secret::SharedSecrets,
    },
};

/// Everything a client needs, complete in every answer, so that one that overwrites what it has is right.
#[derive(Serialize)]
pub struct SessionObject {
    user: Profile,
    uid: String,
    token_type: &'static str,
    expires_in: u64,
    expires_at: String,
    jwt_token: String,
    token: String,
    access_token: String,
    refresh_token: String,
    refresh_expires_at: String,
}

impl SessionObject {
    /// The session object of `session`, with its refresh token of this `counter`. Nothing is stored.
    ///
    /// # Errors
    ///
    /// 503 while there are no keys; 500 if signing fails.
    pub async fn issue(
        app: &App,
        issuer: &Issuer,
        user: &User,
        session: &Session,
        counter: u32,
        now: Timestamp,
    ) -> Result<Self, Error> {
        let keys = app.keys().get(now).await?;
        let life = app.config().access_token_life;
        let claims = access::Claims::new(issuer, user, session, app.uuid()?, now, life);
        if matches!(keys.jwt, TokenSigner::Firebase(_)) {
            outlast_the_end_of_sessions(app, user, now).await;
        }
        let sign = || {
            let access_token = access::mint(&keys.ring, &claims, now)?;
            let jwt_token = match &keys.jwt {
                TokenSigner::Firebase(account) => custom_token(app, account, user, now)?,
                TokenSigner::SharedSecret(secrets) => shared_secret_token(secrets, &claims)?,
                TokenSigner::None => access_token.clone(),
            };
            Ok::<_, Error>((access_token, jwt_token))
        };
        let (access_token, jwt_token) = metrics::timed(SIGNING_MS, sign)?;
        if let Some(since) = keys.ring.signing(now)?.not_before() {
            metrics::record_key_age(since, now);
        }
        let refresh = RefreshToken { session: session.id, counter };
        Ok(Self {
            user: user.profile(),
            uid: user.id.clone(),
            token_type: "Bearer",
            expires_in: life.as_secs(),
            expires_at: (now.floor() + life).rfc3339(),
            token: jwt_token.clone(),
            jwt_token,
            access_token,
            refresh_token: refresh.seal(keys.ring.refresh_signing(session.made_at(counter), now)?),
            refresh_expires_at: session.expires_at.rfc3339(),
        })
    }
}

/// The claims of the access token, with the user's id under the name that builders use too.
fn shared_secret_token(secrets: &SharedSecrets, claims: &access::Claims) -> Result<String, Error> {
    #[derive(Serialize)]
    struct Claims<'a> {
        user_id: &'a str,
        #[serde(flatten)]
        claims: &'a access::Claims,
    }
    secrets.sign(&Claims { user_id: &claims.sub, claims })
}

/// Firebase tells the time of a sign-in in whole seconds. One in the second in which all sessions were ended would seem to be from
/// before that, and be revoked for as long as it lasts.
async fn outlast_the_end_of_sessions(app: &App, user: &User, now: Timestamp) {
    if user.sessions_ended_at.is_some_and(|ended| ended > now.floor()) {
        app.next_second().await;
    }
}

/// No claims of its own: Firebase repeats them in every ID token until the user signs out, so that a role taken away here
/// would live on there.
fn custom_token(app: &App, account: &ServiceAccount, user: &User, now: Timestamp) -> Result<String, Error> {
    let request = CustomToken {
        uid: &user.id,
        claims: None,
        tenant_id: app.config().firebase.tenant_id.as_deref(),
        life: app.config().access_token_life,
    };
    account.custom_token(&request, now).map_err(|refusal| match refusal {
        CustomTokenError::Request(sentence) => Error::internal(sentence),
        CustomTokenError::Fault(fault) => fault,
    })
}
