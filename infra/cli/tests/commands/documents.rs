//! The commands of the documents, as they are written.

use std::{
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;

/// The programs that a line of commands may begin with, beside `latchkey`, `make` and `curl`. They
/// need an account elsewhere, or come with the system.
const OUTSIDE: [&str; 21] = [
    "aws", "cargo", "docker", "do", "done", "echo", "eval", "export", "firebase", "for", "gcloud", "git", "npm",
    "openssl", "output()", "pbpaste", "rm", "sam", "sed", "umask", "until",
];
const OWN: [&str; 3] = ["curl", "latchkey", "make"];

/// A command of a document.
pub struct Written {
    /// The document and the line.
    pub place: String,
    /// The whole command, without its comment. Lines that go on are joined.
    pub text: String,
}

impl Written {
    /// The words, without the assignments before the program.
    pub fn words(&self) -> Vec<String> {
        let words = self.text.split_whitespace().map(|word| word.trim_matches(['"', '\'', '`', ')']).to_owned());
        words.skip_while(|word| is_assignment(word)).collect()
    }

    /// The arguments of `latchkey` in this command, if it is called.
    pub fn arguments(&self) -> Option<Vec<String>> {
        let words = self.words();
        let after = |word: &str| words.iter().position(|other| other == word).map(|place| place + 1);
        let begin = match words.first()?.as_str() {
            "latchkey" => 1,
            "cargo" if words.get(1).is_some_and(|word| word == "run") => after("--")?,
            "pbpaste" => after("latchkey")?,
            _ => return None,
        };
        let ends = |word: &String| ["|", "&&", ";", "#"].contains(&word.as_str());
        Some(words.into_iter().skip(begin).take_while(|word| !ends(word)).collect())
    }
}

fn is_assignment(word: &str) -> bool {
    word.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || byte == b'_')
    })
}

pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The documents that people follow, in the order in which they are followed.
pub fn documents() -> Vec<String> {
    let mut documents: Vec<String> =
        ["README.md", "docs/api.md", "docs/firebase.md", "docs/keys.md", "docs/operating.md"]
            .map(str::to_owned)
            .to_vec();
    for folder in ["docs", "docs/guides", "infra/cloud-run"] {
        let entries = fs::read_dir(root().join(folder)).unwrap().map(|entry| entry.unwrap().file_name());
        let mut pages: Vec<String> = entries.map(|name| format!("{folder}/{}", name.to_string_lossy())).collect();
        pages.retain(|page| page.ends_with(".md") && !documents.contains(page));
        pages.sort();
        documents.extend(pages);
    }
    documents.push("CONTRIBUTING.md".to_owned());
    documents
}

/// The commands in the blocks of code of a document.
pub fn commands(document: &str) -> Vec<Written> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let comment = Regex::new(r"(?:^|\s)#\s.*$").unwrap();
    let (mut commands, mut is_fenced): (Vec<Written>, bool) = (Vec::new(), false);
    let mut goes_on = false;
    for (index, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("```") {
            is_fenced = !is_fenced;
            continue;
        }
        if !is_fenced && !line.starts_with("    ") {
            goes_on = false;
            continue;
        }
        let code = comment.replace(line.trim(), "").trim().to_owned();
        let part = code.trim_end_matches('\\').trim().to_owned();
        if goes_on {
            let last = commands.last_mut().unwrap();
            last.text = format!("{} {part}", last.text);
        } else if begins_a_command(&part) {
            commands.push(Written { place: format!("{document}:{}", index + 1), text: part });
        } else {
            continue;
        }
        goes_on = code.ends_with('\\');
    }
    commands
}

fn begins_a_command(line: &str) -> bool {
    let mut words = line.split_whitespace().skip_while(|word| is_assignment(word));
    words.next().is_some_and(|first| OWN.contains(&first) || OUTSIDE.contains(&first))
}

/// The commands that a document names within its sentences.
pub fn named(document: &str) -> Vec<Written> {
    let text = fs::read_to_string(root().join(document)).unwrap();
    let code = Regex::new(r"`((?:latchkey|make) [^`]+)`").unwrap();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.starts_with("    "));
    let found = lines.flat_map(|(index, line)| {
        let of_line: Vec<Written> = code
            .captures_iter(line)
            .map(|found| Written { place: format!("{document}:{}", index + 1), text: found[1].to_owned() })
            .collect();
        of_line
    });
    found.collect()
}
