//! [core] What the model is told, beside what is reported (G9).
//!
//! Compared in every turn, by form, in each voice and each dimension that tells for certain. Told
//! sets nothing: what is told of a wrong value that an earlier view has shown, or that this turn's
//! own notice shows, is a further view of that finding.

use super::compare::{Adopt, Comparison, Mismatch, broken, plain};
use super::{Cell, View};
use crate::contract::Clause;
use crate::model::Kind;
use crate::plan::Name;
use crate::policy::told::{Told, least};
use crate::policy::{Dimension, Policy, Value};
use crate::trace::{What, Whose};

/// Every telling of the thread's turn beside the policy that is due.
pub fn compare(name: Name, due: &Policy, facts: &[&What]) -> Vec<Comparison> {
    let own = Whose::Named(name);
    let noticed = facts.iter().rev().find_map(|what| match what {
        What::Settings { thread, policy } if *thread == own => Some(policy),
        _ => None,
    });
    let tellings = facts.iter().filter_map(|what| match what {
        What::Told { thread, told } if *thread == own => Some(told),
        _ => None,
    });
    let each = |told| {
        let values = due.values().into_iter();
        values.filter_map(move |value| one(name, value, (told, noticed)))
    };
    tellings.flat_map(each).collect()
}

fn one(
    name: Name,
    (dimension, value): (Dimension, Value),
    (told, noticed): (&Told, Option<&Policy>),
) -> Option<Comparison> {
    let (said, expected) = (told.of(dimension)?, told.voice.form(&value)?);
    let cell = Cell { clause: Clause::G9, view: Some(View::Told), dimension: Some(dimension) };
    let agreed =
        |value: Value| Some(Comparison { cell, mismatch: None, agreed: Some((name, value)) });
    if said == expected {
        return agreed(value);
    }
    let reported = noticed.and_then(|policy| policy.value(dimension));
    match reported.filter(|value| told.voice.form(value) == Some(said)) {
        Some(reported) => agreed(reported),
        None => Some(broken(mismatch(name, (dimension, value), said))),
    }
}

fn mismatch(name: Name, (dimension, value): (Dimension, Value), said: &str) -> Mismatch {
    let seen = least(dimension, said);
    let shown = (value.to_string(), said.to_owned());
    let about = (Clause::G9, Kind::Run);
    let about = plain(about, value.form(), View::Told, (&shown.0, shown.1));
    Mismatch {
        dimension: Some(dimension),
        thread: Some(name),
        value: seen,
        adopt: Adopt::Nothing,
        ..about
    }
}
