//! `warm-read`: R1. It is taken only of a thread that is loaded and can be resumed.

use crate::contract::Clause;
use crate::model::branch::{also_refused, exactly, no_expectation, reachable};
use crate::model::rule::Rule;
use crate::model::{Branch, Expected, World};
use crate::program::ops::warm_read::WarmRead;

impl Rule for WarmRead {
    const WRITES: bool = true;

    fn predict(&self, world: &World) -> Vec<Branch> {
        let target = reachable(world, self.thread).ok();
        let Some(target) = target.filter(|target| target.thread.heard_by[0]) else {
            return no_expectation(world.clone());
        };
        let Some(live) = target.thread.live.clone() else {
            return no_expectation(world.clone());
        };
        let mut seen = target.thread.clone();
        let mut relies_on = vec![Clause::G8, Clause::G11];
        relies_on.extend(std::mem::take(&mut seen.trail));
        let due = Expected::Look(target.name, live, target.thread.cited);
        let read = exactly(world.with(target.name, seen), due, relies_on);
        if target.thread.materialised { read } else { also_refused(world, read) }
    }
}
