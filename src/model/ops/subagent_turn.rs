//! `subagent-turn`: O10. It is not wider than its parent's present policy.

use itertools::Itertools;

use crate::contract::Clause;
use crate::model::branch::{exactly, loaded, no_expectation};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, World};
use crate::policy::{Policy, Value};
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
        let citations = Citations::all(SubagentTurn::KIND, Clause::O10);
        // The contract does not say whether the bound holds for that turn alone, nor which values
        // it replaces: one that is tighter may stay.
        let world_of = |policy: Policy| {
            let same = policy == own;
            if same {
                world.clone()
            } else {
                world.with(child.name, child.thread.moved(policy, citations))
            }
        };
        let branch = |policy: Policy| {
            let (own, bound) = (policy.clone(), bound.clone());
            let due = Expected::Within { thread: child.name, policy: own, bound };
            exactly(world_of(policy), due, vec![Clause::O10])
        };
        bounded(&own, &bound).into_iter().flat_map(branch).collect()
    }
}

/// The policy as it is, and with each choice of the bound's values in its place.
fn bounded(own: &Policy, bound: &Policy) -> Vec<Policy> {
    let values = [
        Value::Approval(bound.approval.clone()),
        Value::Reviewer(bound.reviewer.clone()),
        Value::Permissions(bound.permissions.clone()),
    ];
    let with =
        |chosen: Vec<Value>| chosen.into_iter().fold(own.clone(), |own, value| own.replaced(value));
    values.into_iter().powerset().map(with).unique().collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::bounded;
    use crate::testing::policy;

    #[test]
    fn a_subagent_may_keep_each_of_its_own_values() {
        let own = policy("approval=untrusted reviewer=user sandbox=danger-full-access");
        let bound = policy("approval=never reviewer=user sandbox=read-only");
        let line = |policy: &crate::policy::Policy| {
            format!("{} {}\n", policy.approval, policy.permissions)
        };
        let all: String = bounded(&own, &bound).iter().map(line).collect();
        expect![[r#"
            untrusted danger-full-access
            never danger-full-access
            untrusted read-only
            never read-only
        "#]]
        .assert_eq(&all);
    }
}
