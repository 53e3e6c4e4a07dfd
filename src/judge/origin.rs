//! Where a wrong value comes from: the first that fits of config, source, value before, another
//! thread, unknown.
//!
//! Config is any default that config.toml has had in the course of the program.

use std::fmt;

use serde::{Deserialize, Serialize};

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
