//! Single values put into overrides and defaults, and taken out.

use super::layers::SelectedProfile;
use super::mode::Mode;
use super::{
    Approval, DEFAULT, Defaults, Dimension, Overrides, Permissions, Sandbox, SandboxMode, Setting,
    Value, folders,
};

/// A way to spell a sandbox in overrides.
pub trait SandboxSpelling: Clone {
    /// The spelling of a sandbox, where it has one.
    fn of(sandbox: &Sandbox) -> Option<Self>;

    /// The sandbox that it stands for.
    fn sandbox(&self) -> Sandbox;
}

impl SandboxSpelling for Sandbox {
    fn of(sandbox: &Sandbox) -> Option<Sandbox> {
        Some(sandbox.clone())
    }

    fn sandbox(&self) -> Sandbox {
        self.clone()
    }
}

impl SandboxSpelling for SandboxMode {
    fn of(sandbox: &Sandbox) -> Option<SandboxMode> {
        match sandbox {
            Sandbox::ReadOnly { .. } => Some(SandboxMode::ReadOnly),
            Sandbox::WorkspaceWrite { .. } => Some(SandboxMode::WorkspaceWrite),
            Sandbox::FullAccess => Some(SandboxMode::FullAccess),
            Sandbox::External { .. } | Sandbox::Open | Sandbox::Unrecognised(_) => None,
        }
    }

    fn sandbox(&self) -> Sandbox {
        self.overridden_by(&Defaults::default())
    }
}

impl<S: SandboxSpelling> Overrides<S> {
    /// Sets a value, if it can be spelled.
    pub fn assign(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Approval(approval) => self.approval = Setting::Set(approval.clone()),
            Value::Reviewer(reviewer) => self.reviewer = Setting::Set(reviewer.clone()),
            Value::Permissions(Permissions::Legacy(sandbox)) => {
                self.sandbox = Setting::Set(S::of(sandbox)?);
                self.profile = Setting::Omit;
            }
            Value::Permissions(Permissions::Profile(id)) => {
                self.profile = Setting::Set(id.clone());
                self.sandbox = Setting::Omit;
            }
            Value::Other(Dimension::WR, word) => {
                self.others.insert(Dimension::WR, Setting::Set(folders::in_request(word)));
            }
            Value::Other(dimension, word) => {
                self.others.insert(*dimension, Setting::Set(word.clone()));
            }
        }
        Some(())
    }

    /// Leaves a dimension out; SB and PP name the same place.
    pub fn clear(&mut self, dimension: Dimension) {
        match dimension {
            Dimension::AP => self.approval = Setting::Omit,
            Dimension::RV => self.reviewer = Setting::Omit,
            Dimension::SB | Dimension::PP => {
                self.sandbox = Setting::Omit;
                self.profile = Setting::Omit;
            }
            other => drop(self.others.remove(&other)),
        }
    }

    /// The value that is set in a dimension; SB and PP name the same place.
    pub fn assigned(&self, dimension: Dimension) -> Option<Value> {
        match dimension {
            Dimension::AP => self.approval.value().cloned().map(Value::Approval),
            Dimension::RV => self.reviewer.value().cloned().map(Value::Reviewer),
            Dimension::SB | Dimension::PP => {
                let profile = self.profile.value().map(|word| SelectedProfile::of(word).id);
                let profile = profile.map(|id| Permissions::Profile(id.to_owned()));
                let sandbox = self.sandbox.value().map(|sandbox| sandbox.sandbox());
                profile.or(sandbox.map(Permissions::Legacy)).map(Value::Permissions)
            }
            other => {
                let word = self.others.get(&other)?.value()?;
                let word = if other == Dimension::CM { Mode::of(word).name } else { word };
                Some(Value::Other(other, word.to_owned()))
            }
        }
    }
}

impl Defaults {
    /// Sets a default, if config.toml can state it and every release starts with it.
    pub fn assign(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Approval(Approval::Untrusted) => return None,
            Value::Approval(approval) => self.user.approval = Some(approval.clone()),
            Value::Reviewer(reviewer) => self.user.reviewer = Some(reviewer.clone()),
            Value::Permissions(Permissions::Legacy(sandbox)) => {
                self.user.sandbox = Some(SandboxMode::of(sandbox)?);
                self.profile = None;
            }
            Value::Permissions(Permissions::Profile(id)) => self.profile = Some(id.clone()),
            // Config has no word for an effort or a tier that is not stated.
            Value::Other(dimension @ (Dimension::E | Dimension::T), word) if word == DEFAULT => {
                self.others.remove(dimension);
            }
            Value::Other(dimension @ (Dimension::M | Dimension::E | Dimension::T), word) => {
                self.others.insert(*dimension, word.clone());
            }
            Value::Other(..) => return None,
        }
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use crate::policy::{CallOverrides, DEFAULT, Defaults, Dimension, Setting, Value};

    #[test]
    fn a_request_names_the_workspace_where_an_answer_names_the_own_folder() {
        let mut overrides = CallOverrides::default();
        overrides
            .assign(&Value::Other(Dimension::WR, "CWD+OUT".to_owned()))
            .expect("it can say so");
        let spelled = Setting::Set("OUT+WS".to_owned());
        assert_eq!(overrides.others[&Dimension::WR], spelled);
    }

    #[test]
    fn config_leaves_out_an_effort_that_is_not_stated() {
        let mut defaults = Defaults::default();
        for (word, stated) in [("low", Some("low")), (DEFAULT, None)] {
            let value = Value::Other(Dimension::E, word.to_owned());
            defaults.assign(&value).expect("config.toml can say so");
            assert_eq!(defaults.others.get(&Dimension::E).map(String::as_str), stated);
        }
    }
}
