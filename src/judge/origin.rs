//! Where a wrong value comes from.
//!
//! The first that fits of config, source, value before, another thread, unknown. Config is any
//! default that config.toml has held in the course of the plan. The others that fit are told too. A
//! value of which the form alone was seen comes from wherever its form does.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::View;
use super::compare::Mismatch;
use crate::model::World;
use crate::policy::{Defaults, Policy, Value};

/// An explanation of a wrong value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// A default in config.toml.
    Config,
    /// The policy of the fork's source.
    Source,
    /// The thread's own value before its last change.
    Before,
    /// The value of another thread.
    OtherThread,
    /// None of these, or not a value.
    Unknown,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Origin::Config => "config",
            Origin::Source => "source",
            Origin::Before => "before",
            Origin::OtherThread => "other-thread",
            Origin::Unknown => "unknown",
        })
    }
}

impl Origin {
    /// The origin in words that finish "the value seen is …".
    pub fn words(self) -> &'static str {
        match self {
            Origin::Config => "the default in config.toml",
            Origin::Source => "the fork's source's",
            Origin::Before => "the thread's own before its last change",
            Origin::OtherThread => "another thread's",
            Origin::Unknown => "of unknown origin",
        }
    }
}

/// Every origin that fits, best first; never empty.
pub fn origins(
    mismatch: &Mismatch,
    before: &World,
    after: &World,
    defaults: &[Defaults],
) -> Vec<Origin> {
    let Some(value) = &mismatch.value else {
        return vec![Origin::Unknown];
    };
    let is = |other: Value| match mismatch.view {
        View::ModelContext => other.form() == value.form(),
        _ => other == *value,
    };
    let same = |policy: &Policy| policy.value(value.dimension()).is_some_and(is);
    let thread = mismatch.thread.and_then(|name| after.threads.get(&name));
    let others = before.threads.iter().filter(|(name, _)| Some(**name) != mismatch.thread);
    let fits = [
        (Origin::Config, defaults.iter().any(|defaults| same(&defaults.policy()))),
        (Origin::Source, thread.and_then(|thread| thread.source.as_ref()).is_some_and(same)),
        (Origin::Before, thread.and_then(|thread| thread.before.as_ref()).is_some_and(same)),
        (Origin::OtherThread, others.map(|(_, thread)| &thread.stored).any(same)),
    ];
    let mut origins: Vec<Origin> =
        fits.into_iter().filter(|(_, fits)| *fits).map(|(origin, _)| origin).collect();
    if origins.is_empty() {
        origins.push(Origin::Unknown);
    }
    origins
}
