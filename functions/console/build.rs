//! Joins the modules of the pages into the scripts that a browser loads.
//!
//! The modules in `assets` are written for their readers, and run in a browser as they stand. Each
//! module would be one more request. So the frame with the first page becomes one script, and every
//! other page one more. Comments and indentation are left out. A test in a browser compares the
//! tokens of every script with its modules.

#![expect(clippy::expect_used, reason = "a build that cannot go on tells why")]

use std::{env, fs, path::Path};

/// The script of the frame, from which the other scripts import.
const FRAME: &str = "console";

/// Each script with its modules, in an order in which no module needs a later one.
const SCRIPTS: [(&str, &[&str]); 9] = [
    (FRAME, &["strings", "dom", "api", "start", FRAME]),
    ("try", &["operations", "answer", "try"]),
    ("builders", &["markdown", "builders"]),
    ("token", &["jwt", "token"]),
    ("outbox", &["outbox"]),
    ("users", &["users"]),
    ("reference", &["operations", "reference"]),
    ("es", &["es"]),
    ("pt-BR", &["pt-BR"]),
];

#[expect(clippy::disallowed_methods, reason = "cargo tells a build script its folder by the environment")]
fn main() {
    println!("cargo::rerun-if-changed=assets");
    let folder = env::var("OUT_DIR").expect("cargo names the folder");
    for (name, modules) in SCRIPTS {
        let path = Path::new(&folder).join(format!("{name}.js"));
        fs::write(path, script(modules)).expect("cargo's folder can be written");
    }
}

/// The modules as one script.
fn script(modules: &[&str]) -> String {
    let mut wanted: Vec<String> = Vec::new();
    let mut text = String::new();
    for module in modules {
        let source = fs::read_to_string(format!("assets/{module}.js")).expect("the module is there");
        for line in bare(&source, module).lines() {
            match import(line) {
                Some((names, from)) => {
                    if !modules.contains(&from) {
                        assert!(of_frame(from), "{module}.js imports from {from}.js, which is not of the frame");
                        wanted.extend(names.split(',').map(|name| name.trim().to_owned()));
                    }
                }
                None => text = text + line + "\n",
            }
        }
    }
    wanted.sort_unstable();
    wanted.dedup();
    if wanted.is_empty() {
        return text;
    }
    format!("import {{ {} }} from \"./{FRAME}.js\";\n{text}", wanted.join(", "))
}

fn of_frame(module: &str) -> bool {
    SCRIPTS.iter().any(|(name, modules)| *name == FRAME && modules.contains(&module))
}

/// The names and the module of a line that imports. Such a statement has a line of its own.
fn import(line: &str) -> Option<(&str, &str)> {
    let rest = line.strip_prefix("import {")?;
    let (names, from) = rest.split_once("} from \"./").expect("an import names what it needs");
    assert!(!names.contains(" as "), "{line}: a name stays the same");
    Some((names, from.strip_suffix(".js\";").expect("an import is one line")))
}

/// The lines of a module without comments, indentation and blank lines.
fn bare(source: &str, module: &str) -> String {
    let mut text = String::new();
    let mut rest = source;
    while let Some((before, comment)) = rest.split_once("/*") {
        let line = before.rsplit('\n').next().unwrap_or_default();
        assert!(!ends_in_text(line), "{module}.js: a text holds the beginning of a comment: {line}");
        text.push_str(before);
        rest = comment.split_once("*/").expect("a comment ends").1;
    }
    text.push_str(rest);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("//"));
    lines.flat_map(|line| [line, "\n"]).collect()
}

/// Whether the end of a line is within a text, and not within the code of a template.
fn ends_in_text(line: &str) -> bool {
    let template = line.rsplit_once('`').map_or("", |(_, end)| end);
    let is_open = |mark| line.matches(mark).count() % 2 == 1;
    is_open('"') || (is_open('`') && !template.contains("${"))
}
