//! [core] Overrides of the secondary dimensions, and overrides through `config`.
//!
//! Model, effort, tier, cwd, collaboration mode and disabled plugins have a word each in a plan, and
//! a key of their own in a request; a lifecycle call spells the effort, which has no key there, in
//! its `config` object. What a call has no key for is left out.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::policy::{NONE, Places, approval_json, mode_json, reviewer_json};
use crate::policy::{Approval, CallOverrides, Dimension, MODEL, Wish};

/// Puts the secondary dimensions; `effort` is the key for E, empty where the request has none.
pub(super) fn others(
    to: &mut Map<String, Value>,
    effort: &str,
    wishes: &BTreeMap<Dimension, Wish<String>>,
    places: &Places,
) {
    for (dimension, wish) in wishes {
        let value = match wish {
            Wish::Omit => continue,
            Wish::Null => Value::Null,
            Wish::Set(word) => spelled(*dimension, word, places),
        };
        match (key(*dimension), effort) {
            (Some(key), _) => drop(to.insert(key.to_owned(), value)),
            (None, "") => {
                let config = to.entry("config").or_insert_with(|| json!({}));
                config["model_reasoning_effort"] = value;
            }
            (None, effort) => drop(to.insert(effort.to_owned(), value)),
        }
    }
}

/// The key of a dimension; the effort has another one in each kind of request.
fn key(dimension: Dimension) -> Option<&'static str> {
    match dimension {
        Dimension::M => Some("model"),
        Dimension::T => Some("serviceTier"),
        Dimension::CWD => Some("cwd"),
        Dimension::CM => Some("collaborationMode"),
        Dimension::DP => Some("disabledPluginIds"),
        _ => None,
    }
}

fn spelled(dimension: Dimension, word: &str, places: &Places) -> Value {
    match dimension {
        Dimension::CWD => json!(places.path(word)),
        Dimension::CM => json!({ "mode": word, "settings": { "model": MODEL } }),
        Dimension::DP if word == NONE => json!([]),
        Dimension::DP => json!(word.split('+').collect::<Vec<_>>()),
        _ => json!(word),
    }
}

/// The overrides of a lifecycle call as keys of config.toml in its `config` object. There `null`
/// is no value, and `untrusted` none that every call takes, so they are left out of it: the one
/// altogether, the other for its own key.
pub(super) fn by_config(overrides: &CallOverrides, places: &Places) -> Map<String, Value> {
    let mut params = Map::new();
    let mut config = Map::new();
    match overrides.approval.value() {
        Some(Approval::Untrusted) => {
            params.insert("approvalPolicy".to_owned(), approval_json(&Approval::Untrusted));
        }
        Some(approval) => {
            drop(config.insert("approval_policy".to_owned(), approval_json(approval)))
        }
        None => {}
    }
    if let Some(reviewer) = overrides.reviewer.value() {
        config.insert("approvals_reviewer".to_owned(), reviewer_json(reviewer));
    }
    match (overrides.profile.value(), overrides.sandbox.value()) {
        (Some(id), _) => drop(config.insert("default_permissions".to_owned(), json!(id))),
        (None, Some(mode)) => drop(config.insert("sandbox_mode".to_owned(), mode_json(mode))),
        (None, None) => {}
    }
    if !config.is_empty() {
        params.insert("config".to_owned(), Value::Object(config));
    }
    others(&mut params, "", &overrides.others, places);
    params
}
