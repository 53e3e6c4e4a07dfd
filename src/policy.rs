//! [core] The values that a thread's policy is made of.
//!
//! One canonical value per meaning: a granular policy has all five fields, a sandbox all of its
//! own, and a spelling that no release of ours knows is kept as `Odd`. Every value has one word in
//! the text form, and `parse(print(v)) == v`. Knows the order "allows more than"; knows no JSON and
//! no file.

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

pub mod order;
pub mod told;
pub mod words;

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
    /// A spelling that is not in the contract, as it was read.
    Odd(String),
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
    /// A spelling that is not in the contract, as it was read.
    Odd(String),
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
    /// A form that is not in the contract, as it was read.
    Odd(String),
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
}

/// A wish about one value: keep it (the key is left out), keep it (`null`), or set it.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Wish<T> {
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
    pub approval: Wish<Approval>,
    /// Dimension RV.
    pub reviewer: Wish<Reviewer>,
    /// Dimension SB.
    pub sandbox: Wish<S>,
}

/// The overrides of start, resume and fork: a sandbox by its mode.
pub type CallOverrides = Overrides<SandboxMode>;

/// The overrides of a turn: a sandbox with its fields.
pub type TurnOverrides = Overrides<Sandbox>;

/// The defaults in config.toml that policy comes from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Defaults {
    /// `approval_policy`.
    pub approval: Approval,
    /// `approvals_reviewer`.
    pub reviewer: Reviewer,
    /// `sandbox_mode`.
    pub sandbox: SandboxMode,
    /// `network_access` of `[sandbox_workspace_write]`.
    pub network: bool,
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

impl<T> Wish<T> {
    /// `later` where it sets a value, else this wish.
    fn under(self, later: Wish<T>) -> Wish<T> {
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
        Overrides { approval: Wish::Omit, reviewer: Wish::Omit, sandbox: Wish::Omit }
    }
}

impl<S> Overrides<S> {
    /// These overrides with what `later` sets in their place.
    pub fn under(self, later: Overrides<S>) -> Overrides<S> {
        let Overrides { approval, reviewer, sandbox } = later;
        Overrides {
            approval: self.approval.under(approval),
            reviewer: self.reviewer.under(reviewer),
            sandbox: self.sandbox.under(sandbox),
        }
    }

    /// Whether any value is set.
    pub fn sets_any(&self) -> bool {
        self.approval.value().is_some()
            || self.reviewer.value().is_some()
            || self.sandbox.value().is_some()
    }
}

impl SandboxMode {
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
        }
    }
}

impl Defaults {
    /// The policy of a thread that overrides nothing.
    pub fn policy(&self) -> Policy {
        Policy {
            approval: self.approval.clone(),
            reviewer: self.reviewer.clone(),
            permissions: Permissions::Legacy(self.sandbox.under(self)),
        }
    }

    /// Overrides of a lifecycle call with its sandbox mode resolved.
    pub fn resolve(&self, overrides: &CallOverrides) -> TurnOverrides {
        Overrides {
            approval: overrides.approval.clone(),
            reviewer: overrides.reviewer.clone(),
            sandbox: match &overrides.sandbox {
                Wish::Omit => Wish::Omit,
                Wish::Null => Wish::Null,
                Wish::Set(mode) => Wish::Set(mode.under(self)),
            },
        }
    }
}

impl Policy {
    /// This policy with the overrides laid over it.
    pub fn with(&self, overrides: &TurnOverrides) -> Policy {
        let sandbox = overrides.sandbox.value().cloned().map(Permissions::Legacy);
        Policy {
            approval: overrides.approval.value().unwrap_or(&self.approval).clone(),
            reviewer: overrides.reviewer.value().unwrap_or(&self.reviewer).clone(),
            permissions: sandbox.unwrap_or_else(|| self.permissions.clone()),
        }
    }

    /// The three values, each with its dimension.
    pub fn values(&self) -> [(Dimension, Value); 3] {
        let permissions = Value::Permissions(self.permissions.clone());
        [
            (Dimension::AP, Value::Approval(self.approval.clone())),
            (Dimension::RV, Value::Reviewer(self.reviewer.clone())),
            (permissions.dimension(), permissions),
        ]
    }

    /// The value that stands where `dimension` stands; SB and PP name the same place.
    pub fn value(&self, dimension: Dimension) -> Option<Value> {
        match dimension {
            Dimension::AP => Some(Value::Approval(self.approval.clone())),
            Dimension::RV => Some(Value::Reviewer(self.reviewer.clone())),
            Dimension::SB | Dimension::PP => Some(Value::Permissions(self.permissions.clone())),
            _ => None,
        }
    }

    /// This policy with one value replaced.
    pub fn replaced(&self, value: Value) -> Policy {
        let mut policy = self.clone();
        match value {
            Value::Approval(approval) => policy.approval = approval,
            Value::Reviewer(reviewer) => policy.reviewer = reviewer,
            Value::Permissions(permissions) => policy.permissions = permissions,
        }
        policy
    }
}

impl Value {
    /// The dimension that this value belongs to.
    pub fn dimension(&self) -> Dimension {
        match self {
            Value::Approval(_) => Dimension::AP,
            Value::Reviewer(_) => Dimension::RV,
            Value::Permissions(Permissions::Legacy(_)) => Dimension::SB,
            Value::Permissions(Permissions::Profile(_)) => Dimension::PP,
        }
    }

    /// The value's form: its word without fields, names and paths. It stands in signatures.
    pub fn form(&self) -> &'static str {
        match self {
            Value::Approval(approval) => match approval {
                Approval::Untrusted => "untrusted",
                Approval::OnFailure => "on-failure",
                Approval::OnRequest => "on-request",
                Approval::Never => "never",
                Approval::Granular(_) => "granular",
                Approval::Odd(_) => "odd",
            },
            Value::Reviewer(reviewer) => match reviewer {
                Reviewer::User => "user",
                Reviewer::AutoReview => "auto_review",
                Reviewer::Odd(_) => "odd",
            },
            Value::Permissions(Permissions::Profile(_)) => "profile",
            Value::Permissions(Permissions::Legacy(sandbox)) => match sandbox {
                Sandbox::ReadOnly { .. } => "read-only",
                Sandbox::WorkspaceWrite { .. } => "workspace-write",
                Sandbox::FullAccess => "danger-full-access",
                Sandbox::External { .. } => "external",
                Sandbox::Odd(_) => "odd",
            },
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
        Overrides { approval, reviewer, sandbox }
    }

    /// The overrides that the SDK sends for this mode on a turn.
    pub fn on_turn(self) -> TurnOverrides {
        let sandbox = match self {
            ApprovalMode::Bypass => Wish::Set(Sandbox::FullAccess),
            _ => Wish::Omit,
        };
        let (approval, reviewer) = self.shared();
        Overrides { approval, reviewer, sandbox }
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
