//! The shape of files and functions: headers, lengths, and a few forms that hide a noun.
//!
//! Lengths of functions, their parameters and their nesting are clippy's.

use expect_test::{Expect, expect};

use super::source::{Source, has_at};

/// The longest file, with its tests.
const FILE_LINES: usize = 700;

/// Words in a row that no file has, each with what to do instead.
const FORMS: &[(&[&str], &str)] = &[
    (&["#", "[", "ignore"], "a test that lacks a prerequisite fails, and says how to mend it"),
    (&["#", "[", "should_panic"], "compare the value that says what went wrong"),
    (&["match", "(", ")", "{"], "use `if`"),
    (&["pub", "use"], "only lib.rs re-exports"),
    (&["pub", "(", "crate", ")", "use"], "only lib.rs re-exports"),
    (&["pub", "(", "super", ")", "use"], "only lib.rs re-exports"),
];

pub(crate) fn complaints(source: &Source) -> Vec<String> {
    let mut complaints = Vec::new();
    if !source.text.starts_with("//! ") || source.text.starts_with("//! [") {
        complaints.push(source.complaint(1, "no header; say in words what the file is for"));
    }
    let lines = source.text.lines().count();
    if lines > FILE_LINES {
        let problem =
            format!("{lines} lines, more than {FILE_LINES}; the file is several subjects");
        complaints.push(source.complaint(FILE_LINES + 1, problem));
    }
    for (at, word) in source.words.iter().enumerate() {
        let form = FORMS.iter().find(|(words, _)| has_at(&source.words, at, words));
        if let Some((words, instead)) = form
            && !(words.ends_with(&["use"]) && may_reexport(source, at + words.len()))
        {
            complaints
                .push(source.complaint(word.line, format!("`{}`: {instead}", words.concat())));
        }
        if word.text == "fn"
            && !has_at(&source.words, at + 1, &["("])
            && has_tuple_parameter(source, at)
        {
            let name = &source.words[at + 1].text;
            let problem = format!("`{name}` takes a tuple apart in its parameters; name its parts");
            complaints.push(source.complaint(word.line, problem));
        }
    }
    complaints
}

/// lib.rs re-exports, and a macro of the same file has no other way out.
fn may_reexport(source: &Source, path: usize) -> bool {
    source.path == "src/lib.rs" || has_at(&source.words, path + 1, &[";"])
}

/// Whether a parameter of the function whose `fn` stands here is a tuple pattern.
fn has_tuple_parameter(source: &Source, at: usize) -> bool {
    let (mut depth, mut parameters) = (0_usize, None);
    let (mut previous, mut begins) = ("", false);
    for word in source.words[at + 1..].iter().map(|word| word.text.as_str()) {
        match word {
            "(" if begins && parameters == Some(depth) => return true,
            "(" | "[" | "{" | "<" => depth += 1,
            ")" | "]" | "}" => depth -= 1,
            ">" if previous != "-" => depth -= 1,
            _ => {}
        }
        if word == "(" && depth == 1 {
            parameters = Some(1);
        }
        if depth == 0 && parameters.is_some() {
            return false;
        }
        begins = ["(", ","].contains(&word) || word == "&" && begins;
        previous = word;
    }
    false
}

fn check(path: &str, text: &str, expected: Expect) {
    let complaints = complaints(&Source::parse(path, text));
    expected.assert_eq(&complaints.iter().map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn a_header_that_is_missing_or_has_a_tag_and_a_long_file_are_complained_of() {
    check(
        "src/model.rs",
        "fn go() {}\n",
        expect![[r#"
            src/model.rs:1: no header; say in words what the file is for
        "#]],
    );
    check(
        "src/model.rs",
        &format!("//! [core] The world.\n{}", "//\n".repeat(700)),
        expect![[r#"
            src/model.rs:1: no header; say in words what the file is for
            src/model.rs:701: 701 lines, more than 700; the file is several subjects
        "#]],
    );
}

#[test]
fn a_tuple_in_a_parameter_list_is_complained_of() {
    let text = "//! Moves.\n\
                fn a(from: (u8, u8), to: &(u8, u8), by: impl Fn((u8, u8))) {}\n\
                fn b<T>(from: u8, (to, by): (u8, u8)) { call((1, 2)) }\n\
                fn c(&self, &(to, by): &(u8, u8)) {}\n";
    check(
        "src/model.rs",
        text,
        expect![[r#"
            src/model.rs:3: `b` takes a tuple apart in its parameters; name its parts
            src/model.rs:4: `c` takes a tuple apart in its parameters; name its parts
        "#]],
    );
}

#[test]
fn forms_that_hide_something_are_complained_of() {
    let text = "//! Moves.\n\
                #[test] #[ignore] fn a() { match () { () if b => {} } }\n\
                #[should_panic] fn b() {}\n\
                pub(crate) use crate::model::World;\n";
    check(
        "src/model.rs",
        text,
        expect![[r#"
            src/model.rs:2: `#[ignore`: a test that lacks a prerequisite fails, and says how to mend it
            src/model.rs:2: `match(){`: use `if`
            src/model.rs:3: `#[should_panic`: compare the value that says what went wrong
            src/model.rs:4: `pub(crate)use`: only lib.rs re-exports
        "#]],
    );
    check("src/lib.rs", "//! Map.\npub use check::Check;\n", expect![""]);
}
