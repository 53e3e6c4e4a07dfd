//! `settings`: U0 to U4.

use crate::contract::Clause;
use crate::model::branch::{faulty, loaded, refused};
use crate::model::rule::Rule;
use crate::model::turns::{Cited, change};
use crate::model::{Branch, Stage, World};
use crate::program::operation::Operation;
use crate::program::ops::settings::Settings;

impl Rule for Settings {
    const WRITES: bool = true;
    const MET_BY_LATER_CALLS: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let overrides = &self.overrides.clone().cleared();
        let Some(target) = loaded(world, self.thread) else {
            return refused(world, Clause::R0);
        };
        if let Some(clause) = faulty(&world.defaults, overrides) {
            return refused(world, clause);
        }
        let clause = if target.thread.materialised { Clause::U1 } else { Clause::U4 };
        let cited = Cited { kind: Settings::KIND, clause };
        let mut branches = change(world, target, overrides, cited);
        branches.iter_mut().for_each(|branch| branch.relies_on.push(Clause::U0));
        branches
    }

    fn stages(&self) -> &'static [Stage] {
        &[Stage::Nothing, Stage::Acknowledged]
    }
}
