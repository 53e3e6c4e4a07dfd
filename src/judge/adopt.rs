//! After a finding the world adopts what was seen.
//!
//! So one fault does not hide the next. A reply of a cold resume, a start or a fork sets the live
//! and the stored value, a reread or a notice the live one alone; evidence sets nothing. Nor does a
//! look at a copy of the home, which leaves the thread as it was: a cold resume that loses the same
//! makes the same finding.

use super::compare::{Adopt, Comparison, Mismatch};
use crate::contract::Clause;
use crate::model::{Citations, Thread, World};
use crate::policy::{Dimension, Policy, Value};
use crate::program::operation::Operation;
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// The world after a step, with what was seen in place of what was due.
pub fn adopt(before: &World, after: World, compared: &[Comparison]) -> World {
    let mismatches = compared.iter().filter_map(|comparison| comparison.mismatch.as_ref());
    mismatches.fold(after, |world, mismatch| one(before, world, mismatch))
}

/// The world with what its threads stated of themselves where nothing was due: it is known from
/// then on, and the next view must show the same, but for the tier (T8).
pub fn learn(mut world: World, facts: &[&Observation]) -> World {
    for what in facts {
        match what {
            Observation::Answered {
                thread: Some(ThreadLabel::Named(name)),
                policy: Some(policy),
                ..
            }
            | Observation::Settings { thread: ThreadLabel::Named(name), policy } => {
                learn_of(&mut world, *name, policy);
            }
            // The copy shows what is stored, which is not all of what is in force.
            Observation::ColdRead { thread: ThreadLabel::Named(name), policy: Some(policy) }
                if world.threads.get(name).is_some_and(|thread| thread.live.is_none()) =>
            {
                learn_of(&mut world, *name, policy);
            }
            _ => {}
        }
    }
    world
}

fn learn_of(world: &mut World, name: ThreadName, stated: &Policy) {
    let Some(thread) = world.threads.get_mut(&name) else { return };
    for policy in thread.live.iter_mut().chain([&mut thread.stored]) {
        let open = stated.others.iter().filter(|(dimension, _)| **dimension != Dimension::T);
        for (dimension, word) in open {
            policy.others.entry(*dimension).or_insert_with(|| word.clone());
        }
    }
}

fn one(before: &World, mut world: World, mismatch: &Mismatch) -> World {
    match (&mismatch.adopt, mismatch.thread) {
        (Adopt::Value { both }, Some(name)) => {
            if let (Some(thread), Some(value)) = (world.threads.get_mut(&name), &mismatch.value) {
                set(thread, value, *both);
            }
        }
        (Adopt::Refused, Some(name)) => match before.threads.get(&name) {
            Some(thread) => drop(world.threads.insert(name, thread.clone())),
            None => drop(world.threads.remove(&name)),
        },
        (Adopt::Before, _) => world = before.clone(),
        (Adopt::Unloaded, Some(name)) => world.unload(name),
        (Adopt::Granted(Some((name, policy))), _) => grant(&mut world, *name, policy),
        _ => {}
    }
    world
}

fn set(thread: &mut Thread, value: &Value, both: bool) {
    thread.live = thread.live.as_ref().map(|live| live.replaced(value.clone()));
    if both {
        thread.stored = thread.stored.replaced(value.clone());
    }
}

/// A thread that by the contract could not be had is there all the same.
fn grant(world: &mut World, name: ThreadName, policy: &Policy) {
    let mut policy = policy.clone();
    policy.others.remove(&Dimension::T);
    // Of what kind a thread is that should not be there, nobody knows: it may be kept or not.
    let mut new = Thread::new(policy.clone(), Citations::all(Resume::KIND, Clause::R1));
    new.uncertain = true;
    let known = world.threads.contains_key(&name);
    let thread = world.threads.entry(name).or_insert(new);
    thread.live = Some(policy.clone());
    thread.stored = policy;
    thread.materialised |= known;
    thread.archived = false;
    thread.maybe.clear();
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::learn;
    use crate::model::World;
    use crate::model::step::step;
    use crate::policy::Dimension;
    use crate::program::Program;
    use crate::trace::{Observation, ThreadLabel};

    #[test]
    fn plugins_are_judged_once_the_server_has_stated_them_and_a_tier_is_not() {
        let program = "# heirloom case v1\nconfig\nstart -> t0\naudit\n";
        let program: Program = program.parse().expect("the plan is one");
        let world = World::new(program.defaults.clone());
        let world = step(&world, &program.steps[0]).swap_remove(0).world;
        let name = program.names()[0];
        let mut policy = program.defaults.policy();
        policy.others.insert(Dimension::DP, "none".to_owned());
        policy.others.insert(Dimension::T, "flex".to_owned());
        let thread = ThreadLabel::Named(name);
        let world = learn(world, &[&Observation::Settings { thread, policy }]);
        let others = world.threads[&name].stored.others.iter();
        let known: String = others.map(|(one, word)| format!("{one} {word}\n")).collect();
        expect![[r#"
            M mock-model
            E default
            CWD WS
            CM default
            DP none
        "#]]
        .assert_eq(&known);
    }

    #[test]
    fn a_look_at_a_copy_states_what_is_stored_of_a_thread_that_is_not_loaded() {
        let known_after = |lines: &str| {
            let program =
                format!("# heirloom case v1\nconfig\nstart -> t0\nrun t0 \"one\"\n{lines}audit\n");
            let program: Program = program.parse().expect("the plan is one");
            let world = World::new(program.defaults.clone());
            let world = program
                .steps
                .iter()
                .fold(world, |world, each| step(&world, each).swap_remove(0).world);
            let mut policy = program.defaults.policy();
            policy.others.insert(Dimension::DP, "none".to_owned());
            let name = program.names()[0];
            let look =
                Observation::ColdRead { thread: ThreadLabel::Named(name), policy: Some(policy) };
            learn(world, &[&look]).threads[&name].stored.others.contains_key(&Dimension::DP)
        };
        assert_eq!([known_after(""), known_after("restart graceful\n")], [false, true]);
    }
}
