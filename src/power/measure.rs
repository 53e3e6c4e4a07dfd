//! What a campaign finds of a planted fault, and how soon.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde::Serialize;

use super::Planted;
use crate::campaign::{Campaign, Event, FindingReport, Subject};
use crate::contract::Clause;
use crate::drive::test_bed::TestBed;
use crate::judge::record::Status;
use crate::judge::signature::Signature;
use crate::policy::Dimension;

/// A campaign that looks into other findings first is given up after so many times its budget.
const PATIENCE: u32 = 4;

/// A fault and what a campaign found of it.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    pub name: String,
    /// The clause that the fault is about; none for the honest stand-in.
    pub clause: Option<Clause>,
    pub dimension: Option<Dimension>,
    /// Whether a new finding of one of its clauses was confirmed.
    pub found: bool,
    /// The signature of that finding.
    pub by: Option<String>,
    /// Until it showed for the first time.
    pub seconds: Option<f64>,
    /// Cases until then.
    pub cases: Option<u64>,
    /// The lines of its shortest program.
    pub steps: Option<usize>,
    /// The lines of the shortest program that a person has written.
    pub shortest: usize,
    pub shrink_runs: Option<u32>,
    pub explain_runs: Option<u32>,
    /// Other new findings that were confirmed.
    pub others: Vec<String>,
    /// The cases that were run in all.
    pub cases_in_all: u64,
}

impl Measured {
    fn new(fault: &Planted) -> Measured {
        Measured {
            name: fault.name.clone(),
            clause: fault.clauses.first().copied(),
            dimension: fault.dimension,
            found: false,
            by: None,
            seconds: None,
            cases: None,
            steps: None,
            shortest: fault.shortest,
            shrink_runs: None,
            explain_runs: None,
            others: Vec::new(),
            cases_in_all: 0,
        }
    }

    /// Whether the campaign did what it should: the honest stand-in shows nothing new.
    pub fn is_right(&self) -> bool {
        self.clause.is_some() == self.found && (self.found || self.others.is_empty())
    }
}

/// A fault that a campaign is to find.
pub struct Trial<'a> {
    pub fault: &'a Planted,
    pub campaign: &'a Campaign,
    /// Ends all trials.
    pub stop: &'a AtomicBool,
}

impl Trial<'_> {
    /// Runs the campaign until the fault is found and explained, or its budget is spent.
    pub fn run(&self, test_bed: &Arc<TestBed>, subject: Subject) -> Measured {
        let (begun, enough) = (Instant::now(), AtomicBool::new(false));
        let longest = self.campaign.time.unwrap_or(Duration::from_secs(60)) * PATIENCE;
        let mut measured = Measured::new(self.fault);
        let outcome = self.campaign.run(test_bed, subject, &enough, |event| {
            self.take(&mut measured, &event, begun.elapsed());
            let over = measured.explain_runs.is_some() || begun.elapsed() > longest;
            if over || self.stop.load(Ordering::Relaxed) {
                enough.store(true, Ordering::Relaxed);
            }
        });
        measured.cases_in_all = outcome.cases;
        measured
    }

    fn take(&self, measured: &mut Measured, event: &Event, elapsed: Duration) {
        match event {
            Event::Found { signature, index, row: None } if self.is_of(signature) => {
                measured.seconds.get_or_insert(elapsed.as_secs_f64());
                measured.cases.get_or_insert(index + 1);
            }
            Event::FindingReport(report) if report.status == Status::New => {
                self.confirmed(measured, report);
            }
            Event::Cause(cause) if self.is_of(&cause.finding.finding.signature()) => {
                measured.explain_runs = Some(cause.record.explain_runs);
            }
            _ => {}
        }
    }

    fn confirmed(&self, measured: &mut Measured, report: &FindingReport) {
        let signature = report.finding.signature();
        if !self.is_of(&signature) {
            measured.others.push(signature.to_string());
        } else if !measured.found {
            measured.found = true;
            measured.by = Some(signature.to_string());
            measured.steps = Some(report.steps);
            measured.shrink_runs = Some(report.shrink_runs);
        }
    }

    fn is_of(&self, signature: &Signature) -> bool {
        self.fault.clauses.contains(&signature.clause)
    }
}
