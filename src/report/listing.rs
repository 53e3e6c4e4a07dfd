//! The program of a finding, with the step that shows it marked.

use super::style::{Color, Style};
use super::words;
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::ops::Step;

/// A line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// The audit's own steps stand indented below it.
    pub indent: &'static str,
    pub text: String,
    /// What is wrong here, on the line that shows the finding.
    pub mark: Option<String>,
}

/// The lines of a program, the one that shows the finding marked.
pub fn lines(program: &Program, finding: &Finding) -> Vec<Line> {
    let text = program.to_string();
    let mut lines = Vec::new();
    for (number, line) in text.lines().skip(1).enumerate() {
        // The first line is config's, and the last the audit's.
        let step = number.checked_sub(1).filter(|step| *step < program.lines());
        let mark = (step == Some(finding.step)).then(|| expectation(finding));
        lines.push(Line { indent: "", text: line.trim_end().to_owned(), mark });
    }
    let audit = program.audit();
    let at = finding.step.checked_sub(program.lines());
    if let Some(step) = at.and_then(|at| audit.get(at)) {
        let mark = Some(format!("{}; {}", expectation(finding), explained(step)));
        lines.push(Line { indent: "  ", text: step.to_string(), mark });
    }
    lines
}

/// The lines for a terminal, ending the last.
pub fn text(program: &Program, finding: &Finding, style: &Style) -> String {
    lines(program, finding).iter().map(|line| line.listed(style)).collect()
}

fn expectation(finding: &Finding) -> String {
    let Finding { clause, expected, .. } = finding;
    format!("{clause}: expected {expected}, seen {}", words::seen(finding))
}

/// What a step of the audit does.
fn explained(step: &Step) -> String {
    match step.uses() {
        Some(thread) if !matches!(step, Step::Restart(_)) => {
            format!("the audit restarts the server and resumes {thread} from disk")
        }
        _ => "this is the audit's restart".to_owned(),
    }
}

impl Line {
    fn listed(&self, style: &Style) -> String {
        let Line { indent, text, mark } = self;
        let Some(mark) = mark else {
            return format!("    {text}\n");
        };
        let mark = style.wrap(&format!("    {indent}^ "), &format!("    {indent}  "), mark);
        let mark: String =
            mark.lines().map(|line| format!("{}\n", style.paint(Color::Bad, line))).collect();
        let arrow = style.paint(Color::Bad, ">");
        format!("  {arrow} {indent}{}\n{mark}", style.paint(Color::Strong, text))
    }
}
