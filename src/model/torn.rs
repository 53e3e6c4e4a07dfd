//! [core] The rules of calls that a kill breaks off: R17, and R16 where a turn was to begin.
//!
//! What the server acknowledged before the kill is kept; of what it did not, the result is before
//! or after. Which of them it acknowledged is seen and not predicted: there is a branch for each
//! stage that a call can come to, and the trace says which one it came to. Nothing is loaded
//! afterwards.

use std::collections::BTreeSet;

use super::races::perhaps;
use super::rules::step;
use super::{Branch, Due, Kind, Ruling, Thread, World};
use crate::contract::Clause;
use crate::op::{Act, Stop};
use crate::plan::{Name, Step};

/// Threads that one request moves, at the most: of each it is open whether it was moved.
const MOVED_MAX: usize = 3;

/// How far a call has come: whether what it changes was acknowledged, and whether its turn was
/// heard to start.
type Stage = (bool, bool);

pub(super) fn torn(world: &World, inner: &Step) -> Vec<Branch> {
    let answers = step(world, inner);
    let (granted, refused): (Vec<Branch>, Vec<Branch>) = answers.into_iter().partition(is_granted);
    let stages = stages(inner).iter();
    let mut all: Vec<Branch> = stages
        .flat_map(|stage| match *stage {
            (false, started) => unacknowledged(world, (&granted, &refused), started),
            (true, started) => granted.iter().map(|one| kept(world, one, started)).collect(),
        })
        .collect();
    all.extend(refused.iter().map(|one| Branch { world: killed(&one.world), ..one.clone() }));
    let mut different: Vec<Branch> = Vec::new();
    for branch in all {
        if !different.contains(&branch) {
            different.push(branch);
        }
    }
    different
}

/// Every stage that a call can come to.
fn stages(inner: &Step) -> &'static [Stage] {
    match inner {
        Step::Start { .. } | Step::Fork { .. } | Step::Resume { .. } | Step::Settings { .. } => {
            &[(false, false), (true, false)]
        }
        Step::Run { .. } | Step::Begin { .. } => {
            &[(false, false), (false, true), (true, false), (true, true)]
        }
        Step::Act { act: Act::Compact | Act::Review, .. } => &[(false, false), (false, true)],
        _ => &[(false, false)],
    }
}

fn is_granted(branch: &Branch) -> bool {
    !matches!(branch.due, Due::Refusal(_) | Due::Answer { granted: false })
}

/// Nobody waits until an idle thread is unloaded.
fn comparable(due: &Due) -> Due {
    match due {
        Due::Closing { .. } => Due::Nothing,
        due => due.clone(),
    }
}

fn at(stage: Stage, world: World, due: &Due) -> Branch {
    let (acknowledged, started) = stage;
    let due = Due::Torn { acknowledged, started, due: Box::new(comparable(due)) };
    Branch { world, due, rests: Vec::new() }
}

fn killed(world: &World) -> World {
    world.unloaded(Stop::Kill, false)
}

/// The worlds in which nobody knows what the call has changed: a policy waits until a cold read
/// says which it is, and each thread that was to be moved was or was not.
fn unacknowledged(
    world: &World,
    (granted, refused): (&[Branch], &[Branch]),
    started: bool,
) -> Vec<Branch> {
    let Some(first) = granted.first() else {
        return Vec::new();
    };
    let begun = started.then_some(&first.world);
    let afters: Vec<&World> = granted.iter().chain(refused).map(|branch| &branch.world).collect();
    let left = before_or_after(world, &afters, begun);
    let moved: BTreeSet<Name> = afters.iter().flat_map(|one| archived_by(world, one)).collect();
    let moved: Vec<Name> = moved.into_iter().collect();
    let worlds = subsets(&moved).into_iter().map(|moved| with_moved(&left, &moved));
    worlds.map(|world| at((false, started), killed(&world), &first.due)).collect()
}

fn before_or_after(world: &World, afters: &[&World], begun: Option<&World>) -> World {
    let mut left = afters.iter().fold(world.clone(), |left, after| perhaps(&left, after));
    for (name, thread) in &mut left.threads {
        let would = || afters.iter().filter_map(|after| after.threads.get(name));
        // A turn that began, or was taken back, cannot be cut at for certain.
        thread.broken_off |=
            would().any(|would| would.turns != thread.turns || would.running.is_some());
        if thread.live.is_none() && would().any(|would| would.live.is_some()) {
            thread.trail.insert(Clause::R17);
        }
        // R16: a turn that was heard to start gives a thread its history.
        if let Some(begun) = begun.and_then(|begun| begun.threads.get(name))
            && begun.materialised
            && !thread.materialised
        {
            thread.materialised = true;
        }
        if world.threads.get(name).is_some_and(Thread::can_begin) {
            thread.restored = begun_by(thread.restored);
        }
    }
    left
}

/// The threads that are archived in one of the worlds and not in the other.
fn archived_by(before: &World, after: &World) -> Vec<Name> {
    let other = |name: &Name, archived: bool| {
        after.threads.get(name).is_some_and(|after| after.archived != archived)
    };
    let all = before.threads.iter();
    all.filter(|(name, thread)| other(name, thread.archived)).map(|(name, _)| *name).collect()
}

/// None, and every choice of these; past the bound, none of them and all.
fn subsets(names: &[Name]) -> Vec<Vec<Name>> {
    if names.len() > MOVED_MAX {
        return vec![Vec::new(), names.to_vec()];
    }
    names.iter().fold(vec![Vec::new()], |smaller, name| {
        let with = smaller.iter().map(|one| [one.clone(), vec![*name]].concat());
        smaller.iter().cloned().chain(with).collect()
    })
}

fn with_moved(left: &World, moved: &[Name]) -> World {
    let mut world = left.clone();
    for name in moved {
        world.threads.entry(*name).and_modify(|thread| thread.archived = !thread.archived);
    }
    world
}

/// A thread that comes back with the history of a call that was broken off has the policy before
/// it or after it, never a third one.
fn begun_by(restored: Ruling) -> Ruling {
    match restored.main() {
        Clause::O3 | Clause::O7 | Clause::O8 => restored,
        _ => Ruling::all(Kind::Resume, Clause::R17),
    }
}

/// What was acknowledged is kept. Whether a thread has a history by a turn that was not heard to
/// start is left open (R16), and no fork is cut for certain at the turn that was broken off.
fn kept(world: &World, branch: &Branch, started: bool) -> Branch {
    let mut after = branch.world.clone();
    if let Due::Turn { thread: name, .. } = &branch.due
        && let (Some(old), Some(new)) = (world.threads.get(name), after.threads.get_mut(name))
    {
        new.turns = old.turns.clone();
        new.broken_off = true;
        if !started && !old.materialised {
            new.materialised = false;
            new.uncertain = true;
        }
        if old.can_begin() {
            new.restored = begun_by(new.restored);
        }
    }
    // What a server that is killed may still owe is nobody's to miss.
    let owed = |clause: &&Clause| matches!(clause, Clause::T9 | Clause::W4);
    let rests = branch.rests.iter().filter(|clause| !owed(clause)).copied().collect();
    Branch { rests, ..at((true, started), killed(&after), &branch.due) }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::step;
    use crate::model::{Branch, Due, World};
    use crate::plan::{Name, Plan};
    use crate::policy::Policy;

    const BEGUN: &str = "start -> t0\nrun t0 \"one\"\n";

    /// What the last line of the case leaves of a thread, one line a branch, where every line before
    /// took its first branch.
    fn check(lines: &str, thread: u16, expected: Expect) {
        let plan = format!("# heirloom case v1\nconfig\n{lines}\naudit\n");
        let plan: Plan = plan.parse().expect("the lines are a case");
        let mut world = World::new(plan.defaults.clone());
        let (last, before) = plan.steps.split_last().expect("the case has a step");
        for each in before {
            world = step(&world, each).swap_remove(0).world;
        }
        let branches = step(&world, last);
        let shown: Vec<String> = branches.iter().map(|one| left(one, Name(thread))).collect();
        expected.assert_eq(&(shown.join("\n") + "\n"));
    }

    fn left(branch: &Branch, name: Name) -> String {
        let stage = match &branch.due {
            Due::Torn { acknowledged: true, started: true, .. } => "acknowledged and started",
            Due::Torn { acknowledged: true, .. } => "acknowledged",
            Due::Torn { started: true, .. } => "started",
            Due::Torn { .. } => "neither",
            Due::Refusal(_) | Due::Answer { granted: false } => "refused",
            _ => "something else",
        };
        let Some(thread) = branch.world.threads.get(&name) else {
            return format!("{stage}: no thread");
        };
        assert!(thread.live.is_none(), "a killed server has nothing loaded");
        let words = |policy: &Policy| policy.approval.to_string();
        let maybe: String = thread.maybe.iter().map(|one| format!(" or {}", words(one))).collect();
        let history = match (thread.materialised, thread.uncertain) {
            (true, _) => "",
            (false, true) => ", perhaps",
            (false, false) => ", never",
        };
        let archived = if thread.archived { ", archived" } else { "" };
        let broken = if thread.broken_off { ", broken off" } else { "" };
        format!("{stage}: {}{maybe}{history}{archived}{broken}", words(&thread.stored))
    }

    #[test]
    fn settings_are_kept_once_they_are_noticed_and_before_that_perhaps() {
        check(
            &format!("{BEGUN}torn settings t0 approval=never"),
            0,
            expect![[r#"
            neither: on-request or never
            acknowledged: never
        "#]],
        );
    }

    #[test]
    fn settings_give_a_thread_no_history() {
        check(
            "start -> t0\ntorn settings t0 approval=never",
            0,
            expect![[r#"
            neither: no thread
            acknowledged: no thread
        "#]],
        );
    }

    #[test]
    fn a_turn_that_was_heard_to_start_gives_a_history_and_its_notice_alone_does_not() {
        check(
            "start -> t0\ntorn run t0 \"one\" approval=never",
            0,
            expect![[r#"
            neither: on-request or never, perhaps, broken off
            started: on-request or never, broken off
            acknowledged: never, perhaps, broken off
            acknowledged and started: never, broken off
        "#]],
        );
        check(
            &format!("{BEGUN}torn begin t0 approval=never"),
            0,
            expect![[r#"
            neither: on-request or never, broken off
            started: on-request or never, broken off
            acknowledged: never, broken off
            acknowledged and started: never, broken off
        "#]],
        );
    }

    #[test]
    fn what_is_said_to_a_turn_that_runs_is_kept_as_settings_are() {
        check(
            &format!("{BEGUN}begin t0\ntorn run t0 \"two\" approval=never"),
            0,
            expect![[r#"
            neither: on-request or never, broken off
            started: on-request or never, broken off
            acknowledged: never, broken off
            acknowledged and started: never, broken off
        "#]],
        );
    }

    #[test]
    fn a_fork_that_was_answered_is_there_and_an_ephemeral_one_and_a_start_are_gone() {
        check(
            &format!("{BEGUN}torn fork t0 approval=never -> t1"),
            1,
            expect![[r#"
            neither: no thread
            acknowledged: never
        "#]],
        );
        check(
            &format!("{BEGUN}torn fork t0 ephemeral=on -> t1"),
            1,
            expect![[r#"
            neither: no thread
            acknowledged: no thread
        "#]],
        );
        check(
            "torn start -> t0",
            0,
            expect![[r#"
            neither: no thread
            acknowledged: no thread
        "#]],
        );
    }

    #[test]
    fn a_cold_resume_that_was_answered_keeps_its_override() {
        let cold = format!("{BEGUN}restart graceful\n");
        check(
            &format!("{cold}torn resume t0 approval=never"),
            0,
            expect![[r#"
            neither: on-request or never
            acknowledged: never
        "#]],
        );
        check(
            &format!(
                "{cold}torn resume t0 approval=never\ntorn after=40ms resume t0 approval=untrusted"
            ),
            0,
            expect![[r#"
                neither: on-request or untrusted or never
                acknowledged: untrusted
            "#]],
        );
    }

    #[test]
    fn every_answer_that_is_no_refusal_counts() {
        check(
            &format!("{BEGUN}settings t0 approval=untrusted\nrestart graceful\ntorn settings t0"),
            0,
            expect![[r#"
                refused: untrusted
            "#]],
        );
        check(
            &format!("{BEGUN}torn settings t0 approval=untrusted\ntorn fork t0 -> t1"),
            1,
            expect![[r#"
                neither: no thread
                acknowledged: on-request
                acknowledged: untrusted
            "#]],
        );
    }

    #[test]
    fn a_thread_that_is_moved_is_moved_or_not_and_so_is_each_of_its_subagents() {
        let parent = format!("{BEGUN}spawn t0 -> t1\n");
        check(
            &format!("{parent}torn archive t0"),
            0,
            expect![[r#"
            neither: on-request
            neither: on-request, archived
            neither: on-request
            neither: on-request, archived
            refused: on-request
        "#]],
        );
        check(
            &format!("{parent}torn archive t0"),
            1,
            expect![[r#"
            neither: on-request
            neither: on-request
            neither: on-request, archived
            neither: on-request, archived
            refused: on-request
        "#]],
        );
        check(
            &format!("{BEGUN}archive t0\ntorn unarchive t0"),
            0,
            expect![[r#"
            neither: on-request, archived
            neither: on-request
            refused: on-request, archived
        "#]],
        );
    }

    #[test]
    fn what_the_server_does_by_itself_perhaps_gives_a_history() {
        check(
            "start -> t0\ntorn compact t0",
            0,
            expect![[r#"
            neither: on-request, perhaps, broken off
            started: on-request, broken off
            refused: no thread
        "#]],
        );
        check(
            "start -> t0\ntorn inject t0",
            0,
            expect![[r#"
            neither: on-request, perhaps
            refused: no thread
        "#]],
        );
        check(
            "start -> t0\ntorn shell t0",
            0,
            expect![[r#"
            neither: on-request, perhaps
            refused: no thread
        "#]],
        );
    }

    #[test]
    fn turns_that_were_perhaps_taken_back_cannot_be_cut_at_for_certain() {
        check(
            &format!("{BEGUN}torn revert t0"),
            0,
            expect![[r#"
            neither: on-request, broken off
            refused: on-request
        "#]],
        );
        check(
            &format!("{BEGUN}torn name t0"),
            0,
            expect![[r#"
            neither: on-request
            refused: on-request
        "#]],
        );
        check(
            &format!("{BEGUN}begin t0\ntorn finish t0 interrupt"),
            0,
            expect![[r#"
            neither: on-request, broken off
        "#]],
        );
    }
}
