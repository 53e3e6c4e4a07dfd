//! How a file looks from outside: its header, its length, its width.
//!
//! A file of a room opens with its tag, which the use-table gives, and with 3 to 12 lines that say
//! what it is, promises and refuses. lib.rs and main.rs only open with a header: the one is the
//! map of the library and may be long, the other does nothing and may be short.

use expect_test::expect;
use proc_macro2::{TokenStream, TokenTree};

use super::source::{Complaint, Source, check};

/// Fewest and most lines of a header.
const HEADER_LINES: std::ops::RangeInclusive<usize> = 3..=12;

/// Longest file, in lines.
const FILE_LINES: usize = 450;

/// Longest line, in characters.
const LINE_CHARS: usize = 100;

/// Complains about a missing, short or long header, and about a wrong tag.
pub(crate) fn header(source: &Source) -> Vec<Complaint> {
    let lines = source.text.lines().take_while(|line| line.starts_with("//!")).count();
    if lines == 0 {
        return vec![source.complaint(1, "no header: open with `//!` and what the file is")];
    }
    if ["src/lib.rs", "src/main.rs"].contains(&source.path.as_str()) {
        return Vec::new();
    }
    let mut found = Vec::new();
    if !HEADER_LINES.contains(&lines) {
        let says = format!("a header of {lines} lines; it takes 3 to 12");
        found.push(source.complaint(1, says));
    }
    if let Some(kind) = source.kind()
        && !source.text.starts_with(&format!("//! [{kind}] "))
    {
        found.push(source.complaint(1, format!("the first line begins with `//! [{kind}] `")));
    }
    found
}

/// Complains about a long file.
pub(crate) fn length(source: &Source) -> Vec<Complaint> {
    let lines = source.text.lines().count();
    if lines <= FILE_LINES {
        return Vec::new();
    }
    let says = format!("{lines} lines, more than {FILE_LINES}: look for the missing noun");
    vec![source.complaint(FILE_LINES + 1, says)]
}

/// Complains about wide lines; those inside a raw string are evidence, and stay as they are.
pub(crate) fn width(source: &Source) -> Vec<Complaint> {
    let mut quoted = Vec::new();
    raw_strings(&source.tokens, &mut quoted);
    let mut found = Vec::new();
    for (number, line) in (1..).zip(source.text.lines()) {
        let chars = line.chars().count();
        if chars > LINE_CHARS && !quoted.iter().any(|lines| lines.contains(&number)) {
            let says = format!("{chars} characters, more than {LINE_CHARS}");
            found.push(source.complaint(number, says));
        }
    }
    found
}

/// The lines, but the first, of each raw string that has several.
fn raw_strings(tokens: &TokenStream, found: &mut Vec<std::ops::RangeInclusive<usize>>) {
    for tree in tokens.clone() {
        match tree {
            TokenTree::Group(group) => raw_strings(&group.stream(), found),
            TokenTree::Literal(literal) if literal.to_string().starts_with('r') => {
                let span = literal.span();
                found.push(span.start().line + 1..=span.end().line);
            }
            _ => {}
        }
    }
}

#[test]
fn a_missing_short_or_long_header_is_complained_of() {
    check(
        header,
        "src/model.rs",
        "fn go() {}\n",
        expect![[r#"
        src/model.rs:1: no header: open with `//!` and what the file is
    "#]],
    );
    check(
        header,
        "src/model.rs",
        "//! [core] Too short.\n",
        expect![[r#"
            src/model.rs:1: a header of 1 lines; it takes 3 to 12
        "#]],
    );
    let long = format!("//! [core] Too long.\n{}", "//! More.\n".repeat(12));
    check(
        header,
        "src/model.rs",
        &long,
        expect![[r#"
        src/model.rs:1: a header of 13 lines; it takes 3 to 12
    "#]],
    );
}

#[test]
fn a_wrong_tag_is_complained_of() {
    let bad = "//! [edge] The reference world.\n//!\n//! It allows.\n";
    check(
        header,
        "src/model/arms.rs",
        bad,
        expect![[r#"
        src/model/arms.rs:1: the first line begins with `//! [core] `
    "#]],
    );
    check(header, "tests/live.rs", bad, expect![""]);
    check(header, "src/main.rs", "//! Short, and at its place.\n", expect![""]);
}

#[test]
fn a_long_file_is_complained_of() {
    check(length, "src/model.rs", &"//\n".repeat(450), expect![""]);
    check(
        length,
        "src/model.rs",
        &"//\n".repeat(451),
        expect![[r#"
        src/model.rs:451: 451 lines, more than 450: look for the missing noun
    "#]],
    );
}

#[test]
fn a_wide_line_outside_raw_strings_is_complained_of() {
    let wide = "é".repeat(99);
    check(
        width,
        "src/model.rs",
        &format!("//{wide}\n"),
        expect![[r#"
        src/model.rs:1: 101 characters, more than 100
    "#]],
    );
    let quoted = format!("const A: &str = r#\"\n{wide}{wide}\n\"#;\n");
    check(width, "src/model.rs", &quoted, expect![""]);
}
