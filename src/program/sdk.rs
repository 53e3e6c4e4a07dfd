//! The client that performs a program: heirloom's own, or one of the Python SDK's.

use serde::{Deserialize, Serialize};

/// A client of the Python SDK, `openai-codex`.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    strum::Display,
    strum::EnumString,
    strum::VariantNames,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum SdkClient {
    /// `Codex`.
    Python,
    /// `AsyncCodex`.
    PythonAsync,
}
