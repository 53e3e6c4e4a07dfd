//! How many programs it takes to find each fault of a simulated server, by the way of drawing.
//!
//! No server is needed: a simulated one has the fault. The ways are compared on the same faults and
//! seeds, and each figure has the interval that 95 % of resampled seeds give.

#[path = "../tests/simulated/mod.rs"]
#[expect(dead_code, reason = "the bench tries faults alone, and no other defects")]
mod simulated;

use arbitrary::{Arbitrary, Unstructured};
use itertools::Itertools;
use proptest::prelude::RngExt;
use proptest::test_runner::{RngAlgorithm, TestRng};

use heirloom::campaign::selection::Selection;
use heirloom::judge::judge;
use heirloom::program::Program;
use heirloom::program::generate::{Draw, drawn};
use simulated::fault::{FAULTS, Fault};

const SEEDS: u64 = 20;

/// A campaign that has not found a fault after so many programs has missed it.
const PROGRAMS_MAX: usize = 400;

/// The bytes of a program that is drawn without weights.
const BYTES: usize = 400;

const RESAMPLED: usize = 1000;

/// A way of drawing the programs of a campaign.
#[derive(Clone, Copy)]
enum Way {
    /// Every operation and value as likely as the next.
    Uniform,
    /// Each program that the weights draw.
    Weighted,
    /// As campaigns do: of four such programs the one with the most new states.
    Chosen,
}

const WAYS: [(Way, &str); 3] =
    [(Way::Uniform, "uniform"), (Way::Weighted, "weighted"), (Way::Chosen, "weighted and chosen")];

/// What it took to find a fault.
#[derive(Clone, Copy)]
struct Effort {
    found: bool,
    programs: usize,
    /// With those of the audits.
    steps: usize,
}

fn main() {
    println!(
        "{} faults of a simulated server, {SEEDS} seeds, at most {PROGRAMS_MAX} programs each",
        FAULTS.len()
    );
    for (way, name) in WAYS {
        let seeds: Vec<Vec<Effort>> = (0..SEEDS).map(|seed| efforts(way, seed)).collect();
        let found = Figure::of(&seeds, |efforts| {
            let found = efforts.iter().filter(|effort| effort.found).count();
            100.0 * found as f64 / efforts.len() as f64
        });
        let programs = Figure::of(&seeds, |efforts| geometric_mean(efforts, |one| one.programs));
        let steps = Figure::of(&seeds, |efforts| geometric_mean(efforts, |one| one.steps));
        println!(
            "{name:<24} found {found} %; in the geometric mean {programs} programs, {steps} steps"
        );
        for (place, fault) in FAULTS.iter().enumerate() {
            let steps = seeds.iter().map(|efforts| efforts[place].steps).sorted().collect_vec();
            println!("    {:<28} median {:>5} steps", format!("{fault:?}"), steps[steps.len() / 2]);
        }
    }
}

fn geometric_mean(efforts: &[Effort], figure: fn(&Effort) -> usize) -> f64 {
    let logarithms: f64 = efforts.iter().map(|effort| (figure(effort) as f64).ln()).sum();
    (logarithms / efforts.len() as f64).exp()
}

/// What it took to find each fault, or to miss it.
fn efforts(way: Way, seed: u64) -> Vec<Effort> {
    let mut efforts = vec![Effort { found: false, programs: 0, steps: 0 }; FAULTS.len()];
    let mut campaign = Campaign::new(way, seed);
    for index in 0..PROGRAMS_MAX {
        if efforts.iter().all(|effort| effort.found) {
            break;
        }
        let program = campaign.next(index);
        let steps = program.with_audit().len();
        for (effort, fault) in efforts.iter_mut().zip(FAULTS).filter(|(effort, _)| !effort.found) {
            effort.programs += 1;
            effort.steps += steps;
            effort.found = finds(&program, *fault);
        }
    }
    efforts
}

fn finds(program: &Program, fault: Fault) -> bool {
    !judge(&simulated::run(program, Some(fault))).findings.is_empty()
}

struct Campaign {
    way: Way,
    seed: u64,
    rng: TestRng,
    selection: Selection,
}

impl Campaign {
    fn new(way: Way, seed: u64) -> Campaign {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
        Campaign { way, seed, rng, selection: Selection::default() }
    }

    fn next(&mut self, index: usize) -> Program {
        match self.way {
            Way::Uniform => {
                let mut bytes = [0; BYTES];
                self.rng.fill(&mut bytes);
                Program::arbitrary(&mut Unstructured::new(&bytes)).expect("any bytes are a program")
            }
            Way::Weighted => self.drawn(index as u64),
            Way::Chosen => {
                let mut selection = std::mem::take(&mut self.selection);
                let number = selection.number(index, |number| self.drawn(number));
                self.selection = selection;
                self.drawn(number)
            }
        }
    }

    fn drawn(&self, number: u64) -> Program {
        drawn(self.seed, number, Draw::default())
    }
}

/// A mean over seeds, and where 95 % of the means of resampled seeds lie.
struct Figure {
    mean: f64,
    least: f64,
    most: f64,
}

impl Figure {
    fn of(seeds: &[Vec<Effort>], figure: impl Fn(&[Effort]) -> f64) -> Figure {
        let figures: Vec<f64> = seeds.iter().map(|efforts| figure(efforts)).collect();
        let mut rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
        let mean = |figures: &[f64]| figures.iter().sum::<f64>() / figures.len() as f64;
        let mut resampled = || {
            let picks = (0..figures.len()).map(|_| figures[rng.random_range(0..figures.len())]);
            mean(&picks.collect::<Vec<_>>())
        };
        let means = (0..RESAMPLED).map(|_| resampled()).sorted_by(f64::total_cmp).collect_vec();
        let at = |share: f64| means[(share * RESAMPLED as f64) as usize];
        Figure { mean: mean(&figures), least: at(0.025), most: at(0.975) }
    }
}

impl std::fmt::Display for Figure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.1} ({:.1} to {:.1})", self.mean, self.least, self.most)
    }
}
