//! Where a wrong value comes from: the first that fits of config, source, an earlier value, none,
//! another thread, unknown.
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
    strum::EnumIter,
    strum::EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Origin {
    Config,
    /// The policy of the fork's source.
    Source,
    /// A value that the thread had before.
    Before,
    /// No value: what a thread has where nobody asked for one.
    Unset,
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
            Origin::Before => "one that the thread had before",
            Origin::Unset => "that of a thread for which nobody asked for one",
            Origin::OtherThread => "another thread's",
            Origin::Unknown => "of unknown origin",
        }
    }
}
