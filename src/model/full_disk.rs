//! What a full disk leaves open.
//!
//! Nothing can be written: a call may be refused, one that is granted may not be kept, and one that
//! is refused may have been done in part. What a thread was before stays possible until a change
//! that is kept.

use super::branch::{perhaps, perhaps_stored, refused_freely};
use super::{Branch, World};
use crate::program::thread::ThreadRef;

/// The branches of a call, and what may come instead.
pub(super) fn widened(
    world: &World,
    thread: Option<ThreadRef>,
    mut branches: Vec<Branch>,
    half_done: Vec<World>,
) -> Vec<Branch> {
    let done = branches.first().map_or(world, |branch| &branch.world);
    let mut instead = vec![refused_freely(&perhaps(world, done))];
    instead.extend(half_done.into_iter().map(|half| {
        let mut branch = refused_freely(&half);
        kept_or_not(world, &mut branch);
        branch
    }));
    if let Some(ThreadRef::Thread(name)) = thread {
        let threads = instead.iter_mut().filter_map(|branch| branch.world.threads.get_mut(&name));
        threads.for_each(|thread| thread.stuck = true);
    }
    branches.iter_mut().for_each(|branch| kept_or_not(world, branch));
    branches.extend(instead);
    branches
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
            perhaps_stored(&mut thread.maybe, &thread.stored, &old.stored);
            thread.maybe.extend(old.maybe.iter().cloned());
        }
    }
}
