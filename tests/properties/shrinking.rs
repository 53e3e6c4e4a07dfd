//! The search for a smaller program, on simulated servers with a fault.
//!
//! Its result shows the same signature, is not longer than the program at the start, and is minimal:
//! no reduction of it shows the signature. It takes few runs, because a run on a real server takes
//! most of a second.

use std::cell::RefCell;

use proptest::prelude::Strategy;
use proptest::sample::select;

use super::check;
use super::drawn::any_program;
use crate::simulated;
use crate::simulated::fault::{FAULTS, Fault};
use heirloom::judge::judge;
use heirloom::judge::verdict::Verdict;
use heirloom::program::Program;
use heirloom::shrink::Search;
use heirloom::shrink::reductions::reductions;

/// Runs that half of all searches may take, as on a real server.
const MEDIAN_RUNS: u32 = 25;

fn verdict(program: &Program, fault: Fault) -> Verdict {
    judge(&simulated::run(program, Some(fault)))
}

/// The runs of a search from the program's first finding; none where it has no finding.
fn shrunk(program: &Program, fault: Fault) -> Result<Option<u32>, String> {
    let findings = verdict(program, fault).findings;
    let Some(finding) = findings.first() else {
        return Ok(None);
    };
    let signature = finding.signature();
    let shows = |program: &Program| verdict(program, fault).shows(&signature);
    let mut search = Search::new(program, finding);
    let mut runs = 0;
    while let Some(smaller) = search.propose() {
        search.tell(shows(&smaller));
        runs += 1;
    }
    let best = search.best();
    let problem = |what: &str| Err(format!("{fault:?}: {what} {signature}\n{best}\nof\n{program}"));
    if !shows(best) {
        return problem("the result does not show");
    }
    if best.lines() > program.lines() {
        return problem("the result is longer than the program, for");
    }
    if search.runs() != runs {
        return problem("the runs are not counted, for");
    }
    let smaller = reductions(best).into_iter().map(|program| program.normalised());
    match smaller.into_iter().find(|program| program != best && shows(program)) {
        Some(missed) => problem(&format!("a smaller program is\n{missed}and shows")),
        None => Ok(Some(search.runs())),
    }
}

fn faulty_programs() -> impl Strategy<Value = (Program, Fault)> {
    (any_program(), select(FAULTS))
}

#[test]
fn the_smallest_program_shows_the_finding_and_no_smaller_one_does() {
    check(faulty_programs(), |(program, fault)| shrunk(&program, fault).map(drop));
}

#[test]
fn half_of_all_searches_take_few_runs() {
    let runs = RefCell::new(Vec::new());
    check(faulty_programs(), |(program, fault)| {
        runs.borrow_mut().extend(shrunk(&program, fault)?);
        Ok(())
    });
    let mut runs = runs.into_inner();
    runs.sort_unstable();
    let median = *runs.get(runs.len() / 2).expect("a drawn program has a finding");
    assert!(median <= MEDIAN_RUNS, "half of {} searches took {median} runs or more", runs.len());
}
