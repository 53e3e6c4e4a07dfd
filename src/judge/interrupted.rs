//! Compares a call that a kill interrupted with what is expected of it.
//!
//! The observations say which of the model's stages the call came to. What came before the kill is
//! compared like any other call; what did not come is not missing. Nothing is loaded after a kill,
//! whatever was corrected.

use super::alternatives::other_stage;
use super::compare::compare_request;
use super::comparison::{Comparison, ExpectedPolicy};
use super::step_context::StepContext;
use crate::model::{Expected, World};
use crate::policy::Policy;
use crate::program::ops::Step;
use crate::program::ops::action::{Action, ThreadAction};
use crate::program::thread::ThreadName;
use crate::trace::view::View;
use crate::trace::{Observation, ThreadLabel};

/// Compares the call, or several at once, with one branch; the context's step is what the kill
/// interrupts.
pub(super) fn compare(context: &StepContext, expected: &Expected) -> Vec<Comparison> {
    let capabilities = context.capabilities.without_notices();
    let context = StepContext { capabilities: &capabilities, ..context.clone() };
    let (Expected::All(expected), Step::Parallel(steps)) = (expected, context.step) else {
        return compare_call(&context, expected);
    };
    let mut all = Vec::new();
    for (request, (step, expected)) in steps.iter().zip(expected).enumerate() {
        all.extend(compare_call(&context.at_once(request, step, expected), expected));
    }
    let unexpected = context.notices().flat_map(|(thread, notice)| match thread {
        ThreadLabel::Named(name) => compare_notice(expected, name, notice),
        ThreadLabel::Unnamed(_) => Vec::new(),
    });
    all.extend(unexpected);
    all
}

fn compare_call(context: &StepContext, expected: &Expected) -> Vec<Comparison> {
    match expected {
        Expected::Interrupted { stage, due } => {
            let reached = (is_acknowledged(context), has_started(context));
            if reached == (stage.acknowledged(), stage.started()) {
                compare_request(context, due)
            } else {
                vec![other_stage(context)]
            }
        }
        Expected::Answer { granted: false } if !context.is_refused() => vec![other_stage(context)],
        expected => compare_request(context, expected),
    }
}

/// Compares a notice with the first change of its thread, where it states what none of several
/// calls at once leaves behind.
fn compare_notice(expected: &[Expected], name: ThreadName, notice: &Policy) -> Vec<Comparison> {
    let changes = expected.iter().filter_map(ExpectedPolicy::of_change);
    let mut own = changes.filter(|change| change.thread == name);
    if own.clone().any(|change| notice.agrees(change.policy)) {
        return Vec::new();
    }
    own.next().map(|change| change.compare(notice, View::Notice)).unwrap_or_default()
}

/// R17: whether the call's change was acknowledged, by a reply that shows it, its notice or the end
/// of its turn.
fn is_acknowledged(context: &StepContext) -> bool {
    let noticed = || used_thread(context).is_some_and(|name| context.notices_of(name).count() > 0);
    match context.step {
        Step::Start(_) | Step::Fork(_) | Step::Resume(_) => context.is_granted(),
        Step::Settings(_) => noticed(),
        Step::Run(_) | Step::Begin(_) => noticed() || has_ended(context),
        _ => false,
    }
}

/// Whether the call's turn was reported as started.
fn has_started(context: &StepContext) -> bool {
    let is_turn = match context.step {
        Step::Run(_) | Step::Begin(_) => true,
        Step::Action(ThreadAction { action, .. }) => {
            matches!(action, Action::Compact | Action::Review)
        }
        _ => false,
    };
    let label = used_thread(context).map(ThreadLabel::Named);
    let starts = |observation: &Observation| match observation {
        Observation::TurnStarted { thread, .. } => Some(*thread) == label,
        _ => false,
    };
    is_turn && (context.any(starts) || has_ended(context))
}

fn has_ended(context: &StepContext) -> bool {
    let label = used_thread(context).map(ThreadLabel::Named);
    context.any(|observation| match observation {
        Observation::TurnEnded { thread, .. } => Some(*thread) == label,
        _ => false,
    })
}

fn used_thread(context: &StepContext) -> Option<ThreadName> {
    context.step.uses()?.name()
}

/// The world without any loaded thread, where the step has killed the server.
pub(super) fn unload_killed(mut world: World, step: &Step) -> World {
    if matches!(step, Step::KillDuring(..)) {
        let loaded = world.threads.iter().filter(|(_, thread)| thread.live.is_some());
        let loaded: Vec<ThreadName> = loaded.map(|(name, _)| *name).collect();
        loaded.into_iter().for_each(|name| world.unload(name));
    }
    world
}
