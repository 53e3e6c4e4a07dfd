//! The decision: what was observed, compared with what the contract allows.
//!
//! Keeps the worlds that agree with what was observed. Where none agrees it makes findings,
//! corrects the nearest world to what was observed and goes on, so that one fault does not hide the
//! next. Pure: a stored trace is judged again to the same verdict.

use crate::contract::Clause;
use crate::model::World;
use crate::model::chosen_folder;
use crate::model::expectations::clauses;
use crate::model::permitted_widening::{self, wider_by_right};
use crate::model::step::step;
use crate::program::ops::Step;
use crate::program::ops::configure::Configure;
use crate::trace::{Observation, Trace};

mod alternatives;
mod branch_choice;
pub mod capabilities;
mod client;
mod compare;
mod comparison;
mod config_file;
mod concurrent;
mod files;
mod findings;
mod interrupted;
mod model_context;
pub mod origin;
pub mod probe;
mod protocol;
pub mod record;
pub mod releases;
mod resync;
pub mod signature;
mod step_context;
#[cfg(test)]
mod tests;
pub mod verdict;

use self::branch_choice::{Candidate, nearest};
use self::capabilities::Capabilities;
use self::config_file::ConfigFile;
use self::findings::{Background, Findings, Place};
use self::releases::ReleaseTimeline;
use self::step_context::StepContext;
use self::verdict::{Notice, Verdict};

/// Worlds kept at once; past it the program races more than the judge can follow.
const WORLDS_MAX: usize = 64;

struct Judging<'a> {
    trace: &'a Trace,
    releases: ReleaseTimeline,
    steps: Vec<Step>,
    findings: Findings,
    config_file: ConfigFile,
}

/// Judges a trace by the contract.
pub fn judge(trace: &Trace) -> Verdict {
    let defaults = &trace.program.defaults;
    let mut judging = Judging {
        trace,
        releases: ReleaseTimeline::new(trace),
        steps: trace.program.with_audit(),
        findings: Findings::new(defaults.clone()),
        config_file: ConfigFile::default(),
    };
    let mut worlds = vec![World { client: trace.client, ..World::new(defaults.clone()) }];
    let end = trace.cut().unwrap_or(judging.steps.len());
    for index in 0..end.min(judging.steps.len()) {
        worlds = judging.step(index, worlds);
        if worlds.len() > WORLDS_MAX {
            let reason = format!("step {index} leaves more than {WORLDS_MAX} worlds to follow");
            let verdict = judging.findings.verdict;
            return Verdict { inconclusive: Some(reason), ..verdict };
        }
    }
    judging.compare_protocol();
    let inconclusive = inconclusive(trace);
    Verdict { inconclusive, ..judging.findings.into_verdict() }
}

/// Why the trace says nothing, where the harness itself had trouble or is at fault.
fn inconclusive(trace: &Trace) -> Option<String> {
    let observations = || trace.entries.iter().map(|entry| &entry.observation);
    let trouble = observations().find_map(|observation| match observation {
        Observation::Trouble { reason } => Some(reason.clone()),
        _ => None,
    });
    trouble.or_else(|| observations().find_map(protocol::own_fault))
}

impl Judging<'_> {
    /// Compares one step with every branch of every world, and returns the worlds to go on with.
    fn step(&mut self, index: usize, mut worlds: Vec<World>) -> Vec<World> {
        let step = self.steps[index].clone();
        if let Step::Configure(Configure { defaults }) = &step {
            self.findings.defaults.push(defaults.clone());
        }
        self.compare_config_file(index, &mut worlds);
        let home = self.releases.at_step(index);
        let defaults = &self.findings.defaults;
        let context = StepContext {
            step: &step,
            request: 0,
            observations: self.trace.of_step(index).collect(),
            capabilities: &Capabilities::in_worlds(home.release.as_ref(), defaults, &worlds),
        };
        let verdict = &mut self.findings.verdict;
        if let Some(what) = context.left_out() {
            verdict.left_out.insert(index, what.to_owned());
            verdict.withheld.extend(worlds.iter().flat_map(|world| clauses(world, &step)));
            return worlds;
        }
        if context.is_impossible() {
            return worlds;
        }
        if context.is_performed() {
            verdict.performed.insert(index);
        }
        let nearest = nearest(candidates(&context, worlds));
        let first = &nearest.chosen[0];
        self.findings.add_nearest(&Place { step: index, home }, &step, &nearest);
        self.findings.add_files(index, &context, &nearest);
        self.note_widening(index, first);
        self.note_folder(index, first);
        self.compare_client_answers(index, &context, first);
        advance(&context, &nearest.chosen)
    }

    /// K5: what the SDK answers to the server's requests.
    fn compare_client_answers(&mut self, index: usize, context: &StepContext, first: &Candidate) {
        if self.trace.client.is_none() {
            return;
        }
        let (observations, due) = (&context.observations, &first.branch.due);
        for comparison in client::compare_answers(context.step.kind(), observations, due) {
            let place = Place { step: index, home: self.releases.at_step(index) };
            self.findings.add(&place, &comparison, Background::default());
        }
        self.findings.verdict.notices.extend(client::notices(index, observations, due));
    }

    /// G12: where a clause lets a policy be wider than the client asked for.
    fn note_widening(&mut self, step: usize, candidate: &Candidate) {
        if let Some(clause) = wider_by_right(&candidate.before, &self.steps[step]) {
            let text = format!("{}; clause {clause} permits it", permitted_widening::words(clause));
            self.findings.verdict.notices.push(Notice { clause: Clause::G12, step, text });
        }
    }

    /// R10: which folder came back, where either may.
    fn note_folder(&mut self, step: usize, candidate: &Candidate) {
        let Candidate { before, branch, .. } = candidate;
        if let Some(words) = chosen_folder::words(before, &self.steps[step], &branch.due) {
            let release = self.releases.at_step(step).release;
            let release = release.map_or_else(String::new, |release| format!("{release}: "));
            let text = format!("{release}{words}; clause R10 permits it");
            self.findings.verdict.notices.push(Notice { clause: Clause::R10, step, text });
        }
    }

    /// L2, before the step itself is compared: what config.toml has come to say counts for it.
    fn compare_config_file(&mut self, index: usize, worlds: &mut [World]) {
        let step = &self.steps[index];
        let written = matches!(step, Step::Configure(_));
        let observations = self.trace.of_step(index);
        let compared = self.config_file.compare(step.kind(), written, observations);
        for mut comparison in compared {
            if let Some(mismatch) = &mut comparison.mismatch {
                config_file::correct(mismatch, self.config_file.trust(), worlds);
                self.findings.defaults.extend(worlds.first().map(|world| world.defaults.clone()));
            }
            let place = Place { step: index, home: self.releases.at_step(index) };
            self.findings.add(&place, &comparison, Background::default());
        }
    }

    fn compare_protocol(&mut self) {
        let of_client = client::compare(self.trace, &self.steps);
        for compared in protocol::compare(self.trace, &self.steps).into_iter().chain(of_client) {
            let home = self.releases.at_entry(compared.entry);
            let place = Place { step: compared.step, home };
            self.findings.add(&place, &compared.comparison, Background::default());
        }
    }
}

/// Every branch of every world, compared with what was observed.
fn candidates(context: &StepContext, worlds: Vec<World>) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    for before in perhaps_unloaded(context, worlds) {
        for branch in step(&before, context.step) {
            let mut comparisons = match context.step {
                Step::Parallel(_) => concurrent::compare(context, &before, &branch),
                Step::KillDuring(inner, _) => {
                    interrupted::compare(&context.inner(inner), &branch.due)
                }
                _ => compare::compare(context, &branch.due),
            };
            comparisons.extend(alternatives::compare_refusal_unloads(context, &branch));
            candidates.push(Candidate { before: before.clone(), branch, comparisons });
        }
    }
    candidates
}

/// The worlds as they are and, since an idle thread without a subscribed client may be unloaded at
/// any time, as they are without threads that may have been.
fn perhaps_unloaded(context: &StepContext, mut worlds: Vec<World>) -> Vec<World> {
    for name in context.perhaps_unloaded() {
        let unloaded: Vec<World> = worlds.iter().filter_map(|world| world.closed(name)).collect();
        worlds.extend(unloaded);
    }
    worlds
}

/// The worlds after a step. In the order of the model: which world stands for the others depends on
/// no name.
fn advance(context: &StepContext, candidates: &[Candidate]) -> Vec<World> {
    let mut next: Vec<World> = Vec::new();
    for candidate in candidates {
        let world = resync::learn(resync::resync(candidate), &context.observations);
        let world = interrupted::unload_killed(world, context.step);
        if !next.contains(&world) {
            next.push(world);
        }
    }
    next
}
