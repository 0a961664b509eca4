//! Servers that are stopped right after an answer, as Lambda freezes a function. The files of the stopped one are copied: what
//! they lack is what would run behind the answer.

use std::{fs, path::Path, time::Duration};

use axum::http::Method;
use rustix::process::Signal;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::time;

use crate::{
    Scale,
    client::{Answer, Client},
    crashes::{
        VARIABLES,
        operations::{Create, PASSWORD},
    },
    dynamodb,
    process::Process,
    report::Report,
};

/// Time for what would run behind an answer, once the server may go on.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// What is answered last.
#[derive(Clone, Copy, Debug)]
enum Last {
    Create,
    Login,
    Refresh,
    Logout,
    LogoutEverywhere,
    NewPassword,
    Deletion,
}

const ALL: [Last; 7] =
    [Last::Create, Last::Login, Last::Refresh, Last::Logout, Last::LogoutEverywhere, Last::NewPassword, Last::Deletion];

/// Freezes a server behind each kind of answer, and looks into a copy of its files with another.
pub async fn frozen(scale: Scale, report: &mut Report) {
    let rounds = scale.of(1, 20);
    let folder = TempDir::new().expect("a folder");
    let process = Process::start(&folder.path().join("data"), &VARIABLES);
    for (index, last) in ALL.into_iter().enumerate() {
        let (mut kept, mut same) = (0, 0);
        for round in 0..rounds {
            let copy = TempDir::new().expect("a folder");
            let account = Create::new(index * rounds + round);
            let session = account.send(&process.client()).await.expect("an answer");
            let answer = freeze(&process, last, &account, &session, folder.path(), copy.path()).await;
            time::sleep(AFTERWARDS).await;
            let other = Process::start(&copy.path().join("data"), &VARIABLES);
            same += usize::from(dynamodb::scan(&process.table()).await == dynamodb::scan(&other.table()).await);
            kept += usize::from(holds(&other.client(), last, &account, &session, &answer).await);
        }
        report.row(
            format!("SIGSTOP right after the answer: {last:?}, {rounds} times"),
            "what it says is in the files, and nothing is written behind it",
            format!("{kept} kept, {same} with nothing behind"),
            kept == rounds && same == rounds,
        );
    }
}

/// Asks, stops the server as soon as the answer is read, copies its files, and lets it go on.
async fn freeze(
    process: &Process,
    last: Last,
    account: &Create,
    session: &Answer,
    folder: &Path,
    copy: &Path,
) -> Answer {
    let answer = send_last(&process.client(), last, account, session).await;
    process.server.signal(Signal::STOP);
    let expected = if matches!(last, Last::Create) { 201 } else { 200 };
    assert_eq!(answer.status, expected, "{last:?}: {}", answer.text);
    while !process.is_stopped() {
        time::sleep(Duration::from_millis(1)).await;
    }
    fs::create_dir(copy.join("data")).expect("a folder");
    for file in fs::read_dir(folder.join("data")).expect("a folder") {
        let file = file.expect("a file");
        fs::copy(file.path(), copy.join("data").join(file.file_name())).expect("a copy");
    }
    process.server.signal(Signal::CONT);
    answer
}

async fn send_last(client: &Client, last: Last, account: &Create, session: &Answer) -> Answer {
    let bearer = format!("Bearer {}", session.text_of("access_token"));
    let everywhere = json!({"refresh_token": session.text_of("refresh_token"), "everywhere": true});
    let passwords = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    let answer = match last {
        Last::Create => return account.sibling().send(client).await.expect("an answer"),
        Last::Login => client.post("/login", &account.credentials()).await,
        Last::Refresh => client.post("/refresh", &session.refresh_token()).await,
        Last::Logout => client.post("/logout", &session.refresh_token()).await,
        Last::LogoutEverywhere => client.post("/logout", &everywhere).await,
        Last::NewPassword => {
            let request = client.request(Method::POST, "/me/password").header("authorization", bearer);
            client.send(request, passwords.to_string()).await
        }
        Last::Deletion => {
            let request = client.request(Method::DELETE, "/me").header("authorization", bearer);
            client.send(request, account.credentials().to_string()).await
        }
    };
    answer.expect("an answer")
}

/// Whether the other server knows what the answer said.
async fn holds(client: &Client, last: Last, account: &Create, session: &Answer, answer: &Answer) -> bool {
    let status = async |path: &str, body: &Value| client.post(path, body).await.expect("an answer").status;
    let (old, new) = (session.refresh_token(), answer.refresh_token());
    match last {
        Last::Create => {
            status("/login", &account.sibling().credentials()).await == 200 && status("/refresh", &new).await == 200
        }
        Last::Login => status("/refresh", &new).await == 200,
        Last::Refresh => {
            let again = client.post("/refresh", &old).await.expect("an answer");
            again.refresh_token() == new && status("/refresh", &new).await == 200
        }
        Last::Logout | Last::LogoutEverywhere => status("/refresh", &old).await == 401,
        Last::NewPassword => {
            let is_old_dead = status("/login", &account.credentials()).await == 401;
            is_old_dead && status("/refresh", &old).await == 401 && status("/refresh", &new).await == 200
        }
        Last::Deletion => {
            status("/login", &account.credentials()).await == 401 && status("/refresh", &old).await == 401
        }
    }
}
