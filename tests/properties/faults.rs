//! Every fault of a simulated server is found, and nothing is found but what follows from it.
//!
//! A fault that shows in the facts is a finding; one that the plan does not exercise is none, and
//! one that shows in a rollout alone is a notice. The table says which clauses a fault breaks where
//! it shows first, which ones where its consequences show, and in which dimension alone, if it is
//! one.

use std::cell::RefCell;
use std::collections::BTreeSet;

use heirloom::contract::Clause;
use heirloom::judge::{Finding, Verdict, judge};
use heirloom::plan::Plan;
use heirloom::policy::Dimension;
use heirloom::trace::{Fact, Trace, What};

use super::check;
use super::drawn::any_plan;
use crate::simulated;
use crate::simulated::fault::{FAULTS, Fault};

/// What a fault breaks.
struct Row {
    /// Where it shows first.
    first: Vec<Clause>,
    /// Where else it may show.
    later: Vec<Clause>,
    /// The one dimension of the values that are wrong.
    dimension: Option<Dimension>,
}

/// By which a cold read restores a thread: after turns, and after a fork or a resume without one.
const COLD: [Clause; 5] = [Clause::R4, Clause::R5, Clause::R8, Clause::F4, Clause::R11];

/// By which a wrong value of a thread can show: by its own operation or a change of config in a
/// look, in a warm resume, in the notice of a turn, in what the model is told, in a fork, and in a
/// cold read.
const VIEWS: [Clause; 15] = [
    Clause::S1,
    Clause::S2,
    Clause::T1,
    Clause::T2,
    Clause::T3,
    Clause::R1,
    Clause::R2,
    Clause::G9,
    Clause::F1,
    Clause::F3,
    Clause::R4,
    Clause::R5,
    Clause::R8,
    Clause::F4,
    Clause::R11,
];

fn row(first: &[Clause], later: &[Clause]) -> Row {
    Row { first: first.to_vec(), later: later.to_vec(), dimension: None }
}

fn only(dimension: Dimension, row: Row) -> Row {
    Row { dimension: Some(dimension), ..row }
}

/// A thread whose policy is wrong and was not said to be, which shows wherever it is looked at.
fn silent() -> Row {
    let mut views = VIEWS.to_vec();
    views.push(Clause::T9);
    row(&views, &[])
}

fn breaks(fault: Fault) -> Row {
    let cold_or_forked = [&COLD[..], &[Clause::F1]].concat();
    let views_and = |clause| [&VIEWS[..], &[clause]].concat();
    match fault {
        Fault::InheritsNothing => row(&cold_or_forked, &[]),
        Fault::LosesSandboxes => {
            only(Dimension::SB, row(&[Clause::R8, Clause::F4, Clause::R11], &[]))
        }
        Fault::LosesFields => only(Dimension::AP, row(&[Clause::R4, Clause::F4, Clause::R11], &[])),
        Fault::DropsFailedTurns
        | Fault::ForksIntoTheSource
        | Fault::FollowsConfig
        | Fault::ClearsByNull => silent(),
        Fault::LosesTheLastChange => row(&cold_or_forked, &[]),
        Fault::LeaksToOthers | Fault::FallsBackInTurns => only(Dimension::AP, silent()),
        Fault::IgnoresStarts => row(&[Clause::S1], &[]),
        Fault::IgnoresTurns => row(&[Clause::T9], &VIEWS),
        Fault::IgnoresForks => row(&[Clause::F3], &[]),
        Fault::IgnoresColdResumes => row(&[Clause::R11], &[]),
        Fault::AppliesWarmResumes => row(&[Clause::R2], &[]),
        Fault::RunsFlawedTurns => {
            let unmaterialised = [Clause::R16, Clause::T9];
            row(&[Clause::T5, Clause::G5], &[&VIEWS[..], &unmaterialised].concat())
        }
        Fault::RunsUnloadedThreads => row(&[Clause::R0], &views_and(Clause::T9)),
        Fault::KeepsEveryThread => row(&[Clause::R16], &[]),
        Fault::RefusesColdResumes => row(&[Clause::R4, Clause::F4, Clause::R11], &[]),
        Fault::SendsNoNotice | Fault::NoticesEqualValues => row(&[Clause::T9], &[]),
        Fault::NoticesTheOldValue => {
            row(&[Clause::T1, Clause::T2, Clause::T3], &views_and(Clause::T9))
        }
        Fault::TellsTheOldPolicy => row(&[Clause::G9], &[]),
        Fault::AnswersForTheSource => row(&[Clause::F4], &views_and(Clause::R0)),
        Fault::StatesNoPolicyOfForks | Fault::Mutters => row(&[Clause::W2], &[]),
        Fault::AnswersTwice | Fault::NeverAnswersForks => row(&[Clause::W1], &[]),
        Fault::DiesInTurns | Fault::PanicsAtTheEnd => row(&[Clause::W3], &[]),
        Fault::StartsTurnsTwice
        | Fault::EndsTurnsTwice
        | Fault::TrailsTurns
        | Fault::HangsInTurns => row(&[Clause::W4], &[]),
    }
}

/// What a run showed, its files aside.
fn shown(trace: &Trace) -> Vec<&Fact> {
    let evidence = |fact: &&Fact| matches!(fact.what, What::Rollout { .. });
    trace.facts.iter().filter(|fact| !evidence(fact)).collect()
}

/// Whether the fault is found in this plan, and only as the table says.
fn found(plan: &Plan, fault: Fault) -> Result<bool, String> {
    let (well, ill) = (simulated::run(plan, None), simulated::run(plan, Some(fault)));
    let verdict = judge(&ill);
    let shows = shown(&ill) != shown(&well);
    let problem = match shows {
        true => unlike(&verdict, &breaks(fault)),
        false => verdict.findings.first().map(|finding| format!("{} without it", told(finding))),
    };
    match problem {
        None => Ok(shows && !verdict.findings.is_empty()),
        Some(problem) => Err(format!("{fault:?}: {problem}\nin\n{plan}")),
    }
}

/// What of a verdict the row does not say.
fn unlike(verdict: &Verdict, row: &Row) -> Option<String> {
    let Some(first) = verdict.findings.first() else {
        return Some("it is not found".to_owned());
    };
    let follows = |finding: &&Finding| {
        let later = *finding != first && row.later.contains(&finding.clause);
        let here = row.dimension.is_none_or(|own| finding.dimension.is_none_or(|d| d == own));
        here && (later || row.first.contains(&finding.clause))
    };
    let other = verdict.findings.iter().find(|finding| !follows(finding));
    other.map(|finding| format!("{} is found, which does not follow", told(finding)))
}

fn told(finding: &Finding) -> String {
    format!(
        "{} at step {}: {} where {} is due",
        finding.signature(),
        finding.step,
        finding.seen,
        finding.expected
    )
}

#[test]
fn every_fault_is_found_where_it_shows_and_nothing_else_is() {
    let missing = RefCell::new(FAULTS.iter().copied().collect::<BTreeSet<Fault>>());
    check(any_plan(), |plan| {
        for fault in FAULTS {
            if found(&plan, *fault)? {
                missing.borrow_mut().remove(fault);
            }
        }
        Ok(())
    });
    assert_eq!(missing.into_inner(), BTreeSet::new(), "no drawn plan shows these");
}

#[test]
fn a_thread_that_follows_config_breaks_s2_in_the_next_look() {
    let plan = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\n\
                configure approval=granular()\nreread t0\naudit\n";
    let plan: Plan = plan.parse().expect("it is a plan");
    let verdict = judge(&simulated::run(&plan, Some(Fault::FollowsConfig)));
    let first = verdict.findings.first().map(|finding| finding.signature().to_string());
    assert_eq!(first.as_deref(), Some("S2/AP/configure/never/config"));
}
