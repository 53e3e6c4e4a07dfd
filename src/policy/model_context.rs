//! The policy that a request to the model states.
//!
//! A request names an approval policy, a reviewer and a sandbox by their forms, in two places that
//! may differ. Model, effort, tier, folder and collaboration mode stand in it by their words. A value
//! that a place does not state, or states like others, is not compared there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::words::OPEN;
use super::{
    Approval, Dimension, Granular, Permissions, Policy, Profile, Profiles, Reviewer, Sandbox,
    SandboxMode, Value,
};

/// Where in a request a policy stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ContextPart {
    /// The last block of permissions among the developer's texts.
    Developer,
    /// The metadata of the turn, beside the conversation (from 0.149).
    Metadata,
    /// The request itself: its fields, its environment context, its block of the mode.
    Request,
}

/// The secondary dimensions that a request states.
pub const STATED: [Dimension; 6] =
    [Dimension::M, Dimension::E, Dimension::T, Dimension::CWD, Dimension::CM, Dimension::WR];

/// The forms that one place states, in the words of [`Value::form`], and the words of secondary
/// values.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct StatedPolicy {
    pub voice: ContextPart,
    pub approval: Option<String>,
    /// None where no approval is ever asked for.
    pub reviewer: Option<String>,
    pub sandbox: Option<String>,
    /// Dimensions M, E, T, CWD, CM and WR, a word each; what is not here is not stated.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub others: BTreeMap<Dimension, String>,
}

impl StatedPolicy {
    /// The form of a dimension, or its word where it is a secondary one, if it is stated.
    pub fn form(&self, dimension: Dimension) -> Option<&str> {
        let form = match dimension {
            Dimension::AP => &self.approval,
            Dimension::RV => &self.reviewer,
            Dimension::SB | Dimension::PP => &self.sandbox,
            other => return self.others.get(&other).map(String::as_str),
        };
        form.as_deref()
    }
}

impl ContextPart {
    /// How this place states a value, where that is known; `profiles` are the home's own. The
    /// developer message calls an external sandbox full access, since the server restricts nothing
    /// there.
    pub fn form<'a>(self, value: &'a Value, profiles: &Profiles) -> Option<&'a str> {
        match value {
            Value::Other(_, word) => Some(word),
            Value::Permissions(Permissions::Profile(id)) => {
                built_in(id).or_else(|| form_of_profile(profiles.get(id)?))
            }
            Value::Permissions(Permissions::Legacy(Sandbox::External { .. }))
                if self == ContextPart::Developer =>
            {
                Some("danger-full-access")
            }
            _ => Some(value.form()).filter(|form| !["odd", OPEN].contains(form)),
        }
    }
}

/// The sandbox of a profile of the home's own; of full access with less than that the contract does
/// not say what it is called.
fn form_of_profile(profile: &Profile) -> Option<&'static str> {
    let plain = profile.base != SandboxMode::FullAccess || !profile.has_tables();
    plain.then(|| profile.base.word())
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

/// The value of a form that allows least, where only the form is known.
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
    /// The forms that a correct server with this policy states in a place. Under never no reviewer
    /// is stated. The metadata states no approval policy, and a reviewer only where more than a rule
    /// may ask one.
    pub fn stated(&self, voice: ContextPart, profiles: &Profiles) -> StatedPolicy {
        let word = |value: Value| voice.form(&value, profiles).map(str::to_owned);
        let approval = word(Value::Approval(self.approval.clone()));
        let asks = match voice {
            ContextPart::Developer => self.approval != Approval::Never,
            ContextPart::Metadata => {
                matches!(self.approval, Approval::OnRequest | Approval::Granular(_))
            }
            ContextPart::Request => return self.stated_by_request(),
        };
        let reviewer = word(Value::Reviewer(self.reviewer.clone()));
        StatedPolicy {
            voice,
            approval: approval.filter(|_| voice == ContextPart::Developer),
            reviewer: reviewer.filter(|_| asks),
            sandbox: word(Value::Permissions(self.permissions.clone())),
            others: BTreeMap::new(),
        }
    }

    fn stated_by_request(&self) -> StatedPolicy {
        let mut others = self.others.clone();
        others.retain(|dimension, _| STATED.contains(dimension));
        let voice = ContextPart::Request;
        StatedPolicy { voice, approval: None, reviewer: None, sandbox: None, others }
    }
}
