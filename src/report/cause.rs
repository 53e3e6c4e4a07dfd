//! A cause as text: its title, the shortest program, what matters and what does not, and the values
//! that were wrong.

use itertools::Itertools;

use super::finding::{FindingText, ReplayCommands};
use super::style::{Color, Style};
use super::words::{self, plural};
use crate::campaign::FindingReport;
use crate::cause::record::{CauseRecord, WrongValue};
use crate::judge::record::Status;

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
    let widened = if cause.widened { ", WIDENED" } else { "" };
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
    for value in &cause.values {
        text.push_str(&style.row("value", &value_words(value)));
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

fn value_words(value: &WrongValue) -> String {
    let WrongValue { dimension, clause, operation, expected, seen } = value;
    let clause = words::clause(*clause, *dimension);
    let seen = match seen.char_indices().nth(VALUE_MAX) {
        Some((end, _)) => format!("{}…", &seen[..end]),
        None => seen.clone(),
    };
    format!("{clause}: {seen} instead of {expected} after `{operation}`")
}
