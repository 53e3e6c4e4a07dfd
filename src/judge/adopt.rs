//! [core] After a finding the world adopts what was seen.
//!
//! So one fault does not hide the next. A reply of a cold resume, a start or a fork sets the live
//! and the stored value, a look or a notice the live one alone; evidence sets nothing.

use super::compare::{Adopt, Comparison, Mismatch};
use crate::contract::Clause;
use crate::model::{Kind, Ruling, Thread, World};
use crate::plan::Name;
use crate::policy::{Policy, Value};

/// The world after a step, with what was seen in place of what was due.
pub fn adopt(before: &World, after: World, compared: &[Comparison]) -> World {
    let mismatches = compared.iter().filter_map(|comparison| comparison.mismatch.as_ref());
    mismatches.fold(after, |world, mismatch| one(before, world, mismatch))
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
fn grant(world: &mut World, name: Name, policy: &Policy) {
    let new = Thread::new(policy.clone(), Ruling::all(Kind::Resume, Clause::R1));
    let thread = world.threads.entry(name).or_insert(new);
    thread.live = Some(policy.clone());
    thread.stored = policy.clone();
    thread.materialised = true;
    thread.archived = false;
    thread.maybe.clear();
}
