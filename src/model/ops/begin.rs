//! `begin`: T1 to T6. The turn runs on, and its end is not known yet.

use super::run::steered_stays_wider;
use crate::contract::Clause;
use crate::model::branch::{loaded, refused};
use crate::model::rule::Rule;
use crate::model::turns::turn;
use crate::model::{Branch, Expected, Stage, World};
use crate::program::ops::begin::Begin;

impl Rule for Begin {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let Some(target) = loaded(world, self.thread) else {
            return refused(world, Clause::R0);
        };
        let steers = target.thread.running.is_some();
        let mut branches = turn(world, target, &self.overrides, Clause::T1);
        for branch in branches.iter_mut().filter(|_| !steers) {
            if let Expected::Turn { policy, .. } = &branch.due {
                let begun = branch.world.threads.get_mut(&target.name);
                let begun = begun.expect("a turn was granted");
                begun.running = Some(self.overrides.of_turn(policy.clone()));
            }
        }
        branches
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Started, Stage::Acknowledged, Stage::StartedAndAcknowledged]
    }

    fn permits_widening(&self, world: &World) -> Option<Clause> {
        steered_stays_wider(world, self.thread, &self.overrides)
    }
}
