//! Whether everything that was acknowledged is there, once the faults have ended.

use super::{
    Client,
    account::{Account, ClientSession, Liveness},
};
use crate::{faults::mixed::counts::Counts, requests::Request};

impl Client {
    /// Looks for everything that was acknowledged.
    pub async fn verify_acknowledged(mut self) -> Counts {
        for account in std::mem::take(&mut self.accounts) {
            match account.liveness {
                Liveness::Live => self.lives(&account).await,
                Liveness::Ended => self.expect(401, account.login(), "a deleted account").await,
                // What is there of it is whole or nothing, which is looked at in the table.
                Liveness::Unsure => {}
            }
            for session in &account.sessions {
                self.stands(session).await;
            }
        }
        self.counts
    }

    async fn lives(&mut self, account: &Account) {
        let mut answer = account.login().send(&self.service).await;
        if let (401, Some(unconfirmed_password)) = (answer.status.as_u16(), &account.unconfirmed_password) {
            answer = account.login_with(unconfirmed_password).send(&self.service).await;
        }
        let named = account.name.as_ref().is_none_or(|name| answer.body["user"]["name"] == **name);
        let wrong = (answer.status != 200 || !named)
            .then(|| format!("an account with its password and name: {} {}", answer.status, answer.body["code"]));
        self.counts.acknowledged.record(wrong);
    }

    async fn stands(&mut self, session: &ClientSession) {
        match session.liveness {
            Liveness::Live => self.expect(200, Request::refresh(&session.object), "a refresh token").await,
            Liveness::Ended => {
                self.expect(401, Request::refresh(&session.object), "a refresh after the end").await;
                self.expect(401, Request::verify_live(&session.object), "a token after the end").await;
            }
            Liveness::Unsure => {}
        }
    }

    async fn expect(&mut self, status: u16, request: Request, what: &str) {
        let answer = request.send(&self.service).await;
        let wrong = (answer.status != status).then(|| format!("{what}: {} {}", answer.status, answer.body["code"]));
        self.counts.acknowledged.record(wrong);
    }
}
