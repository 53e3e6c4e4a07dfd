//! The judge on traces of a server without a fault, and on the same traces in other words.
//!
//! A server without a fault is not blamed, and names, numbers and the stored form of a trace change
//! no verdict. Servers with a fault are tried in `faults`.

use std::collections::BTreeSet;

use expect_test::expect;
use proptest::prelude::Strategy;

use super::drawn::{any_fault, any_program, two_namings, written_program};
use super::{check, same};
use crate::simulated;
use crate::simulated::fault::Fault;
use heirloom::contract::Clause;
use heirloom::judge::judge;
use heirloom::judge::signature::Signature;
use heirloom::judge::verdict::{Cell, Finding, Verdict};
use heirloom::policy::{Approval, Dimension};
use heirloom::program::Program;
use heirloom::trace::view::View;
use heirloom::trace::{Entry, Evidence, Observation, Trace};

/// A server without a fault has no finding, and no notice but those of what the contract permits (G12,
/// R10).
fn blameless(program: &Program) -> Result<(), String> {
    let verdict = judge(&simulated::run(program, None));
    let other =
        verdict.notices.iter().find(|notice| ![Clause::G12, Clause::R10].contains(&notice.clause));
    let broken =
        verdict.tally.iter().find(|(_, tally)| tally.broken > 0 || tally.held < tally.tested);
    match (verdict.findings.first(), other, &verdict.inconclusive, broken) {
        (None, None, None, None) => Ok(()),
        blame => Err(format!("{blame:?} of\n{program}")),
    }
}

fn signatures(verdict: &Verdict) -> BTreeSet<Signature> {
    verdict.findings.iter().map(Finding::signature).collect()
}

/// The trace with other numbers of its requests and its turns.
fn renumbered(mut trace: Trace) -> Trace {
    for Entry { observation: what, .. } in &mut trace.entries {
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

/// The first half of the trace, and trouble of the harness after it.
fn with_trouble(mut trace: Trace) -> Trace {
    trace.entries.truncate(trace.entries.len() / 2);
    trace.times_us.truncate(trace.entries.len());
    let step = trace.entries.last().map_or(0, |fact| fact.step);
    let reason = "the disk is full; free space".to_owned();
    trace.entries.push(Entry { step, observation: Observation::Trouble { reason } });
    trace.times_us.push(0);
    trace
}

/// Trouble of the harness blames no server, and is reported in its own words.
fn trouble_is_inconclusive(trace: Trace) -> Result<(), String> {
    let verdict = judge(&with_trouble(trace));
    same(&verdict.inconclusive.as_deref(), &Some("the disk is full; free space"))?;
    same(&signatures(&verdict), &BTreeSet::new())
}

#[test]
fn a_server_without_a_fault_is_not_blamed() {
    check(any_program(), |program| blameless(&program));
}

#[test]
fn a_server_without_a_fault_is_not_blamed_for_a_written_program() {
    check(written_program(), |program| blameless(&program));
}

#[test]
fn a_server_without_a_fault_is_not_blamed_for_what_a_kill_leaves_open() {
    // A fork that no client heard of, and a policy that is one of two in the file.
    for steps in [
        "run t0 \"one\"\nkill-during after=10ms parallel fork t0 -> t1 | resume t0\n\
         parallel resume t1 | start -> t2\n",
        "interrupt compact t0\n\
         kill-during parallel settings t0 approval=never | settings t0 approval=never\n\
         interrupt compact t0\nwarm-read t0\nsteer t0\ncold-read t0\nclient2 start -> t1\n",
    ] {
        let text = format!("# heirloom case v2\nconfig\nstart -> t0\n{steps}audit\n");
        let program = text.parse().expect("the text is a program");
        assert_eq!(blameless(&program), Ok(()));
    }
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
        same(&judge(&renumbered(trace.clone())), &judge(&trace))
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
    check(
        any_program().prop_map(|program| simulated::run(&program, None)),
        trouble_is_inconclusive,
    );
}

/// The findings and notices of a program where the state database says `never` of each thread.
fn with_wrong_rows(program: &str, fault: Option<Fault>) -> String {
    let program: Program = program.parse().expect("it is a program");
    let mut trace = simulated::run(&program, fault);
    for Entry { observation: what, .. } in &mut trace.entries {
        if let Observation::Evidence(Evidence { view: View::StateDb, policy, .. }) = what {
            policy.as_mut().expect("a row has a policy").approval = Approval::Never;
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
        .assert_eq(&with_wrong_rows(ONE_TURN, None));
}

#[test]
fn a_row_that_disagrees_beside_a_wrong_cold_read_is_a_view_of_it() {
    expect!["R4/AP/resume/untrusted/config {Reply, StateDb}"]
        .assert_eq(&with_wrong_rows(ONE_TURN, Some(Fault::InheritsNothing)));
}

/// The findings of a program whose last step tells the model this approval policy, and how often
/// the model's approval policy agreed.
fn with_stated_approval(lines: &str, approval: &str) -> String {
    let program: Program =
        format!("# heirloom case v1\nconfig approval=on-request\n{lines}audit\n")
            .parse()
            .expect("the lines are a program");
    let mut trace = simulated::run(&program, None);
    let end = program.steps.len() - 1;
    for entry in trace.entries.iter_mut().filter(|entry| entry.step == end) {
        if let Observation::ModelContext { told, .. } = &mut entry.observation
            && told.approval.is_some()
        {
            told.approval = Some(approval.to_owned());
        }
    }
    let verdict = judge(&trace);
    let is_stated = |cell: &Cell| {
        cell.view == Some(View::ModelContext) && cell.dimension == Some(Dimension::AP)
    };
    let stated = verdict.tally.iter().filter(|(cell, _)| is_stated(cell));
    let held: u64 = stated.map(|(_, tally)| tally.held).sum();
    let findings = signatures(&verdict).into_iter().map(|signature| format!("{signature}, "));
    format!("{}{held} held", findings.collect::<String>())
}

#[test]
fn settings_and_steering_do_not_change_the_policy_of_a_running_turn() {
    let changed = "start -> t0\nbegin t0\nsettings t0 approval=never\nfinish t0 complete\n";
    let steered = "start -> t0\nbegin t0\nrun t0 \"more\" approval=never\nfinish t0 complete\n";
    let all = [changed, steered]
        .map(|lines| ["on-request", "never"].map(|approval| with_stated_approval(lines, approval)));
    expect![[r#"
        [
            [
                "2 held",
                "U1/AP/run/on-request/before, 1 held",
            ],
            [
                "2 held",
                "T6/AP/run/on-request/before, 1 held",
            ],
        ]
    "#]]
    .assert_debug_eq(&all);
}
