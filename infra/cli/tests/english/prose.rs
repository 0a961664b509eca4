//! The prose of a file: its lines without comment markers, the blocks that they make, and the
//! sentences of a block.

use std::{fmt, path::Path};

/// A line of a file, and the prose on it. `prose` is `None` for a line of code.
pub struct Line<'a> {
    pub number: usize,
    pub whole: &'a str,
    pub prose: Option<&'a str>,
}

/// Returns the prose of a line, or `None` for code.
pub type CommentReader = fn(&str) -> Option<&str>;

/// The reader for a file of this name; `None` if such a file holds no prose.
pub fn comment_reader(name: &str) -> Option<CommentReader> {
    let name = Path::new(name).file_name()?.to_str()?;
    match name.rsplit('.').next()? {
        "md" => Some(|line| Some(line)),
        "mjs" | "rs" => Some(|line| {
            let comment = line.trim_start().strip_prefix("//")?;
            Some(comment.strip_prefix(['/', '!']).unwrap_or(comment))
        }),
        "Dockerfile" | "Makefile" | "in" | "toml" | "yaml" | "yml" => {
            Some(|line| Some(line.trim_start().strip_prefix('#')?.trim_start_matches(['#', '!'])))
        }
        _ => None,
    }
}

/// The lines of a file.
pub fn lines(contents: &str, read: CommentReader) -> Vec<Line<'_>> {
    let lines = contents.lines().enumerate();
    lines.map(|(index, whole)| Line { number: index + 1, whole, prose: read(whole) }).collect()
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Paragraph,
    Heading,
    Cell,
}

/// A paragraph, a list item, a heading or a table's cell: words, each with the number of its line.
/// A span of code is one word.
#[derive(Default)]
pub struct Block {
    pub kind: Kind,
    words: Vec<(String, usize)>,
}

impl Block {
    fn of(kind: Kind, text: &str, line: usize) -> Self {
        let mut block = Self { kind, words: Vec::new() };
        block.push(text, line);
        block
    }

    fn push(&mut self, text: &str, line: usize) {
        for word in text.split_whitespace() {
            match self.words.last_mut() {
                Some((code, _)) if code.matches('`').count() % 2 == 1 => {
                    code.push(' ');
                    code.push_str(word);
                }
                _ => self.words.push((word.to_owned(), line)),
            }
        }
    }

    /// Whether a word of the block is on this line.
    pub fn is_on(&self, line: usize) -> bool {
        self.words.iter().any(|(_, number)| *number == line)
    }

    /// The sentences of the block.
    pub fn sentences(&self) -> Vec<Sentence<'_>> {
        let mut rest = self.words.as_slice();
        let mut sentences = Vec::new();
        while !rest.is_empty() {
            let end =
                rest.windows(2).position(|pair| matches!(pair, [(word, _), (next, _)] if ends_between(word, next)));
            let (sentence, others) = rest.split_at(end.map_or(rest.len(), |end| end + 1));
            sentences.push(Sentence(sentence));
            rest = others;
        }
        sentences
    }
}

/// A sentence, which has at least one word.
pub struct Sentence<'a>(&'a [(String, usize)]);

impl Sentence<'_> {
    /// The number of the line that the sentence begins on.
    pub fn line(&self) -> usize {
        self.0.first().map_or(0, |(_, line)| *line)
    }

    /// The number of words. Punctuation by itself is no word.
    pub fn length(&self) -> usize {
        self.0.iter().filter(|(word, _)| word.contains(char::is_alphanumeric)).count()
    }

    /// The first word in lower case, without what follows an apostrophe or a hyphen.
    pub fn first_word(&self) -> String {
        let word = self.0.first().map_or("", |(word, _)| bare(word));
        word.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default().to_lowercase()
    }
}

impl fmt::Display for Sentence<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" "))
    }
}

/// A text without the quotes, brackets and emphasis before it.
pub fn bare(text: &str) -> &str {
    text.trim_start_matches(|c| "([*_\"'“‘".contains(c))
}

/// Whether a sentence ends with `word` and another begins with `next`.
fn ends_between(word: &str, next: &str) -> bool {
    let word = word.trim_end_matches(|c| ")]*_\"'”’".contains(c));
    let is_abbreviation = ["e.g.", "i.e.", "vs.", "cf."].iter().any(|end| bare(word).eq_ignore_ascii_case(end));
    word.ends_with(['.', '?', '!']) && !is_abbreviation && !bare(next).starts_with(char::is_lowercase)
}

/// The blocks of prose. Code between fences, or indented beneath an empty line, is left out.
pub fn blocks(lines: &[Line<'_>]) -> Vec<Block> {
    let mut blocks =
        Blocks { done: Vec::new(), open: Block::default(), is_fenced: false, is_after_gap: true, margin: 0 };
    for line in lines {
        match line.prose {
            Some(prose) => blocks.read(prose, line.number),
            None => blocks.end(),
        }
    }
    blocks.close();
    blocks.done
}

struct Blocks {
    done: Vec<Block>,
    open: Block,
    is_fenced: bool,
    /// Whether the line before was empty, or code that was indented.
    is_after_gap: bool,
    /// The indent of the text of a list item, in columns; 0 outside of a list.
    margin: usize,
}

impl Blocks {
    fn read(&mut self, prose: &str, number: usize) {
        let text = prose.trim();
        let indent = prose.len() - prose.trim_start().len();
        let item = item(text);
        let is_code = self.is_after_gap && indent >= self.margin + 4 && !self.is_fenced;
        if text.starts_with("```") {
            self.close();
            self.is_fenced = !self.is_fenced;
        } else if text.is_empty() {
            self.close();
            self.is_after_gap = true;
        } else if !is_code && !self.is_fenced {
            self.read_text(text, indent, item, number);
        }
    }

    fn read_text(&mut self, text: &str, indent: usize, item: Option<&str>, number: usize) {
        // One column of indent is the space behind a comment's marker.
        if indent < 2 && self.is_after_gap {
            self.margin = 0;
        }
        self.is_after_gap = false;
        if let Some(item) = item {
            self.close();
            self.margin = indent + text.len() - item.len();
            self.open.push(item, number);
        } else if let Some(row) = text.strip_prefix('|') {
            self.close();
            self.done.extend(cells(row, number));
        } else if text.starts_with('#') {
            self.close();
            self.done.push(Block::of(Kind::Heading, text.trim_start_matches('#'), number));
        } else {
            self.open.push(text.trim_start_matches("> "), number);
        }
    }

    fn close(&mut self) {
        self.done.push(std::mem::take(&mut self.open));
    }

    /// Ends all that a line of code ends.
    fn end(&mut self) {
        self.close();
        (self.is_fenced, self.is_after_gap, self.margin) = (false, true, 0);
    }
}

/// The text of a list item.
fn item(text: &str) -> Option<&str> {
    let (marker, item) = text.split_once(' ')?;
    let digits = marker.strip_suffix('.').unwrap_or_default();
    let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    (["-", "*"].contains(&marker) || is_number).then(|| item.trim_start())
}

/// The cells of a table's row.
fn cells(row: &str, line: usize) -> impl Iterator<Item = Block> {
    let whole = Block::of(Kind::Cell, &row.replace('|', " | "), line);
    let cells = whole.words.split(|(word, _)| word == "|").map(<[_]>::to_vec).collect::<Vec<_>>();
    cells.into_iter().map(|words| Block { kind: Kind::Cell, words })
}

/// The sentences of a file of this name.
#[cfg(test)]
fn sentences(name: &str, contents: &str) -> Vec<String> {
    let blocks = blocks(&lines(contents, comment_reader(name).unwrap()));
    blocks.iter().flat_map(Block::sentences).map(|sentence| sentence.to_string()).collect()
}

#[test]
fn a_sentence_ends_at_a_full_stop_before_a_capital() {
    let text = "Reads `a. B` once (or twice). Waits 1.5 s, e.g. After it.\nWhy? *Because.* `code` follows. 2 more.";
    let expected = [
        "Reads `a. B` once (or twice).",
        "Waits 1.5 s, e.g. After it.",
        "Why?",
        "*Because.*",
        "`code` follows.",
        "2 more.",
    ];
    assert_eq!(sentences("a.md", text), expected);
}

#[test]
fn lists_headings_and_cells_are_blocks_of_their_own() {
    let text = "# Head\nOne\ntwo\n- three\n  four\n- five\n\n      code\n\n  six\n\n    seven\n\neight\n\n    code\n\n1. nine\n| a `b|c` | d |\n|---|---|\n";
    let expected =
        ["Head", "One two", "three four", "five", "six", "seven", "eight", "nine", "a `b | c`", "d", "---", "---"];
    assert_eq!(sentences("a.md", text), expected);
}

#[test]
fn code_is_no_prose() {
    let text = "One\n\n    code\n    - code\n\n    code\n\n```text\ncode\n```\ntwo\n    three\n";
    assert_eq!(sentences("a.md", text), ["One", "two three"]);
}

#[test]
fn comments_are_read_without_their_markers() {
    let rust =
        "//! One\n//! two.\n\n/// # Errors\n///\n/// Three.\nfn f() {\n    // Four.\n    g(\"// no\"); // no\n}\n";
    assert_eq!(sentences("a.rs", rust), ["One two.", "Errors", "Three.", "Four."]);
    assert_eq!(sentences("Makefile", "## One\n# two\nx: y # no\n\n\t# Three\n"), ["One two", "Three"]);
    assert!(comment_reader("LICENSE").is_none());
}

#[test]
fn a_sentence_tells_its_line_its_length_and_its_first_word() {
    let block = Block { kind: Kind::Paragraph, words: Vec::new() };
    assert!(block.sentences().is_empty());
    let blocks = blocks(&lines("One.\n**That's** a `span of code` — told\nhere.", |line| Some(line)));
    let told: Vec<_> =
        blocks.iter().flat_map(Block::sentences).map(|s| (s.line(), s.length(), s.first_word())).collect();
    assert_eq!(told, [(1, 1, "one".to_owned()), (2, 5, "that".to_owned())]);
}
