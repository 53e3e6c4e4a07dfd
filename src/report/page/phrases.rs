//! Words as markup.

use maud::{Markup, html};

/// The words with a capital at the beginning of a sentence; a thread keeps its name.
pub(super) fn capitalised(text: &str) -> String {
    let begins_with_name = text.chars().nth(1).is_some_and(|letter| letter.is_ascii_digit());
    let mut letters = text.chars();
    match letters.next() {
        Some(first) if !begins_with_name => first.to_uppercase().chain(letters).collect(),
        _ => text.to_owned(),
    }
}

/// The words, those between backticks as code.
pub(super) fn code(text: &str) -> Markup {
    html! {
        @for (number, words) in text.split('`').enumerate() {
            @if number % 2 == 1 { code { (words) } } @else { (words) }
        }
    }
}
