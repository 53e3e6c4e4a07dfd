//! `turn-settings`: T7. It changes one running turn, and not the thread's own policy.

use crate::contract::Clause;
use crate::model::branch::{granted_or_refused, loaded};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Thread, World};
use crate::program::operation::Operation;
use crate::program::ops::turn_settings::TurnSettings;

impl Rule for TurnSettings {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let target = loaded(world, self.thread).filter(|target| target.thread.running.is_some());
        let Some(target) = target else {
            return granted_or_refused(world, world.clone());
        };
        let cited = Citations::all(TurnSettings::KIND, Clause::T7);
        let mut changed = Thread { cited, ..target.thread.clone() };
        changed.running.iter_mut().for_each(|turn| turn.reviewer = self.reviewer.clone());
        granted_or_refused(world, world.with(target.name, changed))
    }
}
