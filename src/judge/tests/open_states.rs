//! Threads that are unloaded in the course of a step, and changes that stay open until a read.

use expect_test::{Expect, expect};

use super::{outcome, request};
use crate::judge::judge;
use crate::policy::{Approval, Dimension, Policy};
use crate::testing::{self, at, granted, policy, refused, sent, stated, thread, trace, turn_ended};
use crate::trace::{Entry, Observation, ThreadLabel};

const THREAD: ThreadLabel = thread(0);

/// The outcome of a program whose thread starts as it must, and then shows the rest.
fn check(lines: &str, rest: Vec<Entry>, expected: Expect) {
    let started = at(0, vec![sent(1), stated(1, THREAD, policy(""))]);
    let trace = trace(&format!("start -> t0\n{lines}"), [started, rest].concat());
    expected.assert_eq(&outcome(&judge(&trace)));
}

#[test]
fn a_refused_action_that_unloads_the_thread_is_one_finding() {
    let gone = Observation::Closed { thread: THREAD };
    let rest = [at(1, vec![sent(2), refused(2), gone]), at(2, vec![sent(3), refused(3)])].concat();
    check("revert t0\nsettings t0 approval=never\n", rest, expect!["T5/-/revert/loaded/unknown"]);
}

#[test]
fn an_idle_thread_without_a_client_may_be_unloaded_at_any_step() {
    let gone = Observation::Closed { thread: THREAD };
    let rest = [at(1, vec![sent(2), granted(2)]), at(2, vec![gone, sent(3), refused(3)])].concat();
    check(
        "unsubscribe t0\nsettings t0 approval=never\n",
        rest,
        expect!["16 held: R0 S1 T9 W1 W2 W3"],
    );
}

#[test]
fn a_refusal_may_show_that_a_thread_without_a_client_is_unloaded() {
    let unheard = Observation::Unsubscribed { thread: THREAD };
    let rest =
        [at(1, vec![sent(2), granted(2), unheard]), at(2, vec![sent(3), refused(3)])].concat();
    let settings = "settings t0 approval=never\n";
    check(&format!("unsubscribe t0\n{settings}"), rest, expect!["16 held: R0 S1 T9 W1 W2 W3"]);
    let rest = [at(1, vec![sent(2), refused(2)])].concat();
    check(settings, rest, expect!["U4/-/settings/accepted/unknown"]);
}

/// An interrupted change, a cold read on a copy of the home, and a cold resume.
fn check_interrupted(copy: Approval, resumed: Approval, expected: Expect) {
    let with = |approval| Policy { approval, ..policy("") };
    let (exit, stderr) = ("killed".to_owned(), String::new());
    let ended = Observation::Ended { told: true, exit, panicked: false, stderr };
    let copy = Observation::ColdRead { thread: THREAD, policy: Some(with(copy)) };
    let rest = [
        at(1, vec![sent(2), granted(2)]),
        at(2, vec![sent(3), ended]),
        at(3, vec![copy]),
        at(4, vec![sent(4), stated(4, THREAD, with(resumed))]),
    ];
    let lines = "inject t0\nkill-during settings t0 approval=never\ncold-read t0\nresume t0\n";
    check(lines, rest.concat(), expected);
}

#[test]
fn an_interrupted_change_is_made_or_is_not() {
    check_interrupted(
        Approval::Never,
        Approval::Never,
        expect!["31 held: S1 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3"],
    );
    check_interrupted(
        Approval::OnRequest,
        Approval::OnRequest,
        expect!["31 held: S1 T9 R4 R5 R8 R9 R10 R13 WR1 W1 W2 W3"],
    );
}

#[test]
fn a_resume_must_state_what_a_cold_read_has_shown_of_an_open_change() {
    check_interrupted(Approval::Never, Approval::OnRequest, expect!["R4/AP/resume/never/config"]);
    check_interrupted(
        Approval::OnRequest,
        Approval::Never,
        expect!["R4/AP/resume/on-request/unknown"],
    );
}

#[test]
fn a_cold_read_shows_an_open_change_or_the_value_before_it() {
    check_interrupted(Approval::Untrusted, Approval::Never, expect!["R4/AP/resume/never/unknown"]);
}

#[test]
fn after_an_unsubscribe_a_turn_may_end_without_a_start() {
    let unheard = Observation::Unsubscribed { thread: THREAD };
    let ended = turn_ended(THREAD, 1);
    let rest = [at(1, vec![sent(2), granted(2), unheard]), at(2, vec![ended])].concat();
    check("unsubscribe t0\nlist t0\n", rest, expect!["13 held: S1 T9 W1 W2 W3"]);
}

/// The second of two starts whose sandbox config does not state, after one with roots of its own or
/// without.
fn check_default(first: &str, roots: &str, second: &str, expected: Expect) {
    let state = |step, number, config: &str, roots: &str| {
        let mut stated = policy(config);
        stated.others.insert(Dimension::WR, roots.to_owned());
        request(step, |call| testing::stated(call, thread(number), stated.clone()))
    };
    let started = state(0, 0, "sandbox=workspace-write writable-roots=OUT", roots);
    let trace = trace(
        &format!("config sandbox=unset trust=trusted\n{first}start -> t1\n"),
        [started, state(1, 1, second, "CWD")].concat(),
    );
    expected.assert_eq(&outcome(&judge(&trace)));
}

#[test]
fn the_roots_of_one_start_are_not_the_default_of_the_next() {
    let workspace = "sandbox=workspace-write";
    check_default("start roots=OUT -> t0\n", "OUT", workspace, expect!["20 held: S1 T9 W1 W2 W3"]);
    check_default("start -> t0\n", "CWD", workspace, expect!["L3/SB/start/workspace-write/config"]);
    check_default(
        "start roots=OUT -> t0\n",
        "OUT",
        "sandbox=read-only",
        expect!["20 held: S1 T9 W1 W2 W3"],
    );
}
