//! A policy as the model is told of it: by the forms of its values.
//!
//! A request to the model names an approval policy, a reviewer and a sandbox by their forms alone,
//! in two voices that may differ. What a voice does not tell, or tells of several values alike, is
//! none, and is no matter for a comparison.

use serde::{Deserialize, Serialize};

use super::{
    Approval, Dimension, Granular, Permissions, Policy, Profiles, Reviewer, Sandbox, Value,
};

/// Where in a request the telling stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextPart {
    /// The last block of permissions among the developer's texts.
    Developer,
    /// The metadata of the turn, beside the conversation (from 0.149).
    Metadata,
}

/// What one voice tells: forms, as [`Value::form`] words them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedPolicy {
    /// Who tells it.
    pub voice: ContextPart,
    /// The form of the approval policy.
    pub approval: Option<String>,
    /// The reviewer; none where nobody is asked.
    pub reviewer: Option<String>,
    /// The form of the sandbox.
    pub sandbox: Option<String>,
}

impl StatedPolicy {
    /// What is told in a dimension, if anything is.
    pub fn of(&self, dimension: Dimension) -> Option<&str> {
        let told = match dimension {
            Dimension::AP => &self.approval,
            Dimension::RV => &self.reviewer,
            Dimension::SB | Dimension::PP => &self.sandbox,
            _ => &None,
        };
        told.as_deref()
    }
}

impl ContextPart {
    /// How this voice tells a value, where that is certain, with what the home's own profiles mean.
    /// The developer calls an external sandbox full access, which is what the server itself leaves
    /// open; nobody knows how an odd value is told.
    pub fn form(self, value: &Value, profiles: &Profiles) -> Option<&'static str> {
        match value {
            Value::Permissions(Permissions::Profile(id)) => {
                built_in(id).or_else(|| profiles.get(id).map(|mode| mode.word()))
            }
            Value::Permissions(Permissions::Legacy(Sandbox::External { .. }))
                if self == ContextPart::Developer =>
            {
                Some("danger-full-access")
            }
            _ => Some(value.form()).filter(|form| *form != "odd"),
        }
    }
}

/// The sandbox of a profile that every release has.
fn built_in(id: &str) -> Option<&'static str> {
    match id {
        ":read-only" => Some("read-only"),
        ":workspace" => Some("workspace-write"),
        ":danger-full-access" => Some("danger-full-access"),
        _ => None,
    }
}

/// The least value of a form, which stands for what was told.
pub fn least(dimension: Dimension, form: &str) -> Option<Value> {
    let closed = Granular {
        sandbox_approval: false,
        rules: false,
        skill_approval: false,
        request_permissions: false,
        mcp_elicitations: false,
    };
    match (dimension, form) {
        (Dimension::AP, "granular") => Some(Value::Approval(Approval::Granular(closed))),
        (Dimension::AP, word) => word.parse().ok().map(Value::Approval),
        (Dimension::RV, word) => word.parse::<Reviewer>().ok().map(Value::Reviewer),
        (Dimension::SB | Dimension::PP, word) => {
            let sandbox: Sandbox = word.parse().ok()?;
            Some(Value::Permissions(Permissions::Legacy(sandbox)))
        }
        _ => None,
    }
}

impl Policy {
    /// What a server with this policy tells in a voice, all well. Under never nobody is asked, and
    /// no reviewer is told; the metadata tells no approval policy, and a reviewer where one may be
    /// asked by more than a rule.
    pub fn told(&self, voice: ContextPart, profiles: &Profiles) -> StatedPolicy {
        let word = |value: Value| voice.form(&value, profiles).map(str::to_owned);
        let approval = word(Value::Approval(self.approval.clone()));
        let asks = match voice {
            ContextPart::Developer => self.approval != Approval::Never,
            ContextPart::Metadata => {
                matches!(self.approval, Approval::OnRequest | Approval::Granular(_))
            }
        };
        let reviewer = word(Value::Reviewer(self.reviewer.clone()));
        StatedPolicy {
            voice,
            approval: approval.filter(|_| voice == ContextPart::Developer),
            reviewer: reviewer.filter(|_| asks),
            sandbox: word(Value::Permissions(self.permissions.clone())),
        }
    }
}
