//! Overrides laid over a policy.
//!
//! What a call sets takes the place of the value that stands there, and `null` and an omitted key
//! leave it (G2). A sandbox mode is resolved against the defaults of the moment. Knows the SDK's
//! bundles; decides nothing about which policy a call meets.

use std::collections::{BTreeMap, BTreeSet};

use super::features::FeatureSet;
use super::folders::{self, OWN};
use super::layers::SelectedProfile;
use super::mode::Mode;
use super::{
    Approval, ApprovalMode, CallOverrides, DEFAULT, Defaults, Dimension, Layer, MODEL, Overrides,
    Permissions, Policy, Reviewer, Sandbox, SandboxMode, Setting, TurnOverrides,
};

impl<T> Setting<T> {
    /// `later` where it sets a value, else this wish.
    pub(super) fn overridden_by(self, later: Setting<T>) -> Setting<T> {
        match later {
            Setting::Set(_) => later,
            Setting::Omit | Setting::Null => self,
        }
    }

    /// The value that is set, if one is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Setting::Set(value) => Some(value),
            Setting::Omit | Setting::Null => None,
        }
    }
}

impl<S> Default for Overrides<S> {
    fn default() -> Self {
        Overrides {
            approval: Setting::Omit,
            reviewer: Setting::Omit,
            sandbox: Setting::Omit,
            profile: Setting::Omit,
            others: BTreeMap::new(),
            tier_once: None,
            by_config: false,
        }
    }
}

impl<S> Overrides<S> {
    /// These overrides with what `later` sets in their place.
    pub fn overridden_by(self, later: Overrides<S>) -> Overrides<S> {
        let mut others = self.others;
        others.extend(later.others.into_iter().filter(|(_, setting)| setting.value().is_some()));
        let sandbox_later = later.sandbox.value().is_some();
        let profile_later = later.profile.value().is_some();
        Overrides {
            approval: self.approval.overridden_by(later.approval),
            reviewer: self.reviewer.overridden_by(later.reviewer),
            sandbox: if profile_later {
                later.sandbox
            } else {
                self.sandbox.overridden_by(later.sandbox)
            },
            profile: if sandbox_later {
                later.profile
            } else {
                self.profile.overridden_by(later.profile)
            },
            others,
            tier_once: later.tier_once.or(self.tier_once),
            by_config: self.by_config,
        }
    }

    /// The policy of the turn that a request with these overrides starts, where this one is the
    /// thread's: what a tier for that turn alone comes to is not known (T8).
    pub fn of_turn(&self, mut policy: Policy) -> Policy {
        if self.tier_once.is_some() {
            policy.others.remove(&Dimension::T);
        }
        policy
    }

    /// Whether any value is set.
    pub fn sets_any(&self) -> bool {
        self.dimensions().iter().any(|(_, set, _)| *set)
    }

    /// Each dimension that a key of the overrides is about: whether it is set, and whether it is
    /// `null`.
    pub fn dimensions(&self) -> Vec<(Dimension, bool, bool)> {
        fn one<T>(dimension: Dimension, setting: &Setting<T>) -> (Dimension, bool, bool) {
            (dimension, setting.value().is_some(), matches!(setting, Setting::Null))
        }
        let mut all = vec![
            one(Dimension::AP, &self.approval),
            one(Dimension::RV, &self.reviewer),
            one(Dimension::SB, &self.sandbox),
            one(Dimension::PP, &self.profile),
        ];
        all.extend(self.others.iter().map(|(dimension, setting)| one(*dimension, setting)));
        all
    }

    /// Whether a dimension is set; SB and PP name the same place, and a collaboration mode brings
    /// its model and its effort along.
    pub fn sets(&self, dimension: Dimension) -> bool {
        let other = |one: Dimension| self.others.get(&one).is_some_and(|w| w.value().is_some());
        match dimension {
            Dimension::M | Dimension::E => other(dimension) || other(Dimension::CM),
            Dimension::AP => self.approval.value().is_some(),
            Dimension::RV => self.reviewer.value().is_some(),
            Dimension::SB | Dimension::PP => {
                self.sandbox.value().is_some() || self.profile.value().is_some()
            }
            dimension => other(dimension),
        }
    }

    /// These overrides as settings/update takes them: there, and there alone, `null` is a value of
    /// the tier, and clears it (G2).
    pub fn cleared(mut self) -> Overrides<S> {
        if let Some(tier) = self.others.get_mut(&Dimension::T)
            && *tier == Setting::Null
        {
            *tier = Setting::Set(DEFAULT.to_owned());
        }
        self
    }
}

impl SandboxMode {
    /// Every mode.
    pub const ALL: [SandboxMode; 3] =
        [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess];

    /// The sandbox that the mode stands for under these defaults.
    pub fn overridden_by(self, defaults: &Defaults) -> Sandbox {
        match self {
            SandboxMode::ReadOnly => Sandbox::ReadOnly { network: false },
            SandboxMode::FullAccess => Sandbox::FullAccess,
            SandboxMode::WorkspaceWrite => Sandbox::WorkspaceWrite {
                network: defaults.network,
                exclude_tmpdir: false,
                exclude_slash_tmp: false,
                roots: defaults.roots.clone(),
            },
        }
    }
}

impl Sandbox {
    /// A workspace sandbox with no further roots and no exclusion.
    pub fn workspace(network: bool) -> Sandbox {
        let roots = BTreeSet::new();
        Sandbox::WorkspaceWrite { network, exclude_tmpdir: false, exclude_slash_tmp: false, roots }
    }
}

impl Default for Defaults {
    /// The plain defaults: what a config line that says nothing stands for.
    fn default() -> Defaults {
        Defaults {
            user: Layer {
                approval: Some(Approval::OnRequest),
                reviewer: Some(Reviewer::User),
                sandbox: Some(SandboxMode::ReadOnly),
            },
            project: Layer::default(),
            trust: None,
            network: false,
            roots: BTreeSet::new(),
            profiles: BTreeMap::new(),
            profile: None,
            others: BTreeMap::new(),
            features: FeatureSet::default(),
        }
    }
}

impl Defaults {
    /// The secondary values of a thread that overrides nothing. The tier is there only where config
    /// states it, and the plugins never: whether a release has them is its own to say.
    pub(super) fn secondary(&self) -> BTreeMap<Dimension, String> {
        let mut others = self.others.clone();
        let unset = [(Dimension::M, MODEL), (Dimension::E, DEFAULT), (Dimension::CM, DEFAULT)];
        for (dimension, word) in unset {
            others.entry(dimension).or_insert_with(|| word.to_owned());
        }
        // Whether the roots of config are those of a thread, too, the contract leaves open.
        if !self.names_roots() {
            others.insert(Dimension::WR, OWN.to_owned());
        }
        others
    }

    /// Whether config adds folders to the workspace, by its sandbox or by a profile.
    pub fn names_roots(&self) -> bool {
        !self.roots.is_empty() || self.profiles.values().any(|profile| profile.has_root)
    }

    /// Whether a profile of this id can be selected: one that config defines, or a built-in one.
    pub fn defines(&self, id: &str) -> bool {
        self.profiles.contains_key(id) || BUILT_IN.contains(&id)
    }

    /// Overrides of a lifecycle call with its sandbox mode resolved, and without the collaboration
    /// mode and the plugins, which such a call has no key for.
    pub fn resolve(&self, overrides: &CallOverrides) -> TurnOverrides {
        let CallOverrides { approval, reviewer, sandbox, profile, others, by_config, .. } =
            overrides;
        let mut others = others.clone();
        others.retain(|dimension, _| !matches!(dimension, Dimension::CM | Dimension::DP));
        Overrides {
            approval: approval.clone(),
            reviewer: reviewer.clone(),
            sandbox: match sandbox {
                Setting::Omit => Setting::Omit,
                Setting::Null => Setting::Null,
                Setting::Set(mode) => Setting::Set(mode.overridden_by(self)),
            },
            profile: profile.clone(),
            others,
            tier_once: None,
            by_config: *by_config,
        }
    }
}

/// The ids of the profiles that every release has.
pub const BUILT_IN: [&str; 3] = [":read-only", ":workspace", ":danger-full-access"];

impl Policy {
    /// This policy in the working directory of another.
    pub fn in_folder_of(mut self, other: &Policy) -> Policy {
        let folder = other.others.get(&Dimension::CWD).cloned();
        self.others.extend(folder.map(|folder| (Dimension::CWD, folder)));
        folders::settle(&mut self.others);
        self
    }

    /// This policy with the overrides laid over it. A tier and plugins are laid over those that it
    /// states, since it is not known whether the server takes others; a collaboration mode brings
    /// its own model and effort, and comes before theirs.
    pub fn with(&self, overrides: &TurnOverrides) -> Policy {
        let sandbox = overrides.sandbox.value().cloned().map(Permissions::Legacy);
        let profile = overrides.profile.value().map(|word| SelectedProfile::of(word).id.to_owned());
        let profile = profile.map(Permissions::Profile);
        let mut others = self.others.clone();
        for (dimension, setting) in &overrides.others {
            let unsure = matches!(dimension, Dimension::T | Dimension::DP);
            match setting.value() {
                Some(word) if !unsure || others.contains_key(dimension) => {
                    others.insert(*dimension, word.clone());
                }
                _ => {}
            }
        }
        if let Some(word) = overrides.others.get(&Dimension::CM).and_then(Setting::value) {
            let mode = Mode::of(word);
            others.insert(Dimension::CM, mode.name.to_owned());
            others.insert(Dimension::M, mode.model().to_owned());
            others.insert(Dimension::E, mode.effort().to_owned());
        }
        folders::settle(&mut others);
        Policy {
            approval: overrides.approval.value().unwrap_or(&self.approval).clone(),
            reviewer: overrides.reviewer.value().unwrap_or(&self.reviewer).clone(),
            permissions: profile.or(sandbox).unwrap_or_else(|| self.permissions.clone()),
            others,
        }
    }
}

impl ApprovalMode {
    /// The overrides that the SDK sends for this mode on a lifecycle call.
    pub fn on_call(self) -> CallOverrides {
        let sandbox = match self {
            ApprovalMode::Bypass => Setting::Set(SandboxMode::FullAccess),
            _ => Setting::Omit,
        };
        let (approval, reviewer) = self.shared();
        Overrides { approval, reviewer, sandbox, ..Overrides::default() }
    }

    /// The overrides that the SDK sends for this mode on a turn.
    pub fn on_turn(self) -> TurnOverrides {
        let sandbox = match self {
            ApprovalMode::Bypass => Setting::Set(Sandbox::FullAccess),
            _ => Setting::Omit,
        };
        let (approval, reviewer) = self.shared();
        Overrides { approval, reviewer, sandbox, ..Overrides::default() }
    }

    fn shared(self) -> (Setting<Approval>, Setting<Reviewer>) {
        match self {
            ApprovalMode::DenyAll | ApprovalMode::Bypass => {
                (Setting::Set(Approval::Never), Setting::Omit)
            }
            ApprovalMode::AutoReview => {
                (Setting::Set(Approval::OnRequest), Setting::Set(Reviewer::AutoReview))
            }
        }
    }
}
