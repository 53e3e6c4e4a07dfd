//! What a person sees of a campaign that was made by hand.
//!
//! Two cases on release 0.144.4, a finding judged from a stored trace.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use expect_test::{Expect, expect};
use serde_json::Value;

use super::cause::words_of;
use super::coverage;
use super::final_summary::FinalSummary;
use super::finding::{FindingText, ReplayCommands};
use super::invocation::Invocation;
use super::json::event;
use super::listing;
use super::results::Results;
use super::run_folder::Folder;
use super::style::Style;
use super::summary::Summary;
use crate::campaign::work_time::WorkTime;
use crate::campaign::{
    Event, FindingReport, InvestigationRuns, Noticed, Outcome, Stale, Subject, Why,
};
use crate::cause::explain::Explaining;
use crate::cause::record::CauseRecord;
use crate::contract::Clause;
use crate::judge::judge;
use crate::judge::record::{Confirmed, FindingRecord, ProbeRecord, Proof, Status};
use crate::judge::verdict::Finding;
use crate::program::Program;
use crate::program::text::HEADER;
use crate::testing::program;
use crate::trace::Trace;

const TRACE: &str = include_str!("../../tests/traces/r4-ap-resume-never-config.trace");

pub(super) fn report(status: Status) -> FindingReport {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let report = FindingReport::new(judge(&trace).findings.remove(0), trace.clone());
    let shown = if status == Status::Flaky { 0 } else { 5 };
    let probe = ProbeRecord {
        proof: Proof::Proved,
        words: "a patch of OUT/f was put to the user, where it had to be refused".to_owned(),
        case: None,
    };
    let record = FindingRecord {
        status,
        cause: (status != Status::Flaky).then(|| format!("r4-resume-{status}")),
        token: "r1-s7-c1-o12".to_owned(),
        confirmed: Confirmed { shown, runs: 5 },
        shrink_runs: 9,
        found_after: Duration::from_millis(3_140),
        probe: (status == Status::New).then_some(probe),
        ..report.record
    };
    let unlike = (status == Status::Flaky).then_some(trace);
    FindingReport { record, unlike, stderr: "last words\n".to_owned(), ..report }
}

/// The cause of a report, explained as far as it is without a run.
fn cause(report: &FindingReport) -> Option<CauseRecord> {
    let mut explaining = Explaining::new(&report.trace.program, &report.finding);
    // The first variations are other restarts and other readers.
    for shows in [true, false, true] {
        let shown = shows.then(|| report.finding.clone());
        explaining.propose()?;
        explaining.tell(shown.as_slice());
    }
    let record = CauseRecord::new(&explaining.explanation(), &report.finding);
    Some(CauseRecord {
        id: report.cause.clone()?,
        status: report.status,
        findings: vec![report.id.clone()],
        case: report.record.case.clone(),
        shrink_runs: 9,
        explain_runs: 3,
        ..record
    })
}

pub(super) fn outcome(findings: Vec<FindingReport>) -> Outcome {
    let trace: Trace = TRACE.parse().expect("the stored trace is one");
    let (spec, digest) = ("0.144.4".to_owned(), "sha256:00ff".to_owned());
    Outcome {
        subject: Subject {
            spec,
            version: "0.144.4".parse().ok(),
            digest,
            others: Vec::new(),
            client: None,
        },
        seed: 7,
        cases: 2,
        steps: 14,
        wall: Duration::from_secs(125),
        server_cpu: Duration::from_secs(97),
        harness_cpu: Duration::from_secs(3),
        work: work(),
        tally: judge(&trace).tally,
        causes: findings.iter().filter_map(cause).collect(),
        investigation: InvestigationRuns { per_cause: vec![12], trials: 1, all: 24 },
        findings,
        notices: vec![noticed()],
        inconclusive: BTreeMap::from([("no room for a home; free space".to_owned(), 1)]),
        no_sandbox: Some("no user namespaces".to_owned()),
        performed: BTreeMap::from([("resume".to_owned(), 2), ("run to text".to_owned(), 9)]),
        left_out: BTreeMap::from([("thread/revert".to_owned(), 3)]),
        withheld: BTreeSet::from([Clause::O1]),
        stale: vec![stale()],
        gone: Vec::new(),
        interrupted: true,
        ..Outcome::default()
    }
}

/// Of two workers in 125 seconds.
fn work() -> WorkTime {
    let [cases, causes, replays, idle] = [150, 75, 10, 15].map(Duration::from_secs);
    WorkTime { cases, causes, replays, idle }
}

fn noticed() -> Noticed {
    let (text, token) = ("R2 lets a thread stay wider".to_owned(), "r1-s7-c0-o12".to_owned());
    Noticed { clause: Clause::G12, text, count: 1, token }
}

fn stale() -> Stale {
    let (id, title) = ("lost-approval".to_owned(), "a resume loses it".to_owned());
    Stale { id, title, case: "lost.case".to_owned(), line: 9, moved: false, why: Why::Unseen }
}

fn commands() -> ReplayCommands {
    ReplayCommands {
        folder: Path::new("runs/x-7").to_owned(),
        flags: "--server 0.144.4".to_owned(),
    }
}

/// The results of a campaign as a report has them.
pub(super) fn results(outcome: &Outcome) -> Results<'_> {
    static INVOCATION: LazyLock<Invocation> = LazyLock::new(|| Invocation {
        program: "heirloom".to_owned(),
        server_flags: "--server 0.144.4".to_owned(),
        known_list: "the built-in list".to_owned(),
    });
    static COMMANDS: LazyLock<ReplayCommands> = LazyLock::new(commands);
    let again = "heirloom check --seed 7 --cases 2 --server 0.144.4";
    Results { outcome, invocation: &INVOCATION, commands: &COMMANDS, again }
}

/// A program with a step of each kind of line that a report wraps.
const LONG: &str = "start approval=granular(sandbox_approval,skill_approval,request_permissions) -> t0\n\
                    parallel fork t0 -> t1 | resume t0\nkill-during after=20ms run t1 \"> ^ audit\"\n\
                    restart graceful\n";

#[test]
fn the_program_of_a_finding_reads_back_as_it_is_printed() {
    let program = program(LONG);
    for step in 0..program.with_audit().len() {
        let finding = Finding { step, ..report(Status::New).record.finding };
        let printed = listing::text(&program, &finding, &Style::plain(80));
        assert_eq!(printed.parse::<Program>().as_ref(), Ok(&program), "{printed}");
        let with_header = format!("{HEADER}\n{printed}");
        assert_eq!(with_header.parse::<Program>().as_ref(), Ok(&program), "{with_header}");
    }
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(text);
}

#[test]
fn a_cause_says_what_matters_and_what_does_not() {
    let report = report(Status::New);
    let cause = cause(&report).expect("it has one");
    check(
        &words_of(&cause, &Style::plain(80)),
        expect![[r#"
            --------------------------------------------------------------------------------
            Cause: after `resume`, the approval policy is config.toml's default instead of
            the thread's own, if the thread is not loaded and `restart` loaded or unloaded
            it
              shows as      1 finding, WIDENED at least once; shrunk in 9 runs, explained in
                            3 runs
              matters       the thread is not loaded; `restart` loaded or unloaded it (not
                            with unload)
              no matter     which operation reads the thread (fork, resume)
              not tried     the dimension, the value, how the value was set, what
                            config.toml says (no other value could be put in, or the runs
                            were spent); whether the thread is loaded when it is forked,
                            whether a kill breaks off a call, the thread's first event, how
                            its last turn ended, the features of the server (the program has
                            none to vary)
              values        approval policy: on-request instead of never (R4 cold resume)
              id            r4-resume-new
        "#]],
    );
}

#[test]
fn a_finding_is_a_program_with_the_contradicted_step_marked() {
    let report = report(Status::New);
    check(
        &FindingText::for_terminal(&report, &commands(), "heirloom").text(&Style::plain(80)),
        expect![[r#"
            --------------------------------------------------------------------------------
            R4 cold resume · approval policy: new finding, WIDENED
            t0 has the wrong approval policy after `resume`
            --------------------------------------------------------------------------------
              clause        R4 cold resume: A cold resume (after a restart or an unload)
                            restores the approval policy (AP).
              strength      N, a conformance failure: an upstream test or a published schema
                            text asserts it
              expected      never
              seen          on-request
              WIDENED       the server allows MORE than it should
              origin        the value seen is the default in config.toml
              seen in       reply (the server's answer to the request)
              probe         proved: a patch of OUT/f was put to the user, where it had to be
                            refused
              server        codex 0.144.4
              confirmed     in 5 of 5 runs in fresh processes

              The program; > marks the step that shows it:

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -> t0
                run     t0 "turn 1"                   <- text "ok"
                audit
              >   resume  t0
                  ^ R4: expected never, seen on-request; the audit restarts the server and
                    resumes t0 from disk

              signature     R4/AP/resume/never/config
              found         3.1 s after the start, by the case of token r1-s7-c1-o12; shrunk in 9 runs
              replay        heirloom replay runs/x-7/findings/r4-ap-resume-never-config.case --server 0.144.4
              files         runs/x-7/findings/r4-ap-resume-never-config.case (beside it: trace, stderr and exports)
        "#]],
    );
}

#[test]
fn a_finding_at_a_line_of_the_program_is_marked_there() {
    let mut report = report(Status::Flaky);
    report.record.finding.step = 1;
    report.record.finding.dimension = None;
    report.record.finding.expected = "a refusal".to_owned();
    report.record.finding.seen = "it was granted".to_owned();
    check(
        &FindingText::for_terminal(&report, &commands(), "heirloom").text(&Style::plain(80)),
        expect![[r#"
            --------------------------------------------------------------------------------
            R4 cold resume: flaky finding, WIDENED
            `resume` of t0: expected a refusal, seen it was granted
            --------------------------------------------------------------------------------
              clause        R4 cold resume: A cold resume (after a restart or an unload)
                            restores the approval policy (AP).
              strength      N, a conformance failure: an upstream test or a published schema
                            text asserts it
              expected      a refusal
              seen          it was granted
              WIDENED       the server allows MORE than it should
              seen in       reply (the server's answer to the request)
              server        codex 0.144.4
              confirmed     in 0 of 5 runs in fresh processes
              flaky         seen once and not reproduced; .unlike.trace is a run that did
                            not show it

              The program; > marks the step that shows it:

                config  approval=on-request reviewer=user sandbox=read-only
                start   approval=never                -> t0
              > run     t0 "turn 1"                   <- text "ok"
                ^ R4: expected a refusal, seen it was granted
                audit

              signature     R4/-/resume/never/config
              found         3.1 s after the start, by the case of token r1-s7-c1-o12; shrunk in 9 runs
              replay        heirloom replay runs/x-7/findings/r4-ap-resume-never-config.case --server 0.144.4
              files         runs/x-7/findings/r4-ap-resume-never-config.case (beside it: trace, stderr and exports)
        "#]],
    );
}

#[test]
fn a_case_file_explains_itself_and_can_be_read() {
    let report = report(Status::New);
    let text = FindingText::for_file(&report, &commands()).case();
    assert_eq!(text.parse::<Program>(), Ok(report.trace.program.clone()));
    check(
        &text,
        expect![[r##"
            # heirloom case v2
            #
            # R4 cold resume · approval policy: new finding, WIDENED
            # t0 has the wrong approval policy after `resume`
            #   clause        R4 cold resume: A cold resume (after a restart or an unload) restores the
            #                 approval policy (AP).
            #   strength      N, a conformance failure: an upstream test or a published schema text asserts it
            #   expected      never
            #   seen          on-request
            #   WIDENED       the server allows MORE than it should
            #   origin        the value seen is the default in config.toml
            #   seen in       reply (the server's answer to the request)
            #   probe         proved: a patch of OUT/f was put to the user, where it had to be refused
            #   server        codex 0.144.4
            #   confirmed     in 5 of 5 runs in fresh processes
            #   signature     R4/AP/resume/never/config
            #   found         3.1 s after the start, by the case of token r1-s7-c1-o12; shrunk in 9 runs
            #   replay        heirloom replay r4-ap-resume-never-config.case --server 0.144.4
            #
            config  approval=on-request reviewer=user sandbox=read-only
            start   approval=never                -> t0
            run     t0 "turn 1"                   <- text "ok"
            audit
        "##]],
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "most of it is the expected text")]
fn the_end_of_a_campaign_says_what_was_and_what_was_not_tested() {
    let outcome = outcome(vec![report(Status::New), report(Status::Known), report(Status::Flaky)]);
    let again = "heirloom check --seed 7 --cases 2 --server 0.144.4";
    let closing = FinalSummary {
        outcome: &outcome,
        folder: Path::new("runs/x-7"),
        again,
        known_list: "the built-in list",
    };
    check(
        &closing.text(&Style::plain(80)),
        expect![[r#"
            --------------------------------------------------------------------------------
            Summary
              server        codex 0.144.4 (sha256:00ff)
              seed          7
              ran           2 cases with 14 steps in 2 min 5 s, 0.1 steps/s; stopped early
              CPU           server 1 min 37 s (97.0 %), heirloom 3.0 s (3.0 %)
              workers       cases 60 %, looking for causes 30 %, replaying known deviations
                            4 %, idle 6 %
              causes        1 new; 1 known, excused by the built-in list (--known none shows
                            them); 3 findings in all; 1 flaky, which could not be reproduced
              WIDENED       in 3 of 3 findings the server allows MORE than it should;
                            probes: 1 proved
                after `resume`, the approval policy is config.toml's default instead of the
                  thread's own, if the thread is not loaded and `restart` loaded or unloaded
                  it (WIDENED, new; 1 finding; R4 cold resume)
                after `resume`, the approval policy is config.toml's default instead of the
                  thread's own, if the thread is not loaded and `restart` loaded or unloaded
                  it (WIDENED, known; 1 finding; R4 cold resume)
                R4 cold resume · approval policy: never became on-request (WIDENED, flaky)
              explained     12 runs to shrink and explain a cause (median), 12 at most; 24
                            in all, with those that confirm, and 1 to see whether a cause
                            explains another finding
              notice        G12 permitted widening (no breach): R2 lets a thread stay wider
                            (1 case)
              inconclusive  1 case: no room for a home; free space
              left out      3 steps, because this release does not support them:
                            thread/revert (3)
              stale         lost-approval: a resume loses it; lost.case no longer shows it
                            (line 9 of the list)
              not tested    E2 inside the sandbox: this machine cannot sandbox commands: no
                            user namespaces
              not tested    1 of 82 clauses need steps that this release does not support
                            (see left out): O1 revert
              not tested    64 of 82 clauses were not tested by these cases (a longer run or
                            another seed may reach them): G2 null override,
                            G3 lasting override, G5 profile plus sandbox,
                            G6 sandbox or profile, G8 policy in replies,
                            R0 thread not loaded, R16 thread not resumable,
                            S7 ephemeral thread, T1 turn override, T3 failed turn,
                            T5 refused turn, T6 steer, T7 running turn settings,
                            T8 tier for one turn, U0 unacknowledged settings,
                            U1 settings for later turns, U3 durable settings,
                            U4 settings before first turn, R1 warm resume,
                            R2 warm resume override, R3 idle resume override,
                            R6 profile on cold resume, R7 vanished profile,
                            R9 model on cold resume, R10 folder on cold resume,
                            R11 cold resume override, R12 config in request,
                            R13 mode on cold resume, R17 kill after change, R18 idle unload,
                            F1 fork, F2 cut fork, F3 fork override, F4 durable fork,
                            F6 forked folder and plugins, F7 forked model and mode,
                            F8 ephemeral fork, O3 archive, O4 compaction, O5 review,
                            O6 goal or queued turn, O7 thread begun by goal,
                            O8 naming and reading, O9 new subagent, O10 later subagent turn,
                            CM1 mode stated to model, O14 two connections,
                            O13 detached review, WR1 lasting roots, WR2 present folder,
                            E1 never asks, E2 inside the sandbox, E3 user or reviewer,
                            E4 untrusted asks, E5 allowed is done, E6 granular categories,
                            E7 network access, E8 every kind of turn, L1 layers of config,
                            L2 config stays as written, L3 default not in config,
                            L4 profile of a request, L5 tables of a profile,
                            L6 roots from config
              indirectly    5 of 82 clauses were tested only through comparisons of other
                            clauses: G1 order of precedence, G4 independent settings,
                            G9 stated and enforced, G11 thread isolation,
                            S2 later config change
              results       runs/x-7
              again         heirloom check --seed 7 --cases 2 --server 0.144.4

            codex 0.144.4 does not conform: 1 new cause, printed above with the programs
            that show it (exit code 1)
        "#]],
    );
}

#[test]
fn each_conclusion_is_a_sentence_with_its_exit_code() {
    let unclear = Outcome { interrupted: false, ..outcome(vec![]) };
    let stale = Outcome { inconclusive: BTreeMap::new(), ..unclear.clone() };
    let conforms = Outcome { stale: vec![], ..stale.clone() };
    let nothing = Outcome { cases: 0, ..stale.clone() };
    let known = Outcome {
        causes: cause(&report(Status::Known)).into_iter().collect(),
        findings: vec![report(Status::Known)],
        ..conforms.clone()
    };
    let whole = [unclear, stale, conforms, nothing, known];
    let stopped = |whole: &Outcome| Outcome { interrupted: true, ..whole.clone() };
    let all: Vec<Outcome> = whole.iter().cloned().chain(whole.iter().map(stopped)).collect();
    let last = |outcome: &Outcome| {
        let (folder, known_list) = (Path::new("x"), "the built-in list");
        let closing = FinalSummary { outcome, folder, again: "", known_list };
        let text = closing.text(&Style::plain(200));
        format!("{}\n", text.lines().last().unwrap_or_default())
    };
    check(
        &all.iter().map(last).collect::<String>(),
        expect![[r#"
            codex 0.144.4 is undecided: not every case could be judged, see inconclusive above (exit code 3)
            codex 0.144.4 conforms, but the list of known deviations is stale: see stale above, then narrow the releases of its rows or remove them (exit code 4)
            codex 0.144.4 conforms to every clause that was tested (exit code 0)
            codex 0.144.4 is undecided: no case was run (exit code 5)
            codex 0.144.4 conforms to every clause that was tested, apart from 1 known deviation, 1 of them WIDENED (exit code 0)
            codex 0.144.4 is undecided: it was stopped after 2 cases, of which 1 could not be judged (exit code 130)
            codex 0.144.4 is undecided: it was stopped after 2 cases, which conform (exit code 130)
            codex 0.144.4 is undecided: it was stopped after 2 cases, which conform (exit code 130)
            codex 0.144.4 is undecided: it was stopped before the first case had ended (exit code 130)
            codex 0.144.4 is undecided: it was stopped after 2 cases, which conform, apart from 1 known deviation, 1 of them WIDENED (exit code 130)
        "#]],
    );
}

#[test]
fn a_summary_has_the_keys_that_its_schema_promises() {
    let summary = Summary::new(&outcome(vec![report(Status::New)]));
    let summary = serde_json::to_value(summary).expect("it is plain values");
    let keys = |value: &Value| {
        let object = value.as_object().expect("it is an object");
        object.keys().map(String::as_str).collect::<Vec<_>>().join(" ")
    };
    let lists = ["clauses", "causes", "findings", "notices", "inconclusive", "stale"];
    let of_lists = lists.map(|list| format!("{list}: {}\n", keys(&summary[list][0])));
    let text = format!(
        "{}\nserver: {}\n{}{} clauses",
        keys(&summary),
        keys(&summary["server"]),
        of_lists.concat(),
        summary["clauses"].as_array().map_or(0, Vec::len),
    );
    check(
        &text,
        expect![[r#"
            schema revision server seed shard cases steps wall_seconds server_cpu_seconds harness_cpu_seconds workers clauses causes findings investigation notices inconclusive no_sandbox performed left_out withheld cells stale gone interrupted since conclusion exit_code command
            server: spec version digest others
            clauses: id fired compared held broken
            causes: id title status clauses operations dimensions widened matters does_not_matter not_tried findings values case shrink_runs explain_runs scope tried
            findings: id status signature clause strength dimension step kind views form expected seen seen_form origin also_fits facts widened release before confirmed steps shrink_runs found_after_seconds case token cause probe
            notices: clause text count token
            inconclusive: reason count
            stale: id title case line moved why expired
            82 clauses"#]],
    );
}

#[test]
fn a_finding_of_a_summary_has_what_there_is_to_tell_of_it() {
    let outcome = outcome(vec![report(Status::New)]);
    let summary = serde_json::to_value(Summary::new(&outcome)).expect("a summary is plain values");
    check(
        &format!("{:#}", summary["findings"][0]),
        expect![[r#"
            {
              "id": "r4-ap-resume-never-config",
              "status": "new",
              "signature": "R4/AP/resume/never/config",
              "clause": "R4",
              "strength": "N",
              "dimension": "AP",
              "step": 3,
              "kind": "resume",
              "views": [
                "reply"
              ],
              "form": "never",
              "expected": "never",
              "seen": "on-request",
              "seen_form": "on-request",
              "origin": "config",
              "also_fits": [],
              "facts": {
                "began": "run",
                "broken-off": "nothing",
                "broken-beginning": "no",
                "last-turn": "completed",
                "loaded": "no",
                "since": "restart",
                "set-by": "start",
                "archived": "no",
                "reverted": "no",
                "parent": "none",
                "full-disk": "no",
                "features": "full"
              },
              "widened": true,
              "release": "0.144.4",
              "before": [],
              "confirmed": {
                "shown": 5,
                "runs": 5
              },
              "steps": 2,
              "shrink_runs": 9,
              "found_after_seconds": 3.14,
              "case": "findings/r4-ap-resume-never-config.case",
              "token": "r1-s7-c1-o12",
              "cause": "r4-resume-new",
              "probe": {
                "proof": "proved",
                "words": "a patch of OUT/f was put to the user, where it had to be refused",
                "case": null
              }
            }"#]],
    );
}

#[test]
fn an_event_is_one_line_of_json() {
    let outcome = outcome(vec![]);
    let began = Event::Began {
        subject: outcome.subject,
        seed: 7,
        jobs: 2,
        cases: None,
        time: Some(Duration::from_secs(120)),
    };
    let report = report(Status::New);
    let found = Event::Found { signature: report.finding.signature(), index: 3, row: None };
    let lines = [began, found, Event::FindingReport(Box::new(report))]
        .map(|one| format!("{}\n", event(&one)));
    check(
        &lines.concat(),
        expect![[r##"
            {"event":"began","schema":"heirloom events v3","server":{"spec":"0.144.4","version":"0.144.4","digest":"sha256:00ff","others":[]},"seed":7,"jobs":2,"cases":null,"time_seconds":120.0}
            {"event":"found","signature":"R4/AP/resume/never/config","index":3,"known":false,"row":null}
            {"event":"finding","finding":{"id":"r4-ap-resume-never-config","status":"new","signature":"R4/AP/resume/never/config","clause":"R4","strength":"N","dimension":"AP","step":3,"kind":"resume","views":["reply"],"form":"never","expected":"never","seen":"on-request","seen_form":"on-request","origin":"config","also_fits":[],"facts":{"began":"run","broken-off":"nothing","broken-beginning":"no","last-turn":"completed","loaded":"no","since":"restart","set-by":"start","archived":"no","reverted":"no","parent":"none","full-disk":"no","features":"full"},"widened":true,"release":"0.144.4","before":[],"confirmed":{"shown":5,"runs":5},"steps":2,"shrink_runs":9,"found_after_seconds":3.14,"case":"findings/r4-ap-resume-never-config.case","token":"r1-s7-c1-o12","cause":"r4-resume-new","probe":{"proof":"proved","words":"a patch of OUT/f was put to the user, where it had to be refused","case":null}},"program":"# heirloom case v2\nconfig  approval=on-request reviewer=user sandbox=read-only\nstart   approval=never                -> t0\nrun     t0 \"turn 1\"                   <- text \"ok\"\naudit\n"}
        "##]],
    );
}

#[test]
fn a_table_shows_what_was_compared_where() {
    let table = coverage::table(&outcome(vec![]).tally);
    let fired: Vec<&str> = table.lines().filter(|line| !line.contains(" never: ")).collect();
    check(
        &fired.join("\n"),
        expect![[r#"
            clause        reply  notice  rollout  protocol  indirect
            G1                                                     3
            G4                                                     1
            G9                                                     1
            G10  AP                            1
            G10  RV                            1
            G10  SB                            1
            G11                                                    1
            S1   AP           1
            S1   RV           1
            S1   SB           1
            S2                                                     1
            T2                1
            T9                        3                            1
            R4   AP         1/1
            R5   RV           1
            R8   SB           1
            W1                                           3
            W2                                           1
            W3                                           1
            W4                                           1         1
            10/5: compared 10 times, 5 of them broken. indirect: an answer relied on the clause, which was"#]],
    );
}

#[test]
fn a_folder_keeps_events_findings_and_the_summary() {
    let place = tempfile::tempdir().expect("a folder can be made");
    let mut folder = Folder::within(place.path(), "x-7").expect("it is new");
    let report = report(Status::Flaky);
    let event = Event::FindingReport(Box::new(report.clone()));
    folder.hear(&event, "{}", &commands()).expect("there is room");
    folder.hear(&event, "{}", &commands()).expect("there is room");
    folder.close(&results(&outcome(vec![report]))).expect("there is room");
    let latest = place.path().join("latest");
    let names = [&latest, &latest.join("findings")].map(|folder| {
        let entries = folder.read_dir().expect("it is there").flatten();
        let names: BTreeSet<_> = entries.map(|entry| entry.file_name()).collect();
        format!("{}\n", Vec::from_iter(names.iter().map(|name| name.to_string_lossy())).join(" "))
    });
    check(
        &names.concat(),
        expect![[r#"
            events.jsonl findings junit.xml report.html results.sarif summary.json summary.md
            r4-ap-resume-never-config.case r4-ap-resume-never-config.stderr r4-ap-resume-never-config.trace r4-ap-resume-never-config.unlike.trace
        "#]],
    );
    let events = std::fs::read_to_string(latest.join("events.jsonl"));
    check(
        &events.expect("it is there"),
        expect![[r#"
        {}
        {}
    "#]],
    );
}
