//! Single values out of a policy, each with its dimension.
//!
//! A value has a dimension, a form that stands in signatures, and a place in a policy where another
//! value can stand instead. Two policies are compared value by value, in the dimensions that both
//! of them state.

use super::words::OPEN;
use super::{Approval, Dimension, Permissions, Policy, Reviewer, Sandbox, Value};

impl Dimension {
    /// Every dimension, policy first.
    pub const ALL: [Dimension; 11] = [
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
        Dimension::WR,
    ];

    /// Whether it is about approvals, reviewers or permissions.
    pub fn is_primary(self) -> bool {
        !Dimension::SECONDARY.contains(&self)
    }

    /// The forms that a value seen in it may have; a sandbox may stand where a profile is due, and
    /// the other way.
    pub fn forms(self) -> &'static [&'static str] {
        match self {
            Dimension::AP => &APPROVALS,
            Dimension::RV => &["user", "auto_review", "odd"],
            Dimension::SB | Dimension::PP => &PERMISSIONS,
            Dimension::M => &["model"],
            Dimension::E => &["effort"],
            Dimension::T => &["tier"],
            Dimension::CWD => &["cwd"],
            Dimension::CM => &["mode"],
            Dimension::DP => &["plugins"],
            Dimension::WR => &["roots"],
        }
    }
}

/// The forms of approval policies, and the categories of a granular one by which probes tell what
/// is due.
const APPROVALS: [&str; 14] = [
    "untrusted",
    "on-failure",
    "on-request",
    "never",
    "granular",
    "odd",
    "sandbox_approval:on",
    "sandbox_approval:off",
    "rules:on",
    "rules:off",
    "request_permissions:on",
    "request_permissions:off",
    "mcp_elicitations:on",
    "mcp_elicitations:off",
];

/// The forms of permissions, of either kind.
const PERMISSIONS: [&str; 6] =
    ["read-only", "workspace-write", "danger-full-access", "external", "profile", "odd"];

impl Policy {
    /// The values that are known, each with its dimension.
    pub fn values(&self) -> Vec<(Dimension, Value)> {
        let primary = [Dimension::AP, Dimension::RV, Dimension::SB].into_iter();
        let all = primary.chain(self.others.keys().copied());
        all.filter_map(|at| self.value(at).map(|value| (value.dimension(), value))).collect()
    }

    /// The value that stands where `dimension` stands, if it is known; SB and PP name the same
    /// place.
    pub fn value(&self, dimension: Dimension) -> Option<Value> {
        let value = match dimension {
            Dimension::AP => Value::Approval(self.approval.clone()),
            Dimension::RV => Value::Reviewer(self.reviewer.clone()),
            Dimension::SB | Dimension::PP => Value::Permissions(self.permissions.clone()),
            other => Value::Other(other, self.others.get(&other)?.clone()),
        };
        Some(value).filter(|value| !value.is_open())
    }

    /// The values of this policy beside those of another, in the dimensions that both state. Where
    /// other folders than the thread's own count as the workspace, the folders of a sandbox are a
    /// projection of them, and are left out; where the roots are not known here, they are not.
    pub fn zip_stated(&self, other: &Policy) -> Vec<(Value, Value)> {
        let values = other.values().into_iter().map(|(_, value)| value);
        let plain = other.has_plain_roots() || !self.others.contains_key(&Dimension::WR);
        let folder = other.folder();
        let comparable = |value: Value| match value {
            value if plain => value.without_folder(folder),
            value => value.without_folders(),
        };
        let both = values.filter_map(|theirs| self.beside(&theirs));
        both.map(|(own, theirs)| (comparable(own), comparable(theirs))).collect()
    }

    /// The value of this policy beside another one for the same place, as they are compared: see
    /// [`Policy::zip_stated`].
    pub fn beside(&self, theirs: &Value) -> Option<(Value, Value)> {
        let own = self.value(theirs.dimension())?;
        if self.has_plain_roots() {
            return Some((own, theirs.clone()));
        }
        Some((own.without_folders(), theirs.clone().without_folders()))
    }

    /// Whether this policy, which was seen, agrees with an expected one in all that both state.
    pub fn agrees(&self, expected: &Policy) -> bool {
        expected.zip_stated(self).into_iter().all(|(expected, seen)| expected == seen)
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
    /// A sandbox without the folders that it names; any other value as it is.
    pub fn without_folders(self) -> Value {
        match self {
            Value::Permissions(Permissions::Legacy(Sandbox::WorkspaceWrite {
                network, ..
            })) => Value::Permissions(Permissions::Legacy(Sandbox::workspace(network))),
            other => other,
        }
    }

    /// A sandbox without this folder of a thread among those that it names: it can be written to in
    /// any case.
    fn without_folder(mut self, folder: &str) -> Value {
        if let Value::Permissions(Permissions::Legacy(Sandbox::WorkspaceWrite { roots, .. })) =
            &mut self
        {
            roots.retain(|root| root != folder);
        }
        self
    }

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

    /// Whether no reply has shown it yet (L3).
    fn is_open(&self) -> bool {
        matches!(
            self,
            Value::Approval(Approval::Open)
                | Value::Reviewer(Reviewer::Open)
                | Value::Permissions(Permissions::Legacy(Sandbox::Open))
        )
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
                Approval::Open => OPEN,
                Approval::Unrecognised(_) => "odd",
            },
            Value::Reviewer(reviewer) => match reviewer {
                Reviewer::User => "user",
                Reviewer::AutoReview => "auto_review",
                Reviewer::Open => OPEN,
                Reviewer::Unrecognised(_) => "odd",
            },
            Value::Permissions(Permissions::Profile(_)) => "profile",
            Value::Permissions(Permissions::Legacy(sandbox)) => match sandbox {
                Sandbox::ReadOnly { .. } => "read-only",
                Sandbox::WorkspaceWrite { .. } => "workspace-write",
                Sandbox::FullAccess => "danger-full-access",
                Sandbox::External { .. } => "external",
                Sandbox::Open => OPEN,
                Sandbox::Unrecognised(_) => "odd",
            },
            Value::Other(Dimension::M, _) => "model",
            Value::Other(Dimension::E, _) => "effort",
            Value::Other(Dimension::T, _) => "tier",
            Value::Other(Dimension::CWD, _) => "cwd",
            Value::Other(Dimension::CM, _) => "mode",
            Value::Other(Dimension::WR, _) => "roots",
            Value::Other(..) => "plugins",
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{Approval, Dimension, Permissions, Reviewer, Sandbox, Value};

    #[test]
    fn a_root_that_is_the_threads_own_folder_says_nothing() {
        let agrees = |folder: &str| {
            let stated = |sandbox: &str| {
                let mut policy = crate::testing::policy("sandbox=workspace-write");
                policy.permissions = Permissions::Legacy(sandbox.parse().expect("it is a sandbox"));
                policy.others.insert(Dimension::CWD, folder.to_owned());
                policy
            };
            stated("workspace-write+root:OUT").agrees(&stated("workspace-write"))
        };
        assert_eq!([agrees("OUT"), agrees("WS")], [true, false]);
    }

    #[test]
    fn every_form_of_a_value_is_one_of_its_dimension() {
        let approvals = [Approval::Untrusted, Approval::OnFailure, Approval::OnRequest];
        let approvals = approvals.into_iter().chain([Approval::Never]).map(Value::Approval);
        let reviewers = [Reviewer::User, Reviewer::AutoReview].into_iter().map(Value::Reviewer);
        let profile = Value::Permissions(Permissions::Profile("alpha".to_owned()));
        let full = Value::Permissions(Permissions::Legacy(Sandbox::FullAccess));
        let others = Dimension::ALL.into_iter().skip_while(|one| *one != Dimension::M);
        let others = others.map(|dimension| Value::Other(dimension, "x".to_owned()));
        for value in approvals.chain(reviewers).chain([profile, full]).chain(others) {
            let forms = value.dimension().forms();
            assert!(forms.contains(&value.form()), "{value:?} is not in {forms:?}");
        }
    }
}
