//! Checks that every acknowledged write lasts, after the end of the faults.

use super::{
    Client,
    account::{Account, ClientSession, Liveness},
};
use crate::{faults::mixed::counts::Counts, requests::Request};

impl Client {
    /// Checks every acknowledged write.
    pub async fn verify_acknowledged(mut self) -> Counts {
        for account in std::mem::take(&mut self.accounts) {
            match account.liveness {
                Liveness::Live => self.check_account(&account).await,
                Liveness::Ended => self.expect(401, account.login(), "a deleted account").await,
                // Its records are complete or absent; the records of the table are checked for
                // that.
                Liveness::Unsure => {}
            }
            for session in &account.sessions {
                self.check_session(session).await;
            }
        }
        self.counts
    }

    async fn check_account(&mut self, account: &Account) {
        let mut answer = account.login().send(&self.service).await;
        if let (401, Some(unconfirmed_password)) = (answer.status.as_u16(), &account.unconfirmed_password) {
            answer = account.login_with(unconfirmed_password).send(&self.service).await;
        }
        let named = account.name.as_ref().is_none_or(|name| answer.body["user"]["name"] == **name);
        let wrong = (answer.status != 200 || !named)
            .then(|| format!("an account with its password and name: {} {}", answer.status, answer.body["code"]));
        self.counts.acknowledged.record(wrong);
    }

    async fn check_session(&mut self, session: &ClientSession) {
        match session.liveness {
            Liveness::Live => self.expect(200, Request::refresh(&session.object), "a refresh token").await,
            Liveness::Ended => {
                self.expect(401, Request::refresh(&session.object), "a refresh after the revocation").await;
                self.expect(401, Request::check_revoked(&session.object), "a token after the revocation").await;
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
