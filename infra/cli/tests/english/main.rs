//! Plain English, held by counting: the first words and the length of sentences, and the width of
//! lines. CONTRIBUTING.md has the rule with examples.
//!
//! Every comment and every document of the repository is read. This lists all offenders below a
//! path:
//!
//! ```text
//! ENGLISH_PATH=docs/keys.md cargo test -p latchkey --test english -- --ignored list
//! ```

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod prose;

use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
};

use prose::{Kind, Sentence};

/// The most sentences that may begin with one of [`OPENERS`]. A ceiling is only ever lowered.
const OPENERS_MAX: usize = 0;
/// The most lines of prose that may be wider than [`COLUMNS_MAX`].
const WIDE_LINES_MAX: usize = 0;
/// The most sentences that may have over [`WORDS_MAX`] words.
const LONG_SENTENCES_MAX: usize = 0;

const COLUMNS_MAX: usize = 100;
const WORDS_MAX: usize = 25;
/// The most offenders that a failure prints for each rule.
const SHOWN_MAX: usize = 20;

/// First words that leave the reader to look for the subject.
const OPENERS: [&str; 11] = ["what", "who", "whom", "whose", "of", "that", "those", "by", "how", "where", "which"];

/// Openings that are allowed all the same, each with its reason.
const ALLOWED: [(&str, &str); 1] = [("by default", "a fixed expression, and the subject follows")];

/// Folders that hold nothing written here, or nothing that is committed.
const SKIPPED: [&str; 8] = [".aws-sam", ".git", ".latchkey", ".tools", "__pycache__", "dist", "node_modules", "target"];

/// A rule, its ceiling, and what a breach is.
const RULES: [(Rule, usize, &str); 3] = [
    (Rule::Opener, OPENERS_MAX, "sentences begin with a word of OPENERS, such as What, Of or That"),
    (Rule::Wide, WIDE_LINES_MAX, "lines of comments and documents have over 100 columns"),
    (Rule::Long, LONG_SENTENCES_MAX, "sentences have over 25 words"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rule {
    Opener,
    Wide,
    Long,
}

/// One breach of a rule.
struct Offender {
    rule: Rule,
    file: String,
    line: usize,
    text: String,
}

impl fmt::Display for Offender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {:?}: {}", self.file, self.line, self.rule, self.text)
    }
}

#[test]
fn comments_and_documents_are_plain_english() {
    let (offenders, sentences) = offenders_below("");
    assert!(sentences > 1000, "only {sentences} sentences were found");
    let mut failures = String::new();
    for (rule, ceiling, breach) in RULES {
        let broken: Vec<_> = offenders.iter().filter(|offender| offender.rule == rule).collect();
        if broken.len() > ceiling {
            failures += &format!("{} of {sentences}: {breach}. The ceiling is {ceiling}.\n", broken.len());
            failures.extend(broken.iter().take(SHOWN_MAX).map(|offender| format!("  {offender}\n")));
        }
    }
    assert!(failures.is_empty(), "\n{failures}");
}

#[test]
#[ignore = "prints every offender below ENGLISH_PATH, and judges nothing"]
fn list() {
    #[expect(clippy::disallowed_methods, reason = "a path for whoever runs this, not a setting of the service")]
    let part = std::env::var("ENGLISH_PATH").unwrap_or_default();
    let (offenders, sentences) = offenders_below(&part);
    // Written, not printed: the harness would keep what a passing test prints.
    let mut out = io::stdout().lock();
    for offender in &offenders {
        writeln!(out, "{offender}").unwrap();
    }
    writeln!(out, "{sentences} sentences below '{part}'").unwrap();
    for (rule, _, breach) in RULES {
        let count = offenders.iter().filter(|offender| offender.rule == rule).count();
        writeln!(out, "{count} {breach}").unwrap();
    }
}

/// The offenders below `part` of the repository, and the number of sentences there.
fn offenders_below(part: &str) -> (Vec<Offender>, usize) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut files = Vec::new();
    collect(&root.join(part), &mut files);
    files.sort();
    let (mut offenders, mut sentences) = (Vec::new(), 0);
    for file in &files {
        let name = file.strip_prefix(&root).unwrap().to_string_lossy();
        if let Some(read) = prose::comment_reader(&name) {
            let contents = fs::read_to_string(file).unwrap();
            sentences += judge(&name, &prose::lines(&contents, read), &mut offenders);
        }
    }
    (offenders, sentences)
}

/// Collects the files below `path`.
fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
    } else if !path.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped)) {
        fs::read_dir(path).unwrap().for_each(|entry| collect(&entry.unwrap().path(), files));
    }
}

/// Adds the offenders of one file, and returns the number of its sentences.
fn judge(file: &str, lines: &[prose::Line<'_>], offenders: &mut Vec<Offender>) -> usize {
    let mut add = |rule, line, text| offenders.push(Offender { rule, file: file.to_owned(), line, text });
    let blocks = prose::blocks(lines);
    for line in lines.iter().filter(|line| is_wide(line, file.ends_with(".md"), &blocks)) {
        add(Rule::Wide, line.number, line.whole.trim().to_owned());
    }
    let mut count = 0;
    for block in &blocks {
        for sentence in block.sentences().into_iter().filter(|sentence| sentence.length() > 0) {
            count += 1;
            if opens_badly(&sentence, block.kind) {
                add(Rule::Opener, sentence.line(), sentence.to_string());
            }
            if sentence.length() > WORDS_MAX {
                add(Rule::Long, sentence.line(), sentence.to_string());
            }
        }
    }
    count
}

/// Whether a line should have been wrapped. A table's row cannot be, nor a word without spaces, nor
/// a command in a document.
fn is_wide(line: &prose::Line<'_>, is_document: bool, blocks: &[prose::Block]) -> bool {
    let can_wrap = |text: &str| text.trim().contains(' ') && !text.trim().starts_with('|');
    line.whole.chars().count() > COLUMNS_MAX
        && line.prose.is_some_and(can_wrap)
        && (!is_document || blocks.iter().any(|block| block.is_on(line.number)))
}

/// Whether a sentence begins with one of [`OPENERS`]. A heading may be a question.
fn opens_badly(sentence: &Sentence<'_>, kind: Kind) -> bool {
    let text = sentence.to_string().to_lowercase();
    let is_question = kind == Kind::Heading && text.ends_with('?');
    let is_allowed = ALLOWED.iter().any(|(opening, _)| prose::bare(&text).starts_with(opening));
    OPENERS.contains(&sentence.first_word().as_str()) && !is_question && !is_allowed
}

#[test]
fn each_rule_finds_its_offender() {
    let wide = format!("A line of {}.", "many words ".repeat(9));
    let long = format!("It {}ends here.", "goes on ".repeat(13));
    let text = format!("Whom it counts. By default nobody.\n\n# Which?\n\nWhich?\n\n{wide}\n\n    {wide}\n\n{long}\n");
    let mut offenders = Vec::new();
    let sentences = judge("a.md", &prose::lines(&text, prose::comment_reader("a.md").unwrap()), &mut offenders);
    let found: Vec<_> = offenders.iter().map(|offender| (offender.rule, offender.line)).collect();
    let expected = [(Rule::Wide, 7), (Rule::Wide, 11), (Rule::Opener, 1), (Rule::Opener, 5), (Rule::Long, 11)];
    assert_eq!((found.as_slice(), sentences), (expected.as_slice(), 6));
}

#[test]
fn a_comment_of_rust_is_wide_even_where_it_is_code() {
    let sum = "1 + ".repeat(30);
    let wide = format!("    /// ```\n    /// let a = {sum};\n    /// ```\n    let b = {sum};\n");
    let mut offenders = Vec::new();
    judge("a.rs", &prose::lines(&wide, prose::comment_reader("a.rs").unwrap()), &mut offenders);
    assert_eq!(offenders.iter().map(|offender| offender.line).collect::<Vec<_>>(), [2]);
}
