//! The search for a smaller case, on simulated servers with a fault.
//!
//! What it ends with shows the same signature, is no longer than what it began with, and is
//! minimal: no reduction of it shows the signature still. It takes few runs, for on a real server a
//! run takes most of a second.

use std::cell::RefCell;

use heirloom::judge::judge;
use heirloom::judge::verdict::Verdict;
use heirloom::program::Program;
use heirloom::program::lift::canonical;
use heirloom::shrink::Search;
use heirloom::shrink::reductions::reductions;
use proptest::prelude::Strategy;
use proptest::sample::select;

use super::check;
use super::drawn::any_plan;
use crate::simulated;
use crate::simulated::fault::{FAULTS, Fault};

/// Runs that half of all searches may take, as on a real server.
const MEDIAN_RUNS: u32 = 25;

fn verdict(program: &Program, fault: Fault) -> Verdict {
    judge(&simulated::run(program, Some(fault)))
}

/// Searches from the plan's first finding, if it has one; gives the runs that it took.
fn shrunk(program: &Program, fault: Fault) -> Result<Option<u32>, String> {
    let findings = verdict(program, fault).findings;
    let Some(finding) = findings.first() else {
        return Ok(None);
    };
    let signature = finding.signature();
    let shows = |program: &Program| verdict(program, fault).shows(&signature);
    let mut search = Search::new(program, finding);
    while let Some(smaller) = search.propose() {
        search.tell(shows(&smaller));
    }
    let best = search.best();
    let problem = |what: &str| Err(format!("{fault:?}: {what} {signature}\n{best}\nof\n{program}"));
    if !shows(best) {
        return problem("the smallest does not show");
    }
    if best.lines() > program.lines() {
        return problem("the smallest is longer, of");
    }
    let smaller = reductions(best).into_iter().map(|program| canonical(&program));
    match smaller.into_iter().find(|program| program != best && shows(program)) {
        Some(missed) => problem(&format!("this is smaller:\n{missed}and shows")),
        None => Ok(Some(search.runs())),
    }
}

fn ills() -> impl Strategy<Value = (Program, Fault)> {
    (any_plan(), select(FAULTS))
}

#[test]
fn the_smallest_case_shows_the_same_and_nothing_smaller_does() {
    check(ills(), |(program, fault)| shrunk(&program, fault).map(drop));
}

#[test]
fn half_of_all_searches_take_few_runs() {
    let runs = RefCell::new(Vec::new());
    check(ills(), |(program, fault)| {
        runs.borrow_mut().extend(shrunk(&program, fault)?);
        Ok(())
    });
    let mut runs = runs.into_inner();
    runs.sort_unstable();
    let median = runs.get(runs.len() / 2).copied().unwrap_or(0);
    assert!(median <= MEDIAN_RUNS, "half of {} searches took {median} runs or more", runs.len());
}
