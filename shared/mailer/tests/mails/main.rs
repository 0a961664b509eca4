//! Sends mails through each way, against servers that others wrote or that a script drives.

#![expect(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod delivery;
mod mime;
mod outage;
mod server;
mod smtp;
mod webhook;

use std::{fs, path::PathBuf};

use axum::Router;
use mailer::{Mailer, transport::Transport};
use shared::{
    account::proof::ProofId,
    mail::{
        Kind, Language,
        outgoing::{MailState, OutgoingMail},
    },
    testing::Service,
};
use tempfile::TempDir;

const PROOF_KEY: &str = "the key of proofs: 32 characters or more";
const FROM: (&str, &str) = ("MAIL_FROM", "Herbs & Co <login@herbs.example>");

/// A deployment that sends mails.
struct Deployment {
    service: Service,
    mailer: Mailer,
    folder: TempDir,
}

impl Deployment {
    /// A deployment with these variables. Without any its mails are files.
    async fn new(variables: &[(&str, &str)]) -> Self {
        Self::with(variables, async || panic!("no client of SES is wanted")).await
    }

    async fn with(
        variables: &[(&str, &str)],
        ses: impl AsyncFnOnce() -> Result<aws_sdk_sesv2::Client, String>,
    ) -> Self {
        let folder = TempDir::new().unwrap();
        let key = folder.path().join("proof-key");
        fs::write(&key, PROOF_KEY).unwrap();
        let own = [("PROOF_KEY_FILE", key.to_str().unwrap()), ("DATA_DIR", folder.path().to_str().unwrap())];
        let service = Service::configured(Router::new(), &[&own, variables].concat()).await;
        let transport = Transport::of(service.app().config(), ses).await.unwrap().expect("mails are not off");
        Self { mailer: Mailer::new(service.app().clone(), transport), service, folder }
    }

    /// Stores a mail with a proof.
    async fn queue(&self, kind: Kind, to: &str) -> String {
        let mail = self.mail(kind, to);
        self.service.app().store().put_mail(&mail).await.unwrap();
        self.service.calls();
        mail.id
    }

    fn mail(&self, kind: Kind, to: &str) -> OutgoingMail {
        let app = self.service.app();
        OutgoingMail::new(app.uuid().unwrap(), kind, to, Language::English, app.now())
            .with_proof(ProofId::new(app.random().unwrap()), Some("https://login.herbs.example"))
    }

    async fn state(&self, id: &str) -> MailState {
        self.service.app().store().mail(id).await.unwrap().unwrap().state
    }

    /// The files of the outbox, in their order.
    fn files(&self) -> Vec<PathBuf> {
        let Ok(files) = fs::read_dir(self.folder.path().join(mailer::transport::OUTBOX)) else { return Vec::new() };
        let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
        files.sort();
        files
    }
}
