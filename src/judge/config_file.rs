//! L2: config.toml means the same before and after every step.
//!
//! What the case itself writes is compared with nothing; what it reads later, with that.

use std::collections::BTreeMap;

use super::comparison::{Comparison, Mismatch, Topic};
use super::view::View;
use crate::contract::Clause;
use crate::program::operation::OpKind;
use crate::trace::Observation;

/// What config.toml states, key by key.
type Statements = BTreeMap<String, String>;

/// The config.toml of a run.
#[derive(Default)]
pub(super) struct ConfigFile {
    statements: Option<Statements>,
}

impl ConfigFile {
    /// Compares what the observations of a step show; `written` says whether the step itself wrote
    /// the file.
    pub(super) fn compare<'a>(
        &mut self,
        kind: OpKind,
        written: bool,
        observations: impl Iterator<Item = &'a Observation>,
    ) -> Vec<Comparison> {
        if written {
            self.statements = None;
        }
        let mut comparisons = Vec::new();
        for observation in observations {
            let Observation::ConfigFile { states } = observation else { continue };
            if let Some(before) = self.statements.replace(states.clone()) {
                comparisons.extend(compare(kind, &before, states));
            }
        }
        comparisons
    }
}

fn compare(kind: OpKind, before: &Statements, after: &Statements) -> Vec<Comparison> {
    let topic = Topic { clause: Clause::L2, kind, view: View::ConfigFile };
    let keys = before.keys().chain(after.keys().filter(|key| !before.contains_key(*key)));
    let changed = keys.filter(|key| before.get(*key) != after.get(*key));
    let text = |key: &str, value: Option<&String>| match value {
        Some(value) => format!("{key} = {value}"),
        None => format!("no {key}"),
    };
    let mismatches: Vec<Comparison> = changed
        .map(|key| {
            let form = key.rsplit('.').next().unwrap_or(key).to_owned();
            let (expected, seen) = (text(key, before.get(key)), text(key, after.get(key)));
            let mismatch = Mismatch::new(topic, "", expected, seen);
            Comparison::failed(Mismatch { form: form.into(), ..mismatch })
        })
        .collect();
    if mismatches.is_empty() {
        return vec![Comparison::passed(Clause::L2, View::ConfigFile)];
    }
    mismatches
}
