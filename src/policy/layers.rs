//! What config comes to in a folder: its layers, one over the other (L1).
//!
//! A project's own config lies over the user's where the folder is trusted. What no layer states is
//! open: the server has a default for it, which may depend on the folder and on its trust (L3).

use std::collections::BTreeMap;

use super::{
    Approval, Defaults, Dimension, Layer, Overrides, Permissions, Policy, Profile, Reviewer,
    Sandbox, Trust,
};

/// The workspace, whose project config the defaults have.
const WORKSPACE: &str = "WS";

impl Layer {
    /// Whether it states a dimension; SB and PP name the same place.
    pub fn states(&self, dimension: Dimension) -> bool {
        match dimension {
            Dimension::AP => self.approval.is_some(),
            Dimension::RV => self.reviewer.is_some(),
            Dimension::SB | Dimension::PP => self.sandbox.is_some(),
            _ => false,
        }
    }
}

impl Defaults {
    /// What is known of a folder's trust.
    pub fn trust_in(&self, folder: &str) -> Option<Trust> {
        self.trust.filter(|_| folder == WORKSPACE)
    }

    /// The policy in a folder of a thread that overrides nothing. Whether a folder below the
    /// workspace belongs to its project depends on more than the contract says.
    pub fn policy_in(&self, folder: &str) -> Policy {
        let trusted = self.trust == Some(Trust::Trusted);
        let known = match self.project_policy() {
            Some(project) if trusted && folder == WORKSPACE => project.filled(&self.user_policy()),
            Some(project) if trusted && folder.starts_with(WORKSPACE) => {
                self.user_policy().where_open(&project)
            }
            _ => self.user_policy(),
        };
        let mut others = self.secondary();
        others.insert(Dimension::CWD, folder.to_owned());
        Policy { others, ..known }
    }

    /// The policy of a thread that overrides nothing; its working directory is the workspace.
    pub fn policy(&self) -> Policy {
        self.policy_in(WORKSPACE)
    }

    /// Whether releases start threads with it: those with profiles want one of them, or a sandbox,
    /// as the default.
    pub fn is_complete(&self) -> bool {
        let default = self.user.sandbox.is_some() || self.profile.is_some();
        self.profiles.is_empty() || default
    }

    /// What each file of config states, whether it counts in the workspace or not.
    pub fn stated(&self) -> Vec<Policy> {
        std::iter::once(self.user_policy()).chain(self.project_policy()).collect()
    }

    /// What config.toml states: a default profile's permissions, else the sandbox's. A default
    /// profile that is not defined does not stand in it.
    fn user_policy(&self) -> Policy {
        let profile = self.profile.clone().filter(|id| self.defines(id)).map(Permissions::Profile);
        let policy = self.stated_by(&self.user);
        Policy { permissions: profile.unwrap_or(policy.permissions), ..policy }
    }

    /// What the project's config states, where it states anything.
    fn project_policy(&self) -> Option<Policy> {
        Some(&self.project).filter(|layer| **layer != Layer::default()).map(|it| self.stated_by(it))
    }

    fn stated_by(&self, layer: &Layer) -> Policy {
        let sandbox = layer.sandbox.map(|mode| mode.overridden_by(self));
        Policy {
            approval: layer.approval.clone().unwrap_or(Approval::Open),
            reviewer: layer.reviewer.clone().unwrap_or(Reviewer::Open),
            permissions: Permissions::Legacy(sandbox.unwrap_or(Sandbox::Open)),
            others: BTreeMap::new(),
        }
    }
}

/// A profile as a request selects it: by its id, or as `id:base` where the request's own `config`
/// defines it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SelectedProfile<'a> {
    /// The id that the thread has from then on.
    pub id: &'a str,
    /// What the request says that it is.
    pub defined: Option<Profile>,
}

impl SelectedProfile<'_> {
    /// Reads the word of an override.
    pub fn of(word: &str) -> SelectedProfile<'_> {
        match word.split_once(':') {
            Some((id, base)) if !id.is_empty() => {
                SelectedProfile { id, defined: base.parse().ok() }
            }
            _ => SelectedProfile { id: word, defined: None },
        }
    }
}

impl<S> Overrides<S> {
    /// The profile that the request's own `config` defines and selects.
    pub fn defined_profile(&self) -> Option<(String, Profile)> {
        let selected = SelectedProfile::of(self.profile.value()?);
        Some((selected.id.to_owned(), selected.defined.filter(|_| self.by_config)?))
    }
}

impl Permissions {
    /// Whether further folders can be written to.
    pub fn has_roots(&self) -> bool {
        matches!(self, Permissions::Legacy(Sandbox::WorkspaceWrite { roots, .. }) if !roots.is_empty())
    }
}

impl Policy {
    /// Whether a value is a default that no reply has shown yet.
    pub fn is_open(&self) -> bool {
        Dimension::PRIMARY.iter().any(|dimension| self.value(*dimension).is_none())
    }

    /// This policy with what another states in the place of what is open.
    pub fn filled(&self, other: &Policy) -> Policy {
        let open =
            Dimension::PRIMARY.into_iter().filter(|dimension| self.value(*dimension).is_none());
        let stated = open.filter_map(|dimension| other.value(dimension));
        stated.fold(self.clone(), |policy, value| policy.replaced(value))
    }

    /// This policy, open in all that another one states.
    pub fn where_open(&self, other: &Policy) -> Policy {
        let open = Policy {
            approval: Approval::Open,
            reviewer: Reviewer::Open,
            permissions: Permissions::Legacy(Sandbox::Open),
            others: self.others.clone(),
        };
        let kept =
            Dimension::PRIMARY.into_iter().filter(|dimension| other.value(*dimension).is_none());
        let values = kept.filter_map(|dimension| self.value(dimension));
        values.fold(open, |policy, value| policy.replaced(value))
    }
}
