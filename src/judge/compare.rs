//! Compares the observations of one step with what one branch expects.
//!
//! A step whose request never left, or was never answered, is not compared: the protocol's clauses
//! cover that.

use super::comparison::{Comparison, ExpectedPolicy, Mismatch, Resync, Topic};
use super::step_context::{Answer, StatedReply, StepContext};
use super::verdict::PolicyPair;
use super::{alternatives, model_context, probe};
use crate::contract::Clause;
use crate::model::expectations::{ACCEPTED, NO_NOTICE, NOTICE, REFUSED};
use crate::model::{Citations, Expected};
use crate::policy::{Approval, Dimension, order};
use crate::program::operation::Operation;
use crate::program::ops::Step;
use crate::program::ops::fork::Fork;
use crate::trace::ThreadLabel;
use crate::trace::view::View;

pub(super) fn compare(context: &StepContext, expected: &Expected) -> Vec<Comparison> {
    match context.step {
        Step::SecondClient(inner) => compare(&context.inner(inner), expected),
        Step::SecondServer(_) => without_resync(compare_request(context, expected)),
        _ => compare_request(context, expected),
    }
}

/// A second server leaves the first as it is: a cold read that goes wrong in the same way makes the
/// same finding.
fn without_resync(mut comparisons: Vec<Comparison>) -> Vec<Comparison> {
    for mismatch in mismatches(&mut comparisons) {
        if !matches!(mismatch.resync, Resync::OtherBranch) {
            mismatch.resync = Resync::WorldBefore;
        }
    }
    comparisons
}

fn mismatches(comparisons: &mut [Comparison]) -> impl Iterator<Item = &mut Mismatch> {
    comparisons.iter_mut().filter_map(|comparison| comparison.mismatch.as_mut())
}

/// Compares the one request of a step that is not a wrapper.
pub(super) fn compare_request(context: &StepContext, expected: &Expected) -> Vec<Comparison> {
    // A thread may be unloaded where nothing was asked for: at the end of its turn.
    if let Expected::Closing { thread, closed } = expected {
        return Vec::from_iter(alternatives::compare_unloading(context, *thread, *closed));
    }
    // The end of a turn is waited for, and not asked for.
    if let (Expected::ModelContext { .. }, Step::Finish(_), Some(policy)) =
        (expected, context.step, ExpectedPolicy::of(expected))
    {
        let mut all = model_context::compare(context, &policy);
        all.extend(compare_probe(context, &policy));
        return all;
    }
    let Some(answer) = context.answer() else {
        return Vec::new();
    };
    if let Some(other_branch) = alternatives::compare_spawn(context, expected) {
        return vec![other_branch];
    }
    let mut all = match (expected, answer) {
        (Expected::Answer { granted }, answer) => {
            Vec::from_iter(alternatives::compare_answer(context, *granted, answer))
        }
        (_, Answer::Refused(why)) => Vec::from_iter(compare_refused(context, expected, why)),
        (_, Answer::Granted(reply)) => compare_granted(context, expected, reply),
    };
    // A request that was wrongly granted or refused has that one finding: what it sent or did not
    // send besides follows from it.
    let wrongly =
        |mismatch: &mut Mismatch| matches!(mismatch.resync, Resync::Refused | Resync::Granted(_));
    if !mismatches(&mut all).any(wrongly) {
        all.extend(compare_consequences(context, expected));
    }
    mark_widened(&mut all, context, expected);
    all.retain(|comparison| !is_given_up(context, comparison));
    all
}

fn compare_refused(context: &StepContext, expected: &Expected, why: &str) -> Option<Comparison> {
    let (thread, clause) = match (expected, ExpectedPolicy::of(expected)) {
        (Expected::Refusal(clause), _) => return Some(Comparison::passed(*clause, View::Reply)),
        (Expected::Within { thread, .. }, _) => (*thread, Clause::O10),
        (_, Some(policy)) => (policy.thread, policy.citations.main()),
        (_, None) => return None,
    };
    let cold = matches!(expected, Expected::ColdRead(..));
    let topic = context.topic(clause, if cold { View::ColdRead } else { View::Reply });
    Some(Comparison::failed(Mismatch {
        thread: Some(thread),
        resync: Resync::Refused,
        ..Mismatch::new(topic, ACCEPTED, "it is granted", format!("refused: {why}"))
    }))
}

fn compare_granted(
    context: &StepContext,
    expected: &Expected,
    reply: StatedReply,
) -> Vec<Comparison> {
    let Some(policy) = ExpectedPolicy::of(expected) else {
        return match expected {
            Expected::Refusal(clause) => vec![wrongly_granted(context, *clause, reply)],
            Expected::Within { thread, bound, .. } => {
                model_context::compare_bound(context, *thread, bound)
            }
            _ => Vec::new(),
        };
    };
    match expected {
        Expected::Policy(..) => compare_reply(&policy, reply, View::Reply),
        Expected::Look(..) => compare_reply(&policy, reply, View::WarmRead),
        Expected::ColdRead(..) => compare_reply(&policy, reply, View::ColdRead),
        Expected::ModelContext { .. } => model_context::compare(context, &policy),
        _ => compare_turn(context, &policy),
    }
}

fn wrongly_granted(context: &StepContext, clause: Clause, reply: StatedReply) -> Comparison {
    let thread = match reply.thread {
        Some(ThreadLabel::Named(name)) => Some(name),
        _ => None,
    };
    let topic = context.topic(clause, View::Reply);
    Comparison::failed(Mismatch {
        thread,
        resync: Resync::Granted(thread.zip(reply.policy.cloned())),
        ..Mismatch::new(topic, REFUSED, "a refusal", "it was granted")
    })
}

/// The policy that a reply states, value by value.
fn compare_reply(expected: &ExpectedPolicy, reply: StatedReply, view: View) -> Vec<Comparison> {
    let ExpectedPolicy { thread, citations, .. } = expected;
    if reply.thread != Some(ThreadLabel::Named(*thread)) {
        let clause = if citations.kind == Fork::KIND { Clause::F4 } else { Clause::G11 };
        let topic = Topic { clause, kind: citations.kind, view };
        let seen = reply.thread.map_or("none".to_owned(), |thread| thread.to_string());
        return vec![Comparison::failed(Mismatch {
            thread: Some(*thread),
            resync: Resync::Refused,
            ..Mismatch::new(topic, "own-id", format!("a reply about {thread}"), seen)
        })];
    }
    let Some(seen) = reply.policy else {
        let topic = Topic { clause: Clause::W2, kind: citations.kind, view };
        let mismatch = Mismatch::new(topic, "policy", "a policy in the reply", "none");
        return vec![Comparison::failed(mismatch)];
    };
    expected.compare(seen, view)
}

/// A turn or a change is granted; the policy shows in its settings notice, where it sends one. Of
/// several the first wrong one is compared, or else the last.
fn compare_turn(context: &StepContext, expected: &ExpectedPolicy) -> Vec<Comparison> {
    let notices = || context.notices_of(expected.thread);
    let seen = notices().find(|seen| !seen.agrees(expected.policy)).or(notices().last());
    let noticed = seen.map(|seen| expected.compare(seen, View::Notice));
    let granted = Comparison::passed(expected.citations.main(), View::Reply);
    std::iter::once(granted).chain(noticed.into_iter().flatten()).collect()
}

/// What follows where a request was answered as expected: its notices, its turn's model contexts
/// and its probe.
fn compare_consequences(context: &StepContext, expected: &Expected) -> Vec<Comparison> {
    let mut all = Vec::new();
    if context.capabilities.notices {
        all.extend(compare_notices(context, expected));
    }
    match (expected, ExpectedPolicy::of(expected)) {
        (Expected::Turn { .. }, Some(policy)) if context.capabilities.disk_works => {
            all.extend(model_context::compare_turn(context, &policy));
            all.extend(compare_probe(context, &policy));
        }
        (Expected::ModelContext { .. }, Some(policy)) => {
            all.extend(compare_probe(context, &policy));
        }
        (Expected::Within { thread, policy, .. }, _) => {
            let citations = Citations::all(context.step.kind(), Clause::E8);
            let own = ExpectedPolicy { thread: *thread, policy, citations };
            all.extend(compare_probe(context, &own));
        }
        _ => {}
    }
    all
}

/// What the turn's probe shows. On a full disk a command may fail whatever the policy is.
fn compare_probe(context: &StepContext, expected: &ExpectedPolicy) -> Vec<Comparison> {
    if context.capabilities.disk_works { probe::compare(context, expected) } else { Vec::new() }
}

/// T9: a turn or a change that changes something sends a settings notice; nothing else sends one.
fn compare_notices(context: &StepContext, expected: &Expected) -> Option<Comparison> {
    let changed = match expected {
        Expected::Turn { thread, notice: Some(true), .. }
        | Expected::Change { thread, notice: Some(true), .. } => Some(*thread),
        Expected::Turn { notice: Some(false), .. }
        | Expected::Change { notice: Some(false), .. } => None,
        Expected::Policy(..) | Expected::Look(..) | Expected::Refusal(_) => None,
        _ => return None,
    };
    let topic = context.topic(Clause::T9, View::Notice);
    if let Some(name) = changed
        && context.notices_of(name).next().is_none()
    {
        let mismatch = Mismatch::new(topic, NOTICE, "a notice of the change", "none");
        return Some(Comparison::failed(mismatch));
    }
    let changed = changed.map(ThreadLabel::Named);
    let Some((thread, policy)) = context.notices().find(|(thread, _)| changed != Some(*thread))
    else {
        return Some(Comparison::passed(Clause::T9, View::Notice));
    };
    let seen = format!("one about {thread}: {policy}");
    Some(Comparison::failed(Mismatch::new(topic, NO_NOTICE, "no notice", seen)))
}

/// Whether a value that the release does not have has given way to one that is not wider: which
/// one, the contract leaves open.
fn is_given_up(context: &StepContext, comparison: &Comparison) -> bool {
    let Some(mismatch) = &comparison.mismatch else { return false };
    let due = mismatch.policies.as_ref().map(|pair| &pair.expected.approval);
    mismatch.dimension == Some(Dimension::AP)
        && due == Some(&Approval::OnFailure)
        && !context.capabilities.on_failure
        && !mismatch.widened
        && !mismatch.both_ways
}

/// Marks what allows more than expected, by the profiles of the moment. What is wrong at the same
/// time counts too: a value that allows more widens nothing where another one allows less.
fn mark_widened(all: &mut [Comparison], context: &StepContext, expected: &Expected) {
    let policy = match (expected, ExpectedPolicy::of(expected)) {
        (Expected::Within { bound, .. }, _) => bound,
        (_, Some(expected)) => expected.policy,
        (_, None) => return,
    };
    let profiles = &context.capabilities.profiles;
    let seen = mismatches(all).filter_map(|mismatch| mismatch.seen.value().cloned());
    let whole = seen.fold(policy.clone(), |policy, value| policy.replaced(value));
    let narrowed = order::allows_less(&whole, policy, profiles);
    for mismatch in mismatches(all) {
        if let Some(value) = mismatch.seen.value() {
            let seen = policy.replaced(value.clone());
            let profiles = profiles.clone();
            let more = order::allows_more(&seen, policy, &profiles);
            mismatch.widened = more && !narrowed;
            mismatch.both_ways = more && narrowed;
            mismatch.policies = Some(PolicyPair { expected: policy.clone(), seen, profiles });
        }
    }
}
