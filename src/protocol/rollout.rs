//! The policy in a thread's rollout file.
//!
//! The last `thread_settings_applied` of this thread counts, or else its last `turn_context`. A
//! fork copies items of its parent, which do not count: they stand before the fork's own
//! `session_meta` or bear the parent's id. A line that cannot be read is skipped.

use std::collections::BTreeMap;

use serde_json::Value;

use super::policy::{Places, approval, reviewer, sandbox};
use crate::policy::folders;
use crate::policy::{Dimension, Permissions, Policy, Sandbox};

/// Reads the file's lines for the thread with this id.
pub fn policy(lines: &str, thread: &str, places: &Places) -> Option<Policy> {
    let items: Vec<Value> =
        lines.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let own = owned(&items, thread);
    let last = |read: fn(&Value, &str, &Places) -> Option<Policy>| {
        own.iter().rev().find_map(|item| read(item, thread, places))
    };
    last(applied_settings).or_else(|| last(turn_context))
}

/// The items after the last header of another thread.
fn owned<'a>(items: &'a [Value], thread: &str) -> &'a [Value] {
    let foreign = |item: &Value| {
        let id = item.get("payload").and_then(|payload| payload.get("id"));
        item.get("type").and_then(Value::as_str) == Some("session_meta")
            && id.and_then(Value::as_str) != Some(thread)
    };
    let start = items.iter().rposition(foreign).map_or(0, |place| place + 1);
    &items[start..]
}

fn applied_settings(item: &Value, thread: &str, places: &Places) -> Option<Policy> {
    let payload = item.get("payload")?;
    let owner = payload.get("thread_id").and_then(Value::as_str);
    let named = payload.get("type")?.as_str()? == "thread_settings_applied";
    let own = named && owner.is_none_or(|owner| owner == thread);
    own.then(|| read(payload.get("thread_settings")?, places)).flatten()
}

fn turn_context(item: &Value, _: &str, places: &Places) -> Option<Policy> {
    let is_context = item.get("type")?.as_str()? == "turn_context";
    is_context.then(|| read(item.get("payload")?, places)).flatten()
}

fn read(from: &Value, places: &Places) -> Option<Policy> {
    let folder = from.get("cwd").and_then(Value::as_str).map(|path| places.word(path));
    let active = from.get("active_permission_profile").and_then(|profile| profile.get("id"));
    let permissions = match (active.and_then(Value::as_str), from.get("permission_profile")) {
        (Some(id), _) => Permissions::Profile(id.to_owned()),
        (None, Some(profile)) if !profile.is_null() => {
            Permissions::Legacy(profile_sandbox(profile, folder.as_deref(), places)?)
        }
        _ => Permissions::Legacy(sandbox(from.get("sandbox_policy")?, places)),
    };
    Some(Policy {
        approval: approval(from.get("approval_policy")?),
        reviewer: reviewer(from.get("approvals_reviewer")?),
        permissions,
        others: roots(from, folder.as_deref(), places),
    })
}

/// The roots, where the item states them: settings from 0.169, a turn's context before 0.150.
fn roots(from: &Value, folder: Option<&str>, places: &Places) -> BTreeMap<Dimension, String> {
    let keys = ["runtime_workspace_roots", "workspace_roots"];
    let listed = keys.into_iter().find_map(|key| from.get(key)?.as_array());
    let words = listed.zip(folder).map(|(listed, folder)| {
        let roots: Vec<String> =
            listed.iter().filter_map(|root| Some(places.word(root.as_str()?))).collect();
        (Dimension::WR, folders::word(roots.iter().map(String::as_str), Some(folder)))
    });
    words.into_iter().collect()
}

/// A sandbox from the profile that newer releases keep in its place. It lists the thread's own
/// folder among those that may be written.
pub fn profile_sandbox(profile: &Value, folder: Option<&str>, places: &Places) -> Option<Sandbox> {
    let network = profile.get("network").is_some_and(|network| network == "enabled");
    match profile.get("type")?.as_str()? {
        "disabled" => Some(Sandbox::FullAccess),
        "external" => Some(Sandbox::External { network }),
        "managed" => {
            let entries = profile.get("file_system")?.get("entries")?.as_array()?;
            let sandbox = entries_sandbox(entries, network, places);
            Some(without_root(sandbox, folder.unwrap_or("WS")))
        }
        _ => None,
    }
}

fn entries_sandbox(entries: &[Value], network: bool, places: &Places) -> Sandbox {
    let written = entries.iter().filter(|entry| entry.get("access").is_some_and(|a| a == "write"));
    let written: Vec<&Value> = written.filter_map(|entry| entry.get("path")).collect();
    if written.is_empty() {
        return Sandbox::ReadOnly { network };
    }
    let special = |kind: &str| {
        let is = |path: &&Value| path.get("value").is_some_and(|value| value["kind"] == kind);
        written.iter().any(is)
    };
    let paths = written.iter().filter_map(|path| path.get("path")?.as_str());
    let words = paths.map(|path| places.word(path));
    Sandbox::WorkspaceWrite {
        network,
        exclude_tmpdir: !special("tmpdir"),
        exclude_slash_tmp: !special("slash_tmp"),
        roots: words.filter(|word| word != "HOME/memories").collect(),
    }
}

fn without_root(mut sandbox: Sandbox, folder: &str) -> Sandbox {
    if let Sandbox::WorkspaceWrite { roots, .. } = &mut sandbox {
        roots.remove(folder);
    }
    sandbox
}
