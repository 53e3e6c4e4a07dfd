//! Words and pieces of code that several forms share.

use itertools::Itertools;
use textwrap::{Options, fill};

use super::ids::{FOLDERS, is_id};
use super::subject::Exported;
use crate::contract::row;
use crate::report::words;

/// The widest line of code and of comments.
pub(super) const WIDTH: usize = 96;

/// What a finding is called: as its cause, where that is known.
pub(super) fn title(exported: &Exported) -> String {
    match exported.title {
        Some(title) => title.to_owned(),
        None => {
            let signature = words::signature(&exported.finding.signature());
            signature.replace(words_break(), " ")
        }
    }
}

fn words_break() -> char {
    crate::report::style::NO_BREAK
}

/// What happens, and what should happen by which clause.
pub(super) fn explanation(exported: &Exported) -> Vec<String> {
    let finding = exported.finding;
    let clause = words::clause(finding.clause, finding.dimension);
    let expected = format!("expected {}, seen {}", finding.expected, words::seen(finding));
    vec![
        title(exported),
        format!("{}: {expected}.", words::subject(finding)),
        format!("{clause}: {}", row(finding.clause).text),
        format!("Seen on {}{}.", words::ran_on(&finding.home_history), by_sdk(exported)),
    ]
}

/// The client of the SDK that performed the program, if one did.
fn by_sdk(exported: &Exported) -> String {
    let sdk = "with the Python SDK as its client";
    exported
        .client
        .map_or(String::new(), |_| format!(" {sdk}, whose requests are sent here without it"))
}

/// Paragraphs as the lines of a comment.
pub(super) fn comment(paragraphs: &[String], mark: &str) -> String {
    let first = format!("{mark} ");
    let options = Options::new(WIDTH).initial_indent(&first).subsequent_indent(&first);
    paragraphs.iter().map(|text| fill(text, &options)).join(&format!("\n{mark}\n")) + "\n"
}

/// A part of a text: words, or the name of an id or a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Words(String),
    Name(String),
}

/// The parts of a text with placeholders.
pub(super) fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut words = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        let (before, from) = rest.split_at(at);
        words.push_str(before);
        let name = from[1..].split_once('>').map(|(name, _)| name);
        match name.filter(|name| is_id(name) || FOLDERS.contains(name)) {
            Some(name) => {
                if !words.is_empty() {
                    parts.push(Part::Words(std::mem::take(&mut words)));
                }
                parts.push(Part::Name(name.to_owned()));
                rest = &from[name.len() + 2..];
            }
            None => {
                words.push('<');
                rest = &from[1..];
            }
        }
    }
    words.push_str(rest);
    if !words.is_empty() || parts.is_empty() {
        parts.push(Part::Words(words));
    }
    parts
}

/// A text with the names of ids and folders as they are.
pub(super) fn plain(text: &str) -> String {
    let word = |part: Part| match part {
        Part::Words(words) | Part::Name(words) => words,
    };
    parts(text).into_iter().map(word).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::parts;

    fn check(text: &str, expected: Expect) {
        expected.assert_eq(&format!("{:?}", parts(text)));
    }

    #[test]
    fn names_stand_apart_from_words_and_other_brackets_are_words() {
        check(
            "<OUT>/a <b> < <t12>",
            expect![[r#"[Name("OUT"), Words("/a <b> < "), Name("t12")]"#]],
        );
        check("", expect![[r#"[Words("")]"#]]);
        check("<turn1>", expect![[r#"[Name("turn1")]"#]]);
    }
}
