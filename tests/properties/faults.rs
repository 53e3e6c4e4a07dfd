//! Every fault of a simulated server is found, and nothing is found but what follows from it.
//!
//! A fault that shows in the facts is a finding; one that the plan does not exercise is none, and
//! one that shows in a rollout alone is a notice. The table says which clauses a fault breaks where
//! it shows first, which ones where its consequences show, and in which dimension alone, if it is
//! one.

use heirloom::program::ops::cold_read::ColdRead;
use heirloom::program::ops::configure::Configure;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::start::Start;
use std::cell::RefCell;
use std::collections::BTreeSet;

use expect_test::expect;
use heirloom::contract::Clause;
use heirloom::judge::judge;
use heirloom::judge::verdict::{Finding, Verdict, View};
use heirloom::model::World;
use heirloom::model::step::step;
use heirloom::policy::{Dimension, Overrides};
use heirloom::program::Program;
use heirloom::program::lift::canonical;
use heirloom::program::ops::Step;
use heirloom::program::thread::ThreadName;
use heirloom::program::thread::ThreadRef;
use heirloom::trace::{Entry, Observation, Trace};
use proptest::strategy::Strategy;

use super::check;
use super::drawn::any_plan;
use crate::simulated;
use crate::simulated::fault::{FAULTS, Fault};

/// Rounds of drawn plans until each fault has shown, at the most: one shows the rarest in 7 of 8.
const ROUNDS: usize = 4;

/// What a fault breaks.
struct Row {
    /// Where it shows first.
    first: Vec<Clause>,
    /// Where else it may show.
    later: Vec<Clause>,
    /// The one dimension of the values that are wrong.
    dimension: Option<Dimension>,
}

/// By which a cold read restores a thread: after turns, settings, a fork or a resume.
const COLD: [Clause; 16] = [
    Clause::O3,
    Clause::O7,
    Clause::O8,
    Clause::R3,
    Clause::R4,
    Clause::R5,
    Clause::R6,
    Clause::R8,
    Clause::R9,
    Clause::R10,
    Clause::R11,
    Clause::R12,
    Clause::R13,
    Clause::F4,
    Clause::U3,
    Clause::U4,
];

/// By which a fork has its policy.
const FORKED: [Clause; 6] =
    [Clause::F1, Clause::F2, Clause::F3, Clause::F6, Clause::F8, Clause::R12];

/// By which a wrong value of a thread shows while the thread is loaded: by its own operation, by
/// what came after it or a change of config in a look, in a warm resume, in the notice of a change
/// and in what the model is told.
const LOADED: [Clause; 20] = [
    Clause::S1,
    Clause::S2,
    Clause::T1,
    Clause::T2,
    Clause::T3,
    Clause::T6,
    Clause::T7,
    Clause::U1,
    Clause::U4,
    Clause::R1,
    Clause::R2,
    Clause::G9,
    Clause::O1,
    Clause::O4,
    Clause::O5,
    Clause::O6,
    Clause::O7,
    Clause::O8,
    Clause::O9,
    Clause::O10,
];

/// What a call that is not heard breaks: what it asks for through `config`, and what must be
/// refused.
const ASKED: [Clause; 3] = [Clause::R12, Clause::T5, Clause::G5];

/// Everywhere.
fn views() -> Vec<Clause> {
    [&LOADED[..], &FORKED, &COLD, &[Clause::O7]].concat()
}

fn row(first: &[Clause], later: &[Clause]) -> Row {
    Row { first: first.to_vec(), later: later.to_vec(), dimension: None }
}

fn only(dimension: Dimension, row: Row) -> Row {
    Row { dimension: Some(dimension), ..row }
}

/// A thread whose policy is wrong and was not said to be, which shows wherever it is looked at.
fn silent() -> Row {
    row(&[views(), vec![Clause::T9]].concat(), &[])
}

fn breaks(fault: Fault) -> Row {
    let cold_or_forked = [&COLD[..], &FORKED].concat();
    let views_and = |clause| [views(), vec![clause]].concat();
    match fault {
        Fault::InheritsNothing => row(&cold_or_forked, &[]),
        Fault::LosesSandboxes => only(Dimension::SB, row(&COLD, &[])),
        Fault::LosesFields => only(Dimension::AP, row(&COLD, &[])),
        Fault::DropsFailedTurns
        | Fault::ForksIntoTheSource
        | Fault::FollowsConfig
        | Fault::ClearsByNull => silent(),
        Fault::LosesTheLastChange => row(&cold_or_forked, &[]),
        Fault::LeaksToOthers | Fault::FallsBackInTurns => only(Dimension::AP, silent()),
        Fault::IgnoresStarts => row(&[&ASKED[..], &[Clause::S1, Clause::T8]].concat(), &views()),
        Fault::IgnoresTurns => row(&[&ASKED[..], &[Clause::T9]].concat(), &views()),
        Fault::IgnoresForks => row(&[&ASKED[..], &[Clause::F3]].concat(), &views()),
        Fault::IgnoresColdResumes => {
            row(&[&ASKED[..], &[Clause::R3, Clause::R11]].concat(), &views())
        }
        Fault::AppliesWarmResumes => row(&[Clause::R2], &[]),
        Fault::RunsFlawedTurns => {
            let unmaterialised = [Clause::R16, Clause::T9];
            row(&[Clause::T5, Clause::G5], &[views(), unmaterialised.to_vec()].concat())
        }
        Fault::RunsUnloadedThreads => row(&[Clause::R0], &views_and(Clause::T9)),
        // What is there against the contract may be kept or not, and nobody knows which.
        Fault::KeepsEveryThread => row(&[Clause::R16], &views()),
        Fault::RefusesColdResumes => row(&COLD, &[]),
        Fault::SendsNoNotice | Fault::NoticesEqualValues => row(&[Clause::T9], &[]),
        Fault::NoticesTheOldValue => {
            row(&[Clause::T1, Clause::T2, Clause::T3, Clause::U4], &views_and(Clause::T9))
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

/// What a run showed, its files and the secondary dimensions aside: what the world does not know of
/// those is not compared.
fn shown(trace: &Trace) -> Vec<Entry> {
    let evidence = |fact: &&Entry| {
        matches!(fact.what, Observation::Rollout { .. } | Observation::Store { .. })
    };
    let mut facts: Vec<Entry> =
        trace.facts.iter().filter(|fact| !evidence(fact)).cloned().collect();
    for fact in &mut facts {
        if let Observation::Answered { policy: Some(policy), .. }
        | Observation::ColdRead { policy: Some(policy), .. }
        | Observation::Settings { policy, .. } = &mut fact.what
        {
            policy.others.clear();
        }
    }
    facts
}

/// Whether the contract leaves some answer of the plan open, in which a fault can hide.
fn is_open(program: &Program) -> bool {
    let mut world = World::new(program.defaults.clone());
    program.with_audit().iter().any(|each| {
        let mut branches = step(&world, each);
        let open = branches.len() > 1;
        world = branches.swap_remove(0).world;
        open || world.threads.values().any(|thread| !thread.maybe.is_empty())
    })
}

/// Whether the fault is found in this plan, and only as the table says.
fn found(program: &Program, fault: Fault) -> Result<bool, String> {
    let (well, ill) = (simulated::run(program, None), simulated::run(program, Some(fault)));
    let verdict = judge(&ill);
    let shows = shown(&ill) != shown(&well);
    let problem = match shows {
        true if verdict.findings.is_empty() && is_open(program) => None,
        true => unlike(&verdict, &breaks(fault)),
        // Of the secondary dimensions it is not known here whether they show.
        false => {
            let secondary = |finding: &&Finding| {
                finding.dimension.is_some_and(|one| Dimension::SECONDARY.contains(&one))
            };
            let other = verdict.findings.iter().find(|finding| !secondary(finding));
            other.map(|finding| format!("{} without it", told(finding)))
        }
    };
    match problem {
        None => Ok(shows && !verdict.findings.is_empty()),
        Some(problem) => Err(format!("{fault:?}: {problem}\nin\n{program}")),
    }
}

/// What of a verdict the row does not say.
fn unlike(verdict: &Verdict, row: &Row) -> Option<String> {
    let Some(first) = verdict.findings.first() else {
        return Some("it is not found".to_owned());
    };
    let follows = |finding: &&Finding| {
        // What is granted or refused after the fault has shown follows from it in too many ways.
        let answer = finding.dimension.is_none() && finding.views.contains(&View::Reply);
        let follows = answer || row.later.contains(&finding.clause);
        let later = *finding != first && follows;
        let place = |dimension| if dimension == Dimension::PP { Dimension::SB } else { dimension };
        let own = |own| finding.dimension.is_none_or(|dimension| place(dimension) == own);
        let here = row.dimension.is_none_or(own);
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

/// The plan with its starts, turns, forks, resumes, looks and restarts alone, each plain: of these
/// the table says all that follows from a fault. What the other lines make of one follows in more
/// ways than a table holds.
fn plain(mut program: Program) -> Program {
    program.steps.retain(|step| {
        matches!(
            step,
            Step::Start(_)
                | Step::Run(_)
                | Step::Fork(_)
                | Step::Resume(_)
                | Step::WarmRead(_)
                | Step::ColdRead(_)
                | Step::Restart(_)
                | Step::Configure(_)
        )
    });
    let named: BTreeSet<ThreadName> = program.names().into_iter().collect();
    let gone = |who: &ThreadRef| matches!(who, ThreadRef::Thread(name) if !named.contains(name));
    for step in &mut program.steps {
        step.each_used(&mut |who| {
            if gone(who) {
                *who = ThreadRef::Unknown;
            }
        });
        match step {
            Step::Start(Start { overrides, ephemeral, .. }) => {
                *ephemeral = false;
                *overrides = primary(overrides);
            }
            Step::Fork(Fork { overrides, ephemeral, cut, .. }) => {
                (*ephemeral, *cut) = (false, None);
                *overrides = primary(overrides);
            }
            Step::Resume(Resume { overrides, .. }) => *overrides = primary(overrides),
            Step::Run(Run { overrides, .. }) => *overrides = primary(overrides),
            Step::Configure(Configure { defaults }) => defaults.profile = None,
            _ => {}
        }
    }
    program.defaults.profile = None;
    canonical(&program)
}

/// The overrides of the policy alone, each by its own key.
fn primary<S: Clone>(overrides: &Overrides<S>) -> Overrides<S> {
    let Overrides { approval, reviewer, sandbox, .. } = overrides.clone();
    Overrides { approval, reviewer, sandbox, ..Overrides::default() }
}

#[test]
fn every_fault_is_found_where_it_shows_and_nothing_else_is() {
    let missing = RefCell::new(FAULTS.iter().copied().collect::<BTreeSet<Fault>>());
    for _ in 0..ROUNDS {
        if missing.borrow().is_empty() {
            break;
        }
        check(any_plan().prop_map(plain), |program| {
            for fault in FAULTS {
                if found(&program, *fault)? {
                    missing.borrow_mut().remove(fault);
                }
            }
            Ok(())
        });
    }
    assert_eq!(missing.into_inner(), BTreeSet::new(), "no drawn plan shows these");
}

#[test]
fn a_thread_that_follows_config_breaks_s2_in_the_next_look() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\n\
                configure approval=granular()\nreread t0\naudit\n";
    let program: Program = program.parse().expect("it is a plan");
    let verdict = judge(&simulated::run(&program, Some(Fault::FollowsConfig)));
    let first = verdict.findings.first().map(|finding| finding.signature().to_string());
    assert_eq!(first.as_deref(), Some("S2/AP/configure/never/config"));
}

/// The findings of a plan on a server with a fault, each with its step and its views.
fn findings(program: &str, fault: Fault) -> String {
    let program: Program = program.parse().expect("it is a plan");
    let verdict = judge(&simulated::run(&program, Some(fault)));
    let line = |finding: &Finding| {
        format!("{} at step {} in {:?}", finding.signature(), finding.step, finding.views)
    };
    verdict.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_copy_of_the_home_shows_what_a_cold_read_loses_and_blames_no_loaded_thread() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\nfresh t0\n\
                reread t0\nresume t0\naudit\n";
    expect!["R4/AP/resume/never/config at step 2 in {Reply, Fresh}"]
        .assert_eq(&findings(program, Fault::InheritsNothing));
}

#[test]
fn what_the_model_is_told_of_an_adopted_value_is_a_further_view() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\n\
                restart kill\nresume t0\nrun t0 \"hi\"\naudit\n";
    expect!["R4/AP/resume/never/config at step 3 in {Reply, Told}"]
        .assert_eq(&findings(program, Fault::InheritsNothing));
}

#[test]
fn a_model_that_is_told_the_old_policy_breaks_g9() {
    let program = "# heirloom case v1\nconfig\nstart -> t0\n\
                run t0 \"hi\" reviewer=auto_review sandbox=workspace-write\nreread t0\naudit\n";
    expect![[r#"
        G9/RV/run/auto_review/config at step 1 in {Told}
        G9/SB/run/workspace-write/config at step 1 in {Told}"#]]
    .assert_eq(&findings(program, Fault::TellsTheOldPolicy));
}
