//! `subagent-turn`: O10. It is not wider than its parent's present policy.

use crate::contract::Clause;
use crate::model::branch::{exactly, loaded, no_expectation};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, World};
use crate::policy::Policy;
use crate::program::operation::Operation;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::thread::ThreadRef;

impl Rule for SubagentTurn {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let child = loaded(world, self.thread);
        let parent = child.and_then(|child| child.thread.parent);
        let parent = parent.and_then(|parent| loaded(world, ThreadRef::Thread(parent)));
        let (Some(child), Some(parent)) = (child, parent) else {
            return no_expectation(world.clone());
        };
        let own = child.thread.live.clone().expect("the subagent is loaded");
        let bound = parent.thread.live.clone().expect("the parent is loaded");
        let Policy { approval, reviewer, permissions, .. } = bound.clone();
        let bounded = Policy { approval, reviewer, permissions, ..own };
        let citations = Citations::all(SubagentTurn::KIND, Clause::O10);
        // The contract does not say whether the bound holds for that turn alone.
        let worlds =
            [world.clone(), world.with(child.name, child.thread.moved(bounded, citations))];
        let due = Expected::Within { thread: child.name, bound };
        let branch = |world| exactly(world, due.clone(), vec![Clause::O10]);
        worlds.into_iter().flat_map(branch).collect()
    }
}
