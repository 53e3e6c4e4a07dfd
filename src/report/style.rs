//! Colour and width.
//!
//! Colours only on a terminal that takes them, and never where NO_COLOR is set; a text says without
//! them all that it says with them. Sentences are broken at the width, programs never.

use std::fmt::Write;

use console::Term;

/// Width where nobody says one: what every terminal has.
const WIDTH: usize = 80;

/// Widest text: longer lines are hard to read.
const WIDTH_MAX: usize = 110;

/// Where the words of a labelled row begin.
const LABEL: usize = 16;

/// How a text may look.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether colours are used.
    pub colours: bool,
    /// The widest line of sentences.
    pub width: usize,
}

/// What a piece of text is, and so how it looks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// As the rest.
    Plain,
    /// What the eye looks for.
    Strong,
    /// Wrong.
    Bad,
    /// Right.
    Good,
    /// Doubtful.
    Doubtful,
    /// By the way.
    Faint,
}

impl Style {
    /// As standard output takes it.
    pub fn stdout() -> Style {
        let width = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| columns.into());
        Style { colours: console::colors_enabled(), width: width.clamp(40, WIDTH_MAX) }
    }

    /// Without colours.
    pub fn plain(width: usize) -> Style {
        Style { colours: false, width }
    }

    /// The text in its ink.
    pub fn ink(&self, ink: Color, text: &str) -> String {
        let style = console::Style::new().force_styling(self.colours);
        let style = match ink {
            Color::Plain => return text.to_owned(),
            Color::Strong => style.bold(),
            Color::Bad => style.red().bold(),
            Color::Good => style.green(),
            Color::Doubtful => style.yellow().bold(),
            Color::Faint => style.dim(),
        };
        style.apply_to(text).to_string()
    }

    /// A text broken at the width, its first line after `first`, the others after `rest`.
    pub fn wrap(&self, first: &str, rest: &str, text: &str) -> String {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false);
        textwrap::fill(text, options)
    }

    /// A line across, of the width.
    pub fn rule(&self) -> String {
        self.ink(Color::Faint, &"-".repeat(self.width))
    }

    /// A row `  label     words`, broken at the width below its words; ends its line.
    pub fn row(&self, label: &str, text: &str) -> String {
        self.row_in(Color::Plain, label, text)
    }

    /// As `row`, never broken: what a person copies, as a command or a path.
    pub fn row_whole(&self, label: &str, text: &str) -> String {
        let label = self.ink(Color::Faint, &format!("  {label:<width$}", width = LABEL - 2));
        format!("{label}{text}\n")
    }

    /// As `row`, with its words in an ink.
    pub fn row_in(&self, ink: Color, label: &str, text: &str) -> String {
        let inner = Style { width: self.width.saturating_sub(LABEL), ..*self };
        let mut rows = String::new();
        for (number, line) in inner.wrap("", "", text).lines().enumerate() {
            let label = if number == 0 { label } else { "" };
            let label = self.ink(Color::Faint, &format!("  {label:<width$}", width = LABEL - 2));
            let line = self.ink(ink, line);
            writeln!(rows, "{label}{line}").expect("a string takes every text");
        }
        rows
    }
}
