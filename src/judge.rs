//! The decision: what was seen beside what the contract allows.
//!
//! Keeps the worlds that agree with what was seen. Where none agrees it makes findings, adopts what
//! was seen into the nearest world and goes on, so that one fault does not hide the next. What a
//! later view shows of an adopted value is a further view of the first finding. Pure: a stored
//! trace is judged again to the same verdict.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use crate::contract::{Clause, Strength, row};
use crate::model::expectations::clauses;
use crate::model::permitted_widening::{self, wider_by_right};
use crate::model::step::step;
use crate::model::{Branch, World};
use crate::policy::{Defaults, Dimension, Policy, Profiles};
use crate::program::operation::OpKind;
use crate::program::ops::Step;
use crate::program::ops::configure::Configure;
use crate::program::thread::ThreadName;
use crate::trace::{Observation, Trace};

pub mod adopt;
pub mod compare;
pub mod probe;
mod branch_choice;
pub mod files;
pub mod origin;
pub mod releases;
mod step_facts;
pub mod signature;
#[cfg(test)]
mod tests;
pub mod concurrent;
pub mod model_context;
mod interrupted;
pub mod protocol;

use self::compare::{Adopt, Comparison, Mismatch};
use self::files::FileReadings;
use self::origin::Origin;
use self::releases::{HomeHistory, ReleaseTimeline};
use self::signature::Signature;

/// Worlds kept at once; past it the plan races more than the judge can follow.
const WORLDS_MAX: usize = 64;

/// A place where a policy shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum View {
    /// The answer to start, resume and fork; of other requests, that they were answered or refused.
    Reply,
    /// `thread/settings/updated`.
    Notice,
    /// A warm resume without override.
    WarmRead,
    /// A cold resume in a second process, on a copy of the home.
    ColdRead,
    /// What the request to the model says.
    ModelContext,
    /// The thread's rollout file.
    Rollout,
    /// The thread's row in the state database.
    Store,
    /// What happened when the model asked for a command or a patch.
    Probe,
    /// The lines, turns and processes themselves.
    Wire,
    /// Each line beside the schema that the server prints of itself.
    Schema,
}

/// One breach of one clause.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The clause that is broken.
    pub clause: Clause,
    /// How firmly the sources stand behind it, in this dimension.
    pub strength: Strength,
    /// The dimension of the wrong value, where it is about one.
    pub dimension: Option<Dimension>,
    /// The step that shows it: the first, or the first at which it widens.
    pub step: usize,
    /// The kind of operation.
    pub kind: OpKind,
    /// The thread.
    pub thread: Option<ThreadName>,
    /// Every view that shows it.
    pub views: BTreeSet<View>,
    /// The form of what was due, as it stands in the signature.
    pub form: String,
    /// What was due.
    pub expected: String,
    /// What was seen.
    pub seen: String,
    /// The form of what was seen, where it is a value.
    pub seen_form: Option<String>,
    /// Where the wrong value comes from: the first that fits.
    pub origin: Origin,
    /// The other origins that fit.
    pub also_fits: Vec<Origin>,
    /// Whether what was seen allows more than what was due.
    pub widened: bool,
    /// The policies that are apart, where it is about a value.
    pub apart: Option<Apart>,
    /// The release that ran where it showed, and those that had the home before.
    pub residence: HomeHistory,
}

/// What was due and what was seen, as whole policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apart {
    /// The policy that was due.
    pub due: Policy,
    /// The same with the value that was seen.
    pub seen: Policy,
    /// What named profiles meant then.
    pub profiles: Profiles,
}

/// Something to know that breaks no clause.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Notice {
    /// The clause it is listed under.
    pub clause: Clause,
    /// The step.
    pub step: usize,
    /// What it is, in a sentence; equal notices have equal texts.
    pub text: String,
}

/// How often a clause was compared, and with what outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Comparisons.
    pub fired: u64,
    /// Of them, those that agreed.
    pub held: u64,
    /// Of them, those that did not.
    pub broken: u64,
}

/// What a comparison was about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Cell {
    /// The clause.
    pub clause: Clause,
    /// The view; none where a clause was relied on and not compared by itself.
    pub view: Option<View>,
    /// The dimension, where it was about one.
    pub dimension: Option<Dimension>,
}

/// The judgement of one trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The breaches, one for each signature and form of what was seen, in the order in which they
    /// showed.
    pub findings: Vec<Finding>,
    /// Notices.
    pub notices: Vec<Notice>,
    /// Why the harness cannot say, where it cannot.
    pub inconclusive: Option<String>,
    /// What was compared.
    pub tally: BTreeMap<Cell, Tally>,
    /// The steps that were performed.
    pub performed: BTreeSet<usize>,
    /// The steps that the release was not asked for, and what it does not have of each.
    pub left_out: BTreeMap<usize, String>,
    /// The clauses that these steps were to test.
    pub withheld: BTreeSet<Clause>,
}

impl Finding {
    /// What deduplication, shrinking and known deviations go by.
    pub fn signature(&self) -> Signature {
        Signature {
            clause: self.clause,
            dimension: self.dimension,
            kind: self.kind,
            form: self.form.clone(),
            origin: self.origin,
        }
    }

    /// Whether another finding has the same signature, and shows the same form of a wrong value,
    /// on the same release and after the same others.
    pub fn is_like(&self, other: &Finding) -> bool {
        let same = self.signature() == other.signature() && self.seen_form == other.seen_form;
        same && self.residence == other.residence
    }
}

impl Verdict {
    /// Whether a finding has this signature.
    pub fn shows(&self, signature: &Signature) -> bool {
        self.findings.iter().any(|finding| finding.signature() == *signature)
    }

    fn count(&mut self, cell: Cell, held: bool) {
        let tally = self.tally.entry(cell).or_default();
        tally.fired += 1;
        tally.held += u64::from(held);
        tally.broken += u64::from(!held);
    }
}

/// A verdict in the making.
struct Judging<'a> {
    trace: &'a Trace,
    residents: ReleaseTimeline,
    steps: Vec<Step>,
    verdict: Verdict,
    /// The finding whose seen value a thread's dimension now holds.
    adopted: BTreeMap<(ThreadName, Dimension), usize>,
    evidence: FileReadings,
    /// All defaults that config.toml has had.
    defaults: Vec<Defaults>,
}

/// Judges a trace by the contract.
pub fn judge(trace: &Trace) -> Verdict {
    let mut judging = Judging {
        trace,
        residents: ReleaseTimeline::of(trace),
        steps: trace.program.with_audit(),
        verdict: Verdict::default(),
        adopted: BTreeMap::new(),
        evidence: FileReadings::default(),
        defaults: vec![trace.program.defaults.clone()],
    };
    let mut worlds = vec![World::new(trace.program.defaults.clone())];
    let end = trace.cut().unwrap_or(judging.steps.len());
    for index in 0..end.min(judging.steps.len()) {
        worlds = judging.step(index, worlds);
        if worlds.len() > WORLDS_MAX {
            let reason = format!("step {index} leaves more than {WORLDS_MAX} worlds to follow");
            judging.verdict.inconclusive = Some(reason);
            return judging.verdict;
        }
    }
    judging.wire();
    judging.trouble();
    let left = std::mem::take(&mut judging.evidence).left();
    judging.verdict.notices.extend(left);
    judging.verdict
}

impl Judging<'_> {
    /// Compares one step with every branch of every world, and gives the worlds to go on with.
    fn step(&mut self, index: usize, worlds: Vec<World>) -> Vec<World> {
        let wanted = self.steps[index].clone();
        if let Step::Configure(Configure { defaults }) = &wanted {
            self.defaults.push(defaults.clone());
        }
        let facts: Vec<&Observation> = self.trace.of_step(index).collect();
        if let Some(what) = step_facts::left_out(&facts) {
            self.verdict.left_out.insert(index, what);
            self.verdict.withheld.extend(worlds.iter().flat_map(|one| clauses(one, &wanted)));
            return worlds;
        }
        if step_facts::not_taken(&wanted, &facts) {
            return worlds;
        }
        if step_facts::performed(&wanted, &facts) {
            self.verdict.performed.insert(index);
        }
        let ran = self.residents.at_step(index);
        let gates = step_facts::gates(ran.release.as_ref(), &self.defaults, &worlds);
        let mut all = Vec::new();
        for world in &step_facts::closed(worlds, &wanted, &facts) {
            for branch in step(world, &wanted) {
                let mut compared = match &wanted {
                    Step::Parallel(steps) => {
                        concurrent::compare((world, &branch), steps, &facts, &gates)
                    }
                    Step::KillDuring(inner, _) => {
                        interrupted::compare(&branch.due, inner, &facts, &gates)
                    }
                    _ => compare::compare(&branch.due, &wanted, &facts, &gates),
                };
                compared.extend(branch_choice::unloaded(wanted.kind(), &branch, &facts));
                all.push((world.clone(), branch, compared));
            }
        }
        // A branch that did not happen is no better for being wrong in less, and of those that are
        // as far the mildest accusation is made.
        let far = |(_, _, compared): &(_, _, Vec<Comparison>)| branch_choice::distance(compared);
        let nearest = all.iter().map(far).min().unwrap_or(branch_choice::NONE);
        all.retain(|one| far(one) == nearest);
        all.sort_by_key(|(_, _, compared)| Reverse(branch_choice::gravest(compared)));
        let (before, branch, compared) = all.first().cloned().expect("a step has an answer");
        all.retain(|(_, _, other)| branch_choice::same(other, &compared));
        self.record(index, &before, &branch, &compared);
        self.look_at_evidence(index, &branch.world, &facts, &compared);
        self.widths(index, &before, &wanted);
        // In the order of the model: which world stands for the others depends on no name.
        let mut next: Vec<World> = Vec::new();
        for (before, branch, compared) in all {
            let world = adopt::adopt(&before, branch.world, &compared);
            let world = adopt::learn(world, &facts);
            let world = interrupted::ended(world, &wanted);
            if !next.contains(&world) {
                next.push(world);
            }
        }
        next
    }

    fn record(&mut self, index: usize, before: &World, branch: &Branch, compared: &[Comparison]) {
        let agreed = branch_choice::distance(compared) == branch_choice::NONE;
        for comparison in compared {
            self.verdict.count(comparison.cell, comparison.mismatch.is_none());
            match &comparison.mismatch {
                None => self.further_view(comparison),
                Some(mismatch) => {
                    let from = origin::origins(mismatch, before, &branch.world, &self.defaults);
                    let ran = self.residents.at_step(index);
                    self.find((index, ran), mismatch, from);
                }
            }
        }
        if compared.is_empty() {
            return;
        }
        for clause in &branch.rests {
            let cell = Cell { clause: *clause, view: None, dimension: None };
            let tally = self.verdict.tally.entry(cell).or_default();
            tally.fired += 1;
            tally.held += u64::from(agreed);
        }
    }

    /// A view that agrees with an adopted value shows the first finding once more.
    fn further_view(&mut self, comparison: &Comparison) {
        let Some((thread, value)) = &comparison.agreed else {
            return;
        };
        let key = (*thread, value.dimension());
        let Some(index) = self.adopted.get(&key).copied() else {
            return;
        };
        let finding = &mut self.verdict.findings[index];
        match (comparison.cell.view, finding.seen == value.to_string()) {
            (Some(view), true) => drop(finding.views.insert(view)),
            // The copy shows what is stored, and the value may be wrong in force alone.
            (Some(View::ColdRead), false) => {}
            _ => drop(self.adopted.remove(&key)),
        }
    }

    fn find(
        &mut self,
        (step, residence): (usize, HomeHistory),
        mismatch: &Mismatch,
        mut origins: Vec<Origin>,
    ) {
        let origin = origins.remove(0);
        let view = mismatch.view;
        let finding = Finding {
            clause: mismatch.clause,
            strength: row(mismatch.clause).strength(mismatch.dimension),
            dimension: mismatch.dimension,
            step,
            kind: mismatch.kind,
            thread: mismatch.thread,
            views: BTreeSet::from([view]),
            form: mismatch.form.clone().into_owned(),
            expected: mismatch.expected.clone(),
            seen: mismatch.seen.clone(),
            seen_form: mismatch.value.as_ref().map(|value| value.form().to_owned()),
            origin,
            also_fits: origins,
            widened: mismatch.widened,
            apart: mismatch.apart.clone(),
            residence,
        };
        let findings = &mut self.verdict.findings;
        let same = findings.iter().position(|other| other.is_like(&finding));
        let index = match same {
            Some(index) => {
                let worse = mismatch.widened && !findings[index].widened;
                let mut views = findings[index].views.clone();
                views.insert(view);
                if worse {
                    findings[index] = finding;
                }
                findings[index].views = views;
                index
            }
            None => {
                findings.push(finding);
                findings.len() - 1
            }
        };
        if let (Adopt::Value { .. }, Some(thread), Some(dimension)) =
            (&mismatch.adopt, mismatch.thread, mismatch.dimension)
        {
            self.adopted.insert((thread, dimension), index);
        }
    }

    /// G12: where a clause lets a policy be wider than the client asked for.
    fn widths(&mut self, step: usize, before: &World, wanted: &Step) {
        if let Some(clause) = wider_by_right(before, wanted) {
            let text = format!("{}, as {clause} has it", permitted_widening::words(clause));
            self.verdict.notices.push(Notice { clause: Clause::G12, step, text });
        }
    }

    fn wire(&mut self) {
        for ((step, fact), comparison) in protocol::compare(self.trace, &self.steps) {
            self.verdict.count(comparison.cell, comparison.mismatch.is_none());
            if let Some(mismatch) = &comparison.mismatch {
                let ran = self.residents.at_fact(fact);
                self.find((step, ran), mismatch, vec![Origin::Unknown]);
            }
        }
    }

    fn trouble(&mut self) {
        let facts = || self.trace.facts.iter().map(|fact| &fact.what);
        let reason = facts().find_map(|what| match what {
            Observation::Trouble { reason } => Some(reason.clone()),
            _ => None,
        });
        self.verdict.inconclusive = reason.or_else(|| facts().find_map(protocol::own_fault));
    }
}
