//! Stops servers right after an answer, as Lambda freezes a function, and copies their files.
//!
//! The copy must hold all that the answer says, and the original must write nothing afterwards. The
//! rows count the copies for which both hold.

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

/// Time for late writes, after the server goes on.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// The last request before the stop.
#[derive(Clone, Copy, Debug)]
enum LastRequest {
    Create,
    Login,
    Refresh,
    Logout,
    LogoutEverywhere,
    NewPassword,
    Deletion,
}

const ALL: [LastRequest; 7] = [
    LastRequest::Create,
    LastRequest::Login,
    LastRequest::Refresh,
    LastRequest::Logout,
    LastRequest::LogoutEverywhere,
    LastRequest::NewPassword,
    LastRequest::Deletion,
];

/// Stops a server after each kind of answer, and checks a copy of its files with another server.
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
            kept += usize::from(is_stored(&other.client(), last, &account, &session, &answer).await);
        }
        report.row(
            format!("SIGSTOP right after the answer: {last:?}, {rounds} times"),
            "the result is in the files, and nothing is written afterwards",
            format!("{kept} stored, {same} without late writes"),
            kept == rounds && same == rounds,
        );
    }
}

/// Sends the request, stops the server right after the answer, copies its files and lets it go on.
async fn freeze(
    process: &Process,
    last: LastRequest,
    account: &Create,
    session: &Answer,
    folder: &Path,
    copy: &Path,
) -> Answer {
    let answer = send_last(&process.client(), last, account, session).await;
    process.server.signal(Signal::STOP);
    let expected = if matches!(last, LastRequest::Create) { 201 } else { 200 };
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

async fn send_last(client: &Client, last: LastRequest, account: &Create, session: &Answer) -> Answer {
    let bearer = format!("Bearer {}", session.text_of("access_token"));
    let everywhere = json!({"refresh_token": session.text_of("refresh_token"), "everywhere": true});
    let passwords = json!({"current_password": PASSWORD, "new_password": "another horse battery"});
    let answer = match last {
        LastRequest::Create => return account.sibling().send(client).await.expect("an answer"),
        LastRequest::Login => client.post("/login", &account.credentials()).await,
        LastRequest::Refresh => client.post("/refresh", &session.refresh_token()).await,
        LastRequest::Logout => client.post("/logout", &session.refresh_token()).await,
        LastRequest::LogoutEverywhere => client.post("/logout", &everywhere).await,
        LastRequest::NewPassword => {
            let request = client.request(Method::POST, "/me/password").header("authorization", bearer);
            client.send(request, passwords.to_string()).await
        }
        LastRequest::Deletion => {
            let request = client.request(Method::DELETE, "/me").header("authorization", bearer);
            client.send(request, account.credentials().to_string()).await
        }
    };
    answer.expect("an answer")
}

/// Whether the other server knows the result of the answer.
async fn is_stored(client: &Client, last: LastRequest, account: &Create, session: &Answer, answer: &Answer) -> bool {
    let status = async |path: &str, body: &Value| client.post(path, body).await.expect("an answer").status;
    let (old, new) = (session.refresh_token(), answer.refresh_token());
    match last {
        LastRequest::Create => {
            status("/login", &account.sibling().credentials()).await == 200 && status("/refresh", &new).await == 200
        }
        LastRequest::Login => status("/refresh", &new).await == 200,
        LastRequest::Refresh => {
            let again = client.post("/refresh", &old).await.expect("an answer");
            again.refresh_token() == new && status("/refresh", &new).await == 200
        }
        LastRequest::Logout | LastRequest::LogoutEverywhere => status("/refresh", &old).await == 401,
        LastRequest::NewPassword => {
            let is_old_dead = status("/login", &account.credentials()).await == 401;
            is_old_dead && status("/refresh", &old).await == 401 && status("/refresh", &new).await == 200
        }
        LastRequest::Deletion => {
            status("/login", &account.credentials()).await == 401 && status("/refresh", &old).await == 401
        }
    }
}
