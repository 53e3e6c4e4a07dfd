//! How programs are drawn: the one place where chance enters.
//!
//! Defaults come first, and overrides are then drawn to differ from them, for where they are equal
//! nothing is tested. A seed, a proptest runner and a fuzzer's bytes all end in `normalised`.

use std::fmt;

use arbitrary::{Arbitrary, Unstructured};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy};
use proptest::strategy::{BoxedStrategy, Union, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use semver::Version;

use self::focus::Focus;
use self::overrides::DrawContext;
use self::shape::Shape;
use super::Program;
use super::ops::start::Start;
use super::ops::{Step, from_bytes};
use super::sdk::SdkClient;
use crate::policy::Defaults;
use crate::policy::features::{FeatureMix, FeatureSet};

mod bursts;
pub mod bytes;
pub mod focus;
pub mod overrides;
pub mod shape;
mod upgrades;
pub mod values;

/// Steps in a program, unless a caller says otherwise: enough for a fork of a fork with turns
/// between.
pub const STEPS_MAX: usize = 12;

/// Steps in a program that a caller may ask for: a program is drawn in memory, and runs to its end
/// before a stop takes effect.
pub const LONGEST: usize = 1000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draw {
    /// Steps in a program at the most.
    pub max_steps: usize,
    /// The area that it leans to.
    pub focus: Focus,
    /// The features of the server that it runs with.
    pub features: FeatureMix,
    /// The releases to which a program may move its home and back.
    pub releases: Vec<Version>,
    /// The client of the SDK that is to perform it, if one is.
    pub client: Option<SdkClient>,
}

impl Default for Draw {
    fn default() -> Draw {
        let (focus, features) = (Focus::default(), FeatureMix::default());
        Draw { max_steps: STEPS_MAX, focus, features, releases: Vec::new(), client: None }
    }
}

/// Normalised programs of 1 to `max_steps` steps.
pub fn programs(draw: Draw) -> BoxedStrategy<Program> {
    if draw.releases.is_empty() {
        return drafts(draw.max_steps, draw.focus).prop_map(|draft| draft.normalised()).boxed();
    }
    let max_steps = draw.max_steps.max(1);
    let few = max_steps.saturating_sub(upgrades::STEPS_MAX).max(max_steps.div_ceil(2));
    let focus = draw.focus;
    let with_moves = move |draft: Program| {
        let defaults = draft.defaults.clone();
        let moves = Shape::strategy(focus).prop_flat_map(move |shape| {
            upgrades::moves(&DrawContext { defaults: defaults.clone(), shape })
        });
        (moves, Just(draft))
    };
    let begins = Union::new_weighted(vec![(3, Just(true).boxed()), (2, Just(false).boxed())]);
    (drafts(few, focus).prop_flat_map(with_moves), begins)
        .prop_map(move |((moves, draft), begins_elsewhere)| {
            let releases = &draw.releases;
            let mut steps = upgrades::with_moves(&draft.steps, moves, begins_elsewhere, releases);
            steps.truncate(max_steps);
            Program { steps, ..draft }.normalised()
        })
        .boxed()
}

/// Programs whose threads are numbers still.
fn drafts(max_steps: usize, focus: Focus) -> BoxedStrategy<Program> {
    let max_steps = max_steps.max(1);
    Shape::strategy(focus)
        .prop_flat_map(|shape| (values::defaults(&shape), Just(shape)))
        .prop_flat_map(move |(defaults, shape)| {
            let cx = DrawContext { defaults: defaults.clone(), shape };
            let first = cx.call().prop_map(|overrides| Step::from(Start::drawn(overrides, false)));
            let opening = bursts::opening(&cx);
            let bursts = vec(bursts::bursts(&cx), 0..max_steps);
            (first, bursts).prop_map(move |(first, bursts)| {
                let rest = opening.iter().cloned().chain(bursts.into_iter().flatten());
                let steps = std::iter::once(first).chain(rest).take(max_steps).collect();
                Program { defaults: defaults.clone(), steps }
            })
        })
        .boxed()
}

/// The program that a campaign of this seed draws at this index.
pub fn drawn(seed: u64, index: u64, draw: Draw) -> Program {
    let mut bytes = [0; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    bytes[8..16].copy_from_slice(&index.to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let (mix, max_steps, client) = (draw.features, draw.max_steps, draw.client);
    // The SDK can say about half of what is drawn.
    let drawn_steps = if client.is_some() { 2 * max_steps } else { max_steps };
    let program = sample(&programs(Draw { max_steps: drawn_steps, ..draw }), &mut runner);
    let program = if client.is_some() { program.sayable(max_steps) } else { program };
    // Drawn last, so that the steps of a case are the same in every mix.
    program.with_features(mix.fixed().unwrap_or_else(|| sample(&feature_sets(), &mut runner)))
}

fn sample<T: fmt::Debug>(strategy: &BoxedStrategy<T>, runner: &mut TestRunner) -> T {
    strategy.new_tree(runner).expect("the strategy rejects nothing").current()
}

/// Lean cases cost less CPU, and a few full ones show what depends on the other features.
fn feature_sets() -> BoxedStrategy<FeatureSet> {
    Union::new_weighted(vec![(3, Just(FeatureSet::Lean)), (1, Just(FeatureSet::Full))]).boxed()
}

impl<'a> Arbitrary<'a> for Program {
    /// Where the bytes end, the program does.
    fn arbitrary(bytes: &mut Unstructured<'a>) -> arbitrary::Result<Program> {
        let defaults: Defaults = bytes::defaults(bytes)?;
        let mut steps = vec![Start::drawn(bytes::call(bytes)?, false).into()];
        while steps.len() < STEPS_MAX && !bytes.is_empty() {
            steps.push(from_bytes(bytes)?);
        }
        Ok(Program { defaults, steps }.normalised())
    }
}
