//! The states that a program brings its threads to.
//!
//! A campaign chooses its cases by the new ones among them, and a fuzzer counts them as covered.

use std::collections::BTreeSet;

use super::World;
use super::expectations::of_branch;
use super::life::Facts;
use super::step::step;
use crate::contract::Clause;
use crate::policy::Dimension;
use crate::program::Program;
use crate::program::operation::OpKind;
use crate::program::thread::ThreadRef;

/// A comparison that a step calls for, and what is known of the thread that the step is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub clause: Clause,
    /// None where no value is compared.
    pub dimension: Option<Dimension>,
    pub kind: OpKind,
    pub facts: Facts,
}

/// The states of a program, along the first of the answers that the contract allows.
pub fn states(program: &Program) -> BTreeSet<State> {
    let mut world = World::new(program.defaults.clone());
    let mut states = BTreeSet::new();
    for each in program.with_audit() {
        let thread = each.uses().and_then(ThreadRef::name);
        let thread = thread.and_then(|name| world.threads.get(&name));
        let facts = thread.map(Facts::of).unwrap_or_default();
        let Some(branch) = step(&world, &each).into_iter().next() else { break };
        let called_for = of_branch(&world, &branch, &each).into_iter();
        states.extend(called_for.map(|due| State {
            clause: due.clause,
            dimension: due.dimension,
            kind: due.kind,
            facts: facts.clone(),
        }));
        world = branch.world;
    }
    states
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::states;
    use crate::contract::Clause;
    use crate::model::life::Fact;

    /// How the history of the thread began, in each state in which a cold resume is compared.
    fn beginnings(lines: &str) -> BTreeSet<String> {
        let text = format!("# heirloom case v2\nconfig\nstart -> t0\n{lines}audit\n");
        let states = states(&text.parse().expect("it is a program"));
        let resumed = states.into_iter().filter(|state| state.clause == Clause::R4);
        let word = |fact| move |state: super::State| state.facts.word(fact).map(str::to_owned);
        resumed.filter_map(word(Fact::Began)).collect()
    }

    #[test]
    fn a_history_that_began_otherwise_is_another_state() {
        assert_eq!(beginnings("run t0 \"hi\"\nrun t0 \"hi\"\n"), ["run".to_owned()].into());
        assert_eq!(beginnings("name t0\nrun t0 \"hi\"\n"), ["name".to_owned()].into());
    }
}
