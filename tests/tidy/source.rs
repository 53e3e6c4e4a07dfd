//! The sources that the rules look at.
//!
//! A source is a path below the repository's root with its text, read as tokens and as syntax. One
//! that does not parse is a panic: the compiler says it better, and before.

use std::fmt;
use std::fs;
use std::path::Path;

use expect_test::Expect;

use super::mention::{Mention, mentions};
use super::rooms::ROOMS;

/// Folders that hold Rust sources.
const RUST_FOLDERS: &[&str] = &["src", "tests", "benches", "examples", "fuzz"];

/// One breach of one rule.
pub(crate) struct Complaint {
    path: String,
    line: usize,
    says: String,
}

/// A Rust file.
pub(crate) struct Source {
    /// Below the repository's root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) tokens: proc_macro2::TokenStream,
    pub(crate) syntax: syn::File,
    /// Every path that the code mentions, those in macros and in use-groups included.
    pub(crate) mentions: Vec<Mention>,
}

/// A house rule.
pub(crate) type Rule = fn(&Source) -> Vec<Complaint>;

impl Source {
    /// Reads a source from its text.
    pub(crate) fn parse(path: &str, text: &str) -> Source {
        let tokens: proc_macro2::TokenStream =
            text.parse().unwrap_or_else(|error| panic!("cannot read {path} as tokens: {error}"));
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            mentions: mentions(&tokens, is_test_file(path)),
            syntax: syn::parse_file(text)
                .unwrap_or_else(|error| panic!("cannot read {path} as syntax: {error}")),
            tokens,
        }
    }

    /// The room that the file belongs to; none for lib.rs, main.rs and what lies outside `src`.
    pub(crate) fn room(&self) -> Option<&str> {
        let first = self.path.strip_prefix("src/")?.split('/').next()?;
        let name = first.strip_suffix(".rs").unwrap_or(first);
        (!["lib", "main"].contains(&name)).then_some(name)
    }

    /// The kind of the room that the file belongs to, where the table knows the room.
    pub(crate) fn kind(&self) -> Option<&'static str> {
        let room = self.room()?;
        let row = ROOMS.iter().find(|row| row.name == room)?;
        Some(row.kind)
    }

    /// A complaint about a line of this source.
    pub(crate) fn complaint(&self, line: usize, says: impl Into<String>) -> Complaint {
        Complaint::new(&self.path, line, says)
    }
}

impl Complaint {
    /// A complaint about a line of a file.
    pub(crate) fn new(path: &str, line: usize, says: impl Into<String>) -> Complaint {
        Complaint { path: path.to_owned(), line, says: says.into() }
    }
}

impl fmt::Display for Complaint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.says)
    }
}

/// Runs one rule on an example and compares its complaints, one a line.
pub(crate) fn check(rule: Rule, path: &str, text: &str, expected: Expect) {
    let complaints = rule(&Source::parse(path, text));
    let lines: Vec<String> = complaints.iter().map(|told| format!("{told}\n")).collect();
    expected.assert_eq(&lines.concat());
}

/// Every Rust file of the repository, in order of its path.
pub(crate) fn sources() -> Vec<Source> {
    texts()
        .iter()
        .filter(|(path, _)| path.ends_with(".rs"))
        .filter(|(path, _)| RUST_FOLDERS.contains(&path.split('/').next().unwrap_or_default()))
        .map(|(path, text)| Source::parse(path, text))
        .collect()
}

/// Every text file of the repository but the ignored ones, in order of its path.
pub(crate) fn texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = fs::read_to_string(root.join(".gitignore")).expect(".gitignore is in the tree");
    let rooted = |line: &str| format!("/{}", line.trim_matches('/'));
    let skipped: Vec<String> = ignored.lines().chain([".git"]).map(rooted).collect();
    let mut found = Vec::new();
    gather(root, "", &skipped, &mut found);
    found.sort();
    found
}

/// The text of one file of the repository.
pub(crate) fn text(path: &str) -> String {
    let full = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&full).unwrap_or_else(|error| panic!("cannot read {path}: {error}"))
}

fn gather(root: &Path, below: &str, skipped: &[String], found: &mut Vec<(String, String)>) {
    let folder = root.join(below.trim_start_matches('/'));
    for entry in fs::read_dir(&folder).expect("the tree can be listed") {
        let entry = entry.expect("the tree can be listed");
        let path = format!("{below}/{}", entry.file_name().to_string_lossy());
        if skipped.contains(&path) {
            continue;
        }
        let kind = entry.file_type().expect("an entry of the tree has a type");
        if kind.is_dir() {
            gather(root, &path, skipped, found);
        } else if let Ok(text) = fs::read_to_string(entry.path()) {
            found.push((path.trim_start_matches('/').to_owned(), text));
        }
    }
}

/// Whether a whole file is test code: all outside `src`, and `tests.rs` or `tests/` in a room.
fn is_test_file(path: &str) -> bool {
    !path.starts_with("src/") || path.ends_with("/tests.rs") || path.contains("/tests/")
}
