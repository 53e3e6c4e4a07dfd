//! L2: config.toml means the same before and after every step.
//!
//! What the case itself writes is compared with nothing; what it reads later, with that.

use std::collections::BTreeMap;

use super::comparison::{Comparison, Mismatch, Topic};
use super::verdict::PolicyPair;
use crate::contract::Clause;
use crate::model::World;
use crate::policy::{Trust, order};
use crate::program::operation::OpKind;
use crate::trace::Observation;
use crate::trace::view::View;

/// The key of the trust of the workspace.
const TRUST: &str = "projects.WS.trust_level";

const WORKSPACE: &str = "WS";

/// What config.toml states, key by key.
type Statements = BTreeMap<String, String>;

/// The config.toml of a run.
#[derive(Default)]
pub(super) struct ConfigFile {
    statements: Option<Statements>,
}

impl ConfigFile {
    /// What the file says of the trust of the workspace, or else of a repository around the folders
    /// of the run: releases up to 0.148.0 trust that in place of the workspace.
    pub(super) fn trust(&self) -> Option<Trust> {
        let statements = self.statements.as_ref()?;
        let around = |key: &str| key.starts_with("projects./") && key.ends_with(".trust_level");
        let repository = || statements.iter().find(|(key, _)| around(key)).map(|(_, word)| word);
        statements.get(TRUST).or_else(repository)?.parse().ok()
    }

    /// Compares what the observations of a step show; `written` says whether the step itself wrote
    /// the file.
    pub(super) fn compare<'a>(
        &mut self,
        kind: OpKind,
        written: bool,
        observations: impl Iterator<Item = &'a Observation>,
    ) -> Vec<Comparison> {
        let mut comparisons = Vec::new();
        for observation in observations {
            let Observation::ConfigFile { states } = observation else { continue };
            let before = self.statements.replace(states.clone());
            comparisons.extend(before.iter().flat_map(|before| compare(kind, before, states)));
        }
        if written {
            comparisons.clear();
        }
        comparisons
    }
}

/// Corrects the worlds to what the file says now of the trust of the workspace, and marks the
/// mismatch where a start there may do more by that.
pub(super) fn correct(mismatch: &mut Mismatch, trust: Option<Trust>, worlds: &mut [World]) {
    let Some(before) = worlds.first().map(|world| world.policy_in(WORKSPACE)) else { return };
    for world in worlds.iter_mut() {
        world.defaults.trust = trust;
    }
    let seen = worlds[0].policy_in(WORKSPACE);
    let profiles = worlds[0].defaults.profiles.clone();
    if seen != before {
        mismatch.widened = order::allows_more(&seen, &before, &profiles);
        mismatch.policies = Some(PolicyPair { expected: before, seen, profiles });
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

#[cfg(test)]
mod tests {
    use super::ConfigFile;
    use crate::policy::Trust;

    #[test]
    fn a_repository_around_the_run_is_trusted_in_place_of_the_workspace() {
        let trust = |statements: &[(&str, &str)]| {
            let statements =
                statements.iter().map(|(key, word)| ((*key).to_owned(), (*word).to_owned()));
            ConfigFile { statements: Some(statements.collect()) }.trust()
        };
        let (around, own) = ("projects./.trust_level", "projects.WS.trust_level");
        assert_eq!(trust(&[(around, "trusted")]), Some(Trust::Trusted));
        assert_eq!(trust(&[(around, "trusted"), (own, "untrusted")]), Some(Trust::Untrusted));
        assert_eq!(trust(&[("projects.OUT.trust_level", "trusted")]), None);
    }
}
