//! Colour and width.
//!
//! Colours only on a terminal that takes them, and never where NO_COLOR is set; a text says the
//! same without them. Sentences are broken at the width, programs and commands never.

use std::fmt::Write;

use console::Term;

/// Width where standard output is not a terminal: what every terminal has.
const WIDTH: usize = 80;

/// Widest text: longer lines are hard to read.
const WIDTH_MAX: usize = 110;

/// Narrowest text: below it labels leave no room for words.
const WIDTH_MIN: usize = 40;

/// Where the words of a labelled row begin.
const LABEL: usize = 16;

/// A space at which no line is broken.
pub const NO_BREAK: char = '\u{a0}';

/// How a text is laid out.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colors: bool,
    /// The widest line of sentences.
    pub width: usize,
}

/// The role of a piece of text, which decides its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    Plain,
    Strong,
    Bad,
    Good,
    Doubtful,
    Faint,
}

impl Style {
    /// For this process's standard output.
    pub fn stdout() -> Style {
        let width = Term::stdout().size_checked().map_or(WIDTH, |(_, columns)| columns.into());
        Style { colors: console::colors_enabled(), width: width.clamp(WIDTH_MIN, WIDTH_MAX) }
    }

    pub fn plain(width: usize) -> Style {
        Style { colors: false, width }
    }

    /// The text in a colour.
    pub fn paint(&self, color: Color, text: &str) -> String {
        let style = console::Style::new().force_styling(self.colors);
        let style = match color {
            Color::Plain => return text.to_owned(),
            Color::Strong => style.bold(),
            Color::Bad => style.red().bold(),
            Color::Good => style.green(),
            Color::Doubtful => style.yellow().bold(),
            Color::Faint => style.dim(),
        };
        style.apply_to(text).to_string()
    }

    /// A heading on a line of its own.
    pub fn heading(&self, text: &str) -> String {
        format!("{}\n", self.paint(Color::Strong, text))
    }

    /// A text broken at the width, its first line after `first`, the others after `rest`. A
    /// [`NO_BREAK`] is a space that keeps its line.
    pub fn wrap(&self, first: &str, rest: &str, text: &str) -> String {
        let options = textwrap::Options::new(self.width)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .break_words(false);
        textwrap::fill(text, options).replace(NO_BREAK, " ")
    }

    /// A text broken at the width, each line in the colour; ends its last line.
    pub fn paragraph(&self, color: Color, indent: &str, text: &str) -> String {
        let hanging = if indent.is_empty() { String::new() } else { format!("{indent}  ") };
        let lines = self.wrap(indent, &hanging, text);
        lines.lines().map(|line| format!("{}\n", self.paint(color, line))).collect()
    }

    /// A line across, of the width.
    pub fn rule(&self) -> String {
        self.paint(Color::Faint, &"-".repeat(self.width))
    }

    /// A row `  label     words`, broken at the width below its words; ends its line.
    pub fn row(&self, label: &str, text: &str) -> String {
        self.row_in(Color::Plain, label, text)
    }

    /// As `row`, never broken: for commands and paths, which are copied.
    pub fn row_whole(&self, label: &str, text: &str) -> String {
        format!("{}{text}\n", self.label(label))
    }

    /// As `row`, its words in a colour.
    pub fn row_in(&self, color: Color, label: &str, text: &str) -> String {
        let inner = Style { width: self.width.saturating_sub(LABEL), ..*self };
        let mut rows = String::new();
        for (number, line) in inner.wrap("", "", text).lines().enumerate() {
            let label = self.label(if number == 0 { label } else { "" });
            writeln!(rows, "{label}{}", self.paint(color, line)).expect("a string takes any text");
        }
        rows
    }

    fn label(&self, label: &str) -> String {
        self.paint(Color::Faint, &format!("  {label:<width$}", width = LABEL - 2))
    }
}
