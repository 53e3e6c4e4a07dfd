//! The values that a thread's policy is made of.
//!
//! One canonical value per meaning: a granular policy has all five fields, a sandbox all of its
//! own, and a spelling that no release of ours knows is kept as `Unrecognised`. Every value has one word in
//! the text form, and `parse(print(v)) == v`. Knows the order "allows more than"; knows no JSON and
//! no file.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use serde::{Deserialize, Serialize};

pub mod assign;
pub mod features;
pub mod folders;
pub mod layers;
pub mod order;
pub mod overrides;
pub mod profile;
#[doc(hidden)]
pub mod model_context;
pub mod mode;
pub mod value;
pub mod words;

use self::features::FeatureSet;

/// A part of a thread's settings that a clause speaks of, spelled as in the contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Dimension {
    /// `approvalPolicy`.
    AP,
    /// `approvalsReviewer`.
    RV,
    /// Permissions as a sandbox (the Legacy form).
    SB,
    /// Permissions as a named profile.
    PP,
    /// Model with its provider.
    M,
    /// Reasoning effort.
    E,
    /// Service tier.
    T,
    /// Working directory.
    CWD,
    /// Collaboration mode.
    CM,
    /// Disabled plugin ids.
    DP,
    /// Runtime workspace roots: the folders that count as the workspace.
    WR,
}

impl fmt::Display for Dimension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// When the server asks before it acts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Approval {
    /// Ask before every command that is not known to be safe.
    Untrusted,
    /// Ask when a sandboxed command failed (old releases).
    OnFailure,
    /// Ask when the model asks for it.
    OnRequest,
    /// Ask nobody.
    Never,
    /// Ask by category.
    Granular(Granular),
    /// A default that config does not state, before any reply has shown it (L3).
    Open,
    /// A spelling that is not in the contract, as it was read.
    Unrecognised(String),
}

/// The categories of a granular approval policy: true = asked, false = refused at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Granular {
    /// Leaving the sandbox.
    pub sandbox_approval: bool,
    /// Rules of the exec policy.
    pub rules: bool,
    /// Running a skill's script.
    pub skill_approval: bool,
    /// The tool that asks for permissions.
    pub request_permissions: bool,
    /// Questions of an MCP server.
    pub mcp_elicitations: bool,
}

/// Who is asked.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Reviewer {
    /// The person at the client.
    User,
    /// A reviewing model (older spelling `guardian_subagent`).
    AutoReview,
    /// A default that config does not state, before any reply has shown it (L3).
    Open,
    /// A spelling that is not in the contract, as it was read.
    Unrecognised(String),
}

/// What a command may touch without an approval.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Sandbox {
    /// Reads everything, writes nothing.
    ReadOnly {
        /// Whether the network is open.
        network: bool,
    },
    /// Writes in the workspace.
    WorkspaceWrite {
        /// Whether the network is open.
        network: bool,
        /// `excludeTmpdirEnvVar`: `$TMPDIR` is not writable.
        exclude_tmpdir: bool,
        /// `excludeSlashTmp`: `/tmp` is not writable.
        exclude_slash_tmp: bool,
        /// Further writable folders, as WS, HOME, OUT or absolute paths.
        roots: BTreeSet<String>,
    },
    /// No sandbox.
    FullAccess,
    /// The client says that it sandboxes the server itself.
    External {
        /// Whether the network is open.
        network: bool,
    },
    /// Permissions that config does not state, before any reply has shown them (L3).
    Open,
    /// A form that is not in the contract, as it was read.
    Unrecognised(String),
}

/// A sandbox by its mode alone; roots and network come from config at the moment of the call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SandboxMode {
    /// `read-only`.
    ReadOnly,
    /// `workspace-write`.
    WorkspaceWrite,
    /// `danger-full-access`.
    FullAccess,
}

/// What a thread may do: one value of two forms.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Permissions {
    /// A sandbox (dimension SB).
    Legacy(Sandbox),
    /// A named profile's id (dimension PP).
    Profile(String),
}

/// The policy of a thread at one moment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Policy {
    /// Dimension AP.
    pub approval: Approval,
    /// Dimension RV.
    pub reviewer: Reviewer,
    /// Dimension SB or PP, by its form.
    pub permissions: Permissions,
    /// Dimensions M, E, T, CWD, CM, DP and WR, a word each; what is not here is not known.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<Dimension, String>,
}

/// One value out of a policy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// Of dimension AP.
    Approval(Approval),
    /// Of dimension RV.
    Reviewer(Reviewer),
    /// Of dimension SB or PP.
    Permissions(Permissions),
    /// Of a secondary dimension, by its word.
    Other(Dimension, String),
}

/// A wish about one value: keep it (the key is left out), keep it (`null`), or set it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Setting<T> {
    /// The key is left out.
    #[default]
    Omit,
    /// The key is `null`, which means the same (G2).
    Null,
    /// The value is set.
    Set(T),
}

/// The overrides of one call; `S` is how it spells a sandbox.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Overrides<S> {
    /// Dimension AP.
    pub approval: Setting<Approval>,
    /// Dimension RV.
    pub reviewer: Setting<Reviewer>,
    /// Dimension SB.
    pub sandbox: Setting<S>,
    /// Dimension PP: the id of a named profile.
    pub profile: Setting<String>,
    /// Dimensions M, E, T, CWD, CM, DP and WR; what is not here is left out.
    pub others: BTreeMap<Dimension, Setting<String>>,
    /// The tier of the turn that the request starts, and of no other (T8); only a turn has one.
    pub tier_once: Option<String>,
    /// Whether the values go through the request's `config` object instead of its own keys (R12);
    /// only a lifecycle call has one.
    pub by_config: bool,
}

/// The overrides of start, resume and fork: a sandbox by its mode.
pub type CallOverrides = Overrides<SandboxMode>;

/// The overrides of a turn: a sandbox with its fields.
pub type TurnOverrides = Overrides<Sandbox>;

/// The defaults in config.toml that policy comes from, and those of the project in the workspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Defaults {
    /// What config.toml states itself.
    pub user: Layer,
    /// What `.codex/config.toml` in the workspace states; there is such a file where it states
    /// anything.
    pub project: Layer,
    /// `trust_level` of the workspace in `[projects]`, where it is mentioned.
    pub trust: Option<Trust>,
    /// `network_access` of `[sandbox_workspace_write]`.
    pub network: bool,
    /// `writable_roots` of `[sandbox_workspace_write]`, as WS, HOME, OUT or absolute paths.
    pub roots: BTreeSet<String>,
    /// The named profiles that config.toml defines, by id.
    pub profiles: Profiles,
    /// `default_permissions`: the id of a profile, in the place of `sandbox`.
    pub profile: Option<String>,
    /// `model`, `model_reasoning_effort` and `service_tier` (M, E and T), where config states them.
    pub others: BTreeMap<Dimension, String>,
    /// `[features]`.
    pub features: FeatureSet,
}

/// What one file of config states; what is none is not in it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Layer {
    /// `approval_policy`.
    pub approval: Option<Approval>,
    /// `approvals_reviewer`.
    pub reviewer: Option<Reviewer>,
    /// `sandbox_mode`.
    pub sandbox: Option<SandboxMode>,
}

/// Whether a folder is trusted: only there its project's own config counts.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::Display,
    strum::EnumString,
    strum::EnumIter,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Trust {
    /// `trusted`.
    Trusted,
    /// `untrusted`.
    Untrusted,
}

/// The model that config.toml names where a case says nothing of it.
pub const MODEL: &str = "mock-model";

/// The word of an effort, a tier and a collaboration mode where nobody asked for another.
pub const DEFAULT: &str = "default";

/// The word for no disabled plugins.
pub const NO_PLUGINS: &str = "none";

/// Named permission profiles by their ids.
pub type Profiles = BTreeMap<String, Profile>;

/// What a named permission profile allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Profile {
    /// The built-in one that it extends.
    pub base: SandboxMode,
    /// Whether it opens the network.
    pub network: bool,
    /// The hosts that the network is open to.
    pub hosts: Hosts,
    /// Whether the folder `secret` of the workspace may not even be read.
    pub denies_secret: bool,
    /// Whether the folder outside is a further root of the workspace.
    pub has_root: bool,
}

/// The hosts that a profile allows, by what it says of loopback.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hosts {
    /// It lists none, and so allows all.
    All,
    /// Loopback is allowed.
    Loopback,
    /// Loopback is denied.
    WithoutLoopback,
}

/// The approval modes of the SDK, each a bundle of overrides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalMode {
    /// AP never, nothing else.
    DenyAll,
    /// AP on-request with RV auto_review.
    AutoReview,
    /// AP never with full access (newer SDKs).
    Bypass,
}
