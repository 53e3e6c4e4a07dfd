//! [core] Single values out of a policy, each with its dimension.
//!
//! A value has a dimension, a form that stands in signatures, and a place in a policy where another
//! value can stand instead. Two policies are compared value by value, in the dimensions that both
//! of them state.

use super::{Approval, Dimension, Permissions, Policy, Reviewer, Sandbox, Value};

impl Dimension {
    /// Every dimension, policy first.
    pub const ALL: [Dimension; 10] = [
        Dimension::AP,
        Dimension::RV,
        Dimension::SB,
        Dimension::PP,
        Dimension::M,
        Dimension::E,
        Dimension::T,
        Dimension::CWD,
        Dimension::CM,
        Dimension::DP,
    ];
}

impl Policy {
    /// The values, each with its dimension.
    pub fn values(&self) -> Vec<(Dimension, Value)> {
        let permissions = Value::Permissions(self.permissions.clone());
        let mut all = vec![
            (Dimension::AP, Value::Approval(self.approval.clone())),
            (Dimension::RV, Value::Reviewer(self.reviewer.clone())),
            (permissions.dimension(), permissions),
        ];
        let others = self.others.iter();
        all.extend(
            others.map(|(dimension, word)| (*dimension, Value::Other(*dimension, word.clone()))),
        );
        all
    }

    /// The value that stands where `dimension` stands; SB and PP name the same place.
    pub fn value(&self, dimension: Dimension) -> Option<Value> {
        match dimension {
            Dimension::AP => Some(Value::Approval(self.approval.clone())),
            Dimension::RV => Some(Value::Reviewer(self.reviewer.clone())),
            Dimension::SB | Dimension::PP => Some(Value::Permissions(self.permissions.clone())),
            other => self.others.get(&other).map(|word| Value::Other(other, word.clone())),
        }
    }

    /// The values of this policy beside those of another, in the dimensions that both state.
    pub fn beside(&self, other: &Policy) -> Vec<(Value, Value)> {
        let values = self.values().into_iter();
        values.filter_map(|(at, value)| other.value(at).map(|theirs| (value, theirs))).collect()
    }

    /// Whether the two agree in all that both state.
    pub fn agrees(&self, other: &Policy) -> bool {
        self.beside(other).into_iter().all(|(own, theirs)| own == theirs)
    }

    /// This policy with one value replaced.
    pub fn replaced(&self, value: Value) -> Policy {
        let mut policy = self.clone();
        match value {
            Value::Approval(approval) => policy.approval = approval,
            Value::Reviewer(reviewer) => policy.reviewer = reviewer,
            Value::Permissions(permissions) => policy.permissions = permissions,
            Value::Other(dimension, word) => drop(policy.others.insert(dimension, word)),
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
            Value::Other(dimension, _) => *dimension,
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
            Value::Other(Dimension::M, _) => "model",
            Value::Other(Dimension::E, _) => "effort",
            Value::Other(Dimension::T, _) => "tier",
            Value::Other(Dimension::CWD, _) => "cwd",
            Value::Other(Dimension::CM, _) => "mode",
            Value::Other(..) => "plugins",
        }
    }
}
