//! Whether everything that was acknowledged is there, once the faults have ended.

use super::{
    Client,
    account::{Account, RefreshState, Visit},
};
use crate::{asking::Ask, faults::mixed::ledger::Ledger};

impl Client {
    /// Looks for everything that was acknowledged.
    pub async fn settle(mut self) -> Ledger {
        for account in std::mem::take(&mut self.accounts) {
            match account.standing {
                RefreshState::Live => self.lives(&account).await,
                RefreshState::Ended => self.expect(401, account.login(), "a deleted account").await,
                // What is there of it is whole or nothing, which is looked at in the table.
                RefreshState::Unsure => {}
            }
            for visit in &account.visits {
                self.stands(visit).await;
            }
        }
        self.ledger
    }

    async fn lives(&mut self, account: &Account) {
        let mut answer = account.login().of(&self.service).await;
        if let (401, Some(perhaps)) = (answer.status.as_u16(), &account.perhaps) {
            answer = account.login_with(perhaps).of(&self.service).await;
        }
        let named = account.name.as_ref().is_none_or(|name| answer.body["user"]["name"] == **name);
        let wrong = (answer.status != 200 || !named)
            .then(|| format!("an account with its password and name: {} {}", answer.status, answer.body["code"]));
        self.ledger.acknowledged.see(wrong);
    }

    async fn stands(&mut self, visit: &Visit) {
        match visit.standing {
            RefreshState::Live => self.expect(200, Ask::refresh(&visit.session), "a refresh token").await,
            RefreshState::Ended => {
                self.expect(401, Ask::refresh(&visit.session), "a refresh after the end").await;
                self.expect(401, Ask::verify_live(&visit.session), "a token after the end").await;
            }
            RefreshState::Unsure => {}
        }
    }

    async fn expect(&mut self, status: u16, ask: Ask, what: &str) {
        let answer = ask.of(&self.service).await;
        let wrong = (answer.status != status).then(|| format!("{what}: {} {}", answer.status, answer.body["code"]));
        self.ledger.acknowledged.see(wrong);
    }
}
