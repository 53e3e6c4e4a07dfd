//! `spawn`: O9. A subagent starts with its parent's policy; whether the model can spawn one is each
//! release's own.

use crate::contract::Clause;
use crate::model::branch::{after_turn, exactly, granted, loaded, no_expectation, refused};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Thread, World};
use crate::policy::Dimension;
use crate::program::operation::Operation;
use crate::program::ops::spawn::Spawn;

impl Rule for Spawn {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let Some(parent) = loaded(world, self.thread) else {
            return refused(world, Clause::R0);
        };
        let thread = parent.thread;
        if thread.running.is_some() {
            return no_expectation(world.clone());
        }
        let live = thread.live.clone().expect("the thread is loaded");
        let mut next = after_turn(thread.clone());
        next.turns.push(live.clone());
        next.restored = Citations::RESTORED;
        let mut policy = live;
        policy.others.retain(|dimension, _| [Dimension::CWD, Dimension::WR].contains(dimension));
        let citations = Citations::all(Spawn::KIND, Clause::O9);
        let child = Thread {
            parent: Some(parent.name),
            materialised: !thread.ephemeral,
            ephemeral: thread.ephemeral,
            // Every connected client is subscribed to it without asking.
            heard_by: [true, world.joined],
            ..Thread::new(policy.clone(), citations)
        };
        let without = world.with(parent.name, next);
        let with = without.with(self.new, child);
        let due = Expected::ModelContext { thread: self.new, policy, citations };
        let mut branches = exactly(with, due, vec![Clause::O9, Clause::W4]);
        branches.push(granted(without));
        branches
    }
}
