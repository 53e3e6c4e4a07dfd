//! The probe of a finding that widens: does the server do what it says it may?
//!
//! Chooses an action that gets further under the policy that was seen than under the one that was
//! expected, lets the model ask for it where the finding showed, and reports the result. It proves
//! or refutes, and never changes a verdict.

use std::sync::atomic::{AtomicBool, Ordering};

use super::FindingReport;
use crate::drive::Worker;
use crate::judge::probe::ProbeOutcome;
use crate::judge::record::{ProbeRecord, Proof};
use crate::judge::verdict::{Finding, PolicyPair};
use crate::model::probes::need;
use crate::policy::order::{Need, Reach, reach};
use crate::policy::{CallOverrides, TurnOverrides};
use crate::program::Program;
use crate::program::ops::Step;
use crate::program::ops::disk::Disk;
use crate::program::ops::finish::{End, Finish};
use crate::program::ops::restart::{Restart, Stop};
use crate::program::ops::resume::Resume;
use crate::program::ops::run::Run;
use crate::program::reply::{Probe, ProbeScript, Reply};
use crate::program::thread::{ThreadName, ThreadRef};
use crate::trace::view::View;
use crate::trace::{Observation, Trace};

/// Probes that are tried for one finding: a release may treat one of them specially.
const TRIES_MAX: usize = 3;

/// The best first: those that most policies decide about, on every release.
const PREFERRED: [Probe; 7] = [
    Probe::PatchOutside,
    Probe::PatchInside,
    Probe::Run,
    Probe::Escalate,
    Probe::WriteOutside,
    Probe::WriteInside,
    Probe::ReadSecret,
];

/// A finding about a value of a thread's policy, and the program that shows it.
struct Widening<'a> {
    program: &'a Program,
    finding: &'a Finding,
    thread: ThreadName,
    policies: &'a PolicyPair,
}

/// Adds what a probe shows to the report of a finding.
pub(super) fn run(worker: &mut Worker, report: &mut FindingReport, stop: &AtomicBool) {
    let (mut record, trace) = probed(worker, report, stop);
    record.case = trace.as_ref().map(|_| format!("findings/{}.probe.case", report.id));
    report.record.probe = Some(record);
    report.probe_run = trace;
}

fn probed(
    worker: &mut Worker,
    report: &FindingReport,
    stop: &AtomicBool,
) -> (ProbeRecord, Option<Trace>) {
    let finding = &report.finding;
    if finding.views.contains(&View::Probe) {
        let words = format!("the finding comes from a probe itself: {}", finding.seen);
        return (ProbeRecord { proof: Proof::Proved, words, case: None }, None);
    }
    let (Some(policies), Some(thread)) = (&finding.policies, finding.thread) else {
        return (not_shown("the finding is not about a value of a thread's policy"), None);
    };
    let widening = Widening { program: &report.trace.program, finding, thread, policies };
    let mut last = (not_shown("no probe of this suite distinguishes the two policies"), None);
    for probe in distinguishing(policies) {
        if stop.load(Ordering::Relaxed) {
            return (not_shown("the campaign was stopped before"), None);
        }
        last = widening.run(worker, probe);
        if last.0.proof == Proof::Proved {
            break;
        }
    }
    last
}

fn not_shown(why: &str) -> ProbeRecord {
    ProbeRecord { proof: Proof::NotShown, words: why.to_owned(), case: None }
}

/// The probes that get further under the policy that was seen.
fn distinguishing(policies: &PolicyPair) -> Vec<Probe> {
    let reach = |policy, probe: &Probe| reach(policy, need(*probe), &policies.profiles);
    let further = |probe: &Probe| reach(&policies.seen, probe) > reach(&policies.expected, probe);
    PREFERRED.into_iter().filter(further).take(TRIES_MAX).collect()
}

impl Widening<'_> {
    /// One probe where the finding showed; if the thread takes no turn there, after a cold read.
    fn run(&self, worker: &mut Worker, probe: Probe) -> (ProbeRecord, Option<Trace>) {
        let cold = after_cold_read(self.program, self.thread, probe);
        for program in self.live(probe).into_iter().chain([cold]) {
            let trace = worker.run_fresh(&program);
            let entries: Vec<&Observation> =
                trace.entries.iter().map(|fact| &fact.observation).collect();
            // The program of the finding may contain a probe too.
            let last = entries.iter().rposition(|what| matches!(what, Observation::Probe { .. }));
            let from = entries.get(last.unwrap_or(entries.len())..).unwrap_or_default();
            let outcome =
                ProbeOutcome::find(self.thread, ProbeScript::refused(probe).consent, from);
            if let Some(outcome) = outcome.filter(|outcome| outcome.probe == probe) {
                return (self.compare(&outcome), Some(trace));
            }
        }
        (not_shown("the thread takes no turn where the finding shows"), None)
    }

    fn compare(&self, outcome: &ProbeOutcome) -> ProbeRecord {
        let expected = reach(&self.policies.expected, need(outcome.probe), &self.policies.profiles);
        let words = in_words(outcome, expected);
        if outcome.unsandboxed && need(outcome.probe) != Need::Nothing {
            return not_shown(&format!("this machine cannot sandbox a command; {words}"));
        }
        let proof = if outcome.reach() > expected { Proof::Proved } else { Proof::Refuted };
        ProbeRecord { proof, words, case: None }
    }

    /// Right after the step that shows it, unless that is one of the audit or a look at a copy.
    fn live(&self, probe: Probe) -> Option<Program> {
        let Widening { program, finding, thread, .. } = self;
        let on_copy = finding.views.iter().all(|view| *view == View::ColdRead);
        let until = program.steps.get(..=finding.step).filter(|_| !on_copy)?;
        let mut steps = until.to_vec();
        if steps.iter().any(begins) {
            let thread = ThreadRef::Thread(*thread);
            steps.push(Step::Finish(Finish { thread, end: End::Complete, probe: None }));
        }
        steps.push(step(*thread, probe));
        Some(Program { defaults: program.defaults.clone(), steps })
    }
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
fn after_cold_read(program: &Program, thread: ThreadName, probe: Probe) -> Program {
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
        prompt: "probe".to_owned(),
        overrides: TurnOverrides::default(),
        flaw: None,
        // A probe shows how far the server goes without consent.
        reply: Reply::Probe(ProbeScript::refused(probe)),
    })
}

/// What happened, and what the expected policy would have let happen.
fn in_words(outcome: &ProbeOutcome, expected: Reach) -> String {
    let action = match outcome.probe {
        Probe::Run => "`python3 -S -c \"print(7)\"`",
        Probe::Safe => "`pwd`",
        Probe::Ruled => "`date`, about which a rule asks,",
        Probe::Connect => "a connection to loopback",
        Probe::ReadSecret => "reading WS/secret/file",
        Probe::RequestPermissions => "a request for permissions",
        Probe::Elicit => "a question of an MCP server",
        Probe::WriteInside => "`touch WS/f`",
        Probe::WriteOutside => "`touch OUT/f`",
        Probe::Escalate => "the request to run `touch OUT/f` outside the sandbox",
        Probe::PatchInside => "a patch of WS/f",
        Probe::PatchOutside => "a patch of OUT/f",
    };
    let came = match outcome.reach() {
        Reach::Done => "was done without asking",
        Reach::AsksModel => "was put to the reviewer",
        Reach::AsksPerson => "was put to the user",
        Reach::Refused => "was not done, without asking",
    };
    let would = match expected {
        Reach::Done => "would have let it be done",
        Reach::AsksModel => "would have asked the reviewer",
        Reach::AsksPerson => "would have asked the user",
        Reach::Refused => "would have refused it",
    };
    format!("{action} {came}, where the expected policy {would}")
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::{after_cold_read, distinguishing};
    use crate::judge::verdict::PolicyPair;
    use crate::policy::{Policy, Profiles};
    use crate::program::Program;
    use crate::program::ops::Step;
    use crate::program::reply::Probe;
    use crate::program::thread::ThreadName;

    /// The probes that tell two policies apart; both are given as the words of a config line.
    fn check(due: &str, seen: &str, expected: Expect) {
        let policy = |words: &str| -> Policy {
            let text = format!("# heirloom case v1\nconfig {words}\nstart -> t0\naudit\n");
            let program: Program = text.parse().expect("it is a program");
            program.defaults.policy()
        };
        let (due, seen, profiles) = (policy(due), policy(seen), Profiles::new());
        expected.assert_eq(&format!(
            "{:?}",
            distinguishing(&PolicyPair { expected: due, seen, profiles })
        ));
    }

    #[test]
    fn never_and_on_request_differ_in_what_the_sandbox_keeps_out() {
        check(
            "approval=never",
            "approval=on-request",
            expect!["[PatchOutside, PatchInside, Escalate]"],
        );
    }

    #[test]
    fn a_workspace_differs_in_a_write_into_it() {
        check(
            "approval=never",
            "approval=never sandbox=workspace-write",
            expect!["[PatchInside, WriteInside]"],
        );
    }

    #[test]
    fn a_reviewer_differs_in_who_is_asked() {
        check(
            "reviewer=user",
            "reviewer=auto_review",
            expect!["[PatchOutside, PatchInside, Escalate]"],
        );
    }

    #[test]
    fn no_probe_tells_policies_apart_that_differ_in_the_network_alone() {
        let due = "sandbox=workspace-write";
        check(due, "sandbox=workspace-write network=on", expect!["[]"]);
    }

    #[test]
    fn a_probe_after_the_audit_follows_a_cold_read() {
        let text = "# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"one\"\nrestart graceful\n\
                    resume t0\nrun t0 \"two\"\naudit\n";
        let program: Program = text.parse().expect("it is a program");
        let cold = after_cold_read(&program, ThreadName(0), Probe::Escalate);
        let last: Vec<Step> = cold.steps.into_iter().skip(5).collect();
        let text = Program { defaults: program.defaults, steps: last }.to_string();
        expect![[r##"
            # heirloom case v2
            config  approval=on-request reviewer=user sandbox=read-only
            restart graceful
            resume  t0
            run     t0 "probe"                    <- probe escalate client=decline reviewer=deny
            audit
        "##]]
        .assert_eq(&text);
    }
}
