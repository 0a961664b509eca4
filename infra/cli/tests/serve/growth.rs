//! Starts `latchkey serve` on tables with few and with many accounts, and counts what is read.

use std::{fs, path::Path};

use shared::{
    account::{email::Email, user::User},
    password::StoredHash,
    store::{IMPORT_BATCH_MAX, embedded::Embedded},
    testing::server::Server,
    time::Timestamp,
};
use tempfile::TempDir;

/// The table of a server without TABLE_NAME.
const TABLE: &str = "latchkey";
/// Accounts whose records are some megabytes.
const MANY: usize = 3_000;
/// Far less than the records of many accounts, and more than the descriptions of tables.
const BYTES_MORE_MAX: u64 = 200 * 1024;

/// The bytes that a server has read when it listens.
fn bytes_read(data: &Path) -> u64 {
    let server = Server::start(data);
    let file = fs::read_to_string(format!("/proc/{}/io", server.process.id())).unwrap();
    file.lines().find_map(|line| line.strip_prefix("rchar: ")).unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_start_reads_no_more_of_many_accounts_than_of_none() {
    let folder = TempDir::new().unwrap();
    // The first start makes the keys.
    bytes_read(folder.path());
    let without = bytes_read(folder.path());

    let database = folder.path().join("latchkey.db");
    let store = Embedded::file(&database).unwrap().store(TABLE);
    let users: Vec<User> = (0..MANY)
        .map(|number| {
            let email = Email::parse(&format!("{number}@b.de")).unwrap();
            let hash = StoredHash::new("hash".repeat(25));
            User::new(format!("id-{number}"), &email, None, String::new(), hash, Timestamp::from_seconds(1))
        })
        .collect();
    for users in users.chunks(IMPORT_BATCH_MAX) {
        store.import_users(users).await.unwrap();
    }
    drop(store);
    assert!(fs::metadata(&database).unwrap().len() > 10 * BYTES_MORE_MAX, "the accounts are in the file");
    let with = bytes_read(folder.path());
    assert!(with < without + BYTES_MORE_MAX, "{without} bytes without accounts, {with} with {MANY}");
}
