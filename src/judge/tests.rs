//! Which of several worlds is followed, and what is told where none agrees.
//!
//! Each test is a program and what its steps showed, written by hand; what is told of it is all
//! that the judge finds. A step without a fact says nothing, as after a cut.

use expect_test::{Expect, expect};

use super::{Finding, Verdict, judge};
use crate::policy::Policy;
use crate::policy::model_context::{ContextPart, StatedPolicy};
use crate::program::Program;
use crate::program::thread::ThreadName;
use crate::trace::{Entry, Observation, ThreadLabel, Trace};

const CONFIG: &str = "# heirloom case v1\nconfig approval=on-request sandbox=read-only\n";

/// A start with a policy of its own, and its subagent.
const FAMILY: &str = "start approval=never sandbox=workspace-write -> t0\nspawn t0 -> t1\n";

/// The policy of that start.
const OWN: &str = "approval=never sandbox=workspace-write";

/// What is told of a program that showed this, finding by finding.
fn check(lines: &str, facts: Vec<Vec<Entry>>, expected: Expect) {
    let findings = verdict(lines, facts).findings;
    let told: Vec<String> =
        findings.iter().map(Finding::signature).map(|one| one.to_string()).collect();
    expected.assert_eq(&told.join("\n"));
}

fn verdict(lines: &str, facts: Vec<Vec<Entry>>) -> Verdict {
    let program: Program = format!("{CONFIG}{lines}audit\n").parse().expect("the lines are a case");
    let facts = facts.concat();
    judge(&Trace { program, server: None, times_us: vec![0; facts.len()], facts })
}

fn fact(step: usize, what: Observation) -> Vec<Entry> {
    vec![Entry { step, what }]
}

/// The number of a step's only request.
fn call(step: usize) -> u32 {
    u32::try_from(step).expect("a program is short")
}

fn sent(step: usize) -> Vec<Entry> {
    fact(
        step,
        Observation::Sent { call: call(step), method: "a/method".to_owned(), unbound: false },
    )
}

fn granted(step: usize) -> Vec<Entry> {
    let answer = Observation::Answered { call: call(step), thread: None, policy: None };
    [sent(step), fact(step, answer)].concat()
}

fn refused(step: usize) -> Vec<Entry> {
    let answer = Observation::Refused { call: call(step), code: -32600, message: "no".to_owned() };
    [sent(step), fact(step, answer)].concat()
}

fn named(number: u16) -> ThreadLabel {
    ThreadLabel::Named(ThreadName(number))
}

/// A policy, as config.toml would have it.
fn policy(words: &str) -> Policy {
    let program = format!("# heirloom case v1\nconfig {words}\naudit\n");
    program.parse::<Program>().expect("the words are a config").defaults.policy()
}

fn states(step: usize, number: u16, words: &str) -> Vec<Entry> {
    let (thread, policy) = (Some(named(number)), Some(policy(words)));
    let answer = Observation::Answered { call: call(step), thread, policy };
    [sent(step), fact(step, answer)].concat()
}

/// The model is told this approval policy and this reviewer in a turn of the thread.
fn told(step: usize, number: u16, [approval, reviewer]: [Option<&str>; 2]) -> Vec<Entry> {
    let [approval, reviewer] = [approval, reviewer].map(|word| word.map(str::to_owned));
    let told = StatedPolicy { voice: ContextPart::Metadata, approval, reviewer, sandbox: None };
    fact(step, Observation::ModelContext { thread: named(number), told })
}

/// That family as it must begin, and its parent's archive.
fn archived_family() -> Vec<Entry> {
    let spawned = [granted(1), told(1, 1, [None, None])].concat();
    [states(0, 0, OWN), spawned, granted(2)].concat()
}

#[test]
fn of_explanations_as_far_from_what_was_seen_the_mildest_is_told() {
    let lines = format!("{FAMILY}archive t0\nunarchive t0\nresume t1\n");
    let lost = states(4, 1, "approval=never sandbox=read-only");
    check(
        &lines,
        vec![archived_family(), granted(3), lost],
        expect!["R8/SB/resume/workspace-write/config"],
    );
}

#[test]
fn an_answer_that_was_due_otherwise_is_further_off_than_two_wrong_values() {
    let lines = format!("{FAMILY}archive t0\nresume t1\n");
    let lost = states(3, 1, "approval=on-request sandbox=read-only");
    check(
        &lines,
        vec![archived_family(), lost],
        expect![[r#"
        R1/AP/resume/never/config
        R1/SB/resume/workspace-write/config"#]],
    );
}

#[test]
fn all_worlds_that_are_wrong_in_the_same_are_followed() {
    let lines = format!("{FAMILY}archive t0\nstart approval=never -> t2\nresume t1\n");
    let wrong = || states(3, 2, "approval=on-request sandbox=read-only");
    check(
        &lines,
        vec![archived_family(), wrong(), refused(4)],
        expect!["S1/AP/start/never/config"],
    );
    check(
        &lines,
        vec![archived_family(), wrong(), states(4, 1, OWN)],
        expect!["S1/AP/start/never/config"],
    );
}

#[test]
fn a_world_that_would_have_been_blamed_for_something_else_is_not_followed() {
    let lines =
        format!("{FAMILY}archive t0\nunarchive t0\nresume t1\nrestart graceful\nresume t1\n");
    let lost = states(4, 1, "approval=never sandbox=read-only");
    let back = states(6, 1, OWN);
    check(
        &lines,
        vec![archived_family(), granted(3), lost, back],
        expect![[r#"
        R8/SB/resume/workspace-write/config
        R8/SB/resume/read-only/other-thread"#]],
    );
}

#[test]
fn whether_a_subagent_is_archived_with_its_parent_is_left_open() {
    let lines = format!("{FAMILY}archive t0\nrun t1 \"hi\"\n");
    for answer in [granted(3), refused(3)] {
        check(&lines, vec![archived_family(), answer], expect![[r#""#]]);
    }
}

#[test]
fn a_second_client_that_hears_no_more_leaves_the_first_one_its_notices() {
    let lines = "start -> t0\nrun t0 \"hi\"\nsecond resume t0\nsecond unsubscribe t0\n\
                 settings t0 approval=never\n";
    let begun = [states(0, 0, ""), granted(1), states(2, 0, ""), granted(3)].concat();
    check(lines, vec![begun, granted(4)], expect!["T9/-/settings/notice/unknown"]);
}

#[test]
fn the_first_client_hears_nothing_of_a_thread_that_the_second_one_started() {
    let lines = "second start -> t0\nsettings t0 approval=never\n";
    check(lines, vec![states(0, 0, ""), granted(1)], expect![[r#""#]]);
}

#[test]
fn a_thread_that_the_second_client_hears_stays_loaded() {
    let lines = "start -> t0\nrun t0 \"hi\"\nsecond resume t0\nunsubscribe t0\nrun t0 \"more\"\n";
    let begun = [states(0, 0, ""), granted(1), states(2, 0, ""), granted(3)].concat();
    let gone = fact(3, Observation::Closed { thread: named(0) });
    check(lines, vec![begun, gone, refused(4)], expect!["T2/-/run/accepted/unknown"]);
}

/// A resume that a full disk breaks off, and what comes after it.
fn after_a_full_disk(lines: &str, facts: Vec<Entry>, expected: Expect) {
    let begun = "start approval=never -> t0\nrun t0 \"hi\"\nrestart graceful\ndisk full\n\
                 resume t0\n";
    let begins = [states(0, 0, "approval=never"), granted(1), refused(4)].concat();
    check(&format!("{begun}{lines}"), vec![begins, facts], expected);
}

#[test]
fn a_thread_that_a_full_disk_left_half_loaded_may_be_refused_until_a_restart() {
    after_a_full_disk("disk free\nresume t0\n", refused(6), expect![[r#""#]]);
    after_a_full_disk("disk free\nfork t0 -> t1\n", refused(6), expect![[r#""#]]);
    let again = "disk free\nrestart graceful\nresume t0\n";
    after_a_full_disk(again, refused(7), expect!["R4/-/resume/accepted/unknown"]);
}

#[test]
fn a_resume_that_a_full_disk_broke_off_may_have_loaded_the_thread() {
    after_a_full_disk("run t0 \"more\"\n", granted(5), expect![[r#""#]]);
    after_a_full_disk("run t0 \"more\"\n", refused(5), expect![[r#""#]]);
}

#[test]
fn what_a_broken_off_resume_loaded_is_told_under_the_clause_that_loads_it() {
    let loaded = "disk free\nsettings t0 reviewer=auto_review\nresume t0\n";
    let lost = states(7, 0, "approval=on-request reviewer=auto_review sandbox=read-only");
    after_a_full_disk(loaded, [granted(6), lost].concat(), expect!["R4/AP/settings/never/config"]);
}

#[test]
fn what_a_turn_tells_on_a_full_disk_is_not_judged() {
    let turn = |step| [granted(step), told(step, 0, [Some("never"), None])].concat();
    let full = "start -> t0\ndisk full\nrun t0 \"hi\"\n";
    check(full, vec![states(0, 0, ""), turn(2)], expect![[r#""#]]);
    let free = format!("{full}disk free\nrun t0 \"hi\"\n");
    check(&free, vec![states(0, 0, ""), turn(4)], expect!["G9/AP/run/on-request/unknown"]);
}

#[test]
fn a_deed_that_nobody_would_hear_of_leaves_the_world_as_it_was() {
    let lines = "start -> t0\nrun t0 \"hi\" <- deed pout decline deny\nresume t0\n";
    let reason = "nobody would hear what is asked in a deed".to_owned();
    let unasked = fact(1, Observation::NotTaken { reason });
    check(lines, vec![states(0, 0, ""), unasked, refused(2)], expect![[r#""#]]);
}

#[test]
fn a_retuned_turn_is_compared_with_its_own_reviewer_when_it_finishes() {
    let lines = "start -> t0\nbegin t0\nretune t0 reviewer=auto_review\nfinish t0 complete\n";
    let begun = || [states(0, 0, ""), granted(1), granted(2)].concat();
    let end = |reviewer| told(3, 0, [Some("on-request"), Some(reviewer)]);
    check(lines, vec![begun(), end("auto_review")], expect![[r#""#]]);
    check(lines, vec![begun(), end("user")], expect!["T7/RV/run/auto_review/config"]);
}

#[test]
fn what_was_not_taken_or_sent_is_not_performed_and_what_was_left_out_is_withheld() {
    let lines = "start -> t0\nreread t0\ntorn finish t0 complete\ntorn start -> t1\nreread t0\n\
                 together settings t0 approval=never | settings t0 approval=untrusted\n";
    let untaken = fact(1, Observation::NotTaken { reason: "it is not loaded".to_owned() });
    let lacking = fact(5, Observation::LeftOut { what: "thread/settings/update".to_owned() });
    let facts = vec![states(0, 0, ""), untaken, sent(3), granted(4), lacking];
    let Verdict { performed, left_out, withheld, .. } = verdict(lines, facts);
    let words: Vec<String> = withheld.iter().map(ToString::to_string).collect();
    let performed: Vec<&usize> = performed.range(..6).collect();
    let seen = format!("{performed:?}\n{left_out:?}\n{}", words.join(" "));
    expect![[r#"
        [0, 3, 4]
        {5: "thread/settings/update"}
        R0 T9 O14"#]]
    .assert_eq(&seen);
}
