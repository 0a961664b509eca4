//! Kills the server between the commit of a mail and its sending, and while it sends.

use std::{collections::BTreeSet, fs, path::Path, time::Duration};

use fastrand::Rng;
use shared::{
    account::proof::ProofId,
    mail::{
        Kind, Language,
        outgoing::{MailState, OutgoingMail},
    },
    store::Store,
    time::Timestamp,
};
use tempfile::TempDir;
use tokio::time;

use crate::{Scale, dynamodb::TABLE, process::Process, report::Report};

/// Longer than a few mails take, in microseconds.
const PAUSE_US_MAX: u64 = 40_000;
/// The longest wait for the last mail, in steps of ten milliseconds.
const STEPS_MAX: usize = 6_000;
/// All mails of the case are of one day.
const VARIABLES: [(&str, &str); 1] = [("MAIL_PER_DAY", "1000000")];

/// Kills in the midst of mails. Each mail that was committed must be sent after the last start.
pub async fn killed(scale: Scale, rng: &mut Rng, report: &mut Report) {
    // The outbox keeps a thousand files.
    let (kills, mails) = scale.of((6, 60), (200, 1_000));
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let mut process = Process::start(&data, &VARIABLES);
    let mut ids = BTreeSet::new();
    for kill in 0..kills {
        // The sender is not told, as if the process had ended right after the commit.
        for number in mails * kill / kills..mails * (kill + 1) / kills {
            ids.insert(queue(&process, number).await);
        }
        process.kill();
        process = Process::start(&data, &VARIABLES);
        time::sleep(Duration::from_micros(rng.u64(..PAUSE_US_MAX))).await;
    }
    process.kill();
    let process = Process::start(&data, &VARIABLES);
    let store = Store::new(process.table(), TABLE);
    let mut steps = 0;
    while !store.waiting_mails().await.expect("the table answers").is_empty() && steps < STEPS_MAX {
        time::sleep(Duration::from_millis(10)).await;
        steps += 1;
    }
    let files = files(&data);
    let mut sent = 0;
    for id in &ids {
        let mail = store.mail(id).await.expect("the table answers");
        sent += usize::from(mail.is_some_and(|mail| mail.state == MailState::Sent) && files.contains(id));
    }
    report.row(
        format!("{kills} times kill -9 between commit and sending, and during it"),
        "each mail is sent after the last start, and no other mail",
        format!("{sent} of {mails} are sent, {} files", files.len()),
        sent == mails && files == ids,
    );
}

/// Commits a mail, whose id is returned.
async fn queue(process: &Process, number: usize) -> String {
    #[expect(clippy::disallowed_methods, reason = "the server has the wall clock too")]
    let now = Timestamp::from(std::time::SystemTime::now());
    let id = format!("0197126e-7f2b-7c3a-9d4e-{number:012x}");
    let number = u64::try_from(number).expect("it fits").to_be_bytes();
    let mut proof = [0; 12];
    proof.iter_mut().zip(number).for_each(|(byte, of_number)| *byte = of_number);
    let mail = OutgoingMail::new(id.clone(), Kind::Invite, "james@yopmail.com", Language::English, now)
        .with_proof(ProofId::new(proof), Some("http://127.0.0.1:8080"));
    Store::new(process.table(), TABLE).put_mail(&mail).await.expect("stored");
    id
}

/// The ids of the mails in the outbox.
fn files(data: &Path) -> BTreeSet<String> {
    let files = fs::read_dir(data.join("outbox")).expect("an outbox");
    let names = files.map(|file| file.expect("a file").file_name().into_string().expect("a name"));
    names.filter_map(|name| name.strip_suffix(".eml").map(str::to_owned)).collect()
}
