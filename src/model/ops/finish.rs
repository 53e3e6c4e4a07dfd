//! `finish`: the end of a turn leaves the policy as it is, and the turn keeps its own to the end
//! (T6, T7, U1).

use crate::contract::Clause;
use crate::model::branch::{closed_or_not, exactly, no_expectation};
use crate::model::rule::Rule;
use crate::model::{Branch, Citations, Expected, Thread, World};
use crate::program::operation::Operation;
use crate::program::ops::finish::Finish;

impl Rule for Finish {
    fn predict(&self, world: &World) -> Vec<Branch> {
        let Some((name, thread)) = world.thread(self.thread) else {
            return no_expectation(world.clone());
        };
        let idle = Thread { running: None, ..thread.clone() };
        let Some(running) = &thread.running else {
            return no_expectation(world.with(name, idle));
        };
        if thread.unheard() {
            return closed_or_not(world, name, idle);
        }
        let clause = match thread.cited.main() {
            meanwhile @ (Clause::T6 | Clause::T7 | Clause::U1) => meanwhile,
            _ => Clause::T1,
        };
        let citations = Citations::in_model_context(Finish::KIND, clause);
        let due = Expected::ModelContext { thread: name, policy: running.clone(), citations };
        exactly(world.with(name, idle), due, Vec::new())
    }
}
