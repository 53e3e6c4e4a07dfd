//! Parts that several sections of the page have.

use maud::{Markup, html};

use crate::report::listing::Line;

/// What an unknown cell means, where the release was run.
pub(super) const UNKNOWN: &str = "not known: the release was not run to its end, or was not asked for what \
                       another release shows";

/// The lines of a program, those that show a finding marked.
pub(super) fn listed(lines: &[Line]) -> Markup {
    html! {
        pre {
            @for line in lines {
                @match &line.mark {
                    None => { "  " (line.text) "\n" }
                    Some(mark) => {
                        mark { "> " (line.indent) (line.text) } "\n"
                        "  " (line.indent) "^ " (mark) "\n"
                    }
                }
            }
        }
    }
}

/// The words as a sentence.
pub(super) fn sentence(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    format!("{}{rest}.", first.to_uppercase())
}
