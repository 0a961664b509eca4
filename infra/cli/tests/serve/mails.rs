//! Mails of `latchkey serve`: sent while it runs, and after a kill.

use std::{
    fs,
    io::{BufRead, BufReader, Read},
    path::Path,
};

use rustix::process::Signal;
use shared::{
    account::proof::ProofId,
    mail::{
        Kind, Language,
        outgoing::{MailState, OutgoingMail},
    },
    store::{Store, embedded::Embedded},
    testing::server::{Server, command},
    time::Timestamp,
};
use tempfile::TempDir;

use super::refused;

/// A mail of the time at which the machine runs.
#[expect(clippy::disallowed_methods, reason = "the server has the wall clock too")]
fn mail(number: u8) -> OutgoingMail {
    let now = Timestamp::from(std::time::SystemTime::now());
    let id = format!("0197126e-7f2b-7c3a-9d4e-5f60718293{number:02x}");
    OutgoingMail::new(id, Kind::Reset, "james@yopmail.com", Language::English, now)
        .with_proof(ProofId::new([number; 12]), Some("http://127.0.0.1:8080"))
}

/// Runs a future that calls the table, whose client has timeouts.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

/// Writes mails as a server does that is killed between the commit and the sending.
fn queue(folder: &Path, mails: &[OutgoingMail]) {
    let store = Store::new(Embedded::file(&folder.join("latchkey.db")).unwrap().client(), "latchkey");
    block_on(async {
        for mail in mails {
            store.put_mail(mail).await.unwrap();
        }
    });
}

fn state(folder: &Path, mail: &OutgoingMail) -> MailState {
    let store = Store::new(Embedded::file(&folder.join("latchkey.db")).unwrap().client(), "latchkey");
    block_on(store.mail(&mail.id)).unwrap().unwrap().state
}

/// Ends a server well, and returns the rest of its standard output.
fn stopped(mut server: Server) -> String {
    server.signal(Signal::TERM);
    let mut output = String::new();
    server.process.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    server.ends_well();
    output
}

#[test]
fn mails_that_a_killed_server_left_are_sent_at_the_next_start_and_the_code_is_on_the_terminal() {
    let folder = TempDir::new().unwrap();
    drop(Server::start(folder.path()));
    let (mail, decoy) = (mail(1), mail(2).into_decoy());
    queue(folder.path(), &[mail.clone(), decoy]);
    let mut server = Server::start(folder.path());
    let mut line = String::new();
    BufReader::new(server.process.stdout.as_mut().unwrap()).read_line(&mut line).unwrap();
    let outbox = folder.path().join("outbox");
    let text = fs::read_to_string(outbox.join(format!("{}.eml", mail.id))).unwrap();
    let code = text.split("Subject: ").nth(1).unwrap().split(' ').next().unwrap();
    assert!(
        line.starts_with(&format!(
            "Mail to james@yopmail.com (code_reset): code {code} http://127.0.0.1:8080/pages/reset#"
        )),
        "{line}"
    );
    assert_eq!(stopped(server), "", "the decoy is nobody's");
    assert_eq!((state(folder.path(), &mail), fs::read_dir(outbox).unwrap().count()), (MailState::Sent, 1));
    assert_eq!(stopped(Server::start(folder.path())), "", "and no mail is sent twice");
}

#[test]
fn a_way_of_mails_that_lacks_something_fails_the_start_with_the_names_of_the_variables() {
    let folder = TempDir::new().unwrap();
    let output = command(folder.path()).env("MAIL", "smtp").output().unwrap();
    let refusal = refused(2, &output);
    assert!(
        refusal.contains("MAIL_FROM is required") && refusal.contains("SMTP_URL_SECRET_ID is required"),
        "{refusal}"
    );
}
