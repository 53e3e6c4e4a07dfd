//! The judge on traces of a server that is well, and on the same trace told otherwise.
//!
//! A server that is well is not blamed, and what no clause speaks of (names, numbers, the form in
//! which a trace is kept) changes no verdict. What is wrong is tried in `faults`.

use std::collections::BTreeSet;

use expect_test::expect;
use heirloom::contract::Clause;
use heirloom::judge::signature::Signature;
use heirloom::judge::{Verdict, judge};
use heirloom::policy::Approval;
use heirloom::program::Program;
use heirloom::trace::{Entry, Observation, Trace};
use proptest::prelude::Strategy;

use super::drawn::{any_fault, any_program, two_namings, written_program};
use super::{check, same};
use crate::simulated;
use crate::simulated::fault::Fault;

/// Of a server that is well nothing is told but what the contract itself calls a notice.
fn blameless(program: &Program) -> Result<(), String> {
    let verdict = judge(&simulated::run(program, None));
    let other = verdict.notices.iter().find(|notice| notice.clause != Clause::G12);
    let broken =
        verdict.tally.iter().find(|(_, tally)| tally.broken > 0 || tally.held < tally.fired);
    match (verdict.findings.first(), other, &verdict.inconclusive, broken) {
        (None, None, None, None) => Ok(()),
        told => Err(format!("{told:?} of\n{program}")),
    }
}

fn signatures(verdict: &Verdict) -> BTreeSet<Signature> {
    verdict.findings.iter().map(heirloom::judge::Finding::signature).collect()
}

/// The trace with its requests and its turns counted otherwise.
fn recounted(mut trace: Trace) -> Trace {
    for Entry { what, .. } in &mut trace.facts {
        match what {
            Observation::Sent { call, .. }
            | Observation::Answered { call, .. }
            | Observation::Refused { call, .. } => {
                *call = u32::MAX - *call;
            }
            Observation::TurnStarted { turn, .. }
            | Observation::TurnEnded { turn, .. }
            | Observation::TurnEvent { turn, .. } => *turn = 7 * *turn + 1,
            _ => {}
        }
    }
    trace
}

fn troubled(mut trace: Trace) -> Trace {
    trace.facts.truncate(trace.facts.len() / 2);
    trace.times_us.truncate(trace.facts.len());
    let step = trace.facts.last().map_or(0, |fact| fact.step);
    let reason = "the disk is full; free space".to_owned();
    trace.facts.push(Entry { step, what: Observation::Trouble { reason } });
    trace.times_us.push(0);
    trace
}

/// Our own trouble blames no server, and is told in its own words.
fn excused(trace: Trace) -> Result<(), String> {
    let verdict = judge(&troubled(trace));
    same(&verdict.inconclusive.as_deref(), &Some("the disk is full; free space"))?;
    same(&signatures(&verdict), &BTreeSet::new())
}

#[test]
fn a_server_that_is_well_is_not_blamed() {
    check(any_program(), |program| blameless(&program));
}

#[test]
fn a_server_that_is_well_is_not_blamed_for_a_written_program() {
    check(written_program(), |program| blameless(&program));
}

#[test]
fn other_names_change_no_signature() {
    check((two_namings(), any_fault()), |((program, other), fault)| {
        let verdict = |program| judge(&simulated::run(program, fault));
        same(&signatures(&verdict(&other)), &signatures(&verdict(&program)))
    });
}

#[test]
fn other_numbers_of_requests_and_turns_change_no_verdict() {
    check((any_program(), any_fault()), |(program, fault)| {
        let trace = simulated::run(&program, fault);
        same(&judge(&recounted(trace.clone())), &judge(&trace))
    });
}

#[test]
fn a_stored_trace_is_judged_to_the_same_verdict() {
    check((any_program(), any_fault()), |(program, fault)| {
        let trace = simulated::run(&program, fault);
        let stored: Trace = trace.to_string().parse().expect("a trace is read back");
        same(&judge(&stored), &judge(&trace))
    });
}

#[test]
fn trouble_of_our_own_is_no_finding() {
    check(any_program().prop_map(|program| simulated::run(&program, None)), excused);
}

/// What is told of a plan whose rows say that nobody is asked.
fn with_lying_rows(program: &str, fault: Option<Fault>) -> String {
    let program: Program = program.parse().expect("it is a plan");
    let mut trace = simulated::run(&program, fault);
    for Entry { what, .. } in &mut trace.facts {
        if let Observation::Store { approval, .. } = what {
            *approval = Some(Approval::Never);
        }
    }
    let verdict = judge(&trace);
    let findings = verdict.findings.iter();
    let findings = findings.map(|finding| format!("{} {:?}", finding.signature(), finding.views));
    let notices = verdict.notices.iter().map(|notice| notice.text.clone());
    findings.chain(notices).collect::<Vec<_>>().join("\n")
}

const ONE_TURN: &str = "# heirloom case v1\nconfig\nstart approval=untrusted -> t0\n\
                        run t0 \"hi\"\naudit\n";

#[test]
fn a_row_that_disagrees_alone_is_a_notice() {
    expect!["the state database says AP never where untrusted is due, and no cold read is wrong"]
        .assert_eq(&with_lying_rows(ONE_TURN, None));
}

#[test]
fn a_row_that_disagrees_beside_a_wrong_cold_read_is_a_view_of_it() {
    expect!["R4/AP/resume/untrusted/config {Reply, Store}"]
        .assert_eq(&with_lying_rows(ONE_TURN, Some(Fault::InheritsNothing)));
}

/// What is told when what the running turn is told to its end is this approval policy.
fn told_at_the_end(lines: &str, told: &str) -> String {
    let program: Program =
        format!("# heirloom case v1\nconfig approval=on-request\n{lines}audit\n")
            .parse()
            .expect("the lines are a case");
    let mut trace = simulated::run(&program, None);
    let end = program.steps.len() - 1;
    for fact in trace.facts.iter_mut().filter(|fact| fact.step == end) {
        if let Observation::ModelContext { told: said, .. } = &mut fact.what
            && said.approval.is_some()
        {
            said.approval = Some(told.to_owned());
        }
    }
    let signatures = signatures(&judge(&trace)).into_iter().map(|one| one.to_string());
    signatures.collect::<Vec<_>>().join(" ")
}

#[test]
fn what_is_said_to_a_running_turn_changes_no_policy_of_it() {
    let changed = "start -> t0\nbegin t0\nsettings t0 approval=never\nfinish t0 complete\n";
    let steered = "start -> t0\nbegin t0\nrun t0 \"more\" approval=never\nfinish t0 complete\n";
    let all = [changed, steered]
        .map(|lines| ["on-request", "never"].map(|told| told_at_the_end(lines, told)));
    expect![[r#"
        [
            [
                "",
                "U1/AP/run/on-request/unknown",
            ],
            [
                "",
                "T6/AP/run/on-request/unknown",
            ],
        ]
    "#]]
    .assert_debug_eq(&all);
}
