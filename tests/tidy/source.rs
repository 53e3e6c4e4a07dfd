//! The sources that the rules look at, as flat lists of words.
//!
//! Comments and literals are not words, the insides of macros are. Words below `#[cfg(test)]` are
//! test code, and so is every file outside `src`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use expect_test::expect;
use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// An identifier, a delimiter or a punctuation mark.
pub(crate) struct Word {
    pub(crate) text: String,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// A path that the code mentions, each branch of a use-group apart: `std::fs`, `super::x`, `print!`.
pub(crate) struct Mention {
    pub(crate) segments: Vec<String>,
    pub(crate) line: usize,
    pub(crate) test: bool,
}

/// A Rust file.
pub(crate) struct Source {
    /// Below the repository's root, with forward slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    pub(crate) words: Vec<Word>,
    pub(crate) mentions: Vec<Mention>,
    /// The modules that it declares by `mod NAME;`.
    children: BTreeSet<String>,
}

/// All Rust files.
pub(crate) struct Tree {
    /// By their paths.
    pub(crate) sources: BTreeMap<String, Source>,
    /// The path of each module's file, by the module's own: `src/judge/compare`, and `src`.
    modules: BTreeMap<String, String>,
}

impl Source {
    pub(crate) fn parse(path: &str, text: &str) -> Source {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("cannot read {path} as Rust: {error}"));
        let mut words = Vec::new();
        flatten(tokens, &mut words);
        let is_tests =
            path.ends_with("/tests.rs") || path == "src/testing.rs" || path.contains("/tests/");
        mark_test_code(&mut words, is_tests || !path.starts_with("src/"));
        let declared = |words: &[Word]| words[0].text == "mod" && words[2].text == ";";
        let children = words.windows(3).filter(|words| declared(words));
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            mentions: mentions(&words),
            children: children.map(|words| words[1].text.clone()).collect(),
            words,
        }
    }

    /// The room that the file belongs to; `lib.rs`, `main.rs` and the tests' builders belong to none.
    pub(crate) fn room(&self) -> Option<&str> {
        let first = self.path.strip_prefix("src/")?.split('/').next()?;
        let name = first.trim_end_matches(".rs");
        (!["lib", "main", "testing"].contains(&name)).then_some(name)
    }

    pub(crate) fn complaint(&self, line: usize, problem: impl AsRef<str>) -> String {
        format!("{}:{line}: {}", self.path, problem.as_ref())
    }
}

impl Tree {
    pub(crate) fn new(sources: impl IntoIterator<Item = Source>) -> Tree {
        let sources: BTreeMap<String, Source> =
            sources.into_iter().map(|source| (source.path.clone(), source)).collect();
        let module = |path: &String| (module_path(path).join("/"), path.clone());
        Tree { modules: sources.keys().map(module).collect(), sources }
    }

    pub(crate) fn each(&self, rule: impl Fn(&Source) -> Vec<String>) -> Vec<String> {
        self.sources.values().flat_map(rule).collect()
    }

    /// The file in which a mentioned name is; none where that is outside the crate.
    pub(crate) fn target(&self, from: &Source, mention: &Mention) -> Option<&str> {
        let [first, _, ..] = mention.segments.as_slice() else { return None };
        let mut module = module_path(&from.path);
        match first.as_str() {
            "crate" => module.truncate(1),
            "self" | "super" => {}
            child if from.children.contains(child) => {}
            _ => return None,
        }
        for segment in &mention.segments {
            match segment.as_str() {
                "crate" | "self" => {}
                "super" => drop(module.pop()),
                name => module.push(name),
            }
        }
        let lengths = (1..=module.len()).rev();
        let path = lengths.map(|length| self.modules.get(&module[..length].join("/")));
        path.flatten().next().map(String::as_str)
    }
}

/// `src/judge/compare.rs` is `[src, judge, compare]`, and `src/lib.rs` is `[src]`.
fn module_path(path: &str) -> Vec<&str> {
    let mut segments: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    segments.pop_if(|last| ["mod", "lib", "main"].contains(last));
    segments
}

/// Every text file of the repository but the ignored ones, in the order of their paths.
pub(crate) fn tracked_texts() -> Vec<(String, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let ignored = fs::read_to_string(root.join(".gitignore")).expect(".gitignore is in the tree");
    let ignored: Vec<&str> =
        ignored.lines().map(|line| line.trim_matches('/')).chain([".git"]).collect();
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).expect("the tree can be listed") {
            let path = entry.expect("the tree can be listed").path();
            let name = path.strip_prefix(root).expect("it is in the tree").to_string_lossy();
            if ignored.contains(&&*name) {
                continue;
            }
            if path.is_dir() {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                found.insert(name.replace('\\', "/"), text);
            }
        }
    }
    found.into_iter().collect()
}

fn flatten(tokens: TokenStream, words: &mut Vec<Word>) {
    let word = |text: &str, line| Word { text: text.to_owned(), line, test: false };
    for tree in tokens {
        let line = tree.span().start().line;
        match tree {
            TokenTree::Ident(name) => words.push(word(&name.to_string(), line)),
            TokenTree::Literal(_) => words.push(word("\"\"", line)),
            TokenTree::Punct(mark) => words.push(word(&mark.as_char().to_string(), line)),
            TokenTree::Group(group) => {
                let (open, close) = match group.delimiter() {
                    Delimiter::Parenthesis => ("(", ")"),
                    Delimiter::Brace => ("{", "}"),
                    Delimiter::Bracket => ("[", "]"),
                    Delimiter::None => ("", ""),
                };
                words.push(word(open, line));
                flatten(group.stream(), words);
                words.push(word(close, group.span_close().start().line));
            }
        }
    }
}

/// Marks each item below `#[cfg(test)]`, or every word.
fn mark_test_code(words: &mut [Word], all: bool) {
    const ATTRIBUTE: [&str; 7] = ["#", "[", "cfg", "(", "test", ")", "]"];
    for start in 0..words.len() {
        words[start].test |= all;
        if !has_at(words, start, &ATTRIBUTE) {
            continue;
        }
        let item = start + ATTRIBUTE.len();
        let end = end_of_item(words, item);
        words[item..end].iter_mut().for_each(|word| word.test = true);
    }
}

/// Where the item ends that begins here: after its first semicolon or its braces.
fn end_of_item(words: &[Word], start: usize) -> usize {
    let mut depth = 0_usize;
    for (at, word) in words.iter().enumerate().skip(start) {
        match word.text.as_str() {
            "(" | "[" | "{" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            _ => {}
        }
        if depth == 0 && [";", "}"].contains(&&*word.text) {
            return at + 1;
        }
    }
    words.len()
}

/// Whether these words stand at this place.
pub(crate) fn has_at(words: &[Word], start: usize, wanted: &[&str]) -> bool {
    let here = words.iter().skip(start).map(|word| word.text.as_str());
    here.take(wanted.len()).eq(wanted.iter().copied())
}

fn mentions(words: &[Word]) -> Vec<Mention> {
    let mut found = Vec::new();
    let mut at = 0;
    while at < words.len() {
        at = if is_name(&words[at]) { branch(words, at, &[], &mut found) } else { at + 1 };
    }
    found
}

/// Reads a path, with its use-group if it ends in one, and returns the place after it.
fn branch(words: &[Word], start: usize, above: &[String], found: &mut Vec<Mention>) -> usize {
    let mut segments = above.to_vec();
    let mut at = start;
    while at < words.len() && is_name(&words[at]) {
        segments.push(words[at].text.clone());
        if !has_at(words, at + 1, &[":", ":"]) {
            break;
        }
        at += 3;
    }
    if at < words.len() && words[at].text == "{" && at > start {
        at += 1;
        while words[at].text != "}" {
            at = if is_name(&words[at]) { branch(words, at, &segments, found) } else { at + 1 };
        }
    } else {
        segments.pop_if(|last| !above.is_empty() && last == "self");
        if has_at(words, at + 1, &["!"])
            && let Some(name) = segments.last_mut()
        {
            name.push('!');
        }
        found.push(Mention { segments, line: words[start].line, test: words[start].test });
    }
    at + 1
}

fn is_name(word: &Word) -> bool {
    word.text.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
}

#[test]
fn groups_macros_and_test_code_are_read() {
    let text = "
        use std::{fs, time::{self, Instant}};
        // crate::comment::Ignored
        fn read() { say!(\"crate::string\", crate::wire::Line { at: 1 }) }
        #[cfg(test)] mod tests { use super::Fact; fn a() { b::<u8>() } }
        fn after() {}
    ";
    let source = Source::parse("src/model.rs", text);
    let lines: Vec<String> = source
        .mentions
        .iter()
        .filter(|mention| mention.segments.len() > 1 || mention.segments == ["after"])
        .map(|mention| {
            let test = if mention.test { " (test)" } else { "" };
            format!("{} {}{test}\n", mention.line, mention.segments.join("::"))
        })
        .collect();
    expect![[r#"
        2 std::fs
        2 std::time
        2 std::time::Instant
        4 crate::wire::Line
        5 super::Fact (test)
        6 after
    "#]]
    .assert_eq(&lines.concat());
}
