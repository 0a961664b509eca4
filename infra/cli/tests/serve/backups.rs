//! Runs `latchkey backup` and `latchkey restore` beside a server, and on archives that are not
//! whole.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use rustix::process::Signal;
use serde_json::{Value, json};
use shared::testing::server::{Server, command};
use tempfile::TempDir;

use super::{credentials, refused};

/// The clients that make accounts and log in during a backup.
const CLIENTS: usize = 4;

/// Runs a command of the tool on a data folder.
fn tool(arguments: &[&str], data: &Path) -> Output {
    let mut tool = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    tool.args(arguments).env_clear().env("DATA_DIR", data).current_dir(data.parent().unwrap()).output().unwrap()
}

#[track_caller]
fn done(output: Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A data folder with one account and its session, and an archive of it.
struct Kept {
    folder: TempDir,
    session: Value,
}

impl Kept {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let server = Server::start(&folder.path().join("data"));
        let (status, session) = server.post("/create-account", &credentials());
        assert_eq!(status, 201, "{session}");
        let kept = Self { folder, session };
        assert_eq!(done(tool(&["backup", "kept.tar"], &kept.data())), "kept.tar\n");
        kept
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    /// A data folder that is not there yet.
    fn other(&self) -> PathBuf {
        self.folder.path().join("other")
    }

    fn archive(&self) -> PathBuf {
        self.folder.path().join("kept.tar")
    }

    /// The sentence with which an archive is refused. Fails if anything but the lock is left in the
    /// folder.
    #[track_caller]
    fn refused(&self, archive: &[u8]) -> String {
        fs::write(self.folder.path().join("bad.tar"), archive).unwrap();
        let sentence = refused(1, &tool(&["restore", "bad.tar"], &self.other()));
        let left: Vec<_> =
            fs::read_dir(self.other()).into_iter().flatten().map(|entry| entry.unwrap().file_name()).collect();
        assert!(left.iter().all(|name| name == "lock"), "{left:?}");
        sentence
    }

    /// The archive, with another text in the place of the first `from`. Both have the same length.
    fn with(&self, from: &str, to: &str) -> Vec<u8> {
        assert_eq!(from.len(), to.len());
        let mut archive = fs::read(self.archive()).unwrap();
        let place = archive.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        archive.splice(place..place + from.len(), to.bytes());
        archive
    }
}

/// A server for many logins. Its issuer is the same on every port.
fn busy(data: &Path) -> Server {
    let mut serve = command(data);
    Server::spawn(serve.stderr(Stdio::null()).env("RATE_LIMITS", "off").env("ISSUER", "https://login.example"))
}

#[test]
fn a_backup_beside_a_busy_server_restores_whole() {
    let folder = TempDir::new().unwrap();
    let server = busy(&folder.path().join("data"));
    let is_over = AtomicBool::new(false);
    // Each client has one account, logs in again and again, and makes further accounts.
    let client = |client: usize| {
        let (mut accounts, mut sessions) = (Vec::new(), Vec::new());
        while !is_over.load(Ordering::Relaxed) || accounts.len() < 2 {
            let body = json!({"email": format!("c{client}-{}@b.de", accounts.len()), "password": "correct horse"});
            assert_eq!(server.post("/create-account", &body).0, 201);
            sessions.push(server.post("/login", &body).1["refresh_token"].clone());
            accounts.push(body);
        }
        (accounts, sessions)
    };
    let first = credentials();
    let (_, before) = server.post("/create-account", &first);
    let made: Vec<(Vec<Value>, Vec<Value>)> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS).map(|number| scope.spawn(move || client(number))).collect();
        for archive in ["first.tar", "second.tar"] {
            done(tool(&["backup", archive], &folder.path().join("data")));
        }
        is_over.store(true, Ordering::Relaxed);
        clients.into_iter().map(|client| client.join().unwrap()).collect()
    });
    server.signal(Signal::KILL);
    drop(server);

    let restored = folder.path().join("restored");
    let told = done(tool(&["restore", "second.tar"], &restored));
    assert!(told.contains(" is as it was on 20"), "{told}");
    let server = busy(&restored);
    assert_eq!(server.post("/refresh", &json!({"refresh_token": before["refresh_token"]})).0, 200);
    let (_, verified) = server.post("/verify", &json!({"token": before["access_token"]}));
    assert_eq!(verified["uid"], before["uid"], "{verified}");
    for (accounts, sessions) in made {
        // The archive has the accounts of a moment: all up to one, and none after it.
        let there: Vec<bool> = accounts.iter().map(|body| server.post("/login", body).0 == 200).collect();
        let count = there.iter().filter(|there| **there).count();
        assert!(there.iter().take(count).all(|there| *there), "{there:?}");
        // Whoever logged in before the last account of the archive was made has a session in it.
        for session in sessions.iter().take(count.saturating_sub(1)) {
            assert_eq!(server.post("/refresh", &json!({"refresh_token": session})).0, 200);
        }
    }
}

#[test]
fn a_restored_folder_has_the_same_keys_and_accounts_for_its_owner_alone() {
    let kept = Kept::new();
    let archive = fs::read(kept.archive()).unwrap();
    assert_eq!(fs::metadata(kept.archive()).unwrap().permissions().mode() & 0o777, 0o600);
    // The archive goes through standard output and input as well.
    let streamed = tool(&["backup", "-"], &kept.data());
    assert!(streamed.status.success() && streamed.stdout.len() == archive.len(), "{}", streamed.stdout.len());
    fs::write(kept.folder.path().join("streamed.tar"), streamed.stdout).unwrap();
    let mut restore = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    restore.args(["restore", "-", "--data-dir"]).arg(kept.other()).env_clear();
    restore.stdin(fs::File::open(kept.folder.path().join("streamed.tar")).unwrap());
    done(restore.output().unwrap());
    for entry in fs::read_dir(kept.other()).unwrap().map(Result::unwrap).filter(|entry| entry.file_name() != "lock") {
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{entry:?}");
        let name = entry.file_name();
        if name != "latchkey.db" {
            assert_eq!(fs::read(entry.path()).unwrap(), fs::read(kept.data().join(&name)).unwrap(), "{name:?}");
        }
    }
    let server = Server::start(&kept.other());
    assert_eq!(server.post("/login", &credentials()).1["uid"], kept.session["uid"]);
    let mails = json!({"email": "a@b.de"});
    assert_eq!(server.post("/password/forgot", &mails).0, 200);
}

#[test]
fn a_folder_with_anything_in_it_is_left_as_it_is() {
    let kept = Kept::new();
    let files = |folder: &Path| {
        let mut files: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.sort();
        files.into_iter().filter(|path| path.is_file()).map(|path| (fs::read(&path).unwrap(), path)).collect::<Vec<_>>()
    };
    let before = files(&kept.data());
    let sentence = refused(1, &tool(&["restore", "kept.tar"], &kept.data()));
    assert!(sentence.contains("is not empty: it has") && sentence.contains("Nothing was changed."), "{sentence}");
    assert!(before == files(&kept.data()));

    let server = Server::start(&kept.data());
    let sentence = refused(1, &tool(&["restore", "kept.tar"], &kept.data()));
    assert!(sentence.contains("is in use by another latchkey serve"), "{sentence}");
    assert_eq!(server.post("/login", &credentials()).0, 200);

    let sentence = refused(1, &tool(&["backup", "kept.tar"], &kept.data()));
    assert!(sentence.contains("kept.tar exists already, and is left as it is."), "{sentence}");
}

#[test]
fn a_damaged_or_foreign_archive_is_refused_in_words_and_leaves_nothing() {
    let kept = Kept::new();
    let whole = fs::read(kept.archive()).unwrap();
    for foreign in [&b""[..], b"{}", &[0x1f, 0x8b, 8, 0, 0], &[0; 10_240], &whole[512..]] {
        assert!(kept.refused(foreign).contains("This is no archive of latchkey backup."));
    }
    let sentence = kept.refused(&kept.with("\"format\": 1", "\"format\": 9"));
    assert!(sentence.contains("Restore it with that version or a later one."), "{sentence}");
    for (archive, words) in [
        (kept.with("SQLite format 3", "SQLite format 4"), "latchkey.db has another SHA-256 than it had"),
        (whole[..whole.len() / 2].to_vec(), "has another length than it had"),
        (kept.with("\"sha256\"", "\"sha265\""), "latchkey-backup.json cannot be understood"),
        (kept.with("\"proof-key\"", "\"other-key\""), "does not list the files of a data folder"),
        (kept.with("\"public-keys.json\"", "\"signing-key.json\""), "does not list the files of a data folder"),
        (kept.with("\"table\": \"latchkey\"", "\"table\": \"lutchkey\""), "latchkey.db has no table lutchkey"),
    ] {
        let sentence = kept.refused(&archive);
        assert!(sentence.contains(words), "{words}: {sentence}");
    }
    // Another file in the place of a listed one: the name is in the list and in a header.
    let mut renamed = whole.clone();
    let name = b"proof-key\0";
    let place = renamed.windows(name.len()).position(|part| part == name).unwrap();
    renamed.splice(place..place + 5, *b"../..");
    assert!(kept.refused(&renamed).contains("an entry cannot be read"));
    assert!(refused(1, &tool(&["restore", "missing.tar"], &kept.other())).contains("missing.tar cannot be read"));
}

#[test]
fn a_restore_that_was_killed_is_no_folder_to_serve_until_it_is_run_again() {
    let kept = Kept::new();
    fs::create_dir_all(kept.other().join(".restore")).unwrap();
    fs::copy(kept.data().join("signing-keys.json"), kept.other().join("signing-keys.json")).unwrap();
    let sentence = refused(1, &command(&kept.other()).output().unwrap());
    assert!(sentence.contains("did not come to its end. Run latchkey restore again."), "{sentence}");
    done(tool(&["restore", "kept.tar"], &kept.other()));
    assert_eq!(Server::start(&kept.other()).post("/login", &credentials()).0, 200);
}

#[test]
fn a_backup_says_why_it_cannot_be_made_and_keeps_as_many_archives_as_it_is_told() {
    let kept = Kept::new();
    let archives = kept.folder.path().join("archives");
    fs::create_dir(&archives).unwrap();
    let old: Vec<String> = (1..4).map(|day| format!("latchkey-2026010{day}T000000Z.tar")).collect();
    for name in old.iter().map(String::as_str).chain(["latchkey-mine.tar", "notes.txt"]) {
        fs::write(archives.join(name), "").unwrap();
    }
    let newest = done(tool(&["backup", "archives", "--keep", "2"], &kept.data()));
    let mut left: Vec<_> =
        fs::read_dir(&archives).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    left.sort();
    let newest = newest.trim().trim_start_matches("archives/");
    assert_eq!(left, ["latchkey-20260103T000000Z.tar", newest, "latchkey-mine.tar", "notes.txt"]);

    let sentence = refused(2, &tool(&["backup", "other.tar", "--keep", "2"], &kept.data()));
    assert!(sentence.contains("--keep needs a folder of archives, and other.tar is none."), "{sentence}");
    let sentence = refused(1, &tool(&["backup", "other.tar"], &kept.other()));
    assert!(sentence.contains("There is no database"), "{sentence}");
    let sentence = refused(1, &tool(&["backup", "missing/other.tar"], &kept.data()));
    assert!(sentence.contains("missing/other.tar cannot be written"), "{sentence}");
    let mut other_table = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    other_table.args(["backup", "/dev/null"]).env_clear().env("DATA_DIR", kept.data()).env("TABLE_NAME", "users");
    let sentence = refused(1, &other_table.output().unwrap());
    assert!(sentence.contains("The database has no table users. Set TABLE_NAME"), "{sentence}");
    let mut elsewhere = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    elsewhere.args(["backup", "other.tar"]).env_clear().env("SIGNING_KEYS_SECRET_ID", "keys");
    let sentence = refused(2, &elsewhere.output().unwrap());
    assert!(sentence.contains("the accounts are in DynamoDB, which has backups of its own"), "{sentence}");
    assert!(!kept.data().join(".backup/latchkey.db").exists());
}

#[test]
fn keys_outside_the_data_folder_are_named_since_they_are_not_in_the_archive() {
    let kept = Kept::new();
    let mut backup = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    backup.args(["backup", "again.tar"]).env_clear().current_dir(kept.folder.path());
    backup.env("DATA_DIR", "data").env("SIGNING_KEYS_FILE", "keys.json").env("API_KEY_FILE", "/secrets/api-key");
    let output = backup.output().unwrap();
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert!(
        told.contains("Not in the archive, since a variable names another place: the signing keys, the API keys."),
        "{told}"
    );
}

#[test]
fn health_is_yes_for_a_server_that_answers_and_no_for_any_other() {
    let kept = Kept::new();
    let server = Server::start(&kept.data());
    let port = server.address.rsplit(':').next().unwrap().to_owned();
    assert_eq!(
        done(tool(&["health", "--port", &port], &kept.data())),
        format!("http://{}/health answers\n", server.address)
    );
    done(tool(&["health", "--url", &format!("http://{}/", server.address)], &kept.data()));
    let sentence = refused(1, &tool(&["health", "--url", &format!("http://{}/nowhere", server.address)], &kept.data()));
    assert!(sentence.contains("answers 404"), "{sentence}");
    let sentence = refused(2, &tool(&["health", "--url", "https://login.example"], &kept.data()));
    assert!(sentence.contains("latchkey doctor --url https://login.example"), "{sentence}");
    drop(server);
    let mut health = Command::new(env!("CARGO_BIN_EXE_latchkey"));
    let sentence = refused(1, &health.arg("health").env_clear().env("PORT", &port).output().unwrap());
    assert!(sentence.contains("cannot be reached") && sentence.contains("Is latchkey serve running"), "{sentence}");
}
