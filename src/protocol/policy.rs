//! A policy as JSON, in both directions.
//!
//! Replies, notifications and requests are in camel case, rollouts in snake case with kebab-case
//! values; one reader takes both. A path in one of the run's own folders reads as WS, HOME or OUT.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::policy::folders;
use crate::policy::{
    Approval, DEFAULT, Dimension, Granular, NO_PLUGINS, Permissions, Policy, Reviewer, Sandbox,
    SandboxMode, Setting,
};

/// The folders of a run; programs and traces have a word for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Places {
    /// WS: the workspace, which is the threads' cwd.
    pub workspace: PathBuf,
    /// HOME: the server's `CODEX_HOME`.
    pub home: PathBuf,
    /// OUT: a folder outside both.
    pub outside: PathBuf,
}

impl Places {
    /// RUN: the folder around HOME, for what else lies there.
    fn words(&self) -> impl Iterator<Item = (&'static str, &Path)> {
        let Places { workspace, home, outside } = self;
        let run = home.parent().filter(|run| run.parent().is_some());
        let words: [(_, &Path); 3] = [("WS", workspace), ("HOME", home), ("OUT", outside)];
        words.into_iter().chain(run.map(|run| ("RUN", run)))
    }

    /// The word for a path, or the path itself.
    pub fn word(&self, path: &str) -> String {
        let named = self.words().find_map(|(word, place)| {
            let rest = Path::new(path).strip_prefix(place).ok()?;
            Some(Path::new(word).join(rest).to_string_lossy().trim_end_matches('/').to_owned())
        });
        named.unwrap_or_else(|| path.to_owned())
    }

    /// A text of the server with the words in the place of the paths.
    pub fn in_text(&self, text: &str) -> String {
        self.words().fold(text.to_owned(), |text, (word, place)| {
            text.replace(&place.display().to_string(), word)
        })
    }

    /// The path for a word, or the word itself.
    pub fn path(&self, word: &str) -> String {
        let found = self.words().find_map(|(name, place)| {
            let rest = Path::new(word).strip_prefix(name).ok()?;
            Some(place.join(rest).to_string_lossy().trim_end_matches('/').to_owned())
        });
        found.unwrap_or_else(|| word.to_owned())
    }
}

/// Puts a setting under its key: left out, `null` or the value.
pub(super) fn put<T>(
    to: &mut Map<String, Value>,
    key: &str,
    setting: &Setting<T>,
    json: impl Fn(&T) -> Value,
) {
    match setting {
        Setting::Omit => {}
        Setting::Null => drop(to.insert(key.to_owned(), Value::Null)),
        Setting::Set(value) => drop(to.insert(key.to_owned(), json(value))),
    }
}

/// `approvalPolicy` as a request spells it.
pub fn approval_json(approval: &Approval) -> Value {
    match approval {
        Approval::Granular(granular) => json!({ "granular": {
            "sandbox_approval": granular.sandbox_approval,
            "rules": granular.rules,
            "skill_approval": granular.skill_approval,
            "request_permissions": granular.request_permissions,
            "mcp_elicitations": granular.mcp_elicitations,
        }}),
        Approval::Unrecognised(text) => Value::from(text.as_str()),
        word => Value::from(word.to_string()),
    }
}

/// `approvalsReviewer` as a request spells it.
pub fn reviewer_json(reviewer: &Reviewer) -> Value {
    match reviewer {
        Reviewer::Unrecognised(text) => Value::from(text.as_str()),
        word => Value::from(word.to_string()),
    }
}

/// `sandbox` of a lifecycle call.
pub fn mode_json(mode: &SandboxMode) -> Value {
    Value::from(mode.to_string())
}

/// `sandboxPolicy` of a turn.
pub fn sandbox_json(sandbox: &Sandbox, places: &Places) -> Value {
    match sandbox {
        Sandbox::ReadOnly { network } => json!({ "type": "readOnly", "networkAccess": network }),
        Sandbox::FullAccess => json!({ "type": "dangerFullAccess" }),
        Sandbox::External { network } => {
            let access = if *network { "enabled" } else { "restricted" };
            json!({ "type": "externalSandbox", "networkAccess": access })
        }
        Sandbox::WorkspaceWrite { network, exclude_tmpdir, exclude_slash_tmp, roots } => json!({
            "type": "workspaceWrite",
            "networkAccess": network,
            "excludeTmpdirEnvVar": exclude_tmpdir,
            "excludeSlashTmp": exclude_slash_tmp,
            "writableRoots": roots.iter().map(|root| places.path(root)).collect::<Vec<_>>(),
        }),
        Sandbox::Open => Value::Null,
        Sandbox::Unrecognised(text) => json!({ "type": text }),
    }
}

/// The policy that the reply to a lifecycle call states, if it states one.
///
/// ```
/// use heirloom::policy::{Approval, Reviewer};
/// use heirloom::protocol::policy::{Places, of_reply};
/// use serde_json::json;
///
/// let places = Places {
///     workspace: "/case/ws".into(),
///     home: "/case/home".into(),
///     outside: "/case/out".into(),
/// };
/// let reply = json!({
///     "thread": { "id": "01a2" },
///     "approvalPolicy": "never",
///     "approvalsReviewer": "guardian_subagent",
///     "sandbox": { "type": "workspaceWrite", "writableRoots": ["/case/out"] },
/// });
/// let policy = of_reply(&reply, &places).expect("the reply states a policy");
/// assert_eq!(policy.approval, Approval::Never);
/// assert_eq!(policy.reviewer, Reviewer::AutoReview);
/// assert_eq!(policy.permissions.to_string(), "workspace-write+root:OUT");
/// ```
pub fn of_reply(reply: &Value, places: &Places) -> Option<Policy> {
    read(
        reply,
        &["approvalPolicy", "approvalsReviewer", "sandbox", "activePermissionProfile"],
        places,
    )
}

/// The policy that `threadSettings` of a notification states, if it states one.
pub fn of_settings(settings: &Value, places: &Places) -> Option<Policy> {
    let keys = ["approvalPolicy", "approvalsReviewer", "sandboxPolicy", "activePermissionProfile"];
    read(settings, &keys, places)
}

fn read(from: &Value, keys: &[&str; 4], places: &Places) -> Option<Policy> {
    let [approval_key, reviewer_key, sandbox_key, profile_key] = keys;
    let approval = approval(from.get(approval_key)?);
    let reviewer = reviewer(from.get(reviewer_key).unwrap_or(&Value::Null));
    let profile = from.get(profile_key).and_then(|profile| profile.get("id"));
    let permissions = match profile.and_then(Value::as_str) {
        Some(id) => Permissions::Profile(id.to_owned()),
        None => Permissions::Legacy(sandbox(from.get(sandbox_key)?, places)),
    };
    Some(Policy { approval, reviewer, permissions, others: others(from, places) })
}

/// The secondary dimensions that a reply or a notification states, a word each. An effort or a tier
/// of `null` is the default, as is the tier `default`.
fn others(from: &Value, places: &Places) -> BTreeMap<Dimension, String> {
    let text = |key: &str| from.get(key).and_then(Value::as_str);
    let or_default = |key: &str| match from.get(key)? {
        Value::Null => Some(DEFAULT),
        value => value.as_str(),
    };
    let effort = or_default("reasoningEffort").or_else(|| or_default("effort"));
    let mode = from.get("collaborationMode").and_then(|mode| mode.get("mode"));
    let plugins = from.get("disabledPluginIds").and_then(Value::as_array);
    let folder = text("cwd").map(|path| places.word(path));
    let listed = |ids: &Vec<Value>| {
        let ids: Vec<&str> = ids.iter().filter_map(Value::as_str).collect();
        if ids.is_empty() { NO_PLUGINS.to_owned() } else { ids.join("+") }
    };
    let all = [
        (Dimension::M, text("model").map(str::to_owned)),
        (Dimension::E, effort.map(str::to_owned)),
        (Dimension::T, or_default("serviceTier").map(str::to_owned)),
        (Dimension::WR, roots_word(from, folder.as_deref(), places)),
        (Dimension::CWD, folder),
        (Dimension::CM, mode.and_then(Value::as_str).map(str::to_owned)),
        (Dimension::DP, plugins.map(listed)),
    ];
    all.into_iter().filter_map(|(dimension, word)| Some((dimension, word?))).collect()
}

/// The roots of the one environment that a thread works in: a reply has a key for them, and a
/// notice states them with the environment (from 0.169).
fn roots_word(from: &Value, folder: Option<&str>, places: &Places) -> Option<String> {
    const ROOTS: &str = "runtimeWorkspaceRoots";
    let environments = from.get("environments").and_then(Value::as_array);
    let only = environments.filter(|all| all.len() == 1).map(|all| &all[0]);
    let roots = from.get(ROOTS).or_else(|| only?.get(ROOTS))?.as_array()?;
    let roots: Vec<String> =
        roots.iter().filter_map(|root| Some(places.word(root.as_str()?))).collect();
    Some(folders::word(roots.iter().map(String::as_str), Some(folder?)))
}

/// Reads an approval policy; the fields that a granular one leaves out are false.
pub fn approval(json: &Value) -> Approval {
    match (json.as_str(), json.get("granular")) {
        (Some("untrusted"), _) => Approval::Untrusted,
        (Some("on-failure"), _) => Approval::OnFailure,
        (Some("on-request"), _) => Approval::OnRequest,
        (Some("never"), _) => Approval::Never,
        (_, Some(fields)) => {
            let on = |key: &str| fields.get(key).and_then(Value::as_bool).unwrap_or(false);
            Approval::Granular(Granular {
                sandbox_approval: on("sandbox_approval"),
                rules: on("rules"),
                skill_approval: on("skill_approval"),
                request_permissions: on("request_permissions"),
                mcp_elicitations: on("mcp_elicitations"),
            })
        }
        _ => Approval::Unrecognised(json.to_string()),
    }
}

/// Reads a reviewer, by its new or its older spelling.
pub fn reviewer(json: &Value) -> Reviewer {
    match json.as_str() {
        Some("user") => Reviewer::User,
        Some("auto_review" | "guardian_subagent") => Reviewer::AutoReview,
        _ => Reviewer::Unrecognised(json.to_string()),
    }
}

/// Reads a sandbox, in the spelling of replies and of rollouts.
pub fn sandbox(json: &Value, places: &Places) -> Sandbox {
    let on = |keys: [&str; 2]| {
        let value = keys.into_iter().find_map(|key| json.get(key));
        value.is_some_and(|value| value == &Value::Bool(true) || value == "enabled")
    };
    let network = on(["networkAccess", "network_access"]);
    match json.get("type").and_then(Value::as_str) {
        Some("readOnly" | "read-only") => Sandbox::ReadOnly { network },
        Some("dangerFullAccess" | "danger-full-access") => Sandbox::FullAccess,
        Some("externalSandbox" | "external-sandbox") => Sandbox::External { network },
        Some("workspaceWrite" | "workspace-write") => Sandbox::WorkspaceWrite {
            network,
            exclude_tmpdir: on(["excludeTmpdirEnvVar", "exclude_tmpdir_env_var"]),
            exclude_slash_tmp: on(["excludeSlashTmp", "exclude_slash_tmp"]),
            roots: roots(json, places),
        },
        _ => Sandbox::Unrecognised(json.to_string()),
    }
}

/// Old releases add their own folder of memories as a root, which does not count.
fn roots(json: &Value, places: &Places) -> BTreeSet<String> {
    let list = json.get("writableRoots").or_else(|| json.get("writable_roots"));
    let paths = list.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    paths.map(|path| places.word(path)).filter(|word| word != "HOME/memories").collect()
}

#[cfg(test)]
mod tests {
    use super::Places;

    #[test]
    fn a_refusal_that_names_a_path_reads_alike_on_every_machine() {
        let places = Places {
            workspace: "/dev/shm/heirloom-9Girrf/279/ws".into(),
            home: "/dev/shm/heirloom-9Girrf/279/home".into(),
            outside: "/dev/shm/heirloom-9Girrf/279/out".into(),
        };
        let said = "cannot load /dev/shm/heirloom-9Girrf/279/home/config.toml:5:26";
        assert_eq!(places.in_text(said), "cannot load HOME/config.toml:5:26");
        let run = "/dev/shm/heirloom-9Girrf/279";
        let words = ["/home", "/ws0", "", "0"].map(|end| places.word(&format!("{run}{end}")));
        assert_eq!(words, ["HOME", "RUN/ws0", "RUN", "/dev/shm/heirloom-9Girrf/2790"]);
    }
}
