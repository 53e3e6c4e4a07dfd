//! A thread's row in the server's state database.
//!
//! Keeps an approval policy, as a word or as JSON, and a sandbox, as older releases spell it or as
//! the profile that newer ones keep in its place; no reviewer and no profile's name. What cannot be
//! read of a row is none.

use serde_json::Value;

use super::policy::{self, Places};
use super::rollout::of_profile;
use crate::policy::{Approval, Sandbox};

/// Asks for the two texts of the thread with this id.
pub const ROW: &str = "SELECT approval_mode, sandbox_policy FROM threads WHERE id = ?1";

/// What a row holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The approval policy.
    pub approval: Option<Approval>,
    /// The sandbox; of a thread under a profile what that allows, in the form of a sandbox.
    pub sandbox: Option<Sandbox>,
}

/// Reads the row's two texts.
pub fn read(approval_mode: &str, sandbox_policy: &str, places: &Places) -> Stored {
    let json: Option<Value> = serde_json::from_str(sandbox_policy).ok();
    let sandbox = json.and_then(|json| {
        of_profile(&json, places).or_else(|| match policy::sandbox(&json, places) {
            Sandbox::Unrecognised(_) => None,
            sandbox => Some(sandbox),
        })
    });
    let word = || Value::from(approval_mode);
    let approval =
        policy::approval(&serde_json::from_str(approval_mode).unwrap_or_else(|_| word()));
    let approval = (!approval_mode.is_empty()).then_some(approval);
    Stored { approval, sandbox }
}
