//! A call that a kill broke off: how far it came, beside what was due to it then.
//!
//! The facts say which of the model's stages is the one that happened. What came before the kill
//! is compared as ever; what did not come is nobody's to miss. Nothing is loaded after a kill,
//! whatever was adopted.

use super::View;
use super::compare::{self, Adopt, Capabilities, Comparison, Mismatch, broken, plain};
use crate::contract::Clause;
use crate::model::expectations::ACCEPTED;
use crate::model::{Expected, World};
use crate::policy::Policy;
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::ops::action::ThreadAction;
use crate::program::thread::ThreadRef;
use crate::trace::{Observation, ThreadLabel};

/// Compares what came of the call before the kill with a branch of it, or of several at once.
pub(super) fn compare(
    due: &Expected,
    inner: &Step,
    facts: &[&Observation],
    gates: &Capabilities,
) -> Vec<Comparison> {
    let gates = Capabilities { notices: false, ..gates.clone() };
    match (due, inner) {
        (Expected::All(dues), Step::Parallel(steps)) => {
            let lanes = dues.iter().zip(steps).enumerate();
            let one = |(place, (due, step)): (usize, (&Expected, &Step))| {
                let facts = of_lane(due, (facts, place));
                one((due, step), (&facts, place), &gates)
            };
            let mut all: Vec<Comparison> = lanes.flat_map(one).collect();
            all.extend(strange(dues, facts));
            all
        }
        _ => one((due, inner), (facts, 0), &gates),
    }
}

/// The facts of one of several calls at once: its own answer, and those notices that state what it
/// leaves behind. What was sent stays, since it says which answer is whose.
fn of_lane<'a>(
    due: &Expected,
    (facts, place): (&[&'a Observation], usize),
) -> Vec<&'a Observation> {
    let sent = facts.iter().filter_map(|what| match what {
        Observation::Sent { call, .. } => Some(*call),
        _ => None,
    });
    let call = sent.clone().nth(place);
    let states = |policy: &Policy| match due {
        Expected::Interrupted { due, .. } => {
            matches!(&**due, Expected::Change { policy: due, .. } if policy.agrees(due))
        }
        _ => false,
    };
    let own = |what: &&&Observation| match what {
        Observation::Settings { policy, .. } => states(policy),
        Observation::Answered { .. } | Observation::Refused { .. } => {
            call.is_some_and(|one| what.answers(one))
        }
        _ => true,
    };
    facts.iter().filter(own).copied().collect()
}

/// The notices that state what none of several calls at once leaves behind.
fn strange(dues: &[Expected], facts: &[&Observation]) -> Vec<Comparison> {
    let changes = || {
        dues.iter().filter_map(|due| match due {
            Expected::Interrupted { due, .. } => match &**due {
                Expected::Change { thread, policy, ruling, .. } => Some((*thread, policy, ruling)),
                _ => None,
            },
            _ => None,
        })
    };
    let beside = |what: &&Observation| {
        let Observation::Settings { thread: ThreadLabel::Named(name), policy } = what else {
            return Vec::new();
        };
        let mut own = changes().filter(|(thread, _, _)| thread == name);
        match own.clone().any(|(_, due, _)| policy.agrees(due)) {
            true => Vec::new(),
            false => {
                own.next().map(|due| compare::values(due, policy, View::Notice)).unwrap_or_default()
            }
        }
    };
    facts.iter().flat_map(beside).collect()
}

fn one(
    (due, inner): (&Expected, &Step),
    (facts, place): (&[&Observation], usize),
    gates: &Capabilities,
) -> Vec<Comparison> {
    let reached = reached(inner, facts);
    let refused = facts.iter().any(|what| matches!(what, Observation::Refused { .. }));
    let due = match due {
        Expected::Interrupted { stage, due }
            if (stage.acknowledged(), stage.started()) == reached =>
        {
            due
        }
        Expected::Interrupted { .. } => return elsewhere(inner),
        Expected::Answer { granted: false } if !refused => return elsewhere(inner),
        due => due,
    };
    compare::of_lane((due, inner), (facts, place), gates)
}

/// The call came to another stage than this branch has it.
fn elsewhere(inner: &Step) -> Vec<Comparison> {
    let about = (Clause::R17, inner.kind());
    let about = plain(about, ACCEPTED, View::Reply, ("another stage", "this".to_owned()));
    vec![broken(Mismatch { adopt: Adopt::Elsewhere, ..about })]
}

/// R17: whether the call's change was acknowledged, by a reply that shows it, its notice or the
/// end of its turn; and whether its turn was heard to start.
fn reached(inner: &Step, facts: &[&Observation]) -> (bool, bool) {
    let own = |whose: &ThreadLabel| match inner.uses() {
        Some(ThreadRef::Thread(name)) => *whose == ThreadLabel::Named(name),
        _ => false,
    };
    let any = |is: &dyn Fn(&Observation) -> bool| facts.iter().any(|what| is(what));
    let noticed = any(&|what| matches!(what, Observation::Settings { thread, .. } if own(thread)));
    let ended = any(&|what| matches!(what, Observation::TurnEnded { thread, .. } if own(thread)));
    let begun = any(&|what| matches!(what, Observation::TurnStarted { thread, .. } if own(thread)));
    match inner {
        Step::Start(_) | Step::Fork(_) | Step::Resume(_) => {
            (any(&|what| matches!(what, Observation::Answered { .. })), false)
        }
        Step::Settings(_) => (noticed, false),
        Step::Run(_) | Step::Begin(_) => (noticed || ended, begun || ended),
        Step::Action(ThreadAction { action: Action::Compact | Action::Review, .. }) => {
            (false, begun || ended)
        }
        _ => (false, false),
    }
}

/// The world after a step, with nothing loaded where the step has killed the server.
pub(super) fn ended(mut world: World, step: &Step) -> World {
    if matches!(step, Step::KillDuring(..)) {
        let loaded = world.threads.iter().filter(|(_, thread)| thread.live.is_some());
        let loaded: Vec<_> = loaded.map(|(name, _)| *name).collect();
        loaded.into_iter().for_each(|name| world.unload(name));
    }
    world
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use crate::judge::judge;
    use crate::policy::{Approval, Defaults, Policy, Reviewer};
    use crate::program::Program;
    use crate::program::thread::ThreadName;
    use crate::trace::{Entry, Observation, ThreadLabel, Trace};

    const BEGUN: &str = "start -> t0\nrun t0 \"one\"\n";
    const THREAD: ThreadLabel = ThreadLabel::Named(ThreadName(0));
    const FORK: ThreadLabel = ThreadLabel::Named(ThreadName(1));

    fn sent(call: u32) -> Observation {
        Observation::Sent { call, method: "a/method".to_owned(), unbound: false }
    }

    fn with(approval: Approval) -> Policy {
        Policy { approval, ..Defaults::default().policy() }
    }

    fn old() -> Policy {
        Defaults::default().policy()
    }

    fn never() -> Policy {
        with(Approval::Never)
    }

    fn stated(call: u32, thread: ThreadLabel, policy: Policy) -> Observation {
        Observation::Answered { call, thread: Some(thread), policy: Some(policy) }
    }

    fn noticed(policy: Policy) -> Observation {
        Observation::Settings { thread: THREAD, policy }
    }

    fn started(turn: u32) -> Observation {
        Observation::TurnStarted { thread: THREAD, turn }
    }

    fn ended(turn: u32) -> Observation {
        Observation::TurnEnded { thread: THREAD, turn, status: "completed".to_owned() }
    }

    fn refused(call: u32) -> Observation {
        Observation::Refused { call, code: -32600, message: "no".to_owned() }
    }

    /// The findings of a program with a torn call and a cold read after it, where a first thread
    /// starts and runs as it must, the torn call shows these facts, and the read those.
    fn check(lines: &str, torn: Vec<Observation>, read: Observation, expected: Expect) {
        let program = format!("# heirloom case v1\nconfig\n{lines}audit\n");
        let program: Program = program.parse().expect("the plan is one");
        let begun = lines.starts_with(BEGUN);
        let torn_at = if begun { 2 } else { 1 };
        let mut facts = vec![(0, sent(1)), (0, stated(1, THREAD, old()))];
        if begun {
            let granted = Observation::Answered { call: 2, thread: None, policy: None };
            facts.extend([(1, sent(2)), (1, granted), (1, started(1)), (1, ended(1))]);
        }
        facts.push((torn_at, sent(3)));
        facts.extend(torn.into_iter().map(|what| (torn_at, what)));
        facts.extend([(torn_at + 1, sent(4)), (torn_at + 1, read)]);
        let facts: Vec<Entry> =
            facts.into_iter().map(|(step, what)| Entry { step, what }).collect();
        let trace = Trace { program, server: None, times_us: vec![0; facts.len()], facts };
        let findings = judge(&trace).findings;
        let lines: Vec<String> = findings.iter().map(|one| one.signature().to_string()).collect();
        let none = if lines.is_empty() { "none" } else { "" };
        expected.assert_eq(&format!("{none}{}", lines.join("\n")));
    }

    fn granted() -> Observation {
        Observation::Answered { call: 3, thread: None, policy: None }
    }

    #[test]
    fn settings_that_nobody_noticed_are_there_or_not_and_nothing_third() {
        let lines = &format!("{BEGUN}torn settings t0 approval=never\nresume t0\n");
        let read = |policy| stated(4, THREAD, policy);
        check(lines, vec![granted()], read(never()), expect!["none"]);
        check(lines, vec![granted()], read(old()), expect!["none"]);
        check(
            lines,
            vec![],
            read(with(Approval::Untrusted)),
            expect!["R4/AP/resume/on-request/unknown"],
        );
    }

    const AT_ONCE: &str = "torn together settings t0 approval=never | \
                           settings t0 reviewer=auto_review\nresume t0\n";

    fn reviewed(policy: Policy) -> Policy {
        Policy { reviewer: Reviewer::AutoReview, ..policy }
    }

    /// Two changes at once of which these notices are heard, and what a cold resume then states.
    fn check_at_once(heard: Vec<Policy>, read: Policy, expected: Expect) {
        let torn = std::iter::once(sent(5)).chain(heard.into_iter().map(noticed)).collect();
        check(&format!("{BEGUN}{AT_ONCE}"), torn, stated(4, THREAD, read), expected);
    }

    #[test]
    fn calls_at_once_that_nobody_noticed_are_there_or_not_each_for_itself() {
        for read in [old(), never(), reviewed(old()), reviewed(never())] {
            check_at_once(vec![], read, expect!["none"]);
        }
        check_at_once(
            vec![],
            with(Approval::Untrusted),
            expect!["R4/AP/resume/on-request/unknown"],
        );
    }

    #[test]
    fn of_calls_at_once_those_that_were_noticed_are_there() {
        let both = || vec![never(), reviewed(never())];
        check_at_once(both(), reviewed(never()), expect!["none"]);
        check_at_once(both(), never(), expect!["U3/RV/resume/auto_review/config"]);
        check_at_once(
            vec![with(Approval::Untrusted)],
            old(),
            expect!["U1/AP/settings/never/unknown"],
        );
        check_at_once(vec![reviewed(never())], never(), expect!["U3/RV/resume/auto_review/config"]);
        check_at_once(
            both(),
            old(),
            expect![[r#"
            U3/AP/resume/never/config
            U3/RV/resume/auto_review/config"#]],
        );
        check_at_once(vec![never()], never(), expect!["none"]);
        check_at_once(vec![never()], reviewed(never()), expect!["none"]);
        check_at_once(vec![never()], reviewed(old()), expect!["U3/AP/resume/never/config"]);
    }

    #[test]
    fn of_calls_at_once_a_fork_that_was_answered_is_there() {
        let lines = &format!("{BEGUN}torn together fork t0 -> t1 | resume t0\nresume t1\n");
        let answered = || vec![sent(5), stated(3, FORK, old())];
        check(lines, answered(), stated(4, FORK, old()), expect!["none"]);
        check(lines, answered(), refused(4), expect!["R4/-/resume/accepted/unknown"]);
        check(lines, vec![sent(5)], refused(4), expect!["none"]);
        let other = vec![sent(5), stated(5, THREAD, old())];
        check(lines, other, refused(4), expect!["none"]);
    }

    #[test]
    fn settings_that_were_noticed_are_there() {
        let lines = &format!("{BEGUN}torn settings t0 approval=never\nresume t0\n");
        let read = |policy| stated(4, THREAD, policy);
        check(lines, vec![granted(), noticed(never())], read(never()), expect!["none"]);
        check(
            lines,
            vec![granted(), noticed(never())],
            read(old()),
            expect!["U3/AP/resume/never/config"],
        );
    }

    #[test]
    fn a_notice_about_another_thread_acknowledges_nothing() {
        let lines = &format!("{BEGUN}torn settings t0 approval=never\nresume t0\n");
        let other = Observation::Settings { thread: FORK, policy: never() };
        check(lines, vec![granted(), other], stated(4, THREAD, old()), expect!["none"]);
    }

    #[test]
    fn a_fork_loses_what_a_broken_off_history_lost() {
        let lines = "start -> t0\ntorn run t0 \"one\" approval=never\nfork t0 -> t1\n";
        let start = vec![granted(), noticed(never()), started(1)];
        check(lines, start, stated(4, FORK, old()), expect!["R17/AP/fork/never/config"]);
    }

    #[test]
    fn nobody_waits_for_a_thread_to_be_unloaded() {
        let lines = &format!("{BEGUN}torn unsubscribe t0\nresume t0\n");
        check(lines, vec![granted()], stated(4, THREAD, old()), expect!["none"]);
        check(lines, vec![], stated(4, THREAD, old()), expect!["none"]);
    }

    #[test]
    fn a_notice_of_another_policy_is_a_finding() {
        let lines = &format!("{BEGUN}torn settings t0 approval=never\nresume t0\n");
        let notice = noticed(with(Approval::Untrusted));
        check(
            lines,
            vec![granted(), notice],
            stated(4, THREAD, never()),
            expect!["U1/AP/settings/never/unknown"],
        );
    }

    #[test]
    fn a_first_turn_that_was_heard_to_start_can_be_resumed() {
        let lines = "start -> t0\ntorn run t0 \"one\" approval=never\nresume t0\n";
        let notice = || vec![granted(), noticed(never())];
        let start = || vec![granted(), noticed(never()), started(1)];
        check(lines, notice(), refused(4), expect!["none"]);
        check(lines, start(), refused(4), expect!["R17/-/resume/accepted/unknown"]);
        check(lines, start(), stated(4, THREAD, old()), expect!["R17/AP/resume/never/config"]);
        check(lines, vec![granted(), started(1)], stated(4, THREAD, old()), expect!["none"]);
    }

    #[test]
    fn a_turn_that_is_over_is_acknowledged_without_a_notice() {
        let lines = &format!("{BEGUN}torn run t0 \"two\" approval=never\nresume t0\n");
        let over = || vec![granted(), started(2), ended(2)];
        check(lines, over(), stated(4, THREAD, old()), expect!["R4/AP/resume/never/config"]);
        check(lines, over(), stated(4, THREAD, never()), expect!["none"]);
    }

    #[test]
    fn a_fork_that_was_answered_is_there_with_what_it_stated() {
        let lines = &format!("{BEGUN}torn fork t0 approval=never -> t1\nresume t1\n");
        let answer = |policy| vec![stated(3, FORK, policy)];
        check(lines, answer(never()), stated(4, FORK, never()), expect!["none"]);
        check(lines, answer(never()), stated(4, FORK, old()), expect!["F4/AP/resume/never/config"]);
        check(lines, answer(never()), refused(4), expect!["R4/-/resume/accepted/unknown"]);
        check(lines, answer(old()), stated(4, FORK, old()), expect!["F3/AP/fork/never/config"]);
        check(lines, vec![], refused(4), expect!["none"]);
    }

    #[test]
    fn what_is_refused_or_granted_against_the_contract_is_a_finding() {
        let lines = &format!("{BEGUN}torn settings t0 approval=never\nresume t0\n");
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
        let lines = "start -> t0\ntorn fork t0 -> t1\nresume t1\n";
        let answer = vec![stated(3, FORK, old())];
        check(
            lines,
            answer,
            stated(4, FORK, never()),
            expect![[r#"
            R16/-/fork/refused/unknown
            R4/AP/resume/on-request/unknown"#]],
        );
        let lines = "start -> t0\ntorn fork t0 -> t1\nresume t0\n";
        check(
            lines,
            vec![stated(3, FORK, old())],
            refused(4),
            expect!["R16/-/fork/refused/unknown"],
        );
        check(lines, vec![], refused(4), expect!["none"]);
    }

    #[test]
    fn what_may_be_refused_changes_nothing_then() {
        let lines = "start -> t0\ntorn compact t0\nresume t0\n";
        check(lines, vec![refused(3)], refused(4), expect!["none"]);
        check(
            lines,
            vec![refused(3)],
            stated(4, THREAD, old()),
            expect!["R16/-/resume/refused/unknown"],
        );
        check(
            lines,
            vec![granted(), started(1)],
            refused(4),
            expect!["R17/-/resume/accepted/unknown"],
        );
        check(lines, vec![granted()], refused(4), expect!["none"]);
        check(lines, vec![started(1)], refused(4), expect!["R17/-/resume/accepted/unknown"]);
    }
}
