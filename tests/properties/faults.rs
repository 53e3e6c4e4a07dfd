//! Every fault of a simulated server is found, and only what follows from it.
//!
//! A fault that changes the trace is a finding. A fault that the program does not exercise is not,
//! and one that only a rollout shows is a notice. The table has the clauses that a fault breaks
//! first, the clauses that its consequences break, and the dimension if only one is affected.

use std::cell::RefCell;
use std::collections::BTreeSet;

use expect_test::expect;
use proptest::strategy::Strategy;

use super::check;
use super::drawn::any_program;
use crate::simulated;
use crate::simulated::fault::{FAULTS, Fault};
use heirloom::contract::Clause;
use heirloom::judge::judge;
use heirloom::judge::verdict::{Cell, Finding, Verdict};
use heirloom::model::World;
use heirloom::model::step::step;
use heirloom::policy::model_context::STATED;
use heirloom::policy::{Dimension, Overrides, Policy};
use heirloom::program::Program;
use heirloom::program::ops::Step;
use heirloom::program::ops::configure::Configure;
use heirloom::program::ops::fork::Fork;
use heirloom::program::ops::resume::Resume;
use heirloom::program::ops::run::Run;
use heirloom::program::ops::start::Start;
use heirloom::program::thread::{ThreadName, ThreadRef};
use heirloom::trace::view::View;
use heirloom::trace::{Entry, Observation, Trace};

/// The most rounds of drawn programs until each fault is found: one round finds the rarest in 7 of 8
/// runs.
const ROUNDS: usize = 4;

/// Faults that only few drawn programs show: the written programs below find each.
const OF_LAYERS: [Fault; 5] = [
    Fault::TrustsWorkspaces,
    Fault::ChangesDefaults,
    Fault::IgnoresProjects,
    Fault::TrustsEverywhere,
    Fault::AddsRoots,
];

/// The clauses that a fault breaks.
struct Row {
    first: Vec<Clause>,
    /// Broken by the consequences of the first finding.
    later: Vec<Clause>,
    /// The only dimension that is affected.
    dimension: Option<Dimension>,
}

/// The clauses of a cold read, after turns, settings, a fork or a resume.
const COLD: [Clause; 17] = [
    Clause::L4,
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

/// The clauses of a fork's policy.
const FORKED: [Clause; 7] =
    [Clause::F1, Clause::F2, Clause::F3, Clause::F6, Clause::F8, Clause::R12, Clause::L4];

/// The clauses that a wrong value of a loaded thread breaks: those of its own operation, of later
/// ones, of a change of config, of a warm resume, of notices and of the model context.
const LOADED: [Clause; 21] = [
    Clause::L6,
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

/// The clauses that an ignored request breaks: an override through `config`, and a refusal.
const IGNORED: [Clause; 3] = [Clause::R12, Clause::T5, Clause::G5];

/// The clauses that a wrong value breaks wherever it is read.
fn everywhere() -> Vec<Clause> {
    [&LOADED[..], &FORKED, &COLD, &[Clause::O7]].concat()
}

fn row(first: &[Clause], later: &[Clause]) -> Row {
    Row { first: first.to_vec(), later: later.to_vec(), dimension: None }
}

fn only(dimension: Dimension, row: Row) -> Row {
    Row { dimension: Some(dimension), ..row }
}

/// A thread's policy is wrong, and no reply or notice has said so.
fn silent() -> Row {
    row(&[everywhere(), vec![Clause::T9]].concat(), &[])
}

fn breaks(fault: Fault) -> Row {
    let cold_or_forked = [&COLD[..], &FORKED].concat();
    let everywhere_and = |clause| [everywhere(), vec![clause]].concat();
    match fault {
        Fault::InheritsNothing => row(&cold_or_forked, &[]),
        Fault::LosesSandboxes => only(Dimension::SB, row(&COLD, &[])),
        Fault::LosesFields => only(Dimension::AP, row(&COLD, &[])),
        Fault::TrustsWorkspaces => {
            row(&[Clause::L2], &[everywhere(), vec![Clause::L1, Clause::L3]].concat())
        }
        Fault::ChangesDefaults => row(&[Clause::L3], &everywhere()),
        Fault::IgnoresProjects | Fault::TrustsEverywhere => {
            row(&[Clause::L1, Clause::L3], &everywhere())
        }
        Fault::AddsRoots => only(Dimension::SB, row(&[Clause::L6, Clause::T9], &everywhere())),
        Fault::DropsFailedTurns
        | Fault::ForksIntoTheSource
        | Fault::FollowsConfig
        | Fault::ClearsByNull => silent(),
        Fault::LosesTheLastChange => row(&cold_or_forked, &[]),
        Fault::LeaksToOthers | Fault::FallsBackInTurns => only(Dimension::AP, silent()),
        Fault::IgnoresStarts => {
            let start = [Clause::S1, Clause::T8, Clause::L1, Clause::L6];
            row(&[&IGNORED[..], &start].concat(), &everywhere())
        }
        Fault::IgnoresTurns => row(&[&IGNORED[..], &[Clause::T9]].concat(), &everywhere()),
        Fault::IgnoresForks => row(&[&IGNORED[..], &[Clause::F3]].concat(), &everywhere()),
        Fault::IgnoresColdResumes => {
            row(&[&IGNORED[..], &[Clause::R3, Clause::R11]].concat(), &everywhere())
        }
        Fault::AppliesWarmResumes => row(&[Clause::R2], &[]),
        Fault::RunsFlawedTurns => {
            let unmaterialised = [Clause::R16, Clause::T9];
            row(&[Clause::T5, Clause::G5], &[everywhere(), unmaterialised.to_vec()].concat())
        }
        Fault::RunsUnloadedThreads => row(&[Clause::R0], &everywhere_and(Clause::T9)),
        // The contract does not say which policy such a thread has.
        Fault::KeepsEveryThread => row(&[Clause::R16], &everywhere()),
        Fault::RefusesColdResumes => row(&COLD, &[]),
        Fault::SendsNoNotice | Fault::NoticesEqualValues => row(&[Clause::T9], &[]),
        Fault::NoticesTheOldValue => {
            let own = [Clause::T1, Clause::T2, Clause::T3, Clause::U4, Clause::L6];
            row(&own, &everywhere_and(Clause::T9))
        }
        Fault::TellsTheOldPolicy => row(&[Clause::G9, Clause::CM1], &[]),
        Fault::AnswersForTheSource => row(&[Clause::F4], &everywhere_and(Clause::R0)),
        Fault::StatesNoPolicyOfForks | Fault::Mutters => row(&[Clause::W2], &[]),
        Fault::AnswersTwice | Fault::NeverAnswersForks => row(&[Clause::W1], &[]),
        Fault::DiesInTurns | Fault::PanicsAtTheEnd => row(&[Clause::W3], &[]),
        Fault::StartsTurnsTwice
        | Fault::EndsTurnsTwice
        | Fault::TrailsTurns
        | Fault::HangsInTurns => row(&[Clause::W4], &[]),
    }
}

/// The entries of a trace without files and secondary dimensions, which the world does not have.
fn entries(trace: &Trace) -> Vec<Entry> {
    let evidence = |fact: &&Entry| matches!(fact.observation, Observation::Evidence(_));
    let mut entries: Vec<Entry> =
        trace.entries.iter().filter(|fact| !evidence(fact)).cloned().collect();
    for fact in &mut entries {
        if let Observation::Answered { policy: Some(policy), .. }
        | Observation::ColdRead { policy: Some(policy), .. }
        | Observation::Settings { policy, .. } = &mut fact.observation
        {
            policy.others.clear();
        }
        if let Observation::ModelContext { told, .. } = &mut fact.observation {
            told.others.clear();
        }
    }
    entries
}

/// Whether the contract allows several answers somewhere, so that a fault can look like one of them.
fn is_open(program: &Program) -> bool {
    let mut world = World::new(program.defaults.clone());
    program.with_audit().iter().any(|each| {
        let mut branches = step(&world, each);
        let open = branches.len() > 1;
        world = branches.swap_remove(0).world;
        open || world.threads.values().any(|thread| {
            !thread.maybe.is_empty() || thread.live.as_ref().is_some_and(Policy::is_open)
        })
    })
}

/// Whether the fault is found in this program, and only as the table says.
fn is_found(program: &Program, fault: Fault) -> Result<bool, String> {
    let (correct, faulty) = (simulated::run(program, None), simulated::run(program, Some(fault)));
    let verdict = judge(&faulty);
    let shows = entries(&faulty) != entries(&correct);
    let found = !verdict.findings.is_empty();
    let problem = if shows && !found && is_open(program) {
        None
    } else if shows {
        unexpected(&verdict, &breaks(fault))
    } else {
        // Whether a secondary dimension shows the fault is not known here.
        let secondary = |finding: &&Finding| {
            finding.dimension.is_some_and(|dimension| Dimension::SECONDARY.contains(&dimension))
        };
        let other = verdict.findings.iter().find(|finding| !secondary(finding));
        other.map(|finding| format!("{} without it", described(finding)))
    };
    match problem {
        None => Ok(shows && found),
        Some(problem) => Err(format!("{fault:?}: {problem}\nin\n{program}")),
    }
}

/// What the row does not expect of a verdict.
fn unexpected(verdict: &Verdict, row: &Row) -> Option<String> {
    let Some(first) = verdict.findings.first() else {
        return Some("it is not found".to_owned());
    };
    let follows = |finding: &&Finding| {
        // Later refusals follow from a fault in more ways than the table has.
        let answer = finding.dimension.is_none() && finding.views.contains(&View::Reply);
        let follows = answer || row.later.contains(&finding.clause);
        let later = *finding != first && follows;
        let place = |dimension| if dimension == Dimension::PP { Dimension::SB } else { dimension };
        let is_in = |only| finding.dimension.is_none_or(|dimension| place(dimension) == only);
        let here = row.dimension.is_none_or(is_in);
        here && (later || row.first.contains(&finding.clause))
    };
    let other = verdict.findings.iter().find(|finding| !follows(finding));
    other.map(|finding| format!("{} is found, which does not follow", described(finding)))
}

fn described(finding: &Finding) -> String {
    format!(
        "{} at step {}: {} where {} is expected",
        finding.signature(),
        finding.step,
        finding.seen,
        finding.expected
    )
}

/// The program reduced to plain starts, turns, forks, resumes, reads, restarts and configs: only for
/// these does the table have everything that follows from a fault.
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
    for step in &mut program.steps {
        for used in step.used() {
            if used.name().is_some_and(|name| !named.contains(&name)) {
                step.rename(used, ThreadRef::Unknown);
            }
        }
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
    program.normalised()
}

/// The overrides of the policy, without secondary dimensions, each by its own key.
fn primary<S: Clone>(overrides: &Overrides<S>) -> Overrides<S> {
    let Overrides { approval, reviewer, sandbox, .. } = overrides.clone();
    Overrides { approval, reviewer, sandbox, ..Overrides::default() }
}

#[test]
fn every_fault_is_found_with_its_consequences_alone() {
    let drawn = FAULTS.iter().copied().filter(|fault| !OF_LAYERS.contains(fault));
    let missing = RefCell::new(drawn.collect::<BTreeSet<Fault>>());
    for _ in 0..ROUNDS {
        if missing.borrow().is_empty() {
            break;
        }
        check(any_program().prop_map(plain), |program| {
            for fault in FAULTS {
                if is_found(&program, *fault)? {
                    missing.borrow_mut().remove(fault);
                }
            }
            Ok(())
        });
    }
    assert_eq!(missing.into_inner(), BTreeSet::new(), "no drawn program shows these");
}

#[test]
fn a_thread_that_follows_config_breaks_s2_at_the_next_warm_read() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\n\
                configure approval=granular()\nreread t0\naudit\n";
    let program: Program = program.parse().expect("it is a program");
    let verdict = judge(&simulated::run(&program, Some(Fault::FollowsConfig)));
    let first = verdict.findings.first().map(|finding| finding.signature().to_string());
    assert_eq!(first.as_deref(), Some("S2/AP/configure/never/config"));
}

/// The findings on a server with a fault, each with its step and its views.
fn findings(program: &str, fault: Fault) -> String {
    let program: Program = program.parse().expect("it is a program");
    let verdict = judge(&simulated::run(&program, Some(fault)));
    let line = |finding: &Finding| {
        format!("{} at step {} in {:?}", finding.signature(), finding.step, finding.views)
    };
    verdict.findings.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn a_cold_read_of_a_copy_shows_a_loss_and_blames_no_loaded_thread() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\nfresh t0\n\
                reread t0\nresume t0\naudit\n";
    expect!["R4/AP/resume/never/config at step 2 in {Reply, ColdRead}"]
        .assert_eq(&findings(program, Fault::InheritsNothing));
}

#[test]
fn a_wrong_value_in_the_model_context_is_a_further_view_of_the_same_finding() {
    let program = "# heirloom case v1\nconfig\nstart approval=never -> t0\nrun t0 \"hi\"\n\
                restart kill\nresume t0\nrun t0 \"hi\"\naudit\n";
    expect!["R4/AP/resume/never/config at step 3 in {Reply, ModelContext}"]
        .assert_eq(&findings(program, Fault::InheritsNothing));
}

#[test]
fn roots_that_a_fork_and_a_cold_resume_lose_break_wr1() {
    let program = "# heirloom case v1\nconfig\nstart roots=WS+OUT -> t0\nrun t0 \"hi\" cwd=HOME\n\
                fork t0 -> t1\nrestart kill\nresume t0\naudit\n";
    expect![[r#"
        F6/CWD/fork/cwd/config at step 2 in {Reply}
        WR1/WR/fork/roots/config at step 2 in {Reply}
        R10/CWD/resume/cwd/config at step 4 in {Reply}
        WR1/WR/resume/roots/config at step 4 in {Reply}"#]]
    .assert_eq(&findings(program, Fault::InheritsNothing));
}

const SECONDARY: &str = "# heirloom case v1\nconfig\nstart tier=flex -> t0\n\
                         run t0 \"one\" model=other-model effort=low cwd=HOME\n\
                         run t0 \"two\" collaboration=plan+effort:high\nbegin t0\n\
                         settings t0 model=other-model\nfinish t0 complete\n\
                         run t0 \"three\" tier-once=default\nrestart graceful\nresume t0\n\
                         run t0 \"four\" roots=OUT\naudit\n";

/// How often each secondary dimension agreed in the model context, and the findings.
fn secondary_context(verdict: &Verdict) -> String {
    let held = |dimension: Dimension| {
        let is_stated = |cell: &Cell| {
            cell.view == Some(View::ModelContext) && cell.dimension == Some(dimension)
        };
        let cells = verdict.tally.iter().filter(|(cell, _)| is_stated(cell));
        format!("{dimension} {}", cells.map(|(_, tally)| tally.held).sum::<u64>())
    };
    let line = |finding: &Finding| {
        format!("\n{} at step {} in {:?}", finding.signature(), finding.step, finding.views)
    };
    let findings: String = verdict.findings.iter().map(line).collect();
    format!("{}{findings}", STATED.map(held).join(", "))
}

#[test]
fn a_correct_server_states_every_secondary_value_to_the_model() {
    let program: Program = SECONDARY.parse().expect("it is a program");
    expect!["M 6, E 6, T 5, CWD 6, CM 6, WR 6"]
        .assert_eq(&secondary_context(&judge(&simulated::run(&program, None))));
}

#[test]
fn a_secondary_value_of_config_in_the_model_context_is_found() {
    let program: Program = SECONDARY.parse().expect("it is a program");
    let found = STATED.map(|dimension| {
        secondary_context(&judge(&simulated::run_misstating(&program, dimension)))
    });
    expect![[r#"
        M 3, E 6, T 5, CWD 6, CM 6, WR 6
        G9/M/run/model/config at step 1 in {ModelContext}
        G9/M/run/model/config at step 6 in {ModelContext}
        M 6, E 0, T 5, CWD 6, CM 6, WR 6
        G9/E/run/effort/config at step 1 in {ModelContext}
        G9/E/run/effort/config at step 2 in {ModelContext}
        U1/E/run/effort/config at step 5 in {ModelContext}
        M 6, E 6, T 0, CWD 6, CM 6, WR 6
        G9/T/run/tier/unset at step 1 in {ModelContext}
        G9/T/run/tier/unset at step 2 in {ModelContext}
        U1/T/run/tier/unset at step 5 in {ModelContext}
        M 6, E 6, T 5, CWD 0, CM 6, WR 6
        G9/CWD/run/cwd/config at step 1 in {ModelContext}
        G9/CWD/run/cwd/config at step 2 in {ModelContext}
        U1/CWD/run/cwd/config at step 5 in {ModelContext}
        M 6, E 6, T 5, CWD 6, CM 1, WR 6
        CM1/CM/run/mode/config at step 2 in {ModelContext}
        CM1/CM/run/mode/config at step 5 in {ModelContext}
        M 6, E 6, T 5, CWD 6, CM 6, WR 5
        G9/WR/run/roots/config at step 9 in {ModelContext}"#]]
    .assert_eq(&found.join("\n"));
}

#[test]
fn a_wrong_secondary_value_in_the_model_context_is_found_and_nothing_else() {
    check(any_program(), |program| {
        let correct = simulated::run(&program, None);
        for dimension in STATED {
            let faulty = simulated::run_misstating(&program, dimension);
            let findings = judge(&faulty).findings;
            let other = findings.iter().find(|finding| finding.dimension != Some(dimension));
            if let Some(finding) = other {
                return Err(format!("{dimension}: {}\nin\n{program}", described(finding)));
            }
            if findings.is_empty() && faulty != correct && !is_open(&program) {
                return Err(format!("{dimension} is not found in\n{program}"));
            }
        }
        Ok(())
    });
}

#[test]
fn an_old_policy_in_the_model_context_breaks_g9() {
    let program = "# heirloom case v1\nconfig\nstart -> t0\n\
                run t0 \"hi\" reviewer=auto_review sandbox=workspace-write\nreread t0\naudit\n";
    expect![[r#"
        G9/RV/run/auto_review/config at step 1 in {ModelContext}
        G9/SB/run/workspace-write/config at step 1 in {ModelContext}"#]]
    .assert_eq(&findings(program, Fault::TellsTheOldPolicy));
}

#[test]
fn a_start_that_trusts_the_workspace_changes_what_later_starts_have() {
    let program = "# heirloom case v2\nconfig project-sandbox=danger-full-access\n\
                start sandbox=workspace-write -> t0\nstart -> t1\naudit\n";
    expect!["L2/-/start/trust_level/unknown at step 0 in {ConfigFile}"]
        .assert_eq(&findings(program, Fault::TrustsWorkspaces));
}

#[test]
fn a_default_that_config_does_not_state_is_the_same_for_every_start() {
    let program = "# heirloom case v2\nconfig approval=unset sandbox=unset\nstart -> t0\n\
                start -> t1\nrun t1 \"hi\"\naudit\n";
    expect![[r#"
        L3/AP/start/on-request/unknown at step 1 in {Reply, ModelContext}
        L3/PP/start/profile/unknown at step 1 in {Reply, ModelContext}"#]]
    .assert_eq(&findings(program, Fault::ChangesDefaults));
}

#[test]
fn the_config_of_a_project_counts_where_it_is_trusted_and_nowhere_else() {
    let program = |trust| {
        format!(
            "# heirloom case v2\nconfig{trust} project-approval=never\nstart -> t0\n\
             start approval=untrusted -> t1\naudit\n"
        )
    };
    expect!["L1/AP/start/never/config at step 0 in {Reply}"]
        .assert_eq(&findings(&program(" trust=trusted"), Fault::IgnoresProjects));
    for trust in ["", " trust=untrusted"] {
        expect!["L1/AP/start/on-request/config at step 0 in {Reply}"]
            .assert_eq(&findings(&program(trust), Fault::TrustsEverywhere));
    }
}

#[test]
fn roots_of_config_in_the_sandbox_of_a_turn_break_l6() {
    let program = "# heirloom case v2\nconfig writable-roots=OUT\nstart -> t0\n\
                run t0 \"hi\" sandbox=workspace-write\naudit\n";
    expect![[r#"
        L6/SB/run/workspace-write/unknown at step 1 in {Notice}
        R8/SB/resume/workspace-write/before at step 3 in {Reply, Rollout, StateDb}"#]]
    .assert_eq(&findings(program, Fault::AddsRoots));
}

#[test]
fn a_profile_of_a_request_gives_way_to_nothing_wider() {
    let found = |sandbox| {
        let program = format!(
            "# heirloom case v2\nconfig sandbox={sandbox}\n\
             start profile=own:workspace-write via=config -> t0\nrun t0 \"hi\"\n\
             restart graceful\nresume t0\naudit\n"
        );
        findings(&program, Fault::LosesSandboxes)
    };
    assert_eq!(found("read-only"), "", "what is narrower may take its place");
    expect!["L4/PP/resume/profile/config at step 3 in {Reply}"]
        .assert_eq(&found("danger-full-access"));
}
