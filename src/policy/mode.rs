//! A collaboration mode with the model and the effort that it brings along.
//!
//! Its word is the mode's name, and where it has a model or an effort of its own, a mark for each:
//! `plan+model:other-model+effort:high`. A word with any other mark is a name.

use super::{DEFAULT, MODEL};

/// The parts of a mode's word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mode<'a> {
    /// As the server spells it: `plan` or `default`.
    pub name: &'a str,
    /// None where it is the model that config.toml names in a plain case.
    pub model: Option<&'a str>,
    /// None where it is the default.
    pub effort: Option<&'a str>,
}

impl Mode<'_> {
    /// The mode that a word stands for.
    pub fn of(word: &str) -> Mode<'_> {
        let plain = |name| Mode { name, model: None, effort: None };
        let mut parts = word.split('+');
        let mut mode = plain(parts.next().unwrap_or_default());
        for mark in parts {
            match mark.split_once(':') {
                Some(("model", model)) => mode.model = Some(model),
                Some(("effort", effort)) => mode.effort = Some(effort),
                _ => return plain(word),
            }
        }
        mode
    }

    /// The model of a thread in this mode.
    pub fn model(&self) -> &str {
        self.model.unwrap_or(MODEL)
    }

    /// The effort of a thread in this mode.
    pub fn effort(&self) -> &str {
        self.effort.unwrap_or(DEFAULT)
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::Mode;

    fn check(word: &str, expected: Expect) {
        let mode = Mode::of(word);
        expected.assert_eq(&format!("{} with {} {}", mode.name, mode.model(), mode.effort()));
    }

    #[test]
    fn a_mode_brings_its_own_model_and_effort_or_the_plain_ones() {
        check("plan", expect!["plan with mock-model default"]);
        check("plan+effort:high", expect!["plan with mock-model high"]);
        check("default+model:m+effort:low", expect!["default with m low"]);
    }

    #[test]
    fn a_word_with_another_mark_is_a_name() {
        check("a+b", expect!["a+b with mock-model default"]);
    }
}
