//! A finding as a program, with the contradicted line marked.
//!
//! Written for somebody who has never seen this suite: what was expected and by which clause, what
//! was seen and where, whether it allows more, and the shortest program that shows it. The same
//! words make the comments of a case file.

use std::path::PathBuf;

use semver::Version;

use super::style::{Color, Style};
use super::{timeline, words};
use crate::campaign::{FindingReport, Status};
use crate::contract::row;
use crate::judge::Finding;
use crate::judge::origin::Origin;
use crate::judge::releases::HomeHistory;
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::text::HEADER;
use crate::trace::Trace;

/// A finding and the program that shows it.
#[derive(Clone, Debug)]
pub struct FindingText<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The program.
    pub program: &'a Program,
    /// A run that shows it, where one is kept.
    pub trace: Option<&'a Trace>,
    /// How it stands: `new`, `known`, and so on.
    pub standing: &'a str,
    /// Further rows, before the program: on what it was seen, how sure it is.
    pub before: Vec<(&'static str, String)>,
    /// Further rows, after the program: how to go on. They are copied, so they are never broken.
    pub after: Vec<(&'static str, String)>,
}

/// A line of a program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// How far it is set in: what the audit does stands below it.
    pub indent: &'static str,
    /// The line.
    pub text: String,
    /// What is wrong with it, where it is the one that shows the finding.
    pub says: Option<String>,
}

/// How a finding of a campaign is reached again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayCommands {
    /// The folder of the run.
    pub folder: PathBuf,
    /// The flags that name the same server, as `--server 0.144.4`; empty for the pinned one.
    pub flags: String,
}

impl<'a> FindingText<'a> {
    /// What a campaign tells, for a terminal.
    pub fn told(told: &'a FindingReport, ways: &ReplayCommands) -> FindingText<'a> {
        let file = ways.folder.join("findings").join(format!("{}.case", told.id));
        let file = file.display().to_string();
        let mut exhibit = FindingText::kept(told, ways);
        exhibit.after.retain(|(label, _)| *label != "replay");
        exhibit.after.push(("replay", ways.replay(&file)));
        exhibit.after.push(("files", format!("{file} (.trace and .stderr beside it)")));
        exhibit
    }

    /// The same, for a case file that may be moved elsewhere.
    pub fn kept(told: &'a FindingReport, ways: &ReplayCommands) -> FindingText<'a> {
        let deed = told.deed.iter().map(|deed| ("deed", words::deed(deed)));
        let mut before: Vec<_> = deed.collect();
        before.extend([
            ("server", server(&told.finding.residence)),
            ("confirmed", words::confirmed(told.status, told.confirmed)),
        ]);
        if told.status == Status::Flaky {
            let flaky = "it showed once, and in no run that was to confirm it";
            let unlike = match told.unlike {
                Some(_) => "; .unlike.trace is a run that did not show it",
                None => "",
            };
            before.push(("flaky", format!("{flaky}{unlike}")));
        }
        if let Some((reason, case)) = &told.excuse {
            let name = case.rsplit('/').next().unwrap_or(case);
            before.push(("excused", format!("{reason} ({name})")));
        }
        let shrunk = match told.shrink_runs {
            0 => String::new(),
            runs => format!("; shrunk in {}", words::plural(runs, "run")),
        };
        let after = words::time(told.found_after);
        let first = format!("in case {}, {after} after the start{shrunk}", told.token);
        let after = vec![
            ("signature", told.finding.signature().to_string()),
            ("found", first),
            ("replay", ways.replay(&format!("{}.case", told.id))),
        ];
        let standing = words::status(told.status);
        let (finding, program, trace) = (&told.finding, &told.program, Some(&told.trace));
        FindingText { finding, program, trace, standing, before, after }
    }

    /// The text for a terminal.
    pub fn text(&self, paint: &Style) -> String {
        let mut text = format!("{}\n{}\n{}\n", paint.rule(), self.headline(paint), paint.rule());
        for (label, words) in self.explained() {
            let ink = match label {
                "expected" => Color::Good,
                "seen" => Color::Bad,
                _ => Color::Plain,
            };
            text.push_str(&paint.row_in(ink, label, &words));
        }
        text.push_str("\n  The program; > marks the step that shows it:\n\n");
        text.push_str(&self.program(paint));
        text.push('\n');
        if let Some(picture) = self.picture(paint) {
            text.push_str(&format!("{picture}\n"));
        }
        text.push_str(&self.onward(paint));
        text
    }

    /// The text of a case file: the program below comments that explain it.
    pub fn case(&self) -> String {
        let plain = Style::plain(96);
        let mut rows = format!("{}\n", self.headline(&plain));
        for (label, words) in self.explained() {
            rows.push_str(&plain.row(label, &words));
        }
        rows.push_str(&self.picture(&plain).unwrap_or_default());
        rows.push_str(&self.onward(&plain));
        let comments = rows.lines().map(|line| format!("# {}\n", line.trim_end()));
        let program = self.program.to_string();
        let program = program.strip_prefix(HEADER).expect("a printed plan begins with its header");
        format!("{HEADER}\n#\n{}#{program}", comments.collect::<String>())
    }

    /// The calls of the step that shows it, where they were made at once.
    fn picture(&self, paint: &Style) -> Option<String> {
        timeline::picture(self.trace?, self.finding.step, paint)
    }

    /// What is wrong with what, in one line that begins with the clause.
    fn headline(&self, paint: &Style) -> String {
        let finding = self.finding;
        let clause = match finding.dimension {
            Some(dimension) => format!("{} {dimension}", finding.clause),
            None => finding.clause.to_string(),
        };
        let clause = paint.ink(Color::Strong, &clause);
        let standing = match self.standing {
            "new" => paint.ink(Color::Bad, "new finding"),
            other => paint.ink(Color::Doubtful, other),
        };
        let widened = match finding.widened {
            true => format!("{}, ", paint.ink(Color::Bad, "WIDENED")),
            false => String::new(),
        };
        let subject = words::subject(finding);
        let first = subject.lines().next().unwrap_or_default();
        format!("{clause}  {widened}{standing}: {first}")
    }

    /// The rows before the program.
    fn explained(&self) -> Vec<(&'static str, String)> {
        let finding = self.finding;
        let strength = finding.strength;
        let mut rows = vec![
            ("clause", format!("{}: {}", finding.clause, row(finding.clause).text)),
            ("strength", format!("{strength}, a {}: {}", strength.verdict(), strength.meaning())),
            ("expected", finding.expected.clone()),
            ("seen", words::seen(finding)),
        ];
        if finding.widened {
            rows.push(("widened", "what was seen allows MORE than what was expected".to_owned()));
        }
        if finding.dimension.is_some() {
            rows.push(("origin", origin(finding)));
        }
        let views = finding.views.iter().map(|view| words::view(*view));
        let views = views.map(|(name, what)| format!("{name} ({what})"));
        rows.push(("seen in", views.collect::<Vec<_>>().join(", ")));
        rows.extend(self.before.iter().cloned());
        rows
    }

    /// The rows after the program.
    fn onward(&self, paint: &Style) -> String {
        self.after.iter().map(|(label, words)| paint.row_whole(label, words)).collect()
    }

    /// The program's lines with the step marked, ending the last.
    pub fn program(&self, paint: &Style) -> String {
        let mut listing = String::new();
        for Line { indent, text, says } in self.lines() {
            match says {
                Some(says) => listing.push_str(&marked((indent, &text), &says, paint)),
                None => listing.push_str(&format!("    {text}\n")),
            }
        }
        listing
    }

    /// The program's lines; the one that shows the finding says what is wrong with it.
    pub fn lines(&self) -> Vec<Line> {
        let text = self.program.to_string();
        let mut lines = Vec::new();
        for (number, line) in text.lines().skip(1).enumerate() {
            // The first line is config's, and the last the audit's.
            let step = number.checked_sub(1).filter(|step| *step < self.program.lines());
            let says = (step == Some(self.finding.step)).then(|| self.contradiction());
            lines.push(Line { indent: "", text: line.trim_end().to_owned(), says });
        }
        let audit = self.program.audit();
        let at = self.finding.step.checked_sub(self.program.lines());
        if let Some(step) = at.and_then(|at| audit.get(at)) {
            let (text, says) = (step.to_string(), Some(self.contradiction()));
            lines.push(Line { indent: "  ", text, says });
        }
        lines
    }

    /// What is wrong with the step that shows the finding.
    fn contradiction(&self) -> String {
        let Finding { clause, expected, .. } = self.finding;
        let seen = words::seen(self.finding);
        let where_ = match self.in_audit() {
            Some(Step::Restart(_)) => "; this is the audit's restart".to_owned(),
            Some(step) => step.uses().map_or(String::new(), |who| {
                format!("; the audit restarts the server, and {who} was read cold")
            }),
            None => String::new(),
        };
        format!("{clause}: expected {expected}, seen {seen}{where_}")
    }

    fn in_audit(&self) -> Option<Step> {
        let at = self.finding.step.checked_sub(self.program.lines())?;
        self.program.audit().get(at).cloned()
    }
}

/// A line with its mark, and what is wrong with it below.
fn marked((indent, line): (&str, &str), says: &str, paint: &Style) -> String {
    let below = format!("    {indent}");
    let says = paint.wrap(&format!("{below}^ "), &format!("{below}  "), says);
    let says: Vec<String> = says.lines().map(|line| paint.ink(Color::Bad, line)).collect();
    let mark = paint.ink(Color::Bad, ">");
    let line = paint.ink(Color::Strong, line);
    format!("  {mark} {indent}{line}\n{}\n", says.join("\n"))
}

/// The server that ran where a finding showed, and those that had the home before.
pub fn server(residence: &HomeHistory) -> String {
    let HomeHistory { release, before } = residence;
    let unknown = || "of an unknown release".to_owned();
    let now = release.as_ref().map_or_else(unknown, |release| format!("codex {release}"));
    let before: Vec<String> = before.iter().map(Version::to_string).collect();
    match before.as_slice() {
        [] => now,
        before => format!("{now}, on a home that {} had before", before.join(" and ")),
    }
}

impl ReplayCommands {
    fn replay(&self, file: &str) -> String {
        format!("heirloom replay {file} {}", self.flags).trim_end().to_owned()
    }
}

/// Where the wrong value comes from.
pub fn origin(finding: &Finding) -> String {
    let others: Vec<&str> = finding.also_fits.iter().map(|origin| origin.words()).collect();
    let or = match others.as_slice() {
        [] => String::new(),
        others => format!("; it is also {}", others.join(" and ")),
    };
    match finding.origin {
        Origin::Unknown => "no value of the program or its config is like the one seen".to_owned(),
        origin => format!("the value seen is {}{or}", origin.words()),
    }
}
