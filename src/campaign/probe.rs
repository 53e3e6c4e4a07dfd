//! The deed of a finding that widens: does the server do what it says it may?
//!
//! Chooses what gets further under the policy that was seen than under the one that was due, lets
//! the model ask for it where the finding showed, and tells what came of it. Proves or refutes, and
//! never changes a verdict.

use std::sync::atomic::{AtomicBool, Ordering};

use crate::drive::Worker;
use crate::judge::probe::ProbeOutcome;
use crate::judge::{Apart, Finding, View};
use crate::model::probes::need;
use crate::policy::order::{Need, Reach, reach};
use crate::policy::{CallOverrides, TurnOverrides};
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::ops::disk::Disk;
use crate::program::ops::finish::End;
use crate::program::ops::finish::Finish;
use crate::program::ops::restart::Restart;
use crate::program::ops::restart::Stop;
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::reply::Consent;
use crate::program::reply::Probe;
use crate::program::reply::Reply;
use crate::program::reply::Review;
use crate::program::thread::ThreadName;
use crate::program::thread::ThreadRef;
use crate::trace::{Observation, Trace};

/// Deeds that are tried for one finding: a release may treat one of them in a way of its own.
const TRIES_MAX: usize = 3;

/// In this order, the best first: what is asked about by the most policies and on every release.
const PREFERRED: [Probe; 6] = [
    Probe::PatchOutside,
    Probe::PatchInside,
    Probe::Run,
    Probe::Escalate,
    Probe::WriteOutside,
    Probe::WriteInside,
];

/// Nobody approves what is to show how far it gets by itself.
const REFUSING: Consent = Consent { client: false, review: Review::Deny };

/// What the deed of a finding showed.
#[derive(Clone, Debug)]
pub struct ProbeResult {
    /// Whether it got further than it was to get.
    pub proof: Proof,
    /// What was seen, in words.
    pub words: String,
    /// The program that was run and what was seen of it, where one was run.
    pub run: Option<(Program, Trace)>,
}

/// What a deed says of a finding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Proof {
    /// It got further than the policy that was due lets it.
    Proved,
    /// It got no further.
    Refuted,
    /// Nothing was learned.
    NotShown,
}

impl ProbeResult {
    fn not_shown(why: &str) -> ProbeResult {
        ProbeResult { proof: Proof::NotShown, words: why.to_owned(), run: None }
    }
}

/// Does the deed of a finding, as the program shows it.
pub(super) fn of(
    worker: &mut Worker,
    shown: (&Program, &Finding),
    stop: &AtomicBool,
) -> ProbeResult {
    let (program, finding) = shown;
    if finding.views.contains(&View::Probe) {
        let words = format!("the finding is a deed itself: {}", finding.seen);
        return ProbeResult { proof: Proof::Proved, words, run: None };
    }
    let (Some(apart), Some(thread)) = (&finding.apart, finding.thread) else {
        return ProbeResult::not_shown("the finding is about no value of a thread's policy");
    };
    let mut last = ProbeResult::not_shown("no deed of this suite tells the two policies apart");
    for probe in telling(apart) {
        if stop.load(Ordering::Relaxed) {
            return ProbeResult::not_shown("the campaign was stopped before");
        }
        last = tried(worker, (program, finding, thread), (probe, apart));
        if last.proof == Proof::Proved {
            return last;
        }
    }
    last
}

/// The deeds that get further under the policy that was seen.
fn telling(apart: &Apart) -> Vec<Probe> {
    let reach = |policy, probe: &Probe| reach(policy, need(*probe), &apart.profiles);
    let further = |probe: &Probe| reach(&apart.seen, probe) > reach(&apart.due, probe);
    PREFERRED.into_iter().filter(further).take(TRIES_MAX).collect()
}

/// One deed, where the finding showed; where the thread takes no turn there, after a cold read.
fn tried(
    worker: &mut Worker,
    (program, finding, thread): (&Program, &Finding, ThreadName),
    (probe, apart): (Probe, &Apart),
) -> ProbeResult {
    let places = [live(program, finding, (thread, probe)), Some(cold(program, (thread, probe)))];
    for program in places.into_iter().flatten() {
        let trace = worker.run_fresh(&program);
        let facts: Vec<&Observation> = trace.facts.iter().map(|fact| &fact.what).collect();
        // A program may have had a deed of its own before.
        let last = facts.iter().rposition(|what| matches!(what, Observation::Probe { .. }));
        let from = facts.get(last.unwrap_or(facts.len())..).unwrap_or_default();
        let own = ProbeOutcome::of(thread, REFUSING, from).filter(|shown| shown.probe == probe);
        if let Some(shown) = own {
            return compared(&shown, apart, (program, trace));
        }
    }
    ProbeResult::not_shown("the thread takes no turn where the finding shows")
}

fn compared(shown: &ProbeOutcome, apart: &Apart, run: (Program, Trace)) -> ProbeResult {
    let due = reach(&apart.due, need(shown.probe), &apart.profiles);
    let words = told(shown, due);
    let (proof, words) = match shown.reach() > due {
        _ if shown.unsandboxed && need(shown.probe) != Need::Nothing => {
            (Proof::NotShown, format!("this machine cannot sandbox a command; {words}"))
        }
        true => (Proof::Proved, words),
        false => (Proof::Refuted, words),
    };
    ProbeResult { proof, words, run: Some(run) }
}

/// Right after the step that shows it, unless that is one of the audit or a look at a copy.
fn live(
    program: &Program,
    finding: &Finding,
    (thread, probe): (ThreadName, Probe),
) -> Option<Program> {
    let elsewhere = finding.views.iter().all(|view| *view == View::ColdRead);
    let until = program.steps.get(..=finding.step).filter(|_| !elsewhere)?;
    let mut steps = until.to_vec();
    if steps.iter().any(begins) {
        let finish = End::Complete;
        steps.push(Step::Finish(Finish { thread: ThreadRef::Thread(thread), end: finish }));
    }
    steps.push(step(thread, probe));
    Some(Program { defaults: program.defaults.clone(), steps })
}

/// Whether a step leaves a turn running.
fn begins(step: &Step) -> bool {
    match step {
        Step::Begin(_) => true,
        Step::SecondClient(inner) | Step::KillDuring(inner, _) => begins(inner),
        Step::Parallel(steps) => steps.iter().any(begins),
        _ => false,
    }
}

/// After a restart and a cold read.
fn cold(program: &Program, (thread, probe): (ThreadName, Probe)) -> Program {
    let mut steps = program.steps.clone();
    let full = steps.contains(&Step::Disk(Disk { full: true }));
    steps.extend(full.then_some(Step::Disk(Disk { full: false })));
    steps.push(Step::Restart(Restart { stop: Stop::Graceful, drop_db: false, release: None }));
    let overrides = CallOverrides::default();
    steps.push(Step::Resume(Resume { thread: ThreadRef::Thread(thread), overrides }));
    steps.push(step(thread, probe));
    Program { defaults: program.defaults.clone(), steps }
}

fn step(thread: ThreadName, probe: Probe) -> Step {
    Step::Run(Run {
        thread: ThreadRef::Thread(thread),
        prompt: "deed".to_owned(),
        overrides: TurnOverrides::default(),
        flaw: None,
        reply: Reply::Probe(probe, REFUSING),
    })
}

/// What came of a deed, and what would have come of it.
fn told(shown: &ProbeOutcome, due: Reach) -> String {
    let deed = match shown.probe {
        Probe::Run => "`python3 -S -c \"print(7)\"`",
        Probe::WriteInside => "`touch WS/f`",
        Probe::WriteOutside => "`touch OUT/f`",
        Probe::Escalate => "the request to run `touch OUT/f` outside the sandbox",
        Probe::PatchInside => "a patch of WS/f",
        Probe::PatchOutside => "a patch of OUT/f",
    };
    let came = match shown.reach() {
        Reach::Done => "was done with nobody asked",
        Reach::AsksModel => "was put to the reviewer",
        Reach::AsksPerson => "was put to the user",
        Reach::Refused => "was not done, with nobody asked",
    };
    let would = match due {
        Reach::Done => "would have let it be done",
        Reach::AsksModel => "would have asked the reviewer",
        Reach::AsksPerson => "would have asked the user",
        Reach::Refused => "would have refused it",
    };
    format!("{deed} {came}, where the policy that was due {would}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::telling;
    use crate::judge::Apart;
    use crate::policy::{Policy, Profiles};
    use crate::program::Program;
    use crate::program::ops::Step;

    /// The deeds that tell two policies apart; both are given as the words of a config line.
    fn check(due: &str, seen: &str, expected: Expect) {
        let policy = |words: &str| -> Policy {
            let text = format!("# heirloom case v1\nconfig {words}\nstart -> t0\naudit\n");
            let program: Program = text.parse().expect("the plan is one");
            program.defaults.policy()
        };
        let (due, seen, profiles) = (policy(due), policy(seen), Profiles::new());
        expected.assert_eq(&format!("{:?}", telling(&Apart { due, seen, profiles })));
    }

    fn check_text(text: &str, expected: Expect) {
        expected.assert_eq(text);
    }

    #[test]
    fn never_and_on_request_are_told_apart_by_what_the_sandbox_keeps_out() {
        check("approval=never", "approval=on-request", expect!["[Pout, Pin, Esc]"]);
    }

    #[test]
    fn a_workspace_is_told_apart_by_a_write_into_it() {
        check("approval=never", "approval=never sandbox=workspace-write", expect!["[Pin, Tin]"]);
    }

    #[test]
    fn a_reviewer_is_told_apart_by_who_is_asked() {
        check("reviewer=user", "reviewer=auto_review", expect!["[Pout, Pin, Esc]"]);
    }

    #[test]
    fn what_differs_by_the_network_alone_is_told_apart_by_no_deed() {
        let due = "sandbox=workspace-write";
        check(due, "sandbox=workspace-write network=on", expect!["[]"]);
    }

    #[test]
    fn a_deed_after_the_audit_follows_a_cold_read() {
        let text = "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"one\"\nrestart graceful\n\
                    resume t0\nrun t0 \"two\"\naudit\n";
        let program: Program = text.parse().expect("the plan is one");
        let cold = super::cold(
            &program,
            (crate::program::thread::ThreadName(0), crate::program::reply::Probe::Escalate),
        );
        let last: Vec<Step> = cold.steps.into_iter().skip(5).collect();
        let text = Program { defaults: program.defaults, steps: last }.to_string();
        check_text(
            &text,
            expect![[r##"
            # heirloom case v1
            config  approval=on-request reviewer=user sandbox=read-only
            restart graceful
            resume  t0
            run     t0 "deed"                     <- deed esc decline deny
            audit
        "##]],
        );
    }
}
