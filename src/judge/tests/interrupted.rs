//! Calls that a kill interrupts, and what a cold read must state after it.

use expect_test::{Expect, expect};

use super::outcome;
use crate::judge::judge;
use crate::policy::{Approval, Policy, Reviewer};
use crate::testing::{
    at, granted, noticed, policy, refused, sent, stated, thread, trace, turn_ended, turn_started,
};
use crate::trace::{Observation, ThreadLabel};

const BEGUN: &str = "start -> t0\nrun t0 \"one\"\n";
const THREAD: ThreadLabel = thread(0);
const FORK: ThreadLabel = thread(1);

fn with(approval: Approval) -> Policy {
    Policy { approval, ..policy("") }
}

fn old() -> Policy {
    policy("")
}

fn never() -> Policy {
    with(Approval::Never)
}

fn notice(policy: Policy) -> Observation {
    noticed(THREAD, policy)
}

/// The outcome of a program with an interrupted call and a cold read after it. A first thread
/// starts, and runs where the program begins so; the interrupted call is request 3, the read 4.
fn check(lines: &str, interrupted: Vec<Observation>, read: Observation, expected: Expect) {
    let mut entries = at(0, vec![sent(1), stated(1, THREAD, old())]);
    let mut step = 1;
    if lines.starts_with(BEGUN) {
        let turn = [turn_started(THREAD, 1), turn_ended(THREAD, 1)];
        entries.extend(at(1, [vec![sent(2), granted(2)], turn.to_vec()].concat()));
        step = 2;
    }
    entries.extend(at(step, [vec![sent(3)], interrupted].concat()));
    entries.extend(at(step + 1, vec![sent(4), read]));
    expected.assert_eq(&outcome(&judge(&trace(lines, entries))));
}

#[test]
fn settings_without_a_notice_are_kept_or_lost_and_nothing_else() {
    let lines = &format!("{BEGUN}kill-during settings t0 approval=never\nresume t0\n");
    let read = |policy| stated(4, THREAD, policy);
    check(
        lines,
        vec![granted(3)],
        read(never()),
        expect!["28 held: S1 T2 T9 U1 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check(
        lines,
        vec![granted(3)],
        read(old()),
        expect!["28 held: S1 T2 T9 U1 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check(lines, vec![], read(with(Approval::Untrusted)), expect!["R4/AP/resume/never/unknown"]);
}

const PARALLEL: &str = "kill-during parallel settings t0 approval=never | \
                       settings t0 reviewer=auto_review\nresume t0\n";

fn reviewed(policy: Policy) -> Policy {
    Policy { reviewer: Reviewer::AutoReview, ..policy }
}

/// Two parallel changes with these notices, and what a cold resume then states.
fn check_parallel(notices: Vec<Policy>, read: Policy, expected: Expect) {
    let interrupted = std::iter::once(sent(5)).chain(notices.into_iter().map(notice)).collect();
    check(&format!("{BEGUN}{PARALLEL}"), interrupted, stated(4, THREAD, read), expected);
}

#[test]
fn parallel_calls_without_a_notice_are_kept_or_lost_each_for_itself() {
    check_parallel(vec![], old(), expect!["26 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"]);
    check_parallel(
        vec![],
        never(),
        expect!["26 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(
        vec![],
        reviewed(old()),
        expect!["26 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(
        vec![],
        reviewed(never()),
        expect!["26 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(vec![], with(Approval::Untrusted), expect!["R4/AP/resume/never/unknown"]);
}

#[test]
fn of_parallel_calls_those_with_a_notice_are_kept() {
    let both = || vec![never(), reviewed(never())];
    check_parallel(
        both(),
        reviewed(never()),
        expect!["26 held: S1 T2 T9 U3 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(both(), never(), expect!["U3/RV/resume/auto_review/config"]);
    check_parallel(vec![with(Approval::Untrusted)], old(), expect!["U1/AP/settings/never/unknown"]);
    check_parallel(vec![reviewed(never())], never(), expect!["U3/RV/resume/auto_review/config"]);
    check_parallel(
        both(),
        old(),
        expect![[r#"
        U3/AP/resume/never/config
        U3/RV/resume/auto_review/config"#]],
    );
    check_parallel(
        vec![never()],
        never(),
        expect!["26 held: S1 T2 T9 U3 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(
        vec![never()],
        reviewed(never()),
        expect!["26 held: S1 T2 T9 U3 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check_parallel(vec![never()], reviewed(old()), expect!["U3/AP/resume/never/config"]);
}

#[test]
fn of_parallel_calls_an_answered_fork_is_kept() {
    let lines = &format!("{BEGUN}kill-during parallel fork t0 -> t1 | resume t0\nresume t1\n");
    let answered = || vec![sent(5), stated(3, FORK, old())];
    check(
        lines,
        answered(),
        stated(4, FORK, old()),
        expect!["35 held: S1 T2 T9 R9 R10 R13 F1 F4 F6 F7 WR1 W1 W2 W3 W4"],
    );
    check(lines, answered(), refused(4), expect!["R4/-/resume/accepted/unknown"]);
    check(lines, vec![sent(5)], refused(4), expect!["19 held: R16 S1 T2 T9 W1 W2 W3 W4"]);
    let other = vec![sent(5), stated(5, THREAD, old())];
    check(lines, other, refused(4), expect!["28 held: R16 S1 T2 T9 R1 W1 W2 W3 W4"]);
}

#[test]
fn settings_with_a_notice_are_kept() {
    let lines = &format!("{BEGUN}kill-during settings t0 approval=never\nresume t0\n");
    let read = |policy| stated(4, THREAD, policy);
    check(
        lines,
        vec![granted(3), notice(never())],
        read(never()),
        expect!["36 held: S1 T2 T9 U1 U3 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check(
        lines,
        vec![granted(3), notice(never())],
        read(old()),
        expect!["U3/AP/resume/never/config"],
    );
}

#[test]
fn a_notice_about_another_thread_acknowledges_nothing() {
    let lines = &format!("{BEGUN}kill-during settings t0 approval=never\nresume t0\n");
    let other = noticed(FORK, never());
    check(
        lines,
        vec![granted(3), other],
        stated(4, THREAD, old()),
        expect!["28 held: S1 T2 T9 U1 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
}

#[test]
fn a_fork_loses_what_an_interrupted_history_lost() {
    let lines = "start -> t0\nkill-during run t0 \"one\" approval=never\nfork t0 -> t1\n";
    let start = vec![granted(3), notice(never()), turn_started(THREAD, 1)];
    check(lines, start, stated(4, FORK, old()), expect!["R17/AP/fork/never/config"]);
}

#[test]
fn an_interrupted_unsubscribe_need_not_unload_the_thread() {
    let lines = &format!("{BEGUN}kill-during unsubscribe t0\nresume t0\n");
    check(
        lines,
        vec![granted(3)],
        stated(4, THREAD, old()),
        expect!["27 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
    check(
        lines,
        vec![],
        stated(4, THREAD, old()),
        expect!["26 held: S1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
}

#[test]
fn a_notice_of_another_policy_is_a_finding() {
    let lines = &format!("{BEGUN}kill-during settings t0 approval=never\nresume t0\n");
    let notice = notice(with(Approval::Untrusted));
    check(
        lines,
        vec![granted(3), notice],
        stated(4, THREAD, never()),
        expect!["U1/AP/settings/never/unknown"],
    );
}

#[test]
fn a_thread_whose_first_turn_was_reported_as_started_can_be_resumed() {
    let lines = "start -> t0\nkill-during run t0 \"one\" approval=never\nresume t0\n";
    let acknowledged = || vec![granted(3), notice(never())];
    let start = || vec![granted(3), notice(never()), turn_started(THREAD, 1)];
    check(lines, acknowledged(), refused(4), expect!["23 held: S1 T1 T2 T9 WR1 W1 W2 W3"]);
    check(lines, start(), refused(4), expect!["R17/-/resume/accepted/unknown"]);
    check(lines, start(), stated(4, THREAD, old()), expect!["R17/AP/resume/never/config"]);
    check(
        lines,
        vec![granted(3), turn_started(THREAD, 1)],
        stated(4, THREAD, old()),
        expect!["24 held: S1 T1 T9 R17 W1 W2 W3"],
    );
}

#[test]
fn a_turn_that_ended_is_acknowledged_without_a_notice() {
    let lines = &format!("{BEGUN}kill-during run t0 \"two\" approval=never\nresume t0\n");
    let over = || vec![granted(3), turn_started(THREAD, 2), turn_ended(THREAD, 2)];
    check(lines, over(), stated(4, THREAD, old()), expect!["R4/AP/resume/never/config"]);
    check(
        lines,
        over(),
        stated(4, THREAD, never()),
        expect!["29 held: S1 T1 T2 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3 W4"],
    );
}

#[test]
fn an_answered_fork_is_kept_with_the_policy_it_stated() {
    let lines = &format!("{BEGUN}kill-during fork t0 approval=never -> t1\nresume t1\n");
    let answer = |policy| vec![stated(3, FORK, policy)];
    check(
        lines,
        answer(never()),
        stated(4, FORK, never()),
        expect!["35 held: S1 T2 T9 R9 R10 R13 F1 F3 F4 F6 F7 WR1 W1 W2 W3 W4"],
    );
    check(lines, answer(never()), stated(4, FORK, old()), expect!["F4/AP/resume/never/config"]);
    check(lines, answer(never()), refused(4), expect!["R4/-/resume/accepted/unknown"]);
    check(lines, answer(old()), stated(4, FORK, old()), expect!["F3/AP/fork/never/config"]);
    check(lines, vec![], refused(4), expect!["19 held: R16 S1 T2 T9 W1 W2 W3 W4"]);
}

#[test]
fn a_wrong_refusal_or_grant_is_a_finding() {
    let lines = &format!("{BEGUN}kill-during settings t0 approval=never\nresume t0\n");
    check(
        lines,
        vec![refused(3)],
        stated(4, THREAD, old()),
        expect!["U1/-/settings/accepted/unknown"],
    );
    check(
        lines,
        vec![refused(3)],
        stated(4, THREAD, never()),
        expect![[r#"
        U1/-/settings/accepted/unknown
        R4/AP/resume/on-request/unknown"#]],
    );
    let lines = "start -> t0\nkill-during fork t0 -> t1\nresume t1\n";
    let answer = vec![stated(3, FORK, old())];
    check(
        lines,
        answer,
        stated(4, FORK, never()),
        expect![[r#"
        R16/-/fork/refused/unknown
        R4/AP/resume/on-request/unknown"#]],
    );
    let lines = "start -> t0\nkill-during fork t0 -> t1\nresume t0\n";
    check(lines, vec![stated(3, FORK, old())], refused(4), expect!["R16/-/fork/refused/unknown"]);
    check(lines, vec![], refused(4), expect!["15 held: R16 S1 T9 W1 W2 W3"]);
}

#[test]
fn a_refused_call_changes_nothing() {
    let lines = "start -> t0\nkill-during compact t0\nresume t0\n";
    check(lines, vec![refused(3)], refused(4), expect!["16 held: R16 S1 T9 W1 W2 W3"]);
    check(
        lines,
        vec![refused(3)],
        stated(4, THREAD, old()),
        expect!["R16/-/resume/refused/unknown"],
    );
    check(
        lines,
        vec![granted(3), turn_started(THREAD, 1)],
        refused(4),
        expect!["R17/-/resume/accepted/unknown"],
    );
    check(lines, vec![granted(3)], refused(4), expect!["14 held: S1 T9 W1 W2 W3"]);
    check(
        lines,
        vec![turn_started(THREAD, 1)],
        refused(4),
        expect!["R17/-/resume/accepted/unknown"],
    );
}
