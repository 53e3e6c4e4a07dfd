//! Which of several worlds is followed, and what is reported where none agrees.
//!
//! Each test is a program and what its steps showed, written by hand; what is expected of it is all
//! that the judge finds. A step without an observation says nothing, as after a cut.

use std::collections::{BTreeMap, BTreeSet};

use expect_test::{Expect, expect};

use super::judge;
use super::verdict::Verdict;
use crate::contract::Clause;
use crate::policy::model_context::{ContextPart, StatedPolicy};
use crate::policy::{Approval, Dimension, Policy};
use crate::testing::{self, at, policy, sent, thread, trace};
use crate::trace::{Entry, Observation};

mod degrees;
mod interrupted;
mod limits;
mod open_states;

/// A start with a policy of its own, and its subagent.
const FAMILY: &str = "start approval=never sandbox=workspace-write -> t0\nspawn t0 -> t1\n";

/// The policy of that start.
const OWN: &str = "approval=never sandbox=workspace-write";

/// The signature of each finding. Where there is none, how many comparisons held and of which
/// clauses, so that a trace in which nothing happened shows it.
fn outcome(verdict: &Verdict) -> String {
    let findings = verdict.findings.iter().map(|finding| finding.signature().to_string());
    let findings: Vec<String> = findings.collect();
    if !findings.is_empty() {
        return findings.join("\n");
    }
    let compared = || verdict.tally.iter().filter(|(cell, _)| cell.view.is_some());
    let held: u64 = compared().map(|(_, tally)| tally.held).sum();
    let clauses: BTreeSet<Clause> = compared().map(|(cell, _)| cell.clause).collect();
    let clauses = clauses.iter().map(|clause| format!(" {clause}"));
    format!("{held} held:{}", clauses.collect::<String>())
}

/// The outcome of a program that showed this.
fn check(lines: &str, entries: Vec<Vec<Entry>>, expected: Expect) {
    expected.assert_eq(&outcome(&judge(&trace(lines, entries.concat()))));
}

/// The only request of a step, and its answer.
fn request(step: usize, answer: impl Fn(u32) -> Observation) -> Vec<Entry> {
    let call = u32::try_from(step).expect("a program is short");
    at(step, vec![sent(call), answer(call)])
}

fn granted(step: usize) -> Vec<Entry> {
    request(step, testing::granted)
}

fn refused(step: usize) -> Vec<Entry> {
    request(step, testing::refused)
}

fn states(step: usize, number: u16, words: &str) -> Vec<Entry> {
    request(step, |call| testing::stated(call, thread(number), policy(words)))
}

/// This approval policy and this reviewer are stated to the model in a turn of the thread.
fn model_context(step: usize, number: u16, words: [Option<&str>; 2]) -> Vec<Entry> {
    let [approval, reviewer] = words.map(|word| word.map(str::to_owned));
    let (voice, others) = (ContextPart::Metadata, BTreeMap::new());
    let told = StatedPolicy { voice, approval, reviewer, sandbox: None, others };
    at(step, vec![Observation::ModelContext { thread: thread(number), told }])
}

/// That family as it must begin, and its parent's archive.
fn archived_family() -> Vec<Entry> {
    let spawned = [granted(1), model_context(1, 1, [None, None])].concat();
    [states(0, 0, OWN), spawned, granted(2)].concat()
}

/// This sandbox is stated to the model in a turn of the thread.
fn stated_sandbox(step: usize, number: u16, sandbox: &str) -> Vec<Entry> {
    let (approval, reviewer) = (Some("never".to_owned()), None);
    let (voice, others) = (ContextPart::Developer, BTreeMap::new());
    let sandbox = Some(sandbox.to_owned());
    let told = StatedPolicy { voice, approval, reviewer, sandbox, others };
    at(step, vec![Observation::ModelContext { thread: thread(number), told }])
}

#[test]
fn a_detached_review_has_the_sandbox_of_the_thread_under_review() {
    let lines = "start sandbox=workspace-write -> t0\ndetached-review t0\n";
    let start = || states(0, 0, "sandbox=workspace-write");
    let review = |sandbox| stated_sandbox(1, 0, sandbox);
    check(
        lines,
        vec![start(), granted(1), review("read-only")],
        expect!["O13/SB/detached-review/workspace-write/config"],
    );
    check(
        lines,
        vec![start(), granted(1), review("workspace-write")],
        expect!["15 held: S1 T9 O13 W1 W2 W3"],
    );
    check(lines, vec![start(), refused(1)], expect!["13 held: S1 T9 W1 W2 W3"]);
}

#[test]
fn a_thread_whose_folder_is_gone_may_be_refused_and_keeps_its_policy() {
    let mut there = policy("approval=never");
    there.others.insert(Dimension::CWD, "WS/sub".to_owned());
    let states = |step, number, policy: &Policy| {
        request(step, |call| testing::stated(call, thread(number), policy.clone()))
    };
    let mut lost = there.clone();
    lost.approval = Approval::OnRequest;
    let lines = "start approval=never cwd=WS/sub -> t0\nrun t0 \"hi\"\nremove-folder WS/sub\n\
                 fork t0 -> t1\n";
    let begun = || [states(0, 0, &there), granted(1)].concat();
    check(lines, vec![begun(), refused(3)], expect!["16 held: S1 T2 T9 W1 W2 W3"]);
    check(
        lines,
        vec![begun(), states(3, 1, &there)],
        expect!["25 held: S1 T2 T9 F1 F6 F7 WR1 W1 W2 W3"],
    );
    check(lines, vec![begun(), states(3, 1, &lost)], expect!["F1/AP/fork/never/config"]);
}

#[test]
fn of_explanations_that_are_as_near_the_mildest_is_reported() {
    let lines = format!("{FAMILY}archive t0\nunarchive t0\nresume t1\n");
    let lost = states(4, 1, "approval=never sandbox=read-only");
    check(
        &lines,
        vec![archived_family(), granted(3), lost],
        expect!["R8/SB/resume/workspace-write/config"],
    );
}

#[test]
fn a_wrong_answer_is_further_off_than_two_wrong_values() {
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
fn all_worlds_that_are_wrong_in_the_same_points_are_followed() {
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
            R8/SB/resume/read-only/before"#]],
    );
}

#[test]
fn whether_a_subagent_is_archived_with_its_parent_is_left_open() {
    let lines = format!("{FAMILY}archive t0\nrun t1 \"hi\"\n");
    check(&lines, vec![archived_family(), granted(3)], expect!["17 held: S1 T2 T9 W1 W2 W3"]);
    check(&lines, vec![archived_family(), refused(3)], expect!["17 held: R0 S1 T9 W1 W2 W3"]);
}

#[test]
fn a_second_client_that_unsubscribes_leaves_the_first_its_notices() {
    let lines = "start -> t0\nrun t0 \"hi\"\nclient2 resume t0\nclient2 unsubscribe t0\n\
                 settings t0 approval=never\n";
    let begun = [states(0, 0, ""), granted(1), states(2, 0, ""), granted(3)].concat();
    check(lines, vec![begun, granted(4)], expect!["T9/-/settings/notice/unknown"]);
}

#[test]
fn the_first_client_gets_no_notice_of_a_thread_that_the_second_started() {
    let lines = "client2 start -> t0\nsettings t0 approval=never\n";
    check(lines, vec![states(0, 0, ""), granted(1)], expect!["14 held: S1 T9 U4 W1 W2 W3"]);
}

#[test]
fn a_thread_that_the_second_client_is_subscribed_to_stays_loaded() {
    let lines = "start -> t0\nrun t0 \"hi\"\nclient2 resume t0\nunsubscribe t0\nrun t0 \"more\"\n";
    let begun = [states(0, 0, ""), granted(1), states(2, 0, ""), granted(3)].concat();
    let gone = at(3, vec![Observation::Closed { thread: thread(0) }]);
    check(lines, vec![begun, gone, refused(4)], expect!["T2/-/run/accepted/unknown"]);
}

/// A resume that a full disk breaks off, and what comes after it.
fn after_a_full_disk(lines: &str, entries: Vec<Entry>, expected: Expect) {
    let begun = "start approval=never -> t0\nrun t0 \"hi\"\nrestart graceful\ndisk full\n\
                 resume t0\n";
    let begins = [states(0, 0, "approval=never"), granted(1), refused(4)].concat();
    check(&format!("{begun}{lines}"), vec![begins, entries], expected);
}

#[test]
fn a_thread_that_a_full_disk_left_half_loaded_may_be_refused_until_a_restart() {
    after_a_full_disk("disk free\nresume t0\n", refused(6), expect!["17 held: S1 T2 T9 W1 W2 W3"]);
    after_a_full_disk(
        "disk free\nfork t0 -> t1\n",
        refused(6),
        expect!["17 held: S1 T2 T9 W1 W2 W3"],
    );
    let again = "disk free\nrestart graceful\nresume t0\n";
    after_a_full_disk(again, refused(7), expect!["R4/-/resume/accepted/unknown"]);
}

#[test]
fn a_resume_that_a_full_disk_broke_may_have_loaded_the_thread() {
    after_a_full_disk("run t0 \"more\"\n", granted(5), expect!["18 held: S1 T2 T9 W1 W2 W3"]);
    after_a_full_disk("run t0 \"more\"\n", refused(5), expect!["19 held: R0 S1 T2 T9 W1 W2 W3"]);
}

#[test]
fn a_policy_that_a_broken_resume_loaded_is_reported_under_the_clause_of_the_resume() {
    let loaded = "disk free\nsettings t0 reviewer=auto_review\nresume t0\n";
    let lost = states(7, 0, "approval=on-request reviewer=auto_review sandbox=read-only");
    after_a_full_disk(loaded, [granted(6), lost].concat(), expect!["R4/AP/settings/never/config"]);
}

#[test]
fn the_model_context_of_a_turn_on_a_full_disk_is_not_judged() {
    let turn = |step| [granted(step), model_context(step, 0, [Some("never"), None])].concat();
    let full = "start -> t0\ndisk full\nrun t0 \"hi\"\n";
    check(full, vec![states(0, 0, ""), turn(2)], expect!["15 held: S1 T2 T9 W1 W2 W3"]);
    let free = format!("{full}disk free\nrun t0 \"hi\"\n");
    check(&free, vec![states(0, 0, ""), turn(4)], expect!["G9/AP/run/on-request/unknown"]);
}

#[test]
fn a_probe_that_could_not_be_asked_for_leaves_the_world_as_it_was() {
    let lines = "start -> t0\n\
                 run t0 \"hi\" <- probe patch-outside client=decline reviewer=deny\n\
                 resume t0\n";
    let reason = "no client is subscribed to the thread".to_owned();
    let unasked = at(1, vec![Observation::NotTaken { reason }]);
    check(
        lines,
        vec![states(0, 0, ""), unasked, refused(2)],
        expect!["15 held: R16 S1 T9 W1 W2 W3"],
    );
}

#[test]
fn a_turn_with_new_settings_is_compared_with_its_own_reviewer_at_its_end() {
    let lines =
        "start -> t0\nbegin t0\nturn-settings t0 reviewer=auto_review\nfinish t0 complete\n";
    let begun = || [states(0, 0, ""), granted(1), granted(2)].concat();
    let end = |reviewer| model_context(3, 0, [Some("on-request"), Some(reviewer)]);
    check(lines, vec![begun(), end("auto_review")], expect!["18 held: S1 T2 T7 T9 W1 W2 W3"]);
    check(lines, vec![begun(), end("user")], expect!["T7/RV/run/auto_review/config"]);
}

#[test]
fn a_step_that_was_not_taken_or_sent_is_not_performed_and_one_left_out_is_withheld() {
    let lines = "start -> t0\nwarm-read t0\nkill-during finish t0 complete\n\
                 kill-during start -> t1\nwarm-read t0\n\
                 parallel settings t0 approval=never | settings t0 approval=untrusted\n";
    let untaken = at(1, vec![Observation::NotTaken { reason: "it is not loaded".to_owned() }]);
    let lacking = at(5, vec![Observation::LeftOut { what: "thread/settings/update".to_owned() }]);
    let sent = at(3, vec![sent(3)]);
    let entries = [states(0, 0, ""), untaken, sent, granted(4), lacking].concat();
    let Verdict { performed, left_out, withheld, .. } = judge(&trace(lines, entries));
    let words: Vec<String> = withheld.iter().map(ToString::to_string).collect();
    let performed: Vec<&usize> = performed.range(..6).collect();
    let seen = format!("{performed:?}\n{left_out:?}\n{}", words.join(" "));
    expect![[r#"
        [0, 3, 4]
        {5: "thread/settings/update"}
        R0 T9 O14"#]]
    .assert_eq(&seen);
}

#[test]
fn a_value_that_another_of_two_calls_has_changed_is_not_blamed_twice() {
    let lines = "config sandbox=workspace-write\nstart sandbox=read-only -> t0\nrun t0 \"hi\"\n\
                 restart graceful\nparallel resume t0 | settings t0 sandbox=danger-full-access\n\
                 warm-read t0\n";
    let full = "sandbox=danger-full-access";
    let at_once = at(
        3,
        vec![
            sent(3),
            sent(4),
            testing::stated(3, thread(0), policy("sandbox=workspace-write")),
            testing::granted(4),
            testing::noticed(thread(0), policy(full)),
        ],
    );
    let read = at(4, vec![sent(5), testing::stated(5, thread(0), policy(full))]);
    let entries = vec![states(0, 0, "sandbox=read-only"), granted(1), at_once, read];
    check(lines, entries, expect!["R8/SB/resume/read-only/config"]);
}

#[test]
fn the_last_notice_says_which_of_two_changes_came_last_also_where_a_fork_is_wrong() {
    let lines = "config sandbox=read-only\nstart -> t0\nrun t0 \"hi\"\n\
                 parallel settings t0 sandbox=danger-full-access | \
                 settings t0 approval=never sandbox=workspace-write | fork t0 -> t1\n";
    let own = "approval=never";
    let at_once = at(
        2,
        vec![
            sent(2),
            sent(3),
            sent(4),
            testing::granted(2),
            testing::granted(3),
            testing::noticed(thread(0), policy(&format!("{own} sandbox=workspace-write"))),
            testing::stated(4, thread(1), policy(&format!("{own} sandbox=read-only"))),
        ],
    );
    let entries = vec![states(0, 0, "sandbox=read-only"), granted(1), at_once];
    check(lines, entries, expect!["F1/SB/fork/workspace-write/config"]);
}

/// Settings of a thread and another call at once: the notice, and how the other call is answered.
fn at_once(step: u32, noticed: Policy, answer: Observation) -> Vec<Entry> {
    let notice = testing::noticed(thread(0), noticed);
    let seen = vec![sent(step), sent(step + 1), testing::granted(step), notice, answer];
    at(step as usize, seen)
}

/// A named thread whose settings change while it is resumed, with the views of each finding.
fn check_resumed_at_once(noticed: &str, resumed: &str, expected: Expect) {
    let lines = "config sandbox=workspace-write\nstart -> t0\nname t0\n\
                 parallel settings t0 sandbox=workspace-write+network | resume t0\n";
    let at_once = at_once(2, policy(noticed), testing::stated(3, thread(0), policy(resumed)));
    let entries = [states(0, 0, "sandbox=workspace-write"), granted(1), at_once].concat();
    let verdict = judge(&trace(lines, entries));
    let views = verdict.findings.iter().map(|finding| format!("{:?}", finding.views));
    let views: String = views.collect();
    expected.assert_eq(format!("{} {views}", outcome(&verdict)).trim_end());
}

#[test]
fn a_resume_at_once_that_states_what_a_wrong_notice_states_is_a_view_of_the_same_fault() {
    let wrong = "sandbox=workspace-write network=on writable-roots=OUT";
    let right = "sandbox=workspace-write network=on";
    check_resumed_at_once(
        wrong,
        wrong,
        expect!["U4/SB/settings/workspace-write/unknown {Reply, Notice}"],
    );
    check_resumed_at_once(right, right, expect!["41 held: S1 T9 U4 R1 O8 O14 W1 W2 W3"]);
    check_resumed_at_once(right, wrong, expect!["R1/SB/resume/workspace-write/unknown {Reply}"]);
}

#[test]
fn a_root_too_many_in_a_notice_of_calls_at_once_is_of_the_change_also_where_the_roots_name_it() {
    let lines = "config sandbox=workspace-write network=on writable-roots=OUT\nstart -> t0\n\
                 parallel settings t0 sandbox=workspace-write+network | fork t0 -> t1\n";
    let mut seen = policy("sandbox=workspace-write network=on writable-roots=OUT");
    seen.others.insert(Dimension::WR, "CWD+OUT".to_owned());
    let started = request(0, |call| testing::stated(call, thread(0), seen.clone()));
    let at_once = at_once(1, seen, testing::refused(2));
    check(lines, vec![started, at_once], expect!["L6/SB/settings/workspace-write/config"]);
}
