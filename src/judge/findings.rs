//! Collects the verdict: makes findings of mismatches, and counts what was compared.
//!
//! A later view that shows a value to which the model was corrected is a further view of the first
//! finding.

use std::collections::{BTreeMap, BTreeSet};

use super::branch_choice::{Candidate, Nearest};
use super::comparison::{Comparison, Content, Mismatch, Resync};
use super::files::{FileReadings, Reading};
use super::origin::Origin;
use super::releases::HomeHistory;
use super::step_context::StepContext;
use super::verdict::{Cell, Count, Finding, Verdict};
use crate::contract::{Clause, row};
use crate::model::life::Facts;
use crate::policy::model_context::ContextPart;
use crate::policy::{DEFAULT, Defaults, Dimension, NO_PLUGINS, Policy, Value};
use crate::program::ops::Step;
use crate::program::thread::{ThreadName, ThreadRef};
use crate::trace::view::Corrects;
use crate::trace::view::View;

/// Where in a trace something showed.
pub(super) struct Place {
    pub(super) step: usize,
    pub(super) home: HomeHistory,
}

/// What lies behind a mismatch.
#[derive(Default)]
pub(super) struct Background {
    /// Where the wrong value may come from, best first.
    origins: Vec<Origin>,
    /// What is known of the thread that the step reads.
    facts: Facts,
    /// The finding that each other candidate would make of what was observed.
    otherwise: Vec<Finding>,
}

/// A verdict in the making.
pub(super) struct Findings {
    pub(super) verdict: Verdict,
    /// The finding whose seen value a thread's dimension now has in the model.
    corrected: BTreeMap<(ThreadName, Dimension), usize>,
    files: FileReadings,
    /// All defaults that config.toml has had.
    pub(super) defaults: Vec<Defaults>,
}

impl Findings {
    pub(super) fn new(defaults: Defaults) -> Findings {
        Findings {
            verdict: Verdict::default(),
            corrected: BTreeMap::new(),
            files: FileReadings::default(),
            defaults: vec![defaults],
        }
    }

    pub(super) fn into_verdict(mut self) -> Verdict {
        self.verdict.notices.extend(self.files.into_notices());
        self.verdict
    }

    /// Adds the candidate that stands for what happened at a step.
    pub(super) fn add_nearest(&mut self, place: &Place, step: &Step, nearest: &Nearest) {
        let candidate = &nearest.chosen[0];
        let mut mismatches = 0;
        for comparison in &candidate.comparisons {
            let Some(mismatch) = &comparison.mismatch else {
                self.add(place, comparison, Background::default());
                continue;
            };
            let otherwise = self.otherwise(place, step, mismatches, &nearest.others);
            let background = self.background(mismatch, candidate, step);
            self.add(place, comparison, Background { otherwise, ..background });
            mismatches += 1;
        }
        if candidate.comparisons.is_empty() {
            return;
        }
        for clause in &candidate.branch.relies_on {
            let cell = Cell { clause: *clause, view: None, dimension: None };
            let held = u64::from(candidate.is_without_mismatch());
            let count = Count { tested: 1, held, ..Count::default() };
            *self.verdict.tally.entry(cell).or_default() += count;
        }
    }

    fn background(&self, mismatch: &Mismatch, candidate: &Candidate, step: &Step) -> Background {
        Background {
            origins: origins(mismatch, candidate, &self.defaults),
            facts: facts(mismatch, candidate, step).with_features(self.defaults[0].features),
            otherwise: Vec::new(),
        }
    }

    /// What the mismatch of this number would be in each of the other candidates, which have as many.
    fn otherwise(
        &self,
        place: &Place,
        step: &Step,
        number: usize,
        others: &[Candidate],
    ) -> Vec<Finding> {
        let mut all: Vec<Finding> = Vec::new();
        for other in others {
            let Some(mismatch) = other.mismatches().nth(number) else { continue };
            let one = finding(place, mismatch, self.background(mismatch, other, step));
            if !all.iter().any(|finding| finding.is_like(&one)) {
                all.push(one);
            }
        }
        all
    }

    /// Adds one comparison. Of a mismatch the first origin counts; without any it is unknown.
    pub(super) fn add(&mut self, place: &Place, comparison: &Comparison, background: Background) {
        self.verdict.count(comparison.cell, comparison.mismatch.is_none());
        let Some(mismatch) = &comparison.mismatch else {
            self.add_further_view(comparison);
            return;
        };
        let index = self.add_finding(finding(place, mismatch, background));
        if let (Resync::Value { .. }, Some(thread), Some(dimension)) =
            (&mismatch.resync, mismatch.thread, mismatch.dimension)
        {
            self.corrected.insert((thread, dimension), index);
        }
    }

    /// A view that agrees with a corrected value shows the first finding once more.
    fn add_further_view(&mut self, comparison: &Comparison) {
        let Some((thread, value)) = &comparison.agreed else {
            return;
        };
        let key = (*thread, value.dimension());
        let Some(index) = self.corrected.get(&key).copied() else {
            return;
        };
        let finding = &mut self.verdict.findings[index];
        let same = finding.seen == value.to_string();
        match comparison.cell.view {
            Some(view) if same => drop(finding.views.insert(view)),
            // A copy of the home shows what is stored; only the value in force may be wrong.
            Some(view) if view.corrects() == Corrects::Nothing => {}
            _ => drop(self.corrected.remove(&key)),
        }
    }

    /// Of equal findings the first one stays, or the first that widens, with the views of all.
    fn add_finding(&mut self, finding: Finding) -> usize {
        let findings = &mut self.verdict.findings;
        let Some(index) = findings.iter().position(|other| other.is_like(&finding)) else {
            findings.push(finding);
            return findings.len() - 1;
        };
        let views: BTreeSet<View> = &findings[index].views | &finding.views;
        if finding.widened && !findings[index].widened {
            findings[index] = finding;
        }
        findings[index].views = views;
        index
    }

    /// Adds what the files say, which are read at a restart, and which of them a cold read
    /// explains.
    pub(super) fn add_files(&mut self, step: usize, context: &StepContext, nearest: &Nearest) {
        let readings = context.observations.iter().filter_map(|each| Reading::of(each));
        for reading in readings {
            if let Some(stored) = nearest.certainly_stored(reading.thread) {
                self.add_reading(step, stored, &reading);
            }
        }
        let candidate = &nearest.chosen[0];
        let Some(thread) = context.cold_reads() else {
            return;
        };
        for dimension in candidate.mismatches().filter_map(|mismatch| mismatch.dimension) {
            let views = self.files.take_explained(thread, dimension);
            if let Some(index) = self.corrected.get(&(thread, dimension)) {
                self.verdict.findings[*index].views.extend(views);
            }
        }
    }

    /// A file is not compared with a corrected value, which was wrong already; nor is a sandbox where
    /// the roots were, which it may list.
    fn add_reading(&mut self, step: usize, expected: &Policy, reading: &Reading) {
        for (dimension, held) in self.files.compare(step, expected, reading) {
            let is_corrected = |one| self.corrected.contains_key(&(reading.thread, one));
            let roots = dimension == Dimension::SB && is_corrected(Dimension::WR);
            if roots || is_corrected(dimension) {
                self.files.take_explained(reading.thread, dimension);
                continue;
            }
            let dimension = Some(dimension);
            let cell = Cell { clause: Clause::G10, view: Some(reading.view), dimension };
            let count = Count { tested: 1, compared: 1, held: u64::from(held), broken: 0 };
            *self.verdict.tally.entry(cell).or_default() += count;
        }
    }
}

/// The finding that a mismatch makes; here values become text.
fn finding(place: &Place, mismatch: &Mismatch, background: Background) -> Finding {
    let Background { origins, facts, otherwise } = background;
    let mut origins = origins.into_iter();
    let clause = mismatch.topic.clause;
    Finding {
        clause,
        strength: row(clause).strength(mismatch.dimension),
        dimension: mismatch.dimension,
        step: place.step,
        kind: mismatch.topic.kind,
        thread: mismatch.thread,
        views: BTreeSet::from([mismatch.topic.view]),
        form: mismatch.form.clone().into_owned(),
        expected: mismatch.expected.to_string(),
        seen: mismatch.seen.to_string(),
        seen_form: mismatch.seen.value().map(|value| value.form().to_owned()),
        origin: origins.next().unwrap_or(Origin::Unknown),
        also_fits: origins.collect(),
        facts,
        widened: mismatch.widened,
        both_ways: mismatch.both_ways,
        otherwise,
        policies: mismatch.policies.clone(),
        home_history: place.home.clone(),
    }
}

/// Every origin that fits a wrong value, best first. Where only its form was seen, the form
/// decides.
fn origins(mismatch: &Mismatch, candidate: &Candidate, defaults: &[Defaults]) -> Vec<Origin> {
    let Some(value) = mismatch.seen.value() else {
        return Vec::new();
    };
    let profiles = &candidate.branch.world.defaults.profiles;
    let is = |other: Value| match mismatch.seen {
        // A profile is seen as the sandbox that it stands for.
        Content::Form(..) => {
            // The parts of a model context have two words for an external sandbox.
            let mut parts = [ContextPart::Metadata, ContextPart::Developer].into_iter();
            let stated = Some(value.form());
            parts.any(|part| part.form(&other, profiles) == stated) || other.form() == value.form()
        }
        // A sandbox has config's folders in some views, and not in others.
        _ => other == *value || other.without_folders() == value.clone().without_folders(),
    };
    let has = |policy: &Policy| policy.value(value.dimension()).is_some_and(is);
    let Candidate { before, branch, .. } = candidate;
    let name = mismatch.thread;
    let after = name.and_then(|name| branch.world.threads.get(&name));
    let own = name.and_then(|name| before.threads.get(&name));
    let others = before.threads.iter().filter(|(other, _)| Some(**other) != name);
    let earlier = own.into_iter().flat_map(|thread| thread.live.iter().chain([&thread.stored]));
    let earlier = earlier.chain(after.and_then(|thread| thread.before.as_ref()));
    let earlier = earlier.chain(after.into_iter().flat_map(|thread| thread.life.past()));
    // A cold resume may choose another folder than the thread's own, and config may differ there.
    let policies = after.into_iter().flat_map(|thread| thread.live.iter().chain([&thread.stored]));
    let nowhere = after.is_none().then_some("WS");
    let folders: BTreeSet<&str> = policies.map(Policy::folder).chain(nowhere).collect();
    let config = |folder: &&str| branch.world.policy_in(folder);
    let configs: Vec<Policy> = folders.iter().map(config).collect();
    // A default that config does not state and no reply has shown may be any value.
    let is_open = |config: &Policy| config.value(value.dimension()).is_none();
    let open = value.dimension().is_primary() && configs.iter().any(is_open);
    let stated = |defaults: &Defaults| {
        let roots = |folder: &&str| is(Value::Other(Dimension::WR, defaults.roots_in(folder)));
        has(&defaults.policy()) || defaults.stated().iter().any(has) || folders.iter().any(roots)
    };
    let config = configs.iter().any(has) || defaults.iter().any(stated);
    let fits = [
        (Origin::Config, config),
        (Origin::Source, after.and_then(|thread| thread.source.as_ref()).is_some_and(has)),
        (Origin::Before, earlier.into_iter().any(has)),
        (Origin::Unset, is_unset(value)),
        (Origin::OtherThread, others.map(|(_, thread)| &thread.stored).any(has)),
        (Origin::Config, open && !config),
    ];
    fits.into_iter().filter(|(_, fits)| *fits).map(|(origin, _)| origin).collect()
}

/// Whether a value is the one that a thread has where nobody asked for another.
fn is_unset(value: &Value) -> bool {
    match value {
        Value::Other(Dimension::DP, word) => word == NO_PLUGINS,
        Value::Other(_, word) => word == DEFAULT,
        _ => false,
    }
}

/// What is known of the thread that the step reads: of a fork, that is its source. How a value was
/// set is known of the thread that has it.
fn facts(mismatch: &Mismatch, candidate: &Candidate, step: &Step) -> Facts {
    let leaf = |name: ThreadName| {
        step.leaves().into_iter().find(move |leaf| leaf.names().contains(&name)).unwrap_or(step)
    };
    let read = match mismatch.thread {
        Some(name) if candidate.before.threads.contains_key(&name) => Some(name),
        Some(name) => leaf(name).uses().and_then(ThreadRef::name),
        None => step.uses().and_then(ThreadRef::name),
    };
    let read = read.and_then(|name| candidate.before.threads.get(&name));
    let facts = read.map(Facts::of).unwrap_or_default();
    let elsewhere = mismatch.topic.view == View::ColdRead;
    let facts = if elsewhere { facts.elsewhere() } else { facts };
    let after = mismatch.thread.and_then(|name| candidate.branch.world.threads.get(&name));
    match after.zip(mismatch.dimension) {
        Some((thread, dimension)) => facts.with_setter(thread, dimension),
        None => facts,
    }
}
