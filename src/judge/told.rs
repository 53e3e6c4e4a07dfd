//! [core] What the model is told, beside what is reported (G9) or due to a server's own turn.
//!
//! Compared in every turn, by form, in each voice and each dimension that tells for certain. Told
//! sets nothing: what is told of a wrong value that an earlier view has shown, or that this turn's
//! own notice shows, is a further view of that finding.

use super::compare::{Adopt, Comparison, Mismatch, broken, plain};
use super::{Cell, View};
use crate::contract::Clause;
use crate::model::{Kind, Ruling};
use crate::plan::Name;
use crate::policy::told::{Told, least};
use crate::policy::{Dimension, Policy, Profiles, Value, order};
use crate::trace::{What, Whose};

/// Every telling of the thread's turn beside the policy that is due (G9).
pub fn compare(name: Name, due: &Policy, facts: &[&What]) -> Vec<Comparison> {
    started((name, due, &Ruling::all(Kind::Run, Clause::G9)), facts)
}

/// The same of a turn that the server started by itself, which is ruled by a clause of its own. A
/// compaction speaks of the history that it compacts, as it was told then.
pub fn started((name, due, ruling): (Name, &Policy, &Ruling), facts: &[&What]) -> Vec<Comparison> {
    if ruling.main() == Clause::O4 {
        return Vec::new();
    }
    let own = Whose::Named(name);
    let noticed = facts.iter().rev().find_map(|what| match what {
        What::Settings { thread, policy } if *thread == own => Some(policy),
        _ => None,
    });
    let each = |told| {
        let values = due.values().into_iter();
        values.filter_map(move |value| one((name, ruling), value, (told, noticed)))
    };
    tellings(name, facts).flat_map(each).collect()
}

/// Every telling of a subagent's turn beside its parent's policy, which it must not exceed (O10).
pub fn within(
    (name, bound): (Name, &Policy),
    facts: &[&What],
    profiles: &Profiles,
) -> Vec<Comparison> {
    let ruling = Ruling::all(Kind::Task, Clause::O10);
    let one = |told: &Told| {
        let said = bound.values().into_iter().filter_map(|(dimension, value)| {
            let (said, due) = (told.of(dimension)?, told.voice.form(&value)?);
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
pub fn shows(name: Name, facts: &[&What]) -> bool {
    let own = Whose::Named(name);
    facts.iter().any(|what| match what {
        What::TurnStarted { thread, .. } | What::Told { thread, .. } => *thread == own,
        _ => false,
    })
}

fn tellings<'a>(name: Name, facts: &'a [&'a What]) -> impl Iterator<Item = &'a Told> {
    facts.iter().filter_map(move |what| match what {
        What::Told { thread, told } if *thread == Whose::Named(name) => Some(told),
        _ => None,
    })
}

fn one(
    about: (Name, &Ruling),
    (dimension, value): (Dimension, Value),
    (told, noticed): (&Told, Option<&Policy>),
) -> Option<Comparison> {
    let (said, expected) = (told.of(dimension)?, told.voice.form(&value)?);
    if said == expected {
        return Some(agreed(about, (dimension, value)));
    }
    let reported = noticed.and_then(|policy| policy.value(dimension));
    match reported.filter(|value| told.voice.form(value) == Some(said)) {
        Some(reported) => Some(agreed(about, (dimension, reported))),
        None => Some(broken(mismatch(about, (dimension, value), said))),
    }
}

fn agreed((name, ruling): (Name, &Ruling), (dimension, value): (Dimension, Value)) -> Comparison {
    let clause = ruling.of(dimension);
    let cell = Cell { clause, view: Some(View::Told), dimension: Some(dimension) };
    Comparison { cell, mismatch: None, agreed: Some((name, value)) }
}

fn mismatch(
    (name, ruling): (Name, &Ruling),
    (dimension, value): (Dimension, Value),
    said: &str,
) -> Mismatch {
    let seen = least(dimension, said);
    let shown = (value.to_string(), said.to_owned());
    let about = (ruling.of(dimension), ruling.kind);
    let about = plain(about, value.form(), View::Told, (&shown.0, shown.1));
    Mismatch {
        dimension: Some(dimension),
        thread: Some(name),
        value: seen,
        adopt: Adopt::Nothing,
        ..about
    }
}
