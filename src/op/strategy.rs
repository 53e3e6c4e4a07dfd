//! The one place where chance enters: how cases are drawn.
//!
//! Defaults come first, and overrides are then drawn to differ from them, for where they are equal
//! nothing is tested. A case draws a shape first (swarm testing), so that some cases are all forks
//! and some all turns. A seed and a proptest runner both go through `cases`.

use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::sample::select;
use proptest::strategy::{BoxedStrategy, Union, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use semver::Version;

use super::{Case, Op};

mod moves;
mod ops;
mod overrides;
mod values;

/// Operations in a case, unless a caller says otherwise: enough for a fork of a fork with turns
/// between.
pub const MAX_OPS: usize = 12;

/// Operations in a case that a caller may ask for: a case is drawn in memory, and is run to its end
/// before anybody is heard.
pub const LONGEST: usize = 1000;

/// How cases are drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Operations in a case at the most.
    pub max_ops: usize,
    /// Whether the secondary dimensions (M, E, T, CWD, CM, DP) are drawn too.
    pub secondary: bool,
    /// The releases that a case may move its home to and back; without any, no draw is another
    /// than it was.
    pub servers: Vec<Version>,
}

impl Shape {
    fn has(&self, rare: Rare) -> bool {
        self.rares.contains(&rare)
    }
}

impl Default for Draw {
    fn default() -> Draw {
        Draw { max_ops: MAX_OPS, secondary: true, servers: Vec::new() }
    }
}

/// What a case leans to; drawn once per case. A number is a weight beside the others, from 0.
#[derive(Clone, Copy, Debug)]
struct Shape {
    forks: u32,
    resumes: u32,
    restarts: u32,
    configures: u32,
    settings: u32,
    /// Turns that run on, and what is said to them.
    running: u32,
    acts: u32,
    /// Requests that must be refused.
    invalid: u32,
    /// What one case in several has at all; a second one in a fifth of them.
    rares: [Rare; 2],
    /// Of 100 calls, how many override anything at all.
    overriding: u32,
    /// Whether named profiles are defined and selected.
    profiles: bool,
    /// Whether secondary dimensions are overridden.
    secondary: bool,
    /// Of 100 turns, how many ask for a deed.
    deeds: u32,
}

/// What only some cases have, since it costs a server or changes how one is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Rare {
    Nothing,
    /// Ephemeral threads and forks.
    Ephemeral,
    /// A second connection, and calls at once.
    Crowd,
    Subagents,
    /// Kills during calls, and the state database gone.
    KillDuring,
    /// A full disk.
    Full,
    /// Threads that are unloaded, and a second server.
    Unload,
    /// Looks from a copy of the home.
    ColdRead,
}

/// Cases of 1 to `max_ops` operations.
pub fn cases(draw: Draw) -> BoxedStrategy<Case> {
    if !draw.servers.is_empty() {
        return moves::moving(&draw, draw.servers.clone());
    }
    shapes(draw.secondary)
        .prop_flat_map(|shape| (values::defaults(shape.profiles), Just(shape)))
        .prop_flat_map(move |(defaults, shape)| {
            let calls = overrides::Overriding { defaults: defaults.clone(), shape };
            let first =
                calls.call().prop_map(|overrides| Op::Start { overrides, ephemeral: false });
            let opening = ops::opening(&calls);
            let bursts = vec(ops::bursts(&calls), 0..draw.max_ops.max(1));
            (first, bursts).prop_map(move |(first, bursts)| {
                let rest = opening.iter().cloned().chain(bursts.into_iter().flatten());
                let ops = std::iter::once(first).chain(rest).take(draw.max_ops.max(1)).collect();
                Case { defaults: defaults.clone(), ops, servers: Vec::new() }
            })
        })
        .boxed()
}

/// The case that a campaign of this seed draws at this index.
pub fn drawn(seed: u64, index: u64, draw: Draw) -> Case {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    cases(draw).new_tree(&mut runner).expect("the strategy rejects nothing").current()
}

fn shapes(secondary: bool) -> impl Strategy<Value = Shape> {
    let weight = || select(vec![0, 1, 3]);
    let first = (weight(), weight(), 1..3_u32, 0..2_u32, weight());
    let second = (select(vec![0, 0, 1, 2]), select(vec![0, 1, 1, 3]), select(vec![0, 0, 1]));
    let third =
        (both_rare(), select(vec![15, 40, 70]), one_in(3), one_in(5), select(vec![0, 10, 40]));
    (first, second, third).prop_map(move |(first, second, third)| {
        let (forks, resumes, restarts, configures, settings) = first;
        let (running, acts, invalid) = second;
        let (rares, overriding, profiles, others, deeds) = third;
        let secondary = secondary && others;
        Shape {
            forks,
            resumes,
            restarts,
            configures,
            settings,
            running,
            acts,
            invalid,
            rares,
            overriding,
            profiles,
            secondary,
            deeds,
        }
    })
}

/// Mostly one at the most, for each takes the place of something else.
fn both_rare() -> BoxedStrategy<[Rare; 2]> {
    (rares(), rares(), one_in(5))
        .prop_map(|(one, other, both)| [one, if both { other } else { Rare::Nothing }])
        .boxed()
}

fn rares() -> BoxedStrategy<Rare> {
    let weighed = [
        (11, Rare::Nothing),
        (2, Rare::Ephemeral),
        (2, Rare::Crowd),
        (2, Rare::Subagents),
        (2, Rare::KillDuring),
        (1, Rare::Full),
        (2, Rare::Unload),
        (1, Rare::ColdRead),
    ];
    Union::new_weighted(weighed.map(|(weight, rare)| (weight, Just(rare).boxed())).to_vec()).boxed()
}

fn one_in(cases: u32) -> BoxedStrategy<bool> {
    let all = vec![(1, Just(true).boxed()), (cases - 1, Just(false).boxed())];
    Union::new_weighted(all).boxed()
}
