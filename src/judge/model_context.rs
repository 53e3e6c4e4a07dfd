//! Compares the policy that was stated to the model with what is expected.
//!
//! Every turn is compared: by form, in each part of the request and each dimension that is certain
//! there; model, effort, tier, folder and mode by their words. A model context corrects nothing in the model: where it states a wrong value that an
//! earlier view or this turn's own settings notice has shown, it is a further view of that finding.

use super::comparison::{Comparison, Content, ExpectedPolicy, Mismatch};
use super::step_context::StepContext;
use super::verdict::Cell;
use crate::contract::Clause;
use crate::model::Citations;
use crate::policy::model_context::{StatedPolicy, least};
use crate::policy::{Policy, Value, order};
use crate::program::operation::Operation;
use crate::program::ops::run::Run;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::thread::ThreadName;
use crate::trace::view::View;

/// A turn that the client started must state the thread's policy to the model (G9), and its mode
/// (CM1).
pub(super) fn compare_turn(context: &StepContext, expected: &ExpectedPolicy) -> Vec<Comparison> {
    let citations = Citations::in_model_context(Run::KIND, Clause::G9);
    let policy = expected.policy.clone();
    let policy = match context.turn_overrides() {
        Some(overrides) => overrides.of_turn(policy),
        None => policy,
    };
    compare(context, &ExpectedPolicy { citations, policy: &policy, ..*expected })
}

/// Compares the model contexts of a thread's turn. A compaction repeats the history that it
/// compacts, with the policy that was stated then.
pub(super) fn compare(context: &StepContext, expected: &ExpectedPolicy) -> Vec<Comparison> {
    if expected.citations.main() == Clause::O4 {
        return Vec::new();
    }
    let values = |stated| {
        let values = expected.policy.values().into_iter();
        values.filter_map(move |(_, value)| compare_value(context, expected, stated, value))
    };
    context.model_contexts(expected.thread).flat_map(values).collect()
}

fn compare_value(
    context: &StepContext,
    expected: &ExpectedPolicy,
    stated: &StatedPolicy,
    value: Value,
) -> Option<Comparison> {
    let profiles = &context.capabilities.settled;
    let form = stated.form(value.dimension())?;
    if stated.voice.form(&value, profiles)? == form {
        return Some(agreed(expected, &value, value.clone()));
    }
    let noticed = context.notices_of(expected.thread).last();
    let noticed = noticed.and_then(|policy| policy.value(value.dimension()));
    match noticed.filter(|value| stated.voice.form(value, profiles) == Some(form)) {
        Some(noticed) => Some(agreed(expected, &value, noticed)),
        None => Some(Comparison::failed(mismatch(expected, value, form))),
    }
}

/// A subagent's turn must state nothing wider than its parent's policy (O10).
pub(super) fn compare_bound(
    context: &StepContext,
    thread: ThreadName,
    bound: &Policy,
) -> Vec<Comparison> {
    let citations = Citations::all(SubagentTurn::KIND, Clause::O10);
    let expected = ExpectedPolicy { thread, policy: bound, citations };
    let each = |stated| compare_within(context, &expected, stated);
    context.model_contexts(thread).flat_map(each).collect()
}

/// Each value that is stated otherwise; a breach is one that widens the policy alone, where all of
/// them together widen it too.
fn compare_within(
    context: &StepContext,
    expected: &ExpectedPolicy,
    stated: &StatedPolicy,
) -> Vec<Comparison> {
    let bound = expected.policy;
    let is_wider =
        |policy: &Policy| order::allows_more(policy, bound, &context.capabilities.profiles);
    let others: Vec<StatedValue> = bound
        .values()
        .into_iter()
        .filter(|(dimension, _)| dimension.is_primary())
        .filter_map(|(dimension, value)| {
            let form = stated.form(dimension)?;
            let same = stated.voice.form(&value, &context.capabilities.settled)? == form;
            let other = if same { None } else { least(dimension, form) };
            Some(StatedValue { value, form, other })
        })
        .collect();
    let seen = others.iter().filter_map(|stated| stated.other.clone());
    let exceeds = is_wider(&seen.fold(bound.clone(), |policy, seen| policy.replaced(seen)));
    let compare = |StatedValue { value, form, other }| {
        if exceeds && other.is_some_and(|seen| is_wider(&bound.replaced(seen))) {
            Comparison::failed(mismatch(expected, value, form))
        } else {
            agreed(expected, &value, value.clone())
        }
    };
    others.into_iter().map(compare).collect()
}

struct StatedValue<'a> {
    /// The value of the bound.
    value: Value,
    form: &'a str,
    /// The least value of the form that is stated, where that is not the bound's.
    other: Option<Value>,
}

fn agreed(expected: &ExpectedPolicy, value: &Value, seen: Value) -> Comparison {
    let dimension = value.dimension();
    let clause = expected.citations.of(dimension);
    let cell = Cell { clause, view: Some(View::ModelContext), dimension: Some(dimension) };
    Comparison { cell, mismatch: None, agreed: Some((expected.thread, seen)) }
}

fn mismatch(expected: &ExpectedPolicy, value: Value, form: &str) -> Mismatch {
    let dimension = value.dimension();
    let seen = match &value {
        Value::Other(..) => Content::from(Value::Other(dimension, form.to_owned())),
        _ => Content::Form(form.to_owned(), least(dimension, form)),
    };
    let topic = expected.topic(dimension, View::ModelContext);
    Mismatch {
        dimension: Some(dimension),
        thread: Some(expected.thread),
        ..Mismatch::new(topic, value.form(), value, seen)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use expect_test::{Expect, expect};

    use super::compare_turn;
    use crate::contract::Clause;
    use crate::judge::capabilities::Capabilities;
    use crate::judge::comparison::{Comparison, ExpectedPolicy};
    use crate::judge::step_context::StepContext;
    use crate::model::Citations;
    use crate::policy::model_context::{ContextPart, StatedPolicy};
    use crate::policy::{Permissions, Policy, Profile, Profiles, SandboxMode};
    use crate::program::operation::Operation;
    use crate::program::ops::run::Run;
    use crate::program::thread::ThreadName;
    use crate::testing::{policy, program, thread};
    use crate::trace::Observation;

    /// A turn under a named profile, in which this sandbox is stated to the model.
    fn check(settled: Profiles, sandbox: &str, expected: Expect) {
        let permissions = Permissions::Profile("p-ro".to_owned());
        let policy = Policy { permissions, ..policy("") };
        let told = StatedPolicy {
            voice: ContextPart::Metadata,
            approval: Some("on-request".to_owned()),
            reviewer: None,
            sandbox: Some(sandbox.to_owned()),
            others: BTreeMap::new(),
        };
        let turn = program("start -> t0\nrun t0 \"one\"").steps.remove(1);
        let observation = Observation::ModelContext { thread: thread(0), told };
        let context = StepContext {
            step: &turn,
            request: 0,
            observations: vec![&observation],
            capabilities: &Capabilities { settled, ..Capabilities::of(None) },
        };
        let citations = Citations::all(Run::KIND, Clause::T2);
        let turn = ExpectedPolicy { thread: ThreadName(0), policy: &policy, citations };
        let line = |Comparison { cell, mismatch, .. }: Comparison| {
            let dimension = cell.dimension.map_or("-".to_owned(), |it| it.to_string());
            match mismatch {
                None => format!("{} {dimension} held\n", cell.clause),
                Some(wrong) => {
                    let (seen, expected) = (wrong.seen, wrong.expected);
                    format!("{} {dimension}: {seen}, not {expected}\n", cell.clause)
                }
            }
        };
        let lines = compare_turn(&context, &turn).into_iter().map(line);
        expected.assert_eq(&lines.collect::<String>());
    }

    #[test]
    fn a_named_profile_is_stated_as_what_it_extends() {
        let settled = Profiles::from([("p-ro".to_owned(), Profile::plain(SandboxMode::ReadOnly))]);
        check(
            settled.clone(),
            "read-only",
            expect![[r#"
            G9 AP held
            G9 PP held
        "#]],
        );
        check(
            settled,
            "danger-full-access",
            expect![[r#"
            G9 AP held
            G9 PP: danger-full-access, not profile:p-ro
        "#]],
        );
    }

    #[test]
    fn a_profile_whose_meaning_is_open_is_not_compared() {
        check(
            Profiles::new(),
            "danger-full-access",
            expect![[r#"
            G9 AP held
        "#]],
        );
    }
}
