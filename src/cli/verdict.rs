//! What judged runs of one program showed, told and made an exit code.
//!
//! The same form as a campaign's findings, each with how many of the runs showed it and whether the
//! list excuses it.

use std::collections::BTreeSet;

use semver::Version;

use super::{Failure, print};
use crate::campaign::Conclusion;
use crate::judge::{Finding, Verdict};
use crate::known::{Known, Row};
use crate::report::finding::{FindingText, server};
use crate::report::style::{Color, Style};
use crate::report::words::plural;
use crate::trace::{Observation, Trace};

/// Runs of one program.
pub(super) struct Proof<'a> {
    pub(super) known: &'a Known,
    pub(super) release: Option<Version>,
    pub(super) runs: Vec<(Trace, Verdict)>,
}

/// The homes that a row is about, where it is not about all.
fn homes(row: &Row) -> String {
    row.from.as_ref().map_or(String::new(), |from| format!(", on homes from {from}"))
}

impl Proof<'_> {
    /// Prints what the runs showed; gives the exit code.
    pub(super) fn tell(&self) -> Result<u8, Failure> {
        let paint = Style::stdout();
        let mut text = String::new();
        let mut order: Vec<(&Trace, &Finding)> = Vec::new();
        for (trace, verdict) in &self.runs {
            for finding in &verdict.findings {
                if !order.iter().any(|(_, told)| told.is_like(finding)) {
                    order.push((trace, finding));
                }
            }
        }
        order.sort_by_key(|(_, finding)| (!finding.widened, finding.signature()));
        for (trace, finding) in &order {
            let row = self.excuse(finding);
            let standing = if row.is_some() { "known" } else { "finding" };
            let before = self.before(finding, row);
            let after = vec![("signature", finding.signature().to_string())];
            let program = &trace.program;
            let exhibit =
                FindingText { finding, program, trace: Some(trace), standing, before, after };
            text.push_str(&format!("{}\n", exhibit.text(&paint)));
        }
        if order.is_empty() {
            let program = self.runs.first().map(|(trace, _)| trace.program.to_string());
            text.push_str(&format!("{}\n", program.unwrap_or_default()));
        }
        text.push_str(&self.notices(&paint));
        let new = order.iter().any(|(_, finding)| self.excuse(finding).is_none());
        let conclusion = self.conclusion(new);
        text.push_str(&self.sentence(conclusion, order.len(), &paint));
        print(&text)?;
        Ok(conclusion as u8)
    }

    fn excuse(&self, finding: &Finding) -> Option<&Row> {
        self.known.excuses(finding)
    }

    fn before(&self, finding: &Finding, row: Option<&Row>) -> Vec<(&'static str, String)> {
        let shows = |verdict: &Verdict| verdict.findings.iter().any(|one| one.is_like(finding));
        let shown = self.runs.iter().filter(|(_, verdict)| shows(verdict)).count();
        let shown = format!("in {shown} of {}", plural(self.runs.len(), "run"));
        let mut rows = vec![("server", server(&finding.residence)), ("shown", shown)];
        if let Some(row) = row {
            let reason = row.reason.as_deref().or(row.link.as_deref()).unwrap_or_default();
            rows.push(("excused", format!("{reason} (releases {}{})", row.releases, homes(row))));
        }
        rows
    }

    fn notices(&self, paint: &Style) -> String {
        let mut lines = BTreeSet::new();
        for (trace, verdict) in &self.runs {
            let unsandboxed =
                |what: &Observation| matches!(what, Observation::Probe { unsandboxed: true, .. });
            if trace.facts.iter().any(|fact| unsandboxed(&fact.what)) {
                let why = "E2: this machine cannot sandbox a command";
                lines.insert(("not tested", why.to_owned()));
            }
            let notices = verdict.notices.iter();
            lines.extend(
                notices.map(|notice| ("notice", format!("{}: {}", notice.clause, notice.text))),
            );
            let reason = verdict.inconclusive.iter();
            lines.extend(reason.map(|reason| ("inconclusive", reason.clone())));
        }
        lines.iter().map(|(label, text)| paint.row(label, text)).collect()
    }

    /// A finding that is not known before everything else.
    fn conclusion(&self, new: bool) -> Conclusion {
        let silent = self.runs.iter().any(|(_, verdict)| verdict.inconclusive.is_some());
        match () {
            () if new => Conclusion::NewFinding,
            () if self.runs.is_empty() => Conclusion::NothingRan,
            () if silent => Conclusion::Trouble,
            () => Conclusion::Conforms,
        }
    }

    fn sentence(&self, conclusion: Conclusion, findings: usize, paint: &Style) -> String {
        let (ink, says) = match conclusion {
            Conclusion::NewFinding => (Color::Bad, "does not conform"),
            Conclusion::Conforms if findings > 0 => (Color::Good, "shows known deviations only"),
            Conclusion::Conforms => (Color::Good, "conforms in every view"),
            Conclusion::NothingRan => (Color::Doubtful, "was not run"),
            _ => (Color::Doubtful, "undecided: the suite had trouble of its own"),
        };
        let server =
            self.release.as_ref().map_or("this server".to_owned(), |v| format!("codex {v}"));
        let runs = plural(self.runs.len(), "run");
        let line =
            format!("this program on {server}, {runs}: {says} (exit code {})", conclusion as u8);
        format!("{}\n", paint.ink(ink, &line))
    }
}
