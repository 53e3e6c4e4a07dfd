//! The results of a campaign so far, put together from its events.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::campaign::{Event, FindingReport, Outcome};
use crate::cause::record::CauseRecord;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::report::page::stage::{Progress, Stage};
use crate::report::words::{self, plural};

/// Says that no event has come yet.
const PREPARING: &str = "The server is made ready.";

#[derive(Debug, Default)]
pub(super) struct SoFar {
    pub(super) outcome: Outcome,
    begun: bool,
    cases: Option<u64>,
    time: Option<Duration>,
    /// The titles of the rows that excuse a finding.
    titles: BTreeMap<Signature, String>,
    /// What is done about a finding just now.
    investigation: Option<String>,
    /// Rows of the known list that were replayed, and how many are.
    stale_check: Option<(usize, usize)>,
}

impl SoFar {
    pub(super) fn on_event(&mut self, event: &Event, elapsed: Duration) {
        self.outcome.wall = elapsed;
        match event {
            Event::Began { subject, seed, cases, time, .. } => {
                self.begun = true;
                self.outcome.subject = subject.clone();
                self.outcome.seed = *seed;
                (self.cases, self.time) = (*cases, *time);
            }
            Event::NoSandbox { reason } => self.outcome.no_sandbox = Some(reason.clone()),
            Event::Case { steps, tally, inconclusive, .. } => {
                self.outcome.cases += 1;
                self.outcome.steps += u64::try_from(*steps).unwrap_or(0);
                for (cell, count) in tally {
                    *self.outcome.tally.entry(*cell).or_default() += *count;
                }
                if let Some(reason) = inconclusive {
                    *self.outcome.inconclusive.entry(reason.clone()).or_default() += 1;
                }
            }
            Event::Found { signature, row: Some(title), .. } => {
                self.titles.insert(signature.clone(), title.clone());
            }
            Event::Found { signature, row: None, .. } => {
                self.investigate(signature, "to be reproduced")
            }
            Event::Shrinking { signature, runs, .. } => {
                self.investigate(signature, &format!("shrinking, {}", plural(*runs, "run")));
            }
            Event::Explaining { signature, runs, most } => {
                let most = plural(*most, "run");
                self.investigate(signature, &format!("explaining, {runs} of at most {most}"));
            }
            Event::Confirming { signature, done, runs } => {
                let runs = plural(*runs, "run");
                self.investigate(signature, &format!("confirming, {done} of {runs}"));
            }
            Event::FindingReport(report) => self.reported(report),
            Event::Cause(cause) => {
                self.investigation = None;
                self.outcome.causes.push(cause.record.clone());
                self.sort();
            }
            Event::StaleCheck { done, rows } => self.stale_check = Some((*done, *rows)),
            Event::Stale(stale) => self.outcome.stale.push(stale.clone()),
            Event::Gone(gone) => self.outcome.gone.push(gone.clone()),
            Event::Ended(outcome) => self.outcome = (**outcome).clone(),
            _ => {}
        }
    }

    pub(super) fn stage(&self, number: u64) -> Stage {
        let investigation = self.investigation.clone();
        let progress = Progress { number, investigation, ..Progress::default() };
        if !self.begun {
            return Stage::Running(Progress { text: PREPARING.to_owned(), ..progress });
        }
        let ran = plural(self.outcome.cases, "case");
        if let Some((done, rows)) = self.stale_check {
            let text = format!("{ran} ran. Known deviations are replayed: {done} of {rows}.");
            let [done, all] = [done, rows].map(|count| u64::try_from(count).unwrap_or(u64::MAX));
            return Stage::Running(Progress { text, done, all: Some(all.max(1)), ..progress });
        }
        let (done, all, text) = match (self.cases, self.time) {
            (Some(cases), _) => {
                let done = self.outcome.cases;
                (done, Some(cases), format!("{done} of {} ran.", plural(cases, "case")))
            }
            (None, Some(time)) => {
                let left = words::time(time.saturating_sub(self.outcome.wall));
                let seconds = self.outcome.wall.min(time).as_secs();
                (seconds, Some(time.as_secs()), format!("{ran} ran, {left} left."))
            }
            (None, None) => (self.outcome.cases, None, format!("{ran} ran.")),
        };
        Stage::Running(Progress { text, done, all: all.map(|all| all.max(1)), ..progress })
    }

    fn investigate(&mut self, signature: &Signature, work: &str) {
        let signature = words::signature(signature);
        self.investigation = Some(format!("Looking for the cause of {signature} ({work})."));
    }

    fn reported(&mut self, report: &FindingReport) {
        let same = |kept: &&mut FindingReport| kept.id == report.id && kept.cause == report.cause;
        match self.outcome.findings.iter_mut().find(same) {
            Some(kept) => *kept = report.clone(),
            None => self.outcome.findings.push(report.clone()),
        }
        self.investigation = None;
        let Some(id) = &report.cause else { return };
        let known = matches!(report.status, Status::Known | Status::Carried);
        let is_new = !self.outcome.causes.iter().any(|cause| cause.id == *id);
        if known && is_new {
            let title = self.titles.get(&report.finding.signature()).unwrap_or(id).clone();
            let record = CauseRecord::empty(report.status);
            self.outcome.causes.push(CauseRecord { id: id.clone(), title, ..record });
        }
        if let Some(cause) = self.outcome.causes.iter_mut().find(|cause| cause.id == *id) {
            cause.add_value(&report.finding);
            if !cause.findings.contains(&report.id) {
                cause.findings.push(report.id.clone());
            }
        }
        self.sort();
    }

    /// The order of the whole results: new ones first, then those that widen.
    fn sort(&mut self) {
        self.outcome.causes.sort_by_key(|cause| (cause.status, !cause.widened));
    }
}
