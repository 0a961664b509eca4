//! `docs/configuration.md` is made from the docs in `shared/src/config`, so that neither can drift
//! from the other. This writes the document anew:
//!
//! ```text
//! UPDATE_DOCS=1 cargo test -p latchkey --test configuration
//! ```
//!
//! A paragraph about a variable begins with its meaning. `Defaults to` or `Has no default` follows,
//! then `Accepts`, then `Read from` with the name, and with a platform if others do not read it.
//! All later sentences are rules, which stand below the table.

#![expect(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use regex_lite::Regex;
use shared::config::{Config, names};

const DOCUMENT: &str = "docs/configuration.md";
const COMMAND: &str = "UPDATE_DOCS=1 cargo test -p latchkey --test configuration";
const COLUMNS_MAX: usize = 100;

/// The files of `shared/src` that describe variables, in the document's order, with the headings.
const SECTIONS: [(&str, &str); 15] = [
    ("config.rs", "General"),
    ("config/keys.rs", "Keys"),
    ("config/firebase.rs", "Firebase"),
    ("config/tokens.rs", "Tokens and sessions"),
    ("config/accounts.rs", "Accounts and passwords"),
    ("config/admin.rs", "Administration"),
    ("config/http.rs", "URL and web apps"),
    ("config/mail.rs", "Mails"),
    ("config/events.rs", "Webhook for events of accounts"),
    ("config/legacy.rs", "Passwords of another system"),
    ("config/telemetry.rs", "Log and metrics"),
    ("config/serve.rs", "The server in one process"),
    ("config/federation.rs", "AWS from Cloud Run"),
    ("config/signing.rs", "The command line"),
    ("config/platform.rs", "The platform"),
];

/// Texts in capitals that are no variables.
const NO_VARIABLES: [&str; 1] = ["REPLACE_ME"];

/// Variables of the AWS SDK, which its own documents describe.
const OF_THE_SDK: [&str; 4] = ["AWS_ACCESS_KEY_ID", "AWS_ACCOUNT_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"];

const INTRODUCTION: &str = "\
This page is for whoever sets up a deployment. Latchkey reads environment variables, once, at start.
A bad value fails the start with a sentence that names the variable. All bad variables are named at
once. White space and one pair of quotation marks around a value are passed over, and an empty
variable counts as unset. `latchkey doctor` says of each setting whether it works. AWS regions,
credentials and endpoints are the SDK's own variables. On AWS the parameters of
[template.yaml](../template.yaml) set the variables below.

Times are in seconds. The last column names the platforms that read a variable: Lambda, Cloud Run or
a laptop. A laptop is any machine on which somebody starts `latchkey`.
";

/// A row of a table, and the rules below the table.
struct Variable {
    name: String,
    meaning: String,
    default: String,
    accepts: String,
    platforms: String,
    rules: String,
}

impl Variable {
    /// Reads a paragraph, if it is about a variable.
    fn parse(paragraph: &str) -> Option<Self> {
        let read = Regex::new("^Read from `([A-Z0-9_]+)`(?: on (.+))?$").unwrap();
        let sentences = sentences(paragraph);
        let (place, found) = sentences.iter().enumerate().find_map(|(at, text)| Some((at, read.captures(text)?)))?;
        let (described, rules) = (&sentences[..place], &sentences[place + 1..]);
        let (meaning, described) = described.split_first().unwrap_or_else(|| panic!("no meaning: {paragraph}"));
        let (mut default, mut accepts) = (None, None);
        for sentence in described {
            match (sentence.strip_prefix("Defaults to "), sentence.strip_prefix("Accepts ")) {
                (Some(value), _) => default = Some(value.to_owned()),
                (_, Some(values)) => accepts = Some(values.to_owned()),
                _ => match sentence.strip_prefix("Has no default") {
                    Some(rest) => default = Some(format!("none{rest}")),
                    None => panic!("\"{sentence}\" is neither a default nor a bound: {paragraph}"),
                },
            }
        }
        Some(Self {
            name: found[1].to_owned(),
            meaning: (*meaning).to_owned(),
            default: default.unwrap_or_else(|| panic!("no default: {paragraph}")),
            accepts: accepts.unwrap_or_else(|| panic!("no bounds: {paragraph}")),
            platforms: found.get(2).map_or("all".to_owned(), |on| on.as_str().replace("a laptop", "laptop")),
            rules: rules.iter().map(|rule| format!(" {rule}.")).collect(),
        })
    }

    fn row(&self) -> String {
        let Self { name, meaning, default, accepts, platforms, .. } = self;
        format!("| `{name}` | {meaning} | {default} | {accepts} | {platforms} |\n")
    }

    fn notes(&self) -> Option<String> {
        (!self.rules.is_empty()).then(|| wrapped(&format!("- `{}`:{}", self.name, self.rules), "  "))
    }
}

/// The sentences of a paragraph, without their full stops. A sentence begins with a capital letter
/// or with code.
fn sentences(paragraph: &str) -> Vec<&str> {
    let (mut sentences, mut rest) = (Vec::new(), paragraph);
    let ends = |text: &str, at: usize| {
        let is_in_code = text[..at].matches('`').count() % 2 == 1;
        !is_in_code && text[at + 2..].starts_with(|next: char| next.is_ascii_uppercase() || next == '`')
    };
    while let Some((at, _)) = rest.match_indices(". ").find(|(at, _)| ends(rest, *at)) {
        sentences.push(&rest[..at]);
        rest = &rest[at + 2..];
    }
    sentences.push(rest.strip_suffix('.').unwrap_or_else(|| panic!("no full stop: {paragraph}")));
    sentences
}

/// The documented items of a source file: the first line of each, and the paragraphs of its docs.
fn items(source: &str) -> Vec<(&str, Vec<String>)> {
    let (mut items, mut paragraphs) = (Vec::new(), vec![String::new()]);
    for line in source.lines().map(str::trim) {
        match line.strip_prefix("///") {
            Some("") => paragraphs.push(String::new()),
            Some(text) => *paragraphs.last_mut().unwrap() += text,
            None if line.starts_with("#[") => {}
            None => {
                let docs = std::mem::replace(&mut paragraphs, vec![String::new()]);
                items.push((line, docs.iter().map(|paragraph| paragraph.trim().to_owned()).collect()));
            }
        }
    }
    items
}

/// The variables that a source file describes.
fn variables(source: &str) -> Vec<Variable> {
    let paragraphs = items(source).into_iter().flat_map(|(_, paragraphs)| paragraphs);
    paragraphs.filter(|text| text.contains("Read from")).filter_map(|text| Variable::parse(&text)).collect()
}

/// The doc of the first struct of a source file.
fn concern(source: &str) -> String {
    let mut items = items(source).into_iter();
    items.find(|(line, _)| line.contains("struct ")).map(|(_, paragraphs)| paragraphs.join(" ")).unwrap()
}

/// A text in lines of at most 100 columns. A span of code stays on one line, and a file of the
/// repository becomes a link.
fn wrapped(text: &str, indent: &str) -> String {
    let file = Regex::new(r"`((?:[\w-]+/)*[\w-]+\.(?:md|yaml))`").unwrap();
    let text = file.replace_all(text, "[$1](../$1)");
    let word = Regex::new(r"(?:[^\s`]*`[^`]*`[^\s`]*)+|\S+").unwrap();
    let (mut lines, mut line) = (String::new(), String::new());
    for word in word.find_iter(&text).map(|found| found.as_str()) {
        if line.len() + 1 + word.len() > COLUMNS_MAX {
            lines += &format!("{line}\n");
            line = format!("{indent}{word}");
        } else {
            line += if line.is_empty() { "" } else { " " };
            line += word;
        }
    }
    lines + &line + "\n"
}

fn section(file: &str, heading: &str) -> String {
    let source = read(file);
    let variables = variables(&source);
    let rows: String = variables.iter().map(Variable::row).collect();
    let notes: String = variables.iter().filter_map(Variable::notes).collect();
    let gap = if notes.is_empty() { "" } else { "\n" };
    let concern = wrapped(&concern(&source), "");
    format!(
        "\n## {heading}\n\n{concern}\n| variable | meaning | default | accepts | platforms |\n|---|---|---|---|---|\n\
         {rows}{gap}{notes}"
    )
}

fn document() -> String {
    let made = format!("<!-- Made from the docs in shared/src/config. Do not edit this page: run\n{COMMAND} -->");
    let sections: String = SECTIONS.iter().map(|(file, heading)| section(file, heading)).collect();
    format!("# Configuration\n\n{made}\n\n{INTRODUCTION}{sections}")
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(file: &str) -> String {
    let path = root().join("shared/src").join(file);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The variables of the document.
fn documented() -> Vec<Variable> {
    SECTIONS.iter().flat_map(|(file, _)| variables(&read(file))).collect()
}

/// Every text in capitals in the code of the configuration, apart from its tests.
fn named_in_code() -> BTreeSet<String> {
    let capitals = Regex::new(r#""([A-Z][A-Z0-9_]+)""#).unwrap();
    let folder = fs::read_dir(root().join("shared/src/config")).unwrap();
    let names = folder.map(|entry| format!("config/{}", entry.unwrap().file_name().display()));
    let files = names
        .filter(|name| name.ends_with(".rs") && !["config/tests.rs", "config/names.rs"].contains(&name.as_str()))
        .chain(["config.rs".to_owned()]);
    let mut found = BTreeSet::new();
    for source in files.map(|file| read(&file)) {
        let code = source.split("#[cfg(test)]").next().unwrap();
        let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
        found.extend(lines.flat_map(|line| capitals.captures_iter(line)).map(|found| found[1].to_owned()));
    }
    found.retain(|name| !NO_VARIABLES.contains(&name.as_str()) && !OF_THE_SDK.contains(&name.as_str()));
    found
}

#[test]
fn the_document_says_what_the_docs_of_the_fields_say() {
    let (path, made) = (root().join(DOCUMENT), document());
    #[expect(clippy::disallowed_methods, reason = "a wish of whoever runs this, not a setting of the service")]
    let update = std::env::var_os("UPDATE_DOCS").is_some_and(|value| value == "1");
    if update {
        fs::write(&path, &made).unwrap();
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    let line = made.lines().zip(written.lines()).position(|(made, written)| made != written);
    let line = line.unwrap_or(made.lines().count().min(written.lines().count())) + 1;
    assert!(made == written, "{DOCUMENT} is out of date from line {line} on. Write it anew:\n\n    {COMMAND}\n");
}

#[test]
fn every_variable_that_is_read_is_in_the_document_once() {
    let documented: Vec<String> = documented().into_iter().map(|variable| variable.name).collect();
    let once: BTreeSet<String> = documented.iter().cloned().collect();
    assert_eq!(documented.len(), once.len(), "a variable is described twice: {documented:?}");
    let in_code = named_in_code();
    assert_eq!(
        in_code.difference(&once).collect::<Vec<_>>(),
        [""; 0],
        "these are read, and no doc below shared/src/config describes them"
    );
    assert_eq!(once.difference(&in_code).collect::<Vec<_>>(), [""; 0], "these are described, and nothing reads them");
}

#[test]
fn the_list_of_names_is_the_document() {
    let listed: BTreeSet<String> = names::variables().map(str::to_owned).collect();
    let documented: BTreeSet<String> = documented().into_iter().map(|variable| variable.name).collect();
    let left_out: Vec<&String> = documented.difference(&listed).collect();
    assert_eq!(left_out, ["AWS_LAMBDA_RUNTIME_API", "AWS_SAM_LOCAL"], "local tools set these");
    assert_eq!(listed.difference(&documented).collect::<Vec<_>>(), [""; 0]);
}

/// The configuration with this value, as text. `None` if the value is refused.
fn configured(name: &str, value: &str) -> Option<String> {
    let config = Config::read(|asked| match asked {
        asked if asked == name => Some(value.to_owned()),
        "JWT_SHARED_SECRET" => Some("a shared secret of more than 32 bytes".to_owned()),
        "MAIL_FROM" => Some("login@herbs.example".to_owned()),
        "MAIL_WEBHOOK_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        "MAIL_WEBHOOK_URL" => Some("https://hook.example/".to_owned()),
        "LEGACY_LOGIN_SECRET" => Some("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned()),
        "SMTP_URL" => Some("smtps://smtp.example".to_owned()),
        "APP_URLS" => Some("https://app.example".to_owned()),
        "FIREBASE_CLIENT_EMAIL" => Some("me@my-app.iam.gserviceaccount.com".to_owned()),
        "FIREBASE_KMS_KEY_ID" => Some("alias/latchkey".to_owned()),
        "FIREBASE_WORKLOAD_IDENTITY_PROVIDER" => {
            Some("projects/123/locations/global/workloadIdentityPools/latchkey/providers/aws-account".to_owned())
        }
        _ => None,
    });
    config.ok().map(|config| format!("{config:?}"))
}

#[test]
fn a_default_of_the_document_is_the_value_without_the_variable() {
    let plain = Regex::new(r"^(?:`([^`]+)`|(\d+)(?: \([^)]+\))?)$").unwrap();
    let mut seen = 0;
    for Variable { name, default, .. } in documented() {
        let Some(found) = plain.captures(&default) else { continue };
        let value = found.get(1).or(found.get(2)).unwrap().as_str();
        let given = configured(&name, value).unwrap_or_else(|| panic!("{name} refuses its default {value}"));
        assert_eq!(Some(given), configured(&name, ""), "{name}: {value}");
        seen += 1;
    }
    assert!(seen >= 15, "only {seen} defaults were found");
}

#[test]
fn the_bounds_and_choices_of_the_document_are_those_of_the_configuration() {
    let bounds = Regex::new(r"^(\d+) to (\d+)(?: \([^)]+\))?$").unwrap();
    let choices = Regex::new("^(?:`[^`]+`, )*`[^`]+` or `[^`]+`$").unwrap();
    let mut seen = (0, 0);
    for Variable { name, accepts, .. } in documented() {
        if let Some(found) = bounds.captures(&accepts) {
            let (min, max): (i64, i64) = (found[1].parse().unwrap(), found[2].parse().unwrap());
            for (value, fits) in [(min - 1, false), (min, true), (max, true), (max + 1, false)] {
                assert_eq!(configured(&name, &value.to_string()).is_some(), fits, "{name}: {value}");
            }
            seen.0 += 1;
        } else if choices.is_match(&accepts) {
            for choice in accepts.split('`').skip(1).step_by(2) {
                assert!(configured(&name, choice).is_some(), "{name} refuses {choice}");
            }
            assert!(configured(&name, "something").is_none(), "{name} accepts anything, and not only {accepts}");
            seen.1 += 1;
        }
    }
    assert!(seen.0 >= 10 && seen.1 >= 4, "only {seen:?} bounds and choices were found");
}
