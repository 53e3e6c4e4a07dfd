//! The ids of rows: words with hyphens between, and none twice.

/// The most letters of an id that is made from a title.
const LETTERS: usize = 48;

/// The id, or the same with a number where it is taken.
pub(super) fn unused(id: &str, taken: &[String]) -> String {
    let numbered = (2..).map(|number| format!("{id}-{number}"));
    let mut candidates = std::iter::once(id.to_owned()).chain(numbered);
    candidates.find(|id| !taken.contains(id)).expect("some number is free")
}

/// The first words of a title, as an id.
pub(super) fn of_title(title: &str) -> String {
    let plain = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { ' ' };
    let words: String = title.to_lowercase().replace('\'', "").chars().map(plain).collect();
    let mut id = String::new();
    for word in words.split_whitespace() {
        if !id.is_empty() && id.len() + word.len() >= LETTERS {
            break;
        }
        id = if id.is_empty() { word.to_owned() } else { format!("{id}-{word}") };
    }
    if id.is_empty() { "cause".to_owned() } else { id }
}
