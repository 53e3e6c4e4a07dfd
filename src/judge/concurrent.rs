//! Compares calls at once with one order of them.
//!
//! Each call has its own answer, and they share the settings notices. Each notice states one of the
//! policies that the changes of its thread leave behind, and the last one states the policy that is
//! left in the end; a server may report several changes in one notice. The judge tries every order
//! of the calls.

use std::collections::BTreeMap;

use super::compare::compare_request;
use super::comparison::{Comparison, ExpectedPolicy, Mismatch, Resync, Topic};
use super::step_context::StepContext;
use crate::contract::Clause;
use crate::model::expectations::{NO_NOTICE, NOTICE};
use crate::model::{Branch, Citations, Expected, World};
use crate::policy::Policy;
use crate::program::ops::resume::Resume;
use crate::program::ops::{PARALLEL, Step};
use crate::program::thread::{ThreadName, ThreadRef};
use crate::trace::ThreadLabel;
use crate::trace::view::View;

/// How many changes of one thread bring a settings notice.
#[derive(Default)]
struct Changes {
    certain: usize,
    /// The contract does not say whether these bring one.
    possible: usize,
}

/// Compares every call of the step with what is expected of it in this order.
pub(super) fn compare(context: &StepContext, before: &World, branch: &Branch) -> Vec<Comparison> {
    let (Expected::All(expected), Step::Parallel(steps)) = (&branch.due, context.step) else {
        return Vec::new();
    };
    let capabilities = context.capabilities.without_notices();
    let alone = StepContext { capabilities: &capabilities, ..context.clone() };
    let mut all: Vec<Comparison> = Vec::new();
    for (request, (step, expected)) in steps.iter().zip(expected).enumerate() {
        all.extend(compare_request(&alone.at_once(request, step, expected), expected));
    }
    let wrongly = |mismatch: &Mismatch| {
        matches!(mismatch.resync, Resync::Refused | Resync::Granted(_) | Resync::OtherBranch)
    };
    let wrong = all.iter().filter_map(|one| one.mismatch.as_ref()).any(wrongly);
    if context.capabilities.notices {
        let changes = changes(expected, before, &branch.world);
        all.extend(count_notices(context, steps, &changes));
        all.extend(unexpected_notice(context, &changes));
        if !wrong {
            let noticed = compare_notices(context, expected, &branch.world);
            all.iter_mut().for_each(|answered| show_noticed(answered, &noticed));
            all.extend(noticed);
        }
    }
    all
}

/// An answer that states the wrong value of a change, as a notice does, is a further view of the
/// change's fault.
fn show_noticed(answered: &mut Comparison, noticed: &[Comparison]) {
    let Some(mismatch) = &mut answered.mismatch else { return };
    let mut of_notices = noticed.iter().filter_map(|one| one.mismatch.as_ref());
    let is_same = |one: &&Mismatch| {
        (one.thread, one.dimension, &one.expected, &one.seen)
            == (mismatch.thread, mismatch.dimension, &mismatch.expected, &mismatch.seen)
    };
    if let Some(same) = of_notices.find(is_same) {
        mismatch.topic = Topic { view: mismatch.topic.view, ..same.topic };
        answered.cell.clause = same.topic.clause;
    }
}

/// The changes of each thread. Those that leave a thread as it was may cancel each other before any
/// notice is sent.
fn changes(expected: &[Expected], before: &World, after: &World) -> BTreeMap<ThreadName, Changes> {
    let live = |world: &World, name| world.threads.get(&name)?.live.clone();
    let mut all: BTreeMap<ThreadName, Changes> = BTreeMap::new();
    for expected in expected {
        if let Expected::Change { thread, notice, .. } = expected {
            let open = notice.is_none() || live(before, *thread) == live(after, *thread);
            let changes = all.entry(*thread).or_default();
            changes.certain += usize::from(*notice == Some(true) && !open);
            changes.possible += usize::from(*notice != Some(false) && open);
        }
    }
    all
}

/// T9: for each thread at least one notice where a change is certain to bring one, and not more
/// than changes. Whether a client that resumes the thread at the same time gets the notice is open.
fn count_notices(
    context: &StepContext,
    steps: &[Step],
    changes: &BTreeMap<ThreadName, Changes>,
) -> Vec<Comparison> {
    let resumes = |name: ThreadName| {
        steps.iter().any(|step| match step {
            Step::Resume(Resume { thread, .. }) => *thread == ThreadRef::Thread(name),
            _ => false,
        })
    };
    let compare = |(name, changes): (&ThreadName, &Changes)| {
        let count = context.notices_of(*name).count();
        let form = if count > changes.certain + changes.possible {
            NO_NOTICE
        } else if count == 0 && changes.certain > 0 && !resumes(*name) {
            NOTICE
        } else {
            return Comparison::passed(Clause::T9, View::Notice);
        };
        let expected = format!("notices of {} changes of {name}", changes.certain);
        let topic = context.topic(Clause::T9, View::Notice);
        Comparison::failed(Mismatch::new(topic, form, expected, count.to_string()))
    };
    changes.iter().map(compare).collect()
}

/// T9: a notice about a thread that no call changes.
fn unexpected_notice(
    context: &StepContext,
    changes: &BTreeMap<ThreadName, Changes>,
) -> Option<Comparison> {
    let (thread, policy) = context.notices().find(|(thread, _)| match thread {
        ThreadLabel::Named(name) => !changes.contains_key(name),
        ThreadLabel::Unnamed(_) => true,
    })?;
    let topic = context.topic(Clause::T9, View::Notice);
    let seen = format!("one about {thread}: {policy}");
    Some(Comparison::failed(Mismatch::new(topic, NO_NOTICE, "no notice", seen)))
}

/// Compares the policy that is left in the end with the first notice that states what no change
/// leaves behind or, by O14, with the last notice.
fn compare_notices(context: &StepContext, expected: &[Expected], after: &World) -> Vec<Comparison> {
    let mut changes: BTreeMap<ThreadName, Vec<ExpectedPolicy>> = BTreeMap::new();
    for change in expected.iter().filter_map(ExpectedPolicy::of_change) {
        changes.entry(change.thread).or_default().push(change);
    }
    let mut all = Vec::new();
    for (thread, changes) in changes {
        let live = after.threads.get(&thread).and_then(|thread| thread.live.as_ref());
        let (Some(policy), Some(last)) = (live, context.notices_of(thread).last()) else {
            continue;
        };
        let is_strange =
            |notice: &&Policy| changes.iter().all(|change| !notice.agrees(change.policy));
        let strange = context.notices_of(thread).find(is_strange);
        let citations = match strange {
            Some(_) => changes[0].citations,
            None => Citations::all(PARALLEL, Clause::O14),
        };
        let expected = ExpectedPolicy { thread, policy, citations };
        all.extend(expected.compare(strange.unwrap_or(last), View::Notice));
    }
    all
}
