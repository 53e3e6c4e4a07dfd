//! The end of a campaign: what was tested and what was not, what was found, one sentence of
//! conclusion with its exit code, and the command that runs the campaign again.

use std::path::Path;
use std::time::Duration;

use itertools::Itertools;

use super::cause;
use super::style::{Color, Style};
use super::summary::{ClauseCount, by_clause};
use super::words::{self, plural, rate};
use crate::campaign::{Conclusion, FindingReport, InvestigationRuns, Outcome};
use crate::contract::Clause;
use crate::judge::record::{Proof, Status};

/// Longest value in the list of findings, in characters: a server's message may be long.
const VALUE_MAX: usize = 60;

/// Characters of a digest that tell two servers apart; `summary.json` has it whole.
const DIGEST: usize = "sha256:".len() + 12;

/// What the end is made of.
#[derive(Clone, Copy, Debug)]
pub struct FinalSummary<'a> {
    pub outcome: &'a Outcome,
    /// The folder of the run.
    pub folder: &'a Path,
    /// The command that runs it again.
    pub again: &'a str,
    /// The list of known deviations, as `the built-in list`.
    pub known_list: &'a str,
}

impl FinalSummary<'_> {
    /// The text for a terminal.
    pub fn text(&self, style: &Style) -> String {
        [
            format!("{}\n{}", style.rule(), style.heading("Summary")),
            self.effort(style),
            self.findings(style),
            self.remarks(style),
            self.untested(style),
            style.row_whole("results", &self.folder.display().to_string()),
            style.row_whole("again", self.again),
            "\n".to_owned(),
            self.conclusion(style),
        ]
        .concat()
    }

    fn effort(&self, style: &Style) -> String {
        let Outcome { subject, seed, cases, steps, wall, .. } = self.outcome;
        let interrupted = if self.outcome.interrupted { "; stopped early" } else { "" };
        let ran = format!(
            "{} with {} in {}, {:.1} steps/s{interrupted}",
            plural(*cases, "case"),
            plural(*steps, "step"),
            words::time(*wall),
            rate(*steps, *wall),
        );
        let (server, harness) = (self.outcome.server_cpu, self.outcome.harness_cpu);
        let whole = (server + harness).as_secs_f64().max(f64::EPSILON);
        let used = |part: Duration| {
            let share = 100.0 * part.as_secs_f64() / whole;
            format!("{} ({share:.1} %)", words::time(part))
        };
        let cpu = match &subject.client {
            None => format!("server {}, heirloom {}", used(server), used(harness)),
            // Their time counts when the process that imported the SDK ends, after this.
            Some(_) => "not measured where the SDK starts the servers".to_owned(),
        };
        let digest = subject.digest.get(..DIGEST).unwrap_or(&subject.digest);
        [
            style.row("server", &format!("{} ({digest})", words::server(subject))),
            style.row("seed", &seed.to_string()),
            style.row("ran", &ran),
            style.row("CPU", &cpu),
            self.workers(style),
        ]
        .concat()
    }

    /// What the workers did, in shares of their time.
    fn workers(&self, style: &Style) -> String {
        let work = &self.outcome.work;
        let whole = work.whole().as_secs_f64();
        if whole == 0.0 {
            return String::new();
        }
        let share = |(name, time): &(&str, Duration)| {
            format!("{name} {:.0} %", 100.0 * time.as_secs_f64() / whole)
        };
        style.row("workers", &work.parts().iter().map(share).format(", ").to_string())
    }

    fn findings(&self, style: &Style) -> String {
        let Outcome { findings, causes, .. } = self.outcome;
        let count = |status| causes.iter().filter(|cause| cause.status == status).count();
        let carried = match count(Status::Carried) {
            0 => String::new(),
            carried => format!("; {} carried over from an older release", plural(carried, "cause")),
        };
        let known = match count(Status::Known) {
            0 => String::new(),
            known => {
                let list = self.known_list;
                format!("; {known} known, excused by {list} (--known none shows them)")
            }
        };
        let of = |status| findings.iter().filter(|report| report.status == status).count();
        let flaky = match of(Status::Flaky) {
            0 => String::new(),
            flaky => format!("; {flaky} flaky, which could not be reproduced"),
        };
        let new = count(Status::New);
        let color = if of(Status::New) > 0 { Color::Bad } else { Color::Plain };
        let all = plural(findings.len(), "finding");
        let line = format!("{new} new{known}{carried}; {all} in all{flaky}");
        let mut text = style.row_in(color, "causes", &line);
        let widened = findings.iter().filter(|report| report.finding.widened).count();
        if widened > 0 {
            let of = plural(findings.len(), "finding");
            let line = format!("in {widened} of {of} {}{}", words::ALLOWS_MORE, probes(findings));
            text.push_str(&style.row("WIDENED", &line));
        }
        let causes = causes.iter().map(|each| cause::listed(each, style));
        let alone = findings.iter().filter(|report| report.cause.is_none());
        text.extend(causes.chain(alone.map(|report| listed(report, style))));
        if let Some((median, most)) = runs_per_cause(&self.outcome.investigation) {
            let InvestigationRuns { trials, all, .. } = &self.outcome.investigation;
            let line = format!(
                "{median} runs to shrink and explain a cause (median), {most} at most; {all} in all, \
                 with those that confirm, and {trials} to see whether a cause explains another \
                 finding"
            );
            text.push_str(&style.row("explained", &line));
        }
        text
    }

    fn remarks(&self, style: &Style) -> String {
        let mut text = String::new();
        for notice in &self.outcome.notices {
            let (clause, cases) = (notice.clause.titled(), plural(notice.count, "case"));
            let line = format!("{clause} (no breach): {} ({cases})", notice.text);
            text.push_str(&style.row("notice", &line));
        }
        for (reason, count) in &self.outcome.inconclusive {
            let line = format!("{}: {reason}", plural(*count, "case"));
            text.push_str(&style.row_in(Color::Doubtful, "inconclusive", &line));
        }
        if !self.outcome.left_out.is_empty() {
            let steps: u64 = self.outcome.left_out.values().sum();
            let each =
                self.outcome.left_out.iter().map(|(what, count)| format!("{what} ({count})"));
            let (steps, each) = (plural(steps, "step"), each.format(", "));
            let who = match &self.outcome.subject.client {
                Some(_) => "this release or this client does",
                None => "this release does",
            };
            let line = format!("{steps}, because {who} not support them: {each}");
            text.push_str(&style.row("left out", &line));
        }
        for line in self.outcome.since.iter().flat_map(words::since) {
            text.push_str(&style.row("since", &line));
        }
        for gone in &self.outcome.gone {
            let line = format!("{} (a known deviation of an older release)", gone.title);
            text.push_str(&style.row("gone", &line));
        }
        for stale in &self.outcome.stale {
            let line = format!("{}: {}; {}", stale.id, stale.title, words::stale(stale));
            text.push_str(&style.row_in(Color::Doubtful, "stale", &line));
        }
        text
    }

    fn untested(&self, style: &Style) -> String {
        let counts = by_clause(self.outcome);
        // G12 is a notice and is never compared; it shows where there is one.
        let noticed = |id| self.outcome.notices.iter().any(|notice| notice.clause == id);
        let clauses = |is: fn(&&ClauseCount) -> bool| -> Vec<Clause> {
            let clauses = counts.iter().filter(is).map(|clause| clause.id);
            clauses.filter(|id| !noticed(*id)).collect()
        };
        let indirect = clauses(|clause| clause.count.tested > 0 && clause.count.compared == 0);
        let (unsupported, silent): (Vec<Clause>, Vec<Clause>) =
            clauses(|clause| clause.count.tested == 0)
                .into_iter()
                .partition(|clause| self.outcome.withheld.contains(clause));
        let mut text = String::new();
        if let Some(why) = &self.outcome.no_sandbox {
            let clause = Clause::E2.titled();
            let line = format!("{clause}: this machine cannot sandbox commands: {why}");
            text.push_str(&style.row("not tested", &line));
        }
        if unsupported.is_empty() && silent.is_empty() {
            text.push_str(&style.row("not tested", "nothing: every clause was tested"));
        }
        let mut list = |label: &str, clauses: &[Clause], why: &str| {
            if !clauses.is_empty() {
                let (count, clauses) = (clauses.len(), words::clauses(clauses));
                let line = format!("{count} of {} clauses {why}: {clauses}", counts.len());
                text.push_str(&style.row(label, &line));
            }
        };
        let lacking = "need steps that this release does not support (see left out)";
        list("not tested", &unsupported, lacking);
        let untried =
            "were not tested by these cases (a longer run or another seed may reach them)";
        list("not tested", &silent, untried);
        list("indirectly", &indirect, "were tested only through comparisons of other clauses");
        text
    }

    fn conclusion(&self, style: &Style) -> String {
        let conclusion = self.outcome.conclusion();
        let color = match conclusion {
            Conclusion::Conforms => Color::Good,
            Conclusion::NewFinding => Color::Bad,
            _ => Color::Doubtful,
        };
        let name = words::name(&self.outcome.subject);
        let sentence = words::sentence(self.outcome);
        let sentence = format!("{name} {sentence} (exit code {})", conclusion as u8);
        style.paragraph(color, "", &sentence)
    }
}

/// The median and the largest number of runs that it took to shrink and explain a cause.
fn runs_per_cause(investigation: &InvestigationRuns) -> Option<(u32, u32)> {
    let runs: Vec<u32> = investigation.per_cause.iter().copied().sorted_unstable().collect();
    Some((*runs.get(runs.len() / 2)?, *runs.last()?))
}

/// What the probes of the findings showed, counted.
fn probes(findings: &[FindingReport]) -> String {
    let count = |wanted| {
        let probes = findings.iter().filter_map(|report| report.probe.as_ref());
        probes.filter(|probe| probe.proof == wanted).count()
    };
    let counts = [Proof::Proved, Proof::Refuted, Proof::NotShown].map(|one| (count(one), one));
    let counts = counts.into_iter().filter(|(count, _)| *count > 0);
    let counts = counts.map(|(count, proof)| format!("{count} {proof}")).join(", ");
    if counts.is_empty() { counts } else { format!("; probes: {counts}") }
}

/// A finding in a line or two, which begins with its clause.
fn listed(report: &FindingReport, style: &Style) -> String {
    let finding = &report.finding;
    let clause = words::clause(finding.clause, finding.dimension);
    let [expected, seen] =
        [&finding.expected, &finding.seen].map(|value| words::shortened(value, VALUE_MAX));
    let what = match finding.dimension {
        Some(_) => format!("{expected} became {seen}"),
        None => format!("expected {expected}, seen {seen}"),
    };
    let degree = words::degree(finding);
    let color = match report.status {
        Status::New if finding.widened => Color::Bad,
        Status::New => Color::Strong,
        Status::Flaky => Color::Doubtful,
        Status::Known | Status::Carried => Color::Plain,
    };
    style.paragraph(color, "    ", &format!("{clause}: {what} ({degree}{})", report.status))
}
