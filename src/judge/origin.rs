//! Where a wrong value comes from: the first that fits of config, source, value before, another
//! thread, unknown.
//!
//! Config is any default that config.toml has had in the course of the program.

use serde::{Deserialize, Serialize};

/// An explanation of a wrong value.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Origin {
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
