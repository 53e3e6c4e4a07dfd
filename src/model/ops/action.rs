//! Actions: O1 to O8. The contract does not say whether the server grants such a request, only that
//! it leaves policy as it was. The next look at the thread is judged by the action's own clause.

use crate::contract::Clause;
use crate::model::branch::{
    Target, after_turn, also_refused, begun, closed_or_not, exactly, granted, granted_or_refused,
    restored_after_kill,
};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Stage, Thread, World};
use crate::policy::{Approval, Dimension, Policy};
use crate::program::operation::Operation;
use crate::program::ops::action::{Action, ThreadAction};
use crate::program::ops::resume::Resume;

/// What an action does to a thread.
#[derive(Clone, Copy, PartialEq)]
enum Effect {
    Nothing,
    /// Nothing, except that it may give a new thread its history.
    PerhapsBegins,
    /// It gives a new thread its history.
    Begins,
    Reverts,
    /// The thread is archived, or is no longer.
    Archives(bool),
    /// The client no longer hears of it.
    Unsubscribes,
    /// The server starts a turn with the thread's policy.
    Turn,
    /// The server starts a turn with AP never (O5).
    Review,
    /// The same on another thread (O13).
    DetachedReview,
}

/// What each action does, and the clause that the next look is judged by.
fn effect(action: Action) -> (Effect, Clause) {
    match action {
        Action::Name => (Effect::PerhapsBegins, Clause::O8),
        Action::Read => (Effect::Nothing, Clause::O8),
        Action::List => (Effect::Nothing, Clause::O8),
        Action::Archive => (Effect::Archives(true), Clause::O3),
        Action::Unarchive => (Effect::Archives(false), Clause::O3),
        Action::Unsubscribe => (Effect::Unsubscribes, Clause::R18),
        Action::Unload => (Effect::Unsubscribes, Clause::R18),
        Action::Revert => (Effect::Reverts, Clause::O1),
        Action::Compact => (Effect::Turn, Clause::O4),
        Action::Shell => (Effect::PerhapsBegins, Clause::O8),
        Action::Review => (Effect::Review, Clause::O5),
        Action::DetachedReview => (Effect::DetachedReview, Clause::O13),
        Action::Goal => (Effect::Turn, Clause::O6),
        Action::Queue => (Effect::Turn, Clause::O6),
        Action::Inject => (Effect::Begins, Clause::O8),
    }
}

impl Rule for ThreadAction {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let Some((name, thread)) = world.thread(self.thread) else {
            return granted_or_refused(world, world.clone());
        };
        let target = Target { name, thread };
        let (effect, clause) = effect(self.action);
        match effect {
            Effect::Nothing => {
                granted_or_refused(world, world.with(name, self.cited(thread, clause)))
            }
            Effect::PerhapsBegins => {
                let after = perhaps_begun(self.cited(thread, clause), clause);
                granted_or_refused(world, world.with(name, after))
            }
            Effect::Begins => granted_or_refused(world, world.with(name, begun(thread.clone()))),
            Effect::Reverts => self.reverted(world, target, clause),
            Effect::Archives(archive) => archived(world, target, archive),
            Effect::Unsubscribes => unsubscribed(world, target),
            Effect::Turn => self.turn(world, target, clause),
            Effect::Review => self.review(world, target, clause),
            Effect::DetachedReview => self.detached_review(world, target, clause),
        }
    }

    fn stages(&self) -> &'static [Stage] {
        match effect(self.action).0 {
            Effect::Turn | Effect::Review => &[Stage::Nothing, Stage::Started],
            _ => &[Stage::Nothing],
        }
    }

    /// A history that is written anew may be broken off in the middle.
    fn in_doubt(&self, world: &World) -> World {
        let mut before = world.clone();
        let reverts = effect(self.action).0 == Effect::Reverts;
        if let Some(name) = self.thread.name().filter(|_| reverts)
            && let Some(thread) = before.threads.get_mut(&name)
        {
            thread.restored = restored_after_kill(thread.restored);
        }
        before
    }

    fn half_done(&self, world: &World, _: &[Branch]) -> Vec<World> {
        let Some((name, _)) = world.thread(self.thread) else {
            return Vec::new();
        };
        match effect(self.action).0 {
            Effect::Archives(true) => vec![world.with_unloaded(name)],
            Effect::Reverts => vec![world.without_listener(name), world.with_unloaded(name)],
            _ => Vec::new(),
        }
    }
}

impl ThreadAction {
    /// The thread as it was, and the next look at it judged by this clause.
    fn cited(&self, thread: &Thread, clause: Clause) -> Thread {
        let mut after = thread.clone();
        after.cited = Citations::all(self.kind(), clause);
        after.trail.insert(clause);
        after
    }

    /// Turns are taken back, a running one with them. The contract does not say which are left, nor
    /// whether a running turn goes on when the request is refused.
    fn reverted(&self, world: &World, target: Target<'_>, clause: Clause) -> Vec<Branch> {
        let Target { name, thread } = target;
        let mut after = self.cited(thread, clause);
        after.running = None;
        after.turns.clear();
        let mut branches = granted_or_refused(world, world.with(name, after));
        if thread.running.is_some() {
            let stopped = Thread { running: None, ..thread.clone() };
            let due = Expected::Answer { granted: false };
            branches.push(Branch { world: world.with(name, stopped), due, relies_on: Vec::new() });
        }
        branches
    }

    /// A turn that the server starts, with the thread's policy of this moment. It may have
    /// interrupted the one that ran. A request that the server takes for a thread that is not
    /// loaded waits for it, and a resume starts its turn.
    fn turn(&self, world: &World, target: Target<'_>, clause: Clause) -> Vec<Branch> {
        let Target { name, thread } = target;
        let Some(live) = thread.live.clone() else {
            return granted_or_refused(world, world.with(name, begun(thread.clone())));
        };
        let begins_with_goal = !thread.materialised && self.action == Action::Goal;
        let mut after = after_turn(self.cited(thread, clause));
        after.running = None;
        // A turn that is not heard has no name by which a fork could be cut.
        after.turns.extend(thread.heard_by[0].then(|| live.clone()));
        let mut relies_on = vec![clause];
        if begins_with_goal {
            after.restored = Citations::all(Resume::KIND, Clause::O7);
            relies_on.push(Clause::O7);
        }
        let citations = Citations::in_model_context(self.kind(), clause);
        let due = Expected::ModelContext { thread: name, policy: live, citations };
        also_refused(world, exactly(world.with(name, after), due, relies_on))
    }

    /// Leaves a review's policy without what O5 and O13 say nothing of; where a probe is to be
    /// judged, with the folder and the roots that decide what is inside.
    fn forget_secondary(&self, policy: &mut Policy) {
        let judged = |dimension: &Dimension| [Dimension::CWD, Dimension::WR].contains(dimension);
        policy.others.retain(|dimension, _| self.probe.is_some() && judged(dimension));
    }

    /// O5: never, and the thread's permissions. It says nothing of model, folder and mode.
    fn review(&self, world: &World, target: Target<'_>, clause: Clause) -> Vec<Branch> {
        let Target { name, thread } = target;
        let Some(mut policy) = thread.live.clone() else {
            return granted_or_refused(world, world.with(name, begun(thread.clone())));
        };
        policy.approval = Approval::Never;
        self.forget_secondary(&mut policy);
        let mut after = after_turn(self.cited(thread, clause));
        after.running = None;
        let citations = Citations::all(self.kind(), clause);
        let due = Expected::ModelContext { thread: name, policy, citations };
        also_refused(world, exactly(world.with(name, after), due, vec![clause]))
    }
}

impl ThreadAction {
    /// O13: the thread under review goes on as it was, a turn of it too.
    fn detached_review(&self, world: &World, target: Target<'_>, clause: Clause) -> Vec<Branch> {
        let Target { name, thread } = target;
        let Some(mut policy) = thread.live.clone() else {
            return granted_or_refused(world, world.clone());
        };
        policy.approval = Approval::Never;
        self.forget_secondary(&mut policy);
        let after = perhaps_begun(self.cited(thread, clause), clause);
        let citations = Citations::all(self.kind(), clause);
        let due = Expected::ModelContext { thread: name, policy, citations };
        also_refused(world, exactly(world.with(name, after), due, vec![clause]))
    }
}

/// It is open whether the thread has a history from now on; if it has, its policy is its own (R16).
fn perhaps_begun(mut thread: Thread, clause: Clause) -> Thread {
    if !thread.materialised {
        thread.uncertain = true;
        thread.restored = Citations::all(Resume::KIND, clause);
    }
    thread
}

fn archived(world: &World, target: Target<'_>, archive: bool) -> Vec<Branch> {
    let Target { name, thread } = target;
    if thread.archived == archive || thread.ephemeral {
        return granted_or_refused(world, world.clone());
    }
    let alone = world.with(name, moved_away(thread, archive));
    let mut with_subagents = alone.clone();
    for child in world.spawned_by(name) {
        let child = with_subagents.threads.entry(child);
        child.and_modify(|child| *child = moved_away(child, archive));
    }
    // The contract does not say whether its subagents go and come with it.
    let both = (with_subagents != alone).then(|| granted(with_subagents));
    granted_or_refused(world, alone).into_iter().chain(both).collect()
}

fn moved_away(thread: &Thread, archive: bool) -> Thread {
    let mut after = perhaps_begun(thread.clone(), Clause::O3);
    after.unload();
    after.archived = archive;
    after.trail.insert(Clause::O3);
    after
}

fn unsubscribed(world: &World, target: Target<'_>) -> Vec<Branch> {
    let Target { name, thread } = target;
    if thread.live.is_none() {
        return granted_or_refused(world, world.clone());
    }
    let mut after = thread.clone();
    after.heard_by[world.speaker] = false;
    if after.unheard() && after.running.is_none() {
        closed_or_not(world, name, after)
    } else {
        granted_or_refused(world, world.with(name, after))
    }
}
