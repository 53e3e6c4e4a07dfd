//! The config.toml of a case: the mock model as the provider, the defaults under test, and the
//! named profiles.
//!
//! A default that the case leaves out is left out here too. A default profile that is not defined
//! is not written, since a server refuses every start with it.

use std::collections::BTreeSet;
use std::path::Path;

use crate::policy::profile::lists_hosts;
use crate::policy::{Approval, Defaults, Dimension, Layer, MODEL, Profile};
use crate::program::reply::Probe;
use crate::protocol::policy::Places;
use crate::protocol::probe::{MCP_SERVER, PERMISSIONS_FEATURE};
use crate::protocol::profile::{self, HOSTS_FEATURE};

pub(super) fn config(defaults: &Defaults, model_url: &str, places: &Places) -> toml::Table {
    let off = defaults.features.switched_off().map(|name| (name, false));
    let hosts = lists_hosts(&defaults.profiles).then_some((HOSTS_FEATURE, true));
    let features = off.chain(hosts).map(|(name, on)| (name.to_owned(), on.into()));
    let provider = table([
        ("name", "mock".into()),
        ("base_url", model_url.into()),
        ("wire_api", "responses".into()),
        ("request_max_retries", 0.into()),
        ("stream_max_retries", 0.into()),
        ("supports_websockets", false.into()),
    ]);
    let model = defaults.others.get(&Dimension::M).map_or(MODEL, String::as_str);
    let mut config = table([
        ("model", model.into()),
        ("model_provider", "mock".into()),
        ("sandbox_workspace_write", workspace_write(defaults, places).into()),
        ("features", toml::Table::from_iter(features).into()),
        ("model_providers", table([("mock", provider.into())]).into()),
    ]);
    config.extend(layer(&defaults.user));
    if let Some(trust) = defaults.trust {
        let workspace = places.workspace.display().to_string();
        let project = table([("trust_level", trust.to_string().into())]);
        let projects = table([(workspace.as_str(), project.into())]);
        config.insert("projects".to_owned(), projects.into());
    }
    let stated = [
        ("model_reasoning_effort", defaults.others.get(&Dimension::E)),
        ("service_tier", defaults.others.get(&Dimension::T)),
        ("default_permissions", defaults.profile.as_ref().filter(|id| defaults.defines(id))),
    ];
    let stated = stated.into_iter().filter_map(|(key, word)| Some((key, word?)));
    config.extend(stated.map(|(key, word)| (key.to_owned(), word.as_str().into())));
    if !defaults.profiles.is_empty() {
        let profiles = defaults.profiles.iter();
        let profiles = profiles.map(|(id, profile)| (id.clone(), permissions(*profile, places)));
        config.insert("permissions".to_owned(), toml::Table::from_iter(profiles).into());
    }
    config
}

/// Adds what gives the model the tools of these probes; `elicitation` is the program of an MCP
/// server.
pub(super) fn offer_tools(config: &mut toml::Table, probes: &BTreeSet<Probe>, elicitation: &Path) {
    if probes.contains(&Probe::RequestPermissions)
        && let Some(features) = config.get_mut("features").and_then(toml::Value::as_table_mut)
    {
        features.insert(PERMISSIONS_FEATURE.to_owned(), true.into());
    }
    if probes.contains(&Probe::Elicit) {
        let arguments: Vec<toml::Value> =
            vec!["-S".into(), elicitation.display().to_string().into()];
        let server = table([("command", "python3".into()), ("args", arguments.into())]);
        let servers = table([(MCP_SERVER, server.into())]);
        config.insert("mcp_servers".to_owned(), servers.into());
    }
}

/// The `.codex/config.toml` of the project in the workspace, where it states anything.
pub(super) fn project(defaults: &Defaults) -> Option<toml::Table> {
    Some(layer(&defaults.project)).filter(|table| !table.is_empty())
}

fn layer(layer: &Layer) -> toml::Table {
    let values = [
        ("approval_policy", layer.approval.as_ref().map(approval)),
        ("approvals_reviewer", layer.reviewer.as_ref().map(|it| it.to_string().into())),
        ("sandbox_mode", layer.sandbox.map(|it| it.to_string().into())),
    ];
    values.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

fn workspace_write(defaults: &Defaults, places: &Places) -> toml::Table {
    let mut workspace_write = table([("network_access", defaults.network.into())]);
    if !defaults.roots.is_empty() {
        let roots = defaults.roots.iter().map(|root| places.path(root).into());
        workspace_write.insert("writable_roots".to_owned(), toml::Value::Array(roots.collect()));
    }
    workspace_write
}

fn permissions(profile: Profile, places: &Places) -> toml::Value {
    let table = profile::table(profile, places);
    toml::Value::try_from(table).expect("the table has no null")
}

fn table<const N: usize>(entries: [(&str, toml::Value); N]) -> toml::Table {
    entries.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}

fn approval(approval: &Approval) -> toml::Value {
    let Approval::Granular(granular) = approval else {
        return approval.to_string().into();
    };
    let fields = table([
        ("sandbox_approval", granular.sandbox_approval.into()),
        ("rules", granular.rules.into()),
        ("skill_approval", granular.skill_approval.into()),
        ("request_permissions", granular.request_permissions.into()),
        ("mcp_elicitations", granular.mcp_elicitations.into()),
    ]);
    table([("granular", fields.into())]).into()
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::config;
    use crate::program::Program;
    use crate::protocol::policy::Places;

    fn places() -> Places {
        let folder = |name: &str| std::path::PathBuf::from(format!("/{name}"));
        Places { workspace: folder("ws"), home: folder("home"), outside: folder("out") }
    }

    /// The config of a case, without the provider and the features.
    fn check(line: &str, expected: Expect) {
        let case = format!("# heirloom case v1\nconfig {line}\naudit\n");
        let program: Program = case.parse().expect("the line is one");
        let mut table = config(&program.defaults, "http://mock/v1", &places());
        for key in ["features", "model_providers", "model_provider", "sandbox_workspace_write"] {
            table.remove(key);
        }
        expected.assert_eq(&table.to_string());
    }

    #[test]
    fn a_case_that_leaves_them_out_has_no_profile_no_effort_and_no_tier() {
        check(
            "approval=never",
            expect![[r#"
            approval_policy = "never"
            approvals_reviewer = "user"
            model = "mock-model"
            sandbox_mode = "read-only"
        "#]],
        );
    }

    #[test]
    fn a_named_profile_extends_its_base_and_full_access_is_written_out() {
        let profiles = "profiles=p-full:danger-full-access+p-ro:read-only+p-ww:workspace-write";
        check(
            &format!("{profiles} profile=p-ww model=m effort=low tier=flex"),
            expect![[r#"
            approval_policy = "on-request"
            approvals_reviewer = "user"
            default_permissions = "p-ww"
            model = "m"
            model_reasoning_effort = "low"
            sandbox_mode = "read-only"
            service_tier = "flex"

            [permissions.p-full.filesystem]
            ":root" = "write"

            [permissions.p-full.network]
            enabled = true

            [permissions.p-ro]
            extends = ":read-only"

            [permissions.p-ww]
            extends = ":workspace"
        "#]],
        );
    }

    #[test]
    fn a_lean_case_switches_off_what_a_full_one_leaves_on() {
        let switched_off = |line: &str| {
            let case = format!("# heirloom case v2\nconfig {line}\naudit\n");
            let program: Program = case.parse().expect("the line is one");
            config(&program.defaults, "http://mock/v1", &places())["features"].to_string()
        };
        expect!["{ apps = false, plugins = false }"].assert_eq(&switched_off("approval=never"));
        expect!["{ apps = false, browser_use = false, browser_use_external = false, computer_use = false, hooks = false, image_generation = false, in_app_browser = false, plugin_sharing = false, plugins = false, remote_plugin = false, shell_snapshot = false, skill_mcp_dependency_install = false, tool_suggest = false, workspace_dependencies = false }"].assert_eq(&switched_off("approval=never features=lean"));
    }

    #[test]
    fn a_default_profile_that_is_not_defined_is_not_written() {
        check(
            "profiles=p-ro:read-only profile=p-gone",
            expect![[r#"
            approval_policy = "on-request"
            approvals_reviewer = "user"
            model = "mock-model"
            sandbox_mode = "read-only"

            [permissions.p-ro]
            extends = ":read-only"
        "#]],
        );
    }

    #[test]
    fn a_built_in_profile_is_a_default_without_a_table() {
        check(
            "profile=:workspace",
            expect![[r#"
            approval_policy = "on-request"
            approvals_reviewer = "user"
            default_permissions = ":workspace"
            model = "mock-model"
            sandbox_mode = "read-only"
        "#]],
        );
    }
}
