//! What judged runs of one program showed, printed like a campaign's findings, and the exit code.

use std::collections::{BTreeMap, BTreeSet};

use itertools::Itertools;
use semver::Version;

use super::failure::Failure;
use super::text::print;
use crate::campaign::Conclusion;
use crate::cause::words::dimension;
use crate::cause::{Known, Standing as RowStanding};
use crate::contract::Clause;
use crate::judge::verdict::{Finding, Verdict};
use crate::policy::Dimension;
use crate::program::ops::Step;
use crate::report::finding::{Details, FindingText, Standing};
use crate::report::style::{Color, Style};
use crate::report::words::{plural, ran_on};
use crate::trace::view::View;
use crate::trace::{Observation, Trace};

pub(super) struct Runs<'a> {
    pub(super) known: &'a Known,
    pub(super) release: Option<Version>,
    pub(super) runs: Vec<(Trace, Verdict)>,
    /// Whether a stop has left some out.
    pub(super) interrupted: bool,
}

/// A finding and the first run that shows it.
struct Shown<'a> {
    trace: &'a Trace,
    finding: &'a Finding,
    /// The row that explains it.
    row: Option<RowStanding<'a>>,
}

impl Runs<'_> {
    /// Prints what the runs showed; gives the exit code.
    pub(super) fn report(&self) -> Result<u8, Failure> {
        let style = Style::stdout();
        let shown = self.shown();
        let mut text = String::new();
        for Shown { trace, finding, row } in &shown {
            let standing = if row.is_some() { Standing::Known } else { Standing::Finding };
            let (program, trace, details) =
                (&trace.program, Some(*trace), self.details(finding, *row));
            let finding = FindingText { finding, program, trace, standing, details };
            text.push_str(&format!("{}\n", finding.text(&style)));
        }
        if shown.is_empty() {
            let program = self.runs.first().map(|(trace, _)| trace.program.to_string());
            text.push_str(&format!("{}\n", program.unwrap_or_default()));
        }
        text.push_str(&self.remarks(&style));
        text.push_str(&self.compared(&style));
        let conclusion = self.conclusion(&shown);
        text.push_str(&self.sentence(conclusion, shown.len(), &style));
        print(&text)?;
        Ok(conclusion as u8)
    }

    /// Each finding once, those that allow more first.
    fn shown(&self) -> Vec<Shown<'_>> {
        let mut shown: Vec<Shown<'_>> = Vec::new();
        for (trace, verdict) in &self.runs {
            for finding in &verdict.findings {
                if !shown.iter().any(|other| other.finding.is_like(finding)) {
                    shown.push(Shown { trace, finding, row: self.explaining(finding) });
                }
            }
        }
        shown.sort_by_key(|shown| (shown.finding.rank(), shown.finding.signature()));
        shown
    }

    fn explaining(&self, finding: &Finding) -> Option<RowStanding<'_>> {
        self.known.standing(finding, self.release.as_ref())
    }

    fn details(&self, finding: &Finding, row: Option<RowStanding<'_>>) -> Details {
        let shows = |verdict: &Verdict| verdict.findings.iter().any(|other| other.is_like(finding));
        let times = self.runs.iter().filter(|(_, verdict)| shows(verdict)).count();
        let excuse = row.map(|RowStanding { row, carried }| {
            let carried = if carried { ", carried over" } else { "" };
            let (id, reason) = (&row.id, row.why());
            let homes = row.from.as_ref();
            let homes = homes.map_or(String::new(), |from| format!(", on homes from {from}"));
            format!("{id}: {reason} (releases {}{homes}{carried})", row.releases)
        });
        Details {
            server: Some(ran_on(&finding.home_history)),
            shown: Some(format!("in {times} of {}", plural(self.runs.len(), "run"))),
            excuse,
            ..Details::default()
        }
    }

    fn remarks(&self, style: &Style) -> String {
        let mut lines = BTreeSet::new();
        for (trace, verdict) in &self.runs {
            let unsandboxed =
                |what: &Observation| matches!(what, Observation::Probe { unsandboxed: true, .. });
            if trace.entries.iter().any(|fact| unsandboxed(&fact.observation)) {
                let clause = Clause::E2.titled();
                let why = format!("{clause}: this machine cannot sandbox commands");
                lines.insert(("not tested", why));
            }
            lines.extend(verdict.notices.iter().map(|notice| {
                let clause = notice.clause.titled();
                ("notice", format!("{clause} (no breach): {}", notice.text))
            }));
            let reason = verdict.inconclusive.iter();
            lines.extend(reason.map(|reason| ("inconclusive", reason.clone())));
        }
        lines.iter().map(|(label, text)| style.row(label, text)).join("")
    }

    /// Which settings were compared in which views, and which of those that the program sets were
    /// not: what conforms was seen nowhere else.
    fn compared(&self, style: &Style) -> String {
        let mut views: BTreeMap<Dimension, BTreeSet<View>> = BTreeMap::new();
        for cell in self.runs.iter().flat_map(|(_, verdict)| verdict.tally.keys()) {
            if let (Some(dimension), Some(view)) = (cell.dimension, cell.view) {
                views.entry(dimension).or_default().insert(view);
            }
        }
        let steps = self.runs.iter().flat_map(|(trace, _)| &trace.program.steps);
        let set = steps.flat_map(Step::leaves).filter_map(Step::sets);
        let set: BTreeSet<Dimension> = set.flat_map(|(dimensions, _)| dimensions).collect();
        // A sandbox and a profile stand in the same place.
        let permissions = [Dimension::SB, Dimension::PP];
        let stated = permissions.iter().any(|one| views.contains_key(one));
        let is_shown =
            |one: &Dimension| views.contains_key(one) || (stated && permissions.contains(one));
        let hidden: Vec<Dimension> = set.into_iter().filter(|one| !is_shown(one)).collect();
        let mut groups: BTreeMap<BTreeSet<View>, Vec<Dimension>> = BTreeMap::new();
        for (dimension, views) in views {
            groups.entry(views).or_default().push(dimension);
        }
        let groups = groups.iter().sorted_by_key(|(_, dimensions)| dimensions[0]);
        let lines = groups.map(|(views, dimensions)| {
            let line = format!("{}: {}", named(dimensions), views.iter().join(", "));
            style.row("compared", &line)
        });
        let unseen = (!hidden.is_empty()).then(|| {
            let line = format!("{}: set, and shown by no view", named(&hidden));
            style.row("not compared", &line)
        });
        lines.chain(unseen).collect()
    }

    /// A finding that is not known before everything else.
    fn conclusion(&self, shown: &[Shown<'_>]) -> Conclusion {
        if shown.iter().any(|shown| shown.row.is_none()) {
            Conclusion::NewFinding
        } else if self.interrupted {
            Conclusion::Interrupted
        } else if self.runs.is_empty() {
            Conclusion::NothingRan
        } else if self.runs.iter().any(|(_, verdict)| verdict.inconclusive.is_some()) {
            Conclusion::Trouble
        } else {
            Conclusion::Conforms
        }
    }

    fn sentence(&self, conclusion: Conclusion, findings: usize, style: &Style) -> String {
        let (color, result) = match conclusion {
            Conclusion::NewFinding => (Color::Bad, "does not conform"),
            Conclusion::Conforms if findings > 0 => (Color::Good, "shows known deviations only"),
            Conclusion::Conforms => (Color::Good, "conforms in every view that was compared"),
            Conclusion::NothingRan => (Color::Doubtful, "was not run"),
            Conclusion::Interrupted => (Color::Doubtful, "undecided: stopped before the last run"),
            _ => (Color::Doubtful, "undecided: see inconclusive above"),
        };
        let server =
            self.release.as_ref().map_or("this server".to_owned(), |v| format!("codex {v}"));
        let (runs, exit) = (plural(self.runs.len(), "run"), conclusion as u8);
        let line = format!("this program on {server}, {runs}: {result} (exit code {exit})");
        style.paragraph(color, "", &line)
    }
}

fn named(dimensions: &[Dimension]) -> String {
    dimensions.iter().map(|one| dimension(*one)).join(", ")
}
