//! What a full disk leaves open.
//!
//! Nothing can be written: a call may be refused, one that is granted may not be kept, and one that
//! is refused may have been done in part. What a thread was before stays possible until a change
//! that is kept.

use super::concurrent::{maybe, perhaps};
use super::{Branch, Expected, World};
use crate::program::ops::Step;
use crate::program::ops::action::Action;
use crate::program::ops::action::ThreadAction;
use crate::program::ops::resume::Resume;
use crate::program::thread::ThreadRef;

/// The branches of a step, and what may come instead.
pub(super) fn widened(world: &World, step: &Step, mut branches: Vec<Branch>) -> Vec<Branch> {
    let done = branches.first().map_or(world, |branch| &branch.world);
    let mut all = vec![refused(perhaps(world, done))];
    all.extend(half_done(world, step, &branches));
    if let Some(ThreadRef::Thread(name)) = step.uses() {
        let threads = all.iter_mut().filter_map(|branch| branch.world.threads.get_mut(&name));
        threads.for_each(|thread| thread.stuck = true);
    }
    branches.iter_mut().for_each(|branch| kept_or_not(world, branch));
    branches.extend(all);
    branches
}

fn refused(world: World) -> Branch {
    Branch { world, due: Expected::Answer { granted: false }, rests: Vec::new() }
}

/// Neither is what a call changes certain to be kept, nor that a thread has a history by it.
fn kept_or_not(world: &World, branch: &mut Branch) {
    for (name, thread) in &mut branch.world.threads {
        let old = world.threads.get(name);
        let was = old.is_some_and(|old| old.materialised);
        if thread.materialised && !was {
            thread.materialised = false;
            thread.uncertain = true;
        }
        if let Some(old) = old {
            maybe(&mut thread.maybe, &thread.stored, &old.stored);
            thread.maybe.extend(old.maybe.iter().cloned());
        }
    }
}

/// What loads a thread or unloads it to write may not come to its end: refused, and the thread is
/// unloaded, or loaded with nobody to hear of it.
fn half_done(world: &World, step: &Step, branches: &[Branch]) -> Vec<Branch> {
    let (who, worlds) = match step {
        Step::Resume(Resume { thread, .. }) => {
            (thread, branches.iter().map(|one| &one.world).collect())
        }
        Step::Action(ThreadAction { thread, action: Action::Archive }) => (thread, vec![]),
        Step::Action(ThreadAction { thread, action: Action::Revert }) => (thread, vec![world]),
        _ => return Vec::new(),
    };
    let Some((name, _)) = world.thread(*who) else {
        return Vec::new();
    };
    let mut unloaded = world.clone();
    unloaded.unload(name);
    let unheard = |world: &World| {
        let mut world = world.clone();
        world.threads.entry(name).and_modify(|thread| {
            thread.heard_by[0] = false;
            thread.running = None;
        });
        world
    };
    let all = worlds.into_iter().map(unheard).chain([unloaded]);
    let mut branches: Vec<Branch> = all.map(refused).collect();
    branches.iter_mut().for_each(|branch| kept_or_not(world, branch));
    branches
}
