//! The forms, and what their files are called.

use itertools::Itertools;

/// The form of an exported finding.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    strum::EnumIter,
    strum::EnumString,
    strum::VariantNames,
    strum::Display,
)]
#[strum(serialize_all = "lowercase")]
pub enum Form {
    /// A shell script that needs Python's standard library.
    Sh,
    /// A test for pytest.
    Pytest,
    /// A test for `cargo test`.
    Rust,
    /// The messages, a JSON object a line.
    Jsonrpc,
    /// A bug report.
    Markdown,
}

impl Form {
    /// The name of its file beside a case.
    pub fn file_name(self, id: &str) -> String {
        match self {
            Form::Sh => format!("{id}.sh"),
            Form::Pytest => format!("test_{}.py", identifier(id)),
            Form::Rust => format!("{id}.rs"),
            Form::Jsonrpc => format!("{id}.jsonl"),
            Form::Markdown => format!("{id}.md"),
        }
    }
}

/// A text as an identifier in lower case.
pub(super) fn identifier(text: &str) -> String {
    let letters = text.to_lowercase().replace(|letter: char| !letter.is_ascii_alphanumeric(), "_");
    letters.split('_').filter(|word| !word.is_empty()).join("_")
}
