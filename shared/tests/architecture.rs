//! The storeys of the library, held by a test: a room imports only rooms below itself, and axum
//! stays on the edge.

#![expect(clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

/// The rooms from the ground up. A room may import the rooms that stand before it.
///
/// Ground: plain data and the way to the outside. Formats: `jose`. Things: passwords, accounts,
/// keys, tokens. Keeping: the table and the configuration. Context: `app`. Flows: `auth`. Edge:
/// HTTP, Lambda and the parts that tests share.
const ROOMS: [&str; 22] = [
    "text",
    "sample",
    "error",
    "time",
    "telemetry",
    "fetch",
    "outbox",
    "aws",  // ground
    "jose", // formats
    "password",
    "account",
    "keys",
    "token",
    "mail",
    "firebase", // things
    "store",
    "config", // keeping
    "app",    // context
    "auth",   // flows
    "http",
    "lambda",
    "testing", // edge
];

/// The rooms that may name axum.
const EDGE: [&str; 3] = ["http", "lambda", "testing"];

/// A source file without its tests.
struct Source {
    path: PathBuf,
    room: String,
    code: String,
}

/// All source files of the library. Files of tests are left out, and so is the test module at the
/// end of a file.
fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    let sources = paths.into_iter().map(|path| {
        let inside = path.strip_prefix(&root).unwrap();
        let first = inside.components().next().unwrap().as_os_str().to_str().unwrap();
        let room = first.trim_end_matches(".rs").to_owned();
        let code = code(&path);
        Source { path, room, code }
    });
    sources.filter(|source| source.room != "lib").collect()
}

/// The code of a file, without comments and without its tests.
fn code(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        // The model checker of the rotation is a test by another name.
        if name == "tests" || name == "interleavings" {
            continue;
        }
        if path.is_dir() { collect(&path, paths) } else { paths.push(path) }
    }
}

/// The rooms that `code` names as `crate::room` or inside `crate::{…}`.
fn imports(code: &str) -> BTreeSet<String> {
    let mut rooms = BTreeSet::new();
    for rest in code.split("crate::").skip(1) {
        match rest.strip_prefix('{') {
            None => rooms.insert(word(rest)),
            Some(group) => {
                rooms.extend(heads(group));
                true
            }
        };
    }
    rooms
}

/// The first word of each member of a group, up to the brace that ends the group.
fn heads(group: &str) -> Vec<String> {
    let mut heads = Vec::new();
    let (mut depth, mut is_at_start) = (0_usize, true);
    for (index, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_at_start = true,
            letter if is_at_start && letter.is_alphabetic() => {
                heads.push(word(group.get(index..).unwrap()));
                is_at_start = false;
            }
            _ => {}
        }
    }
    heads
}

fn word(text: &str) -> String {
    text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect()
}

/// The room that a name of the crate's root stands for: `App` is re-exported there.
fn room_of(name: &str) -> String {
    match name {
        "App" | "WarmUp" => "app".to_owned(),
        "AwsCaller" | "Identity" | "aws_config" | "dynamodb_client" | "secrets_manager_client" => "aws".to_owned(),
        room => room.to_owned(),
    }
}

fn height(room: &str) -> usize {
    ROOMS.iter().position(|name| *name == room).unwrap_or_else(|| panic!("{room} has no storey: add it to ROOMS"))
}

#[test]
fn a_room_imports_only_rooms_below_itself() {
    let sources = sources();
    assert!(sources.len() > 60, "the sources are not found");
    let mut upwards = Vec::new();
    for Source { path, room, code } in &sources {
        for name in imports(code) {
            let below = room_of(&name);
            if height(&below) > height(room) {
                upwards.push(format!("{}: {room} imports {below}", path.display()));
            }
        }
    }
    assert!(upwards.is_empty(), "these imports go up:\n{}", upwards.join("\n"));
}

#[test]
fn axum_is_named_on_the_edge_alone() {
    let named = |source: &&Source| source.code.contains("axum") && !EDGE.contains(&source.room.as_str());
    let files: Vec<_> = sources().iter().filter(named).map(|source| source.path.display().to_string()).collect();
    assert!(files.is_empty(), "axum is named below the edge:\n{}", files.join("\n"));
}

/// The ways to make a token or to admit an account, each with the only files that take it.
const MAKERS: [(&str, &[&str]); 6] = [
    ("Admitted(", &["shared/src/account/admission.rs"]),
    ("access::Claims::new(", &["shared/src/auth/session_object.rs"]),
    ("access::mint(", &["shared/src/auth/session_object.rs"]),
    (".seal(", &["shared/src/auth/session_object.rs"]),
    // A trusted server signs its own claims, which name no account of this service.
    ("secrets.sign(", &["functions/jwt/src/encode.rs", "shared/src/auth/session_object.rs"]),
    ("= CustomToken {", &["shared/src/auth/session_object.rs"]),
];

#[test]
fn tokens_of_an_account_are_made_in_one_place_which_needs_its_admission() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let mut paths = Vec::new();
    collect(&root.join("shared/src"), &mut paths);
    for function in fs::read_dir(root.join("functions")).unwrap() {
        collect(&function.unwrap().path().join("src"), &mut paths);
    }
    for (maker, allowed) in MAKERS {
        let makes = |path: &&PathBuf| code(path).contains(maker);
        let found: BTreeSet<_> = paths.iter().filter(makes).map(|path| path.strip_prefix(root).unwrap()).collect();
        assert_eq!(found, allowed.iter().map(Path::new).collect(), "{maker}");
    }
}

#[test]
fn the_reader_of_imports_sees_groups_and_single_paths() {
    let code = "use crate::{\n    App,\n    account::{email::Email, user},\n    error::Error,\n};\nlet x = crate::time::now();";
    assert_eq!(imports(code).into_iter().collect::<Vec<_>>(), ["App", "account", "error", "time"]);
}
