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
use crate::program::ops::Step;
use crate::program::thread::ThreadRef;

/// A comparison that a step calls for, and what is known of the thread that the step is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct State {
    pub clause: Clause,
    /// None where no value is compared.
    pub dimension: Option<Dimension>,
    pub kind: OpKind,
    pub wrapper: Option<Wrapper>,
    /// The operation that set the value; none where no value is compared.
    pub setter: Option<&'static str>,
    /// Whether the value in config differs.
    pub config_differs: bool,
    pub facts: Facts,
}

/// How a step was asked for, where it was not by the first client alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wrapper {
    SecondClient,
    KillDuring,
    Parallel,
}

impl Wrapper {
    fn of(step: &Step) -> Option<Wrapper> {
        match step {
            Step::SecondClient(_) => Some(Wrapper::SecondClient),
            Step::KillDuring(..) => Some(Wrapper::KillDuring),
            Step::Parallel(_) => Some(Wrapper::Parallel),
            _ => None,
        }
    }
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
        let about = each.names().first().copied().or(each.uses().and_then(ThreadRef::name));
        let about = about.and_then(|name| branch.world.threads.get(&name));
        let setter = |dimension| about.map(|thread| thread.life.set_by[dimension as usize]);
        let called_for = of_branch(&world, &branch, &each).into_iter();
        states.extend(called_for.map(|due| State {
            clause: due.clause,
            dimension: due.dimension,
            kind: due.kind,
            wrapper: Wrapper::of(&each),
            setter: due.dimension.and_then(setter),
            config_differs: due.config_differs,
            facts: facts.clone(),
        }));
        world = branch.world;
    }
    states
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{Wrapper, states};
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

    #[test]
    fn a_step_of_a_second_client_is_another_state() {
        let wrappers = |line: &str| {
            let text = format!("# heirloom case v2\nconfig\nstart -> t0\n{line}\naudit\n");
            let states = states(&text.parse().expect("it is a program"));
            let turns = states.into_iter().filter(|state| state.clause == Clause::T2);
            turns.map(|state| state.wrapper).collect::<BTreeSet<_>>()
        };
        assert_eq!(wrappers("run t0 \"hi\""), [None].into());
        assert_eq!(wrappers("client2 run t0 \"hi\""), [Some(Wrapper::SecondClient)].into());
    }
}
