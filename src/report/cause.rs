//! A cause as text: its title, the shortest program, what matters and what does not, and the values
//! that were wrong.

use itertools::Itertools;

use super::finding::{FindingText, ReplayCommands};
use super::style::{Color, Style};
use super::words::{self, plural};
use crate::campaign::FindingReport;
use crate::cause::record::{CauseRecord, WrongValue};
use crate::cause::words::dimension;
use crate::contract::Clause;
use crate::judge::record::Status;
use crate::policy::Dimension;

/// Longest value in the table, in characters.
const VALUE_MAX: usize = 44;

/// The block of a cause: its words, then the finding that it was explained from.
pub fn text(
    cause: &CauseRecord,
    finding: &FindingReport,
    commands: &ReplayCommands,
    called: &str,
    style: &Style,
) -> String {
    let finding = FindingText::for_terminal(finding, commands, called);
    format!("{}{}", words_of(cause, style), finding.text(style))
}

/// What is known of a cause beside its program.
pub fn words_of(cause: &CauseRecord, style: &Style) -> String {
    let widened = if cause.widened { ", WIDENED at least once" } else { "" };
    let head = format!("Cause: {}", cause.title);
    let mut text = format!("{}\n", style.rule());
    let color = if cause.widened { Color::Bad } else { Color::Strong };
    text.push_str(&style.paragraph(color, "", &head));
    let count = plural(cause.findings.len(), "finding");
    let spent = format!(
        "{count}{widened}; shrunk in {}, explained in {}",
        plural(cause.shrink_runs, "run"),
        plural(cause.explain_runs, "run")
    );
    text.push_str(&style.row("shows as", &spent));
    let lists = [
        ("matters", &cause.matters),
        ("no matter", &cause.does_not_matter),
        ("not tried", &cause.not_tried),
    ];
    for (label, all) in lists {
        if !all.is_empty() {
            text.push_str(&style.row(label, &all.iter().join("; ")));
        }
    }
    for values in same_values(&cause.values) {
        text.push_str(&style.row("values", &values));
    }
    if cause.findings.len() > 1 {
        let files = cause.findings.iter().map(|id| format!("findings/{id}.case")).join(", ");
        text.push_str(&style.row("findings", &files));
    }
    text.push_str(&style.row_whole("id", &cause.id));
    text
}

/// A cause in the summary, in a line or two.
pub fn listed(cause: &CauseRecord, style: &Style) -> String {
    let color = match cause.status {
        Status::New if cause.widened => Color::Bad,
        Status::New => Color::Strong,
        Status::Flaky => Color::Doubtful,
        Status::Known | Status::Carried => Color::Plain,
    };
    let widened = if cause.widened { "WIDENED, " } else { "" };
    let clauses: Vec<_> = cause.clauses.iter().copied().collect();
    let status = match cause.status {
        Status::Carried => "carried over".to_owned(),
        status => status.to_string(),
    };
    let findings = plural(cause.findings.len(), "finding");
    let clauses = words::clauses(&clauses);
    let line = format!("{} ({widened}{status}; {findings}; {clauses})", cause.title);
    style.paragraph(color, "    ", &line)
}

/// A value that was due and one that was seen, in a dimension.
#[derive(PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Pair<'a> {
    about: Option<Dimension>,
    expected: &'a str,
    seen: &'a str,
}

impl<'a> Pair<'a> {
    fn of(value: &'a WrongValue) -> Pair<'a> {
        Pair { about: value.dimension, expected: &value.expected, seen: &value.seen }
    }

    /// The pair in words, with the clauses that it breaks.
    fn line(&self, values: &[WrongValue]) -> String {
        let own = values.iter().filter(|value| Pair::of(value) == *self);
        let clauses: Vec<Clause> = own.map(|value| value.clause).sorted().dedup().collect();
        let about = self.about.map_or(String::new(), |about| format!("{}: ", dimension(about)));
        let seen = words::shortened(self.seen, VALUE_MAX);
        format!("{about}{seen} instead of {} ({})", self.expected, words::clauses(&clauses))
    }
}

/// Each pair of values in a line.
fn same_values(values: &[WrongValue]) -> Vec<String> {
    let pairs = values.iter().map(Pair::of).sorted().dedup();
    pairs.map(|pair| pair.line(values)).collect()
}
