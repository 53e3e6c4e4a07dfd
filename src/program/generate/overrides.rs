//! Overrides of a call, drawn to differ from the defaults.
//!
//! A call overrides nothing, one of the SDK's bundles, or some fields; a field is left out, `null`
//! or set, and a value that is set mostly is not the default's. A profile takes the place of a
//! sandbox, and rarely stands beside one, which must be refused.

use std::collections::BTreeMap;

use itertools::Itertools;
use proptest::prelude::{Just, Strategy};
use proptest::sample::{select, subsequence};
use proptest::strategy::{BoxedStrategy, Union};

use super::shape::Shape;
use super::values;
use crate::policy::overrides::BUILT_IN;
use crate::policy::{
    ApprovalMode, CallOverrides, Defaults, Dimension, Overrides, SandboxMode, Setting,
    TurnOverrides,
};

/// Of 100 values set, this many are drawn without regard to the defaults, and so may equal them.
const ANY_VALUE_PERCENT: u32 = 10;

/// What a program's steps are drawn by.
#[derive(Clone, Debug)]
pub struct DrawContext {
    /// The defaults, from which overrides differ.
    pub defaults: Defaults,
    /// What the program leans to.
    pub shape: Shape,
}

/// The words of the secondary dimensions that are drawn. No folder is a root by itself but the
/// workspace: a root that is the thread's own folder follows it into another one (WR1).
const WORDS: [(Dimension, &[&str]); 7] = [
    (Dimension::M, &["other-model", "mock-model"]),
    (Dimension::E, &["low", "high"]),
    (Dimension::T, &["flex", "default"]),
    (Dimension::CWD, &["HOME", "WS", "WS/sub"]),
    (
        Dimension::CM,
        &["plan", "default", "plan+effort:high", "default+model:other-model+effort:low"],
    ),
    (Dimension::DP, &["a@b", "none"]),
    (Dimension::WR, &["WS+OUT", "OUT"]),
];

/// The secondary dimensions that a lifecycle call has keys for.
const OF_CALLS: [Dimension; 5] =
    [Dimension::M, Dimension::E, Dimension::T, Dimension::CWD, Dimension::WR];

/// The secondary dimensions that settings/update has keys for.
const OF_SETTINGS: [Dimension; 6] =
    [Dimension::M, Dimension::E, Dimension::T, Dimension::CWD, Dimension::CM, Dimension::DP];

impl DrawContext {
    /// Of a lifecycle call; some go through its `config` object.
    pub fn call(&self) -> BoxedStrategy<CallOverrides> {
        let sandbox = differing(self.other_modes(), values::modes().boxed());
        let fields = self.drawn(sandbox, ApprovalMode::on_call, &OF_CALLS);
        (fields, select(vec![false, false, false, false, true]))
            .prop_map(|(overrides, by_config)| Overrides {
                by_config: by_config && overrides.sets_any(),
                ..overrides
            })
            .boxed()
    }

    /// Of a start, which in programs with layers of config may define a profile itself.
    pub fn start(&self) -> BoxedStrategy<CallOverrides> {
        if !self.shape.layers {
            return self.call();
        }
        let own = values::modes().prop_map(|base| Overrides {
            profile: Setting::Set(format!("own:{base}")),
            by_config: true,
            ..Overrides::default()
        });
        Union::new_weighted(vec![(7, self.call()), (1, own.boxed())]).boxed()
    }

    /// Of a change of settings.
    pub fn settings(&self) -> BoxedStrategy<TurnOverrides> {
        self.of_turn(&OF_SETTINGS)
    }

    fn of_turn(&self, secondary: &[Dimension]) -> BoxedStrategy<TurnOverrides> {
        let other = self.other_modes().prop_flat_map(values::sandbox_of).boxed();
        let sandbox = differing(other, values::sandboxes());
        self.drawn(sandbox, ApprovalMode::on_turn, secondary)
    }

    /// A turn's override of its folder or its roots, and of nothing else.
    pub fn place(&self) -> BoxedStrategy<TurnOverrides> {
        let places = WORDS
            .into_iter()
            .filter(|(dimension, _)| matches!(dimension, Dimension::CWD | Dimension::WR));
        let words =
            places.flat_map(|(dimension, words)| words.iter().map(move |word| (dimension, *word)));
        select(words.collect::<Vec<_>>())
            .prop_map(|(dimension, word)| {
                let others = BTreeMap::from([(dimension, Setting::Set(word.to_owned()))]);
                Overrides { others, ..Overrides::default() }
            })
            .boxed()
    }

    fn other_modes(&self) -> BoxedStrategy<SandboxMode> {
        let default = self.defaults.project.sandbox.or(self.defaults.user.sandbox);
        let others: Vec<SandboxMode> =
            SandboxMode::ALL.into_iter().filter(|mode| Some(*mode) != default).collect();
        select(others).boxed()
    }

    /// Of 100 calls, as many as the shape says override something, by field or by an SDK mode.
    fn drawn<S: Clone + std::fmt::Debug + 'static>(
        &self,
        sandbox: BoxedStrategy<S>,
        by_mode: fn(ApprovalMode) -> Overrides<S>,
        secondary: &[Dimension],
    ) -> BoxedStrategy<Overrides<S>> {
        let fields = self.fields(sandbox, secondary);
        let modes = [ApprovalMode::DenyAll, ApprovalMode::AutoReview, ApprovalMode::Bypass];
        let modes = select(modes.map(by_mode).to_vec()).boxed();
        let none = Just(Overrides::default()).boxed();
        let some = self.shape.overriding;
        Union::new_weighted(vec![((100 - some) * 4, none), (some * 3, fields), (some, modes)])
            .boxed()
    }

    fn fields<S: Clone + std::fmt::Debug + 'static>(
        &self,
        sandbox: BoxedStrategy<S>,
        secondary: &[Dimension],
    ) -> BoxedStrategy<Overrides<S>> {
        let policy = self.defaults.policy();
        let approval = differing(values::other_approvals(&policy.approval), values::approvals());
        let reviewer = differing(values::other_reviewer(&policy.reviewer), values::reviewers());
        let permissions = self.permissions(settings_of(sandbox));
        let others = self.others(secondary);
        (settings_of(approval), settings_of(reviewer), permissions, others)
            .prop_map(|(approval, reviewer, (sandbox, profile), others)| Overrides {
                approval,
                reviewer,
                sandbox,
                profile,
                others,
                tier_once: None,
                by_config: false,
            })
            .boxed()
    }

    /// Of a turn, now and then with a service tier for that turn alone.
    pub fn turn(&self) -> BoxedStrategy<TurnOverrides> {
        if !self.shape.secondary {
            return self.settings();
        }
        let once = Just(Some("flex".to_owned())).boxed();
        let tier = Union::new_weighted(vec![(9, Just(None).boxed()), (1, once)]);
        (self.of_turn(&Dimension::SECONDARY), tier)
            .prop_map(|(overrides, tier_once)| Overrides { tier_once, ..overrides })
            .boxed()
    }

    /// A sandbox or a profile; where profiles are drawn, now and then both, and one that config
    /// does not define.
    fn permissions<S: Clone + std::fmt::Debug + 'static>(
        &self,
        sandbox: BoxedStrategy<Setting<S>>,
    ) -> BoxedStrategy<(Setting<S>, Setting<String>)> {
        let alone = sandbox.clone().prop_map(|sandbox| (sandbox, Setting::Omit)).boxed();
        if !self.shape.profiles {
            return alone;
        }
        let ids: Vec<String> =
            values::PROFILES.into_iter().chain(BUILT_IN).map(str::to_owned).collect();
        let profile = || settings_of(select(ids.clone()).boxed());
        let instead = profile().prop_map(|profile| (Setting::Omit, profile)).boxed();
        let both = (sandbox, profile()).boxed();
        Union::new_weighted(vec![(9, alone), (10, instead), (1, both)]).boxed()
    }

    /// Mostly some of the secondary dimensions, where they are drawn at all.
    fn others(
        &self,
        dimensions: &[Dimension],
    ) -> BoxedStrategy<BTreeMap<Dimension, Setting<String>>> {
        let none = Just(BTreeMap::new()).boxed();
        if !self.shape.secondary {
            return none;
        }
        let words: Vec<_> =
            WORDS.into_iter().filter(|(dimension, _)| dimensions.contains(dimension)).collect();
        let set = |(dimension, words): (Dimension, &'static [&'static str])| {
            let word = select(words).prop_map(str::to_owned);
            word.prop_map(move |word| (dimension, Setting::Set(word)))
        };
        let some = subsequence(words, 1..=3)
            .prop_flat_map(move |some| some.into_iter().map(set).collect::<Vec<_>>())
            .prop_map(|some| some.into_iter().unique_by(|(dimension, _)| about(*dimension)))
            .prop_map(BTreeMap::from_iter);
        Union::new_weighted(vec![(1, none), (2, some.boxed())]).boxed()
    }
}

/// What a secondary dimension is about: of those about the same, a request states one.
fn about(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::M | Dimension::E | Dimension::CM => "model",
        Dimension::CWD | Dimension::WR => "place",
        Dimension::T => "tier",
        _ => "plugins",
    }
}

fn differing<T: Clone + std::fmt::Debug + 'static>(
    other: BoxedStrategy<T>,
    all: BoxedStrategy<T>,
) -> BoxedStrategy<T> {
    Union::new_weighted(vec![(100 - ANY_VALUE_PERCENT, other), (ANY_VALUE_PERCENT, all)]).boxed()
}

fn settings_of<T: Clone + std::fmt::Debug + 'static>(
    values: BoxedStrategy<T>,
) -> BoxedStrategy<Setting<T>> {
    let set = values.prop_map(Setting::Set).boxed();
    let omit = Just(Setting::Omit).boxed();
    Union::new_weighted(vec![(8, omit), (1, Just(Setting::Null).boxed()), (9, set)]).boxed()
}
