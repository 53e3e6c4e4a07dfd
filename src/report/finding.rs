//! A finding as text: the clause, what was expected and seen, and the shortest program that shows
//! it.
//!
//! Written for somebody who has never seen this suite. The same words are the comments of its case
//! file.

use std::path::PathBuf;

use super::style::{Color, Style};
use super::{listing, timeline, words};
use crate::campaign::FindingReport;
use crate::contract::row;
use crate::judge::record::{Excuse, Status};
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::text::HEADER;
use crate::trace::Trace;

/// The width of the comments in a case file, in columns.
const CASE_WIDTH: usize = 96;

/// A finding and the program that shows it.
#[derive(Clone, Debug)]
pub struct FindingText<'a> {
    pub finding: &'a Finding,
    pub program: &'a Program,
    /// A run that shows it, where one is kept.
    pub trace: Option<&'a Trace>,
    pub standing: Standing,
    pub details: Details,
}

/// The first words about a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, strum::Display)]
#[strum(serialize_all = "lowercase")]
pub enum Standing {
    #[strum(to_string = "new finding")]
    New,
    #[strum(to_string = "known deviation")]
    Known,
    #[strum(to_string = "known deviation, carried over")]
    Carried,
    #[strum(to_string = "flaky finding")]
    Flaky,
    /// Neither compared with a list nor confirmed.
    Finding,
}

/// Further rows, each printed where there is one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Details {
    pub probe: Option<String>,
    /// The server that ran, unless it is said elsewhere.
    pub server: Option<String>,
    /// How many confirming runs showed it.
    pub confirmed: Option<String>,
    /// How many of the runs showed it, where none was to confirm it.
    pub shown: Option<String>,
    pub flaky: Option<String>,
    /// Why the known list excuses it.
    pub excuse: Option<String>,
    pub found: Option<String>,
    /// The command that runs it again.
    pub replay: Option<String>,
    pub files: Option<String>,
}

/// How a finding of a campaign is replayed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayCommands {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The flags that name the same server, as `--server 0.144.4`; empty for the pinned one.
    pub flags: String,
}

/// A labelled line or paragraph.
struct Row {
    label: &'static str,
    text: String,
    color: Color,
}

impl Row {
    fn new(label: &'static str, text: impl Into<String>) -> Row {
        Row { label, text: text.into(), color: Color::Plain }
    }

    fn optional(label: &'static str, text: Option<&String>) -> Option<Row> {
        text.map(|text| Row::new(label, text))
    }
}

impl From<Status> for Standing {
    fn from(status: Status) -> Standing {
        match status {
            Status::New => Standing::New,
            Status::Known => Standing::Known,
            Status::Carried => Standing::Carried,
            Status::Flaky => Standing::Flaky,
        }
    }
}

impl<'a> FindingText<'a> {
    /// A finding of a campaign on the terminal of a person who called heirloom as `called`.
    pub fn for_terminal(
        report: &'a FindingReport,
        commands: &ReplayCommands,
        called: &str,
    ) -> FindingText<'a> {
        let file = commands.folder.join("findings").join(format!("{}.case", report.id));
        let file = file.display().to_string();
        let mut text = FindingText::for_file(report, commands);
        text.details.replay = Some(commands.replay(called, &file));
        text.details.files = Some(format!("{file} (beside it: trace, stderr and exports)"));
        text
    }

    /// The same for a case file, which may be moved elsewhere.
    pub fn for_file(report: &'a FindingReport, commands: &ReplayCommands) -> FindingText<'a> {
        let unlike = match report.unlike {
            Some(_) => "; .unlike.trace is a run that did not show it",
            None => "",
        };
        let flaky = report.status == Status::Flaky;
        let flaky = flaky.then(|| format!("seen once and not reproduced{unlike}"));
        let excuse = report.excuse.as_ref().map(|Excuse { reason, case }| {
            format!("{reason} ({})", case.rsplit('/').next().unwrap_or(case))
        });
        let shrunk = match report.shrink_runs {
            0 => String::new(),
            runs => format!("; shrunk in {}", words::plural(runs, "run")),
        };
        let after = words::time(report.found_after);
        let details = Details {
            probe: report.probe.as_ref().map(words::probe),
            server: Some(words::ran_on(&report.finding.home_history)),
            confirmed: Some(words::confirmed(report)),
            shown: None,
            flaky,
            excuse,
            found: Some(format!(
                "{after} after the start, by the case of token {}{shrunk}",
                report.token
            )),
            replay: Some(commands.replay("heirloom", &format!("{}.case", report.id))),
            files: None,
        };
        FindingText {
            finding: &report.finding,
            program: &report.trace.program,
            trace: Some(&report.trace),
            standing: report.status.into(),
            details,
        }
    }

    /// The text for a terminal.
    pub fn text(&self, style: &Style) -> String {
        let rule = style.rule();
        let mut text = format!("{rule}\n{}{rule}\n", self.head(style));
        for Row { label, text: words, color } in self.explanation() {
            text.push_str(&style.row_in(color, label, &words));
        }
        text.push_str("\n  The program; > marks the step that shows it:\n\n");
        text.push_str(&listing::text(self.program, self.finding, style));
        text.push('\n');
        if let Some(picture) = self.picture(style) {
            text.push_str(&format!("{picture}\n"));
        }
        text + &self.next_steps(style)
    }

    /// The text of a case file: the program below comments that explain it.
    pub fn case(&self) -> String {
        let plain = Style::plain(CASE_WIDTH);
        let mut rows = self.head(&plain);
        for Row { label, text, .. } in self.explanation() {
            rows.push_str(&plain.row(label, &text));
        }
        rows.push_str(&self.picture(&plain).unwrap_or_default());
        rows.push_str(&self.next_steps(&plain));
        let comments: String =
            rows.lines().map(|line| format!("# {}\n", line.trim_end())).collect();
        let program = self.program.to_string();
        let program = program.strip_prefix(HEADER).expect("a printed program has its header");
        format!("{HEADER}\n#\n{comments}#{program}")
    }

    /// The calls of the step that shows it, where they were made at once.
    fn picture(&self, style: &Style) -> Option<String> {
        timeline::picture(self.trace?, self.finding.step, style)
    }

    /// Two lines: the clause and how the finding stands, then what is wrong.
    fn head(&self, style: &Style) -> String {
        let Finding { clause, dimension, .. } = *self.finding;
        let clause = style.paint(Color::Strong, &words::clause(clause, dimension));
        let color = if self.standing == Standing::New { Color::Bad } else { Color::Doubtful };
        let standing = style.paint(color, &self.standing.to_string());
        let degree = words::degree(self.finding).trim_end_matches(", ");
        let degree = match degree {
            "" => String::new(),
            degree => style.paint(Color::Bad, &format!(", {degree}")),
        };
        let subject = words::subject(self.finding);
        let first = subject.lines().next().unwrap_or_default();
        format!("{clause}: {standing}{degree}\n{first}\n")
    }

    /// The rows before the program.
    fn explanation(&self) -> Vec<Row> {
        let (finding, details) = (self.finding, &self.details);
        let Finding { clause, strength, .. } = finding;
        let strength = format!("{strength}, a {}: {}", strength.verdict(), strength.meaning());
        let mut rows = vec![
            Row::new("clause", format!("{}: {}", clause.titled(), row(*clause).text)),
            Row::new("strength", strength),
            Row { color: Color::Good, ..Row::new("expected", &finding.expected) },
            Row { color: Color::Bad, ..Row::new("seen", words::seen(finding)) },
        ];
        rows.extend(finding.widened.then(|| Row::new("WIDENED", words::ALLOWS_MORE)));
        let both_ways = finding.both_ways;
        rows.extend(both_ways.then(|| Row::new("both ways", words::DIFFERS_BOTH_WAYS)));
        let has_value = finding.dimension.is_some();
        rows.extend(has_value.then(|| Row::new("origin", words::origin(finding))));
        let views = finding.views.iter();
        let views = views.map(|view| format!("{view} ({})", view.meaning()));
        rows.push(Row::new("seen in", views.collect::<Vec<_>>().join(", ")));
        let details = [
            Row::optional("probe", details.probe.as_ref()),
            Row::optional("server", details.server.as_ref()),
            Row::optional("confirmed", details.confirmed.as_ref()),
            Row::optional("shown", details.shown.as_ref()),
            Row::optional("flaky", details.flaky.as_ref()),
            Row::optional("excused", details.excuse.as_ref()),
        ];
        rows.extend(details.into_iter().flatten());
        rows
    }

    /// The rows after the program, which are copied and so never broken.
    fn next_steps(&self, style: &Style) -> String {
        let signature = self.finding.signature().to_string();
        let rows = [
            Row::optional("signature", Some(&signature)),
            Row::optional("found", self.details.found.as_ref()),
            Row::optional("replay", self.details.replay.as_ref()),
            Row::optional("files", self.details.files.as_ref()),
        ];
        let rows = rows.into_iter().flatten();
        rows.map(|Row { label, text, .. }| style.row_whole(label, &text)).collect()
    }
}

impl ReplayCommands {
    /// The command that replays a case file, of a program that is called so.
    pub fn replay(&self, called: &str, file: &str) -> String {
        format!("{called} replay {file} {}", self.flags).trim_end().to_owned()
    }
}
