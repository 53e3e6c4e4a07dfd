//! The features of the server that a case runs with, and those that are switched off for it.

/// Off in every feature set: they need the network.
const OFFLINE: [&str; 2] = ["plugins", "apps"];

/// Off in the lean feature set: no part in approvals, reviewers or permissions.
const IDLE: [&str; 12] = [
    "browser_use",
    "browser_use_external",
    "computer_use",
    "hooks",
    "image_generation",
    "in_app_browser",
    "plugin_sharing",
    "remote_plugin",
    "shell_snapshot",
    "skill_mcp_dependency_install",
    "tool_suggest",
    "workspace_dependencies",
];

/// Which features the server runs with.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::EnumIter,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum FeatureSet {
    /// As released, without the features that need the network.
    #[default]
    Full,
    /// Without the features that have no part in policy; a sixth less CPU.
    Lean,
}

/// Which features the cases of a campaign run with.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[strum(serialize_all = "lowercase")]
pub enum FeatureMix {
    /// Three of four cases are lean and the rest are full; a case that is given keeps its own.
    #[default]
    Mixed,
    /// All are full.
    Full,
    /// All are lean.
    Lean,
}

impl FeatureMix {
    /// The features of every case, unless they are drawn for each.
    pub fn fixed(self) -> Option<FeatureSet> {
        match self {
            FeatureMix::Mixed => None,
            FeatureMix::Full => Some(FeatureSet::Full),
            FeatureMix::Lean => Some(FeatureSet::Lean),
        }
    }
}

impl FeatureSet {
    /// The names of the features that are off, as config.toml spells them.
    pub fn switched_off(self) -> impl Iterator<Item = &'static str> {
        let idle: &[&str] = match self {
            FeatureSet::Full => &[],
            FeatureSet::Lean => &IDLE,
        };
        OFFLINE.iter().chain(idle).copied()
    }
}
