//! The end of a campaign, in words.
//!
//! What was tested and what was not, what was found, one sentence of conclusion with its exit code,
//! and the command that does it again. A clause that never fired is named: not tested is not green.

use std::path::Path;

use super::style::{Color, Style};
use super::summary::{ClauseCount, by_clause};
use super::words::{self, plural, rate};
use crate::campaign::{Conclusion, FindingReport, Outcome};
use crate::contract::Clause;
use crate::judge::record::{Proof, Status};

/// Longest line of a list of findings, whatever the width.
const LISTED_MAX: usize = 100;

/// What the end is made of.
#[derive(Clone, Copy, Debug)]
pub struct Closing<'a> {
    /// What the campaign came to.
    pub outcome: &'a Outcome,
    /// The folder of the run.
    pub folder: &'a Path,
    /// The command that does it again.
    pub again: &'a str,
}

impl Closing<'_> {
    /// The text for a terminal.
    pub fn text(&self, paint: &Style) -> String {
        let mut text = format!("{}\n{}\n", paint.rule(), paint.ink(Color::Strong, "Summary"));
        text.push_str(&self.spent(paint));
        text.push_str(&self.found(paint));
        text.push_str(&self.noticed(paint));
        text.push_str(&self.untested(paint));
        text.push_str(&paint.row_whole("results", &self.folder.display().to_string()));
        text.push_str(&paint.row_whole("again", self.again));
        text.push('\n');
        text.push_str(&self.conclusion(paint));
        text
    }

    fn spent(&self, paint: &Style) -> String {
        let Outcome { subject, seed, cases, steps, wall, .. } = self.outcome;
        let interrupted = match self.outcome.interrupted {
            true => "; interrupted, so this is what was done until then",
            false => "",
        };
        let ran = format!(
            "{} with {} in {}, {:.1} steps/s{interrupted}",
            plural(*cases, "case"),
            plural(*steps, "step"),
            words::time(*wall),
            rate(*steps, *wall),
        );
        let (server, harness) = (self.outcome.server_cpu, self.outcome.harness_cpu);
        let whole = (server + harness).as_secs_f64().max(f64::EPSILON);
        let share = |part: std::time::Duration| 100.0 * part.as_secs_f64() / whole;
        let cpu = format!(
            "server {} ({:.1} %), heirloom {} ({:.1} %)",
            words::time(server),
            share(server),
            words::time(harness),
            share(harness),
        );
        [
            paint.row_whole("server", &words::server(subject)),
            paint.row_whole("", &subject.digest),
            paint.row("seed", &seed.to_string()),
            paint.row("ran", &ran),
            paint.row("CPU", &cpu),
        ]
        .concat()
    }

    fn found(&self, paint: &Style) -> String {
        let findings = &self.outcome.findings;
        let with = |status| findings.iter().filter(move |told| told.status == status);
        let counts = [Status::New, Status::Known, Status::Flaky]
            .map(|status| format!("{} {}", with(status).count(), words::status(status)));
        let widened = findings.iter().filter(|told| told.finding.widened).count();
        let more = match widened {
            0 => String::new(),
            widened => format!(
                "; in {widened} the server allows more than it should (WIDENED){}",
                deeds(findings)
            ),
        };
        let mut text = paint.row("findings", &format!("{}{more}", counts.join(", ")));
        if let Some((median, worst)) = shrinking(findings) {
            let line = format!("in {median} runs at the median, {worst} at the worst");
            text.push_str(&paint.row("shrunk", &line));
        }
        for told in findings {
            text.push_str(&listed(told, paint));
        }
        text
    }

    fn noticed(&self, paint: &Style) -> String {
        let mut text = String::new();
        for noticed in &self.outcome.notices {
            let cases = plural(noticed.count, "case");
            let line = format!("{}: {} ({cases})", noticed.clause, noticed.text);
            text.push_str(&paint.row("notice", &line));
        }
        for (reason, count) in &self.outcome.inconclusive {
            let line = format!("{}: {reason}", plural(*count, "case"));
            text.push_str(&paint.row_in(Color::Doubtful, "inconclusive", &line));
        }
        if !self.outcome.left_out.is_empty() {
            let steps: u64 = self.outcome.left_out.values().sum();
            let each =
                self.outcome.left_out.iter().map(|(what, count)| format!("{what} ({count})"));
            let each = each.collect::<Vec<_>>().join(", ");
            let line = format!("{} that this release does not have: {each}", plural(steps, "step"));
            text.push_str(&paint.row("left out", &line));
        }
        for stale in &self.outcome.stale {
            let line = format!("{}: {}", stale.signature, words::stale(stale));
            text.push_str(&paint.row_in(Color::Doubtful, "stale", &line));
        }
        text
    }

    fn untested(&self, paint: &Style) -> String {
        let counts = by_clause(self.outcome);
        // G12 is a notice and is never compared; it is heard of where there is one.
        let noticed = |id| self.outcome.notices.iter().any(|noticed| noticed.clause == id);
        let of = |is: fn(&&ClauseCount) -> bool| -> Vec<Clause> {
            let clauses = counts.iter().filter(is).map(|clause| clause.id);
            clauses.filter(|id| !noticed(*id)).collect()
        };
        let relied = of(|clause| clause.count.tested > 0 && clause.count.compared == 0);
        let (lacking, silent): (Vec<Clause>, Vec<Clause>) = of(|clause| clause.count.tested == 0)
            .into_iter()
            .partition(|clause| self.outcome.withheld.contains(clause));
        let why = self.outcome.no_sandbox.as_ref();
        let mut text = why.map_or(String::new(), |why| {
            paint.row("not tested", &format!("E2: this machine cannot sandbox: {why}"))
        });
        if lacking.is_empty() && silent.is_empty() {
            text.push_str(&paint.row("not tested", "nothing: every clause fired"));
        }
        let rows = [
            ("not tested", lacking, "clauses need what this release does not have (see left out)"),
            ("not tested", silent, "clauses never fired, and of them nothing is said"),
            ("relied on", relied, "clauses by comparisons of others, by none of their own"),
        ];
        for (title, clauses, why) in rows.iter().filter(|(_, clauses, _)| !clauses.is_empty()) {
            let line = format!("{} of {} {why}: {}", clauses.len(), counts.len(), join(clauses));
            text.push_str(&paint.row(title, &line));
        }
        text
    }

    fn conclusion(&self, paint: &Style) -> String {
        let conclusion = self.outcome.conclusion();
        let ink = match conclusion {
            Conclusion::Conforms => Color::Good,
            Conclusion::NewFinding => Color::Bad,
            _ => Color::Doubtful,
        };
        let name = words::name(&self.outcome.subject);
        let sentence =
            format!("{name} {} (exit code {})", words::sentence(self.outcome), conclusion as u8);
        let lines = paint.wrap("", "", &sentence);
        let lines = lines.lines().map(|line| format!("{}\n", paint.ink(ink, line)));
        lines.collect()
    }
}

fn join(clauses: &[Clause]) -> String {
    clauses.iter().map(Clause::to_string).collect::<Vec<_>>().join(" ")
}

/// The median and the worst number of runs that it took to shrink a finding.
fn shrinking(findings: &[FindingReport]) -> Option<(u32, u32)> {
    let mut runs: Vec<u32> = findings
        .iter()
        .filter(|told| told.status == Status::New)
        .map(|told| told.shrink_runs)
        .collect();
    runs.sort_unstable();
    Some((*runs.get(runs.len() / 2)?, *runs.last()?))
}

/// What the deeds of the findings showed, counted.
fn deeds(findings: &[FindingReport]) -> String {
    let of = |wanted| {
        let deeds = findings.iter().filter_map(|told| told.probe.as_ref());
        deeds.filter(|deed| deed.proof == wanted).count()
    };
    let counts = [Proof::Proved, Proof::Refuted, Proof::NotShown].map(|one| (of(one), one));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts: Vec<String> =
        counts.map(|(count, one)| format!("{count} {}", words::proof(one))).collect();
    match counts.is_empty() {
        true => String::new(),
        false => format!("; by deeds {}", counts.join(", ")),
    }
}

/// A finding in one line, which begins with its clause.
fn listed(told: &FindingReport, paint: &Style) -> String {
    let finding = &told.finding;
    let dimension = finding.dimension.map_or(String::new(), |dimension| dimension.to_string());
    let widened = if finding.widened { "WIDENED " } else { "" };
    let what = format!("expected {}, seen {}", finding.expected, finding.seen);
    let line = format!("{widened}{}: {what}", words::status(told.status));
    let line: String = match line.char_indices().nth(LISTED_MAX) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    };
    let ink = match told.status {
        Status::New if finding.widened => Color::Bad,
        Status::New => Color::Strong,
        Status::Flaky => Color::Doubtful,
        Status::Known => Color::Plain,
    };
    paint.row_in(ink, &format!("  {:<4}{dimension}", finding.clause), &line)
}
