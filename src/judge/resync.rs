//! Corrects the model to what was seen.
//!
//! So one fault does not hide the next. A reply of a cold resume, a start or a fork corrects the
//! policy in force and the stored one, a warm read or a notice only the one in force; files correct
//! nothing. Neither does a cold read on a copy of the home, which leaves the thread as it was: a
//! cold resume that loses the same value makes the same finding.

use super::branch_choice::Candidate;
use super::comparison::{Mismatch, Resync};
use crate::contract::Clause;
use crate::model::{Branch, Citations, Expected, Thread, World};
use crate::policy::{Dimension, Policy, Value};
use crate::program::operation::Operation;
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// The world after a candidate's step, with what was seen in place of what was expected.
pub(super) fn resync(candidate: &Candidate) -> World {
    let after = candidate.branch.world.clone();
    let correct = |world, mismatch: &Mismatch| {
        if is_overtaken(candidate, mismatch) {
            return world;
        }
        correct(&candidate.before, world, mismatch)
    };
    candidate.mismatches().fold(after, correct)
}

/// Whether another of several calls at once has changed the value since.
fn is_overtaken(candidate: &Candidate, mismatch: &Mismatch) -> bool {
    let Branch { world, due: Expected::All(_), .. } = &candidate.branch else { return false };
    let thread = mismatch.thread.and_then(|name| world.threads.get(&name));
    let (Some(thread), Some(expected)) = (thread, mismatch.expected.value()) else { return false };
    let live = thread.live.as_ref().and_then(|live| live.value(expected.dimension()));
    live.is_some_and(|live| live != *expected)
}

/// The world with what threads stated of themselves where nothing was expected. From then on each
/// view must show the same, except for the service tier (T8).
pub(super) fn learn(mut world: World, observations: &[&Observation]) -> World {
    for observation in observations {
        match observation {
            Observation::Answered {
                thread: Some(ThreadLabel::Named(name)),
                policy: Some(policy),
                ..
            }
            | Observation::Settings { thread: ThreadLabel::Named(name), policy } => {
                learn_policy(&mut world, *name, policy);
            }
            // A copy of the home shows what is stored, which is not all of what is in force.
            Observation::ColdRead { thread: ThreadLabel::Named(name), policy: Some(policy) }
                if world.threads.get(name).is_some_and(|thread| thread.live.is_none()) =>
            {
                learn_policy(&mut world, *name, policy);
            }
            _ => {}
        }
    }
    world
}

fn learn_policy(world: &mut World, name: ThreadName, stated: &Policy) {
    world.learn_defaults(name, stated);
    // Config's roots among a thread's would excuse a sandbox that has them and should not (L6).
    let has_roots = world.defaults.names_roots();
    let is_known = |dimension: Dimension| match dimension {
        Dimension::T => false,
        Dimension::WR => !has_roots,
        _ => true,
    };
    let Some(thread) = world.threads.get_mut(&name) else { return };
    for policy in thread.live.iter_mut().chain([&mut thread.stored]) {
        let open = stated.others.iter().filter(|(dimension, _)| is_known(**dimension));
        for (dimension, word) in open {
            policy.others.entry(*dimension).or_insert_with(|| word.clone());
        }
    }
}

fn correct(before: &World, mut world: World, mismatch: &Mismatch) -> World {
    match (&mismatch.resync, mismatch.thread) {
        (Resync::Value { stored, sandbox }, Some(name)) => {
            if let Some(thread) = world.threads.get_mut(&name) {
                let values = mismatch.seen.value().into_iter().chain(sandbox);
                values.for_each(|value| set(thread, value, *stored));
            }
        }
        (Resync::Refused, Some(name)) => match before.threads.get(&name) {
            Some(thread) => drop(world.threads.insert(name, thread.clone())),
            None => drop(world.threads.remove(&name)),
        },
        (Resync::WorldBefore, _) => world = before.clone(),
        (Resync::Unloaded, Some(name)) => world.unload(name),
        (Resync::Granted(Some((name, policy))), _) => grant(&mut world, *name, policy),
        _ => {}
    }
    world
}

fn set(thread: &mut Thread, value: &Value, stored: bool) {
    thread.live = thread.live.as_ref().map(|live| live.replaced(value.clone()));
    if stored {
        thread.stored = thread.stored.replaced(value.clone());
    }
}

/// A thread is there that the contract says cannot be.
fn grant(world: &mut World, name: ThreadName, policy: &Policy) {
    let mut policy = policy.clone();
    policy.others.remove(&Dimension::T);
    // The contract does not say of which kind it is: it may be kept or not.
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
    use crate::policy::Dimension;
    use crate::program::thread::ThreadName;
    use crate::testing::{noticed, policy, thread, world_after};
    use crate::trace::Observation;

    const NAME: ThreadName = ThreadName(0);

    #[test]
    fn plugins_are_judged_once_the_server_has_stated_them_and_a_tier_is_not() {
        let mut policy = policy("");
        policy.others.insert(Dimension::DP, "none".to_owned());
        policy.others.insert(Dimension::T, "flex".to_owned());
        let world = learn(world_after("start -> t0"), &[&noticed(thread(0), policy)]);
        let others = world.threads[&NAME].stored.others.iter();
        let known: String = others.map(|(each, word)| format!("{each} {word}\n")).collect();
        expect![[r#"
            M mock-model
            E default
            CWD WS
            CM default
            DP none
            WR CWD
        "#]]
        .assert_eq(&known);
    }

    #[test]
    fn a_cold_read_states_what_is_stored_of_a_thread_that_is_not_loaded() {
        let known_after = |lines: &str| {
            let mut policy = policy("");
            policy.others.insert(Dimension::DP, "none".to_owned());
            let read = Observation::ColdRead { thread: thread(0), policy: Some(policy) };
            let world = learn(world_after(lines), &[&read]);
            world.threads[&NAME].stored.others.contains_key(&Dimension::DP)
        };
        let loaded = "start -> t0\nrun t0 \"one\"\n";
        let unloaded = format!("{loaded}restart graceful\n");
        assert_eq!([known_after(loaded), known_after(&unloaded)], [false, true]);
    }
}
