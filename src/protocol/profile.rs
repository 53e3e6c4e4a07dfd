//! The table of a named permission profile, as config.toml and the `config` of a request have it.

use serde_json::{Map, Value, json};

use super::policy::Places;
use crate::policy::profile::{FURTHER_ROOT, SECRET};
use crate::policy::{Hosts, Profile, SandboxMode};

/// The feature without which no release restricts the hosts of a profile.
pub const HOSTS_FEATURE: &str = "network_proxy";

/// The host that probes connect to.
const LOOPBACK: &str = "127.0.0.1";

/// The table of a profile. No release lets a profile extend the built-in one of full access, so
/// that one is written out: it writes everywhere and has the network.
pub fn table(profile: Profile, places: &Places) -> Value {
    let full = profile.base == SandboxMode::FullAccess;
    let mut files = Map::new();
    if full {
        files.insert(":root".to_owned(), json!("write"));
    }
    if profile.denies_secret {
        files.insert(places.path(SECRET), json!("deny"));
    }
    let mut network = Map::new();
    if full || profile.network {
        network.insert("enabled".to_owned(), json!(true));
    }
    let loopback = match profile.hosts {
        Hosts::All => None,
        Hosts::Loopback => Some("allow"),
        Hosts::WithoutLoopback => Some("deny"),
    };
    if let Some(access) = loopback {
        network.insert("domains".to_owned(), json!({ LOOPBACK: access }));
    }
    let mut table = Map::new();
    let extends = match profile.base {
        SandboxMode::ReadOnly => Some(":read-only"),
        SandboxMode::WorkspaceWrite => Some(":workspace"),
        SandboxMode::FullAccess => None,
    };
    table.extend(extends.map(|base| ("extends".to_owned(), json!(base))));
    for (key, part) in [("filesystem", files), ("network", network)] {
        if !part.is_empty() {
            table.insert(key.to_owned(), Value::Object(part));
        }
    }
    if profile.has_root {
        let roots = json!({ places.path(FURTHER_ROOT): true });
        table.insert("workspace_roots".to_owned(), roots);
    }
    Value::Object(table)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use super::table;
    use crate::protocol::policy::Places;

    #[test]
    fn each_part_of_a_profile_has_its_table() {
        let places =
            Places { workspace: "/ws".into(), home: "/home".into(), outside: "/out".into() };
        let words = [
            "read-only",
            "workspace-write+network+deny-secret+root-out",
            "workspace-write+network+allow-loopback",
            "danger-full-access+deny-secret+network+deny-loopback",
        ];
        let tables = words.map(|word| {
            let profile = word.parse().expect("it is a profile");
            format!("{}\n", table(profile, &places))
        });
        expect![[r#"
            {"extends":":read-only"}
            {"extends":":workspace","filesystem":{"/ws/secret":"deny"},"network":{"enabled":true},"workspace_roots":{"/out":true}}
            {"extends":":workspace","network":{"enabled":true,"domains":{"127.0.0.1":"allow"}}}
            {"filesystem":{":root":"write","/ws/secret":"deny"},"network":{"enabled":true,"domains":{"127.0.0.1":"deny"}}}
        "#]].assert_eq(&tables.concat());
    }
}
