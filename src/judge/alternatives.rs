//! Where the contract allows several outcomes: which of them happened.
//!
//! A request may be granted or refused, an idle thread unloaded or not, a subagent spawned or not.
//! A branch with the other outcome is not the one that happened, however little else is wrong in
//! it.

use super::comparison::{Comparison, Content, Mismatch, Resync, Topic};
use super::step_context::{Answer, StepContext};
use crate::contract::Clause;
use crate::model::expectations::{ACCEPTED, LOADED};
use crate::model::{Branch, Expected};
use crate::program::ops::Step;
use crate::program::ops::spawn::Spawn;
use crate::program::thread::ThreadName;
use crate::trace::view::View;

fn other_branch(topic: Topic, expected: &'static str, seen: impl Into<Content>) -> Comparison {
    let mismatch = Mismatch::new(topic, ACCEPTED, expected, seen);
    Comparison::failed(Mismatch { resync: Resync::OtherBranch, ..mismatch })
}

/// Whether the request is granted.
pub(super) fn compare_answer(
    context: &StepContext,
    granted: bool,
    answer: Answer,
) -> Option<Comparison> {
    let topic = context.topic(Clause::R16, View::Reply);
    match answer {
        Answer::Granted(_) if !granted => Some(other_branch(topic, "a refusal", "it was granted")),
        Answer::Refused(why) if granted => {
            Some(other_branch(topic, "it is granted", format!("refused: {why}")))
        }
        _ => None,
    }
}

/// Whether the thread is unloaded now.
pub(super) fn compare_unloading(
    context: &StepContext,
    thread: ThreadName,
    unloaded: bool,
) -> Option<Comparison> {
    let same = context.unloaded().any(|name| name == thread) == unloaded;
    let topic = context.topic(Clause::R18, View::Notice);
    (!same).then(|| other_branch(topic, "another end", "this"))
}

/// Whether a subagent is spawned, which the contract leaves to the release.
pub(super) fn compare_spawn(context: &StepContext, expected: &Expected) -> Option<Comparison> {
    let Step::Spawn(Spawn { new, .. }) = context.step else {
        return None;
    };
    let topic = context.topic(Clause::O9, View::Reply);
    match (expected, context.shows_turn(*new)) {
        (Expected::ModelContext { .. }, false) => Some(other_branch(topic, "a subagent", "none")),
        (Expected::Answer { granted: true }, true) => {
            Some(other_branch(topic, "no subagent", "one"))
        }
        _ => None,
    }
}

/// How far a call came before a kill (R17): it came to another stage than this branch has.
pub(super) fn other_stage(context: &StepContext) -> Comparison {
    other_branch(context.topic(Clause::R17, View::Reply), "another stage", "this")
}

/// A refused request changes nothing: a thread that must be loaded after it stays loaded.
pub(super) fn compare_refusal_unloads(
    context: &StepContext,
    branch: &Branch,
) -> Option<Comparison> {
    let expected = matches!(branch.due, Expected::Answer { granted: false } | Expected::Refusal(_));
    if !expected || !context.is_refused() {
        return None;
    }
    let name = context.unloaded().next()?;
    let thread = branch.world.threads.get(&name)?;
    if thread.live.is_none() || !thread.heard_by[0] {
        return None;
    }
    let topic = context.topic(Clause::T5, View::Protocol);
    Some(Comparison::failed(Mismatch {
        thread: Some(name),
        resync: Resync::Unloaded,
        ..Mismatch::new(topic, LOADED, "the thread stays loaded", "it is unloaded")
    }))
}
