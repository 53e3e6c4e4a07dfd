//! Forms that several parts of the page share.

use maud::{Markup, html};

use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::report::listing;

/// The program of a finding, the line that shows it marked.
pub(crate) fn program(program: &Program, finding: &Finding) -> Markup {
    html! {
        pre {
            @for line in listing::lines(program, finding) {
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

/// The words with a capital and a full stop.
pub(super) fn sentence(words: &str) -> String {
    format!("{}.", capitalised(words))
}

/// The words with a capital.
pub(super) fn capitalised(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    format!("{}{rest}", first.to_uppercase())
}
