//! A thread's row in the server's state database.
//!
//! It has an approval policy, as a word or as JSON, and a sandbox, as older releases spell it or as
//! the profile that newer releases keep in its place. It has no reviewer and no profile name.

use serde_json::Value;

use super::policy::{self, Places};
use super::rollout::profile_sandbox;
use crate::policy::{Approval, Sandbox};

/// Selects the texts of a thread by its id.
pub const ROW: &str = "SELECT approval_mode, sandbox_policy, cwd FROM threads WHERE id = ?1";

/// A row; what cannot be read of it is `None`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The approval policy.
    pub approval: Option<Approval>,
    /// The sandbox; for a thread under a profile, the sandbox that allows the same.
    pub sandbox: Option<Sandbox>,
}

/// Reads the row's texts.
pub fn read(row: [&str; 3], places: &Places) -> Stored {
    let [approval_mode, sandbox_policy, cwd] = row;
    let folder = places.word(cwd);
    let json: Option<Value> = serde_json::from_str(sandbox_policy).ok();
    let sandbox = json.and_then(|json| {
        profile_sandbox(&json, Some(&folder), places).or_else(|| {
            match policy::sandbox(&json, places) {
                Sandbox::Unrecognised(_) => None,
                sandbox => Some(sandbox),
            }
        })
    });
    let word = || Value::from(approval_mode);
    let approval =
        policy::approval(&serde_json::from_str(approval_mode).unwrap_or_else(|_| word()));
    let approval = (!approval_mode.is_empty()).then_some(approval);
    Stored { approval, sandbox }
}
