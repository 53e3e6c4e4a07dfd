//! Words that no code here says: unwrapping, sleeping, and attributes that hide something.
//!
//! Read from the tokens, test code and the insides of macros included. A lint is silenced only by
//! `expect` with a reason; a test that is skipped or that hopes for a panic tests nothing.

use expect_test::expect;
use proc_macro2::{TokenStream, TokenTree};

use super::source::{Complaint, Source, check};

/// Attributes that are never used, each with what to do instead.
const ATTRIBUTES: &[(&str, &str)] = &[
    ("allow", "silence a lint by `#[expect(lint, reason = \"…\")]`"),
    ("ignore", "a missing prerequisite fails, and says how to mend it"),
    ("should_panic", "compare the value that tells what went wrong"),
];

/// Complains about `.unwrap()` and about sleeping.
pub(crate) fn phrases(source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    unwraps(&source.tokens, source, &mut found);
    for mention in &source.mentions {
        let sleeps = mention.path.len() > 1 && mention.path.ends_with(&["sleep".to_owned()]);
        if sleeps {
            let says = format!("`{}`: wait for an event with a deadline", mention.text());
            found.push(source.complaint(mention.line, says));
        }
    }
    found
}

/// Complains about attributes that hide something.
pub(crate) fn attributes(source: &Source) -> Vec<Complaint> {
    let mut found = Vec::new();
    hidden(&source.tokens, source, &mut found);
    found
}

fn unwraps(tokens: &TokenStream, source: &Source, found: &mut Vec<Complaint>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for window in trees.windows(3) {
        if let [TokenTree::Punct(dot), TokenTree::Ident(name), TokenTree::Group(_)] = window
            && dot.as_char() == '.'
            && name == "unwrap"
        {
            let says = "`.unwrap()`: say by `expect` what holds, or return the error";
            found.push(source.complaint(name.span().start().line, says));
        }
    }
    for group in groups(&trees) {
        unwraps(&group, source, found);
    }
}

fn hidden(tokens: &TokenStream, source: &Source, found: &mut Vec<Complaint>) {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for at in 0..trees.len() {
        if let Some(attribute) = attribute(&trees[at..])
            && let Some(says) = fault(&attribute)
        {
            found.push(source.complaint(trees[at].span().start().line, says));
        }
    }
    for group in groups(&trees) {
        hidden(&group, source, found);
    }
}

/// The inside of the attribute, outer or inner, that the trees begin with.
fn attribute(trees: &[TokenTree]) -> Option<TokenStream> {
    let (hash, rest) = trees.split_first()?;
    if !is(hash, '#') {
        return None;
    }
    match rest {
        [TokenTree::Group(group), ..] => Some(group.stream()),
        [bang, TokenTree::Group(group), ..] if is(bang, '!') => Some(group.stream()),
        _ => None,
    }
}

fn is(tree: &TokenTree, mark: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == mark)
}

fn groups(trees: &[TokenTree]) -> Vec<TokenStream> {
    let group = |tree: &TokenTree| match tree {
        TokenTree::Group(group) => Some(group.stream()),
        _ => None,
    };
    trees.iter().filter_map(group).collect()
}

/// What is wrong with the inside of an attribute, those inside `cfg_attr` included.
fn fault(attribute: &TokenStream) -> Option<String> {
    let words = words(attribute);
    let first = words.first()?;
    let nested = |name: &str| first == "cfg_attr" && words.iter().any(|word| word == name);
    let hides = |name: &str| first == name || nested(name);
    if hides("expect") && !words.iter().any(|word| word == "reason") {
        return Some("`expect` without a reason: add `reason = \"…\"`".to_owned());
    }
    let (name, instead) = ATTRIBUTES.iter().find(|(name, _)| hides(name))?;
    Some(format!("attribute `{name}`: {instead}"))
}

fn words(tokens: &TokenStream) -> Vec<String> {
    let mut words = Vec::new();
    for tree in tokens.clone() {
        match tree {
            TokenTree::Ident(word) => words.push(word.to_string()),
            TokenTree::Group(group) => words.extend(self::words(&group.stream())),
            _ => {}
        }
    }
    words
}

#[test]
fn unwrapping_and_sleeping_are_complained_of() {
    let bad = "fn go() {\n\
               std::thread::sleep(PAUSE);\n\
               assert_eq!(read().unwrap(), 1);\n\
               // .unwrap() in a comment, and below in a string\n\
               say(\".unwrap()\"); read().unwrap_or(1); self.sleep();\n\
               use tokio::time::{sleep, timeout};\n\
               }\n";
    check(
        phrases,
        "src/client.rs",
        bad,
        expect![[r#"
        src/client.rs:3: `.unwrap()`: say by `expect` what holds, or return the error
        src/client.rs:2: `std::thread::sleep`: wait for an event with a deadline
        src/client.rs:6: `tokio::time::sleep`: wait for an event with a deadline
    "#]],
    );
}

#[test]
fn attributes_that_hide_are_complained_of() {
    let bad = "#![allow(dead_code)]\n\
               #[test] #[ignore] fn a() {}\n\
               #[should_panic(expected = \"x\")] fn b() {}\n\
               #[cfg_attr(unix, allow(unused))] fn c() {}\n\
               #[expect(unsafe_code)] fn d() {}\n\
               #[expect(unsafe_code, reason = \"the kernel\")] fn e() { vec![allow] }\n";
    check(
        attributes,
        "src/client.rs",
        bad,
        expect![[r#"
            src/client.rs:1: attribute `allow`: silence a lint by `#[expect(lint, reason = "…")]`
            src/client.rs:2: attribute `ignore`: a missing prerequisite fails, and says how to mend it
            src/client.rs:3: attribute `should_panic`: compare the value that tells what went wrong
            src/client.rs:4: attribute `allow`: silence a lint by `#[expect(lint, reason = "…")]`
            src/client.rs:5: `expect` without a reason: add `reason = "…"`
        "#]],
    );
}
