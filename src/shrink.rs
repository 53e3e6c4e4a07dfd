//! Smaller cases that show the same.
//!
//! `Search` proposes, somebody runs and says whether the signature showed, until nothing smaller is
//! left to try: the result is 1-minimal under every reduction listed in `reductions`. It remembers
//! canonical plans and asks the model what is worth a run. Runs nothing itself.

use std::collections::BTreeSet;

use crate::judge::origin::Origin;
use crate::judge::signature::Signature;
use crate::judge::verdict::Finding;
use crate::model::expectations::{Expectation, expectations};
use crate::program::Program;
use crate::program::thread::ThreadName;

pub mod reductions;

/// A search for the smallest plan that shows a signature.
#[derive(Debug)]
pub struct Search {
    signature: Signature,
    best: Program,
    filter: Filter,
    tried: BTreeSet<Program>,
    proposed: Option<Program>,
    /// The first proposals, made from where the finding showed; spent once.
    guesses: Vec<Program>,
    runs: u32,
}

/// How much of the signature the model can foresee for the plan that showed it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filter {
    /// The comparison, and that config differs from what is due.
    WithConfig,
    Comparison,
    /// Nothing: an earlier finding changed what was due.
    Off,
}

impl Search {
    /// A search from a plan that showed a finding.
    pub fn new(program: &Program, finding: &Finding) -> Search {
        let signature = finding.signature();
        let best = program.normalised();
        let filter = [Filter::WithConfig, Filter::Comparison]
            .into_iter()
            .find(|filter| worthy(&best, &signature, *filter))
            .unwrap_or(Filter::Off);
        let thread = finding.thread.map(|name| renamed(program, name));
        let mut guesses = reductions::guesses(&best, finding.step, thread);
        guesses.reverse();
        let tried = BTreeSet::from([best.clone()]);
        Search { signature, best, filter, tried, proposed: None, guesses, runs: 0 }
    }

    /// The next plan to run, or none: the best is minimal.
    pub fn propose(&mut self) -> Option<Program> {
        while let Some(guess) = self.guesses.pop() {
            if let Some(program) = self.worth(guess) {
                return self.take(program);
            }
        }
        let candidates = reductions::reductions(&self.best);
        let next = candidates.into_iter().find_map(|program| self.worth(program))?;
        self.take(next)
    }

    /// Says whether the proposed plan showed the signature.
    pub fn tell(&mut self, shows: bool) {
        let proposed = self.proposed.take().expect("an answer follows a proposal");
        self.runs += 1;
        if shows {
            self.best = proposed;
        }
    }

    /// The smallest plan that showed the signature so far.
    pub fn best(&self) -> &Program {
        &self.best
    }

    pub fn runs(&self) -> u32 {
        self.runs
    }

    fn take(&mut self, program: Program) -> Option<Program> {
        self.proposed = Some(program.clone());
        Some(program)
    }

    /// The plan's canonical form, if it is new, no larger than the best, and could show the
    /// signature.
    fn worth(&mut self, program: Program) -> Option<Program> {
        let program = program.normalised();
        let fits =
            program.lines() <= self.best.lines() && worthy(&program, &self.signature, self.filter);
        (self.tried.insert(program.clone()) && fits).then_some(program)
    }
}

/// The name that the canonical form of a plan gives to a thread.
fn renamed(program: &Program, name: ThreadName) -> ThreadName {
    let place = program.names().iter().position(|other| *other == name).unwrap_or(0);
    program.normalised().names().get(place).copied().unwrap_or(name)
}

fn worthy(program: &Program, signature: &Signature, filter: Filter) -> bool {
    let same = |fire: &Expectation| {
        fire.clause == signature.clause
            && fire.dimension == signature.dimension
            && fire.kind == signature.kind
            && fire.form == signature.form
    };
    let config = |fire: &Expectation| signature.origin != Origin::Config || fire.config_differs;
    match filter {
        Filter::Off => true,
        Filter::Comparison => expectations(program).iter().any(same),
        Filter::WithConfig => expectations(program).iter().any(|fire| same(fire) && config(fire)),
    }
}
