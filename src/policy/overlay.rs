//! [core] Overrides laid over a policy.
//!
//! What a call sets takes the place of the value that stands there, and `null` and an omitted key
//! leave it (G2). A sandbox mode is resolved against the defaults of the moment. Knows the SDK's
//! bundles; decides nothing about which policy a call meets.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Approval, ApprovalMode, CallOverrides, Defaults, Dimension, MODEL, Overrides, Permissions,
    Policy, Reviewer, Sandbox, SandboxMode, TurnOverrides, Wish,
};

impl<T> Wish<T> {
    /// `later` where it sets a value, else this wish.
    pub(super) fn under(self, later: Wish<T>) -> Wish<T> {
        match later {
            Wish::Set(_) => later,
            Wish::Omit | Wish::Null => self,
        }
    }

    /// The value that is set, if one is.
    pub fn value(&self) -> Option<&T> {
        match self {
            Wish::Set(value) => Some(value),
            Wish::Omit | Wish::Null => None,
        }
    }
}

impl<S> Default for Overrides<S> {
    fn default() -> Self {
        Overrides {
            approval: Wish::Omit,
            reviewer: Wish::Omit,
            sandbox: Wish::Omit,
            profile: Wish::Omit,
            others: BTreeMap::new(),
            by_config: false,
        }
    }
}

impl<S> Overrides<S> {
    /// These overrides with what `later` sets in their place.
    pub fn under(self, later: Overrides<S>) -> Overrides<S> {
        let mut others = self.others;
        others.extend(later.others.into_iter().filter(|(_, wish)| wish.value().is_some()));
        let sandbox_later = later.sandbox.value().is_some();
        let profile_later = later.profile.value().is_some();
        Overrides {
            approval: self.approval.under(later.approval),
            reviewer: self.reviewer.under(later.reviewer),
            sandbox: if profile_later { later.sandbox } else { self.sandbox.under(later.sandbox) },
            profile: if sandbox_later { later.profile } else { self.profile.under(later.profile) },
            others,
            by_config: self.by_config,
        }
    }

    /// Whether any value is set.
    pub fn sets_any(&self) -> bool {
        self.dimensions().iter().any(|(_, set, _)| *set)
    }

    /// Each dimension that a key of the overrides is about: whether it is set, and whether it is
    /// `null`.
    pub fn dimensions(&self) -> Vec<(Dimension, bool, bool)> {
        fn one<T>(dimension: Dimension, wish: &Wish<T>) -> (Dimension, bool, bool) {
            (dimension, wish.value().is_some(), matches!(wish, Wish::Null))
        }
        let mut all = vec![
            one(Dimension::AP, &self.approval),
            one(Dimension::RV, &self.reviewer),
            one(Dimension::SB, &self.sandbox),
            one(Dimension::PP, &self.profile),
        ];
        all.extend(self.others.iter().map(|(dimension, wish)| one(*dimension, wish)));
        all
    }

    /// Whether a dimension is set; SB and PP name the same place.
    pub fn sets(&self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::AP => self.approval.value().is_some(),
            Dimension::RV => self.reviewer.value().is_some(),
            Dimension::SB | Dimension::PP => {
                self.sandbox.value().is_some() || self.profile.value().is_some()
            }
            other => self.others.get(&other).is_some_and(|wish| wish.value().is_some()),
        }
    }
}

impl SandboxMode {
    /// Every mode.
    pub const ALL: [SandboxMode; 3] =
        [SandboxMode::ReadOnly, SandboxMode::WorkspaceWrite, SandboxMode::FullAccess];

    /// The sandbox that the mode stands for under these defaults.
    pub fn under(self, defaults: &Defaults) -> Sandbox {
        match self {
            SandboxMode::ReadOnly => Sandbox::ReadOnly { network: false },
            SandboxMode::FullAccess => Sandbox::FullAccess,
            SandboxMode::WorkspaceWrite => Sandbox::workspace(defaults.network),
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
            approval: Approval::OnRequest,
            reviewer: Reviewer::User,
            sandbox: SandboxMode::ReadOnly,
            network: false,
            profiles: BTreeMap::new(),
            profile: None,
            others: BTreeMap::new(),
        }
    }
}

impl Defaults {
    /// The policy of a thread that overrides nothing; its working directory is the workspace.
    pub fn policy(&self) -> Policy {
        let mut others = self.others.clone();
        others.entry(Dimension::M).or_insert_with(|| MODEL.to_owned());
        others.insert(Dimension::CWD, "WS".to_owned());
        Policy {
            approval: self.approval.clone(),
            reviewer: self.reviewer.clone(),
            permissions: self.permissions(),
            others,
        }
    }

    /// The permissions of a thread that overrides nothing: a default profile's, else the sandbox's.
    pub fn permissions(&self) -> Permissions {
        match &self.profile {
            Some(id) => Permissions::Profile(id.clone()),
            None => Permissions::Legacy(self.sandbox.under(self)),
        }
    }

    /// Whether a profile of this id can be selected: one that config defines, or a built-in one.
    pub fn defines(&self, id: &str) -> bool {
        self.profiles.contains_key(id) || BUILT_IN.contains(&id)
    }

    /// Overrides of a lifecycle call with its sandbox mode resolved.
    pub fn resolve(&self, overrides: &CallOverrides) -> TurnOverrides {
        let CallOverrides { approval, reviewer, sandbox, profile, others, by_config } = overrides;
        Overrides {
            approval: approval.clone(),
            reviewer: reviewer.clone(),
            sandbox: match sandbox {
                Wish::Omit => Wish::Omit,
                Wish::Null => Wish::Null,
                Wish::Set(mode) => Wish::Set(mode.under(self)),
            },
            profile: profile.clone(),
            others: others.clone(),
            by_config: *by_config,
        }
    }
}

/// The ids of the profiles that every release has.
pub const BUILT_IN: [&str; 3] = [":read-only", ":workspace", ":danger-full-access"];

impl Policy {
    /// This policy with the overrides laid over it.
    pub fn with(&self, overrides: &TurnOverrides) -> Policy {
        let sandbox = overrides.sandbox.value().cloned().map(Permissions::Legacy);
        let profile = overrides.profile.value().cloned().map(Permissions::Profile);
        let mut others = self.others.clone();
        let set = |(dimension, wish): (&Dimension, &Wish<String>)| {
            wish.value().map(|word| (*dimension, word.clone()))
        };
        others.extend(overrides.others.iter().filter_map(set));
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
            ApprovalMode::Bypass => Wish::Set(SandboxMode::FullAccess),
            _ => Wish::Omit,
        };
        let (approval, reviewer) = self.shared();
        Overrides { approval, reviewer, sandbox, ..Overrides::default() }
    }

    /// The overrides that the SDK sends for this mode on a turn.
    pub fn on_turn(self) -> TurnOverrides {
        let sandbox = match self {
            ApprovalMode::Bypass => Wish::Set(Sandbox::FullAccess),
            _ => Wish::Omit,
        };
        let (approval, reviewer) = self.shared();
        Overrides { approval, reviewer, sandbox, ..Overrides::default() }
    }

    fn shared(self) -> (Wish<Approval>, Wish<Reviewer>) {
        match self {
            ApprovalMode::DenyAll | ApprovalMode::Bypass => {
                (Wish::Set(Approval::Never), Wish::Omit)
            }
            ApprovalMode::AutoReview => {
                (Wish::Set(Approval::OnRequest), Wish::Set(Reviewer::AutoReview))
            }
        }
    }
}
