//! What the model is told, beside what is reported (G9) or due to a server's own turn.
//!
//! Compared in every turn, by form, in each voice and each dimension that tells for certain. Told
//! sets nothing: what is told of a wrong value that an earlier view has shown, or that this turn's
//! own notice shows, is a further view of that finding.

use super::compare::{Adopt, Capabilities, Comparison, Mismatch, broken, plain};
use super::{Cell, View};
use crate::contract::Clause;
use crate::model::Citations;
use crate::policy::model_context::{StatedPolicy, least};
use crate::policy::{Dimension, Policy, Profiles, Value, order};
use crate::program::operation::Operation;
use crate::program::ops::run::Run;
use crate::program::ops::subagent_turn::SubagentTurn;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, ThreadLabel};

/// Every telling of the thread's turn beside the policy that is due (G9).
pub fn compare(
    (name, due): (ThreadName, &Policy),
    facts: &[&Observation],
    settled: &Profiles,
) -> Vec<Comparison> {
    started((name, due, &Citations::all(Run::KIND, Clause::G9)), facts, settled)
}

/// The same of a turn that the server started by itself, which is ruled by a clause of its own. A
/// compaction speaks of the history that it compacts, as it was told then.
pub fn started(
    (name, due, ruling): (ThreadName, &Policy, &Citations),
    facts: &[&Observation],
    settled: &Profiles,
) -> Vec<Comparison> {
    if ruling.main() == Clause::O4 {
        return Vec::new();
    }
    let own = ThreadLabel::Named(name);
    let noticed = facts.iter().rev().find_map(|what| match what {
        Observation::Settings { thread, policy } if *thread == own => Some(policy),
        _ => None,
    });
    let each = |told| {
        let values = due.values().into_iter();
        values.filter_map(move |value| one((name, ruling), value, (told, noticed), settled))
    };
    tellings(name, facts).flat_map(each).collect()
}

/// Every telling of a subagent's turn beside its parent's policy, which it must not exceed (O10).
pub fn within(
    (name, bound): (ThreadName, &Policy),
    facts: &[&Observation],
    Capabilities { profiles, settled, .. }: &Capabilities,
) -> Vec<Comparison> {
    let ruling = Citations::all(SubagentTurn::KIND, Clause::O10);
    let one = |told: &StatedPolicy| {
        let said = bound.values().into_iter().filter_map(|(dimension, value)| {
            let (said, due) = (told.of(dimension)?, told.voice.form(&value, settled)?);
            let seen = least(dimension, said).filter(|_| said != due);
            Some((dimension, value, said.to_owned(), seen))
        });
        let said: Vec<_> = said.collect();
        let wider = |policy: &Policy| order::allows_more(policy, bound, profiles);
        let seen = said.iter().filter_map(|(_, _, _, seen)| seen.clone());
        let exceeds = wider(&seen.fold(bound.clone(), |policy, seen| policy.replaced(seen)));
        let comparison = |(dimension, value, said, seen): (_, _, String, Option<Value>)| {
            let alone = seen.is_some_and(|seen| wider(&bound.replaced(seen)));
            match exceeds && alone {
                true => broken(mismatch((name, &ruling), (dimension, value), &said)),
                false => agreed((name, &ruling), (dimension, value)),
            }
        };
        said.into_iter().map(comparison).collect::<Vec<_>>()
    };
    tellings(name, facts).flat_map(one).collect()
}

/// Whether a step shows anything of a thread's own turn.
pub fn shows(name: ThreadName, facts: &[&Observation]) -> bool {
    let own = ThreadLabel::Named(name);
    facts.iter().any(|what| match what {
        Observation::TurnStarted { thread, .. } | Observation::ModelContext { thread, .. } => {
            *thread == own
        }
        _ => false,
    })
}

fn tellings<'a>(
    name: ThreadName,
    facts: &'a [&'a Observation],
) -> impl Iterator<Item = &'a StatedPolicy> {
    facts.iter().filter_map(move |what| match what {
        Observation::ModelContext { thread, told } if *thread == ThreadLabel::Named(name) => {
            Some(told)
        }
        _ => None,
    })
}

fn one(
    about: (ThreadName, &Citations),
    (dimension, value): (Dimension, Value),
    (told, noticed): (&StatedPolicy, Option<&Policy>),
    settled: &Profiles,
) -> Option<Comparison> {
    let (said, expected) = (told.of(dimension)?, told.voice.form(&value, settled)?);
    if said == expected {
        return Some(agreed(about, (dimension, value)));
    }
    let reported = noticed.and_then(|policy| policy.value(dimension));
    match reported.filter(|value| told.voice.form(value, settled) == Some(said)) {
        Some(reported) => Some(agreed(about, (dimension, reported))),
        None => Some(broken(mismatch(about, (dimension, value), said))),
    }
}

fn agreed(
    (name, ruling): (ThreadName, &Citations),
    (dimension, value): (Dimension, Value),
) -> Comparison {
    let clause = ruling.of(dimension);
    let cell = Cell { clause, view: Some(View::ModelContext), dimension: Some(dimension) };
    Comparison { cell, mismatch: None, agreed: Some((name, value)) }
}

fn mismatch(
    (name, ruling): (ThreadName, &Citations),
    (dimension, value): (Dimension, Value),
    said: &str,
) -> Mismatch {
    let seen = least(dimension, said);
    let shown = (value.to_string(), said.to_owned());
    let about = (ruling.of(dimension), ruling.kind);
    let about = plain(about, value.form(), View::ModelContext, (&shown.0, shown.1));
    Mismatch {
        dimension: Some(dimension),
        thread: Some(name),
        value: seen,
        adopt: Adopt::Nothing,
        ..about
    }
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::compare;
    use crate::policy::model_context::{ContextPart, StatedPolicy};
    use crate::policy::{Defaults, Permissions, Policy, Profiles, SandboxMode};
    use crate::program::thread::ThreadName;
    use crate::trace::{Observation, ThreadLabel};

    /// A turn under a named profile whose model is told this sandbox.
    fn check(profiles: &Profiles, sandbox: &str, expected: Expect) {
        let permissions = Permissions::Profile("p-ro".to_owned());
        let policy = Policy { permissions, ..Defaults::default().policy() };
        let sandbox = Some(sandbox.to_owned());
        let told =
            StatedPolicy { voice: ContextPart::Metadata, approval: None, reviewer: None, sandbox };
        let fact = Observation::ModelContext { thread: ThreadLabel::Named(ThreadName(0)), told };
        let compared = compare((ThreadName(0), &policy), &[&fact], profiles);
        let said = compared.iter().map(|one| match &one.mismatch {
            None => "it agrees".to_owned(),
            Some(wrong) => format!("{}: {}, not {}", wrong.clause, wrong.seen, wrong.expected),
        });
        expected.assert_eq(&said.collect::<Vec<_>>().join("\n"));
    }

    #[test]
    fn a_named_profile_is_told_as_what_it_extends() {
        let settled = Profiles::from([("p-ro".to_owned(), SandboxMode::ReadOnly)]);
        check(&settled, "read-only", expect!["it agrees"]);
        check(&settled, "danger-full-access", expect!["G9: danger-full-access, not profile:p-ro"]);
    }

    #[test]
    fn how_a_profile_is_told_whose_meaning_is_open_is_not_compared() {
        check(&Profiles::new(), "danger-full-access", expect![[""]]);
    }
}
